"""Measures the programs in a build directory and prints what they cost; see tests/bench/run."""

import argparse
import datetime
import json
import pathlib
import os
import platform
import shlex
import sys

from chart import chart
from compiled import compile_ratio, text_bytes
from counts import Counts
from goals import Goal, goals
from measure import Failed, Programs
from rounds import Timings
from tables import report
from workloads import OURS, PEERS, ROWS


def arguments():
    parser = argparse.ArgumentParser(prog="tests/bench/run", description=(
        "Measures calloop beside other event loops, and prints ratios, instructions, system calls, "
        "allocations and bytes."))
    parser.add_argument("directory", type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, help="how often each program runs (9; 2 if quick)")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="all numbers")
    parser.add_argument("--svg", type=pathlib.Path, metavar="FILE", help="a chart of the ratios")
    parser.add_argument("--only", type=words, metavar="WORD,...",
                        help="rows with one of these in their name: W3, ring, ...")
    parser.add_argument("--peers", type=words, default=PEERS, metavar="NAME,...",
                        help=f"of {','.join(PEERS)}")
    parser.add_argument("--quick", action="store_true",
                        help="short runs; only raw and ours are counted, and no allocations")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N",
                        help="how many programs are counted at once; they are timed one by one")
    given = parser.parse_args()
    unknown = set(given.peers) - set(PEERS)
    if unknown:
        parser.error(f"unknown peers: {', '.join(sorted(unknown))}")
    given.rows = [row for row in ROWS
                  if not given.only or any(word in row.key for word in given.only)]
    if not given.rows:
        parser.error(f"nothing is called {','.join(given.only)}")
    given.rounds = given.rounds or (2 if given.quick else 9)
    return given


def words(text):
    return text.split(",")


def machine():
    try:
        info = pathlib.Path("/proc/cpuinfo").read_text()
        model = next(line.split(":", 1)[1].strip() for line in info.splitlines()
                     if line.startswith("model name"))
    except (OSError, StopIteration):
        model = platform.machine()
    return {"cpu": model, "processors": os.cpu_count(), "kernel": platform.release()}


def library_goals(directory):
    root = pathlib.Path(__file__).resolve().parents[2]
    library = directory.resolve().parents[1] / "calloop" / "libcalloop.so"
    code, text = text_bytes(library)
    return [Goal("libcalloop.so: KiB of machine code", 100, code / 1024),
            Goal("libcalloop.so: KiB of text, as size(1) counts", 100, text / 1024),
            Goal("calloop.hpp: time to compile, to its standard headers", 1.6, compile_ratio(root))]


def as_json(given, command, about, timings, counts, found):
    rows = []
    for row in given.rows:
        one = {"row": row.key, "program": row.workload, "arguments": row.arguments}
        if row.key in timings.samples:
            one |= {"compared": row.time, "baseline": timings.baseline(row),
                    "noise": timings.noise(row),
                    "ratio": {name: timings.ratio(row, name)
                              for name in timings.samples[row.key]},
                    "rounds": timings.samples[row.key]}
        one |= {kind: values[row.key] for kind, values in counts.values.items() if values[row.key]}
        rows.append(one)
    return {"date": datetime.date.today().isoformat(), "command": command, "machine": about,
            "rows": rows,
            "goals": [{"goal": goal.text, "at_most": goal.bound, "ours": goal.value,
                       "met": goal.met} for goal in found]}


def main():
    given = arguments()
    command = shlex.join(["tests/bench/run", *sys.argv[2:]])
    about = machine()
    programs = Programs(given.directory)

    timings = Timings(programs, given.rows, given.peers, 20e6 if given.quick else 150e6)
    timings.calibrate()
    timings.run(given.rounds)
    counted = [peer for peer in given.peers if not given.quick or peer in ("raw", OURS)]
    counts = Counts(programs, given.rows, counted, not given.quick)
    counts.run(given.jobs)
    found = goals(timings, counts)
    if not given.only:
        found += library_goals(given.directory)

    subtitle = (f"{datetime.date.today().isoformat()}, {about['cpu']}, "
                f"{about['processors']} processors, Linux {about['kernel']}; {command}")
    print(subtitle, "", *report(timings, counts, found, given.rows, given.peers), sep="\n")
    if given.json:
        given.json.write_text(json.dumps(as_json(given, command, about, timings, counts, found),
                                         indent=1) + "\n")
    if given.svg:
        peers = [peer for peer in PEERS if peer in given.peers]
        given.svg.write_text(chart(timings.rows, peers, timings.ratio, timings.baseline, subtitle))
    if counts.failures:
        raise Failed("\n".join(counts.failures))


if __name__ == "__main__":
    try:
        main()
    except Failed as failure:
        sys.exit(f"tests/bench/run: {failure}")
    except KeyboardInterrupt:
        sys.exit(130)
