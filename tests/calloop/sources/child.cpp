// Programs that are started and waited for.
#include <climits>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/composed.hpp>
#include <calloop/event_loop.hpp>
#include <calloop/sources/child.hpp>
#include <calloop/sources/ping.hpp>
#include <calloop/sources/signals.hpp>

#include "tests/calloop/boom.hpp"
#include "tests/calloop/descriptor_count.hpp"
#include "tests/calloop/on_drop.hpp"
#include "tests/calloop/pipe.hpp"
#include "tests/temporary_directory.hpp"

namespace {
// Whether somebody else waits for any child, and is quicker than pidfd_open().
bool another_waits = false;
}  // namespace

// In place of the C library's.
extern "C" int pidfd_open(pid_t pid, unsigned int flags) noexcept {
  if (another_waits)
    ::waitpid(pid, nullptr, 0);
  return static_cast<int>(::syscall(SYS_pidfd_open, pid, flags));
}

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using testing::HasSubstr;
using tests::Boom;
using tests::Pipe;

// Starts a program and waits for its end.
ChildExit run_program(const std::vector<std::string>& argv, const ChildOptions& options) {
  EventLoop<> loop;
  std::optional<ChildExit> exit;
  loop.handle().insert_source(Child::spawn(argv, options), [&](ChildExit e) { exit = e; });
  const TimePoint deadline = Clock::now() + 20s;
  while (!exit && Clock::now() < deadline)
    loop.dispatch(1s);
  EXPECT_TRUE(exit.has_value()) << argv.back();
  EXPECT_EQ(loop.handle().source_count(), 0u);  // removes itself
  return exit.value_or(ChildExit{});
}

// The same, and what it wrote to its standard output.
std::string output_of_program(const std::vector<std::string>& argv, ChildOptions options) {
  const Pipe pipe;
  options.fds.push_back({pipe.writer.get(), STDOUT_FILENO});
  EXPECT_TRUE(run_program(argv, options).success());
  char buffer[4096];
  const auto n = ::read(pipe.fd(), buffer, sizeof buffer);
  return n > 0 ? std::string(buffer, static_cast<std::size_t>(n)) : std::string{};
}

// The two with a shell's script.
ChildExit run(const std::string& script, const ChildOptions& options = {}) {
  return run_program({"/bin/sh", "-c", script}, options);
}
std::string output_of(const std::string& script, ChildOptions options = {}) {
  return output_of_program({"/bin/sh", "-c", script}, std::move(options));
}

TEST(Child, TellsItsStatus) {
  const ChildExit good = run("exit 0");
  EXPECT_TRUE(good.success());
  EXPECT_EQ(good.shell_status(), 0);
  EXPECT_GT(good.pid, 0);
  const ChildExit bad = run("exit 3");
  EXPECT_EQ(bad.how, ChildExit::How::Exited);
  EXPECT_EQ(bad.value, 3);
  EXPECT_FALSE(bad.success());
  EXPECT_EQ(bad.shell_status(), 3);
  const ChildExit killed = run("kill -TERM $$");
  EXPECT_EQ(killed.how, ChildExit::How::Signaled);
  EXPECT_EQ(killed.value, SIGTERM);
  EXPECT_EQ(killed.shell_status(), 128 + SIGTERM);
}

