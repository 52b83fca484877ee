/* SPDX-License-Identifier: MIT */
/* The state of memory at one moment, made from the records up to it.
 *
 * `fork()` gives another state that shares everything with this one; whoever writes first copies
 * the piece that it writes to (a chunk of frames, a table, a leaf of pages, a list of areas). Each
 * piece carries the epoch of the state that made it: another epoch means that others see it. So a
 * checkpoint costs some maps, and scrubbing back a fork of one and a few thousand records. */

import { Frames } from "./frames.js";
import { Pages } from "./pages.js";
import { Table, P, W, ENTRIES, frameOf, isLeaf } from "./tables.js";
import { areasMap, areasUnmap, areasChange } from "./areas.js";

let epochs = 0;

const FRAMES_MAX = 2 ** 28; // 1 TiB: more is no machine's, but a broken recording's

const MAPS = ["processes", "threads", "running", "spaces", "owners", "numbers", "tables", "unowned"];

export class State {
    constructor(schema, header) {
        this.schema = schema;
        this.header = header;
        this.index = 0;       // records applied
        this.time = 0;
        this.version = 0;     // rises when areas, spaces or processes change
        this.tablesVersion = 0;
        this.uses = Object.fromEntries(schema.enums.frame_use.map((name, i) => [name, i]));
        this.ownable = new Set(["anon", "file", "shmem"].map((name) => this.uses[name]));
        this.totals = {};     // name of an event -> how often; "fault:CASE" too
        this.epoch = ++epochs;
        this._forget(Math.ceil(header.memory_bytes / 4096));
    }

    _forget(frames) {
        this.frameCount = frames;
        this.whole = false;   // no: in the middle of a snapshot, or before the first
        this.inDoubt = false; // events were lost
        this.processes = new Map(); // pid -> {pid, parent, root, name, ended}
        this.threads = new Map();   // tid -> pid
        this.running = new Map();   // processor -> tid
        this.spaces = new Map();    // root -> {root, areas}
        this.owners = new Map();    // id -> {id, number, shadow, kind, bytes, name, pages, epoch}
        this.numbers = new Map();   // number -> id
        this.tables = new Map();    // pfn -> Table
        this.unowned = new Map();   // pfn -> record since which nobody has this page
        this.frames = new Frames(frames);
        this.frames.epoch = this.epoch;
        this.nextNumber = 1;
        this.freeNumbers = null;    // those given back: {number, next}
        this.version++;
        this.tablesVersion++;
        this._maps = Object.fromEntries(MAPS.map((name) => [name, this.epoch]));
    }

    /* Another state, the same as this one; both may go on. */
    fork() {
        const other = Object.assign(Object.create(State.prototype), this);
        other.totals = { ...this.totals };
        other.epoch = ++epochs;
        other.frames = this.frames.shared(other.epoch);
        other._maps = { ...this._maps };
        this.epoch = ++epochs;
        this.frames.epoch = this.epoch;
        return other;
    }

    /* A map that may be written to. */
    _own(name) {
        if (this._maps[name] !== this.epoch) {
            this[name] = new Map(this[name]);
            this._maps[name] = this.epoch;
        }
        return this[name];
    }

    /* Applies one record, the one after the last. */
    apply(record) {
        this.index = record.number + 1;
        this.time = record.time;
        if (this.whole) {
            this.totals[record.event] = (this.totals[record.event] ?? 0) + 1;
        }
        APPLY[record.event]?.(this, record);
    }

    // ---- frames ----

    _use(first, count, use) {
        const number = this.uses[use] ?? this.uses.kernel;
        const end = Math.min(first + count, this.frameCount);
        for (let pfn = first; pfn < end; pfn++) {
            this.frames.setUse(pfn, number);
            this._watch(pfn);
        }
    }

    /* Notes whether a page belongs to nobody. */
    _watch(pfn) {
        const alone = this.ownable.has(this.frames.use(pfn)) && this.frames.owners(pfn) === 0;
        if (alone !== this.unowned.has(pfn)) {
            const unowned = this._own("unowned");
            if (alone) {
                unowned.set(pfn, this.index);
            } else {
                unowned.delete(pfn);
            }
        }
    }

    // ---- objects and shadows ----

    _makeOwner(id, fields) {
        const number = this.freeNumbers ? this.freeNumbers.number : this.nextNumber++;
        this.freeNumbers = this.freeNumbers?.next ?? null;
        this._own("owners").set(id, { id, number, epoch: this.epoch, pages: new Pages(), ...fields });
        this._own("numbers").set(number, id);
        this.version++;
    }

    _owner(id) {
        const owner = this.owners.get(id);
        if (!owner) { // told of only now: its making was lost, or the snapshot leaves it out
            this._makeOwner(id, { shadow: true, kind: "shadow", bytes: 0, name: "" });
            return this.owners.get(id);
        }
        if (owner.epoch !== this.epoch) {
            const copy = { ...owner, epoch: this.epoch, pages: owner.pages.shared() };
            this._own("owners").set(id, copy);
            return copy;
        }
        return owner;
    }

