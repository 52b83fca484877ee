# SPDX-License-Identifier: MIT
"""tests/bench/figures: what each row cost when it was last committed, and what it must not exceed.

A line is NAME FIGURE MUST [owed]. FIGURE is a number, or `skip` for a row that Quire cannot run.
MUST is a number, FACTOR*OTHER (that many times the row OTHER), or - where nothing was promised;
`owed` says that the figure is still above it.
"""

import re

DEARER = 1.05  # what fails
CHEAPER = 0.95  # what is noted

HEAD = """\
# SPDX-License-Identifier: MIT
#
# What each row of tests/bench costs on Quire: guest instructions per operation, or bytes.
#   NAME FIGURE MUST [owed]
# FIGURE was measured; make check fails when a row costs 5% more. `make bench-update` writes it, and
# nothing else: MUST is what was promised (a number, or so many times another row), - is nothing,
# and `owed` marks a promise that is not kept yet. It goes when it is kept, and is never written.

"""


class Malformed(Exception):
    """A line that is no figure."""


class Figure:
    """A line of the file."""

    def __init__(self, value, must="-", owed=False):
        self.value = value  # an int or "skip"
        self.must = must    # as it is written
        self.owed = owed

    def most(self, rows):
        """What the promise comes to among these rows, or None."""
        factor, star, other = self.must.partition("*")
        if not star:
            return None if self.must == "-" else int(self.must)
        base = rows.get(other)
        return int(float(factor) * base) if isinstance(base, int) else None


def read(path):
    """{name: Figure}"""
    with open(path, encoding="utf-8") as file:
        return parse(file.read(), path)


def parse(text, path="figures"):
    figures = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        complaint = _complaint(words, figures)
        if complaint:
            raise Malformed(f"{path}:{number}: {complaint}")
        value = int(words[1]) if words[1].isdigit() else words[1]
        figures[words[0]] = Figure(value, words[2], len(words) == 4)
    for name, figure in figures.items():
        other = figure.must.partition("*")[2]
        if other and other not in figures:
            raise Malformed(f"{path}: {name} is held to {other}, which has no figure")
    return figures


def _complaint(words, before):
    """What is wrong with a line's words, or None."""
    if len(words) not in (3, 4) or words[3:] not in ([], ["owed"]):
        return f"{' '.join(words)!r} is not NAME FIGURE MUST [owed]"
    if not re.fullmatch(r"\d+|skip", words[1]) or words[1] == "0":
        return f"the figure {words[1]!r} is no number"
    if not re.fullmatch(r"-|\d+|\d+(\.\d+)?\*\w+", words[2]):
        return f"the promise {words[2]!r} is no number"
    if words[0] in before:
        return f"{words[0]} is there twice"
    return None


def write(path, figures):
    lines = [f"{name:22} {figure.value:>9} {figure.must:>22}{' owed' if figure.owed else ''}"
             for name, figure in figures.items()]
    with open(path, "w", encoding="utf-8") as file:
        file.write(HEAD + "\n".join(lines) + "\n")


def updated(figures, order, rows):
    """The figures with these values in them, in this order of names; promises stay, and a debt that
    has been paid goes. A row that was not measured keeps its figure."""
    result = {}
    for name in order:
        old = figures.get(name, Figure("skip"))
        value = rows.get(name, old.value)
        figure = Figure(value, old.must, False)
        most = figure.most(rows)
        figure.owed = old.owed and (most is None or value == "skip" or value > most)
        result[name] = figure
    return result


def judge(name, figure, rows):
    """(why the row fails or None, what there is to note)"""
    value = rows.get(name, "missing")
    if value == "skip" and figure.value == "skip":
        return None, "skip: the kernel lacks it"
    if not isinstance(value, int):
        return f"it is {value}; committed is {figure.value}", ""
    if figure.value == "skip":
        return None, f"{value}, and no figure is committed yet: make bench-update"
    if value > figure.value * DEARER:
        return f"{value}, {value / figure.value - 1:.1%} more than the {figure.value} committed", ""
    most = figure.most(rows)
    if most is not None and value > most and not figure.owed:
        return f"{value}, more than the {most} promised", ""
    note = f"{value} of {figure.value}"
    if value < figure.value * CHEAPER:
        note += f", {1 - value / figure.value:.1%} less: make bench-update tightens it"
    if figure.owed:
        note += f" (owed: {most})" if most and value > most else " (the promise is kept now)"
    return None, note


def missing(figures, order):
    """Complaints about rows that the file lacks, or has and the program does not."""
    for name in order:
        if name not in figures:
            yield name, "no figure is committed: make bench-update"
    for name in figures:
        if name not in order:
            yield name, "it has a figure, but there is no such row"
