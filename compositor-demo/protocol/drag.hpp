// Drag-and-drop: something that the user carries from one client to another, with a pointer button
// or a finger held down.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include <wayland-server-core.h>

#include "compositor-demo/protocol/selection_source.hpp"
#include "compositor-demo/protocol/surface.hpp"
#include "compositor-demo/protocol/surface_watch.hpp"

namespace demo {

class DataDevice;
class DataOffer;
class DataSource;
class Seat;

// The picture that is carried along.
class DragIcon final : public Surface::Role {
 public:
  static constexpr std::string_view name = "wl_data_device icon";

  // Called when it looks different, or may. It must not throw.
  explicit DragIcon(std::function<void()> changed) : changed_{std::move(changed)} {}
  DragIcon(const DragIcon&) = delete;
  DragIcon& operator=(const DragIcon&) = delete;
  ~DragIcon() { reset(); }

  // False if the surface has another role, or is one already.
  bool set(Surface& surface);
  void reset() noexcept;
  Surface* surface() const noexcept { return surface_; }
  // Where its top left is, from what is carried.
  Point offset() const noexcept { return offset_; }

  // Surface::Role.
  std::string_view role_name() const noexcept override { return name; }
  void committed() override;
  void tree_changed() override { changed_(); }
  void surface_destroyed() noexcept override;

 private:
  std::function<void()> changed_;
  Surface* surface_ = nullptr;
  Point offset_;
};

// At most one at a time. It takes what the user holds down away from the client where it began, and
// ends when he lets go.
class Drag final : private SelectionSourceUser {
 public:
  // Tells those of the devices whose client is concerned. Both outlive it.
  Drag(Seat& seat, const std::vector<DataDevice*>& devices)
      : seat_{seat}, devices_{devices}, icon_{[this] { changed(); }} {}
  Drag(const Drag&) = delete;
  Drag& operator=(const Drag&) = delete;
  ~Drag() { cancel(); }

  // Called when its picture is different, or may be. It must not throw.
  void on_change(std::function<void()> changed) { changed_ = std::move(changed); }

  // The user holds down, on `origin`, what was pressed with the event of this serial: begins,
  // unless that is not so, or there is one already. Without a source only the client itself hears
  // of it.
  bool begin(DataSource* source, Surface& origin, Surface* icon, std::uint32_t serial);
  bool active() const noexcept { return active_; }
  // Whether it is this finger that carries, or the pointer.
  bool carried_by(std::optional<std::int32_t> touch) const noexcept {
    return active_ && touch_ == touch;
  }
  // It is above this point of a surface, or above none.
  void motion(const std::optional<Surface::Hit>& under, std::uint32_t milliseconds);
  // Lets go: it belongs to who it is above, if he wants it.
  void drop() noexcept;
  void cancel() noexcept;

  const DragIcon& icon() const noexcept { return icon_; }
  // A device goes, or comes.
  void device_destroyed(const DataDevice& device) noexcept;

 private:
  struct Told {
    DataDevice* device;
    DataOffer* offer;  // null: there is no source
  };

  void enter(Surface& surface, double x, double y);
  void leave() noexcept;
  void end() noexcept;
  void changed() const noexcept {
    if (changed_)
      changed_();
  }
  void source_destroyed(SelectionSource& source) noexcept override;

  Seat& seat_;
  const std::vector<DataDevice*>& devices_;
  std::function<void()> changed_;
  DragIcon icon_;
  bool active_ = false;
  std::optional<std::int32_t> touch_;
  DataSource* source_ = nullptr;
  SurfaceWatch origin_{[this] { origin_gone(); }};
  SurfaceWatch focus_{[this] { leave(); }};
  std::vector<Told> told_;  // the devices of the client with the focus
  void origin_gone() noexcept;
};

}  // namespace demo
