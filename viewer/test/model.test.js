/* SPDX-License-Identifier: MIT */
/* The model without a page: decoding, the state at any moment, translation, aggregation, words. */

import test from "node:test";
import assert from "node:assert/strict";
import { Writer, SCHEMA_JSON } from "./writer.js";
import { Machine, HEAP, CODE, PAGE } from "./machine.js";
import * as scenes from "./scenes.js";
import { Recording, MAGIC } from "../src/model/recording.js";
import { StreamError } from "../src/model/schema.js";
import { History } from "../src/model/history.js";
import { Pages } from "../src/model/pages.js";
import { areaAt, areasMap, areasUnmap, areasChange } from "../src/model/areas.js";
import { walk, seersOf, tableGraph, pageOf } from "../src/model/translate.js";
import { CLASS, Classifier, LEAKED_AFTER, PAGE as KIND, PROCESS, areaCells, faultColumns, letterOf, processClass, processOfClass, rate } from "../src/model/aggregate.js";
import { bytes as sizeWords, explainFault, entryBits, indexWords, recordsOfFault, several } from "../src/model/words.js";

function recorded(bytes, pieces = bytes.length) {
    const recording = new Recording();
    for (let at = 0; at < bytes.length; at += pieces) {
        recording.append(bytes.subarray(at, at + pieces));
    }
    return recording;
}

function played(bytes, spacing) {
    const history = new History(recorded(bytes), spacing);
    history.advance();
    return history;
}

/* All that a state says, to be compared. */
function contents(state) {
    const frames = [];
    for (let pfn = 0; pfn < state.frameCount; pfn++) {
        const owners = state.frames.owners(pfn);
        frames.push(`${state.frames.use(pfn)} ${owners} ${owners === 1 ? state.frames.who(pfn) : ""} ${state.frames.entries(pfn)}`);
    }
    const owners = [...state.owners.values()].sort((a, b) => a.id - b.id).map(({ id, number, kind, bytes, name, pages }) => {
        const list = [];
        pages.each((index, pfn) => list.push([index, pfn]));
        return { id, number, kind, bytes, name, pages: list.sort((a, b) => a[0] - b[0]), count: pages.count };
    });
    const tables = [...state.tables.values()].sort((a, b) => a.pfn - b.pfn).map(
        ({ pfn, level, used, low, high }) => ({ pfn, level, used, low: low.join(), high: high.join() }));
    return { frames, owners, tables, spaces: [...state.spaces].sort(), processes: [...state.processes].sort(),
        unowned: [...state.unowned.keys()].sort(), uses: [...state.frames.uses] };
}

test("decode: every kind of field comes back", () => {
    const out = new Writer({ frames: 16 });
    out.cpu = 3;
    out.tid = 77;
    out.emit("fault", { root: 9, va: 0xffffffff80000123n, access: ["write", "user"], case: "copy", result: -14, pfn: 5, ticks: 123 });
    out.emit("entry", { pfn: 1, slot: 511, value: 0x8000000000005067n });
    out.emit("pages", { owner: 0x800012345678, index: 7, pfns: [1, 2, 3] });
    out.emit("pages", { owner: 1, index: 7, pfns: [1, 2, 3, 4] });
    out.emit("entries", { pfn: 1, slot: 2, values: [1n << 63n, 7n] });
    out.emit("mark", { text: "here \u00e9" });
    const recording = recorded(out.bytes());
    assert.equal(recording.count, 6);
    const fault = recording.record(0);
    assert.deepEqual([fault.cpu, fault.who, fault.case, fault.result, fault.pfn, fault.va],
        [3, 77, "copy", -14, 5, 0xffffffff80000123n]);
    assert.deepEqual(recording.record(1).value, [0x5067, 0x80000000]);
    assert.equal(recording.record(2).owner, 0x800012345678);
    assert.deepEqual([...recording.record(2).pfns], [1, 2, 3]);
    assert.deepEqual([...recording.record(3).pfns], [1, 2, 3, 4]);
    assert.deepEqual([...recording.record(4).values], [0, 0x80000000, 7, 0]);
    assert.equal(recording.record(5).text, "here \u00e9");
    assert.deepEqual(recording.ticks.map((tick) => tick.text), ["here \u00e9"]);
});

