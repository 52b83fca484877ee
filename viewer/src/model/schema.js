/* SPDX-License-Identifier: MIT */
/* The schema of a trace (include/trace/schema.json), made ready for decoding: where in a record
 * each field is, and what its enums and flags are called. A recording brings its own schema, so
 * one that another Quire made is read by its words, not by ours. */

export const HEAD_BYTES = 16;

/* What cannot be read; `byte` is where in the stream. The text is meant for the user. */
export class StreamError extends Error {
    constructor(text, byte = 0) {
        super(text);
        this.name = "StreamError";
        this.byte = byte;
    }
}

const SIZES = { u64: 8, u32: 4, s32: 4, u8: 1, enum: 1, flags: 4 };

/* Words of page-table entries need all 64 bits: they stay pairs of 32. */
const RAW = new Set(["value", "values", "and", "or"]);

const aligned = (offset, size) => Math.ceil(offset / size) * size;

export class Schema {
    constructor(json) {
        if (!json || json.format !== "quire-trace" || !Array.isArray(json.events)) {
            throw new StreamError("the recording's schema is not one of Quire's");
        }
        if (json.version !== 1) {
            throw new StreamError(`the recording's schema has version ${json.version}; this page reads 1`);
        }
        this.json = json;
        this.enums = json.enums;
        this.flags = json.flags;
        this.byId = [];
        this.byName = new Map();
        for (const event of json.events) {
            const made = { ...event, fields: layout(event.fields, json) };
            made.fixed = made.fields.length ? made.fields.at(-1).end : HEAD_BYTES;
            this.byId[event.id] = made;
            this.byName.set(event.name, made);
        }
    }

    /* The value of a name in an enum; -1: it has none. */
    number(enumeration, name) {
        return this.enums[enumeration].indexOf(name);
    }
}

function layout(fields, json) {
    let offset = HEAD_BYTES;
    return fields.map((field) => {
        const [kind, of] = field.type.replace("[]", "").split(":");
        const array = field.type.endsWith("[]") || kind === "str";
        const size = kind === "str" ? 1 : SIZES[kind];
        if (!size) {
            throw new StreamError(`the recording's schema has a field of type ${field.type}`);
        }
        offset = aligned(offset, size);
        const made = { ...field, kind, of, array, size, offset, raw: RAW.has(field.name) };
        made.names = kind === "enum" ? json.enums[of] : kind === "flags" ? json.flags[of] : null;
        offset += array ? 0 : size;
        made.end = offset;
        return made;
    });
}

const TEXT = new TextDecoder();

function u64(view, at) {
    const high = view.getUint32(at + 4, true);
    const low = view.getUint32(at, true);
    return high < 0x200000 ? high * 0x100000000 + low : (BigInt(high) << 32n) | BigInt(low);
}

function scalar(view, at, field) {
    switch (field.kind) {
    case "u64": return field.raw ? [view.getUint32(at, true), view.getUint32(at + 4, true)] : u64(view, at);
    case "s32": return view.getInt32(at, true);
    case "u32": case "flags": return view.getUint32(at, true);
    case "enum": return field.names[view.getUint8(at)] ?? `unknown ${view.getUint8(at)}`;
    default: return view.getUint8(at);
    }
}

function array(view, from, end, field) {
    if (field.kind === "str") {
        const bytes = new Uint8Array(view.buffer, view.byteOffset + from, end - from);
        const stop = bytes.indexOf(0);
        return TEXT.decode(stop < 0 ? bytes : bytes.subarray(0, stop));
    }
    const words = new Uint32Array((end - from) >> 2);
    for (let i = 0; i < words.length; i++) {
        words[i] = view.getUint32(from + 4 * i, true);
    }
    const padded = field.kind === "u32" && words.length && words.at(-1) === 0xffffffff;
    return padded ? words.subarray(0, -1) : words;
}

/* One record at `at` of view: {event: its name, def, cpu, who: the thread, time} and the event's own
 * fields. u64 is a number, or a BigInt beyond 2^53; an entry is [low, high], entries are words in
 * such pairs. An event that the schema does not have is called "unknown". */
export function decode(schema, view, at) {
    const def = schema.byId[view.getUint16(at, true)];
    const length = view.getUint8(at + 2) * 8;
    const record = {
        event: def ? def.name : "unknown", def, cpu: view.getUint8(at + 3),
        who: view.getUint32(at + 4, true), time: Number(u64(view, at + 8)),
    };
    if (!def || length < def.fixed) {
        record.event = "unknown";
        return record;
    }
    for (const field of def.fields) {
        record[field.name] = field.array ? array(view, at + field.offset, at + length, field)
            : scalar(view, at + field.offset, field);
    }
    return record;
}

/* The names of the flags that are set, in the schema's order. */
export function flagNames(table, value) {
    return Object.keys(table).filter((name) => value & table[name]);
}
