#include <chrono>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include "compositor-demo/app.hpp"
#include "compositor-demo/log.hpp"
#include "compositor-demo/output/headless.hpp"
#include "compositor-demo/session/terminal.hpp"

namespace demo {

// ------------------------------------------------------------------------------- which backend

void App::choose_backend() {
  switch (options_.backend) {
    case Backend::Headless:
      return use_headless("asked for");
    case Backend::Drm:
      return open_session("asked for");
    case Backend::Automatic:
      break;
  }
  const Standing where = standing(surroundings());
  if (where.on_terminal)
    open_session(where.reason);
  else
    use_headless("not drm, since " + where.reason);
}

void App::open_session(const std::string& why) {
  log::info("backend drm: %s", why.c_str());
  Session::Host& host = *this;
  try {
    session_.emplace(loop_, host);
  } catch (const std::system_error& error) {
    const std::string reason = std::string{"there is no seat: "} + error.what();
    if (options_.backend == Backend::Drm)
      throw std::runtime_error{reason};
    use_headless(reason);
  }
}

void App::use_headless(const std::string& why) {
  log::info("backend headless: %s", why.c_str());
  OutputInfo info;
  info.name = "HEADLESS-1";
  info.description = "Headless output 1";
  info.make = "calloop";
  info.model = "headless";
  Output::Host& host = *this;
  const auto& [size, refresh_mhz] = options_.output;
  try {
    headless_ = std::make_unique<HeadlessOutput>(loop_, host, size, refresh_mhz);
  } catch (const std::bad_alloc&) {
    throw std::runtime_error{"no memory for an output of " + std::to_string(size.width) + "x" +
                             std::to_string(size.height)};
  }
  add_screen(*headless_, nullptr, std::move(info));
  begin();
}

// The screens cannot be had. Said from inside of what they would have been made of: what is there
// is taken down when that has returned.
void App::no_screens(const std::string& why) {
  if (options_.backend == Backend::Drm) {
    log::error("%s", why.c_str());
    return quit(1);
  }
  fallback_ = loop_.insert_idle([why](App& app) {
    app.input_.reset();
    app.drm_.reset();
    app.session_.reset();
    app.use_headless(why);
  });
}

// ------------------------------------------------------------------------------ whose turn it is

// Screens first: input would have no place to go to.
void App::session_enabled() {
  if (quitting_)
    return;
  if (!begun_)
    return start_seat();
  log::info("the seat is ours again");
  drm_->start();
  if (input_)
    input_->resume();
  pointer_stale_ = true;
  update_cursor();
  request_frames();
}

void App::start_seat() {
  fallback_.cancel();  // late, but it has come
  Drm::Host& drm_host = *this;
  Input::Host& input_host = *this;
  try {
    drm_.emplace(loop_, drm_host, session_->seat());
    drm_->start();
  } catch (const std::system_error& error) {
    return no_screens(std::string{"graphics cards cannot be looked for: "} + error.what());
  }
  if (drm_->cards() == 0)
    return no_screens((drm_->found() == 0 ? "there is no graphics card on "
                                          : "no graphics card can be used on ") +
                      std::string{session_->seat()});
  try {
    input_.emplace(loop_, input_host, session_->seat(),
                   InputSettings{.natural_scroll = options_.natural_scroll,
                                 .tap = options_.tap_to_click,
                                 .acceleration = options_.pointer_speed});
    if (input_->devices() == 0)
      log::warning("no input device on %s; one that is plugged in will be used",
                   std::string{session_->seat()}.c_str());
    devices_changed();
  } catch (const std::system_error& error) {
    log::error("no input: %s", error.what());
  }
  begin();
}

// Nothing may be used when this returns, so who uses most goes first: input, then whoever was told
// of it, then the screens. libseat is told last, by the source.
void App::session_disabled() {
  log::info("the seat is somebody else's");
  fallback_.cancel();
  protocol_.cancel_drag();
  if (input_)
    input_->suspend();
  bindings_.reset();
  if (drag_)
    end_drag();
  if (drm_)
    drm_->stop();
  covered_timer_.reset();  // nobody sees anything: presented() begins anew
}

void App::session_not_enabled() {
  if (!begun_)
    no_screens("the seat was not ours within " +
               std::to_string(
                   std::chrono::duration_cast<std::chrono::seconds>(Session::patience).count()) +
               " s: another session is in front, or we may not use the devices");
}

void App::session_lost(const std::string& reason) {
  log::error("the seat is gone: %s", reason.c_str());
  if (drm_)
    drm_->stop();
  quit(1);
}

// ----------------------------------------------------------------------- devices of the session

int App::open_card(const std::string& path) {
  return session_->open(path);
}

void App::close_card(int fd) noexcept {
  session_->close(fd);
}

void App::output_added(DrmOutput& output) {
  const Monitor& monitor = output.monitor();
  OutputInfo info;
  info.name = monitor.name;
  info.make = monitor.make.empty() ? "unknown" : monitor.make;
  info.model = monitor.model.empty() ? monitor.name : monitor.model;
  info.description = info.make + " " + info.model + " (" + monitor.name + ")";
  info.millimetres = monitor.millimetres;
  add_screen(output, &output, std::move(info));
}

void App::output_removed(DrmOutput& output) {
  remove_screen(output);
}

int App::open_device(const std::string& path) {
  return session_->open(path);
}

void App::close_device(int fd) noexcept {
  session_->close(fd);
}

}  // namespace demo