test("recording: the same in any pieces", () => {
    const { bytes } = scenes.fork({ pages: 5 });
    const whole = recorded(bytes);
    for (const pieces of [1, 7, 4096]) {
        const other = recorded(bytes, pieces);
        assert.equal(other.count, whole.count);
        assert.equal(other.restBytes, 0);
        assert.deepEqual(other.record(other.count - 1).va, whole.record(whole.count - 1).va);
    }
});

test("recording: what is none is refused with a reason", () => {
    const { bytes } = scenes.fork({ pages: 5 });
    const broken = (change) => {
        const copy = bytes.slice();
        change(copy, new DataView(copy.buffer));
        return () => recorded(copy);
    };
    const records = recorded(bytes);
    assert.throws(() => recorded(new TextEncoder().encode("GIF89a, or so")), /begins with "GIF89a, "/);
    assert.throws(broken((copy) => copy.fill(0x7b, 12, 40)), StreamError);
    assert.throws(broken((_, view) => view.setUint32(8, 1 << 28, true)), /cannot be 268435456 bytes/);
    const start = bytes.length - recordsBytes(records);
    assert.throws(broken((copy) => { copy[start + 2] = 1; }), /a record of 8 bytes/);
    assert.throws(broken((_, view) => view.setUint16(start, 999, true)), /no event 999/);
    assert.throws(broken((copy) => copy.fill(0, start + 40, start + 48)), /time goes from 1001 to 0/);
});

function recordsBytes(recording) {
    let sum = 0;
    for (let i = 0; i < recording.count; i++) {
        const [view, at] = recording._view(i);
        sum += view.getUint8(at + 2) * 8;
    }
    return sum;
}

test("classes: they go round, and name who lives", () => {
    const machine = new Machine({ frames: 2048 });
    const parent = machine.program("parent");
    machine.run(parent);
    const first = machine.fork(parent);
    machine.exit(first);
    for (let i = 0; i < 103; i++) {
        machine.exit(machine.fork(parent));
    }
    const last = machine.fork(parent);
    const { recording, tip } = played(machine.bytes());
    const kind = processClass(recording.processes.get(last.pid).order);
    assert.equal(processClass(recording.processes.get(first.pid).order), kind);
    assert.equal(processOfClass(recording, tip, kind).pid, last.pid);
    assert.equal(processOfClass(recording, tip, processClass(recording.processes.get(parent.pid).order)).pid, parent.pid);
    assert.equal(processOfClass(recording, tip, PROCESS + 200), null);
});

test("recording: a cut one keeps what is whole", () => {
    const { bytes } = scenes.fork({ pages: 5 });
    const whole = recorded(bytes);
    const cut = recorded(bytes.subarray(0, bytes.length - 3));
    assert.equal(cut.count, whole.count - 1);
    assert.ok(cut.restBytes > 0);
    for (let length = 0; length < 400; length += 13) {
        assert.equal(recorded(bytes.subarray(0, length), Math.max(1, length)).count, 0);
    }
});

test("recording: a live one begins at the magic", () => {
    const { bytes } = scenes.fork({ pages: 5 });
    const live = new Recording({ live: true });
    const rest = new TextEncoder().encode(`left over QTRA${MAGIC.slice(0, 5)}`);
    live.append(rest);
    live.append(bytes.subarray(0, 3));
    live.append(bytes.subarray(3));
    assert.equal(live.count, recorded(bytes).count);
});

test("pages: shared trees copy what is written", () => {
    const one = new Pages();
    for (let i = 0; i < 2000; i += 3) {
        one.set(i, i + 1);
    }
    const two = one.shared();
    two.set(3, 99);
    one.set(600, 0);
    assert.equal(one.get(3), 4);
    assert.equal(two.get(3), 99);
    assert.equal(two.get(600), 601);
    assert.equal(one.get(600), 0);
    assert.equal(two.count, one.count + 1);
    const seen = [];
    two.each((index) => seen.push(index), 3, 10);
    assert.deepEqual(seen, [3, 6, 9]);
});

