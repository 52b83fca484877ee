/* SPDX-License-Identifier: MIT */
/* A made-up machine whose memory behaves as the kernel's does, and tells it in a stream: private pages
 * in shadows, copy on write, page tables that a fork shares. For tests of the viewer: what the stream
 * should come to is in `processes`, `use` and `holders`. */

import { Writer } from "./writer.js";

export const PAGE = 4096;
export const CODE = 0x400000, HEAP = 0x10000000, STACK_TOP = 0x7ffffffff000;
const [P, W, U, NX] = [1n, 2n, 4n, 1n << 63n];
const FEW_ENTRIES = 24; // a table with more is shared by a fork
const span = (level) => PAGE * 512 ** (level - 1);

export class Machine {
    constructor({ frames = 4096, command = "synthetic" } = {}) {
        this.out = new Writer({ frames, command });
        this.frames = frames;
        this.use = new Map();
        this.holders = new Map(); // frame -> shadows that have it
        this.tables = new Map();
        this.processes = new Map();
        this.next = 512;
        this.freed = [];
        this.pid = 0;
        this.id = 0x100000;
        this._begin();
    }

    _begin() {
        const { out } = this;
        out.emit("snapshot_begin", { frames: this.frames, processors: 2, reason: "start" });
        out.emit("frame_use", { pfn: 0, count: this.frames, use: "free" });
        out.emit("frame_use", { pfn: 0, count: 256, use: "reserved" });
        out.emit("frame_use", { pfn: 256, count: 255, use: "kernel" });
        out.emit("frame_use", { pfn: 511, count: 1, use: "zero" });
        this.zero = 511;
        this.file = this.newId();
        out.emit("object_make", { object: this.file, kind: "file", bytes: 8 * PAGE, name: "/bin/scene" });
        this.code = Array.from({ length: 8 }, () => this.take("file"));
        out.emit("pages", { owner: this.file, index: 0, pfns: this.code });
        out.emit("snapshot_end", { records: out.records - 1 });
    }

    newId() {
        return (this.id += 0x40);
    }

    take(use) {
        const pfn = this.freed.pop() ?? this.next++;
        if (pfn >= this.frames) {
            throw new Error("the made-up machine has no memory left");
        }
        this.use.set(pfn, use);
        this.out.emit("frame_alloc", { pfn, order: 0, use });
        return pfn;
    }

    give(pfn) {
        this.use.delete(pfn);
        this.freed.push(pfn);
        this.out.emit("frame_free", { pfn, order: 0 });
    }

    wait(ticks) {
        this.out.time += ticks;
    }

    mark(text) {
        this.out.emit("mark", { text });
    }

    // ---- tables ----

    makeTable(level) {
        const pfn = this.take("table");
        this.out.emit("table_make", { pfn, level });
        this.tables.set(pfn, { pfn, level, slots: new Map(), refs: 1 });
        return pfn;
    }

    setEntry(table, slot, value) {
        table.slots.set(slot, value);
        this.out.emit("entry", { pfn: table.pfn, slot, value });
    }

    /* The table of level 1 that covers va, made and un-shared on the way. */
    leafTable(process, va) {
        let table = this.tables.get(process.root);
        for (let level = 4; level > 1; level--) {
            const slot = Math.floor(va / span(level)) % 512;
            const entry = table.slots.get(slot);
            let below = entry === undefined ? null : this.tables.get(Number((entry >> 12n) & 0xfffffffffn));
            if (!below) {
                below = this.tables.get(this.makeTable(level - 1));
                this.setEntry(table, slot, BigInt(below.pfn) << 12n | P | W | U);
            } else if (below.refs > 1) {
                below = this.unshare(process, table, slot, below);
            }
            table = below;
        }
        return table;
    }

    unshare(process, above, slot, table) {
        const pfn = this.take("table");
        this.out.emit("table_copy", { root: process.root, from: table.pfn, to: pfn, level: table.level });
        table.refs--;
        const copy = { pfn, level: table.level, refs: 1, slots: new Map([...table.slots].map(([at, e]) => [at, e & ~W])) };
        this.tables.set(pfn, copy);
        this.setEntry(above, slot, BigInt(pfn) << 12n | P | W | U);
        this.out.emit("flush_space", { root: process.root, processors: 0 });
        return copy;
    }

