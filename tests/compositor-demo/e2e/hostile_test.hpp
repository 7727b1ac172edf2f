// What all tests of hostile clients have in common: a well-behaved one stands beside them.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string_view>

#include "compositor.hpp"
#include "tests/compositor-demo/clients/connection.hpp"
#include "tests/compositor-demo/clients/raw_connection.hpp"
#include "tests/compositor-demo/clients/window.hpp"
#include "tests/compositor-demo/clients/witness.hpp"

namespace e2e {

// The compositor and the witness must survive the test, the witness without ever waiting for a
// frame for longer than a second.
class HostileTest : public WithCompositor {
 protected:
  // A second of a compositor that is several times slower is no measure.
  static constexpr double longest_wait = sanitized ? 3.0 : 1.0;

  HostileTest() = default;
  explicit HostileTest(const CompositorOptions& options) : WithCompositor{options} {}

  void TearDown() override {
    const unsigned frames = witness.frames();
    EXPECT_TRUE(eventually([&] { return witness.frames() > frames + 2 || !witness.alive(); }));
    EXPECT_TRUE(witness.alive()) << "the well-behaved client is gone: " << witness.end();
    EXPECT_LT(clients::Seconds{witness.longest_wait()}.count(), longest_wait);
    // Its pixels are there, so pictures are still made.
    EXPECT_EQ(compositor.screenshot().count(clients::Witness::colour), 40U * 40U);
    WithCompositor::TearDown();
  }

  // Ends this client, and says why with a protocol error of this interface.
  static void expect_error(clients::Connection& client, std::string_view interface,
                           std::uint32_t code) {
    ASSERT_TRUE(client.wait_for_end());
    const auto error = client.error();
    ASSERT_TRUE(error) << "disconnected without an error";
    EXPECT_EQ(error->interface, interface);
    EXPECT_EQ(error->code, code);
  }

  // Memory that hostile clients made the compositor use must stay within this. Sanitizers keep what
  // was freed, so there it says nothing.
  void expect_grown_by_less_than(long kib) {
    if constexpr (!sanitized) {
      EXPECT_LT(compositor.process().resident_kib() - resident_at_begin, kib);
    }
  }

  clients::Witness witness{compositor.socket()};
  long resident_at_begin = compositor.process().resident_kib();
};

// The number of a global.
inline std::uint32_t global_name(clients::RawConnection& client, std::string_view interface) {
  for (const auto& global : client.globals())
    if (global.interface == interface)
      return global.name;
  throw std::runtime_error{"a global is missing"};
}

}  // namespace e2e
