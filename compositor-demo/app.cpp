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

constexpr pixman_color_t background{0x2a2a, 0x3535, 0x4242, 0xffff};
constexpr int status_not_found = 127;
constexpr int status_not_executable = 126;

std::uint32_t period_ns(int refresh_mhz) {
  return static_cast<std::uint32_t>(1'000'000'000'000 / refresh_mhz);
}

// A screen of 96 pixels to the inch.
OutputInfo describe(const Mode& mode) {
  const auto millimetres = [](int pixels) { return std::max(1, pixels * 254 / 960); };
  OutputInfo info;
  info.name = "HEADLESS-1";
  info.description = "Headless output 1";
  info.make = "calloop";
  info.model = "headless";
  info.mode = mode.size;
  info.millimetres = {millimetres(mode.size.width), millimetres(mode.size.height)};
  info.refresh_mhz = mode.refresh_mhz;
  return info;
}

}  // namespace

App::App(const calloop::LoopHandle<App>& loop, calloop::LoopSignal stop, Options options)
    : options_{std::move(options)},
      loop_{loop},
      stop_{std::move(stop)},
      protocol_{loop.part<&App::protocol_>(), *this, {.socket = options_.socket}},
      shell_{*this},
      output_{make_output()},
      renderer_{background},
      clients_{loop.part<&App::clients_>(),
               *this,
               {.wayland_display = protocol_.socket(), .descriptors = descriptors_.original()}},
      screenshot_pending_{!options_.screenshot.empty()} {
  protocol_.add_output(describe(options_.output));
  shell_.set_area(Rect::at({}, output_->size()));
  output_->request_frame();
  log::info("listening on %s, output %dx%d at %.3g Hz", protocol_.socket().c_str(),
            output_->size().width, output_->size().height, output_->refresh_mhz() / 1000.0);

  if (options_.run_for)
    run_timer_ = {loop_, loop_.insert_source(calloop::Timer::after(*options_.run_for),
                                             [](App& app) { app.quit(0); }, {.name = "run-for"})};
  start_clients();
}

std::unique_ptr<Output> App::make_output() {
  if (options_.backend == Backend::Automatic)
    log::info("backend headless: there is no other yet");
  Output::Host& host = *this;
  const auto& [size, refresh_mhz] = options_.output;
  try {
    return std::make_unique<HeadlessOutput>(loop_, host, size, refresh_mhz);
  } catch (const std::bad_alloc&) {
    throw std::runtime_error{"no memory for an output of " + std::to_string(size.width) + "x" +
                             std::to_string(size.height)};
  }
}

// ------------------------------------------------------------------ windows, as protocol sees them

void App::window_mapped(WindowId window) {
  shell_.add(window, protocol_.window_size(window));
  protocol_.set_position(window, shell_.windows().back().position);  // new ones are on top
}

void App::window_unmapped(WindowId window) {
  throttle_.forget(window);
  shell_.remove(window);
}

void App::window_committed(WindowId window) {
  shell_.resize(window, protocol_.window_size(window));
  if (output_)
    output_->request_frame();
}

// ---------------------------------------------------------------------------- what shell decides

// The first change in the time of a frame is told at once, the last of further ones with the frame.
// A window may come and go a thousand times a second: everybody whose focus comes and goes would be
// told of each, until his socket is full and he is disconnected for what another one does.
void App::focus_changed(std::optional<WindowId> focus) {
  focus_ = focus;
  if (!std::exchange(focus_told_in_this_frame_, true))
    tell_focus();
  if (output_)
    output_->request_frame();
}

void App::tell_focus() {
  if (focus_ == focus_told_)
    return;
  focus_told_ = focus_;
  protocol_.set_keyboard_focus(focus_);
}

void App::arrangement_changed() {
  if (output_)
    output_->request_frame();
}

// ------------------------------------------------------------------------------- a frame is due

