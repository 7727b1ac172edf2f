// xdg-output: outputs as the space that windows are in has them.
#pragma once

#include <cstdint>

#include <wayland-server-core.h>

#include "compositor-demo/protocol/client_limits.hpp"
#include "compositor-demo/protocol/resource.hpp"

namespace demo {

class OutputGlobal;
class Outputs;

// The global. Outlives its clients.
class XdgOutputManager {
 public:
  // Advertises zxdg_output_manager_v1 3. Throws std::runtime_error.
  XdgOutputManager(wl_display* display, Outputs& outputs);
  XdgOutputManager(const XdgOutputManager&) = delete;
  XdgOutputManager& operator=(const XdgOutputManager&) = delete;

  void bind(wl_client* client, int version, std::uint32_t id);

 private:
  Outputs& outputs_;
  Global global_;
};

// What a client bound of it.
class XdgOutputBinding {
 public:
  XdgOutputBinding(Outputs& outputs, wl_client* client)
      : outputs_{outputs}, charge_{client, Limit::Bindings} {}
  void get_xdg_output(wl_resource* resource, std::uint32_t id, wl_resource* output);

 private:
  Outputs& outputs_;
  Charge charge_;
};

// Says all of an output to a zxdg_output_v1; the wl_output's done is to follow.
void describe_xdg_output(wl_resource* resource, const OutputGlobal& output) noexcept;

}  // namespace demo
