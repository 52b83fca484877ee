# SPDX-License-Identifier: MIT
"""Runs tests/bench in a machine with Quire or with Linux, and reads its lines."""

import os
import subprocess
import sys
import threading
import time

MEMORY = "4G"
LINUX_MEMORY = "4096"
PROGRAM = "/tests/bench"


class Failed(Exception):
    """A run that came to no figures; the text says why."""


class Row:
    """A line of `bench --list`."""

    def __init__(self, line):
        self.name, self.unit, self.group, self.what = line.split("\t")


def rows_of(program, which=()):
    """All rows, in order: the program says them itself, on this machine."""
    try:
        result = subprocess.run([program, *which, "--list"], capture_output=True, text=True, check=False)
    except OSError as error:
        raise Failed(f"{program}: {error.strerror}: run `make user-tests` first") from error
    return [Row(line) for line in result.stdout.splitlines()]


def quire_command(root, build, icount=True, more=(), words=()):
    """Quire with the bench in it; `more` are for ./quire, `words` for the bench."""
    return [sys.executable, os.path.join(root, "tools/quire.py"), "run", "--build", build,
            "--mem", MEMORY, *(["--icount"] if icount else []), *more,
            "--archive", os.path.join(build, "tests.cpio"), "--", PROGRAM, *words]


class Progress:
    """One line on a terminal that says how far a run is; elsewhere a line for each run."""

    def __init__(self, what, stream):
        self.what = what
        self.stream = stream
        self.live = stream.isatty()
        self.start = time.monotonic()
        if not self.live:
            stream.write(f"bench: {what}\n")
            stream.flush()

    def row(self, count, name):
        if self.live:
            self.stream.write(f"\r\033[Kbench: {self.what}: {count} rows, {name}")
            self.stream.flush()

    def end(self):
        if self.live:
            seconds = time.monotonic() - self.start
            self.stream.write(f"\r\033[Kbench: {self.what}: {seconds:.0f} s\n")


def run(command, what, seconds, stream=None):
    """{row: value} as the program printed them: numbers, or the words `skip` and `failed`. The
    progress is told to the stream, which is standard error."""
    progress = Progress(what, stream or sys.stderr)
    rows, status = {}, None
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, errors="replace")
    errors = []
    reader = threading.Thread(target=lambda: errors.append(process.stderr.read()), daemon=True)
    reader.start()
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    try:
        for line in process.stdout:
            words = line.split()
            if len(words) != 2:
                errors.append(line)
            elif words[0] == "exit":
                status = int(words[1])
            else:
                rows[words[0]] = value_of(words[1])
                progress.row(len(rows), words[0])
        process.wait()
    finally:
        late = not timer.is_alive()
        timer.cancel()
        if process.poll() is None:
            process.kill()
            process.wait()
        progress.end()
    reader.join(1)
    status = process.returncode or status or 0
    if status or not rows:
        why = f"it took longer than {seconds:g} s" if late else f"status {status}"
        last = next(reversed(rows), "none")
        raise Failed(f"{what}: {why}; the last row was {last}\n{''.join(errors).strip()[-600:]}")
    return rows


def value_of(word):
    try:
        return float(word) if "." in word else int(word)
    except ValueError:
        return word


def is_number(value):
    return isinstance(value, (int, float))
