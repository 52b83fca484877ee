# SPDX-License-Identifier: MIT
"""gdb's commands for Quire: processes, maps, objects, page tables, frames, locks.

    gdb -x tools/gdb/quire.py build/debug/quire.elf
    (gdb) target remote SOCKET          as `./quire run --gdb` tells
    (gdb) help quire

`make debug` and `./quire debug` do it by themselves. The commands are in guest/, one noun a file:
they know the kernel's structures by its debug information, and its constants by its headers.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import gdb  # noqa: E402  # pylint: disable=wrong-import-position

from guest import commands, stops  # noqa: E402  # pylint: disable=wrong-import-position

# A function of a program is known once the program has begun.
gdb.execute("set breakpoint pending on")
commands.register()
stops.register()
