# SPDX-License-Identifier: MIT
"""The schema of the trace: what events there are, and how each lies in bytes.

A stream carries its schema, so everything here is made from a schema that was given: the file of
this tree (include/trace/schema.json) or one out of a recording, older or newer.
"""

import functools
import json
import os
import struct

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PATH = os.path.join(ROOT, "include/trace/schema.json")
FORMAT, VERSION = "quire-trace", 1

HEADER = struct.Struct("<HBBIQ")  # event, words, cpu, tid, time
SIZES = {"u8": 1, "enum": 1, "u32": 4, "s32": 4, "flags": 4, "u64": 8}
CODES = {"u8": "B", "enum": "B", "u32": "I", "s32": "i", "flags": "I", "u64": "Q"}
NO_PFN = 0xffffffff  # fills an array of u32 that ends in the middle of 8 bytes
BYTES_MAX = 255 * 8


class SchemaError(ValueError):
    """The schema is not one; the text says why."""


class Field:
    """One field. kind: u8, u32, s32, u64, enum or flags (with `of`, the table's name), str, or an
    array: u32[], u64[]."""

    def __init__(self, field):
        self.name = field["name"]
        self.doc = field.get("doc", "")
        self.kind, _, self.of = field["type"].partition(":")
        self.tail = self.kind in ("str", "u32[]", "u64[]")
        if not self.tail and self.kind not in SIZES:
            raise SchemaError(f"field {self.name}: there is no type {field['type']!r}")


class Event:
    """One kind of record.

    decode(buffer, at, end) gives the values of a record that is [at, end) in the buffer, in the
    order of the fields; it raises ValueError if the record cannot be one of these."""

    def __init__(self, event):
        self.id = event["id"]
        self.name = event["name"]
        self.group = event["group"]
        self.doc = event.get("doc", "")
        self.fields = [Field(field) for field in event["fields"]]
        self.names = tuple(field.name for field in self.fields)
        if any(field.tail for field in self.fields[:-1]):
            raise SchemaError(f"event {self.name}: only the last field may fill the record")
        self._lay_out()

    def _lay_out(self):
        code, at = "<", HEADER.size
        for field in self.fields:
            size = 1 if field.kind == "str" else int(field.kind[1:3]) // 8 if field.tail else (
                SIZES[field.kind])
            code += "x" * (-at % size)
            at += -at % size
            if not field.tail:
                code += CODES[field.kind]
                at += size
        self.fixed = struct.Struct(code)
        self.fixed_end = at  # where the tail begins, or the fields end
        self.tail = self.fields[-1].kind if self.fields and self.fields[-1].tail else None
        self.bytes = (at + 7) // 8 * 8  # without a tail: of each record

    def decode(self, buffer, at, end):
        if self.tail is None:
            if end - at != self.bytes:
                raise ValueError(f"a record {self.name} of {end - at} bytes instead of "
                                 f"{self.bytes}")
            return self.fixed.unpack_from(buffer, at + HEADER.size)
        if end - at < self.fixed_end:
            raise ValueError(f"a record {self.name} of {end - at} bytes is too short")
        values = self.fixed.unpack_from(buffer, at + HEADER.size)
        return values + (self._tail(buffer, at + self.fixed_end, end),)

    def _tail(self, buffer, at, end):
        if self.tail == "str":
            return bytes(buffer[at:end]).partition(b"\0")[0].decode(errors="replace")
        size, code = (4, "I") if self.tail == "u32[]" else (8, "Q")
        count = (end - at) // size
        values = struct.unpack_from(f"<{count}{code}", buffer, at)
        return values[:-1] if size == 4 and values and values[-1] == NO_PFN else values

    def encode(self, cpu, tid, time, values):
        """The bytes of one record."""
        fixed = values[:-1] if self.tail else values
        body = self.fixed.pack(*fixed)
        if self.tail == "str":
            body += values[-1].encode()[:BYTES_MAX - self.fixed_end - 1] + b"\0"
        elif self.tail:
            body += struct.pack(f"<{len(values[-1])}{'I' if self.tail == 'u32[]' else 'Q'}",
                                *values[-1])
        rest = -(HEADER.size + len(body)) % 8
        body += (b"\xff" if self.tail == "u32[]" else b"\0") * rest
        words = (HEADER.size + len(body)) // 8
        return HEADER.pack(self.id, words, cpu, tid, time) + body


class Schema:
    """All events of one version of the schema."""

    def __init__(self, document):
        try:
            self._load(document)
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            raise SchemaError(f"the schema is broken: {error!r}") from error

    def _load(self, document):
        if document["format"] != FORMAT:
            raise SchemaError(f"the schema is of a format {document['format']!r}")
        if document["version"] != VERSION:
            raise SchemaError(f"the schema is of version {document['version']}, and this reader "
                              f"knows {VERSION}")
        self.document = document
        self.events = [Event(event) for event in document["events"]]
        self.by_id = {event.id: event for event in self.events}
        self.by_name = {event.name: event for event in self.events}
        self.groups = list(dict.fromkeys(event.group for event in self.events))
        self._enums = {name: list(words) for name, words in document["enums"].items()}
        self._flags = {name: dict(bits) for name, bits in document["flags"].items()}

    def enum_name(self, enum, number):
        words = self._enums.get(enum, [])
        return words[number] if number < len(words) else f"{enum}-{number}"

    def enum_names(self, enum):
        return self._enums.get(enum, [])

    def enum_number(self, enum, name):
        return self._enums[enum].index(name)

    def flag_bits(self, flags):
        return self._flags.get(flags, {})

    def flag_names(self, flags, value):
        """Names of the bits that are set, and what has no name as a number."""
        words = []
        for name, bit in self._flags.get(flags, {}).items():
            if value & bit:
                words.append(name)
                value &= ~bit
        return words + ([hex(value)] if value else [])


@functools.lru_cache(maxsize=None)
def built_in():
    """The schema of this tree."""
    with open(PATH, encoding="utf-8") as file:
        return Schema(json.load(file))
