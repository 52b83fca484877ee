# SPDX-License-Identifier: MIT
"""Places where the machine stops for us: a program begins, the kernel has panicked, and `quire
break`, a breakpoint in one program only."""

import gdb

from guest import elf, host_files, log, memory, processes, processors, programs
from guest.errors import NotStopped, Problem

autoload = None
_ours = []


def _carefully(function, otherwise):
    """Its result; whatever goes wrong is a line, not a backtrace, and `otherwise` is the result."""
    try:
        return function()
    except (Problem, gdb.error) as error:
        gdb.write(f"quire: {error}\n")
    except Exception as error:  # pylint: disable=broad-except
        gdb.write(f"quire: these commands have a mistake: {type(error).__name__}: {error}\n")
    return otherwise


class ProgramBegins(gdb.Breakpoint):
    """Loads the symbols of the program that has just begun, and puts breakpoints into it."""

    def __init__(self):
        super().__init__("debugger_program_begins", internal=True)
        self.silent = True

    def stop(self):
        _carefully(self._look, None)
        return False

    def _look(self):
        memory.forget()
        process = processors.current_process()
        if process is None:
            return
        found = programs.refresh(process) if autoload.value else []
        BreakCommand.waiting = [each for each in BreakCommand.waiting if not each.is_given_up()]
        for waiting in BreakCommand.waiting:
            waiting.place(process, found)


class Panicked(gdb.Breakpoint):
    """Stops, and shows what the kernel said."""

    def __init__(self):
        super().__init__("debugger_kernel_panicked", internal=True)
        self.silent = True

    def stop(self):
        gdb.write(_carefully(self._message, "the kernel has panicked") + "\n")
        return True

    @staticmethod
    def _message():
        memory.forget()
        return f"The kernel has panicked.\n{log.panic_message()}\n`bt` and `quire log` tell more."


class ProgramBreakpoint(gdb.Breakpoint):
    """At an address of one program: other programs, which may have something else at that address,
    go on."""

    def __init__(self, program, location, address):
        super().__init__(f"*{address:#x}")
        self.program, self.place = program, location

    def stop(self):
        return _carefully(self._is_ours, True)

    def _is_ours(self):
        memory.forget()
        process = processors.current_process()
        return process is not None and programs.is_program(process, self.program)


class Waiting:
    """A breakpoint of `quire break`, which is put into each new program of that name."""

    def __init__(self, program, location):
        self.program, self.location = program, location
        self.placed = {}  # address -> breakpoint

    def is_given_up(self):
        """Whether the user has deleted what was placed."""
        return bool(self.placed) and not any(each.is_valid() for each in self.placed.values())

    def place(self, process, found):
        """Puts it into a process, whose files were `found`. The breakpoint, or None: it has another
        program, or the breakpoint is there already."""
        if not programs.is_program(process, self.program):
            return None
        host = host_files.find(programs.path_of(process))
        if host is None:
            raise Problem(f"the host has no file of {programs.path_of(process)}")
        found = found or programs.refresh(process, force=True)
        bias = next((bias for path, bias, _ in found if path == host), None)
        if bias is None:
            raise Problem(f"{host} is not what runs as {programs.path_of(process)}")
        address = self._address(elf.Image(host), bias)
        if address in self.placed and self.placed[address].is_valid():
            return None
        self.placed[address] = ProgramBreakpoint(self.program, self.location, address)
        return self.placed[address]

    def _address(self, image, bias):
        """Of the location inside the program: the kernel may have a function of that name, too."""
        if self.location.startswith("*"):
            return (int(gdb.parse_and_eval(self.location[1:])) + bias) & (1 << 64) - 1
        for line in gdb.decode_line(self.location)[1] or ():
            if line.pc and programs.in_range(line.pc, image, bias):
                return line.pc
        raise Problem(f"{self.program} has no {self.location}")


class BreakCommand:
    """`quire break`: what waits for programs to begin."""

    waiting = []

    @classmethod
    def set(cls, words):
        """Puts a breakpoint into every process that runs the program, and into those to come."""
        program, colon, location = words.partition(":")
        if not program or not colon or not location:
            raise Problem("usage: quire break PROGRAM:LOCATION")
        waiting = Waiting(program, location)
        cls.waiting.append(waiting)
        if not cls._place_now(waiting):
            gdb.write(f"The breakpoint waits for a program {program} to begin.\n")

    @staticmethod
    def _place_now(waiting):
        """Into processes that are there: whether there was one. Before the kernel has booted, and
        before gdb is connected, there is none."""
        try:
            with memory.machine():
                placed = [waiting.place(process, []) for process in processes.every()
                          if processes.space_of(process) is not None]
        except NotStopped:
            return False
        return any(placed)


def _look_at_stop(_):
    """At each stop: the symbols of what runs."""
    if not autoload.value:
        return

    def look():
        try:
            with memory.machine():
                process = processors.current_process()
                if process is not None:
                    programs.refresh(process)
        except NotStopped:
            pass  # early in the boot there is nothing to look at
    _carefully(look, None)


def _new_symbols(_=None):
    """Places ours as soon as there is a kernel to place them in."""
    if _ours or gdb.lookup_global_symbol("debugger_program_begins") is None:
        return
    _ours.extend((ProgramBegins(), Panicked()))


def register():
    global autoload  # pylint: disable=global-statement
    autoload = programs.Autoload()
    gdb.events.stop.connect(_look_at_stop)
    gdb.events.new_objfile.connect(_new_symbols)
    _new_symbols()
