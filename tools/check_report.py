# SPDX-License-Identifier: MIT
"""Counts tests and prints one line for each.

Every test program, on the host, in a guest and in the kernel, says what became of its tests in
the same words, a line each: `ok NAME` (`: NOTE`), `not ok NAME: WHY` or `skip NAME: WHY`.
"""

import os
import re
import sys
import threading

RESULT_LINE = re.compile(r"(ok|not ok|skip) ([^:]+?)(?:: (.*))?\s*$")


class Report:
    """Where results go; may be used from several threads."""

    def __init__(self, log_folder):
        self.log_folder = log_folder
        self.passed = 0
        self.failed = 0
        self.skipped = 0
        self.failures = []
        self.names = set()
        self._repeated = set()
        self._lock = threading.Lock()
        os.makedirs(log_folder, exist_ok=True)

    def ok(self, name, note=""):
        self._line("ok", name, note)

    def fail(self, name, why):
        self._line("FAIL", name, why)

    def skip(self, name, why):
        self._line("skip", name, why)

    def result(self, name, why):
        """Passed if there is no reason why not."""
        if why:
            self.fail(name, why)
        else:
            self.ok(name)

    def log(self, name, text):
        """Keeps text for whoever looks into a failure; returns where."""
        path = os.path.join(self.log_folder, re.sub(r"[^\w.-]+", "-", name) + ".log")
        with open(path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode(errors="replace"))
        return path

    def parse(self, suite, line):
        """Counts the test that a program's line tells of; returns its name, or None."""
        match = RESULT_LINE.match(line)
        if not match:
            return None
        kind, name, why = match.groups()
        full = f"{suite} {name}"
        if kind == "ok":
            self.ok(full, why or "")
        elif kind == "skip":
            self.skip(full, why or "no reason given")
        else:
            self.fail(full, why or "no reason given")
        return name

    def finish(self):
        """Prints what failed once more and the last line; returns the exit status."""
        if self.failures:
            print("\nWhat failed:")
            print("".join(self.failures))
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed or not self.passed else 0

    def _line(self, kind, name, note):
        with self._lock:
            if name in self.names:
                if name in self._repeated:
                    return
                self._repeated.add(name)
                kind, note = "FAIL", "reported more than once"
            self.names.add(name)
            self.passed += kind == "ok"
            self.failed += kind == "FAIL"
            self.skipped += kind == "skip"
            note = " ".join(note.split())
            line = f"{kind:4} {name}{': ' + note if note else ''}\n"
            if kind == "FAIL":
                self.failures.append(line)
            sys.stdout.write(line)
            sys.stdout.flush()


def first_line(text, default):
    """The first line of text that is not blank, for a reason on one line."""
    return next((line.strip() for line in text.splitlines() if line.strip()), default)