test("areas: map, unmap and protect split and join", () => {
    const area = { start: 0x1000, end: 0x9000, prot: 3, max_prot: 7, flags: 0, object: 5, shadow: 0, offset: 10 };
    let areas = areasMap([], area);
    areas = areasChange(areas, 0x3000, 0x5000, { prot: 1 });
    assert.deepEqual(areas.map((one) => [one.start, one.end, one.prot, one.offset]),
        [[0x1000, 0x3000, 3, 10], [0x3000, 0x5000, 1, 12], [0x5000, 0x9000, 3, 14]]);
    assert.equal(areasChange(areas, 0x3000, 0x5000, { prot: 3 }).length, 1);
    areas = areasUnmap(areas, 0x2000, 0x6000);
    assert.deepEqual(areas.map((one) => [one.start, one.end, one.offset]), [[0x1000, 0x2000, 10], [0x6000, 0x9000, 15]]);
    assert.equal(areaAt(areas, 0x6fff).offset, 15);
    assert.equal(areaAt(areas, 0x5000), null);
});

test("state: whoever execs lives, though it was said to have ended", () => {
    const out = new Writer({ frames: 64 });
    out.emit("snapshot_begin", { frames: 64, processors: 1, reason: "start" });
    out.emit("process", { pid: 1, parent: 0, root: 0, name: "init" });
    out.emit("exit", { pid: 1, status: 0 });
    out.emit("snapshot_end", { records: 2 });
    out.emit("space_make", { root: 9 });
    out.emit("exec", { pid: 1, root: 9, name: "/sbin/init" });
    const { processes } = played(out.bytes()).tip;
    assert.deepEqual([processes.get(1).ended, processes.get(1).root], [false, 9]);
});

test("state: what the stream comes to is what the machine has", () => {
    for (const make of [scenes.allocator, scenes.fork, scenes.forkexit]) {
        const { bytes, machine } = make({});
        const { tip } = played(bytes);
        for (const [pfn, use] of machine.use) {
            assert.equal(tip.schema.enums.frame_use[tip.frames.use(pfn)], use);
        }
        assert.equal(tip.frames.uses[tip.uses.free], machine.frames - 512 - machine.use.size);
        for (const [pfn, holders] of machine.holders) {
            assert.equal(tip.frames.owners(pfn), holders);
        }
        assert.deepEqual([...tip.tables.keys()].sort(), [...machine.processes.values()].length ? tablesOf(machine) : []);
        for (const process of machine.processes.values()) {
            compareTable(tip, machine, process.root);
        }
        assert.equal(tip.unowned.size, 0);
    }
});

function tablesOf(machine) {
    return [...machine.use].filter(([, use]) => use === "table").map(([pfn]) => pfn).sort();
}

function compareTable(state, machine, pfn) {
    const mine = state.tables.get(pfn);
    const expected = machine.tables.get(pfn);
    assert.equal(mine.used, expected.slots.size);
    for (const [slot, value] of expected.slots) {
        assert.equal((BigInt(mine.high[slot]) << 32n) | BigInt(mine.low[slot]), value, `table ${pfn} slot ${slot}`);
        if (mine.level > 1) {
            compareTable(state, machine, Number((value >> 12n) & 0xfffffffffn));
        }
    }
}

test("history: any moment, in any order, is what the records up to it come to", () => {
    const { bytes } = scenes.forkexit({ rounds: 12 });
    const history = played(bytes, 64);
    const plain = recorded(bytes);
    assert.ok(history.checkpoints.length > 5);
    const first = history.wholeMoment(0);
    for (const index of [plain.count, 900, 100, first, 700, 701, 702, 300, plain.count - 1, 5]) {
        history.seek(index);
        const target = Math.max(first, index);
        const fresh = new History(plain, Infinity).tip;
        while (fresh.index < target) {
            fresh.apply(plain.record(fresh.index));
        }
        assert.equal(history.view.index, target);
        assert.deepEqual(contents(history.view), contents(fresh), `after ${index} records`);
    }
});

