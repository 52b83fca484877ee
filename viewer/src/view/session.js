/* SPDX-License-Identifier: MIT */
/* What the page is about at the moment: the recording, the moment looked at, what is selected, whether
 * it plays. Views read it and are told when it changes; what they draw on canvases they draw in the
 * frame loop (`tick`), what is text when `changed` says so, at most every TEXT_MS while things move. */

import { Recording } from "../model/recording.js";
import { History } from "../model/history.js";
import { Classifier } from "../model/aggregate.js";
import { pageOf, walk } from "../model/translate.js";

const APPLY_MS = 6;    // of each frame for records that came
const TEXT_MS = 200;   // between two updates of text while things move
export const SPEEDS = [0.0001, 0.001, 0.01, 0.1, 1, 10];

export class Session {
    constructor() {
        this.listeners = new Set();
        this.drawers = new Set();
        this.mode = "empty"; // or "replay", "live"
        this.title = "";
        this.message = null; // {kind: "error" | "note", text}
        this.connection = "";
        this.playing = false;
        this.following = true;
        this.speed = SPEEDS[2];
        this.selection = null;
        this.hover = null;   // a frame's number
        this.past = [];
        this.wanted = { kinds: null, pid: 0 }; // of faults; null: all
        this.window = null;  // [from, to] of the timeline; null: all
        this.axis = "time";
        this.frameTimes = [];
        this.dirty = true;
        this._textAt = 0;
        this._forgetRecording();
    }

    _forgetRecording() {
        this.recording = null;
        this.history = null;
        this.classes = null;
        this.generation = (this.generation ?? 0) + 1;
    }

    // ---- listeners ----

    /* Calls listener after changes of what is told in text. Returns a function that ends it. */
    listen(listener) {
        this.listeners.add(listener);
        return () => this.listeners.delete(listener);
    }

    /* Calls drawer(now) in every frame. */
    draw(drawer) {
        this.drawers.add(drawer);
        return () => this.drawers.delete(drawer);
    }

    /* Something was changed by the user: text follows at once. */
    changed() {
        this.dirty = false;
        this._textAt = performance.now();
        this.listeners.forEach((listener) => listener());
    }

    tell(kind, text) {
        this.message = text ? { kind, text } : null;
        this.changed();
    }

    // ---- recordings ----

    /* Begins anew with a stream that bytes are coming of. */
    begin(title, mode) {
        this._forgetRecording();
        Object.assign(this, { title, mode, playing: false, following: true, selection: null, hover: null, past: [], window: null, message: null });
        this.wanted = { kinds: null, pid: 0 };
        this.recording = new Recording({ live: mode === "live" });
        this.changed();
    }

    /* Takes bytes of the stream; throws what Recording.append throws. */
    feed(bytes) {
        try {
            this.recording.append(bytes);
        } finally {
            this._begun();
            this.dirty = true;
        }
    }

    _begun() {
        if (this.recording.schema && !this.history) {
            this.history = new History(this.recording);
            this.classes = new Classifier(this.recording);
            this.generation++;
        }
    }

    /* A recording has ended: shows its last moment. */
    ended() {
        this.history?.advance();
        this.history?.follow();
        this.changed();
    }

    /* The state looked at, or null before anything is whole. */
    get state() {
        const state = this.history?.view;
        return state && state.whole ? state : null;
    }

    get moment() {
        return this.history?.view.index ?? 0;
    }

    get live() {
        return this.mode === "live";
    }

    // ---- time ----

    seek(number) {
        if (!this.history) {
            return;
        }
        this.following = false;
        this.history.seek(Math.max(0, Math.round(number)));
        this.dirty = true;
    }

    /* The same, and playing stops: for what a person does. */
    go(number) {
        this.playing = false;
        this.seek(number);
        this.changed();
    }

    goToTime(time) {
        this.go(this.recording.at(time) + 1);
    }

    goToEnd() {
        this.playing = false;
        this.following = this.live;
        this.history?.follow();
        this.changed();
    }

    toggle() {
        if (this.live) {
            if (this.following) {
                this.go(this.moment);
                this.following = false;
            } else {
                this.goToEnd();
            }
        } else if (this.history) {
            if (!this.playing && this.moment >= this.recording.count) {
                this.seek(0);
            }
            this.playing = !this.playing;
            this._clock = null;
        }
        this.changed();
    }

