/* SPDX-License-Identifier: MIT */
/* Page tables as the events tell them, and what the bits of an entry say. */

export const P = 1, W = 2, U = 4, A = 0x20, D = 0x40, PS = 0x80, G = 0x100, SHARED = 0x200;
export const NX_HIGH = 0x80000000; // bit 63, in the upper half
export const ENTRIES = 512;

/* The bits in words, low half first; each has a name for when it is set and one for when it is not. */
export const BITS = [
    { bit: 0, name: "P", set: "present", clear: "not present" },
    { bit: 1, name: "W", set: "writable", clear: "not writable" },
    { bit: 2, name: "U", set: "for user programs", clear: "kernel only" },
    { bit: 3, name: "PWT", set: "write-through", clear: "write-back" },
    { bit: 4, name: "PCD", set: "not cached", clear: "cached" },
    { bit: 5, name: "A", set: "was accessed", clear: "not yet accessed" },
    { bit: 6, name: "D", set: "was written to", clear: "not yet written to" },
    { bit: 7, name: "PS", set: "a large page", clear: "" },
    { bit: 8, name: "G", set: "global", clear: "" },
    { bit: 9, name: "S", set: "of a shared mapping (Quire's own bit): a fork leaves W", clear: "" },
    { bit: 63, name: "NX", set: "not executable", clear: "executable" },
];

export function bitOf(low, high, bit) {
    return bit < 32 ? (low >>> bit) & 1 : (high >>> (bit - 32)) & 1;
}

/* The frame number in an entry. */
export function frameOf(low, high) {
    return (low >>> 12) + (high & 0x000fffff) * 0x100000;
}

export function isLeaf(level, low) {
    return level === 1 || (level <= 3 && (low & PS) !== 0);
}

/* Bytes that one entry of a level covers. */
export function entryBytes(level) {
    return 4096 * ENTRIES ** (level - 1);
}

export class Table {
    constructor(pfn, level, epoch, from = null) {
        this.pfn = pfn;
        this.level = level;
        this.epoch = epoch;
        this.low = from ? from.low.slice() : new Uint32Array(ENTRIES);
        this.high = from ? from.high.slice() : new Uint32Array(ENTRIES);
        this.used = from ? from.used : 0;
    }

    /* Whether a fork clears W here: a page of a shared mapping keeps it. */
    narrowedByFork(slot) {
        return !(this.level === 1 && this.low[slot] & SHARED);
    }
}
