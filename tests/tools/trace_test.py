# SPDX-License-Identifier: MIT
"""The readers of the trace (tools/trace): bytes, records, and the state that they come to.

    trace_test.py BUILD [TEST...]

Each test is a function that returns None, or why it failed.
"""

import gzip
import io
import json
import os
import random
import struct
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))

from trace import compare, page_tree, schema, stream, synthetic  # noqa: E402
from trace.areas import Area, Areas  # noqa: E402
from trace.state import State  # noqa: E402

TESTS = []


def test(function):
    TESTS.append(function)
    return function


def read(data, **more):
    """(records, reader) of a stream."""
    reader = stream.Reader(io.BytesIO(data), **more)
    return list(reader), reader


def refusal(data, **more):
    """What the reader says of a stream that it refuses; None if it takes it."""
    try:
        read(data, **more)
    except stream.StreamError as error:
        return str(error)
    return None


def small(steps=40, **more):
    return synthetic.recording(steps=steps, snapshots=20, **more)


def header_bytes(data):
    return len(stream.MAGIC) + 4 + struct.unpack_from("<I", data, len(stream.MAGIC))[0]


def pieces(data):
    """(header, each record) as bytes."""
    at, found = header_bytes(data), []
    while at < len(data):
        size = 8 * data[at + 2]
        found.append(data[at:at + size])
        at += size
    return data[:header_bytes(data)], found


def checked(data):
    """(compared, lines of all differences, not compared) of a stream."""
    lines = []
    reader = stream.Reader(io.BytesIO(data))
    checker = compare.Checker(reader.schema, lambda time, more: lines.extend(more))
    for record in reader:
        checker.apply(record)
    return checker.snapshots, lines, checker.not_compared


def scratch(name, data):
    return write_file(os.path.join(FOLDER, name), data)


def write_file(path, data):
    with open(path, "wb") as file:
        file.write(data)
    return path


# ---- bytes ----

@test
def records_lie_as_the_schema_says():
    known = schema.built_in().by_name
    head = struct.Struct("<HBBIQ")
    made = [
        ("entry", 2, 7, 3, (0x123, 5, 0x8000000000456067),
         head.pack(34, 4, 2, 7, 3) + struct.pack("<IIQ", 0x123, 5, 0x8000000000456067)),
        ("frame_alloc", 0, 0, 9, (77, 3, 6),
         head.pack(20, 3, 0, 0, 9) + struct.pack("<IBB", 77, 3, 6) + bytes(2)),
        ("pages", 1, 1, 1, (0xabc, 9, (4, 5, 6)),
         head.pack(66, 6, 1, 1, 1) + struct.pack("<QQIIII", 0xabc, 9, 4, 5, 6, 0xffffffff)),
        ("process", 1, 1, 1, (4, 3, 2, "seven"),
         head.pack(10, 5, 1, 1, 1) + struct.pack("<III", 4, 3, 2) + b"seven\0" + bytes(6)),
        ("entries", 0, 0, 1, (1, 2, (3,)),
         head.pack(36, 4, 0, 0, 1) + struct.pack("<IIQ", 1, 2, 3)),
        ("fault", 0, 0, 1, (1, 2, 3, 4, -14, 5, 6),
         head.pack(80, 7, 0, 0, 1) + struct.pack("<IxxxxQIBxxxiIQ", 1, 2, 3, 4, -14, 5, 6)),
    ]
    for name, cpu, tid, time, values, expected in made:
        data = known[name].encode(cpu, tid, time, values)
        if data != expected:
            return f"{name} is {data.hex()} instead of {expected.hex()}"
        if known[name].decode(data, 0, len(data)) != values:
            return f"{name} is read as {known[name].decode(data, 0, len(data))}"
    return None


@test
def every_event_comes_back():
    chance = random.Random(1)
    for event in schema.built_in().events:
        for _ in range(50):
            values = tuple(any_value(field, chance) for field in event.fields)
            data = event.encode(1, 2, 3, values)
            if len(data) != 8 * data[2] or event.decode(data, 0, len(data)) != values:
                return f"{event.name} {values} comes back as {event.decode(data, 0, len(data))}"
    return None


def any_value(field, chance):
    if field.kind == "str":
        return "x" * chance.randrange(40)
    if field.tail:
        return tuple(chance.getrandbits(31) for _ in range(chance.randrange(1, 40)))
    bits = 8 * schema.SIZES[field.kind]
    return chance.getrandbits(bits) - ((1 << 31) if field.kind == "s32" else 0)


