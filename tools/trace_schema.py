#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes what is made of the trace's schema (include/trace/schema.json):

    trace_schema.py kernel  events.h       the kernel's tracepoints
    trace_schema.py agree   agree.h        assertions that its enums are the kernel's
    trace_schema.py records records.h      for programs in C: records, names of events and enums
    trace_schema.py text    schema_text.h  the schema as a string of C
    trace_schema.py docs    trace-events.md

A tracepoint packs its fields into words of 64 bits where it is switched on, and gives them to
trace_emit_*() of kernel/core/trace.h. So a record is laid out here and nowhere else.
"""

import argparse
import json
import os
import sys
from collections import namedtuple

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SCHEMA = os.path.join(ROOT, "include/trace/schema.json")

HEADER_BYTES = 16
EVENTS_MAX = 128  # ids are below: kernel/core/trace.h has a bit for each
REGISTER_WORDS_MAX = 4  # more of them go through memory: machine/trace_point.h
SIZES = {"u8": 1, "u16": 2, "u32": 4, "s32": 4, "u64": 8, "enum": 1, "flags": 4}
C_TYPES = {"u8": "uint8_t", "u16": "uint16_t", "u32": "uint32_t", "s32": "int32_t",
           "u64": "uint64_t", "enum": "uint8_t", "flags": "uint32_t"}

# How the kernel calls what an enum or a set of flags of the schema is about, and where its enum
# ends. Of the other enums the generated header is the kernel's own.
KERNEL_PREFIXES = {
    "frame_use": ("FRAME_", "FRAME_USE_COUNT"),
    "fault_case": ("VM_FAULT_", "VM_FAULT_CASES"),
    "prot": ("VM_", None),
    "access": ("VM_", None),
    "area": ("VM_AREA_", None),
}

C_KEYWORDS = {"case", "default", "switch", "register", "return", "int", "char"}

Field = namedtuple("Field", "name type base size offset doc c_name")
Event = namedtuple("Event", "id name group doc fields tail bytes")


class SchemaError(Exception):
    pass


def load(path=SCHEMA):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def align(number, to):
    return (number + to - 1) // to * to


def kind_of(type_name):
    """What a field's type is at the base: u8 ... u64, enum, flags, str, or an array of one."""
    return type_name.split(":")[0]


def make_field(told, base, size, at):
    name = told["name"]
    return Field(name, told["type"], base, size, at, told["doc"],
                 name + "_" if name in C_KEYWORDS else name)


def event_of(schema, told):
    """Lays the fields of an event out; offsets are from the end of the header."""
    fields, tail, at = [], None, 0
    for field in told["fields"]:
        base = kind_of(field["type"])
        if tail:
            raise SchemaError(f"{told['name']}: only the last field may be of any length")
        if base in ("enum", "flags") and field["type"].split(":")[1] not in schema[
                "enums" if base == "enum" else "flags"]:
            raise SchemaError(f"{told['name']}.{field['name']}: no {field['type']}")
        if base == "str" or base.endswith("[]"):
            size = 1 if base == "str" else SIZES[base[:-2]]
            at = align(at, size)
            tail = make_field(field, base, size, at)
        else:
            size = SIZES[base]
            at = align(at, size)
            fields.append(make_field(field, base, size, at))
            at += size
    return Event(told["id"], told["name"], told["group"], told["doc"], fields, tail, at)


def events_of(schema):
    events = [event_of(schema, told) for told in schema["events"]]
    for key in ("id", "name"):
        values = [getattr(event, key) for event in events]
        if len(set(values)) != len(values):
            raise SchemaError(f"two events have one {key}")
    if any(not 0 < event.id < EVENTS_MAX for event in events):
        raise SchemaError(f"ids of events are from 1 to {EVENTS_MAX - 1}")
    return events


def head(guard, about):
    return [f"/* SPDX-License-Identifier: MIT */",
            f"/* {about} Made by tools/trace_schema.py from include/trace/schema.json. */",
            f"#ifndef {guard}", f"#define {guard}", ""]


# ---- the kernel's tracepoints ----

def mask_of(field):
    return {1: "uint8_t", 2: "uint16_t", 4: "uint32_t", 8: "uint64_t"}[field.size]


def word_expressions(fields, bytes_used):
    """The words that hold the fields, as expressions of C."""
    words = []
    for start in range(0, align(bytes_used, 8), 8):
        parts = []
        for field in fields:
            if start <= field.offset < start + 8:
                shift = 8 * (field.offset - start)
                part = f"(uint64_t)({mask_of(field)})({field.c_name})"
                parts.append(f"{part} << {shift}" if shift else part)
        words.append(" | ".join(parts) or "0")
    return words


