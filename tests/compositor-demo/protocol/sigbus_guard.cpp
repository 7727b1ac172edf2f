#include "compositor-demo/protocol/sigbus_guard.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <system_error>
#include <thread>

#include <gtest/gtest.h>

#include <calloop/fd.hpp>

namespace demo {
namespace {

constexpr std::size_t length = 3 * 4096;

// Memory of a file whose end somebody else can move.
class Mapping {
 public:
  Mapping() : file_{::memfd_create("sigbus", MFD_CLOEXEC)} {
    resize(length);
    void* const memory = ::mmap(nullptr, length, PROT_READ, MAP_SHARED, file_.get(), 0);
    if (memory == MAP_FAILED)
      throw std::system_error{errno, std::generic_category(), "mmap"};
    data = static_cast<std::byte*>(memory);
    const std::byte mark{7};
    for (std::size_t at = 0; at < length; at += 4096)
      EXPECT_EQ(::pwrite(file_.get(), &mark, 1, static_cast<off_t>(at)), 1);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() { ::munmap(data, length); }

  void resize(std::size_t size) {
    if (::ftruncate(file_.get(), static_cast<off_t>(size)) != 0)
      throw std::system_error{errno, std::generic_category(), "ftruncate"};
  }
  std::byte read(std::size_t at) const { return *static_cast<volatile std::byte*>(data + at); }

  std::byte* data = nullptr;

 private:
  calloop::OwnedFd file_;
};

struct sigaction present_action() {
  struct sigaction action{};
  ::sigaction(SIGBUS, nullptr, &action);
  return action;
}

TEST(SigbusGuard, ReadsBlankMemoryAndKnows) {
  const SigbusHandler handler;
  Mapping mapping;
  mapping.resize(4096);
  {
    const SigbusGuard guard{mapping.data, length};
    EXPECT_EQ(mapping.read(0), std::byte{7});
    EXPECT_FALSE(guard.lost());
    EXPECT_EQ(mapping.read(2 * 4096), std::byte{0});
    EXPECT_TRUE(guard.lost());
    EXPECT_EQ(mapping.read(0), std::byte{0}) << "all of it is blank from then on";
  }
  const SigbusGuard again{mapping.data, length};
  EXPECT_EQ(mapping.read(4096), std::byte{0});
  EXPECT_FALSE(again.lost());
}

TEST(SigbusGuard, NestedGuardsKnowTheirOwn) {
  const SigbusHandler handler;
  Mapping outer_mapping;
  Mapping inner_mapping;
  outer_mapping.resize(0);
  const SigbusGuard outer{outer_mapping.data, length};
  {
    const SigbusGuard inner{inner_mapping.data, length};
    EXPECT_EQ(outer_mapping.read(0), std::byte{0});
    EXPECT_FALSE(inner.lost());
  }
  EXPECT_TRUE(outer.lost());
  EXPECT_EQ(inner_mapping.read(0), std::byte{7});
}

TEST(SigbusGuard, WorksOnAnyThread) {
  const SigbusHandler handler;
  Mapping mapping;
  mapping.resize(0);
  bool lost = false;
  std::thread{[&] {
    const SigbusGuard guard{mapping.data, length};
    (void)mapping.read(0);
    lost = guard.lost();
  }}.join();
  EXPECT_TRUE(lost);
}

TEST(SigbusHandler, PutsBackWhatWasThere) {
  struct sigaction ours{};
  ours.sa_handler = [](int) {};
  struct sigaction original{};
  ASSERT_EQ(::sigaction(SIGBUS, &ours, &original), 0);
  {
    const SigbusHandler first;
    EXPECT_NE(present_action().sa_handler, ours.sa_handler);
    {
      const SigbusHandler second;
    }
    EXPECT_NE(present_action().sa_handler, ours.sa_handler);
  }
  EXPECT_EQ(present_action().sa_handler, ours.sa_handler);
  ASSERT_EQ(::sigaction(SIGBUS, &original, nullptr), 0);
}

// In a process of its own: what is not guarded is none of our business.
void read_after_the_guard() {
  struct sigaction earlier{};
  earlier.sa_flags = SA_SIGINFO;
  earlier.sa_sigaction = [](int, siginfo_t*, void*) { ::_exit(42); };
  ::sigaction(SIGBUS, &earlier, nullptr);
  const SigbusHandler handler;
  Mapping mapping;
  mapping.resize(0);
  {
    const SigbusGuard over{mapping.data, length};
  }
  (void)mapping.read(0);
}

void read_something_else_during_the_guard() {
  struct sigaction earlier{};
  earlier.sa_handler = [](int) { ::_exit(43); };
  ::sigaction(SIGBUS, &earlier, nullptr);
  const SigbusHandler handler;
  Mapping guarded;
  Mapping other;
  other.resize(0);
  const SigbusGuard guard{guarded.data, length};
  (void)other.read(0);
}

void read_without_an_earlier_handler() {
  ::signal(SIGBUS, SIG_DFL);
  const SigbusHandler handler;
  Mapping mapping;
  mapping.resize(0);
  (void)mapping.read(0);
}

void be_sent_a_signal_without_an_earlier_handler() {
  ::signal(SIGBUS, SIG_DFL);
  const SigbusHandler handler;
  ::raise(SIGBUS);
}

TEST(SigbusHandlerDeathTest, WhatIsNotGuardedReachesTheEarlierHandler) {
  EXPECT_EXIT(read_after_the_guard(), testing::ExitedWithCode(42), "");
  EXPECT_EXIT(read_something_else_during_the_guard(), testing::ExitedWithCode(43), "");
}

TEST(SigbusHandlerDeathTest, WithoutAnEarlierHandlerTheProcessDiesOfIt) {
  EXPECT_EXIT(read_without_an_earlier_handler(), testing::KilledBySignal(SIGBUS), "");
  EXPECT_EXIT(be_sent_a_signal_without_an_earlier_handler(), testing::KilledBySignal(SIGBUS), "");
}

}  // namespace
}  // namespace demo
