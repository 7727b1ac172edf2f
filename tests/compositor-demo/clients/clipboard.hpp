// The clipboard as a client of our own uses it: sets the selection, and reads it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "connection.hpp"
#include "owned.hpp"

namespace clients {

class Clipboard {
 public:
  // Before the window that is to get the keyboard.
  explicit Clipboard(Connection& connection);
  Clipboard(const Clipboard&) = delete;
  Clipboard& operator=(const Clipboard&) = delete;
  ~Clipboard();

  // True when a window of this client has got the keyboard.
  bool wait_for_keyboard();
  // Offers this to everybody. It is written, whole, while events are dispatched: somebody else must
  // read it meanwhile.
  void set(const std::string& mime_type, std::string text) {
    set(std::vector<std::string>{mime_type}, std::move(text));
  }
  void set(const std::vector<std::string>& mime_types, std::string text);
  // Another client has set another selection.
  bool cancelled() const noexcept { return cancelled_; }

  // True when there is a selection of this type.
  bool wait_for_offer(const std::string& mime_type);
  // There is no selection.
  bool empty() const noexcept { return selection_ == nullptr; }
  // Asks the selection's owner to write into this.
  void receive(const std::string& mime_type, int fd);
  // What the selection's owner writes until it closes the pipe; nothing if that takes too long.
  std::optional<std::string> read(const std::string& mime_type);

 private:
  struct Offer {
    Owned<wl_data_offer> offer;
    std::vector<std::string> mime_types;
  };
  static void send(void* self, wl_data_source* source, const char* mime_type, int fd) noexcept;

  Connection& connection_;
  Owned<wl_keyboard> keyboard_;
  Owned<wl_data_device> device_;
  std::optional<std::uint32_t> enter_serial_;

  Owned<wl_data_source> source_;
  std::string text_;
  bool cancelled_ = false;

  std::vector<std::unique_ptr<Offer>> offers_;  // the last one is the newest
  Offer* selection_ = nullptr;
};

}  // namespace clients
