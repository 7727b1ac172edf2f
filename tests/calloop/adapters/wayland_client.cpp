// Clients of libwayland in a loop, and compositors of libwayland in the same loop or in a thread of
// their own; and sockets with nobody behind them.
#include <calloop/adapters/wayland_client.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <wayland-client.h>
#include <wayland-server.h>

#include <calloop/adapters/wayland_server.hpp>
#include <calloop/composed.hpp>
#include <calloop/event_loop.hpp>
#include <calloop/observer.hpp>
#include <calloop/remote.hpp>
#include <calloop/scoped_registration.hpp>
#include <calloop/sources/generic.hpp>
#include <calloop/sources/timer.hpp>

#include "tests/calloop/asleep.hpp"
#include "tests/calloop/boom.hpp"
#include "tests/calloop/descriptor_count.hpp"
#include "tests/calloop/hooked_source.hpp"
#include "tests/calloop/no_more_descriptors.hpp"
#include "tests/environment.hpp"
#include "tests/temporary_directory.hpp"

namespace calloop::wayland {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using tests::Boom;
using tests::HookedSource;

struct Ends {
  OwnedFd client;
  OwnedFd server;
};

Ends make_ends() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    throw std::system_error{errno, std::generic_category(), "socketpair"};
  return {OwnedFd{ends[0]}, OwnedFd{ends[1]}};
}

// Reads what is there, and says how much that was.
std::size_t take(const OwnedFd& socket) {
  std::array<char, 65536> buffer{};
  std::size_t taken = 0;
  ssize_t count = 0;
  while ((count = ::recv(socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT)) > 0)
    taken += static_cast<std::size_t>(count);
  return taken;
}

// How many turns the loop makes when nobody wakes it.
template <class Loop>
int turns_of(Loop& loop) {
  int count = 0;
  for (const TimePoint end = Clock::now() + 50ms; Clock::now() < end; ++count)
    loop.dispatch(end - Clock::now());
  return count;
}
constexpr int few = 3;

bool is_readable(int fd, int milliseconds) {
  pollfd one{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&one, 1, milliseconds) == 1;
}

// ---------------------------------------------------------------------------------- the server

// A compositor with an output, which says its scale when it is told to, and a wl_compositor that
// nobody can bind without an error.
class Compositor {
 public:
  static constexpr std::uint32_t error_code = 7;

  Compositor() : display_{wl_display_create()} {
    wl_global_create(display_, &wl_output_interface, 2, this, &Compositor::bind_output);
    wl_global_create(display_, &wl_compositor_interface, 1, this, &Compositor::bind_compositor);
  }
  Compositor(const Compositor&) = delete;
  Compositor& operator=(const Compositor&) = delete;
  ~Compositor() {
    wl_display_destroy_clients(display_);
    wl_display_destroy(display_);
  }

  [[nodiscard]] wl_display* display() const noexcept { return display_; }
  wl_client* add(OwnedFd socket) const { return wl_client_create(display_, socket.release()); }
  [[nodiscard]] int clients() const noexcept {
    return wl_list_length(wl_display_get_client_list(display_));
  }
  [[nodiscard]] std::size_t outputs() const noexcept { return outputs_.size(); }
  void send_scale(int scale) const {
    for (wl_resource* const output : outputs_)
      wl_output_send_scale(output, scale);
  }

 private:
  static void bind_output(wl_client* client, void* data, std::uint32_t version, std::uint32_t id) {
    auto& self = *static_cast<Compositor*>(data);
    wl_resource* const output =
        wl_resource_create(client, &wl_output_interface, static_cast<int>(version), id);
    wl_resource_set_implementation(output, nullptr, data, [](wl_resource* gone) {
      std::erase(static_cast<Compositor*>(wl_resource_get_user_data(gone))->outputs_, gone);
    });
    self.outputs_.push_back(output);
  }
  static void bind_compositor(wl_client* client, void*, std::uint32_t version, std::uint32_t id) {
    wl_resource* const compositor =
        wl_resource_create(client, &wl_compositor_interface, static_cast<int>(version), id);
    wl_resource_post_error(compositor, error_code, "nobody may have this");
  }

  wl_display* display_;
  std::vector<wl_resource*> outputs_;
};

// The same in a thread, for clients that wait for it.
class CompositorThread {
 public:
  CompositorThread() {
    Ends ends = make_ends();
    client_end = std::move(ends.client);
    std::promise<RemoteHandle<Compositor>> remote;
    std::promise<LoopSignal> signal;
    auto has_remote = remote.get_future();
    auto has_signal = signal.get_future();
    thread_ = std::thread{[&remote, &signal, socket = std::move(ends.server)]() mutable {
      EventLoop<Compositor> loop;
      Compositor compositor;
      loop.handle().insert_source(DisplaySource{compositor.display()}, [] {});
      compositor.add(std::move(socket));
      remote.set_value(remote_endpoint(loop.handle()));
      signal.set_value(loop.signal());
      loop.run(compositor);
    }};
    remote_.emplace(has_remote.get());
    signal_.emplace(has_signal.get());
  }
  CompositorThread(const CompositorThread&) = delete;
  CompositorThread& operator=(const CompositorThread&) = delete;
  ~CompositorThread() { stop(); }

  void stop() {
    if (!thread_.joinable())
      return;
    signal_->stop();
    thread_.join();
  }
  [[nodiscard]] std::size_t outputs() {
    return remote_->call([](const Compositor& compositor) { return compositor.outputs(); });
  }
  // Is on its way when this returns.
  void send_scale(int scale) {
    remote_->call([scale](const Compositor& compositor) {
      compositor.send_scale(scale);
      wl_display_flush_clients(compositor.display());
    });
  }

  OwnedFd client_end;

 private:
  std::optional<RemoteHandle<Compositor>> remote_;
  std::optional<LoopSignal> signal_;
  std::thread thread_;
};

// ---------------------------------------------------------------------------------- the client

// Hears the scales of the output, on one event queue.
class Screen {
 public:
  Screen(wl_display* display, std::shared_ptr<FirstError> errors, wl_event_queue* queue = nullptr)
      : errors_{std::move(errors)} {
    if (queue == nullptr) {
      registry_ = wl_display_get_registry(display);
    } else {
      auto* const wrapper = static_cast<wl_display*>(wl_proxy_create_wrapper(display));
      wl_proxy_set_queue(reinterpret_cast<wl_proxy*>(wrapper), queue);
      registry_ = wl_display_get_registry(wrapper);
      wl_proxy_wrapper_destroy(wrapper);
    }
    wl_registry_add_listener(registry_, &registry_listener, this);
  }
  explicit Screen(const Connection& connection, wl_event_queue* queue = nullptr)
      : Screen{connection.get(), connection.errors(), queue} {}
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;
  ~Screen() {
    if (output_ != nullptr)
      wl_output_destroy(output_);
    wl_registry_destroy(registry_);
  }

