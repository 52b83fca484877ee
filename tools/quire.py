# SPDX-License-Identifier: MIT
"""./quire: boots Quire in QEMU and runs one program, a shell or the tour in it."""

import argparse
import os
import re
import signal
import sys

import record
import session
import viewer

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

BOOT_SECONDS = 30.0

DESCRIPTION = """\
Boots Quire, a small kernel that runs Linux programs, in QEMU.

commands:
  shell [options]                    a shell; the default on a terminal
  run [options] -- PROGRAM [args]    one program: its input, output and exit status
  tour [options]                     the tour; the default without a terminal
  view [options] [-- PROGRAM [args]]      the same as run, and shows what memory does meanwhile;
                                     without PROGRAM there are scenes to choose from
  view --web [options] [-- PROGRAM ...]   the same in a browser; also --recording FILE
  view --export OUT.html FILE        a recording as one page, to be mailed
  record -o FILE [options] -- PROGRAM [args]    the same, and records what memory does
  replay FILE [options]              shows a recording; quire replay --help tells more
  debug [options] [-- PROGRAM ...]   the debug kernel, stopped, with gdb attached
  guide [N.M [ANSWER]]               the exercises of docs/guide, and whether an answer is right
"""

EPILOGUE = f"""\
PROGRAM is a path in the guest, searched for in its PATH if it has no slash, or a file of the
host's that --add named. Its standard input, output and error are those of quire. When all three
are a terminal the program gets a terminal too: every key goes to it, and Ctrl-] ends the machine.

exit status:
  N             the program's, when it exited
  128+SIGNAL    the program was killed by a signal
  126, 127      the program could not be run, was not found
  {session.USAGE}           wrong usage, or a file of the host's is missing
  {session.NO_MACHINE}           QEMU is missing or could not start the machine
  {session.NO_BOOT}           the boot hangs, or the machine does not power off
  {session.PANIC}           the kernel panicked; its last words are on standard error
  {session.TIMEOUT}           longer than --timeout
  {session.RESET}           the machine stopped and nobody said why
  {session.NO_RECORD}           the recording could not be written
  130, 143      quire itself was interrupted

The kernel and the system are made by `make`. In the environment, QUIRE_BUILD names the folder
they are in (build) and QUIRE_SLOW a factor for all limits of time (1).
"""


def memory_size(text):
    if not re.fullmatch(r"[1-9]\d*[MmGg]?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size like 64M or 2G")
    return text if text[-1] in "MmGg" else text + "M"


def positive(kind):
    def convert(text):
        try:
            value = kind(text)
        except ValueError:
            value = 0
        if not 0 < value < 1e9:
            raise argparse.ArgumentTypeError(f"{text!r} is not a positive number")
        return value
    return convert


def added_file(text):
    """HOSTFILE[:GUESTPATH] -> (host path, guest path without the first slash)."""
    host, colon, guest = text.partition(":")
    if colon and not os.path.exists(host) and os.path.exists(text):
        host, guest = text, ""  # the colon belongs to the name
    name = os.path.basename(os.path.abspath(host))
    if not guest:
        guest = name
    elif guest.endswith("/"):
        guest += name
    parts = guest.strip("/").split("/")
    if ".." in parts:
        raise argparse.ArgumentTypeError(f"the guest's path {guest!r} must not contain ..")
    return host, "/".join(part for part in parts if part not in ("", "."))


class Parser(argparse.ArgumentParser):
    """Errors end with our own status, and name the help."""

    def error(self, message):
        sys.stderr.write(f"{self.prog}: {message}\nTry `{self.prog} --help`.\n")
        sys.exit(session.USAGE)


def add_options(parser):
    add = parser.add_argument
    add("--add", type=added_file, action="append", default=[], metavar="HOSTFILE[:GUESTPATH]",
        help="put a file or folder of the host's into the guest, at /NAME or GUESTPATH; repeatable")
    add("--mem", type=memory_size, default="512M", metavar="SIZE",
        help="memory of the machine, like 64M or 2G (512M)")
    add("--smp", type=positive(int), default=1, metavar="N", help="processors (1)")
    add("--timeout", type=positive(float), metavar="SECONDS",
        help=f"end it after this time with status {session.TIMEOUT}; no limit unless given")
    add("--boot-timeout", type=positive(float), default=BOOT_SECONDS, metavar="SECONDS",
        help=f"how long the boot may take ({BOOT_SECONDS:g})")
    add("--append", default="", metavar="WORDS", help="more words for the kernel's command line")
    add("--icount", action="store_true",
        help="count time in guest instructions: one is one tick of rdtsc, the same each time")
    add("--gdb", action="store_true", help="wait for gdb before the first instruction")
    add("--verbose", "-v", action="store_true", help="show the kernel's log on standard error")
    add("--debug", action="store_true", help="the debug kernel, which checks itself")
    add("--cwd", metavar="DIR", help="where in the guest the program starts (/)")
    add("--env", action="append", default=[], metavar="NAME=VALUE",
        help="set a variable of the program's environment; repeatable")
    add("--build", default=os.environ.get("QUIRE_BUILD", os.path.join(ROOT, "build")),
        metavar="DIR", help="the folder that make built into")
    add("--kernel", metavar="FILE", help="this kernel instead")
    add("--initramfs", metavar="FILE", help="this archive instead of the built one")
    add("--archive", action="append", default=[], metavar="FILE",
        help="one more cpio archive to unpack over it; repeatable")
    record.add_options(parser)


