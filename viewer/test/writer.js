/* SPDX-License-Identifier: MIT */
/* Writes streams by the schema: the other side of decode.js, for tests. */

import { readFileSync } from "node:fs";
import { Schema, HEAD_BYTES } from "../src/model/schema.js";
import { MAGIC } from "../src/model/recording.js";

export const SCHEMA_JSON = JSON.parse(readFileSync(new URL("../../include/trace/schema.json", import.meta.url)));

export class Writer {
    constructor({ frames, ticks = 1_000_000_000, command = "synthetic" } = {}) {
        this.schema = new Schema(SCHEMA_JSON);
        this.time = 1000;
        this.cpu = 0;
        this.tid = 0;
        this.parts = [];
        this.records = 0;
        const text = JSON.stringify({ ticks_per_second: ticks, page_bytes: 4096,
            memory_bytes: frames * 4096, kernel: "synthetic", command, schema: SCHEMA_JSON });
        const length = Math.ceil((12 + text.length) / 8) * 8 - 12;
        const head = Buffer.alloc(12 + length, " ");
        head.write(MAGIC, 0, "latin1");
        head.writeUInt32LE(length, 8);
        head.write(text, 12);
        this.parts.push(head);
    }

    /* One record; what is not given is 0. Enums and flags by name, entries as BigInt. */
    emit(name, fields = {}) {
        const def = this.schema.byName.get(name);
        const last = def.fields.at(-1);
        const tail = last?.array ? encodedTail(last, fields[last.name]) : Buffer.alloc(0);
        const end = def.fixed + tail.length;
        const bytes = Buffer.alloc(Math.ceil(end / 8) * 8);
        if (bytes.length > 255 * 8) {
            throw new Error(`${name} would be too long`);
        }
        bytes.writeUInt16LE(def.id, 0);
        bytes[2] = bytes.length / 8;
        bytes[3] = this.cpu;
        bytes.writeUInt32LE(this.tid, 4);
        bytes.writeBigUInt64LE(BigInt(++this.time), 8);
        for (const field of def.fields.filter((one) => !one.array)) {
            put(bytes, field, fields[field.name] ?? 0);
        }
        tail.copy(bytes, def.fixed);
        if (last?.array && last.size === 4 && tail.length % 8 !== (8 - def.fixed % 8) % 8) {
            bytes.writeUInt32LE(0xffffffff, bytes.length - 4);
        }
        this.parts.push(bytes);
        return this.records++;
    }

    bytes() {
        return new Uint8Array(Buffer.concat(this.parts));
    }
}

function encodedTail(field, value) {
    if (field.kind === "str") {
        return Buffer.from(`${value ?? ""}\0`);
    }
    const bytes = Buffer.alloc(value.length * field.size);
    value.forEach((one, i) => field.size === 8 ? bytes.writeBigUInt64LE(BigInt(one), 8 * i) : bytes.writeUInt32LE(one, 4 * i));
    return bytes;
}

function put(bytes, field, value) {
    const at = field.offset;
    switch (field.kind) {
    case "u64": return bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), at);
    case "s32": return bytes.writeInt32LE(value, at);
    case "enum": return bytes.writeUInt8(typeof value === "string" ? field.names.indexOf(value) : value, at);
    case "flags": return bytes.writeUInt32LE(Array.isArray(value) ? value.reduce((sum, name) => sum | field.names[name], 0) : value, at);
    case "u8": return bytes.writeUInt8(value, at);
    default: return bytes.writeUInt32LE(value, at);
    }
}
