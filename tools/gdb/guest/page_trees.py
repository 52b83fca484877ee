# SPDX-License-Identifier: MIT
"""Page trees: the pages of objects and of shadows, by index."""

import struct

from guest import constants, memory, structures, words
from guest.errors import Damaged
from guest.structures import Record

NODE = "struct page_node"
LEVELS_MAX = 16


def slots(node):
    """The numbers in a node's slots."""
    count = constants.get("PAGE_TREE_SLOTS")
    return struct.unpack(f"<{count}Q", memory.read(node.address_of("slot"), 8 * count))


def _span(level):
    """Pages under one slot of a node at a level."""
    return 1 << (level - 1) * constants.get("PAGE_TREE_BITS")


def nodes(tree, within=(0, 1 << 64)):
    """(node, index of its first page), nodes before what is below them; only those that have to do
    with the indexes `within`, from the first to before the second."""
    root = tree.follow("root", NODE)
    if root is not None:
        yield from _nodes((root, tree["base"], tree["height"]), within)


def _nodes(at, within):
    node, base, level = at
    if node["level"] != level or not 0 < level < LEVELS_MAX:
        raise Damaged(f"the node {node.address:#x} of a page tree says level {node['level']}, "
                      f"and is at level {level}")
    yield node, base
    if level == 1:
        return
    span = _span(level)
    for number, slot in enumerate(slots(node)):
        below = base + number * span
        if slot and below < within[1] and within[0] < below + span:
            yield from _nodes((Record(NODE, slot), below, level - 1), within)


def pages(tree, seen=None):
    """(index, address of struct frame) of all pages. `seen`: a dictionary that keeps what leaves
    hold, so that those that several trees share are read once."""
    for node, base in nodes(tree):
        if node["level"] != 1:
            continue
        held = None if seen is None else seen.get(node.address)
        if held is None:
            held = [(number, slot) for number, slot in enumerate(slots(node)) if slot]
            if seen is not None:
                seen[node.address] = held
        for number, slot in held:
            yield base + number, slot


def count_range(tree, first, end):
    """How many pages there are from index `first` to before `end`. Leaves that lie inside say so
    themselves."""
    return sum(_count_in(node, base, first, end) for node, base in nodes(tree, (first, end))
               if node["level"] == 1)


def _count_in(leaf, base, first, end):
    if first <= base and base + constants.get("PAGE_TREE_SLOTS") <= end:
        return leaf["used"]
    return sum(1 for number, slot in enumerate(slots(leaf)) if slot and first <= base + number < end)


def truth(tree, first, end):
    """index -> (address of the frame, whether no other tree sees it) of the pages from index
    `first` to before `end`."""
    found, alone = {}, {}
    refs_at, refs_size = structures.place("struct frame", "refs")
    for node, base in nodes(tree, (first, end)):
        mine = alone.pop((base, node["level"]), True) and node["refs"] == 1
        for number, slot in enumerate(slots(node)):
            if slot and node["level"] > 1:
                below = base + number * _span(node["level"])
                alone[below, node["level"] - 1] = mine
            elif slot and first <= base + number < end:
                found[base + number] = slot, mine and memory.integer(slot + refs_at, refs_size) == 1
    return found


def find(tree, index):
    """(address of the frame, or 0; whether no other tree sees it; the nodes on the way)."""
    node = tree.follow("root", NODE)
    way, alone = [], True
    bits, height, base = constants.get("PAGE_TREE_BITS"), tree["height"], tree["base"]
    if node is None or not base <= index < base + (1 << height * bits):
        return 0, False, way
    for level in range(height, 0, -1):
        way.append(node)
        alone = alone and node["refs"] == 1
        slot = slots(node)[(index - base >> (level - 1) * bits) % (1 << bits)]
        if not slot or level == 1:
            break
        node = Record(NODE, slot)
    if not slot:
        return 0, False, way
    return slot, alone and Record("struct frame", slot)["refs"] == 1, way


def lines(tree, indent="  "):
    """The shape of a tree, level by level."""
    levels, held = {}, 0
    for node, _ in nodes(tree):
        entry = levels.setdefault(node["level"], [0, 0])
        entry[0] += 1
        entry[1] += node["refs"] > 1
        held += node["used"] if node["level"] == 1 else 0
    if not levels:
        yield f"{indent}page tree: empty"
        return
    bits = constants.get("PAGE_TREE_BITS")
    first, last = tree["base"], tree["base"] + (1 << tree["height"] * bits) - 1
    yield (f"{indent}page tree: {words.count(held, 'page')}; its root {tree['root']:#x} covers the indexes "
           f"{first:#x} to {last:#x}")
    for level in sorted(levels, reverse=True):
        count, shared = levels[level]
        what = ("leaf", "leaves") if level == 1 else ("node",)
        yield f"{indent}  level {level}: {words.count(count, *what)}" + (
            f", {shared} of them, and all below, shared with other trees" if shared else "")
