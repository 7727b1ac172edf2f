// wl_output: what clients learn about the screens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <vector>

#include <wayland-server-core.h>

#include "compositor-demo/protocol/client_limits.hpp"
#include "compositor-demo/protocol/protocol.hpp"
#include "compositor-demo/protocol/resource.hpp"

namespace demo {

// One screen. Outlives its clients.
class OutputGlobal {
 public:
  // Advertises wl_output 4. Throws std::runtime_error.
  OutputGlobal(wl_display* display, const OutputInfo& info);
  OutputGlobal(const OutputGlobal&) = delete;
  OutputGlobal& operator=(const OutputGlobal&) = delete;
  ~OutputGlobal();

  const OutputInfo& info() const noexcept { return info_; }
  // In the space of all outputs: what is left of the mode after transform and scale.
  Rect area() const noexcept;
  // Tells the surface's client that the surface is (not) on this screen.
  void send_enter(wl_resource* surface) const noexcept;
  void send_leave(wl_resource* surface) const noexcept;
  // Tells who waits for this wp_presentation_feedback that its frame was this screen's.
  void send_sync_output(wl_resource* feedback) const noexcept;

  bool was_bound_as(wl_resource* resource) const noexcept;
  // A zxdg_output_v1, which hears of changes from now on.
  void add_xdg_output(wl_resource* resource) noexcept;

  // It is different now: tells everybody who has bound it.
  void change(const OutputInfo& info);
  // Nobody sees it any more; who binds it at this moment is no evildoer, and gets an output.
  void withdraw() noexcept;

  void bind(wl_client* client, int version, std::uint32_t id);

 private:
  void describe(wl_resource* resource) const noexcept;
  template <class F>
  void for_each_of(wl_client* client, F f) const noexcept;

  OutputInfo info_;
  wl_list resources_;    // what clients bound, by their links
  wl_list xdg_outputs_;  // by their links
  Global global_;
};

// All screens.
class Outputs {
 public:
  explicit Outputs(wl_display* display) noexcept : display_{display} {}
  OutputGlobal& add(const OutputInfo& info) { return outputs_.emplace_back(display_, info); }
  // By name; one that is not there is ignored.
  void change(const OutputInfo& info);
  void remove(const std::string& name);
  std::vector<Rect> areas() const;
  // Of a client's wl_output; empty for a null, or one that is gone.
  std::string name_of(wl_resource* resource) const;
  OutputGlobal* find(wl_resource* resource) noexcept;
  void send_enter(wl_resource* surface) const noexcept;
  void send_leave(wl_resource* surface) const noexcept;
  void send_sync_output(const std::string& name, wl_resource* feedback) const noexcept;

 private:
  // So many that are gone are kept for those who have not heard of it.
  static constexpr std::size_t most_withdrawn = 16;

  std::list<OutputGlobal>::iterator find(const std::string& name) noexcept;

  wl_display* display_;
  std::list<OutputGlobal> outputs_;  // never moved: their addresses are given away
  std::list<OutputGlobal> withdrawn_;
};

}  // namespace demo
