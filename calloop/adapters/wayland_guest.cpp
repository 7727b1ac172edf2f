#include <calloop/adapters/wayland_guest.hpp>

#include <cerrno>
#include <cstdint>
#include <system_error>
#include <type_traits>
#include <utility>

namespace calloop::wayland {

// libwayland tells nobody that it is about to sleep. The last thing that a dispatch does, after
// callbacks and idles, is to call what was marked with wl_event_source_check: there all is seen
// that was done in the dispatch. What the program does between two of them, and the idles that it
// adds, is seen by an idle of ours, since idles are also the first thing, right before the wait. It
// is added at the end of each dispatch, and lets the others go first.
struct Guest::State : std::enable_shared_from_this<Guest::State> {
  State(GuestLoop loop, ErrorHandler on_error, wl_event_loop* of)
      : hosted{std::move(loop), std::move(on_error), [this] { detach(); }}, host{of} {
    static_assert(std::is_standard_layout_v<Hook>, "a wl_listener* is found at the Hook's address");
    errno = 0;
    source = wl_event_loop_add_fd(host, hosted.fd(), WL_EVENT_READABLE, &State::on_fd, this);
    if (source == nullptr)
      throw std::system_error{errno == 0 ? ENOMEM : errno, std::generic_category(),
                              "wl_event_loop_add_fd"};
    wl_event_source_check(source);
    wl_event_loop_add_destroy_listener(host, &hook.listener);
    arm();
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { detach(); }

  void detach() noexcept {
    wl_event_source* const attached = std::exchange(source, nullptr);
    if (attached == nullptr)
      return;
    if (hosted.is_another_process()) {
      // The host's epoll is the parent's, and its sources cannot be removed: they keep the state.
      for_ever = shared_from_this();
      return;
    }
    wl_event_source_remove(attached);
    if (wl_event_source* const armed = std::exchange(idle, nullptr); armed != nullptr && !draining)
      wl_event_source_remove(armed);
    wl_list_remove(&hook.listener.link);
  }
  void arm() noexcept {
    if (source != nullptr && idle == nullptr)
      idle = wl_event_loop_add_idle(host, &State::before_sleep, this);
  }
  void listen(bool wanted) noexcept {
    if (source != nullptr && std::exchange(listening, wanted) != wanted)
      wl_event_source_fd_update(source, wanted ? WL_EVENT_READABLE : 0);
  }

  // The callbacks may end the Guest: each holds on to the state.
  static int on_fd(int /*fd*/, std::uint32_t mask, void* data) noexcept {
    const std::shared_ptr<State> self = static_cast<State*>(data)->shared_from_this();
    if (mask == 0) {
      static_cast<void>(self->hosted.prepare());
      self->arm();
    } else if (self->hosted.is_running()) {
      self->listen(false);  // the host runs inside of the guest, and must not spin for it
    } else {
      self->hosted.dispatch();
      self->listen(true);
    }
    return 0;
  }
  static void before_sleep(void* data) noexcept {
    const std::shared_ptr<State> self = static_cast<State*>(data)->shared_from_this();
    if (self->draining)
      return;
    // It is the first of the idles until it returns: the call below runs it once more, takes it
    // away, and goes on with those behind it. libwayland frees no source before its dispatch is
    // over, so this one may be taken away again when it returns.
    self->draining = true;
    wl_event_loop_dispatch_idle(self->host);
    self->draining = false;
    self->idle = nullptr;
    static_cast<void>(self->hosted.prepare());  // what there is to do makes the descriptor readable
  }
  static void host_gone(wl_listener* listener, void* /*data*/) noexcept {
    const auto self = reinterpret_cast<Hook*>(listener)->state->shared_from_this();
    self->hosted.leave();
  }

  struct Hook {
    wl_listener listener;
    State* state;
  };

  HostedLoop hosted;
  wl_event_loop* host;
  wl_event_source* source = nullptr;  // null when it is over
  wl_event_source* idle = nullptr;    // while it waits for its turn
  Hook hook{{{}, &State::host_gone}, this};
  bool draining = false;
  bool listening = true;
  std::shared_ptr<State> for_ever;
};

Guest::Guest(GuestLoop loop, ErrorHandler on_error, wl_event_loop* host)
    : state_{std::make_shared<State>(std::move(loop), std::move(on_error), host)} {}

Guest::~Guest() {
  state_->hosted.leave();
}

bool Guest::is_attached() const noexcept {
  return state_->source != nullptr;
}

}  // namespace calloop::wayland
