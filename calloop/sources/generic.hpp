// Any descriptor as a source.
//
//     loop.insert_source(Generic{std::move(socket), interest().read()},
//                        [](Readiness ready, Socket& socket, App& app) {
//                          if (!app.serve(socket)) return PostAction::Remove;
//                          return PostAction::Continue;
//                        });
//
// Owns what owns the descriptor: an OwnedFd, a class of yours with get() or fd(), or a plain int,
// which somebody else closes after the source is gone.
#pragma once

#include <type_traits>
#include <utility>

#include <calloop/fd.hpp>
#include <calloop/fwd.hpp>
#include <calloop/interest.hpp>
#include <calloop/poll.hpp>
#include <calloop/post_action.hpp>
#include <calloop/token.hpp>

namespace calloop {

/// Event: what the descriptor is ready for. Metadata: its owner. Level-triggered unless the
/// Interest says otherwise. Registering fails with EPERM for regular files and with EEXIST for a
/// descriptor that is in the loop already: epoll_ctl(2).
template <class Fd>
class Generic {
  static_assert(FdOwner<Fd>, "calloop: Generic needs an int, or a type with int get() or int fd()");

 public:
  using Event = Readiness;
  using Metadata = Fd;
  using Ret = PostAction;

  /// Takes over `fd`, and will wait for what `interest` says once it is in a loop.
  Generic(Fd fd, Interest interest) noexcept(std::is_nothrow_move_constructible_v<Fd>)
      : fd_{std::move(fd)}, interest_{interest} {}
  Generic(Generic&& other) noexcept(std::is_nothrow_move_constructible_v<Fd>)
      : fd_{std::move(other.fd_)},
        interest_{other.interest_},
        poll_{std::exchange(other.poll_, nullptr)},
        token_{std::exchange(other.token_, {})} {}
  Generic& operator=(Generic&& other) noexcept(std::is_nothrow_move_assignable_v<Fd>) {
    if (this != &other) {
      leave();
      fd_ = std::move(other.fd_);
      interest_ = other.interest_;
      poll_ = std::exchange(other.poll_, nullptr);
      token_ = std::exchange(other.token_, {});
    }
    return *this;
  }
  /// Ends the registration, before the owner closes the descriptor.
  ~Generic() { leave(); }

  /// What owns the descriptor. The descriptor must not be exchanged for another one while it is
  /// registered.
  [[nodiscard]] Fd& get() noexcept { return fd_; }
  [[nodiscard]] const Fd& get() const noexcept { return fd_; }
  /// Ends the registration and gives the owner away.
  [[nodiscard]] Fd into_inner() && {
    leave();
    return std::move(fd_);
  }

  /// What it waits for, or will when it is updated or registered.
  [[nodiscard]] Interest interest() const noexcept { return interest_; }
  /// Takes effect when the source is updated or registered.
  void set_interest(Interest interest) noexcept { interest_ = interest; }

  template <class Emit>
  PostAction process_events(Readiness readiness, Token token, Emit&& emit) {
    if (token != token_)
      return PostAction::Continue;
    return emit(readiness, fd_);
  }
  void register_with(Poll& poll, TokenFactory& tokens) {
    const Token token = tokens.token();
    poll.add(fd_of(fd_), interest_, token);
    poll_ = &poll;
    token_ = token;
  }
  void reregister_with(Poll& poll, TokenFactory& tokens) {
    if (poll_ == nullptr)  // a new child of a source that was registered before it came
      return register_with(poll, tokens);
    const Token token = tokens.token();
    poll.modify(fd_of(fd_), interest_, token);
    token_ = token;
  }
  void unregister_from(Poll& poll) {
    if (poll_ == nullptr)
      return;
    poll_ = nullptr;
    token_ = {};
    poll.remove(fd_of(fd_));
  }
  /// Ends the registration at once, for a source around this one that has ended: it need not wait
  /// until its parent unregisters it. No effect on one that is not registered.
  void leave() noexcept {
    if (poll_ == nullptr)
      return;
    try {
      unregister_from(*poll_);
    } catch (...) {  // the descriptor was closed by somebody else
    }
  }

 private:
  Fd fd_;
  Interest interest_;
  Poll* poll_ = nullptr;  // where it is registered
  Token token_;
};

}  // namespace calloop
