# SPDX-License-Identifier: MIT
"""The trace's way out of the machine: with and without a device, with listeners that come, go or
do not read, with another port beside it, by the serial port.

    trace_port_test.py BUILD [TEST...]

Each test is a function that returns None, or why it failed. Nothing here depends on how quick
anything is: each side waits for what the other one says.
"""

import io
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time

import trace_test

ROOT = trace_test.ROOT
sys.path.insert(0, os.path.join(ROOT, "tools"))

import cpio  # noqa: E402
import machine  # noqa: E402
from trace import compare, stream  # noqa: E402

BUILD = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else os.path.join(ROOT, "build")
SLOW = float(os.environ.get("QUIRE_SLOW", "1"))
SECONDS = 200 * SLOW
CONSOLE = ["-device", "virtio-serial-pci,max_ports=4"]
PORT = ["-device", "virtserialport,chardev=trace,name=org.quire.trace"]
# Some hundred events a turn, until something is written to it.
BUSY = "while ! read -t 0 x; do /bin/busybox true; done; echo end"
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def program_archive(script):
    """What tells the guest to run a shell's script."""
    writer = cpio.CpioWriter(["etc"])
    writer.file("etc/quire/run", b"mode=run\ntty=0\n")
    writer.file("etc/quire/argv", b"sh\0-c\0" + script.encode() + b"\0")
    return writer.bytes()


class Guest:
    """A machine that runs a shell's script, in a thread of its own.

    words: for QEMU. say() writes to the script's input, wait_for() waits for its output."""

    def __init__(self, script, words=(), append="trace=virtio", processors=1):
        self._input, self._say = os.pipe()
        self.output, self.outcome = b"", None
        self._heard = threading.Condition()
        ports = machine.Ports(output=self._take, error=self._take, stdin_fd=self._input)
        self.machine = machine.Machine(machine.Config(
            kernel=os.path.join(BUILD, "release/quire.elf"),
            archives=[os.path.join(BUILD, "initramfs.cpio")], extra_archive=program_archive(script),
            append=append, memory="128M", processors=processors, run_limit=SECONDS,
            more_arguments=list(words)), ports)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        outcome = self.machine.run()
        with self._heard:
            self.outcome = outcome
            self._heard.notify_all()

    def _take(self, data):
        with self._heard:
            self.output += data
            self._heard.notify_all()

    def say(self, text):
        os.write(self._say, text.encode())

    def wait_for(self, text):
        """Whether the script says it before it ends."""
        with self._heard:
            self._heard.wait_for(lambda: text.encode() in self.output or self.outcome)
            return text.encode() in self.output

    def end(self, *lines):
        """Why it did not end as it should, with such lines in its log."""
        self._thread.join()
        os.close(self._say)
        os.close(self._input)
        text = self.machine.log.decode(errors="replace")
        if self.outcome.kind != "exit" or self.outcome.status != 0:
            return f"{self.outcome}; {text[-300:]}"
        missing = [line for line in lines if line not in text]
        return f"{missing} is not in the log: {text[-300:]}" if missing else None


def server(name):
    """QEMU's words for a socket that it waits at for a listener, and the socket's path."""
    path = os.path.join(FOLDER, name)
    return ["-chardev", f"socket,id=trace,path={path},server=on,wait=off"], path


def listen(path):
    """A file to read the stream from; QEMU waits there from its start on."""
    end = socket.socket(socket.AF_UNIX)
    while True:
        try:
            end.connect(path)
            break
        except (FileNotFoundError, ConnectionRefusedError):
            threading.Event().wait(0.01)
    end.settimeout(SECONDS)
    return end, end.makefile("rb")


class Follower:
    """Reads a live stream on, and compares its snapshots."""

    def __init__(self, file):
        self.reader = stream.Reader(file, "the trace", live=True)
        self.lines = []
        self.lost = 0
        self.reasons = []
        self.checker = compare.Checker(self.reader.schema, lambda time, lines: self.lines.extend(
            lines))
        self._records = iter(self.reader)

    def until(self, wanted):
        """Reads up to a record of which wanted(record) is true; False: the stream has ended."""
        for record in self._records:
            self.checker.apply(record)
            if record.name == "lost":
                self.lost += record["count"]
            if record.name == "snapshot_begin":
                self.reasons.append(self.reader.schema.enum_name("snapshot_reason",
                                                                 record["reason"]))
            if wanted(record):
                return True
        return False

    def snapshot(self):
        """Up to the end of the next snapshot; its reason, or None at the end of the stream."""
        found = self.until(lambda record: record.name == "snapshot_end")
        return self.reasons[-1] if found and self.reasons else None

    def rest(self):
        self.until(lambda record: False)
        return self.lines[:5]


def listen_again(path):
    """listen() and a follower. QEMU may shut the door on who comes while it learns that the one before
    has gone: he comes again."""
    begin = time.monotonic()
    while True:
        end, file = listen(path)
        try:
            return end, file, Follower(file)
        except stream.StreamError:
            file.close()
            end.close()
            if time.monotonic() - begin > SECONDS:
                raise


@test
def no_device():
    return Guest("echo hi").end("trace: there is no virtio console")


