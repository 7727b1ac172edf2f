#include <exception>

#include <glib.h>

#include <calloop/adapters/glib.hpp>
#include <calloop/calloop.hpp>

int main() {
  calloop::EventLoop<> loop;
  const auto token =
      loop.handle().insert_source(calloop::glib::ContextSource{}, [](calloop::glib::Dispatched) {});
  loop.dispatch(calloop::Duration::zero());
  loop.handle().remove(token);
  const calloop::glib::Guest guest{{loop},
                                   [](std::exception_ptr) { return calloop::ErrorAction::Remove; }};
  g_main_context_iteration(nullptr, FALSE);
}
