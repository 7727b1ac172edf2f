#include "compositor-demo/process/client_processes.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <system_error>

#include <gtest/gtest.h>

#include <calloop/event_loop.hpp>

#include "compositor-demo/process/descriptor_limit.hpp"

namespace demo {
namespace {

using namespace std::chrono_literals;

struct App final : ClientProcesses::Host {
  App(calloop::LoopHandle<App> loop, calloop::Duration patience)
      : clients{loop.part<&App::clients>(),
                *this,
                {.wayland_display = "wayland-of-this-test",
                 .descriptors = 321,
                 .patience = patience}} {}
  void client_ended(pid_t client, int status) override { ended[client] = status; }
  void all_clients_ended() override { ++all_ended; }

  ClientProcesses clients;
  std::map<pid_t, int> ended;
  int all_ended = 0;
};

class ClientProcessesTest : public testing::Test {
 protected:
  explicit ClientProcessesTest(calloop::Duration patience = 60s) : patience_{patience} {
    std::string name = (std::filesystem::temp_directory_path() / "demo-clients-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
      throw std::system_error{errno, std::generic_category()};
    directory_ = name;
  }
  ~ClientProcessesTest() override {
    app_.clients.kill_all();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  template <class Done>
  testing::AssertionResult run_until(Done done) {
    const auto give_up = calloop::Clock::now() + 10s;
    while (!done()) {
      if (calloop::Clock::now() > give_up)
        return testing::AssertionFailure() << "nothing happened for ten seconds";
      loop_.dispatch(20ms, app_);
    }
    return testing::AssertionSuccess();
  }
  pid_t sh(const std::string& script) {
    return app_.clients.start({"/bin/sh", "-c", script}, "sh");
  }
  std::string file(const char* name) const { return (directory_ / name).string(); }
  std::string content(const char* name) const {
    std::ostringstream text;
    text << std::ifstream{file(name)}.rdbuf();
    return text.str();
  }
  bool exists(const char* name) const { return std::filesystem::exists(file(name)); }

  calloop::Duration patience_;  // longer than any test
  std::filesystem::path directory_;
  calloop::EventLoop<App> loop_;
  App app_{loop_.handle(), patience_};
};

TEST_F(ClientProcessesTest, ReportStatusesAsAShellDoes) {
  const pid_t fine = sh("exit 0");
  const pid_t seven = sh("exit 7");
  const pid_t killed = sh("kill -9 $$");
  ASSERT_TRUE(run_until([&] { return app_.ended.size() == 3; }));
  EXPECT_EQ(app_.ended[fine], 0);
  EXPECT_EQ(app_.ended[seven], 7);
  EXPECT_EQ(app_.ended[killed], 128 + SIGKILL);
  EXPECT_EQ(app_.clients.started().size(), 3U) << "remembered after their end";
  EXPECT_EQ(app_.all_ended, 0) << "nobody asked for that";
}

TEST_F(ClientProcessesTest, AreToldWhereToConnectAndMayOpenWhatWeCould) {
  const DescriptorLimit raised;
  const pid_t client = sh("echo $WAYLAND_DISPLAY $(ulimit -Sn) >" + file("said"));
  ASSERT_TRUE(run_until([&] { return app_.ended.contains(client); }));
  EXPECT_EQ(content("said"), "wayland-of-this-test 321\n");
}

TEST_F(ClientProcessesTest, LeadAGroupOfTheirOwn) {
  const pid_t client = sh("sleep 100");
  EXPECT_EQ(::getpgid(client), client);
  EXPECT_NE(client, ::getpgrp());
}

TEST_F(ClientProcessesTest, WhatCannotBeStartedSaysWhy) {
  const auto error_of = [&](const std::string& program) {
    try {
      app_.clients.start({program}, program);
    } catch (const std::system_error& error) {
      return error.code().value();
    }
    return 0;
  };
  std::ofstream{file("text")} << "no program";
  EXPECT_EQ(error_of("no-program-of-this-name"), ENOENT);
  EXPECT_EQ(error_of(file("missing")), ENOENT);
  EXPECT_EQ(error_of(file("text")), EACCES);
  std::filesystem::permissions(file("text"), std::filesystem::perms::owner_all);
  EXPECT_EQ(error_of(file("text")), ENOEXEC);
  EXPECT_TRUE(app_.clients.started().empty());
}

TEST_F(ClientProcessesTest, EndAtOnceWhenTheyObey) {
  sh("sleep 100");
  sh("sleep 100 & sleep 100");
  const auto begin = calloop::Clock::now();
  app_.clients.end_all();
  ASSERT_TRUE(run_until([&] { return app_.all_ended == 1; }));
  EXPECT_LT(calloop::Clock::now() - begin, patience_) << "nobody was waited for";
}

class ImpatientTest : public ClientProcessesTest {
 protected:
  ImpatientTest() : ClientProcessesTest{200ms} {}
};

TEST_F(ImpatientTest, KillsThoseWhoDoNotObey) {
  const pid_t stubborn = sh("trap '' TERM; touch " + file("ready") + "; while :; do sleep 1; done");
  ASSERT_TRUE(run_until([&] { return exists("ready"); }));
  app_.clients.end_all();
  ASSERT_TRUE(run_until([&] { return app_.all_ended == 1; }));
  EXPECT_EQ(app_.ended[stubborn], 128 + SIGKILL);
}

TEST_F(ClientProcessesTest, AreKilledWithoutPatienceWhenAskedTo) {
  const pid_t stubborn = sh("trap '' TERM; touch " + file("ready") + "; while :; do sleep 1; done");
  ASSERT_TRUE(run_until([&] { return exists("ready"); }));
  const auto begin = calloop::Clock::now();
  app_.clients.end_all();
  app_.clients.kill_all();
  ASSERT_TRUE(run_until([&] { return app_.all_ended == 1; }));
  EXPECT_LT(calloop::Clock::now() - begin, patience_);
  EXPECT_EQ(app_.ended[stubborn], 128 + SIGKILL);
}

TEST_F(ClientProcessesTest, TakeWhatTheyStartedWithThem) {
  const pid_t client = sh("sleep 100 & echo $! >" + file("child"));
  ASSERT_TRUE(run_until([&] { return app_.ended.contains(client); }));
  const pid_t left_behind = std::stoi(content("child"));
  EXPECT_EQ(::kill(left_behind, 0), 0);
  app_.clients.end_all();
  ASSERT_TRUE(run_until([&] { return app_.all_ended == 1; }));
  // It is not our child: gone, or a zombie until its new parent looks.
  std::ifstream stat{"/proc/" + std::to_string(left_behind) + "/stat"};
  std::string number;
  std::string name;
  std::string state = "gone";
  stat >> number >> name >> state;
  EXPECT_TRUE(state == "gone" || state == "Z" || state == "X") << state;
}

TEST_F(ClientProcessesTest, NobodyToEndIsSaidAtOnce) {
  app_.clients.end_all();
  EXPECT_EQ(app_.all_ended, 1);
}

}  // namespace
}  // namespace demo
