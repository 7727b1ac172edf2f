// calloop's tests of Signals. CL-074 to CL-077.
#include <unistd.h>

#include <array>
#include <csignal>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/calloop.hpp>

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

bool is_blocked(int signal) {
  sigset_t mask;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  return ::sigismember(&mask, signal) == 1;
}
bool is_pending(int signal) {
  sigset_t pending;
  ::sigpending(&pending);
  return ::sigismember(&pending, signal) == 1;
}

// Signals in a loop, and what arrived. The thread is left as it was found.
class SignalConformance : public testing::Test {
 protected:
  void TearDown() override {
    loop_.handle().remove(token_);
    {
      const auto last = std::move(signals_).into_source();
    }
    EXPECT_EQ(is_blocked(SIGUSR1), was_blocked_[0]);
    EXPECT_EQ(is_blocked(SIGUSR2), was_blocked_[1]);
  }
  // What one dispatch delivers.
  std::vector<int> dispatched() {
    received_.clear();
    loop_.dispatch(0ns);
    return received_;
  }

  std::array<bool, 2> was_blocked_{is_blocked(SIGUSR1), is_blocked(SIGUSR2)};
  EventLoop<> loop_;
  std::vector<int> received_;
  Dispatcher<Signals> signals_ = loop_.handle().make_dispatcher(
      Signals{SIGUSR1}, [this](SignalInfo info) { received_.push_back(info.signal()); });
  RegistrationToken token_ = loop_.handle().register_dispatcher(signals_);
};

TEST(Conformance, CL_074_ASignalToOneselfArrivesAsAnEvent) {
  EventLoop<> loop;
  std::vector<int> received;
  loop.handle().insert_source(Signals{SIGUSR1}, [&](SignalInfo info) {
    received.push_back(info.signal());
    EXPECT_EQ(info.pid(), ::getpid());
  });
  loop.dispatch(0ns);
  EXPECT_THAT(received, IsEmpty());
  ::raise(SIGUSR1);
  loop.dispatch(0ns);
  loop.dispatch(0ns);
  EXPECT_THAT(received, ElementsAre(SIGUSR1));
}

TEST_F(SignalConformance, CL_075_ASignalAddedToARegisteredSourceArrives) {
  signals_->add_signal(SIGUSR2);
  ::raise(SIGUSR2);
  EXPECT_THAT(dispatched(), ElementsAre(SIGUSR2));
  ::raise(SIGUSR1);
  EXPECT_THAT(dispatched(), ElementsAre(SIGUSR1));
}

TEST_F(SignalConformance, CL_076_ARemovedSignalIsNotDeliveredAndDoesNotKill) {
  signals_->add_signal(SIGUSR2);
  signals_->remove_signal(SIGUSR2);
  ::raise(SIGUSR2);
  EXPECT_TRUE(is_pending(SIGUSR2));
  EXPECT_THAT(dispatched(), IsEmpty());
  ::raise(SIGUSR1);
  EXPECT_THAT(dispatched(), ElementsAre(SIGUSR1));
}

TEST_F(SignalConformance, CL_077_APendingSignalIsDeliveredOnceItIsSet) {
  signals_->add_signal(SIGUSR2);
  signals_->remove_signal(SIGUSR2);
  ::raise(SIGUSR2);
  EXPECT_THAT(dispatched(), IsEmpty());
  signals_->set_signals(std::array{SIGUSR2});
  EXPECT_THAT(dispatched(), ElementsAre(SIGUSR2));
  ::raise(SIGUSR1);  // no longer one of its signals
  EXPECT_THAT(dispatched(), IsEmpty());
}

}  // namespace
