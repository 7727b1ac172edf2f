// What eventp promises about the objects that it is given: destroyed once, wherever they end.
// EP-014 to EP-034.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/calloop.hpp>

#include "tests/calloop/conformance/virtual_loop.hpp"
#include "tests/calloop/on_drop.hpp"
#include "tests/calloop/pipe.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using tests::OnDrop;
using tests::Pipe;
using tests::VirtualLoop;

// Owns a number, as if it were a descriptor, and counts its destructions.
class Counted {
 public:
  Counted(int fd, int* destroyed) : fd_{fd}, destroyed_{destroyed} {}
  Counted(Counted&& other) noexcept
      : fd_{other.fd_}, destroyed_{std::exchange(other.destroyed_, nullptr)} {}
  Counted& operator=(Counted&&) = delete;
  ~Counted() {
    if (destroyed_ != nullptr)
      ++*destroyed_;
  }
  [[nodiscard]] int get() const noexcept { return fd_; }

 private:
  int fd_;
  int* destroyed_;
};

constexpr int scripted = 1000;

struct Scripted : VirtualLoop<> {
  Scripted() { clock.script(scripted); }
  void make_ready() { clock.make_ready(scripted, Readiness{EPOLLIN}); }
  int destroyed = 0;
  Generic<Counted> source() { return {Counted{scripted, &destroyed}, interest().read()}; }
};

TEST(Conformance, EP_014_SourcesCanBeTakenBackFromALoopThatIsGone) {
  std::vector<Dispatcher<Generic<OwnedFd>>> kept;
  int fds[2];
  {
    EventLoop<> loop;
    for (int& fd : fds) {
      Pipe pipe;
      fd = pipe.fd();
      kept.push_back(loop.handle().make_dispatcher(
          Generic{std::move(pipe.reader), interest().read()}, [](Readiness) {}));
      loop.handle().register_dispatcher(kept.back());
    }
  }
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const OwnedFd fd = std::move(kept[i]).into_source().into_inner();
    EXPECT_EQ(fd.get(), fds[i]);
  }
}

TEST(Conformance, EP_016_ASourceIsDestroyedOnce) {
  Scripted s;
  const RegistrationToken token = s.handle.insert_source(s.source(), [](Readiness) {});
  EXPECT_EQ(s.destroyed, 0);
  s.handle.remove(token);
  EXPECT_EQ(s.destroyed, 1);
}

TEST(Conformance, EP_018_TheLoopCallsTheVeryObject) {
  Scripted s;
  const Counted* called_with = nullptr;
  const auto kept = s.handle.make_dispatcher(
      s.source(), [&](Readiness, const Counted& owner) { called_with = &owner; });
  s.handle.register_dispatcher(kept);
  s.make_ready();
  s.loop.dispatch(0ns);
  EXPECT_EQ(called_with, &kept->get());
}

TEST(Conformance, EP_019_ARemovedSourceThatSomebodyKeepsIsDestroyedOnceAndLater) {
  Scripted s;
  std::optional kept{
      s.handle.make_dispatcher(s.source(), [](Readiness) { return PostAction::Remove; })};
  const RegistrationToken token = s.handle.register_dispatcher(*kept);
  s.make_ready();
  s.loop.dispatch(0ns);
  EXPECT_FALSE(s.handle.update(token));
  EXPECT_FALSE(kept->is_inserted());
  EXPECT_EQ((*kept)->get().get(), scripted);
  EXPECT_EQ(s.destroyed, 0);
  kept.reset();
  EXPECT_EQ(s.destroyed, 1);
}

TEST(Conformance, EP_020_ASecondRemovalDestroysNothing) {
  Scripted s;
  RegistrationToken token;
  token = s.handle.insert_source(s.source(), [&](Readiness) {
    EXPECT_TRUE(s.handle.remove(token));
    EXPECT_FALSE(s.handle.remove(token));
    return PostAction::Remove;
  });
  s.make_ready();
  s.loop.dispatch(0ns);
  EXPECT_FALSE(s.handle.remove(token));
  EXPECT_EQ(s.destroyed, 1);
}

template <std::size_t Alignment>
struct alignas(Alignment) Aligned {
  int fd = scripted;
  [[nodiscard]] int get() const noexcept { return fd; }
  [[nodiscard]] bool is_aligned() const noexcept {
    return reinterpret_cast<std::uintptr_t>(this) % Alignment == 0;
  }
};