@test
def a_stream_is_read_as_it_comes():
    """Byte for byte, and in pieces, it comes to the same."""
    class Slow(io.RawIOBase):
        def __init__(self, data, size):
            super().__init__()
            self.data, self.size = data, size

        def read(self, _):
            piece, self.data = self.data[:self.size], self.data[self.size:]
            return piece
    data = small()
    whole = [(r.name, r.time, r.values) for r in read(data)[0]]
    for size in (1, 7, 4096):
        found = [(r.name, r.time, r.values) for r in stream.Reader(Slow(data, size))]
        if found != whole:
            return f"pieces of {size} bytes: {len(found)} records instead of {len(whole)}"
    return None


@test
def compressed_and_not():
    data = small()
    plain = scratch("a.trace", data)
    packed = scratch("a.trace.gz", gzip.compress(data))
    counts = [sum(1 for _ in stream.Reader.open(path)) for path in (plain, packed)]
    if len(set(counts)) != 1 or not counts[0]:
        return f"records: {counts}"
    scratch("b.gz", gzip.compress(data)[:-200])
    reader = stream.Reader.open(os.path.join(FOLDER, "b.gz"))
    found = len(list(reader))
    if not reader.cut or not 0 < found < counts[0]:
        return f"a packed file that is cut: {found} records, {reader.cut}"
    try:
        stream.Reader.open(scratch("c.zst", b"\x28\xb5\x2f\xfd" + data))
        return "zstd is read"
    except stream.StreamError as error:
        return None if "zstd" in str(error) else str(error)


# ---- what is no stream, or a broken one ----

@test
def cut_anywhere():
    """Whatever the place: what is whole before it is read, and the rest has a word."""
    data = small(12)
    whole, _ = read(data)
    ends, at = set(), header_bytes(data)
    for piece in pieces(data)[1]:
        ends.add(at)
        at += len(piece)
    for at in list(range(0, 200)) + list(range(header_bytes(data), len(data), 7)):
        why = refusal(data[:at])
        if at < header_bytes(data):
            if not why:
                return f"cut at {at}, in the header, it is taken"
            continue
        records, reader = read(data[:at])
        if [r.time for r in records] != [r.time for r in whole[:len(records)]]:
            return f"cut at {at}: other records"
        if bool(reader.cut) == (at in ends):
            return f"cut at {at}: {reader.cut}"
    return None


@test
def broken_ones_are_refused():
    data = small(5)
    start = header_bytes(data)
    head, records = pieces(data)

    def with_record(**fields):
        words = dict(event=34, words=4, cpu=0, tid=0, time=1 << 40)
        words.update(fields)
        return data + schema.HEADER.pack(*words.values()) + bytes(16)
    document = json.loads(data[12:start])
    other = json.loads(data[12:start])
    other["schema"]["version"] = 2
    odd = json.loads(data[12:start])
    odd["schema"]["events"][0]["fields"][0]["type"] = "u17"
    no_ticks = dict(document, ticks_per_second=0)
    cases = [
        (b"", "empty"), (b"QTRACE2\n" + data[8:], "no trace"), (b"hello\n" * 100, "no trace"),
        (b"QTRACE1\n\xff\xff\xff\xff", "header would have"), (b"QT", "no trace"),
        (data[:8] + struct.pack("<I", 8) + b"{\"a\" 1}}", "not JSON"),
        (data[:8] + struct.pack("<I", 8) + b"[1,2]   ", "not an object"),
        (stream.encode_header({"ticks_per_second": 1}), "schema is broken"),
        (stream.encode_header(dict(document, schema=3)), "schema is broken"),
        (stream.encode_header(other), "version 2"), (stream.encode_header(odd), "u17"),
        (stream.encode_header(no_ticks), "ticks"),
        (with_record(event=9999), "no event 9999"), (with_record(words=0), "of 0 bytes"),
        (with_record(words=1), "of 8 bytes"), (with_record(words=3), "instead of"),
        (with_record(time=1), "time goes"), (with_record(event=65, words=2), "instead of"),
        (with_record(event=66, words=3), "too short"),
        (head + records[1] + records[0], "time goes"),
    ]
    for bad, word in cases:
        why = refusal(bad)
        if not why or word not in why:
            return f"{bad[-40:]!r}: {why!r} does not say {word!r}"
    return None


