// The loop itself, without any notion of what the application's data is.
//
//     const CoreRef core{LoopCore::make(make_epoll_backend())};
//     core->insert_idle([] { draw(); });
//     core->dispatch(LoopCore::for_ever, &app);  // callbacks know by their DataPath what this is
//     core->shut_down();                         // who still has a CoreRef finds a dead loop
//
// LoopCore owns the sources and runs them: slots, dispatch, re-entrancy. It is compiled once, in
// libcalloop; EventLoop and LoopHandle put types on it. Internal to the loop; installed because
// the templates need it.
//
// While a source's code runs, what is asked for that source is recorded and done when its code has
// returned; everything else is done at once. Its code is what process_events and the hooks call,
// and its registration functions, which may be called in the middle of another source's code.
// Nothing of the core is borrowed while foreign code runs, so callbacks, hooks, idles and
// destructors may call whatever they like.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <calloop/backend.hpp>
#include <calloop/block_pool.hpp>
#include <calloop/clock.hpp>
#include <calloop/data_path.hpp>
#include <calloop/dispatcher_base.hpp>
#include <calloop/export.hpp>
#include <calloop/host_fd.hpp>
#include <calloop/idle_queue.hpp>
#include <calloop/observer.hpp>
#include <calloop/owner_thread.hpp>
#include <calloop/poll.hpp>
#include <calloop/slot_table.hpp>
#include <calloop/source_options.hpp>
#include <calloop/token.hpp>

namespace calloop {

class LoopCore {
 public:
  /// References are counted without atomics: handles belong to the loop's thread.
  void add_reference() noexcept { ++references_; }
  void drop_reference() noexcept {
    if (--references_ == 0)
      destroy();
  }
  [[nodiscard]] CALLOOP_API static LoopCore* make(std::shared_ptr<Backend> backend);
  LoopCore(const LoopCore&) = delete;
  LoopCore& operator=(const LoopCore&) = delete;

  /// Where dispatchers have their memory.
  [[nodiscard]] BlockPool& blocks() noexcept { return blocks_; }

  // What a LoopHandle offers; see there.
  CALLOOP_API RegistrationToken insert(DispatcherRef dispatcher, SourceOptions* options);
  CALLOOP_API bool remove(RegistrationToken token);
  CALLOOP_API bool disable(RegistrationToken token);
  CALLOOP_API bool enable(RegistrationToken token);
  CALLOOP_API bool update(RegistrationToken token);
  template <class Closure>
  IdleQueue::Place insert_idle(Closure closure) {
    const bool is_plain = owner_.is_admitted();
    if (!is_plain) [[unlikely]]
      check_usable("insert_idle");
    const IdleQueue::Place place = idles_.push(std::move(closure));
    mode_.has_extras = true;
    if (!is_plain) [[unlikely]]
      tell_host();
    return place;
  }
  bool cancel_idle(const IdleQueue::Place& place) noexcept { return idles_.cancel(place); }
  [[nodiscard]] CALLOOP_API const DataPath* path(const DataPath* parent,
                                                 void* (*step)(void*) noexcept);
  [[nodiscard]] const DataPath* root_path() const noexcept { return &root_; }
  [[nodiscard]] TimePoint now() const noexcept { return poll_.now(); }
  [[nodiscard]] std::size_t source_count() const noexcept { return slots_.used() - 1; }

  // What an EventLoop offers; see there.
  /// `at_most` is how long it may wait: not negative, or `for_ever`.
  static constexpr Duration for_ever{-1};
  CALLOOP_API void dispatch(Duration at_most, void* data);
  [[nodiscard]] CALLOOP_API Timeout prepare(void* data);
  [[nodiscard]] CALLOOP_API int fd();
  CALLOOP_API void set_timer_slack(Duration slack);
  CALLOOP_API void set_observer(Observer* observer);
  CALLOOP_API void set_on_error(ErrorHandler handler);
  /// Drops every source and idle. Afterwards the loop is dead and only waits for its handles.
  CALLOOP_API void shut_down() noexcept;

