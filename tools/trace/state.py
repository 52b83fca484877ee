# SPDX-License-Identifier: MIT
"""What memory looks like, rebuilt from the records of a trace.

    state = State(reader.schema)
    for record in reader:
        state.apply(record)

At a snapshot's begin the state is forgotten and told anew; `whole` is false until it ends, and
before the first one. After a record `lost` it is `doubtful` until the next snapshot. `strays` has a
line for each record that does not fit what is known: a page of something that is not there, a frame
that is taken twice.
"""

import collections

from .areas import PAGE_BITS, Area, Areas
from .page_tree import PageTree

PRESENT, WRITE, USER, LARGE, SHARED = 0x001, 0x002, 0x004, 0x080, 0x200
NO_EXEC = 1 << 63
ADDRESS = 0x000ffffffffff000
ACCESSED_DIRTY = 0x060
TABLE_ENTRIES = 512
TOP_LEVEL = 4
HUGE_PAGES = 512
VA_MASK = (1 << 48) - 1
STRAYS_MAX = 20


class Process:
    """root 0: no space; ended: a zombie."""

    __slots__ = ("pid", "parent", "root", "name", "ended", "status")

    def __init__(self, pid, parent, root, name):
        self.pid, self.parent, self.root, self.name = pid, parent, root, name
        self.ended, self.status = False, None


class Table:
    """A page table: level 4 is the top, entries by slot, without those that are 0."""

    __slots__ = ("level", "entries")

    def __init__(self, level, entries=None):
        self.level, self.entries = level, entries if entries is not None else {}


class Object:
    """What areas map: a file, shared memory, a device. kind is a word of the schema."""

    __slots__ = ("kind", "bytes", "name", "pages")

    def __init__(self, kind, size, name):
        self.kind, self.bytes, self.name, self.pages = kind, size, name, PageTree()


class Step(collections.namedtuple("Step", "level table slot entry")):
    """One level of a translation: the entry found in a slot of a table (0: none)."""

    @property
    def present(self):
        return bool(self.entry & PRESENT)

    @property
    def leaf(self):
        return self.present and (self.level == 1 or bool(self.entry & LARGE))

    @property
    def pfn(self):
        return (self.entry & ADDRESS) >> PAGE_BITS


class Translation(collections.namedtuple("Translation", "steps pfn writable executable")):
    """pfn None: the tables do not say. Rights are those of all levels together."""


