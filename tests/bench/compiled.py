"""What the library costs where nothing runs: the size of its code and the time to compile a use."""

import pathlib
import re
import resource
import statistics
import subprocess
import tempfile

from measure import checked, number_in

ROUNDS = 7


def text_bytes(library):
    """Machine code alone; and all that is only read, which is what size(1) calls text."""
    sections = checked(["size", "-A", str(library)]).stdout
    return (number_in(sections, r"\.text +(\d+)"),
            int(checked(["size", str(library)]).stdout.splitlines()[1].split()[0]))


def standard_headers(root, header, seen):
    """What `header` includes that is not ours, at any depth."""
    if header in seen:
        return set()
    seen.add(header)
    found = set()
    for name in re.findall(r"^#include <(.+)>", (root / header).read_text(), re.MULTILINE):
        if name.startswith("calloop/"):
            found |= standard_headers(root, name, seen)
        else:
            found.add(name)
    return found


def compile_seconds(root, source):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["g++", "-std=c++20", "-O2", "-I", root, "-c", "-o", "/dev/null", source],
                   check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def compile_ratio(root):
    """The time to compile an include of calloop.hpp, by that of the standard headers in it: the
    median over interleaved rounds."""
    headers = {"ours": ["calloop/calloop.hpp"],
               "standard": sorted(standard_headers(root, "calloop/calloop.hpp", set()))}
    with tempfile.TemporaryDirectory() as place:
        sources = {}
        for name, included in headers.items():
            sources[name] = pathlib.Path(place, f"{name}.cpp")
            sources[name].write_text("".join(f"#include <{header}>\n" for header in included))
        return statistics.median(
            compile_seconds(root, sources["ours"]) / compile_seconds(root, sources["standard"])
            for _ in range(ROUNDS))