def parse(arguments):
    formatter = argparse.RawDescriptionHelpFormatter
    top = Parser(prog="quire", usage="quire [COMMAND] [options] [-- PROGRAM [args]]",
                 description=DESCRIPTION, epilog=EPILOGUE, formatter_class=formatter,
                 allow_abbrev=False)
    add_options(top)
    known = {"run", "record", "view", "shell", "tour", "debug", "default"}
    command, rest = "default", list(arguments)
    if rest and rest[0] in known:
        command = rest.pop(0)
    elif rest and not rest[0].startswith("-"):
        top.error(f"there is no command {rest[0]!r}: `quire --help` tells which there are")
    program = None
    if "--" in rest:
        program = rest[rest.index("--") + 1:]
        rest = rest[:rest.index("--")]
    if command not in ("default", "debug") or program is not None:
        top.prog = f"quire {command}"
    if command in ("run", "record"):
        output = "-o FILE " * (command == "record")
        top.usage = f"quire {command} {output}[options] -- PROGRAM [args]"
    options, stray = top.parse_known_args(rest)
    complaint = usage_complaint(command, options, stray, program)
    if complaint:
        top.error(complaint)
    return command, options, program or []


def usage_complaint(command, options, stray, program):
    """What is wrong with the words, or None."""
    unknown = [word for word in stray if word.startswith("-")]
    if unknown:
        return f"unknown option {unknown[0]}"
    if stray:
        return f"what is {stray[0]!r}? The program and its arguments come after --"
    if command in ("run", "record") and not program:
        return f"PROGRAM is missing: quire {command} [options] -- PROGRAM [args]"
    if program and command not in ("run", "record", "view", "debug"):
        return "only `run`, `record`, `view` and `debug` take a program"
    for setting in options.env:
        if not re.match(r"[A-Z][A-Z0-9_]*=", setting) or "\n" in setting:
            return f"--env {setting!r} is not NAME=VALUE with NAME in capitals"
    return record.usage_complaint(command, options)


def view(options, program):
    """A program of the guest's under memview, which draws as this terminal can."""
    locale = next((os.environ[name] for name in ("LC_ALL", "LC_CTYPE", "LANG")
                   if os.environ.get(name)), "C")
    options.env = [f"LC_ALL={locale}", f"NO_COLOR={os.environ.get('NO_COLOR', '')}", *options.env]
    if program:  # its file may be one of the host's
        program = ["--", *session.guest_program(program, options.add)]
    return session.run_guest("run", options, ["/bin/memview", *program])


def view_web(words):
    parser = Parser(prog="quire view", allow_abbrev=False)
    add_options(parser)
    try:
        return viewer.main(words, parser)
    except session.UsageError as error:
        sys.stderr.write(f"quire: {error}\n")
        return session.USAGE


def main():
    if sys.argv[1:2] == ["replay"]:
        import replay  # only here: it needs nothing else of this
        return replay.main(sys.argv[2:])
    if sys.argv[1:2] == ["guide"]:
        import guide  # likewise
        return guide.main(sys.argv[2:])
    if sys.argv[1:2] == ["view"] and viewer.wanted(sys.argv[2:]):
        return view_web(sys.argv[2:])
    command, options, program = parse(sys.argv[1:])
    if command == "default":
        command = "shell" if session.is_terminal(0) else "tour"
    try:
        if command == "debug":
            import debugger  # only here: nobody else needs it
            return debugger.run(options, program)
        if command == "record":
            return record.run(options, program)
        if command == "view":
            return view(options, program)
        return session.run_guest(command, options, program)
    except session.UsageError as error:
        sys.stderr.write(f"quire: {error}\n")
        return session.USAGE
    except session.OutputClosed:
        return 128 + signal.SIGPIPE


if __name__ == "__main__":
    sys.exit(main())
