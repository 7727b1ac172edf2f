// The data of the loop has the type of the event, and a callback asks for one of the two.
//
// says: calloop: a callback parameter has the type of two of Event, Metadata and data
#include <chrono>

#include <calloop/event_loop.hpp>
#include <calloop/sources/timer.hpp>

struct LastBlink {
  calloop::TimePoint when;
};

#ifdef CALLOOP_TEST_MISTAKE
using Data = calloop::TimePoint;
#else
using Data = LastBlink;
#endif

void blink(const calloop::LoopHandle<Data>& loop) {
  loop.insert_source(calloop::Timer::after(std::chrono::seconds{1}), [](calloop::TimePoint) {});
}