@test
def words_that_are_none():
    guest = Guest("echo hi", append="trace=sometimes trace.snapshot=1e9")
    return guest.end("trace: what is trace=sometimes")


@test
def an_old_device_is_left_alone():
    words = ["-device", "virtio-serial-pci,disable-modern=on", "-chardev", "null,id=trace"]
    return Guest("echo hi", words + PORT).end("from before version 1")


@test
def numbers_that_are_none():
    words, _ = server("numbers")
    append = "trace=virtio trace.snapshot=0.0001 trace.ring=4097"
    guest = Guest("echo hi", CONSOLE + words + PORT, append)
    return guest.end("trace.snapshot=0.0001 is not", "trace.ring=4097 is not")


@test
def nobody_listens():
    words, _ = server("nobody")
    guest = Guest("for i in 1 2 3 4 5; do /bin/busybox true; done; echo hi",
                  CONSOLE + words + PORT)
    return guest.end() or (None if guest.output == b"hi\n" else f"output {guest.output!r}")


@test
def a_listener_goes_and_another_comes():
    """Each gets a stream of his own: header, snapshot, events; the first goes in the middle."""
    words, path = server("again")
    guest = Guest(BUSY, CONSOLE + words + PORT)
    heard = []
    for _ in range(3):
        end, file, follower = listen_again(path)
        heard.append(follower.snapshot())
        if not follower.until(lambda record: record.name in ("exit", "copy")):
            return f"no events: {guest.end()}"
        file.close()
        end.close()
    end, file, follower = listen_again(path)
    heard.append(follower.snapshot())
    guest.say("x\n")
    wrong = follower.rest()
    why = guest.end()
    file.close()
    end.close()
    if why or wrong:
        return why or wrong
    return None if heard == ["start"] * 4 else f"the first snapshots: {heard}"


@test
def one_of_two_ports_behind_a_bridge():
    """Four processors; another port has another name, and is left alone."""
    words, path = server("two")
    other = os.path.join(FOLDER, "other")
    words = ["-device", "pci-bridge,id=bridge,chassis_nr=1",
             "-device", "virtio-serial-pci,bus=bridge,addr=3,max_ports=4",
             "-chardev", f"file,id=other,path={other}",
             "-device", "virtserialport,chardev=other,name=org.quire.tracer"] + words + PORT
    guest = Guest(BUSY, words, "trace=virtio trace.snapshot=0.1", processors=4)
    end, file = listen(path)
    follower = Follower(file)
    reason = follower.snapshot()
    follower.until(lambda record: follower.checker.snapshots > 0)
    guest.say("x\n")
    wrong = follower.rest()
    why = guest.end()
    end.close()
    if why or wrong or os.path.getsize(other):
        return why or f"{wrong}, {os.path.getsize(other)} bytes in the other port"
    return None if reason == "start" and follower.checker.snapshots > 0 else (
        f"{reason}, {follower.checker.snapshots} snapshots compared")


@test
def a_listener_who_does_not_read():
    """The guest goes on; events are lost and counted; a snapshot makes it whole again."""
    words, path = server("slow")
    work = "i=0; while [ $i -lt 300 ]; do /bin/busybox true; i=$((i+1)); done"
    guest = Guest(f"read x; {work}; echo done; {BUSY}", CONSOLE + words + PORT,
                  "trace=virtio trace.ring=16")
    end, file = listen(path)
    follower = Follower(file)
    reason = follower.snapshot()
    guest.say("go\n")
    if not guest.wait_for("done"):
        return guest.end()
    found = follower.until(lambda record: follower.lost)
    compared = follower.checker.snapshots
    found = found and follower.until(lambda record: follower.checker.snapshots > compared)
    guest.say("x\n")
    wrong = follower.rest()
    why = guest.end()
    end.close()
    if why or wrong:
        return why or wrong
    if reason != "start" or not found or "lost" not in follower.reasons:
        return f"{follower.lost} lost, {follower.reasons}"
    return None


@test
def by_the_serial_port():
    """Its bytes go to a file, one by one: nothing waits for a reader."""
    script = "for i in 1 2 3 4 5 6 7 8; do /bin/busybox true; done"
    path = os.path.join(FOLDER, "serial")
    with open(os.path.join(FOLDER, "initrd"), "wb") as file, open(
            os.path.join(BUILD, "initramfs.cpio"), "rb") as archive:
        file.write(archive.read() + program_archive(script))
    words = machine.hardware("128M", 1, False) + [
        "-kernel", os.path.join(BUILD, "release/quire.elf"), "-initrd", file.name,
        "-append", "trace=com2", "-serial", "null", "-serial", f"file:{path}", "-serial", "null",
        "-serial", "null"]
    status = subprocess.run(words, stdin=subprocess.DEVNULL, timeout=SECONDS, check=False)
    with open(path, "rb") as file:
        follower = Follower(file)
        wrong = follower.rest()
    if status.returncode or wrong or follower.reader.cut or not follower.checker.snapshots:
        return (f"{status.returncode}, {wrong}, {follower.reader.cut}, "
                f"{follower.checker.snapshots} compared")
    return None


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="quire-port-") as FOLDER:
        sys.exit(trace_test.main(TESTS))
