# SPDX-License-Identifier: MIT
"""Boots Quire in machines of several sizes, to its prompt in time, and through the tour."""

import os
import subprocess
import sys
import time

import cpio
import machine

SECONDS = 90
PROMPT_SECONDS = 3.0
PROMPT_TRIES = 4
MEMORY_SIZES = ("32M", "512M", "3G", "16G")
# What the kernel may keep for itself: 2% of the memory and 8 MiB.
KERNEL_SHARE, KERNEL_BYTES = 0.02, 8 << 20


def memory(report, quire, size, slow):
    """A machine of this size boots, uses all of it, and keeps little for the kernel."""
    name = f"boot {size}"
    result = subprocess.run(
        quire + ["--mem", size, "--timeout", str(SECONDS * slow), "--", "cat", "/proc/meminfo"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
        timeout=SECONDS * slow + 60, check=False)
    if result.returncode != 0:
        report.fail(name, f"status {result.returncode}: {result.stderr.strip()[:200]}")
        return
    report.result(name, _meminfo_complaint(result.stdout, _bytes(size)))


def _meminfo_complaint(text, ram):
    fields = {}
    for line in text.splitlines():
        words = line.replace(":", " ").split()
        if len(words) >= 2 and words[1].isdigit():
            fields[words[0]] = int(words[1]) * 1024
    missing = {"MemTotal", "MemFree"} - set(fields)
    if missing:
        return f"/proc/meminfo has no {', '.join(sorted(missing))}"
    users = fields.get("Cached", 0) + fields.get("AnonPages", 0)
    own = ram - fields["MemFree"] - users
    limit = KERNEL_SHARE * ram + KERNEL_BYTES
    if own > limit:
        return f"the kernel keeps {own >> 10} KiB of {ram >> 20} MiB, more than {int(limit) >> 10}"
    return None


def prompt(report, kernel, initramfs, slow):
    """The shell's prompt stands on the terminal in time; the best of some tries counts, since
    other tests run beside this one."""
    best = None
    for _ in range(PROMPT_TRIES):
        seconds = _prompt_seconds(kernel, initramfs, slow)
        if seconds is not None and (best is None or seconds < best):
            best = seconds
        if best is not None and best <= PROMPT_SECONDS:
            break
    if best is None:
        report.fail("boot prompt", "no prompt came")
    elif best > PROMPT_SECONDS * slow:
        report.fail("boot prompt", f"it took {best:.1f} s, more than {PROMPT_SECONDS:g}")
    else:
        report.ok("boot prompt")


def _prompt_seconds(kernel, initramfs, slow):
    writer = cpio.CpioWriter(["etc"])
    writer.file("etc/quire/run", b"mode=shell\ntty=1\nrows=24\ncols=80\nTERM=vt100\n")
    seen, start, found = bytearray(), time.monotonic(), []

    def output(data):
        seen.extend(data)
        if b"# " in seen and not found:
            found.append(time.monotonic() - start)
            guest.stop(machine.Outcome("stopped"))

    config = machine.Config(kernel=kernel, archives=[initramfs], extra_archive=writer.bytes(),
                            run_limit=SECONDS * slow)
    guest = machine.Machine(config, machine.Ports(output=output))
    guest.run()
    return found[0] if found else None


def tour(report, quire, slow):
    """The tour plays to its end and finds nothing wrong."""
    result = subprocess.run(quire + ["--timeout", str(2 * SECONDS * slow)],
                            stdin=subprocess.DEVNULL, capture_output=True, text=True,
                            errors="replace", timeout=2 * SECONDS * slow + 60, check=False)
    path = report.log("tour", result.stdout + "\n---- errors\n" + result.stderr)
    why = None
    if result.returncode != 0:
        why = f"status {result.returncode} (see {path})"
    elif len(result.stdout) < 200:
        why = f"it says too little (see {path})"
    report.result("tour", why)


def _bytes(size):
    return int(size[:-1]) << {"M": 20, "G": 30}[size[-1]]


def quire_command(root, build, command="run"):
    return [sys.executable, os.path.join(root, "tools/quire.py"), command, "--build", build]
