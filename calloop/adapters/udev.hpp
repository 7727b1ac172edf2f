// udev in a calloop loop: which devices there are, and what becomes of them.
//
//     handle.insert_source(UdevSource{UdevMonitor{{.subsystems = {{"drm"}}}}}, [](UdevEvent event)
//     {
//       switch (event.action) {
//         case UdevAction::Add: std::cout << event.device.devnode() << " is there\n"; break;
//         case UdevAction::Change: std::cout << event.device.sysname() << " is different\n"; break;
//         case UdevAction::Remove: std::cout << event.device.sysname() << " is gone\n"; break;
//       }
//     });
//     loop.run();
//
// The devices that are there already are the first events. From then on each device is told as
// added once, and as removed once, whatever happens: the monitor listens before it looks for what
// is there, so there is no gap; and when the kernel has had to throw messages away, it looks again,
// and tells what it finds to be different.
//
// Everything belongs to the loop's thread. Link with calloop-udev.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <libudev.h>

#include <calloop/adapters/local_queue.hpp>
#include <calloop/composed.hpp>
#include <calloop/export.hpp>
#include <calloop/interest.hpp>
#include <calloop/poll.hpp>
#include <calloop/post_action.hpp>
#include <calloop/source.hpp>
#include <calloop/sources/generic.hpp>
#include <calloop/token.hpp>

namespace calloop {

/// A reference to a udev_device. Copies refer to the same one; what has been moved from is only
/// to be assigned to or destroyed. The texts live as long as the device, and are empty when it has
/// no such thing.
class CALLOOP_API UdevDevice {
 public:
  /// Takes over one reference.
  explicit UdevDevice(udev_device* device) noexcept : device_{device} {}
  UdevDevice(const UdevDevice& other) noexcept : device_{udev_device_ref(other.get())} {}
  UdevDevice(UdevDevice&&) noexcept = default;
  UdevDevice& operator=(UdevDevice other) noexcept {
    device_ = std::move(other.device_);
    return *this;
  }
  ~UdevDevice() = default;

  [[nodiscard]] udev_device* get() const noexcept { return device_.get(); }
  /// "/sys/devices/...": what tells devices apart.
  [[nodiscard]] std::string_view syspath() const noexcept {
    return text(udev_device_get_syspath(get()));
  }
  /// "card0"
  [[nodiscard]] std::string_view sysname() const noexcept {
    return text(udev_device_get_sysname(get()));
  }
  /// "drm"
  [[nodiscard]] std::string_view subsystem() const noexcept {
    return text(udev_device_get_subsystem(get()));
  }
  /// "drm_minor"
  [[nodiscard]] std::string_view devtype() const noexcept {
    return text(udev_device_get_devtype(get()));
  }
  /// "/dev/dri/card0"
  [[nodiscard]] std::string_view devnode() const noexcept {
    return text(udev_device_get_devnode(get()));
  }
  /// The numbers of its node; 0 for none.
  [[nodiscard]] dev_t devnum() const noexcept { return udev_device_get_devnum(get()); }
  /// What udev or the kernel say about it: property("ID_SEAT").
  [[nodiscard]] std::string_view property(const char* name) const noexcept {
    return text(udev_device_get_property_value(get(), name));
  }

 private:
  struct Unref {
    void operator()(udev_device* device) const noexcept { udev_device_unref(device); }
  };
  [[nodiscard]] static std::string_view text(const char* text) noexcept {
    return text == nullptr ? std::string_view{} : std::string_view{text};
  }
  std::unique_ptr<udev_device, Unref> device_;
};

/// What became of a device. For all but adding and removing it is Change; the kernel's own word is
/// udev_device_get_action().
enum class UdevAction : std::uint8_t {
  Add,     ///< it is there: plugged in, or found
  Change,  ///< something about it is different
  Remove,  ///< it is gone
};

/// The event of a UdevSource.
struct UdevEvent {
  UdevAction action;
  UdevDevice device;
};

/// Which devices one wants to hear of: those of any of the subsystems that have any of the tags. An
/// empty list is no condition.
struct UdevFilter {
  struct Subsystem {
    std::string name;
    std::string devtype = {};  // empty: all
  };
  std::vector<Subsystem> subsystems = {};
  std::vector<std::string> tags = {};
};

/// Listens to udev, and knows what is there. Devices that udev's rules have not dealt with yet are
/// told when they have been. Move-only.
class CALLOOP_API UdevMonitor {
 public:
  /// Begins to listen, and looks for what is there. Throws std::system_error, naming the call.
  /// Where no udev runs it hears nothing, and finds only devices without a node.
  explicit UdevMonitor(UdevFilter filter);