  [[nodiscard]] bool is_bound() const noexcept { return output_ != nullptr; }
  [[nodiscard]] const std::shared_ptr<FirstError>& errors() const noexcept { return errors_; }

  std::vector<int> scales;
  std::function<void(int)> on_scale;  // may throw

 private:
  void global(wl_registry* registry, std::uint32_t name, const char* interface,
              std::uint32_t /*version*/) noexcept {
    if (std::string_view{interface} != wl_output_interface.name)
      return;
    output_ = static_cast<wl_output*>(wl_registry_bind(registry, name, &wl_output_interface, 2));
    wl_output_add_listener(output_, &output_listener, this);
  }
  void global_removed(wl_registry* /*registry*/, std::uint32_t /*name*/) noexcept {}
  void geometry(wl_output* /*output*/, int, int, int, int, int, const char*, const char*,
                int) noexcept {}
  void mode(wl_output* /*output*/, std::uint32_t, int, int, int) noexcept {}
  void done(wl_output* /*output*/) noexcept {}
  void scale(wl_output* /*output*/, int scale) {
    scales.push_back(scale);
    if (on_scale)
      on_scale(scale);
  }

  static constexpr wl_registry_listener registry_listener{
      .global = calls<&Screen::global>, .global_remove = calls<&Screen::global_removed>};
  static constexpr wl_output_listener output_listener{.geometry = calls<&Screen::geometry>,
                                                      .mode = calls<&Screen::mode>,
                                                      .done = calls<&Screen::done>,
                                                      .scale = calls<&Screen::scale>,
                                                      .name = nullptr,
                                                      .description = nullptr};

  std::shared_ptr<FirstError> errors_;
  wl_registry* registry_ = nullptr;
  wl_output* output_ = nullptr;
};

// Asks the compositor to answer.
class Question {
 public:
  explicit Question(wl_display* display) : callback_{wl_display_sync(display)} {
    wl_callback_add_listener(callback_, &listener, this);
  }
  Question(const Question&) = delete;
  Question& operator=(const Question&) = delete;
  ~Question() { wl_callback_destroy(callback_); }

  [[nodiscard]] bool is_answered() const noexcept { return answered_; }
  [[nodiscard]] std::uint32_t id() const noexcept {
    return wl_proxy_get_id(reinterpret_cast<wl_proxy*>(callback_));
  }

 private:
  void done(wl_callback* /*callback*/, std::uint32_t /*serial*/) noexcept { answered_ = true; }
  static constexpr wl_callback_listener listener{.done = calls<&Question::done>};

  wl_callback* callback_;
  bool answered_ = false;
};

struct DestroyQueue {
  void operator()(wl_event_queue* queue) const noexcept { wl_event_queue_destroy(queue); }
};
using Queue = std::unique_ptr<wl_event_queue, DestroyQueue>;

Queue make_queue(const Connection& connection) {
  return Queue{wl_display_create_queue(connection.get())};
}

// A thread that reads a connection once, for a queue of its own.
class OtherReader {
 public:
  explicit OtherReader(const Connection& connection)
      : queue_{make_queue(connection)}, display_{connection.get()} {}
  OtherReader(const OtherReader&) = delete;
  OtherReader& operator=(const OtherReader&) = delete;
  ~OtherReader() {
    if (thread_.joinable())
      thread_.join();
  }

  // Returns when it waits for those that have announced a read.
  void start() {
    std::promise<pid_t> id;
    auto has_id = id.get_future();
    thread_ = std::thread{[this, id = std::move(id)]() mutable {
      ASSERT_EQ(wl_display_prepare_read_queue(display_, queue_.get()), 0);
      id.set_value(::gettid());
      wl_display_read_events(display_);
      returned_.set_value();
    }};
    tests::wait_until_blocked(has_id.get());
  }
  [[nodiscard]] bool has_returned(Duration within = 0ms) {
    return has_returned_.wait_for(within) == std::future_status::ready;
  }

 private:
  Queue queue_;
  wl_display* display_;
  std::promise<void> returned_;
  std::future<void> has_returned_ = returned_.get_future();
  std::thread thread_;
};

// Everything in one loop.
class ConnectionSourceTest : public testing::Test {
 protected:
  ConnectionSourceTest() {
    wl_log_set_handler_client([](const char*, va_list) {});  // errors are what this is about
    loop_.handle().insert_source(DisplaySource{compositor_.display()}, [] {});
  }
  Connection connect() {
    Ends ends = make_ends();
    on_server_ = compositor_.add(std::move(ends.server));
    return Connection::from_fd(std::move(ends.client));
  }
  RegistrationToken insert(const Connection& connection, wl_event_queue* queue = nullptr) {
    return loop_.handle().insert_source(ConnectionSource{connection, queue}, [] {});
  }
  template <class Condition>
  bool eventually(Condition condition) {
    for (const TimePoint end = Clock::now() + 10s; !condition() && Clock::now() < end;)
      loop_.dispatch(10ms);
    return condition();
  }
  // Returns when the output is bound on both sides.
  void wait_for(const Screen& screen) {
    ASSERT_TRUE(eventually([&] { return screen.is_bound(); }));
    turns_of(loop_);
  }
  // What leaves the dispatch within some time; null if nothing does.
  std::exception_ptr thrown() {
    try {
      for (const TimePoint end = Clock::now() + 10s; Clock::now() < end;)
        loop_.dispatch(end - Clock::now());
    } catch (...) {
      return std::current_exception();
    }
    return nullptr;
  }

  Compositor compositor_;
  wl_client* on_server_ = nullptr;
  EventLoop<> loop_;
};

std::error_code code_of(const std::exception_ptr& error) {
  if (error == nullptr)
    return {};
  try {
    std::rethrow_exception(error);
  } catch (const std::system_error& thrown) {
    return thrown.code();
  } catch (...) {
    return {};
  }
}

// ------------------------------------------------------------------------------ reading, writing

TEST_F(ConnectionSourceTest, WritesBeforeItSleepsAndDispatchesWhatComes) {
  const Connection connection = connect();
  int dispatched = 0;
  loop_.handle().insert_source(ConnectionSource{connection},
                               [&](EventsDispatched, wl_display& display) {
                                 EXPECT_EQ(&display, connection.get());
                                 ++dispatched;
                               });
  const Question question{connection.get()};
  EXPECT_TRUE(eventually([&] { return question.is_answered(); }));
  EXPECT_GE(dispatched, 1);
}

TEST_F(ConnectionSourceTest, WritesWhatAnotherSourceHasAskedFor) {
  const Connection connection = connect();
  insert(connection);
  ASSERT_LE(turns_of(loop_), few);
  std::optional<Question> question;
  loop_.handle().insert_source(Timer::immediate(),
                               [&](TimePoint) { question.emplace(connection.get()); });
  EXPECT_TRUE(eventually([&] { return question && question->is_answered(); }));
}

