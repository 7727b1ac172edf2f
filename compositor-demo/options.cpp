#include "compositor-demo/options.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include <CLI/CLI.hpp>

#include <calloop/version.hpp>

namespace demo {
namespace {

constexpr int largest_side = 16'384;  // pixman reads images up to 32766
constexpr int lowest_refresh_mhz = 1'000;
constexpr int highest_refresh_mhz = 1'000'000;
constexpr double longest_run_seconds = 1e9;

// The whole of a text as a number, nothing else: no blanks, no sign in front of an int.
template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    return {};
  return value;
}

std::optional<int> side(std::string_view text) {
  const auto pixels = number<int>(text);
  return pixels && *pixels >= 1 && *pixels <= largest_side ? pixels : std::nullopt;
}

std::optional<int> refresh_mhz(std::string_view hertz) {
  const auto value = number<double>(hertz);
  if (!value || !std::isfinite(*value))
    return {};
  const double mhz = std::round(*value * 1000);
  if (mhz < lowest_refresh_mhz || mhz > highest_refresh_mhz)
    return {};
  return static_cast<int>(mhz);
}

// CLI11 asks these about each value; the answer is a complaint, or empty.
std::string check_mode(const std::string& text) {
  if (parse_mode(text))
    return {};
  return "'" + text + "' is no mode such as 1280x720@60 (sides up to 16384 pixels, 1 to 1000 Hz)";
}

std::string check_backend(const std::string& text) {
  if (text == "auto" || text == "drm" || text == "headless")
    return {};
  return "'" + text + "' is not among the backends there are: auto, drm, headless";
}

std::string check_seconds(const std::string& text) {
  const auto seconds = number<double>(text);
  if (seconds && *seconds >= 0 && *seconds <= longest_run_seconds)
    return {};
  return "'" + text + "' is no number of seconds";
}

std::string check_cursor(const std::string& text) {
  if (text == "hardware" || text == "software")
    return {};
  return "'" + text + "' is neither hardware nor software";
}

std::string check_speed(const std::string& text) {
  const auto speed = number<double>(text);
  if (speed && *speed >= -1 && *speed <= 1)
    return {};
  return "'" + text + "' is no speed from -1 to 1";
}

// libwayland would take a path too, but then who removes it and its lock?
std::string check_socket(const std::string& text) {
  if (!text.empty() && text.find('/') == std::string::npos)
    return {};
  return "'" + text + "' is no name for a socket in XDG_RUNTIME_DIR";
}

std::string check_not_empty(const std::string& text) {
  return text.empty() ? "an empty value is of no use" : std::string{};
}

class Help : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App*, std::string) const override {
    return "Usage: compositor-demo [OPTIONS] [-- COMMAND ARGUMENTS...]\n";
  }
};

std::string first_line(std::string_view text) {
  return std::string{text.substr(0, text.find('\n'))};
}

}  // namespace

std::optional<Mode> parse_mode(std::string_view text) {
  const std::size_t cross = text.find('x');
  if (cross == std::string_view::npos)
    return {};
  const std::size_t at = text.find('@', cross);
  const auto width = side(text.substr(0, cross));
  const auto height = side(text.substr(
      cross + 1, at == std::string_view::npos ? std::string_view::npos : at - cross - 1));
  if (!width || !height)
    return {};
  Mode mode{{*width, *height}};
  if (at != std::string_view::npos) {
    const auto rate = refresh_mhz(text.substr(at + 1));
    if (!rate)
      return {};
    mode.refresh_mhz = *rate;
  }
  return mode;
}

