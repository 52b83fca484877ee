# SPDX-License-Identifier: MIT
"""Tells gdb which file of the host's each program of the guest's is: a table beside gdb's socket,
which tools/gdb/guest/host_files.py reads."""

import os

import mkinitramfs

GDB_COMMANDS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "gdb", "quire.py")
GDB_WORDS = f"-x {GDB_COMMANDS}"


def write_table(socket, options):
    """Writes SOCKET.files: lines of guest path and host path, a tab between, folders with a slash
    at the end. Returns its path."""
    rows = [("/bin/busybox", mkinitramfs.BUSYBOX), ("/bin/bash", mkinitramfs.BASH)]
    user = os.path.join(os.path.abspath(options.build), "user")
    rows += [("/sbin/init", os.path.join(user, "bin/init")),
             ("/bin/", os.path.join(user, "bin/")), ("/tests/", os.path.join(user, "tests/"))]
    for host, guest in options.add:
        slash = "/" if os.path.isdir(host) else ""
        rows.append(("/" + guest + slash, os.path.abspath(host) + slash))
    path = socket + ".files"
    with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.writelines(f"{guest}\t{host}\n" for guest, host in rows)
    return path
