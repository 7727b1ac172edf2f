// The wiring: every module of the demo is a member here, and what one has to tell another goes
// through here. No module includes another one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <calloop/loop_handle.hpp>
#include <calloop/loop_signal.hpp>
#include <calloop/scoped_registration.hpp>

#include "compositor-demo/options.hpp"
#include "compositor-demo/output/output.hpp"
#include "compositor-demo/picture.hpp"
#include "compositor-demo/process/client_processes.hpp"
#include "compositor-demo/process/descriptor_limit.hpp"
#include "compositor-demo/protocol/protocol.hpp"
#include "compositor-demo/render/frame_budget.hpp"
#include "compositor-demo/render/renderer.hpp"
#include "compositor-demo/shell/shell.hpp"
#include "compositor-demo/shell/throttle.hpp"

namespace demo {

// Pictures go one way: client -> protocol -> app -> render -> output; the time at which they were
// shown goes back.
class App final : Protocol::Host, Shell::Host, Output::Host, ClientProcesses::Host {
 public:
  // Listens, makes the output and starts the clients. Throws std::system_error or
  // std::runtime_error with a line for the user when the environment cannot be used.
  App(const calloop::LoopHandle<App>& loop, calloop::LoopSignal stop, Options options);
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  // Lets no client in any more, ends those that were started, then stops the loop. The first status
  // stays; said again, it does not wait for the clients any more.
  void quit(int status);
  // Writes the file of --screenshot now, or when there is something on the screen.
  void write_screenshot();
  int exit_status() const noexcept { return exit_status_; }

 private:
  // What the last frame shows of a window.
  struct Shown {
    WindowId id{};
    std::size_t first_picture = 0;
    bool visible = false;
  };

  // Protocol::Host
  void window_mapped(WindowId window) override;
  void window_unmapped(WindowId window) override;
  void window_committed(WindowId window) override;
  // Shell::Host
  void focus_changed(std::optional<WindowId> focus) override;
  void arrangement_changed() override;
  // Output::Host
  void frame(Output& output, calloop::TimePoint time) override;
  void presented(Output& output, calloop::TimePoint time, std::uint64_t sequence,
                 std::uint32_t flags) override;
  void resized(Output& output) override;
  void gone(Output& output) override;
  // ClientProcesses::Host
  void client_ended(pid_t client, int status) override;
  void all_clients_ended() override;

  std::unique_ptr<Output> make_output();
  void tell_focus();
  void start_clients();
  void leave_out_the_greedy(Size screen);
  void serve_covered(calloop::TimePoint now);
  bool belongs_to(WindowId window, pid_t client) const;
  bool shows_a_window(pid_t client) const;
  bool in_last_frame(pid_t client) const;
  void take_first_screenshot();
  void save_screenshot();

  Options options_;
  calloop::LoopHandle<App> loop_;
  calloop::LoopSignal stop_;
  int exit_status_ = 0;
  bool quitting_ = false;

  DescriptorLimit descriptors_;
  Protocol protocol_;
  Shell shell_;
  std::unique_ptr<Output> output_;
  Renderer renderer_;
  ClientProcesses clients_;

  std::optional<WindowId> focus_;       // as shell has it
  std::optional<WindowId> focus_told_;  // as protocol knows it
  bool focus_told_in_this_frame_ = false;

  std::vector<Picture> pictures_;
  std::vector<Shown> shown_;
  std::vector<Work> work_;  // of each that is shown
  Throttle throttle_;
  calloop::ScopedRegistration covered_timer_;
  calloop::ScopedRegistration run_timer_;
  std::optional<pid_t> command_;     // the client whose end is ours
  bool screenshot_pending_ = false;  // the first one is not written yet
  bool screenshot_asked_ = false;    // before there was anything to be seen
  bool painted_ = false;             // there was a frame
};

}  // namespace demo
