#include "compositor-demo/protocol/viewporter.hpp"

#include <memory>

#include "viewporter-server-protocol.h"

namespace demo {
namespace {

constexpr int wp_viewporter_version = 1;

const struct wp_viewporter_interface wp_viewporter_requests = {
    .destroy = destroy_resource,
    .get_viewport = request<&ViewporterBinding::get_viewport>,
};

const struct wp_viewport_interface wp_viewport_requests = {
    .destroy = destroy_resource,
    .set_source = request<&Viewport::set_source>,
    .set_destination = request<&Viewport::set_destination>,
};

}  // namespace

// Surface raises these, without knowing this protocol.
static_assert(Surface::viewport_bad_size == WP_VIEWPORT_ERROR_BAD_SIZE &&
              Surface::viewport_out_of_buffer == WP_VIEWPORT_ERROR_OUT_OF_BUFFER);

Viewporter::Viewporter(wl_display* display)
    : global_{make_global<&Viewporter::bind>(display, &wp_viewporter_interface,
                                             wp_viewporter_version, *this)} {}

void Viewporter::bind(wl_client* client, int bound_version, std::uint32_t id) {
  auto binding = std::make_unique<ViewporterBinding>(client);
  give_object(create_resource(client, &wp_viewporter_interface, bound_version, id),
              &wp_viewporter_requests, std::move(binding));
}

void ViewporterBinding::get_viewport(wl_resource* resource, std::uint32_t id,
                                     wl_resource* surface_resource) {
  Surface& surface = Surface::from(surface_resource);
  if (surface.has_viewport())
    throw ProtocolError{resource, WP_VIEWPORTER_ERROR_VIEWPORT_EXISTS,
                        "the wl_surface already has a wp_viewport"};
  wl_resource* const viewport = create_resource(wl_resource_get_client(resource),
                                                &wp_viewport_interface, wp_viewporter_version, id);
  give_object(viewport, &wp_viewport_requests, std::make_unique<Viewport>(viewport, surface));
}

Viewport::Viewport(wl_resource* resource, Surface& surface)
    : charge_{wl_resource_get_client(resource), Limit::Objects} {
  surface_.watch(&surface);
  surface.set_viewport(resource);
}

// "The associated wl_surface's crop and scale state is removed. The change is applied on the next
// wl_surface.commit."
Viewport::~Viewport() {
  if (surface_.get() == nullptr)
    return;
  surface_.get()->set_viewport(nullptr);
  surface_.get()->crop_and_scale({});
}

Surface& Viewport::surface(wl_resource* resource) const {
  if (surface_.get() == nullptr)
    throw ProtocolError{resource, WP_VIEWPORT_ERROR_NO_SURFACE, "the wl_surface is gone"};
  return *surface_.get();
}

void Viewport::set_source(wl_resource* resource, wl_fixed_t x, wl_fixed_t y, wl_fixed_t width,
                          wl_fixed_t height) {
  Surface& of = surface(resource);
  Surface::CropAndScale changed = of.pending().viewport;
  const wl_fixed_t unset = wl_fixed_from_int(-1);
  if (x == unset && y == unset && width == unset && height == unset) {
    changed.source.reset();
  } else {
    if (x < 0 || y < 0 || width <= 0 || height <= 0)
      throw ProtocolError{resource, WP_VIEWPORT_ERROR_BAD_VALUE,
                          "the source has a negative place, or no size"};
    changed.source = SourceRect{wl_fixed_to_double(x), wl_fixed_to_double(y),
                                wl_fixed_to_double(width), wl_fixed_to_double(height)};
  }
  of.crop_and_scale(changed);
}

void Viewport::set_destination(wl_resource* resource, std::int32_t width, std::int32_t height) {
  Surface& of = surface(resource);
  Surface::CropAndScale changed = of.pending().viewport;
  if (width == -1 && height == -1) {
    changed.destination.reset();
  } else {
    if (width <= 0 || height <= 0)
      throw ProtocolError{resource, WP_VIEWPORT_ERROR_BAD_VALUE, "the destination has no size"};
    changed.destination = Size{width, height};
  }
  of.crop_and_scale(changed);
}

}  // namespace demo
