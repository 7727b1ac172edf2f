// What the workload program costs, by callgrind, strace and its own account.
#pragma once

namespace tests {

/// User-space instructions per loop iteration with `fds` ready descriptors: the difference of a run
/// of 2000 and one of 1000 iterations. `loop` is "raw" or "calloop".
double instructions_per_iteration(const char* loop, int fds);

/// System calls per iteration in which nothing happens, likewise.
double system_calls_per_idle_iteration();

/// Heap bytes per source, with the tables at three quarters of their capacity.
double bytes_per_fd_source();
double bytes_per_timer();

}  // namespace tests