    _setPage(owner, index, pfn) {
        const before = owner.pages.set(index, pfn);
        if (before === pfn) {
            return;
        }
        this._count(before, owner.number, -1);
        this._count(pfn, owner.number, 1);
    }

    _count(pfn, number, change) {
        if (pfn !== 0 && this.frames.has(pfn)) {
            this.frames.own(pfn, number, change);
            this._watch(pfn);
        }
    }

    _dropPages(owner, first = 0, end = Infinity) {
        const gone = [];
        owner.pages.each((index) => gone.push(index), first, end);
        for (const index of gone) {
            this._setPage(owner, index, 0);
        }
    }

    _freeOwner(id) {
        if (!this.owners.has(id)) {
            return;
        }
        const owner = this._owner(id);
        this._dropPages(owner);
        this._own("owners").delete(id);
        this._own("numbers").delete(owner.number);
        this.freeNumbers = { number: owner.number, next: this.freeNumbers };
        this.version++;
    }

    // ---- tables ----

    _makeTable(pfn, level, from = null) {
        const table = new Table(pfn, level, this.epoch, from);
        this._own("tables").set(pfn, table);
        this.tablesVersion++;
        return table;
    }

    _table(pfn) {
        const table = this.tables.get(pfn);
        if (!table || table.epoch === this.epoch) {
            return table ?? null;
        }
        const copy = new Table(pfn, table.level, this.epoch, table);
        this._own("tables").set(pfn, copy);
        return copy;
    }

    _leads(table, slot, change) {
        const low = table.low[slot];
        if (!(low & P)) {
            return;
        }
        const pfn = frameOf(low, table.high[slot]);
        const leaf = isLeaf(table.level, low);
        const frames = leaf ? ENTRIES ** (table.level - 1) : 1;
        for (let i = 0; i < frames && this.frames.has(pfn + i); i++) {
            this.frames.enter(pfn + i, change);
        }
        if (!leaf) {
            this.tablesVersion++;
        }
    }

    _write(table, slot, low, high) {
        if (slot >= ENTRIES || (table.low[slot] === low && table.high[slot] === high)) {
            return;
        }
        this._leads(table, slot, -1);
        table.used += ((low | high) !== 0) - ((table.low[slot] | table.high[slot]) !== 0);
        table.low[slot] = low;
        table.high[slot] = high;
        this._leads(table, slot, 1);
    }

    _clear(pfn, first, count) {
        const table = this._table(pfn);
        for (let slot = first; table && slot < Math.min(first + count, ENTRIES); slot++) {
            this._write(table, slot, 0, 0);
        }
    }

    _unwritable(table) {
        for (let slot = 0; slot < ENTRIES; slot++) {
            if (table.low[slot] & W && table.narrowedByFork(slot)) {
                table.low[slot] = (table.low[slot] & ~W) >>> 0;
            }
        }
    }

    // ---- spaces ----

    _changeAreas(root, change) {
        const space = this.spaces.get(root) ?? { root, areas: [] };
        this._own("spaces").set(root, { ...space, areas: change(space.areas) });
        this.version++;
    }

    _changeProcess(pid, fields) {
        const known = this.processes.get(pid) ?? { pid, parent: 0, root: 0, name: "", ended: false };
        this._own("processes").set(pid, { ...known, ...fields });
        this.version++;
    }
}

