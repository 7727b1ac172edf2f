// The loop itself, without any notion of what the application's data is.
//
// LoopCore owns the sources and runs them: slots, dispatch, re-entrancy. It is compiled once, in
// libcalloop; EventLoop and LoopHandle put types on it. Internal to the loop; installed because
// the templates need it.
//
// While a source's code runs, what is asked for that source is recorded and done when its code has
// returned; everything else is done at once. Nothing of the core is borrowed while foreign code
// runs, so callbacks, hooks, idles and destructors may call whatever they like.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <calloop/backend.hpp>
#include <calloop/clock.hpp>
#include <calloop/data_path.hpp>
#include <calloop/dispatcher_base.hpp>
#include <calloop/export.hpp>
#include <calloop/host_fd.hpp>
#include <calloop/idle_queue.hpp>
#include <calloop/observer.hpp>
#include <calloop/owner_thread.hpp>
#include <calloop/poll.hpp>
#include <calloop/slot_table.hpp>
#include <calloop/source_options.hpp>
#include <calloop/token.hpp>

namespace calloop {

class CALLOOP_API LoopCore {
 public:
  /// References are counted without atomics: handles belong to the loop's thread.
  void add_reference() noexcept { ++references_; }
  void drop_reference() noexcept {
    if (--references_ == 0)
      destroy();
  }
  [[nodiscard]] static LoopCore* make(std::shared_ptr<Backend> backend) {
    return new LoopCore{std::move(backend)};
  }
  LoopCore(const LoopCore&) = delete;
  LoopCore& operator=(const LoopCore&) = delete;

  // What a LoopHandle offers; see there.
  RegistrationToken insert(DispatcherRef dispatcher, SourceOptions* options);
  bool remove(RegistrationToken token);
  bool disable(RegistrationToken token);
  bool enable(RegistrationToken token);
  bool update(RegistrationToken token);
  std::uint64_t insert_idle(std::unique_ptr<IdleBase> idle);
  bool cancel_idle(std::uint64_t id) noexcept;
  [[nodiscard]] const DataPath* path(const DataPath* parent, void* (*step)(void*) noexcept);
  [[nodiscard]] const DataPath* root_path() const noexcept { return &root_; }
  [[nodiscard]] TimePoint now() const noexcept { return poll_.now(); }
  [[nodiscard]] std::size_t source_count() const noexcept { return slots_.used() - 1; }

  // What an EventLoop offers; see there.
  /// `at_most` is how long it may wait: not negative, or `for_ever`.
  static constexpr Duration for_ever{-1};
  void dispatch(Duration at_most, void* data);
  [[nodiscard]] Timeout prepare(void* data);
  [[nodiscard]] int fd();
  void set_timer_slack(Duration slack);
  void set_observer(Observer* observer);
  void set_on_error(ErrorHandler handler);
  /// Drops every source and idle. Afterwards the loop is dead and only waits for its handles.
  void shut_down() noexcept;

  /// Takes the exception that a callback of the running source has just thrown; to be called
  /// inside the catch block. The callback counts as having returned its default.
  void callback_threw() noexcept;

 private:
  enum class State : std::uint8_t { Alive, Dispatching, ShuttingDown, Dead };
  // What was asked for the running source, by its own code, in the order of PostAction. Reregister
  // stands for enable and update; of it and Disable the last one counts.
  enum class Wish : std::uint8_t { None, Reregister, Disable, Remove };
  struct Hooked {
    std::uint32_t slot;
    std::uint32_t generation;
  };
  using OptionsTable = std::unordered_map<std::uint32_t, SourceOptions>;
  // A source that is in no slot any more, and what was said about it: both have destructors that
  // may use the loop.
  struct Removed {
    OptionsTable::node_type options;
    DispatcherRef source;
  };
  struct Sighting {
    std::uint64_t token;
    std::uint64_t wait;
  };

  explicit LoopCore(std::shared_ptr<Backend> backend);
  ~LoopCore();
  void destroy() noexcept;  // not inline: compilers would warn of what cannot happen

