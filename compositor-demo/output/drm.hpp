// The graphics cards of a seat and their monitors, as they come and go.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <calloop/adapters/udev.hpp>
#include <calloop/loop_handle.hpp>
#include <calloop/scoped_registration.hpp>

#include "compositor-demo/output/drm_card.hpp"
#include "compositor-demo/output/drm_output.hpp"
#include "compositor-demo/output/output.hpp"

namespace demo {

// One DrmOutput for each monitor of each card. Uses no card before start() and after stop().
class Drm {
 public:
  class Host : public DrmCard::Host, public Output::Host {
   public:
    // The descriptor of a card. Throws std::system_error.
    virtual int open_card(const std::string& path) = 0;
    virtual void close_card(int fd) noexcept = 0;

   protected:
    ~Host() = default;
  };

  // Throws std::system_error if udev cannot be asked for cards.
  Drm(const calloop::LoopHandle<>& loop, Host& host, std::string_view seat);
  Drm(const Drm&) = delete;
  Drm& operator=(const Drm&) = delete;
  // The cards are closed, and their screens as they were. The host hears nothing else of it.
  ~Drm();

  // The cards may be used. The host hears of all outputs before this returns; those that were there
  // before stay, and each paints a frame. What does not work has its line in the log.
  void start();
  // They are somebody else's.
  void stop() noexcept;

  // How many there are, and how many of them are open.
  std::size_t found() const noexcept { return cards_.size(); }
  std::size_t cards() const noexcept;

 private:
  // Null if it is not open, or not one that we can use.
  using Card = std::unique_ptr<DrmCard>;

  void handle(const calloop::UdevEvent& event);
  bool is_ours(const calloop::UdevDevice& device) const noexcept;
  void open(const std::string& node, Card& card);
  void close(Card& card) noexcept;

  calloop::LoopHandle<> loop_;
  Host& host_;
  std::string seat_;
  // By node, which tells them apart better than udev's paths: drivers are known that add a card
  // under two of them.
  std::map<std::string, Card> cards_;
  bool running_ = false;
  calloop::ScopedRegistration events_;
};

}  // namespace demo
