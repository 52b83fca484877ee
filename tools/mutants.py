# SPDX-License-Identifier: MIT
"""make mutants: breaks the kernel on purpose, one way at a time, and demands that a test fails.

    tools/mutants.py [--build DIR] [--jobs N] [--only WORD | --exactly NAME]... [--trust]
                     [--list] [--verify]

The table is tests/mutants/*.mutants; tools/mutation.py says how it is read. For each mutation the
sources are copied, the mutation is put in, the tests that it names are built and run, one after the
other, until one fails: `caught NAME by TEST`, or `SURVIVED NAME`. A mutation that no longer fits the
sources is `STALE`. One that does not compile is `BROKEN`, and so is one whose test fails without it:
each test is first run unmutated, and what it takes then tells how long it may take.

What makes it quick: only the test that is next is built; a test ends with its first failure;
failing sequences are not shrunk; kernels are linked without whole-program optimisation.

The status is 1 if any mutation was not caught, 2 if the table is of no use.
--verify only sees whether every mutation still fits the sources.
"""

import argparse
import collections
import fcntl
import filecmp
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import mutation as table

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SOURCES = ("arch", "drivers", "fs", "include", "kernel", "lib", "tests", "tools", "user", "Makefile",
           "quire")
BUILD_SECONDS = 600
TEST_SECONDS = 900  # unmutated; with a mutation LONGER times what that took, and MORE_SECONDS
LONGER = 6
MORE_SECONDS = 60
END_SECONDS = 20
JOBS_MOST = 2
SKIPPED = 77
FAILURE = re.compile(r"^not ok ([^:]+)")


class Tree:
    """A copy of the sources with a build folder of its own, where one mutation at a time lives."""

    def __init__(self, folder, build):
        self.folder = folder
        self.build = build  # where the archives for the guests are
        self.slow = float(os.environ.get("QUIRE_SLOW", "1"))

    def refresh(self):
        """Makes the copy like the original, as far as it is not; keeps what was built."""
        if not os.path.exists(self.folder):
            self.seed()
        for name in SOURCES:
            _copy_new(os.path.join(ROOT, name), os.path.join(self.folder, name))

    def seed(self):
        """A new copy, with the times of the original: what has been built there serves here too."""
        partial = self.folder + ".partial"
        shutil.rmtree(partial, ignore_errors=True)
        for name in SOURCES:
            source = os.path.join(ROOT, name)
            if os.path.isdir(source):
                shutil.copytree(source, os.path.join(partial, name))
            else:
                shutil.copy2(source, partial)
        host = os.path.join(self.build, "host")
        if os.path.isdir(host):
            shutil.copytree(host, os.path.join(partial, "build/host"))
        os.rename(partial, self.folder)

    def read(self, path):
        with open(os.path.join(self.folder, path), encoding="utf-8") as file:
            return file.read()

    def write(self, path, text):
        with open(os.path.join(self.folder, path), "w", encoding="utf-8") as file:
            file.write(text)

    def make(self, suite, name):
        """Builds what the test needs. What went wrong, or None."""
        program = name.partition(":")[0]
        words = {"host": [f"build/host/{program}"],
                 "linux": [f"build/user/tests/{program}"],
                 "quire": ["kernel", "WHOLE_PROGRAM="],
                 "debug": ["kernel", "DEBUG=1"],
                 "smp": ["kernel", "DEBUG=1"]}[suite]
        status, _, errors = self.run(["make", "-j2", "WERROR=", *words], BUILD_SECONDS)
        if status == 0:
            return None
        lines = [line for line in errors.splitlines() if "rror" in line]
        return lines[0] if lines else f"make ends with {status}"

    def test(self, suite, name, seconds):
        """Runs one test. Why it failed, or None."""
        program, _, part = name.partition(":")
        if suite == "host":
            words = [os.path.join(self.folder, "build/host", program)]
        elif suite == "linux":
            words = [os.path.join(self.folder, "build/user/tests", program)]
        else:
            flavour = "release" if suite == "quire" else "debug"
            words = [os.path.join(ROOT, "quire"), "run", "--build", self.build, "--kernel",
                     os.path.join(self.folder, "build", flavour, "quire.elf"),
                     "--archive", os.path.join(self.build, "tests.cpio"),
                     *(["--smp", "4"] if suite == "smp" else []), "--", f"/tests/{program}"]
        status, failure, _ = self.run(words + ([part] if part else []), seconds, FAILURE)
        if failure:
            return failure.group(1) if suite == "host" else f"{program}.{failure.group(1)}"
        if status in (0, SKIPPED):
            return None
        return f"{program} ({'no end' if status == 124 else f'status {status}'})"

    def run(self, words, seconds, until=None):
        """Runs a command in the copy, as far as a line that `until` matches; one that takes longer
        than `seconds` ends with 124. (status, the match or None, what it wrote to standard error)"""
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith(("MAKE", "MFLAGS"))}
        environment["SHRINK"] = "0"
        with tempfile.TemporaryFile("w+", errors="replace") as errors:
            process = subprocess.Popen(words, cwd=self.folder, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, stderr=errors, text=True,
                                       errors="replace", start_new_session=True, env=environment)
            late = threading.Event()
            timer = threading.Timer(seconds, lambda: (late.set(), _end(process)))
            timer.start()
            found = None
            for line in process.stdout:
                found = until and until.search(line)
                if found:
                    break
            else:
                process.wait()
            timer.cancel()
            _end(process)
            process.stdout.close()
            errors.seek(0)
            return 124 if late.is_set() else process.returncode, found, errors.read()