class State:
    """See the head of this file. Everything public is to be read, not to be changed."""

    def __init__(self, schema):
        self.schema = schema
        self.time = 0
        self.whole = False
        self.doubtful = False
        self.lost = 0
        self.running = {}  # processor -> (thread, root)
        self.processors = 0
        self._forget(0)
        self._uses = schema.enum_names("frame_use")
        self._kinds = schema.enum_names("object_kind")
        self._handlers = {event.id: self._handler(event) for event in schema.events}

    def _forget(self, frames):
        self.strays = []
        self.frames = bytearray(frames)  # use of each, a number of the schema's frame_use
        self.processes = {}  # pid -> Process
        self.threads = {}    # tid -> pid
        self.spaces = {}     # root -> Areas
        self.tables = {}     # frame number -> Table
        self.objects = {}    # id -> Object
        self.shadows = {}    # id -> PageTree

    def apply(self, record):
        self.time = record.time
        handler = self._handlers.get(record.event.id)
        if handler:
            handler(record)

    # ---- from records to calls ----

    def _handler(self, event):
        """A function of a record that calls `_on_NAME` with the fields it takes, by name: other
        versions of the schema may have more of them, elsewhere."""
        method = getattr(self, "_on_" + event.name, None)
        if method is None:
            return None
        wanted = method.__code__.co_varnames[1:method.__code__.co_argcount]
        if wanted == ("record",):
            return method
        names = [_FIELD_NAMES.get(name, name) for name in wanted]
        if any(name not in event.names for name in names):
            return None  # an event that only has our event's name
        places = [event.names.index(name) for name in names]
        if places == list(range(len(event.names))):
            return lambda record: method(*record.values)
        return lambda record: method(*[record.values[place] for place in places])

    def _on_snapshot_begin(self, frames, processors):
        self._forget(frames)
        self.processors = processors
        self.whole = self.doubtful = False

    def _on_snapshot_end(self):
        self.whole = True

    def _stray(self, what):
        if self.whole and not self.doubtful and len(self.strays) < STRAYS_MAX:
            self.strays.append(what)

    def _on_lost(self, count):
        self.lost += count
        self.doubtful = True

    # ---- processes ----

    def _on_process(self, pid, parent, root, name):
        self.processes[pid] = Process(pid, parent, root, name)

    def _on_exec(self, pid, root, name):
        process = self.processes.setdefault(pid, Process(pid, 0, root, name))
        process.root, process.name, process.ended = root, name, False

    def _on_exit(self, pid, status):
        process = self.processes.get(pid)
        if process:
            process.root, process.ended, process.status = 0, True, status

    def _on_reaped(self, pid):
        self.processes.pop(pid, None)

    def _on_thread(self, tid, pid):
        self.threads[tid] = pid

    def _on_thread_exit(self, tid):
        self.threads.pop(tid, None)

    def _on_process_name(self, pid, name):
        if pid in self.processes:
            self.processes[pid].name = name

    def _on_switch(self, record):
        self.running[record.cpu] = (record["next"], record["root"])

    def _on_running(self, processor, tid, root):
        self.running[processor] = (tid, root)

    # ---- frames ----

    def _set_use(self, pfn, count, use):
        if pfn + count > len(self.frames):
            self.frames.extend(bytes(pfn + count - len(self.frames)))
        if count == 1:
            self.frames[pfn] = use
        else:
            self.frames[pfn:pfn + count] = bytes([use]) * count

    def _on_frame_alloc(self, pfn, order, use):
        if any(self.frames[pfn:pfn + (1 << order)]):
            self._stray(f"frame {pfn:#x} is taken (order {order}), but is not free")
        self._set_use(pfn, 1 << order, use)

    def _on_frame_free(self, pfn, order):
        if not all(self.frames[pfn:pfn + (1 << order)]):
            self._stray(f"frame {pfn:#x} is freed (order {order}), but is free")
        self._set_use(pfn, 1 << order, 0)

    def _on_frame_use(self, pfn, count, use):
        self._set_use(pfn, count, use)

    # ---- tables ----

    def _on_table_make(self, pfn, level):
        self.tables[pfn] = Table(level)

    def _on_table_free(self, pfn):
        self.tables.pop(pfn, None)

    def _on_table_copy(self, from_, to, level):
        self.tables[to] = Table(level, _unwritable(self._table(from_).entries, level))

    def _on_table_unwritable(self, pfn, level):
        table = self._table(pfn)
        table.entries = _unwritable(table.entries, level)

    def _table(self, pfn):
        table = self.tables.get(pfn)
        if table is None:
            self._stray(f"table {pfn:#x} is changed, but nobody made it")
            table = self.tables[pfn] = Table(0)
        return table

    def _on_entry(self, pfn, slot, value):
        if value:
            self._table(pfn).entries[slot] = value
        else:
            self._table(pfn).entries.pop(slot, None)

    def _on_entries_clear(self, pfn, slot, count):
        entries = self._table(pfn).entries
        for at in range(slot, slot + count):
            entries.pop(at, None)

    def _on_entries(self, pfn, slot, values):
        entries = self._table(pfn).entries
        for at, value in enumerate(values, slot):
            if value:
                entries[at] = value
            else:
                entries.pop(at, None)

    def _on_entries_forked(self, from_, to, level, slot, count):
        source, target = self._table(from_).entries, self._table(to).entries
        forked = _unwritable({at: source[at] for at in range(slot, slot + count) if at in source},
                             level)
        source.update(forked)
        target.update(forked)

    def _on_entries_and(self, pfn, slot, count, and_, or_):
        entries = self._table(pfn).entries
        for at in range(slot, slot + count):
            if at in entries:
                entries[at] = entries[at] & and_ | or_

    # ---- spaces ----

    def _on_space_make(self, root):
        self.spaces[root] = Areas()

    def _on_space_free(self, root):
        self.spaces.pop(root, None)

    def _areas(self, root):
        areas = self.spaces.get(root)
        if areas is None:
            self._stray(f"space {root:#x} is changed, but nobody made it")
            areas = self.spaces[root] = Areas()
        return areas

    def _on_map(self, root, start, end, prot, max_prot, flags, object_, shadow, offset):
        if start < end:
            self._areas(root).map(Area(start, end, prot, max_prot, flags, object_, shadow, offset))

    def _on_unmap(self, root, start, end):
        self._areas(root).unmap(start, end)

    def _on_protect(self, root, start, end, prot):
        self._areas(root).change(start, end, prot=prot)

    def _on_shadow(self, root, start, end, shadow):
        self._areas(root).change(start, end, shadow=shadow)

    # ---- objects and shadows ----

    def kind_name(self, kind):
        return self._kinds[kind] if kind < len(self._kinds) else f"kind-{kind}"

    def _on_object_make(self, object_, kind, bytes_, name):
        self.objects[object_] = Object(self.kind_name(kind), bytes_, name)

    def _on_object_free(self, object_):
        self.objects.pop(object_, None)

    def _on_object_size(self, object_, bytes_):
        if object_ in self.objects:
            self.objects[object_].bytes = bytes_

    def _on_shadow_make(self, shadow):
        self.shadows[shadow] = PageTree()

    def _on_shadow_free(self, shadow):
        self.shadows.pop(shadow, None)

    def pages(self, owner):
        """The page tree of an object or a shadow; empty where there is none."""
        if owner in self.objects:
            return self.objects[owner].pages
        return self.shadows.get(owner) or PageTree()

    def _pages(self, owner):
        if owner in self.objects:
            return self.objects[owner].pages
        tree = self.shadows.get(owner)
        if tree is None:
            self._stray(f"object or shadow {owner:#x} has pages, but nobody made it")
            tree = self.shadows[owner] = PageTree()
        return tree

    def _on_page(self, owner, index, pfn):
        self._pages(owner).set(index, pfn)

    def _on_pages(self, owner, index, pfns):
        self._pages(owner).set_all(index, pfns)

    def _on_pages_gone(self, owner, first, end):
        self._pages(owner).discard(first, end)

    def _on_pages_shared(self, from_, to):
        tree = self._pages(from_).copy()
        self._pages(to)
        if to in self.objects:
            self.objects[to].pages = tree
        else:
            self.shadows[to] = tree

    def _on_pages_moved(self, from_, to, first, end):
        source, target = self._pages(from_), self._pages(to)
        for index, pfn in list(source.items(first, end)):
            target.set(index, pfn)
        source.discard(first, end)

    # ---- questions ----

    def frames_by_use(self):
        """Name of each use that occurs -> how many frames."""
        return {self.use_name(use): self.frames.count(use)
                for use in range(256) if use in self.frames}

    def use_name(self, use):
        return self._uses[use] if use < len(self._uses) else f"use-{use}"

    def frame_use(self, pfn):
        """Word for what a frame is used for, or None if there is no such frame."""
        return self.use_name(self.frames[pfn]) if pfn < len(self.frames) else None

    def processes_of(self, root):
        return [process for process in self.processes.values() if root and process.root == root]

    def translate(self, root, va):
        """What the tables of a space say of an address, level by level."""
        steps, pfn, table = [], None, root
        writable, executable = True, True
        for level in range(TOP_LEVEL, 0, -1):
            slot = va >> PAGE_BITS + 9 * (level - 1) & TABLE_ENTRIES - 1
            entry = self.tables[table].entries.get(slot, 0) if table in self.tables else 0
            step = Step(level, table, slot, entry)
            steps.append(step)
            writable = writable and bool(entry & WRITE)
            executable = executable and not entry & NO_EXEC
            if step.leaf:
                inside = (va >> PAGE_BITS) & (1 << 9 * (level - 1)) - 1
                pfn = (step.pfn & ~((1 << 9 * (level - 1)) - 1)) + inside
            if step.leaf or not step.present:
                break
            table = step.pfn
        found = pfn is not None
        return Translation(steps, pfn, found and writable, found and executable)

    def parents(self, pfn):
        """(table, slot) of each entry that leads to a table."""
        return [(number, slot) for number, table in self.tables.items() if table.level > 1
                for slot, entry in table.entries.items()
                if not entry & LARGE and (entry & ADDRESS) >> PAGE_BITS == pfn]

    def holders(self, pfn):
        """(id, index) of each object and shadow whose page the frame is."""
        trees = [(number, thing.pages) for number, thing in self.objects.items()]
        return [(owner, index) for owner, tree in trees + list(self.shadows.items())
                for index, page in tree.items() if page == pfn]

    def viewers(self, pfn):
        """(root, address, area) of each page of a space at which the frame is seen: in its shadow,
        or in its object where the shadow has nothing."""
        found = []
        for owner, index in self.holders(pfn):
            for root, areas in self.spaces.items():
                for area in areas:
                    va = area.start + (index - area.offset << PAGE_BITS)
                    if area.start <= va < area.end and self._sees(area, owner, index):
                        found.append((root, va, area))
        return found

    def _sees(self, area, owner, index):
        if area.shadow == owner:
            return True
        return area.object == owner and (
            not area.shadow or self.pages(area.shadow).get(index) is None)

    def page_at(self, root, va):
        """(area, id of the holder, frame number) of what the truth says is at an address; area is
        None where nothing is mapped, the others where no page is there yet."""
        area = self.spaces[root].find(va) if root in self.spaces else None
        for owner in (area.shadow, area.object) if area else ():
            pfn = self.pages(owner).get(area.index(va)) if owner else None
            if pfn is not None:
                return area, owner, pfn
        return area, None, None

    def resident_pages(self, area):
        """How many pages of an area are there, in its shadow or its object."""
        first, end = area.offset, area.index(area.end)
        own = {index for index, _ in self.pages(area.shadow).items(first, end)}
        below = {index for index, _ in self.pages(area.object).items(first, end)}
        return len(own | below)


# Names of fields that are words of Python's.
_FIELD_NAMES = {"from_": "from", "and_": "and", "or_": "or", "object_": "object",
                "bytes_": "bytes"}


def _unwritable(entries, level):
    """Entries as a fork leaves them: without W, but for leaves of shared mappings."""
    return {slot: entry if level == 1 and entry & SHARED else entry & ~WRITE
            for slot, entry in entries.items()}