def parameters(event):
    told = [f"{C_TYPES[field.base]} {field.c_name}" for field in event.fields]
    tail = event.tail
    if tail and tail.base == "str":
        told.append(f"const char *{tail.c_name}")
    elif tail:
        told += [f"const {C_TYPES[tail.base[:-2]]} *{tail.c_name}", "unsigned count"]
    return told


def put_function(event):
    """What writes the record, whether it is wanted or not."""
    words = word_expressions(event.fields, event.bytes)
    yield f"static inline TRACE_INLINE void trace_put_{event.name}({', '.join(parameters(event))}) {{"
    macro = f"TRACE_EVENT_{event.name.upper()}"
    if event.tail:
        size = event.tail.size
        length = "TRACE_STRING" if event.tail.base == "str" else f"count * {size}"
        yield f"    const uint64_t words[] = {{{', '.join(words) or '0'}}};"
        yield ""
        yield (f"    trace_emit_tail({macro}, words, {event.tail.offset}, {event.tail.c_name}, "
               f"{length});")
    elif len(words) <= REGISTER_WORDS_MAX:
        first = f"TRACE_FIRST({macro}, {len(words)})"
        yield f"    machine_trace_emit_{len(words)}({', '.join([first] + words)});"
    else:
        yield f"    const uint64_t words[] = {{TRACE_FIRST({macro}, {len(words)}), {', '.join(words)}}};"
        yield ""
        yield "    machine_call_rarely(trace_emit_rarely, (uint64_t)words, 0);"
    yield "}"


def tracepoint(event):
    doc = event.doc.replace("*/", "* /")
    yield f"/* {doc} */"
    yield from put_function(event)
    yield ""
    yield f"static inline TRACE_INLINE bool trace_{event.name}_is_on(void) {{"
    yield f"    return trace_point(TRACE_EVENT_{event.name.upper()});"
    yield "}"
    yield ""
    yield f"#define trace_{event.name}(...) \\"
    yield f"    do {{ if (trace_{event.name}_is_on()) trace_put_{event.name}(__VA_ARGS__); }} while (0)"
    yield ""


def groups_of(events):
    return sorted({event.group for event in events}, key=[event.group for event in events].index)


def event_numbers(events):
    yield "enum trace_event {"
    for event in events:
        yield f"    TRACE_EVENT_{event.name.upper()} = {event.id},"
    yield "};"
    yield ""


def enum_lines(schema):
    for name, values in schema["enums"].items():
        yield f"enum trace_{name} {{"
        for value in values:
            yield f"    TRACE_{name.upper()}_{value.upper()},"
        yield f"    TRACE_{name.upper()}_COUNT"
        yield "};"
        yield ""
    for name, flags in schema["flags"].items():
        for flag, bit in flags.items():
            yield f"#define TRACE_{name.upper()}_{flag.upper()} {bit}u"
        yield ""


def kernel_lines(schema):
    events = events_of(schema)
    yield from head("TRACE_EVENTS_H", "The kernel's tracepoints; included by core/trace.h.")
    yield from event_numbers(events)
    yield "enum trace_group {"
    for group in groups_of(events):
        yield f"    TRACE_GROUP_{group.upper()},"
    yield "    TRACE_GROUPS"
    yield "};"
    yield ""
    yield "/* By number of the event and of the group; the others are NULL and TRACE_GROUPS. */"
    yield "#define TRACE_GROUP_NAMES {" + ", ".join(f'"{group}"' for group in groups_of(events)) + "}"
    yield "#define TRACE_EVENT_GROUPS { \\"
    for event in events:
        yield f"    [{event.id}] = 1 + TRACE_GROUP_{event.group.upper()}, \\"
    yield "}"
    yield ""
    yield from enum_lines(schema)
    for event in events:
        yield from tracepoint(event)
    yield "#endif"


def agree_lines(schema):
    yield from head("TRACE_AGREE_H", "The schema's numbers are the kernel's.")
    for name, (prefix, end) in KERNEL_PREFIXES.items():
        for value in schema["enums"].get(name) or schema["flags"][name]:
            yield (f"_Static_assert((unsigned)TRACE_{name.upper()}_{value.upper()} == "
                   f"(unsigned){prefix}{value.upper()}, \"{name}.{value}\");")
        if end:
            yield (f"_Static_assert((unsigned)TRACE_{name.upper()}_COUNT == (unsigned){end}, "
                   f"\"the schema has all of {name}\");")
    yield "#endif"


# ---- for programs ----

