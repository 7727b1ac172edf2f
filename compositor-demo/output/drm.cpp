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
  for (auto& [node, card] : cards_)
    close(card);
}

bool Drm::is_ours(const calloop::UdevDevice& device) const noexcept {
  const std::string_view seat = device.property("ID_SEAT");
  return is_card(device.sysname()) && (seat.empty() ? default_seat : seat) == seat_;
}

std::size_t Drm::cards() const noexcept {
  return static_cast<std::size_t>(
      std::ranges::count_if(cards_, [](const auto& entry) { return entry.second != nullptr; }));
}

void Drm::start() {
  running_ = true;
  for (auto& [node, card] : cards_) {
    if (card)
      card->start();
    else
      open(node, card);
  }
}

void Drm::stop() noexcept {
  running_ = false;
  for (auto& [node, card] : cards_)
    if (card)
      card->stop();
}

// What happens to a card while it is not ours start() finds out.
void Drm::handle(const calloop::UdevEvent& event) {
  if (!is_ours(event.device))
    return;
  const std::string node{event.device.devnode()};
  switch (event.action) {
    case calloop::UdevAction::Add: {
      Card& card = cards_[node];
      if (running_ && !card)
        open(node, card);
      break;
    }
    case calloop::UdevAction::Change:
      if (const auto card = cards_.find(node); card != cards_.end() && running_) {
        if (card->second)
          card->second->rescan();
        else
          open(node, card->second);
      }
      break;
    case calloop::UdevAction::Remove:
      if (auto card = cards_.extract(node); !card.empty() && card.mapped()) {
        log::warning("%s is gone", node.c_str());
        card.mapped()->vanish();
        close(card.mapped());
      }
      break;
  }
}

void Drm::open(const std::string& node, Card& card) {
  int fd = -1;
  try {
    fd = host_.open_card(node);
    card = std::make_unique<DrmCard>(loop_, host_, host_, fd, node);
    card->start();
    if (card->outputs() == 0)
      log::warning("%s: no monitor is connected", node.c_str());
  } catch (const std::exception& error) {
    log::error("a graphics card cannot be used: %s", error.what());
    card.reset();
    if (fd >= 0)
      host_.close_card(fd);
  }
}

void Drm::close(Card& card) noexcept {
  if (!card)
    return;
  const int fd = card->fd();
  card.reset();
  host_.close_card(fd);
}

}  // namespace demo
