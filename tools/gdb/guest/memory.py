# SPDX-License-Identifier: MIT
"""The memory of the stopped machine, read in whole pages, each once for one command.

Kernel addresses are read through the page tables of one of its processors: of the selected one, or
of any that has them. Physical memory is read through the kernel's direct map. What is read is kept
until the next command (`machine`, or `forget`), since the machine may have run in between.
"""

import contextlib

import gdb

from guest import constants
from guest.errors import NotStopped, Problem, Unreadable

PAGE = 4096

_pages = {}


def _is_readable(address):
    try:
        gdb.selected_inferior().read_memory(address, 8)
        return True
    except gdb.MemoryError:
        return False


def _kernel_address():
    symbol = gdb.lookup_global_symbol("frame_table")
    if symbol is None:
        raise Problem("gdb has no symbols of Quire's kernel: start it as "
                      "`gdb build/debug/quire.elf`, or say `file build/debug/quire.elf`")
    return int(symbol.value().address)


@contextlib.contextmanager
def machine():
    """For the time of a command: sees to it that memory can be read, or says why not. The user's
    processor and frame are selected again at the end."""
    address = _kernel_address()
    thread = gdb.selected_thread()
    if thread is None:
        raise NotStopped("gdb is not connected to a machine: say `target remote` and its socket")
    if thread.is_running():
        raise NotStopped("the machine is running: stop it first, with Ctrl-C or `interrupt`")
    frame = gdb.selected_frame()
    forget()
    try:
        _select_processor(address, thread)
        yield
    finally:
        if gdb.selected_thread() != thread:
            thread.switch()
        with contextlib.suppress(gdb.error):
            if gdb.selected_frame() != frame:
                frame.select()


def forget():
    """The machine has run: what was read is old."""
    _pages.clear()


def _select_processor(address, thread):
    """One that has the kernel's page tables: those that have not started yet have none."""
    if _is_readable(address):
        return
    for other in sorted(gdb.selected_inferior().threads(), key=lambda each: each.num):
        other.switch()
        if _is_readable(address):
            return
    thread.switch()
    raise NotStopped("the kernel has not started yet: its page tables are not in use")


def read(address, size):
    """Bytes at a kernel address."""
    page = _pages.get(address & -PAGE)
    offset = address % PAGE
    if page is not None and offset + size <= PAGE:
        return page[offset:offset + size]
    parts = []
    while size > 0:
        base = address & ~(PAGE - 1)
        page = _pages.get(base)
        if page is None:
            page = _pages[base] = _read_page(base, address)
        offset = address - base
        part = page[offset:offset + size]
        parts.append(part)
        address += len(part)
        size -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _read_page(base, address):
    if not 0 <= base <= (1 << 64) - PAGE:
        raise Unreadable(address)
    try:
        return bytes(gdb.selected_inferior().read_memory(base, PAGE))
    except gdb.MemoryError as error:
        raise Unreadable(address) from error


def integer(address, size):
    return int.from_bytes(read(address, size), "little")


def text(address, limit=256):
    """A NUL-terminated string."""
    found = bytearray()
    while len(found) < limit:
        at = address + len(found)
        found += read(at, min(64, limit - len(found), PAGE - at % PAGE))
        if 0 in found:
            break
    return found.split(b"\0")[0].decode(errors="replace")


def direct(physical):
    """The kernel's address of a physical one."""
    return constants.get("DIRECT_MAP_BASE") + physical


def read_physical(physical, size):
    return read(direct(physical), size)
