# SPDX-License-Identifier: MIT
"""Processes and their tasks, from the kernel's table."""

from guest import processors, structures, words
from guest.errors import Problem

PROCESS, TASK = "struct process", "struct task"
LETTERS = {"THREAD_NEW": "R", "THREAD_RUNNABLE": "R", "THREAD_BLOCKED": "D",
           "THREAD_INTERRUPTIBLE": "S", "THREAD_STOPPED": "T", "THREAD_DEAD": "X"}


def every():
    """All processes, zombies too, by pid."""
    found = []
    for first in structures.variable("buckets", "proc/process.c"):
        found += structures.chained(first, PROCESS, "hash_next")
    return sorted(found, key=lambda process: process["pid"])


def find(pid):
    """The process with this pid, or the one that a task with this id belongs to."""
    processes = every()
    for process in processes:
        if process["pid"] == pid:
            return process
    for process in processes:
        if any(task["thread"]["tid"] == pid for task in tasks(process)):
            return process
    if not processes:
        raise Problem("there are no processes yet: the kernel is still booting")
    raise Problem(f"there is no process {pid}: `quire ps` lists those there are")


def tasks(process):
    return structures.linked(process.address_of("tasks"), TASK, "process_node", 1 << 16)


def space_of(process):
    """Its address space; None: it has none any more."""
    return process.follow("space", "struct vm_space")


def needed_space(pid):
    """(process, space) of a pid that has one."""
    process = find(pid)
    space = space_of(process)
    if space is None:
        raise Problem(f"process {pid} has given its memory back: it has ended")
    return process, space


def by_space():
    """Address of each space -> pids of those who run in it."""
    found = {}
    for process in every():
        if process["space"]:
            found.setdefault(process["space"], []).append(process["pid"])
    return found


def task_letter(task):
    state = structures.enumeration("enum thread_state").get(task["thread"]["state"], "?")
    return LETTERS.get(state, "?")


def letter(process):
    """Its state as /proc/PID/stat has it."""
    state = structures.enumeration("enum process_state").get(process["state"], "?")
    if state != "PROCESS_ALIVE":
        return "Z" if state == "PROCESS_ZOMBIE" else "X"
    first = next(iter(tasks(process)), None)
    if first is None:
        return "X"
    return task_letter(first) if first["thread"]["tid"] == process["pid"] else "Z"


ROW = "{:>5} {:>5} {:>5} {:<2} {:>3} {:>5} {:>10}  {}"


def lines():
    """`quire ps`."""
    running, found = processors.running_threads(), every()
    if not found:
        yield "there are no processes yet: the kernel is still booting"
        return
    yield ROW.format("PID", "TID", "PPID", "ST", "CPU", "AREAS", "MAPPED", "PROGRAM")
    for process in found:
        space = space_of(process)
        areas, mapped = ("-", "-") if space is None else (
            space["areas"]["count"], words.size(space["areas"]["bytes"]))
        members = list(tasks(process))
        if not members:
            yield ROW.format(process["pid"], "-", process["parent_id"], letter(process), "-",
                             areas, mapped, process["name"])
        for task in members:
            thread = task["thread"]
            yield ROW.format(process["pid"], thread["tid"], process["parent_id"],
                             letter(process) if len(members) == 1 else task_letter(task),
                             running.get(thread.address, "-"), areas, mapped, thread["name"])
            areas = mapped = '"'
    yield from _idle_lines()


def _idle_lines():
    for cpu in processors.every():
        thread = cpu.follow("current", processors.THREAD)
        if thread and not thread["process"]:
            what = "idle" if thread.address in processors.idle_threads() else (
                f"runs the kernel thread {thread['name']}")
            yield f"processor {cpu['index']}: {what}"
