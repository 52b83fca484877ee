# SPDX-License-Identifier: MIT
"""The invariants of memory, checked from outside: `quire check`.

What kernel/vm/check.c and sweep.c check from inside, read here without running anything: it works
when the kernel cannot run any more, and does not trust its code. A machine may have stopped in the
middle of a change. So spaces whose lock is taken are left out, and where a processor is inside the
kernel, references that nobody was found for are no violation: it may be holding them.
"""

import collections

import gdb

from guest import areas, check_frames, constants, frames, locks, memory, objects
from guest import page_tables, page_trees, processors, structures
from guest.errors import Problem
from guest.structures import Record, container

VIOLATIONS_MAX = 100
PROGRESS_PAGES = 1 << 16  # from so many on, say that it takes a while


class Enough(Exception):
    """So much is wrong that nothing more need be looked for."""


class Sweep:
    """What one check has counted and found."""

    def __init__(self):
        self.found = []
        self.left_out = []
        self.totals = collections.Counter()
        self.frame_ways = collections.Counter()  # address of struct frame -> leaves that hold it
        self.table_ways = collections.Counter()  # pfn -> entries that lead to it as a table
        self.node_ways = collections.Counter()  # address of a node -> nodes and roots
        self.tables_seen = {}  # for page_tables
        self.first_record, self.frames = frames.table()
        self.record_bytes = structures.layout(frames.FRAME).size
        self.zero_frame = structures.variable("zero_frame", "vm/space.c")

    def pfn(self, frame):
        """The number of a frame by its record (0: the frame of zeroes); -1: there is none there."""
        pfn, rest = divmod((frame or self.zero_frame) - self.first_record, self.record_bytes)
        return pfn if rest == 0 and 0 <= pfn < self.frames else -1

    def violation(self, text):
        self.found.append(text)
        if len(self.found) >= VIOLATIONS_MAX:
            raise Enough

    def expect(self, holds, text):
        if not holds:
            self.violation(text)


def lines():
    """All of it: what is wrong, or `ok` with totals."""
    sweep = Sweep()
    quiet = is_quiet()
    try:
        _check(sweep, quiet)
    except Enough:
        sweep.found.append(f"... and perhaps more: {VIOLATIONS_MAX} are enough")
    for text in sweep.left_out:
        yield f"left out: {text}"
    if not quiet:
        yield ("a processor is inside the kernel: it may hold references that are not looked for, "
               "and be in the middle of a change")
    if sweep.found:
        yield from sweep.found
        yield f"{len(sweep.found)} violations"
        return
    yield "ok: " + ", ".join(f"{count} {what}" for what, count in sweep.totals.items())


def _check(sweep, quiet):
    spaces = [space for space in areas.spaces() if _is_at_rest(sweep, space)]
    complete = quiet and not sweep.left_out
    for space in spaces:
        sweep.totals["spaces"] += 1
        check_areas(sweep, space)
        gather_shadows(sweep, space)
        check_tables(sweep, space)
    for vm_object in objects.every():
        sweep.totals["objects"] += 1
        gather_tree(sweep, vm_object["tree"], f"object {vm_object.address:#x}")
    check_nodes(sweep, complete)
    if len(sweep.frame_ways) >= PROGRESS_PAGES:
        gdb.write(f"comparing {len(sweep.frame_ways)} pages ...\n")
        gdb.flush()
    for space in spaces:
        check_entries(sweep, space)
    check_frames.check(sweep, complete)


def is_quiet():
    """Whether every processor runs user code or is idle: nobody is in the middle of anything."""
    if not processors.count():
        raise Problem("there are no processes yet: the kernel is still booting")
    idle = processors.idle_threads()
    was, quiet = gdb.selected_thread(), True
    for thread in gdb.selected_inferior().threads():
        thread.switch()
        cpu = processors.selected()
        in_user = int(gdb.parse_and_eval("$rip")) & 1 << 63 == 0
        if cpu and not in_user and cpu["current"] not in idle:
            quiet = False
    was.switch()
    return quiet


