// A graphics card with its monitors.
#pragma once

#include <xf86drmMode.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <calloop/loop_handle.hpp>
#include <calloop/scoped_registration.hpp>

#include "compositor-demo/output/drm_objects.hpp"
#include "compositor-demo/output/drm_output.hpp"
#include "compositor-demo/output/edid.hpp"

namespace demo {

// Comes and goes with the device. What was on its screens before is there again when it is
// destroyed while it is ours.
class DrmCard {
 public:
  class Host {
   public:
    virtual void output_added(DrmOutput& output) = 0;
    // It is destroyed when this has returned.
    virtual void output_removed(DrmOutput& output) = 0;

   protected:
    ~Host() = default;
  };

  // The descriptor is borrowed; `name` is for people. Throws std::system_error if it is no card
  // with connectors and dumb buffers.
  DrmCard(const calloop::LoopHandle<>& loop, Host& host, Output::Host& output_host, int fd,
          std::string name);
  DrmCard(const DrmCard&) = delete;
  DrmCard& operator=(const DrmCard&) = delete;
  // The host hears nothing of it.
  ~DrmCard();

  int fd() const noexcept { return fd_; }
  const std::string& name() const noexcept { return name_; }
  std::size_t outputs() const noexcept { return outputs_.size(); }

  // The card is ours: looks for monitors, and lights what is there.
  void start();
  // It is somebody else's, and must be left alone.
  void stop() noexcept;
  // Something about the monitors has changed.
  void rescan();
  // The device is gone: nothing can be restored, and the host hears of all outputs.
  void vanish() noexcept;

 private:
  // A CRTC as it was before us.
  struct Before {
    DrmObject<drmModeCrtc> crtc;
    std::vector<std::uint32_t> connectors;
  };

  // A frame became visible.
  struct Flip {
    std::uint32_t crtc = 0;
    std::uint32_t sequence = 0;
    calloop::TimePoint time;
  };

  void save();
  void restore() noexcept;
  std::optional<Monitor> probe(std::uint32_t id) const;  // of a connector
  MonitorName read_edid(const drmModeConnector& connector) const;
  std::uint32_t possible_crtcs(std::uint32_t id) const;  // of a connector
  void drop_unplugged(std::span<const Monitor> monitors);
  void change_modes(std::span<const Monitor> monitors);
  void add_plugged(std::span<const Monitor> monitors);
  DrmOutput* find(std::uint32_t connector) noexcept;
  static void record_flip(int fd, unsigned sequence, unsigned seconds, unsigned microseconds,
                          unsigned crtc, void* card) noexcept;
  void read_events();
  void lose_outputs() noexcept;

  calloop::LoopHandle<> loop_;
  Host& host_;
  Output::Host& output_host_;
  int fd_;
  std::string name_;
  std::vector<std::uint32_t> crtcs_;
  std::vector<Before> before_;
  std::vector<std::unique_ptr<DrmOutput>> outputs_;
  std::vector<Flip> flips_;  // that libdrm has told of
  bool running_ = false;
  bool vanished_ = false;
  calloop::ScopedRegistration events_;
};

}  // namespace demo