std::variant<Options, Refusal> parse_options(int argc, const char* const* argv) {
  // The command behind "--" is nobody's business but its own: CLI11 never sees it.
  const std::span<const char* const> words{argv, static_cast<std::size_t>(argc)};
  const auto dashes = std::ranges::find(words, std::string_view{"--"});
  Options options;
  if (dashes != words.end())
    options.command.assign(dashes + 1, words.end());

  std::string backend = "auto";
  std::string mode = "1280x720@60";
  std::string seconds;
  std::string cursor = "hardware";
  std::string speed = "0";
  CLI::App app{"A small Wayland compositor on the calloop event loop.", "compositor-demo"};
  app.formatter(std::make_shared<Help>());
  app.footer(
      "COMMAND is run as a client, and its exit status is that of compositor-demo: 127 if it is\n"
      "not found, 126 if it cannot be executed, 128 + N if signal N killed it. Where it would be\n"
      "0 it is 1 if a screenshot could not be written.\n"
      "SIGUSR1 writes the screenshot again. SIGINT, SIGTERM and SIGHUP end everything.\n"
      "Without --backend a screen is taken if we were started on a virtual terminal. There:\n"
      "Ctrl+Alt+Backspace ends, Ctrl+Alt+F1 to F12 switch to another terminal, Alt+Tab is the\n"
      "next window, Alt+F4 closes the window, Logo+Enter runs a terminal.");
  app.set_version_flag("--version", std::string{"compositor-demo "} + calloop::version);
  app.add_option("--backend", backend, "where pictures go: auto, drm or headless")
      ->type_name("NAME")
      ->check(check_backend);
  app.add_option("--output", mode,
                 "size in pixels and refresh rate in hertz of the headless output; "
                 "1280x720@60")
      ->type_name("WxH@HZ")
      ->check(check_mode);
  app.add_option("--socket", options.socket, "name of the socket in XDG_RUNTIME_DIR")
      ->type_name("NAME")
      ->check(check_socket);
  app.add_option("--screenshot", options.screenshot,
                 "write a PNG when every started client shows a window, or at the end")
      ->type_name("FILE")
      ->check(check_not_empty);
  app.add_option("--run-for", seconds, "end after that time; status 0")
      ->type_name("SECONDS")
      ->check(check_seconds);
  app.add_option("--cursor", cursor,
                 "who shows the pointer: hardware (where the card can) or software")
      ->type_name("NAME")
      ->check(check_cursor);
  app.add_flag("--natural-scroll", options.natural_scroll, "content follows the fingers");
  app.add_flag("!--no-tap", options.tap_to_click, "a tap on a touchpad is no click");
  app.add_option("--pointer-speed", speed, "acceleration of mice, -1 to 1; 0")
      ->type_name("NUMBER")
      ->check(check_speed);
  app.add_option("--terminal", options.terminal, "what Logo+Enter runs with /bin/sh -c; foot")
      ->type_name("COMMAND")
      ->check(check_not_empty);
  app.add_option("--autostart", options.autostart, "run with /bin/sh -c; may be repeated")
      ->type_name("COMMAND")
      ->allow_extra_args(false)
      ->check(check_not_empty);

  try {
    app.parse(static_cast<int>(dashes - words.begin()), argv);
  } catch (const CLI::CallForHelp&) {
    return Refusal{0, app.help()};
  } catch (const CLI::CallForVersion& version) {
    return Refusal{0, std::string{version.what()} + "\n"};
  } catch (const CLI::ParseError& error) {
    return Refusal{2, first_line(error.what()) + " (--help says what there is)\n"};
  }
  if (dashes != words.end() && options.command.empty())
    return Refusal{2, "no command behind -- (--help says what there is)\n"};

  if (backend == "headless")
    options.backend = Backend::Headless;
  else if (backend == "drm")
    options.backend = Backend::Drm;
  if (cursor == "software")
    options.cursor = CursorPlane::Software;
  options.pointer_speed = *number<double>(speed);
  options.output = *parse_mode(mode);
  if (!seconds.empty())
    options.run_for = std::chrono::duration_cast<calloop::Duration>(
        std::chrono::duration<double>{*number<double>(seconds)});
  return options;
}

}  // namespace demo
