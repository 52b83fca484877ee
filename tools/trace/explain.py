# SPDX-License-Identifier: MIT
"""A state in words: as a whole, from a frame, from an address."""

from . import text
from .state import HUGE_PAGES, PAGE_BITS, VA_MASK

SEEN_MAX = 20


def summary(state):
    """Frames by use, processes, and each space with its areas."""
    yield f"memory: {len(state.frames)} frames"
    for use, count in sorted(state.frames_by_use().items(), key=lambda item: -item[1]):
        yield f"  {use:10} {count:9d}  {text.size(count << PAGE_BITS)}"
    yield (f"{len(state.processes)} processes, {len(state.threads)} threads, "
           f"{len(state.spaces)} spaces, {len(state.tables)} tables, {len(state.objects)} objects, "
           f"{len(state.shadows)} shadows")
    for cpu, (tid, _) in sorted(state.running.items()):
        yield f"processor {cpu} runs {f'thread {tid}' if tid else 'nothing'}"
    for process in sorted(state.processes.values(), key=lambda process: process.pid):
        if process.ended:
            yield f"process {process.pid} {process.name}: has ended, child of {process.parent}"
    for root in sorted(state.spaces):
        yield from space(state, root)


def space(state, root):
    yield f"space {root:#x} of {text.process_names(state, root)}"
    for area in state.spaces[root]:
        total = area.end - area.start >> PAGE_BITS
        there = state.resident_pages(area)
        yield f"  {text.area(state, area)}: {there} of {text.pages(total)}"


def frame(state, pfn):
    """What a frame is used for, whose page it is, who sees it and which entries lead there."""
    use = state.frame_use(pfn)
    if use is None:
        yield f"there is no frame {pfn:#x}: the machine has {len(state.frames):#x}"
        return
    yield f"frame {pfn:#x} (address {pfn << PAGE_BITS:#x}): {use}"
    if pfn in state.tables:
        yield from _table(state, pfn)
    for owner, index in state.holders(pfn):
        yield f"  page {index} of {text.owner_name(state, owner)}"
    seen = state.viewers(pfn)
    for root, va, area in seen[:SEEN_MAX]:
        yield (f"  seen at {va:#x} ({text.rights(area.prot)}) by "
               f"{text.process_names(state, root)}, space {root:#x}")
    if len(seen) > SEEN_MAX:
        yield f"  and at {len(seen) - SEEN_MAX} more places"
    for number, slot, level, entry in _entries_to(state, pfn):
        yield f"  slot {slot} of table {number:#x} leads there: {text.entry(entry, level)}"


def _table(state, pfn):
    table = state.tables[pfn]
    yield f"  page table of level {table.level}, {len(table.entries)} entries in use"
    for number, slot in state.parents(pfn):
        yield f"  slot {slot} of table {number:#x} leads there"
    if pfn in state.spaces:
        yield f"  top of space {pfn:#x}: {text.process_names(state, pfn)}"


def _entries_to(state, pfn):
    """(table, slot, level, entry) of the leaves that map a frame."""
    for number, table in state.tables.items():
        for slot, entry in table.entries.items():
            first = (entry & text.ADDRESS) >> PAGE_BITS
            large = table.level > 1 and entry & text.LARGE
            span = HUGE_PAGES ** (table.level - 1) if large else 1
            if (table.level == 1 or large) and entry & text.PRESENT and first <= pfn < first + span:
                yield number, slot, table.level, entry


def address(state, pid, va):
    """The whole way of an address of a process: area, page, tables, rights, who else sees it."""
    process = state.processes.get(pid)
    if process is None or not process.root:
        yield f"there is no process {pid} with memory at this time"
        return
    va &= VA_MASK
    yield f"address {va:#x} of {process.name} (pid {pid}), space {process.root:#x}"
    area, owner, pfn = state.page_at(process.root, va)
    if area is None:
        yield "  area: none; an access is refused"
    else:
        yield f"  area: {text.area(state, area)}"
        yield f"  page: {area.index(va)}, {_page(state, area, owner, pfn)}"
    yield from _way(state, process.root, va, pfn)
    if pfn is not None:
        others = [item for item in state.viewers(pfn) if item[:2] != (process.root, va & ~0xfff)]
        for root, where, _ in others[:SEEN_MAX]:
            yield f"  seen too at {where:#x} by {text.process_names(state, root)}"
        if not others:
            yield "  nobody else sees it"


def _page(state, area, owner, pfn):
    if pfn is None:
        below = f"; it would come from {text.object_name(state, area.object)}" * bool(area.object)
        return "not there yet" + (below or "; the first write makes one, of zeroes")
    return f"{text.pfn(pfn)} in {text.owner_name(state, owner)}"


def _way(state, root, va, page):
    translation = state.translate(root, va)
    for step in translation.steps:
        seen = len(state.parents(step.table))
        shared = f", shared: {seen} entries lead to it" if seen > 1 else ""
        yield (f"  level {step.level}: table {step.table:#x}{shared}, slot {step.slot}: "
               f"{text.entry(step.entry, step.level)}")
    if translation.pfn is None:
        yield "  the tables do not lead to a page: an access faults"
        return
    rights = "r" + ("w" if translation.writable else "-") + ("x" if translation.executable else "-")
    yield f"  leads to frame {translation.pfn:#x}, {rights} by all levels together"
    if page is not None and page != translation.pfn:
        yield f"  but the page is {text.pfn(page)}"