  // core.cpp: one dispatch, in its order
  void check_dispatch(const char* what) const;
  void resolve_paths(void* data) noexcept;
  void wait(Duration at_most);
  [[nodiscard]] std::span<const epoll_event> wait_for_timers(Duration at_most);
  [[nodiscard]] bool is_dispatching() const noexcept { return state_ == State::Dispatching; }
  void run_synthetic_events();
  template <bool Observed>
  void run_fd_events();
  void run_timers();
  void run_idles();
  template <bool Observed>
  bool deliver(Readiness readiness, Token token, const Slot& slot);
  template <class Events>
  void deliver_all(Events events);
  template <class Hook>
  void run_hooks(Hook hook);
  void run_before_sleep();
  void run_before_handle_events();
  void iterate_with_extras(Duration at_most);
  void finish_iteration();
  void see_to_extras();
  [[nodiscard]] PostAction observed(DispatcherBase& source, Readiness readiness, Token token);
  void saw_stale(Token token) noexcept;
  void rebuild_registrations();
  [[nodiscard]] bool has_leftovers() const noexcept;
  void update_host();

  // registrations.cpp: sources come, change and go
  void register_source(DispatcherBase& source);
  void reregister_source(DispatcherBase& source);
  void unregister_source(DispatcherBase& source);
  void unregister_quietly(DispatcherBase& source,
                          Poll::Removal removal = Poll::Removal::AllButRefused) noexcept;
  template <class Call>
  void in_registration(DispatcherBase& source, Poll::Removal on_failure, Call call);
  [[noreturn]] void throw_with_source(const DispatcherBase& source);
  [[nodiscard]] Removed free_slot(std::uint32_t index) noexcept;
  [[nodiscard]] const SourceOptions* options_of(const DispatcherBase& source) const noexcept;
  void settle(PostAction action) noexcept;
  void apply(DispatcherBase& source, PostAction action);
  [[nodiscard]] bool wish_for_running(const DispatcherBase& source, Wish wish) noexcept;
  void check_usable(const char* what) const;
  [[nodiscard]] std::string_view name_of(const DispatcherBase& source) const noexcept;
  [[nodiscard]] const ErrorHandler* handler_of(const DispatcherBase& source) const noexcept;
  void report(DispatcherBase& source, std::exception_ptr error) noexcept;
  void bury_refused() noexcept;

  std::uint32_t references_ = 0;
  State state_ = State::Alive;
  // Whether an iteration has more to see to than descriptors and timers: hooks, idles, leftovers,
  // an observer, a host, stale events. Set by whatever brings such work, cleared when an iteration
  // finds none.
  bool has_extras_ = false;
  bool rebuild_ = false;
  Wish wish_ = Wish::None;
  // Not 0: something is to be settled when the running source's code returns.
  std::uint8_t attention_ = 0;
  DispatcherBase* running_ = nullptr;  // whose code is on the stack
  // The rest of the batch. Its two ends are not neighbours: g++ 12 would store them as one vector,
  // which is more instructions.
  const epoll_event* event_ = nullptr;
  Observer* observer_ = nullptr;
  const epoll_event* events_end_ = nullptr;
  SlotTable slots_;
  std::shared_ptr<Backend> backend_;
  Poll poll_;
  Removed doomed_;             // keeps the running source if it was removed
  std::exception_ptr caught_;  // leaves dispatch()
  std::vector<Hooked> hooked_;
  std::vector<SyntheticEvent> synthetic_;
  std::size_t synthetic_done_ = 0;
  IdleQueue idles_;
  std::vector<std::unique_ptr<DataPath>> paths_;
  DataPath root_;
  Duration slack_;
  std::uint64_t waits_ = 0;
  std::vector<Sighting> stale_;  // events that nobody owns, and in which wait
  OptionsTable options_;         // by slot; only if there are any
  ErrorHandler on_error_;
  std::unique_ptr<HostFd> host_;
  std::vector<DispatcherRef> graveyard_;  // inserted while shutting down
  std::unique_ptr<DispatcherBase> loop_slot_;
  OwnerThread owner_;
};

/// Keeps a LoopCore alive.
class CoreRef {
 public:
  CoreRef() noexcept = default;
  explicit CoreRef(LoopCore* core) noexcept : core_{core} {
    if (core_ != nullptr)
      core_->add_reference();
  }
  CoreRef(const CoreRef& other) noexcept : CoreRef{other.core_} {}
  CoreRef(CoreRef&& other) noexcept : core_{std::exchange(other.core_, nullptr)} {}
  CoreRef& operator=(CoreRef other) noexcept {
    std::swap(core_, other.core_);
    return *this;
  }
  ~CoreRef() {
    if (core_ != nullptr)
      core_->drop_reference();
  }
  [[nodiscard]] LoopCore* get() const noexcept { return core_; }
  LoopCore* operator->() const noexcept { return core_; }

 private:
  LoopCore* core_ = nullptr;
};

}  // namespace calloop
