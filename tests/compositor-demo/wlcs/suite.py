"""Runs the Wayland conformance suite, each of its tests in a process of its own.

    suite.py RUNNER MODULE [--gtest_filter=PATTERN] [--gtest_output=xml:FILE]

RUNNER is wlcs, or one of its sanitized builds; MODULE is what it loads. Prints what failed with all
it said, and in the end how many tests passed, failed and were skipped, and which were left out and
why. The exit status is 0 if none failed unexpectedly and some passed. The file of results has the
form of GoogleTest's.

Outcomes are read from the output: the suite's own results count what it skips as failures.
"""

import collections
import concurrent.futures
import fnmatch
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree

HERE = pathlib.Path(__file__).parent
AT_ONCE = 2
PATIENCE = 60  # seconds for one test; the slowest takes five

# Protocols that the compositor does not have, and is not meant to.
FOREIGN = {
    "wl_shell": "deprecated, xdg-shell took its place",
    "zxdg_shell_v6": "deprecated, xdg-shell took its place",
    "gtk_primary_selection_device_manager": "deprecated, zwp_primary_selection took its place",
    "zwlr_layer_shell_v1": "no panels",
    "zwlr_foreign_toplevel_manager_v1": "no task bars",
    "zwlr_virtual_pointer_manager_v1": "no remote control",
    "zwp_text_input_manager_v3": "no input methods",
}
# What only these need is not started to be told so.
FOREIGN_SUITES = {
    "*V6*": "zxdg_shell_v6",
    "WlShell*": "wl_shell",
    "GtkPrimarySelection": "gtk_primary_selection_device_manager",
    "*Layer*": "zwlr_layer_shell_v1",
    "ForeignToplevel*": "zwlr_foreign_toplevel_manager_v1",
    "VirtualPointer*": "zwlr_virtual_pointer_manager_v1",
    "TextInput*": "zwp_text_input_manager_v3",
}


def named(file):
    """{name: reason} of a file with lines `NAME  REASON`; # begins a comment."""
    lines = (line.partition("#")[0].split(None, 1) for line in (HERE / file).read_text().splitlines())
    return {name: reason.strip() for name, reason in (line for line in lines if len(line) == 2)}


def listed(command):
    """The names of all tests."""
    output = subprocess.run([*command, "--gtest_list_tests"], check=True, capture_output=True,
                            text=True, timeout=PATIENCE).stdout
    names, suite = [], ""
    for line in output.splitlines():
        name = line.partition("#")[0].rstrip()
        if re.fullmatch(r"\S+\.", name):
            suite = name
        elif re.fullmatch(r"  \S+", name):
            names.append(suite + name.strip())
    return names


def left_out(name, excluded):
    """Why a test is not run; empty: it is."""
    suite, _, test = name.partition(".")
    if name in excluded:
        return f"{name}: {excluded[name]}"
    if test.startswith("DISABLED_") or "/DISABLED_" in name:
        return "disabled by the suite itself"
    for pattern, protocol in FOREIGN_SUITES.items():
        if fnmatch.fnmatchcase(suite, pattern):
            return f"{protocol}: {FOREIGN[protocol]}"
    return ""


def run(command, name):
    """(outcome, text, seconds) of one test."""
    begin = time.monotonic()
    # The path of a socket is short.
    with tempfile.TemporaryDirectory(prefix="wlcs") as runtime_directory:
        os.chmod(runtime_directory, 0o700)
        environment = {**os.environ, "XDG_RUNTIME_DIR": runtime_directory,
                       "LSAN_OPTIONS": f"suppressions={HERE / 'leaks.lsan'}:print_suppressions=0"}
        try:
            ran = subprocess.run([*command, f"--gtest_filter={name}"], env=environment,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                 errors="replace", timeout=PATIENCE)
            output, status = ran.stdout, ran.returncode
        except subprocess.TimeoutExpired as late:
            output, status = (late.stdout or b"").decode(errors="replace"), "none: it hangs"
    seconds = time.monotonic() - begin
    missing = re.search(r"Missing extension: (\w+)", output)
    if f"[       OK ] {name} " in output and status == 0:
        return "passed", output, seconds
    if f"[     SKIP ] {name} " in output and status == 0:
        return "skipped", missing.group(1) if missing else output, seconds
    return "failed", f"{output}\nexit status {status}", seconds


def write_results(file, results):
    suites = ElementTree.Element("testsuites")
    suite = ElementTree.SubElement(suites, "testsuite", name="wlcs")
    for name, (outcome, text, seconds) in results.items():
        classname, _, test = name.partition(".")
        case = ElementTree.SubElement(suite, "testcase", name=test, classname=classname,
                                      status="run", time=f"{seconds:.3f}")
        readable = re.sub(r"[^\t\n\x20-\x7e]", "?", text)
        if outcome == "failed":
            ElementTree.SubElement(case, "failure", message=readable)
        elif outcome == "skipped":
            ElementTree.SubElement(case, "skipped", message="wlcs:\n" + readable)
    ElementTree.ElementTree(suites).write(file)


def main():
    command, pattern, output = sys.argv[1:3], "*", None
    for argument in sys.argv[3:]:
        option, _, value = argument.partition("=")
        if option == "--gtest_filter":
            pattern = value
        elif option == "--gtest_output":
            output = value.removeprefix("xml:")
        else:
            sys.exit(f"unknown argument: {argument}")

    excluded, expected_failures = named("excluded"), named("expected_failures")
    names = listed(command)
    for name in [*excluded, *expected_failures]:
        if name not in names:
            sys.exit(f"{name} is named here, but the suite has no such test")
    reasons = collections.Counter()
    chosen = []
    for name in names:
        if not fnmatch.fnmatchcase(name, pattern):
            continue
        if reason := left_out(name, excluded):
            reasons[reason] += 1
        else:
            chosen.append(name)

    results = {}
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for name, result in zip(chosen, pool.map(lambda name: run(command, name), chosen)):
            outcome, text, _ = result
            if outcome == "skipped" and text in FOREIGN:
                reasons[f"{text}: {FOREIGN[text]}"] += 1
                continue
            if (outcome == "failed") != (name in expected_failures):
                if outcome != "failed":
                    text = "it is expected to fail, and does not"
                outcome = "failed" if name in expected_failures or outcome == "failed" else outcome
            elif outcome == "failed":
                reasons[f"{name} fails: {expected_failures[name]}"] += 1
                continue
            results[name] = (outcome, text, result[2])
            if outcome == "failed":
                print(f"{text}\nFAILED {name}")

    if output:
        write_results(output, results)
    count = collections.Counter(outcome for outcome, *_ in results.values())
    print(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped,"
          f" {sum(reasons.values())} left out:")
    for reason, times in sorted(reasons.items()):
        print(f"{times:5} {reason}")
    sys.exit(0 if count["failed"] == 0 and count["passed"] > 0 else 1)


main()
