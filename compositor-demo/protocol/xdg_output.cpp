#include "compositor-demo/protocol/xdg_output.hpp"

#include <memory>

#include <wayland-server-protocol.h>

#include "compositor-demo/protocol/output_global.hpp"
#include "xdg-output-unstable-v1-server-protocol.h"

namespace demo {
namespace {

constexpr int xdg_output_manager_version = 3;

const struct zxdg_output_manager_v1_interface xdg_output_manager_requests = {
    .destroy = destroy_resource,
    .get_xdg_output = request<&XdgOutputBinding::get_xdg_output>,
};

const struct zxdg_output_v1_interface xdg_output_requests = {.destroy = destroy_resource};

void leave_list(wl_resource* resource) noexcept {
  wl_list_remove(wl_resource_get_link(resource));
  delete_object<Charge>(resource);
}

}  // namespace

XdgOutputManager::XdgOutputManager(wl_display* display, Outputs& outputs)
    : outputs_{outputs},
      global_{make_global<&XdgOutputManager::bind>(display, &zxdg_output_manager_v1_interface,
                                                   xdg_output_manager_version, *this)} {}

void XdgOutputManager::bind(wl_client* client, int bound_version, std::uint32_t id) {
  auto binding = std::make_unique<XdgOutputBinding>(outputs_, client);
  give_object(create_resource(client, &zxdg_output_manager_v1_interface, bound_version, id),
              &xdg_output_manager_requests, std::move(binding));
}

void XdgOutputBinding::get_xdg_output(wl_resource* resource, std::uint32_t id,
                                      wl_resource* output_resource) {
  wl_client* const client = wl_resource_get_client(resource);
  auto charge = std::make_unique<Charge>(client, Limit::Objects);
  const int bound_version = wl_resource_get_version(resource);
  wl_resource* const xdg_output =
      create_resource(client, &zxdg_output_v1_interface, bound_version, id);
  wl_list_init(wl_resource_get_link(xdg_output));
  wl_resource_set_implementation(xdg_output, &xdg_output_requests, charge.release(), &leave_list);
  OutputGlobal* const output = outputs_.find(output_resource);
  if (output == nullptr)  // it is gone: nothing more is said of it
    return;
  output->add_xdg_output(xdg_output);
  describe_xdg_output(xdg_output, *output);
  // "For objects version 3 onwards, this event is deprecated. Compositors are not required to send
  // it anymore and must send wl_output.done instead."
  if (bound_version >= 3 &&
      wl_resource_get_version(output_resource) >= WL_OUTPUT_DONE_SINCE_VERSION)
    wl_output_send_done(output_resource);
}

void describe_xdg_output(wl_resource* resource, const OutputGlobal& output) noexcept {
  const Rect area = output.area();
  const int bound_version = wl_resource_get_version(resource);
  zxdg_output_v1_send_logical_position(resource, area.x, area.y);
  zxdg_output_v1_send_logical_size(resource, area.width, area.height);
  if (bound_version >= ZXDG_OUTPUT_V1_NAME_SINCE_VERSION)
    zxdg_output_v1_send_name(resource, output.info().name.c_str());
  if (bound_version >= ZXDG_OUTPUT_V1_DESCRIPTION_SINCE_VERSION)
    zxdg_output_v1_send_description(resource, output.info().description.c_str());
  if (bound_version < 3)
    zxdg_output_v1_send_done(resource);
}

}  // namespace demo
