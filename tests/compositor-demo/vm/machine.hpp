// A virtual machine that has this machine's files for its own, with a screen, a keyboard, a mouse
// and a tablet; and what one does to it from outside.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include <calloop/fd.hpp>

#include "qmp.hpp"
#include "socket.hpp"
#include "tests/compositor-demo/e2e/process.hpp"

namespace vm {

struct Answer {
  int status = 0;
  std::string output;  // and errors
};

class Machine {
 public:
  // Boots. `image` has what make-image made; `shared` is /out of the guest, and gets logs. Throws
  // std::runtime_error that says why there is no machine.
  Machine(const std::filesystem::path& image, const std::filesystem::path& shared);

  Qmp& qmp() noexcept { return *qmp_; }
  const std::filesystem::path& shared() const noexcept { return shared_; }
  // "tcg", or "kvm" where that works.
  const std::string& accelerator() const noexcept { return accelerator_; }
  bool running() { return qemu_->running(); }
  // How it ended, and what it and its kernel said at last; that it runs, if it does.
  std::string last_words();

  // Runs it in the guest's shell, which stays the same. Throws std::runtime_error if it does not
  // end in time.
  Answer run(const std::string& command, std::chrono::seconds limit = patience);
  // Throws std::runtime_error if it fails. Returns what it has printed.
  std::string must(const std::string& command);
  // Asks again and again; false if it never becomes true.
  bool becomes_true(const std::string& condition);

  // The next line that a program in the guest writes to descriptor 5; empty if none comes in time.
  std::string next_event(std::chrono::milliseconds limit = patience);
  // Reads such lines until one begins with this, and returns it; empty if it does not come.
  std::string wait_for_event(std::string_view begin, std::chrono::milliseconds limit = patience);
  // Forgets what has come.
  void forget_events();

  // 0 by 0 unplugs it.
  void set_monitor(int head, int width, int height);

 private:
  std::filesystem::path shared_;
  std::string accelerator_;
  std::unique_ptr<e2e::Process> qemu_;
  std::unique_ptr<Qmp> qmp_;
  calloop::OwnedFd control_;
  calloop::OwnedFd events_;
  std::string answers_;
  std::string lines_;
};

}  // namespace vm
