# SPDX-License-Identifier: MIT
"""Records and states in words."""

import errno

PRESENT, ADDRESS, LARGE = 0x001, 0x000ffffffffff000, 0x080
# Bits of an entry with their letters, in the order in which they are written.
ENTRY_BITS = ((0x002, "W"), (0x004, "U"), (0x008, "wt"), (0x010, "uc"), (0x020, "A"), (0x040, "D"),
              (0x100, "G"), (0x200, "shared"), (1 << 63, "NX"))
HEX_FIELDS = {"va", "start", "end", "rip", "value", "and", "or", "root", "child", "pfn", "from",
              "to", "object", "shadow", "owner", "code", "processors"}
FIELD_WIDTH = 14


class Clock:
    """Ticks to seconds since the first record."""

    def __init__(self, ticks_per_second):
        self._per_second = ticks_per_second
        self.first = None

    def seconds(self, ticks):
        if self.first is None:
            self.first = ticks
        return (ticks - self.first) / self._per_second


def pfn(number):
    return "none" if number is None else f"frame {number:#x}"


def range_name(what, start, end):
    """`frame 0x12` or `frames 0x12 to 0x15`."""
    return f"{what} {start:#x}" if end == start + 1 else f"{what}s {start:#x} to {end - 1:#x}"


def size(count):
    """Bytes as people say them."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            return f"{count:.0f} {unit}" if count == int(count) else f"{count:.1f} {unit}"
        count /= 1024
    return ""


def pages(count):
    return "1 page" if count == 1 else f"{count} pages"


def field(schema, spec, value):
    """The value of one field (schema.Field)."""
    if spec.kind == "enum":
        return schema.enum_name(spec.of, value)
    if spec.kind == "flags":
        return "|".join(schema.flag_names(spec.of, value)) or "-"
    if spec.kind == "str":
        return repr(value)
    if spec.tail:
        return "[" + " ".join(f"{number:#x}" for number in value) + "]"
    if spec.name == "result" and value < 0:
        return "-" + errno.errorcode.get(-value, str(-value))
    return f"{value:#x}" if spec.name in HEX_FIELDS else str(value)


def record(schema, item, seconds=None):
    """One line: when, where, who, what, and the fields by name."""
    when = f"{seconds:12.6f}" if seconds is not None else f"{item.time:16d}"
    words = [f"{spec.name}={field(schema, spec, value)}"
             for spec, value in zip(item.event.fields, item.values)]
    return f"{when} cpu {item.cpu:2d} tid {item.tid:5d}  {item.name:15} " + " ".join(words)


def rights(prot):
    return "".join(letter if prot & bit else "-" for letter, bit in zip("rwx", (1, 2, 4)))


def area(state, item):
    """One area on a line."""
    words = [f"{item.start:012x}-{item.end:012x} {rights(item.prot)}"]
    words.append("+".join(state.schema.flag_names("area", item.flags)) or "private")
    if item.object:
        words.append(object_name(state, item.object))
    if item.shadow:
        words.append(f"shadow {item.shadow:#x}")
    if item.object or item.shadow:
        words.append(f"from page {item.offset}")
    return " ".join(words)


def object_name(state, number):
    thing = state.objects.get(number)
    if thing is None:
        return f"object {number:#x}"
    name = f" {thing.name}" if thing.name else ""
    return f"{thing.kind} object {number:#x}{name}"


def owner_name(state, number):
    return f"shadow {number:#x}" if number in state.shadows else object_name(state, number)


def entry(value, level):
    """One entry of a page table: where it leads, and its bits by their letters."""
    if not value:
        return "empty"
    if not value & PRESENT:
        return f"not present ({value:#x})"
    letters = [word for bit, word in ENTRY_BITS if value & bit]
    kind = "frame" if level == 1 else "large page at frame" if value & LARGE else "table"
    return f"{kind} {(value & ADDRESS) >> 12:#x} {' '.join(letters)}".rstrip()


def process_names(state, root):
    """Who runs in a space."""
    names = [f"{process.name} (pid {process.pid})" for process in state.processes_of(root)]
    return ", ".join(names) or "nobody"