    stepRecords(change) {
        this.go(this.moment + change);
    }

    /* To the next or previous fault that the filter lets through, and selects it. */
    stepFaults(change) {
        const { faults } = this.recording ?? {};
        if (!faults) {
            return;
        }
        const here = this.recording.faultAt(this.moment); // the first fault not yet done
        for (let i = change > 0 ? here : here - 2; i >= 0 && i < faults.record.length; i += change) {
            if (this.wants(i)) {
                this.selectFault(faults.record.data[i]);
                return;
            }
        }
    }

    stepMarks(change) {
        const marks = (this.recording?.ticks ?? []).filter((tick) => tick.event !== "signal_fault");
        const next = change > 0 ? marks.find((tick) => tick.record + 1 > this.moment)
            : marks.findLast((tick) => tick.record + 1 < this.moment);
        if (next) {
            this.go(next.record + 1);
        }
    }

    wants(i) {
        const { kinds, pid } = this.wanted;
        const { faults } = this.recording;
        return (!kinds || kinds.has(faults.kind.data[i])) && (!pid || faults.pid.data[i] === pid);
    }

    // ---- selection ----

    /* {kind: "frame", pfn} | {kind: "page", root, va} | {kind: "fault", number} | {kind: "table", pfn} |
     * {kind: "owner", id}; null: nothing. */
    select(selection) {
        if (this.selection && selection) {
            this.past = [...this.past.slice(-30), this.selection];
        }
        this.selection = selection;
        this.changed();
    }

    selectFault(number) {
        this.playing = false;
        this.seek(number + 1);
        this.select({ kind: "fault", number });
    }

    back() {
        this.selection = this.past.pop() ?? null;
        this.changed();
    }

    point(pfn) {
        if (this.hover !== pfn) {
            this.hover = pfn;
            this.dirty = true;
        }
    }

    /* The frame that the selection is about; 0: none. All views mark it. */
    get marked() {
        const { selection, state } = this;
        if (!selection || !state) {
            return 0;
        }
        switch (selection.kind) {
        case "frame": case "table": return selection.pfn;
        case "page": return frameOfPage(state, selection);
        case "fault": return this.recording.record(selection.number).pfn;
        default: return 0;
        }
    }

    /* The page of a space that the selection is about: {root, va} or null. */
    get markedPage() {
        const { selection } = this;
        if (selection?.kind === "page") {
            return selection;
        }
        if (selection?.kind === "fault") {
            const { root, va } = this.recording.record(selection.number);
            return { root, va };
        }
        return null;
    }

    // ---- the loop ----

    start() {
        const frame = (now) => {
            requestAnimationFrame(frame);
            const begin = performance.now();
            this._move(now);
            this.drawers.forEach((drawer) => drawer(now));
            if (this.dirty && now - this._textAt > TEXT_MS) {
                this.changed();
            }
            this.frameTimes.push(performance.now() - begin);
            if (this.frameTimes.length > 600) {
                this.frameTimes.splice(0, 300);
            }
        };
        requestAnimationFrame(frame);
    }

    _move(now) {
        const { history } = this;
        if (!history) {
            return;
        }
        if (history.tip.index < this.recording.count) {
            const end = performance.now() + APPLY_MS;
            history.advance(() => performance.now() > end);
            this.dirty = true;
        }
        if (this.following && !history.following) {
            history.follow();
        }
        if (this.playing) {
            this._play(now);
        }
    }

    _play(now) {
        const { recording, history } = this;
        const passed = this._clock === null ? 0 : Math.min(100, now - this._clock);
        if (this._clock === null) {
            this._time = history.view.time || recording.firstTime;
        }
        this._clock = now;
        this._time += passed / 1000 * this.speed * recording.header.ticks_per_second;
        const target = recording.at(this._time) + 1;
        if (target > this.moment) {
            this.seek(target);
        }
        if (target >= recording.count) {
            this.playing = false;
            this.changed();
        }
    }
}

function frameOfPage(state, { root, va }) {
    const found = walk(state, root, va);
    if (found.mapped) {
        return found.pfn;
    }
    const page = pageOf(state, root, va);
    return page.inShadow || page.inObject || 0;
}
