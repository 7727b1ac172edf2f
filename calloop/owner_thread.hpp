// To which thread, of which process, a loop belongs.
//
//     OwnerThread owner;
//     owner.check("dispatch");   // throws std::logic_error on any other thread, or after fork()
//
// Internal to the loop; installed because the templates need it.
#pragma once

#include <pthread.h>

#include <calloop/export.hpp>

namespace calloop {

/// The thread that made it. The check is two loads and a compare: the identity lies on a page that
/// the kernel empties in a child process (madvise(2), MADV_WIPEONFORK).
class CALLOOP_API OwnerThread {
 public:
  /// Throws std::system_error when there is no page to be had.
  OwnerThread();
  OwnerThread(const OwnerThread&) = delete;
  OwnerThread& operator=(const OwnerThread&) = delete;
  ~OwnerThread();

  [[nodiscard]] bool is_this_thread() const noexcept { return page_->owner == this_thread(); }
  /// Whether this is a child of the process that made it, by fork().
  [[nodiscard]] bool is_another_process() const noexcept { return page_->owner == nullptr; }
  /// Whether this is that thread and stop_admitting() was not called: two questions for the price
  /// of one, for what goes a short way as long as nothing speaks against it.
  [[nodiscard]] bool is_admitted() const noexcept { return page_->admitted == this_thread(); }
  void stop_admitting() noexcept { page_->admitted = nullptr; }
  void check(const char* what) const {
    if (!is_this_thread()) [[unlikely]]
      throw_foreign(what);
  }

 private:
  [[nodiscard]] static const void* this_thread() noexcept {
#if defined(__x86_64__) || defined(__aarch64__)
    return __builtin_thread_pointer();
#else
    return reinterpret_cast<const void*>(::pthread_self());
#endif
  }
  [[noreturn]] void throw_foreign(const char* what) const;
  struct Page {
    const void* owner;
    const void* admitted;
  };
  Page* page_;
};

}  // namespace calloop
