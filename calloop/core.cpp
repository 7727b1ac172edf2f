#include <calloop/core.hpp>

#include <algorithm>
#include <stdexcept>
#include <string>

namespace calloop {

DispatcherBase::~DispatcherBase() = default;
Observer::~Observer() = default;
void Observer::callback_begins(std::string_view) noexcept {}
void Observer::callback_ended(std::string_view) noexcept {}
void Observer::registrations_rebuilt() noexcept {}

namespace {

constexpr Duration default_slack = std::chrono::microseconds{50};

// What the slot of the loop's own descriptors leads to: being woken is all there is to do.
class LoopDescriptors final : public DispatcherBase {
 public:
  PostAction process_events(Readiness, Token) override { return PostAction::Continue; }
  void register_with(Poll&, TokenFactory&) override {}
  void reregister_with(Poll&, TokenFactory&) override {}
  void unregister_from(Poll&) override {}
  std::optional<SyntheticEvent> before_sleep() override { return {}; }
  void before_handle_events(Events) override {}
  [[nodiscard]] bool has_lifecycle_hooks() const noexcept override { return false; }
  [[nodiscard]] std::string_view type_name() const noexcept override { return "the loop"; }
};

}  // namespace

LoopCore::LoopCore(std::shared_ptr<Backend> backend)
    : backend_{std::move(backend)},
      poll_{backend_, slots_},
      root_{this, nullptr, nullptr, nullptr},
      slack_{default_slack},
      loop_slot_{std::make_unique<LoopDescriptors>()} {
  Slot& slot = slots_[slots_.allocate()];
  slot.stamp = 0;
  slot.dispatcher = loop_slot_.get();
}

LoopCore::~LoopCore() {
  shut_down();
}

// Marks the time in which nobody may dispatch, and leaves nothing running behind.
class LoopCore::Dispatching {
 public:
  Dispatching(LoopCore& core, const char* what) : core_{core} {
    core.owner_.check(what);
    if (core.dispatching_)
      throw std::logic_error{std::string{"calloop: "} + what + " inside dispatch"};
    if (core.state_ != State::Alive)
      throw std::logic_error{std::string{"calloop: "} + what + " on a loop that is gone"};
    core.dispatching_ = true;
  }
  Dispatching(const Dispatching&) = delete;
  Dispatching& operator=(const Dispatching&) = delete;
  ~Dispatching() { core_.dispatching_ = false; }

