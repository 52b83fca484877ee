# SPDX-License-Identifier: MIT
"""Page tables as the processor walks them, read through the direct map: `quire pagetable`.

Levels are those of arch/x86_64/paging.h: 0 has the leaves of 4 KiB, 3 is the top.
"""

import collections
import struct

from guest import constants, memory, structures, words
from guest.errors import Damaged, Problem
from guest.structures import Record

ENTRIES = 512
TOP = 3
LEVEL_NAMES = {3: "level 3 (512 GiB an entry)", 2: "level 2 (1 GiB)", 1: "level 1 (2 MiB)",
               0: "level 0 (4 KiB)"}
BITS = [("PTE_PRESENT", "present"), ("PTE_WRITE", "writable"), ("PTE_USER", "user"),
        ("PTE_ACCESSED", "accessed"), ("PTE_DIRTY", "dirty"), ("PTE_LARGE", "large"),
        ("PTE_GLOBAL", "global"), ("PTE_WRITE_THROUGH", "write-through"),
        ("PTE_NO_CACHE", "uncached"), ("PTE_SHARED", "shared mapping"),
        ("PTE_NO_EXEC", "no-execute")]

TableAt = collections.namedtuple("TableAt", "pfn level address")


class Leaf(collections.namedtuple("Leaf", "address pfn pages writable executable user bits")):
    """What one entry maps, with the rights that the way to it leaves."""

    def rights_text(self):
        return "r" + ("w" if self.writable else "-") + ("x" if self.executable else "-") + (
            "" if self.user else ", kernel only")


def bit(name):
    return constants.get(name)


def entries(pfn):
    """The 512 numbers of a table."""
    return struct.unpack(f"<{ENTRIES}Q", memory.read_physical(pfn * memory.PAGE, memory.PAGE))


def top_of(space):
    """The frame number of a space's top table."""
    pmap = space.follow("pmap", "struct pmap")
    if pmap is None:
        raise Problem("the space has no page tables yet")
    frame = pmap["top"]
    size = structures.layout("struct frame").size
    return (frame - structures.variable("frame_table")) // size


def target(entry):
    return (entry & bit("PTE_ADDRESS")) // memory.PAGE


def span(level):
    """Bytes that an entry of a level covers."""
    return memory.PAGE << 9 * level


def is_way(entry, level):
    """Whether it leads to another table."""
    return level > 0 and bool(entry & bit("PTE_PRESENT")) and not entry & bit("PTE_LARGE")


def bits_text(entry):
    """The bits of an entry."""
    if not entry:
        return "empty"
    named = [word for name, word in BITS if entry & bit(name)]
    return ", ".join(named if entry & bit("PTE_PRESENT") else ["not present"] + named)


def _own(level):
    """How many entries of a table of a level are a space's own: the rest is the kernel's half."""
    return bit("TABLE_KERNEL_FIRST") if level == TOP else ENTRIES


def kept(pfn, level, seen):
    """(index, entry) of the entries in use of a table, read once."""
    key = (pfn, level)
    if key not in seen:
        _, count = _frame_bounds()
        if pfn >= count:
            raise Damaged(f"a page table leads to frame {pfn:#x}, which the machine does not have")
        seen[key] = [(index, entry) for index, entry in enumerate(entries(pfn)[:_own(level)])
                     if entry]
    return seen[key]


def _frame_bounds():
    return structures.variable("frame_table"), structures.variable("frame_table_count")


def tables(space):
    """All tables of a space, each way to one: TableAt, upper ones first."""
    yield from _tables(top_of(space), TOP, 0, {})


def _tables(pfn, level, address, seen):
    yield TableAt(pfn, level, address)
    if level == 0:
        return
    for index, entry in kept(pfn, level, seen):
        if is_way(entry, level):
            yield from _tables(target(entry), level - 1, address + index * span(level), seen)


def leaves(space, seen=None):
    """All that the user half of a space's tables maps. `seen`: a dictionary that keeps what was
    read, for tables that several spaces share."""
    yield from _leaves(top_of(space), TOP, (0, True, True), {} if seen is None else seen)


