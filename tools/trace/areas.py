# SPDX-License-Identifier: MIT
"""The areas of one space: disjoint, sorted, and joined where they are alike."""

import bisect
import typing

PAGE_BITS = 12


class Area(typing.NamedTuple):
    """[start, end), as the event `map` tells it; `offset` is the index of start's page."""

    start: int
    end: int
    prot: int
    max_prot: int
    flags: int
    object: int
    shadow: int
    offset: int

    def index(self, va):
        """Index of va's page in object and shadow."""
        return self.offset + (va - self.start >> PAGE_BITS)

    def part(self, start, end):
        return self._replace(start=start, end=end, offset=self.index(start))

    def goes_on_as(self, other):
        """True if the area that begins where this one ends is this one."""
        return (self.end == other.start and self[2:7] == other[2:7]
                and self.index(self.end) == other.offset)


class Areas:
    """Iterates over its areas in order of address."""

    def __init__(self):
        self._starts = []
        self._areas = []

    def __iter__(self):
        return iter(self._areas)

    def __len__(self):
        return len(self._areas)

    def __eq__(self, other):
        return self._areas == other._areas

    def find(self, va):
        """The area that holds va, or None."""
        at = bisect.bisect_right(self._starts, va) - 1
        return self._areas[at] if at >= 0 and va < self._areas[at].end else None

    def overlapping(self, start, end):
        first, last = self._span(start, end)
        return self._areas[first:last]

    def map(self, area):
        """The area is there from now on, whatever was there before."""
        self._replace(area.start, area.end, [area])

    def unmap(self, start, end):
        self._replace(start, end, [])

    def change(self, start, end, **fields):
        """Sets fields of all that is mapped in [start, end)."""
        parts = [area.part(max(area.start, start), min(area.end, end))._replace(**fields)
                 for area in self.overlapping(start, end)]
        self._replace(start, end, parts)

    def _span(self, start, end):
        """Indexes of the areas that overlap [start, end)."""
        first = bisect.bisect_right(self._starts, start) - 1
        if first < 0 or self._areas[first].end <= start:
            first += 1
        return first, bisect.bisect_left(self._starts, end, lo=first)

    def _replace(self, start, end, middle):
        """Puts `middle` in place of whatever is in [start, end), and joins what is alike."""
        first, last = self._span(start, end)
        new = list(middle)
        if first < last:
            before, after = self._areas[first], self._areas[last - 1]
            if before.start < start:
                new.insert(0, before.part(before.start, start))
            if end < after.end:
                new.append(after.part(end, after.end))
        if first > 0:
            first -= 1
            new.insert(0, self._areas[first])
        if last < len(self._areas):
            new.append(self._areas[last])
            last += 1
        self._areas[first:last] = new = _joined(new)
        self._starts[first:last] = [area.start for area in new]


def _joined(areas):
    result = []
    for area in areas:
        if result and result[-1].goes_on_as(area):
            result[-1] = result[-1]._replace(end=area.end)
        else:
            result.append(area)
    return result
