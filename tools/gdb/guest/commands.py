# SPDX-License-Identifier: MIT
"""The commands: `quire` and what comes after it. What each shows is made elsewhere.

Whatever goes wrong is one line for the user.
"""

import gdb

from guest import areas, check, frames, locks, log, memory, objects, page_tables, processes
from guest import programs, stops, trace_rings
from guest.errors import Problem

LOG_LINES = 20


class Quire(gdb.Command):
    """Commands that show what is inside a kernel called Quire.

    quire ps                        processes, and which processor runs what
    quire maps PID                  its areas, as /proc/PID/maps has them
    quire area PID ADDR             the area at an address, and what is found there
    quire object PID ADDR|POINTER   an object, its pages, and who maps it
    quire pagetable PID [ADDR]      what the page tables map, or one walk through them
    quire frame PFN|ADDR            a frame of memory, and who leads to it
    quire locks                     which locks are held, and who waits
    quire check                     whether all of it agrees
    quire log [LINES]               the end of the kernel's log
    quire trace [LINES]             the last events of the kernel's trace
    quire symbols                   load the symbols of the program that runs
    quire break PROGRAM:LOCATION    a breakpoint in a program, in that one only

`help quire maps` and so on tell more. All can be asked at any stop.
Settings: `set quire autoload on|off`: symbols of the program that runs."""

    def __init__(self):
        super().__init__("quire", gdb.COMMAND_STATUS, prefix=True)

    def invoke(self, argument, from_tty):
        gdb.execute("help quire")


class Settings(gdb.Command):
    """Settings of Quire's commands: autoload."""

    def __init__(self, name):
        super().__init__(name, gdb.COMMAND_FILES, prefix=True)

    def invoke(self, argument, from_tty):
        gdb.execute("show quire autoload")