void App::frame(Output& output, calloop::TimePoint) {
  focus_told_in_this_frame_ = false;
  tell_focus();
  shown_.clear();
  for (const Shell::Window& window : shell_.windows()) {
    shown_.push_back({window.id, pictures_.size()});
    protocol_.append_pictures(window.id, window.position, pictures_);
  }

  const Output::Canvas canvas = output.begin();
  const Region& damage = renderer_.plan(output.size(), canvas.age, pictures_);
  leave_out_the_greedy(output.size());
  renderer_.paint(canvas.image, pictures_);
  std::size_t end = pictures_.size();
  for (Shown& window : shown_ | std::views::reverse) {
    while (end > window.first_picture && !window.visible)
      window.visible = renderer_.visible(--end);
    end = window.first_picture;
  }
  pictures_.clear();  // they are only lent
  output.commit(damage);
}

// One client can lay thousands of surfaces above each other, each as large as the screen.
void App::leave_out_the_greedy(Size screen) {
  work_.clear();
  std::int64_t all = 0;
  const auto pictures_of = [this](std::size_t window) {
    const std::size_t next = window + 1;
    return std::views::iota(shown_[window].first_picture,
                            next < shown_.size() ? shown_[next].first_picture : pictures_.size());
  };
  for (std::size_t window = 0; window < shown_.size(); ++window) {
    Work& work = work_.emplace_back();
    for (const std::size_t picture : pictures_of(window))
      work.pixels += renderer_.work(picture);
    all += work.pixels;
  }
  const std::int64_t budget = frame_budget(screen);
  if (all <= budget)
    return;
  for (std::size_t window = 0; window < shown_.size(); ++window)
    work_[window].process = protocol_.window_pid(shown_[window].id);
  for (const std::size_t window : over_budget(work_, budget)) {
    for (const std::size_t picture : pictures_of(window))
      renderer_.leave_out(picture);
    protocol_.disconnect(shown_[window].id, "wants more to be painted than a frame has time for");
  }
}

void App::presented(Output& output, calloop::TimePoint time, std::uint64_t, std::uint32_t) {
  painted_ = true;
  if (std::exchange(screenshot_asked_, false))
    save_screenshot();
  for (const Shown& window : shown_) {
    if (window.visible) {
      throttle_.forget(window.id);
      protocol_.frame_shown(window.id, time, period_ns(output.refresh_mhz()));
    } else if (protocol_.frame_wanted(window.id) || !protocol_.shown_since_last_commit(window.id)) {
      throttle_.wait(window.id, time);
    }
  }
  serve_covered(time);
  take_first_screenshot();
}

void App::resized(Output& output) {
  shell_.set_area(Rect::at({}, output.size()));
  output.request_frame();
}

void App::gone(Output&) {
  output_.reset();
  log::error("the output is gone");
  quit(1);
}

// Covered windows live on one frame a second; the timer runs only while one of them waits.
void App::serve_covered(calloop::TimePoint now) {
  for (const WindowId window : throttle_.take(now))
    protocol_.frame_throttled(window, now);
  covered_timer_.reset();
  if (const auto next = throttle_.next())
    covered_timer_ = {
        loop_, loop_.insert_source(calloop::Timer::at(*next),
                                   [](calloop::TimePoint due, App& app) { app.serve_covered(due); },
                                   {.name = "covered windows"})};
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
  return std::ranges::any_of(
      shown_, [&](const Shown& window) { return window.visible && belongs_to(window.id, client); });
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
  if (painted_)
    save_screenshot();
  else
    screenshot_asked_ = true;  // with the first frame, which is near
}

void App::save_screenshot() {
  if (options_.screenshot.empty() || !output_) {
    log::warning("no screenshot: --screenshot names no file");
    return;
  }
  try {
    if (!painted_)
      throw std::runtime_error{"screenshot " + options_.screenshot + ": nothing was painted yet"};
    write_png(options_.screenshot, output_->shown());
    log::info("screenshot of %zu windows: %s", shell_.windows().size(),
              std::filesystem::absolute(options_.screenshot).c_str());
  } catch (const std::exception& error) {
    log::error("%s", error.what());
    if (exit_status_ == 0)
      exit_status_ = 1;
  }
}

}  // namespace demo
