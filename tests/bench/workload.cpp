// The work whose cost is measured, on a hand-written epoll loop and on ours:
//
//     workload raw|calloop FDS ITERATIONS    always-readable descriptors, empty callbacks
//     workload idle ITERATIONS               a loop with a source, a timer and nothing to do
//     workload fd-bytes|timer-bytes SOURCES  heap bytes per source, malloc's own included
//
// It does nothing else, so that the difference of two runs is the cost of the difference.
#include <malloc.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <system_error>
#include <vector>

#include <calloop/calloop.hpp>

namespace {

using calloop::OwnedFd;

OwnedFd readable_fd() {
  OwnedFd fd{::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK)};
  if (!fd)
    throw std::system_error{errno, std::generic_category(), "eventfd"};
  return fd;
}

std::vector<OwnedFd> readable_fds(std::size_t count) {
  std::vector<OwnedFd> fds;
  while (fds.size() < count)
    fds.push_back(readable_fd());
  return fds;
}

// A function pointer in event.data: as little as an epoll loop with callbacks can do.
struct Watch {
  void (*callback)(Watch&, std::uint32_t events);
  long* calls;
};

long run_raw(const std::vector<OwnedFd>& fds, long iterations) {
  long calls = 0;
  const OwnedFd epoll{::epoll_create1(EPOLL_CLOEXEC)};
  std::vector<Watch> watches(fds.size(),
                             {[](Watch& watch, std::uint32_t) { ++*watch.calls; }, &calls});
  for (std::size_t i = 0; i < fds.size(); ++i) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &watches[i];
    if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fds[i].get(), &event) < 0)
      throw std::system_error{errno, std::generic_category(), "epoll_ctl"};
  }
  static epoll_event events[1024];
  for (long i = 0; i < iterations; ++i) {
    const int ready = ::epoll_wait(epoll.get(), events, 1024, -1);
    for (int k = 0; k < ready; ++k) {
      auto* const watch = static_cast<Watch*>(events[k].data.ptr);
      watch->callback(*watch, events[k].events);
    }
  }
  return calls;
}

long run_calloop(const std::vector<OwnedFd>& fds, long iterations) {
  long calls = 0;
  calloop::EventLoop<> loop;
  for (const OwnedFd& fd : fds)
    loop.handle().insert_source(calloop::Generic{fd.get(), calloop::interest().read()},
                                [&calls](calloop::Readiness) { ++calls; });
  for (long i = 0; i < iterations; ++i)
    loop.dispatch(std::nullopt);
  return calls;
}

void run_idle(long iterations) {
  calloop::EventLoop<> loop;
  const OwnedFd silent{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  loop.handle().insert_source(calloop::Generic{silent.get(), calloop::interest().read()}, [] {});
  loop.handle().insert_source(calloop::Timer::after(std::chrono::hours{1}), [] {});
  for (long i = 0; i < iterations; ++i)
    loop.dispatch(std::chrono::microseconds{1});
}

std::size_t heap_bytes() {
  const struct mallinfo2 info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

double fd_bytes(std::size_t count) {
  const std::vector<OwnedFd> fds = readable_fds(count);
  calloop::EventLoop<> loop;
  long calls = 0;
  const std::size_t before = heap_bytes();
  for (const OwnedFd& fd : fds)
    loop.handle().insert_source(calloop::Generic{fd.get(), calloop::interest().read()},
                                [&calls](calloop::Readiness) { ++calls; });
  return static_cast<double>(heap_bytes() - before) / static_cast<double>(count);
}

double timer_bytes(std::size_t count) {
  calloop::EventLoop<> loop;
  long calls = 0;
  const std::size_t before = heap_bytes();
  for (std::size_t i = 0; i < count; ++i)
    loop.handle().insert_source(calloop::Timer::after(std::chrono::seconds{1}),
                                [&calls] { ++calls; });
  return static_cast<double>(heap_bytes() - before) / static_cast<double>(count);
}

int usage() {
  std::fputs(
      "usage: workload raw|calloop FDS ITERATIONS | idle ITERATIONS |\n"
      "       fd-bytes|timer-bytes SOURCES\n",
      stderr);
  return 2;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 3)
    return usage();
  const std::string what = argv[1];
  const long number = std::atol(argv[2]);
  if (what == "idle") {
    run_idle(number);
  } else if (what == "fd-bytes") {
    std::printf("%.1f\n", fd_bytes(static_cast<std::size_t>(number)));
  } else if (what == "timer-bytes") {
    std::printf("%.1f\n", timer_bytes(static_cast<std::size_t>(number)));
  } else if (argc == 4 && (what == "raw" || what == "calloop")) {
    const std::vector<OwnedFd> fds = readable_fds(static_cast<std::size_t>(number));
    const long iterations = std::atol(argv[3]);
    const long calls = what == "raw" ? run_raw(fds, iterations) : run_calloop(fds, iterations);
    if (calls != number * iterations) {
      std::fprintf(stderr, "%ld callbacks instead of %ld\n", calls, number * iterations);
      return 1;
    }
  } else {
    return usage();
  }
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "workload: %s\n", error.what());
  return 1;
}