class Command(gdb.Command):
    """What all have in common. `usage` is shown when the words are wrong."""

    usage = ""
    words_min, words_max = 0, 0

    def __init__(self):
        name = "quire " + self.usage.split()[0]
        super().__init__(name, gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        try:
            self.perform(argument)
        except gdb.GdbError:
            raise
        except Problem as problem:
            raise gdb.GdbError(f"quire: {problem}") from None
        except gdb.error as error:
            raise gdb.GdbError(f"quire: gdb says: {error}") from None
        except RecursionError:
            raise gdb.GdbError("quire: a structure of the kernel goes round in circles") from None
        except Exception as error:  # pylint: disable=broad-except
            raise gdb.GdbError("quire: these commands have a mistake: "
                               f"{type(error).__name__}: {error}") from None

    def perform(self, argument):
        """Looks at the words, and does it."""
        words = gdb.string_to_argv(argument)
        if not self.words_min <= len(words) <= self.words_max:
            raise Problem(f"usage: quire {self.usage}")
        with memory.machine():
            self.run(words)

    def run(self, words):
        """Does it; memory can be read."""
        raise NotImplementedError

    def complete(self, text, word):
        """Pids are known; all else is not."""
        before = len(gdb.string_to_argv(text)) - bool(word)
        if "PID" not in self.usage or before > 0:
            return gdb.COMPLETE_SYMBOL if before > 0 else gdb.COMPLETE_NONE
        try:
            with memory.machine():
                pids = [str(process["pid"]) for process in processes.every()]
        except (Problem, gdb.error):
            return gdb.COMPLETE_NONE
        return [pid for pid in pids if pid.startswith(word)]


def show(lines):
    for line in lines:
        gdb.write(line + "\n")


def pid_of(word):
    """A process id, in decimal, or what an expression of gdb's comes to."""
    value = number(word)
    if not 0 < value < 1 << 31:
        raise Problem(f"{word} is no process id")
    return value


def number(word):
    """A number or an expression like $rip, &variable, main."""
    try:
        return int(word, 0)
    except ValueError:
        pass
    try:
        value = gdb.parse_and_eval(word)
        if value.type.strip_typedefs().code == gdb.TYPE_CODE_FUNC:
            value = value.address
        return int(value) & (1 << 64) - 1
    except (gdb.error, ValueError, TypeError) as error:
        raise Problem(f"{word!r} is not a number: {error}") from error


class Ps(Command):
    """Show processes and threads: quire ps

One line for each: its ids, its parent's, its state (R runs or could, S and D sleep, T is stopped,
Z has ended), the processor that runs it now, how many areas it has and what they come to.

Example:
    (gdb) quire ps
      PID   TID  PPID ST CPU AREAS     MAPPED  PROGRAM
        1     1     0 S    -    11  236.0 KiB  init
        2     2     1 R    0     9  180.0 KiB  cowcount"""

    usage = "ps"

    def run(self, words):
        show(processes.lines())


class Maps(Command):
    """Show the areas of a process: quire maps PID

As /proc/PID/maps has them (range, rights, p for private or s for shared, offset, name), then how
many pages are its own by now, and what else is known of each area.

Example:
    (gdb) quire maps 2
    00400000-00401000 r--p 00000000 /bin/cowcount
    00404000-00405000 rw-p 00004000 /bin/cowcount     1 private, accounted"""

    usage = "maps PID"
    words_min = words_max = 1

    def run(self, words):
        process, space = processes.needed_space(pid_of(words[0]))
        show(areas.lines(process, space))


class Area(Command):
    """Show the area at an address of a process: quire area PID ADDR

Its range, rights and backing, and what the address finds by the truth, whatever the page tables
say: a page of the shadow, of the object, or zeroes. ADDR may be an expression, like $rsp.

Example:
    (gdb) quire area 2 0x404010
    area 0xffff888001c5e110 of process 2: 00404000-00405000 rw-p 00004000 /bin/cowcount
      private, may become rwx, accounted
      object: tmpfs 0xffff888001c31898, 27152 bytes
      shadow: 0xffff888001c600c0, used by 1 area; 1 private page in this one
      0x404010 is page 0x4 there: frame 0x1c44 in the shadow, 1 reference, nobody else sees it"""

    usage = "area PID ADDR"
    words_min = words_max = 2

    def run(self, words):
        pid = pid_of(words[0])
        process, space = processes.needed_space(pid)
        show(areas.area_lines(process, space, number(words[1])))


class Object(Command):
    """Show memory objects: quire object PID ADDR, quire object POINTER

With PID and ADDR those of the area there: the shadow with its private changes, and the object below
it. With one number, the object or shadow at that address of the kernel's. Kind, size, the tree of
its pages level by level, and the areas that map it.

Example:
    (gdb) quire object 2 0x400000
    object 0xffff888001c31898: tmpfs /bin/cowcount
      27152 bytes (7 pages)
      page tree: 7 pages; its root 0xffff888001c3a010 covers the indexes 0x0 to 0x3f
        level 1: 1 leaf
      mapped by 2 areas:
        process 2: 400000-401000 r-- private, from page 0x0"""

    usage = "object PID ADDR|POINTER"
    words_min, words_max = 1, 2

    def run(self, words):
        if len(words) == 1:
            show(objects.pointer_lines(number(words[0])))
            return
        pid = pid_of(words[0])
        _, space = processes.needed_space(pid)
        show(objects.lines_at(space, number(words[1]), pid))


class Pagetable(Command):
    """Show page tables: quire pagetable PID [ADDR]

Without ADDR what they map just now, in runs with the same rights, and how many tables there are.
With ADDR the walk that the processor makes: at each level the table, whether it is shared since a
fork, the entry, and its bits in words. ADDR may be one of the kernel's.

Example:
    (gdb) quire pagetable 2 0x404010
    level 3 (512 GiB an entry): table in frame 0x1c2f, 3 entries in use, ours alone
      entry 0 is 0x0000000001c30027: present, writable, user, accessed
    ...
    0x404010 leads to physical 0x1c44010, frame 0x1c44, rw-"""

    usage = "pagetable PID [ADDR]"
    words_min, words_max = 1, 2

    def run(self, words):
        _, space = processes.needed_space(pid_of(words[0]))
        if len(words) == 1:
            show(page_tables.lines(space))
        else:
            show(page_tables.walk_lines(space, number(words[1])))


class Frame(Command):
    """Show a frame of physical memory: quire frame PFN|ADDR

What it is used for and how many references it counts; which objects and shadows hold it; and which
processes map it, where. A number that is larger than any frame's is a physical address, or one of
the kernel's direct map.

Example:
    (gdb) quire frame 0x1c44
    frame 0x1c44 (physical 0x1c44000, in the kernel 0xffff888001c44000): anon, 1 reference
      held by shadow 0xffff888001c600c0 of process 2, page 0x4
      mapped by process 2 at 0x404000, rw-"""

    usage = "frame PFN|ADDR"
    words_min = words_max = 1

    def run(self, words):
        show(frames.lines(frames.number_meant(number(words[0]))))


class Locks(Command):
    """Show which locks are held, and who waits for them: quire locks

In the debug kernel all of them, with the processor or thread and the rank. A release kernel does
not note who has a spinlock: it tells those that are taken.

Example:
    (gdb) quire locks
    processor 0 holds the spinlock 'vm_space' 0xffff888001c5f018, rank 500 (VM_SPACE)"""

    usage = "locks"

    def run(self, words):
        show(locks.lines())


class Check(Command):
    """Check the kernel's memory from outside, without running it: quire check

Areas (order, gaps, sums), page trees and tables (references and entries counted again from
scratch), page tables against what areas allow, and every frame's record. Says `ok` with totals, or
each thing that is wrong. Where the machine stopped in the middle of a change, that shows: spaces
whose lock is held are left out, and named.

Example:
    (gdb) quire check
    ok: 3 spaces, 31 areas, 412 objects, 521 nodes, 9 tables, 96 entries, 131072 frames"""

    usage = "check"

    def run(self, words):
        show(check.lines())


class Log(Command):
    """Show the end of the kernel's log: quire log [LINES]

Example:
    (gdb) quire log 2
    [    0.031412] init: /sbin/init
    [    0.048114] quire: segfault[7]: killed by SIGSEGV: page fault ..."""

    usage = "log [LINES]"
    words_max = 1

    def run(self, words):
        count = number(words[0]) if words else LOG_LINES
        show(log.lines(max(1, min(count, 1 << 20))))


class Trace(Command):
    """Show the last events of the kernel's trace: quire trace [LINES]

Out of the rings of all processors, in their order, as `./quire replay --events` shows a recording:
time in ticks, processor, thread, event and its fields. Traced is while somebody reads the trace:
docs/trace.md tells.

Example:
    (gdb) quire trace 2
           1180231877 cpu  0 tid     2  fault           va=0x20000000 case=copy ...
           1180232951 cpu  0 tid     2  mark            text='here'
    2 of 413 events that are still in the rings"""

    usage = "trace [LINES]"
    words_max = 1

    def run(self, words):
        count = number(words[0]) if words else LOG_LINES
        show(trace_rings.lines(max(1, min(count, 1 << 20))))


class Symbols(Command):
    """Load the symbols of the program that runs on this processor: quire symbols

They are loaded by themselves unless `set quire autoload off`. Shows which are loaded, and where.

Example:
    (gdb) quire symbols
    0x400000-0x409a10 /home/me/quire/build/user/bin/cowcount"""

    usage = "symbols"

    def run(self, words):
        programs.refresh(programs.running(), force=True)
        show(programs.loaded_lines())


class Break(Command):
    """Set a breakpoint in a program: quire break PROGRAM:LOCATION

PROGRAM is a path in the guest, or a name without a folder; LOCATION a function, FILE:LINE or
*ADDRESS. It is put into the program when it begins, and into processes that run it already; what
they fork has it too. Other programs that have something else at that address go on. `delete` takes
it out of the processes there are.

Example:
    (gdb) quire break cowcount:main
    The breakpoint waits for a program cowcount to begin."""

    usage = "break PROGRAM:LOCATION"
    words_min = words_max = 1

    def perform(self, argument):
        stops.BreakCommand.set(argument.strip())


def register():
    Quire()
    Settings("set quire")
    Settings("show quire")
    for command in (Ps, Maps, Area, Object, Pagetable, Frame, Locks, Check, Log, Trace, Symbols, Break):
        command()
