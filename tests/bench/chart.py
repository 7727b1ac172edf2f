"""An SVG chart: a panel for each row, a bar for each peer, on a logarithmic scale."""

import html
import math

from tables import number
from workloads import OURS

COLUMNS = 4
WIDTH, MARGIN, NAME, VALUE, BAR, GAP, HEAD = 300, 16, 58, 40, 11, 3, 40
OUR_COLOUR, THEIR_COLOUR, INK, FAINT = "#c2410c", "#94a3b8", "#1e293b", "#cbd5e1"
# Powers of ten; what lies outside ends at the edge, and its number says so.
LOW, HIGH = -1, 3


def chart(rows, peers, ratio, baseline, subtitle):
    """`ratio(row, peer)` to `baseline(row)`, or None."""
    panels = [(row, [(peer, ratio(row, peer)) for peer in peers if ratio(row, peer)])
              for row in rows]
    panels = [(row, bars) for row, bars in panels if bars]
    height = HEAD + max((len(bars) for _, bars in panels), default=0) * (BAR + GAP) + 16
    lines = -(-len(panels) // COLUMNS)
    total_width, total_height = COLUMNS * WIDTH + 2 * MARGIN, lines * height + 76

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total_width} {total_height}" '
             f'width="{total_width}" height="{total_height}" font-family="sans-serif" '
             f'font-size="11" fill="{INK}">',
             f'<rect width="{total_width}" height="{total_height}" fill="white"/>',
             text(MARGIN, 26, "What event loops cost on the same work", size=18, weight="bold"),
             text(MARGIN, 46, subtitle)]
    for index, (row, bars) in enumerate(panels):
        x = MARGIN + index % COLUMNS * WIDTH
        y = 62 + index // COLUMNS * height
        parts += panel(x, y, f"{row.key} ({baseline(row)} = 1)", bars)
    return "\n".join([*parts, "</svg>"]) + "\n"


def panel(x, y, title, bars):
    span = WIDTH - NAME - VALUE - MARGIN

    def at(value):
        power = min(max(math.log10(value), LOW), HIGH)
        return x + NAME + (power - LOW) / (HIGH - LOW) * span

    bottom = y + HEAD + len(bars) * (BAR + GAP)
    parts = [text(x, y + 14, title, weight="bold")]
    for power in range(LOW, HIGH + 1):
        position = at(10.0 ** power)
        parts.append(f'<line x1="{position:.1f}" x2="{position:.1f}" y1="{y + HEAD - 6}" '
                     f'y2="{bottom}" stroke="{INK if power == 0 else FAINT}"/>')
        parts.append(text(position, y + HEAD - 10, f"{10.0 ** power:g}", size=9, anchor="middle"))
    for index, (peer, value) in enumerate(bars):
        top = y + HEAD + index * (BAR + GAP)
        left, right = sorted((at(1), at(value)))
        ours = peer == OURS
        colour = OUR_COLOUR if ours else THEIR_COLOUR
        weight = "bold" if ours else "normal"
        parts.append(text(x + NAME - 6, top + BAR - 2, peer, anchor="end", weight=weight))
        parts.append(f'<rect x="{left:.1f}" y="{top}" width="{max(right - left, 1):.1f}" '
                     f'height="{BAR}" fill="{colour}"/>')
        parts.append(text(right + 4, top + BAR - 2, number(value), weight=weight))
    return parts


def text(x, y, content, size=11, weight="normal", anchor="start"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" '
            f'text-anchor="{anchor}">{html.escape(content)}</text>')