  /// The next event; empty when there is none. Throws std::system_error if the monitor cannot be
  /// read.
  [[nodiscard]] std::optional<UdevEvent> next_event();
  /// Whether next_event() has something to say that fd() does not tell of.
  [[nodiscard]] bool has_queued() const noexcept { return !queued_.empty(); }
  /// Looks again for what is there: what has come and gone since is told, and all that stays is
  /// told as changed. For who has not listened for a while. Throws std::system_error.
  void rescan();

  /// What is there, after all events so far; parents before their children.
  [[nodiscard]] std::vector<UdevDevice> devices() const;
  /// Readable when there may be an event.
  [[nodiscard]] int fd() const noexcept { return udev_monitor_get_fd(monitor_.get()); }
  /// The monitor, which stays this object's.
  [[nodiscard]] udev_monitor* get() const noexcept { return monitor_.get(); }

 private:
  struct Unref {
    void operator()(udev* context) const noexcept { udev_unref(context); }
    void operator()(udev_enumerate* search) const noexcept { udev_enumerate_unref(search); }
    void operator()(udev_monitor* monitor) const noexcept { udev_monitor_unref(monitor); }
  };

  [[nodiscard]] bool matches(const UdevDevice& device) const noexcept;
  [[nodiscard]] std::map<std::string, UdevDevice> found() const;
  void forget_messages() noexcept;
  // What a message means for who has heard all before; nothing, if it is of no device that was
  // told.
  std::optional<UdevEvent> understood(UdevDevice device);

  UdevFilter filter_;
  std::unique_ptr<udev, Unref> context_;
  std::unique_ptr<udev_monitor, Unref> monitor_;
  std::map<std::string, UdevDevice> known_;  // by syspath: what was told as added, or is queued
  std::deque<UdevEvent> queued_;
};

/// The events of a monitor, which it owns. The metadata is the monitor.
///
/// Hands out at most 1024 events in one iteration. What a callback that throws, or removes or
/// disables the source, leaves is kept in the monitor, or in the kernel.
///
/// Throws from the dispatch: std::system_error if the monitor cannot be read.
class CALLOOP_API UdevSource : public Composed<UdevSource> {
 public:
  using Event = UdevEvent;
  using Metadata = UdevMonitor;
  using Ret = void;

  explicit UdevSource(UdevMonitor monitor) : monitor_{std::move(monitor), interest().read()} {}

  /// What is there, for who reaches the source by a Dispatcher.
  [[nodiscard]] UdevMonitor& monitor() noexcept { return monitor_.get(); }

  auto children() { return std::tie(monitor_, queue_); }

  template <class Emit>
  PostAction process_events(Readiness readiness, Token token, Emit&& emit) {
    bool awake = queue_.is(token);
    monitor_.process_events(readiness, token, [&](Readiness, UdevMonitor&) {
      awake = true;
      return PostAction::Continue;
    });
    for (int budget = 1024; awake && budget != 0; --budget) {
      std::optional<UdevEvent> event = monitor().next_event();
      if (!event)
        break;
      emit(std::move(*event), monitor());
      awake = !queue_.should_yield();
    }
    return PostAction::Continue;
  }
  /// Goes on with what is queued in the monitor.
  std::optional<SyntheticEvent> before_sleep() { return queue_.wake_if(monitor().has_queued()); }

 private:
  Generic<UdevMonitor> monitor_;
  LocalQueue queue_;
};

}  // namespace calloop