test("history: records that come later do not disturb the moment looked at", () => {
    const { bytes } = scenes.forkexit({ rounds: 12 });
    const recording = new Recording();
    const history = new History(recording.header ? recording : begun(recording, bytes), 64);
    history.advance();
    history.seek(300);
    const before = contents(history.view);
    recording.append(bytes.subarray(bytes.length >> 1));
    history.advance();
    assert.deepEqual(contents(history.view), before);
    history.follow();
    assert.deepEqual(contents(history.view), contents(played(bytes).tip));
});

function begun(recording, bytes) {
    recording.append(bytes.subarray(0, bytes.length >> 1));
    return recording;
}

test("history: a snapshot is whole only at its end, a cut one not at all", () => {
    const { bytes } = scenes.cases();
    const history = played(bytes);
    const { recording } = history;
    const begin = recording.snapshots[1].begin;
    assert.equal(recording.snapshots[1].end, -1);
    assert.equal(history.wholeMoment(3), recording.snapshots[0].end + 1);
    assert.equal(history.wholeMoment(recording.count), begin);
    history.seek(recording.count);
    assert.ok(history.view.whole);
});

test("history: checkpoints thin out, and moments stay exact", () => {
    const { bytes } = scenes.forkexit({ rounds: 30 });
    const history = played(bytes, 1);
    assert.ok(history.checkpoints.length <= 512);
    assert.ok(history.spacing > 1);
    history.seek(1234);
    const exact = contents(history.view);
    const other = played(bytes, 100000);
    other.seek(1234);
    assert.deepEqual(exact, contents(other.view));
});

test("translate: the walk names each level, and rights are those of all of them", () => {
    const { bytes, machine, parent, child } = scenes.fork({});
    const { tip } = played(bytes);
    const found = walk(tip, parent.root, HEAP + 50 * PAGE);
    assert.equal(found.steps.length, 4);
    assert.deepEqual(found.steps.map((step) => step.level), [4, 3, 2, 1]);
    assert.ok(found.mapped && !found.writable && !found.executable && found.user);
    assert.equal(found.pfn, parent.areas[1].pages.get(HEAP / PAGE + 50));
    assert.equal(walk(tip, child.root, HEAP + 50 * PAGE).pfn, found.pfn);
    assert.notEqual(walk(tip, child.root, HEAP + 3 * PAGE).pfn, walk(tip, parent.root, HEAP + 3 * PAGE).pfn);
    assert.ok(walk(tip, child.root, HEAP + 3 * PAGE).writable);
    assert.equal(walk(tip, parent.root, 0x123456789000).mapped, false);
    assert.equal(walk(tip, parent.root, 0xffffffff80000000n).steps.length, 0);
    assert.equal(machine.processes.size, 2);
});

test("translate: W cleared above takes it from every page below, and a large page is found", () => {
    const machine = new Machine({ frames: 2048 });
    const one = machine.program("one");
    machine.write(one, HEAP);
    const top = machine.tables.get(one.root);
    const [slot, value] = [...top.slots][0];
    machine.setEntry(top, slot, value & ~2n);
    const level2 = [...machine.tables.values()].find((table) => table.level === 2);
    machine.setEntry(level2, 5, (1024n << 12n) | 0x87n);
    const { tip } = played(machine.bytes());
    assert.ok(walk(tip, one.root, HEAP).mapped && !walk(tip, one.root, HEAP).writable);
    const large = walk(tip, one.root, 5 * 0x200000 + 7 * PAGE);
    assert.equal(large.steps.length, 3);
    assert.equal(large.pfn, 1024 + 7);
    assert.equal(tip.frames.entries(1024 + 511), 1);
});