TEST(Child, LeavesNoZombieAndNoDescriptor) {
  const auto before = tests::descriptor_count();
  const ChildExit exit = run("exit 0");
  EXPECT_EQ(::waitpid(exit.pid, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
  EXPECT_EQ(tests::descriptor_count(), before);
}

TEST(Child, CanBeSentSignals) {
  EventLoop<> loop;
  std::optional<ChildExit> exit;
  const auto child = loop.handle().make_dispatcher(
      Child::spawn({"sleep", "1000"}), [&](ChildExit e) { exit = e; });  // found in PATH
  loop.handle().register_dispatcher(child);
  loop.dispatch(0ns);
  EXPECT_FALSE(exit.has_value());
  EXPECT_TRUE(child->send_signal(0));
  EXPECT_TRUE(child->send_signal(SIGKILL));
  loop.dispatch(20s);
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->value, SIGKILL);
  EXPECT_FALSE(child->send_signal(SIGKILL));
}

TEST(Child, TheStatusOfOneWaitedForElsewhereIsUnknown) {
  EventLoop<> loop;
  std::optional<ChildExit> exit;
  Child child = Child::spawn({"true"});
  ASSERT_EQ(::waitpid(child.pid(), nullptr, 0), child.pid());
  loop.handle().insert_source(std::move(child), [&](ChildExit e) { exit = e; });
  loop.dispatch(20s);
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->how, ChildExit::How::Unknown);
  EXPECT_EQ(exit->shell_status(), 255);
  EXPECT_FALSE(exit->success());
}

TEST(Child, OneWaitedForBeforeWeCouldLookHasAnUnknownEndToo) {
  EventLoop<> loop;
  std::optional<ChildExit> exit;
  const auto child = loop.handle().make_dispatcher(
      [] {
        const tests::OnDrop reset{[] { another_waits = false; }};
        another_waits = true;
        return Child::spawn({"true"});
      }(),
      [&](ChildExit e) { exit = e; });
  EXPECT_FALSE(child->send_signal(SIGKILL));  // its number may be anybody's
  loop.handle().register_dispatcher(child);
  loop.dispatch(20s);
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->how, ChildExit::How::Unknown);
  EXPECT_EQ(exit->pid, child->pid());
  EXPECT_EQ(loop.handle().source_count(), 0u);
}

TEST(Child, WaitsForNobodyElse) {
  const pid_t other = ::fork();
  if (other == 0)
    ::_exit(7);
  run("exit 0");
  int status = 0;
  ASSERT_EQ(::waitpid(other, &status, 0), other);
  EXPECT_EQ(WEXITSTATUS(status), 7);
}

TEST(Child, AnIgnoredSigchldLosesNoStatus) {
  struct sigaction before{};
  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGCHLD, &ignore, &before);
  EXPECT_EQ(run("exit 5").value, 5);
  struct sigaction now{};
  ::sigaction(SIGCHLD, &before, &now);
  EXPECT_EQ(now.sa_handler, SIG_DFL);
}

TEST(Child, StartsWithTheMaskOfBeforeSignalsAndDefaultDispositions) {
  const Signals signals{SIGUSR1, SIGTERM, SIGCHLD};
  struct sigaction before{};
  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, &before);
  const std::string blocked = output_of("awk '/^SigBlk/ {print $2}' /proc/self/status");
  const std::string ignored = output_of("awk '/^SigIgn/ {print $2}' /proc/self/status");
  ::sigaction(SIGPIPE, &before, nullptr);
  EXPECT_EQ(std::stoull(blocked, nullptr, 16), 0u);
  // The C library ignores 32 and 33, its own.
  EXPECT_EQ(std::stoull(ignored, nullptr, 16) & ~0x180000000ull, 0u);
}

TEST(Child, GetsOnlyTheDescriptorsItIsGiven) {
  const OwnedFd leaky{::open("/dev/null", O_RDONLY)};  // without O_CLOEXEC
  const OwnedFd high{::fcntl(leaky.get(), F_DUPFD, 300)};
  const Pipe given = Pipe::filled();
  ChildOptions options;
  options.fds = {{given.fd(), 7}};
  // The 3 is the directory that ls reads.
  EXPECT_EQ(output_of("ls /proc/self/fd | sort -n | tr '\\n' ' '; head -c1 <&7", options),
            "0 1 2 3 7 x");
}

TEST(Child, DescriptorsMayTradePlaces) {
  const Pipe first;
  const Pipe second;
  // Ours have these very numbers, crosswise.
  ASSERT_EQ(::write(first.writer.get(), "a", 1), 1);
  ASSERT_EQ(::write(second.writer.get(), "b", 1), 1);
  ChildOptions options;
  options.fds = {{first.fd(), second.fd()}, {second.fd(), first.fd()}};
  const std::string script = "exec 0<&" + std::to_string(first.fd()) + "; head -c1; exec 0<&" +
                             std::to_string(second.fd()) + "; head -c1";
  if (first.fd() > 9 || second.fd() > 9)
    GTEST_SKIP() << "a shell knows descriptors up to 9 only";
  EXPECT_EQ(output_of(script, options), "ba");
}

