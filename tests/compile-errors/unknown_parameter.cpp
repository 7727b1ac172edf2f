// A callback asks for something that neither its source nor the loop has.
//
// says: calloop: a callback parameter is neither the source's Event, nor its Metadata&
#include <chrono>

#include <calloop/event_loop.hpp>
#include <calloop/sources/timer.hpp>

struct App {};
struct Stranger {};

#ifdef CALLOOP_TEST_MISTAKE
using Asked = Stranger;
#else
using Asked = App;
#endif

void blink(const calloop::LoopHandle<App>& loop) {
  loop.insert_source(calloop::Timer::after(std::chrono::seconds{1}), [](Asked&) {});
}
