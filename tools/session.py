# SPDX-License-Identifier: MIT
"""One use of Quire: what the guest is told, where its bytes go, and what its end means."""

import os
import signal
import sys

import cpio
import guest_files
import machine
import terminal

# Statuses of quire's own; programs seldom end with them.
USAGE, NO_MACHINE, NO_BOOT, PANIC, TIMEOUT, RESET = 240, 241, 242, 243, 244, 245
NO_RECORD = 246
OUTCOME_STATUS = {
    "no-machine": NO_MACHINE, "no-boot": NO_BOOT, "hang": NO_BOOT, "panic": PANIC,
    "timeout": TIMEOUT, "reset": RESET, "no-record": NO_RECORD,
}
OUTCOME_TEXT = {
    "no-machine": "the machine could not be started", "no-boot": "the boot hangs",
    "hang": "the machine hangs", "panic": "the kernel panicked", "timeout": "out of time",
    "reset": "the machine is gone", "no-record": "there is no recording",
}
ARGUMENT_BYTES_MAX = 256 * 1024 - 1  # init's buffer


class UsageError(Exception):
    """What the user has to put right; the text says what."""


# ---- what the guest is told ----

def guest_program(program, added):
    """The host's name of an added file stands for its place in the guest."""
    for host, guest in added:
        if program[0] == host:
            return ["/" + guest] + program[1:]
    return program


def extra_archive(options, base_archives, spec, program):
    """The archive with the run specification and the files that --add named."""
    known = set()
    for path in base_archives:
        known |= cpio.directories_of(path)
    writer = cpio.CpioWriter(known)
    for host, guest in options.add:
        if not os.path.exists(host):
            raise UsageError(f"--add {host}: there is no such file")
        try:
            writer.add_host(host, guest)
        except OSError as error:
            raise UsageError(f"--add {host}: {error.strerror or error}") from error
    writer.file("etc/quire/run", "".join(f"{k}={v}\n" for k, v in spec).encode())
    if program:
        words = b"".join(os.fsencode(word) + b"\0" for word in guest_program(program, options.add))
        if len(words) > ARGUMENT_BYTES_MAX:
            raise UsageError(f"the arguments are longer than {ARGUMENT_BYTES_MAX} bytes")
        writer.file("etc/quire/argv", words)
    return writer.bytes()


def _same_file(one, other):
    """True if two descriptors lead to the same place, as after 2>&1: then order matters."""
    try:
        first, second = os.fstat(one), os.fstat(other)
    except OSError:
        return False
    return (first.st_dev, first.st_ino, first.st_rdev) == (
        second.st_dev, second.st_ino, second.st_rdev)


def run_specification(mode, options, on_terminal):
    spec = [("mode", mode), ("tty", int(on_terminal))]
    if on_terminal:
        rows, columns = terminal.window_size(0)
        spec += [("rows", rows), ("cols", columns), ("TERM", os.environ.get("TERM", "vt100"))]
    elif _same_file(1, 2):
        spec.append(("join", 1))
    if options.cwd:
        spec.append(("cwd", options.cwd))
    spec += [tuple(setting.split("=", 1)) for setting in options.env]
    return spec


def machine_config(options, spec, program):
    flavour = "debug" if options.debug else "release"
    kernel = options.kernel or os.path.join(options.build, flavour, "quire.elf")
    base = options.initramfs or os.path.join(options.build, "initramfs.cpio")
    made_by = "make DEBUG=1" if options.debug else "make"
    for path, what in [(kernel, "kernel"), (base, "initramfs")]:
        if not os.path.exists(path):
            raise UsageError(f"there is no {what} at {path}: run `{made_by}` first")
    archives = [base] + options.archive
    for path in options.archive:
        if not os.path.exists(path):
            raise UsageError(f"--archive {path}: there is no such file")
    try:
        extra = extra_archive(options, archives, spec, program)
    except ValueError as error:
        raise UsageError(f"an archive is broken: {error}") from error
    slow = float(os.environ.get("QUIRE_SLOW", "1")) * (3 if options.icount else 1)
    return machine.Config(
        kernel=kernel, archives=archives, extra_archive=extra, append=options.append,
        memory=options.mem, processors=options.smp, icount=options.icount,
        boot_limit=None if options.gdb else options.boot_timeout * slow,
        run_limit=None if options.gdb else options.timeout)


