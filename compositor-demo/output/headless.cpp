#include "compositor-demo/output/headless.hpp"

namespace demo {

HeadlessOutput::HeadlessOutput(const calloop::LoopHandle<>& loop, Host& host, Size size,
                               int refresh_mhz)
    : host_{host},
      size_{size},
      image_{make_image(size)},
      clock_{loop, refresh_mhz, [this](calloop::TimePoint time, std::uint64_t sequence) {
               time_ = time;
               sequence_ = sequence;
               host_.frame(*this, time);
             }} {}

Output::Canvas HeadlessOutput::begin() {
  return {image_.get(), painted_ ? 1 : 0};
}

void HeadlessOutput::commit(const Region&) {
  painted_ = true;
  host_.presented(*this, time_, sequence_, 0);  // no hardware: nothing is known
}

}  // namespace demo
