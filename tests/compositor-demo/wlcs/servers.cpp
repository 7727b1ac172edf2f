// Many compositors in one process, one after the other, as the conformance suite has them when it
// does not make a process for each test.
#include <dlfcn.h>
#include <malloc.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <future>
#include <iterator>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include <wayland-client.h>
#include <wayland-server-core.h>
#include <wlcs/display_server.h>

#include <calloop/fd.hpp>

namespace {

namespace fs = std::filesystem;

// What calls the compositor in its own thread.
class Calls {
 public:
  Calls() {
    source_ = wl_event_loop_add_fd(
        loop_, wake_.get(), WL_EVENT_READABLE,
        [](int fd, std::uint32_t, void* self) {
          std::uint64_t count = 0;
          (void)!::read(fd, &count, sizeof count);
          static_cast<Calls*>(self)->call_();
          static_cast<Calls*>(self)->done_.set_value();
          return 0;
        },
        this);
  }
  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;
  ~Calls() {
    wl_event_source_remove(source_);
    wl_event_loop_destroy(loop_);
  }

  wl_event_loop* loop() const noexcept { return loop_; }
  void operator()(std::function<void()> call) {
    call_ = std::move(call);
    done_ = {};
    const std::uint64_t one = 1;
    (void)!::write(wake_.get(), &one, sizeof one);
    done_.get_future().wait();
  }

 private:
  calloop::OwnedFd wake_{::eventfd(0, EFD_CLOEXEC)};
  wl_event_loop* loop_ = wl_event_loop_create();
  wl_event_source* source_ = nullptr;
  std::function<void()> call_;
  std::promise<void> done_;
};

std::ptrdiff_t entries(const char* folder) {
  return std::distance(fs::directory_iterator{folder}, fs::directory_iterator{});
}

// A directory for sockets, for as long as it lives.
class RuntimeDirectory {
 public:
  RuntimeDirectory() {
    std::string path = fs::temp_directory_path() / "wlcs-XXXXXX";
    path_ = ::mkdtemp(path.data());
    ::setenv("XDG_RUNTIME_DIR", path_.c_str(), 1);
  }
  RuntimeDirectory(const RuntimeDirectory&) = delete;
  RuntimeDirectory& operator=(const RuntimeDirectory&) = delete;
  ~RuntimeDirectory() { fs::remove_all(path_); }
  const fs::path& path() const noexcept { return path_; }

 private:
  fs::path path_;
};

void serve_a_client(const WlcsServerIntegration& integration) {
  WlcsDisplayServer* const server = integration.create_server(0, nullptr);
  {
    Calls calls;
    std::thread thread{[&] { server->start_on_this_thread(server, calls.loop()); }};
    int socket = -1;
    calls([&] { socket = server->create_client_socket(server); });
    wl_display* const display = wl_display_connect_to_fd(socket);
    EXPECT_GT(wl_display_roundtrip(display), 0);
    EXPECT_EQ(wl_display_get_error(display), 0);
    wl_display_disconnect(display);
    calls([&] { server->stop(server); });
    thread.join();
  }
  integration.destroy_server(server);
}

TEST(WlcsModule, AThousandServersLeaveNothingBehind) {
  ::mallopt(M_ARENA_MAX, 1);  // memory of threads that have ended is counted, too
  const RuntimeDirectory directory;
  // Counted by another thread: a sanitizer's own comes with the first one.
  std::ptrdiff_t threads = 0;
  std::thread{[&] { threads = entries("/proc/self/task") - 1; }}.join();
  void* const module = ::dlopen(TESTS_WLCS_MODULE, RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(module, nullptr) << ::dlerror();
  const auto* const integration =
      static_cast<const WlcsServerIntegration*>(::dlsym(module, "wlcs_server_integration"));
  ASSERT_NE(integration, nullptr) << ::dlerror();

  // What libraries keep once, they keep from the first ones.
  for (int server = 0; server < 50; ++server)
    serve_a_client(*integration);
  const std::ptrdiff_t descriptors = entries("/proc/self/fd");
  const std::size_t bytes = ::mallinfo2().uordblks;
  for (int server = 0; server < 1000; ++server)
    serve_a_client(*integration);
  EXPECT_EQ(entries("/proc/self/fd"), descriptors);
  EXPECT_EQ(entries("/proc/self/task"), threads);
  EXPECT_EQ(entries(directory.path().c_str()), 0) << "sockets or locks are left";
  // A sanitizer has a malloc of its own, and its own way of finding leaks.
  EXPECT_EQ(::mallinfo2().uordblks, bytes);
}

}  // namespace
