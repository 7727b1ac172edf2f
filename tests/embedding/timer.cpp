#include <chrono>

#include <calloop/calloop.hpp>

int main() {
  calloop::EventLoop<int> loop;
  int fired = 0;
  loop.handle().insert_source(calloop::Timer::after(std::chrono::milliseconds(1)),
                              [stop = loop.signal()](int& count) {
                                ++count;
                                stop.stop();
                              });
  loop.run(fired);
  return fired == 1 ? 0 : 1;
}
