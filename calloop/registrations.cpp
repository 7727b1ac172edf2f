// The half of LoopCore in which sources come, change and go.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <system_error>

#include <calloop/core.hpp>

namespace calloop {

void LoopCore::check_usable(const char* what) const {
  if (state_ == State::Dead)
    throw std::logic_error{std::string{"calloop: "} + what + " on a loop that is gone"};
  owner_.check(what);
}

RegistrationToken LoopCore::insert(DispatcherRef dispatcher, SourceOptions* options) {
  check_usable("insert_source");
  if (dispatcher->is_inserted())
    throw std::logic_error{"calloop: insert_source of a dispatcher that is inserted already"};
  if (state_ == State::ShuttingDown) {
    graveyard_.push_back(std::move(dispatcher));
    return {};
  }
  const bool hooks = dispatcher->has_lifecycle_hooks();
  if (hooks && hooked_.size() == hooked_.capacity())
    hooked_.reserve(2 * hooked_.size() + 4);
  const std::uint32_t index = slots_.allocate();
  dispatcher->slot_ = index & (Token::slot_limit - 1);
  try {
    if (options != nullptr) {
      options_.insert_or_assign(index, std::move(*options));
      dispatcher->has_options_ = 1;
    }
    register_source(*dispatcher.get());
  } catch (...) {
    OptionsTable::node_type unused;  // destroyed last: its handler's destructor may use the loop
    if (dispatcher->has_options_ != 0)
      unused = options_.extract(index);
    dispatcher->has_options_ = 0;
    dispatcher->slot_ = DispatcherBase::nowhere;
    slots_.free(index);
    throw;
  }
  Slot& slot = slots_[index];
  if (hooks) {
    hooked_.push_back({index, slot.generation});
    has_extras_ = true;
  }
  slot.dispatcher = dispatcher.release();
  if (host_ != nullptr && !is_dispatching())
    update_host();
  return {index, slot.generation};
}

bool LoopCore::remove(RegistrationToken token) {
  if (state_ == State::Dead)
    return false;
  owner_.check("remove");
  DispatcherBase* const source = slots_.find(token);
  if (source == nullptr)
    return false;
  Removed keep = free_slot(token.slot());
  if (source == running_) {
    doomed_ = std::move(keep);
    wish_ = Wish::Remove;
    attention_ = 1;
    poll_.should_yield_ = true;
  } else {
    unregister_quietly(*source);
  }
  return true;
}

// True when `source` is the running one: then the wish is recorded.
bool LoopCore::wish_for_running(const DispatcherBase& source, Wish wish) noexcept {
  if (&source != running_)
    return false;
  wish_ = wish;
  attention_ = 1;
  if (wish == Wish::Disable)
    poll_.should_yield_ = true;
  return true;
}

bool LoopCore::disable(RegistrationToken token) {
  if (state_ == State::Dead)
    return false;
  owner_.check("disable");
  DispatcherBase* const source = slots_.find(token);
  if (source == nullptr)
    return false;
  if (!wish_for_running(*source, Wish::Disable))
    unregister_source(*source);
  return true;
}

bool LoopCore::enable(RegistrationToken token) {
  if (state_ == State::Dead)
    return false;
  owner_.check("enable");
  DispatcherBase* const source = slots_.find(token);
  if (source == nullptr)
    return false;
  if (!wish_for_running(*source, Wish::Reregister)) {
    if (source->registered_ == 0)
      register_source(*source);
    if (host_ != nullptr && !is_dispatching())
      update_host();
  }
  return true;
}

bool LoopCore::update(RegistrationToken token) {
  if (state_ == State::Dead)
    return false;
  owner_.check("update");
  DispatcherBase* const source = slots_.find(token);
  if (source == nullptr)
    return false;
  // An update of a source that has just disabled itself must not enable it.
  if (source == running_ && wish_ == Wish::Disable)
    return true;
  if (!wish_for_running(*source, Wish::Reregister)) {
    if (source->registered_ != 0)
      reregister_source(*source);
    if (host_ != nullptr && !is_dispatching())
      update_host();
  }
  return true;
}

std::uint64_t LoopCore::insert_idle(std::unique_ptr<IdleBase> idle) {
  check_usable("insert_idle");
  if (state_ == State::ShuttingDown) {
    idles_.push(std::move(idle));  // to be destroyed with the others
    return 0;
  }
  const std::uint64_t id = idles_.push(std::move(idle));
  has_extras_ = true;
  if (host_ != nullptr && !is_dispatching())
    update_host();
  return id;
}

bool LoopCore::cancel_idle(std::uint64_t id) noexcept {
  return idles_.cancel(id);
}

// ------------------------------------------------------------------- registering, never by halves

template <class Call>
void LoopCore::in_registration(DispatcherBase& source, Poll::Removal on_failure, Call call) {
  struct Scope {
    Poll& poll;
    std::size_t added_begin = poll.added_begin_;
    std::size_t refused_begin = poll.refused_begin_;
    bool registering = poll.registering_;
    explicit Scope(Poll& p) : poll{p} {
      poll.added_begin_ = poll.added_.size();
      poll.refused_begin_ = poll.refused_.size();
      poll.registering_ = true;
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope() {
      poll.added_.resize(poll.added_begin_);
      poll.refused_.resize(poll.refused_begin_);
      poll.added_begin_ = added_begin;
      poll.refused_begin_ = refused_begin;
      poll.registering_ = registering;
    }
  };
  const Scope scope{poll_};
  try {
    call();
  } catch (...) {
    unregister_quietly(source, on_failure);
    throw_with_source(source);
  }
}

void LoopCore::register_source(DispatcherBase& source) {
  TokenFactory tokens = slots_[source.slot_].begin_registration(source.slot_);
  in_registration(source, Poll::Removal::OnlyAdded, [&] { source.register_with(poll_, tokens); });
  source.registered_ = 1;
}

void LoopCore::reregister_source(DispatcherBase& source) {
  TokenFactory tokens = slots_[source.slot_].begin_registration(source.slot_);
  in_registration(source, Poll::Removal::AllButRefused,
                  [&] { source.reregister_with(poll_, tokens); });
}

void LoopCore::unregister_source(DispatcherBase& source) {
  if (source.registered_ == 0)
    return;
  source.registered_ = 0;
  slots_[source.slot_].end_registration(source.slot_);
  // Also in the middle of another source's rollback.
  const Poll::Removal before = std::exchange(poll_.removal_, Poll::Removal::Checked);
  const auto restore = [&] { poll_.removal_ = before; };
  try {
    source.unregister_from(poll_);
    restore();
  } catch (...) {
    restore();
    unregister_quietly(source);  // its other children too
    throw_with_source(source);
  }
}

void LoopCore::unregister_quietly(DispatcherBase& source, Poll::Removal removal) noexcept {
  source.registered_ = 0;
  if (source.slot_ != DispatcherBase::nowhere)
    slots_[source.slot_].end_registration(source.slot_);
  const Poll::Removal before = std::exchange(poll_.removal_, removal);
  try {
    source.unregister_from(poll_);
  } catch (...) {  // nobody is left to be told
  }
  poll_.removal_ = before;
}

// Rethrows the exception in flight; a std::system_error with the name of the source in it.
void LoopCore::throw_with_source(const DispatcherBase& source) {
  try {
    throw;
  } catch (const std::system_error& error) {
    std::string what = error.what();
    const std::string cause = ": " + error.code().message();
    if (what.ends_with(cause))
      what.resize(what.size() - cause.size());
    throw std::system_error{error.code(),
                            "calloop: source \"" + std::string{name_of(source)} + "\": " + what};
  }
}

LoopCore::Removed LoopCore::free_slot(std::uint32_t index) noexcept {
  Removed removed{{}, DispatcherRef::adopt(slots_[index].dispatcher)};
  DispatcherBase& source = *removed.source.get();
  if (source.has_options_ != 0)
    removed.options = options_.extract(index);
  source.has_options_ = 0;
  source.slot_ = DispatcherBase::nowhere;
  slots_.free(index);
  return removed;
}

// ----------------------------------------------------------------- after a source's code returned

void LoopCore::apply(DispatcherBase& source, PostAction action) {
  switch (action) {
    case PostAction::Continue:
      return;
    case PostAction::Reregister:
      if (source.registered_ != 0) {
        reregister_source(source);
      } else {
        register_source(source);
      }
      return;
    case PostAction::Disable:
      unregister_source(source);
      return;
    case PostAction::Remove: {
      const Removed gone = free_slot(source.slot_);
      unregister_quietly(source);
      return;
    }
  }
}

// Does what the source's answer and its own calls ask for, the stronger of the two.
void LoopCore::settle(PostAction action) noexcept {
  DispatcherBase* const source = std::exchange(running_, nullptr);
  const Wish wish = std::exchange(wish_, Wish::None);
  attention_ = 0;
  poll_.should_yield_ = false;
  const Removed doomed = std::exchange(doomed_, {});
  if (source == nullptr)
    return;
  if (doomed.source) {
    if (source->registered_ != 0)
      unregister_quietly(*source);
    return;
  }
  try {
    apply(*source, std::max(action, static_cast<PostAction>(wish)));
  } catch (...) {
    report(*source, std::current_exception());
  }
}

// --------------------------------------------------------------------------------------- errors

// What was said about it; of the running source also when it has just removed itself.
const SourceOptions* LoopCore::options_of(const DispatcherBase& source) const noexcept {
  if (doomed_.source.get() == &source)
    return doomed_.options.empty() ? nullptr : &doomed_.options.mapped();
  if (source.has_options_ == 0)
    return nullptr;
  const auto options = options_.find(source.slot_);
  return options != options_.end() ? &options->second : nullptr;
}

std::string_view LoopCore::name_of(const DispatcherBase& source) const noexcept {
  const SourceOptions* const options = options_of(source);
  return options != nullptr && !options->name.empty() ? std::string_view{options->name}
                                                      : source.type_name();
}

const ErrorHandler* LoopCore::handler_of(const DispatcherBase& source) const noexcept {
  const SourceOptions* const options = options_of(source);
  if (options != nullptr && options->on_error)
    return &options->on_error;
  return on_error_ ? &on_error_ : nullptr;
}

// Asks the handler what to do, else keeps the exception for the end of dispatch(). Of several only
// the first leaves it: a source that is told to yield does not produce more.
void LoopCore::report(DispatcherBase& source, std::exception_ptr error) noexcept {
  has_extras_ = true;
  ErrorAction action = ErrorAction::Keep;
  const ErrorHandler* const found = handler_of(source);
  if (found == nullptr) {
    if (caught_ == nullptr)
      caught_ = std::move(error);
    return;
  }
  try {
    const ErrorHandler handler = *found;  // it may remove its own source
    action = handler(std::move(error));
  } catch (...) {
    if (caught_ == nullptr)
      caught_ = std::current_exception();
    return;
  }
  if (action == ErrorAction::Keep || !source.is_inserted())
    return;
  const PostAction wanted =
      action == ErrorAction::Disable ? PostAction::Disable : PostAction::Remove;
  if (&source == running_) {
    if (wanted == PostAction::Remove) {
      doomed_ = free_slot(source.slot_);
      wish_ = Wish::Remove;
    } else {
      wish_ = Wish::Disable;
    }
    return;
  }
  if (wanted == PostAction::Remove) {
    const Removed gone = free_slot(source.slot_);
    unregister_quietly(source);
  } else if (source.registered_ != 0) {
    unregister_quietly(source);
  }
}

void LoopCore::callback_threw() noexcept {
  attention_ = 1;
  poll_.should_yield_ = true;
  if (running_ != nullptr)
    report(*running_, std::current_exception());
}

// ---------------------------------------------------------------------------------- the end

// Destroys what was inserted while shutting down, one by one: destructors insert more.
void LoopCore::bury_refused() noexcept {
  while (!graveyard_.empty()) {
    const DispatcherRef refused = std::move(graveyard_.back());
    graveyard_.pop_back();
  }
}

void LoopCore::shut_down() noexcept {
  if (state_ == State::Dead)
    return;
  if (is_dispatching()) {
    std::fputs("calloop: an EventLoop was destroyed by one of its own callbacks\n", stderr);
    std::abort();
  }
  state_ = State::ShuttingDown;
  // In a forked child the kernel's side is the parent's too: it is left as it is.
  const Poll::Removal removal =
      !owner_.is_another_process() ? Poll::Removal::AllButRefused : Poll::Removal::None;
  for (std::uint32_t index = Token::loop_slot + 1; index < slots_.size(); ++index) {
    if (slots_.at(index) == nullptr)
      continue;
    {
      const Removed removed = free_slot(index);
      if (removed.source->registered_ != 0)
        unregister_quietly(*removed.source.get(), removal);
    }
    bury_refused();
  }
  {
    const ErrorHandler last_words = std::exchange(on_error_, nullptr);
  }
  while (!idles_.empty() || !graveyard_.empty()) {
    idles_.clear();
    bury_refused();
  }
  synthetic_.clear();
  event_ = events_end_ = nullptr;
  host_.reset();
  state_ = State::Dead;
}

}  // namespace calloop
