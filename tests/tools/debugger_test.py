# SPDX-License-Identifier: MIT
"""gdb's commands for Quire, driven in batch mode: the debug kernel on two processors and the release
kernel on one, side by side. What is tested is in debugger_session.py, which gdb runs.

    debugger_test.py BUILD [debug|release]
"""

import os
import subprocess
import sys
import tempfile
import threading
import types

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))

import cpio  # noqa: E402  # pylint: disable=wrong-import-position
import guest_files  # noqa: E402  # pylint: disable=wrong-import-position
import machine  # noqa: E402  # pylint: disable=wrong-import-position
import mkinitramfs  # noqa: E402  # pylint: disable=wrong-import-position

SECONDS = 240 * float(os.environ.get("QUIRE_SLOW", "1"))
RUNS = {"debug": 2, "release": 1}  # processors
FOLDER = os.path.dirname(os.path.abspath(__file__))


def configuration(build, flavour, socket):
    writer = cpio.CpioWriter(["etc"])
    writer.directory("tests")
    for name in ("debuggee", "debuggee_pie"):
        program = mkinitramfs.program(os.path.join(build, "user/tests", name))
        writer.file(f"tests/{name}", program, 0o755)
    writer.file("etc/quire/run", b"mode=run\ntty=0\njoin=1\n")
    writer.file("etc/quire/argv", b"/tests/debuggee\0")
    return machine.Config(
        kernel=os.path.join(build, flavour, "quire.elf"),
        archives=[os.path.join(build, "initramfs.cpio")],
        extra_archive=writer.bytes(), processors=RUNS[flavour], gdb_socket=socket)


def session(build, flavour):
    """Runs one of them; returns what gdb printed."""
    with tempfile.TemporaryDirectory(prefix="quire-debugger-") as folder:
        socket = os.path.join(folder, "gdb")
        guest_files.write_table(socket, types.SimpleNamespace(build=build, add=[]))
        config = configuration(build, flavour, socket)
        guest = machine.Machine(config, machine.Ports())
        thread = threading.Thread(target=guest.run)
        thread.start()
        try:
            return gdb(config, flavour)
        finally:
            guest.stop(machine.Outcome("stopped"))
            thread.join()


def gdb(config, flavour):
    words = ["gdb", "-nx", "-q", "-batch", "-x", guest_files.GDB_COMMANDS, config.kernel,
             "-ex", f"target remote {config.gdb_socket}",
             "-ex", f"source {os.path.join(FOLDER, 'debugger_session.py')}"]
    program = os.path.join(os.path.dirname(os.path.dirname(config.kernel)), "user/tests/debuggee")
    environment = dict(os.environ, QUIRE_TEST_FLAVOUR=flavour, QUIRE_TEST_PROGRAM=program,
                       QUIRE_TEST_PROCESSORS=str(config.processors))
    try:
        result = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, timeout=SECONDS, check=False,
                                text=True, errors="replace", env=environment)
    except subprocess.TimeoutExpired as error:
        return (error.stdout or b"").decode(errors="replace") + (
            f"\nnot ok {flavour}.end: gdb was not done after {SECONDS:g} s\n")
    return result.stdout


def unconnected(build):
    """Without a kernel, and without a machine, one line says what is missing."""
    cases = [("without_a_kernel", [], "quire: gdb has no symbols of Quire's kernel"),
             ("without_a_machine", [os.path.join(build, "debug/quire.elf")],
              "quire: gdb is not connected to a machine")]
    text = ""
    for name, words, wanted in cases:
        result = subprocess.run(
            ["gdb", "-nx", "-q", "-batch", "-x", guest_files.GDB_COMMANDS, *words,
             "-ex", "quire ps"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=SECONDS, check=False, text=True)
        lines = result.stdout.splitlines()
        good = len(lines) == 1 and lines[0].startswith(wanted)
        text += f"ok {name}\n" if good else f"not ok {name}: {' '.join(lines)}\n"
    return text


def main():
    build = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else os.path.join(ROOT, "build")
    texts = {}
    threads = [threading.Thread(target=lambda flavour=flavour: texts.update(
        {flavour: session(build, flavour)})) for flavour in sys.argv[2:] or RUNS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    text = "".join(texts.values()) + unconnected(build)
    sys.stdout.write(text)
    complete = text.count(".not_while_it_runs") == len(threads)
    if not complete:
        print("not ok all_steps_were_made: gdb ended early")
    return 0 if complete and "not ok" not in text and "Traceback" not in text else 1


if __name__ == "__main__":
    sys.exit(main())
