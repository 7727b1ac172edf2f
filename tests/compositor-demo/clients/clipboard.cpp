#include "clipboard.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include <calloop/fd.hpp>

namespace clients {

Clipboard::Clipboard(Connection& connection)
    : connection_{connection},
      keyboard_{wl_seat_get_keyboard(connection.seat.get())},
      device_{wl_data_device_manager_get_data_device(connection.data_device_manager.get(),
                                                     connection.seat.get())} {
  static constexpr wl_keyboard_listener keyboard_listener{
      .keymap = [](void*, wl_keyboard*, std::uint32_t, std::int32_t fd,
                   std::uint32_t) noexcept { ::close(fd); },
      .enter = [](void* self, wl_keyboard*, std::uint32_t serial, wl_surface*,
                  wl_array*) noexcept { static_cast<Clipboard*>(self)->enter_serial_ = serial; },
      .leave = [](void* self, wl_keyboard*, std::uint32_t,
                  wl_surface*) noexcept { static_cast<Clipboard*>(self)->enter_serial_.reset(); },
      .key = [](void*, wl_keyboard*, std::uint32_t, std::uint32_t, std::uint32_t,
                std::uint32_t) noexcept {},
      .modifiers = [](void*, wl_keyboard*, std::uint32_t, std::uint32_t, std::uint32_t,
                      std::uint32_t, std::uint32_t) noexcept {},
      .repeat_info = [](void*, wl_keyboard*, std::int32_t, std::int32_t) noexcept {},
  };
  wl_keyboard_add_listener(keyboard_.get(), &keyboard_listener, this);

  static constexpr wl_data_offer_listener offer_listener{
      .offer =
          [](void* offer, wl_data_offer*, const char* mime_type) noexcept {
            static_cast<Offer*>(offer)->mime_types.emplace_back(mime_type);
          },
      .source_actions = [](void*, wl_data_offer*, std::uint32_t) noexcept {},
      .action = [](void*, wl_data_offer*, std::uint32_t) noexcept {},
  };
  static constexpr wl_data_device_listener device_listener{
      .data_offer =
          [](void* self, wl_data_device*, wl_data_offer* id) noexcept {
            auto& offers = static_cast<Clipboard*>(self)->offers_;
            offers.push_back(std::make_unique<Offer>());
            offers.back()->offer.reset(id);
            wl_data_offer_add_listener(id, &offer_listener, offers.back().get());
          },
      .enter = [](void*, wl_data_device*, std::uint32_t, wl_surface*, wl_fixed_t, wl_fixed_t,
                  wl_data_offer*) noexcept {},
      .leave = [](void*, wl_data_device*) noexcept {},
      .motion = [](void*, wl_data_device*, std::uint32_t, wl_fixed_t, wl_fixed_t) noexcept {},
      .drop = [](void*, wl_data_device*) noexcept {},
      .selection =
          [](void* self, wl_data_device*, wl_data_offer* id) noexcept {
            auto& clipboard = *static_cast<Clipboard*>(self);
            const auto found = std::ranges::find(clipboard.offers_, id,
                                                 [](const auto& o) { return o->offer.get(); });
            clipboard.selection_ = found != clipboard.offers_.end() ? found->get() : nullptr;
          },
  };
  wl_data_device_add_listener(device_.get(), &device_listener, this);
}

Clipboard::~Clipboard() = default;

bool Clipboard::wait_for_keyboard() {
  return connection_.dispatch_until([this] { return enter_serial_.has_value(); });
}

void Clipboard::set(const std::vector<std::string>& mime_types, std::string text) {
  text_ = std::move(text);
  cancelled_ = false;
  source_.reset(wl_data_device_manager_create_data_source(connection_.data_device_manager.get()));
  static constexpr wl_data_source_listener listener{
      .target = [](void*, wl_data_source*, const char*) noexcept {},
      .send = &Clipboard::send,
      .cancelled =
          [](void* self, wl_data_source*) noexcept {
            static_cast<Clipboard*>(self)->cancelled_ = true;
          },
      .dnd_drop_performed = [](void*, wl_data_source*) noexcept {},
      .dnd_finished = [](void*, wl_data_source*) noexcept {},
      .action = [](void*, wl_data_source*, std::uint32_t) noexcept {},
  };
  wl_data_source_add_listener(source_.get(), &listener, this);
  for (const std::string& type : mime_types)
    wl_data_source_offer(source_.get(), type.c_str());
  wl_data_device_set_selection(device_.get(), source_.get(), enter_serial_.value_or(0));
}

void Clipboard::send(void* self, wl_data_source*, const char*, int fd) noexcept {
  const calloop::OwnedFd pipe{fd};
  const std::string& text = static_cast<Clipboard*>(self)->text_;
  std::size_t written = 0;
  while (written < text.size()) {
    const ssize_t count = ::write(pipe.get(), text.data() + written, text.size() - written);
    if (count < 0 && errno != EINTR)
      return;  // the reader has had enough
    written += static_cast<std::size_t>(std::max<ssize_t>(count, 0));
  }
}

bool Clipboard::wait_for_offer(const std::string& mime_type) {
  return connection_.dispatch_until([&] {
    return selection_ != nullptr &&
           std::ranges::find(selection_->mime_types, mime_type) != selection_->mime_types.end();
  });
}

void Clipboard::receive(const std::string& mime_type, int fd) {
  wl_data_offer_receive(selection_->offer.get(), mime_type.c_str(), fd);
}

std::optional<std::string> Clipboard::read(const std::string& mime_type) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0)
    throw std::system_error{errno, std::generic_category(), "pipe2"};
  const calloop::OwnedFd reader{ends[0]};
  calloop::OwnedFd writer{ends[1]};
  // Only our end does not block.
  ::fcntl(writer.get(), F_SETFL, 0);
  receive(mime_type, writer.get());
  wl_display_flush(connection_.display());
  writer.reset();

  std::string text;
  const bool whole = eventually([&] {
    std::array<char, 65536> buffer;
    ssize_t count = 0;
    while ((count = ::read(reader.get(), buffer.data(), buffer.size())) > 0)
      text.append(buffer.data(), static_cast<std::size_t>(count));
    return count == 0;
  });
  return whole ? std::optional{text} : std::nullopt;
}

}  // namespace clients
