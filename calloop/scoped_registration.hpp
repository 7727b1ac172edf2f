// A source that lives as long as an object.
//
//     class Output {
//      public:
//       explicit Output(calloop::LoopHandle<> loop)
//           : frames_{loop, loop.insert_source(Timer::immediate(), [this] { draw(); })} {}
//       Output(const Output&) = delete;
//       Output& operator=(const Output&) = delete;
//
//      private:
//       void draw();
//       calloop::ScopedRegistration frames_;
//     };
//
// For what comes and goes: the callback may capture `this`, because it ends with the object.
#pragma once

#include <utility>

#include <calloop/fwd.hpp>
#include <calloop/loop_handle.hpp>
#include <calloop/token.hpp>

namespace calloop {

/// Removes a source when it is destroyed. Move-only; does nothing once the source or the loop is
/// gone.
class [[nodiscard("the source is removed as soon as this is destroyed")]] ScopedRegistration {
 public:
  /// Holds nothing.
  ScopedRegistration() noexcept = default;
  /// Takes over the source that `token` names in the loop of `handle`.
  template <class Data>
  ScopedRegistration(const LoopHandle<Data>& handle, RegistrationToken token)
      : core_{&core_of(handle)}, token_{token} {}
  ScopedRegistration(ScopedRegistration&& other) noexcept
      : core_{std::move(other.core_)}, token_{std::exchange(other.token_, {})} {}
  ScopedRegistration& operator=(ScopedRegistration&& other) noexcept {
    if (this != &other) {
      reset();
      core_ = std::move(other.core_);
      token_ = std::exchange(other.token_, {});
    }
    return *this;
  }
  ~ScopedRegistration() { reset(); }

  /// The source that is held, for update() and its like; names nothing when there is none.
  [[nodiscard]] RegistrationToken token() const noexcept { return token_; }
  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(token_); }

  /// Removes the source now.
  void reset() noexcept {
    const CoreRef core = std::exchange(core_, CoreRef{});
    const RegistrationToken token = std::exchange(token_, {});
    if (core.get() == nullptr)
      return;
    try {
      core->remove(token);
    } catch (...) {  // on a foreign thread: the source stays until the loop goes
    }
  }
  /// Lets the source go on without an owner.
  RegistrationToken release() noexcept {
    core_ = CoreRef{};
    return std::exchange(token_, {});
  }

 private:
  template <class Data>
  [[nodiscard]] static LoopCore& core_of(const LoopHandle<Data>& handle) noexcept {
    return handle.core();
  }
  CoreRef core_;
  RegistrationToken token_;
};

}  // namespace calloop
