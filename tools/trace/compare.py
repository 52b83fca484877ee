# SPDX-License-Identifier: MIT
"""One state against another: what was rebuilt from a stream, and what a snapshot says.

What did not fit on the way is told too. Not compared is what no event tells: bits A and D of
entries, and who runs where.
"""

import os

from . import state as states
from . import text

LIST_MAX = 20
NAME_BYTES = 15  # of a process's name, as the kernel keeps it


class Checker:
    """Takes each record of a stream; at the end of each snapshot it compares what was rebuilt up
    to its begin with what it says, and goes on from there.

    report(time, lines) is called with the differences of each snapshot that has any."""

    def __init__(self, schema, report):
        self.snapshots = 0    # that were compared
        self.differing = 0
        self.not_compared = 0  # since events were lost before
        self._schema = schema
        self._report = report
        self._state = states.State(schema)  # rebuilt
        self._fresh = None  # what the snapshot under way says

    def apply(self, record):
        if record.name == "snapshot_begin":
            self._fresh = states.State(self._schema)
        if self._fresh is None:
            self._state.apply(record)
            return
        self._fresh.apply(record)
        if record.name == "snapshot_end":
            self._compare(record.time)
            self._state, self._fresh = self._fresh, None

    def _compare(self, time):
        if not self._state.whole:
            return  # the first one
        if self._state.doubtful:
            self.not_compared += 1
            return
        self.snapshots += 1
        lines = self._state.strays + list(differences(self._state, self._fresh))
        if lines:
            self.differing += 1
            self._report(time, lines)


def differences(rebuilt, told):
    """A line for each thing in which two states differ."""
    yield from _frames(rebuilt, told)
    yield from _dicts("process", rebuilt.processes, told.processes, str, _process)
    yield from _dicts("thread", rebuilt.threads, told.threads, str, "of process {}".format)
    yield from _spaces(rebuilt, told)
    yield from _dicts("object", rebuilt.objects, told.objects, hex, _object)
    yield from _pages("object", {number: thing.pages for number, thing in rebuilt.objects.items()},
                      {number: thing.pages for number, thing in told.objects.items()})
    yield from _dicts("shadow", dict.fromkeys(rebuilt.shadows, ""),
                      dict.fromkeys(told.shadows, ""), hex, str)
    yield from _pages("shadow", rebuilt.shadows, told.shadows)
    yield from _dicts("table", _levels(rebuilt), _levels(told), hex, "level {}".format)
    yield from _entries(rebuilt, told)


def _line(what, rebuilt, told):
    return f"{what}: {rebuilt} by the events, {told} by the snapshot"


def _dicts(what, rebuilt, told, name, describe):
    for key in sorted(set(rebuilt) | set(told)):
        ours = describe(rebuilt[key]) if key in rebuilt else "not there"
        theirs = describe(told[key]) if key in told else "not there"
        if ours != theirs:
            yield _line(f"{what} {name(key)}", ours or "there", theirs or "there")


def _process(process):
    if process.ended:
        return f"child of {process.parent}, ended"
    name = os.path.basename(process.name)[:NAME_BYTES]
    return f"child of {process.parent}, space {process.root:#x}, name {name!r}"


def _object(thing):
    return f"{thing.kind}, {thing.bytes} bytes"


def _levels(state):
    return {pfn: table.level for pfn, table in state.tables.items()}


def _frames(rebuilt, told):
    if rebuilt.frames == told.frames:
        return
    size = max(len(rebuilt.frames), len(told.frames))
    ours = rebuilt.frames.ljust(size, b"\0")
    theirs = told.frames.ljust(size, b"\0")
    start = 0
    while start < size:
        if ours[start] == theirs[start]:
            start += 1
            continue
        end = start + 1
        while end < size and (ours[end], theirs[end]) == (ours[start], theirs[start]):
            end += 1
        yield _line(text.range_name("frame", start, end), rebuilt.use_name(ours[start]),
                    told.use_name(theirs[start]))
        start = end


def _spaces(rebuilt, told):
    for root in sorted(set(rebuilt.spaces) | set(told.spaces)):
        ours, theirs = rebuilt.spaces.get(root), told.spaces.get(root)
        if ours is None or theirs is None:
            yield _line(f"space {root:#x}", "not there" if ours is None else "there",
                        "not there" if theirs is None else "there")
            continue
        if ours == theirs:
            continue
        for area in sorted(set(ours) - set(theirs)):
            yield f"space {root:#x}: only by the events: {text.area(rebuilt, area)}"
        for area in sorted(set(theirs) - set(ours)):
            yield f"space {root:#x}: only by the snapshot: {text.area(told, area)}"


def _pages(what, rebuilt, told):
    for owner in sorted(set(rebuilt) & set(told)):
        if rebuilt[owner] == told[owner]:
            continue
        ours, theirs = dict(rebuilt[owner].items()), dict(told[owner].items())
        wrong = [index for index in sorted(set(ours) | set(theirs))
                 if ours.get(index) != theirs.get(index)]
        for index in wrong[:LIST_MAX]:
            yield _line(f"{what} {owner:#x} page {index}", text.pfn(ours.get(index)),
                        text.pfn(theirs.get(index)))
        if len(wrong) > LIST_MAX:
            yield f"{what} {owner:#x}: {len(wrong) - LIST_MAX} more pages"


def _entries(rebuilt, told):
    ignored = ~states.ACCESSED_DIRTY
    for pfn in sorted(set(rebuilt.tables) & set(told.tables)):
        ours, theirs = rebuilt.tables[pfn].entries, told.tables[pfn].entries
        wrong = [slot for slot in sorted(set(ours) | set(theirs))
                 if (ours.get(slot, 0) ^ theirs.get(slot, 0)) & ignored]
        level = told.tables[pfn].level
        for slot in wrong[:LIST_MAX]:
            yield _line(f"table {pfn:#x} slot {slot}", text.entry(ours.get(slot, 0), level),
                        text.entry(theirs.get(slot, 0), level))
        if len(wrong) > LIST_MAX:
            yield f"table {pfn:#x}: {len(wrong) - LIST_MAX} more entries"
