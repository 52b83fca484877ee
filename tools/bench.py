# SPDX-License-Identifier: MIT
"""make bench: what tests/bench costs on Quire and, beside it, on Debian's Linux 6.1.

One static program, built once, in the same machine with the same flags: first in guest
instructions, which repeat, then in wall time, which depends on what else this machine does; then
the rows of several processors in the same way. At the end tables with both. DIR/bench keeps them as
Markdown and as pictures, with the figures as JSON.

    make bench                                      all of it, some minutes
    make bench BENCH_ARGS='--rows fork*,getppid'    some rows
    make bench BENCH_ARGS='--no-wall --no-linux'    Quire's instructions alone
    make bench-update                               write the figures into the documents and the guard
"""

import argparse
import fnmatch
import json
import os
import sys
import tempfile

import bench_chart
import bench_events
import bench_figures
import bench_linux
import bench_run
import bench_scaling
import bench_tables
import machine

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FIGURES = os.path.join(ROOT, "tests/bench/figures")
FIGURES_SCALING = os.path.join(ROOT, "tests/bench/figures-scaling")
PERFORMANCE = os.path.join(ROOT, "docs/performance.md")
README = os.path.join(ROOT, "README.md")
PICTURE = os.path.join(ROOT, "docs/pictures/performance.svg")
PICTURE_SCALING = os.path.join(ROOT, "docs/pictures/scaling.svg")
SECONDS = 1800


def positive(word):
    if not word.isdigit() or int(word) == 0:
        raise argparse.ArgumentTypeError(f"{word!r} is not a positive number")
    return int(word)


def options_of(arguments):
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__, allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--build", default=os.path.join(ROOT, "build"), metavar="DIR",
        help="the folder that make built into")
    add("--rows", metavar="NAME,...", help="only these; * and ? as in file names")
    add("--list", action="store_true", help="list the rows")
    add("--repeat", type=positive, metavar="N",
        help="repetitions of each row, of which the lowest counts; else 1 to 20, by row")
    add("--no-linux", action="store_true",
        help="do not run Linux: show its last figures if they are of this program")
    add("--no-wall", action="store_true", help="no wall time")
    add("--no-events", action="store_true", help="do not count atomics, flushes and CR3 loads; --update leaves their table then")
    add("--no-waits", action="store_true", help="do not count waits for locks")
    add("--linux-kernel", metavar="FILE", help="this vmlinuz instead of Debian's package")
    add("--json", metavar="FILE", help="write the figures there too")
    add("--update", action="store_true",
        help="write tests/bench/figures, docs/performance.md, its picture and README.md")
    options = parser.parse_args(arguments)
    options.build = os.path.abspath(options.build)
    if options.update and (options.rows or options.no_wall or options.no_waits):
        parser.error("--update writes whole tables: it needs all rows, wall time and waits")
    return options


def chosen(rows, patterns):
    """The rows that the patterns name."""
    if not patterns:
        return rows
    patterns = patterns.split(",")
    for pattern in patterns:
        if not fnmatch.filter([row.name for row in rows], pattern):
            raise bench_run.Failed(f"there is no row {pattern}; --list names them")
    return [row for row in rows if any(fnmatch.fnmatchcase(row.name, p) for p in patterns)]


class Rows:
    """The rows of one processor that are wanted, and the machine that they are measured in."""

    figures = FIGURES
    linux_file = "linux.json"
    where = ""

    def __init__(self, rows, wanted, options):
        self.rows = [row for row in rows if row.name in wanted]
        self.options = options

    def chosen(self):
        """What the bench is told: no rows when all of them are meant."""
        names = [row.name for row in self.rows] if self.options.rows else []
        repeat = ["--repeat", str(self.options.repeat)] if self.options.repeat else []
        return [*repeat, *names]

    def what(self, system, icount):
        return f"{system}, {'counting instructions' if icount else 'wall time'}{self.where}"

    def words(self, icount):
        return [*([] if icount else ["--wall"]), *self.chosen()]

    def quire(self, icount):
        command = bench_run.quire_command(ROOT, self.options.build, icount,
                                          words=self.words(icount))
        return bench_run.run(command, self.what("Quire", icount), SECONDS)

    def hardware(self, icount):
        """The same machine for Linux: QEMU's words, and more for the kernel."""
        return machine.hardware(bench_run.LINUX_MEMORY, 1, icount), ()