def record_struct(event):
    yield f"/* {event.doc} */"
    yield f"struct trace_record_{event.name} {{"
    yield "    struct trace_header header;"
    for field in event.fields:
        yield f"    {C_TYPES[field.base]} {field.c_name};" + (f" /* {field.doc} */" if field.doc else "")
    if event.tail:
        base = "char" if event.tail.base == "str" else C_TYPES[event.tail.base[:-2]]
        yield f"    {base} {event.tail.c_name}[];" + (
            f" /* {event.tail.doc} */" if event.tail.doc else "")
    yield "};"
    last = event.tail or (event.fields[-1] if event.fields else None)
    if last:
        yield (f"_Static_assert(offsetof(struct trace_record_{event.name}, {last.c_name}) == "
               f"{HEADER_BYTES + last.offset}, \"as the schema says\");")
    yield ""


def names_function(name, what, pairs, count):
    yield f"/* {what}; NULL: it has none. */"
    yield f"static inline const char *trace_{name}_name(unsigned number) {{"
    yield f"    static const char *const names[{count}] = {{"
    for number, value in pairs:
        yield f"        [{number}] = \"{value}\","
    yield "    };"
    yield ""
    yield f"    return number < {count} ? names[number] : 0;"
    yield "}"
    yield ""


def records_lines(schema):
    events = events_of(schema)
    yield from head("TRACE_RECORDS_H", "The records of the trace, for programs in C.")
    yield "#include <stddef.h>"
    yield "#include <stdint.h>"
    yield ""
    yield f"#define TRACE_VERSION {schema['version']}"
    yield "#define TRACE_MAGIC \"QTRACE1\\n\""
    yield ""
    yield "/* What each record begins with. */"
    yield "struct trace_header {"
    yield "    uint16_t event; /* enum trace_event */"
    yield "    uint8_t words;  /* of 8 bytes, this header among them */"
    yield "    uint8_t cpu;"
    yield "    uint32_t tid;  /* 0: idle */"
    yield "    uint64_t time; /* ticks; rises from record to record */"
    yield "};"
    yield ""
    yield from event_numbers(events)
    yield from enum_lines(schema)
    for event in events:
        yield from record_struct(event)
    yield from names_function("event", "What an event is called",
                              [(event.id, event.name) for event in events],
                              max(event.id for event in events) + 1)
    for name, values in schema["enums"].items():
        yield from names_function(name, f"What a {name} is called", list(enumerate(values)),
                                  len(values))
    yield "#endif"


def text_lines(schema):
    """A string literal in pieces; C compilers need not take long ones in one."""
    text = json.dumps(schema, separators=(",", ":"), ensure_ascii=True)
    for start in range(0, len(text), 80):
        piece = text[start:start + 80].replace("\\", "\\\\").replace('"', '\\"')
        yield f'"{piece}"'


# ---- the tables ----

def docs_lines(schema):
    events = events_of(schema)
    yield "# The events of the trace"
    yield ""
    yield ("Made from `include/trace/schema.json` by `make trace-docs`. What the words mean, and "
           "what a stream is, is in [trace.md](trace.md).")
    yield ""
    yield schema["record"]
    for group in groups_of(events):
        yield ""
        yield f"## {group}"
        for event in (event for event in events if event.group == group):
            yield ""
            yield f"**{event.id} `{event.name}`** {event.doc}"
            yield ""
            fields = event.fields + ([event.tail] if event.tail else [])
            if fields:
                yield "| field | type | at | |"
                yield "|---|---|---|---|"
            for field in fields:
                yield f"| `{field.name}` | {field.type} | {HEADER_BYTES + field.offset} | {field.doc} |"
    yield ""
    yield "## Enums"
    yield ""
    for name, values in schema["enums"].items():
        told = ", ".join(f"{number} {value}" for number, value in enumerate(values))
        yield f"- `{name}`: {told}"
    yield ""
    yield "## Flags"
    yield ""
    for name, flags in schema["flags"].items():
        told = ", ".join(f"{bit} {flag}" for flag, bit in flags.items())
        yield f"- `{name}`: {told}"


KINDS = {"kernel": kernel_lines, "agree": agree_lines, "records": records_lines,
         "text": text_lines, "docs": docs_lines}


def render(kind, schema=None):
    return "\n".join(KINDS[kind](schema or load())) + "\n"


def write(kind, path):
    """Writes the file; an unchanged one keeps its time, so that nothing is compiled anew."""
    text = render(kind)
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("output")
    options = parser.parse_args()
    try:
        write(options.kind, options.output)
    except SchemaError as error:
        sys.exit(f"{SCHEMA}: {error}")


if __name__ == "__main__":
    main()
