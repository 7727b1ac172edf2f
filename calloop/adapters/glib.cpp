#include <calloop/adapters/glib.hpp>

#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include <calloop/fd.hpp>

namespace calloop::glib {

namespace {

struct UnrefContext {
  void operator()(GMainContext* context) const noexcept { g_main_context_unref(context); }
};
using ContextRef = std::unique_ptr<GMainContext, UnrefContext>;

ContextRef reference_to(GMainContext* context) noexcept {
  return ContextRef{g_main_context_ref(context == nullptr ? g_main_context_default() : context)};
}

void require_ownership(GMainContext* context) {
  if (g_main_context_acquire(context) == FALSE)
    throw std::logic_error{"calloop: another thread owns the GMainContext"};
}

[[noreturn]] void fail(int error, const char* call) {
  throw std::system_error{error, std::generic_category(), call};
}

OwnedFd make_epoll() {
  OwnedFd fd{::epoll_create1(EPOLL_CLOEXEC)};
  if (!fd)
    fail(errno, "epoll_create1 for a GMainContext");
  return fd;
}

// The descriptors that a context polls, as one descriptor that is readable when one of them is
// ready. GLib only says what it polls, not what has changed: a descriptor may have been closed, and
// another one have its number, so the kernel is asked anew about each.
class PollSet {
 public:
  [[nodiscard]] int fd() const noexcept { return epoll_.get(); }

  /// Watches these and no others. False if one of them cannot be waited for: poll(2) says at once
  /// that it is ready, or not open.
  bool watch(const std::vector<GPollFD>& wanted) {
    wanted_.clear();
    for (const GPollFD& one : wanted)
      wanted_.push_back({one.fd, one.events});
    std::ranges::sort(wanted_, {}, &Entry::fd);
    merge();
    for (const Entry& old : watched_)
      if (find(wanted_, old.fd) == nullptr)
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, old.fd, nullptr);
    bool all = true;
    for (const Entry& one : wanted_)
      all = watch_one(one) && all;
    std::swap(watched_, wanted_);
    return all;
  }
  /// Forgets all, also what cannot be named any more. fd() is another one.
  void renew() {
    epoll_ = make_epoll();
    watched_.clear();
  }

 private:
  struct Entry {
    int fd;
    std::uint32_t events;
  };
  void merge() {
    std::size_t count = 0;
    for (const Entry& one : wanted_) {
      if (count != 0 && wanted_[count - 1].fd == one.fd)
        wanted_[count - 1].events |= one.events;
      else
        wanted_[count++] = one;
    }
    wanted_.resize(count);
  }
  [[nodiscard]] static const Entry* find(const std::vector<Entry>& entries, int fd) noexcept {
    const auto found = std::ranges::lower_bound(entries, fd, {}, &Entry::fd);
    return found != entries.end() && found->fd == fd ? &*found : nullptr;
  }
  bool watch_one(const Entry& one) {
    epoll_event event{};
    event.events = one.events;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, one.fd, &event) == 0)
      return true;
    if (errno == EEXIST) {
      const Entry* const old = find(watched_, one.fd);
      if ((old != nullptr && old->events == one.events) ||
          ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, one.fd, &event) == 0)
        return true;
    }
    if (errno == EPERM || errno == EBADF)
      return false;
    fail(errno, "epoll_ctl for a GMainContext");
  }

  OwnedFd epoll_ = make_epoll();
  std::vector<Entry> watched_;  // both by descriptor, each once
  std::vector<Entry> wanted_;
};

}  // namespace

// ------------------------------------------------------------------------------- ContextSource

struct ContextSource::State {
  explicit State(GMainContext* of) : context{reference_to(of)} {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (poll == nullptr)
      return;
    try {
      leave(*poll);
    } catch (...) {  // the loop is gone, or the descriptor
    }
  }

