#include "compositor-demo/protocol/presentation.hpp"

#include <ctime>
#include <memory>

#include "compositor-demo/protocol/surface.hpp"
#include "presentation-time-server-protocol.h"

namespace demo {
namespace {

constexpr int wp_presentation_version = 1;

const struct wp_presentation_interface wp_presentation_requests = {
    .destroy = destroy_resource,
    .feedback = request<&PresentationBinding::feedback>,
};

}  // namespace

Presentation::Presentation(wl_display* display)
    : global_{make_global<&Presentation::bind>(display, &wp_presentation_interface,
                                               wp_presentation_version, *this)} {}

// Frames are timed by the loop's clock and by the kernel's page flips: both are CLOCK_MONOTONIC.
void Presentation::bind(wl_client* client, int bound_version, std::uint32_t id) {
  auto binding = std::make_unique<PresentationBinding>(client);
  wl_resource* const resource =
      create_resource(client, &wp_presentation_interface, bound_version, id);
  give_object(resource, &wp_presentation_requests, std::move(binding));
  wp_presentation_send_clock_id(resource, CLOCK_MONOTONIC);
}

void PresentationBinding::feedback(wl_resource* /*resource*/, wl_resource* surface,
                                   std::uint32_t id) {
  Surface::from(surface).presentation_feedback(id);
}

}  // namespace demo
