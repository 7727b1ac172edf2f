"""Interleaved rounds: in each, every entry of a row runs once, in an order that moves on.

An entry is a peer, one of our variants ("calloop, slack 0"), or the baseline for a second time
("again"), which shows the noise.
"""

import statistics
import sys

from workloads import OURS

AGAIN = "again"


def entries(row, peers):
    """Entry: (program, arguments) of a row."""
    found = {peer: (peer, row.arguments) for peer in row.peers() if peer in peers}
    if OURS in found:
        for name, more in row.variants:
            found[f"{OURS}, {name}"] = (OURS, row.arguments | more)
    return found


class Timings:
    """Per row and entry, what the program printed in each round."""

    def __init__(self, programs, rows, peers, run_ns):
        self.programs, self.run_ns = programs, run_ns
        self.rows = [row for row in rows if not row.value]
        self.entries = {row.key: entries(row, peers) for row in self.rows}
        self.samples = {row.key: {} for row in self.rows}
        self._counts = {}

    def calibrate(self):
        """Finds for each entry how often it does its work in about `run_ns`."""
        for row in self.rows:
            found = self.entries[row.key]
            costs = {name: self._calibrate(row, name) for name in found}
            # The one to be run twice: raw, or the fastest of the others.
            others = [name for name in costs if not name.startswith(OURS)]
            if others:
                twice = "raw" if "raw" in costs else min(others, key=costs.get)
                found[AGAIN] = found[twice]
                self._counts[row.key, AGAIN] = self._counts[row.key, twice]

    def _calibrate(self, row, name):
        count = row.step * max(1, 500 // row.step)
        while True:
            result = self._run(row, name, count)
            taken = result["wall_ns"] * count
            if taken > self.run_ns / 20 or count > 100_000_000:
                break
            count *= 4
        wanted = int(count * self.run_ns / taken)
        self._counts[row.key, name] = max(wanted // row.step, 1) * row.step
        return result["cpu_ns"]

    def _run(self, row, name, count):
        peer, arguments = self.entries[row.key][name]
        # No token of a ring may be lost.
        return self.programs.run(peer, row.workload,
                                 arguments | {"count": max(count, row.arguments.get("a", 1))})

    def run(self, rounds):
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
            for row in self.rows:
                names = list(self.entries[row.key])
                first = number % len(names)
                for name in names[first:] + names[:first]:
                    result = self._run(row, name, self._counts[row.key, name])
                    self.samples[row.key].setdefault(name, []).append(result)

    def median(self, row, name, what=None):
        samples = self.samples[row.key].get(name)
        if not samples or (what or row.time) not in samples[0]:
            return None
        return statistics.median(sample[what or row.time] for sample in samples)

    def baseline(self, row):
        """raw, or the fastest of the others that is not ours."""
        if "raw" in self.samples[row.key]:
            return "raw"
        others = [name for name in self.samples[row.key]
                  if name != AGAIN and not name.startswith(OURS)]
        return min(others, key=lambda name: self.median(row, name), default=None)

    def ratios(self, row, name, to=None):
        """Of each round."""
        samples, base = (self.samples[row.key].get(one) for one in (name, to or self.baseline(row)))
        return [a[row.time] / b[row.time] for a, b in zip(samples or [], base or [])]

    def ratio(self, row, name, to=None):
        found = self.ratios(row, name, to)
        return statistics.median(found) if found else None

    def noise(self, row):
        """Between which ratios the one that ran twice is to itself, in eight of ten rounds."""
        twice = next((name for name, entry in self.entries[row.key].items()
                      if name != AGAIN and entry == self.entries[row.key].get(AGAIN)), None)
        found = sorted(self.ratios(row, AGAIN, twice)) if twice else []
        if not found:
            return None
        outside = len(found) // 10
        return found[outside], found[-1 - outside]
