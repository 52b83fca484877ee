/* SPDX-License-Identifier: MIT */
/* Many into few: what each frame is to the eye (a class, with a colour and a letter), classes of many
 * frames in one cell, pages of an area in so many cells, faults in so many columns. */

import { CHUNK } from "./frames.js";
import { ENTRIES, P, W, frameOf, isLeaf, entryBytes } from "./tables.js";
import { slotOf } from "./translate.js";

/* Classes of frames. From PROCESS on: a page that one process alone has, by the process's order. */
export const CLASSES = [
    { key: "free", letter: "\u00b7", label: "free" },
    { key: "reserved", letter: "R", label: "reserved", more: "firmware, devices" },
    { key: "kernel", letter: "K", label: "kernel" },
    { key: "slab", letter: "k", label: "kernel objects", more: "slabs" },
    { key: "stack", letter: "s", label: "kernel stack" },
    { key: "table", letter: "T", label: "page table" },
    { key: "file", letter: "F", label: "file cache" },
    { key: "shmem", letter: "M", label: "shared memory" },
    { key: "zero", letter: "0", label: "the zero page", more: "what was never written reads from it" },
    { key: "spare", letter: "\u00b0", label: "spare", more: "kept ready by a processor" },
    { key: "hole", letter: " ", label: "no memory here" },
    { key: "shared", letter: "S", label: "shared until written to", more: "private pages that several see: copy on write" },
    { key: "anon", letter: "a", label: "private", more: "of a process that is not known" },
    { key: "pending", letter: "+", label: "taken", more: "and not yet placed" },
    { key: "freed-mapped", letter: "!", label: "error: freed but mapped", more: "free, and yet a page table leads to it", error: true },
    { key: "leaked", letter: "?", label: "error: leaked", more: "in use, and nobody has it", error: true },
];
export const CLASS = Object.fromEntries(CLASSES.map(({ key }, number) => [key, number]));
export const PROCESS = CLASSES.length;
export const PROCESS_COLOURS = 8;
const PROCESS_CLASSES = 104; // so that colours (8) and letters (26) go round together

/* A page taken is in some owner's hands a few records later. One that is nobody's for so long is lost. */
export const LEAKED_AFTER = 4096;

export function processClass(order) {
    return PROCESS + order % PROCESS_CLASSES;
}

export function letterOf(kind) {
    return kind < PROCESS ? CLASSES[kind].letter : String.fromCharCode(65 + (kind - PROCESS) % 26);
}

export function letterOfOrder(order) {
    return letterOf(processClass(order));
}

/* The process that a class stands for at a moment, {pid, name}; null: none. Classes go round: of those that had it,
 * one that has a space, or else the last. */
export function processOfClass(recording, state, kind) {
    let found = null;
    for (const [pid, { order, name }] of recording.processes) {
        if (processClass(order) === kind && !(found && state?.processes.get(found.pid)?.root)) {
            found = { pid, name };
        }
    }
    return found;
}

/* Says of frames which class they are, for one state. */
export class Classifier {
    constructor(recording) {
        this.recording = recording;
        this.state = null;
        this.version = -1;
        this.ofOwner = new Uint8Array(0);
        this._seen = [];
    }

    /* Looks at another state, or the same one later. Returns the owners whose pages look different now,
     * though the frames did not change. */
    update(state) {
        const same = state === this.state && state.version === this.version;
        this.state = state;
        if (same) {
            return [];
        }
        this.version = state.version;
        const before = this.ofOwner;
        this.ofOwner = this._classesOfOwners(state);
        this._base ??= baseClasses(state);
        return [...state.owners.values()].filter(({ number, pages }) =>
            pages.count > 0 && number < before.length && before[number] !== this.ofOwner[number]);
    }

    _classesOfOwners(state) {
        const classes = new Uint8Array(state.nextNumber).fill(CLASS.anon);
        const ofRoot = new Map();
        for (const process of state.processes.values()) {
            const order = this.recording.processes.get(process.pid)?.order;
            if (process.root && order !== undefined && !ofRoot.has(process.root)) {
                ofRoot.set(process.root, processClass(order));
            }
        }
        for (const { root, areas } of state.spaces.values()) {
            for (const { shadow } of areas) {
                const owner = shadow ? state.owners.get(shadow) : null;
                if (owner && ofRoot.has(root)) {
                    classes[owner.number] = ofRoot.get(root);
                }
            }
        }
        return classes;
    }