@test
def bytes_at_random():
    """Whatever is in the file: it is read or refused with a sentence, and nothing else."""
    chance = random.Random(5)
    data = small(20)
    for _ in range(400):
        bad = bytearray(data)
        for _ in range(chance.randrange(1, 6)):
            bad[chance.randrange(len(bad))] = chance.randrange(256)
        try:
            reader = stream.Reader(io.BytesIO(bytes(bad)))
            state = State(reader.schema)
            for record in reader:
                if record.name != "frame_use" and "count" in record.event.names:
                    continue  # a count that lies only costs time
                state.apply(record)
        except (stream.StreamError, MemoryError, OverflowError):
            continue
        except ValueError as error:
            return f"{type(error).__name__}: {error}"
    return None


@test
def the_magic_is_found_in_a_live_stream():
    data = small()
    count = len(read(data)[0])
    for before in (b"", b"x" * 5, b"QTRACE1", b"QTRACE1QTRACE1" + b"\0" * 70000):
        records, _ = read(before + data, live=True)
        if len(records) != count:
            return f"{len(records)} records after {before[:20]!r}"
    return None if "before a trace" in (refusal(b"x" * 100, live=True) or "") else "none is found"


# ---- other versions of the schema ----

@test
def newer_schemas_are_read():
    """Events that nobody knows yet, fields that are more and elsewhere."""
    document = json.loads(json.dumps(schema.built_in().document))
    document["events"].append({"id": 120, "name": "moon", "group": "sky", "doc": "",
                               "fields": [{"name": "phase", "type": "u8"}]})
    for event in document["events"]:
        if event["name"] in ("page", "map", "entry", "process"):
            event["fields"].insert(0, {"name": "extra", "type": "u64"})
        if event["name"] == "frame_alloc":
            event["fields"].reverse()
    file = io.BytesIO()
    writer = synthetic.Writer(file, 1 << 20, schema.Schema(document))
    story = synthetic.Story(writer, 2048, 3)
    for _ in range(60):
        story.step()
        writer.emit("moon", phase=3)
    writer.snapshot()
    compared, lines, _ = checked(file.getvalue())
    records, reader = read(file.getvalue())
    state = State(reader.schema)
    for record in records:
        state.apply(record)
    if compared != 1 or lines or len(state.spaces) < 2:
        return f"{compared} compared, {lines[:3]}, {len(state.spaces)} spaces"
    return None


# ---- state ----

@test
def page_trees_against_dicts():
    chance = random.Random(2)
    trees, models = [page_tree.PageTree()], [{}]
    for step in range(6000):
        which = chance.randrange(len(trees))
        tree, model = trees[which], models[which]
        index = chance.choice((chance.randrange(200), chance.randrange(1 << 20), (1 << 52) - 1,
                               chance.getrandbits(52)))
        what = chance.randrange(10)
        if what < 6:
            tree.set(index, step)
            model[index] = step
        elif what < 8:
            end = index + chance.choice((1, 5, 300, 1 << 30))
            tree.discard(index, end)
            for key in [key for key in model if index <= key < end]:
                del model[key]
        elif len(trees) < 12:
            trees.append(tree.copy())
            models.append(dict(model))
        else:
            del trees[which], models[which]
        if tree.get(index) != model.get(index):
            return f"step {step}: {index} is {tree.get(index)} instead of {model.get(index)}"
        if step % 50 == 0:
            for tree, model in zip(trees, models):
                if list(tree.items()) != sorted(model.items()) or len(tree) != len(model):
                    return f"step {step}: other pages"
                part = [(k, v) for k, v in sorted(model.items()) if 50 <= k < 100000]
                if list(tree.items(50, 100000)) != part:
                    return f"step {step}: other pages in a range"
    return None


@test
def areas_against_pages():
    """The same as a dict of pages, and joined as far as can be."""
    chance = random.Random(3)
    areas, model = Areas(), {}
    for step in range(4000):
        first = chance.randrange(64)
        end = first + 1 + chance.randrange(16)
        what = chance.randrange(4)
        if what == 0:
            prot, shadow = chance.randrange(2), chance.randrange(2)
            offset = chance.choice((first, first, first + 100))
            areas.map(Area(first << 12, end << 12, prot, 7, 0, 0, shadow, offset))
            for page in range(first, end):
                model[page] = (prot, 7, 0, 0, shadow, offset + page - first)
        elif what == 1:
            areas.unmap(first << 12, end << 12)
            for page in range(first, end):
                model.pop(page, None)
        else:
            areas.change(first << 12, end << 12, prot=what)
            for page in range(first, end):
                if page in model:
                    model[page] = (what,) + model[page][1:]
        why = areas_differ(areas, model)
        if why:
            return f"step {step}: {why}"
    return None


