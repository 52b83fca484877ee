/* SPDX-License-Identifier: MIT */
/* Pages of an object or a shadow: index -> frame number, in leaves of 512.
 *
 * Like the kernel's own page trees these share what is equal and copy a leaf when it is written to:
 * a leaf belongs to the tree whose token it carries, everybody else only reads it. So `shared()`,
 * which fork (`pages_shared`) and checkpoints of the whole state use, costs one map of leaves. */

const LEAF = 512;

export class Pages {
    constructor() {
        this.token = {};
        this.leaves = new Map(); // number of the leaf -> {token, pfns, used}
        this.count = 0;
    }

    /* Another tree with the same pages; from now on neither writes to a leaf of both. */
    shared() {
        const other = new Pages();
        other.leaves = new Map(this.leaves);
        other.count = this.count;
        this.token = {};
        return other;
    }

    /* The frame at index; 0: none. */
    get(index) {
        const leaf = this.leaves.get(Math.floor(index / LEAF));
        return leaf ? leaf.pfns[index % LEAF] : 0;
    }

    /* Puts a frame (0: none) at index, and returns the one that was there. */
    set(index, pfn) {
        const number = Math.floor(index / LEAF);
        const known = this.leaves.get(number);
        const before = known ? known.pfns[index % LEAF] : 0;
        if (before === pfn) {
            return before;
        }
        const leaf = this._own(number, known);
        leaf.pfns[index % LEAF] = pfn;
        const change = (pfn !== 0) - (before !== 0);
        leaf.used += change;
        this.count += change;
        if (leaf.used === 0) {
            this.leaves.delete(number);
        }
        return before;
    }

    _own(number, known) {
        if (known && known.token === this.token) {
            return known;
        }
        const leaf = { token: this.token, used: known ? known.used : 0,
            pfns: known ? known.pfns.slice() : new Uint32Array(LEAF) };
        this.leaves.set(number, leaf);
        return leaf;
    }

    /* Calls visit(index, pfn) for the pages of [first, end), in no certain order of leaves. */
    each(visit, first = 0, end = Infinity) {
        const from = Math.floor(first / LEAF);
        const to = Math.floor((end - 1) / LEAF);
        if (to - from < this.leaves.size) {
            for (let number = from; number <= to; number++) {
                eachOfLeaf(number, this.leaves.get(number), visit, first, end);
            }
            return;
        }
        for (const [number, leaf] of this.leaves) {
            eachOfLeaf(number, leaf, visit, first, end);
        }
    }
}

function eachOfLeaf(number, leaf, visit, first, end) {
    if (!leaf) {
        return;
    }
    const base = number * LEAF;
    const stop = Math.min(LEAF, end - base);
    for (let i = Math.max(0, first - base); i < stop; i++) {
        if (leaf.pfns[i] !== 0) {
            visit(base + i, leaf.pfns[i]);
        }
    }
}
