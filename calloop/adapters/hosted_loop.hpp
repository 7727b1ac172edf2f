// A calloop loop that is a guest in another library's loop, as that one sees it.
//
//     HostedLoop guest{{loop, app}, on_error, [&host] { host.forget_guest(); }};
//     host.before_it_sleeps([&guest] { return guest.prepare(); });
//     host.when_readable(guest.fd(), [&guest] { guest.dispatch(); });
//
// For who writes a host that is not among the adapters; glib.hpp and wayland_guest.hpp are written
// with it. `{loop, app}` is the loop and the data that its callbacks are given.
//
// Nobody of ours stands above a host: what leaves the guest's dispatch() is given to a handler.
//
// Everything belongs to the loop's thread.
#pragma once

#include <poll.h>

#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <utility>

#include <calloop/clock.hpp>
#include <calloop/event_loop.hpp>
#include <calloop/export.hpp>
#include <calloop/loop_handle.hpp>
#include <calloop/owner_thread.hpp>
#include <calloop/poll.hpp>
#include <calloop/post_action.hpp>
#include <calloop/source_options.hpp>
#include <calloop/token.hpp>

namespace calloop {

/// An EventLoop of any type, with its data. Refers to both.
class GuestLoop {
 public:
  /// Throws what EventLoop::fd() throws.
  template <class Data, class... D>
    requires detail::IsData<Data, D...>
  GuestLoop(EventLoop<Data>& loop, D&... data)
      : handle_{loop.handle()},
        fd_{loop.fd()},
        prepare_{[&loop, &data...] { return loop.prepare(data...); }},
        dispatch_{[&loop, &data...] { loop.dispatch(Duration::zero(), data...); }} {}

  [[nodiscard]] const LoopHandle<>& handle() const noexcept { return handle_; }
  [[nodiscard]] int fd() const noexcept { return fd_; }
  [[nodiscard]] Timeout prepare() { return prepare_(); }
  void dispatch() { dispatch_(); }

 private:
  LoopHandle<> handle_;
  int fd_;
  std::function<Timeout()> prepare_;
  std::function<void()> dispatch_;
};

/// What a host has to do for its guest, without exceptions. It must live until prepare() and
/// dispatch() have returned, also when it is one of the guest's callbacks that ends it.
class CALLOOP_API HostedLoop {
 public:
  /// `on_error` gets what the guest's callbacks, hooks and idles let out, inside of prepare() and
  /// dispatch(): with Keep the guest goes on, otherwise it leaves the host. What the handler throws
  /// itself is lost, and the guest leaves. `on_leave` is called once, when the guest leaves,
  /// whether for that, or because its loop is destroyed, or by leave(). Throws
  /// std::invalid_argument without a handler.
  HostedLoop(GuestLoop loop, ErrorHandler on_error, std::function<void()> on_leave)
      : loop_{std::move(loop)},
        on_error_{std::move(on_error)},
        on_leave_{std::move(on_leave)},
        link_{std::make_shared<HostedLoop*>(this)} {
    if (!on_error_)
      throw std::invalid_argument{"calloop: a guest needs a handler for its exceptions"};
    end_ = loop_.handle().insert_source(EndOfLoop{link_}, [] {},
                                        {.name = "the loop's end, for its host"});
  }
  HostedLoop(const HostedLoop&) = delete;
  HostedLoop& operator=(const HostedLoop&) = delete;
  ~HostedLoop() {
    on_leave_ = nullptr;
    leave();
  }

  /// The descriptor to poll for reading: EventLoop::fd().
  [[nodiscard]] int fd() const noexcept { return loop_.fd(); }
  /// Whether the guest is still there.
  [[nodiscard]] bool is_hosted() const noexcept { return !has_left_; }
  /// Whether code of the guest is on the stack: then a loop of the host runs inside of it, and both
  /// prepare() and dispatch() do nothing.
  [[nodiscard]] bool is_running() const noexcept { return running_; }
  /// Whether this is a child of the process that the guest is of, by fork(): the kernel's side of
  /// the host is the parent's then.
  [[nodiscard]] bool is_another_process() const noexcept { return owner_.is_another_process(); }