def areas_differ(areas, model):
    found = {}
    before = None
    for area in areas:
        if before and before.end > area.start:
            return f"{before} overlaps {area}"
        if before and before.goes_on_as(area):
            return f"{before} and {area} are one"
        before = area
        for page in range(area.start >> 12, area.end >> 12):
            found[page] = area[2:7] + (area.index(page << 12),)
            if areas.find((page << 12) + 5) is not area:
                return f"{page} is not found"
    return None if found == model else f"{found} instead of {model}"


@test
def states_against_a_naive_one():
    """Tables and pages, by a model that copies everything each time."""
    chance = random.Random(4)
    file = io.BytesIO()
    writer = synthetic.Writer(file, 1 << 20)
    tables, trees = {1: [0] * 512}, {0x40: {}}
    writer.emit("table_make", pfn=1, level=1)
    writer.emit("shadow_make", shadow=0x40)

    def unwritable(value):
        return value if value & 0x200 else value & ~2
    for step in range(3000):
        pfn, slot, count = chance.choice(list(tables)), chance.randrange(500), 1 + step % 12
        table, value = tables[pfn], chance.getrandbits(12) << 12 | chance.choice((3, 0x203, 7))
        span = range(slot, min(slot + count, 512))
        what = chance.randrange(14)
        if what == 0:
            writer.emit("entry", pfn=pfn, slot=slot, value=value)
            table[slot] = value
        elif what == 1:
            writer.emit("entries", pfn=pfn, slot=slot, values=[value + (i << 12) for i in span])
            for i in span:
                table[i] = value + (i << 12)
        elif what == 2:
            writer.emit("entries_clear", pfn=pfn, slot=slot, count=len(span))
            for i in span:
                table[i] = 0
        elif what == 3:
            writer.emit("entries_and", **{"pfn": pfn, "slot": slot, "count": len(span),
                                          "and": ~2 & (1 << 64) - 1, "or": 1 << 63})
            for i in span:
                table[i] = table[i] and table[i] & ~2 | 1 << 63
        elif what == 4 and len(tables) < 8:
            writer.emit("table_copy", **{"root": 1, "from": pfn, "to": step + 9, "level": 1})
            tables[step + 9] = [unwritable(entry) for entry in table]
        elif what == 5:
            writer.emit("table_unwritable", pfn=pfn, level=1)
            tables[pfn] = [unwritable(entry) for entry in table]
        elif what == 6 and len(tables) > 2:
            writer.emit("table_free", pfn=pfn)
            del tables[pfn]
        elif what == 7 and len(tables) > 1 and "entries_forked" in writer.schema.by_name:
            to = chance.choice([number for number in tables if number != pfn])
            writer.emit("entries_forked", **{"from": pfn, "to": to, "level": 1, "slot": slot,
                                             "count": len(span)})
            for i in span:
                table[i] = unwritable(table[i])
                tables[to][i] = table[i] or tables[to][i]
        else:
            naive_pages(writer, chance, trees, step)
        state = writer.state
        if {number: {i: v for i, v in enumerate(entries) if v} for number, entries in
                tables.items()} != {number: thing.entries for number, thing in
                                    state.tables.items()}:
            return f"step {step}, {what}: other tables"
        if {number: dict(tree.items()) for number, tree in state.shadows.items()} != trees:
            return f"step {step}, {what}: other pages"
    return None


def naive_pages(writer, chance, trees, step):
    """One step that changes pages."""
    owner, index, what = chance.choice(list(trees)), chance.randrange(300), chance.randrange(5)
    other = chance.choice(list(trees))
    if what == 0:
        writer.emit("pages", owner=owner, index=index, pfns=[step, step + 1, step + 2])
        trees[owner].update({index: step, index + 1: step + 1, index + 2: step + 2})
    elif what == 1:
        writer.emit("page", owner=owner, index=index, pfn=step)
        trees[owner][index] = step
    elif what == 2:
        writer.emit("pages_gone", owner=owner, first=index, end=index + 20)
        for at in range(index, index + 20):
            trees[owner].pop(at, None)
    elif what == 3 and len(trees) < 6:
        writer.emit("shadow_make", shadow=0x1000 + step)
        writer.emit("pages_shared", **{"from": owner, "to": 0x1000 + step})
        trees[0x1000 + step] = dict(trees[owner])
    elif what == 3:
        writer.emit("shadow_free", shadow=owner)
        del trees[owner]
    elif other != owner:
        writer.emit("pages_moved", **{"from": owner, "to": other, "first": index,
                                      "end": index + 30})
        for at in range(index, index + 30):
            if at in trees[owner]:
                trees[other][at] = trees[owner].pop(at)


