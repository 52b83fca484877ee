# SPDX-License-Identifier: MIT
"""The rows of several processors (`bench --scaling`), and the machines that they are run in.

Time is taken on PROCESSORS processors, each a thread of the host.

Instructions and waits for locks are counted with -icount: QEMU runs the processors in turns on one
thread, in the same order each time, and the clock counts the instructions of all of them. A turn
ends when something is due in the machine, which may be a whole row later. So something is due every
TURN_US microseconds: a filter of a network that does not exist. Where a turn ends so, QEMU 7.2 lets
the next processor run for no time at all. So every other processor is never used (STRIDE), and on
Linux never started, which would wait for one of those for ever: `maxcpus=1`, and the first program
starts the others (tests/bench/linux/init.c).

Waits are counted in shorter turns of slower processors, WAIT_SHIFT: 125 instructions each. Then who
has a lock is interrupted as often as not, and whoever wants it too comes in between, as if they ran
side by side.
"""

import os
import re

import bench_run
import cpio
import machine

PROCESSORS = 4
STRIDE = 2
TURN_US, WAIT_TURN_US = 100, 1
WAIT_SHIFT = 3  # an instruction takes 1 << 3 ns
REPETITIONS = 2  # counts repeat
LINUX_WORDS = "maxcpus=1"
SECONDS = 300

# Rows whose operations have nothing in common, so that they are to wait for nothing, but now and
# then for a batch of frames; and the most that this comes to for 1,000 of them.
INDEPENDENT = re.compile(r"faults_.*")
MOST_WAITS = 10
# Those that may wait all the same, as yet: a debt.
WAITING = ()


def rows_of(program):
    return bench_run.rows_of(program, ["--scaling"])


def turns(microseconds=TURN_US, shift=0):
    """Words for QEMU that give processors turns of that length."""
    return ["-icount", f"shift={shift},sleep=off", "-netdev", "hubport,id=turns,hubid=0",
            "-object", f"filter-buffer,id=turn,netdev=turns,queue=all,interval={microseconds}"]


def words(icount, *more):
    """What the bench is told."""
    counting = ["--stride", str(STRIDE), "--repeat", str(REPETITIONS)]
    return ["--scaling", *(counting if icount else ["--wall"]), *more]


def wall_command(root, build, *more):
    return bench_run.quire_command(root, build, False, ["--smp", str(PROCESSORS)],
                                   words(False, *more))


def instructions_of(build, *more, seconds=SECONDS):
    """{row: instructions of all processors per operation} on Quire; more words are for the bench."""
    return _in_turns(build, words(True, *more), turns(), seconds)


def waits_of(build, *more, seconds=SECONDS):
    """{row: waits for locks of the kernel per 1,000 operations} on Quire."""
    return _in_turns(build, words(True, "--waits", *more), turns(WAIT_TURN_US, WAIT_SHIFT), seconds)


def _in_turns(build, bench_words, qemu_words, seconds):
    archives = [os.path.join(build, name) for name in ("initramfs.cpio", "tests.cpio")]
    writer = cpio.CpioWriter(["etc"])
    writer.file("etc/quire/run", b"mode=run\ntty=0\n")
    writer.file("etc/quire/argv", b"".join(
        word.encode() + b"\0" for word in [bench_run.PROGRAM, *bench_words]))
    config = machine.Config(
        kernel=os.path.join(build, "release/quire.elf"), archives=archives,
        extra_archive=writer.bytes(), memory=bench_run.MEMORY, processors=PROCESSORS * STRIDE,
        icount=True, run_limit=seconds, more_arguments=qemu_words)
    heard = bytearray()
    outcome = machine.Machine(config, machine.Ports(output=heard.extend)).run()
    if outcome.kind != "exit" or outcome.status != 0:
        raise bench_run.Failed(f"several processors: {outcome.kind} {outcome.status} "
                               f"{outcome.detail}")
    lines = [line.split() for line in heard.decode(errors="replace").splitlines()]
    return {line[0]: bench_run.value_of(line[1]) for line in lines if len(line) == 2}


def judge_waits(name, waits, waiting=WAITING):
    """(why a row that is to wait for nothing fails or None, what there is to note)"""
    if not bench_run.is_number(waits):
        return f"its waits are {waits}", ""
    if waits <= MOST_WAITS:
        note = f"{waits:g} waits for a lock in 1,000"
        return None, note + (" (it waits no more: bench_scaling.WAITING)" if name in waiting else "")
    if name in waiting:
        return None, f"{waits:g} waits for a lock in 1,000 (owed: {MOST_WAITS})"
    return f"{waits:g} waits for a lock in 1,000, more than {MOST_WAITS}", ""
