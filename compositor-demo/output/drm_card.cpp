#include "compositor-demo/output/drm_card.hpp"

#include <xf86drm.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <exception>
#include <system_error>
#include <utility>

#include <calloop/sources/generic.hpp>

#include "compositor-demo/log.hpp"
#include "compositor-demo/output/drm_mode.hpp"

namespace demo {
namespace {

// More events than libdrm reads at once.
constexpr std::size_t most_flips = 64;

template <class T>
std::span<const T> list(const T* items, int count) noexcept {
  return {items, static_cast<std::size_t>(std::max(count, 0))};
}

bool has_monitor(const drmModeConnector& connector) noexcept {
  return connector.connection == DRM_MODE_CONNECTED && connector.count_modes > 0;
}

}  // namespace

DrmCard::DrmCard(const calloop::LoopHandle<>& loop, Host& host, Output::Host& output_host, int fd,
                 std::string name)
    : loop_{loop}, host_{host}, output_host_{output_host}, fd_{fd}, name_{std::move(name)} {
  const auto fail = [this](const char* what, int error) {
    throw std::system_error{error, std::generic_category(), name_ + ": " + what};
  };
  // Whoever opens a card for us may not get more of it than others have left.
  if (drmIsMaster(fd_) == 0)
    fail("another program has it", EBUSY);
  std::uint64_t dumb = 0;
  if (drmGetCap(fd_, DRM_CAP_DUMB_BUFFER, &dumb) != 0 || dumb == 0)
    fail("no dumb buffers", ENOTSUP);
  const DrmObject<drmModeRes> resources{drmModeGetResources(fd_)};
  if (!resources)
    fail("drmModeGetResources", errno);
  if (resources->count_connectors == 0 || resources->count_crtcs == 0)
    fail("no connectors", ENOTSUP);
  for (const std::uint32_t crtc : list(resources->crtcs, resources->count_crtcs))
    crtcs_.push_back(crtc);
  flips_.reserve(most_flips);
  save();
  events_ = {loop_, loop_.insert_source(calloop::Generic{fd_, calloop::interest().read()},
                                        [this] {
                                          read_events();
                                          return calloop::PostAction::Continue;
                                        },
                                        {.name = "page flips"})};
}

DrmCard::~DrmCard() {
  events_.reset();
  if (running_ && !vanished_) {
    for (const auto& output : outputs_)
      output->turn_off();
    restore();
  }
}

// ----------------------------------------------------------------------------- as it was before us

void DrmCard::save() {
  const DrmObject<drmModeRes> resources{drmModeGetResources(fd_)};
  if (!resources)
    return;
  for (const std::uint32_t id : crtcs_) {
    Before before{DrmObject<drmModeCrtc>{drmModeGetCrtc(fd_, id)}, {}};
    if (!before.crtc || before.crtc->mode_valid == 0 || before.crtc->buffer_id == 0)
      continue;
    for (const std::uint32_t connector_id :
         list(resources->connectors, resources->count_connectors)) {
      const DrmObject<drmModeConnector> connector{drmModeGetConnectorCurrent(fd_, connector_id)};
      if (!connector)
        continue;
      const DrmObject<drmModeEncoder> encoder{drmModeGetEncoder(fd_, connector->encoder_id)};
      if (encoder && encoder->crtc_id == id)
        before.connectors.push_back(connector_id);
    }
    if (!before.connectors.empty())
      before_.push_back(std::move(before));
  }
}

void DrmCard::restore() noexcept {
  for (Before& before : before_)
    drmModeSetCrtc(fd_, before.crtc->crtc_id, before.crtc->buffer_id, before.crtc->x,
                   before.crtc->y, before.connectors.data(),
                   static_cast<int>(before.connectors.size()), &before.crtc->mode);
}

// -------------------------------------------------------------------------------- whose card it is

void DrmCard::start() {
  running_ = true;
  rescan();
  for (const auto& output : outputs_)
    if (!output->running())
      output->start();
}

void DrmCard::stop() noexcept {
  running_ = false;
  for (const auto& output : outputs_)
    output->stop();
}

void DrmCard::vanish() noexcept {
  vanished_ = true;
  stop();
  events_.reset();
  lose_outputs();
}

void DrmCard::lose_outputs() noexcept {
  while (!outputs_.empty()) {
    const std::unique_ptr<DrmOutput> output = std::move(outputs_.back());
    outputs_.pop_back();
    log::info("%s is gone", output->monitor().name.c_str());
    host_.output_removed(*output);
  }
}

// ---------------------------------------------------------------------------------------- monitors

std::optional<Monitor> DrmCard::probe(std::uint32_t id) const {
  const DrmObject<drmModeConnector> connector{drmModeGetConnector(fd_, id)};
  if (!connector || !has_monitor(*connector))
    return {};
  Monitor monitor;
  monitor.connector = id;
  const char* const type = drmModeGetConnectorTypeName(connector->connector_type);
  monitor.name = std::string{type == nullptr ? "Unknown" : type} + "-" +
                 std::to_string(connector->connector_type_id);
  monitor.mode = *preferred_mode(list(connector->modes, connector->count_modes));
  monitor.millimetres = {static_cast<int>(connector->mmWidth),
                         static_cast<int>(connector->mmHeight)};
  const MonitorName name = read_edid(*connector);
  monitor.make = name.make;
  monitor.model = name.model;
  return monitor;
}

MonitorName DrmCard::read_edid(const drmModeConnector& connector) const {
  for (std::size_t i = 0; i < static_cast<std::size_t>(connector.count_props); ++i) {
    const DrmObject<drmModePropertyRes> property{drmModeGetProperty(fd_, connector.props[i])};
    if (!property || std::string_view{property->name} != "EDID")
      continue;
    const DrmObject<drmModePropertyBlobRes> blob{
        drmModeGetPropertyBlob(fd_, static_cast<std::uint32_t>(connector.prop_values[i]))};
    if (blob)
      return monitor_name({static_cast<const std::byte*>(blob->data), blob->length});
  }
  return {};
}

// A bit for each of crtcs_.
std::uint32_t DrmCard::possible_crtcs(std::uint32_t id) const {
  std::uint32_t possible = 0;
  const DrmObject<drmModeConnector> connector{drmModeGetConnectorCurrent(fd_, id)};
  if (!connector)
    return possible;
  for (const std::uint32_t encoder_id : list(connector->encoders, connector->count_encoders))
    if (const DrmObject<drmModeEncoder> encoder{drmModeGetEncoder(fd_, encoder_id)})
      possible |= encoder->possible_crtcs;
  return possible;
}

DrmOutput* DrmCard::find(std::uint32_t connector) noexcept {
  const auto found = std::ranges::find_if(
      outputs_, [&](const auto& output) { return output->monitor().connector == connector; });
  return found == outputs_.end() ? nullptr : found->get();
}

void DrmCard::rescan() {
  if (!running_)
    return;
  const DrmObject<drmModeRes> resources{drmModeGetResources(fd_)};
  if (!resources)
    return;
  std::vector<Monitor> monitors;
  for (const std::uint32_t id : list(resources->connectors, resources->count_connectors))
    if (auto monitor = probe(id))
      monitors.push_back(std::move(*monitor));
  drop_unplugged(monitors);
  change_modes(monitors);
  add_plugged(monitors);
}

void DrmCard::drop_unplugged(std::span<const Monitor> monitors) {
  std::vector<std::unique_ptr<DrmOutput>> unplugged;
  std::erase_if(outputs_, [&](std::unique_ptr<DrmOutput>& output) {
    const bool there = std::ranges::any_of(monitors, [&](const Monitor& monitor) {
      return monitor.connector == output->monitor().connector;
    });
    if (!there)
      unplugged.push_back(std::move(output));
    return !there;
  });
  for (const auto& output : unplugged) {
    log::info("%s is unplugged", output->monitor().name.c_str());
    output->turn_off();
    host_.output_removed(*output);
  }
}

void DrmCard::change_modes(std::span<const Monitor> monitors) {
  for (const Monitor& monitor : monitors) {
    DrmOutput* const output = find(monitor.connector);
    if (output == nullptr || same_mode(output->monitor().mode, monitor.mode))
      continue;
    try {
      output->change_mode(monitor.mode);
      log::info("%s is now %dx%d at %.3g Hz", monitor.name.c_str(), output->size().width,
                output->size().height, output->refresh_mhz() / 1000.0);
    } catch (const std::exception& error) {
      log::error("%s stays as it is: %s", monitor.name.c_str(), error.what());
    }
  }
}

void DrmCard::add_plugged(std::span<const Monitor> monitors) {
  std::vector<CrtcNeed> needs;
  for (const Monitor& monitor : monitors) {
    CrtcNeed& need = needs.emplace_back(CrtcNeed{.possible = possible_crtcs(monitor.connector)});
    if (const DrmOutput* const output = find(monitor.connector))
      need.current =
          static_cast<std::size_t>(std::ranges::find(crtcs_, output->crtc()) - crtcs_.begin());
  }
  const auto assigned = assign_crtcs(needs, crtcs_.size());
  for (std::size_t i = 0; i < monitors.size(); ++i) {
    const Monitor& monitor = monitors[i];
    if (needs[i].current)
      continue;  // keeps what it has
    if (!assigned[i] || std::ranges::any_of(outputs_, [&](const auto& output) {
          return output->crtc() == crtcs_[*assigned[i]];
        })) {
      log::warning("%s stays dark: %s has nothing left to drive it", monitor.name.c_str(),
                   name_.c_str());
      continue;
    }
    try {
      auto output = std::make_unique<DrmOutput>(loop_, output_host_, fd_, this,
                                                crtcs_[*assigned[i]], monitor);
      if (!output->start())
        continue;
      log::info("%s is %dx%d at %.3g Hz%s%s", monitor.name.c_str(), output->size().width,
                output->size().height, output->refresh_mhz() / 1000.0,
                monitor.model.empty() ? "" : ", ", monitor.model.c_str());
      DrmOutput& added = *outputs_.emplace_back(std::move(output));
      host_.output_added(added);
    } catch (const std::exception& error) {
      log::error("%s stays dark: %s", monitor.name.c_str(), error.what());
    }
  }
}

// ------------------------------------------------------------------------------------- page flips

// libdrm calls this back. Outputs may go and come in what is done about it, so that is done later.
void DrmCard::record_flip(int, unsigned sequence, unsigned seconds, unsigned microseconds,
                          unsigned crtc, void* card) noexcept {
  std::vector<Flip>& flips = static_cast<DrmCard*>(card)->flips_;
  if (flips.size() < flips.capacity())
    flips.push_back({crtc, sequence,
                     calloop::TimePoint{std::chrono::seconds{seconds} +
                                        std::chrono::microseconds{microseconds}}});
}

void DrmCard::read_events() {
  drmEventContext context{};
  context.version = 3;
  context.page_flip_handler2 = &DrmCard::record_flip;
  flips_.clear();
  if (drmHandleEvent(fd_, &context) != 0 && errno != EAGAIN && errno != EINTR) {
    log::error("%s: reading its events: %s", name_.c_str(),
               std::generic_category().message(errno).c_str());
    events_.reset();  // it would be ready for ever; udev tells what has become of the card
    return;
  }
  for (std::size_t i = 0; i < flips_.size(); ++i) {
    const Flip flip = flips_[i];
    const auto output = std::ranges::find_if(
        outputs_, [&](const auto& candidate) { return candidate->crtc() == flip.crtc; });
    if (output != outputs_.end())
      (*output)->flipped(flip.time, flip.sequence);
  }
}

}  // namespace demo