def _leaves(pfn, level, way, seen):
    address, writable, executable = way
    write, no_exec, user = bit("PTE_WRITE"), bit("PTE_NO_EXEC"), bit("PTE_USER")
    for index, entry in kept(pfn, level, seen):
        at = address + index * span(level)
        may_write = writable and bool(entry & write)
        may_execute = executable and not entry & no_exec
        if is_way(entry, level):
            yield from _leaves(target(entry), level - 1, (at, may_write, may_execute), seen)
        elif entry & bit("PTE_PRESENT"):
            yield Leaf(at, target(entry), span(level) // memory.PAGE, may_write, may_execute,
                       bool(entry & user), entry)


def table_text(pfn):
    """A table's references and entries, as its frame counts them."""
    frame = Record("struct frame", structures.variable("frame_table")
                   + pfn * structures.layout("struct frame").size)
    refs = frame["refs"]
    return (f"table in frame {pfn:#x}, {words.count(frame['count'], 'entry', 'entries')} in use, "
            + ("ours alone" if refs == 1 else f"shared: {words.count(refs, 'reference')}"))


def walk_lines(space, address):
    """`quire pagetable PID ADDR`: one line a level, and what it comes to."""
    pfn, writable, executable, user = top_of(space), True, True, True
    for level in range(TOP, -1, -1):
        index = address >> 12 + 9 * level & ENTRIES - 1
        entry = entries(pfn)[index]
        yield f"{LEVEL_NAMES[level]}: " + table_text(pfn)
        yield f"  entry {index} is {entry:#018x}: " + bits_text(entry)
        if not entry & bit("PTE_PRESENT"):
            yield f"{address:#x} is not mapped: the next touch is a page fault"
            return
        writable = writable and bool(entry & bit("PTE_WRITE"))
        executable = executable and not entry & bit("PTE_NO_EXEC")
        user = user and bool(entry & bit("PTE_USER"))
        if not is_way(entry, level):
            break
        pfn = target(entry)
    physical = target(entry) * memory.PAGE + address % span(level)
    leaf = Leaf(address, physical // memory.PAGE, 1, writable, executable, user, entry)
    yield (f"{address:#x} leads to physical {physical:#x}, frame {leaf.pfn:#x}, "
           f"{leaf.rights_text()}")


def _runs(space):
    """Leaves that go on where the one before ended, with the same rights, as one:
    [address, pages, first leaf, whether frames follow each other]."""
    run = None
    for leaf in leaves(space):
        if run and leaf.address == run[0] + run[1] * memory.PAGE and (
                leaf.writable, leaf.executable, leaf.user, leaf.pages > 1) == (
                run[2].writable, run[2].executable, run[2].user, run[2].pages > 1):
            run[3] = run[3] and leaf.pfn == run[2].pfn + run[1]
            run[1] += leaf.pages
            continue
        if run:
            yield run
        run = [leaf.address, leaf.pages, leaf, True]
    if run:
        yield run


def lines(space):
    """`quire pagetable PID`: runs of mappings, and the tables by level."""
    pages = 0
    for address, count, leaf, in_order in _runs(space):
        frames = f"{leaf.pfn:#x}" + (
            "" if count == 1 else f" to {leaf.pfn + count - 1:#x}" if in_order else " and others")
        size = "large " if leaf.pages > 1 else ""
        yield (f"{address:012x}-{address + count * memory.PAGE:012x} {leaf.rights_text()} "
               f"{count:6} {size}{'page, frame' if count == 1 else 'pages, frames'} {frames}")
        pages += count
    levels = collections.Counter()
    shared = collections.Counter()
    for table in tables(space):
        levels[table.level] += 1
        shared[table.level] += _frame_refs(table.pfn) > 1
    yield f"{words.count(pages, 'page')} mapped; tables by level: " + ", ".join(
        f"{levels[level]} of level {level}"
        + (f" ({shared[level]} shared)" if shared[level] else "")
        for level in sorted(levels, reverse=True))


def _frame_refs(pfn):
    return Record("struct frame", structures.variable("frame_table")
                  + pfn * structures.layout("struct frame").size)["refs"]