TEST_F(ConnectionSourceTest, ReadsADisplayThatSomebodyElseHasMade) {
  Ends ends = make_ends();
  compositor_.add(std::move(ends.server));
  const std::unique_ptr<wl_display, decltype(&wl_display_disconnect)> display{
      wl_display_connect_to_fd(ends.client.release()), &wl_display_disconnect};
  const ScopedRegistration source{
      loop_.handle(), loop_.handle().insert_source(ConnectionSource{display.get()}, [] {})};
  const Question question{display.get()};
  EXPECT_TRUE(eventually([&] { return question.is_answered(); }));
}

TEST_F(ConnectionSourceTest, SleepsWhenThereIsNothingToDo) {
  const Connection connection = connect();
  int dispatched = 0;
  loop_.handle().insert_source(ConnectionSource{connection},
                               [&](EventsDispatched) { ++dispatched; });
  Screen screen{connection};
  wait_for(screen);
  dispatched = 0;
  EXPECT_LE(turns_of(loop_), few);
  EXPECT_EQ(dispatched, 0);
}

TEST_F(ConnectionSourceTest, WritesTheRestWhenTheCompositorTakesIt) {
  Ends ends = make_ends();
  const OwnedFd compositor = std::move(ends.server);
  const Connection connection = Connection::from_fd(std::move(ends.client));
  insert(connection);
  std::vector<wl_callback*> questions;
  while (wl_display_flush(connection.get()) >= 0)
    questions.push_back(wl_display_sync(connection.get()));
  ASSERT_EQ(errno, EAGAIN);
  EXPECT_LE(turns_of(loop_), few) << "nobody takes anything";

  std::size_t taken = 0;
  std::thread thread{[&, loop = ::gettid()] {
    tests::wait_until_loop_sleeps(loop);
    taken = take(compositor);
  }};
  const TimePoint begin = Clock::now();
  loop_.dispatch(10s);  // is told that there is room
  EXPECT_LT(Clock::now() - begin, 5s);
  thread.join();
  const std::size_t all = 12 * questions.size();
  EXPECT_LT(taken, all);
  loop_.dispatch(0ms);  // and writes
  EXPECT_EQ(taken + take(compositor), all);
  EXPECT_LE(turns_of(loop_), few) << "there is room, and nothing to write";
  for (wl_callback* const question : questions)
    wl_callback_destroy(question);
}

TEST_F(ConnectionSourceTest, QueuesAreDispatchedByTheirOwnSources) {
  const Connection connection = connect();
  const Queue queue = make_queue(connection);
  Screen first{connection};
  Screen second{connection, queue.get()};
  const RegistrationToken token = insert(connection);
  const RegistrationToken of_queue = insert(connection, queue.get());
  ASSERT_TRUE(eventually([&] { return first.is_bound() && second.is_bound(); }));
  turns_of(loop_);
  for (const int scale : {1, 2, 3}) {
    compositor_.send_scale(scale);
    EXPECT_TRUE(eventually([&] {
      return first.scales.size() == second.scales.size() && !first.scales.empty() &&
             first.scales.back() == scale;
    }));
  }
  loop_.handle().disable(token);
  compositor_.send_scale(4);
  EXPECT_TRUE(eventually([&] { return second.scales.back() == 4; }));
  EXPECT_EQ(first.scales.back(), 3);
  // Read by the other, and in libwayland's memory.
  loop_.handle().enable(token);
  loop_.dispatch(10s);
  EXPECT_EQ(first.scales.back(), 4);
  loop_.handle().remove(of_queue);
}

// --------------------------------------------------------------------------- who waits for whom

class ReadBySeveral : public ConnectionSourceTest {
 protected:
  ReadBySeveral() {
    Ends ends = make_ends();
    compositor_end_ = std::move(ends.server);
    connection_.emplace(Connection::from_fd(std::move(ends.client)));
    other_.emplace(*connection_);
  }
  // Lets another thread read, and then do something, when the loop is about to sleep.
  void when_announced(std::function<void()> action = {}) {
    loop_.handle().insert_source(HookedSource{[this, action] {
                                   if (!std::exchange(done_, true)) {
                                     other_->start();
                                     if (action)
                                       action();
                                   }
                                   return false;
                                 }},
                                 [] {});
  }

  OwnedFd compositor_end_;
  std::optional<Connection> connection_;
  std::optional<OtherReader> other_;

 private:
  bool done_ = false;
};

TEST_F(ReadBySeveral, AnyWakeUpTakesTheAnnouncementBack) {
  bool waited = false;
  // Ahead of the source's own.
  loop_.handle().insert_source(HookedSource{{}, [&](Events) { waited = !other_->has_returned(); }},
                               [] {});
  insert(*connection_);
  when_announced();
  loop_.handle().insert_source(Timer::after(10ms), [&](TimePoint) {
    EXPECT_TRUE(other_->has_returned(10s)) << "ahead of all callbacks";
  });
  loop_.dispatch(10s);
  EXPECT_TRUE(waited) << "nothing was announced";
}

TEST_F(ReadBySeveral, DisablingAndRemovingTakeTheAnnouncementBack) {
  for (const bool removes : {false, true}) {
    const RegistrationToken token = insert(*connection_);
    when_announced([this, token, removes] {
      if (removes)
        loop_.handle().remove(token);
      else
        loop_.handle().disable(token);
      EXPECT_TRUE(other_->has_returned(10s));
    });
    loop_.dispatch(0ms);
    loop_.handle().remove(token);
  }
}

TEST_F(ReadBySeveral, TheEndOfTheLoopTakesTheAnnouncementBack) {
  {
    EventLoop<> guest;
    guest.handle().insert_source(ConnectionSource{*connection_}, [] {});
    EXPECT_EQ(guest.prepare(), std::nullopt);
    other_->start();
  }
  EXPECT_TRUE(other_->has_returned(10s));
}

TEST_F(ReadBySeveral, AGuestTakesItBackInDispatch) {
  EventLoop<> guest;
  guest.handle().insert_source(ConnectionSource{*connection_}, [] {});
  EXPECT_EQ(guest.prepare(), std::nullopt);
  other_->start();
  guest.dispatch(0ms);
  EXPECT_TRUE(other_->has_returned(10s));
}

TEST_F(ReadBySeveral, AGuestTakesItBackWhenItIsTold) {
  EventLoop<> guest;
  const auto source = guest.handle().make_dispatcher(ConnectionSource{*connection_}, [] {});
  guest.handle().register_dispatcher(source);
  EXPECT_EQ(guest.prepare(), std::nullopt);
  other_->start();
  source->cancel_read();
  EXPECT_TRUE(other_->has_returned(10s));
  source->cancel_read();
}

