# SPDX-License-Identifier: MIT
"""What of a program on the host has to be known: its segments, and whether the guest's is the same.
"""

import collections
import struct

HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
SEGMENT = struct.Struct("<IIQQQQQQ")
PT_LOAD, PF_X = 1, 1
PAGE = 4096

Segment = collections.namedtuple("Segment", "kind flags offset address physical in_file size align")


class Image:
    """A program or library on the host. Raises OSError or ValueError for what is none."""

    def __init__(self, path):
        self.path = path
        with open(path, "rb") as file:
            start = file.read(PAGE)
        if start[:5] != b"\x7fELF\x02" or len(start) < HEADER.size:
            raise ValueError(f"{path} is no 64-bit ELF file")
        fields = HEADER.unpack_from(start)
        self.entry, table, size, count = fields[4], fields[5], fields[9], fields[10]
        if size != SEGMENT.size or table + size * count > len(start):
            raise ValueError(f"{path} has no program headers where they are expected")
        self._headers = (table, start[table:table + size * count])
        self.segments = [Segment(*SEGMENT.unpack_from(start, table + number * size))
                         for number in range(count)]

    def is_as(self, first_page):
        """Whether a file that begins with these bytes has the same segments."""
        table, headers = self._headers
        return first_page[table:table + len(headers)] == headers

    def loaded(self):
        return [segment for segment in self.segments if segment.kind == PT_LOAD]

    def bias_of(self, offset, address):
        """What its addresses are moved by, if the page at a file offset, of an executable segment,
        is at an address; None: no such segment begins there."""
        for segment in self.loaded():
            if segment.flags & PF_X and segment.offset & -PAGE == offset:
                return address - (segment.address & -PAGE)
        return None

    def range(self, bias):
        """[start, end) of all its segments."""
        loaded = self.loaded()
        return (min(segment.address for segment in loaded) + bias,
                max(segment.address + segment.size for segment in loaded) + bias)
