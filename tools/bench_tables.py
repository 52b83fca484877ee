# SPDX-License-Identifier: MIT
"""The figures of a run of tools/bench.py as text and as Markdown."""

import os

import bench_events
from bench_run import is_number

README_ROWS = ["getppid", "fork_exit_wait", "fork_exec_exit_wait", "fork_16m", "fork_1g",
               "first_write", "copy_on_write", "mprotect_page", "brk", "pipe_round_trip"]
MARK_BEGIN, MARK_END = "<!-- {}: written by make bench-update -->", "<!-- end of {} -->"


class Results:
    """What a run found. Each of `quire`, `linux`, `quire_ns`, `linux_ns` is {row: value}, `events`
    {row: {kind: number}}, `waits` {row: number}; any of them may lack rows."""

    def __init__(self, rows, figures, linux_version):
        self.rows = rows
        self.figures = figures
        self.linux_version = linux_version
        self.quire, self.linux, self.quire_ns, self.linux_ns, self.events = {}, {}, {}, {}, {}
        self.waits = {}

    def must(self, name):
        figure = self.figures.get(name)
        return figure.most(self.quire) if figure else None

    def groups(self):
        """(title, its rows) in the program's order."""
        titles = list(dict.fromkeys(row.group for row in self.rows))
        return [(title, [row for row in self.rows if row.group == title]) for title in titles]

    def as_json(self):
        keys = ("quire", "linux", "quire_ns", "linux_ns", "events", "waits")
        return {"linux_version": self.linux_version,
                "rows": {row.name: {"what": row.what, "unit": row.unit,
                                    **{key: getattr(self, key)[row.name] for key in keys
                                       if row.name in getattr(self, key)}}
                         for row in self.rows}}


# ---- numbers ----

def count(value):
    """A count, or the word that stands for it."""
    if value is None:
        return ""
    if not is_number(value):
        return str(value)
    return f"{value:,.0f}"


def duration(value):
    """Nanoseconds with three digits and their unit."""
    if not is_number(value):
        return ""
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3), ("ns", 1)):
        if value >= size or unit == "ns":
            value /= size
            break
    return f"{value:.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"


def ratio(quire, linux):
    """How many times as much it is on Linux."""
    if not is_number(quire) or not is_number(linux) or quire <= 0:
        return ""
    times = linux / quire
    return f"{times:,.0f} ×" if times >= 9.95 else f"{times:.1f} ×" if times >= 1 else f"{times:.2f} ×"


def per_operation(value):
    if value == 0:
        return "0"
    if value < 0.01:
        return "< 0.01"
    return f"{value:.2f}" if value < 10 and value != int(value) else f"{value:,.0f}"


# ---- as text ----

def text(results):
    """A table for a terminal."""
    heads = ["per operation", "Quire", "Linux", "ratio", "must", "Quire, time", "Linux, time",
             "ratio"]
    return _text_table(results, heads, _cells)


def text_scaling(results):
    heads = ["several processors", "Quire", "Linux", "ratio", "Quire, time", "Linux, time", "ratio",
             "Quire, waits"]
    return _text_table(results, heads, _cells_scaling)


def _text_table(results, heads, cells):
    lines = []
    for title, rows in results.groups():
        lines.append([title.replace("`", "")])
        lines += [["  " + row.what.replace("`", ""), *cells(results, row.name)] for row in rows]
    widths = [max(len(line[i]) for line in [heads, *lines] if len(line) > i)
              for i in range(len(heads))]
    return "\n".join(_text_line(line, widths) for line in [heads, *lines]) + "\n"


def _text_line(line, widths):
    if len(line) == 1:
        return line[0]
    cells = [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in
                                         zip(line[1:], widths[1:]))]
    return "  ".join(cells).rstrip()


def _cells(results, name):
    quire, linux = results.quire.get(name), results.linux.get(name)
    quire_ns, linux_ns = results.quire_ns.get(name), results.linux_ns.get(name)
    must = results.must(name)
    mark = " !" if is_number(quire) and must is not None and quire > must else ""
    return [count(quire) + mark, count(linux), ratio(quire, linux), count(must),
            duration(quire_ns), duration(linux_ns), ratio(quire_ns, linux_ns)]


def _cells_scaling(results, name):
    """As _cells, with waits for locks per 1,000 operations in place of a promise."""
    quire, linux, times, _, *rest = _cells(results, name)
    waits = results.waits.get(name, "")
    return [quire, linux, times, *rest, f"{waits:,.4g}" if is_number(waits) else waits]


# ---- as Markdown ----

def markdown(results):
    return _markdown_table(results, "| per operation | Quire | Linux 6.1 | Linux / Quire | must | "
                           "Quire, time | Linux, time | Linux / Quire |", _cells)


def markdown_scaling(results):
    return _markdown_table(results, "| per operation | Quire | Linux 6.1 | Linux / Quire | "
                           "Quire, time | Linux, time | Linux / Quire | Quire, waits in 1,000 |",
                           _cells_scaling)


def _markdown_table(results, head, cells):
    lines = [head, "|---|--:|--:|--:|--:|--:|--:|--:|"]
    for title, rows in results.groups():
        lines.append(f"| **{title}** | | | | | | | |")
        for row in rows:
            line = [cell.replace(" !", " **!**") for cell in cells(results, row.name)]
            lines.append(f"| {row.what} | " + " | ".join(line) + " |")
    return "\n".join(lines) + "\n"


def markdown_events(results):
    heads = [head for _, head, _ in bench_events.KINDS]
    lines = ["| per operation | " + " | ".join(heads) + " |", "|---|" + "--:|" * len(heads)]
    for row in results.rows:
        if row.name in results.events:
            cells = [per_operation(results.events[row.name].get(kind, 0))
                     for kind, _, _ in bench_events.KINDS]
            lines.append(f"| {row.what} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def markdown_readme(results):
    lines = ["| | Quire | Linux 6.1 | |", "|---|--:|--:|--:|"]
    for row in results.rows:
        if row.name in README_ROWS:
            quire, linux = results.quire.get(row.name), results.linux.get(row.name)
            lines.append(f"| {row.what} | {count(quire)} | {count(linux)} | "
                         f"{ratio(quire, linux)} |")
    return "\n".join(lines) + "\n"


def put_between_marks(path, name, new):
    """Replaces what is between the marks `name` in a document."""
    begin, end = MARK_BEGIN.format(name), MARK_END.format(name)
    with open(path, encoding="utf-8") as file:
        before = file.read()
    if before.count(begin) != 1 or before.count(end) != 1:
        raise ValueError(f"{path} has no `{begin}` and `{end}` to write between")
    head, rest = before.split(begin)
    after = f"{head}{begin}\n{new}{end}{rest.split(end)[1]}"
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(after)
    os.replace(path + ".new", path)
