# SPDX-License-Identifier: MIT
"""Pages by index: a radix tree whose nodes copies share, as the kernel's own (vm/page_tree.c).

A copy costs nothing. A node belongs to the tree that made it and is changed by nobody else: who
wants to change another's copies it first. A tree that has been copied owns none of its nodes.
"""

BITS = 6
MASK = (1 << BITS) - 1


class _Node:
    __slots__ = ("owner", "slots")

    def __init__(self, owner, slots):
        self.owner, self.slots = owner, slots


class PageTree:
    """get, set, items, discard, like a dict of index -> frame number."""

    __slots__ = ("_root", "_height", "_owner")

    def __init__(self):
        self._owner = object()
        self._root = _Node(self._owner, {})
        self._height = 0  # levels below the root; slots of level 0 are frame numbers

    def copy(self):
        other = PageTree.__new__(PageTree)
        other._root, other._height, other._owner = self._root, self._height, object()
        self._owner = object()
        return other

    def get(self, index):
        """The frame number, or None."""
        if index >> BITS * (self._height + 1):
            return None
        node = self._root
        for level in range(self._height, 0, -1):
            node = node.slots.get(index >> BITS * level & MASK)
            if node is None:
                return None
        return node.slots.get(index & MASK)

    def set(self, index, pfn):
        while index >> BITS * (self._height + 1):
            self._root = _Node(self._owner, {0: self._root} if self._root.slots else {})
            self._height += 1
        node = self._root = self._own(self._root)
        for level in range(self._height, 0, -1):
            slot = index >> BITS * level & MASK
            below = node.slots.get(slot)
            below = self._own(below) if below else _Node(self._owner, {})
            node.slots[slot] = below
            node = below
        node.slots[index & MASK] = pfn

    def set_all(self, index, pfns):
        for at, pfn in enumerate(pfns, index):
            self.set(at, pfn)

    def discard(self, first, end):
        """Forgets the pages [first, end)."""
        root = self._without(self._root, self._height, 0, first, end)
        self._root = root or _Node(self._owner, {})

    def items(self, first=0, end=1 << 64):
        """(index, frame number) of each page in [first, end), in order."""
        return self._walk(self._root, self._height, 0, first, end)

    def __len__(self):
        return self._count(self._root, self._height)

    def __eq__(self, other):
        return self._root is other._root or (dict(self.items()) == dict(other.items()))

    def _own(self, node):
        return node if node.owner is self._owner else _Node(self._owner, dict(node.slots))

    def _without(self, node, level, base, first, end):
        """The node without [first, end), which may be itself; None if nothing is left."""
        span = 1 << BITS * level
        if first <= base and base + span * (MASK + 1) <= end:
            return None
        low = max(first - base, 0) // span
        high = (end - 1 - base) // span
        inside = [slot for slot in node.slots if low <= slot <= high]
        if not inside:
            return node
        node = self._own(node)
        for slot in inside:
            below = None
            if level:
                below = self._without(node.slots[slot], level - 1, base + slot * span, first, end)
            if below is None:
                del node.slots[slot]
            else:
                node.slots[slot] = below
        return node if node.slots else None

    def _walk(self, node, level, base, first, end):
        span = 1 << BITS * level
        for slot in sorted(node.slots):
            at = base + slot * span
            if at >= end:
                return
            if at + span <= first:
                continue
            if level:
                yield from self._walk(node.slots[slot], level - 1, at, first, end)
            else:
                yield at, node.slots[slot]

    def _count(self, node, level):
        if not level:
            return len(node.slots)
        return sum(self._count(below, level - 1) for below in node.slots.values())
