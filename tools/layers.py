# SPDX-License-Identifier: MIT
"""The order of the kernel's layers: who may include whom.

A layer may include its own headers and those of the layers before it. Calls the other way go
through operations tables or callbacks.
"""

import os

# Folder -> place in the order. A longer path wins over a shorter one.
ORDER = {
    "include/abi": 0,
    "lib": 1,
    "arch/x86_64/include": 1,
    "kernel/core": 2,
    "kernel/sync": 3,
    "kernel/mm": 4,
    "kernel/vm": 5,
    "kernel/sched": 6,
    "kernel/vfs": 7,
    "fs": 8,
    "drivers": 8,
    "kernel/ipc": 8,
    "kernel/proc": 9,
    "kernel/syscall": 10,
    "kernel/init": 11,
}
# arch/x86_64 implements headers of the layers up to kernel/vm (pmap).
ARCH, ARCH_MAY = "arch/x86_64", 5
MACHINE = "arch/x86_64/include"
# Drivers are for the machine's devices, and system calls arrive in its trap frame.
MAY_INCLUDE_MACHINE = ("lib/", "kernel/core/", "kernel/sync/", "kernel/mm/", "kernel/sched/",
                       "kernel/proc/", "kernel/syscall/", "kernel/init/", "drivers/", "arch/")
# How a header is found: `#include "mm/frame.h"` is kernel/mm/frame.h.
INCLUDE_FOLDERS = ("", "include", "kernel", "arch/x86_64/include")
PREFIXES = (("machine/", "arch/x86_64/include/machine/"), ("abi/", "include/abi/"))
KERNEL_FOLDERS = ("core", "sync", "mm", "vm", "sched", "vfs", "ipc", "proc", "syscall", "init")


def place_of(header, from_path):
    """The path of a header as written in from_path; nothing needs to exist."""
    for prefix, folder in PREFIXES:
        if header.startswith(prefix):
            return folder + header[len(prefix):]
    first = header.split("/")[0]
    if "/" in header and first in KERNEL_FOLDERS:
        return "kernel/" + header
    if "/" not in header or header.startswith("."):
        return os.path.normpath(os.path.join(os.path.dirname(from_path), header))
    return header


def resolve(from_path, header, known):
    """The path of the header if it is one of `known`, else None."""
    beside = os.path.normpath(os.path.join(os.path.dirname(from_path), header))
    candidates = [beside, place_of(header, from_path)]
    candidates += [os.path.join(folder, header) for folder in INCLUDE_FOLDERS]
    return next((path for path in candidates if path in known), None)


def layer_of(path):
    """(folder, place in the order) or None for what is in no layer."""
    found = [folder for folder in ORDER if path.startswith(folder + "/")]
    if found:
        folder = max(found, key=len)
        return folder, ORDER[folder]
    if path.startswith(ARCH + "/"):
        return ARCH, ARCH_MAY
    return None


def complaint(path, header):
    """Why the file at path may not include the header; None if it may."""
    target_path = place_of(header, path)
    private = target_path.endswith("_private.h") and not path.startswith("tests/")
    if private and os.path.dirname(target_path) != os.path.dirname(path):
        return f"{header} is private to {os.path.dirname(target_path)}"
    source, target = layer_of(path), layer_of(target_path)
    if source is None or target is None:
        return None
    if target[0] == MACHINE:
        if path.startswith(MAY_INCLUDE_MACHINE):
            return None
        return f"{source[0]} must not know the machine ({header})"
    if target[0] == ARCH and source[0] not in (ARCH, MACHINE):
        return f"{source[0]} must not include {ARCH} ({header})"
    if target[1] > source[1]:
        return f"{source[0]} comes before {target[0]} ({header})"
    if target[1] == source[1] and target[0] != source[0] and source[0] != ARCH:
        return f"{source[0]} and {target[0]} stand beside each other ({header})"
    return None
