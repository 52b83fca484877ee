# SPDX-License-Identifier: MIT
"""Streams that no kernel made: for tests of readers and viewers, and to write a viewer with.

    python3 -m trace.synthetic OUT [--seed N] [--steps N] [--mem BYTES]     (in tools/)

Processes fork, touch pages, copy what they share, map, unmap, wait and end. The story is made up,
but whole: frames are taken before they are used, tables lead to them, and each snapshot is what the
events before it come to.
"""

import argparse
import io
import random
import sys

from . import schema as schemas
from . import state as states
from . import stream

TICKS_PER_SECOND = 1_000_000_000
TABLE = states.PRESENT | states.WRITE | states.USER
HEAP, STACK_TOP, CODE = 0x10000000, 0x7ffffffff000, 0x400000
ARRAY_MAX = 64


class Writer:
    """Writes records by name, and keeps the state that they come to."""

    def __init__(self, file, memory_bytes, schema=None, command="synthetic"):
        self.schema = schema or schemas.built_in()
        self.state = states.State(self.schema)
        self.cpu, self.tid, self.time = 0, 0, 0
        self.records = 0
        self._file = file
        file.write(stream.encode_header({
            "ticks_per_second": TICKS_PER_SECOND, "page_bytes": 4096,
            "memory_bytes": memory_bytes, "kernel": "synthetic", "command": command,
            "schema": self.schema.document}))

    def emit(self, name, /, **fields):
        """One record. Words stand for enums, lists of them for flags; what is not given is 0."""
        event = self.schema.by_name[name]
        values = tuple(self._value(spec, fields.pop(spec.name, None))
                       for spec in event.fields)
        if fields:
            raise KeyError(f"{name} has no {', '.join(fields)}")
        self.time += 1
        self.records += 1
        self._file.write(event.encode(self.cpu, self.tid, self.time, values))
        self.state.apply(stream.Record(event, self.cpu, self.tid, self.time, values))

    def _value(self, spec, value):
        if value is None:
            return "" if spec.kind == "str" else () if spec.tail else 0
        if spec.kind == "enum" and isinstance(value, str):
            return self.schema.enum_number(spec.of, value)
        if spec.kind == "flags" and isinstance(value, (list, tuple)):
            return sum(self.schema.flag_bits(spec.of)[word] for word in value)
        return value

    def snapshot(self, reason="regular"):
        """Tells the whole state."""
        records = list(snapshot_records(self.state))
        self.emit("snapshot_begin", frames=len(self.state.frames),
                  processors=self.state.processors or 1, reason=reason)
        for name, fields in records:
            self.emit(name, **fields)
        self.emit("snapshot_end", records=len(records))


def snapshot_records(state):
    """(name, fields) of all the records of a snapshot of a state."""
    start = 0
    while start < len(state.frames):
        end = start + 1
        while end < len(state.frames) and state.frames[end] == state.frames[start]:
            end += 1
        if state.frames[start]:
            yield "frame_use", {"pfn": start, "count": end - start, "use": state.frames[start]}
        start = end
    for process in state.processes.values():
        yield "process", {"pid": process.pid, "parent": process.parent, "root": process.root,
                          "name": process.name}
        if process.ended:
            yield "exit", {"pid": process.pid, "status": process.status or 0}
    for tid, pid in state.threads.items():
        yield "thread", {"tid": tid, "pid": pid}
    for number, thing in state.objects.items():
        yield "object_make", {"object": number, "kind": thing.kind, "bytes": thing.bytes,
                              "name": thing.name}
        yield from _pages(number, thing.pages)
    for number, tree in state.shadows.items():
        yield "shadow_make", {"shadow": number}
        yield from _pages(number, tree)
    for root, areas in state.spaces.items():
        yield "space_make", {"root": root}
        for area in areas:
            yield "map", {"root": root, **area._asdict()}
    for pfn, table in state.tables.items():
        yield "table_make", {"pfn": pfn, "level": table.level}
        for slot, values in _runs(sorted(table.entries.items())):
            yield "entries", {"pfn": pfn, "slot": slot, "values": values}


def _pages(owner, tree):
    for index, pfns in _runs(tree.items()):
        yield "pages", {"owner": owner, "index": index, "pfns": pfns}


def _runs(items):
    """(first key, values) of keys that follow each other."""
    first, values = None, []
    for key, value in items:
        if values and (key != first + len(values) or len(values) == ARRAY_MAX):
            yield first, tuple(values)
            values = []
        if not values:
            first = key
        values.append(value)
    if values:
        yield first, tuple(values)


