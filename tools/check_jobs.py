# SPDX-License-Identifier: MIT
"""The jobs of make check: what is built, what is run where, and what it must come to.

A job is a name and a function that reports one or more tests. Builds come first, one after the
other; everything else runs side by side, the longest jobs first.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time

import check_bench
import check_boot
import check_guest
import check_kernel
import check_scripts
import check_viewer
import fuzz
import machine
from check_report import first_line

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROGRAM_SECONDS = 300
BUILD_SECONDS = 600
# For what is only built, to hear warnings: clang's come before it optimises.
UNOPTIMIZED = "HOST_OPTIMIZE=-O0"
MODEL_SECONDS = 600
# What each target of tests/fuzz tries in make check, the same each time; in make check-long, by time.
FUZZ_RUNS = {"map": 400, "elf": 6000, "cpio": 6000}
FUZZ_LONG_SECONDS = 240
# The user tests run on one processor with the release kernel, on several with the debug kernel (in
# make check-long on one as well), and the stress test for a while.
SMP_PROCESSORS = 4
# Room for a thousand processes at once, and not more: several tests use all of it, again and again.
GUEST_MEMORY = "192M"
STRESS_SECONDS, STRESS_LONG_SECONDS = 120, 1800
# How much longer everything may take in make check-long: random tests make 42 times as many steps.
LONG_SLOW = 12


class Jobs:
    """Makes the lists of jobs for one build folder."""

    def __init__(self, build, report, long, workers):
        self.build = build
        self.report = report
        self.long = long
        self.workers = workers
        self._running = set()  # leaders of the sessions that command() started
        self.slow = float(os.environ.get("QUIRE_SLOW", "1")) * (LONG_SLOW if long else 1)

    # ---- builds ----

    def builds(self):
        jobs = [
            ("build gcc release", lambda: self.make("gcc release", "all", "test-kernel",
                                                    "user-tests")),
            ("build gcc debug", lambda: self.make("gcc debug", "kernel", "test-kernel", "DEBUG=1")),
            ("build host tests", lambda: self.make("host tests", "host-tests")),
        ]
        if self.long:
            jobs.append(("build untraced", lambda: self.make("untraced", "kernel", "TRACE=0")))
        return jobs

    def make(self, name, *words):
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith(("MAKE", "MFLAGS"))}
        result = self.command(["make", "-C", ROOT, "-k", f"-j{self.workers}",
                               f"BUILD={self.build}", *words],
                              BUILD_SECONDS, env=environment)
        why = None
        if result.returncode != 0:
            path = self.report.log(f"build {name}", result.stdout + result.stderr)
            errors = [line for line in result.stderr.splitlines() if "error" in line.lower()]
            why = f"{errors[0] if errors else 'make failed'} (see {path})"
        self.report.result(f"build {name}", why)

    # ---- tests ----

    def tests(self):
        jobs = self.guest_jobs("smp", "debug", processors=SMP_PROCESSORS)
        jobs += self.guest_jobs("quire", "release")
        jobs += self.guest_jobs("debug", "debug") if self.long else []
        jobs += [("stress", self.stress), ("viewer", lambda: check_viewer.run(self))]
        jobs += [("runner", lambda: self.python_tests("runner_test")),
                 ("debugger", lambda: self.python_tests("debugger_test")),
                 ("guide", lambda: self.python_tests("guide_test"))]
        jobs += self.clang_jobs() + [("fuzz", self.fuzz)] + self.model_jobs()
        jobs += self.host_jobs() + self.linux_jobs() + self.script_jobs()
        jobs += self.boot_jobs() + self.kernel_jobs()
        jobs += [("lint", self.lint), ("lint selftest", lambda: self.python_tests("lint_test")),
                 ("memview", lambda: self.python_tests("memview_test")),
                 ("models selftest", lambda: self.python_tests("models_test")),
                 ("trace readers", lambda: self.python_tests("trace_test")),
                 ("trace schema", lambda: self.python_tests("trace_schema_test")),
                 ("trace replay", lambda: self.python_tests("replay_test")),
                 ("trace port", lambda: self.python_tests("trace_port_test")),
                 ("trace check", lambda: self.python_tests("trace_check")),
                 ("mutants fit", lambda: self.python_tests("mutants_test")),
                 ("speed selftest", lambda: self.python_tests("bench_test"))]
        return jobs

    def boot_jobs(self):
        quire = check_boot.quire_command(ROOT, self.build)
        kernel, initramfs = self.built("release/quire.elf"), self.built("initramfs.cpio")
        jobs = [(f"boot {size}", lambda size=size: check_boot.memory(
            self.report, quire, size, self.slow)) for size in check_boot.MEMORY_SIZES]
        tour = check_boot.quire_command(ROOT, self.build, "tour")
        jobs += [("speed", lambda: check_bench.run(self.report, ROOT, self.build, self.slow)),
                 ("scaling", lambda: check_bench.scaling(self.report, ROOT, self.build, self.slow)),
                 ("waits", lambda: check_bench.waits(self.report, self.build, self.slow))]
        if self.long:
            jobs.append(("trace cost", lambda: check_bench.trace_cost(
                self.report, ROOT, self.build, self.slow)))
        return [("tour", lambda: check_boot.tour(self.report, tour, self.slow)), *jobs,
                ("boot prompt", lambda: check_boot.prompt(
                    self.report, kernel, initramfs, self.slow))]

    def kernel_jobs(self):
        path = os.path.join(ROOT, "tests/kernel/expected")
        if not os.path.exists(path):
            return []
        jobs = []
        for suite, flavour in (("kernel", "release"), ("kernel-debug", "debug")):
            kernel = self.built(f"{flavour}/quire-test.elf")
            for name, words, debug_only in check_kernel.read_expected(path):
                if debug_only and flavour != "debug":
                    continue
                jobs.append((f"{suite} {name}",
                             lambda kernel=kernel, suite=suite, name=name, words=words:
                             check_kernel.run(self.report, suite, kernel, name, words, self.slow)))
        return jobs

    def script_jobs(self):
        quire = check_boot.quire_command(ROOT, self.build)
        folder = os.path.join(ROOT, "tests/scripts")
        paths = [os.path.join(folder, name) for name in listdir(folder) if name.endswith(".sh")]
        return [(f"script {os.path.basename(path)} {shell}",
                 lambda path=path, shell=shell: check_scripts.compare(
                     self.report, path, shell, quire, self.slow))
                for path in paths for shell in check_scripts.shells_of(path)]

    def built(self, path):
        return os.path.join(self.build, path)

    def clang_jobs(self):
        """The debug kernel has all that the release kernel has."""
        jobs = [
            ("build clang debug",
             lambda: self.make("clang debug", "test-kernel", "CC=clang",
                               "DEBUG=1")),
            ("build clang host tests",
             lambda: self.make("clang host tests", "host-tests", "CC=clang", UNOPTIMIZED)),
        ]
        if self.long:
            jobs.append(("build clang release",
                         lambda: self.make("clang release", "kernel", "test-kernel", "CC=clang")))
        return jobs

    def fuzz(self):
        """Builds the targets, since nobody else needs them, and runs each."""
        self.make("fuzz targets", "fuzz-targets")
        for name, runs in FUZZ_RUNS.items():
            why, tried, text = fuzz.run(name, self.build, *(
                (None, FUZZ_LONG_SECONDS) if self.long else (runs, None)))
            path = self.report.log(f"fuzz {name}", text)
            if why or tried == 0:
                self.report.fail(f"fuzz {name}", f"{why or 'it did not run'} (see {path})")
            else:
                self.report.ok(f"fuzz {name}", f"{tried} inputs")

    def model_jobs(self):
        folder = os.path.join(ROOT, "docs/models")
        names = [name[:-4] for name in listdir(folder) if name.endswith(".pml")]
        return [(f"model {name}", lambda name=name: self.model(name)) for name in names]

    def model(self, name):
        """The searches of one model: see tools/models.py."""
        words = [sys.executable, os.path.join(ROOT, "tools/models.py"), "--build", self.build, name]
        result = self.command(words + (["--long"] if self.long else []), MODEL_SECONDS * self.slow)
        heard = [self.report.parse("model", line) for line in result.stdout.splitlines()]
        if not any(heard) or (result.returncode != 0 and "not ok" not in result.stdout):
            path = self.report.log(f"model {name}", result.stdout + result.stderr)
            self.report.fail(f"model {name}", f"it ended with {result.returncode} (see {path})")

    def host_jobs(self):
        folder = os.path.join(self.build, "host")
        names = [name[:-2] for name in listdir(os.path.join(ROOT, "tests/host"))
                 if name.endswith("_test.c")]
        return [(f"host {name}", lambda name=name: self.program("host", name, folder))
                for name in names]

    def linux_jobs(self):
        folder = os.path.join(self.build, "user/tests")
        return [(f"linux {name}", lambda name=name: self.program("linux", name, folder, prefix=name))
                for name in self.user_tests()]

    def user_tests(self):
        return [name[:-2] for name in listdir(os.path.join(ROOT, "tests/user"))
                if name.startswith("test_") and name.endswith(".c")]

    def program(self, suite, name, folder, prefix=None):
        """A test program on this machine, in an empty folder of its own."""
        path = os.path.join(folder, name)
        label = f"{suite} {prefix}" if prefix else suite
        if not os.path.exists(path):
            self.report.fail(f"{suite} {name}", "it was not built")
            return
        environment = dict(os.environ, LONG="1" if self.long else "0")
        with tempfile.TemporaryDirectory(prefix="quire-check-") as cwd:
            result = self.command([path], PROGRAM_SECONDS * self.slow, cwd=cwd, env=environment)
        heard = [self.report.parse(label, line) for line in result.stdout.splitlines()]
        failed = any(line.startswith("not ok") for line in result.stdout.splitlines())
        if result.returncode not in (0, 77) or not any(heard):
            path = self.report.log(f"{suite} {name}", result.stdout + result.stderr)
            if not failed:
                self.report.fail(f"{suite} {name}", f"it ended with {result.returncode}: "
                                 + first_line(result.stderr, "no message") + f" (see {path})")

    def guest_jobs(self, suite, flavour, processors=1):
        """The user tests inside Quire, dealt out over more machines than run at once, so that the
        last ones end at about the same time."""
        names = self.user_tests()
        count = max(1, min(2 * self.workers, len(names)))
        return [(f"{suite} machine {index + 1}",
                 lambda index=index: self.guest(suite, flavour, names[index::count], index,
                                                processors))
                for index in range(count) if names]

    def guest(self, suite, flavour, names, index, processors):
        folder = os.path.join(self.build, "user/tests")
        programs = [check_guest.Program(name, os.path.join(folder, name)) for name in names]

        def config(extra):
            return machine.Config(
                kernel=os.path.join(self.build, flavour, "quire.elf"), memory=GUEST_MEMORY,
                processors=processors, archives=[os.path.join(self.build, "initramfs.cpio"),
                          os.path.join(self.build, "tests.cpio")],
                extra_archive=extra, boot_limit=check_guest.BOOT_SECONDS * self.slow)
        check_guest.Batch(suite, self.report, config, programs, self, index + 1).run()

    def stress(self):
        """Everything at once on several processors, for longer than among the tests. It takes its time,
        however much there is for it: so it gives way to what runs beside it."""
        seconds = STRESS_LONG_SECONDS if self.long else STRESS_SECONDS
        seed = str(time.time_ns() % 1000000)
        quire = check_boot.quire_command(ROOT, self.build)
        result = self.command(
            ["nice", "-n", "10"] + quire + ["--smp", str(SMP_PROCESSORS), "--mem", "1G", "--kernel",
                     self.built("debug/quire.elf"), "--archive", self.built("tests.cpio"),
                     "--env", f"STRESS_SECONDS={seconds}", "--env", f"STRESS_SEED={seed}",
                     "--", "/tests/test_stress", "everything_at_once"], seconds * 3 + 120)
        path = self.report.log("stress", result.stdout + result.stderr)
        name = f"stress {seconds} s, seed {seed}"
        if result.returncode == 0:
            self.report.ok(name)
        else:
            self.report.fail(name, f"{first_line(result.stdout or result.stderr, 'no word')} "
                             f"(see {path})")

    def lint(self):
        result = self.command([sys.executable, os.path.join(ROOT, "tools/lint.py")], 120)
        violations = result.stdout.splitlines()
        if result.returncode == 0:
            self.report.ok("lint")
            return
        path = self.report.log("lint", result.stdout + result.stderr)
        self.report.fail("lint", f"{len(violations)} violations, first: "
                         + first_line(result.stdout or result.stderr, "none") + f" (see {path})")

    def python_tests(self, name):
        """A script of tests/tools: its lines count like any other program's."""
        folder = os.path.join(ROOT, "tests/tools")
        # Not by the way that leads from python3 to it, which may be a script and dear.
        environment = dict(os.environ, QUIRE_PYTHON=sys.executable)
        result = self.command([sys.executable, os.path.join(folder, name + ".py"), self.build],
                              PROGRAM_SECONDS * self.slow, env=environment)
        heard = [self.report.parse(name.removesuffix("_test"), line)
                 for line in result.stdout.splitlines()]
        if not any(heard) or (result.returncode != 0 and "not ok" not in result.stdout):
            path = self.report.log(name, result.stdout + result.stderr)
            self.report.fail(name, f"it ended with {result.returncode} (see {path})")

    def stop(self):
        """Ends what runs, because the whole check was interrupted."""
        for leader in list(self._running):
            kill_group(leader, signal.SIGTERM)

    def command(self, words, seconds, **more):
        """Runs a command to its end; one that takes longer than `seconds` ends with 124. What it
        leaves running is killed, and is not waited for: hence files, not pipes."""
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output,
                                       stderr=errors, start_new_session=True, **more)
            self._running.add(process.pid)
            try:
                status = process.wait(seconds)
            except subprocess.TimeoutExpired:
                status = 124
                errors.write(f"longer than {seconds:g} s\n".encode())
            kill_group(process.pid)
            process.wait()
            self._running.discard(process.pid)
            return subprocess.CompletedProcess(words, status, _contents(output), _contents(errors))


def kill_group(leader, number=signal.SIGKILL):
    """Ends a session that was started here."""
    try:
        os.killpg(leader, number)
    except ProcessLookupError:
        pass


def listdir(path):
    return sorted(os.listdir(path)) if os.path.isdir(path) else []


def _contents(file):
    file.seek(0)
    return file.read().decode(errors="replace")
