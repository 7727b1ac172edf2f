"""What is measured: the rows of all tables."""

import dataclasses

PEERS = ["raw", "ptr", "wl", "sd", "glib", "uv", "ev", "event", "asio", "calloop"]
WITHOUT_TIMERS = {"raw", "ptr"}
OURS = "calloop"

MILLISECOND = 1_000_000


@dataclasses.dataclass(frozen=True)
class Row:
    group: str
    title: str
    workload: str
    arguments: dict
    # Every count is a multiple of it.
    step: int = 1
    # What is compared: CPU time of all threads, or time by the wall.
    time: str = "cpu_ns"
    # The counts of the two runs whose difference the tools look at; none where waiting decides.
    counts: tuple = ()
    counts_allocations: bool = False
    # Other ways to do the same with our loop: name and further arguments.
    variants: tuple = ()
    # Printed by the program itself, the same each time.
    value: str = ""

    @property
    def key(self):
        return f"{self.group} {self.title}"

    def peers(self):
        without_them = self.workload in ("timers", "rearm", "cancel", "timer-bytes")
        return [peer for peer in PEERS if not (without_them and peer in WITHOUT_TIMERS)]


def ring(n, a):
    counts = (200, 400) if n > 1000 and a == 1 else (1000, 2000 if a == 1 else 3000)
    return Row("W1", f"ring N={n} A={a}", "ring", {"n": n, "a": a}, counts=counts,
               counts_allocations=n == 100)


def storm(n):
    return Row("W2", f"storm N={n}", "storm", {"n": n}, step=n,
               counts=(1000, 2000) if n == 1 else (2 * n, 6 * n), counts_allocations=n == 100)


def timers(n, milliseconds, **more):
    arguments = {"n": n, "span": milliseconds * MILLISECOND}
    arguments |= more.pop("also", {})
    return Row("W3", f"timers N={n} in {milliseconds} ms", "timers", arguments, step=n, **more)


SLACKS = (("slack 0", {"slack": 0}), ("slack 20 us", {"slack": 20_000}),
          ("slack 1 ms", {"slack": MILLISECOND}))
CLOSURES = (("closures", {"closures": 1}),)

ROWS = [
    ring(1, 1), ring(10, 1), ring(10, 10), ring(100, 1), ring(100, 100), ring(1000, 1),
    ring(1000, 100), ring(9900, 1), ring(9900, 100),
    storm(1), storm(100), storm(256), storm(1000),
    timers(1000, 10, also={"late": 1}, variants=SLACKS),
    timers(1000, 100, also={"late": 1}, variants=SLACKS),
    timers(100_000, 10),
    Row("W3", "re-arm N=1", "rearm", {"n": 1}, counts=(1000, 5000), counts_allocations=True),
    Row("W3", "re-arm N=1000", "rearm", {"n": 1000}, counts=(1000, 5000), counts_allocations=True),
    Row("W3", "cancel N=100000", "cancel", {"n": 100_000}, step=100_000, counts=(1000, 11_000)),
    Row("W4", "flood", "flood", {}, time="wall_ns", variants=CLOSURES),
    Row("W4", "post N=100", "post", {"n": 100}, step=100, counts=(1000, 3000),
        counts_allocations=True, variants=CLOSURES),
    Row("W4", "ping-pong", "pingpong", {}, time="wall_ns", counts=(1000, 3000), variants=CLOSURES),
    Row("W5", "add and remove", "churn", {}, counts=(1024, 3072)),
    Row("W5", "add, turn, remove", "churn", {"turn": 1}, counts=(1024, 3072)),
    Row("W6", "deferred N=100", "deferred", {"n": 100}, step=100, counts=(1000, 3000),
        counts_allocations=True),
    Row("turn", "nothing to do", "quiet", {}, counts=(1000, 2000), counts_allocations=True),
    Row("W7", "bytes per fd N=768", "fd-bytes", {"n": 768}, value="bytes"),
    Row("W7", "bytes per fd N=9900", "fd-bytes", {"n": 9900}, value="bytes"),
    Row("W7", "bytes per timer N=12288", "timer-bytes", {"n": 12288}, value="bytes"),
    Row("W7", "bytes per timer N=10000", "timer-bytes", {"n": 10_000}, value="bytes"),
]

# What is unfair, or easy to misread, by group.
NOTES = {
    "": [
        "A ratio is the median over the rounds of peer / baseline of the same round; the baseline "
        "is raw, or the fastest peer where raw has no counterpart. Noise is what the baseline, run "
        "twice in each round, differs from itself in eight of ten rounds.",
        "Time is CPU time of all threads, the kernel's part included; in flood and ping-pong it is "
        "time by the wall.",
        "Peers are -O2 against Debian's shared libraries. A source that comes and goes is one "
        "block of memory, which the harness allocates where the loop leaves that to the "
        "application, as raw, ptr, uv and ev do; there it could be a member of something else.",
    ],
    "W1": [
        "Two of the ring's three system calls, a read and a write, are the workload's: ratios are "
        "compressed, the instructions show the loop.",
        "sd dispatches one source per iteration, and each of its waits copies all that is ready "
        "again.",
        "glib polls: each iteration walks over all descriptors.",
        "asio waits once per call: every callback asks the kernel anew.",
        "raw does not notice when a callback removes what is still to be called in the same batch.",
    ],
    "W2": [
        "sd, glib and asio: as in the ring, and here nothing else is measured.",
    ],
    "W3": [
        "CPU time and lateness are one answer. wl, glib, uv and ev wait in whole milliseconds, so "
        "they wake ten times in 10 ms and are half a millisecond late. sd, event, asio and ours "
        "with slack 0 wake for nearly every deadline.",
        "sd is told an accuracy of 1 us; its default of 250 ms would fire all at once.",
        "Only the rows of 1000 timers read the clock in the callback, about 25 ns.",
        "Re-arming: uv and ev count from a time that they read earlier; wl and event need a "
        "reading of the clock to make a delay of a deadline; asio runs a handler for the wait that "
        "a new deadline ends.",
        "What cancelling leaves for the next turn (asio's handlers, uv's close callbacks) is "
        "included.",
    ],
    "W4": [
        "raw, ptr, wl, sd, uv, ev and event share the harness' queue of integers behind a mutex, "
        "taken out in bulk; glib and asio allocate for each message. "
        "uv and ev are woken for each message, as documented, the others for the first of many.",
        "flood depends on how the scheduler lays out two threads; post is one thread and shows the "
        "work.",
        "ping-pong is on one processor: waking an idle one takes longer than all the rest.",
    ],
    "W5": [
        "uv and ev tell the kernel in the next turn: without one, ev does not at all. With one, ev "
        "leaves the stopped descriptor in the kernel's set. glib has no set in the kernel.",
    ],
    "W6": [
        "uv, ev and event have no deferred call that happens once: a pool of reused handles stands "
        "in. raw and ptr keep two pointers in a vector. The others, but for ours, allocate for each "
        "call.",
    ],
    "W7": [
        "Heap bytes in user space, malloc's own included, with what the loop lets the application "
        "allocate. The kernel's part is the same for all that use epoll. wl duplicates each "
        "descriptor, hence 9900.",
    ],
}
