# SPDX-License-Identifier: MIT
"""make mutants: breaks the kernel on purpose, one way at a time, and demands that a test fails.

    tools/mutants.py [--build DIR] [--jobs N] [--only WORD]... [--list] [--verify]

The table is tests/mutants/*.mutants; tools/mutation.py says how it is read. For each mutation the
sources are copied, the mutation is put in, the tests that it names are built and run until one
fails: `caught NAME by TEST`, or `SURVIVED NAME`. A mutation that no longer fits the sources is
`STALE`, one that does not compile `BROKEN`. Before that, all those tests have to pass unmutated.

The status is 1 if any mutation was not caught, 2 if the table or the tests are of no use.
--verify only sees whether every mutation still fits the sources.
"""

import argparse
import fcntl
import filecmp
import os
import queue
import re
import shutil
import subprocess
import sys
import threading
import time

import mutation as table

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SOURCES = ("Makefile", "quire", "arch", "drivers", "fs", "include", "kernel", "lib", "tests",
           "tools", "user")
BUILD_SECONDS = 600
TEST_SECONDS = 90
FAILURE = re.compile(r"not ok ([^:]+)", re.MULTILINE)


class Tree:
    """A copy of the sources with a build folder of its own, where one mutation at a time lives."""

    def __init__(self, folder, build):
        self.folder = folder
        self.build = build  # where the archives for the guests are
        self.slow = float(os.environ.get("QUIRE_SLOW", "1"))

    def refresh(self):
        """Makes the copy like the original, as far as it is not; keeps what was built."""
        os.makedirs(self.folder, exist_ok=True)
        for name in SOURCES:
            _copy_new(os.path.join(ROOT, name), os.path.join(self.folder, name))

    def read(self, path):
        with open(os.path.join(self.folder, path), encoding="utf-8") as file:
            return file.read()

    def write(self, path, text):
        with open(os.path.join(self.folder, path), "w", encoding="utf-8") as file:
            file.write(text)

    def make(self, tests):
        """Builds what the tests need. What went wrong, or None."""
        words = [f"build/host/{name}" for suite, name in tests if suite == "host"]
        result = None
        for flavour, debug in (("quire", "0"), ("debug", "1")):
            more = ["kernel"] if any(suite == flavour for suite, _ in tests) else []
            if flavour == "quire":
                more += words
            if more:
                result = self.run(["make", "-j2", "WERROR=", f"DEBUG={debug}", *more], BUILD_SECONDS)
            if result and result.returncode != 0:
                lines = [line for line in result.stderr.splitlines() if "rror" in line]
                return lines[0] if lines else f"make ends with {result.returncode}"
        return None

    def test(self, suite, name):
        """Runs one test. Why it failed, or None."""
        if suite == "host":
            words = [os.path.join(self.folder, "build/host", name)]
        else:
            flavour = "release" if suite == "quire" else "debug"
            words = [os.path.join(ROOT, "quire"), "run", "--build", self.build, "--timeout",
                     str(TEST_SECONDS * self.slow), "--kernel",
                     os.path.join(self.folder, "build", flavour, "quire.elf"),
                     "--archive", os.path.join(self.build, "tests.cpio"), "--", f"/tests/{name}"]
        result = self.run(words, (TEST_SECONDS + 30) * self.slow)
        if result.returncode == 0:
            return None
        failure = FAILURE.search(result.stdout)
        if failure and suite == "host":
            return failure.group(1)
        if failure:
            return f"{name}.{failure.group(1)}"
        return f"{name} ({'no end' if result.returncode == 124 else f'status {result.returncode}'})"

    def run(self, words, seconds):
        """Runs a command in the copy; one that takes longer than `seconds` ends with 124."""
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith(("MAKE", "MFLAGS"))}
        process = subprocess.Popen(words, cwd=self.folder, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   errors="replace", start_new_session=True, env=environment)
        try:
            output, errors = process.communicate(timeout=seconds)
            status = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            output, errors = process.communicate()
            status = 124
        return subprocess.CompletedProcess(words, status, output, errors)


def _copy_new(source, target):
    """Copies what differs; removes what is no longer in the source."""
    if not os.path.isdir(source):
        if not os.path.exists(target) or not filecmp.cmp(source, target, shallow=False):
            shutil.copyfile(source, target)  # with a new time: what is built from it is old
            shutil.copymode(source, target)
        return
    os.makedirs(target, exist_ok=True)
    names = [name for name in os.listdir(source) if name != "__pycache__"]
    for name in set(os.listdir(target)) - set(names):
        path = os.path.join(target, name)
        shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
    for name in names:
        _copy_new(os.path.join(source, name), os.path.join(target, name))


