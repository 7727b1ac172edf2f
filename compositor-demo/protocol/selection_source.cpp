#include "compositor-demo/protocol/selection_source.hpp"

#include <algorithm>
#include <utility>

#include <calloop/fd.hpp>

#include "compositor-demo/log.hpp"
#include "compositor-demo/protocol/backlog.hpp"

namespace demo {
namespace {

// All of it is sent to the client with the keyboard in one go, on each of its devices: more than
// fits its socket would disconnect the wrong one. LibreOffice offers thirty formats of together two
// thousand bytes, one of them of 250.
constexpr std::size_t max_mime_types = 128;
constexpr std::size_t max_mime_length = 512;
constexpr std::size_t max_mime_bytes = 4096;
// What a name takes besides its characters, about.
constexpr std::size_t format_overhead = 64;

}  // namespace

SelectionSource::SelectionSource(wl_resource* resource)
    : resource_{resource},
      charge_{wl_resource_get_client(resource), Limit::Objects},
      formats_charge_{charge_.limits(), Limit::FormatBytes, 0} {}

SelectionSource::~SelectionSource() {
  end_offers();
  if (user_ != nullptr)
    user_->source_destroyed(*this);
}

void SelectionSource::end_offers() noexcept {
  for (SelectionOffer* offer : std::exchange(offers_, {}))
    offer->source_ended();
}

void SelectionSource::remove_offer(const SelectionOffer& offer) noexcept {
  std::erase(offers_, &offer);
}

bool SelectionSource::offers(std::string_view mime_type) const noexcept {
  return std::find(mime_types_.begin(), mime_types_.end(), mime_type) != mime_types_.end();
}

void SelectionSource::send(const char* mime_type, int fd) noexcept {
  if (has_room(client()))
    send_send(mime_type, fd);
}

void SelectionSource::use(SelectionSourceUser& user) noexcept {
  user_ = &user;
  used_ = true;
}

void SelectionSource::end_use() noexcept {
  user_ = nullptr;
  end_offers();
}

void SelectionSource::cancel() noexcept {
  end_use();
  send_cancelled();
}

void SelectionSource::refuse() noexcept {
  if (user_ == nullptr)
    send_cancelled();
}

void SelectionSource::offer(const char* mime_type) {
  const std::string_view type{mime_type};
  if (offers(type))
    return;
  if (type.size() > max_mime_length || mime_types_.size() >= max_mime_types ||
      type.size() > max_mime_bytes - mime_bytes_) {
    log::warning(
        "a client offers data in more than %zu formats, with a name of more than %zu "
        "bytes, or of more than %zu bytes together: disconnected",
        max_mime_types, max_mime_length, max_mime_bytes);
    throw LimitExceeded{"too many or too long mime types"};
  }
  formats_charge_.resize(formats_charge_.amount() + type.size() + format_overhead);
  mime_types_.emplace_back(type);
  mime_bytes_ += type.size();
}

SelectionOffer::SelectionOffer(wl_client* client, SelectionSource& source)
    : charge_{client, Limit::Objects}, source_{&source} {
  source.add_offer(*this);
}

SelectionOffer::~SelectionOffer() {
  if (source_ != nullptr)
    source_->remove_offer(*this);
}

void SelectionOffer::receive(const char* mime_type, std::int32_t fd) {
  const calloop::OwnedFd owned{fd};  // libwayland sends a duplicate
  if (source_ != nullptr && source_->offers(mime_type))
    source_->send(mime_type, owned.get());
}

}  // namespace demo
