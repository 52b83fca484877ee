# SPDX-License-Identifier: MIT
"""Runs the tests that are inside the kernel (tests/kernel), each in a boot of its own.

tests/kernel/expected says with which words each is to end, one test a line:
    NAME WORDS          the kernel panics, and says so with these words
    NAME ok             it says `selftest NAME: ok`
Before the name may stand `debug:` for a test that only means something in the debug kernel. Lines
`ok NAME` and `not ok NAME: WHY` in the log count as tests of their own.
"""

import os
import socket
import tempfile

import cpio
import machine

SECONDS = 60
NMI_TEST, NMI_CUE = "nmi", b"selftest nmi: waiting"


def read_expected(path):
    """[(name, words, only in the debug kernel)]"""
    tests = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            debug_only = line.startswith("debug:")
            name, _, words = line.removeprefix("debug:").partition(" ")
            tests.append((name, words.strip() or "ok", debug_only))
    return tests


def run(report, suite, kernel, name, words, slow):
    """Boots the kernel for one test and reports it."""
    with tempfile.TemporaryDirectory(prefix="quire-kernel-") as folder:
        monitor = os.path.join(folder, "monitor")
        cue = _Cue(monitor)
        config = machine.Config(
            kernel=kernel, archives=[], extra_archive=cpio.CpioWriter().bytes(), memory="128M",
            processors=2,  # idle, but for the tests that start them
            append=f"selftest={name}", run_limit=SECONDS * slow, more_arguments=[
                "-chardev", f"socket,id=monitor,path={monitor},server=on,wait=off",
                "-mon", "chardev=monitor"])
        ports = machine.Ports(log=cue.look if name == NMI_TEST else None)
        guest = machine.Machine(config, ports)
        outcome = guest.run()
    log = machine.STAMP.sub("", guest.log.decode(errors="replace"))
    path = report.log(f"{suite} {name}", log)
    heard = [report.parse(f"{suite} {name}", line) for line in log.splitlines()]
    why = verdict(outcome, log, name, words)
    if why or not any(heard):
        report.result(f"{suite} {name}", why and f"{why} (see {path})")


def verdict(outcome, log, name, words):
    """Why the test failed, or None."""
    if words == "ok":
        if outcome.kind == "reset" and f"selftest {name}: ok\n" in log:
            return None
        return f"{outcome.kind}: {outcome.detail.splitlines()[0] if outcome.detail else ''}"
    if outcome.kind != "panic":
        return f"{outcome.kind} instead of a panic"
    return None if words in outcome.detail else f"its panic does not say {words!r}"


class _Cue:
    """Sends the machine an NMI when the test waits for one."""

    def __init__(self, monitor):
        self._monitor = monitor
        self._log = b""
        self._done = False
        self._connection = None

    def look(self, data):
        self._log += data
        if NMI_CUE in self._log and not self._done:
            self._done = True
            # Stays open: QEMU drops what was sent by who has hung up.
            self._connection = socket.socket(socket.AF_UNIX)
            self._connection.connect(self._monitor)
            self._connection.sendall(b"nmi\n")
