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
  if (mode_.state == State::Dead)
    throw std::logic_error{std::string{"calloop: "} + what + " on a loop that is gone"};
  owner_.check(what);
}

RegistrationToken LoopCore::insert(DispatcherRef dispatcher, SourceOptions* options) {
  check_usable("insert_source");
  if (dispatcher->is_inserted())
    throw std::logic_error{"calloop: insert_source of a dispatcher that is inserted already"};
  if (dispatcher.get() == running_ || registration_code_of(*dispatcher.get()) != nullptr)
    throw std::logic_error{"calloop: insert_source of a dispatcher whose own code is running"};
  if (mode_.state == State::ShuttingDown) {
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
    mode_.has_extras = true;
  }
  slot.dispatcher = dispatcher.release();
  tell_host();
  return {index, slot.generation, identity_};
}

DispatcherBase* LoopCore::find(RegistrationToken token) const {
  if (token.loop_ != identity_ && token)
    throw std::logic_error{"calloop: the token is of another loop"};
  return slots_.find(token);
}

bool LoopCore::remove(RegistrationToken token) {
  if (mode_.state == State::Dead)
    return false;
  owner_.check("remove");
  DispatcherBase* const source = find(token);
  if (source == nullptr)
    return false;
  Removed keep = free_slot(token.slot());
  if (source == running_) {
    doomed_ = std::move(keep);
    wish(Wish::Remove);
  } else if (RegistrationCode* const code = registration_code_of(*source)) {
    code->doomed = std::move(keep);
    code->wish = Wish::Remove;
  } else if (source->registered_ != 0) {
    unregister_quietly(*source);
  }
  return true;
}

// Records what the running source asks for itself.
void LoopCore::wish(Wish wish) noexcept {
  wish_ = wish;
  attention_ = needs_attention;
  if (wish != Wish::Reregister)
    poll_.should_yield_ = true;
}

bool LoopCore::disable(RegistrationToken token) {
  if (mode_.state == State::Dead)
    return false;
  owner_.check("disable");
  DispatcherBase* const source = find(token);
  if (source == nullptr)
    return false;
  if (source == running_)
    wish(Wish::Disable);
  else if (RegistrationCode* const code = registration_code_of(*source))
    code->wish = Wish::Disable;
  else
    unregister_source(*source);
  return true;
}

bool LoopCore::enable(RegistrationToken token) {
  if (mode_.state == State::Dead)
    return false;
  owner_.check("enable");
  DispatcherBase* const source = find(token);
  if (source == nullptr)
    return false;
  if (source == running_) {
    if (wish_ == Wish::Disable || source->registered_ == 0)
      wish(Wish::Reregister);
  } else if (RegistrationCode* const code = registration_code_of(*source)) {
    code->wish = Wish::None;
  } else if (source->registered_ == 0) {
    register_source(*source);
  }
  tell_host();
  return true;
}

bool LoopCore::update(RegistrationToken token) {
  if (mode_.state == State::Dead)
    return false;
  owner_.check("update");
  DispatcherBase* const source = find(token);
  if (source == nullptr)
    return false;
  if (source == running_) {
    if (wish_ != Wish::Disable)  // or it would enable it
      wish(Wish::Reregister);
  } else if (source->registered_ != 0 && registration_code_of(*source) == nullptr) {
    reregister_source(*source);
  }
  tell_host();
  return true;
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

LoopCore::RegistrationCode* LoopCore::registration_code_of(
    const DispatcherBase& source) const noexcept {
  for (RegistrationCode* code = registering_; code != nullptr; code = code->below)
    if (code->source.get() == &source)
      return code;
  return nullptr;
}

// Calls a registration function of `source`, which stays alive meanwhile, and does what it asked
// for itself in there.
template <class Call>
void LoopCore::in_code_of(DispatcherBase& source, Call call) {
  RegistrationCode code{DispatcherRef{&source}, registering_};
  struct Scope {
    RegistrationCode*& top;
    RegistrationCode* below;
    ~Scope() { top = below; }
  };
  {
    const Scope scope{registering_, std::exchange(registering_, &code)};
    call();
  }
  if (code.wish == Wish::None)
    return;
  if (source.registered_ == 0) {
    // In the middle of being registered anew the wish is still to be done.
    if (RegistrationCode* const outer = registration_code_of(source))
      outer->wish = code.wish;
  } else if (code.wish == Wish::Remove) {
    unregister_quietly(source);
  } else {
    unregister_source(source);
  }
}

void LoopCore::register_source(DispatcherBase& source) {
  TokenFactory tokens = slots_[source.slot_].begin_registration(source.slot_);
  in_code_of(source, [&] {
    in_registration(source, Poll::Removal::OnlyAdded, [&] { source.register_with(poll_, tokens); });
    source.registered_ = 1;
  });
}

void LoopCore::reregister_source(DispatcherBase& source) {
  TokenFactory tokens = slots_[source.slot_].begin_registration(source.slot_);
  in_code_of(source, [&] {
    in_registration(source, Poll::Removal::AllButRefused,
                    [&] { source.reregister_with(poll_, tokens); });
  });
}

// As if it had been disabled and enabled, but what it asks for in between is not lost.
void LoopCore::register_anew(DispatcherBase& source) {
  in_code_of(source, [&] {
    unregister_quietly(source);
    if (source.is_inserted())
      register_source(source);
  });
}

void LoopCore::unregister_source(DispatcherBase& source) {
  if (source.registered_ == 0)
    return;
  source.registered_ = 0;
  slots_[source.slot_].end_registration(source.slot_);
  in_code_of(source, [&] {
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
  });
}

void LoopCore::unregister_quietly(DispatcherBase& source, Poll::Removal removal) noexcept {
  source.registered_ = 0;
  if (source.slot_ != DispatcherBase::nowhere)
    slots_[source.slot_].end_registration(source.slot_);
  const Poll::Removal before = std::exchange(poll_.removal_, removal);
  in_code_of(source, [&] {
    try {
      source.unregister_from(poll_);
    } catch (...) {  // nobody is left to be told
    }
  });
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
      if (source.registered_ != 0)
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
  const DispatcherRef alive{source};  // whatever a handler does with it
  try {
    apply(*source, std::max(action, static_cast<PostAction>(wish)));
  } catch (...) {
    report(*source, std::current_exception());
  }
}

// --------------------------------------------------------------------------------------- errors

// What was said about it; of the running source also when it has just removed itself.
const SourceOptions* LoopCore::options_of(const DispatcherBase& source) const noexcept {
  const RegistrationCode* const code = registration_code_of(source);
  const Removed& doomed = code != nullptr ? code->doomed : doomed_;
  if (doomed.source.get() == &source)
    return doomed.options.empty() ? nullptr : &doomed.options.mapped();
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
  mode_.has_extras = true;
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
  Removed gone;
  if (wanted == PostAction::Remove)
    gone = free_slot(source.slot_);
  if (source.registered_ != 0)
    unregister_quietly(source);
}

void LoopCore::callback_threw() noexcept {
  attention_ = needs_attention;
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
  if (mode_.state == State::Dead)
    return;
  if (is_dispatching()) {
    std::fputs("calloop: an EventLoop was destroyed by one of its own callbacks\n", stderr);
    std::abort();
  }
  mode_.state = State::ShuttingDown;
  owner_.stop_admitting();
  // In a forked child the kernel's side is the parent's too: it is left as it is.
  const Poll::Removal removal =
      !owner_.is_another_process() ? Poll::Removal::All : Poll::Removal::None;
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
  leftover_ = {};
  host_.reset();
  mode_.state = State::Dead;
}

}  // namespace calloop
