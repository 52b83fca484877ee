/* SPDX-License-Identifier: MIT */
/* What is known of each frame of memory, in chunks that checkpoints share (see state.js).
 *
 *   use      what it is used for, as the schema's frame_use numbers it (0, free, until told)
 *   owners   objects and shadows that have it as a page
 *   who      their numbers, xored: with one owner this is its number, whoever came and went
 *   entries  entries of page tables that lead to it (pages and tables alike)
 */

export const CHUNK = 512;

class Chunk {
    constructor(epoch, from = null) {
        this.epoch = epoch;
        this.use = from ? from.use.slice() : new Uint8Array(CHUNK);
        this.owners = from ? from.owners.slice() : new Uint32Array(CHUNK);
        this.who = from ? from.who.slice() : new Uint32Array(CHUNK);
        this.entries = from ? from.entries.slice() : new Uint32Array(CHUNK);
    }
}

export class Frames {
    constructor(count) {
        this.count = count;
        this.epoch = 0;
        this.chunks = [];
        this.uses = new Float64Array(32); // frames of each use
        const empty = new Chunk(-1);
        for (let i = 0; i * CHUNK < count; i++) {
            this.chunks.push(empty);
        }
        this.uses[0] = count;
        this.changed = [];       // frames that changed since a viewer last took them
        this.changedAll = true;  // too many to name
    }

    shared(epoch) {
        const other = Object.assign(Object.create(Frames.prototype), this);
        other.chunks = this.chunks.slice();
        other.uses = this.uses.slice();
        other.epoch = epoch;
        other.changed = [];
        other.changedAll = true;
        return other;
    }

    has(pfn) {
        return pfn < this.count;
    }

    use(pfn) {
        return this.chunks[Math.floor(pfn / CHUNK)].use[pfn % CHUNK];
    }

    owners(pfn) {
        return this.chunks[Math.floor(pfn / CHUNK)].owners[pfn % CHUNK];
    }

    entries(pfn) {
        return this.chunks[Math.floor(pfn / CHUNK)].entries[pfn % CHUNK];
    }

    /* The number of the only owner; what it says for more than one is of no use. */
    who(pfn) {
        return this.chunks[Math.floor(pfn / CHUNK)].who[pfn % CHUNK];
    }

    _chunk(pfn) {
        const number = Math.floor(pfn / CHUNK);
        let chunk = this.chunks[number];
        if (chunk.epoch !== this.epoch) {
            chunk = this.chunks[number] = new Chunk(this.epoch, chunk);
        }
        if (!this.changedAll) {
            this.changed.push(pfn);
            this.changedAll = this.changed.length > 20000;
        }
        return chunk;
    }

    setUse(pfn, use) {
        const chunk = this._chunk(pfn);
        const at = pfn % CHUNK;
        this.uses[chunk.use[at]]--;
        this.uses[use]++;
        chunk.use[at] = use;
    }

    /* Another owner (+1), or one fewer (-1). Returns how many there are now. */
    own(pfn, number, change) {
        const chunk = this._chunk(pfn);
        const at = pfn % CHUNK;
        chunk.who[at] ^= number;
        return (chunk.owners[at] = Math.max(0, chunk.owners[at] + change));
    }

    enter(pfn, change) {
        const chunk = this._chunk(pfn);
        const at = pfn % CHUNK;
        chunk.entries[at] = Math.max(0, chunk.entries[at] + change);
    }

    /* Frames that changed since the last call; null: redraw all. */
    takeChanged() {
        const taken = this.changedAll ? null : this.changed;
        this.changed = [];
        this.changedAll = false;
        return taken;
    }
}
