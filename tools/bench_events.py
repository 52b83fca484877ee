# SPDX-License-Identifier: MIT
"""What a count of instructions hides: how many of them are atomic, drop translations, load CR3 or
leave the processor, for each row of tests/bench on Quire.

Nothing in the kernel counts them. The places of such instructions are read from the kernel's
disassembly; QEMU runs one instruction at a time and writes down each time it comes to one of them,
and each time that tests/bench takes the time, so that what lies between can be told apart.
"""

import os
import re
import subprocess
import sys
import tempfile

import bench_run
import cpio
import machine

KINDS = [  # name, head of its column, pattern of the instruction
    ("atomics", "atomic", r"lock |xchg\s.*\("),
    ("page_flushes", "page flushes", r"invlpg|invpcid"),
    ("cr3_loads", "CR3 loads", r"mov\s+%\w+,%cr3"),
    ("traps", "traps and interrupts", r"iretq"),
    ("devices", "device and MSR accesses", r"in\s+\(|in\s+\$|out\s|wrmsr|rdmsr"),
]
MARKS = ("now", "measurement_begins")  # functions of tests/bench
START_MARKS = 16
TRACE = re.compile(rb"Trace \d+: \S+ \[[0-9a-f]+/([0-9a-f]+)/")
# Rows that one instruction at a time would take minutes for.
TOO_LONG = re.compile(r".*_1g.*|generation_.*")
SECONDS = 900


def places(kernel):
    """{address: kind} of the instructions to watch."""
    text = _output(["objdump", "-d", "--no-show-raw-insn", kernel])
    found = {}
    for match in re.finditer(r"^\s*([0-9a-f]+):\s+(.*)$", text, re.MULTILINE):
        for kind, _, pattern in KINDS:
            if re.match(pattern, match.group(2)):
                found[int(match.group(1), 16)] = kind
                break
    return found


def marks(program):
    """{address: function}"""
    found = {}
    for line in _output(["nm", program]).splitlines():
        words = line.split()
        if words[-1] in MARKS:
            found[int(words[0], 16)] = words[-1]
    if len(found) != len(MARKS):
        raise bench_run.Failed(f"{program} has no {' and '.join(MARKS)} to be watched")
    return found


def events_of(kernel, build, rows):
    """{row: {kind: events per operation}}; rows are names."""
    watched = {**places(kernel), **marks(os.path.join(build, "user/tests/bench"))}
    rows = [row for row in rows if not TOO_LONG.fullmatch(row)]
    progress = bench_run.Progress("Quire, counting events", sys.stderr)
    with tempfile.TemporaryDirectory(prefix="quire-bench-") as folder:
        trace = os.path.join(folder, "trace")
        output = _run(kernel, build, rows, sorted(watched), trace)
        operations = dict(line.split() for line in output.splitlines() if len(line.split()) == 2)
        with open(trace, "rb") as file:
            turns = _turns(file, watched)
    progress.end()
    return _per_operation(operations, turns)


def _run(kernel, build, rows, addresses, trace):
    """What the program printed; the trace is in its file afterwards."""
    archives = [os.path.join(build, name) for name in ("initramfs.cpio", "tests.cpio")]
    writer = cpio.CpioWriter(["etc"])
    writer.file("etc/quire/run", b"mode=run\ntty=0\n")
    words = [bench_run.PROGRAM, "--events", *rows]
    writer.file("etc/quire/argv", b"".join(word.encode() + b"\0" for word in words))
    config = machine.Config(
        kernel=kernel, archives=archives, extra_archive=writer.bytes(), memory="1G", icount=True,
        run_limit=SECONDS, more_arguments=[
            "-singlestep", "-d", "exec,nochain", "-D", trace,
            "-dfilter", ",".join(f"{address:#x}+1" for address in addresses)])
    heard = bytearray()
    outcome = machine.Machine(config, machine.Ports(output=heard.extend)).run()
    if outcome.kind != "exit" or outcome.status != 0:
        raise bench_run.Failed(f"counting events: {outcome.kind} {outcome.status} {outcome.detail}")
    return heard.decode(errors="replace")


def _turns(trace, watched):
    """A {kind: count} for each measurement: what came between its odd and even calls of now().
    Other programs have code at the same addresses: the bench begins START_MARKS measurements in a
    row before the first true one."""
    turns, counting, in_a_row = [], False, 0
    for line in trace:
        match = TRACE.match(line)
        kind = watched.get(int(match.group(1), 16)) if match else None
        in_a_row = in_a_row + 1 if kind == "measurement_begins" else 0
        if in_a_row == START_MARKS:
            turns = []
        elif kind == "measurement_begins":
            turns.append({})
            counting = False
        elif kind == "now":
            counting = not counting
        elif kind and counting and turns:
            turns[-1][kind] = turns[-1].get(kind, 0) + 1
    return turns


def _per_operation(operations, turns):
    """Each row that ran was measured twice, and the second time counts; one that is skipped began
    once. The program printed them in the order that it ran them in."""
    begun = sum(2 if count.isdigit() else 1 for count in operations.values())
    if len(turns) < begun:
        raise bench_run.Failed(f"counting events: {len(turns)} measurements, {begun} expected")
    at, result = 0, {}
    for row, divisor in operations.items():
        at += 2 if divisor.isdigit() else 1
        if divisor.isdigit():
            result[row] = {kind: turns[at - 1].get(kind, 0) / int(divisor) for kind, _, _ in KINDS}
    return result


def _output(words):
    try:
        result = subprocess.run(words, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise bench_run.Failed(f"there is no {words[0]}") from error
    if result.returncode != 0:
        raise bench_run.Failed(f"`{' '.join(words)}` failed: {result.stderr.strip()}")
    return result.stdout
