#include <calloop/adapters/udev.hpp>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace calloop {

namespace {

// libudev returns a negative errno, or sets errno and returns nothing.
void check(int result, const char* call) {
  if (result < 0)
    throw std::system_error{-result, std::generic_category(), call};
}
template <class T>
T* check(T* result, const char* call) {
  if (result == nullptr)
    throw std::system_error{errno == 0 ? ENOMEM : errno, std::generic_category(), call};
  return result;
}

const char* or_null(const std::string& text) noexcept {
  return text.empty() ? nullptr : text.c_str();
}

// Two looks at one path may be at two devices, one of which was plugged in when the other had gone.
bool is_same(const UdevDevice& a, const UdevDevice& b) noexcept {
  return a.devnum() == b.devnum() &&
         a.property("USEC_INITIALIZED") == b.property("USEC_INITIALIZED");
}

}  // namespace

UdevMonitor::UdevMonitor(UdevFilter filter)
    : filter_{std::move(filter)},
      context_{check(udev_new(), "udev_new")},
      monitor_{check(udev_monitor_new_from_netlink(context_.get(), "udev"),
                     "udev_monitor_new_from_netlink")} {
  for (const UdevFilter::Subsystem& subsystem : filter_.subsystems)
    check(udev_monitor_filter_add_match_subsystem_devtype(get(), subsystem.name.c_str(),
                                                          or_null(subsystem.devtype)),
          "udev_monitor_filter_add_match_subsystem_devtype");
  for (const std::string& tag : filter_.tags)
    check(udev_monitor_filter_add_match_tag(get(), tag.c_str()),
          "udev_monitor_filter_add_match_tag");
  check(udev_monitor_enable_receiving(get()), "udev_monitor_enable_receiving");
  // Only now: what is plugged in meanwhile is found, or has sent a message, or both.
  rescan();
}

std::optional<UdevEvent> UdevMonitor::next_event() {
  for (;;) {
    if (!queued_.empty()) {
      UdevEvent event = std::move(queued_.front());
      queued_.pop_front();
      return event;
    }
    errno = 0;
    if (udev_device* const device = udev_monitor_receive_device(get())) {
      if (auto event = understood(UdevDevice{device}))
        return event;
      continue;
    }
    switch (errno) {
      case EINTR:
        continue;
      case ENOBUFS:
        // Messages are lost, and those that are left are older than what one sees now.
        forget_messages();
        rescan();
        continue;
      case 0:
      case EAGAIN:
        return std::nullopt;
      default:
        throw std::system_error{errno, std::generic_category(), "udev_monitor_receive_device"};
    }
  }
}

void UdevMonitor::forget_messages() noexcept {
  do {
    errno = 0;
    while (udev_device* const device = udev_monitor_receive_device(get()))
      udev_device_unref(device);
  } while (errno == EINTR || errno == ENOBUFS);
}

std::optional<UdevEvent> UdevMonitor::understood(UdevDevice device) {
  const char* const word = udev_device_get_action(device.get());
  const std::string_view action = word == nullptr ? "change" : word;
  const std::string path{device.syspath()};
  if (action == "remove") {
    if (known_.erase(path) == 0)
      return std::nullopt;
    return UdevEvent{UdevAction::Remove, std::move(device)};
  }
  bool is_known = known_.contains(path);
  if (action == "move")
    is_known = known_.erase("/sys" + std::string{device.property("DEVPATH_OLD")}) != 0 || is_known;
  known_.insert_or_assign(path, device);
  return UdevEvent{is_known ? UdevAction::Change : UdevAction::Add, std::move(device)};
}

void UdevMonitor::rescan() {
  std::map<std::string, UdevDevice> now = found();
  // Children before their parents.
  for (auto old = known_.rbegin(); old != known_.rend(); ++old) {
    const auto present = now.find(old->first);
    if (present == now.end() || !is_same(old->second, present->second))
      queued_.push_back({UdevAction::Remove, old->second});
  }
  for (const auto& [path, device] : now) {
    const auto old = known_.find(path);
    const bool stays = old != known_.end() && is_same(old->second, device);
    queued_.push_back({stays ? UdevAction::Change : UdevAction::Add, device});
  }
  known_ = std::move(now);
}

bool UdevMonitor::matches(const UdevDevice& device) const noexcept {
  const auto of_subsystem = [&](const UdevFilter::Subsystem& subsystem) {
    return device.subsystem() == subsystem.name &&
           (subsystem.devtype.empty() || device.devtype() == subsystem.devtype);
  };
  const auto has_tag = [&](const std::string& tag) {
    return udev_device_has_tag(device.get(), tag.c_str()) == 1;
  };
  return (filter_.subsystems.empty() || std::ranges::any_of(filter_.subsystems, of_subsystem)) &&
         (filter_.tags.empty() || std::ranges::any_of(filter_.tags, has_tag));
}

std::map<std::string, UdevDevice> UdevMonitor::found() const {
  const std::unique_ptr<udev_enumerate, Unref> search{
      check(udev_enumerate_new(context_.get()), "udev_enumerate_new")};
  for (const UdevFilter::Subsystem& subsystem : filter_.subsystems)
    check(udev_enumerate_add_match_subsystem(search.get(), subsystem.name.c_str()),
          "udev_enumerate_add_match_subsystem");
  for (const std::string& tag : filter_.tags)
    check(udev_enumerate_add_match_tag(search.get(), tag.c_str()), "udev_enumerate_add_match_tag");
  // The others are told by udev when its rules are done with them.
  check(udev_enumerate_add_match_is_initialized(search.get()),
        "udev_enumerate_add_match_is_initialized");
  check(udev_enumerate_scan_devices(search.get()), "udev_enumerate_scan_devices");

  std::map<std::string, UdevDevice> devices;
  for (udev_list_entry* entry = udev_enumerate_get_list_entry(search.get()); entry != nullptr;
       entry = udev_list_entry_get_next(entry)) {
    const char* const path = udev_list_entry_get_name(entry);
    udev_device* const device = udev_device_new_from_syspath(context_.get(), path);
    if (device == nullptr)
      continue;  // gone since
    UdevDevice found{device};
    if (!matches(found))
      continue;
    // libudev reads when it is asked, and finds nothing any more when the device is gone.
    (void)udev_device_get_properties_list_entry(device);
    devices.insert_or_assign(path, std::move(found));
  }
  return devices;
}

std::vector<UdevDevice> UdevMonitor::devices() const {
  std::vector<UdevDevice> all;
  all.reserve(known_.size());
  for (const auto& [path, device] : known_)
    all.push_back(device);
  return all;
}

}  // namespace calloop
