/* SPDX-License-Identifier: MIT */
/* A stream of records, whole or growing: bytes go in as they come, records can be read by number.
 *
 * Bytes are kept in segments of 4 MiB that no record straddles, so a live stream never has to be
 * copied. Beside them are the indexes that do not depend on the moment looked at: faults, marks and
 * other events that the timeline shows, times of what the rates count, and each process's number in
 * the order of appearance, which gives it its colour and letter for the whole recording. */

import { HEAD_BYTES, Schema, StreamError, decode } from "./schema.js";
import { Column } from "./column.js";

export const MAGIC = "QTRACE1\n";
const SEGMENT_BYTES = 4 << 20;
const SEGMENT_UNITS = SEGMENT_BYTES / 8;
const HEADER_BYTES_MAX = 1 << 20;

/* What the timeline shows as a tick, and what the rates count. */
const TICKS = new Set(["mark", "fork", "exec", "exit", "lost", "signal_fault"]);
export const RATES = {
    faults: ["fault"], frames_taken: ["frame_alloc"], frames_freed: ["frame_free"],
    copies: ["copy"], flushes: ["flush_page", "flush_space"], switches: ["switch"],
};

export class Recording {
    /* live: the bytes come from a running machine, which may still be sending what it sent to
     * somebody before: all up to the magic is left out. */
    constructor({ live = false } = {}) {
        this.live = live;
        this.header = null;
        this.schema = null;
        this.count = 0;
        this.bytes = 0;      // of the stream, taken in so far
        this.lost = 0;       // events that the kernel had no room for
        this.segments = [];
        this._used = SEGMENT_BYTES;
        this._places = new Column(Uint32Array);
        this._rest = new Uint8Array(0);
        this.lastTime = 0;
        this.firstTime = 0;
        this.faults = { record: new Column(Uint32Array), time: new Column(Float64Array),
            kind: new Column(Uint8Array), pid: new Column(Uint32Array), pfn: new Column(Uint32Array) };
        this.ticks = [];     // {record, time, event, text, pid}
        this.snapshots = []; // {begin, end}: records
        this.times = Object.fromEntries(Object.keys(RATES).map((name) => [name, new Column(Float64Array)]));
        this.processes = new Map(); // pid -> {order, name}: the last name
        this._pidOfThread = new Map();
        this._rateOf = new Map(Object.entries(RATES).flatMap(
            ([name, events]) => events.map((event) => [event, this.times[name]])));
    }

    /* Takes the stream's next bytes; throws a StreamError for what is no trace. Records that are not
     * whole wait for the rest. */
    append(chunk) {
        let data = this._rest.length ? joined(this._rest, chunk) : chunk;
        if (!this.header && this.live) {
            data = data.subarray(magicIn(data));
        }
        if (!this.header) {
            const start = this._begin(data);
            if (start === 0) {
                this._rest = data.slice();
                return;
            }
            data = data.subarray(start);
            this.bytes += start;
        }
        const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
        let at = 0;
        while (at + HEAD_BYTES <= data.length) {
            const length = view.getUint8(at + 2) * 8;
            this._check(view, at, length);
            if (at + length > data.length) {
                break;
            }
            this._keep(data, at, length);
            at += length;
        }
        this.bytes += at;
        this._rest = data.slice(at);
    }

    /* What cannot be a record ends the stream; what came before it stays. */
    _check(view, at, length) {
        const id = view.getUint16(at, true);
        const time = view.getUint32(at + 8, true) + view.getUint32(at + 12, true) * 0x100000000;
        const why = length < HEAD_BYTES ? `a record of ${length} bytes`
            : !this.schema.byId[id] ? `its schema has no event ${id}`
                : length < this.schema.byId[id].fixed ? `an event ${this.schema.byId[id].name} of only ${length} bytes`
                    : this.count && time <= this.lastTime ? `time goes from ${this.lastTime} to ${time}` : null;
        if (why) {
            this._rest = new Uint8Array(0);
            throw new StreamError(`broken at byte ${this.bytes + at}, after ${this.count} records: ${why}`, this.bytes + at);
        }
    }

    /* Bytes at the end that are no whole record (yet). */
    get restBytes() {
        return this._rest.length;
    }

    _begin(data) {
        const known = new TextDecoder("latin1").decode(data.subarray(0, Math.min(8, data.length)));
        if (!MAGIC.startsWith(known)) {
            throw new StreamError(`this is no recording of Quire: it begins with ${JSON.stringify(known)}, ` +
                `not with ${JSON.stringify(MAGIC)}`);
        }
        if (data.length < 12) {
            return 0;
        }
        const length = new DataView(data.buffer, data.byteOffset).getUint32(8, true);
        if (length === 0 || length > HEADER_BYTES_MAX) {
            throw new StreamError(`the recording's header cannot be ${length} bytes long`, 8);
        }
        const end = headerEnd(length);
        if (data.length < end) {
            return 0;
        }
        this.header = parsedHeader(data.subarray(12, 12 + length));
        this.schema = new Schema(this.header.schema);
        this._cases = this.schema.enums.fault_case;
        return end;
    }