test("translate: who sees a frame", () => {
    const { bytes, parent, child } = scenes.fork({});
    const { tip } = played(bytes);
    const pfn = parent.areas[1].pages.get(HEAP / PAGE + 50);
    const seers = seersOf(tip, pfn);
    assert.deepEqual(seers.mappings.map(({ root, va }) => [root, va]).sort(),
        [[parent.root, HEAP + 50 * PAGE], [child.root, HEAP + 50 * PAGE]].sort());
    assert.equal(seers.owners.length, 2);
    const page = pageOf(tip, child.root, HEAP + 50 * PAGE + 7);
    assert.equal(page.inShadow, pfn);
});

test("translate: a table that two spaces lead to is one node with two parents", () => {
    const { bytes, parent, child } = scenes.large({ pages: 4096, frames: 8192 });
    const history = played(bytes);
    const graph = tableGraph(history.tip, [parent.root, child.root]);
    const shared = graph.nodes.filter((node) => node.shared);
    assert.equal(shared.length, 1);
    assert.equal(shared[0].tables.length, 7);
    assert.equal(graph.edges.filter((edge) => edge.to === shared[0].id).length, 2);
    assert.equal(graph.nodes.filter((node) => node.level === 4).length, 2);
});

test("aggregate: classes of frames", () => {
    const { bytes, parent, child, machine } = scenes.fork({});
    const history = played(bytes);
    const classes = new Classifier(history.recording);
    classes.update(history.tip);
    const own = child.areas[1].pages.get(HEAP / PAGE + 10);
    const shared = parent.areas[1].pages.get(HEAP / PAGE + 50);
    assert.equal(classes.of(own), PROCESS + 1);
    assert.equal(letterOf(classes.of(own)), "B");
    assert.equal(classes.of(parent.areas[1].pages.get(HEAP / PAGE + 10)), PROCESS);
    assert.equal(classes.of(shared), CLASS.shared);
    assert.equal(classes.of(parent.root), CLASS.table);
    assert.equal(classes.of(machine.zero), CLASS.zero);
    assert.equal(classes.of(machine.code[0]), CLASS.file);
    assert.equal(classes.of(2000), CLASS.free);
    const totals = classes.totals();
    assert.equal(totals.reduce((sum, one) => sum + one), 2048);
    assert.equal(totals[CLASS.shared], 89); // 100, of which the child wrote 11
});

test("aggregate: freed but mapped, and leaked, are errors; an error outshines a crowd", () => {
    const { machine, parent } = scenes.fork({});
    const pfn = parent.areas[1].pages.get(HEAP / PAGE + 50);
    machine.out.emit("frame_free", { pfn, order: 0 });
    const lost = machine.take("anon");
    for (let i = 0; i < LEAKED_AFTER + 2; i++) {
        machine.out.emit("switch", {});
    }
    const late = machine.take("anon");
    const history = played(machine.bytes());
    const classes = new Classifier(history.recording);
    classes.update(history.tip);
    assert.equal(classes.of(pfn), CLASS["freed-mapped"]);
    assert.equal(classes.of(lost), CLASS.leaked);
    assert.equal(classes.of(late), CLASS.pending);
    const kinds = new Uint8Array(2), parts = new Uint8Array(2);
    classes.cells(0, 1024, kinds, parts);
    assert.equal(kinds[0], CLASS["freed-mapped"]);
    classes.cells(0, 256, kinds, parts);
    assert.deepEqual([kinds[0], parts[0], kinds[1]], [CLASS.reserved, 255, CLASS.kernel]);
});

