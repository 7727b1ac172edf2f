// A client that speaks the wire format by itself, so that it can say what libwayland would not.
//
//   RawConnection client{socket};
//   client.send(Message{1, 1}.u32(2));   // wl_display.get_registry, new id 2
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <calloop/fd.hpp>

#include "eventually.hpp"

namespace clients {

// A request: words in the byte order of this machine.
class Message {
 public:
  Message(std::uint32_t object, std::uint16_t opcode) : words_{object, opcode} {}

  Message& u32(std::uint32_t value);
  Message& string(std::string_view text);
  // With the size in its place.
  std::vector<std::byte> bytes() const;

 private:
  std::vector<std::uint32_t> words_;
};

class RawConnection {
 public:
  // Throws std::system_error.
  explicit RawConnection(const std::filesystem::path& path);

  // Blocks while the compositor does not read. False when it has hung up.
  bool send(std::span<const std::byte> bytes, std::span<const int> fds = {}) noexcept;
  bool send(const Message& message) noexcept { return send(message.bytes()); }
  // Binds a global under this id; `name` is the number that the registry has for it.
  bool bind(std::uint32_t registry, std::uint32_t name, std::string_view interface,
            std::uint32_t version, std::uint32_t id) noexcept;

  // The numbers of the globals, by the name of their interface. Object 2 is the registry, 3 is used
  // up.
  struct Global {
    std::uint32_t name = 0;
    std::string interface;
    std::uint32_t version = 0;
  };
  std::vector<Global> globals();

  // Reads events until the compositor hangs up. Nothing if it does not in time; else what the last
  // wl_display.error said, empty if there was none.
  struct End {
    std::uint32_t object = 0;
    std::uint32_t code = 0;
    std::string message;
  };
  std::optional<End> wait_for_end(Clock::duration limit = patience);
  // Goes away without a word.
  void close() noexcept { socket_.reset(); }
  int fd() const noexcept { return socket_.get(); }

 private:
  // More bytes, within the limit; false at the end.
  bool receive(Clock::time_point deadline) noexcept;

  calloop::OwnedFd socket_;
  std::vector<std::byte> received_;
};

}  // namespace clients
