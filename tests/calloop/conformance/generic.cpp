// calloop's tests of Generic. CL-046 to CL-050, and what is worth pinning: CL-095 and CL-096.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/calloop.hpp>

#include "tests/calloop/pipe.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using testing::ElementsAre;
using tests::Pipe;

std::pair<OwnedFd, OwnedFd> connected_sockets() {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
    throw std::system_error{errno, std::generic_category(), "socketpair"};
  return {OwnedFd{fds[0]}, OwnedFd{fds[1]}};
}

std::string read_some(const OwnedFd& fd) {
  char buffer[64];
  const auto size = ::read(fd.get(), buffer, sizeof buffer);
  return {buffer, size > 0 ? static_cast<std::size_t>(size) : 0};
}

TEST(Conformance, CL_046_WhatThePeerWritesIsReadThroughTheMetadata) {
  EventLoop<> loop;
  auto [here, peer] = connected_sockets();
  std::vector<std::string> received;
  std::vector<Readiness> readiness;
  loop.handle().insert_source(Generic{std::move(here), interest().read()},
                              [&](Readiness ready, OwnedFd& socket) {
                                readiness.push_back(ready);
                                received.push_back(read_some(socket));
                              });
  loop.dispatch(0ns);
  EXPECT_THAT(received, ElementsAre());
  ASSERT_EQ(::write(peer.get(), "hello", 5), 5);
  loop.dispatch(0ns);
  EXPECT_THAT(received, ElementsAre("hello"));
  ASSERT_EQ(readiness.size(), 1u);
  EXPECT_TRUE(readiness[0].readable());
  EXPECT_FALSE(readiness[0].writable());
  EXPECT_FALSE(readiness[0].error());
}

TEST(Conformance, CL_047_ARemovedSourceHearsNothingMore) {
  EventLoop<> loop;
  const auto [here, peer] = connected_sockets();
  int calls = 0;
  const RegistrationToken token = loop.handle().insert_source(
      Generic{here.get(), interest().read()}, [&](Readiness) { ++calls; });
  ASSERT_EQ(::write(peer.get(), "x", 1), 1);
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(loop.handle().remove(token));
  ASSERT_EQ(::write(peer.get(), "x", 1), 1);
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 1);
}

TEST(Conformance, CL_048_ASourceThatWasTakenOutWorksWhenItIsInsertedAgain) {
  EventLoop<> loop;
  auto [here, peer] = connected_sockets();
  std::vector<std::string> received;
  const auto receive = [&](Readiness, OwnedFd& socket) { received.push_back(read_some(socket)); };
  auto dispatcher =
      loop.handle().make_dispatcher(Generic{std::move(here), interest().read()}, receive);
  const RegistrationToken token = loop.handle().register_dispatcher(dispatcher);
  EXPECT_TRUE(loop.handle().remove(token));
  ASSERT_EQ(::write(peer.get(), "waiting", 7), 7);
  loop.dispatch(0ns);
  EXPECT_THAT(received, ElementsAre());
  loop.handle().insert_source(std::move(dispatcher).into_source(), receive);
  loop.dispatch(0ns);
  EXPECT_THAT(received, ElementsAre("waiting"));
}

TEST(Conformance, CL_049_AFailedSecondInsertionLeavesTheFirstAlone) {
  EventLoop<> loop;
  const Pipe pipe;
  int calls = 0;
  const RegistrationToken first = loop.handle().insert_source(Generic{pipe.fd(), interest().read()},
                                                              [&](Readiness) { ++calls; });
  {
    const auto second =
        loop.handle().make_dispatcher(Generic{pipe.fd(), interest().read()}, [](Readiness) {});
    try {
      loop.handle().register_dispatcher(second);
      FAIL() << "no exception";
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code(), std::errc::file_exists);
    }
  }  // the second one is destroyed here
  EXPECT_TRUE(loop.handle().update(first));
  pipe.fill();
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 1);
}

TEST(Conformance, CL_050_StandardInputIsASourceIfTheKernelCanPollIt) {
  const OwnedFd epoll{::epoll_create1(EPOLL_CLOEXEC)};
  epoll_event event{};
  const int expected =
      ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, STDIN_FILENO, &event) == 0 ? 0 : errno;
  EventLoop<> loop;
  int error = 0;
  try {
    loop.handle().insert_source(Generic{STDIN_FILENO, interest().read()},
                                [](Readiness, int&) { return PostAction::Continue; });
  } catch (const std::system_error& refused) {
    error = refused.code().value();
  }
  EXPECT_EQ(error, expected);  // EPERM for a file or /dev/null
  EXPECT_EQ(loop.handle().source_count(), error == 0 ? 1u : 0u);
}

TEST(Conformance, CL_095_AOneShotIsSilentUntilItIsUpdated) {
  EventLoop<> loop;
  const Pipe pipe = Pipe::filled();
  int calls = 0;
  const RegistrationToken token = loop.handle().insert_source(
      Generic{pipe.fd(), interest().read().one_shot()}, [&](Readiness) { ++calls; });
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 1);
  pipe.fill();
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(loop.handle().update(token));
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 2);
}

TEST(Conformance, CL_096_AnEdgeIsReportedOnceUntilThereIsMore) {
  EventLoop<> loop;
  const Pipe pipe = Pipe::filled();
  int calls = 0;
  loop.handle().insert_source(Generic{pipe.fd(), interest().read().edge_triggered()},
                              [&](Readiness) { ++calls; });
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 1);
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 1);
  pipe.fill();
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 2);
}

}  // namespace
