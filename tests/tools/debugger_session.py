# SPDX-License-Identifier: MIT
"""Runs inside gdb, sourced by debugger_test.py: goes through all of Quire's commands on /tests/debuggee
and prints a line for each test. The machine has been connected to and has not run yet.

The tests are steps of one run, in this order. Each returns None, or why it failed. What comes from
the guest itself (/proc/PID/maps, pagemap) is read out of the program's variables.
"""

import os
import re
import subprocess

import gdb

FLAVOUR = os.environ["QUIRE_TEST_FLAVOUR"]
PROCESSORS = int(os.environ["QUIRE_TEST_PROCESSORS"])
IS_DEBUG = FLAVOUR == "debug"
PAGE = 4096
STEPS = []
seen = {}  # what one step leaves for the next


def step(function):
    STEPS.append(function)
    return function


def say(command):
    """What a command prints."""
    return gdb.execute(command, to_string=True)


def error_of(command):
    """The line that a command fails with; "": it does not fail."""
    try:
        say(command)
    except gdb.error as error:
        return str(error)
    return ""


def refuses(wanted):
    """Why not each of {command: part of its error} fails so, in one line; None: all do."""
    for command, part in wanted.items():
        told = error_of(command)
        if part not in told or "\n" in told.strip() or "Traceback" in told:
            return f"`{command}` says {told!r}, and not {part!r}"
    return None


def lacks(text, *patterns):
    """Why not all patterns are found in a text, in this order; None: they are."""
    at = 0
    for pattern in patterns:
        match = re.compile(pattern, re.MULTILINE).search(text, at)
        if not match:
            return f"there is no {pattern!r} in order in {text!r}"
        at = match.end()
    return None


def go_on(function):
    """Runs on; why it did not stop in that function, or None."""
    gdb.execute("continue", to_string=True)
    name = gdb.newest_frame().name()
    return None if name == function else f"it stopped in {name}, not in {function}"


def number(expression):
    return int(gdb.parse_and_eval(expression)) & (1 << 64) - 1


def pid_now():
    """Of the process that runs on the selected processor, from `quire ps`."""
    cpu = gdb.selected_thread().num - 1
    for line in say("quire ps").splitlines():
        words = line.split()
        if len(words) > 4 and words[4] == str(cpu):
            return int(words[0])
    return 0


def address_of(name):
    """Of a function of debuggee's, from the file on the host: gdb does not know it yet."""
    listing = subprocess.run(["nm", os.environ["QUIRE_TEST_PROGRAM"]], check=True, text=True,
                             capture_output=True).stdout
    return "0x" + re.search(rf"^(\w+) T {name}$", listing, re.M).group(1)


# ---- before there is anything to see ----

@step
def before_the_first_instruction():
    return refuses({"quire ps": "the kernel has not started yet",
                    "quire check": "the kernel has not started yet",
                    "quire frame 1": "the kernel has not started yet",
                    "quire maps": "usage: quire maps PID",
                    "quire frame": "usage: quire frame PFN|ADDR"})


@step
def early_in_the_boot():
    gdb.execute("tbreak *vm_init", to_string=True)
    gdb.execute("continue", to_string=True)
    why = lacks(say("bt"), "vm_init")
    return why or refuses({"quire maps 1": "there are no processes yet",
                           "quire area 1 0x1000": "there are no processes yet"}) or (
        lacks(say("quire ps"), "there are no processes yet") or lacks(
            say("quire frame 0x101"), "reserved"))


@step
def help_tells_what_each_does():
    why = lacks(say("help quire"), "quire ps", "quire pagetable", "set quire autoload")
    commands = "ps maps area object pagetable frame locks check log symbols break trace".split()
    for name in commands:
        why = why or lacks(say(f"help quire {name}"), f"quire {name}", r"Example:", r"\(gdb\)")
    return why or lacks(say("complete quire p"), "quire pagetable", "quire ps")


@step
def nothing_is_traced_yet():
    return refuses({"quire trace": "nothing is traced just now", "quire trace 1 2": "usage"})