def _is_at_rest(sweep, space):
    if locks.is_taken(space["lock"]):
        sweep.left_out.append(f"space {space.address:#x}, whose lock is held")
    elif space["lock"]["taken"] & constants.get("VM_SPACE_NARROWING"):
        sweep.left_out.append(f"space {space.address:#x}, of which a range is being taken away")
    else:
        return True
    return False


# ---- areas ----

def check_areas(sweep, space):
    """Order, links, gaps and sums."""
    kept = space["areas"]
    whose = f"space {space.address:#x}"
    before, count, total = None, 0, 0
    for area in areas.every(space):
        end_before = before["end"] if before else constants.get("USER_MIN")
        at = f"area {area['start']:#x}-{area['end']:#x} of {whose}"
        sweep.expect(area["start"] < area["end"] <= constants.get("USER_END")
                     and area["start"] % memory.PAGE == area["end"] % memory.PAGE == 0,
                     f"{at} is no range of user pages")
        sweep.expect(end_before <= area["start"],
                     f"{at} begins before the end {end_before:#x} of the one before it")
        sweep.expect(area["gap"] == area["start"] - end_before,
                     f"{at} counts a gap of {area['gap']:#x} before it, and there is one of "
                     f"{area['start'] - end_before:#x}")
        sweep.expect(area["prev"] == (before.address if before else 0),
                     f"{at} is linked to another than is before it")
        sweep.expect(area["space"] == space.address, f"{at} says it is of another space")
        sweep.expect(area["prot"] & ~area["max_prot"] == 0,
                     f"{at} has the rights {areas.rights(area['prot'])} and may have "
                     f"{areas.rights(area['max_prot'])} at most")
        before, count, total = area, count + 1, total + area["end"] - area["start"]
    sweep.totals["areas"] += count
    sweep.expect(count == kept["count"],
                 f"{whose} has {count} areas and counts {kept['count']}")
    sweep.expect(total == kept["bytes"],
                 f"{whose} has {total:#x} bytes in areas and counts {kept['bytes']:#x}")
    check_order(sweep, space)


def check_order(sweep, space):
    """The tree has the same areas in the same order as the list, and the vacancy."""
    root = space["areas"]["tree"]["root"]
    vacancy = space["areas"]["vacancy"]
    tree = [area.address for area in _tree_areas(root, 0)]
    listed = [area.address for area in areas.every(space)]
    sweep.expect([address for address in tree if address != vacancy] == listed,
                 f"space {space.address:#x} has other areas in its tree than in its list")


def _tree_areas(node, depth):
    if not node:
        return
    if depth > 64:
        raise Problem(f"the tree of areas goes too deep at {node:#x}")
    links = Record("struct rb_node", node)
    yield from _tree_areas(links["left"], depth + 1)
    yield container(node, areas.AREA, "node")
    yield from _tree_areas(links["right"], depth + 1)


# ---- page trees ----

def gather_shadows(sweep, space):
    """Each shadow once, with the areas that use it counted."""
    users = collections.Counter(area["shadow"] for area in areas.every(space) if area["shadow"])
    for address, count in users.items():
        shadow = Record(areas.SHADOW, address)
        sweep.expect(shadow["areas"] == count,
                     f"shadow {address:#x} counts {shadow['areas']} areas, and {count} use it")
        gather_tree(sweep, shadow["tree"], f"shadow {address:#x}")


def gather_tree(sweep, tree, whose):
    """Counts ways to nodes and frames. A node that was met before is not gone into again."""
    root = tree["root"]
    if not root:
        return
    sweep.node_ways[root] += 1
    waiting = [(root, tree["height"])] if sweep.node_ways[root] == 1 else []
    while waiting:
        address, level = waiting.pop()
        node = Record(page_trees.NODE, address)
        if node["level"] != level:
            sweep.violation(f"a node of {whose} says level {node['level']}, and is at {level}")
            continue
        for slot in page_trees.slots(node):
            if slot and level == 1:
                sweep.frame_ways[slot] += 1
            elif slot:
                sweep.node_ways[slot] += 1
                if sweep.node_ways[slot] == 1:
                    waiting.append((slot, level - 1))


