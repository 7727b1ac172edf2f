// A loop whose time is made up: nothing in a test waits, and a dispatch that would sleep for ever
// throws instead.
#pragma once

#include <memory>
#include <utility>

#include <calloop/event_loop.hpp>
#include <calloop/loop_handle.hpp>
#include <calloop/testing.hpp>

namespace tests {

template <class Data = void>
struct VirtualLoop {
  VirtualLoop() : VirtualLoop{std::make_unique<calloop::TestBackend>()} {}

  calloop::TestBackend& clock;
  calloop::EventLoop<Data> loop;
  calloop::LoopHandle<Data> handle = loop.handle();

 private:
  explicit VirtualLoop(std::unique_ptr<calloop::TestBackend> backend)
      : clock{*backend}, loop{std::move(backend)} {}
};

}  // namespace tests
