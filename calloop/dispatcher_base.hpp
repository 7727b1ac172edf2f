// A source with its callback, as the core sees it: without any type of the application; and what
// its lifecycle hooks give and are given:
//
//     std::optional<SyntheticEvent> before_sleep() {  // it has read ahead
//       if (buffer_.empty()) return std::nullopt;
//       return SyntheticEvent{Readiness{EPOLLIN}, token_};
//     }
//     void before_handle_events(Events events) {
//       for (const auto [readiness, token] : events)
//         if (token == token_ && readiness.readable()) buffer_.fill_from(fd_);
//     }
//
// What inherits from it is SourceDispatcher in dispatcher.hpp. Internal to the loop; installed
// because the templates need it.
#pragma once

#include <sys/epoll.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include <calloop/export.hpp>
#include <calloop/interest.hpp>
#include <calloop/poll.hpp>
#include <calloop/post_action.hpp>
#include <calloop/token.hpp>

namespace calloop {

/// Readiness that a source reports about itself from before_sleep(). `token` must be one of its
/// own, of the present registration.
struct SyntheticEvent {
  Readiness readiness;
  Token token;
};

/// The descriptor events of one source in the batch that is about to be dispatched: a range of
/// SyntheticEvent-like pairs, valid during before_handle_events. Expired timers are not in it.
class Events {
 public:
  struct Event {
    Readiness readiness;
    Token token;
  };
  class Iterator {
   public:
    using value_type = Event;
    using difference_type = std::ptrdiff_t;
    Iterator() noexcept = default;
    Iterator(const epoll_event* at, const epoll_event* end, std::uint64_t registration) noexcept
        : at_{at}, end_{end}, registration_{registration} {
      skip();
    }
    Event operator*() const noexcept {
      return {Readiness{at_->events}, Token::from_raw(at_->data.u64)};
    }
    Iterator& operator++() noexcept {
      ++at_;
      skip();
      return *this;
    }
    Iterator operator++(int) noexcept {
      Iterator old = *this;
      ++*this;
      return old;
    }
    friend bool operator==(const Iterator& a, const Iterator& b) noexcept { return a.at_ == b.at_; }

   private:
    void skip() noexcept {
      while (at_ != end_ && Token::from_raw(at_->data.u64).registration() != registration_)
        ++at_;
    }
    const epoll_event* at_ = nullptr;
    const epoll_event* end_ = nullptr;
    std::uint64_t registration_ = 0;
  };

  Events(std::span<const epoll_event> batch, Token any_of_the_source) noexcept
      : batch_{batch}, registration_{any_of_the_source.registration()} {}
  [[nodiscard]] Iterator begin() const noexcept {
    return {batch_.data(), batch_.data() + batch_.size(), registration_};
  }
  [[nodiscard]] Iterator end() const noexcept {
    const epoll_event* const last = batch_.data() + batch_.size();
    return {last, last, registration_};
  }
  [[nodiscard]] bool empty() const noexcept { return begin() == end(); }

 private:
  std::span<const epoll_event> batch_;
  std::uint64_t registration_;
};

/// Counted, because the application may keep a source after inserting it: see Dispatcher. The
/// count is not atomic; all of it belongs to the loop's thread.
class CALLOOP_API DispatcherBase {
 public:
  DispatcherBase(const DispatcherBase&) = delete;
  DispatcherBase& operator=(const DispatcherBase&) = delete;
  virtual PostAction process_events(Readiness readiness, Token token) = 0;
  virtual void register_with(Poll& poll, TokenFactory& tokens) = 0;
  virtual void reregister_with(Poll& poll, TokenFactory& tokens) = 0;
  virtual void unregister_from(Poll& poll) = 0;
  virtual std::optional<SyntheticEvent> before_sleep() = 0;
  virtual void before_handle_events(Events events) = 0;
  /// Ends its life and gives its memory back to the loop's pool.
  virtual void destroy() noexcept = 0;
  /// The C++ type of the source, for messages about sources without a name.
  [[nodiscard]] virtual std::string_view type_name() const noexcept = 0;

  /// Whether it is in a loop, registered or disabled.
  [[nodiscard]] bool is_inserted() const noexcept { return slot_ != nowhere; }

 protected:
  explicit DispatcherBase(bool has_hooks) noexcept : has_hooks_{has_hooks} {}
  ~DispatcherBase() = default;

 private:
  friend class LoopCore;
  friend class DispatcherRef;
  static constexpr std::uint32_t nowhere = Token::slot_limit - 1;
  std::uint32_t references_ = 0;
  std::uint32_t slot_ : 24 = nowhere;
  std::uint32_t registered_ : 1 = 0;
  std::uint32_t has_options_ : 1 = 0;
  std::uint32_t has_hooks_ : 1;
};

/// A counted reference to a DispatcherBase; the last one destroys source and callback.
class DispatcherRef {
 public:
  DispatcherRef() noexcept = default;
  explicit DispatcherRef(DispatcherBase* dispatcher) noexcept : dispatcher_{dispatcher} {
    if (dispatcher_ != nullptr)
      ++dispatcher_->references_;
  }
  DispatcherRef(const DispatcherRef& other) noexcept : DispatcherRef{other.dispatcher_} {}
  DispatcherRef(DispatcherRef&& other) noexcept
      : dispatcher_{std::exchange(other.dispatcher_, nullptr)} {}
  DispatcherRef& operator=(DispatcherRef other) noexcept {
    std::swap(dispatcher_, other.dispatcher_);
    return *this;
  }
  ~DispatcherRef() {
    if (dispatcher_ != nullptr && --dispatcher_->references_ == 0)
      dispatcher_->destroy();
  }
  /// Takes over a reference that was counted before.
  [[nodiscard]] static DispatcherRef adopt(DispatcherBase* dispatcher) noexcept {
    DispatcherRef ref;
    ref.dispatcher_ = dispatcher;
    return ref;
  }
  /// Gives the reference away without uncounting it.
  [[nodiscard]] DispatcherBase* release() noexcept { return std::exchange(dispatcher_, nullptr); }
  [[nodiscard]] DispatcherBase* get() const noexcept { return dispatcher_; }
  DispatcherBase* operator->() const noexcept { return dispatcher_; }
  explicit operator bool() const noexcept { return dispatcher_ != nullptr; }
  /// Whether nobody else refers to it.
  [[nodiscard]] bool is_last() const noexcept {
    return dispatcher_ != nullptr && dispatcher_->references_ == 1;
  }

 private:
  DispatcherBase* dispatcher_ = nullptr;
};

}  // namespace calloop
