# SPDX-License-Identifier: MIT
"""memview on the host: the state it comes to beside the Python reader's, its keys on a terminal, bad
files, and the scenes as programs of Linux.

    memview_test.py BUILD [TEST...]

Each test is a function that returns None, or why it failed.
"""

import fcntl
import gzip
import io
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
from trace import stream, synthetic  # noqa: E402: the path comes first
from trace.state import ACCESSED_DIRTY, State  # noqa: E402

BUILD = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else os.path.join(ROOT, "build")
MEMVIEW = os.path.join(BUILD, "user/bin/memview")
SCENES = ("p-allocator", "p-fork", "p-forkexit", "p-cow", "p-file", "p-stack", "p-guard", "p-trees",
          "p-gib")
SECONDS = 60
ROWS, COLUMNS = 24, 80
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def memview(*words, data=b"", **environment):
    """Runs it; returns (status, output, errors) as text."""
    result = subprocess.run([MEMVIEW, *words], input=data, capture_output=True, timeout=SECONDS,
                            check=False, env={"PATH": os.environ["PATH"], **environment})
    return result.returncode, result.stdout.decode(), result.stderr.decode()


def recording(seed, steps):
    file = io.BytesIO()
    synthetic.make(file, seed=seed, steps=steps)
    return file.getvalue()


# ---- the same state as the reader in Python ----

def state_of(data):
    reader = stream.Reader(io.BytesIO(data), "the recording")
    state = State(reader.schema)
    for record in reader:
        state.apply(record)
    return state


def frame_lines(state):
    first = 0
    for pfn in range(1, len(state.frames) + 1):
        if pfn == len(state.frames) or state.frames[pfn] != state.frames[first]:
            yield f"frames {first:x} {pfn - first:x} {state.frame_use(first)}"
            first = pfn


def page_lines(owner, tree):
    for index, pfn in tree.items():
        yield f"page {owner:x} {index:x} {pfn:x}"


def dump(state):
    """What `memview --dump` prints, as a set of lines."""
    lines = set(frame_lines(state))
    for process in state.processes.values():
        lines.add(f"process {process.pid} {process.parent} {process.root:x} {process.name}")
        if process.ended:
            lines.add(f"ended {process.pid} {process.status:x}")
    lines.update(f"thread {tid} {pid}" for tid, pid in state.threads.items())
    for root, areas in state.spaces.items():
        lines.add(f"space {root:x}")
        lines.update("area " + " ".join(f"{number:x}" for number in (root, *area))
                     for area in areas)
    for number, thing in state.objects.items():
        lines.add(f"object {number:x} {thing.kind} {thing.bytes:x} {thing.name}")
        lines.update(page_lines(number, thing.pages))
    for number, tree in state.shadows.items():
        lines.add(f"shadow {number:x}")
        lines.update(page_lines(number, tree))
    for pfn, table in state.tables.items():
        lines.add(f"table {pfn:x} {table.level}")
        lines.update(f"entry {pfn:x} {slot:x} {value & ~ACCESSED_DIRTY:x}"
                     for slot, value in table.entries.items() if value & ~ACCESSED_DIRTY)
    return lines


def compare(data):
    status, text, errors = memview("--dump", "-", data=data)
    if status != 0:
        return f"--dump ended with {status}: {errors}"
    ours, theirs = set(text.splitlines()), dump(state_of(data))
    if ours == theirs:
        return None
    return f"only in memview: {sorted(ours - theirs)[:3]}, only in Python: {sorted(theirs - ours)[:3]}"


@test
def states_agree():
    for seed in range(4):
        why = compare(recording(seed, 300))
        if why:
            return f"seed {seed}: {why}"
    return None


# ---- bad files ----

@test
def bad_files():
    data = recording(1, 50)
    with tempfile.NamedTemporaryFile() as file:
        for content, wanted, words in [
                (b"", 1, "this is empty"), (b"hello, world\n", 1, "not a trace of Quire"),
                (gzip.compress(data), 1, "compressed"), (data[:100], 1, "cut in the middle of its h"),
                (data[:-3], 0, "cut in the middle of a record"), (data, 0, None),
                (data[:-8] + bytes(100), 1, "record")]:
            file.seek(0)
            file.truncate()
            file.write(content)
            file.flush()
            status, _, errors = memview(file.name)
            if status != wanted or (words or "") not in errors or bool(errors) != bool(words):
                return f"{content[:12]!r}: status {status}, {errors!r} instead of {words!r}"
    status, _, errors = memview("/nowhere")
    return None if status == 1 and "/nowhere: No such file" in errors else errors


