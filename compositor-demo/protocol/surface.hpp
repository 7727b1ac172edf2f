// wl_surface: what a client wants to be seen, with its double-buffered state and the stack of
// subsurfaces around it. What the surface is used for is decided by its role, elsewhere.
//
// State goes pending -> (cached ->) current: requests change the pending state; a commit moves it
// to the current one, or, on a synchronized subsurface, adds it to the cached one, which becomes
// current together with the parent's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <wayland-server-protocol.h>

#include "compositor-demo/geometry.hpp"
#include "compositor-demo/picture.hpp"
#include "compositor-demo/protocol/buffer.hpp"
#include "compositor-demo/protocol/client_limits.hpp"
#include "compositor-demo/protocol/frame_callbacks.hpp"
#include "compositor-demo/protocol/presentation_feedbacks.hpp"

namespace demo {

class Compositor;
class Subsurface;
struct FrameTime;

class Surface {
 public:
  // wp_viewport: what of the buffer is shown, in which size. Neither: all of it, as it is.
  struct CropAndScale {
    std::optional<SourceRect> source;  // of the turned and scaled buffer
    std::optional<Size> destination;
    bool operator==(const CropAndScale&) const noexcept = default;
  };
  // Errors of wp_viewport that a commit raises.
  static constexpr std::uint32_t viewport_bad_size = 1;
  static constexpr std::uint32_t viewport_out_of_buffer = 2;
  struct State {
    State();
    // What is there only for one commit.
    bool attached = false;           // attach was requested: `buffer` counts, null too
    std::shared_ptr<Buffer> buffer;  // null: no content
    Point offset;                    // the new content's top left, relative to the old one's
    Region damage;                   // surface-local
    Region buffer_damage;            // in pixels of the buffer
    FrameCallbacks frame_callbacks;
    PresentationFeedbacks feedbacks;  // of this commit
    // What stays until it is changed.
    int scale = 1;
    Transform transform = Transform::Normal;
    CropAndScale viewport;
    Region opaque;                        // surface-local
    std::shared_ptr<const Region> input;  // surface-local; null: the whole surface
  };

  // What a surface is used for. The surface calls its role; the role outlives neither the call that
  // says the surface is gone nor the surface's clear_role.
  class Role {
   public:
    // For error messages: "xdg_toplevel".
    virtual std::string_view role_name() const noexcept = 0;
    // Before a buffer is attached. May throw ProtocolError.
    virtual void before_attach() {}
    // Before a commit takes effect. May look at and throw ProtocolError about what is pending.
    virtual void before_commit(Surface::State& /*pending*/) {}
    // The current state has changed: has_content(), size(), current() are the new ones.
    virtual void committed() {}
    // Something visible changed in this surface or below, or a frame callback waits there.
    virtual void tree_changed() {}
    // Whether pixels of the surface may be shown; a subsurface asks its parent.
    virtual bool is_mapped() const noexcept { return true; }
    // The wl_surface is being destroyed; its pointer must not be used after this.
    virtual void surface_destroyed() noexcept = 0;

   protected:
    ~Role() = default;
  };

  // An object of another protocol that adds to what a surface is, and takes effect with its
  // commits.
  class Extension {
   public:
    // The state of a commit is the current one.
    virtual void surface_applied() = 0;

   protected:
    ~Extension() = default;
  };

  // Where a point hit: the surface and the point in its coordinates.
  struct Hit {
    Surface* surface;
    double x;
    double y;
  };

  // A new wl_surface, which owns its Surface.
  static void create(Compositor& compositor, wl_client* client, int version, std::uint32_t id);
  Surface(Compositor& compositor, wl_resource* resource);
  Surface(const Surface&) = delete;
  Surface& operator=(const Surface&) = delete;
  ~Surface();

  wl_resource* resource() const noexcept { return resource_; }
  wl_client* client() const noexcept { return wl_resource_get_client(resource_); }
  PictureId id() const noexcept { return id_; }
  // From a wl_surface argument of a request.
  static Surface& from(wl_resource* resource) noexcept;
  // Null if the resource is something else.
  static Surface* from_any(wl_resource* resource) noexcept;
  // If the resource is a surface that is on the screen: tells its client, which has just bound this
  // wl_output.
  static void output_bound(wl_resource* resource, wl_resource* output) noexcept;

  // Gives the surface a role. Roles are for life: false if it has or had one of another name, or if
  // another object plays it now. The object may go (clear_role) and another of that name may come.
  // With an empty name the object gets the calls of a role without deciding which it is (an
  // xdg_surface before get_toplevel); the same object may then set the name.
  bool set_role(std::string_view name, Role& role);
  // The object stops playing its role; the name and the content stay. Nothing happens if it does
  // not play it.
  void clear_role(const Role& role) noexcept;
  // As if the client had committed a null buffer: releases the buffer and empties the surface.
  void drop_content() noexcept;
  Role* role() const noexcept { return role_; }
  // It must go before the surface does, or is forgotten with it.
  void add_extension(Extension& extension) { extensions_.push_back(&extension); }
  void remove_extension(Extension& extension) noexcept { std::erase(extensions_, &extension); }
  // Empty: none so far.
  const std::string& role_name() const noexcept { return role_name_; }