// Who has announced a read may sleep until there is something to read; reading waits for them all.
TEST_F(ReadBySeveral, DoesNotWaitForOthersWhenThereIsNothingToRead) {
  const Queue queue = make_queue(*connection_);
  insert(*connection_);
  std::vector<wl_callback*> questions;
  while (wl_display_flush(connection_->get()) >= 0)
    questions.push_back(wl_display_sync(connection_->get()));
  loop_.dispatch(0ms);
  ASSERT_EQ(wl_display_prepare_read_queue(connection_->get(), queue.get()), 0);
  std::thread compositor{[this, loop = ::gettid()] {
    tests::wait_until_loop_sleeps(loop);
    take(compositor_end_);
  }};
  const TimePoint begin = Clock::now();
  loop_.dispatch(10s);  // there is room
  EXPECT_LT(Clock::now() - begin, 5s);
  compositor.join();
  wl_display_cancel_read(connection_->get());
  for (wl_callback* const question : questions)
    wl_callback_destroy(question);
}

TEST_F(ReadBySeveral, DoesNotWaitForOthersWhoHaveReadEverything) {
  const Queue queue = make_queue(*connection_);
  insert(*connection_);
  int reads = 0;
  // Behind the source's own hook.
  loop_.handle().insert_source(
      HookedSource{{},
                   [&](Events) {
                     if (++reads != 1)
                       return;
                     EXPECT_EQ(wl_display_prepare_read_queue(connection_->get(), queue.get()), 0);
                     EXPECT_EQ(wl_display_read_events(connection_->get()), 0);
                     EXPECT_EQ(wl_display_prepare_read_queue(connection_->get(), queue.get()), 0);
                   }},
      [] {});
  // wl_display@1.delete_id(77), of which nobody knows.
  const std::array<std::uint32_t, 3> message{1, (12U << 16U) | 1U, 77};
  ASSERT_EQ(::send(compositor_end_.get(), message.data(), sizeof message, 0),
            static_cast<ssize_t>(sizeof message));
  loop_.dispatch(10s);
  EXPECT_EQ(reads, 1);
  EXPECT_EQ(wl_display_read_events(connection_->get()), 0) << "nor does anybody wait for it";
}

// Hundreds of reads by two threads at the same time, and by loops of two threads.
TEST(ConnectionThreads, EachGetsItsEvents) {
  CompositorThread compositor;
  const Connection connection = Connection::from_fd(std::move(compositor.client_end));
  const Queue queue = make_queue(connection);
  constexpr int times = 500;
  std::atomic<int> of_thread = 0;
  std::thread thread{[&] {
    while (of_thread != times && wl_display_roundtrip_queue(connection.get(), queue.get()) >= 0)
      ++of_thread;
  }};
  EventLoop<> loop;
  loop.handle().insert_source(ConnectionSource{connection}, [] {});
  int answered = 0;
  std::optional<Question> question;
  for (const TimePoint end = Clock::now() + 60s; answered != times && Clock::now() < end;) {
    if (!question)
      question.emplace(connection.get());
    loop.dispatch(60s);
    if (question->is_answered()) {
      ++answered;
      question.reset();
    }
  }
  thread.join();
  EXPECT_EQ(answered, times);
  EXPECT_EQ(of_thread, times);
}

TEST(ConnectionThreads, TwoLoopsGetTheirEvents) {
  CompositorThread compositor;
  Connection connection = Connection::from_fd(std::move(compositor.client_end));
  constexpr int times = 500;
  const auto hear = [&](wl_display* display, wl_event_queue* queue) {
    const auto errors = std::make_shared<FirstError>();
    Screen screen{display, errors, queue};
    EXPECT_GE(queue == nullptr ? wl_display_roundtrip(display)
                               : wl_display_roundtrip_queue(display, queue),
              0);
    EventLoop<> loop;
    loop.handle().insert_source(ConnectionSource{display, queue}, [] {});
    for (const TimePoint end = Clock::now() + 60s;
         screen.scales.size() != times && Clock::now() < end;)
      loop.dispatch(end - Clock::now());
    return screen.scales.size();
  };
  const Queue queue = make_queue(connection);
  std::size_t of_thread = 0;
  std::thread thread{[&] { of_thread = hear(connection.get(), queue.get()); }};
  std::thread teller{[&] {
    while (compositor.outputs() != 2)
      std::this_thread::sleep_for(1ms);
    for (int i = 0; i != times; ++i)
      compositor.send_scale(i);
  }};
  EXPECT_EQ(hear(connection.get(), nullptr), std::size_t{times});
  teller.join();
  thread.join();
  EXPECT_EQ(of_thread, std::size_t{times});
}

// What somebody else has read is in libwayland's memory, and the kernel says nothing of it.
TEST(ConnectionThreads, ARoundtripInACallbackLeavesNothingBehind) {
  CompositorThread compositor;
  Connection connection = Connection::from_fd(std::move(compositor.client_end));
  const Queue queue = make_queue(connection);
  Screen screen{connection};
  connection.roundtrip();
  ASSERT_TRUE(screen.is_bound());
  connection.roundtrip();
  EventLoop<> loop;
  loop.handle().insert_source(ConnectionSource{connection}, [] {});
  loop.handle().insert_source(Timer::immediate(), [&](TimePoint) {
    compositor.send_scale(3);
    EXPECT_GE(wl_display_roundtrip_queue(connection.get(), queue.get()), 0);
    EXPECT_THAT(screen.scales, IsEmpty());
    EXPECT_FALSE(is_readable(wl_display_get_fd(connection.get()), 0));
  });
  const TimePoint begin = Clock::now();
  loop.dispatch(10s);
  loop.dispatch(10s);
  EXPECT_THAT(screen.scales, ElementsAre(3));
  EXPECT_LT(Clock::now() - begin, 5s);
}

TEST(ConnectionThreads, ListenersMayWaitForTheCompositor) {
  CompositorThread compositor;
  Connection connection = Connection::from_fd(std::move(compositor.client_end));
  Screen screen{connection};
  connection.roundtrip();
  connection.roundtrip();
  EventLoop<> loop;
  int callbacks = 0;
  loop.handle().insert_source(ConnectionSource{connection}, [&] {
    ++callbacks;
    EXPECT_GE(wl_display_roundtrip(connection.get()), 0);
  });
  screen.on_scale = [&](int scale) {
    if (scale == 1) {
      compositor.send_scale(2);
      connection.roundtrip();
    }
  };
  compositor.send_scale(1);
  loop.dispatch(10s);
  EXPECT_THAT(screen.scales, ElementsAre(1, 2));
  EXPECT_EQ(callbacks, 1);
}

// ------------------------------------------------------------------------------ guests of a loop

