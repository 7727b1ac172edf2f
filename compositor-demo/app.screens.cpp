#include <algorithm>
#include <cstdint>
#include <ranges>
#include <utility>
#include <vector>

#include <calloop/sources/timer.hpp>

#include "compositor-demo/app.hpp"
#include "compositor-demo/log.hpp"
#include "compositor-demo/output/arrangement.hpp"

namespace demo {
namespace {

constexpr pixman_color_t background{0x2a2a, 0x3535, 0x4242, 0xffff};

std::uint32_t period_ns(int refresh_mhz) {
  return static_cast<std::uint32_t>(1'000'000'000'000 / refresh_mhz);
}

std::int64_t pixels(const Rect& area) noexcept {
  return std::int64_t{area.width} * area.height;
}

// A screen of 96 pixels to the inch, where nobody knows better.
int millimetres(int pixels) noexcept {
  return std::max(1, pixels * 254 / 960);
}

}  // namespace

// ----------------------------------------------------------------------------- screens come and go

void App::add_screen(Output& output, DrmOutput* drm, OutputInfo info) {
  auto screen = std::make_unique<Screen>(Screen{.output = &output,
                                                .drm = drm,
                                                .info = std::move(info),
                                                .renderer = Renderer{background},
                                                .missed = {},
                                                .shown = {}});
  screen->info.mode = output.size();
  screen->info.refresh_mhz = output.refresh_mhz();
  screen->info.scale = output.scale();
  const Screen& added = *screens_.emplace_back(std::move(screen));
  arrange_screens();
  protocol_.add_output(added.info);
  bring_windows_over();
  update_cursor();
  output.request_frame();
}

void App::remove_screen(Output& output) {
  const auto removed =
      std::ranges::find(screens_, &output, [](const auto& s) { return s->output; });
  if (removed == screens_.end())
    return;
  const std::unique_ptr<Screen> screen = std::move(*removed);
  screens_.erase(removed);
  protocol_.remove_output(screen->info.name);
  arrange_screens();
  bring_windows_over();
  update_cursor();
  request_frames();
}

// From left to right in the order in which they came.
void App::arrange_screens() {
  std::vector<Size> sizes;
  sizes.reserve(screens_.size());
  for (const auto& screen : screens_)
    sizes.push_back(screen->output->size());
  const std::vector<Point> positions = side_by_side(sizes);
  std::vector<Rect> areas;
  for (std::size_t i = 0; i < screens_.size(); ++i) {
    OutputInfo& info = screens_[i]->info;
    const bool moved = std::exchange(info.position, positions[i]) != positions[i];
    const bool resized = std::exchange(info.mode, sizes[i]) != sizes[i];
    info.refresh_mhz = screens_[i]->output->refresh_mhz();
    if (info.millimetres.empty() || resized)
      info.millimetres = {millimetres(sizes[i].width), millimetres(sizes[i].height)};
    if (moved || resized)
      protocol_.change_output(info);
    areas.push_back(screens_[i]->area());
  }
  pointer_.set_areas(areas);
  pointer_stale_ = true;
  if (!areas.empty())
    shell_.set_area(areas.front());
}

// Windows that are on no screen any more go to the first one: to where they were, as far as that
// exists there.
void App::bring_windows_over() {
  if (screens_.empty())
    return;
  const Rect home = screens_.front()->area();
  const std::vector<Shell::Window> windows{shell_.windows().begin(), shell_.windows().end()};
  for (const Shell::Window& window : windows) {
    const Rect frame = Rect::at(window.position, window.size);
    const bool on_screen = std::ranges::any_of(
        screens_, [&](const auto& screen) { return screen->area().intersects(frame); });
    if (on_screen)
      continue;
    const Point position{
        std::clamp(frame.x, home.x, std::max(home.x, home.right() - frame.width)),
        std::clamp(frame.y, home.y, std::max(home.y, home.bottom() - frame.height))};
    move_window(window.id, position);
  }
  refill_windows();
}

App::Screen* App::screen_of(const Output& output) noexcept {
  const auto found = std::ranges::find(screens_, &output, [](const auto& s) { return s->output; });
  return found == screens_.end() ? nullptr : found->get();
}

// The one whose rate the window draws at: which shows most of it, or else the first.
App::Screen* App::screen_of(const Shell::Window& window) const noexcept {
  if (screens_.size() <= 1)
    return screens_.empty() ? nullptr : screens_.front().get();
  const Rect frame = Rect::at(window.position, window.size);
  const auto most = std::ranges::max_element(
      screens_, {}, [&](const auto& screen) { return pixels(screen->area().intersected(frame)); });
  return most->get();
}

const Shell::Window* App::find_window(std::optional<WindowId> window) const noexcept {
  if (!window)
    return nullptr;
  const auto windows = shell_.windows();
  const auto found = std::ranges::find(windows, *window, &Shell::Window::id);
  return found == windows.end() ? nullptr : &*found;
}

void App::request_frames() {
  for (const auto& screen : screens_)
    screen->output->request_frame();
}

void App::resized(Output& output) {
  if (Screen* const screen = screen_of(output)) {
    screen->renderer = Renderer{background};
    arrange_screens();
    bring_windows_over();
    update_cursor();
    request_frames();
  }
}

void App::gone(Output& output) {
  remove_screen(output);
}

// --------------------------------------------------------------------------------- a frame is due

void App::frame(Output& output, calloop::TimePoint time) {
  Screen* const screen = screen_of(output);
  if (screen == nullptr)
    return;
  focus_told_in_this_frame_ = false;
  tell_focus();
  if (std::exchange(pointer_stale_, false))
    tell_pointer(time);
  screen->shown.clear();
  const auto windows = shell_.windows();
  std::size_t lowest = 0;  // that is seen
  for (std::size_t i = 0; i < windows.size(); ++i)
    if (screen_behind(windows[i]) == screen)
      lowest = i;
  for (std::size_t i = 0; i < windows.size(); ++i) {
    screen->shown.push_back({windows[i].id, pictures_.size()});
    if (i >= lowest)
      protocol_.append_pictures(windows[i].id, windows[i].position, pictures_);
  }
  const std::size_t of_windows = pictures_.size();
  for (const auto& other : screens_)
    if (other.get() != screen)
      other->missed.add(pictures_);
  if (!screen->missed.take_into(pictures_))
    screen->renderer = Renderer{background};
  append_cursor(*screen);
  for (Picture& picture : pictures_)
    picture.position = picture.position - screen->info.position;

  const Output::Canvas canvas = output.begin();
  const Region& damage = screen->renderer.plan(output.size(), canvas.age, pictures_);
  leave_out_the_greedy(*screen, of_windows);
  screen->renderer.paint(canvas.image, pictures_);
  std::size_t end = of_windows;
  for (Shown& window : screen->shown | std::views::reverse) {
    while (end > window.first_picture && !window.visible)
      window.visible = screen->renderer.visible(--end);
    end = window.first_picture;
  }
  pictures_.clear();  // they are only lent
  output.commit(damage);
}

// One client can lay thousands of surfaces above each other, each as large as the screen.
void App::leave_out_the_greedy(Screen& screen, std::size_t of_windows) {
  work_.clear();
  std::int64_t all = 0;
  const std::vector<Shown>& shown = screen.shown;
  const auto pictures_of = [&](std::size_t window) {
    const std::size_t next = window + 1;
    return std::views::iota(shown[window].first_picture,
                            next < shown.size() ? shown[next].first_picture : of_windows);
  };
  for (std::size_t window = 0; window < shown.size(); ++window) {
    Work& work = work_.emplace_back();
    for (const std::size_t picture : pictures_of(window))
      work.pixels += screen.renderer.work(picture);
    all += work.pixels;
  }
  const std::int64_t budget = frame_budget(screen.output->size());
  if (all <= budget)
    return;
  for (std::size_t window = 0; window < shown.size(); ++window)
    work_[window].process = protocol_.window_pid(shown[window].id);
  for (const std::size_t window : over_budget(work_, budget)) {
    for (const std::size_t picture : pictures_of(window))
      screen.renderer.leave_out(picture);
    protocol_.disconnect(shown[window].id, "wants more to be painted than a frame has time for");
  }
}

void App::presented(Output& output, calloop::TimePoint time, std::uint64_t sequence,
                    std::uint32_t flags) {
  Screen* const screen = screen_of(output);
  if (screen == nullptr)
    return;
  const FrameTime frame{.time = time,
                        .refresh_ns = period_ns(output.refresh_mhz()),
                        .sequence = sequence,
                        .flags = flags,
                        .output = screen->info.name};
  screen->painted = true;
  if (std::exchange(screenshot_asked_, false))
    save_screenshot();
  for (const Shown& window : screen->shown) {
    const Shell::Window* const placed = find_window(window.id);
    if (placed == nullptr || screen_of(*placed) != screen)
      continue;
    if (window.visible) {
      throttle_.forget(window.id);
      protocol_.frame_shown(window.id, frame);
    } else if (protocol_.frame_wanted(window.id) || !protocol_.shown_since_last_commit(window.id)) {
      throttle_.wait(window.id, time);
    }
  }
  if (!screen->cursor_plane && screen == screen_under_pointer())
    protocol_.cursor_shown(frame);
  serve_covered(time);
  take_first_screenshot();
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

Image App::picture_of_all_screens() const {
  const Rect all = pointer_.everything();
  Image picture = make_image(all.size());
  for (const auto& screen : screens_) {
    const Rect area = screen->area();
    pixman_image_composite32(PIXMAN_OP_SRC, screen->output->shown(), nullptr, picture.get(), 0, 0,
                             0, 0, area.x - all.x, area.y - all.y, area.width, area.height);
  }
  return picture;
}

}  // namespace demo