class ScalingRows(Rows):
    """The rows of several processors."""

    figures = FIGURES_SCALING
    linux_file = "linux-scaling.json"
    where = f", {bench_scaling.PROCESSORS} processors"

    def words(self, icount):
        return bench_scaling.words(icount, *self.chosen())

    def quire(self, icount):
        what = self.what("Quire", icount)
        if not icount:
            command = bench_scaling.wall_command(ROOT, self.options.build, *self.chosen())
            return bench_run.run(command, what, SECONDS)
        progress = bench_run.Progress(what, sys.stderr)
        found = bench_scaling.instructions_of(self.options.build, *self.chosen())
        progress.end()
        return found

    def waits(self):
        progress = bench_run.Progress("Quire, counting waits for locks", sys.stderr)
        found = bench_scaling.waits_of(self.options.build, *self.chosen())
        progress.end()
        return found

    def hardware(self, icount):
        processors = bench_scaling.PROCESSORS * (bench_scaling.STRIDE if icount else 1)
        words = machine.hardware(bench_run.LINUX_MEMORY, processors, icount)
        return ([*words, *bench_scaling.turns()], [bench_scaling.LINUX_WORDS]) if icount else (
            words, ())


class Bench:
    """One run, with its options and the folder for what it keeps."""

    def __init__(self, options):
        self.options = options
        self.folder = os.path.join(options.build, "bench")
        self.program = os.path.join(options.build, "user/tests/bench")
        ordinary, scaling = bench_run.rows_of(self.program), bench_scaling.rows_of(self.program)
        self.all_rows = ordinary + scaling
        wanted = {row.name for row in chosen(self.all_rows, options.rows)}
        self.ordinary = Rows(ordinary, wanted, options)
        self.scaling = ScalingRows(scaling, wanted, options)
        self.linux = bench_linux.Linux(os.path.join(self.folder, "linux"), options.linux_kernel)
        os.makedirs(self.folder, exist_ok=True)

    def run_linux(self, rows, icount):
        what = rows.what(f"Linux {self.linux.version}", icount)
        console = os.path.join(self.folder, "linux-console.log")
        with tempfile.NamedTemporaryFile(prefix="quire-bench-") as initrd:
            initrd.write(self.linux.initramfs(self.init(), self.program))
            initrd.flush()
            hardware, kernel_words = rows.hardware(icount)
            command = self.linux.command(initrd.name, console, hardware, rows.words(icount),
                                         kernel_words)
            try:
                return bench_run.run(command, what, SECONDS)
            except bench_run.Failed as error:
                raise bench_run.Failed(f"{error}\nits console is in {console}") from error

    def init(self):
        return os.path.join(self.options.build, "user/linux-init")

    def linux_figures(self, rows, results):
        """Measures Linux, or remembers what it was."""
        path = os.path.join(self.folder, rows.linux_file)
        if self.options.no_linux:
            self._recall(path, results)
            return
        results.linux_version = self.linux.version
        results.linux = self.run_linux(rows, True)
        if not self.options.no_wall:
            results.linux_ns = self.run_linux(rows, False)
        kept = {"key": self.linux.key(self.init(), self.program), "version": self.linux.version,
                "rows": results.linux, "wall": results.linux_ns}
        if not self.options.rows:
            with open(path, "w", encoding="utf-8") as file:
                json.dump(kept, file, indent=1)

    def _recall(self, path, results):
        try:
            with open(path, encoding="utf-8") as file:
                kept = json.load(file)
            if not self.linux.find() or kept["key"] != self.linux.key(self.init(), self.program):
                raise ValueError("its figures are of another program")
        except FileNotFoundError:
            sys.stderr.write("bench: Linux is left out: it has not been measured here yet\n")
            return
        except (OSError, ValueError, KeyError) as error:
            sys.stderr.write(f"bench: Linux is left out: {error}\n")
            return
        results.linux_version = kept["version"]
        results.linux, results.linux_ns = kept["rows"], kept["wall"]

    def measure_rows(self, rows):
        results = bench_tables.Results(rows.rows, bench_figures.read(rows.figures), None)
        if rows.rows:
            results.quire = rows.quire(True)
            self.linux_figures(rows, results)
        if rows.rows and not self.options.no_wall:
            results.quire_ns = rows.quire(False)
        return results

    def measure(self):
        """The results of one processor and of several."""
        machine.use_small_pages()  # as ./quire does: both machines get memory in the same way
        if not self.options.no_linux:
            self.linux.fetch()  # what fails had better fail at once
        results = self.measure_rows(self.ordinary)
        names = [row.name for row in self.ordinary.rows]
        if names and not self.options.no_events:
            kernel = os.path.join(self.options.build, "release/quire.elf")
            results.events = bench_events.events_of(kernel, self.options.build, names)
        scaling = self.measure_rows(self.scaling)
        if self.scaling.rows and not self.options.no_waits:
            scaling.waits = self.scaling.waits()
        return results, scaling

    def keep(self, results, scaling):
        """Leaves the tables and the pictures in the build folder."""
        def put(name, text):
            with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        put("bench.md", bench_tables.markdown(results) + "\n"
            + bench_tables.markdown_events(results) + "\n"
            + bench_tables.markdown_scaling(scaling))
        put("bench.svg", bench_chart.svg(results))
        put("scaling.svg", bench_chart.svg(scaling, bench_chart.TITLE_SCALING))
        whole = json.dumps({**results.as_json(), "scaling": scaling.as_json()["rows"]}, indent=1,
                           ensure_ascii=False) + "\n"
        put("bench.json", whole)
        if self.options.json:
            with open(self.options.json, "w", encoding="utf-8") as file:
                file.write(whole)

    def update(self, results, scaling):
        for path, found in ((FIGURES, results), (FIGURES_SCALING, scaling)):
            bench_figures.write(path, bench_figures.updated(
                found.figures, [row.name for row in found.rows], found.quire))
        put = bench_tables.put_between_marks
        put(PERFORMANCE, "figures", bench_tables.markdown(results))
        if results.events:
            put(PERFORMANCE, "events", bench_tables.markdown_events(results))
        put(PERFORMANCE, "scaling", bench_tables.markdown_scaling(scaling))
        put(PERFORMANCE, "linux", f"Linux here is Debian's {results.linux_version} cloud kernel.\n")
        put(README, "figures", bench_tables.markdown_readme(results))
        for path, picture in ((PICTURE, bench_chart.svg(results)),
                              (PICTURE_SCALING,
                               bench_chart.svg(scaling, bench_chart.TITLE_SCALING))):
            with open(path, "w", encoding="utf-8") as file:
                file.write(picture)


def main():
    options = options_of(sys.argv[1:])
    try:
        bench = Bench(options)
        if options.list:
            for row in bench.all_rows:
                print(f"{row.name:22} {row.what}")
            return 0
        results, scaling = bench.measure()
        bench.keep(results, scaling)
        if options.update:
            if not all((results.linux, results.linux_ns, scaling.linux, scaling.linux_ns)):
                raise bench_run.Failed("there are no figures of Linux: nothing was written")
            bench.update(results, scaling)
    except (bench_run.Failed, bench_linux.Unavailable, bench_figures.Malformed, OSError,
            ValueError) as error:
        sys.stderr.write(f"bench: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    print(bench_tables.text(results) if results.rows else "", end="")
    print("\n" + bench_tables.text_scaling(scaling) if scaling.rows else "", end="")
    print("! is above what was promised. Waits are for locks, in 1,000 operations. The same as Markdown, "
          f"pictures and JSON: {os.path.relpath(bench.folder)}/bench.*, scaling.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
