# SPDX-License-Identifier: MIT
"""Memory objects and shadows: `quire object`."""

from guest import areas, memory, names, page_trees, processes, structures, words
from guest.errors import Problem
from guest.structures import Record


def every():
    """All objects there are."""
    head = structures.variable("objects", "vm/object.c").address_of("list")
    return structures.linked(head, "struct vm_object", "link")


def pointer_lines(address):
    """What lies at an address of the kernel's: an object or a shadow."""
    for vm_object in every():
        if vm_object.address == address:
            return list(object_lines(vm_object))
    for space in areas.spaces():
        for area in areas.every(space):
            if area["shadow"] == address:
                return list(shadow_lines(area, space))
    raise Problem(f"{address:#x} is no object and no shadow of an area: "
                  "`quire area PID ADDR` shows their addresses")


def object_lines(vm_object):
    """One object, its tree, and the areas that map it."""
    name = names.of_object(vm_object)
    yield (f"object {vm_object.address:#x}: {names.kind_of(vm_object)}"
           + (f" {name}" if name else ""))
    size = vm_object["size_bytes"]
    yield f"  {size} bytes ({words.count(-(-size // memory.PAGE), 'page')})" + _counts(vm_object)
    yield from page_trees.lines(vm_object["tree"])
    mapped = list(structures.linked(vm_object.address_of("areas"), areas.AREA, "link"))
    pids = processes.by_space()
    yield f"  mapped by {words.count(len(mapped), 'area')}" + (":" if mapped else "")
    for area in mapped:
        yield f"    {_area_text(area, pids)}"


def _counts(vm_object):
    """References are kept here, or by what embeds the object."""
    ops = Record("struct vm_object_ops", vm_object["ops"])
    notes = [] if ops["retain"] else [words.count(vm_object["refs"]["n"], "reference")]
    if vm_object["cuts"]:
        notes.append("being cut short")
    if vm_object["denies_writes"]:
        notes.append("shared mappings may not write")
    return "".join(f", {note}" for note in notes)


def _area_text(area, pids):
    users = pids.get(area["space"])
    whose = f"process {', '.join(map(str, users))}" if users else f"space {area['space']:#x}"
    kind = "shared" if areas.has_flag(area, "SHARED") else "private"
    return (f"{whose}: {area['start']:x}-{area['end']:x} {areas.rights(area['prot'])} {kind}, "
            f"from page {area['offset_pages']:#x}")


def shadow_lines(area, space):
    """The shadow of an area, its tree, and the areas that use it."""
    shadow = areas.shadow_of(area)
    pids = processes.by_space()
    below = areas.object_of(area)
    yield f"shadow {shadow.address:#x}: private changes over " + (
        f"the object {below.address:#x}" if below else "zeroes")
    cut = shadow["void_from"]
    if cut != (1 << 64) - 1:
        yield f"  what it holds from page {cut:#x} on has been cut off"
    yield from page_trees.lines(shadow["tree"])
    users = [user for user in areas.every(space) if user["shadow"] == shadow.address]
    yield f"  used by {words.count(len(users), 'area')}:"
    for user in users:
        yield f"    {_area_text(user, pids)}"


def lines_at(space, address, pid):
    """Both of the area at an address."""
    area = areas.find(space, address, pid)
    if area["shadow"]:
        yield from shadow_lines(area, space)
    if area["object"]:
        yield from object_lines(areas.object_of(area))
    if not area["shadow"] and not area["object"]:
        yield (f"the area {area['start']:x}-{area['end']:x} maps no object, and nothing was "
               "written there: it reads as zeroes")
