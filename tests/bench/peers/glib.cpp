// GLib's main loop, in a context of its own. It polls; it allocates a source for a message.
#include <glib-unix.h>
#include <glib.h>

#include <cstdint>
#include <memory>

#include "tests/bench/harness/program.hpp"
#include "tests/bench/harness/units.hpp"

namespace {

class Peer {
 public:
  using Watch = GSource*;
  using Timer = GSource*;

  explicit Peer(const bench::Setup&) {}

  template <auto F, class T>
  Watch add_fd(int fd, T& argument) {
    const GUnixFDSourceFunc callback = [](gint, GIOCondition, gpointer data) -> gboolean {
      F(*static_cast<T*>(data));
      return G_SOURCE_CONTINUE;
    };
    GSource* const source = g_unix_fd_source_new(fd, G_IO_IN);
    attach(source, G_SOURCE_FUNC(callback), &argument);
    return source;
  }
  static void remove_fd(Watch watch) {
    g_source_destroy(watch);
    g_source_unref(watch);
  }

  void turn() { g_main_context_iteration(context_.get(), TRUE); }
  void turn_at_once() { g_main_context_iteration(context_.get(), FALSE); }

  template <auto F, class T>
  Timer add_timer(std::int64_t deadline, T& argument) {
    // The only kind that takes an absolute deadline.
    static GSourceFuncs funcs{nullptr,
                              nullptr,
                              [](GSource*, GSourceFunc callback, gpointer data) { return callback(data); },
                              nullptr,
                              nullptr,
                              nullptr};
    GSource* const source = g_source_new(&funcs, sizeof(GSource));
    move(source, deadline);
    attach(source, once<F, T>, &argument);
    return source;
  }
  static void finish(Timer timer) { g_source_unref(timer); }
  static void cancel(Timer timer) {
    g_source_destroy(timer);
    g_source_unref(timer);
  }
  static void move(Timer timer, std::int64_t deadline) {
    g_source_set_ready_time(timer, bench::microseconds(deadline));
  }

  template <auto F, class T>
  void defer(T& argument) {
    GSource* const source = g_idle_source_new();
    attach(source, once<F, T>, &argument);
    g_source_unref(source);
  }

  // As g_main_context_invoke() does for another thread.
  template <auto F, class T>
  class Inbox {
   public:
    Inbox(Peer& peer, T& argument) : context_{peer.context_.get()}, argument_{argument} {}
    void post(int message) {
      GSource* const source = g_idle_source_new();
      g_source_set_priority(source, G_PRIORITY_DEFAULT);
      g_source_set_callback(source, deliver, new Message{argument_, message}, destroy);
      g_source_attach(source, context_);
      g_source_unref(source);
    }

   private:
    struct Message {
      T& target;
      int number;
    };
    static gboolean deliver(gpointer data) {
      auto& message = *static_cast<Message*>(data);
      F(message.target, message.number);
      return G_SOURCE_REMOVE;
    }
    static void destroy(gpointer data) { delete static_cast<Message*>(data); }
    GMainContext* context_;
    T& argument_;
  };

 private:
  template <auto F, class T>
  static gboolean once(gpointer data) {
    F(*static_cast<T*>(data));
    return G_SOURCE_REMOVE;
  }
  void attach(GSource* source, GSourceFunc callback, gpointer data) {
    g_source_set_callback(source, callback, data, nullptr);
    g_source_attach(source, context_.get());
  }
  struct Unref {
    void operator()(GMainContext* context) const { g_main_context_unref(context); }
  };
  std::unique_ptr<GMainContext, Unref> context_{g_main_context_new()};
};

}  // namespace

int main(int argc, char** argv) {
  return bench::run_program<Peer>(argc, argv);
}
