// How much one client can make us hold. The numbers are far beyond what honest clients use and far
// below what hurts the others; whoever goes over one is disconnected, with a log line. A process
// that connects many times may hold as much as four clients, all its connections together: the one
// that asks for more goes.
//
// Descriptors are not among them, because we keep none of a client's: a pool's is closed when it is
// mapped, one that a clipboard is read through when it is passed on. What is left is those of the
// connections, which Display counts, and those that a client sends for no request: libwayland keeps
// these where nobody can see whose they are. See Display for what becomes of them.
//
// What counts holds a Charge for as long as it exists:
//
//   class RegionObject { Charge charge_; };
//   RegionObject::RegionObject(wl_client* client) : charge_{client, Limit::Regions} {}
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <wayland-server-core.h>

namespace demo {

enum class Limit : std::size_t {
  Surfaces,
  Regions,
  Rectangles,  // of the regions
  Pools,
  Buffers,
  MappedBytes,     // of all pools that are still in use
  FrameCallbacks,  // asked for and not answered yet
  Bindings,        // wl_registry objects and what was bound with them
  FormatBytes,     // names of the formats that data is offered in
  Objects,         // everything else that a client creates: roles, positioners, offers, devices
};
inline constexpr std::size_t limit_count = 10;

// Thrown when a client asks for more than it may have; it is then disconnected with this text.
class LimitExceeded : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

using Holdings = std::array<std::size_t, limit_count>;

// What one client holds at present. Outlives the client for as long as something is charged to it.
class ClientLimits {
 public:
  // So many times its own maximum a process may hold with several connections.
  static constexpr std::size_t clients_per_process = 4;

  // `of_process` is what its process holds, with all its connections.
  ClientLimits(pid_t pid, std::shared_ptr<Holdings> of_process) noexcept
      : of_process_{std::move(of_process)}, pid_{pid} {}

  // Throws LimitExceeded and writes a log line, the first time for each limit.
  void add(Limit limit, std::size_t amount);
  void subtract(Limit limit, std::size_t amount) noexcept;
  std::size_t held(Limit limit) const noexcept { return held_[static_cast<std::size_t>(limit)]; }
  pid_t pid() const noexcept { return pid_; }

  static std::size_t maximum(Limit limit) noexcept;
  static const char* name(Limit limit) noexcept;

  // Those of a client; made at its first use. Throws std::bad_alloc.
  static std::shared_ptr<ClientLimits> of(wl_client* client);

 private:
  Holdings held_{};
  std::shared_ptr<Holdings> of_process_;
  std::array<bool, limit_count> logged_{};
  pid_t pid_;
};

// A share of a client's limits, given back by the destructor. An empty one holds nothing.
class [[nodiscard("the share is given back at once")]] Charge {
 public:
  Charge() noexcept = default;
  // Throws LimitExceeded.
  Charge(wl_client* client, Limit limit, std::size_t amount = 1)
      : Charge{ClientLimits::of(client), limit, amount} {}
  Charge(std::shared_ptr<ClientLimits> limits, Limit limit, std::size_t amount = 1)
      : limits_{std::move(limits)}, limit_{limit}, amount_{amount} {
    limits_->add(limit_, amount_);  // throws: nothing was taken, and there is no destructor to run
  }
  Charge(Charge&& other) noexcept { swap(other); }
  Charge& operator=(Charge&& other) noexcept {
    Charge taken{std::move(other)};
    swap(taken);
    return *this;
  }
  ~Charge() {
    if (limits_)
      limits_->subtract(limit_, amount_);
  }

  std::size_t amount() const noexcept { return amount_; }
  // Takes more (or gives back) until it holds `amount`. Throws LimitExceeded and is then unchanged.
  void resize(std::size_t amount) {
    if (!limits_)
      return;
    if (amount > amount_) {
      limits_->add(limit_, amount - amount_);
    } else {
      limits_->subtract(limit_, amount_ - amount);
    }
    amount_ = amount;
  }
  const std::shared_ptr<ClientLimits>& limits() const noexcept { return limits_; }

 private:
  void swap(Charge& other) noexcept {
    std::swap(limits_, other.limits_);
    std::swap(limit_, other.limit_);
    std::swap(amount_, other.amount_);
  }

  std::shared_ptr<ClientLimits> limits_;
  Limit limit_ = Limit::Objects;
  std::size_t amount_ = 0;
};

}  // namespace demo
