# SPDX-License-Identifier: MIT
"""Frames of physical memory: `quire frame`."""

import struct

from guest import areas, constants, memory, objects, names, page_trees, page_tables, processes
from guest import structures, words
from guest.errors import Problem
from guest.structures import Record

FRAME = "struct frame"
SHOWN_MAX = 40


def use_name(number):
    """The name of a use, as frame_use_name tells it."""
    name = structures.enumeration("enum frame_use").get(number, f"FRAME_{number}")
    return name.removeprefix("FRAME_").lower()


def use(name):
    """The number of a use."""
    for number, found in structures.enumeration("enum frame_use").items():
        if found == "FRAME_" + name:
            return number
    raise Problem(f"this kernel has no use FRAME_{name}")


def table():
    """(address of the first record, how many there are)."""
    first, count = structures.variable("frame_table"), structures.variable("frame_table_count")
    if not first:
        raise Problem("there are no frames yet: the kernel is still booting")
    return first, count


def record(pfn):
    first, count = table()
    if not 0 <= pfn < count:
        raise Problem(f"there is no frame {pfn:#x}: the machine has {count:#x}")
    return Record(FRAME, first + pfn * structures.layout(FRAME).size)


def pfn_of(address):
    """The number of the frame whose record is at an address."""
    first, count = table()
    size = structures.layout(FRAME).size
    pfn, rest = divmod(address - first, size)
    if rest or not 0 <= pfn < count:
        raise Problem(f"{address:#x} is no record of a frame")
    return pfn


def number_meant(value):
    """The pfn that a user's number means: a pfn, a physical address, or one of the direct map."""
    _, count = table()
    base = constants.get("DIRECT_MAP_BASE")
    if base <= value < constants.get("DIRECT_MAP_END"):
        value -= base
    elif value < count:
        return value
    if value >= count * memory.PAGE:
        raise Problem(f"{value:#x} is no frame: the machine has {count:#x} of them, "
                      f"{count * memory.PAGE:#x} bytes")
    return value // memory.PAGE


def whole_table():
    """(refs, use, order, count) of all frames, in order. A large read."""
    first, count = table()
    kind = structures.layout(FRAME)
    places = [(kind.fields[name][0], name) for name in ("refs", "use", "order", "count")]
    if [name for _, name in sorted(places)] != ["refs", "use", "order", "count"] or kind.size != 8:
        raise Problem("struct frame is not as these commands know it")
    return struct.iter_unpack("<IBBH", memory.read(first, count * kind.size))


def lines(pfn):
    """One frame: use, references, and everybody who leads to it."""
    frame = record(pfn)
    kind = use_name(frame["use"])
    yield (f"frame {pfn:#x} (physical {pfn * memory.PAGE:#x}, in the kernel "
           f"{memory.direct(pfn * memory.PAGE):#x}): {kind}, {words.count(frame['refs'], 'reference')}"
           + _order_text(frame, pfn))
    if kind == "table":
        yield f"  a page table with {words.count(frame['count'], 'entry', 'entries')} in use"
        yield from _limited(_table_ways(pfn))
    if kind in ("anon", "file", "shmem"):
        yield from _limited(_holders(frame))
    if kind in ("anon", "file", "shmem", "zero", "reserved"):
        yield from _limited(_mappings(pfn))


def _order_text(frame, pfn):
    tail = constants.get("FRAME_ORDER_TAIL")
    if frame["order"] == tail:
        return "" if use_name(frame["use"]) in ("free", "table") else (
            f", part of the block at {pfn - frame['count']:#x}")
    if frame["order"]:
        return f", head of a block of {1 << frame['order']} frames"
    if frame["count"] & constants.get("FRAME_RUN_MARK") and use_name(frame["use"]) == "anon":
        return ", came with a run (huge page)"
    return ""


def _limited(found):
    for number, line in enumerate(found):
        if number == SHOWN_MAX:
            yield f"  ... and {sum(1 for _ in found) + 1} more"
            return
        yield "  " + line


def _holders(frame):
    """Trees whose leaves hold the frame."""
    seen, pids = {}, processes.by_space()
    for vm_object in objects.every():
        for index, held in page_trees.pages(vm_object["tree"], seen):
            if held == frame.address:
                name = names.of_object(vm_object)
                yield f"held by object {vm_object.address:#x}{' ' + name if name else ''}, " \
                      f"page {index:#x}"
    for space in areas.spaces():
        for shadow in {area["shadow"]: area for area in areas.every(space) if area["shadow"]}:
            tree = Record(areas.SHADOW, shadow)["tree"]
            for index, held in page_trees.pages(tree, seen):
                if held == frame.address:
                    yield (f"held by shadow {shadow:#x} of {users_text(space, pids)}, "
                           f"page {index:#x}")


def _mappings(pfn):
    """Entries of page tables that lead to the frame."""
    seen, pids = {}, processes.by_space()
    for space in areas.spaces():
        for leaf in page_tables.leaves(space, seen):
            inside = pfn - leaf.pfn
            if 0 <= inside < leaf.pages:
                yield (f"mapped by {users_text(space, pids)} at "
                       f"{leaf.address + inside * memory.PAGE:#x}, {leaf.rights_text()}")


def _table_ways(pfn):
    pids = processes.by_space()
    for space in areas.spaces():
        for table_at in page_tables.tables(space):
            if table_at.pfn == pfn:
                yield f"level {table_at.level}, for {table_at.address:#x} of " + users_text(
                    space, pids)


def users_text(space, pids):
    """Whose a space is."""
    users = pids.get(space.address)
    return f"process {', '.join(map(str, users))}" if users else f"space {space.address:#x}"