TEST(ConnectionGuest, WakesItsHostAndWritesBeforeItSleeps) {
  CompositorThread compositor;
  Connection connection = Connection::from_fd(std::move(compositor.client_end));
  Screen screen{connection};
  connection.roundtrip();
  connection.roundtrip();
  EventLoop<> guest;
  guest.handle().insert_source(ConnectionSource{connection}, [] {});
  EXPECT_EQ(guest.prepare(), std::nullopt);
  EXPECT_FALSE(is_readable(guest.fd(), 0));
  compositor.send_scale(2);
  ASSERT_TRUE(is_readable(guest.fd(), 10'000));
  guest.dispatch(0ms);
  EXPECT_THAT(screen.scales, ElementsAre(2));

  const Question question{connection.get()};  // by a callback of the host
  EXPECT_EQ(guest.prepare(), std::nullopt);
  ASSERT_TRUE(is_readable(guest.fd(), 10'000));
  guest.dispatch(0ms);
  EXPECT_TRUE(question.is_answered());
}

TEST(ConnectionGuest, IdlesMayAskAndWaitWhileItPrepares) {
  CompositorThread compositor;
  const Connection connection = Connection::from_fd(std::move(compositor.client_end));
  EventLoop<> guest;
  guest.handle().insert_source(ConnectionSource{connection}, [] {});
  std::optional<Question> question;
  guest.handle().insert_idle([&] {
    EXPECT_GE(wl_display_roundtrip(connection.get()), 0);
    question.emplace(connection.get());
  });
  EXPECT_EQ(guest.prepare(), std::nullopt);
  ASSERT_TRUE(is_readable(guest.fd(), 10'000)) << "the question was not written";
  guest.dispatch(0ms);
  EXPECT_TRUE(question->is_answered());
}

TEST(ConnectionGuest, IsToldWhenThereIsRoomAgain) {
  Ends ends = make_ends();
  const Connection connection = Connection::from_fd(std::move(ends.client));
  EventLoop<> guest;
  guest.handle().insert_source(ConnectionSource{connection}, [] {});
  std::vector<wl_callback*> questions;
  while (wl_display_flush(connection.get()) >= 0)
    questions.push_back(wl_display_sync(connection.get()));
  EXPECT_EQ(guest.prepare(), std::nullopt);
  EXPECT_FALSE(is_readable(guest.fd(), 0));
  take(ends.server);
  EXPECT_TRUE(is_readable(guest.fd(), 10'000));
  for (wl_callback* const question : questions)
    wl_callback_destroy(question);
}

// As in a program whose host, GTK, reads the same connection.
TEST(ConnectionGuest, ItsHostMayReadTheSameConnection) {
  CompositorThread compositor;
  Connection connection = Connection::from_fd(std::move(compositor.client_end));
  const Queue queue = make_queue(connection);
  Screen screen{connection, queue.get()};
  ASSERT_GE(wl_display_roundtrip_queue(connection.get(), queue.get()), 0);
  ASSERT_GE(wl_display_roundtrip_queue(connection.get(), queue.get()), 0);
  EventLoop<> guest;
  guest.handle().insert_source(ConnectionSource{connection, queue.get(), Readers::ThisThread},
                               [] {});
  EXPECT_EQ(guest.prepare(), std::nullopt);
  compositor.send_scale(2);
  EXPECT_GE(wl_display_roundtrip(connection.get()), 0) << "does not wait for the guest";
  EXPECT_THAT(screen.scales, IsEmpty());
  EXPECT_EQ(guest.prepare(), Timeout{Duration::zero()}) << "it has events that the host has read";
  guest.dispatch(0ms);
  EXPECT_THAT(screen.scales, ElementsAre(2));
}

TEST(ConnectionGuest, RoundtripTakesTheAnnouncementBack) {
  CompositorThread compositor;
  Connection connection = Connection::from_fd(std::move(compositor.client_end));
  EventLoop<> guest;
  guest.handle().insert_source(ConnectionSource{connection}, [] {});
  EXPECT_EQ(guest.prepare(), std::nullopt);
  connection.roundtrip();
}

// -------------------------------------------------------------------------------------- listeners

TEST_F(ConnectionSourceTest, ListenersExceptionLeavesTheDispatchWhenLibwaylandIsDone) {
  const Connection connection = connect();
  insert(connection);
  Screen screen{connection};
  wait_for(screen);
  screen.on_scale = [](int scale) { throw Boom{std::to_string(scale)}; };
  compositor_.send_scale(1);
  compositor_.send_scale(2);
  try {
    eventually([] { return false; });
    FAIL() << "nothing was thrown";
  } catch (const Boom& boom) {
    EXPECT_STREQ(boom.what(), "1");
  }
  EXPECT_THAT(screen.scales, ElementsAre(1, 2));
  screen.on_scale = nullptr;
  compositor_.send_scale(3);
  EXPECT_TRUE(eventually([&] { return screen.scales.size() == 3; })) << "it goes on";
}

TEST_F(ConnectionSourceTest, ListenersExceptionIsTheSources) {
  const Connection connection = connect();
  int errors = 0;
  int callbacks = 0;
  loop_.handle().insert_source(ConnectionSource{connection}, [&] { ++callbacks; },
                               {.on_error = [&](std::exception_ptr) {
                                 ++errors;
                                 return ErrorAction::Disable;
                               }});
  Screen screen{connection};
  wait_for(screen);
  callbacks = 0;
  screen.on_scale = [](int) { throw Boom{"no"}; };
  compositor_.send_scale(1);
  EXPECT_TRUE(eventually([&] { return errors == 1; }));
  compositor_.send_scale(2);
  turns_of(loop_);
  EXPECT_THAT(screen.scales, ElementsAre(1)) << "it is disabled";
  EXPECT_EQ(callbacks, 0);
}

// Somebody else has let libwayland call it.
TEST(ConnectionThreads, ExceptionOfARoundtripIsRethrownByTheSource) {
  CompositorThread compositor;
  Connection connection = Connection::from_fd(std::move(compositor.client_end));
  Screen screen{connection};
  connection.roundtrip();
  connection.roundtrip();
  EventLoop<> loop;
  loop.handle().insert_source(ConnectionSource{connection}, [] {});
  screen.on_scale = [](int) { throw Boom{"heard"}; };
  compositor.send_scale(1);
  EXPECT_GE(wl_display_roundtrip(connection.get()), 0);
  EXPECT_THROW(loop.dispatch(0ms), Boom);
  EXPECT_NO_THROW(loop.dispatch(0ms));
  compositor.send_scale(2);
  EXPECT_THROW(connection.roundtrip(), Boom) << "and by its own";
}

TEST(ConnectionThreads, ExceptionOfARoundtripDoesNotKeepRequestsFromBeingWritten) {
  CompositorThread compositor;
  Connection connection = Connection::from_fd(std::move(compositor.client_end));
  Screen screen{connection};
  connection.roundtrip();
  connection.roundtrip();
  EventLoop<> loop;
  int errors = 0;
  loop.handle().insert_source(ConnectionSource{connection}, [] {},
                              {.on_error = [&](std::exception_ptr) {
                                ++errors;
                                return ErrorAction::Keep;
                              }});
  screen.on_scale = [](int) { throw Boom{"heard"}; };
  std::optional<Question> question;
  loop.handle().insert_source(Timer::immediate(), [&](TimePoint) {
    compositor.send_scale(1);
    EXPECT_GE(wl_display_roundtrip(connection.get()), 0);
    question.emplace(connection.get());
  });
  const TimePoint begin = Clock::now();
  while ((!question || !question->is_answered()) && Clock::now() - begin < 5s)
    loop.dispatch(5s);
  EXPECT_LT(Clock::now() - begin, 5s);
  EXPECT_EQ(errors, 1);
}

TEST_F(ConnectionSourceTest, AListenersObjectMayEndInIt) {
  const Connection connection = connect();
  insert(connection);
  auto screen = std::make_unique<Screen>(connection);
  wait_for(*screen);
  screen->on_scale = [&](int) {
    const auto closure = screen->on_scale;  // stays until it has returned
    screen.reset();
    throw Boom{"the last"};
  };
  compositor_.send_scale(1);
  EXPECT_THROW(eventually([] { return false; }), Boom);
  EXPECT_EQ(screen, nullptr);
}

TEST_F(ConnectionSourceTest, DispatchInsideAListenerIsRefused) {
  const Connection connection = connect();
  insert(connection);
  Screen screen{connection};
  wait_for(screen);
  screen.on_scale = [&](int) { loop_.dispatch(0ms); };
  compositor_.send_scale(1);
  EXPECT_THROW(eventually([] { return false; }), std::logic_error);
}

TEST_F(ConnectionSourceTest, ListenersMayRemoveOrDisableIt) {
  const Connection connection = connect();
  int callbacks = 0;
  RegistrationToken token =
      loop_.handle().insert_source(ConnectionSource{connection}, [&] { ++callbacks; });
  Screen screen{connection};
  wait_for(screen);
  callbacks = 0;
  screen.on_scale = [&](int) { EXPECT_TRUE(loop_.handle().disable(token)); };
  compositor_.send_scale(1);
  EXPECT_TRUE(eventually([&] { return screen.scales.size() == 1; }));
  EXPECT_EQ(callbacks, 0) << "no event after it was disabled";
  EXPECT_LE(turns_of(loop_), few);
  screen.on_scale = [&](int) { EXPECT_TRUE(loop_.handle().remove(token)); };
  EXPECT_TRUE(loop_.handle().enable(token));
  compositor_.send_scale(2);
  EXPECT_TRUE(eventually([&] { return screen.scales.size() == 2; }));
  EXPECT_EQ(callbacks, 0);
  EXPECT_FALSE(loop_.handle().update(token));
  EXPECT_LE(turns_of(loop_), few);
}

TEST_F(ConnectionSourceTest, ItsCallbackMayRemoveOrDisableIt) {
  const Connection connection = connect();
  RegistrationToken token;
  int callbacks = 0;
  const auto insert_with = [&](std::function<void()> action) {
    token = loop_.handle().insert_source(ConnectionSource{connection}, [&callbacks, action] {
      ++callbacks;
      action();
    });
  };
  insert_with([&] { loop_.handle().disable(token); });
  const Question first{connection.get()};
  EXPECT_TRUE(eventually([&] { return callbacks == 1; }));
  EXPECT_LE(turns_of(loop_), few);
  EXPECT_TRUE(loop_.handle().enable(token));
  const Question second{connection.get()};
  EXPECT_TRUE(eventually([&] { return callbacks == 2; }));
  EXPECT_TRUE(loop_.handle().remove(token));

  insert_with([&] { loop_.handle().remove(token); });
  const Question third{connection.get()};
  EXPECT_TRUE(eventually([&] { return callbacks == 3; }));
  EXPECT_FALSE(loop_.handle().remove(token));
}

// ----------------------------------------------------------------------------------------- errors

TEST_F(ConnectionSourceTest, ProtocolErrorNamesWhatItIsAbout) {
  const Connection connection = connect();
  const RegistrationToken token = insert(connection);
  wl_registry* const registry = wl_display_get_registry(connection.get());
  void* const compositor = wl_registry_bind(registry, 2, &wl_compositor_interface, 1);
  const std::uint32_t id = wl_proxy_get_id(static_cast<wl_proxy*>(compositor));
  bool told = false;
  try {
    eventually([] { return false; });
  } catch (const ProtocolError& error) {
    told = true;
    EXPECT_EQ(error.code(), std::errc::protocol_error);
    EXPECT_EQ(error.interface(), "wl_compositor");
    EXPECT_EQ(error.object(), id);
    EXPECT_EQ(error.protocol_code(), Compositor::error_code);
    EXPECT_THAT(error.what(), HasSubstr("error 7 of wl_compositor@" + std::to_string(id)));
  }
  EXPECT_TRUE(told);
  EXPECT_LE(turns_of(loop_), few) << "once";
  EXPECT_TRUE(loop_.handle().update(token));
  EXPECT_TRUE(loop_.handle().disable(token));
  EXPECT_TRUE(loop_.handle().enable(token));
  EXPECT_LE(turns_of(loop_), few) << "nor when it is registered anew";
  wl_proxy_destroy(static_cast<wl_proxy*>(compositor));
  wl_registry_destroy(registry);
}

// The compositor has said why and hung up: a request fails first, with EPIPE.
TEST_F(ConnectionSourceTest, ProtocolErrorIsNotHiddenByTheHangUp) {
  const Connection connection = connect();
  wl_client_post_implementation_error(on_server_, "and away");
  wl_client_flush(on_server_);
  wl_client_destroy(on_server_);
  insert(connection);
  const Question question{connection.get()};
  try {
    eventually([] { return false; });
    FAIL() << "nobody was told";
  } catch (const ProtocolError& error) {
    EXPECT_EQ(error.interface(), "wl_display");
    EXPECT_EQ(error.protocol_code(), WL_DISPLAY_ERROR_IMPLEMENTATION);
  }
}

// wl_display@1.error(object, code, ""), as it is on the wire.
void send_error(const OwnedFd& compositor, std::uint32_t object, std::uint32_t code) {
  const std::array<std::uint32_t, 6> error{1, 24U << 16U, object, code, 1, 0};
  ASSERT_EQ(::send(compositor.get(), error.data(), sizeof error, 0),
            static_cast<ssize_t>(sizeof error));
}

// What another reader leaves is in a queue that is libwayland's own.
TEST_F(ConnectionSourceTest, ProtocolErrorThatSomebodyElseHasRead) {
  Ends ends = make_ends();
  const Connection connection = Connection::from_fd(std::move(ends.client));
  const Queue queue = make_queue(connection);
  insert(connection);
  send_error(ends.server, 1, 2);
  ASSERT_EQ(wl_display_prepare_read_queue(connection.get(), queue.get()), 0);
  ASSERT_EQ(wl_display_read_events(connection.get()), 0);
  EXPECT_THROW(loop_.dispatch(10s), ProtocolError);
}

TEST_F(ConnectionSourceTest, ProtocolErrorThatSomebodyElseReadsLast) {
  Ends ends = make_ends();
  const Connection connection = Connection::from_fd(std::move(ends.client));
  const Queue queue = make_queue(connection);
  insert(connection);
  // Behind the source's own hook.
  loop_.handle().insert_source(
      HookedSource{{},
                   [&](Events) {
                     ASSERT_EQ(wl_display_prepare_read_queue(connection.get(), queue.get()), 0);
                     ASSERT_EQ(wl_display_read_events(connection.get()), 0);
                   }},
      [] {});
  send_error(ends.server, 1, 2);
  ends.server.reset();
  EXPECT_THROW(loop_.dispatch(10s), ProtocolError);
}

TEST_F(ConnectionSourceTest, ProtocolErrorOfADestroyedObject) {
  Ends ends = make_ends();
  const Connection connection = Connection::from_fd(std::move(ends.client));
  insert(connection);
  std::optional<Question> question{connection.get()};
  const std::uint32_t id = question->id();
  question.reset();
  send_error(ends.server, id, 5);
  const std::exception_ptr thrown_error = thrown();
  ASSERT_NE(thrown_error, nullptr);
  try {
    std::rethrow_exception(thrown_error);
  } catch (const ProtocolError& told) {
    EXPECT_EQ(told.interface(), "");
    EXPECT_EQ(told.object(), 0U);
    EXPECT_EQ(told.protocol_code(), 5U);
  }
}

TEST_F(ConnectionSourceTest, DeathOfTheCompositorIsToldOnceAndNothingSpins) {
  Ends ends = make_ends();
  const Connection connection = Connection::from_fd(std::move(ends.client));
  int callbacks = 0;
  const RegistrationToken token =
      loop_.handle().insert_source(ConnectionSource{connection}, [&] { ++callbacks; });
  EXPECT_LE(turns_of(loop_), few);
  ends.server.reset();
  const std::exception_ptr error = thrown();
  EXPECT_EQ(code_of(error), std::errc::broken_pipe);
  EXPECT_LE(turns_of(loop_), few);
  const std::ptrdiff_t before = tests::descriptor_count();
  EXPECT_TRUE(loop_.handle().update(token));
  EXPECT_TRUE(loop_.handle().disable(token));
  EXPECT_TRUE(loop_.handle().enable(token));
  EXPECT_LE(turns_of(loop_), few) << "nor when it is registered anew";
  EXPECT_EQ(tests::descriptor_count(), before);
  EXPECT_EQ(callbacks, 0);
}

TEST_F(ConnectionSourceTest, DeathWithRequestsUnreadIsToldOnce) {
  Ends ends = make_ends();
  const Connection connection = Connection::from_fd(std::move(ends.client));
  int errors = 0;
  loop_.handle().insert_source(ConnectionSource{connection}, [] {},
                               {.on_error = [&](std::exception_ptr error) {
                                 ++errors;
                                 EXPECT_EQ(code_of(error), std::errc::connection_reset);
                                 return ErrorAction::Keep;
                               }});
  const Question question{connection.get()};
  loop_.dispatch(0ms);
  ends.server.reset();
  EXPECT_TRUE(eventually([&] { return errors == 1; }));
  EXPECT_LE(turns_of(loop_), few);
  EXPECT_EQ(errors, 1);
}

TEST_F(ConnectionSourceTest, DeathWithAFullBufferIsTold) {
  Ends ends = make_ends();
  const Connection connection = Connection::from_fd(std::move(ends.client));
  insert(connection);
  std::vector<wl_callback*> questions;
  while (wl_display_flush(connection.get()) >= 0)
    questions.push_back(wl_display_sync(connection.get()));
  loop_.dispatch(0ms);
  ends.server.reset();
  EXPECT_NE(thrown(), nullptr);
  EXPECT_LE(turns_of(loop_), few);
  for (wl_callback* const question : questions)
    wl_callback_destroy(question);
}

// libwayland has no room either, and says EAGAIN for ever: it is not that of a full socket.
TEST_F(ConnectionSourceTest, RequestsWithoutRoomAreTheEnd) {
  Ends ends = make_ends();
  const Connection connection = Connection::from_fd(std::move(ends.client));
  insert(connection);
  std::vector<wl_callback*> questions;
  while (wl_display_get_error(connection.get()) == 0 && questions.size() != 1'000'000)
    questions.push_back(wl_display_sync(connection.get()));
  if (wl_display_get_error(connection.get()) == 0)
    GTEST_SKIP() << "this libwayland has a buffer that grows";
  EXPECT_EQ(code_of(thrown()), std::errc::resource_unavailable_try_again);
  EXPECT_LE(turns_of(loop_), few);
  for (wl_callback* const question : questions)
    wl_callback_destroy(question);
}

TEST_F(ConnectionSourceTest, EachSourceOfAConnectionTellsItsEnd) {
  Ends ends = make_ends();
  const Connection connection = Connection::from_fd(std::move(ends.client));
  const Queue queue = make_queue(connection);
  insert(connection);
  insert(connection, queue.get());
  ends.server.reset();
  EXPECT_NE(thrown(), nullptr);
  EXPECT_NE(thrown(), nullptr);
  EXPECT_LE(turns_of(loop_), few);
}

TEST_F(ConnectionSourceTest, EndThatCameBeforeIsTold) {
  Ends ends = make_ends();
  Connection connection = Connection::from_fd(std::move(ends.client));
  ends.server.reset();
  EXPECT_THROW(connection.roundtrip(), std::system_error);
  insert(connection);
  EXPECT_NE(thrown(), nullptr);
  EXPECT_LE(turns_of(loop_), few);
}

// -------------------------------------------------------------------------------------- lifetimes

TEST_F(ConnectionSourceTest, DisablingAThousandTimesLeaksNothing) {
  const Connection connection = connect();
  const RegistrationToken token = insert(connection);
  Screen screen{connection};
  wait_for(screen);
  const std::ptrdiff_t before = tests::descriptor_count();
  for (int times = 0; times != 1000; ++times) {
    ASSERT_TRUE(loop_.handle().disable(token));
    loop_.dispatch(0ms);
    ASSERT_TRUE(loop_.handle().enable(token));
    loop_.dispatch(0ms);
    ASSERT_TRUE(loop_.handle().update(token));
  }
  EXPECT_EQ(tests::descriptor_count(), before);
  compositor_.send_scale(2);
  EXPECT_TRUE(eventually([&] { return screen.scales.size() == 1; }));
  EXPECT_LE(turns_of(loop_), few);
}

TEST_F(ConnectionSourceTest, WithoutDescriptorsItIsNotInserted) {
  const Connection connection = connect();
  const std::size_t before = loop_.handle().source_count();
  loop_.handle().remove(insert(connection));
  const std::exception_ptr thrown = tests::thrown_without_descriptors([&] { insert(connection); });
  EXPECT_EQ(code_of(thrown), std::errc::too_many_files_open);
  EXPECT_EQ(loop_.handle().source_count(), before);
  insert(connection);
  const Question question{connection.get()};
  EXPECT_TRUE(eventually([&] { return question.is_answered(); }));
}

TEST_F(ConnectionSourceTest, ConnectionMayGoBeforeTheSource) {
  const std::ptrdiff_t before = tests::descriptor_count();
  std::optional<Connection> connection{connect()};
  const RegistrationToken token =
      loop_.handle().insert_source(ConnectionSource{*connection}, [](EventsDispatched) { FAIL(); });
  loop_.dispatch(0ms);
  static_cast<void>(loop_.prepare());  // a read is announced
  connection.reset();
  EXPECT_TRUE(eventually([&] { return compositor_.clients() == 0; })) << "it was not closed";
  EXPECT_EQ(tests::descriptor_count(), before);
  EXPECT_TRUE(loop_.handle().disable(token));
  EXPECT_TRUE(loop_.handle().enable(token));
  EXPECT_TRUE(loop_.handle().update(token));
  EXPECT_LE(turns_of(loop_), few);
  EXPECT_TRUE(loop_.handle().remove(token));
}

TEST_F(ConnectionSourceTest, ItsCallbackMayEndTheConnection) {
  std::optional<Connection> connection{connect()};
  loop_.handle().insert_source(ConnectionSource{*connection}, [&] { connection.reset(); });
  {
    const Question question{connection->get()};
    loop_.dispatch(0ms);
  }
  EXPECT_TRUE(eventually([&] { return !connection; }));
  EXPECT_TRUE(eventually([&] { return compositor_.clients() == 0; }));
  EXPECT_LE(turns_of(loop_), few);
}

TEST_F(ConnectionSourceTest, RemovedSourceHoldsNothingOpen) {
  std::optional<Connection> connection{connect()};
  const auto source = loop_.handle().make_dispatcher(ConnectionSource{connection->get()}, [] {});
  const RegistrationToken token = loop_.handle().register_dispatcher(source);
  loop_.dispatch(0ms);
  loop_.handle().remove(token);
  connection.reset();
  EXPECT_TRUE(eventually([&] { return compositor_.clients() == 0; }));
}

TEST_F(ConnectionSourceTest, ConnectionOutlivesTheLoop) {
  const Connection connection = connect();
  {
    EventLoop<> loop;
    loop.handle().insert_source(ConnectionSource{connection}, [] {});
    static_cast<void>(loop.prepare());
  }
  insert(connection);
  const Question question{connection.get()};
  EXPECT_TRUE(eventually([&] { return question.is_answered(); }));
}

// Connections that come and go inside a source that stays, and passes no hooks on but one.
struct Connections : Composed<Connections> {
  using Event = EventsDispatched;
  using Metadata = wl_display;
  using Ret = void;
  Connections() = default;
  std::vector<ConnectionSource> list;
  auto& children() { return list; }
  PostAction process_events(Readiness readiness, Token token, auto&& emit) {
    for (ConnectionSource& connection : list)
      connection.process_events(readiness, token, emit);
    return PostAction::Continue;
  }
  std::optional<SyntheticEvent> before_sleep() {
    for (ConnectionSource& connection : list)
      if (const auto event = connection.before_sleep())
        return event;
    return {};
  }
};

TEST_F(ConnectionSourceTest, MayComeAndGoAsAChild) {
  const auto connections = loop_.handle().make_dispatcher(Connections{}, [] {});
  const RegistrationToken token = loop_.handle().register_dispatcher(connections);
  const Connection first = connect();
  const Connection second = connect();
  for (const Connection* connection : {&first, &second}) {
    connections->list.emplace_back(*connection);
    loop_.handle().update(token);
    const Question question{connection->get()};
    EXPECT_TRUE(eventually([&] { return question.is_answered(); }));
  }
  struct : Observer {
    void registrations_rebuilt() noexcept override { ++rebuilt; }
    int rebuilt = 0;
  } observer;
  loop_.set_observer(&observer);
  loop_.dispatch(0ms);
  connections->list.erase(connections->list.begin());
  loop_.handle().update(token);
  const Queue queue = make_queue(first);
  ASSERT_EQ(wl_display_prepare_read_queue(first.get(), queue.get()), 0);
  EXPECT_EQ(wl_display_read_events(first.get()), 0) << "its announcement is taken back";
  const Question unread{first.get()};
  wl_display_flush(first.get());
  EXPECT_LE(turns_of(loop_), 2 * few);
  EXPECT_EQ(observer.rebuilt, 0) << "and its registration";
  loop_.set_observer(nullptr);
  const Question question{second.get()};
  EXPECT_TRUE(eventually([&] { return question.is_answered(); }));
}

// ------------------------------------------------------------------------------------- Connection

class ConnectionTest : public testing::Test {
 protected:
  tests::TemporaryDirectory directory_;
  tests::Environment runtime_{"XDG_RUNTIME_DIR", directory_.path().c_str()};
  tests::Environment display_{"WAYLAND_DISPLAY", nullptr};
  tests::Environment socket_{"WAYLAND_SOCKET", nullptr};
};

TEST_F(ConnectionTest, SaysWhoIsNotThere) {
  const auto error_of = [](const std::string& name) -> std::string {
    try {
      const Connection connection = Connection::open(name);
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(error_of("wayland-7"), HasSubstr("wl_display_connect wayland-7: No such"));
  EXPECT_THAT(error_of({}), HasSubstr("wl_display_connect wayland-0: No such"));
  const tests::Environment display{"WAYLAND_DISPLAY", "nobody"};
  EXPECT_THAT(error_of({}), HasSubstr("wl_display_connect nobody: No such"));
}

TEST_F(ConnectionTest, FindsTheCompositorByItsName) {
  ListeningSocket socket = ListeningSocket::open("here");
  const Connection named = Connection::open("here");
  const tests::Environment display{"WAYLAND_DISPLAY", "here"};
  Connection found = Connection::open();
  EXPECT_NE(found.get(), nullptr);
  found = Connection::open(socket.path());
  EXPECT_NE(found.get(), nullptr);
}

TEST(ConnectionThreads, RoundtripSaysWhyItFails) {
  wl_log_set_handler_client([](const char*, va_list) {});
  CompositorThread compositor;
  Connection connection = Connection::from_fd(std::move(compositor.client_end));
  wl_registry* const registry = wl_display_get_registry(connection.get());
  void* const bound = wl_registry_bind(registry, 2, &wl_compositor_interface, 1);
  EXPECT_THROW(connection.roundtrip(), ProtocolError);
  EXPECT_THROW(connection.roundtrip(), ProtocolError) << "and that it still does";
  wl_proxy_destroy(static_cast<wl_proxy*>(bound));
  wl_registry_destroy(registry);
}

}  // namespace
}  // namespace calloop::wayland