  void leave(Poll& registered) {
    poll = nullptr;
    registered.cancel_timer(std::exchange(timer, TimerId::None));
    if (std::exchange(is_prepared, false))
      check();
    ready = false;
    if (std::exchange(is_owner, false))
      g_main_context_release(context.get());
    if (std::exchange(is_polled, false))
      registered.remove(fds.fd());
  }
  // GLib's iteration: what it polls, and for how many milliseconds. -1: for ever.
  int prepare() {
    if (std::exchange(is_prepared, false))
      check();  // there was no wait: the last one ends here, as if nothing had been ready
    g_main_context_prepare(context.get(), &priority);
    is_prepared = true;
    int timeout = 0;
    for (;;) {
      const int count = g_main_context_query(context.get(), priority, &timeout, polled.data(),
                                             static_cast<int>(polled.size()));
      const bool fits = static_cast<std::size_t>(count) <= polled.size();
      polled.resize(static_cast<std::size_t>(count));
      if (fits)
        break;
    }
    for (GPollFD& one : polled)
      one.revents = 0;
    return timeout;
  }
  // Whether there is something to dispatch.
  bool check() {
    return g_main_context_check(context.get(), priority, polled.data(),
                                static_cast<int>(polled.size())) != FALSE;
  }
  // How many of the descriptors are ready.
  int look() {
    static_assert(sizeof(GPollFD) == sizeof(pollfd) && offsetof(GPollFD, fd) == 0 &&
                      offsetof(GPollFD, events) == offsetof(pollfd, events) &&
                      offsetof(GPollFD, revents) == offsetof(pollfd, revents),
                  "g_poll is poll");
    return g_poll(polled.data(), static_cast<guint>(polled.size()), 0);
  }
  void wake_after(int timeout, Token token) {
    if (timeout <= 0) {
      poll->cancel_timer(std::exchange(timer, TimerId::None));
      return;
    }
    const TimePoint deadline = poll->now() + std::chrono::milliseconds{timeout};
    if (timer == TimerId::None)
      timer = poll->add_timer(deadline, token);
    else
      poll->rearm_timer(timer, deadline, token);
  }

  ContextRef context;
  std::shared_ptr<FirstError> errors = std::make_shared<FirstError>();
  PollSet fds;
  Poll* poll = nullptr;  // where it is registered
  bool is_owner = false;
  bool is_polled = false;
  TimerId timer = TimerId::None;

  // Between before_sleep() and before_handle_events(), which is where GLib would sleep.
  bool is_prepared = false;
  bool is_awake = false;  // it would not
  int priority = 0;
  std::vector<GPollFD> polled;
  int false_alarms = 0;  // that came one after the other
  bool ready = false;    // there is something to dispatch
};

ContextSource::ContextSource(GMainContext* context) : state_{std::make_unique<State>(context)} {}

ContextSource::ContextSource(ContextSource&& other) noexcept = default;
ContextSource& ContextSource::operator=(ContextSource&& other) noexcept = default;
ContextSource::~ContextSource() = default;

const std::shared_ptr<FirstError>& ContextSource::errors() const noexcept {
  return state_->errors;
}

GMainContext* ContextSource::context() const noexcept {
  return state_->context.get();
}

std::optional<SyntheticEvent> ContextSource::before_sleep() {
  State& state = *state_;
  if (state.poll == nullptr)
    return {};
  const int timeout = state.prepare();
  // What is ready already is not waited for, and GLib polls only what could go first.
  state.is_awake = timeout == 0 || !state.fds.watch(state.polled);
  state.wake_after(state.is_awake ? 0 : timeout, token_);
  // Exceptions are thrown when the loop is awake: who has them handled would sleep, whatever GLib
  // is ready for.
  if (state.is_awake || *state.errors)
    return SyntheticEvent{Readiness{EPOLLIN}, token_};
  return {};
}

void ContextSource::before_handle_events(Events events) {
  State& state = *state_;
  if (!state.is_prepared)
    return;
  const bool alarm = std::any_of(events.begin(), events.end(),
                                 [this](Events::Event event) { return event.token == token_; });
  const int found = alarm || state.is_awake ? state.look() : 0;
  state.is_prepared = false;
  state.ready = state.check();
  // A descriptor that was closed while a duplicate of it lives is reported for ever.
  state.false_alarms = alarm && !state.is_awake && found == 0 ? state.false_alarms + 1 : 0;
  if (state.false_alarms == 2) {
    state.false_alarms = 0;
    state.poll->remove(state.fds.fd());
    state.is_polled = false;
    state.fds.renew();
    state.poll->add(state.fds.fd(), interest().read(), token_);
    state.is_polled = true;
  }
  state.errors->rethrow();
}

bool ContextSource::dispatch() {
  State& state = *state_;
  if (!std::exchange(state.ready, false))
    return false;
  g_main_context_dispatch(state.context.get());
  state.errors->rethrow();
  return state.poll != nullptr && !state.poll->should_yield();
}