test("aggregate: the pages of an area, one a cell and many", () => {
    const { bytes, parent, child } = scenes.fork({});
    const { tip } = played(bytes);
    const area = tip.spaces.get(child.root).areas.find((one) => one.start === HEAP);
    const cells = (count) => {
        const kinds = new Uint8Array(count), parts = new Uint8Array(count), writable = new Uint8Array(count);
        const sum = areaCells(tip, child.root, area, kinds, parts, writable);
        return { kinds, parts, writable, sum };
    };
    const fine = cells(512);
    assert.equal(fine.kinds[10], KIND.own);
    assert.equal(fine.kinds[50], KIND.shared);
    assert.equal(fine.kinds[200], KIND.none);
    assert.deepEqual([fine.writable[10], fine.writable[50]], [1, 0]);
    assert.deepEqual(fine.sum, { resident: 100, present: 100 });
    const coarse = cells(4);
    assert.deepEqual([...coarse.kinds], [KIND.own, 0, 0, 0]);
    assert.equal(coarse.parts[0], Math.round(255 * 100 / 128));
    assert.equal(parent.areas.length, 3);
});

test("aggregate: faults in columns, and rates", () => {
    const { bytes } = scenes.fork({});
    const recording = recorded(bytes);
    const { faults } = recording;
    const all = faultColumns(faults, "time", recording.firstTime, recording.lastTime, 50);
    assert.equal(all.reduce((sum, one) => sum + one), faults.time.length);
    const kind = recording.schema.number("fault_case", "copy");
    assert.equal(all.subarray(kind * 50, kind * 50 + 50).reduce((sum, one) => sum + one), 11);
    const some = faultColumns(faults, "record", 0, recording.count, 10, (i) => faults.kind.data[i] === kind);
    assert.equal(some.reduce((sum, one) => sum + one), 11);
    const sum = rate(recording.times.copies, recording.firstTime, recording.lastTime + 1, 7).reduce((a, b) => a + b);
    assert.equal(sum, 11);
});

test("words: each of the thirteen cases is explained with its numbers", () => {
    const { bytes, found } = scenes.cases();
    const history = played(bytes);
    assert.deepEqual(Object.keys(found).sort(), [...SCHEMA_JSON.enums.fault_case].sort());
    const titles = new Set();
    for (const [name, index] of Object.entries(found)) {
        history.seek(index + 1);
        const fault = history.recording.record(index);
        assert.equal(fault.case, name);
        const told = explainFault(history.recording, history.view, fault);
        titles.add(told.title);
        const text = `${told.summary} ${told.why}`;
        assert.ok(told.summary.includes(`0x${fault.va.toString(16)}`), text);
        assert.ok(!/undefined|NaN|null|\?|gone since/.test(text), text);
        assert.ok(told.summary.includes("1.50 \u00b5s"), text);
        assert.equal(told.repaired, !["no_area", "forbidden"].includes(name));
        if (fault.pfn) {
            assert.ok(told.why.includes(`0x${fault.pfn.toString(16)}`), text);
        }
    }
    assert.equal(titles.size, 13);
});

test("words: what a fault did, and where its copy came from", () => {
    const { bytes, copyFault, parent } = scenes.fork({});
    const history = played(bytes);
    history.seek(copyFault + 1);
    const fault = history.recording.record(copyFault);
    const names = recordsOfFault(history.recording, fault).map((record) => record.event);
    assert.deepEqual(names.filter((name) => ["copy", "table_copy", "page"].includes(name)), ["copy", "page", "table_copy"]);
    const old = parent.areas[1].pages.get(HEAP / PAGE + 3);
    assert.match(explainFault(history.recording, history.view, fault).why, new RegExp(`frame 0x${old.toString(16)}`));
    const bits = entryBits(0x5067, 0x80000000);
    assert.deepEqual(bits.filter((bit) => bit.set).map((bit) => bit.name), ["P", "W", "U", "A", "D", "NX"]);
    assert.equal(CODE, 0x400000);
});

test("words: sizes, numbers of things, indexes", () => {
    assert.deepEqual([1, 1023, 4096, 1536, 262143 * PAGE].map(sizeWords), ["1 byte", "1023 bytes", "4 KiB", "1.5 KiB", "1.0 GiB"]);
    assert.deepEqual([several(1, "entry", "entries"), several(2000, "page")], ["1 entry", "2,000 pages"]);
    assert.deepEqual([24, 0x7f766c2da].map(indexWords), ["24", "0x7f766c2da"]);
});
