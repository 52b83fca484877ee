# SPDX-License-Identifier: MIT
"""make bench: what tests/bench costs on Quire and, beside it, on Debian's Linux 6.1.

One static program, built once, in the same machine with the same flags: first in guest
instructions, which repeat, then in wall time, which depends on what else this machine does. At the
end a table with both. DIR/bench keeps it as Markdown and as a picture, with the figures as JSON.

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
import bench_tables
import machine

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FIGURES = os.path.join(ROOT, "tests/bench/figures")
PERFORMANCE = os.path.join(ROOT, "docs/performance.md")
README = os.path.join(ROOT, "README.md")
PICTURE = os.path.join(ROOT, "docs/pictures/performance.svg")
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
    add("--linux-kernel", metavar="FILE", help="this vmlinuz instead of Debian's package")
    add("--json", metavar="FILE", help="write the figures there too")
    add("--update", action="store_true",
        help="write tests/bench/figures, docs/performance.md, its picture and README.md")
    options = parser.parse_args(arguments)
    options.build = os.path.abspath(options.build)
    if options.update and (options.rows or options.no_wall):
        parser.error("--update writes whole tables: it needs all rows and wall time")
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


class Bench:
    """One run, with its options and the folder for what it keeps."""

    def __init__(self, options):
        self.options = options
        self.folder = os.path.join(options.build, "bench")
        self.program = os.path.join(options.build, "user/tests/bench")
        self.all_rows = bench_run.rows_of(self.program)
        self.rows = chosen(self.all_rows, options.rows)
        self.linux = bench_linux.Linux(os.path.join(self.folder, "linux"), options.linux_kernel)
        os.makedirs(self.folder, exist_ok=True)

    def words(self, *more):
        """What the bench is told, but for the rows when all of them are meant."""
        names = [row.name for row in self.rows] if self.options.rows else []
        repeat = ["--repeat", str(self.options.repeat)] if self.options.repeat else []
        return [*more, *repeat, *names]

    def quire(self, icount):
        what = "Quire, " + ("counting instructions" if icount else "wall time")
        words = self.words(*([] if icount else ["--wall"]))
        command = bench_run.quire_command(ROOT, self.options.build, icount, words=words)
        return bench_run.run(command, what, SECONDS)

    def run_linux(self, icount):
        what = f"Linux {self.linux.version}, " + (
            "counting instructions" if icount else "wall time")
        console = os.path.join(self.folder, "linux-console.log")
        words = self.words(*([] if icount else ["--wall"]))
        with tempfile.NamedTemporaryFile(prefix="quire-bench-") as initrd:
            initrd.write(self.linux.initramfs(self.init(), self.program))
            initrd.flush()
            command = self.linux.command(initrd.name, console, bench_run.LINUX_MEMORY, icount,
                                         words)
            try:
                return bench_run.run(command, what, SECONDS)
            except bench_run.Failed as error:
                raise bench_run.Failed(f"{error}\nits console is in {console}") from error

    def init(self):
        return os.path.join(self.options.build, "user/linux-init")

    def linux_figures(self, results):
        """Measures Linux, or remembers what it was."""
        path = os.path.join(self.folder, "linux.json")
        if self.options.no_linux:
            self._recall(path, results)
            return
        results.linux_version = self.linux.version
        results.linux = self.run_linux(True)
        if not self.options.no_wall:
            results.linux_ns = self.run_linux(False)
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

    def measure(self):
        machine.use_small_pages()  # as ./quire does: both machines get memory in the same way
        if not self.options.no_linux:
            self.linux.fetch()  # what fails had better fail at once
        results = bench_tables.Results(self.rows, bench_figures.read(FIGURES), None)
        results.quire = self.quire(True)
        self.linux_figures(results)
        if not self.options.no_wall:
            results.quire_ns = self.quire(False)
        if not self.options.no_events:
            kernel = os.path.join(self.options.build, "release/quire.elf")
            results.events = bench_events.events_of(kernel, self.options.build,
                                                    [row.name for row in self.rows])
        return results

    def keep(self, results):
        """Leaves the tables and the picture in the build folder."""
        def put(name, text):
            with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        put("bench.md", bench_tables.markdown(results) + "\n"
            + bench_tables.markdown_events(results))
        put("bench.svg", bench_chart.svg(results))
        whole = json.dumps(results.as_json(), indent=1, ensure_ascii=False) + "\n"
        put("bench.json", whole)
        if self.options.json:
            with open(self.options.json, "w", encoding="utf-8") as file:
                file.write(whole)

    def update(self, results):
        figures = bench_figures.updated(results.figures, [row.name for row in self.all_rows],
                                        results.quire)
        bench_figures.write(FIGURES, figures)
        put = bench_tables.put_between_marks
        put(PERFORMANCE, "figures", bench_tables.markdown(results))
        if results.events:
            put(PERFORMANCE, "events", bench_tables.markdown_events(results))
        put(PERFORMANCE, "linux", f"Linux here is Debian's {results.linux_version} cloud kernel.\n")
        put(README, "figures", bench_tables.markdown_readme(results))
        with open(PICTURE, "w", encoding="utf-8") as file:
            file.write(bench_chart.svg(results))


def main():
    options = options_of(sys.argv[1:])
    try:
        bench = Bench(options)
        if options.list:
            for row in bench.all_rows:
                print(f"{row.name:22} {row.what}")
            return 0
        results = bench.measure()
        bench.keep(results)
        if options.update:
            if not results.linux or not results.linux_ns:
                raise bench_run.Failed("there are no figures of Linux: nothing was written")
            bench.update(results)
    except (bench_run.Failed, bench_linux.Unavailable, bench_figures.Malformed, OSError,
            ValueError) as error:
        sys.stderr.write(f"bench: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    print(bench_tables.text(results), end="")
    print("! is above what was promised. The same as Markdown, picture and JSON: "
          f"{os.path.relpath(bench.folder)}/bench.*")
    return 0


if __name__ == "__main__":
    sys.exit(main())
