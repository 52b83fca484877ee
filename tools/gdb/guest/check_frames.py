# SPDX-License-Identifier: MIT
"""The records of all frames, against what leads to them and against the free lists: a part of
`quire check`."""

import collections
import struct

import gdb

from guest import constants, frames, memory, page_tables, structures
from guest.structures import Record

PROGRESS_FRAMES = 1 << 20  # from so many on, say that it takes a while


def refs(pfn):
    return frames.record(pfn)["refs"]


def check(sweep, complete):
    """All of them. `complete`: every way to a frame has been counted."""
    _gather_kernel_tables(sweep)
    _, count = frames.table()
    if count >= PROGRESS_FRAMES:
        gdb.write(f"reading the records of {count} frames ...\n")
        gdb.flush()
    names = {number: frames.use_name(number)
             for number in structures.enumeration("enum frame_use")}
    held = collections.Counter()
    for address, ways in sweep.frame_ways.items():
        pfn = sweep.pfn(address)
        sweep.expect(pfn >= 0, f"a page tree holds {address:#x}, which is no frame")
        held[pfn] += ways
    by_use = collections.Counter()
    for pfn, record in enumerate(frames.whole_table()):
        by_use[record[1]] += 1
        if record[0] or pfn in held or pfn in sweep.table_ways:
            _check_one(sweep, pfn, (record[0], names.get(record[1], str(record[1])), record[3]),
                       (held[pfn], sweep.table_ways[pfn], complete))
    sweep.totals["frames"] = sum(number for use, number in by_use.items()
                                 if names.get(use) != "hole")
    if complete:
        _check_sums(sweep, by_use)
        _check_free(sweep, by_use)


def _check_one(sweep, pfn, record, ways):
    """The references of one frame: (references, use, count) against (leaves that hold it, entries
    that lead to it as a table, whether these are all)."""
    references, use, count = record
    leaves, table_entries, complete = ways
    counted = {"free": 0, "anon": leaves, "file": leaves, "shmem": leaves,
               "table": table_entries}.get(use)
    if counted is not None and references != counted and (
            complete or use == "free" or references < counted):
        sweep.violation(f"frame {pfn:#x} ({use}) counts {references} references, and {counted} "
                        + ("entries lead to it" if use == "table" else "pages of trees hold it"))
    if leaves and use not in ("anon", "file", "shmem"):
        sweep.violation(f"frame {pfn:#x} ({use}) is held by {leaves} pages of trees")
    if table_entries and use != "table":
        sweep.violation(f"frame {pfn:#x} ({use}) is led to as a page table")
    elif table_entries and (pfn, page_tables.TOP) not in sweep.tables_seen:
        _check_entries_in_use(sweep, pfn, count)


def _check_entries_in_use(sweep, pfn, count):
    for level in range(page_tables.TOP):
        entries = sweep.tables_seen.get((pfn, level))
        if entries is not None:
            sweep.expect(len(entries) == count,
                         f"frame {pfn:#x} (table) counts {count} entries in use, and "
                         f"{len(entries)} are")


def _gather_kernel_tables(sweep):
    """Those of KVA, which are made on demand: the rest of the kernel's tables come from boot."""
    top = next(iter(pfn for pfn in sweep.table_ways
                    if (pfn, page_tables.TOP) in sweep.tables_seen), None)
    if top is None:
        return
    address, end = constants.get("KVA_BASE"), constants.get("KVA_END")
    entry = page_tables.entries(top)[address >> 39 & 511]
    upper = page_tables.entries(page_tables.target(entry))
    for at in range(address, end, page_tables.span(2)):
        way = upper[at >> 30 & 511]
        if page_tables.is_way(way, 2):
            sweep.table_ways[page_tables.target(way)] += 1
            for below in page_tables.entries(page_tables.target(way)):
                if page_tables.is_way(below, 1):
                    sweep.table_ways[page_tables.target(below)] += 1


def _check_sums(sweep, by_use):
    """What the processors' counts add up to."""
    cpus = structures.variable("frame_cpus", "mm/frame.c")
    kinds = structures.enumeration("enum frame_use")
    row = cpus[0]["by_use"]
    base = structures.offset_of("struct frame_cpu", "by_use")
    sums = [0] * len(row)
    for index in range(len(cpus)):
        data = memory.read(cpus.address + index * cpus.kind.sizeof + base, 8 * len(row))
        sums = [have + more for have, more in zip(sums, struct.unpack(f"<{len(row)}Q", data))]
    for use, total in enumerate(sums):
        name = frames.use_name(use)
        if use in kinds and name != "hole":
            total &= (1 << 64) - 1
            sweep.expect(by_use[use] == total,
                         f"{by_use[use]} frames are {name} by their records, and {total} by the "
                         "count that is kept")


def _check_free(sweep, by_use):
    """Blocks on the buddy's lists and frames in processors' hands are all free ones."""
    lists = structures.variable("buddy", "mm/frame.c")["lists"]
    base, listed = constants.get("DIRECT_MAP_BASE"), 0
    for order in range(len(lists)):
        for address in structures.linked_nodes(lists[order].address):
            pfn = (address - base) // memory.PAGE
            record = frames.record(pfn)
            listed += 1 << order
            sweep.expect(frames.use_name(record["use"]) == "free" and record["order"] == order,
                         f"frame {pfn:#x} is on the free list of order {order}, and is "
                         f"{frames.use_name(record['use'])} of order {record['order']}")
    cpus = structures.variable("frame_cpus", "mm/frame.c")
    in_hand = sum(Record("struct frame_cpu", cpus.address + index * cpus.kind.sizeof)
                  ["state"]["count"] for index in range(len(cpus)))
    free = by_use[frames.use("FREE")]
    sweep.expect(listed + in_hand == free,
                 f"{free} frames are free by their records, and {listed} are on free lists and "
                 f"{in_hand} in processors' hands")
