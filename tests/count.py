"""Counts the test cases of one `meson test` run.

    count.py BUILD_DIRECTORY MESON_STATUS

Names what was skipped and why, and what failed, on stderr. The only line on stdout is four numbers:
passed, failed, skipped, skipped without a reason. A program that crashed, ran into its time limit
or wrote no results is one failed case more.
"""

import json
import pathlib
import sys
import xml.etree.ElementTree as ElementTree


def cases(results):
    """(name, outcome, message) of each test case in a GoogleTest result file."""
    for case in ElementTree.parse(results).iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        skip = case.find("skipped")
        failure = case.find("failure")
        if failure is not None:
            yield name, "failed", failure.get("message", "")
        elif case.get("status") != "run":
            yield name, "skipped", ""  # DISABLED_
        elif skip is not None:
            # GoogleTest puts file:line in front, and "Skipped" when nothing was said.
            reason = skip.get("message", "").partition("\n")[2].strip()
            yield name, "skipped", "" if reason == "Skipped" else reason
        else:
            yield name, "passed", ""


def main():
    directory, status = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    count = {"passed": 0, "failed": 0, "skipped": 0}
    unexplained = 0

    def failure(text):
        count["failed"] += 1
        print(f"FAILED {text}", file=sys.stderr)

    # Under a wrapper meson names the log after it.
    programs = [json.loads(line) for log in (directory / "meson-logs").glob("testlog*.json")
                for line in log.read_text().splitlines()]
    for program in programs:
        name = program["name"].split(" / ")[-1]
        results = directory / f"{name}.xml"
        failed_before = count["failed"]
        if results.exists():
            for case, outcome, message in cases(results):
                if outcome == "failed":
                    failure(f"{case}")
                    continue
                count[outcome] += 1
                if outcome == "skipped":
                    print(f"SKIPPED {case}: {message or 'no reason given'}", file=sys.stderr)
                    unexplained += not message
        if program["result"] != "OK" and count["failed"] == failed_before:
            failure(f"{name}: {program['result']}, exit status {program['returncode']}")
        elif program["result"] == "OK" and not results.exists():
            failure(f"{name}: wrote no results")

    if status != 0 and count["failed"] == 0:
        failure("meson test itself (see above)")
    print(*count.values(), unexplained)


main()
