// The half of LoopCore in which sources come, change and go.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <system_error>

#include <calloop/core.hpp>
#include <calloop/errors.hpp>

namespace calloop {

void LoopCore::check_usable(const char* what) const {
  if (mode_.state == State::Dead)
    throw_logic_error(what, " on a loop that is gone");
  owner_.check(what);
}

// ------------------------------------------------------ a source's code, around it and afterwards

template <class Call>
[[gnu::always_inline]] inline void LoopCore::in_registration(DispatcherBase& source,
                                                             Poll::Removal on_failure, Call call) {
  const Poll::Attempt attempt{poll_};
  try {
    call();
  } catch (...) {
    unregister_quietly(source, on_failure);
    throw_with_source(source);
  }
}

inline LoopCore::RegistrationCode* LoopCore::registration_code_of(
    const DispatcherBase& source) const noexcept {
  for (RegistrationCode* code = registering_; code != nullptr; code = code->below)
    if (code->source.get() == &source)
      return code;
  return nullptr;
}

// Calls a registration function of `source`, which stays alive meanwhile, and does what it asked
// for itself in there.
template <class Call>
[[gnu::always_inline]] inline void LoopCore::in_code_of(DispatcherBase& source, Call call) {
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
  if (code.wish != Wish::None) [[unlikely]]
    grant(source, code.wish);
}

// In line where it is paid for each source that comes.
[[gnu::always_inline]] inline void LoopCore::register_in_line(DispatcherBase& source) {
  TokenFactory tokens = slots_[source.slot_].begin_registration(source.slot_);
  in_code_of(source, [&] {
    in_registration(source, Poll::Removal::OnlyAdded, [&] { source.register_with(poll_, tokens); });
    source.registered_ = 1;
  });
}

[[gnu::always_inline]] inline void LoopCore::unregister_in_line(DispatcherBase& source,
                                                                Poll::Removal removal) noexcept {
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

[[gnu::always_inline]] inline LoopCore::Removed LoopCore::free_slot(std::uint32_t index) noexcept {
  Removed removed{nullptr, DispatcherRef::adopt(slots_[index].dispatcher)};
  DispatcherBase& source = *removed.source.get();
  if (source.has_options_ != 0) [[unlikely]]
    removed.options = take_options(source);
  source.slot_ = DispatcherBase::nowhere;
  slots_.free(index);
  return removed;
}

// ------------------------------------------------------------------------- what handles ask for

RegistrationToken LoopCore::insert(DispatcherRef dispatcher, SourceOptions* options) {
  if (!owner_.is_admitted()) [[unlikely]]
    check_usable("insert_source");
  DispatcherBase& source = *dispatcher.get();
  if (source.is_inserted()) [[unlikely]]
    throw_logic_error("insert_source of a dispatcher that is inserted already");
  if (&source == running_ || registration_code_of(source) != nullptr) [[unlikely]]
    throw_logic_error("insert_source of a dispatcher whose own code is running");
  if (mode_.state == State::ShuttingDown) [[unlikely]] {
    graveyard_.push_back(std::move(dispatcher));
    return {};
  }
  if (source.has_hooks_ != 0 && hooked_.size() == hooked_.capacity())
    hooked_.reserve(2 * hooked_.size() + 4);
  const std::uint32_t index = slots_.allocate();
  source.slot_ = index & (Token::slot_limit - 1);
  try {
    if (options != nullptr)
      set_options(source, std::move(*options));
    register_in_line(source);
  } catch (...) {
    // Destroyed last: its handler's destructor may use the loop.
    const std::unique_ptr<SourceOptions> unused = take_options(source);
    source.slot_ = DispatcherBase::nowhere;
    slots_.free(index);
    throw;
  }
  Slot& slot = slots_[index];
  if (source.has_hooks_ != 0) {
    hooked_.push_back({index, slot.generation});
    mode_.has_extras = true;
  }
  slot.dispatcher = dispatcher.release();
  if (host_ != nullptr)
    tell_host();
  return {index, slot.generation, identity_};
}

inline DispatcherBase* LoopCore::find(RegistrationToken token) const {
  if (token.loop_ != identity_ && token) [[unlikely]]
    throw_logic_error("the token is of another loop");
  return slots_.find(token);
}

// False when the loop is gone. Throws on another thread.
inline bool LoopCore::is_there(const char* what) const {
  if (owner_.is_admitted()) [[likely]]
    return true;
  if (mode_.state == State::Dead)
    return false;
  owner_.check(what);
  return true;
}

bool LoopCore::remove(RegistrationToken token) {
  if (!is_there("remove"))
    return false;
  DispatcherBase* const source = find(token);
  if (source == nullptr)
    return false;
  Removed gone = free_slot(token.slot());
  if (source == running_) {
    doomed_ = std::move(gone);
    wish(Wish::Remove);
  } else if (RegistrationCode* const code = registration_code_of(*source)) {
    code->doomed_options = std::move(gone.options);  // it keeps the source itself anyway
    code->wish = Wish::Remove;
  } else if (source->registered_ != 0) {
    unregister_in_line(*source, Poll::Removal::All);
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
  if (!is_there("disable"))
    return false;
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
  if (!is_there("enable"))
    return false;
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
  if (!is_there("update"))
    return false;
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

// What was asked for by a registration function that has returned.
void LoopCore::grant(DispatcherBase& source, Wish wish) {
  if (source.registered_ == 0) {
    // In the middle of being registered anew the wish is still to be done.
    if (RegistrationCode* const outer = registration_code_of(source))
      outer->wish = wish;
  } else if (wish == Wish::Remove) {
    unregister_quietly(source);
  } else {
    unregister_source(source);
  }
}

void LoopCore::register_source(DispatcherBase& source) {
  register_in_line(source);
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
  unregister_in_line(source, removal);
}

// Rethrows the exception in flight; a std::system_error with the name of the source in it.
void LoopCore::throw_with_source(const DispatcherBase& source) {
  try {
    throw;
  } catch (const std::system_error& error) {
    // Without what is said again.
    constexpr std::string_view library = "calloop: ";
    std::string_view what = error.what();
    if (what.starts_with(library))
      what.remove_prefix(library.size());
    if (const std::string cause = ": " + error.code().message(); what.ends_with(cause))
      what.remove_suffix(cause.size());
    std::string begin = "source \"";
    begin.append(name_of(source)).append("\": ");
    throw_system_error(error.code(), begin, what);
  }
}

[[gnu::noinline]] void LoopCore::set_options(DispatcherBase& source, SourceOptions options) {
  options_.insert_or_assign(source.slot_, std::make_unique<SourceOptions>(std::move(options)));
  source.has_options_ = 1;
}

std::unique_ptr<SourceOptions> LoopCore::take_options(DispatcherBase& source) noexcept {
  if (source.has_options_ == 0)
    return nullptr;
  source.has_options_ = 0;
  const auto found = options_.find(source.slot_);
  std::unique_ptr<SourceOptions> options = std::move(found->second);
  options_.erase(found);
  return options;
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
  if (code != nullptr && code->doomed_options != nullptr)
    return code->doomed_options.get();
  if (doomed_.source.get() == &source)
    return doomed_.options.get();
  if (source.has_options_ == 0)
    return nullptr;
  const auto options = options_.find(source.slot_);
  return options != options_.end() ? options->second.get() : nullptr;
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

[[gnu::cold]] void LoopCore::shut_down() noexcept {
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
