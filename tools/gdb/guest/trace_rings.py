# SPDX-License-Identifier: MIT
"""The last events of the kernel's trace, out of its rings: `quire trace`.

What records mean is told by include/trace/schema.json, read by the same code as recordings are
(tools/trace). A ring keeps a record until it is written over, so those that a reader has taken
already are there as well. Where the oldest whole one begins nothing says: records are looked for
from the oldest word on, until they lead to the end exactly.
"""

import importlib
import importlib.util
import os
import sys

from guest import constants, memory, structures
from guest.errors import Problem

FILE = "core/trace_ring.c"
PACKAGE = "quire_trace"  # tools/trace: under this name, since Python has a trace of its own


def _reader(name):
    """A module of tools/trace."""
    if PACKAGE not in sys.modules:
        folder = os.path.join(constants.ROOT, "tools", "trace")
        spec = importlib.util.spec_from_file_location(
            PACKAGE, os.path.join(folder, "__init__.py"), submodule_search_locations=[folder])
        sys.modules[PACKAGE] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[PACKAGE])
    return importlib.import_module(f"{PACKAGE}.{name}")


def _words(ring):
    """The bytes of a ring in the order in which they were written, the oldest first."""
    head, count = ring["head"], ring["count"]
    data = memory.read(ring["words"], 8 * count)
    at = 8 * (head % count)
    return data[at:] + data[:at] if head >= count else data[:at]


def _records(data, cpu):
    """The records that lead to the end of the data exactly, from the oldest such on."""
    schema, stream = _reader("schema"), _reader("stream")
    known = schema.built_in().by_id
    for start in range(0, len(data), 8):
        found, at, time = [], start, -1
        while at < len(data):
            number, words, where, tid, stamp = schema.HEADER.unpack_from(
                data.ljust(at + schema.HEADER.size, b"\0"), at)
            end = at + 8 * words
            if number not in known or words < 2 or end > len(data) or where != cpu or (
                    stamp <= time):
                break
            try:
                values = known[number].decode(data, at, end)
            except ValueError:
                break
            found.append(stream.Record(known[number], cpu, tid, stamp, values))
            at, time = end, stamp
        else:
            return found
    return []


def lines(count):
    """The last `count` events of all processors, in their order."""
    rings = structures.variable("rings", FILE)
    found, lost, any_ring = [], 0, False
    for cpu in range(len(rings)):
        ring = rings[cpu]
        if not ring["words"] or not ring["count"]:
            continue
        any_ring = True
        lost += ring["lost_total"]
        found += _records(_words(ring), cpu)
    if not any_ring:
        raise Problem("nothing is traced just now: boot with `trace=virtio`, or have the guest "
                      "read /proc/trace")
    found.sort(key=lambda record: record.time)
    schema, text = _reader("schema").built_in(), _reader("text")
    for record in found[-count:]:
        yield text.record(schema, record)
    yield f"{min(count, len(found))} of {len(found)} events that are still in the rings" + (
        f"; {lost} were lost, for nobody reads" if lost else "")
