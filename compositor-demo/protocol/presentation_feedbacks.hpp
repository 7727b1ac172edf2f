// wp_presentation_feedback: those of a surface that wait to hear what became of a commit.
#pragma once

#include <cstdint>

#include <wayland-server-core.h>

namespace demo {

class Outputs;
struct FrameTime;

// Owns them: what was not shown when this goes was discarded, and they are told so. One whose
// client dies leaves by itself. Each counts against the client's Limit::FrameCallbacks.
class PresentationFeedbacks {
 public:
  PresentationFeedbacks() noexcept { wl_list_init(&list_); }
  PresentationFeedbacks(PresentationFeedbacks&& other) noexcept : PresentationFeedbacks{} {
    append(other);
  }
  PresentationFeedbacks& operator=(PresentationFeedbacks&& other) noexcept;
  ~PresentationFeedbacks() { discard(); }

  // A new wp_presentation_feedback. Throws std::bad_alloc or LimitExceeded.
  void add(wl_client* client, std::uint32_t id);
  // Moves all of `other` behind ours.
  void append(PresentationFeedbacks& other) noexcept;
  // They were seen, for the first time, in that frame. Ends them.
  void send_presented(const FrameTime& frame, const Outputs& outputs) noexcept;
  // Nobody has seen them, and nobody will: a later commit has taken their place, or the surface is
  // gone. Ends them.
  void discard() noexcept;
  bool empty() const noexcept { return wl_list_empty(&list_) != 0; }

 private:
  wl_list list_;  // of wl_resource, by their own links
};

}  // namespace demo
