# SPDX-License-Identifier: MIT
"""Locks: which are held, by whom, and who waits: `quire locks`.

Debug kernels note what each processor and each thread holds or is about to take. Release kernels do
not: there a spinlock says only that it is taken, a mutex who has it. Those of variables are found
by what they look like, in the kernel's data; those in spaces, objects, processes and files by
walking there.
"""

import collections
import struct

import gdb

from guest import areas, constants, memory, objects, processes, processors, structures
from guest.errors import Unreadable
from guest.structures import Record

SPINLOCK, MUTEX = "struct spinlock", "struct mutex"
THREAD = processors.THREAD

Held = collections.namedtuple("Held", "address name rank")


def _is_debug():
    return "holder" in structures.layout(SPINLOCK).fields


def _stack(record):
    """What a struct lock_stack holds, outer locks first."""
    if "held" not in record:
        return []
    row = record["held"]
    return [Held(entry["lock"], memory.text(entry["name"]), entry["rank"])
            for entry in (row[index] for index in range(min(record["depth"], len(row))))]


def is_taken(lock):
    """Of any spinlock: that of a space says other things in other bits (kernel/vm/space_lock.h)."""
    return bool(lock["taken"] & constants.get("VM_SPACE_TAKEN"))


def rank_name(number):
    name = structures.enumeration("enum lock_rank").get(number, str(number))
    return name.removeprefix("LOCK_RANK_")


def lines():
    """`quire locks`."""
    if _is_debug():
        yield from _debug_lines()
    else:
        yield from _release_lines()


# ---- debug kernels ----

def _debug_lines():
    found = False
    for cpu in processors.every():
        for held in _stack(cpu["spin_locks"]):
            lock = Record(SPINLOCK, held.address)
            has = is_taken(lock) and lock["holder"] == cpu["index"]
            yield (f"processor {cpu['index']} {'holds' if has else 'waits for'} the spinlock "
                   f"'{held.name}' {held.address:#x}, rank {held.rank} ({rank_name(held.rank)})"
                   + ("" if has else f": processor {lock['holder']} has it"))
            found = True
    for thread in _threads():
        for held in _stack(thread["mutexes"]):
            yield _mutex_text(thread, held)
            found = True
    if not found:
        yield "no locks are held"


def _mutex_text(thread, held):
    mutex = Record(MUTEX, held.address)
    owner = mutex["owner"] & ~1
    what = (f"the mutex '{held.name}' {held.address:#x}, rank {held.rank} "
            f"({rank_name(held.rank)})")
    if owner != thread.address:
        return f"{processors.name_of(thread)} waits for {what}: {_owner_text(owner)} has it"
    return f"{processors.name_of(thread)} holds {what}" + _waiters_text(mutex)


def _owner_text(owner):
    return processors.name_of(Record(THREAD, owner)) if owner else "nobody"


def _waiters_text(mutex):
    head = mutex["waiters"].address_of("entries")
    waiting = [processors.name_of(entry.follow("thread", THREAD))
               for entry in structures.linked(head, "struct wait_entry", "node")
               if entry["thread"]]
    return f"; {', '.join(waiting)} waits" if waiting else ""


def _threads():
    """All threads that are known: of processes, and those that run."""
    seen = set()
    for process in processes.every():
        for task in processes.tasks(process):
            seen.add(task["thread"].address)
            yield task["thread"]
    for cpu in processors.every():
        if cpu["current"] and cpu["current"] not in seen:
            yield Record(THREAD, cpu["current"])


# ---- release kernels ----

def _release_lines():
    found = False
    for address, name in _spinlocks():
        lock = Record(SPINLOCK, address)
        if not is_taken(lock):
            continue
        yield (f"somebody holds the spinlock '{memory.text(lock['name'])}' {address:#x} ({name}), "
               f"rank {lock['rank']} ({rank_name(lock['rank'])})")
        found = True
    for mutex in _mutexes():
        owner = mutex["owner"] & ~1
        if owner:
            held = Held(mutex.address, memory.text(mutex["name"]), mutex["rank"])
            yield _mutex_text(Record(THREAD, owner), held)
            found = True
    for index in _spinning():
        yield f"processor {index} waits for a spinlock"
        found = True
    if not found:
        yield "no locks are held"
    yield ("This is a release kernel: who holds a spinlock is not noted, and mutexes are known of "
           "open files and of programs only. The debug kernel tells all.")


def _spinlocks():
    """(address, whose it is) of all that can be found."""
    yield from _static_spinlocks()
    for space in areas.spaces():
        yield space.address_of("lock"), f"space {space.address:#x}"
    for vm_object in objects.every():
        yield vm_object.address_of("lock"), f"object {vm_object.address:#x}"
    for process in processes.every():
        yield process.address_of("signal_lock"), f"process {process['pid']}"


def _static_spinlocks():
    """In the kernel's variables: a state, a rank there is, and the address of a constant text."""
    ranks = structures.enumeration("enum lock_rank")
    texts = range(_label("kernel_rodata_start"), _label("kernel_rodata_end"))
    names = structures.layout(SPINLOCK).fields
    at_rank, at_name = names["rank"][0], names["name"][0]
    for start, data in _variables():
        for offset in range(0, len(data) - structures.layout(SPINLOCK).size, 8):
            rank, = struct.unpack_from("<I", data, offset + at_rank)
            if rank and rank in ranks:
                name, = struct.unpack_from("<Q", data, offset + at_name)
                if name in texts and data[offset] < 8:
                    yield start + offset, _symbol_at(start + offset)


def _variables():
    """(address, bytes) of each stretch of the kernel's variables: pages that guard stacks lie
    between."""
    start, data = 0, b""
    for address in range(_label("kernel_data_start") & -memory.PAGE, _label("kernel_bss_end"),
                         memory.PAGE):
        try:
            page = memory.read(address, memory.PAGE)
        except Unreadable:
            yield start, data
            start, data = 0, b""
            continue
        start, data = start or address, data + page
    yield start, data


def _label(name):
    """A symbol of the linker's."""
    return int(gdb.parse_and_eval(f"(unsigned long)&{name}"))


def _symbol_at(address):
    text = gdb.execute(f"info symbol {address:#x}", to_string=True)
    return text.split(" in section")[0]


def _mutexes():
    """Of the files that programs are run from and that processes have open."""
    vnodes = {}
    for process in processes.every():
        for opened in _files(process):
            vnodes[opened["vnode"]] = True
            yield opened["pos_lock"]
    for vnode in vnodes:
        if vnode:
            yield Record("struct vnode", vnode)["lock"]


def _files(process):
    """Those that a process has open, and its program's."""
    exe = process.follow("exe", "struct file")
    if exe:
        yield exe
    table = process["vfs"].follow("files", "struct fdtable")
    for number in range(table["used"] if table else 0):
        opened = memory.integer(table["files"] + 8 * number, 8)
        if opened:
            yield Record("struct file", opened)


def _spinning():
    """Indices of processors whose innermost functions wait for a spinlock."""
    for thread in gdb.selected_inferior().threads():
        was = gdb.selected_thread()
        thread.switch()
        try:
            cpu, frame = processors.selected(), gdb.newest_frame()
            for _ in range(4):
                if frame is None:
                    break
                if cpu and frame.name() == "spin_wait":
                    yield cpu["index"]
                    break
                frame = frame.older()
        except (gdb.error, Unreadable):
            continue
        finally:
            was.switch()
