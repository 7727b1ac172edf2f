// What one may say about a source when it is inserted.
//
//     loop.insert_source(std::move(source), callback,
//                        {.name = "input", .on_error = [](std::exception_ptr) {
//                           return ErrorAction::Disable;
//                         }});
//
// All of it is optional, and what is not said costs nothing.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <string>

namespace calloop {

/// Which of the sources that are ready goes first.
enum class Priority : std::uint8_t { High, Normal, Low };

/// What becomes of a source whose callback or own code threw.
enum class ErrorAction : std::uint8_t {
  Keep,     ///< go on as if nothing had happened
  Disable,  ///< unregister it; it can be enabled again
  Remove,   ///< unregister and destroy it
};

/// Decides about an exception. Runs on the loop's thread, in the place where the exception was
/// caught; what it throws itself leaves dispatch().
using ErrorHandler = std::function<ErrorAction(std::exception_ptr)>;

/// What insert_source() and register_dispatcher() take beside the source.
struct SourceOptions {
  /// Shown in error messages and to observers.
  std::string name = {};
  /// Every source is served in kernel order for now; the priority is kept with the source.
  Priority priority = Priority::Normal;
  /// Empty: the loop's own handler, else the exception leaves dispatch().
  ErrorHandler on_error = {};
};

}  // namespace calloop