@step
def breakpoint_waits_for_its_program():
    why = lacks(say("quire break debuggee:checkpoint_ready"), "waits for a program debuggee")
    # The same address in another program: it must not stop there.
    say("quire break init:*" + address_of("checkpoint_ready"))
    return why or refuses({"quire break debuggee": "usage: quire break", "quire break :main": "usage"})


# ---- one process ----

@step
def program_stops_with_its_symbols():
    return go_on("checkpoint_ready") or lacks(
        say("bt"), "checkpoint_ready", r"main .*debuggee\.c") or lacks(
        say("quire symbols"), r"0x400000-0x\w+ .*/user/tests/debuggee$")


@step
def other_programs_go_on_at_that_address():
    hits = {getattr(each, "program", ""): each.hit_count for each in gdb.breakpoints()}
    return None if (hits.get("debuggee"), hits.get("init")) == (1, 0) else f"hits: {hits}"


@step
def processes_are_listed():
    seen["pid"] = pid_now()
    text = say("quire ps")
    why = lacks(say(f"complete quire maps {seen['pid']}"), f"^quire maps {seen['pid']}$")
    return why or lacks(text, r"^ +1 +1 +0 S +- .* init$",
                 rf"^ +{seen['pid']} +{seen['pid']} +1 R +\d .* debuggee$") or (
        f"{text.count('idle')} idle processors" if text.count("idle") != PROCESSORS - 1 else None)


@step
def maps_are_those_of_proc():
    text = gdb.parse_and_eval("(char *)maps_text").string()
    wanted = [(words[0], words[1], words[2], " ".join(words[5:]))
              for words in (line.split() for line in text.splitlines())]
    if len(wanted) < 8:
        return f"/proc has {len(wanted)} areas"
    found = []
    for line, row in zip(say(f"quire maps {seen['pid']}").splitlines(), wanted):
        words = line.split()
        found.append((words[0], words[1], words[2], row[3] if row[3] in line else line))
    lines = say(f"quire maps {seen['pid']}").splitlines()
    if len(lines) != len(wanted):
        return f"{len(lines)} areas, and /proc has {len(wanted)}"
    return None if found == wanted else next(
        f"{mine}, and /proc has {theirs}" for mine, theirs in zip(found, wanted) if mine != theirs)


@step
def walks_lead_where_pagemap_says():
    for index in range(4):
        address, entry = number(f"facts[{index}].address"), number(f"facts[{index}].pagemap")
        why = lacks(say(f"quire pagetable {seen['pid']} {address:#x}"), "^level 3", "^level 2",
                    "^level 1", "^level 0", "present, ", f"frame {entry & (1 << 55) - 1:#x}, r")
        if why:
            return why
        seen[index] = entry & (1 << 55) - 1
    return None


@step
def areas_say_what_is_found():
    pid, file = seen["pid"], number("file")
    return lacks(say(f"quire area {pid} {number('big'):#x}"), "private", "object: none: zeroes",
                 "128 private pages", rf"frame {seen[0]:#x} in the shadow, 1 ref.* nobody else") or (
        lacks(say(f"quire area {pid} file"), "object: tmpfs", rf"frame {seen[2]:#x} in the shadow")
    ) or lacks(say(f"quire area {pid} {file + PAGE:#x}"), rf"frame {seen[3]:#x} in the object") or (
        lacks(say(f"quire area {pid} {number('untouched'):#x}"), "no page yet, it reads as zeroes")
    ) or lacks(say(f"quire area {pid} {number('shared'):#x}"), "shared", "object: anonymous")


@step
def page_tables_in_runs():
    big = number("big")
    return lacks(say(f"quire pagetable {seen['pid']}"),
                 rf"{big:012x}-{big + 128 * PAGE:012x} rw- +128 pages",
                 r"pages mapped; tables by level: 1 of level 3")