void ContextSource::register_with(Poll& poll, TokenFactory& tokens) {
  State& state = *state_;
  token_ = tokens.token();
  require_ownership(state.context.get());
  state.is_owner = true;
  state.poll = &poll;
  poll.add(state.fds.fd(), interest().read(), token_);
  state.is_polled = true;
}

void ContextSource::reregister_with(Poll& poll, TokenFactory& tokens) {
  State& state = *state_;
  if (state.poll == nullptr)  // new in a source that was registered before it came
    return register_with(poll, tokens);
  token_ = tokens.token();
  if (state.timer != TimerId::None)
    poll.rearm_timer(state.timer, poll.timer_deadline(state.timer), token_);
  poll.modify(state.fds.fd(), interest().read(), token_);
}

void ContextSource::unregister_from(Poll& poll) {
  token_ = {};
  if (state_->poll != nullptr)
    state_->leave(poll);
}

// -------------------------------------------------------------------------------- set_callback

void set_callback(GSource* source, std::shared_ptr<FirstError> errors,
                  std::function<bool()> closure) {
  struct Callback {
    std::shared_ptr<FirstError> errors;
    std::function<bool()> closure;
    static gboolean call(gpointer data) noexcept {
      auto& self = *static_cast<Callback*>(data);
      try {
        return self.closure() ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
      } catch (...) {
        self.errors->keep_current();
        return G_SOURCE_REMOVE;
      }
    }
    static void destroy(gpointer data) noexcept { delete static_cast<Callback*>(data); }
  };
  auto callback = std::make_unique<Callback>(std::move(errors), std::move(closure));
  g_source_set_callback(source, &Callback::call, callback.release(), &Callback::destroy);
}

// --------------------------------------------------------------------------------------- Guest

struct Guest::State {
  // As GLib allocates it: a GSource, and what is ours behind it.
  struct Source {
    GSource base;
    std::shared_ptr<State>* state;
  };

  State(GuestLoop loop, ErrorHandler on_error)
      : hosted{std::move(loop), std::move(on_error), [this] { detach(); }} {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { detach(); }

  void detach() noexcept {
    GSource* const attached = std::exchange(source, nullptr);
    if (attached == nullptr)
      return;
    g_source_destroy(attached);
    g_source_unref(attached);
  }

  // The callbacks may end the Guest: each holds on to the state.
  static std::shared_ptr<State> of(GSource* source) noexcept {
    return *reinterpret_cast<Source*>(source)->state;
  }
  static gboolean prepare(GSource* source, gint* timeout) noexcept {
    *timeout = -1;
    return of(source)->hosted.prepare() ? TRUE : FALSE;
  }
  static gboolean dispatch(GSource* source, GSourceFunc /*callback*/, gpointer /*data*/) noexcept {
    of(source)->hosted.dispatch();
    return G_SOURCE_CONTINUE;
  }
  static void finalize(GSource* source) noexcept {
    delete reinterpret_cast<Source*>(source)->state;
  }
  static GSourceFuncs functions;

  GSource* source = nullptr;
  HostedLoop hosted;
};

// No check(): a source with a descriptor that is ready is ready.
GSourceFuncs Guest::State::functions{&State::prepare,  nullptr, &State::dispatch,
                                     &State::finalize, nullptr, nullptr};

Guest::Guest(GuestLoop loop, ErrorHandler on_error, GMainContext* context, int priority)
    : state_{std::make_shared<State>(std::move(loop), std::move(on_error))} {
  auto held = std::make_unique<std::shared_ptr<State>>(state_);
  require_ownership(context);
  GSource* const source = g_source_new(&State::functions, sizeof(State::Source));
  reinterpret_cast<State::Source*>(source)->state = held.release();
  state_->source = source;
  g_source_set_name(source, "calloop");
  g_source_set_priority(source, priority);
  g_source_add_unix_fd(source, state_->hosted.fd(), G_IO_IN);
  g_source_attach(source, context);
  g_main_context_release(context);
}

Guest::~Guest() {
  state_->hosted.leave();
}

bool Guest::is_attached() const noexcept {
  return state_->source != nullptr && g_source_is_destroyed(state_->source) == FALSE;
}

}  // namespace calloop::glib