TEST(Child, EnvironmentAndDirectory) {
  ::setenv("CALLOOP_TEST_KEPT", "kept", 1);
  ::setenv("CALLOOP_TEST_CHANGED", "before", 1);
  const ChildOptions options{
      .environment = {"CALLOOP_TEST_CHANGED=after", "CALLOOP_TEST_NEW=new"},
      .working_directory = "/",
  };
  EXPECT_EQ(
      output_of("echo $CALLOOP_TEST_KEPT $CALLOOP_TEST_CHANGED $CALLOOP_TEST_NEW $(pwd)", options),
      "kept after new /\n");
  ::unsetenv("CALLOOP_TEST_KEPT");
  ::unsetenv("CALLOOP_TEST_CHANGED");
}

TEST(Child, MayLeadAProcessGroup) {
  EventLoop<> loop;
  std::optional<ChildExit> exit;
  Child child = Child::spawn({"sleep", "1000"}, {.new_process_group = true});
  EXPECT_EQ(::getpgid(child.pid()), child.pid());
  EXPECT_EQ(::kill(-child.pid(), SIGKILL), 0);
  loop.handle().insert_source(std::move(child), [&](ChildExit e) { exit = e; });
  loop.dispatch(20s);
  EXPECT_TRUE(exit.has_value());
}

std::error_code error_of(std::initializer_list<std::string> argv, const ChildOptions& options,
                         const std::string& named) {
  try {
    const Child child = Child::spawn(argv, options);
    ADD_FAILURE() << "it was started";
    child.send_signal(SIGKILL);
    ::waitpid(child.pid(), nullptr, 0);
  } catch (const std::system_error& error) {
    EXPECT_THAT(error.what(), HasSubstr(named));
    return error.code();
  }
  return {};
}

TEST(Child, ErrorsNameWhatCouldNotBeStarted) {
  EXPECT_EQ(error_of({"no-such-program-here"}, {}, "no-such-program-here"),
            std::errc::no_such_file_or_directory);
  EXPECT_EQ(error_of({"/etc/passwd"}, {}, "/etc/passwd"), std::errc::permission_denied);
  EXPECT_EQ(error_of({"true"}, {.working_directory = "/no/such/place"}, "true"),
            std::errc::no_such_file_or_directory);
  EXPECT_EQ(error_of({"true"}, {.fds = {{4242, 5}}}, "4242"), std::errc::bad_file_descriptor);
  for (const int beyond : {INT_MAX, INT_MAX - 1, static_cast<int>(::sysconf(_SC_OPEN_MAX))})
    EXPECT_EQ(error_of({"true"}, {.fds = {{0, beyond}}}, std::to_string(beyond)),
              std::errc::bad_file_descriptor);
  EXPECT_THROW(static_cast<void>(Child::spawn({"true"}, {.fds = {{0, -1}}})),
               std::invalid_argument);
  EXPECT_THROW(static_cast<void>(Child::spawn({})), std::invalid_argument);
}

TEST(Child, FailuresLeaveNothingBehind) {
  const auto before = tests::descriptor_count();
  for (int i = 0; i < 3; ++i)
    EXPECT_THROW(static_cast<void>(Child::spawn({"no-such-program-here"}, {.fds = {{0, 9}}})),
                 std::system_error);
  EXPECT_EQ(tests::descriptor_count(), before);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

// ------------------------------------------------------------------------------- where it starts

TEST(Child, OfAnyThreadStartsWithoutWhatSignalsHaveBlocked) {
  const Signals signals{SIGUSR1, SIGTERM};
  std::string blocked;
  std::jthread{[&] { blocked = output_of("awk '/^SigBlk/ {print $2}' /proc/self/status"); }}.join();
  EXPECT_EQ(std::stoull(blocked, nullptr, 16), 0u);
}

// An executable file that says where it lies.
void write_program(const std::filesystem::path& path) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream{path} << "#!/bin/sh\necho " << path.string() << "\n";
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
}