@step
def objects_tell_who_maps_them():
    text = say(f"quire object {seen['pid']} {number('shared'):#x}")
    why = lacks(text, r"^object 0x\w+: anonymous /dev/zero", "8192 bytes", "page tree: 1 page;",
                "mapped by 1 area", rf"process {seen['pid']}: .* rw- shared")
    if why:
        return why
    pointer = re.match(r"object (0x\w+)", text).group(1)
    text = say(f"quire area {seen['pid']} {number('big'):#x}")
    shadow = re.search(r"shadow: (0x\w+)", text).group(1)
    return lacks(say(f"quire object {pointer}"), "anonymous /dev/zero") or lacks(
        say(f"quire object {shadow}"), r"^shadow .*over zeroes", "page tree: 128 pages",
        "level 2: 1 node", "level 1: 2 leaves", "used by 1 area")


@step
def frames_tell_who_leads_to_them():
    pid = seen["pid"]
    why = lacks(say(f"quire frame {seen[3]:#x}"), ": file, 1 reference",
                "held by object .* /tmp/debuggee.data, page 0x1",
                rf"mapped by process {pid} at {number('file') + PAGE:#x}, r--")
    if why:
        return why
    physical, direct = seen[0] * PAGE, 0xffff888000000000 + seen[0] * PAGE + 5
    texts = {say(f"quire frame {form:#x}") for form in (seen[0], physical, direct)}
    return (f"{len(texts)} answers for one frame" if len(texts) != 1 else None) or lacks(
        texts.pop(), ": anon, 1 reference", "held by shadow", rf"process {pid} at 0x20000000, rw-")


@step
def bad_input_is_one_line():
    pid = seen["pid"]
    return refuses({
        "quire maps 12345": "there is no process 12345", "quire maps x y": "usage: quire maps PID",
        "quire maps nonsense": "is not a number", "quire maps -1": "is no process id",
        f"quire area {pid} 0x10": "is no address of user memory",
        f"quire area {pid} 0x50000000": f"process {pid} has nothing at 0x50000000: it lies between",
        f"quire area {pid} 0xffffffff80000000": "is no address of user memory",
        "quire object 0x1234": "is no object and no shadow", "quire frame 0xfffffffffff": "no frame",
        f"quire pagetable {pid} what": "is not a number", "quire log 1 2": "usage: quire log"})


# ---- checking ----

@step
def the_selected_frame_stays():
    gdb.execute("frame 1", to_string=True)
    for command in ("quire check", "quire locks", "quire ps"):
        say(command)
    name = gdb.selected_frame().name()
    gdb.execute("frame 0", to_string=True)
    return None if name == "main" else f"{name} is selected"


@step
def nothing_is_wrong():
    return lacks(say("quire check"), r"^ok: \d+ spaces, .* frames$")


def spoiled(expression, value, *patterns):
    """Why a check does not find what is written there; it is put right again."""
    was = number(expression)
    gdb.execute(f"set var {expression} = {value}")
    try:
        return lacks(say("quire check"), *patterns)
    finally:
        gdb.execute(f"set var {expression} = {was}")


def area_at(address):
    """gdb's words for the area there."""
    text = say(f"quire area {seen['pid']} {address:#x}")
    return f"((struct vm_area *){re.match('area (0x[0-9a-f]+)', text).group(1)})"


@step
def wrong_numbers_are_found():
    area, walk = area_at(number("big")), say(f"quire pagetable {seen['pid']} {number('file'):#x}")
    table, index = re.search(r"^level 0 .*frame (0x\w+),.*\n  entry (\d+) ", walk, re.M).groups()
    entry = f"((unsigned long *)({0xffff888000000000 + int(table, 16) * PAGE:#x}))[{int(index) + 1}]"
    return spoiled(f"{area}->gap", "0x123000", r"counts a gap of 0x123000", "violation") or spoiled(
        f"{area}->end", f"{area}->end + 0x800", "is no range of user pages") or spoiled(
        f"{area}->shadow->areas", "7", "counts 7 areas, and 1 use it") or spoiled(
        entry, f"{entry} | 2", "may be written through its entry, and must not be") or spoiled(
        f"{area}->shadow->tree.root->refs", "5", "counts 5 references, and 1 way") or spoiled(
        f"frame_table[{int(table, 16)}].count", "500", "counts 500 entries in use") or spoiled(
        f"frame_table[{seen[0]}].use", "FRAME_FREE", "counts 1 references, and 0", "held by 1") or (
        nothing_is_wrong())


