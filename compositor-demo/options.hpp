// The command line, checked.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <calloop/clock.hpp>

#include "compositor-demo/geometry.hpp"

namespace demo {

// What an output shows: 1280x720@60, or 1280x720 at 60 Hz when no rate is said.
struct Mode {
  Size size;                 // 1 to 16384 pixels a side
  int refresh_mhz = 60'000;  // 1 Hz to 1000 Hz

  bool operator==(const Mode&) const noexcept = default;
};

// Nothing if the text is no usable mode.
std::optional<Mode> parse_mode(std::string_view text);

enum class Backend { Automatic, Headless, Drm };

// Who paints the pointer where a card has a plane for it.
enum class CursorPlane { Hardware, Software };

struct Options {
  Backend backend = Backend::Automatic;
  Mode output{{1280, 720}};  // of the headless one
  std::string socket;        // name below XDG_RUNTIME_DIR; empty: the first free wayland-N
  std::string screenshot;    // file to write; empty: none
  std::optional<calloop::Duration> run_for;
  CursorPlane cursor = CursorPlane::Hardware;
  bool natural_scroll = false;
  bool tap_to_click = true;
  double pointer_speed = 0;            // -1 to 1
  std::string terminal = "foot";       // for /bin/sh -c, when somebody asks for one
  std::vector<std::string> autostart;  // each for /bin/sh -c
  std::vector<std::string> command;    // behind "--", run as it is
};

// The program ends here: with this text on stdout if the status is 0, else on stderr.
struct Refusal {
  int status = 0;
  std::string text;
};

// Reads the command line. --help and --version are refusals with status 0; whatever cannot be
// understood is one line that says what, and status 2.
std::variant<Options, Refusal> parse_options(int argc, const char* const* argv);

}  // namespace demo