TEST(Child, IsSearchedForInOurPathAndRelativeToItsDirectory) {
  const tests::TemporaryDirectory directory;
  const std::filesystem::path ours = directory.path() / "ours/program-of-the-test";
  const std::filesystem::path theirs = directory.path() / "theirs/program-of-the-test";
  write_program(ours);
  write_program(theirs);
  const std::string path = ::getenv("PATH");
  ::setenv("PATH", (ours.parent_path().string() + ":" + path).c_str(), 1);
  EXPECT_EQ(output_of_program({"program-of-the-test"},
                              {.environment = {"PATH=" + theirs.parent_path().string()}}),
            ours.string() + "\n");
  ::setenv("PATH", path.c_str(), 1);
  EXPECT_EQ(output_of_program({"theirs/program-of-the-test"},
                              {.working_directory = directory.path().string()}),
            theirs.string() + "\n");
}

// ------------------------------------------------------------------------- inside another source

// A child beside a ping. What its parent answers, and whether it throws, is up to the test.
class ChildAndPing : public Composed<ChildAndPing> {
 public:
  using Event = ChildExit;
  using Metadata = void;
  using Ret = void;

  enum class Answer { Combined, Nothing, TheChilds };

  ChildAndPing(Child child, PingSource ping, Answer answer, bool throws = false)
      : child_{std::move(child)}, ping_{std::move(ping)}, answer_{answer}, throws_{throws} {}
  auto children() { return std::tie(child_, ping_); }
  PostAction process_events(Readiness readiness, Token token, auto&& emit) {
    const PostAction child = child_.process_events(readiness, token, [&](ChildExit exit) {
      emit(exit);
      if (throws_)
        throw Boom{"the parent's own"};
    });
    const PostAction ping = ping_.process_events(readiness, token, [](Pinged) {});
    if (answer_ == Answer::Nothing)
      return PostAction::Continue;
    return answer_ == Answer::Combined ? child | ping : child;
  }

 private:
  Child child_;
  PingSource ping_;
  Answer answer_;
  bool throws_;
};

TEST(ChildInAParent, TellsItsEndOnceWhateverTheParentAnswers) {
  for (const auto answer : {ChildAndPing::Answer::Combined, ChildAndPing::Answer::Nothing}) {
    EventLoop<> loop;
    auto [ping, source] = make_ping();
    std::vector<ChildExit> ends;
    const RegistrationToken token =
        loop.handle().insert_source(ChildAndPing{Child::spawn({"true"}), std::move(source), answer},
                                    [&](ChildExit exit) { ends.push_back(exit); });
    while (ends.empty())
      loop.dispatch(20s);
    EXPECT_TRUE(ends[0].success());
    const TimePoint before = Clock::now();
    loop.dispatch(50ms);  // sleeps
    EXPECT_GE(Clock::now() - before, 50ms);
    EXPECT_TRUE(loop.handle().update(token));
    EXPECT_TRUE(loop.handle().disable(token));
    EXPECT_TRUE(loop.handle().enable(token));
    loop.dispatch(0ns);
    EXPECT_EQ(ends.size(), 1u);
  }
}

TEST(ChildInAParent, EndsItAlsoIfTheParentThrewAtTheEnd) {
  EventLoop<> loop;
  auto [ping, source] = make_ping();
  int ends = 0;
  loop.handle().insert_source(ChildAndPing{Child::spawn({"true"}), std::move(source),
                                           ChildAndPing::Answer::TheChilds, true},
                              [&](ChildExit) { ++ends; });
  EXPECT_THROW(loop.dispatch(20s), Boom);
  loop.dispatch(20s);
  EXPECT_EQ(ends, 1);
  EXPECT_EQ(loop.handle().source_count(), 0u);
}

}  // namespace
