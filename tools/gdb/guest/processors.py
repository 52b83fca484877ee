# SPDX-License-Identifier: MIT
"""Processors: which of gdb's threads is which, and what runs there."""

import gdb

from guest import structures
from guest.structures import Record

CPU, THREAD = "struct cpu", "struct thread"


def count():
    """How many have started; 0: none has its data yet."""
    return sum(1 for cpu in structures.variable("cpus", "x86_64/cpu.c") if cpu["self"])


def every():
    """The Records of those that have started, by index."""
    cpus = structures.variable("cpus", "x86_64/cpu.c")
    return [cpus[index] for index in range(count())]


def selected():
    """The processor of gdb's selected thread; None: it has no data of the kernel's yet.

    gs leads to it in the kernel, and is kept aside in user mode; at the crossing it is either."""
    table = structures.variable("cpus", "x86_64/cpu.c")
    size = table.kind.sizeof
    for register in ("$gs_base", "$k_gs_base"):
        address = int(gdb.parse_and_eval(register)) & (1 << 64) - 1
        if table.address <= address < table.address + len(table) * size:
            cpu = table[(address - table.address) // size]
            return cpu if cpu["self"] == cpu.address else None
    return None


def current_process(cpu=None):
    """The process that runs on a processor (the selected one); None: none does."""
    cpu = cpu or selected()
    thread = cpu.follow("current", THREAD) if cpu else None
    return thread.follow("process", "struct process") if thread else None


def running_threads():
    """Address of each thread that runs -> index of its processor."""
    return {cpu["current"]: cpu["index"] for cpu in every() if cpu["current"]}


def name_of(thread):
    """A thread's name and id."""
    return f"{thread['name'] or 'idle'}[{thread['tid']}]"


def idle_threads():
    """Addresses of the processors' idle threads."""
    row = structures.variable("idle_threads", "sched/sched.c")
    return {Record(THREAD, row.address + index * row.kind.sizeof).address
            for index in range(len(row))}
