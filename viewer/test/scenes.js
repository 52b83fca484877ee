/* SPDX-License-Identifier: MIT */
/* Scenes on the made-up machine of machine.js, each a recording: {bytes, ...what tests look for}. */

import { Machine, HEAP, CODE, STACK_TOP, PAGE } from "./machine.js";

/* Four processes take pages in turn, as WeensyOS's p-allocator does. */
export function allocator({ pages = 60, frames = 2048 } = {}) {
    const machine = new Machine({ frames, command: "p-allocator" });
    const programs = [1, 2, 3, 4].map((i) => machine.program(`p-allocator${i}`));
    for (const program of programs) {
        machine.run(program);
        machine.read(program, CODE);
        machine.write(program, STACK_TOP - 8);
    }
    machine.mark("four processes, and each its code and stack");
    for (let i = 0; i < pages * 4; i++) {
        const program = programs[(i * 7 + (i >> 3)) % 4];
        machine.run(program, i % 2);
        program.next = (program.next ?? 0) + 1;
        machine.write(program, HEAP + program.next * PAGE);
        machine.wait(2_000_000);
    }
    return { bytes: machine.bytes(), machine, programs };
}

/* A process with a full heap forks; both write. */
export function fork({ pages = 100, frames = 2048 } = {}) {
    const machine = new Machine({ frames, command: "p-fork" });
    const parent = machine.program("p-fork");
    machine.run(parent);
    machine.read(parent, CODE);
    for (let i = 0; i < pages; i++) {
        machine.write(parent, HEAP + i * PAGE);
        machine.wait(300_000);
    }
    machine.mark("before the fork");
    const child = machine.fork(parent);
    const afterFork = machine.out.records;
    machine.mark("after the fork: nothing was copied");
    machine.run(child, 1);
    const copyFault = machine.write(child, HEAP + 3 * PAGE + 5);
    machine.wait(1_000_000);
    for (let i = 10; i < 20; i++) {
        machine.write(child, HEAP + i * PAGE);
        machine.wait(300_000);
    }
    machine.run(parent);
    const reuseFault = machine.write(parent, HEAP + 3 * PAGE);
    return { bytes: machine.bytes(), machine, parent, child, afterFork, copyFault, reuseFault };
}

/* Forks and exits again and again: in the end as many frames are free as before. */
export function forkexit({ rounds = 40, frames = 2048 } = {}) {
    const machine = new Machine({ frames, command: "p-forkexit" });
    const parent = machine.program("p-forkexit");
    machine.run(parent);
    for (let i = 0; i < 40; i++) {
        machine.write(parent, HEAP + i * PAGE);
    }
    for (let round = 0; round < rounds; round++) {
        machine.run(parent);
        const child = machine.fork(parent);
        machine.run(child, 1);
        for (let i = 0; i < 12; i++) {
            machine.write(child, HEAP + ((round * 5 + i) % 40) * PAGE);
            machine.wait(100_000);
        }
        machine.exit(child);
    }
    return { bytes: machine.bytes(), machine, parent };
}

/* A fork of much memory: its page tables are shared, not copied. */
export function large({ pages = 65536, frames = 1 << 20 } = {}) {
    const machine = new Machine({ frames, command: "fork of much memory" });
    const parent = machine.start("forkbig");
    machine.map(parent, 0x40000000, pages, ["read", "write"]);
    machine.run(parent);
    machine.populate(parent, 0x40000000, pages);
    machine.mark("all is there");
    machine.wait(5_000_000);
    const child = machine.fork(parent);
    machine.run(child, 1);
    const first = machine.write(child, 0x40000000 + 1000 * PAGE);
    return { bytes: machine.bytes(), machine, parent, child, first };
}

/* Every case of the fault path once, in the schema's order. */
export function cases() {
    const machine = new Machine({ frames: 2048, command: "fault-tour" });
    const { out } = machine;
    const one = machine.program("tour");
    machine.map(one, 0x20000000, 4, ["read", "write"], { object: machine.file });
    machine.map(one, 0x30000000, 4, ["read", "write"], { object: machine.file, flags: ["shared"] });
    machine.run(one);
    const found = {};
    found.no_area = machine.read(one, 0x8);
    found.forbidden = machine.write(one, CODE + 16);
    machine.read(one, CODE);
    found.stale = machine.fault(one, CODE + 4, false, "stale", machine.code[0]);
    machine.enter(one, 0x30000000, machine.code[0], true);
    found.shared = machine.fault(one, 0x30000010, true, "shared", machine.code[0]);
    machine.write(one, HEAP + PAGE);
    const two = machine.fork(one);
    machine.run(two);
    found.read_private = machine.read(two, HEAP + PAGE);
    found.read_object = machine.read(two, 0x20000000);
    found.read_zero = machine.read(two, HEAP + 2 * PAGE);
    found.copy = machine.write(two, HEAP + PAGE);
    machine.run(one);
    found.reuse = machine.write(one, HEAP + PAGE);
    found.copy_object = machine.write(one, 0x20000000 + PAGE);
    found.zero_fill = machine.write(one, HEAP + 9 * PAGE);
    found.waited = machine.fault(one, 0x20000000 + 2 * PAGE, false, "waited", 0);
    const stack = one.areas.find((area) => area.flags.includes("stack"));
    stack.start -= PAGE;
    stack.offset -= 1;
    machine.tellArea(one, stack);
    found.stack_grown = machine.fault(one, stack.start + 8, true, "stack_grown", 0);
    out.emit("snapshot_begin", { frames: 2048, processors: 2, reason: "asked" }); // cut: never ends
    return { bytes: machine.bytes(), machine, found };
}

/* Much happens in much memory: faults, copies, forks and exits, for measuring. */
export function busy({ events = 30000, frames = 1 << 20 } = {}) {
    const machine = new Machine({ frames, command: "busy" });
    const programs = Array.from({ length: 4 }, (_, i) => machine.program(`busy${i}`));
    for (const program of programs) {
        machine.map(program, 0x40000000, 1 << 16, ["read", "write"]);
    }
    const start = machine.bytes().length, first = machine.out.records;
    for (let i = 0; machine.out.records < events; i++) {
        const program = programs[i % 4];
        machine.run(program, i % 2);
        machine.write(program, 0x40000000 + ((i * 7919) % (1 << 16)) * PAGE);
        if (i % 50 === 49) {
            const child = machine.fork(program);
            machine.run(child, 1);
            for (let k = 0; k < 4; k++) {
                machine.write(child, 0x40000000 + (((i - k) * 7919) % (1 << 16)) * PAGE);
            }
            machine.exit(child);
        }
        machine.wait(300_000);
    }
    const bytes = machine.bytes();
    const frameBytes = Math.round((bytes.length - start) / (machine.out.records - first) * 10000 / 60);
    return { bytes, start, frameBytes };
}
