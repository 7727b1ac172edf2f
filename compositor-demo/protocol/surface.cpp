#include "compositor-demo/protocol/surface.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "compositor-demo/protocol/compositor.hpp"
#include "compositor-demo/protocol/cursor.hpp"
#include "compositor-demo/protocol/milliseconds.hpp"
#include "compositor-demo/protocol/output_global.hpp"
#include "compositor-demo/protocol/protocol.hpp"
#include "compositor-demo/protocol/region.hpp"
#include "compositor-demo/protocol/resource.hpp"
#include "compositor-demo/protocol/subsurface.hpp"

namespace demo {

namespace {

const struct wl_surface_interface wl_surface_requests = {
    .destroy = destroy_resource,
    .attach = request<&Surface::attach>,
    .damage = request<&Surface::damage>,
    .frame = request<&Surface::frame>,
    .set_opaque_region = request<&Surface::set_opaque_region>,
    .set_input_region = request<&Surface::set_input_region>,
    .commit = request<&Surface::commit>,
    .set_buffer_transform = request<&Surface::set_buffer_transform>,
    .set_buffer_scale = request<&Surface::set_buffer_scale>,
    .damage_buffer = request<&Surface::damage_buffer>,
    .offset = request<&Surface::offset>,
};

// Many small pieces of damage become one; of an opaque region the smallest are forgotten. Each
// operation takes time in proportion.
constexpr std::size_t most_pieces = 64;

// Nothing larger is painted, and sums of a few sizes and places stay numbers.
constexpr int largest = 1 << 20;

SourceRect whole_of(Size size) noexcept {
  return {0, 0, static_cast<double>(size.width), static_cast<double>(size.height)};
}

void add_damage(Region& damage, const Region& more) {
  damage.unite_roughly(more, most_pieces);
}

// Surface pixels that a rectangle of buffer pixels touches.
Rect divided(const pixman_box32_t& box, int scale) noexcept {
  const auto up = [scale](int v) { return saturated((std::int64_t{v} + scale - 1) / scale); };
  return Rect::between(box.x1 / scale, box.y1 / scale, up(box.x2), up(box.y2));
}

}  // namespace

Surface::State::State() = default;

void Surface::create(Compositor& compositor, wl_client* client, int version, std::uint32_t id) {
  wl_resource* const resource = create_resource(client, &wl_surface_interface, version, id);
  try {
    give_object(resource, &wl_surface_requests, std::make_unique<Surface>(compositor, resource));
  } catch (...) {
    wl_resource_destroy(resource);
    throw;
  }
}

Surface::Surface(Compositor& compositor, wl_resource* resource)
    : charge_{wl_resource_get_client(resource), Limit::Surfaces},
      compositor_{compositor},
      resource_{resource},
      id_{compositor.next_picture()} {}

Surface::~Surface() {
  if (role_ != nullptr)
    std::exchange(role_, nullptr)->surface_destroyed();
  for (Subsurface* child : pending_stack_)
    if (child != nullptr)
      child->parent_destroyed();
}

Surface& Surface::from(wl_resource* resource) noexcept {
  return *object_of<Surface>(resource);
}

Surface* Surface::from_any(wl_resource* resource) noexcept {
  return wl_resource_instance_of(resource, &wl_surface_interface, &wl_surface_requests) != 0
             ? &from(resource)
             : nullptr;
}

// --------------------------------------------------------------------------------------- roles

bool Surface::set_role(std::string_view name, Role& role) {
  if (role_ != nullptr && role_ != &role)
    return false;
  if (!name.empty()) {
    if (!role_name_.empty() && role_name_ != name)
      return false;
    role_name_ = name;
  }
  role_ = &role;
  return true;
}

void Surface::clear_role(const Role& role) noexcept {
  if (role_ == &role)
    role_ = nullptr;
}

void Surface::drop_content() noexcept {
  current_.buffer.reset();
  current_use_ = {};
  cached_.reset();
  cached_use_ = {};
  size_ = {};
  damage_.clear();
  fresh_damage_.clear();
  current_.feedbacks.discard();
  sampled_feedbacks_.discard();
  send_leave();
}

bool Surface::has_buffer() const noexcept {
  return has_content() || pending_.buffer != nullptr || (cached_ && cached_->buffer != nullptr);
}

bool Surface::is_mapped() const noexcept {
  return has_content() && role_ != nullptr && role_->is_mapped();
}

void Surface::tree_changed() {
  if (role_ != nullptr)
    role_->tree_changed();
}

// ------------------------------------------------------------------------------------ requests

void Surface::attach(wl_resource* buffer, std::int32_t x, std::int32_t y) {
  const bool has_offset = wl_resource_get_version(resource_) >= WL_SURFACE_OFFSET_SINCE_VERSION;
  if (has_offset && (x != 0 || y != 0))
    throw ProtocolError{resource_, WL_SURFACE_ERROR_INVALID_OFFSET,
                        "attach takes no offset since version 5"};
  std::shared_ptr<Buffer> content = Buffer::from(buffer);
  if (buffer != nullptr && !content)
    throw std::runtime_error{"a buffer of an unknown kind"};
  if (content && role_ != nullptr)
    role_->before_attach();
  pending_.attached = true;
  pending_.buffer = std::move(content);
  if (!has_offset)
    pending_.offset = {x, y};
}

void Surface::damage(std::int32_t x, std::int32_t y, std::int32_t width, std::int32_t height) {
  add_damage(pending_.damage, Rect{x, y, width, height});
}

void Surface::damage_buffer(std::int32_t x, std::int32_t y, std::int32_t width,
                            std::int32_t height) {
  add_damage(pending_.buffer_damage, Rect{x, y, width, height});
}

void Surface::frame(std::uint32_t callback) {
  pending_.frame_callbacks.add(client(), callback);
}

void Surface::presentation_feedback(std::uint32_t id) {
  pending_.feedbacks.add(client(), id);
}

void Surface::set_opaque_region(wl_resource* region) {
  const auto given = RegionObject::from(region);
  pending_.opaque = given == nullptr ? Region{} : given->largest_pieces(most_pieces);
}

void Surface::set_input_region(wl_resource* region) {
  pending_.input = RegionObject::from(region);
}

void Surface::set_buffer_transform(std::int32_t transform) {
  if (transform < WL_OUTPUT_TRANSFORM_NORMAL || transform > WL_OUTPUT_TRANSFORM_FLIPPED_270)
    throw ProtocolError{resource_, WL_SURFACE_ERROR_INVALID_TRANSFORM,
                        std::to_string(transform) + " is no transform"};
  pending_.transform = static_cast<Transform>(transform);
}

void Surface::set_buffer_scale(std::int32_t scale) {
  if (scale <= 0)
    throw ProtocolError{resource_, WL_SURFACE_ERROR_INVALID_SCALE,
                        "a scale of " + std::to_string(scale)};
  pending_.scale = scale;
}

void Surface::offset(std::int32_t x, std::int32_t y) {
  pending_.offset = {x, y};
}

// -------------------------------------------------------------------------------------- commit

void Surface::validate() const {
  const Buffer* const buffer = pending_.attached              ? pending_.buffer.get()
                               : cached_ && cached_->attached ? cached_->buffer.get()
                                                              : current_.buffer.get();
  // Themes have cursors of any size, and toolkits scale them: what does not fit is rounded down.
  if (buffer != nullptr && pending_.scale != 1 && role_name_ != Cursor::name) {
    const Size size = buffer->size();
    if (size.width % pending_.scale != 0 || size.height % pending_.scale != 0)
      throw ProtocolError{resource_, WL_SURFACE_ERROR_INVALID_SIZE,
                          "a buffer of " + std::to_string(size.width) + "x" +
                              std::to_string(size.height) + " is no multiple of scale " +
                              std::to_string(pending_.scale)};
  }
  const auto& [source, destination] = pending_.viewport;
  if (!source)
    return;
  if (!destination &&
      (source->width != std::floor(source->width) || source->height != std::floor(source->height)))
    throw ProtocolError{viewport_, viewport_bad_size,
                        "a source whose size is no integer needs a destination"};
  if (buffer == nullptr)
    return;
  const Size whole = unscaled(buffer->size(), pending_);
  if (source->x + source->width > whole.width || source->y + source->height > whole.height)
    throw ProtocolError{viewport_, viewport_out_of_buffer, "the source is not within the buffer"};
}

Size Surface::unscaled(Size buffer, const State& state) noexcept {
  return transformed(Size{buffer.width / state.scale, buffer.height / state.scale},
                     state.transform);
}

void Surface::commit() {
  if (role_ != nullptr)
    role_->before_commit(pending_);
  validate();
  commit_children();
  if (subsurface_ != nullptr && subsurface_->behaves_synchronized()) {
    if (!cached_)
      cached_.emplace();
    merge(*cached_, pending_);
    cached_use_ = BufferUse{cached_->buffer};
    return;
  }
  bool changed = false;
  if (cached_) {
    State together = std::move(*cached_);
    cached_.reset();
    merge(together, pending_);
    changed = apply(together);
  } else {
    changed = apply(pending_);
  }
  if (changed)
    tree_changed();
}

void Surface::merge(State& into, State& from) {
  if (std::exchange(from.attached, false)) {
    into.attached = true;
    into.buffer = std::exchange(from.buffer, nullptr);
  }
  into.offset = into.offset + std::exchange(from.offset, Point{});
  add_damage(into.damage, from.damage);
  from.damage.clear();
  add_damage(into.buffer_damage, from.buffer_damage);
  from.buffer_damage.clear();
  into.frame_callbacks.append(from.frame_callbacks);
  into.feedbacks = std::move(from.feedbacks);  // the former content will never be seen
  into.scale = from.scale;
  into.transform = from.transform;
  into.viewport = from.viewport;
  into.opaque = from.opaque;
  into.input = from.input;
}

bool Surface::apply(State& state) {
  const Size old_size = size_;
  const bool had_content = has_content();
  bool visible = state.attached || !state.damage.empty() || !state.buffer_damage.empty() ||
                 state.scale != current_.scale || state.transform != current_.transform ||
                 state.viewport != current_.viewport || state.offset != Point{} ||
                 state.opaque != current_.opaque || state.input != current_.input;
  const bool all_new = state.scale != current_.scale || state.transform != current_.transform ||
                       state.viewport != current_.viewport;

  apply_content(state);
  apply_damage(state, all_new || size_ != old_size || !had_content);
  current_.opaque = state.opaque;
  current_.input = state.input;
  current_.offset = std::exchange(state.offset, Point{});
  if (subsurface_ != nullptr)
    subsurface_->content_moved(current_.offset);
  visible = visible || !state.frame_callbacks.empty() || !state.feedbacks.empty();
  current_.frame_callbacks.append(state.frame_callbacks);
  current_.feedbacks = std::move(state.feedbacks);
  if (had_content && !has_content())
    send_leave();

  visible = apply_children() || visible;
  if (role_ != nullptr)
    role_->committed();
  for (Extension* const extension : extensions_)
    extension->surface_applied();
  if (visible) {
    shown_ = false;
    fresh_ = true;
  }
  return visible;
}

void Surface::apply_content(State& state) {
  if (std::exchange(state.attached, false)) {
    current_use_ = BufferUse{state.buffer};
    current_.buffer = std::exchange(state.buffer, nullptr);
  }
  if (!cached_)
    cached_use_ = {};
  current_.scale = state.scale;
  current_.transform = state.transform;
  current_.viewport = state.viewport;
  size_ = {};
  if (!current_.buffer)
    return;
  const auto& [source, destination] = state.viewport;
  if (destination)
    size_ = {std::min(destination->width, largest), std::min(destination->height, largest)};
  else if (source)
    size_ = {static_cast<int>(source->width), static_cast<int>(source->height)};
  else
    size_ = unscaled(current_.buffer->size(), state);
}

// Where a rectangle of the buffer is seen. Pixels between two are made of both.
Rect Surface::shown_of(const Rect& part) const noexcept {
  const auto& [source, destination] = current_.viewport;
  if (!source && !destination)
    return part;
  const Size whole = unscaled(current_.buffer->size(), current_);
  const SourceRect from = source.value_or(whole_of(whole));
  const double across = size_.width / from.width;
  const double down = size_.height / from.height;
  const auto low = [](double at) { return saturated(static_cast<std::int64_t>(std::floor(at))); };
  const auto high = [](double at) { return saturated(static_cast<std::int64_t>(std::ceil(at))); };
  return Rect::between(low((part.x - 1 - from.x) * across), low((part.y - 1 - from.y) * down),
                       high((part.right() + 1 - from.x) * across),
                       high((part.bottom() + 1 - from.y) * down));
}

void Surface::apply_damage(State& state, bool everything) {
  if (everything || !current_.buffer) {
    damage_ = bounds();
    fresh_damage_ = bounds();
  } else {
    Region damage = std::move(state.damage);
    const Size buffer = current_.buffer->size();
    state.buffer_damage.intersect(Rect::at({}, buffer));
    const Region turned = transformed(state.buffer_damage, inverse(state.transform), buffer);
    for (const pixman_box32_t& box : turned.rects())
      damage.unite(shown_of(divided(box, state.scale)));
    damage.intersect(bounds());
    add_damage(damage_, damage);
    add_damage(fresh_damage_, damage);
  }
  state.damage.clear();
  state.buffer_damage.clear();
}

void Surface::commit_children() {
  committed_stack_ = pending_stack_;
  for (Subsurface* const child : committed_stack_)
    if (child != nullptr)
      child->parent_committed();
}

// wl_subsurface: position and order of the children are state of their parent's, and take effect
// with the commit of it that they came before, in whatever mode they are; so does what synchronized
// children have committed before, all the way down.
bool Surface::apply_children() {
  bool changed = stack_ != committed_stack_;
  if (changed)
    stack_ = committed_stack_;
  // By index: what is told to others may end a child.
  for (std::size_t i = 0; i < stack_.size(); ++i) {
    if (stack_[i] == nullptr)
      continue;
    Subsurface& child = *stack_[i];
    changed = child.parent_applied() || changed;
    Surface* const surface = child.surface();
    if (surface->cached_)
      changed = surface->apply_cached() || changed;
    else if (child.behaves_synchronized())
      changed = surface->apply_children() || changed;
  }
  return changed;
}

bool Surface::apply_cached() {
  State state = std::move(*cached_);
  cached_.reset();
  return apply(state);
}

void Surface::release_cached() {
  if (subsurface_ != nullptr && subsurface_->behaves_synchronized())
    return;
  if (cached_) {
    if (apply_cached())  // which looks after what is below, too
      tree_changed();
    return;
  }
  for (std::size_t i = 0; i < stack_.size(); ++i)
    if (stack_[i] != nullptr)
      stack_[i]->surface()->release_cached();
}

// ------------------------------------------------------------------------------------ the tree

Surface* Surface::parent() const noexcept {
  return subsurface_ == nullptr ? nullptr : subsurface_->parent();
}

Surface& Surface::root() noexcept {
  Surface* at = this;
  while (Surface* above = at->parent())
    at = above;
  return *at;
}

bool Surface::is_ancestor_of(const Surface& other) const noexcept {
  for (const Surface* at = &other; at != nullptr; at = at->parent())
    if (at == this)
      return true;
  return false;
}

int Surface::levels_below() const noexcept {
  int most = 0;
  for (const Subsurface* child : pending_stack_)
    if (child != nullptr)
      most = std::max(most, 1 + child->surface()->levels_below());
  return most;
}

Point Surface::position_in_root() const noexcept {
  Point position;
  for (const Surface* at = this; at->parent() != nullptr; at = at->parent())
    position = position + at->subsurface_->position();
  return position;
}

Rect Surface::tree_extents() const noexcept {
  if (!has_content())
    return {};
  Rect extents = bounds();
  for (const Subsurface* child : stack_)
    if (child != nullptr)
      extents = extents.united(child->surface()->tree_extents().translated(child->position()));
  return extents;
}

std::optional<Surface::Hit> Surface::hit(double x, double y) noexcept {
  if (!has_content())
    return std::nullopt;
  for (auto level = stack_.rbegin(); level != stack_.rend(); ++level) {
    if (*level != nullptr) {
      const Point position = (*level)->position();
      if (const auto found = (*level)->surface()->hit(x - position.x, y - position.y))
        return found;
      continue;
    }
    if (!(x >= 0 && y >= 0 && x < size_.width && y < size_.height))
      continue;
    const Point pixel{static_cast<int>(x), static_cast<int>(y)};
    if (!current_.input || current_.input->contains(pixel))
      return Hit{this, x, y};
  }
  return std::nullopt;
}

void Surface::sample() noexcept {
  sampled_callbacks_.append(current_.frame_callbacks);
  sampled_feedbacks_.append(current_.feedbacks);
  fresh_damage_.clear();
  fresh_ = false;
}

void Surface::sample_tree() noexcept {
  sample();
  for (const Subsurface* child : stack_)
    if (child != nullptr)
      child->surface()->sample_tree();
}

void Surface::append_pictures(Point position, std::vector<Picture>& pictures) {
  if (!has_content()) {
    sample_tree();
    return;
  }
  sample();
  for (const Subsurface* child : stack_) {
    if (child != nullptr) {
      child->surface()->append_pictures(position + child->position(), pictures);
      continue;
    }
    Buffer& buffer = *current_.buffer;
    Picture picture;
    picture.id = id_;
    picture.image = buffer.image();
    picture.position = position;
    picture.size = size_;
    picture.scale = current_.scale;
    picture.transform = current_.transform;
    if (const auto& viewport = current_.viewport; viewport.source)
      picture.source = viewport.source;
    else if (viewport.destination)
      picture.source = whole_of(unscaled(buffer.size(), current_));
    picture.opaque = buffer.opaque() ? Region{bounds()} : current_.opaque.intersected(bounds());
    picture.damage = damage_;
    picture.access = &buffer;
    pictures.push_back(std::move(picture));
  }
}

void Surface::frame_shown(const FrameTime& frame) noexcept {
  if (has_content()) {
    send_enter();
    sampled_feedbacks_.send_presented(frame, compositor_.outputs());
  }
  forget_frame(frame);
  for (const Subsurface* child : stack_)
    if (child != nullptr)
      child->surface()->frame_shown(frame);
}

void Surface::frame_unseen(const FrameTime& frame) noexcept {
  forget_frame(frame);
  for (const Subsurface* child : stack_)
    if (child != nullptr)
      child->surface()->frame_unseen(frame);
}

void Surface::forget_frame(const FrameTime& frame) noexcept {
  damage_ = std::exchange(fresh_damage_, Region{});
  shown_ = !fresh_;
  sampled_callbacks_.send_done(milliseconds(frame.time));
  sampled_feedbacks_.discard();
}

bool Surface::shown_since_last_commit() const noexcept {
  return shown_ && std::all_of(stack_.begin(), stack_.end(), [](const Subsurface* child) {
           return child == nullptr || child->surface()->shown_since_last_commit();
         });
}

bool Surface::frame_wanted() const noexcept {
  return !current_.frame_callbacks.empty() || !sampled_callbacks_.empty() ||
         !current_.feedbacks.empty() || !sampled_feedbacks_.empty() ||
         std::any_of(stack_.begin(), stack_.end(), [](const Subsurface* child) {
           return child != nullptr && child->surface()->frame_wanted();
         });
}

void Surface::output_bound(wl_resource* resource, wl_resource* output) noexcept {
  const Surface* const surface = from_any(resource);
  if (surface != nullptr && surface->entered_)
    wl_surface_send_enter(resource, output);
}

void Surface::send_enter() noexcept {
  if (!std::exchange(entered_, true))
    compositor_.outputs().send_enter(resource_);
}

void Surface::send_leave() noexcept {
  if (std::exchange(entered_, false))
    compositor_.outputs().send_leave(resource_);
}

}  // namespace demo
