#include "compositor-demo/protocol/output_global.hpp"

#include <algorithm>
#include <memory>

#include <wayland-server-protocol.h>

#include "compositor-demo/protocol/surface.hpp"
#include "compositor-demo/protocol/xdg_output.hpp"
#include "presentation-time-server-protocol.h"

namespace demo {

namespace {

const struct wl_output_interface wl_output_requests = {.release = destroy_resource};

void leave_list(wl_resource* resource) noexcept {
  wl_list_remove(wl_resource_get_link(resource));
  delete_object<Charge>(resource);
}

}  // namespace

OutputGlobal::OutputGlobal(wl_display* display, const OutputInfo& info) : info_{info} {
  wl_list_init(&resources_);
  wl_list_init(&xdg_outputs_);
  global_ = make_global<&OutputGlobal::bind>(display, &wl_output_interface, 4, *this);
}

OutputGlobal::~OutputGlobal() {
  // Nobody is left in the list: clients go before the outputs do.
  wl_list_remove(&resources_);
  wl_list_remove(&xdg_outputs_);
}

Rect OutputGlobal::area() const noexcept {
  const Size turned = transformed(info_.mode, info_.transform);
  const int scale = std::max(info_.scale, 1);
  return Rect::at(info_.position, {turned.width / scale, turned.height / scale});
}

void OutputGlobal::bind(wl_client* client, int version, std::uint32_t id) {
  auto charge = std::make_unique<Charge>(client, Limit::Bindings);
  wl_resource* const resource = create_resource(client, &wl_output_interface, version, id);
  wl_resource_set_implementation(resource, &wl_output_requests, charge.release(), &leave_list);
  wl_list_insert(resources_.prev, wl_resource_get_link(resource));

  describe(resource);
  // There is one screen, and what is entered is on it.
  const auto tell = [](wl_resource* surface, void* output) noexcept {
    Surface::output_bound(surface, static_cast<wl_resource*>(output));
    return WL_ITERATOR_CONTINUE;
  };
  wl_client_for_each_resource(client, tell, resource);
}

void OutputGlobal::describe(wl_resource* resource) const noexcept {
  const int version = wl_resource_get_version(resource);
  // Clients compute a density from it and divide: an output of unknown size says 96 dpi.
  const auto length = [](int pixels, int millimetres) {
    return millimetres > 0 ? millimetres : std::max(1, pixels * 254 / 960);
  };
  wl_output_send_geometry(resource, info_.position.x, info_.position.y,
                          length(info_.mode.width, info_.millimetres.width),
                          length(info_.mode.height, info_.millimetres.height),
                          WL_OUTPUT_SUBPIXEL_UNKNOWN, info_.make.c_str(), info_.model.c_str(),
                          static_cast<std::int32_t>(info_.transform));
  wl_output_send_mode(resource, WL_OUTPUT_MODE_CURRENT | WL_OUTPUT_MODE_PREFERRED, info_.mode.width,
                      info_.mode.height, info_.refresh_mhz);
  if (version >= WL_OUTPUT_SCALE_SINCE_VERSION)
    wl_output_send_scale(resource, info_.scale);
  if (version >= WL_OUTPUT_NAME_SINCE_VERSION) {
    wl_output_send_name(resource, info_.name.c_str());
    wl_output_send_description(resource, info_.description.c_str());
  }
  if (version >= WL_OUTPUT_DONE_SINCE_VERSION)
    wl_output_send_done(resource);
}

void OutputGlobal::change(const OutputInfo& info) {
  info_ = info;
  for (wl_list* link = xdg_outputs_.next; link != &xdg_outputs_; link = link->next)
    describe_xdg_output(wl_resource_from_link(link), *this);
  for (wl_list* link = resources_.next; link != &resources_; link = link->next)
    describe(wl_resource_from_link(link));
}

void OutputGlobal::withdraw() noexcept {
  wl_global_remove(global_.get());
}

template <class F>
void OutputGlobal::for_each_of(wl_client* client, F f) const noexcept {
  for (wl_list* link = resources_.next; link != &resources_; link = link->next) {
    wl_resource* const resource = wl_resource_from_link(link);
    if (wl_resource_get_client(resource) == client)
      f(resource);
  }
}

void OutputGlobal::add_xdg_output(wl_resource* resource) noexcept {
  wl_list_insert(xdg_outputs_.prev, wl_resource_get_link(resource));
}

bool OutputGlobal::was_bound_as(wl_resource* resource) const noexcept {
  for (const wl_list* link = resources_.next; link != &resources_; link = link->next)
    if (resource != nullptr && link == wl_resource_get_link(resource))
      return true;
  return false;
}

void OutputGlobal::send_enter(wl_resource* surface) const noexcept {
  for_each_of(wl_resource_get_client(surface),
              [surface](wl_resource* output) { wl_surface_send_enter(surface, output); });
}

void OutputGlobal::send_leave(wl_resource* surface) const noexcept {
  for_each_of(wl_resource_get_client(surface),
              [surface](wl_resource* output) { wl_surface_send_leave(surface, output); });
}

void OutputGlobal::send_sync_output(wl_resource* feedback) const noexcept {
  for_each_of(wl_resource_get_client(feedback), [feedback](wl_resource* output) {
    wp_presentation_feedback_send_sync_output(feedback, output);
  });
}

std::list<OutputGlobal>::iterator Outputs::find(const std::string& name) noexcept {
  return std::ranges::find_if(
      outputs_, [&](const OutputGlobal& output) { return output.info().name == name; });
}

void Outputs::change(const OutputInfo& info) {
  if (const auto output = find(info.name); output != outputs_.end())
    output->change(info);
}

void Outputs::remove(const std::string& name) {
  const auto output = find(name);
  if (output == outputs_.end())
    return;
  output->withdraw();
  withdrawn_.splice(withdrawn_.end(), outputs_, output);
  if (withdrawn_.size() > most_withdrawn)
    withdrawn_.pop_front();
}

std::vector<Rect> Outputs::areas() const {
  std::vector<Rect> areas;
  for (const OutputGlobal& output : outputs_)
    areas.push_back(output.area());
  return areas;
}

OutputGlobal* Outputs::find(wl_resource* resource) noexcept {
  const auto bound = std::ranges::find_if(
      outputs_, [resource](const OutputGlobal& output) { return output.was_bound_as(resource); });
  return bound == outputs_.end() ? nullptr : &*bound;
}

std::string Outputs::name_of(wl_resource* resource) const {
  const auto bound = std::ranges::find_if(
      outputs_, [resource](const OutputGlobal& output) { return output.was_bound_as(resource); });
  return bound == outputs_.end() ? std::string{} : bound->info().name;
}

void Outputs::send_enter(wl_resource* surface) const noexcept {
  for (const OutputGlobal& output : outputs_)
    output.send_enter(surface);
}

void Outputs::send_leave(wl_resource* surface) const noexcept {
  for (const OutputGlobal& output : outputs_)
    output.send_leave(surface);
}

void Outputs::send_sync_output(const std::string& name, wl_resource* feedback) const noexcept {
  for (const OutputGlobal& output : outputs_)
    if (output.info().name == name)
      output.send_sync_output(feedback);
}

}  // namespace demo