  /// Takes the exception that a callback of the running source has just thrown; to be called
  /// inside the catch block. The callback counts as having returned its default.
  CALLOOP_API void callback_threw() noexcept;

 private:
  enum class State : std::uint8_t { Alive, Dispatching, ShuttingDown, Dead };
  // What was asked for the running source, by its own code, in the order of PostAction. Reregister
  // stands for enable and update; of it and Disable the last one counts.
  enum class Wish : std::uint8_t { None, Reregister, Disable, Remove };
  struct Hooked {
    std::uint32_t slot;
    std::uint32_t generation;
  };
  // A source that is in no slot any more, and what was said about it: both have destructors that
  // may use the loop.
  struct Removed {
    std::unique_ptr<SourceOptions> options;
    DispatcherRef source;
  };
  // A registration function that is on the stack. What its source asks for itself in there is kept
  // here; that it be enabled or updated is what it is about, and not asked for again.
  struct RegistrationCode {
    DispatcherRef source;
    RegistrationCode* below;
    std::unique_ptr<SourceOptions> doomed_options = {};  // if it was removed
    Wish wish = Wish::None;
  };
  struct Sighting {
    std::uint64_t token;
    std::uint64_t wait;
  };

  [[gnu::cold]] explicit LoopCore(std::shared_ptr<Backend> backend);
  [[gnu::cold]] ~LoopCore();
  CALLOOP_API void destroy() noexcept;  // not inline: compilers would warn of what cannot happen

  // core.cpp: one dispatch, in its order
  void check_dispatch(const char* what) const;
  void resolve_paths(void* data) noexcept;
  [[nodiscard]] std::span<const epoll_event> wait(Duration at_most);
  [[nodiscard]] std::span<const epoll_event> wait_for_timers(Duration at_most);
  [[nodiscard]] bool is_dispatching() const noexcept { return mode_.state == State::Dispatching; }
  void run_synthetic_events();
  template <bool Observed>
  void run_fd_events(std::span<const epoll_event> batch);
  void run_timers();
  void run_idles();
  [[nodiscard, gnu::cold]] bool idle_threw() noexcept;
  template <bool Observed>
  bool deliver(Readiness readiness, Token token, const Slot& slot);
  template <class Events>
  void deliver_all(Events events);
  template <class Hook>
  void run_hooks(Hook hook);
  void run_before_sleep();
  void run_before_handle_events();
  void iterate_with_extras(Duration at_most);
  void finish_iteration();
  void see_to_extras();
  [[nodiscard]] PostAction observed(DispatcherBase& source, Readiness readiness, Token token);
  // Takes what process_events takes, so that no register has to be changed for either.
  [[gnu::cold]] void saw_stale(Readiness readiness, Token token) noexcept;
  [[gnu::cold]] void rebuild_registrations();
  [[gnu::cold]] void register_anew(DispatcherBase& source);
  [[nodiscard]] bool has_leftovers() const noexcept;
  void update_host();
  CALLOOP_API void tell_host();

