// A thread that works, and a loop that stays responsive: everything that is shared is touched by
// the loop's thread alone, and the worker asks it to.
#include <cstdint>
#include <cstdio>
#include <exception>
#include <stop_token>
#include <thread>

#include <calloop/calloop.hpp>

namespace {

// Not one mutex: only the loop's thread reads and writes it.
struct App {
  std::uint64_t limit = 4'000'000;
  int percent = 0;
  std::uint64_t sum = 0;

  void show_progress(int reached) {
    percent = reached;
    std::printf("%d %%\n", percent);
  }
};

void work(const std::stop_token& stop, const calloop::RemoteHandle<App>& remote) {
  // call() runs the function on the loop's thread, waits for it, and returns what it does.
  const std::uint64_t limit = remote.call([](const App& app) { return app.limit; });
  std::uint64_t sum = 0;
  for (std::uint64_t i = 1; i <= limit && !stop.stop_requested(); ++i) {
    sum += i;
    // post() does not wait.
    if (i % (limit / 4) == 0)
      remote.post(
          [percent = static_cast<int>(i * 100 / limit)](App& app) { app.show_progress(percent); });
  }
  // They run in the order in which they were sent: the progress is shown before the sum is there.
  remote.call([sum](App& app) { app.sum = sum; });
}

}  // namespace

int main() try {
  // Ahead of the loop, so that it is joined after the loop is gone: should run() throw, the calls
  // that nobody answers any more throw LoopGone rather than wait for ever.
  std::jthread worker;
  calloop::EventLoop<App> loop;
  App app;

  // Ends the loop when it has ended, whatever happened.
  worker = std::jthread{[remote = calloop::remote_endpoint(loop.handle()),
                         done = loop.signal()](const std::stop_token& stop) {
    try {
      work(stop, remote);
    } catch (const calloop::LoopGone&) {
    }
    done.stop();
  }};

  loop.run(app);
  std::printf("the sum is %llu\n", static_cast<unsigned long long>(app.sum));
} catch (const std::exception& error) {
  std::fprintf(stderr, "remote_calls: %s\n", error.what());
  return 1;
}
