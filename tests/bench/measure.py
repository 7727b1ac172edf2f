"""Runs the programs of the benchmark and says what they cost.

    measure.py DIRECTORY instructions|system-calls|allocations PEER WORKLOAD key=number... count=A,B
    measure.py DIRECTORY bytes|cpu_ns|... PEER WORKLOAD key=number...

The first form prints what one operation costs: a run with count B less a run with count A, by
B - A. It is the cost of the loop and its callbacks alone, since what comes before and after is in
both. The second prints a number of the program's own account.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile


class Failed(Exception):
    """A program that did not do what it was told, or a tool that did not run it."""


class Programs:
    """The programs bench-PEER in a build directory."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory).resolve()

    def peers(self):
        return {path.name.removeprefix("bench-") for path in self.directory.glob("bench-*")
                if path.is_file()}

    def run(self, peer, workload, arguments):
        """What the program prints, a dictionary of numbers."""
        return json.loads(checked(self._command(peer, workload, arguments)).stdout)

    def cost(self, what, peer, workload, arguments, low, high):
        """What one operation costs, as the difference of two runs."""
        total = COUNTERS[what]
        first, second = (total(self._command(peer, workload, arguments | {"count": count}))
                         for count in (low, high))
        return (second - first) / (high - low)

    def _command(self, peer, workload, arguments):
        return [str(self.directory / f"bench-{peer}"), workload,
                *(f"{key}={value}" for key, value in arguments.items())]


def checked(command, **environment):
    try:
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              env=os.environ | environment, timeout=600)
    except subprocess.TimeoutExpired:
        raise Failed(f"{' '.join(command)} did not end") from None
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)} ended with {done.returncode}:\n"
                     f"{done.stdout}{done.stderr}")
    return done


def number_in(text, pattern):
    found = re.search(pattern, text)
    if not found:
        raise Failed(f"nothing like {pattern} in:\n{text}")
    return int(found[1].replace(",", ""))


def under_valgrind(tool, command):
    """What it says of copies without debug information: that of clang 19 is beyond valgrind 3.19,
    and it does not change the count."""
    program, *rest = command
    libraries = re.findall(r"=> (\S*/(libcalloop\S+))", checked(["ldd", program]).stdout)
    with tempfile.TemporaryDirectory() as place:
        for original, name in [*libraries, (program, "program")]:
            checked(["strip", "--strip-debug", "-o", f"{place}/{name}", original])
        return checked(["valgrind", *tool, f"{place}/program", *rest],
                       LD_LIBRARY_PATH=place).stderr


def instructions(command):
    tool = ["--tool=callgrind", "--callgrind-out-file=/dev/null"]
    return number_in(under_valgrind(tool, command), r"Collected : (\d+)")


def allocations(command):
    tool = ["--tool=memcheck", "--leak-check=no", "--undef-value-errors=no"]
    return number_in(under_valgrind(tool, command), r"total heap usage: ([\d,]+) allocs")


def system_calls(command):
    with tempfile.NamedTemporaryFile("r") as table:
        checked(["strace", "-f", "-c", "-U", "calls,name", "-o", table.name] + command)
        return number_in(table.read(), r"(\d+) +total")


COUNTERS = {"instructions": instructions, "system-calls": system_calls, "allocations": allocations}


def main():
    directory, what, peer, workload, *rest = sys.argv[1:]
    arguments = dict(argument.split("=", 1) for argument in rest)
    programs = Programs(directory)
    if what in COUNTERS:
        low, high = map(int, arguments.pop("count").split(","))
        print(programs.cost(what, peer, workload, arguments, low, high))
    else:
        print(programs.run(peer, workload, arguments)[what])


if __name__ == "__main__":
    try:
        main()
    except Failed as failure:
        sys.exit(str(failure))
