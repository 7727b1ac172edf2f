// The first exception of several, kept for later.
//
//     extern "C" int open_restricted(const char* path, int flags, void* data) {
//       auto& module = *static_cast<Module*>(data);
//       try {
//         return module.open(path, flags);
//       } catch (...) {
//         module.errors.keep_current();  // and module.errors.rethrow(), when the C call is over
//         return -EIO;
//       }
//     }
//
// C code must not be left by an exception, so what is called from there keeps it here, and who
// called the C code rethrows it afterwards. Belongs to one thread.
#pragma once

#include <exception>
#include <utility>

#include <calloop/export.hpp>

namespace calloop {

/// Holds one exception, or none.
class CALLOOP_API FirstError {
 public:
  /// For a catch block: keeps the exception being handled, if it is the first.
  void keep_current() noexcept {
    if (!error_)
      error_ = std::current_exception();
  }
  /// Throws what was kept, and forgets it. Nothing happens if there is nothing.
  void rethrow() {
    if (error_)
      std::rethrow_exception(std::exchange(error_, nullptr));
  }
  /// Whether there is something to rethrow.
  [[nodiscard]] explicit operator bool() const noexcept { return error_ != nullptr; }

 private:
  std::exception_ptr error_;
};

}  // namespace calloop
