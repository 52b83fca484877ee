# SPDX-License-Identifier: MIT
"""Which file of the host's is which of the guest's.

The runner writes a table beside the socket that gdb connects to: SOCKET.files, lines of GUEST and
HOST with a tab between; folders end with a slash. Without it, what `make` built is known by where
the kernel lies.
"""

import os

import gdb


def _table_path():
    """Beside the socket; "": gdb is not connected to one."""
    connection = gdb.selected_inferior().connection
    details = getattr(connection, "details", None)
    return details + ".files" if details else ""


def _kernel_path():
    for objfile in gdb.objfiles():
        if objfile.is_valid() and objfile.lookup_static_symbol("frame_cpus"):
            return objfile.filename
    return gdb.current_progspace().filename or ""


def _built():
    """What the makefile puts where, by the place of the kernel: BUILD/debug/quire.elf."""
    user = os.path.join(os.path.dirname(os.path.dirname(_kernel_path())), "user")
    return [("/sbin/init", os.path.join(user, "bin/init")), ("/bin/", os.path.join(user, "bin/")),
            ("/tests/", os.path.join(user, "tests/"))]


def table():
    """[(guest, host)]: what is named by itself first, then folders, the deepest first."""
    rows = []
    try:
        with open(_table_path(), encoding="utf-8") as file:
            rows = [tuple(line.rstrip("\n").split("\t")) for line in file if "\t" in line]
    except OSError:
        rows = []
    rows += _built()
    return sorted(rows, key=lambda row: (row[0].endswith("/"), -len(row[0])))


def find(guest):
    """The host's file for a path in the guest; None: it is not known or not there."""
    for place, host in table():
        path = host if place == guest else (
            host + guest[len(place):] if place.endswith("/") and guest.startswith(place) else "")
        if path and os.path.isfile(path):
            return path
    return None
