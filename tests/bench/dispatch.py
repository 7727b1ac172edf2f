"""Prints what tests/bench/dispatch is about, from the programs in a build directory."""

import sys

from measure import Failed, Programs


def main():
    programs = Programs(sys.argv[1])
    print("user instructions per iteration (callgrind, 2000 less 1000 iterations, -O2, shared)")
    print(f"{'ready fds':>12} {'raw epoll':>10} {'calloop':>10} {'more per event':>14}")
    for n in (1, 16, 256):
        raw, ours = (n * programs.cost("instructions", peer, "storm", {"n": n}, 1000 * n, 2000 * n)
                     for peer in ("raw", "calloop"))
        print(f"{n:12} {raw:10.1f} {ours:10.1f} {(ours - raw) / n:14.1f}")
    calls = programs.cost("system-calls", "calloop", "quiet", {"wait": 1000}, 1000, 2000)
    print(f"system calls per iteration in which nothing happens: {calls:.2f}")
    per_fd, per_timer = (programs.run("calloop", workload, {"n": n})["bytes"]
                         for workload, n in (("fd-bytes", 768), ("timer-bytes", 12288)))
    print(f"heap bytes per fd source: {per_fd:.1f}, per timer: {per_timer:.1f}")


if __name__ == "__main__":
    try:
        main()
    except Failed as failure:
        sys.exit(str(failure))
