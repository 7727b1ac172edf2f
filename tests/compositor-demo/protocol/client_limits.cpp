#include "compositor-demo/protocol/client_limits.hpp"

#include <unistd.h>

#include <array>
#include <memory>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/compositor-demo/protocol/loopback.hpp"
#include "tests/compositor-demo/protocol/proxy.hpp"

namespace demo {
namespace {

using testing::HasSubstr;

constexpr std::size_t most = 4096;  // surfaces

std::shared_ptr<ClientLimits> of_process(const std::shared_ptr<Holdings>& holdings) {
  return std::make_shared<ClientLimits>(4711, holdings);
}

TEST(Charge, IsGivenBack) {
  const auto limits = of_process(std::make_shared<Holdings>());
  {
    Charge charge{limits, Limit::Surfaces, 10};
    EXPECT_EQ(limits->held(Limit::Surfaces), 10U);
    charge.resize(25);
    EXPECT_EQ(limits->held(Limit::Surfaces), 25U);
    const Charge moved = std::move(charge);
    EXPECT_EQ(limits->held(Limit::Surfaces), 25U);
    EXPECT_EQ(limits->held(Limit::Regions), 0U);
  }
  EXPECT_EQ(limits->held(Limit::Surfaces), 0U);
}

TEST(ClientLimits, TooMuchIsRefusedAndTakesNothing) {
  ASSERT_EQ(ClientLimits::maximum(Limit::Surfaces), most);
  const auto holdings = std::make_shared<Holdings>();
  const auto limits = of_process(holdings);
  Charge all{limits, Limit::Surfaces, most};
  EXPECT_THROW(const Charge refused(limits, Limit::Surfaces), LimitExceeded);
  EXPECT_THROW(all.resize(most + 1), LimitExceeded);
  EXPECT_EQ(limits->held(Limit::Surfaces), most);
  EXPECT_EQ((*holdings)[static_cast<std::size_t>(Limit::Surfaces)], most);
}

TEST(ClientLimits, AProcessMayHoldAsMuchAsFourClients) {
  const auto holdings = std::make_shared<Holdings>();
  std::vector<Charge> charges;
  for (int connection = 0; connection < 8; ++connection)
    charges.emplace_back(of_process(holdings), Limit::Surfaces, most / 2);
  const auto another = of_process(holdings);
  try {
    const Charge one{another, Limit::Surfaces};
    ADD_FAILURE() << "not refused";
  } catch (const LimitExceeded& error) {
    EXPECT_THAT(error.what(), HasSubstr("16384 surfaces with all its connections"));
  }
  EXPECT_EQ(another->held(Limit::Surfaces), 0U);
  charges.pop_back();
  EXPECT_NO_THROW(const Charge granted(another, Limit::Surfaces));
  EXPECT_NO_THROW(
      const Charge granted(of_process(std::make_shared<Holdings>()), Limit::Surfaces, most))
      << "another process";
}

class ClientLimitsTest : public testing::Test {
 protected:
  // Of all who are connected, in the order in which they came.
  std::vector<std::shared_ptr<ClientLimits>> limits() {
    std::vector<std::shared_ptr<ClientLimits>> all;
    wl_list* const clients = wl_display_get_client_list(server.display());
    for (wl_list* link = clients->next; link != clients; link = link->next)
      all.push_back(ClientLimits::of(wl_client_from_link(link)));
    return all;
  }
  LoopbackServer server;
  LoopbackClient client{server};
};

TEST_F(ClientLimitsTest, ConnectionsOfOneProcessCountTogether) {
  const std::array<LoopbackClient, 4> others{LoopbackClient{server}, LoopbackClient{server},
                                             LoopbackClient{server}, LoopbackClient{server}};
  const auto all = limits();
  ASSERT_EQ(all.size(), 5U);
  EXPECT_EQ(all[0]->pid(), ::getpid());
  EXPECT_EQ(limits()[0], all[0]) << "made once";
  std::vector<Charge> charges;
  for (std::size_t i = 1; i < 5; ++i)
    charges.emplace_back(all[i], Limit::FormatBytes, ClientLimits::maximum(Limit::FormatBytes));
  EXPECT_THROW(const Charge refused(all[0], Limit::FormatBytes), LimitExceeded);
  charges.pop_back();
  EXPECT_NO_THROW(const Charge granted(all[0], Limit::FormatBytes));
}

TEST_F(ClientLimitsTest, RectanglesOfARegionCountOnceForAllWhoShareThem) {
  const auto held = [this] {
    client.roundtrip();
    return limits()[0]->held(Limit::Rectangles);
  };
  const Proxy<wl_surface> surface{wl_compositor_create_surface(client.compositor)};
  wl_region* const region = wl_compositor_create_region(client.compositor);
  EXPECT_EQ(held(), 0U);
  for (int i = 0; i < 100; ++i)
    wl_region_add(region, 2 * i, 2 * i, 1, 1);
  EXPECT_EQ(held(), 100U);
  wl_surface_set_input_region(surface.get(), region);
  wl_surface_commit(surface.get());
  wl_surface_set_opaque_region(surface.get(), region);
  wl_surface_commit(surface.get());
  EXPECT_EQ(held(), 100U) << "what is opaque is cut down and not counted";
  wl_region_subtract(region, 0, 0, 1, 1);
  EXPECT_EQ(held(), 199U) << "the surface keeps what it was given";
  wl_region_destroy(region);
  EXPECT_EQ(held(), 100U);
  wl_surface_set_input_region(surface.get(), nullptr);
  wl_surface_commit(surface.get());
  EXPECT_EQ(held(), 0U);
}

TEST_F(ClientLimitsTest, NamesOfFormatsCount) {
  wl_data_source* const source =
      wl_data_device_manager_create_data_source(client.data_device_manager);
  wl_data_source_offer(source, "text/plain");
  wl_data_source_offer(source, "text/html");
  client.roundtrip();
  EXPECT_GE(limits()[0]->held(Limit::FormatBytes), 19U);
  wl_data_source_destroy(source);
  client.roundtrip();
  EXPECT_EQ(limits()[0]->held(Limit::FormatBytes), 0U);
}

}  // namespace
}  // namespace demo