  const State& current() const noexcept { return current_; }
  const State& pending() const noexcept { return pending_; }
  // Current content.
  bool has_content() const noexcept { return current_.buffer != nullptr; }
  // A buffer is shown, or waits for a commit (or for the parent's).
  bool has_buffer() const noexcept;
  // Of the current content, surface-local; empty without.
  Size size() const noexcept { return size_; }
  // Its own content is there and so is everything above it, up to the window.
  bool is_mapped() const noexcept;

  // --- the tree
  // The root is a window, popup, cursor, icon or a surface without a role.
  Surface& root() noexcept;
  Surface* parent() const noexcept;
  // Whether `other` is this or below.
  bool is_ancestor_of(const Surface& other) const noexcept;
  // Rectangle around all content of the tree, in this surface's coordinates; Rect{} if there is
  // none.
  Rect tree_extents() const noexcept;
  // The topmost surface of the tree whose input region has this point, given in this surface's
  // coordinates.
  std::optional<Hit> hit(double x, double y) noexcept;
  // Where this surface's top left is in the coordinates of its root.
  Point position_in_root() const noexcept;
  // Appends the tree back to front; `position` is where this surface's top left goes. This is what
  // the next frame_shown is about: what is committed in between belongs to a later frame.
  void append_pictures(Point position, std::vector<Picture>& pictures);
  // The frame with these pictures was shown: answers the frame callbacks and the presentation
  // feedbacks of the whole tree and forgets its damage.
  void frame_shown(const FrameTime& frame) noexcept;
  // There was a frame with these pictures, which nobody can see: the same, but for what was not
  // presented.
  void frame_unseen(const FrameTime& frame) noexcept;
  // Whether the whole tree was shown since it last changed.
  bool shown_since_last_commit() const noexcept;
  // Someone waits for frame_shown.
  bool frame_wanted() const noexcept;
  // Tells the root's role, and with it the window, that something visible changed here.
  void tree_changed();

  // The wp_viewport of the surface, which errors are reported on; null: it has none.
  void set_viewport(wl_resource* viewport) noexcept { viewport_ = viewport; }
  bool has_viewport() const noexcept { return viewport_ != nullptr; }
  // With the next commit.
  void crop_and_scale(const CropAndScale& viewport) noexcept { pending_.viewport = viewport; }

  // Requests.
  void attach(wl_resource* buffer, std::int32_t x, std::int32_t y);
  void damage(std::int32_t x, std::int32_t y, std::int32_t width, std::int32_t height);
  void frame(std::uint32_t callback);
  void presentation_feedback(std::uint32_t id);
  void set_opaque_region(wl_resource* region);
  void set_input_region(wl_resource* region);
  void commit();
  void set_buffer_transform(std::int32_t transform);
  void set_buffer_scale(std::int32_t scale);
  void damage_buffer(std::int32_t x, std::int32_t y, std::int32_t width, std::int32_t height);
  void offset(std::int32_t x, std::int32_t y);

 private:
  friend class Subsurface;  // position, stacking and synchronization are one mechanism

  // One level of the stack, bottom first; null is the surface itself.
  using Stack = std::vector<Subsurface*>;

  void validate() const;
  // Of this much of a buffer, before crop_and_scale.
  static Size unscaled(Size buffer, const State& state) noexcept;
  void commit_children();
  // Whether anything changed that others have to be told of, when all is done.
  bool apply(State& state);
  void apply_content(State& state);
  void apply_damage(State& state, bool everything);
  Rect shown_of(const Rect& part) const noexcept;
  bool apply_children();
  bool apply_cached();
  // What waits for the parent becomes current, here and below, where it need not wait any more.
  void release_cached();
  // Takes over everything from a later commit; `from` keeps only what stays until it is changed.
  static void merge(State& into, State& from);
  Rect bounds() const noexcept { return Rect::at({}, size_); }
  int levels_below() const noexcept;
  void sample() noexcept;
  void forget_frame(const FrameTime& frame) noexcept;
  void sample_tree() noexcept;
  void send_enter() noexcept;
  void send_leave() noexcept;

  Charge charge_;
  Compositor& compositor_;
  wl_resource* resource_;
  PictureId id_;
  State pending_;
  std::optional<State> cached_;
  BufferUse cached_use_;
  State current_;
  BufferUse current_use_;
  Size size_;
  Region damage_;                     // surface-local, not shown yet
  Region fresh_damage_;               // the part of it that came after the last append_pictures
  FrameCallbacks sampled_callbacks_;  // those that came before it
  PresentationFeedbacks sampled_feedbacks_;
  bool fresh_ = false;    // something came after it
  bool shown_ = true;     // nothing came after the last frame that was shown
  bool entered_ = false;  // the outputs: its client was told
  Stack stack_{nullptr};
  Stack committed_stack_{nullptr};
  Stack pending_stack_{nullptr};
  Subsurface* subsurface_ = nullptr;
  std::vector<Extension*> extensions_;
  wl_resource* viewport_ = nullptr;
  std::string role_name_;
  Role* role_ = nullptr;
};

}  // namespace demo
