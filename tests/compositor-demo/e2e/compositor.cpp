#include "compositor.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string_view>

namespace e2e {

using namespace std::chrono_literals;

namespace {

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in{file};
  return {std::istreambuf_iterator<char>{in}, {}};
}

}  // namespace

std::vector<std::string> Place::environment() const {
  return {"XDG_RUNTIME_DIR=" + directory().string(), "WAYLAND_DISPLAY", "WAYLAND_SOCKET", "DISPLAY",
          "LC_ALL=C.UTF-8"};
}

std::string Place::log_text() const {
  return text_of(log());
}

std::vector<std::string> Place::complaints() const {
  constexpr std::string_view ours = "compositor-demo: ";
  constexpr std::array<std::string_view, 3> information{"listening on ", "backend ",
                                                        "screenshot of "};
  std::vector<std::string> found;
  std::istringstream lines{log_text()};
  for (std::string line; std::getline(lines, line);) {
    const bool informs =
        line.starts_with(ours) && std::ranges::any_of(information, [&](std::string_view begin) {
          return std::string_view{line}.substr(ours.size()).starts_with(begin);
        });
    if (!informs)
      found.push_back(line);
  }
  return found;
}

std::vector<std::string> compositor_command(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), TESTS_COMPOSITOR_DEMO);
  return arguments;
}

Compositor::Compositor(const CompositorOptions& options) {
  std::vector<std::string> words =
      compositor_command({"--backend", "headless", "--socket", place_.socket().filename(),
                          "--output", options.output, "--screenshot", place_.picture()});
  words.insert(words.end(), options.arguments.begin(), options.arguments.end());
  process_ = std::make_unique<Process>(
      std::move(words), ProcessOptions{place_.environment(), place_.output(), place_.log(),
                                       options.descriptors, options.soft_descriptors});
  if (!says("listening on ") || !process_->running())
    throw std::runtime_error{"compositor-demo does not listen, its status is " +
                             std::to_string(process_->wait_for_end(0s).value_or(-1)) + ":\n" +
                             place_.log_text()};
}

Compositor::~Compositor() {
  if (testing::Test::HasFailure())
    std::cout << "--- stderr of compositor-demo\n" << place_.log_text() << "---\n";
}

Screenshot Compositor::screenshot() {
  std::filesystem::remove(place_.picture());
  process_->signal(SIGUSR1);
  // It appears whole, by rename(2).
  if (!eventually(
          [this] { return std::filesystem::exists(place_.picture()) || !process_->running(); }))
    throw std::runtime_error{"no screenshot"};
  return Screenshot{place_.picture()};
}

bool Compositor::says(const std::string& text) const {
  return eventually([&] {
           return place_.log_text().find(text) != std::string::npos || !process_->running();
         }) &&
         place_.log_text().find(text) != std::string::npos;
}

std::optional<int> Compositor::end() {
  process_->signal(SIGTERM);
  return process_->wait_for_end();
}

}  // namespace e2e
