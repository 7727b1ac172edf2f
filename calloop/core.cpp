#include <calloop/core.hpp>

#include <algorithm>
#include <bit>
#include <new>
#include <string>

#include <calloop/errors.hpp>
#include <calloop/loop_descriptors.hpp>

namespace calloop {

Observer::~Observer() = default;
void Observer::callback_begins(std::string_view) noexcept {}
void Observer::callback_ended(std::string_view) noexcept {}
void Observer::registrations_rebuilt() noexcept {}

namespace {

constexpr Duration default_slack = std::chrono::microseconds{50};

// No two loops that are there at the same time have the same one, but by a chance in 2^32.
std::uint32_t identity_of(const LoopCore* core) noexcept {
  const std::uint64_t mixed =
      (reinterpret_cast<std::uintptr_t>(core) ^
       static_cast<std::uint64_t>(Clock::now().time_since_epoch().count())) *
      0x9e3779b97f4a7c15;
  return static_cast<std::uint32_t>(mixed >> 32);
}

}  // namespace

LoopCore::LoopCore(std::shared_ptr<Backend> backend)
    : backend_{std::move(backend)},
      poll_{backend_, slots_},
      root_{this, nullptr, nullptr, nullptr},
      slack_{default_slack},
      loop_slot_{make_loop_descriptors(blocks_, *backend_)},
      identity_{identity_of(this)} {
  Slot& slot = slots_[slots_.allocate()];
  static_cast<void>(slot.begin_registration(Token::loop_slot));
  slot.dispatcher = loop_slot_.get();
}

LoopCore::~LoopCore() {
  shut_down();
}

LoopCore* LoopCore::make(std::shared_ptr<Backend> backend) {
  return new LoopCore{std::move(backend)};
}

void LoopCore::destroy() noexcept {
  delete this;
}

void LoopCore::check_dispatch(const char* what) const {
  owner_.check(what);
  if (mode_.state == State::Dispatching || mode_.state == State::Dead)
    throw_logic_error(what, is_dispatching() ? " inside dispatch" : " on a loop that is gone");
}

Timeout LoopCore::prepare(void* data) {
  check_dispatch("prepare");
  if (mode_.state == State::ShuttingDown)
    return std::nullopt;
  mode_.state = State::Dispatching;
  try {
    if (data != root_.resolved)
      resolve_paths(data);
    // As around a wait of our own: idles are the end of an iteration, and hooks the beginning of
    // the next, which sees what the idles have done.
    run_idles();
    if (caught_ == nullptr)
      run_before_sleep();
    see_to_extras();
  } catch (...) {
    mode_.state = State::Alive;
    throw;
  }
  mode_.state = State::Alive;
  if (has_leftovers())
    return Duration::zero();
  if (poll_.timers_.next_expiry() == TimePoint::max())
    return std::nullopt;
  const TimePoint now = backend_->now();
  poll_.timers_.expire(now);
  if (poll_.timers_.has_due())
    return Duration::zero();
  return saturating_add(poll_.timers_.next_expiry(), slack_) - now;
}

int LoopCore::fd() {
  owner_.check("fd");
  if (host_ == nullptr) {
    host_ = std::make_unique<HostFd>(backend_->fd());
    owner_.stop_admitting();
    mode_.has_extras = true;
    update_host();
  }
  return host_->fd();
}

[[gnu::cold]] void LoopCore::set_observer(Observer* observer) {
  owner_.check("set_observer");
  observer_ = observer;
  mode_.has_extras = true;
}

[[gnu::cold]] void LoopCore::set_on_error(ErrorHandler handler) {
  owner_.check("set_on_error");
  std::swap(on_error_, handler);  // the old one is destroyed when the new one is in place
}

[[gnu::cold]] void LoopCore::set_timer_slack(Duration slack) {
  owner_.check("set_timer_slack");
  if (slack < Duration::zero())
    throw_invalid_argument("negative timer slack");
  slack_ = slack;
}

bool LoopCore::has_leftovers() const noexcept {
  return !leftover_.empty() || !synthetic_.empty() || !idles_.empty() || poll_.timers_.has_due();
}

// After dispatch() it is told anyway.
void LoopCore::tell_host() {
  if (host_ != nullptr && mode_.state == State::Alive)
    update_host();
}

void LoopCore::update_host() {
  TimePoint wake_up = poll_.timers_.next_expiry();
  bool work_waits = has_leftovers();
  if (!backend_->has_real_clock()) {
    work_waits = work_waits || wake_up <= backend_->now();
    wake_up = TimePoint::max();
  } else if (wake_up != TimePoint::max()) {
    wake_up = saturating_add(wake_up, slack_);
  }
  host_->update(wake_up, work_waits);
}

// ---------------------------------------------------------------------------------- data parts

[[gnu::noinline]] void LoopCore::resolve_paths(void* data) noexcept {
  root_.resolved = data;
  for (const auto& path : paths_)
    path->resolve();  // parents come before their children
}

[[gnu::cold]] const DataPath* LoopCore::path(const DataPath* parent,
                                             void* (*step)(void*) noexcept) {
  const auto known = std::find_if(paths_.begin(), paths_.end(), [&](const auto& path) {
    return path->parent == parent && path->step == step;
  });
  if (known != paths_.end())
    return known->get();
  paths_.push_back(std::make_unique<DataPath>(DataPath{this, parent, step, nullptr}));
  if (is_dispatching()) {
    paths_.back()->resolve();
  } else {
    root_.resolved = nullptr;  // what the last dispatch was given may be gone: resolve anew
  }
  return paths_.back().get();
}

// ----------------------------------------------------------------------------------- waiting

[[gnu::always_inline]] inline std::span<const epoll_event> LoopCore::wait(Duration at_most) {
  if (at_most == for_ever && poll_.timers_.is_idle()) [[likely]]
    return backend_->wait();
  if (at_most == Duration::zero() || poll_.timers_.has_due())
    return backend_->poll();
  return wait_for_timers(at_most);
}

// Until `at_most` is over, or until the earliest timer is due.
[[gnu::noinline]] std::span<const epoll_event> LoopCore::wait_for_timers(Duration at_most) {
  TimerQueue& timers = poll_.timers_;
  TimePoint now = backend_->now();
  const TimePoint end = at_most == for_ever ? TimePoint::max() : saturating_add(now, at_most);
  timers.expire(now);
  while (!timers.has_due()) {
    const TimePoint expiry = timers.next_expiry();
    std::span<const epoll_event> batch;
    if (expiry <= end && expiry != TimePoint::max()) {
      batch = backend_->wait_until(expiry, now, std::min(slack_, end - expiry));
    } else if (end == TimePoint::max()) {
      return backend_->wait();
    } else {
      // Not as exact as can be, which would cost one more system call.
      return backend_->wait_until(end, now, std::nullopt);
    }
    if (!batch.empty())
      return batch;
    now = backend_->now();
    timers.expire(now);
    // Else it was the moment to spread timers that are due later.
    if (timers.has_due() || now >= end)
      return batch;
  }
  return backend_->poll();
}

// ---------------------------------------------------------------------------------- delivering

template <class Hook>
void LoopCore::run_hooks(Hook hook) {
  std::erase_if(hooked_, [this](const Hooked& hooked) {
    return slots_[hooked.slot].generation != hooked.generation;
  });
  // By index: hooks insert and remove sources, also with hooks.
  for (std::size_t i = 0; i < hooked_.size(); ++i) {
    const Slot& slot = slots_[hooked_[i].slot];
    if (slot.generation != hooked_[i].generation || slot.dispatcher->registered_ == 0)
      continue;
    running_ = slot.dispatcher;
    try {
      hook(*running_);
    } catch (...) {
      callback_threw();
    }
    settle(PostAction::Continue);
    if (caught_ != nullptr)
      return;
  }
}

void LoopCore::run_before_handle_events() {
  run_hooks([this](DispatcherBase& source) {
    const Slot& slot = slots_[source.slot_];
    source.before_handle_events(Events{leftover_, Token{source.slot_, slot.epoch(), 0}});
  });
}

void LoopCore::run_before_sleep() {
  run_hooks([this](DispatcherBase& source) {
    const std::optional<SyntheticEvent> event = source.before_sleep();
    if (!event || !source.is_inserted())  // it may just have removed itself
      return;
    if (event->token.slot() != source.slot_ || !slots_.is_live(event->token))
      throw_logic_error("before_sleep returned a token that is not the source's");
    synthetic_.push_back(*event);
  });
}

// False when an exception has to leave dispatch().
template <bool Observed>
[[gnu::always_inline]] inline bool LoopCore::deliver(Readiness readiness, Token token,
                                                     const Slot& slot) {
  DispatcherBase* const source = slot.dispatcher;
  running_ = source;
  PostAction action = PostAction::Continue;
  if constexpr (!Observed)
    action = source->process_events(readiness, token);
  else
    action = observed(*source, readiness, token);
  const auto outcome = static_cast<std::uint8_t>(static_cast<std::uint8_t>(action) | attention_);
  if (outcome == 0) [[likely]]
    return true;
  settle(static_cast<PostAction>(outcome & ~needs_attention));
  return caught_ == nullptr;
}

// Has `events` deliver what there is, until there is no more or an exception has to leave.
template <class Events>
[[gnu::always_inline]] inline void LoopCore::deliver_all(Events events) {
  do {
    try {
      events();
      break;
    } catch (...) {  // from the source's own code
      callback_threw();
      settle(PostAction::Continue);
    }
  } while (caught_ == nullptr);
  running_ = nullptr;
}

void LoopCore::run_synthetic_events() {
  deliver_all([this] {
    while (synthetic_done_ < synthetic_.size()) {
      const SyntheticEvent event = synthetic_[synthetic_done_++];
      const Slot& slot = slots_[event.token.slot()];
      if (slot.matches(event.token) && !deliver<true>(event.readiness, event.token, slot))
        return;
    }
  });
  if (synthetic_done_ == synthetic_.size()) {
    synthetic_.clear();
    synthetic_done_ = 0;
  }
}

template <bool Observed>
[[gnu::always_inline]] inline void LoopCore::run_fd_events(std::span<const epoll_event> batch) {
  const epoll_event* event = batch.data();
  const epoll_event* const end = event + batch.size();
  deliver_all([this, &event, end] {
    while (event != end) {
      const Readiness readiness{event->events};
      const Token token = Token::from_raw(event->data.u64);
      ++event;
      const Slot& slot = slots_[token.slot()];
      if (slot.matches(token)) [[likely]] {
        if (!deliver<Observed>(readiness, token, slot))
          return;
      } else {
        saw_stale(readiness, token);
      }
    }
  });
  if (event != end) [[unlikely]]  // an exception has to leave first
    leftover_ = {event, end};
}

void LoopCore::run_timers() {
  TimerQueue& timers = poll_.timers_;
  if (const TimePoint expiry = timers.next_expiry(); expiry != TimePoint::max()) {
    const TimePoint now = backend_->now();
    if (expiry <= now)
      timers.expire(now);
  }
  if (!timers.has_due())
    return;
  deliver_all([this, &timers] {
    while (const auto token = timers.next_due()) {
      // What is delivered next lies anywhere in memory: it is fetched while this one is.
      if (const auto next = timers.due_after(0))
        __builtin_prefetch(slots_[next->slot()].dispatcher);
      if (const auto after = timers.due_after(1))
        __builtin_prefetch(&slots_[after->slot()]);
      const Slot& slot = slots_[token->slot()];
      if (slot.matches(*token) && !deliver<true>(Readiness{EPOLLIN}, *token, slot))
        return;
    }
  });
}

void LoopCore::run_idles() {
  IdleQueue::Walk walk{idles_};
  for (bool more = true; more;) {
    try {
      while (walk.run_next()) {
      }
      more = false;
    } catch (...) {
      more = idle_threw();
    }
  }
}

// In a catch block; false when an exception has to leave dispatch().
bool LoopCore::idle_threw() noexcept {
  if (on_error_) {
    try {
      const ErrorHandler handler = on_error_;  // it may replace itself
      static_cast<void>(handler(std::current_exception()));
      return true;
    } catch (...) {
      caught_ = std::current_exception();
      return false;
    }
  }
  caught_ = std::current_exception();
  return false;
}

PostAction LoopCore::observed(DispatcherBase& source, Readiness readiness, Token token) {
  if (observer_ == nullptr || &source == loop_slot_.get())
    return source.process_events(readiness, token);
  // Copies: the source may remove itself, and the observer may be replaced.
  const std::string name{name_of(source)};
  observer_->callback_begins(name);
  struct End {
    LoopCore& core;
    const std::string& name;
    ~End() {
      if (core.observer_ != nullptr)
        core.observer_->callback_ended(name);
    }
  };
  const End end{*this, name};
  return source.process_events(readiness, token);
}

// ---------------------------------------------------------------------------- one iteration

// Every step may find that an exception has to leave dispatch(), `caught_`; then the others are not
// taken, and what is left undone is kept for the next dispatch.
void LoopCore::dispatch(Duration at_most, void* data) {
  const bool is_plain = std::bit_cast<std::uint16_t>(mode_) == 0 && owner_.is_this_thread();
  if (!is_plain) [[unlikely]] {
    check_dispatch("dispatch");
    if (mode_.state == State::ShuttingDown)
      return;
  }
  mode_.state = State::Dispatching;
  try {
    if (data != root_.resolved) [[unlikely]]
      resolve_paths(data);
    if (is_plain) [[likely]] {
      run_fd_events<false>(wait(at_most));
    } else {
      iterate_with_extras(at_most);
    }
    if (mode_.has_extras || !poll_.timers_.is_idle())
      finish_iteration();
  } catch (...) {
    mode_.state = State::Alive;
    throw;
  }
  mode_.state = State::Alive;
}

[[gnu::noinline]] void LoopCore::iterate_with_extras(Duration at_most) {
  if (rebuild_)  // it failed the last time
    rebuild_registrations();
  if (!hooked_.empty())
    run_before_sleep();
  if (caught_ == nullptr && leftover_.empty()) {  // else an exception left some: they go first
    ++waits_;
    leftover_ = wait(synthetic_.empty() && idles_.empty() ? at_most : Duration::zero());
  }
  if (caught_ == nullptr && !hooked_.empty())
    run_before_handle_events();
  if (caught_ == nullptr && !synthetic_.empty())
    run_synthetic_events();
  if (caught_ == nullptr)
    run_fd_events<true>(std::exchange(leftover_, {}));
}

[[gnu::noinline]] void LoopCore::finish_iteration() {
  if (rebuild_)
    rebuild_registrations();
  if (caught_ == nullptr && !poll_.timers_.is_idle())
    run_timers();
  if (!mode_.has_extras)
    return;
  if (caught_ == nullptr)
    run_idles();
  see_to_extras();
}

void LoopCore::see_to_extras() {
  if (host_ != nullptr)
    update_host();
  // One wait later a stale event has come again, or does not come.
  constexpr std::uint64_t remembered_waits = 4;
  if (!stale_.empty() && stale_.back().wait + remembered_waits < waits_)
    stale_.clear();
  mode_.has_extras = !hooked_.empty() || !stale_.empty() || rebuild_ || host_ != nullptr ||
                     observer_ != nullptr || has_leftovers();
  if (caught_ != nullptr)
    std::rethrow_exception(std::exchange(caught_, nullptr));
}

// ------------------------------------------------------------- events that nobody owns any more

// An event may be stale because a callback of the same batch has ended its registration. The kernel
// does not report such a one again. If it does, the registration belongs to a descriptor that was
// closed while a duplicate of it lives, and nobody can name it to delete it.
void LoopCore::saw_stale(Readiness, Token token) noexcept {
  constexpr std::size_t remembered = 64;
  const auto seen = std::find_if(stale_.begin(), stale_.end(),
                                 [&](const Sighting& s) { return s.token == token.raw(); });
  if (seen != stale_.end()) {
    if (seen->wait != waits_)
      rebuild_ = mode_.has_extras = true;
    return;
  }
  if (stale_.size() == remembered) {
    // Rather keep than exchange: of thousands that come in turn, these will come again.
    if (stale_.front().wait + 16 > waits_)
      return;
    stale_.erase(stale_.begin());
  }
  mode_.has_extras = true;
  try {
    stale_.push_back({token.raw(), waits_});
  } catch (const std::bad_alloc&) {  // the next sighting will do
  }
}

void LoopCore::rebuild_registrations() {
  std::vector<DispatcherRef> registered;  // before anybody is told: handlers may insert others
  for (std::uint32_t index = Token::loop_slot + 1; index < slots_.size(); ++index)
    if (DispatcherBase* const source = slots_.at(index); source != nullptr)
      if (source->registered_ != 0)
        registered.emplace_back(source);
  backend_->reopen();
  rebuild_ = false;
  stale_.clear();
  leftover_ = {};  // what an exception has left over will be reported again
  if (host_ != nullptr)
    host_->watch(backend_->fd());
  poll_.rebuilding_ = true;
  for (const DispatcherRef& source : registered) {
    if (!source->is_inserted() || source->registered_ == 0)
      continue;
    try {
      register_anew(*source.get());
    } catch (...) {
      report(*source.get(), std::current_exception());
    }
  }
  poll_.rebuilding_ = false;
  if (observer_ != nullptr)
    observer_->registrations_rebuilt();
}

}  // namespace calloop
