# SPDX-License-Identifier: MIT
"""Areas of an address space: what a process may touch, and what it finds there."""

from guest import constants, memory, names, page_trees, structures, words
from guest.errors import Problem
from guest.structures import Record

AREA, OBJECT, SHADOW = "struct vm_area", "struct vm_object", "struct vm_shadow"
AREA_HEADER = "kernel/vm/area.h"
NOT_FLAGS = {"LOCK_FLAGS", "SHARED"}


def every(space):
    """The areas of a space in order."""
    return structures.chained(space["areas"]["first"], AREA, "next")


def spaces():
    """All spaces that are whole: those that have left their processes too."""
    head = structures.variable("spaces", "vm/space.c").address_of("list")
    return structures.linked(head, "struct vm_space", "link")


def find(space, address, pid):
    """The area that an address is in."""
    before = None
    for area in every(space):
        if address < area["start"]:
            raise Problem(_nothing_there(address, pid, before, area))
        if address < area["end"]:
            return area
        before = area
    raise Problem(_nothing_there(address, pid, before, None))


def _nothing_there(address, pid, before, after):
    if not constants.get("USER_MIN") <= address < constants.get("USER_END"):
        return f"{address:#x} is no address of user memory"
    near = [f"{area['start']:x}-{area['end']:x}" for area in (before, after) if area]
    where = f"it lies {'between' if len(near) == 2 else 'beside'} {' and '.join(near)}"
    return f"process {pid} has nothing at {address:#x}: " + (where if near else "it has no areas")


def index_of(area, address):
    """The index in object and shadow of the page at an address."""
    return area["offset_pages"] + (address - area["start"]) // memory.PAGE


def object_of(area):
    return area.follow("object", OBJECT)


def shadow_of(area):
    return area.follow("shadow", SHADOW)


def has_flag(area, name):
    return bool(area["flags"] & constants.get("VM_AREA_" + name))


def rights(bits):
    """VM_READ, VM_WRITE and VM_EXEC as letters."""
    return "".join(letter if bits & constants.get(name) else "-" for letter, name in
                   (("r", "VM_READ"), ("w", "VM_WRITE"), ("x", "VM_EXEC")))


def flags_text(area):
    """The area's flags in words, beside whether it is shared."""
    return [name.lower().replace("_", " ")
            for name, bit in constants.named(AREA_HEADER, "VM_AREA_")
            if name not in NOT_FLAGS and area["flags"] & bit]


def name_of(area, process):
    """The last column of /proc/PID/maps."""
    vm_object = object_of(area)
    name = names.of_object(vm_object) if vm_object else ""
    if name:
        return name
    stack = process["image"]["stack_start"]
    if has_flag(area, "HEAP"):
        return "[heap]"
    if has_flag(area, "STACK") and area["start"] <= stack <= area["end"]:
        return "[stack]"
    return ""


def offset_bytes(area):
    """Of its start in the object, as /proc/PID/maps tells it."""
    return area["offset_pages"] * memory.PAGE if area["object"] else 0


def private_pages(area):
    """How many pages of its range the area's shadow holds."""
    shadow = shadow_of(area)
    if shadow is None:
        return 0
    first = area["offset_pages"]
    end = min(first + (area["end"] - area["start"]) // memory.PAGE, shadow["void_from"])
    return page_trees.count_range(shadow["tree"], first, end)


def map_line(area, process):
    """The beginning of a line of /proc/PID/maps, and the name."""
    kind = "s" if has_flag(area, "SHARED") else "p"
    return (f"{area['start']:08x}-{area['end']:08x} {rights(area['prot'])}{kind} "
            f"{offset_bytes(area):08x}", name_of(area, process))


def lines(process, space):
    """`quire maps`."""
    count = 0
    for area in every(space):
        start, name = map_line(area, process)
        notes = flags_text(area)
        pages = private_pages(area)
        if pages:
            notes.insert(0, f"{pages} private")
        yield f"{start} {name:<30} {', '.join(notes)}".rstrip()
        count += 1
    if count == 0:
        yield "no areas"


def area_lines(process, space, address):
    """`quire area`."""
    area = find(space, address, process["pid"])
    start, name = map_line(area, process)
    index = index_of(area, address)
    vm_object, shadow = object_of(area), shadow_of(area)
    yield f"area {area.address:#x} of process {process['pid']}: {start} {name}".rstrip()
    kind = "shared" if has_flag(area, "SHARED") else "private"
    yield (f"  {kind}, may become {rights(area['max_prot'])}"
           + "".join(f", {flag}" for flag in flags_text(area)))
    yield "  object: " + (f"{names.kind_of(vm_object)} {vm_object.address:#x}, "
                          f"{vm_object['size_bytes']} bytes" if vm_object else "none: zeroes")
    yield "  shadow: " + (f"{shadow.address:#x}, used by {words.count(shadow['areas'], 'area')}; "
                          f"{words.count(private_pages(area), 'private page')} in this one"
                          if shadow else "none: nothing was written here")
    yield f"  {address:#x} is page {index:#x} there: " + page_text(area, index)


def is_device(area):
    """Whether it maps a device's physical range, whose pages are in no tree."""
    return names.kind_of(object_of(area)) == "device"


def truth(area):
    """index -> (address of the frame, whether a private write may go to it) of all pages of the
    area, by the truth: what `page` finds for each."""
    first = area["offset_pages"]
    end = first + (area["end"] - area["start"]) // memory.PAGE
    found = {}
    vm_object, shadow = object_of(area), shadow_of(area)
    if vm_object:
        found = {index: (frame, False) for index, (frame, _) in
                 page_trees.truth(vm_object["tree"], first, end).items()}
    if shadow:
        found.update(page_trees.truth(shadow["tree"], first, min(end, shadow["void_from"])))
    return found


def page(area, index):
    """(where: "shadow", "object" or "", address of the frame, alone) of what is found at an index
    by the truth, whatever the page tables say."""
    shadow, vm_object = shadow_of(area), object_of(area)
    if shadow and index < shadow["void_from"]:
        frame, alone, _ = page_trees.find(shadow["tree"], index)
        if frame:
            return "shadow", frame, alone
    if vm_object:
        frame, alone, _ = page_trees.find(vm_object["tree"], index)
        return ("object", frame, alone) if frame else ("", 0, False)
    return "", 0, False


def page_text(area, index):
    """In words, what is found at an index."""
    where, frame, alone = page(area, index)
    vm_object = object_of(area)
    if frame:
        pfn = (frame - structures.variable("frame_table")) // structures.layout(
            "struct frame").size
        refs = Record("struct frame", frame)["refs"]
        whose = "" if where == "object" else (
            ", nobody else sees it" if alone else ", others see it too")
        return f"frame {pfn:#x} in the {where}, {words.count(refs, 'reference')}{whose}"
    if vm_object and index * memory.PAGE >= vm_object["size_bytes"]:
        return "beyond the object's end"
    if vm_object and is_device(area):
        return "a device's page"
    return "no page yet, it reads as zeroes"
