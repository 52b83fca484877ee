# SPDX-License-Identifier: MIT
"""What tools/trace_schema.py makes of a schema: where fields lie, what it refuses, and that
docs/trace-events.md is what it makes of ours."""

import copy
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))

import trace_schema  # noqa: E402

SMALL = {
    "version": 1, "record": "", "enums": {"kind": ["one", "two"]}, "flags": {"bits": {"low": 1}},
    "events": [{"id": 5, "name": "first", "group": "g", "doc": "d.", "fields": [
        {"name": "a", "type": "u32", "doc": ""}, {"name": "b", "type": "enum:kind", "doc": ""},
        {"name": "c", "type": "u64", "doc": ""}, {"name": "case", "type": "flags:bits", "doc": ""},
        {"name": "rest", "type": "u32[]", "doc": ""}]}],
}


def changed(**changes):
    schema = copy.deepcopy(SMALL)
    schema["events"][0].update(changes)
    return schema


def refuses(schema):
    try:
        trace_schema.events_of(schema)
    except trace_schema.SchemaError:
        return None
    return "is taken"


def check_layout():
    event = trace_schema.events_of(SMALL)[0]
    places = [field.offset for field in event.fields] + [event.tail.offset]
    yield "layout.offsets", None if places == [0, 4, 8, 16, 20] else f"are {places}"
    words = trace_schema.word_expressions(event.fields, event.bytes)
    wanted = "(uint64_t)(uint32_t)(a) | (uint64_t)(uint8_t)(b) << 32"
    yield "layout.words", None if words[0] == wanted and len(words) == 3 else f"are {words}"
    yield "layout.keyword", None if "case_" in words[2] else f"{words[2]}"


def check_refused():
    field = {"name": "x", "type": "u8", "doc": ""}
    twice = changed()
    twice["events"].append(dict(twice["events"][0], name="second"))
    yield "refused.behind_an_array", refuses(changed(fields=SMALL["events"][0]["fields"] + [field]))
    yield "refused.unknown_enum", refuses(changed(fields=[dict(field, type="enum:none")]))
    yield "refused.id_twice", refuses(twice)
    yield "refused.id_too_large", refuses(changed(id=trace_schema.EVENTS_MAX))


def check_documents():
    with open(os.path.join(ROOT, "docs/trace-events.md"), encoding="utf-8") as file:
        fresh = file.read() == trace_schema.render("docs")
    yield "documents.are_up_to_date", None if fresh else "`make trace-docs` makes them"


def main():
    failed = False
    for check in (check_layout, check_refused, check_documents):
        for name, why in check():
            print(f"not ok {name}: {why}" if why else f"ok {name}")
            failed = failed or bool(why)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
