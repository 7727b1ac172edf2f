#include "compositor-demo/process/client_processes.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstring>
#include <utility>

#include <calloop/fd.hpp>
#include <calloop/sources/child.hpp>
#include <calloop/sources/timer.hpp>

#include "compositor-demo/log.hpp"
#include "compositor-demo/process/descriptor_limit.hpp"
#include "compositor-demo/process/process_group.hpp"

namespace demo {
namespace {

using namespace std::chrono_literals;

// How often to look for members of groups whose leader has ended: they are not our children.
constexpr calloop::Duration look_again = 10ms;

}  // namespace

ClientProcesses::ClientProcesses(const calloop::LoopHandle<ClientProcesses>& loop, Host& host,
                                 Settings settings)
    : loop_{loop}, host_{host}, settings_{std::move(settings)} {}

ClientProcesses::~ClientProcesses() {
  kill_all();
}

pid_t ClientProcesses::start(const std::vector<std::string>& words, const std::string& name) {
  calloop::ChildOptions options{.environment = {"WAYLAND_DISPLAY=" + settings_.wayland_display},
                                .new_process_group = true};
  // A group in the background is stopped when it reads from its terminal.
  calloop::OwnedFd nothing;
  if (::isatty(STDIN_FILENO)) {
    nothing.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (nothing)
      options.fds.push_back({nothing.get(), STDIN_FILENO});
  }
  const LoweredDescriptorLimit limit{settings_.descriptors};
  calloop::Child child = calloop::Child::spawn(words, options);

  const pid_t pid = child.pid();
  groups_.push_back({pid});
  started_.push_back({pid, name});
  loop_.insert_source(std::move(child),
                      [name](calloop::ChildExit exit, ClientProcesses& self) {
                        // When we want it to end it may as well do it this way.
                        if (exit.how == calloop::ChildExit::How::Signaled && !self.ending_)
                          log::error("%s: killed by signal %d (%s)", name.c_str(), exit.value,
                                     ::strsignal(exit.value));
                        self.ended(exit.pid, exit.shell_status());
                      },
                      {.name = name});
  return pid;
}

void ClientProcesses::ended(pid_t client, int status) {
  if (const auto group = std::ranges::find(groups_, client, &Group::id); group != groups_.end())
    group->led = false;
  forget_empty_groups();
  host_.client_ended(client, status);
  if (ending_)
    look_who_is_left();
}

// An id must not be signalled any more once its group is empty: it may be somebody else's then.
void ClientProcesses::forget_empty_groups() {
  std::erase_if(groups_,
                [](const Group& group) { return !group.led && !has_living_member(group.id); });
}

void ClientProcesses::end_all() {
  if (ending_)
    return;
  ending_ = true;
  forget_empty_groups();
  for (const Group& group : groups_) {
    ::kill(-group.id, SIGTERM);
    ::kill(-group.id, SIGCONT);  // a stopped process would not notice
  }
  deadline_ = loop_.now() + settings_.patience;
  farewell_ = {loop_, loop_.insert_source(calloop::Timer::after(look_again),
                                          [](ClientProcesses& self) {
                                            self.look_who_is_left();
                                            return calloop::TimeoutAction::after(look_again);
                                          },
                                          {.name = "clients that end"})};
  look_who_is_left();
}

void ClientProcesses::look_who_is_left() {
  forget_empty_groups();
  const bool late = loop_.now() >= deadline_;
  if (late)
    kill_all();
  // Processes stuck in the kernel do not hold us up for ever.
  const bool hopeless = loop_.now() >= deadline_ + 1s;
  if (!groups_.empty() && !hopeless)
    return;
  farewell_.reset();
  ending_ = false;
  host_.all_clients_ended();
}

void ClientProcesses::kill_all() noexcept {
  for (const Group& group : groups_)
    ::kill(-group.id, SIGKILL);
}

}  // namespace demo