@step
def broken_lists_do_not_hang():
    """The links of the list of spaces lead round in a circle, or nowhere."""
    area = area_at(number("big"))
    link = f"{area}->space->link.next"
    was, why = number(link), None
    for wrong in (f"&{area}->space->link", "(struct list_node *)0x10"):
        gdb.execute(f"set var {link} = {wrong}")
        why = why or refuses({"quire check": "is broken" if "&" in wrong else "cannot be read"})
        gdb.execute(f"set var {link} = (struct list_node *){was:#x}")
    return why or nothing_is_wrong()


# ---- two processes ----

@step
def breakpoints_hold_across_fork():
    both = gdb.Breakpoint("checkpoint_both")
    why = lacks(say("quire break debuggee:checkpoint_child"), "reakpoint")
    why = why or lacks(say("quire break debuggee:checkpoint_parent"), "reakpoint")
    why = why or go_on("checkpoint_child")
    seen["child"] = pid_now()
    if why or seen["child"] == seen["pid"]:
        return why or "the child's breakpoint was met in the parent"
    why = go_on("checkpoint_both")
    if why or pid_now() != seen["child"]:
        return why or f"process {pid_now()} came first"
    why = go_on("checkpoint_parent") or go_on("checkpoint_both")
    both.delete()  # any program that comes to that address would stop there
    return why or (None if pid_now() == seen["pid"] else f"process {pid_now()} came second")


@step
def fork_shares_pages_and_tables():
    pid, child, big = seen["pid"], seen["child"], number("big")
    why = lacks(say(f"quire area {pid} {big:#x}"), r"in the shadow, 1 ref")
    why = why or lacks(say(f"quire area {child} {big:#x}"), r"in the shadow, 1 ref.*nobody else")
    # A page that neither wrote: one frame, in a leaf that both trees have.
    text = say(f"quire area {child} {big + 100 * PAGE:#x}")
    why = why or lacks(text, r"frame 0x\w+ in the shadow, 1 reference, others see it too")
    pfn = re.search(r"frame (0x\w+)", text).group(1)
    text = say(f"quire frame {pfn}")
    for each in (pid, child):
        why = why or lacks(text, f"held by shadow .* of process {each}, page 0x20064")
    why = why or lacks(say(f"quire object {pid} {big:#x}"), r"level 1: 2 leaves, 1 of them")
    text = say(f"quire object {pid} {number('shared'):#x}")
    return why or lacks(text, "mapped by 2 areas") or lacks(
        text, f"process {child}: ") or nothing_is_wrong()


@step
def shared_tables_show_their_references():
    pid, kept, big = seen["pid"], number("kept"), number("big")
    for each in (pid, seen["child"]):
        why = lacks(say(f"quire pagetable {each} {kept:#x}"), "level 1 .*ours alone",
                    "level 0 .*128 entries in use, shared: 2 references", "leads to .*, r--") or (
            lacks(say(f"quire pagetable {each} {big:#x}"), "level 0 .* ours alone",
                  "rw-" if each == seen["child"] else "r--")
        ) or lacks(say(f"quire pagetable {each}"), r"of level 0 \(\d+ shared\)")
        if why:
            return why
    text = say(f"quire pagetable {pid} {kept:#x}")
    table = re.search(r"^level 0 .*in frame (0x\w+)", text, re.M).group(1)
    return lacks(say(f"quire frame {table}"), "table, 2 references", "128 entries in use",
                 "level 0, for 0x30000000 of process", "level 0, for 0x30000000 of process")