  // registrations.cpp: sources come, change and go
  [[nodiscard]] DispatcherBase* find(RegistrationToken token) const;
  [[nodiscard]] bool is_there(const char* what) const;
  [[nodiscard]] RegistrationCode* registration_code_of(const DispatcherBase& source) const noexcept;
  template <class Call>
  void in_code_of(DispatcherBase& source, Call call);
  [[gnu::cold]] void grant(DispatcherBase& source, Wish wish);
  void register_in_line(DispatcherBase& source);
  void unregister_in_line(DispatcherBase& source, Poll::Removal removal) noexcept;
  void register_source(DispatcherBase& source);
  void reregister_source(DispatcherBase& source);
  void unregister_source(DispatcherBase& source);
  void unregister_quietly(DispatcherBase& source,
                          Poll::Removal removal = Poll::Removal::All) noexcept;
  template <class Call>
  void in_registration(DispatcherBase& source, Poll::Removal on_failure, Call call);
  [[noreturn, gnu::cold]] void throw_with_source(const DispatcherBase& source);
  [[nodiscard]] Removed free_slot(std::uint32_t index) noexcept;
  [[gnu::cold]] void set_options(DispatcherBase& source, SourceOptions options);
  [[nodiscard]] std::unique_ptr<SourceOptions> take_options(DispatcherBase& source) noexcept;
  [[nodiscard]] const SourceOptions* options_of(const DispatcherBase& source) const noexcept;
  void settle(PostAction action) noexcept;
  void apply(DispatcherBase& source, PostAction action);
  void wish(Wish wish) noexcept;
  CALLOOP_API void check_usable(const char* what) const;
  [[nodiscard]] std::string_view name_of(const DispatcherBase& source) const noexcept;
  [[nodiscard]] const ErrorHandler* handler_of(const DispatcherBase& source) const noexcept;
  [[gnu::cold]] void report(DispatcherBase& source, std::exception_ptr error) noexcept;
  [[gnu::cold]] void bury_refused() noexcept;

  BlockPool blocks_{*this};  // first: destroyed when nothing is left in it
  std::uint32_t references_ = 0;
  // All zero, as one compare tells: a dispatch has nothing special to see to.
  struct Mode {
    State state = State::Alive;
    // More to see to than descriptors and timers: hooks, idles, leftovers, an observer, a host,
    // stale events. Set by whatever brings such work, cleared when an iteration finds none.
    bool has_extras = false;
  } mode_;
  bool rebuild_ = false;
  Wish wish_ = Wish::None;
  // Or 0: something is to be settled when the running source's code returns. No PostAction has it.
  static constexpr std::uint8_t needs_attention = 0x80;
  std::uint8_t attention_ = 0;
  DispatcherBase* running_ = nullptr;  // whose process_events or hook is on the stack
  Observer* observer_ = nullptr;
  SlotTable slots_;
  std::shared_ptr<Backend> backend_;
  Poll poll_;
  Removed doomed_;  // keeps the running source if it was removed
  RegistrationCode* registering_ = nullptr;
  std::exception_ptr caught_;  // leaves dispatch()
  // The batch before its events are delivered, and what an exception has left of it.
  std::span<const epoll_event> leftover_;
  std::vector<Hooked> hooked_;
  std::vector<SyntheticEvent> synthetic_;
  std::size_t synthetic_done_ = 0;
  IdleQueue idles_;
  std::vector<std::unique_ptr<DataPath>> paths_;
  DataPath root_;
  Duration slack_;
  std::uint64_t waits_ = 0;
  std::vector<Sighting> stale_;  // events that nobody owns, and in which wait
  std::unordered_map<std::uint32_t, std::unique_ptr<SourceOptions>> options_;  // by slot
  ErrorHandler on_error_;
  std::unique_ptr<HostFd> host_;
  std::vector<DispatcherRef> graveyard_;  // inserted while shutting down
  DispatcherRef loop_slot_;
  const std::uint32_t identity_;  // of this loop, in tokens
  OwnerThread owner_;             // admits while the loop is alive and has no host
};

/// Keeps a LoopCore alive.
class CoreRef {
 public:
  CoreRef() noexcept = default;
  explicit CoreRef(LoopCore* core) noexcept : core_{core} {
    if (core_ != nullptr)
      core_->add_reference();
  }
  CoreRef(const CoreRef& other) noexcept : CoreRef{other.core_} {}
  CoreRef(CoreRef&& other) noexcept : core_{std::exchange(other.core_, nullptr)} {}
  CoreRef& operator=(CoreRef other) noexcept {
    std::swap(core_, other.core_);
    return *this;
  }
  ~CoreRef() {
    if (core_ != nullptr)
      core_->drop_reference();
  }
  [[nodiscard]] LoopCore* get() const noexcept { return core_; }
  LoopCore* operator->() const noexcept { return core_; }

 private:
  LoopCore* core_ = nullptr;
};

}  // namespace calloop
