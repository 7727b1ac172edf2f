#include "compositor-demo/output/drm.hpp"

#include <algorithm>
#include <cctype>
#include <exception>
#include <optional>
#include <utility>

#include "compositor-demo/log.hpp"

namespace demo {
namespace {

constexpr std::string_view default_seat = "seat0";

// "card0", and neither its connectors ("card0-HDMI-A-1") nor "renderD128".
bool is_card(std::string_view name) noexcept {
  constexpr std::string_view prefix = "card";
  return name.size() > prefix.size() && name.starts_with(prefix) &&
         std::ranges::all_of(name.substr(prefix.size()),
                             [](unsigned char c) { return std::isdigit(c) != 0; });
}

}  // namespace

Drm::Drm(const calloop::LoopHandle<>& loop, Host& host, std::string_view seat)
    : loop_{loop}, host_{host}, seat_{seat} {
  calloop::UdevMonitor monitor{{.subsystems = {{"drm"}}}};
  while (const std::optional<calloop::UdevEvent> event = monitor.next_event())
    handle(*event);
  events_ = {loop_, loop_.insert_source(calloop::UdevSource{std::move(monitor)},
                                        [this](const calloop::UdevEvent& event) { handle(event); },
                                        {.name = "graphics cards"})};
}

Drm::~Drm() {
  events_.reset();
  for (auto& [syspath, device] : devices_)
    close(device);
}

bool Drm::is_ours(const calloop::UdevDevice& device) const noexcept {
  const std::string_view seat = device.property("ID_SEAT");
  return is_card(device.sysname()) && (seat.empty() ? default_seat : seat) == seat_;
}

std::size_t Drm::cards() const noexcept {
  return static_cast<std::size_t>(std::ranges::count_if(
      devices_, [](const auto& entry) { return entry.second.card != nullptr; }));
}

void Drm::start() {
  running_ = true;
  for (auto& [syspath, device] : devices_) {
    if (device.card)
      device.card->start();
    else
      open(device);
  }
}

void Drm::stop() noexcept {
  running_ = false;
  for (auto& [syspath, device] : devices_)
    if (device.card)
      device.card->stop();
}

// What happens to a card while it is not ours start() finds out.
void Drm::handle(const calloop::UdevEvent& event) {
  if (!is_ours(event.device))
    return;
  const std::string syspath{event.device.syspath()};
  switch (event.action) {
    case calloop::UdevAction::Add: {
      Device& device = devices_[syspath];
      device.node = event.device.devnode();
      if (running_ && !device.card)
        open(device);
      break;
    }
    case calloop::UdevAction::Change:
      if (const auto device = devices_.find(syspath); device != devices_.end() && running_) {
        if (device->second.card)
          device->second.card->rescan();
        else
          open(device->second);
      }
      break;
    case calloop::UdevAction::Remove:
      if (auto device = devices_.extract(syspath); !device.empty() && device.mapped().card) {
        log::warning("%s is gone", device.mapped().node.c_str());
        device.mapped().card->vanish();
        close(device.mapped());
      }
      break;
  }
}

void Drm::open(Device& device) {
  int fd = -1;
  try {
    fd = host_.open_card(device.node);
    device.card = std::make_unique<DrmCard>(loop_, host_, host_, fd, device.node);
    device.card->start();
    if (device.card->outputs() == 0)
      log::warning("%s: no monitor is connected", device.node.c_str());
  } catch (const std::exception& error) {
    log::error("a graphics card cannot be used: %s", error.what());
    device.card.reset();
    if (fd >= 0)
      host_.close_card(fd);
  }
}

void Drm::close(Device& device) noexcept {
  if (!device.card)
    return;
  const int fd = device.card->fd();
  device.card.reset();
  host_.close_card(fd);
}

}  // namespace demo