const APPLY = {
    snapshot_begin(state, { frames }) {
        state._forget(Math.min(Number(frames) || state.frameCount, FRAMES_MAX));
    },
    snapshot_end(state) {
        state.whole = true;
    },
    lost(state) {
        state.inDoubt = true;
    },

    process(state, { pid, parent, root, name }) {
        state._changeProcess(pid, { parent, root, name, ended: false });
    },
    exec(state, { pid, root, name }) {
        // Whoever was said to have ended (init before its first program has no space) has not.
        state._changeProcess(pid, { root, name: name.split("/").at(-1), ended: false });
    },
    process_name(state, { pid, name }) {
        if (state.processes.has(pid)) {
            state._changeProcess(pid, { name });
        }
    },
    process_parent(state, { pid, parent }) {
        if (state.processes.has(pid)) {
            state._changeProcess(pid, { parent });
        }
    },
    exit(state, { pid, status }) {
        state._changeProcess(pid, { root: 0, ended: true, status });
    },
    reaped(state, { pid }) {
        state._own("processes").delete(pid);
        state.version++;
    },
    thread(state, { tid, pid }) {
        state._own("threads").set(tid, pid);
    },
    thread_exit(state, { tid }) {
        state._own("threads").delete(tid);
    },
    running(state, { processor, tid }) {
        state._own("running").set(processor, tid);
    },
    switch(state, { cpu, next }) {
        state._own("running").set(cpu, next);
    },

    frame_alloc(state, { pfn, order, use }) {
        state._use(pfn, 2 ** order, use);
    },
    frame_free(state, { pfn, order }) {
        state._use(pfn, 2 ** order, "free");
    },
    frame_use(state, { pfn, count, use }) {
        state._use(pfn, count, use);
    },

    table_make(state, { pfn, level }) {
        APPLY.table_free(state, { pfn }); // one that was not told to be gone
        state._makeTable(pfn, level);
    },
    table_free(state, { pfn }) {
        if (state.tables.has(pfn)) {
            state._clear(pfn, 0, ENTRIES);
            state._own("tables").delete(pfn);
            state.tablesVersion++;
        }
    },
    table_copy(state, { from, to, level }) {
        APPLY.table_free(state, { pfn: to });
        const table = state._makeTable(to, level, state.tables.get(from) ?? null);
        for (let slot = 0; slot < ENTRIES; slot++) {
            state._leads(table, slot, 1);
        }
        state._unwritable(table);
    },
    table_unwritable(state, { pfn }) {
        const table = state._table(pfn);
        if (table) {
            state._unwritable(table);
        }
    },
    entry(state, { pfn, slot, value: [low, high] }) {
        const table = state._table(pfn);
        if (table) {
            state._write(table, slot, low, high);
        }
    },
    entries(state, { pfn, slot, values }) {
        const table = state._table(pfn);
        for (let i = 0; table && i + 1 < values.length; i += 2) {
            state._write(table, slot + i / 2, values[i], values[i + 1]);
        }
    },
    entries_forked(state, { from, to, slot, count }) {
        const source = state._table(from), target = state._table(to);
        for (let i = slot; source && target && i < Math.min(slot + count, ENTRIES); i++) {
            if (source.low[i] | source.high[i]) {
                const low = source.narrowedByFork(i) ? (source.low[i] & ~W) >>> 0 : source.low[i];
                source.low[i] = low;
                state._write(target, i, low, source.high[i]);
            }
        }
    },
    entries_clear(state, { pfn, slot, count }) {
        state._clear(pfn, slot, count);
    },
    entries_and(state, { pfn, slot, count, and, or }) {
        const table = state._table(pfn);
        for (let i = slot; table && i < Math.min(slot + count, ENTRIES); i++) {
            if (table.low[i] | table.high[i]) {
                state._write(table, i, ((table.low[i] & and[0]) | or[0]) >>> 0,
                    ((table.high[i] & and[1]) | or[1]) >>> 0);
            }
        }
    },

    space_make(state, { root }) {
        state._changeAreas(root, () => []);
    },
    space_free(state, { root }) {
        state._own("spaces").delete(root);
        state.version++;
    },
    map(state, record) {
        const { start, end, prot, max_prot, flags, object, shadow, offset } = record;
        const area = { start, end, prot, max_prot, flags, object, shadow, offset };
        state._changeAreas(record.root, (areas) => areasMap(areas, area));
    },
    unmap(state, { root, start, end }) {
        state._changeAreas(root, (areas) => areasUnmap(areas, start, end));
    },
    protect(state, { root, start, end, prot }) {
        state._changeAreas(root, (areas) => areasChange(areas, start, end, { prot }));
    },
    shadow(state, { root, start, end, shadow }) {
        state._changeAreas(root, (areas) => areasChange(areas, start, end, { shadow }));
    },

    object_make(state, { object, kind, bytes, name }) {
        state._freeOwner(object);
        state._makeOwner(object, { shadow: false, kind, bytes: Number(bytes), name });
    },
    object_name(state, { object, name }) {
        state._owner(object).name = name;
    },
    object_free(state, { object }) {
        state._freeOwner(object);
    },
    object_size(state, { object, bytes }) {
        state._owner(object).bytes = Number(bytes);
    },
    shadow_make(state, { shadow }) {
        state._freeOwner(shadow);
        state._makeOwner(shadow, { shadow: true, kind: "shadow", bytes: 0, name: "" });
    },
    shadow_free(state, { shadow }) {
        state._freeOwner(shadow);
    },
    page(state, { owner, index, pfn }) {
        state._setPage(state._owner(owner), index, pfn);
    },
    pages(state, { owner, index, pfns }) {
        const holder = state._owner(owner);
        pfns.forEach((pfn, i) => state._setPage(holder, index + i, pfn));
    },
    pages_gone(state, { owner, first, end }) {
        state._dropPages(state._owner(owner), Number(first), Number(end));
    },
    pages_shared(state, { from, to }) {
        const target = state._owner(to);
        state._dropPages(target);
        target.pages = state._owner(from).pages.shared();
        target.pages.each((_, pfn) => state._count(pfn, target.number, 1));
    },
    pages_moved(state, { from, to, first, end }) {
        const source = state._owner(from);
        const target = state._owner(to);
        const moved = [];
        source.pages.each((index, pfn) => moved.push([index, pfn]), Number(first), Number(end));
        for (const [index, pfn] of moved) {
            state._setPage(target, index, pfn);
            state._setPage(source, index, 0);
        }
    },

    fault(state, record) {
        const name = `fault:${record.case}`;
        state.totals[name] = (state.totals[name] ?? 0) + 1;
    },
};
