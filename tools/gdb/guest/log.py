# SPDX-License-Identifier: MIT
"""The kernel's log, as it lies in memory: `quire log`, and what a panic said."""

import re

from guest import memory, structures

FILE = "core/printk.c"
LEVEL = re.compile(r"^<\d>", re.MULTILINE)
STAMP = re.compile(r"^<\d>\[ *\d+\.\d+\] ", re.MULTILINE)


def _text():
    end = structures.variable("klog_end", FILE)
    address, size = structures.address_of("klog_ring", FILE), _size()
    ring = memory.read(address, size)
    at = end % size
    kept = ring[:at] if end < size else ring[at:] + ring[:at]
    return kept.decode(errors="replace")


def _size():
    """Of the ring."""
    return structures.size_of("klog_ring", FILE)


def lines(count):
    """The last lines of the log."""
    return LEVEL.sub("", _text()).splitlines()[-count:]


def panic_message():
    """The line that a panic began with; "": there was none."""
    for line in reversed(STAMP.sub("", _text()).splitlines()):
        if line.startswith("panic: "):
            return line
    return ""