def verdict(tree, mutation):
    """(word, the rest of the line) for one mutation, whose tree is afterwards as before."""
    original = tree.read(mutation.path)
    try:
        mutated = mutation.apply(original)
    except table.MutationError as error:
        return "STALE", str(error)
    tree.write(mutation.path, mutated)
    try:
        why = tree.make(mutation.tests)
        if why:
            return "BROKEN", f"{mutation.name}: {why}"
        for suite, name in mutation.tests:
            caught = tree.test(suite, name)
            if caught:
                return "caught", f"{mutation.name} by {suite} {caught}"
        return "SURVIVED", f"{mutation.name}: {mutation.why}"
    finally:
        tree.write(mutation.path, original)


class Run:
    """All mutations, over several trees."""

    def __init__(self, mutations, build, jobs):
        self.mutations = mutations
        self.trees = [Tree(os.path.join(build, "mutants", f"tree-{i}"), build)
                      for i in range(max(1, min(jobs, len(mutations))))]
        self.done = 0
        self.lost = 0
        self._lock = threading.Lock()

    def tests(self):
        return sorted({test for mutation in self.mutations for test in mutation.tests})

    def baseline(self):
        """Builds each tree and runs all tests unmutated. What is wrong, a line each."""
        wrong = []
        tests = self.tests()

        def build(tree, part):
            try:
                build_and_test(tree, part)
            except OSError as error:
                wrong.append(f"{tree.folder}: {error}")

        def build_and_test(tree, part):
            tree.refresh()
            why = tree.make(tests)
            if why:
                wrong.append(f"the sources as they are do not build: {why}")
                return
            for suite, name in part:
                failed = tree.test(suite, name)
                if failed:
                    wrong.append(f"{suite} {failed} fails without any mutation")

        self._in_threads(build, [(tree, tests[i::len(self.trees)])
                                 for i, tree in enumerate(self.trees)])
        return wrong

    def go(self):
        waiting = queue.Queue()
        for mutation in self.mutations:
            waiting.put(mutation)

        def work(tree):
            while True:
                try:
                    mutation = waiting.get_nowait()
                except queue.Empty:
                    return
                start = time.monotonic()
                word, rest = verdict(tree, mutation)
                self._report(word, rest, time.monotonic() - start)

        self._in_threads(work, [(tree,) for tree in self.trees])
        print(f"{self.done - self.lost} caught, {self.lost} not", flush=True)
        return 1 if self.lost else 0

    def _report(self, word, rest, seconds):
        with self._lock:
            self.done += 1
            self.lost += word != "caught"
            print(f"{word:8} {rest}  [{self.done}/{len(self.mutations)}, {seconds:.0f} s]",
                  flush=True)

    @staticmethod
    def _in_threads(function, arguments):
        threads = [threading.Thread(target=function, args=a, daemon=True) for a in arguments]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def verify(mutations):
    """Only the texts; a line for `make check`."""
    stale = table.complaints(mutations, ROOT)
    for line in stale:
        print(f"STALE    {line}")
    print(f"{len(mutations) - len(stale)} of {len(mutations)} mutations fit the sources")
    return 1 if stale else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N")
    parser.add_argument("--only", action="append", default=[], metavar="WORD",
                        help="mutations whose name or file has the word")
    parser.add_argument("--list", action="store_true", help="list the mutations")
    parser.add_argument("--verify", action="store_true", help="only see whether they still fit")
    options = parser.parse_args()

    try:
        mutations = table.read(os.path.join(ROOT, "tests/mutants"))
    except table.MutationError as error:
        print(error, file=sys.stderr)
        return 2
    mutations = [m for m in mutations if not options.only or
                 any(word in m.name or word in m.path for word in options.only)]
    if options.list:
        for mutation in mutations:
            print(f"{mutation.name:32} {mutation.path:28} {mutation.why}")
        return 0
    if options.verify:
        return verify(mutations)
    if not mutations:
        print("no mutation has that word", file=sys.stderr)
        return 2
    folder = os.path.join(options.build, "mutants")
    os.makedirs(folder, exist_ok=True)
    lock = open(os.path.join(folder, "lock"), "w", encoding="utf-8")  # held to the end
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        print(f"somebody else is at it in {folder}", file=sys.stderr)
        return 2
    run = Run(mutations, os.path.abspath(options.build), options.jobs)
    print(f"{len(mutations)} mutations; first {len(run.tests())} tests as they are", flush=True)
    wrong = run.baseline()
    for line in wrong:
        print(line, file=sys.stderr)
    return 2 if wrong else run.go()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
