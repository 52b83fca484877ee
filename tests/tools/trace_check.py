# SPDX-License-Identifier: MIT
"""The stream alone rebuilds the state at any moment: programs are recorded with many snapshots, and
what the events before each come to is compared with it.

    trace_check.py BUILD [TEST...]

How many snapshots there are depends on how quick the machine is, what is found does not: whatever
the moments, the events have to come to what is there. The first and the last one are always taken.

Whether the programs' own tests pass is for other jobs to say: some of them count every object of
the kernel's, and the trace has some of its own while a snapshot is on its way.
"""

import os
import re
import subprocess
import sys
import tempfile

import trace_test

ROOT = trace_test.ROOT
BUILD = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else os.path.join(ROOT, "build")
SLOW = float(os.environ.get("QUIRE_SLOW", "1"))
PROGRAM_SECONDS = 100
RUN_SECONDS = 200 * SLOW
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def quire(*words):
    result = subprocess.run([os.path.join(ROOT, "quire"), *words], stdin=subprocess.DEVNULL,
                            capture_output=True, timeout=RUN_SECONDS + 60, check=False)
    return (result.returncode, result.stdout.decode(errors="replace"),
            result.stderr.decode(errors="replace"))


def compared(programs, *options, kernel="release"):
    """Records programs of tests/user, one after the other, and checks the recording. Why it is not
    as it should be."""
    path = os.path.join(FOLDER, f"{len(os.listdir(FOLDER))}.trace")
    words = ["--build", BUILD, "--kernel", os.path.join(BUILD, kernel, "quire.elf"), "--archive",
             os.path.join(BUILD, "tests.cpio"), "--timeout", str(RUN_SECONDS), *options]
    status, output, errors = quire("record", "-o", path, *words, "--", "/tests/run_tests",
                                   str(PROGRAM_SECONDS), *programs)
    ends = re.findall(r"^@end \S+ (\d+)", output, re.MULTILINE)
    if status not in (0, 1) or len(ends) != len(programs) or set(ends) - {"0", "1"}:
        failed = [line for line in output.splitlines() if line.startswith("not ok")]
        return f"record: {status}, programs: {ends} {failed[:3]}: {errors[-300:]}"
    status, output, errors = quire("replay", path, "--check")
    os.truncate(path, 0)
    if status != 0 or errors:
        return f"{errors[-300:]}{output.strip()[:1500]}"
    return None


@test
def fork_exec_and_moving():
    return compared(["/tests/test_fork forty_generations children_as_a_tree many_children_at_once "
                     "every_mapping_is_copied", "/tests/test_exec segments_are_fresh_each_time "
                     "close_on_exec errors not_a_program scripts", "/tests/test_mremap",
                     "/tests/test_madvise"], "--snapshot", "0.1", "--ring", "4096", "--mem", "128M")


@test
def huge_pages_and_shared_memory():
    return compared(["/tests/test_huge touch fork_both_write unmap_parts protect_and_back "
                     "discard_part move heap", "/tests/test_shm", "/tests/test_cut"],
                    "--snapshot", "0.1", "--ring", "4096", "--mem", "192M")


@test
def memory_that_is_out():
    return compared(["/tests/test_oom the_hog_dies several_hogs a_spared_hog",
                     "/tests/test_brk"], "--snapshot", "0.1", "--mem", "48M")


@test
def four_processors():
    return compared(["/tests/test_fork children_as_a_tree many_children_at_once",
                     "/tests/test_pthread barriers mutex_of_two_processes",
                     "/tests/test_mremap forks_do_not_see_it nothing_is_lost",
                     "/tests/test_huge fork_both_write"],
                    "--snapshot", "0.1", "--ring", "2048", "--smp", "4", "--mem", "192M", kernel="debug")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="quire-trace-") as FOLDER:
        sys.exit(trace_test.main(TESTS))