    /* The class of one frame. */
    of(pfn) {
        return this._class(this.state.frames.chunks[Math.floor(pfn / CHUNK)], pfn % CHUNK, pfn);
    }

    _class(chunk, at, pfn) {
        const kind = this._base[chunk.use[at]];
        if (kind === CLASS.free) {
            return chunk.entries[at] ? CLASS["freed-mapped"] : kind;
        }
        if (kind !== CLASS.anon && kind !== CLASS.file && kind !== CLASS.shmem) {
            return kind;
        }
        if (chunk.owners[at] === 0) {
            return this._ofNobody(pfn);
        }
        if (kind !== CLASS.anon) {
            return kind;
        }
        return chunk.owners[at] > 1 ? CLASS.shared : this.ofOwner[chunk.who[at]] ?? CLASS.anon;
    }

    _ofNobody(pfn) {
        const since = this.state.unowned.get(pfn) ?? this.state.index;
        return this.state.index - since > LEAKED_AFTER ? CLASS.leaked : CLASS.pending;
    }

    /* Classes of cells of `per` frames each, the first cell beginning at frame `first`: into kinds
     * the class that counts most, into parts how much of the cell is in use (0 to 255). */
    cells(first, per, kinds, parts) {
        const { chunks, count } = this.state.frames;
        const tally = new Uint32Array(256);
        for (let cell = 0; cell < kinds.length; cell++) {
            const from = first + cell * per;
            const end = Math.min(from + per, count);
            if (per === 1) {
                kinds[cell] = from < count ? this._class(chunks[Math.floor(from / CHUNK)], from % CHUNK, from) : CLASS.hole;
                parts[cell] = 255;
            } else {
                this._cell(from, end, tally);
                kinds[cell] = this._kind;
                parts[cell] = this._part;
            }
        }
    }

    _cell(from, end, tally) {
        const { chunks } = this.state.frames;
        const seen = this._seen;
        seen.length = 0;
        let free = 0;
        for (let pfn = from; pfn < end; pfn++) {
            const chunk = chunks[(pfn / CHUNK) | 0], at = pfn % CHUNK;
            if (chunk.use[at] === 0 && chunk.entries[at] === 0) {
                free++; // most of memory, mostly
                continue;
            }
            const kind = this._class(chunk, at, pfn);
            if (tally[kind]++ === 0) {
                seen.push(kind);
            }
        }
        let best = free ? CLASS.free : CLASS.hole, most = free / 1e6, unused = free;
        for (const kind of seen) {
            const amount = tally[kind];
            tally[kind] = 0;
            const idle = kind === CLASS.free || kind === CLASS.hole;
            unused += idle ? amount : 0;
            const weight = kind < PROCESS && CLASSES[kind].error ? Infinity : idle ? amount / 1e6 : amount;
            if (weight > most) {
                most = weight;
                best = kind;
            }
        }
        this._kind = best;
        this._part = end > from ? Math.round(255 * (1 - unused / (end - from))) : 0;
    }

    /* How many frames there are of each class: Map(class -> frames). */
    totals() {
        const { count } = this.state.frames;
        const tally = new Uint32Array(256);
        const { chunks } = this.state.frames;
        for (let pfn = 0; pfn < count; pfn++) {
            tally[this._class(chunks[Math.floor(pfn / CHUNK)], pfn % CHUNK, pfn)]++;
        }
        return tally;
    }
}

function baseClasses(state) {
    const names = state.schema.enums.frame_use;
    const base = new Uint8Array(256).fill(CLASS.kernel);
    names.forEach((name, number) => {
        base[number] = CLASS[name] ?? CLASS.kernel;
    });
    return base;
}

/* What a page of an area is: nothing; a page that no entry leads to, in shadow or object; or a mapped
 * one: the zero page, the object's, a shadow's that others see, one that is only ours. */
export const PAGE = { none: 0, objectOnly: 1, shadowOnly: 2, zero: 3, object: 4, shared: 5, own: 6 };
export const PAGE_LABELS = ["not there", "in the object, not mapped", "in the shadow, not mapped",
    "the zero page, mapped", "the object's page, mapped", "shared until written to, mapped", "only ours, mapped"];

