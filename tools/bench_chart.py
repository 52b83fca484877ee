# SPDX-License-Identifier: MIT
"""The picture of a run of tools/bench.py: a bar for Quire and one for Linux in each row, on a
logarithmic scale, as an SVG that follows the reader's light or dark theme."""

import math
from xml.sax.saxutils import escape

from bench_run import is_number
from bench_tables import count, ratio

WIDTH = 940
LABELS, PLOT = 400, 380  # where the bars begin, and how long the longest may be
ROW, BAR, GROUP, TOP, BOTTOM = 26, 9, 34, 78, 20

STYLE = """\
text { font: 12px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
.page { fill: #ffffff } .grid { stroke: #d8dee4 } .quire { fill: #1a7f5a } .linux { fill: #b6bfc9 }
.title { font-size: 17px; font-weight: 600 } .group { font-weight: 600 }
.soft { fill: #59636e } .value { font-size: 10px; fill: #59636e } .times { font-weight: 600 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .page { fill: #0d1117 } .grid { stroke: #2a313a } .quire { fill: #3fb98a }
.linux { fill: #57606b } .soft { fill: #9198a1 } .value { fill: #9198a1 }
}"""


def drawable(results):
    """The groups of the results, only rows that were measured in time on both."""
    for title, rows in results.groups():
        rows = [row for row in rows if row.unit != "bytes"
                and is_number(results.quire.get(row.name))
                and is_number(results.linux.get(row.name))]
        if rows:
            yield title, rows


TITLE = "Guest instructions per operation"
TITLE_SCALING = "Several processors: guest instructions of all of them per operation"


def svg(results, title=TITLE):
    groups = list(drawable(results))
    rows = [row.name for _, rows in groups for row in rows]
    highest = max((results.linux[name] for name in rows), default=10)
    decades = max(1, math.ceil(math.log10(max(highest, 10))))
    height = TOP + sum(GROUP + ROW * len(rows) for _, rows in groups) + BOTTOM
    parts = [*_head(height, title), *_grid(decades, height)]
    y = TOP
    for title, members in groups:
        parts.append(_text(20, y + 22, title.replace("`", ""), "group"))
        y += GROUP
        for row in members:
            parts += _row(y, row, results.quire[row.name], results.linux[row.name], decades)
            y += ROW
    return "\n".join([*parts, "</svg>"]) + "\n"


def _head(height, words):
    title = words + ", Quire and Linux 6.1"
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{title}">',
        f"<title>{title}: the figures are in docs/performance.md</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="page" width="{WIDTH}" height="{height}" rx="8"/>',
        _text(20, 30, words, "title"),
        f'<rect class="quire" x="20" y="43" width="12" height="{BAR}" rx="1"/>',
        _text(38, 52, "Quire"),
        f'<rect class="linux" x="88" y="43" width="12" height="{BAR}" rx="1"/>',
        _text(106, 52, "Linux 6.1, the same program on the same machine"),
        _text(WIDTH - 20, 30, "logarithmic scale", "soft", "end"),
        _text(WIDTH - 20, 52, "Linux / Quire", "soft", "end"),
    ]


def _grid(decades, height):
    parts = []
    for power in range(decades + 1):
        x = LABELS + PLOT * power / decades
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" '
                     f'y2="{height - BOTTOM + 6}"/>')
        parts.append(_text(x, TOP - 6, _power(power), "value", "middle"))
    return parts


def _power(power):
    return f"{10 ** (power % 3)}{['', ' k', ' M', ' G'][power // 3]}"


def _row(y, row, quire, linux, decades):
    parts = [_text(LABELS - 8, y + 13, row.what.replace("`", ""), "", "end"),
             _text(WIDTH - 20, y + 13, ratio(quire, linux), "times", "end")]
    for number, (kind, value) in enumerate((("quire", quire), ("linux", linux))):
        length = max(1.0, PLOT * math.log10(max(value, 1)) / decades)
        top = y + number * (BAR + 1)
        parts.append(f'<rect class="{kind}" x="{LABELS}" y="{top}" width="{length:.1f}" '
                     f'height="{BAR}" rx="1"/>')
        parts.append(_text(LABELS + length + 4, top + 8, count(value), "value"))
    return parts


def _text(x, y, words, kind="", anchor=""):
    kind = f' class="{kind}"' if kind else ""
    anchor = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{kind}{anchor}>{escape(words)}</text>'