template <std::size_t Alignment>
void expect_alignment_is_kept() {
  Scripted s;
  bool called = false;
  s.handle.insert_source(
      Generic{Aligned<Alignment>{}, interest().read()},
      [&called, captured = Aligned<Alignment>{}](Readiness, const Aligned<Alignment>& owner) {
        called = true;
        EXPECT_TRUE(owner.is_aligned());
        EXPECT_TRUE(captured.is_aligned());
      });
  s.make_ready();
  s.loop.dispatch(0ns);
  EXPECT_TRUE(called);
}

TEST(Conformance, EP_022_AlignmentOf8IsKept) {
  expect_alignment_is_kept<8>();
}
TEST(Conformance, EP_023_AlignmentOf16IsKept) {
  expect_alignment_is_kept<16>();
}
TEST(Conformance, EP_024_AlignmentOf32IsKept) {
  expect_alignment_is_kept<32>();
}
TEST(Conformance, EP_025_AlignmentOf64IsKept) {
  expect_alignment_is_kept<64>();
}

TEST(Conformance, EP_028_ASourceThatCannotBeInsertedIsDestroyedOnce) {
  VirtualLoop<> v;
  int destroyed = 0;
  int closures = 0;
  EXPECT_THROW(v.handle.insert_source(Generic{Counted{-1, &destroyed}, interest().read()},
                                      [guard = OnDrop{[&] { ++closures; }}](Readiness) {}),
               std::system_error);
  EXPECT_EQ(destroyed, 1);
  EXPECT_EQ(closures, 1);
}

TEST(Conformance, EP_029_AKeptSourceThatCannotBeInsertedIsDestroyedByItsKeeper) {
  VirtualLoop<> v;
  int destroyed = 0;
  {
    const auto kept = v.handle.make_dispatcher(Generic{Counted{-1, &destroyed}, interest().read()},
                                               [](Readiness) {});
    EXPECT_THROW(v.handle.register_dispatcher(kept), std::system_error);
    EXPECT_EQ(destroyed, 0);
  }
  EXPECT_EQ(destroyed, 1);
}

TEST(Conformance, EP_030_ASourceMayGoThereAndBack) {
  Scripted s;
  int calls = 0;
  for (int round = 1; round <= 2; ++round) {
    auto kept = s.handle.make_dispatcher(s.source(), [&](Readiness) { ++calls; });
    const RegistrationToken token = s.handle.register_dispatcher(kept);
    s.make_ready();
    s.loop.dispatch(0ns);
    EXPECT_TRUE(s.handle.remove(token));
    {
      const Generic<Counted> back = std::move(kept).into_source();
      EXPECT_EQ(back.get().get(), scripted);
      EXPECT_EQ(s.destroyed, round - 1);
    }
    EXPECT_EQ(s.destroyed, round);
    EXPECT_EQ(calls, round);
  }
}

struct Nothing {
  [[nodiscard]] static int get() noexcept { return scripted; }
};

TEST(Conformance, EP_031_OwnerAndHandlerMayBeEmpty) {
  static_assert(std::is_empty_v<Nothing>);
  Scripted s;
  const auto leave = [](Readiness) { return PostAction::Remove; };
  static_assert(std::is_empty_v<decltype(leave)>);
  s.handle.insert_source(Generic{Nothing{}, interest().read()}, leave);
  s.make_ready();
  s.loop.dispatch(0ns);
  EXPECT_EQ(s.handle.source_count(), 0u);
}

TEST(Conformance, EP_033_AnInsertedSourceCannotBeTakenOut) {
  Scripted s;
  auto kept = s.handle.make_dispatcher(s.source(), [](Readiness) {});
  const RegistrationToken token = s.handle.register_dispatcher(kept);
  EXPECT_THROW(static_cast<void>(std::move(kept).into_source()), std::logic_error);
  EXPECT_TRUE(s.handle.remove(token));  // it still was there
  EXPECT_NO_THROW(static_cast<void>(std::move(kept).into_source()));
}

TEST(Conformance, EP_034_ASharedSourceCannotBeTakenOut) {
  Scripted s;
  auto kept = s.handle.make_dispatcher(s.source(), [](Readiness) {});
  {
    const auto shared = kept;
    EXPECT_THROW(static_cast<void>(std::move(kept).into_source()), std::logic_error);
    EXPECT_EQ(shared->get().get(), scripted);
  }
  EXPECT_NO_THROW(static_cast<void>(std::move(kept).into_source()));
}

}  // namespace