def _end(process):
    """Ends what was started, and what that started; a machine ends with the runner that has it."""
    process.terminate()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


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


class Baseline:
    """What each test does with the sources as they are, found out when it is first needed."""

    def __init__(self, is_trusted):
        self._is_trusted = is_trusted
        self._lock = threading.Lock()
        self._locks = {}
        self._results = {}

    def of(self, tree, suite, name):
        """(why the test cannot tell anything, or None; the seconds that it may take mutated). The
        tree has no mutation in it."""
        if self._is_trusted:
            return None, TEST_SECONDS * tree.slow
        with self._lock:
            lock = self._locks.setdefault((suite, name), threading.Lock())
        with lock:
            if (suite, name) not in self._results:
                self._results[suite, name] = self._run(tree, suite, name)
            return self._results[suite, name]

    @staticmethod
    def _run(tree, suite, name):
        why = tree.make(suite, name)
        if why:
            return f"the sources as they are do not build: {why}", 0
        start = time.monotonic()
        failed = tree.test(suite, name, TEST_SECONDS * tree.slow)
        why = f"{suite} {failed} fails without any mutation" if failed else None
        return why, LONGER * (time.monotonic() - start) + MORE_SECONDS


def verdict(tree, baseline, mutation):
    """(word, the rest of the line) for one mutation, whose tree is before and afterwards as the
    sources are."""
    original = tree.read(mutation.path)
    try:
        mutated = mutation.apply(original)
    except table.MutationError as error:
        return "STALE", str(error)
    for suite, name in mutation.tests:
        why, seconds = baseline.of(tree, suite, name)
        if why:
            return "BROKEN", f"{mutation.name}: {why}"
        tree.write(mutation.path, mutated)
        try:
            why = tree.make(suite, name)
            if why:
                return "BROKEN", f"{mutation.name}: {why}"
            caught = tree.test(suite, name, seconds)
            if caught:
                return "caught", f"{mutation.name} by {suite} {caught}"
        finally:
            tree.write(mutation.path, original)
    return "SURVIVED", f"{mutation.name}: {mutation.why}"


class Run:
    """All mutations, over several trees."""

    def __init__(self, mutations, build, jobs, is_trusted):
        self.mutations = sorted(mutations, key=lambda m: (table.SUITES.index(m.tests[0][0]), m.path))
        self.trees = [Tree(os.path.join(build, "mutants", f"tree-{i}"), build)
                      for i in range(max(1, min(jobs, len(mutations))))]
        self.baseline = Baseline(is_trusted)
        self.waiting = collections.deque(self.mutations)
        self.lost = 0
        self.done = 0
        self._lock = threading.Lock()

    def go(self):
        """0: all were caught."""
        threads = [threading.Thread(target=self._work, args=(tree, i % 2 == 1), daemon=True)
                   for i, tree in enumerate(self.trees)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(f"{self.done - self.lost} caught, {len(self.mutations) - self.done + self.lost} not",
              flush=True)
        return 0 if self.done - self.lost == len(self.mutations) else 1

    def _work(self, tree, from_the_end):
        """One end has those for the host's tests, the other those for the guest's: so for a while
        each tree builds only one kind."""
        tree.refresh()
        while True:
            try:
                mutation = self.waiting.pop() if from_the_end else self.waiting.popleft()
            except IndexError:
                return
            start = time.monotonic()
            self._report(*verdict(tree, self.baseline, mutation), time.monotonic() - start)

    def _report(self, word, rest, seconds):
        with self._lock:
            self.done += 1
            self.lost += word != "caught"
            print(f"{word:8} {rest}  [{self.done}/{len(self.mutations)}, {seconds:.0f} s]",
                  flush=True)


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
    parser.add_argument("--jobs", type=int, metavar="N",
                        default=min(JOBS_MOST, os.cpu_count() or 1))
    parser.add_argument("--only", action="append", default=[], metavar="WORD",
                        help="mutations whose name or file has the word")
    parser.add_argument("--exactly", action="append", default=[], metavar="NAME",
                        help="the mutations of these names")
    parser.add_argument("--trust", action="store_true",
                        help="believe that the tests pass without a mutation")
    parser.add_argument("--list", action="store_true", help="list the mutations")
    parser.add_argument("--verify", action="store_true", help="only see whether they still fit")
    options = parser.parse_args()

    try:
        mutations = table.read(os.path.join(ROOT, "tests/mutants"))
    except table.MutationError as error:
        print(error, file=sys.stderr)
        return 2
    if options.only or options.exactly:
        mutations = [m for m in mutations if m.name in options.exactly or
                     any(word in m.name or word in m.path for word in options.only)]
    if options.list:
        for mutation in mutations:
            print(f"{mutation.name:32} {mutation.path:28} {mutation.why}")
        return 0
    if options.verify:
        return verify(mutations)
    if not mutations:
        print("no mutation has that word or name", file=sys.stderr)
        return 2
    folder = os.path.join(options.build, "mutants")
    os.makedirs(folder, exist_ok=True)
    lock = open(os.path.join(folder, "lock"), "w", encoding="utf-8")  # held to the end
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        print(f"somebody else is at it in {folder}", file=sys.stderr)
        return 2
    run = Run(mutations, os.path.abspath(options.build), options.jobs, options.trust)
    print(f"{len(run.mutations)} mutations", flush=True)
    return run.go()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