    _keep(data, at, length) {
        if (this._used + length > SEGMENT_BYTES) {
            this._last = new Uint8Array(SEGMENT_BYTES);
            this.segments.push(new DataView(this._last.buffer));
            this._used = 0;
        }
        const segment = this.segments.length - 1;
        this._last.set(data.subarray(at, at + length), this._used);
        this._places.push(segment * SEGMENT_UNITS + this._used / 8);
        this._used += length;
        this._index(this.count++);
    }

    _view(index) {
        const place = this._places.data[index];
        return [this.segments[Math.floor(place / SEGMENT_UNITS)], (place % SEGMENT_UNITS) * 8];
    }

    /* Record `index`, decoded; that number is in `.number`. */
    record(index) {
        const [view, at] = this._view(index);
        const record = decode(this.schema, view, at);
        record.number = index;
        return record;
    }

    event(index) {
        const [view, at] = this._view(index);
        return this.schema.byId[view.getUint16(at, true)]?.name ?? "unknown";
    }

    time(index) {
        const [view, at] = this._view(index);
        return view.getUint32(at + 8, true) + view.getUint32(at + 12, true) * 0x100000000;
    }

    /* Seconds from the first record to a time. */
    seconds(time) {
        return (time - this.firstTime) / this.header.ticks_per_second;
    }

    /* The last record at or before a time; 0: none is. */
    at(time) {
        let low = 0;
        let high = this.count;
        while (low < high) {
            const middle = (low + high) >> 1;
            if (this.time(middle) <= time) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return Math.max(0, low - 1);
    }

    /* The number of the fault whose record is `index`, or of the first one after it. */
    faultAt(index) {
        return this.faults.record.lowerBound(index);
    }

    pidOfThread(tid) {
        return this._pidOfThread.get(tid) ?? tid;
    }

    _index(index) {
        const time = this.time(index);
        if (index === 0) {
            this.firstTime = time;
        }
        this.lastTime = time;
        const name = this.event(index);
        this._rateOf.get(name)?.push(time);
        INDEXERS[name]?.(this, this.record(index));
        if (TICKS.has(name)) {
            this.ticks.push(tickOf(this, this.record(index)));
        }
    }

    _meet(pid, name) {
        const known = this.processes.get(pid);
        if (known) {
            known.name = name || known.name;
        } else {
            this.processes.set(pid, { order: this.processes.size, name });
        }
    }
}

const INDEXERS = {
    fault(recording, record) {
        const { faults } = recording;
        faults.record.push(record.number);
        faults.time.push(record.time);
        faults.kind.push(Math.max(0, recording._cases.indexOf(record.case)));
        faults.pfn.push(record.pfn);
        faults.pid.push(recording.pidOfThread(record.who));
    },
    process(recording, record) {
        recording._meet(record.pid, record.name);
    },
    exec(recording, record) {
        recording._meet(record.pid, record.name);
    },
    process_name(recording, record) {
        recording._meet(record.pid, record.name);
    },
    thread(recording, record) {
        recording._pidOfThread.set(record.tid, record.pid);
    },
    lost(recording, record) {
        recording.lost += Number(record.count);
    },
    snapshot_begin(recording, record) {
        recording.snapshots.push({ begin: record.number, end: -1 });
    },
    snapshot_end(recording, record) {
        const last = recording.snapshots.at(-1);
        if (last) {
            last.end = record.number;
        }
    },
};

const TICK_TEXTS = {
    mark: (record) => record.text, lost: (record) => `events lost: ${record.count}`,
    fork: (record) => `fork of ${record.areas} ${record.areas === 1 ? "area" : "areas"}`,
    exec: (record) => `exec ${record.name}`, exit: (record) => `exit of ${record.pid}`,
    signal_fault: (record) => `signal ${record.signal}`,
};

function tickOf(recording, record) {
    return { record: record.number, time: record.time, event: record.event,
        pid: record.pid ?? recording.pidOfThread(record.who), text: TICK_TEXTS[record.event](record) };
}

/* Where the magic begins, or could once more bytes are there. */
function magicIn(data) {
    for (let at = 0; at < data.length; at++) {
        const end = Math.min(MAGIC.length, data.length - at);
        let i = 0;
        while (i < end && data[at + i] === MAGIC.charCodeAt(i)) {
            i++;
        }
        if (i === end) {
            return at;
        }
    }
    return data.length;
}

function joined(first, second) {
    const both = new Uint8Array(first.length + second.length);
    both.set(first);
    both.set(second, first.length);
    return both;
}

/* Where records begin behind a header of so many bytes: magic and length stand before it. The
 * header's own length is padded by whoever wrote it, or else the whole is. */
function headerEnd(length) {
    return Math.ceil((12 + length) / 8) * 8;
}

function parsedHeader(bytes) {
    let header;
    try {
        header = JSON.parse(new TextDecoder().decode(bytes));
    } catch {
        throw new StreamError("the recording's header is no JSON", 12);
    }
    if (!(header.ticks_per_second > 0) || !(header.memory_bytes > 0)) {
        throw new StreamError("the recording's header lacks ticks_per_second or memory_bytes", 12);
    }
    return header;
}