@step
def locks_are_shown():
    """Stops where the kernel has just taken the lock of the program's space, whatever for."""
    lock = number(f"&{area_at(number('kept'))}->space->lock")
    field = f"((struct spinlock *){lock:#x})->{'holder' if IS_DEBUG else 'taken'}"
    gdb.execute(f"{'awatch' if IS_DEBUG else 'watch'} -l {field}", to_string=True)
    gdb.execute("continue", to_string=True)
    why = None
    text = say("quire locks")
    if not IS_DEBUG:
        return why or lacks(text, "holds the spinlock 'vm_space' .*rank 500 .VM_SPACE")
    cpu = gdb.selected_thread().num - 1
    pattern = rf"processor {cpu} holds the spinlock 'vm_space' (0x\w+), rank 500 .VM_SPACE"
    why = why or lacks(text, pattern)
    if why:
        return why
    lock = f"((struct spinlock *){re.search(pattern, text).group(1)})"
    gdb.execute(f"set var {lock}->holder = {cpu + 1}")
    text = say("quire locks")
    gdb.execute(f"set var {lock}->holder = {cpu}")
    return lacks(text, rf"processor {cpu} waits for the spinlock 'vm_space'.*processor {cpu + 1} has")


@step
def commands_work_in_the_kernel():
    pid = seen["pid"]
    why = lacks(say("bt"), "at (\\./)?kernel/", "signal handler")
    why = why or lacks(say(f"quire maps {pid}"), "/tests/debuggee")
    return why or lacks(say("quire check"), "left out: space .* whose lock is held", "^ok: ")


@step
def trace_tells_what_happened():
    text = say("quire trace 100000")
    return lacks(text, "mark .*debuggee has its memory", r"fork|process", r"fault .*case=copy",
                 r"\d+ of \d+ events") or lacks(say("quire trace 3"), r"^ *\d+ cpu", "^3 of ")


# ---- another program ----

@step
def programs_that_lie_anywhere():
    gdb.execute("delete", to_string=True)
    say("quire break debuggee_pie:checkpoint_pie")
    why = go_on("checkpoint_pie")
    return why or lacks(say("bt"), "checkpoint_pie", r"program .*debuggee_pie\.c") or lacks(
        say("quire symbols"), r"/user/tests/debuggee_pie, moved by 0x") or lacks(
        say(f"quire maps {pid_now()}"), "/tests/debuggee_pie")


@step
def autoload_can_be_turned_off():
    gdb.execute("set quire autoload off")
    why = lacks(say("show quire autoload"), "not loaded")
    gdb.execute("set quire autoload on")
    return why or lacks(say("show quire autoload"), "are loaded")


@step
def panic_stops_with_its_message():
    """A null pointer of the kernel's."""
    gdb.execute("tbreak *vm_space_fork", to_string=True)
    gdb.execute("continue", to_string=True)
    gdb.execute("set var $rdi = 0")
    text = say("continue")
    why = lacks(text, "The kernel has panicked", "panic: ")
    return why or lacks(say("bt"), "debugger_kernel_panicked", "panic_trap", "signal handler",
                        "vm_space_fork", "process_fork", "signal handler", "program", "_start")


@step
def commands_work_after_a_panic():
    pid = pid_now()
    return lacks(say("quire log 60"), "panic: ", "backtrace:", "end of panic") or lacks(
        say(f"quire maps {pid}"), "/tests/debuggee_pie") or lacks(
        say("quire ps"), "debuggee_pie") or lacks(say(f"quire pagetable {pid}"), "pages mapped")


@step
def not_while_it_runs():
    gdb.execute("continue &", to_string=True)
    return refuses({"quire ps": "the machine is running", "quire check": "the machine is running"})


def main():
    gdb.execute("set pagination off")
    gdb.execute("set confirm off")
    gdb.execute("set height 0")
    gdb.execute("set width 0")
    for function in STEPS:
        try:
            why = function()
        except (gdb.error, gdb.MemoryError, AttributeError, ValueError, KeyError) as error:
            why = f"{type(error).__name__}: {error}"
        name = f"{FLAVOUR}.{function.__name__}"
        print(f"not ok {name}: {' '.join(why.split())}" if why else f"ok {name}", flush=True)


main()
