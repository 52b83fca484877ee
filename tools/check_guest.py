# SPDX-License-Identifier: MIT
"""Runs test programs inside Quire, many in one boot, and goes on after what stops it.

tests/runner/run_tests.c runs them in the guest and marks where each begins and ends. A program or
a kernel that says nothing for too long, a panic or a reset fails the subtest that was running,
which is the first one not yet heard of; the rest is run in another boot.
"""

import re
import subprocess
import threading
import time

import cpio
import machine

PROGRAM_SECONDS = 300  # what the guest's runner gives each program
SILENCE_SECONDS = 150   # without a word from the guest
BOOT_SECONDS = 60
BOOTS_MAX = 12


class Program:
    """A test program and those of its subtests that have yet to be heard of."""

    def __init__(self, name, host_path, subtests=None):
        self.name = name
        self.host_path = host_path
        self.left = list(subtests) if subtests is not None else self._list()
        self.selective = subtests is not None

    def _list(self):
        try:
            listed = subprocess.run([self.host_path, "-l"], capture_output=True, text=True,
                                    timeout=20, check=False, stdin=subprocess.DEVNULL)
        except (OSError, subprocess.TimeoutExpired):
            return []
        return listed.stdout.split() if listed.returncode == 0 else []

    def command(self):
        words = [f"/tests/{self.name}"]
        return " ".join(words + self.left if self.selective else words)


class Batch:
    """run() boots as often as it takes to hear of every subtest of every program."""

    def __init__(self, suite, report, config_for, programs, jobs, number):
        self._suite = suite
        self._log_name = f"{suite} machine {number}"
        self._report = report
        self._config_for = config_for  # called with the extra archive for each boot
        self._waiting = list(programs)
        self._slow = jobs.slow
        self._long = jobs.long
        self._current = None
        self._failed_lines = 0
        self._partial = b""
        self._last_heard = 0.0
        self._transcript = b""

    def run(self):
        for boot in range(BOOTS_MAX):
            if not self._waiting:
                return
            outcome = self._boot()
            if self._current is not None or outcome.kind != "exit":
                self._blame(outcome, boot)
        for program in self._waiting:
            self._report.fail(f"{self._suite} {program.name}", "not run: too many boots failed")

    def _boot(self):
        writer = cpio.CpioWriter(["etc", "tests"])
        writer.file("etc/quire/run", b"mode=run\ntty=0\nLONG=%d\n" % self._long)
        words = ["/tests/run_tests", str(PROGRAM_SECONDS)]
        words += [program.command() for program in self._waiting]
        writer.file("etc/quire/argv", b"".join(word.encode() + b"\0" for word in words))
        ports = machine.Ports(output=self._output, error=self._output)
        guest = machine.Machine(self._config_for(writer.bytes()), ports)
        self._current, self._partial = None, b""
        self._last_heard = time.monotonic()
        ended = threading.Event()
        watch = threading.Thread(target=self._watch, args=(guest, ended), daemon=True)
        watch.start()
        try:
            outcome = guest.run()
        finally:
            ended.set()
        watch.join()
        self._transcript += b"\n---- kernel log ----\n" + bytes(guest.log) + b"\n"
        self._report.log(self._log_name, self._transcript)
        return outcome

    def _watch(self, guest, ended):
        while not ended.wait(1.0):
            if time.monotonic() - self._last_heard > SILENCE_SECONDS * self._slow:
                guest.stop(machine.Outcome("hang", detail="nothing was heard for "
                                           f"{SILENCE_SECONDS * self._slow:g} s"))

    # ---- what the guest says ----

    def _output(self, data):
        self._last_heard = time.monotonic()
        self._transcript += data
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            self._line(line.decode(errors="replace").rstrip("\r"))

    def _line(self, line):
        begin = re.fullmatch(r"@begin /tests/(\S+)", line)
        end = re.fullmatch(r"@end /tests/(\S+) (\d+)", line)
        if begin:
            self._current = next((p for p in self._waiting if p.name == begin.group(1)), None)
            self._failed_lines = 0
        elif end and self._current:
            self._program_ended(int(end.group(2)))
        elif self._current:
            heard = self._report.parse(f"{self._suite} {self._current.name}", line)
            if heard:
                self._failed_lines += line.startswith("not ok")
                if heard in self._current.left:
                    self._current.left.remove(heard)

    def _program_ended(self, status):
        program, self._current = self._current, None
        self._waiting.remove(program)
        name = f"{self._suite} {program.name}"
        meaning = {124: f"it ran longer than {PROGRAM_SECONDS} s"}.get(status)
        if status >= 128:
            meaning = f"it was killed by signal {status - 128}"
        for subtest in program.left:
            self._report.fail(f"{name} {subtest}", meaning or "nothing was heard of it")
        if not program.left and status not in (0, 77) and not self._failed_lines:
            self._report.fail(name, meaning or f"it exited with {status}")

    def _blame(self, outcome, boot):
        """The machine did not come through: says whose fault it is, and what is left to run."""
        why = f"{outcome.kind}: {outcome.detail}" if outcome.detail else outcome.kind
        why = why.splitlines()[0] + f" (see {self._report.log(self._log_name, self._transcript)})"
        program = self._current
        if program is None:
            self._report.fail(f"{self._log_name} boot {boot + 1}", why)
            return
        suite = f"{self._suite} {program.name}"
        if program.left:
            self._report.fail(f"{suite} {program.left.pop(0)}", why)
        else:
            self._report.fail(suite, why)
        program.selective = True
        if not program.left:
            self._waiting.remove(program)
