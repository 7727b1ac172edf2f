#include "compositor-demo/protocol/presentation_feedbacks.hpp"

#include <chrono>
#include <memory>

#include "compositor-demo/protocol/client_limits.hpp"
#include "compositor-demo/protocol/output_global.hpp"
#include "compositor-demo/protocol/resource.hpp"
#include "presentation-time-server-protocol.h"

namespace demo {
namespace {

void leave(wl_resource* resource) noexcept {
  wl_list_remove(wl_resource_get_link(resource));
  delete_object<Charge>(resource);
}

// The protocol sends 64 bits as two words.
std::uint32_t high(std::uint64_t value) noexcept {
  return static_cast<std::uint32_t>(value >> 32U);
}
std::uint32_t low(std::uint64_t value) noexcept {
  return static_cast<std::uint32_t>(value);
}

}  // namespace

PresentationFeedbacks& PresentationFeedbacks::operator=(PresentationFeedbacks&& other) noexcept {
  if (this == &other)
    return *this;
  discard();
  append(other);
  return *this;
}

void PresentationFeedbacks::add(wl_client* client, std::uint32_t id) {
  auto charge = std::make_unique<Charge>(client, Limit::FrameCallbacks);
  wl_resource* const feedback = create_resource(client, &wp_presentation_feedback_interface, 1, id);
  wl_resource_set_implementation(feedback, nullptr, charge.release(), &leave);
  wl_list_insert(list_.prev, wl_resource_get_link(feedback));
}

void PresentationFeedbacks::append(PresentationFeedbacks& other) noexcept {
  wl_list_insert_list(list_.prev, &other.list_);
  wl_list_init(&other.list_);
}

// "This event is preceded by all related sync_output events".
void PresentationFeedbacks::send_presented(const FrameTime& frame,
                                           const Outputs& outputs) noexcept {
  using namespace std::chrono;
  const auto since = frame.time.time_since_epoch();
  const auto whole = duration_cast<seconds>(since);
  const auto tv_sec = static_cast<std::uint64_t>(whole.count());
  const auto tv_nsec = static_cast<std::uint32_t>((since - whole).count());
  while (!empty()) {
    wl_resource* const feedback = wl_resource_from_link(list_.next);
    outputs.send_sync_output(frame.output, feedback);
    wp_presentation_feedback_send_presented(feedback, high(tv_sec), low(tv_sec), tv_nsec,
                                            frame.refresh_ns, high(frame.sequence),
                                            low(frame.sequence), frame.flags);
    wl_resource_destroy(feedback);
  }
}

void PresentationFeedbacks::discard() noexcept {
  while (!empty()) {
    wl_resource* const feedback = wl_resource_from_link(list_.next);
    wp_presentation_feedback_send_discarded(feedback);
    wl_resource_destroy(feedback);
  }
}

}  // namespace demo
