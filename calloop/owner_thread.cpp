#include <calloop/owner_thread.hpp>

#include <sys/mman.h>
#include <unistd.h>

#include <new>

#include <calloop/errors.hpp>

namespace calloop {

namespace {
std::size_t page_size() noexcept {
  return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}
}  // namespace

OwnerThread::OwnerThread() {
  void* const page =
      ::mmap(nullptr, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED)
    throw_errno("mmap");
  // Where the kernel does not know it (before Linux 4.14) only the thread is checked.
  [[maybe_unused]] const int wiped = ::madvise(page, page_size(), MADV_WIPEONFORK);
  page_ = ::new (page) Page{this_thread(), this_thread()};
}

OwnerThread::~OwnerThread() {
  ::munmap(static_cast<void*>(page_), page_size());
}

void OwnerThread::throw_foreign(const char* what) const {
  throw_logic_error(what, is_another_process()
                              ? " after fork(): the loop belongs to the parent process"
                              : " from another thread than the loop's");
}

}  // namespace calloop
