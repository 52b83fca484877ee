/* SPDX-License-Identifier: MIT */
/* Any moment of a recording. `tip` is the state after the last record that was applied, `view` the
 * one that is looked at: the tip itself, or a fork of the nearest checkpoint before the moment.
 *
 * There are at most CHECKPOINTS_MAX checkpoints: when they are more, every second one goes and the
 * next are twice as far apart. */

import { State } from "./state.js";

const CHECKPOINTS_MAX = 512;

export class History {
    constructor(recording, spacing = 2048) {
        this.recording = recording;
        this.spacing = spacing;
        this.checkpoints = [];
        this.tip = new State(recording.schema, recording.header);
        this.view = this.tip;
    }

    get following() {
        return this.view === this.tip;
    }

    /* Applies records to the tip until `enough()` or until all are; returns whether all are. */
    advance(enough = () => false) {
        const { recording, tip } = this;
        while (tip.index < recording.count) {
            for (let i = 0; i < 64 && tip.index < recording.count; i++) {
                this._step();
            }
            if (enough()) {
                break;
            }
        }
        return tip.index >= recording.count;
    }

    _step() {
        const { tip } = this;
        tip.apply(this.recording.record(tip.index));
        const last = this.checkpoints.at(-1);
        if (tip.whole && tip.index - (last ? last.index : -Infinity) >= this.spacing) {
            this.checkpoints.push(tip.fork());
        }
        if (this.checkpoints.length > CHECKPOINTS_MAX) {
            this.checkpoints = this.checkpoints.filter((_, i) => i % 2 === 0);
            this.spacing *= 2;
        }
    }

    /* Looks at the moment after `index` records, or at the nearest one that is whole. */
    seek(index) {
        const target = this.wholeMoment(Math.min(index, this.tip.index));
        if (target >= this.tip.index) {
            this.view = this.tip.fork(); // which stays where it is when more records come
            return;
        }
        const base = this._before(target);
        const here = !this.following && this.view.index <= target && this.view.index >= (base?.index ?? 0);
        let state = here ? this.view : base?.fork() ?? new State(this.recording.schema, this.recording.header);
        while (state.index < target) {
            state.apply(this.recording.record(state.index));
        }
        this.view = state;
    }

    follow() {
        this.view = this.tip;
    }

    _before(index) {
        let low = 0;
        let high = this.checkpoints.length;
        while (low < high) {
            const middle = (low + high) >> 1;
            if (this.checkpoints[middle].index <= index) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return this.checkpoints[low - 1] ?? null;
    }

    /* In the middle of a snapshot nothing is whole: its end is meant, or what was before it if it
     * was cut off. Before the first there is nothing. */
    wholeMoment(index) {
        const { snapshots } = this.recording;
        let low = 0;
        let high = snapshots.length;
        while (low < high) {
            const middle = (low + high) >> 1;
            if (snapshots[middle].begin < index) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        const within = snapshots[low - 1];
        if (!within) {
            return snapshots[0] && snapshots[0].end >= 0 ? snapshots[0].end + 1 : index;
        }
        if (within.end < 0) {
            return low > 1 ? within.begin : index;
        }
        return Math.max(index, within.end + 1);
    }
}
