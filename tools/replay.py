# SPDX-License-Identifier: MIT
"""./quire replay: what is in a recording."""

import argparse
import collections
import gzip
import os
import shutil
import signal
import sys
import tempfile
import zlib

import session
from trace import compare, explain, stream, text
from trace.schema import SchemaError
from trace.state import State

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

DESCRIPTION = """\
Shows what is in FILE, a recording that `quire record` made (compressed by gzip or not; - is
standard input). Without an option: the viewer, on a terminal, else --stats.
"""

EPILOGUE = f"""\
TIME is in seconds from the recording's first event, or `end`. PFN is a frame's number and VA an
address; both may be hexadecimal (0x...). --frame and --address look at the time of --at, or at
the end.

exit status:
  0     all went well; --check: each snapshot says what the events before it come to
  1     --check: they differ, or there was nothing to compare; --address, --frame: there is no such
  {session.USAGE}   wrong usage, or FILE is missing, no recording, or broken

examples:
  quire replay FILE --events --event fault --from 0.5 --to 0.6
  quire replay FILE --at 1.25
  quire replay FILE --at 1.25 --address 3 0x401000
"""
END = float("inf")


class Parser(argparse.ArgumentParser):
    """Errors end with our own status, and name the help."""

    def error(self, message):
        sys.stderr.write(f"{self.prog}: {message}\nTry `{self.prog} --help`.\n")
        sys.exit(session.USAGE)


def number(word):
    try:
        value = int(word, 0)
    except ValueError:
        value = -1
    if not 0 <= value < 1 << 64:
        raise argparse.ArgumentTypeError(f"{word!r} is not a number")
    return value


def moment(word):
    if word == "end":
        return END
    try:
        value = float(word)
    except ValueError:
        value = -1.0
    if not 0 <= value < END:
        raise argparse.ArgumentTypeError(f"{word!r} is not a time in seconds")
    return value


def parser():
    result = Parser(prog="quire replay", usage="quire replay FILE [options]",
                    description=DESCRIPTION, epilog=EPILOGUE, allow_abbrev=False,
                    formatter_class=argparse.RawDescriptionHelpFormatter)
    add = result.add_argument
    add("file", metavar="FILE")
    add("--events", action="store_true", help="the events, one a line")
    add("--event", action="append", default=[], metavar="NAME",
        help="only events of this name or group (fault, table, ...); repeatable")
    add("--pid", type=number, metavar="N", help="only what process N did, or what happened to it")
    add("--from", type=moment, default=0.0, metavar="TIME", dest="start", help="from this time on")
    add("--to", type=moment, default=END, metavar="TIME", dest="end", help="up to this time")
    add("--at", type=moment, metavar="TIME",
        help="the state then: frames by use, processes, spaces with areas and pages")
    add("--frame", type=number, metavar="PFN", help="what a frame is, and who sees it")
    add("--address", nargs=2, type=number, metavar=("PID", "VA"),
        help="what an address of a process leads to, level by level, and who else sees it")
    add("--check", action="store_true",
        help="rebuilds the state from the events, and compares it with each snapshot")
    add("--stats", action="store_true", help="what there is, by kind")
    return result


# ---- the pieces ----

class Whose:
    """Which records a process did, or happened to it. Each record is to go through once."""

    def __init__(self, schema, pid):
        self._pid = pid
        self._state = State(schema)

    def __call__(self, record):
        before = self._is_ours(record)  # what ends with this record is gone afterwards
        self._state.apply(record)
        return before or self._is_ours(record)

    def _is_ours(self, record):
        if self._state.threads.get(record.tid) == self._pid:
            return True
        fields = record.fields()
        process = self._state.processes.get(self._pid)
        root = process.root if process else 0
        return fields.get("pid", -1) == self._pid and "pfn" not in fields or (
            root != 0 and root in (fields.get("root"), fields.get("child")))


def print_events(reader, options):
    names = wanted_names(reader.schema, options.event)
    clock = text.Clock(reader.header.ticks_per_second)
    ours = Whose(reader.schema, options.pid) if options.pid is not None else lambda record: True
    for record in reader:
        seconds = clock.seconds(record.time)
        if seconds > options.end:
            break
        if ours(record) and seconds >= options.start and (
                not names or record.name in names or record.event.group in names):
            print(text.record(reader.schema, record, seconds))
    return 0


def wanted_names(schema, names):
    known = set(schema.by_name) | set(schema.groups)
    for name in names:
        if name not in known:
            raise session.UsageError(f"there is no event or group {name!r}: groups are "
                                     + ", ".join(schema.groups))
    return set(names)


def state_at(reader, when):
    """(state, seconds) at a time: the last one whole before, if it falls into a snapshot."""
    state, clock, seconds = State(reader.schema), text.Clock(reader.header.ticks_per_second), 0.0
    for record in reader:
        now = clock.seconds(record.time)
        if now > when and state.whole:
            break
        state.apply(record)
        seconds = now
    if not state.processes and not state.frames:
        raise session.UsageError(f"{reader.name}: there is no snapshot in it")
    return state, seconds