def check_nodes(sweep, complete):
    """References and slots in use of each node met."""
    sweep.totals["nodes"] += len(sweep.node_ways)
    for address, ways in sweep.node_ways.items():
        node = Record(page_trees.NODE, address)
        refs, used = node["refs"], sum(1 for slot in page_trees.slots(node) if slot)
        sweep.expect(refs == ways or (refs > ways and not complete),
                     f"node {address:#x} of a page tree counts {refs} references, and {ways} ways "
                     "lead to it")
        sweep.expect(used == node["used"],
                     f"node {address:#x} of a page tree counts {node['used']} slots in use, and "
                     f"{used} are")


# ---- page tables ----

def check_tables(sweep, space):
    """Counts ways to tables; each table's own rules, the first time it is met. W is what the whole
    way says: a table that is ours alone again may still say W of those that others have too."""
    waiting = [(page_tables.top_of(space), page_tables.TOP, page_tables.bit("PTE_WRITE"))]
    while waiting:
        pfn, level, write = waiting.pop()
        sweep.table_ways[pfn] += 1
        if sweep.table_ways[pfn] > 1:
            continue
        sweep.totals["tables"] += 1
        for index, entry in page_tables.kept(pfn, level, sweep.tables_seen):
            below = page_tables.is_way(entry, level)
            if below:
                waiting.append((page_tables.target(entry), level - 1, entry & write))
            user = page_tables.bit("PTE_PRESENT") | page_tables.bit("PTE_USER")
            sweep.expect(entry & user == user,
                         f"entry {index} of the table in frame {pfn:#x} (level {level}) is "
                         f"{entry:#x}: not for users")
            sweep.expect(not (below and entry & write)
                         or check_frames.refs(page_tables.target(entry)) == 1,
                         f"entry {index} of the table in frame {pfn:#x} (level {level}) leads "
                         "writable to a table that others have too")


class Expected:
    """What an area says of its pages, read once for all of them."""

    def __init__(self, area):
        self.area = area
        self.start, self.end = area["start"], area["end"]
        self.shared = areas.has_flag(area, "SHARED")
        self.may_write = bool(area["prot"] & constants.get("VM_WRITE"))
        self.may_execute = bool(area["prot"] & constants.get("VM_EXEC"))
        self.index = area["offset_pages"]
        self.is_device = bool(area["object"]) and areas.is_device(area)
        self.truth = areas.truth(area)


def check_entries(sweep, space):
    """No entry leads anywhere but where the truth says, or with more rights."""
    coming = areas.every(space)
    area = next(coming, None)
    expected = Expected(area) if area else None
    for leaf in page_tables.leaves(space, sweep.tables_seen):
        sweep.totals["entries"] += 1
        while expected and expected.end <= leaf.address:
            area = next(coming, None)
            expected = Expected(area) if area else None
        if expected is None or leaf.address < expected.start:
            sweep.violation(f"{leaf.address:#x} of space {space.address:#x} is mapped, and is in "
                            "no area")
        elif not expected.is_device:
            check_leaf(sweep, expected, leaf)


def check_leaf(sweep, expected, leaf):
    """The pages of one leaf against what its area says."""
    first = expected.index + (leaf.address - expected.start) // memory.PAGE
    for number in range(leaf.pages):
        frame, alone = expected.truth.get(first + number, (0, False))
        is_right = sweep.pfn(frame) == leaf.pfn + number
        may_write = expected.may_write and (expected.shared or alone)
        if is_right and (may_write or not leaf.writable):
            continue
        where = (f"{leaf.address + number * memory.PAGE:#x} of space "
                 f"{expected.area['space']:#x}")
        sweep.expect(is_right, f"{where} leads to frame {leaf.pfn + number:#x}, and should to "
                     f"{sweep.pfn(frame):#x}")
        sweep.expect(may_write or not leaf.writable,
                     f"{where} may be written through its entry, and must not be: its area is "
                     f"{areas.rights(expected.area['prot'])}"
                     + ("" if expected.shared or alone else ", and others see the page"))
    if leaf.executable and not expected.may_execute:
        sweep.violation(f"{leaf.address:#x} of space {expected.area['space']:#x} may be executed "
                        f"through its entry, and its area is "
                        f"{areas.rights(expected.area['prot'])}")