    enter(process, va, pfn, writable, executable = false) {
        const table = this.leafTable(process, va);
        const value = BigInt(pfn) << 12n | P | U | (writable ? W : 0n) | (executable ? 0n : NX);
        this.setEntry(table, Math.floor(va / PAGE) % 512, value);
    }

    // ---- processes and areas ----

    start(name, parent = 0) {
        const pid = ++this.pid;
        const root = this.makeTable(4);
        const process = { pid, root, name, areas: [] };
        this.processes.set(pid, process);
        this.out.emit("space_make", { root });
        this.out.emit("process", { pid, parent, root, name });
        this.out.emit("thread", { tid: pid, pid });
        return process;
    }

    /* A process with code, heap and stack. */
    program(name) {
        const process = this.start(name);
        this.map(process, CODE, 8, ["read", "exec"], { object: this.file });
        this.map(process, HEAP, 512, ["read", "write"], { flags: ["heap"] });
        this.map(process, STACK_TOP - 16 * PAGE, 16, ["read", "write"], { flags: ["stack", "grows_down"] });
        return process;
    }

    map(process, start, pages, prot, { object = 0, flags = [] } = {}) {
        const area = { start, end: start + pages * PAGE, prot, flags, object, shadow: 0, pages: new Map(),
            offset: object ? 0 : start / PAGE };
        process.areas.push(area);
        this.tellArea(process, area);
    }

    tellArea(process, { start, end, prot, flags, object, shadow, offset }) {
        this.out.emit("map", { root: process.root, start, end, prot, flags, object, shadow, offset,
            max_prot: ["read", "write", "exec"] });
    }

    run(process, cpu = 0) {
        this.out.cpu = cpu;
        this.out.emit("switch", { prev: this.out.tid, next: process.pid, root: process.root });
        this.out.tid = process.pid;
    }

    fault(process, va, write, kind, pfn, result = 0) {
        const access = ["user", write ? "write" : "read"];
        return this.out.emit("fault", { root: process.root, va, access, case: kind, result, pfn, ticks: 1500 });
    }

    // ---- touching ----

    read(process, va) {
        const area = process.areas.find((one) => one.start <= va && va < one.end);
        if (!area) {
            return this.refuse(process, va, false, "no_area");
        }
        const index = area.offset + Math.floor((va - area.start) / PAGE);
        const own = area.pages.get(index);
        const executable = area.prot.includes("exec");
        const pfn = own ?? (area.object ? this.code[index] : this.zero);
        this.enter(process, va, pfn, false, executable);
        return this.fault(process, va, false, own ? "read_private" : area.object ? "read_object" : "read_zero", pfn);
    }

    write(process, va) {
        const area = process.areas.find((one) => one.start <= va && va < one.end);
        if (!area || !area.prot.includes("write")) {
            return this.refuse(process, va, true, area ? "forbidden" : "no_area");
        }
        const index = area.offset + Math.floor((va - area.start) / PAGE);
        const own = area.pages.get(index);
        if (own !== undefined && this.holders.get(own) === 1) {
            this.enter(process, va, own, true);
            return this.fault(process, va, true, "reuse", own);
        }
        const pfn = this.take("anon");
        if (own !== undefined || area.object) {
            this.out.emit("copy", { from: own ?? this.code[index], to: pfn });
        }
        this.place(process, area, index, pfn);
        this.enter(process, va, pfn, true);
        return this.fault(process, va, true, own !== undefined ? "copy" : area.object ? "copy_object" : "zero_fill", pfn);
    }

    shadowOf(process, area) {
        if (!area.shadow) {
            area.shadow = this.newId();
            this.out.emit("shadow_make", { shadow: area.shadow });
            this.out.emit("shadow", { root: process.root, start: area.start, end: area.end, shadow: area.shadow });
        }
        return area.shadow;
    }

    place(process, area, index, pfn) {
        const before = area.pages.get(index);
        area.pages.set(index, pfn);
        this.out.emit("page", { owner: this.shadowOf(process, area), index, pfn });
        this.holders.set(pfn, 1);
        this.drop(before);
    }

    drop(pfn) {
        if (pfn === undefined) {
            return;
        }
        const left = this.holders.get(pfn) - 1;
        this.holders.set(pfn, left);
        if (left === 0) {
            this.holders.delete(pfn);
            this.give(pfn);
        }
    }

