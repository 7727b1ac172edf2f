"""What the loop is meant to cost, and whether it does."""

import dataclasses

from workloads import OURS, ROWS

BY_KEY = {row.key: row for row in ROWS}


@dataclasses.dataclass(frozen=True)
class Goal:
    text: str
    bound: float
    value: float

    @property
    def met(self):
        return self.value <= self.bound


def goals(timings, counts):
    """The goals whose rows were measured, in the order of the rows."""
    found = []

    def add(text, bound, value):
        if bound is not None and value is not None:
            found.append(Goal(text, bound, value))

    def over_raw(kind, row, name=OURS):
        ours, raw = counts.get(kind, row, name), counts.get(kind, row, "raw")
        return None if ours is None or raw is None else ours - raw

    def calls_as_raw(row, name=OURS):
        add(f"{label(row, name)}: system calls over raw", 0.01, over_raw("system-calls", row, name))

    def inside_noise(row):
        noise = timings.noise(row)
        if noise:
            add(f"{row.key}: time over raw, inside the noise", max(noise[1], 1 / noise[0]),
                timings.ratio(row, OURS))

    def allocates_nothing(row, name=OURS):
        add(f"{label(row, name)}: allocations", 0, counts.get("allocations", row, name))

    for row in ROWS:
        if row.key not in timings.samples:
            continue
        if row.workload == "ring":
            limit = 60 if row.arguments["a"] == 1 else 20
            add(f"{row.key}: instructions over raw", limit, over_raw("instructions", row))
            calls_as_raw(row)
            inside_noise(row)
        elif row.workload == "storm":
            limit = 60 if row.arguments["n"] == 1 else 15
            add(f"{row.key}: instructions over raw", limit, over_raw("instructions", row))
            inside_noise(row)
        elif row.workload == "timers" and "late" in row.arguments:
            timer_goals(timings, row, add)
        elif row.workload == "timers":
            add(f"{row.key}: of the fastest peer", 0.85, timings.ratio(row, OURS))
        elif row.workload in ("rearm", "cancel"):
            add(f"{row.key}: of the fastest peer", 0.6 if row.workload == "rearm" else 0.5,
                timings.ratio(row, OURS))
            # Of a turn in which the kernel is told, there is one.
            add(f"{row.key}: system calls", 0.001, counts.get("system-calls", row, OURS))
        elif row.workload == "flood":
            add(f"{row.key}: Channel<int>, of raw's queue", 0.5, timings.ratio(row, OURS))
        elif row.workload == "post":
            closures = f"{OURS}, closures"
            add(f"{row.key}: instructions of a closure over raw's integer", 40,
                over_raw("instructions", row, closures))
            calls_as_raw(row, closures)
            allocates_nothing(row, closures)
        elif row.workload == "pingpong":
            others = [value for name, value in counts.values["system-calls"][row.key].items()
                      if not name.startswith(OURS)]
            if others:
                add(f"{row.key}: system calls, as the best peer", min(others) + 0.01,
                    counts.get("system-calls", row, OURS))
        elif row.workload == "churn":
            add(f"{row.key}: instructions over raw", 60, over_raw("instructions", row))
            calls_as_raw(row)
        elif row.workload == "deferred":
            add(f"{row.key}: instructions over raw", 12, over_raw("instructions", row))
            calls_as_raw(row)
        elif row.workload == "quiet":
            add(f"{row.key}: system calls", 1.01, counts.get("system-calls", row, OURS))
        if row.counts_allocations:
            allocates_nothing(row)

    smallest, largest = BY_KEY["W1 ring N=1 A=1"], BY_KEY["W1 ring N=9900 A=1"]
    if smallest.key in timings.samples and largest.key in timings.samples:
        growth = {name: (timings.median(largest, name) or 0) / (timings.median(smallest, name) or 1)
                  for name in ("raw", OURS)}
        noise = timings.noise(largest)
        if noise and growth["raw"] and growth[OURS]:
            add("W1 ring A=1: N=9900 to N=1, growth over raw's", max(noise[1], 1 / noise[0]),
                growth[OURS] / growth["raw"])
    for key, limit in (("W7 bytes per fd N=768", 80), ("W7 bytes per timer N=12288", 88)):
        if key in counts.values["bytes"]:
            add(key, limit, counts.get("bytes", BY_KEY[key], OURS))
    return found


def timer_goals(timings, row, add):
    """At the lateness of the most punctual peer; at our default slack; and as lazy as libev."""
    punctual = {name: timings.median(row, name, "late_p50_ns")
                for name in timings.samples[row.key]
                if name != "again" and not name.startswith(OURS)}
    if punctual:
        peer = min(punctual, key=punctual.get)
        ours = {name: timings.ratio(row, name, peer) for name in timings.samples[row.key]
                if name.startswith(OURS)
                and timings.median(row, name, "late_p50_ns") <= punctual[peer] + 10_000}
        add(f"{row.key}: as punctual as {peer} + 10 us, of its CPU", 0.7,
            min(ours.values(), default=float("inf")))
        add(f"{row.key}: slack 50 us, of the CPU of {peer}", 0.35, timings.ratio(row, OURS, peer))
    add(f"{row.key}: slack 1 ms, of ev", 1.0, timings.ratio(row, f"{OURS}, slack 1 ms", "ev"))


def label(row, name):
    return row.key if name == OURS else f"{row.key} ({name.removeprefix(OURS + ', ')})"
