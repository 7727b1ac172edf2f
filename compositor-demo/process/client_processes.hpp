// The programs that are started as clients of this compositor, until they have ended.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <chrono>
#include <span>
#include <string>
#include <vector>

#include <calloop/clock.hpp>
#include <calloop/loop_handle.hpp>
#include <calloop/scoped_registration.hpp>

namespace demo {

// Each is the leader of a process group of its own: that is how a window is matched with the
// client whose helper made it, and how a client ends together with what it has started.
class ClientProcesses {
 public:
  class Host {
   public:
    // `status` as a shell has it: 128 + N if signal N killed it.
    virtual void client_ended(pid_t client, int status) = 0;
    // After end_all(): nobody is left.
    virtual void all_clients_ended() = 0;

   protected:
    ~Host() = default;
  };
  struct Settings {
    std::string wayland_display;  // name of the socket
    rlim_t descriptors = 1024;    // soft limit for the clients
    // How long they have between SIGTERM and SIGKILL. Who wants to end at once should not wait for
    // those who do not; who stops for SIGTERM at all does it in a moment.
    calloop::Duration patience = std::chrono::milliseconds{250};
  };
  struct Client {
    pid_t pid = 0;
    std::string name;  // for people
  };

  ClientProcesses(const calloop::LoopHandle<ClientProcesses>& loop, Host& host, Settings settings);
  ClientProcesses(const ClientProcesses&) = delete;
  ClientProcesses& operator=(const ClientProcesses&) = delete;
  // Kills whoever is left.
  ~ClientProcesses();

  // Runs a program, looked up in PATH, with WAYLAND_DISPLAY set. It shares our input, unless that
  // is a terminal, and our output. Throws std::system_error with the reason of execve(2): ENOENT,
  // EACCES, ENOEXEC.
  pid_t start(const std::vector<std::string>& words, const std::string& name);

  // Everyone who was started, also those who have ended.
  std::span<const Client> started() const noexcept { return started_; }

  // Asks all groups to end, and kills those that do not in time. The host hears when they are
  // gone, which may be within this call.
  void end_all();
  void kill_all() noexcept;

 private:
  void ended(pid_t client, int status);
  void forget_empty_groups();
  void look_who_is_left();

  calloop::LoopHandle<ClientProcesses> loop_;
  Host& host_;
  Settings settings_;
  std::vector<Client> started_;
  // The group of a client, whose id is its pid; stays when the client leaves children behind.
  struct Group {
    pid_t id = 0;
    bool led = true;  // the client itself is alive
  };
  std::vector<Group> groups_;
  calloop::ScopedRegistration farewell_;
  calloop::TimePoint deadline_;
  bool ending_ = false;
};

}  // namespace demo
