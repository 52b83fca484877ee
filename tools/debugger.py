# SPDX-License-Identifier: MIT
"""./quire debug: the machine waits at its first instruction, with gdb attached to it.

gdb has the terminal; what the guest prints appears between gdb's own lines. The guest runs the
program that was given, or the tour. gdb has the commands of tools/gdb: `help quire`. GDB_ARGS in the environment holds more arguments for gdb.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

import guest_files
import machine
import session


def run(options, program):
    if not shutil.which("gdb"):
        raise session.UsageError("there is no gdb: run `make setup`")
    options.gdb, options.debug = True, True
    spec = session.run_specification("run" if program else "tour", options, False)
    config = session.machine_config(options, spec, program)
    with tempfile.TemporaryDirectory(prefix="quire-gdb-") as folder:
        config.gdb_socket = os.path.join(folder, "gdb")
        guest_files.write_table(config.gdb_socket, options)
        return _debug(config, options)


def _debug(config, options):
    log = session.writer_to(2) if options.verbose else None
    guest = machine.Machine(config, machine.Ports(
        output=session.writer_to(1), error=session.writer_to(2), log=log))
    ended = []
    thread = threading.Thread(target=lambda: ended.append(guest.run()))
    thread.start()
    try:
        signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is gdb's
        words = ["gdb", "-q", *guest_files.GDB_WORDS.split(),
                 "-ex", f"target remote {config.gdb_socket}"]
        words += shlex.split(os.environ.get("GDB_ARGS", "")) + [config.kernel]
        sys.stdout.flush()
        status = subprocess.run(words, check=False).returncode
    finally:
        guest.stop(machine.Outcome("stopped"))
        thread.join()
    outcome = ended[0]
    return status if outcome.kind in ("stopped", "exit") else session.report(outcome)