# ---- bytes to and from the host's streams ----

class OutputClosed(Exception):
    """Whoever read our output has gone."""


def writer_to(fd):
    def write(data):
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(fd, view):]
            except BlockingIOError:
                machine.wait_writable(fd)
            except BrokenPipeError as error:
                raise OutputClosed from error
    return write


def ports_for(options, on_terminal):
    log = writer_to(2) if options.verbose else None
    if on_terminal:
        return machine.Ports(output=writer_to(1), error=writer_to(1), log=log, terminal_fd=0,
                             terminal_input=terminal_input)
    stdin_fd = 0
    try:
        if os.isatty(0) and not terminal.is_foreground(0):
            stdin_fd = None  # reading would stop us
    except OSError:
        stdin_fd = None
    return machine.Ports(output=writer_to(1), error=writer_to(2), log=log, stdin_fd=stdin_fd)


def terminal_input(data, guest):
    before, key, _ = data.partition(terminal.QUIT_KEY)
    guest.send_terminal(before)
    if key:
        guest.stop(machine.Outcome("stopped", status=130, detail="ended by Ctrl-]"))


def boot(config, ports, on_terminal, made=lambda guest: None):
    """Runs the machine; the terminal is the caller's again when this returns or raises. made is
    called with the machine before it starts."""
    guest = machine.Machine(config, ports)
    made(guest)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, lambda number, _: guest.stop(
            machine.Outcome("stopped", status=128 + number)))
    if not on_terminal:
        return guest.run()

    def resized(*_):
        rows, columns = terminal.window_size(0)
        guest.send_control(f"winsize {rows} {columns}")
    signal.signal(signal.SIGWINCH, resized)
    with terminal.RawTerminal(0):
        return guest.run()


def report(outcome):
    """Says on standard error what needs saying, and returns the exit status."""
    if outcome.kind == "exit":
        return outcome.status
    if outcome.kind == "stopped":
        if outcome.detail:
            sys.stderr.write(f"\nquire: {outcome.detail}\n")
        return outcome.status
    sys.stderr.write(f"quire: {OUTCOME_TEXT[outcome.kind]}")
    sys.stderr.write(f": {outcome.detail}\n" if outcome.detail else "\n")
    return OUTCOME_STATUS[outcome.kind]


# ---- the whole ----

def run_guest(mode, options, program):
    needed = (0, 1) if mode == "shell" else (0, 1, 2)
    on_terminal = mode != "tour" and all(is_terminal(fd) for fd in needed)
    if mode == "shell" and not on_terminal:
        mode, program = "run", ["/bin/sh"]
    config = machine_config(options, run_specification(mode, options, on_terminal), program)
    if options.gdb:
        return run_for_gdb(config, options, on_terminal)
    return report(boot(config, ports_for(options, on_terminal), on_terminal))


def run_for_gdb(config, options, on_terminal):
    config.gdb_socket = f"/tmp/quire-gdb.{os.getpid()}"
    table = guest_files.write_table(config.gdb_socket, options)
    sys.stderr.write(f"quire: waiting for gdb: gdb {guest_files.GDB_WORDS} {config.kernel} "
                     f"-ex 'target remote {config.gdb_socket}'\n")
    try:
        return report(boot(config, ports_for(options, on_terminal), on_terminal))
    finally:
        for path in (config.gdb_socket, table):
            if os.path.exists(path):
                os.unlink(path)


def is_terminal(fd):
    """True if fd is a terminal, and one that may be read from if it is standard input."""
    try:
        return os.isatty(fd) and (fd != 0 or terminal.is_foreground(fd))
    except OSError:
        return False
