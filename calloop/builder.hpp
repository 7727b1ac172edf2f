// A descriptor and its handler in one expression.
//
//     interest().read().edge_triggered()
//         .with_fd(std::move(socket))
//         .with_handler([](Readiness ready, Socket& socket, App& app) {
//           app.serve(socket, ready);
//         })
//         .insert_into(loop);
//
// The same as inserting a Generic, in the order in which one thinks of it.
#pragma once

#include <utility>

#include <calloop/interest.hpp>
#include <calloop/loop_handle.hpp>
#include <calloop/source_options.hpp>
#include <calloop/sources/generic.hpp>
#include <calloop/token.hpp>

namespace calloop {

/// An interest in a descriptor, with what handles it. For one expression: it is moved into the
/// loop.
template <class Fd, class F>
class Subscription {
 public:
  /// What with_handler() makes.
  Subscription(Generic<Fd> source, F handler)
      : source_{std::move(source)}, handler_{std::move(handler)} {}
  /// LoopHandle::insert_source(): ownership, callback parameters and errors are the same.
  template <class Data>
  RegistrationToken insert_into(const LoopHandle<Data>& loop) && {
    return loop.insert_source(std::move(source_), std::move(handler_));
  }
  /// The same with a name, a priority or an error handler.
  template <class Data>
  RegistrationToken insert_into(const LoopHandle<Data>& loop, SourceOptions options) && {
    return loop.insert_source(std::move(source_), std::move(handler_), std::move(options));
  }

 private:
  Generic<Fd> source_;
  F handler_;
};

/// An interest in a descriptor that nobody handles yet.
template <class Fd>
class InterestInFd {
 public:
  /// What Interest::with_fd() makes.
  explicit InterestInFd(Generic<Fd> source) : source_{std::move(source)} {}
  /// Adds what is called when the descriptor is ready, which takes any of Readiness, `Fd&`, the
  /// loop's data and a handle, and returns a PostAction or nothing: as for a Generic.
  template <class F>
  [[nodiscard]] Subscription<Fd, F> with_handler(F handler) && {
    return {std::move(source_), std::move(handler)};
  }

 private:
  Generic<Fd> source_;
};

template <class Fd>
auto Interest::with_fd(Fd fd) const {
  return InterestInFd<Fd>{Generic<Fd>{std::move(fd), *this}};
}

}  // namespace calloop
