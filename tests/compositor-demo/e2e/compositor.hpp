// The real compositor-demo, headless, in a directory of its own.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "process.hpp"
#include "screenshot.hpp"
#include "tests/sanitized.hpp"
#include "tests/temporary_directory.hpp"

namespace e2e {

// The colour where no window is.
inline constexpr std::uint32_t background = 0x2a3542;

using tests::sanitized;

// The files of one run of the compositor, and what its environment is.
class Place {
 public:
  std::filesystem::path directory() const { return directory_.path(); }  // XDG_RUNTIME_DIR
  std::filesystem::path socket() const { return directory() / "test"; }
  std::filesystem::path picture() const { return directory() / "picture.png"; }
  std::filesystem::path output() const { return directory() / "stdout"; }
  std::filesystem::path log() const { return directory() / "stderr"; }

  std::vector<std::string> environment() const;
  // Lines on stderr by the compositor itself that are no mere information.
  std::vector<std::string> complaints() const;
  std::string log_text() const;

 private:
  tests::TemporaryDirectory directory_;
};

// The program, with these arguments.
std::vector<std::string> compositor_command(std::vector<std::string> arguments);

struct CompositorOptions {
  std::vector<std::string> arguments = {};  // behind --backend, --socket and --screenshot
  std::string output = "400x300@60";
  rlim_t descriptors = 0;  // as ProcessOptions
  rlim_t soft_descriptors = 0;
};

class Compositor {
 public:
  // Returns when it listens. Throws std::runtime_error if it does not.
  explicit Compositor(const CompositorOptions& options = {});
  Compositor(const Compositor&) = delete;
  Compositor& operator=(const Compositor&) = delete;
  // Shows its log if a test has failed.
  ~Compositor();

  const Place& place() const noexcept { return place_; }
  std::filesystem::path socket() const { return place_.socket(); }
  Process& process() noexcept { return *process_; }

  // What is on the screen now (SIGUSR1). Throws std::runtime_error if it is not written.
  Screenshot screenshot();
  // Says "log" somewhere, now or soon.
  bool says(const std::string& text) const;
  // Asks it to end. Its status; nothing if it does not.
  std::optional<int> end();

 private:
  Place place_;
  std::unique_ptr<Process> process_;
};

// A test with a compositor that must survive it.
class WithCompositor : public testing::Test {
 protected:
  WithCompositor() = default;
  explicit WithCompositor(const CompositorOptions& options) : compositor{options} {}
  void TearDown() override {
    EXPECT_TRUE(compositor.process().running()) << "the compositor is gone";
    EXPECT_EQ(compositor.end(), 0);
  }

  Compositor compositor;
};

}  // namespace e2e
