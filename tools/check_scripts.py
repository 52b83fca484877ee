# SPDX-License-Identifier: MIT
"""Runs a shell script on Quire and on Linux, and compares all that it wrote and its status.

Both sides start it the same way: `sh NAME.sh` or `bash NAME.sh`, in an empty folder with only the
script in it, the same few variables set, nothing on standard input, and no command but those of
Debian's static busybox. A script whose second line is `# shells: sh` is for that shell alone.
"""

import os
import shutil
import subprocess
import tempfile


BUSYBOX, BASH = "/bin/busybox", "/bin/bash-static"
SHELLS = ("sh", "bash")
SECONDS = 120
GUEST_FOLDER = "/tmp/script"


def shells_of(path):
    """The shells that the script is for."""
    with open(path, encoding="utf-8") as file:
        lines = [next(file, "") for _ in range(4)]
    for line in lines:
        if line.startswith("# shells:"):
            return line.split(":", 1)[1].split()
    return list(SHELLS)


def on_linux(path, shell, slow):
    """(status, output, errors) of the script on this machine."""
    with tempfile.TemporaryDirectory(prefix="quire-script-") as folder:
        commands = os.path.join(folder, "bin")
        work = os.path.join(folder, "work")
        os.mkdir(commands)
        os.mkdir(work)
        listing = subprocess.run([BUSYBOX, "--list"], check=True, capture_output=True, text=True)
        for applet in listing.stdout.split():
            os.symlink(BUSYBOX, os.path.join(commands, applet))
        os.symlink(BASH, os.path.join(commands, "bash"))
        shutil.copy(path, work)
        result = subprocess.run(
            [os.path.join(commands, shell), os.path.basename(path)], cwd=work,
            stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS * slow, check=False,
            env={"PATH": commands, "HOME": "/root", "USER": "root", "TERM": "vt100",
                 "SHELL": "/bin/sh"})
        return _status(result.returncode), result.stdout, result.stderr


def on_quire(path, shell, quire, slow):
    """(status, output, errors) of the script inside Quire. quire: the command and its options."""
    name = os.path.basename(path)
    result = subprocess.run(
        quire + ["--timeout", str(SECONDS * slow), "--add", f"{path}:{GUEST_FOLDER}/{name}",
                 "--cwd", GUEST_FOLDER, "--", shell, name],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS * slow + 60, check=False)
    return result.returncode, result.stdout, result.stderr


def compare(report, path, shell, quire, slow):
    name = f"script {os.path.basename(path).removesuffix('.sh')} {shell}"
    wanted = on_linux(path, shell, slow)
    found = on_quire(path, shell, quire, slow)
    for index, what in enumerate(("status", "output", "errors")):
        if wanted[index] != found[index]:
            log = report.log(name, _both(wanted, found))
            report.fail(name, f"{_difference(what, wanted[index], found[index])} (see {log})")
            return
    if not wanted[1]:
        report.fail(name, "it writes nothing, so nothing was compared")
        return
    report.ok(name)


def _difference(what, wanted, found):
    if what == "status":
        return f"status {found}, on Linux {wanted}"
    wanted, found = wanted.splitlines(), found.splitlines()
    for number, (left, right) in enumerate(zip(wanted, found), 1):
        if left != right:
            return f"line {number} of its {what} is {right[:80]!r}, on Linux {left[:80]!r}"
    return f"{len(found)} lines of {what}, on Linux {len(wanted)}"


def _both(wanted, found):
    parts = []
    for title, (status, output, errors) in (("Linux", wanted), ("Quire", found)):
        parts += [f"==== {title}: status {status}\n".encode(), output, b"\n---- errors\n", errors]
    return b"".join(parts)


def _status(code):
    return 128 - code if code < 0 else code
