# SPDX-License-Identifier: MIT
"""Symbols of user programs: loaded by themselves when a program begins and at each stop.

A program begins at the kernel's debugger_program_begins. Of each executable file that the process
maps (program, interpreter, libraries), the host's file is loaded where the guest's lies, if there
is one with the same segments. gdb knows one program at an address: one that overlaps gives way.
"""

import os

import gdb

from guest import areas, elf, host_files, memory, names, page_trees, processes, processors
from guest import structures
from guest.errors import Problem

_loaded = {}  # host path -> (bias, start, end)
_refused = set()  # host files that are not what the guest runs: told once
_last = None  # what the last look saw, so that a step costs little


class Autoload(gdb.Parameter):
    """Whether symbols of user programs are loaded by themselves.

set quire autoload on|off

On: those of a program when it begins, and those of the program that runs at each stop. Off: none;
`quire symbols` loads them."""

    set_doc = "Set whether symbols of user programs are loaded by themselves."
    show_doc = "Show whether symbols of user programs are loaded by themselves."

    def __init__(self):
        super().__init__("quire autoload", gdb.COMMAND_FILES, gdb.PARAM_BOOLEAN)
        self.value = True

    def get_set_string(self):
        return ""

    def get_show_string(self, value):
        return f"Symbols of user programs are {'' if value == 'on' else 'not '}loaded."


def path_of(process):
    """The guest's path of the program that a process runs; "": it has none."""
    exe = process.follow("exe", "struct file")
    name = exe.follow("name", names.NAME) if exe else None
    return names.path_of(name) if name else ""


def is_program(process, wanted):
    """Whether it runs the program of that path, or of that name without a folder."""
    path = path_of(process)
    return path == wanted if "/" in wanted else os.path.basename(path) == wanted


def _first_page(vm_object):
    """The first bytes of a file; b"": they are not in memory."""
    frame, _, _ = page_trees.find(vm_object["tree"], 0)
    if not frame:
        return b""
    size = structures.layout("struct frame").size
    pfn = (frame - structures.variable("frame_table")) // size
    return memory.read_physical(pfn * memory.PAGE, memory.PAGE)


def _mapped(space):
    """(host path, bias, Image) of each executable file that is mapped and that the host has."""
    for area in areas.every(space):
        vm_object = areas.object_of(area)
        if not area["prot"] & 4 or vm_object is None or names.kind_of(vm_object) != "tmpfs":
            continue
        host = host_files.find(names.of_object(vm_object))
        if host is None or host in _refused:
            continue
        try:
            image = elf.Image(host)
        except (OSError, ValueError):
            continue
        if not image.is_as(_first_page(vm_object)):
            _refused.add(host)
            gdb.write(f"quire: {host} is not what the guest runs: its symbols are left out\n")
            continue
        bias = image.bias_of(areas.offset_bytes(area), area["start"])
        if bias is not None:
            yield host, bias, image


def refresh(process, force=False):
    """Loads what the process maps and is not loaded. Returns [(host, bias, Image)] of all of it."""
    global _last  # pylint: disable=global-statement
    space = processes.space_of(process)
    if space is None:
        return []
    seen = (process.address, space.address, space["areas"]["count"], process["exe"])
    if seen == _last and not force:
        return []
    _last = seen
    found = list(_mapped(space))
    for host, bias, image in found:
        _load(host, bias, image)
    return found


def _load(host, bias, image):
    start, end = image.range(bias)
    if _loaded.get(host) == (bias, start, end):
        return
    for other, (_, low, high) in list(_loaded.items()):
        if other == host or (low < end and start < high):
            _unload(other)
    _quietly(f"add-symbol-file {_quoted(host)} -o {bias:#x}")
    _loaded[host] = (bias, start, end)


def _unload(host):
    del _loaded[host]
    for objfile in gdb.objfiles():
        if objfile.is_valid() and os.path.realpath(objfile.filename) == os.path.realpath(host):
            _quietly(f"remove-symbol-file {_quoted(objfile.filename)}")
            return


def _quietly(command):
    """Questions are answered with yes, and nothing waits for the user at the end of a page."""
    gdb.execute("with confirm off -- with pagination off -- " + command, to_string=True)


def _quoted(path):
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'


def loaded_lines():
    """`quire symbols`: what is loaded now."""
    for host, (bias, start, end) in sorted(_loaded.items(), key=lambda row: row[1][1]):
        yield f"{start:#x}-{end:#x} {host}" + (f", moved by {bias:#x}" if bias else "")
    if not _loaded:
        yield "no symbols of user programs are loaded: the host has no file of what runs"


def running():
    """The process of the selected processor."""
    process = processors.current_process()
    if process is None:
        raise Problem("no process runs on this processor")
    return process


def in_range(address, image, bias):
    start, end = image.range(bias)
    return start <= address < end