 private:
  LoopCore& core_;
};

void LoopCore::dispatch(Timeout timeout, void* data) {
  const Dispatching dispatching{*this, "dispatch"};
  if (data != root_.resolved)
    resolve_paths(data);

  // Each step says whether to go on; if not, an exception is on its way out and what it left
  // undone is kept for the next dispatch.
  bool go_on = hooked_.empty() || run_before_sleep();
  if (go_on) {
    wait(timeout);
    go_on = hooked_.empty() || run_hooks([this](DispatcherBase& source) {
              const Slot& slot = slots_[source.slot_];
              source.before_handle_events(
                  Events{{event_, events_end_}, Token{source.slot_, slot.stamp, 0}});
            });
  }
  if (go_on && !synthetic_.empty())
    go_on = run_synthetic_events();
  if (go_on)
    go_on = run_fd_events();
  if (rebuild_) [[unlikely]]
    rebuild_registrations();
  if (go_on && (!poll_.timers_.empty() || poll_.timers_.has_due()))
    go_on = run_timers();
  if (go_on && !idles_.empty())
    run_idles();
  if (host_ != nullptr)
    update_host();
  if (caught_ != nullptr) [[unlikely]]
    rethrow_caught();
}

Timeout LoopCore::prepare(void* data) {
  const Dispatching dispatching{*this, "prepare"};
  if (data != root_.resolved)
    resolve_paths(data);
  if (run_before_sleep())
    run_idles();
  if (host_ != nullptr)
    update_host();
  if (caught_ != nullptr)
    rethrow_caught();
  if (has_leftovers())
    return Duration::zero();
  const TimePoint earliest = poll_.timers_.earliest();
  if (earliest == TimePoint::max())
    return std::nullopt;
  const TimePoint now = backend_->now();
  if (earliest <= now)
    return Duration::zero();
  return saturating_add(earliest, slack_) - now;
}

int LoopCore::fd() {
  owner_.check("fd");
  if (host_ == nullptr) {
    host_ = std::make_unique<HostFd>(backend_->fd());
    update_host();
  }
  return host_->fd();
}

void LoopCore::set_timer_slack(Duration slack) {
  if (slack < Duration::zero())
    throw std::invalid_argument{"calloop: negative timer slack"};
  slack_ = slack;
}

bool LoopCore::has_leftovers() const noexcept {
  return event_ != events_end_ || !synthetic_.empty() || !idles_.empty() || poll_.timers_.has_due();
}

void LoopCore::update_host() {
  const TimePoint earliest = poll_.timers_.earliest();
  host_->update(earliest == TimePoint::max() ? earliest : saturating_add(earliest, slack_),
                has_leftovers());
}

void LoopCore::rethrow_caught() {
  std::rethrow_exception(std::exchange(caught_, nullptr));
}

// ---------------------------------------------------------------------------------- data parts

void LoopCore::resolve_paths(void* data) noexcept {
  root_.resolved = data;
  for (const auto& path : paths_)
    path->resolve();  // parents come before their children
}

const DataPath* LoopCore::path(const DataPath* parent, void* (*step)(void*) noexcept) {
  const auto known = std::find_if(paths_.begin(), paths_.end(), [&](const auto& path) {
    return path->parent == parent && path->step == step;
  });
  if (known != paths_.end())
    return known->get();
  paths_.push_back(std::make_unique<DataPath>(DataPath{this, parent, step, nullptr}));
  if (dispatching_) {
    paths_.back()->resolve();
  } else {
    root_.resolved = nullptr;  // what the last dispatch was given may be gone: resolve anew
  }
  return paths_.back().get();
}

// ----------------------------------------------------------------------------------- waiting

TimePoint LoopCore::sleep_until(Timeout timeout, TimePoint& now, bool& precise) const {
  if (!synthetic_.empty() || !idles_.empty() || poll_.timers_.has_due())
    return TimePoint::min();
  if (timeout && *timeout <= Duration::zero())
    return TimePoint::min();
  const TimePoint earliest = poll_.timers_.earliest();
  if (!timeout && earliest == TimePoint::max())
    return TimePoint::max();
  now = backend_->now();
  if (earliest <= now)
    return TimePoint::min();
  const TimePoint until =
      earliest == TimePoint::max() ? earliest : saturating_add(earliest, slack_);
  const TimePoint at_most = timeout ? saturating_add(now, *timeout) : TimePoint::max();
  precise = slack_ == Duration::zero() && until <= at_most && until != TimePoint::max();
  return std::min(until, at_most);
}

void LoopCore::wait(Timeout timeout) {
  if (event_ != events_end_)
    return;  // an exception left some: they go first
  TimePoint now{};
  bool precise = false;
  const TimePoint until = sleep_until(timeout, now, precise);
  ++waits_;
  const std::span<const epoll_event> batch = backend_->wait(until, now, precise);
  event_ = batch.data();
  events_end_ = event_ + batch.size();
}

// ---------------------------------------------------------------------------------- delivering

template <class Hook>
bool LoopCore::run_hooks(Hook hook) {
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
      return false;
  }
  return true;
}

bool LoopCore::run_before_sleep() {
  return run_hooks([this](DispatcherBase& source) {
    const std::optional<SyntheticEvent> event = source.before_sleep();
    if (!event)
      return;
    if (event->token.slot() != source.slot_ || !slots_.is_live(event->token))
      throw std::logic_error{"calloop: before_sleep returned a token that is not the source's"};
    synthetic_.push_back(*event);
  });
}

// False when an exception has to leave dispatch().
[[gnu::always_inline]] inline bool LoopCore::deliver(Readiness readiness, Token token,
                                                     const Slot& slot) {
  DispatcherBase* const source = slot.dispatcher;
  running_ = source;
  const PostAction action = observer_ == nullptr ? source->process_events(readiness, token)
                                                 : observed(*source, readiness, token);
  if (static_cast<unsigned>(action) == 0 && !attention_) [[likely]]
    return true;
  settle(action);
  return caught_ == nullptr;
}