  /// To be called before the host sleeps. Runs the guest's hooks, for what the host's callbacks
  /// did, unless it has something to do anyway: true then, the host must not sleep and has to call
  /// dispatch(). Idles are left to that.
  [[nodiscard]] bool prepare() noexcept {
    if (has_left_ || running_)
      return false;
    if (has_work())
      return true;
    // One that throws keeps the hooks behind it from their turn, and what they write would wait
    // for the next event: once more, but not for ever, if there is one that always does.
    constexpr int most_attempts = 4;
    bool has_work_now = false;
    bool went_well = false;
    for (int attempt = 0; attempt != most_attempts && !went_well && !has_left_; ++attempt)
      went_well = run([&] {
        const Timeout sleep = loop_.prepare();
        has_work_now = sleep && *sleep <= Duration::zero();
      });
    return has_work_now && !has_left_;
  }
  /// To be called when fd() is readable or prepare() says so.
  void dispatch() noexcept {
    if (!has_left_ && !running_)
      run([this] { loop_.dispatch(); });
  }
  /// Nothing of the guest runs in the host any more; what is running goes on until it returns.
  void leave() noexcept {
    if (std::exchange(has_left_, true))
      return;
    *link_ = nullptr;
    try {
      loop_.handle().remove(end_);
    } catch (...) {  // on a foreign thread: it stays until the loop goes, and does nothing
    }
    if (const auto on_leave = std::exchange(on_leave_, nullptr))
      on_leave();
  }

 private:
  // Has no events: it is destroyed with the loop, and tells.
  class EndOfLoop {
   public:
    using Event = Token;
    using Metadata = void;
    using Ret = void;
    explicit EndOfLoop(std::shared_ptr<HostedLoop*> hosted) noexcept : hosted_{std::move(hosted)} {}
    EndOfLoop(EndOfLoop&&) noexcept = default;
    EndOfLoop& operator=(EndOfLoop&&) = delete;
    ~EndOfLoop() {
      if (hosted_ != nullptr && *hosted_ != nullptr)
        (*hosted_)->leave();
    }
    PostAction process_events(Readiness /*readiness*/, Token /*token*/, auto&& /*emit*/) noexcept {
      return PostAction::Continue;
    }
    void register_with(Poll& /*poll*/, TokenFactory& /*tokens*/) noexcept {}
    void reregister_with(Poll& /*poll*/, TokenFactory& /*tokens*/) noexcept {}
    void unregister_from(Poll& /*poll*/) noexcept {}

   private:
    std::shared_ptr<HostedLoop*> hosted_;
  };

  [[nodiscard]] bool has_work() const noexcept {
    pollfd one{loop_.fd(), POLLIN, 0};
    return ::poll(&one, 1, 0) == 1;
  }
  // Whether it has thrown nothing.
  template <class F>
  bool run(F f) noexcept {
    running_ = true;
    bool went_well = false;
    try {
      owner_.check("running a guest");
      f();
      went_well = true;
    } catch (...) {
      failed();
    }
    running_ = false;
    return went_well;
  }
  // In a catch block.
  void failed() noexcept {
    // In a wrong thread or process it would only fail again.
    ErrorAction action = ErrorAction::Remove;
    try {
      const ErrorHandler handler = on_error_;  // it may end the guest, and with it itself
      action = handler(std::current_exception());
    } catch (...) {
      action = ErrorAction::Remove;
    }
    if (action != ErrorAction::Keep || !owner_.is_this_thread())
      leave();
  }

  GuestLoop loop_;
  ErrorHandler on_error_;
  std::function<void()> on_leave_;
  std::shared_ptr<HostedLoop*> link_;  // null when it has left
  RegistrationToken end_;
  bool running_ = false;
  bool has_left_ = false;
  OwnerThread owner_;
};

}  // namespace calloop