class Story:
    """A machine that does something at each step."""

    def __init__(self, writer, frames, seed):
        self._random = random.Random(seed)
        self._out = writer
        self._state = writer.state
        self._frames = frames
        self._free = list(range(frames - 1, 255, -1))
        self._owners = {}  # frame -> how many trees hold it
        self._next_pid, self._next_id = 1, 0x1000
        self._begin()

    def _begin(self):
        out = self._out
        out.emit("snapshot_begin", frames=self._frames, processors=2, reason="start")
        begun = out.records
        out.emit("frame_use", pfn=0, count=256, use="kernel")
        self._file = self._new_id()
        out.emit("object_make", object=self._file, kind="file", bytes=8 * 4096, name="/bin/story")
        for index in range(8):
            pfn = self._take("file")
            out.emit("page", owner=self._file, index=index, pfn=pfn)
        self._start(0, "init")
        out.emit("snapshot_end", records=out.records - begun)

    def _new_id(self):
        self._next_id += 0x40
        return self._next_id

    def _take(self, use):
        pfn = self._free.pop()
        self._out.emit("frame_alloc", pfn=pfn, order=0, use=use)
        return pfn

    def _give(self, pfn):
        self._out.emit("frame_free", pfn=pfn, order=0)
        self._free.append(pfn)

    def _start(self, parent, name):
        pid, self._next_pid = self._next_pid, self._next_pid + 1
        out, root = self._out, self._take("table")
        out.emit("table_make", pfn=root, level=4)
        out.emit("space_make", root=root)
        out.emit("process", pid=pid, parent=parent, root=root, name=name)
        out.emit("thread", tid=pid, pid=pid)
        if not parent:
            out.emit("map", root=root, start=CODE, end=CODE + 8 * 4096, prot=["read", "exec"],
                     max_prot=7, object=self._file, offset=0)
            out.emit("map", root=root, start=HEAP, end=HEAP + 64 * 4096, prot=["read", "write"],
                     max_prot=7, flags=["heap"], offset=HEAP >> 12)
            out.emit("map", root=root, start=STACK_TOP - 16 * 4096, end=STACK_TOP,
                     prot=["read", "write"], max_prot=7, flags=["stack", "grows_down"],
                     offset=(STACK_TOP >> 12) - 16)
        return pid, root

    # ---- the steps ----

    def step(self):
        out, live = self._out, [p for p in self._state.processes.values() if p.root]
        process = self._random.choice(live)
        out.cpu, out.tid = self._random.randrange(2), process.pid
        out.time += self._random.randrange(1000, 2_000_000)
        out.emit("switch", prev=self._state.running.get(out.cpu, (0, 0))[0], next=process.pid,
                 root=process.root)
        deeds = [self._touch] * 12 + [self._map, self._unmap, self._protect]
        if len(live) < 12 and len(self._free) > 1000:
            deeds += [self._fork] * 2
        if len(live) > 1 and process.pid != 1:
            deeds += [self._exit] * (1 if len(self._free) > 1000 else 50)
        self._random.choice(deeds)(process)
        for zombie in [p for p in self._state.processes.values() if p.ended]:
            if self._random.random() < 0.3:
                out.emit("reaped", pid=zombie.pid)

    def _touch(self, process):
        """A fault at some page: one of the cases."""
        area = self._random.choice(list(self._state.spaces[process.root]))
        va = self._random.randrange(area.start, area.end)
        for _ in range(self._random.randrange(1, 6)):
            if len(self._free) > 100 and va < area.end:
                self._fault(process.root, va, self._random.random() < 0.7)
            va += 4096

    def _fault(self, root, va, write):
        area, owner, pfn = self._state.page_at(root, va)
        write = write and bool(area.prot & 2)
        what = ["user", "write" if write else "read"]
        if write and not area.shadow:
            shadow = self._new_id()
            self._out.emit("shadow_make", shadow=shadow)
            self._out.emit("shadow", root=root, start=area.start, end=area.end, shadow=shadow)
            area = area._replace(shadow=shadow)
        case = self._case(write, area, owner, pfn)
        if case in ("zero_fill", "copy", "copy_object"):
            new = self._take("anon")
            if pfn is not None:
                self._out.emit("copy", **{"from": pfn, "to": new})
            self._out.emit("page", owner=area.shadow, index=area.index(va), pfn=new)
            self._owners[new] = 1
            self._drop(pfn if case == "copy" else None)
            pfn = new
        if pfn is not None:
            self._enter(root, va, pfn, write, bool(area.prot & 4))
        self._out.emit("fault", root=root, va=va, access=what, case=case, pfn=pfn or 0,
                       ticks=self._random.randrange(500, 5000))

    def _case(self, write, area, owner, pfn):
        if not write:
            return "read_zero" if pfn is None else (
                "read_private" if owner == area.shadow else "read_object")
        if pfn is None:
            return "zero_fill"
        if owner != area.shadow:
            return "copy_object"
        return "copy" if self._owners.get(pfn, 1) > 1 else "reuse"

    def _drop(self, pfn):
        if pfn is not None and pfn in self._owners:
            self._owners[pfn] -= 1
            if not self._owners[pfn]:
                del self._owners[pfn]
                self._give(pfn)

    def _enter(self, root, va, pfn, write, execute):
        table = root
        for level in (4, 3, 2):
            slot = va >> 12 + 9 * (level - 1) & 511
            entry = self._state.tables[table].entries.get(slot)
            if entry is None:
                below = self._take("table")
                self._out.emit("table_make", pfn=below, level=level - 1)
                entry = below << 12 | TABLE
                self._out.emit("entry", pfn=table, slot=slot, value=entry)
            table = (entry & states.ADDRESS) >> 12
        value = pfn << 12 | states.PRESENT | states.USER | (states.WRITE if write else 0)
        value |= 0 if execute else states.NO_EXEC
        self._out.emit("entry", pfn=table, slot=va >> 12 & 511, value=value)

    def _fork(self, process):
        out, areas = self._out, list(self._state.spaces[process.root])
        _, root = self._start(process.pid, process.name)
        for area in areas:
            shadow = 0
            if area.shadow:
                shadow = self._new_id()
                out.emit("shadow_make", shadow=shadow)
                out.emit("pages_shared", **{"from": area.shadow, "to": shadow})
                for _, pfn in self._state.pages(shadow).items():
                    self._owners[pfn] += 1
            out.emit("map", root=root, **dict(area._asdict(), shadow=shadow))
        for pfn in self._tables(process.root):
            if self._state.tables[pfn].level == 1:
                out.emit("table_unwritable", pfn=pfn, level=1)
        out.emit("flush_space", root=process.root, processors=1)
        out.emit("fork", root=process.root, child=root, areas=len(areas))

    def _tables(self, pfn):
        """The tables below one and itself, lowest first."""
        table = self._state.tables[pfn]
        for entry in table.entries.values() if table.level > 1 else ():
            yield from self._tables((entry & states.ADDRESS) >> 12)
        yield pfn

    def _forget(self, root, start, end):
        """Takes [start, end) out of the tables."""
        for va in range(start, end, 4096):
            step = self._state.translate(root, va).steps[-1]
            if step.leaf:
                self._out.emit("entries_clear", pfn=step.table, slot=step.slot, count=1)
                self._out.emit("flush_page", root=root, va=va)

    def _map(self, process):
        start = 0x20000000 + self._random.randrange(64) * 0x10000
        count = self._random.randrange(1, 16)
        self._unmap_range(process.root, start, start + count * 4096)
        self._out.emit("map", root=process.root, start=start, end=start + count * 4096,
                       prot=["read", "write"], max_prot=7, offset=start >> 12)

    def _unmap(self, process):
        areas = [area for area in self._state.spaces[process.root] if area.start >= 0x20000000
                 and area.end < STACK_TOP]
        if areas:
            area = self._random.choice(areas)
            self._unmap_range(process.root, area.start, area.end)

    def _unmap_range(self, root, start, end):
        self._forget(root, start, end)
        for area in self._state.spaces[root].overlapping(start, end):
            first = area.index(max(area.start, start))
            last = area.index(min(area.end, end))
            if area.shadow:
                gone = list(self._state.pages(area.shadow).items(first, last))
                self._out.emit("pages_gone", owner=area.shadow, first=first, end=last)
                for _, pfn in gone:
                    self._drop(pfn)
        self._out.emit("unmap", root=root, start=start, end=end)

    def _protect(self, process):
        areas = [area for area in self._state.spaces[process.root] if not area.prot & 4]
        area = self._random.choice(areas)
        half = area.start + (area.end - area.start >> 13 << 12)
        if half > area.start:
            self._forget(process.root, area.start, half)
            self._out.emit("protect", root=process.root, start=area.start, end=half,
                           prot=["read"] if area.prot & 2 else ["read", "write"])

    def _exit(self, process):
        out, root = self._out, process.root
        for area in list(self._state.spaces[root]):
            if area.shadow in self._state.shadows:
                pages = list(self._state.pages(area.shadow).items())
                out.emit("shadow_free", shadow=area.shadow)
                for _, pfn in pages:
                    self._drop(pfn)
        out.emit("unmap", root=root, start=0, end=1 << 47)
        for pfn in list(self._tables(root)):
            out.emit("table_free", pfn=pfn)
            if pfn != root:
                self._give(pfn)
        out.emit("space_free", root=root)
        self._give(root)
        out.emit("thread_exit", tid=process.pid)
        out.emit("exit", pid=process.pid, status=0)


def make(file, seed=1, steps=200, memory_bytes=16 << 20, snapshots=100):
    """Writes a whole stream; returns its writer."""
    writer = Writer(file, memory_bytes)
    story = Story(writer, memory_bytes >> 12, seed)
    for number in range(1, steps + 1):
        story.step()
        if number % snapshots == 0:
            writer.snapshot()
    return writer


def recording(**options):
    """The bytes of one."""
    file = io.BytesIO()
    make(file, **options)
    return file.getvalue()


def main():
    parser = argparse.ArgumentParser(description="Makes a recording that no kernel made.")
    parser.add_argument("out", help="the file to write")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--mem", type=int, default=16 << 20, help="bytes of memory")
    options = parser.parse_args()
    with open(options.out, "wb") as file:
        make(file, options.seed, options.steps, options.mem)
    return 0


if __name__ == "__main__":
    sys.exit(main())