/* The pages of an area in `count` cells: kinds gets what counts most (the higher PAGE), parts how many
 * pages of the cell are there (0 to 255), writable whether any may be written. Returns {resident,
 * present}: pages mapped, pages in shadow or object. */
export function areaCells(state, root, area, kinds, parts, writable) {
    const pages = (area.end - area.start) / 4096;
    const per = pages / kinds.length;
    const present = new Uint32Array(kinds.length), mapped = new Uint32Array(kinds.length);
    kinds.fill(0);
    writable.fill(0);
    const cellOf = (i) => Math.min(kinds.length - 1, Math.floor(i / per));
    const sum = { resident: 0, present: 0 };
    const put = (i, kind) => {
        const cell = cellOf(i);
        kinds[cell] = Math.max(kinds[cell], kind);
        return cell;
    };
    for (const [id, kind] of [[area.object, PAGE.objectOnly], [area.shadow, PAGE.shadowOnly]]) {
        state.owners.get(id)?.pages.each((index) => {
            present[put(index - area.offset, kind)]++;
            sum.present++;
        }, area.offset, area.offset + pages);
    }
    const shadow = state.owners.get(area.shadow) ?? null;
    eachEntry(state, root, area.start, area.end, (va, pfn, low) => {
        const i = Math.floor((va - area.start) / 4096);
        const cell = put(i, mappedKind(state, shadow, area.offset + i, pfn));
        writable[cell] |= low & W ? 1 : 0;
        mapped[cell]++;
        sum.resident++;
    });
    for (let i = 0; i < kinds.length; i++) {
        parts[i] = Math.min(255, Math.round(255 * Math.max(mapped[i], present[i]) / Math.max(1, per)));
    }
    return sum;
}

function mappedKind(state, shadow, index, pfn) {
    if (shadow && shadow.pages.get(index) === pfn) {
        return state.frames.has(pfn) && state.frames.owners(pfn) > 1 ? PAGE.shared : PAGE.own;
    }
    const zero = state.frames.has(pfn) && state.frames.use(pfn) === state.uses.zero;
    return zero ? PAGE.zero : PAGE.object;
}

/* Calls visit(va, pfn, low with W as the levels above leave it) for each page mapped in [start, end). */
export function eachEntry(state, root, start, end, visit) {
    const go = (pfn, base, above) => {
        const table = state.tables.get(pfn);
        if (!table) {
            return;
        }
        const bytes = entryBytes(table.level);
        const last = Math.min(ENTRIES, Math.ceil((end - base) / bytes));
        for (let slot = start > base ? slotOf(start, table.level) : 0; slot < last; slot++) {
            const low = table.low[slot];
            if (!(low & P)) {
                continue;
            }
            const va = base + slot * bytes;
            const rights = low & W ? above : 0;
            if (isLeaf(table.level, low)) {
                visitLeaf(va, frameOf(low, table.high[slot]), rights);
            } else {
                go(frameOf(low, table.high[slot]), va, rights);
            }
        }
        function visitLeaf(va, first, rights) {
            for (let i = 0; i * 4096 < bytes; i++) {
                const at = va + i * 4096;
                if (at >= start && at < end) {
                    visit(at, first + i, rights);
                }
            }
        }
    };
    go(root, 0, W);
}

/* Faults in columns: counts[kind * columns + column], for those from `from` to `to` (times, or
 * numbers of records). `wanted(i)` leaves some out. */
export function faultColumns(faults, axis, from, to, columns, wanted = null) {
    const along = axis === "time" ? faults.time : faults.record;
    const counts = new Uint32Array(16 * columns);
    const scale = columns / Math.max(1e-9, to - from);
    const { data } = along;
    for (let i = along.lowerBound(from); i < along.length && data[i] <= to; i++) {
        if (!wanted || wanted(i)) {
            const column = Math.min(columns - 1, Math.floor((data[i] - from) * scale));
            counts[faults.kind.data[i] * columns + column]++;
        }
    }
    return counts;
}

/* How many of a rising column's times lie in each of `bins` equal parts of [from, to). */
export function rate(column, from, to, bins) {
    const result = new Float64Array(bins);
    let before = column.lowerBound(from);
    for (let i = 0; i < bins; i++) {
        const next = column.lowerBound(from + (to - from) * (i + 1) / bins);
        result[i] = next - before;
        before = next;
    }
    return result;
}
