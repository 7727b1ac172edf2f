#include <algorithm>
#include <cmath>
#include <exception>
#include <ranges>
#include <system_error>
#include <utility>
#include <vector>

#include "compositor-demo/app.hpp"
#include "compositor-demo/log.hpp"
#include "compositor-demo/render/paint.hpp"

namespace demo {
namespace {

// Nobody else's: surfaces count from 1.
constexpr PictureId cursor_id{~std::uint64_t{0}};

Modifiers modifiers_of(const Protocol& protocol) noexcept {
  const KeyModifiers held = protocol.modifiers();
  return {.shift = held.shift, .control = held.control, .alt = held.alt, .logo = held.logo};
}

}  // namespace

// ------------------------------------------------------------------------------------------ keys

void App::key(std::uint32_t key, bool pressed, calloop::TimePoint time) {
  if (pressed) {
    if (const auto action = bindings_.press(key, modifiers_of(protocol_)))
      return act(*action);
  } else if (bindings_.release(key)) {
    return;
  }
  protocol_.key(key, pressed, time);
  update_leds();
}

void App::update_leds() {
  if (const std::uint32_t leds = protocol_.leds(); leds != leds_) {
    leds_ = leds;
    if (input_)
      input_->set_leds(leds_);
  }
}

void App::act(const Action& action) {
  switch (action.kind) {
    case Action::Kind::Quit:
      return quit(0);
    case Action::Kind::SwitchTerminal:
      return session_->switch_to(action.terminal);
    case Action::Kind::NextWindow:
      if (!shell_.windows().empty())
        raise(shell_.windows().front().id);
      return;
    case Action::Kind::CloseWindow:
      if (focus_)
        protocol_.close(*focus_);
      return;
    case Action::Kind::RunTerminal:
      try {
        clients_.start({"/bin/sh", "-c", options_.terminal}, options_.terminal);
      } catch (const std::system_error& error) {
        log::error("%s: %s", options_.terminal.c_str(), error.what());
      }
      return;
  }
}

// --------------------------------------------------------------------------------------- pointer

void App::pointer_moved(const MotionEvent& motion, calloop::TimePoint time) {
  protocol_.pointer_moved({.dx = motion.dx,
                           .dy = motion.dy,
                           .unaccelerated_dx = motion.unaccelerated_dx,
                           .unaccelerated_dy = motion.unaccelerated_dy},
                          time);
  if (protocol_.pointer_locked())
    return;
  pointer_.move_by(motion.dx, motion.dy);
  keep_pointer_within();
  pointer_moves(time);
}

// Who points at another window with a device that knows places only is let go.
void App::pointer_placed(double x, double y, calloop::TimePoint time) {
  const PointerPosition before = pointer_;
  pointer_.move_to(x, y);
  const Shell::Window* const window = window_at(pointer_.x(), pointer_.y());
  if (window != nullptr && window->id == protocol_.pointer_window()) {
    if (protocol_.pointer_locked())
      pointer_ = before;
    else
      keep_pointer_within();
  }
  pointer_moves(time);
}

void App::keep_pointer_within() {
  const Shell::Window* const window = find_window(protocol_.pointer_window());
  if (window == nullptr)
    return;
  if (const auto place = protocol_.pointer_confined(pointer_.x() - window->position.x,
                                                    pointer_.y() - window->position.y))
    pointer_.place(place->first + window->position.x, place->second + window->position.y);
}

// While a client is being served: it hears of it with the next frame.
void App::pointer_warped(WindowId window, double x, double y) {
  const Shell::Window* const placed = find_window(window);
  if (placed == nullptr)
    return;
  pointer_.place(placed->position.x + x, placed->position.y + y);
  pointer_stale_ = true;
  request_frames();
  move_cursor();
}

void App::pointer_moves(calloop::TimePoint time) {
  if (drags(std::nullopt))
    drag_to(pointer_.x(), pointer_.y());
  tell_pointer(time);
  move_cursor();
}

const Shell::Window* App::window_at(double x, double y) const {
  const Point pixel{static_cast<int>(std::floor(x)), static_cast<int>(std::floor(y))};
  const auto windows = shell_.windows();
  for (const Shell::Window& window : windows | std::views::reverse) {
    if (protocol_.accepts_input(window.id, x - window.position.x, y - window.position.y))
      return &window;
    const Screen* const screen = screen_behind(window);
    if (screen != nullptr && screen->area().contains(pixel))
      return nullptr;  // nothing below is seen there
  }
  return nullptr;
}

// While a button is down everything is for the window where it went down.
void App::tell_pointer(calloop::TimePoint time) {
  const Shell::Window* window = find_window(protocol_.pointer_grab());
  if (window == nullptr)
    window = window_at(pointer_.x(), pointer_.y());
  if (window == nullptr)
    protocol_.pointer_motion(std::nullopt, 0, 0, time);
  else
    protocol_.pointer_motion(window->id, pointer_.x() - window->position.x,
                             pointer_.y() - window->position.y, time);
}

void App::button(std::uint32_t button, bool pressed, calloop::TimePoint time) {
  tell_pointer(time);
  if (pressed && !protocol_.pointer_grab())
    if (const Shell::Window* const window = window_at(pointer_.x(), pointer_.y()))
      raise(window->id);
  protocol_.pointer_button(button, pressed, time);
  if (drags(std::nullopt) && !protocol_.pointer_pressed())
    end_drag();
  tell_pointer(time);  // where a drag ends may be over another window
}

// What the user does is told at once, however often.
void App::raise(WindowId window) {
  shell_.raise(window);
  tell_focus();
}

void App::scrolled(const ScrollEvent& event, calloop::TimePoint time) {
  const AxisSource source = event.source == ScrollEvent::Source::Wheel    ? AxisSource::Wheel
                            : event.source == ScrollEvent::Source::Finger ? AxisSource::Finger
                                                                          : AxisSource::Continuous;
  protocol_.pointer_axis({.dx = event.dx,
                          .dy = event.dy,
                          .v120_x = event.v120_x,
                          .v120_y = event.v120_y,
                          .source = source,
                          .stop_x = event.stop_x,
                          .stop_y = event.stop_y},
                         time);
}

Input::Host& App::virtual_devices() {
  protocol_.set_has_touch(true);
  return *this;
}

void App::devices_changed() {
  if (input_) {
    input_->set_leds(leds_);
    protocol_.set_has_touch(input_->has_touch());
    update_cursor();
  }
}

// ----------------------------------------------------------------------------------------- touch

// A touch screen does not say which output it lies on: it is taken to cover all of them.
void App::touch_down(std::int32_t touch, double x, double y, calloop::TimePoint time) {
  const Rect all = pointer_.everything();
  const double at_x = all.x + x * all.width;
  const double at_y = all.y + y * all.height;
  const Shell::Window* const window = window_at(at_x, at_y);
  if (window == nullptr)
    return protocol_.touch_down(std::nullopt, touch, 0, 0, time);
  const WindowId id = window->id;
  touched_[touch] = {id, at_x, at_y};
  raise(id);
  const Point corner = find_window(id)->position;
  protocol_.touch_down(id, touch, at_x - corner.x, at_y - corner.y, time);
}

void App::touch_moved(std::int32_t touch, double x, double y, calloop::TimePoint time) {
  const auto touched = touched_.find(touch);
  if (touched == touched_.end())
    return;
  const Rect all = pointer_.everything();
  touched->second.x = all.x + x * all.width;
  touched->second.y = all.y + y * all.height;
  if (drags(touch))
    return drag_to(touched->second.x, touched->second.y);
  if (protocol_.touch_is_carrying(touch))
    return carry(touched->second, time);
  if (const Shell::Window* const window = find_window(touched->second.window))
    protocol_.touch_motion(touch, touched->second.x - window->position.x,
                           touched->second.y - window->position.y, time);
}

void App::carry(const Touched& touched, calloop::TimePoint time) {
  if (const Shell::Window* const window = window_at(touched.x, touched.y))
    protocol_.touch_carries(window->id, touched.x - window->position.x,
                            touched.y - window->position.y, time);
  else
    protocol_.touch_carries(std::nullopt, 0, 0, time);
  carried_to_ = Point{static_cast<int>(touched.x), static_cast<int>(touched.y)};
  request_frames();
}

void App::touch_up(std::int32_t touch, calloop::TimePoint time) {
  touched_.erase(touch);
  if (drags(touch))
    end_drag();
  carried_to_.reset();
  protocol_.touch_up(touch, time);
}

void App::touch_frame() {
  protocol_.touch_frame();
}

void App::touch_cancelled() {
  touched_.clear();
  if (drag_ && drag_->grab.touch)
    end_drag();
  protocol_.touch_cancel();
}

// ---------------------------------------------------------------------------------------- cursor

App::Screen* App::screen_under_pointer() noexcept {
  const auto found = std::ranges::find_if(
      screens_, [&](const auto& screen) { return screen->area().contains(pointer_.pixel()); });
  return found == screens_.end() ? nullptr : found->get();
}

// A client is in the middle of something: its pictures are asked for when it is done.
void App::cursor_changed() noexcept {
  if ((!cursor_visible() && !protocol_.has_drag_icon()) || std::exchange(cursor_stale_, true))
    return;
  try {
    cursor_idle_ = loop_.insert_idle([](App& app) {
      app.cursor_stale_ = false;
      app.update_cursor();
      app.request_frames();
    });
  } catch (const std::exception&) {  // the next change, or motion to another screen, shows it
    cursor_stale_ = false;
  }
}

// The image is another, or there is another set of screens or devices.
void App::update_cursor() {
  if (cursor_visible() && !cursor_.image)
    cursor_ = load_cursor("left_ptr");
  const bool wants_plane = cursor_visible() && options_.cursor == CursorPlane::Hardware;
  CursorPicture image;
  if (wants_plane && std::ranges::any_of(screens_, [](const auto& screen) {
        return screen->drm != nullptr && screen->drm->cursor() != nullptr;
      }))
    image = cursor_for_plane();
  for (const auto& screen : screens_) {
    DrmCursor* const plane = screen->drm == nullptr ? nullptr : screen->drm->cursor();
    screen->cursor_plane = plane != nullptr && image.image &&
                           pixman_image_get_width(image.image.get()) <= plane->size().width &&
                           pixman_image_get_height(image.image.get()) <= plane->size().height &&
                           plane->show(image.image.get(), image.hotspot);
    if (plane != nullptr && !screen->cursor_plane)
      plane->hide();
  }
  move_cursor();
}

// One image of all that the client has, or of ours. Empty if it cannot be painted.
CursorPicture App::cursor_for_plane() {
  std::vector<Picture> pictures;
  if (!protocol_.append_cursor({}, pictures)) {
    Picture own;
    own.image = cursor_.image.get();
    own.position = -cursor_.hotspot;
    own.size = {pixman_image_get_width(own.image), pixman_image_get_height(own.image)};
    pictures.push_back(std::move(own));
  }
  Region everything;
  for (const Picture& picture : pictures)
    everything.unite(picture.area());
  const Rect frame = everything.extents();
  constexpr int largest = 1024;
  if (frame.width > largest || frame.height > largest)
    return {};
  // A plane without a pixel: the client has hidden it.
  CursorPicture cursor{
      make_image({std::max(frame.width, 1), std::max(frame.height, 1)}, PIXMAN_a8r8g8b8),
      -frame.origin()};
  for (Picture& picture : pictures) {
    picture.position = picture.position - frame.origin();
    paint_picture(cursor.image.get(), picture.area(), picture);
  }
  protocol_.cursor_shown({.time = loop_.now()});
  return cursor;
}

void App::move_cursor() {
  for (const auto& screen : screens_) {
    if (screen->cursor_plane)
      screen->drm->cursor()->move(pointer_.pixel() - screen->info.position);
    if (protocol_.has_drag_icon() || (cursor_visible() && !screen->cursor_plane))
      screen->output->request_frame();
  }
}

void App::append_cursor(const Screen& screen) {
  protocol_.append_drag_icon(carried_to_.value_or(pointer_.pixel()), pictures_);
  if (screen.cursor_plane || !cursor_visible() ||
      protocol_.append_cursor(pointer_.pixel(), pictures_) || !cursor_.image)
    return;
  Picture picture;
  picture.id = cursor_id;
  picture.image = cursor_.image.get();
  picture.position = pointer_.pixel() - cursor_.hotspot;
  picture.size = {pixman_image_get_width(picture.image), pixman_image_get_height(picture.image)};
  pictures_.push_back(std::move(picture));
}

}  // namespace demo