@test
def wrong_usage():
    for words in (["--zoom", "x"], ["--nothing"], ["one", "two"], ["--at", "-1"]):
        status, output, errors = memview(*words)
        if status != 2 or output or not errors:
            return f"{words}: status {status}, {errors!r}"
    status, output, _ = memview("--help")
    return None if status == 0 and "usage" in output else "--help does not help"


@test
def moments():
    """--interval gives a picture at each step of time, --at the one of that moment."""
    data = recording(2, 300)
    _, steps, _ = memview("--interval", "0.1", "-", data=data)
    _, one, _ = memview("--at", "0.1", "-", data=data)
    if steps.count("memview: ") < 3:
        return f"{steps.count('memview: ')} pictures"
    return None if steps.startswith(one) else "the picture at 0.1 s is not the first one"


# ---- a terminal ----

class Screen:
    """What a terminal shows that knows what memview writes, and no more."""

    def __init__(self):
        self.resize(ROWS, COLUMNS)
        self.other, self.row, self.column, self.rest = False, 0, 0, ""

    def resize(self, rows, columns):
        self.cells = [[" "] * columns for _ in range(rows)]

    def sequence(self, letter, words):
        if letter == "H":
            row, _, column = words.partition(";")
            self.row, self.column = int(row) - 1, int(column) - 1
        elif letter == "J":
            self.resize(len(self.cells), len(self.cells[0]))
        elif words == "?1049":
            self.other = letter == "h"

    def take(self, text):
        text = self.rest + text
        self.rest = ""
        while text:
            match = re.match(r"\x1b(?:\[([?;\d]*)([A-Za-z])|([78]))", text)
            if match:
                self.sequence(match[2], match[1] or "")
                text = text[match.end():]
            elif text[0] == "\x1b":
                self.rest = text
                return
            else:
                if self.row < len(self.cells) and self.column < len(self.cells[0]):
                    self.cells[self.row][self.column] = text[0]
                self.column += 1
                text = text[1:]

    def __str__(self):
        return "\n".join("".join(line).rstrip() for line in self.cells)