    refuse(process, va, write, kind) {
        const record = this.fault(process, va, write, kind, 0, kind === "no_area" ? -14 : -13);
        this.out.emit("signal_fault", { root: process.root, va, rip: 0x400123, code: write ? 6 : 4, signal: 11 });
        return record;
    }

    /* Many pages at once, in few records: a table of level 1 must not be begun yet. */
    populate(process, start, pages) {
        const area = process.areas.find((one) => one.start <= start && start < one.end);
        const owner = this.shadowOf(process, area);
        const first = this.next;
        this.next += pages;
        this.out.emit("frame_use", { pfn: first, count: pages, use: "anon" });
        for (let i = 0; i < pages; i += 128) {
            const pfns = Array.from({ length: Math.min(128, pages - i) }, (_, k) => first + i + k);
            const index = area.offset + (start - area.start) / PAGE + i;
            this.out.emit("pages", { owner, index, pfns });
            const table = this.leafTable(process, start + i * PAGE);
            const values = pfns.map((pfn) => BigInt(pfn) << 12n | P | W | U | NX);
            const slot = Math.floor(start / PAGE + i) % 512;
            this.out.emit("entries", { pfn: table.pfn, slot, values });
            pfns.forEach((pfn, k) => {
                area.pages.set(index + k, pfn);
                this.holders.set(pfn, 1);
                this.use.set(pfn, "anon");
                table.slots.set(slot + k, values[k]);
            });
        }
    }

    // ---- fork and exit ----

    fork(parent) {
        const child = this.start(parent.name, parent.pid);
        for (const area of parent.areas) {
            const copy = { ...area, pages: new Map(area.pages), shadow: area.shadow ? this.newId() : 0 };
            if (copy.shadow) {
                this.out.emit("shadow_make", { shadow: copy.shadow });
                this.out.emit("pages_shared", { from: area.shadow, to: copy.shadow });
                copy.pages.forEach((pfn) => this.holders.set(pfn, this.holders.get(pfn) + 1));
            }
            child.areas.push(copy);
            this.tellArea(child, copy);
        }
        const counts = { shared: 0, copied: 0 };
        this.forkTable(this.tables.get(parent.root), this.tables.get(child.root), counts);
        this.out.emit("flush_space", { root: parent.root, processors: 2 });
        this.out.emit("fork", { root: parent.root, child: child.root, areas: parent.areas.length, ...counts });
        return child;
    }

    forkTable(from, to, counts) {
        if (from.level === 1) {
            this.out.emit("table_unwritable", { pfn: from.pfn, level: 1 });
            for (const [slot, entry] of from.slots) {
                from.slots.set(slot, entry & ~W);
                this.setEntry(to, slot, entry & ~W);
                counts.copied++;
            }
            return;
        }
        for (const [slot, entry] of from.slots) {
            const below = this.tables.get(Number((entry >> 12n) & 0xfffffffffn));
            if (below.level === 1 && below.slots.size > FEW_ENTRIES) {
                below.refs++;
                this.setEntry(from, slot, entry & ~W);
                this.setEntry(to, slot, entry & ~W);
                counts.shared++;
            } else {
                const made = this.makeTable(below.level);
                this.setEntry(to, slot, BigInt(made) << 12n | P | W | U);
                this.forkTable(below, this.tables.get(made), counts);
            }
        }
    }

    exit(process) {
        const { out } = this;
        this.dropTable(this.tables.get(process.root));
        for (const area of process.areas.filter((one) => one.shadow)) {
            out.emit("shadow_free", { shadow: area.shadow });
            area.pages.forEach((pfn) => this.drop(pfn));
        }
        out.emit("space_free", { root: process.root });
        out.emit("table_free", { pfn: process.root });
        this.give(process.root);
        out.emit("exit", { pid: process.pid, status: 0 });
        out.emit("thread_exit", { tid: process.pid });
        out.emit("reaped", { pid: process.pid });
        this.processes.delete(process.pid);
    }

    dropTable(table) {
        for (const entry of table.level > 1 ? table.slots.values() : []) {
            const below = this.tables.get(Number((entry >> 12n) & 0xfffffffffn));
            if (--below.refs === 0) {
                this.dropTable(below);
                this.out.emit("table_free", { pfn: below.pfn });
                this.tables.delete(below.pfn);
                this.give(below.pfn);
            }
        }
        this.out.emit("entries_clear", { pfn: table.pfn, slot: 0, count: 512 });
        table.slots.clear();
    }

    bytes() {
        return this.out.bytes();
    }
}
