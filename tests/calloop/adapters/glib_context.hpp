// GSources with closures, and a GMainContext that another thread owns.
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <utility>

#include <glib-unix.h>

#include <calloop/adapters/glib.hpp>

namespace calloop::glib {

// Gives `source` to `context`; `closure` says whether it stays.
inline GSource* attach(GMainContext* context, GSource* source, std::function<bool()> closure,
                       int priority = G_PRIORITY_DEFAULT,
                       const std::shared_ptr<FirstError>& errors = std::make_shared<FirstError>()) {
  set_callback(source, errors, std::move(closure));
  g_source_set_priority(source, priority);
  g_source_attach(source, context);
  g_source_unref(source);  // the context has a reference as long as it is attached
  return source;
}
inline GSource* add_idle(GMainContext* context, std::function<bool()> closure,
                         int priority = G_PRIORITY_DEFAULT) {
  return attach(context, g_idle_source_new(), std::move(closure), priority);
}
inline GSource* add_timeout(GMainContext* context, unsigned milliseconds,
                            std::function<bool()> closure) {
  return attach(context, g_timeout_source_new(milliseconds), std::move(closure));
}

// A descriptor as g_unix_fd_add has it, with a closure.
class Watch {
 public:
  Watch(GMainContext* context, int fd, std::function<bool(GIOCondition)> closure,
        GIOCondition condition = G_IO_IN, int priority = G_PRIORITY_DEFAULT)
      : closure_{std::move(closure)}, source_{g_unix_fd_source_new(fd, condition)} {
    const GUnixFDSourceFunc call = [](int, GIOCondition ready, gpointer self) noexcept -> gboolean {
      return static_cast<Watch*>(self)->closure_(ready) ? TRUE : FALSE;
    };
    g_source_set_callback(source_, G_SOURCE_FUNC(call), this, nullptr);
    g_source_set_priority(source_, priority);
    // Or GLib takes the descriptor away while it calls, and wakes whoever sleeps for that.
    g_source_set_can_recurse(source_, TRUE);
    g_source_attach(source_, context);
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  ~Watch() {
    g_source_destroy(source_);
    g_source_unref(source_);
  }

 private:
  std::function<bool(GIOCondition)> closure_;
  GSource* source_;
};

// Another thread, which owns the context.
class OwnedElsewhere {
 public:
  explicit OwnedElsewhere(GMainContext* context)
      : thread_{[this, context] {
          g_main_context_acquire(context);
          owned_.set_value();
          over_.get_future().wait();
          g_main_context_release(context);
        }} {
    owned_.get_future().wait();
  }
  OwnedElsewhere(const OwnedElsewhere&) = delete;
  OwnedElsewhere& operator=(const OwnedElsewhere&) = delete;
  ~OwnedElsewhere() {
    over_.set_value();
    thread_.join();
  }

 private:
  std::promise<void> owned_;
  std::promise<void> over_;
  std::thread thread_;
};

}  // namespace calloop::glib
