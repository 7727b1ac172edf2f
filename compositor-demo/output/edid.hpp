// What a monitor says about itself: VESA E-EDID 1.3 and 1.4, of which only the name is read.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace demo {

struct MonitorName {
  std::string make;   // three letters; empty: unknown
  std::string model;  // empty: unknown

  bool operator==(const MonitorName&) const = default;
};

// Whatever is wrong with the data: what can be read of it.
MonitorName monitor_name(std::span<const std::byte> edid);

}  // namespace demo
