#include "monitor.hpp"

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "socket.hpp"

namespace vm {
namespace {

// A conversation in big-endian numbers.
class Rfb {
 public:
  explicit Rfb(const std::filesystem::path& socket) : socket_{connect_to(socket)} {}

  std::string read(std::size_t bytes) {
    while (received_.size() < bytes)
      received_ += receive(socket_);
    std::string taken = received_.substr(0, bytes);
    received_.erase(0, bytes);
    return taken;
  }
  std::size_t number(std::size_t bytes) {
    std::size_t value = 0;
    for (const char c : read(bytes))
      value = value << 8 | static_cast<unsigned char>(c);
    return value;
  }
  Rfb& put(std::uint32_t value, int bytes) {
    while (bytes-- > 0)
      outgoing_ += static_cast<char>(value >> (8 * bytes) & 0xff);
    return *this;
  }
  // Until it says nothing more for a while.
  void drain() {
    while (!receive_within(socket_, std::chrono::milliseconds{200}).empty()) {
    }
  }
  void flush() {
    send(socket_, outgoing_);
    outgoing_.clear();
  }

 private:
  calloop::OwnedFd socket_;
  std::string received_;
  std::string outgoing_;
};

constexpr std::uint32_t raw = 0;
constexpr std::uint32_t extended_desktop_size = static_cast<std::uint32_t>(-308);

}  // namespace

void set_monitor(const std::filesystem::path& socket, int width, int height) {
  Rfb rfb{socket};
  rfb.read(12);  // its version
  for (const char c : std::string{"RFB 003.008\n"})
    rfb.put(static_cast<unsigned char>(c), 1);
  rfb.flush();
  rfb.read(rfb.number(1));  // ways to prove who one is
  rfb.put(1, 1).flush();    // none
  if (rfb.number(4) != 0)
    throw std::runtime_error{"the VNC server refuses"};
  rfb.put(1, 1).flush();  // others may look, too
  rfb.read(4 + 16);       // size and pixel format
  rfb.read(rfb.number(4));
  rfb.put(2, 1).put(0, 1).put(2, 2).put(raw, 4).put(extended_desktop_size, 4);  // SetEncodings
  rfb.put(3, 1).put(0, 1).put(0, 4).put(1, 2).put(1, 2).flush();  // FramebufferUpdateRequest
  rfb.read(1);                                                    // it has understood
  const auto w = static_cast<std::uint32_t>(width);
  const auto h = static_cast<std::uint32_t>(height);
  rfb.put(251, 1).put(0, 1).put(w, 2).put(h, 2).put(1, 1).put(0, 1);  // SetDesktopSize, one screen
  rfb.put(0, 4).put(0, 4).put(w, 2).put(h, 2).put(0, 4).flush();
  rfb.drain();  // whoever hangs up at once is not listened to
}

}  // namespace vm
