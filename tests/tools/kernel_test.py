# SPDX-License-Identifier: MIT
"""Runs the tests inside the kernel (tests/kernel), a boot for each.

    python3 tests/tools/kernel_test.py BUILD [NAME...]

The kernel is BUILD/debug/quire-test.elf. A test that is meant to panic must do so with the words
given here, registers and a backtrace that names a function; the others must say that they are ok.
What a test that consists of several says of each in the log is passed on.
"""

import os
import re
import subprocess
import sys
import tempfile
import time

PANIC_EXIT = 85
BOOT_SECONDS = 60

# What each is to panic with; None: it must end well.
TESTS = {
    "stack-overflow": r"kernel stack overflow at 0xffffc9",
    "boot-stack-overflow": r"kernel stack overflow at 0xffffffff8",
    "double-fault": r"double fault in the kernel",
    "nmi": r"NMI",
    "null-write": r"page fault in the kernel: write of 0, error 0x2",
    "null-call": r"page fault in the kernel: execution of 0, error 0x10",
    "text-write": r"page fault in the kernel: write of 0xffffffff8\w+, error 0x3",
    "text-write-direct": r"page fault in the kernel: write of 0xffff888\w+, error 0x3",
    "rodata-write": r"page fault in the kernel: write of 0xffffffff8\w+, error 0x3",
    "data-execute": r"page fault in the kernel: execution of 0xffffffff8\w+, error 0x11",
    "direct-map-execute": r"page fault in the kernel: execution of 0xffff888\w+, error 0x11",
    "user-address": r"page fault in the kernel: write of 0x10000",
    "lock-order": r"lock order: 'outer' \(rank \d+\) is taken while 'inner' \(rank \d+\) is held",
    "lock-twice": r"lock 'outer' is taken twice",
    "lock-not-held": r"a lock is released that is not held",
    "sleep-with-lock": r"assertion failed: cpu_may_sleep\(\)",
    "kernel-map": None,
    "stacks-return": None,
    "kmap-enter": None,
    "clock": None,
    "uaccess-bad": None,
    "pmap": None,
    "no-such-test": r"there is no selftest 'no-such-test'",
}


def command(kernel, name, log):
    return ["qemu-system-x86_64", "-machine", "pc", "-accel", "tcg", "-cpu", "max", "-m", "64",
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-kernel", kernel, "-append", f"selftest={name}", "-monitor", "stdio",
            "-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-debugcon", f"file:{log}"]


def read(path):
    try:
        with open(path, errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def boot(kernel, name):
    """Returns QEMU's exit status (None: it did not end) and the kernel's log."""
    with tempfile.TemporaryDirectory(prefix="quire-kernel-") as folder:
        log = os.path.join(folder, "log")
        guest = subprocess.Popen(command(kernel, name, log), stdin=subprocess.PIPE,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
        end = time.monotonic() + BOOT_SECONDS
        asked = name != "nmi"
        while guest.poll() is None and time.monotonic() < end:
            if not asked and "selftest nmi: waiting" in read(log):
                asked = True
                guest.stdin.write("nmi\n")
                guest.stdin.flush()
            time.sleep(0.05)
        status = guest.poll()
        guest.kill()
        guest.wait()
        guest.stdin.close()
        return status, read(log)


def judge(name, status, log):
    """What is wrong, or None."""
    words = TESTS[name]
    panic = re.search(r"panic: (.*)", log)
    if status is None:
        return f"it did not end within {BOOT_SECONDS} s"
    if words is None:
        if panic:
            return f"panic: {panic.group(1)}"
        return None if status == 0 and f"selftest {name}: ok" in log else f"QEMU's status {status}"
    if not panic:
        return f"no panic, QEMU's status {status}"
    if not re.fullmatch(words + r".*", re.sub(r"^kernel/\S+: ", "", panic.group(1))):
        return f"panic: {panic.group(1)}"
    if status != PANIC_EXIT:
        return f"QEMU's status is {status}, not {PANIC_EXIT}"
    if "cr3 0x" not in log:
        return "the panic shows no registers"
    if not re.search(r"backtrace:\n.*\b\w+\+0x", log, re.DOTALL):
        return "the backtrace names no function"
    return None


def parts(log):
    """What a test that consists of several says of each: `ok SUITE: NAME`, and why not."""
    return re.findall(r"^\[[ \d.]+\] (ok|not ok) \w+: ([^:\n]+)((?:: .*)?)$", log, re.MULTILINE)


def main():
    kernel = os.path.join(sys.argv[1], "debug", "quire-test.elf")
    failed = 0
    for name in sys.argv[2:] or TESTS:
        status, log = boot(kernel, name)
        for verdict, part, failure in parts(log):
            print(f"{verdict} {name}/{part.replace(' ', '-')}{failure}", flush=True)
        why = judge(name, status, log)
        failed += why is not None
        print(f"not ok {name}: {why}" if why else f"ok {name}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