def print_state(reader, options):
    state, seconds = state_at(reader, END if options.at is None else options.at)
    doubt = "" if state.whole and not state.doubtful else (
        ", in doubt: events were lost before" if state.doubtful else ", in the middle of a snapshot")
    print(f"at {seconds:.6f} s{doubt}")
    lines = []
    if options.frame is not None:
        lines = explain.frame(state, options.frame)
    elif options.address:
        lines = explain.address(state, *options.address)
    else:
        lines = explain.summary(state)
    print("\n".join(lines))
    if options.frame is not None:
        return 0 if state.frame_use(options.frame) else 1
    return 1 if options.address and options.address[0] not in state.processes else 0


def print_check(reader, _):
    clock = text.Clock(reader.header.ticks_per_second)

    def differs(time, lines):
        print(f"the snapshot at {clock.seconds(time):.6f} s says otherwise:")
        for line in lines:
            print(f"  {line}")
    checker = compare.Checker(reader.schema, differs)
    for record in reader:
        clock.seconds(record.time)
        checker.apply(record)
    doubtful = (f", {checker.not_compared} not compared, since events were lost before"
                if checker.not_compared else "")
    print(f"{reader.records:,} events, {checker.snapshots} snapshots compared, "
          f"{checker.differing} differ{doubtful}")
    return 0 if checker.snapshots and not checker.differing else 1


def print_stats(reader, _):
    clock, seconds = text.Clock(reader.header.ticks_per_second), 0.0
    names, cases, lost = collections.Counter(), {}, 0
    for record in reader:
        names[record.event] += 1
        seconds = clock.seconds(record.time)
        if record.name == "lost":
            lost += record["count"]
        elif record.name == "fault":
            ticks = cases.setdefault(record["case"], [0, 0])
            ticks[0] += 1
            ticks[1] += record["ticks"]
    header = reader.header
    print(f"{header.kernel}, {text.size(header.memory_bytes)} of memory"
          + f": {header.command}" * bool(header.command))
    print(f"{reader.records:,} events in {seconds:.6f} s, {reader.offset:,} bytes, {lost:,} lost, "
          f"{names[reader.schema.by_name.get('snapshot_begin')]:,} snapshots")
    for event, count in names.most_common():
        print(f"  {event.name:17} {count:9,d}  {event.group:8} {event.doc}".rstrip())
    if cases:
        print("faults by case, and what one took:")
    for case, (count, ticks) in sorted(cases.items(), key=lambda item: -item[1][0]):
        average = ticks / count / header.ticks_per_second * 1e6
        print(f"  {reader.schema.enum_name('fault_case', case):15} {count:9,d} {average:10.2f} us")
    return 0


def view(path):
    """Becomes the viewer, so that the terminal and its signals are the viewer's; returns if there is
    none."""
    viewer = os.path.join(os.environ.get("QUIRE_BUILD", os.path.join(ROOT, "build")),
                          "user/bin/memview")
    if path == "-" or not os.access(viewer, os.X_OK) or not os.path.isfile(path):
        return
    with open(path, "rb") as file:
        compressed = file.read(2) == stream.GZIP_MAGIC
    if compressed:  # to a file, not a pipe: the viewer can begin again
        with tempfile.TemporaryFile() as plain:
            unpack(path, plain)
            os.dup2(plain.fileno(), 0)
        path = "-"
    os.execv(viewer, [viewer, path])


def unpack(path, plain):
    """What is there of a recording that is cut is shown too."""
    try:
        with gzip.open(path) as packed:
            shutil.copyfileobj(packed, plain)
    except EOFError:
        pass
    except (OSError, zlib.error) as error:
        raise stream.StreamError(f"{path}: {error}") from error
    plain.seek(0)


# ---- the whole ----

def chosen(options):
    """The function that does what is asked for."""
    asked = [(options.events or bool(options.event) or options.pid is not None, print_events),
             (options.at is not None or options.frame is not None or bool(options.address),
              print_state), (options.check, print_check), (options.stats, print_stats)]
    wanted = [function for given, function in asked if given]
    if len(wanted) > 1:
        raise session.UsageError("one of --events, --at, --check and --stats at a time")
    if options.frame is not None and options.address:
        raise session.UsageError("either --frame or --address")
    return wanted[0] if wanted else None


def replay(options):
    function = chosen(options)
    if function is None and os.isatty(1):
        view(options.file)
    reader = stream.Reader.open(options.file)
    status = (function or print_stats)(reader, options)
    sys.stdout.flush()
    if reader.cut:
        sys.stderr.write(f"quire replay: {reader.name}: {reader.cut}\n")
    return status


def main(arguments):
    options = parser().parse_args(arguments)
    try:
        return replay(options)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except (stream.StreamError, SchemaError, session.UsageError) as error:
        sys.stdout.flush()
        sys.stderr.write(f"quire replay: {error}\n")
        return session.USAGE