@test
def snapshots_are_what_the_events_come_to():
    compared, lines, doubtful = checked(synthetic.recording(steps=300, snapshots=30))
    if compared != 10 or lines or doubtful:
        return f"{compared} compared, {doubtful} not, {lines[:3]}"
    return None


@test
def snapshots_count_their_records():
    since = None
    for number, record in enumerate(read(synthetic.recording(steps=60, snapshots=20))[0]):
        if record.name == "snapshot_begin":
            since = number
        elif record.name == "snapshot_end" and record["records"] != number - since - 1:
            return f"{record['records']} instead of {number - since - 1} at {number}"
    return None if since else "no snapshot but the first"


@test
def an_event_left_out_is_noticed():
    """Of each kind that changes something, one is taken out of the stream."""
    head, records = pieces(synthetic.recording(steps=250, snapshots=250))
    by_id = schema.built_in().by_id
    names = [by_id[struct.unpack_from("<H", record)[0]].name for record in records]
    first = names.index("snapshot_end")
    last = len(names) - 1 - names[::-1].index("snapshot_begin")
    changing = {"process", "thread", "thread_exit", "frame_alloc", "frame_free",
                "table_make", "table_free", "table_unwritable", "entry", "space_make",
                "space_free", "map", "unmap", "shadow_make", "shadow_free", "pages_shared"}
    for name in sorted(changing):
        places = [at for at in range(first, last) if names[at] == name]
        if not places:
            return f"there is no {name}"
        noticed = any(checked(head + b"".join(records[:at] + records[at + 1:]))[1]
                      for at in reversed(places))
        if not noticed:
            return f"{name} is not missed"
    return None


@test
def an_end_left_out_is_noticed():
    file = io.BytesIO()
    writer = synthetic.make(file, steps=20, snapshots=20)
    writer.emit("exit", pid=1, status=0)
    writer.snapshot()  # which tells of it as well: that one stays
    head, records = pieces(file.getvalue())
    number = schema.built_in().by_name["exit"].id
    at = [at for at, record in enumerate(records) if record[0] == number][-2]
    lines = checked(head + b"".join(records[:at] + records[at + 1:]))[1]
    return None if lines and "ended" in lines[0] else f"{lines}"


@test
def lost_events_are_not_compared():
    file = io.BytesIO()
    writer = synthetic.make(file, steps=50, snapshots=1000)
    writer.emit("lost", count=3)
    writer.snapshot("lost")
    writer.snapshot()
    compared, lines, doubtful = checked(file.getvalue())
    return None if (compared, lines, doubtful) == (1, [], 1) else f"{compared} {lines} {doubtful}"


@test
def translations_and_viewers():
    file = io.BytesIO()
    writer = synthetic.make(file, seed=7, steps=400, memory_bytes=8 << 20)
    state, seen, found = writer.state, 0, 0
    for root, areas in state.spaces.items():
        for area in areas:
            for va in range(area.start, area.end, 4096):
                translation = state.translate(root, va)
                _, _, pfn = state.page_at(root, va)
                found += translation.pfn is not None
                if translation.pfn is not None and pfn is not None and translation.writable:
                    seen += 1
                    if translation.pfn != pfn:
                        return f"{va:#x} of {root:#x} leads to {translation.pfn}, not {pfn}"
                    if (root, va) not in [item[:2] for item in state.viewers(pfn)]:
                        return f"{va:#x} of {root:#x} does not see {pfn:#x}"
    return None if seen > 20 and found > seen else f"only {seen} of {found} pages are writable"


def main(tests):
    chosen = [function for function in tests
              if len(sys.argv) < 3 or function.__name__ in sys.argv[2:]]
    failed = False
    for function in chosen:
        why = function()
        failed = failed or bool(why)
        print(f"not ok {function.__name__}: {why}" if why else f"ok {function.__name__}",
              flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="quire-trace-") as FOLDER:
        sys.exit(main(TESTS))
