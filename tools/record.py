# SPDX-License-Identifier: MIT
"""./quire record: runs a program and records what memory does meanwhile."""

import os
import shlex
import sys

import machine
import session
from trace import recorder as recorders

TRACE_DEVICE = "virtio-serial-pci"


def add_options(parser):
    add = parser.add_argument
    add("-o", "--output", metavar="FILE",
        help="record: where to; compressed if its name ends with .gz; - is standard output, and the "
        "program's output goes to standard error then")
    add("--force", action="store_true", help="record: write over a FILE that is there")
    add("--snapshot", metavar="SECONDS",
        help="record: a snapshot as often as that (0.001 to 5000), instead of as often as it makes "
        "up a fifth of the recording")
    add("--ring", metavar="KIB",
        help="record: memory for each processor's events until they are sent (16 to 4096; 1024)")


def usage_complaint(command, options):
    """What is wrong with the words, or None."""
    if command != "record":
        given = [name for name in ("output", "force", "snapshot", "ring") if getattr(options, name)]
        return f"only `record` takes --{given[0]}" if given else None
    if not options.output:
        return "FILE is missing: quire record -o FILE [options] -- PROGRAM [args]"
    if options.icount:
        return "--icount does not go with record: idle time passes at once, and the host is too late"
    if options.snapshot and not _is_number(options.snapshot, 0.001, 5000):
        return f"--snapshot {options.snapshot!r} is not a number of seconds (0.001 to 5000)"
    if options.ring and not (options.ring.isdigit() and 16 <= int(options.ring) <= 4096):
        return f"--ring {options.ring!r} is not a number from 16 to 4096"
    return None


def _is_number(text, least, most):
    try:
        return least <= float(text) <= most
    except ValueError:
        return False


class _Outlet:
    """Takes the stream; a machine whose recording cannot be written is stopped."""

    def __init__(self, recorder, progress):
        self.guest = None
        self._recorder = recorder
        self._progress = progress
        self._failed = False

    def take(self, data):
        if self._failed:
            return
        try:
            self._recorder.write(data)
        except recorders.RecordError as error:
            self._failed = True
            self.guest.stop(machine.Outcome("no-record", detail=str(error)))
        if self._progress:
            self._progress.show()


def _ports(options, on_terminal, take):
    ports = session.ports_for(options, on_terminal)
    ports.trace = take
    if options.output == "-":
        ports.output = session.writer_to(2)
    return ports


def _append(options):
    words = [options.append]
    if options.snapshot:
        words.append(f"trace.snapshot={_plain(options.snapshot)}")
    if options.ring:
        words.append(f"trace.ring={options.ring}")
    return " ".join(word for word in words if word)


def _plain(text):
    """The kernel knows no exponents."""
    return f"{float(text):.3f}"


def run(options, program):
    on_terminal = options.output != "-" and all(session.is_terminal(fd) for fd in (0, 1, 2))
    options.append = _append(options)
    config = session.machine_config(
        options, session.run_specification("run", options, on_terminal), program)
    try:
        recorder = recorders.Recorder(options.output, shlex.join(program), options.force)
    except recorders.RecordError as error:
        raise session.UsageError(str(error)) from error
    shows = os.isatty(2) and not on_terminal and not os.isatty(1)
    progress = recorders.Progress(recorder) if shows else None
    outlet = _Outlet(recorder, progress)

    def made(guest):
        outlet.guest = guest
    outcome = session.boot(config, _ports(options, on_terminal, outlet.take), on_terminal, made)
    if progress:
        progress.clear()
    return _report(recorder, _closed(recorder, outcome), options)


def _closed(recorder, outcome):
    """The outcome, when the file is closed and there is something in it."""
    try:
        recorder.close()
    except recorders.RecordError as error:
        if outcome.kind != "no-record":
            return machine.Outcome("no-record", detail=str(error))
    if outcome.kind == "no-machine" and TRACE_DEVICE in outcome.detail:
        outcome.detail += f"\nThis QEMU lacks {TRACE_DEVICE}, which the trace is sent by."
    if outcome.kind == "exit" and recorder.events == 0:
        return machine.Outcome("no-record", detail="the kernel sent no trace (-v shows its log)")
    return outcome


def _report(recorder, outcome, options):
    status = session.report(outcome)
    if recorder.events:
        where = "" if options.output == "-" else f" in {options.output}"
        sys.stderr.write(f"quire: recorded {recorder.summary()}{where}\n")
    return status
