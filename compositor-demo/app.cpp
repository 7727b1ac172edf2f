#include "compositor-demo/app.hpp"

#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <filesystem>
#include <new>
#include <ranges>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include <calloop/sources/timer.hpp>

#include "compositor-demo/log.hpp"
#include "compositor-demo/output/headless.hpp"
#include "compositor-demo/output/png.hpp"

namespace demo {
namespace {

constexpr int status_not_found = 127;
constexpr int status_not_executable = 126;

}  // namespace

App::App(const calloop::LoopHandle<App>& loop, calloop::LoopSignal stop, Options options)
    : options_{std::move(options)},
      loop_{loop},
      stop_{std::move(stop)},
      protocol_{loop.part<&App::protocol_>(), *this, {.socket = options_.socket}},
      shell_{*this},
      clients_{loop.part<&App::clients_>(),
               *this,
               {.wayland_display = protocol_.socket(), .descriptors = descriptors_.original()}},
      screenshot_pending_{!options_.screenshot.empty()} {
  choose_backend();
}

// What is asked of the loop for later would come too late.
App::~App() {
  cursor_idle_.cancel();
  fallback_.cancel();
}

// There is a backend, and its outputs, if it has any.
void App::begin() {
  if (std::exchange(begun_, true))
    return;
  if (screens_.empty()) {
    log::info("listening on %s, no output yet", protocol_.socket().c_str());
  } else {
    const Output& output = *screens_.front()->output;
    log::info("listening on %s, output %dx%d at %.3g Hz", protocol_.socket().c_str(),
              output.size().width, output.size().height, output.refresh_mhz() / 1000.0);
  }
  if (options_.run_for)
    run_timer_ = {loop_, loop_.insert_source(calloop::Timer::after(*options_.run_for),
                                             [](App& app) { app.quit(0); }, {.name = "run-for"})};
  start_clients();
}

// ------------------------------------------------------------------ windows, as protocol sees them

void App::window_mapped(WindowId window) {
  if (const Screen* const screen = screen_under_pointer())
    shell_.set_area(screen->area());
  shell_.add(window, protocol_.window_size(window));
  if (const auto former = protocol_.window_former_position(window)) {
    shell_.move(window, *former);
    bring_windows_over();  // that may be nowhere now
  }
  protocol_.set_position(window, shell_.windows().back().position);  // new ones are on top
  place_filling(window);
}

void App::window_grew(WindowId window, Point by) {
  if (const Shell::Window* const placed = find_window(window))
    move_window(window, placed->position + by);
}

void App::move_window(WindowId window, Point position) {
  shell_.move(window, position);
  protocol_.set_position(window, position);
}

void App::window_unmapped(WindowId window) {
  throttle_.forget(window);
  filled_.erase(window);
  if (drag_ && drag_->window == window)
    drag_.reset();
  shell_.remove(window);
}

void App::window_committed(WindowId window) {
  shell_.resize(window, protocol_.window_size(window));
  if (protocol_.window_state(window) == WindowState::Fullscreen)
    place_filling(window);  // another middle
  keep_edge(window);
  pointer_stale_ = true;
  // What a client does to the window that it has the pointer in it hears of at once.
  if (protocol_.pointer_window() == window) {
    const Shell::Window* const under = window_at(pointer_.x(), pointer_.y());
    if (under != nullptr && under->id == window)
      tell_pointer(loop_.now());
  }
  request_frames();
}

ClientId App::add_client(calloop::OwnedFd connection) {
  return protocol_.add_client(std::move(connection));
}

void App::place_window(ClientId client, std::uint32_t surface, Point position) {
  const auto window = protocol_.window_of(client, surface);
  if (window)
    move_window(*window, position);
}

// ---------------------------------------------------------------------------- what shell decides

// The first change in the time of a frame is told at once, the last of further ones with the frame.
// A window may come and go a thousand times a second: everybody whose focus comes and goes would be
// told of each, until his socket is full and he is disconnected for what another one does.
void App::focus_changed(std::optional<WindowId> focus) {
  focus_ = focus;
  if (!std::exchange(focus_told_in_this_frame_, true))
    tell_focus();
  request_frames();
}

void App::tell_focus() {
  if (focus_ == focus_told_)
    return;
  focus_told_ = focus_;
  protocol_.set_keyboard_focus(focus_);
}

void App::arrangement_changed() {
  pointer_stale_ = true;
  request_frames();
}

// -------------------------------------------------------------------------------------- clients

void App::start_clients() {
  for (const std::string& line : options_.autostart) {
    try {
      clients_.start({"/bin/sh", "-c", line}, line);
    } catch (const std::system_error& error) {
      log::error("%s: %s", line.c_str(), error.what());
    }
  }
  if (options_.command.empty())
    return;
  try {
    command_ = clients_.start(options_.command, options_.command.front());
  } catch (const std::system_error& error) {
    const bool missing = error.code() == std::errc::no_such_file_or_directory;
    log::error("%s: %s", options_.command.front().c_str(),
               missing ? "command not found" : error.code().message().c_str());
    screenshot_pending_ = false;  // of what?
    quit(missing ? status_not_found : status_not_executable);
  }
}

void App::client_ended(pid_t client, int status) {
  if (client == command_)
    quit(status);
}

void App::all_clients_ended() {
  if (quitting_)
    stop_.stop();
}

void App::quit(int status) {
  if (quitting_) {
    clients_.kill_all();
    return;
  }
  quitting_ = true;
  exit_status_ = status;
  run_timer_.reset();
  protocol_.stop_accepting();
  if (std::exchange(screenshot_pending_, false)) {
    for (const ClientProcesses::Client& client : clients_.started())
      if (!in_last_frame(client.pid))
        log::warning("no window of '%s' in the screenshot", client.name.c_str());
    save_screenshot();
  }
  clients_.end_all();
}

// ----------------------------------------------------------------------------------- screenshots

// A window belongs to a client if it was made by a process of its group.
bool App::belongs_to(WindowId window, pid_t client) const {
  const pid_t pid = protocol_.window_pid(window);
  return pid > 0 && ::getpgid(pid) == client;
}

bool App::shows_a_window(pid_t client) const {
  return std::ranges::any_of(shell_.windows(), [&](const Shell::Window& window) {
    return belongs_to(window.id, client) && protocol_.shown_since_last_commit(window.id);
  });
}

// A client that draws all the time has mostly committed more than was shown.
bool App::in_last_frame(pid_t client) const {
  return std::ranges::any_of(screens_, [&](const std::unique_ptr<Screen>& screen) {
    return std::ranges::any_of(screen->shown, [&](const Shown& window) {
      return window.visible && belongs_to(window.id, client);
    });
  });
}

void App::take_first_screenshot() {
  if (!screenshot_pending_ || clients_.started().empty())
    return;
  const bool all_there = std::ranges::all_of(
      clients_.started(),
      [&](const ClientProcesses::Client& client) { return shows_a_window(client.pid); });
  if (all_there && std::exchange(screenshot_pending_, false))
    save_screenshot();
}

void App::write_screenshot() {
  const bool painted = std::ranges::any_of(
      screens_, [](const std::unique_ptr<Screen>& screen) { return screen->painted; });
  if (painted)
    save_screenshot();
  else
    screenshot_asked_ = true;  // with the first frame, which is near
}

void App::save_screenshot() {
  if (options_.screenshot.empty() || screens_.empty()) {
    log::warning(options_.screenshot.empty() ? "no screenshot: --screenshot names no file"
                                             : "no screenshot: there is no output");
    return;
  }
  try {
    const bool painted = std::ranges::any_of(
        screens_, [](const std::unique_ptr<Screen>& screen) { return screen->painted; });
    if (!painted)
      throw std::runtime_error{"screenshot " + options_.screenshot + ": nothing was painted yet"};
    if (screens_.size() == 1)
      write_png(options_.screenshot, screens_.front()->output->shown());
    else
      write_png(options_.screenshot, picture_of_all_screens().get());
    log::info("screenshot of %zu windows: %s", shell_.windows().size(),
              std::filesystem::absolute(options_.screenshot).c_str());
  } catch (const std::exception& error) {
    log::error("%s", error.what());
    if (exit_status_ == 0)
      exit_status_ = 1;
  }
}

}  // namespace demo
