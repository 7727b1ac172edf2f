"""The tables, as text."""

import textwrap

from workloads import NOTES, OURS, PEERS


def number(value):
    """Three digits that matter; an integer keeps all of its own."""
    if value is None:
        return ""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{round(value, digits) + 0.0:.{digits}f}"  # no minus before a zero


def table(title, columns, lines):
    """Lines of (label, cells); nothing where no cell has a number."""
    lines = [(label, cells) for label, cells in lines if any(cells)]
    if not lines:
        return []
    first = max(len(label) for label, _ in lines)
    widths = [max(len(text) for text in (column, *(cells[i] for _, cells in lines)))
              for i, column in enumerate(columns)]
    return [title,
            "  ".join([" " * first] + [c.rjust(w) for c, w in zip(columns, widths)]).rstrip(),
            *("  ".join([label.ljust(first)] + [c.rjust(w) for c, w in zip(cells, widths)]).rstrip()
              for label, cells in lines), ""]


def by_peer(title, rows, peers, get, before=(), names=lambda row: ()):
    """A column per peer; our variants stand in lines of their own, in our column. `before` are
    further columns: (heading, cell of a row)."""
    columns = [heading for heading, _ in before] + peers
    lines = []
    for row in rows:
        lines.append((row.key, [cell(row) for _, cell in before]
                      + [number(get(row, peer)) for peer in peers]))
        for name in names(row):
            value = number(get(row, name))
            lines.append((f"  {name}", [""] * len(before)
                          + [value if peer == OURS else "" for peer in peers]))
    return table(title, columns, lines)


def variant_names(row):
    return [f"{OURS}, {name}" for name, _ in row.variants]


def report(timings, counts, goals, rows, peers):
    """Everything, as a list of lines."""
    peers = [peer for peer in PEERS if peer in peers]
    timed = timings.rows

    def base(row):
        name = timings.baseline(row)
        return f"{number(timings.median(row, name))} {name}" if name else ""

    def noise(row):
        found = timings.noise(row)
        return f"{found[0]:.2f}-{found[1]:.2f}" if found else ""

    lines = by_peer("Time, as a ratio to the baseline (ns per operation)", timed, peers,
                    timings.ratio, (("baseline", base), ("noise", noise)), variant_names)
    late = [row for row in timed if "late" in row.arguments]
    for what, title in (("late_p50_ns", "Half of the timers are later than (us)"),
                        ("late_p99_ns", "One of a hundred timers is later than (us)")):
        def lateness(row, name, what=what):
            value = timings.median(row, name, what)
            return None if value is None else value / 1000
        lines += by_peer(title, late, peers, lateness, (), variant_names)
    for kind, title in (("instructions", "Instructions in user space, per operation"),
                        ("system-calls", "System calls, per operation"),
                        ("allocations", "Allocations, per operation"),
                        ("bytes", "Heap bytes, per source")):
        def count(row, name, kind=kind):
            return counts.get(kind, row, name)
        lines += by_peer(title, rows, peers, count, (), variant_names)
    lines += notes(rows)
    lines += table("Goals", ["goal", "ours", ""],
                   [(goal.text, [f"<= {number(goal.bound)}", number(goal.value),
                                 "met" if goal.met else "NOT MET"]) for goal in goals])
    return lines


def notes(rows):
    lines = ["What is unfair, or easy to misread"]
    for group in ["", *dict.fromkeys(row.group for row in rows)]:
        for i, note in enumerate(NOTES.get(group, [])):
            begin = f"  {'' if i else group:4}- "
            lines += textwrap.wrap(note, 98, initial_indent=begin, subsequent_indent=" " * 8)
    return lines + [""]
