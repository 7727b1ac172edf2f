// A module that has a handle on its own part reaches for the whole.
//
// says: calloop: a handle narrows, it never widens
#include <calloop/event_loop.hpp>

struct Seat {};
struct App : Seat {};

#ifdef CALLOOP_TEST_MISTAKE
using Wanted = App;
#else
using Wanted = void;
#endif

calloop::LoopHandle<Wanted> reach(const calloop::LoopHandle<Seat>& handle) {
  return handle;
}