// `next` delivers one event and says how it went: nothing when there is none left.
template <class Next>
[[gnu::always_inline]] inline bool LoopCore::deliver_all(Next next) {
  for (;;) {
    try {
      const bool go_on = next();
      running_ = nullptr;
      return go_on;
    } catch (...) {  // from the source's own code
      callback_threw();
      settle(PostAction::Continue);
      if (caught_ != nullptr)
        return false;
    }
  }
}

bool LoopCore::run_synthetic_events() {
  const bool go_on = deliver_all([this] {
    while (synthetic_done_ < synthetic_.size()) {
      const SyntheticEvent event = synthetic_[synthetic_done_++];
      const Slot& slot = slots_[event.token.slot()];
      if (slot.matches(event.token) && !deliver(event.readiness, event.token, slot))
        return false;
    }
    return true;
  });
  if (synthetic_done_ == synthetic_.size()) {
    synthetic_.clear();
    synthetic_done_ = 0;
  }
  return go_on;
}

bool LoopCore::run_fd_events() {
  return deliver_all([this] {
    while (event_ != events_end_) {
      const epoll_event& event = *event_++;
      const Token token = Token::from_raw(event.data.u64);
      const Slot& slot = slots_[token.slot()];
      if (!slot.matches(token)) [[unlikely]] {
        saw_stale(token);
      } else if (!deliver(Readiness{event.events}, token, slot)) {
        return false;
      }
    }
    return true;
  });
}

bool LoopCore::run_timers() {
  TimerQueue& timers = poll_.timers_;
  if (!timers.empty()) {
    const TimePoint now = backend_->now();
    if (timers.earliest() <= now)
      timers.expire(now);
  }
  if (!timers.has_due())
    return true;
  return deliver_all([this, &timers] {
    while (const auto token = timers.next_due()) {
      const Slot& slot = slots_[token->slot()];
      if (slot.matches(*token) && !deliver(Readiness{EPOLLIN}, *token, slot))
        return false;
    }
    return true;
  });
}

bool LoopCore::run_idles() {
  const std::uint64_t end = idles_.end_id();
  while (const std::unique_ptr<IdleBase> idle = idles_.pop_before(end)) {
    try {
      idle->run();
    } catch (...) {
      if (!on_error_) {
        caught_ = std::current_exception();
        return false;
      }
      try {
        const ErrorHandler handler = on_error_;  // it may replace itself
        static_cast<void>(handler(std::current_exception()));
      } catch (...) {
        caught_ = std::current_exception();
        return false;
      }
    }
  }
  return true;
}

PostAction LoopCore::observed(DispatcherBase& source, Readiness readiness, Token token) {
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

// ------------------------------------------------------------- events that nobody owns any more

// An event may be stale because a callback of the same batch has ended its registration. The kernel
// does not report such a one again. If it does, the registration belongs to a descriptor that was
// closed while a duplicate of it lives, and nobody can name it to delete it.
void LoopCore::saw_stale(Token token) noexcept {
  constexpr std::size_t remembered = 64;
  const auto seen = std::find_if(stale_.begin(), stale_.end(),
                                 [&](const Sighting& s) { return s.token == token.raw(); });
  if (seen != stale_.end()) {
    if (seen->wait != waits_)
      rebuild_ = true;
    return;
  }
  if (stale_.size() == remembered)
    stale_.erase(stale_.begin());
  try {
    stale_.push_back({token.raw(), waits_});
  } catch (const std::bad_alloc&) {  // the next sighting will do
  }
}

void LoopCore::rebuild_registrations() {
  rebuild_ = false;
  stale_.clear();
  backend_->reopen();
  event_ = events_end_;  // what an exception has left over will be reported again
  if (host_ != nullptr)
    host_->watch(backend_->fd());
  for (std::uint32_t index = Token::loop_slot + 1; index < slots_.size(); ++index) {
    const DispatcherRef source{slots_.at(index)};
    if (!source || source->registered_ == 0)
      continue;
    unregister_quietly(*source.get(), Poll::Removal::None);
    try {
      register_source(*source.get());
    } catch (...) {
      report(*source.get(), std::current_exception());
    }
  }
  if (observer_ != nullptr)
    observer_->registrations_rebuilt();
}

}  // namespace calloop
