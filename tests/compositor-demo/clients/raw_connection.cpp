#include "raw_connection.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace clients {
namespace {

constexpr std::size_t header_bytes = 8;

std::uint32_t word_at(std::span<const std::byte> bytes, std::size_t index) noexcept {
  std::uint32_t word = 0;
  if ((index + 1) * sizeof word <= bytes.size())
    std::memcpy(&word, bytes.data() + index * sizeof word, sizeof word);
  return word;
}

// A string argument that begins at this word; `index` is then behind it.
std::string string_at(std::span<const std::byte> bytes, std::size_t& index) {
  const std::size_t length = word_at(bytes, index++);
  const std::size_t begin = index * 4;
  index += (length + 3) / 4;
  if (length == 0 || begin + length > bytes.size())
    return {};
  return {reinterpret_cast<const char*>(bytes.data() + begin), length - 1};
}

// Calls `handle(object, opcode, message)` for each whole message, and takes it away.
template <class Handle>
void each_message(std::vector<std::byte>& received, const Handle& handle) {
  std::span<const std::byte> rest{received};
  while (rest.size() >= header_bytes) {
    const std::uint32_t second = word_at(rest, 1);
    const std::size_t size = second >> 16;
    if (size < header_bytes || size > rest.size())
      break;
    handle(word_at(rest, 0), second & 0xffffU, rest.first(size));
    rest = rest.subspan(size);
  }
  received.erase(received.begin(), received.end() - static_cast<std::ptrdiff_t>(rest.size()));
}

}  // namespace

Message& Message::u32(std::uint32_t value) {
  words_.push_back(value);
  return *this;
}

Message& Message::string(std::string_view text) {
  u32(static_cast<std::uint32_t>(text.size() + 1));
  const std::size_t begin = words_.size();
  words_.resize(begin + text.size() / 4 + 1);
  std::memcpy(words_.data() + begin, text.data(), text.size());
  return *this;
}

std::vector<std::byte> Message::bytes() const {
  const auto all = std::as_bytes(std::span{words_});
  std::vector<std::byte> result{all.begin(), all.end()};
  const auto second = static_cast<std::uint32_t>(result.size() << 16) | words_[1];
  std::memcpy(result.data() + 4, &second, sizeof second);
  return result;
}

RawConnection::RawConnection(const std::filesystem::path& path)
    : socket_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
  struct sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = path.string();
  if (name.size() >= sizeof address.sun_path)
    throw std::system_error{ENAMETOOLONG, std::generic_category(), name};
  std::ranges::copy(name, address.sun_path);
  if (!socket_ || ::connect(fd(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw std::system_error{errno, std::generic_category(), name};
}

bool RawConnection::send(std::span<const std::byte> bytes, std::span<const int> fds) noexcept {
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int) * 253)> control{};
  while (!bytes.empty()) {
    struct iovec data{const_cast<std::byte*>(bytes.data()), bytes.size()};
    struct msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    if (!fds.empty()) {
      message.msg_control = control.data();
      message.msg_controllen = CMSG_SPACE(fds.size_bytes());
      cmsghdr* const header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(fds.size_bytes());
      std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
    }
    const ssize_t sent = ::sendmsg(fd(), &message, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR)
      continue;
    if (sent < 0)
      return false;
    fds = {};
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
  return true;
}

bool RawConnection::bind(std::uint32_t registry, std::uint32_t name, std::string_view interface,
                         std::uint32_t version, std::uint32_t id) noexcept {
  return send(Message{registry, 0}.u32(name).string(interface).u32(version).u32(id));
}

bool RawConnection::receive(Clock::time_point deadline) noexcept {
  struct pollfd readable{fd(), POLLIN, 0};
  using std::chrono::ceil;
  using std::chrono::milliseconds;
  const auto left = ceil<milliseconds>(deadline - Clock::now()).count();
  if (::poll(&readable, 1, static_cast<int>(std::max<std::int64_t>(left, 0))) <= 0)
    return false;
  std::array<std::byte, 4096> buffer;
  const ssize_t got = ::recv(fd(), buffer.data(), buffer.size(), 0);
  if (got <= 0)
    return false;
  received_.insert(received_.end(), buffer.begin(), buffer.begin() + got);
  return true;
}

std::vector<RawConnection::Global> RawConnection::globals() {
  std::vector<Global> found;
  send(Message{1, 1}.u32(2));  // wl_display.get_registry
  send(Message{1, 0}.u32(3));  // wl_display.sync
  bool answered = false;
  const auto deadline = Clock::now() + patience;
  while (!answered && receive(deadline))
    each_message(received_, [&](std::uint32_t object, std::uint32_t opcode,
                                std::span<const std::byte> message) {
      if (object == 3)
        answered = true;
      if (object != 2 || opcode != 0)
        return;
      Global global{word_at(message, 2), {}, 0};
      std::size_t index = 3;
      global.interface = string_at(message, index);
      global.version = word_at(message, index);
      found.push_back(std::move(global));
    });
  return found;
}

std::optional<RawConnection::End> RawConnection::wait_for_end(Clock::duration limit) {
  const auto deadline = Clock::now() + limit;
  End end;
  while (receive(deadline))
    each_message(received_, [&](std::uint32_t object, std::uint32_t opcode,
                                std::span<const std::byte> message) {
      if (object != 1 || opcode != 0)
        return;
      end.object = word_at(message, 2);
      end.code = word_at(message, 3);
      std::size_t index = 4;
      end.message = string_at(message, index);
    });
  if (Clock::now() >= deadline)
    return {};
  return end;
}

}  // namespace clients