def lead(slave, words, environment, report):
    """As a shell does: a session with the terminal, and in it a group of the program's own, so that it
    can be stopped. Reports the program's id, and at its end how it ended. Never returns."""
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(slave, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        for fd in (0, 1, 2):
            os.dup2(slave, fd)
        os.execve(words[0], words, environment)
    os.write(report, f"{child}\n".encode())
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.write(report, f"{status}\n".encode())
    os._exit(0)


class Terminal:
    """memview on a pseudo-terminal of ours."""

    def __init__(self, *words, size=(ROWS, COLUMNS), program=(MEMVIEW,), **environment):
        self.master, self.slave = pty.openpty()
        self.screen, self.raw = Screen(), b""
        self.resize(*size)
        self.before = termios.tcgetattr(self.slave)
        reports, report = os.pipe()
        self.leader = os.fork()
        if self.leader == 0:
            lead(self.slave, [*program, *words],
                 {"PATH": os.environ["PATH"], "TERM": "xterm", **environment}, report)
        os.close(report)
        self.reports = os.fdopen(reports)
        self.pid = int(self.reports.readline())

    def kill(self, number):
        os.kill(self.pid, number)

    def wait_stopped(self):
        while "State:\tT" not in open(f"/proc/{self.pid}/status", encoding="ascii").read():
            self.read(0.01)

    def finished(self):
        return os.waitid(os.P_PID, self.leader, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        if rows:
            self.screen.resize(rows, columns)

    def read(self, seconds):
        ready, _, _ = select.select([self.master], [], [], seconds)
        data = os.read(self.master, 65536) if ready else b""
        self.raw += data
        self.screen.take(data.decode(errors="replace"))
        return data

    def see(self, pattern):
        """Waits until the screen shows it; then returns None, else why not."""
        deadline = time.monotonic() + SECONDS
        while not re.search(pattern, str(self.screen)):
            if time.monotonic() > deadline:
                return f"{pattern!r} is never shown, but:\n{self.screen}"
            self.read(1)
        return None

    def type(self, keys):
        os.write(self.master, keys.encode())

    def end(self, status):
        """Waits for the end; None if the terminal is what it was before."""
        deadline = time.monotonic() + SECONDS
        while not self.finished() and time.monotonic() < deadline:
            self.read(0.1)
        while self.read(0):
            pass
        found = self.reports.readline().strip() if self.finished() else "nothing"
        if found != str(status):
            return f"it ended with {found} instead of {status}"
        if termios.tcgetattr(self.slave) != self.before:
            return "the terminal's settings are not what they were"
        if self.screen.other or not self.raw.rstrip().endswith(b"\x1b[?1049l"):
            return f"the screen is not what it was: {self.raw[-60:]!r}"
        return None

    def close(self):
        if not self.finished():
            self.kill(signal.SIGKILL)
        os.waitpid(self.leader, 0)
        self.reports.close()
        os.close(self.master)
        os.close(self.slave)


def converse(steps, *words, end=0, packed=False, **more):
    """Types and sees in turn (a key and a pattern each), then ends with `q` or what steps did."""
    with tempfile.NamedTemporaryFile() as file:
        data = recording(3, 300)
        file.write(gzip.compress(data) if packed else data)
        file.flush()
        terminal = Terminal(*words, file.name, **more)
        try:
            for keys, pattern in steps:
                if callable(keys):
                    keys(terminal)
                elif keys:
                    terminal.type(keys)
                why = terminal.see(pattern) if pattern else None
                if why:
                    return f"after {keys!r}: {why}"
            if end == 0:
                terminal.type("q")
            return terminal.end(end)
        finally:
            terminal.close()


@test
def keys_do_what_they_say():
    return converse([
        ("", r"memview \| overview \| paused"),
        ("?", r"Space  pause, go on"),
        ("\x1b", r"1 init 1: 3 areas"),
        ("2", r"physical memory \| paused.*\n.*\n00000000000 .*\n00000100000 .*\n"),
        ("+", r"00000080000 "),
        ("\t", r"\| spaces \|"),
        ("4", r"frames by use +frames"),
        ("5", r"no program was started"),
        ("m", r"these run where the kernel is"),
        ("\x1b", r"no program was started"),
        ("1s", r"(fault|fork|map|exec|exit): thread"),
        ("n", r"[a-z_]+: thread"),
        ("\x1b[C\x1b[C", r"frames [0-9a-f]+ to [0-9a-f]+: "),
        ("2/0x0\r", r"frames 0 to \d+: \d+ of \d+ kernel"),
        ("$", r"\| recording, 1x, its end .*0\.\d*[1-9]\d* s"),
        (">>", r"recording, 4x"),
        ("i", r"no program was started"),
        (" r", r"\| paused .* 0\.000 s"),
    ], "--paused")


@test
def replay_is_this():
    """`quire replay` on a terminal, of a recording packed or not: it can begin again, too."""
    replay = {"program": (os.path.join(ROOT, "quire"), "replay"), "QUIRE_BUILD": BUILD}
    for packed in (False, True):
        why = converse([
            ("", r"memview \| overview \| recording, 1x"),
            ("$", r"recording, 1x, its end \|"),
            (" ", r"\| paused"),
            ("r", r"\| paused .* 0\.000 s"),
            ("s", r"(fault|fork|map|exec|exit): thread"),
            ("m", r"these run where the kernel is"),
            ("\x1b", r"1 init 1: 3 areas"),
        ], packed=packed, size=(30, 100), **replay)
        why = why or converse([("", r"overview"), ("\x03", None)], packed=packed,
                              end=-signal.SIGINT, **replay)
        if why:
            return f"packed {packed}: {why}"
    return None


@test
def steps_move_time():
    return converse([("", r"\| 0\.000 s"), ("s", r"thread"), ("s" * 40, r"\| 0\.[0-9]*[1-9]")],
                    "--paused")


@test
def size_is_followed():
    def smaller(terminal):
        terminal.resize(10, 50)

    def larger(terminal):
        terminal.resize(50, 160)
    return converse([("", r"overview"), (smaller, r"^ memview.*\n(.*\n){8}1-5 views"),
                     (larger, r"^ memview.*\n(.*\n){48}1-5 views.*q quit")], "--paused")


@test
def size_is_asked_for():
    """A serial console's kernel does not know it: the terminal is asked, and its answer counts."""
    def answer(terminal):
        while b"\x1b[6n" not in terminal.raw:
            terminal.read(1)
        terminal.screen.resize(12, 60)
        terminal.type("\x1b[12;60R")
    return converse([(answer, r"^ memview.*\n(.*\n){10}1-5 views")], "--paused", size=(0, 0))


@test
def ends_give_the_terminal_back():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGSEGV):
        why = converse([("", r"overview"), (lambda t, n=number: t.kill(n), None)],
                       "--paused", end=-number)
        if why:
            return f"signal {number.name}: {why}"
    return None


@test
def stops_and_goes_on():
    def stop(terminal):
        terminal.kill(signal.SIGTSTP)
        terminal.wait_stopped()
        while terminal.screen.other:
            terminal.read(1)
        assert termios.tcgetattr(terminal.slave) == terminal.before
        terminal.screen.resize(ROWS, COLUMNS)
        terminal.kill(signal.SIGCONT)
    return converse([("", r"overview"), (stop, r"overview \| paused"), ("4", r"frames by use")],
                    "--paused")


@test
def plain_without_colours():
    def check(terminal):
        terminal.see(r"1-5 views")
        sequences = set(re.findall(rb"\x1b\[0([;\d]*)m", terminal.raw))
        terminal.colours = sequences - {b"", b";7", b";1", b";1;7"}
        assert bool(terminal.colours) == terminal.wanted, sequences
    for environment, wanted in (({"NO_COLOR": "1"}, False), ({}, True)):
        def go(terminal, wanted=wanted):
            terminal.wanted = wanted
            check(terminal)
        why = converse([("", r"overview"), (go, None)], "--paused", **environment)
        if why:
            return why
    return None


@test
def dumb_terminals_get_text():
    with tempfile.NamedTemporaryFile() as file:
        file.write(recording(3, 50))
        file.flush()
        terminal = Terminal(file.name, TERM="dumb")
        try:
            while not terminal.finished() or terminal.read(0):
                terminal.read(0.1)
            text = terminal.raw.decode()
        finally:
            terminal.close()
    return None if "\x1b" not in text and "frames by use" in text else repr(text[:200])


@test
def little_is_written():
    """A refresh in which one page changes costs some hundred bytes, not a screen."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(recording(3, 300))
        file.flush()
        terminal = Terminal("--paused", file.name)
        try:
            why = terminal.see(r"1-5 views")
            before = len(terminal.raw)
            terminal.type("n")
            why = why or terminal.see(r"thread \d+, processor")
            after = len(terminal.raw)
        finally:
            terminal.close()
    if not why and not 0 < after - before < 400:
        why = f"{after - before} bytes"
    return why


# ---- the scenes ----

@test
def scenes_run_on_linux():
    for scene in SCENES:
        result = subprocess.run(
            [os.path.join(BUILD, "user/bin", scene), "8"], capture_output=True, timeout=SECONDS,
            check=False, env=dict(os.environ, SCENE_PACE="0"))
        lines = result.stdout.decode().splitlines()
        if result.returncode != 0 or not lines or not all(line.startswith("look: ") for line in lines):
            return f"{scene}: {result.returncode}, {result.stdout!r}, {result.stderr!r}"
    return None


def main():
    words = sys.argv[2:]
    failed = 0
    for function in TESTS:
        if words and function.__name__ not in words:
            continue
        try:
            why = function()
        except Exception as error:  # pylint: disable=broad-except
            why = f"{type(error).__name__}: {error}"
        failed += bool(why)
        print(f"not ok {function.__name__}: {why}" if why else f"ok {function.__name__}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
