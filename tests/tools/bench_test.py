# SPDX-License-Identifier: MIT
"""The scripts around tests/bench, each with what it must notice: the guard of its figures, the
tables and the picture, the counting of events, the reading of a run."""

import io
import os
import re
import sys
import tempfile
import xml.dom.minidom

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))

import bench  # noqa: E402
import bench_chart  # noqa: E402
import bench_events  # noqa: E402
import bench_figures  # noqa: E402
import bench_linux  # noqa: E402
import bench_run  # noqa: E402
import bench_scaling  # noqa: E402
import bench_tables  # noqa: E402
import check_bench  # noqa: E402

FIGURES = "a 1000 -\nb 200 210\nc 500 400 owed\nd skip -\ne 110 1.2*b\n"
ROWS = {"a": 1000, "b": 200, "c": 500, "d": "skip", "e": 110}
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def judged(name, rows):
    """(why, note) of a row whose values differ from what was committed."""
    return bench_figures.judge(name, bench_figures.parse(FIGURES)[name], {**ROWS, **rows})


def expect(found, wanted):
    return None if found == wanted else f"{found!r} instead of {wanted!r}"


def expect_word(text, *words):
    missing = [word for word in words if word not in (text or "")]
    return f"{text!r} does not say {missing}" if missing else None


# ---- the guard ----

@test
def unchanged_rows_pass():
    for name in ROWS:
        why, _ = judged(name, {})
        if why:
            return f"{name}: {why}"
    return None


@test
def dearer_row_fails_with_both_numbers():
    return expect_word(judged("a", {"a": 1051})[0], "1051", "1000", "5.1%")


@test
def tracepoints_may_cost_less_than_one_percent():
    return (expect(check_bench.why_dear(1000, 1009), None)
            or expect(check_bench.why_dear("skip", "skip"), None)
            or expect_word(check_bench.why_dear(1000, 1010), "1010", "1.0%", "1000")
            or expect_word(check_bench.why_dear(1000, "failed"), "failed", "1000"))


@test
def five_percent_pass():
    return expect(judged("a", {"a": 1050})[0], None)


@test
def cheaper_row_is_noted():
    why, note = judged("a", {"a": 900})
    return expect(why, None) or expect_word(note, "900", "1000", "bench-update")


@test
def missing_row_fails():
    return expect_word(bench_figures.judge("a", bench_figures.Figure(1000), {})[0], "missing")


@test
def failed_row_fails():
    return expect_word(judged("a", {"a": "failed"})[0], "failed", "1000")


@test
def row_that_was_skipped_no_more_passes():
    return expect(judged("d", {"d": 7})[0], None)


@test
def row_that_became_a_skip_fails():
    return expect_word(judged("a", {"a": "skip"})[0], "skip", "1000")


@test
def broken_promise_fails_below_five_percent():
    return expect(judged("b", {"b": 209})[0], None) or expect_word(judged("b", {"b": 210 + 1})[0],
                                                                   "211") or expect_word(
        bench_figures.judge("b", bench_figures.Figure(209, "210"), {"b": 212})[0], "212", "210",
        "promised")


@test
def promise_of_another_row():
    figure = bench_figures.Figure(230, "1.2*b")
    return (expect(bench_figures.judge("e", figure, {"b": 200, "e": 240})[0], None)
            or expect_word(bench_figures.judge("e", figure, {"b": 200, "e": 241})[0], "241", "240"))


@test
def owed_promise_passes_and_is_said():
    why, note = judged("c", {})
    return expect(why, None) or expect_word(note, "owed: 400")


@test
def malformed_figures_are_refused():
    for text in ("a", "a 1", "a 1 2 3", "a x -", "a 1.5 -", "a -1 -", "a 0 -", "a 1 y", "a 1 2*",
                 "a 1 2*b", "a 1 -\na 2 -", "a 1 2 owing"):
        try:
            bench_figures.parse(text)
            return f"{text!r} is taken"
        except bench_figures.Malformed as error:
            if not re.match(r"figures:", str(error)):
                return f"{text!r}: {error} does not say where"
    return None


@test
def rows_and_figures_are_the_same():
    found = dict(bench_figures.missing(bench_figures.parse("a 1 -\nb 1 -\n"), ["a", "c"]))
    return expect(sorted(found), ["b", "c"])


@test
def committed_figures_are_sound():
    program = os.path.join(BUILD, "user/tests/bench")
    for file, rows in (("figures", bench_run.rows_of(program)),
                       ("figures-scaling", bench_scaling.rows_of(program))):
        figures = bench_figures.read(os.path.join(ROOT, "tests/bench", file))
        values = {name: figure.value for name, figure in figures.items()}
        for name, figure in figures.items():
            why, _ = bench_figures.judge(name, figure, values)
            if why:
                return f"{name}: {why}"
        lost = dict(bench_figures.missing(figures, [row.name for row in rows]))
        if lost:
            return f"{file}: {lost}"
    return None


@test
def update_keeps_promises_and_pays_debts():
    figures = bench_figures.updated(bench_figures.parse(FIGURES), ["b", "a", "c", "d", "e", "f"],
                                    {"a": 900, "c": 399, "d": 7, "f": 1})
    found = [(name, f.value, f.must, f.owed) for name, f in figures.items()]
    return expect(found, [("b", 200, "210", False), ("a", 900, "-", False),
                          ("c", 399, "400", False), ("d", 7, "-", False),
                          ("e", 110, "1.2*b", False), ("f", 1, "-", False)])


@test
def update_writes_no_debts():
    figures = bench_figures.updated(bench_figures.parse("b 200 210\nc 500 400 owed\n"), ["b", "c"],
                                    {"b": 220, "c": 450})
    return expect([figure.owed for figure in figures.values()], [False, True])


@test
def figures_are_read_as_written():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "figures")
        bench_figures.write(path, bench_figures.parse(FIGURES))
        found = bench_figures.read(path)
    return expect([(f.value, f.must, f.owed) for f in found.values()],
                  [(f.value, f.must, f.owed) for f in bench_figures.parse(FIGURES).values()])


class Heard:
    """A report that only remembers."""

    def __init__(self):
        self.failures = {}
        self.passed = []

    def ok(self, name, _=""):
        self.passed.append(name)

    def fail(self, name, why):
        self.failures[name] = why


def guard(figures, output, listing="a\ttime\tG\tA\nb\ttime\tG\tB\n"):
    """What check_bench says of a bench that prints this; the machine is a shell script."""
    heard = Heard()
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(f"{folder}/tests/bench")
        os.makedirs(f"{folder}/tools")
        os.makedirs(f"{folder}/user/tests")
        with open(f"{folder}/tests/bench/figures", "w", encoding="utf-8") as file:
            file.write(figures)
        with open(f"{folder}/tools/quire.py", "w", encoding="utf-8") as file:
            file.write(f"print({output!r}, end='')\n")
        with open(f"{folder}/user/tests/bench", "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\nprintf '%s' '{listing}'\n")
        os.chmod(f"{folder}/user/tests/bench", 0o755)
        check_bench.run(heard, folder, folder, 1)
    return heard


@test
def guard_passes_what_is_as_committed():
    heard = guard("a 10 -\nb 20 -\n", "a 10\nb 20\n")
    return expect((heard.failures, heard.passed), ({}, ["speed a", "speed b"]))


@test
def guard_fails_each_kind():
    heard = guard("a 10 -\nb 20 -\n", "a 11\n")
    lacks = guard("a 10 -\n", "a 10\nb 20\n")
    more = guard("a 10 -\nb 20 -\nc 1 -\n", "a 10\nb 20\n")
    broken = guard("a 10\n", "a 10\nb 20\n")
    silent = guard("a 10 -\nb 20 -\n", "")
    return (expect(sorted(heard.failures), ["speed a", "speed b"])
            or expect(sorted(lacks.failures), ["speed b"])
            or expect(sorted(more.failures), ["speed c"])
            or expect(sorted(broken.failures), ["speed"])
            or expect(sorted(silent.failures), ["speed"]))


# ---- several processors ----

@test
def rows_that_wait_fail():
    judge = bench_scaling.judge_waits
    return (expect(judge("faults_4_threads", 10, ())[0], None)
            or expect_word(judge("faults_4_threads", 10.5, ())[0], "10.5", "more than 10")
            or expect_word(judge("faults_4_threads", "skip", ())[0], "skip")
            or expect(judge("faults_4_threads", 999.5, ("faults_4_threads",))[0], None)
            or expect_word(judge("faults_4_threads", 999.5, ("faults_4_threads",))[1], "owed")
            or expect_word(judge("faults_4_threads", 0, ("faults_4_threads",))[1], "WAITING"))


@test
def rows_owed_are_rows():
    names = [row.name for row in bench_scaling.rows_of(os.path.join(BUILD, "user/tests/bench"))]
    independent = [name for name in names if bench_scaling.INDEPENDENT.fullmatch(name)]
    return (expect(sorted(set(bench_scaling.WAITING) - set(independent)), [])
            or (None if len(independent) > 3 else f"only {independent} are to wait for nothing"))


@test
def table_of_several_processors():
    found = results()
    found.waits = {"getppid": 999.75, "fork": 0.0, "new": "skip"}
    table = bench_tables.markdown_scaling(found)
    if len({line.count("|") for line in table.splitlines()}) != 1:
        return f"its lines have different numbers of columns:\n{table}"
    return (expect_word(table, "| 2.7 × | 168 ns | 1.23 µs | 7.3 × | 999.8 |", "| 0 |", "| skip |")
            or expect_word(bench_tables.text_scaling(found), "Quire, waits", "12,345,678"))


# ---- runs ----

def run_script(text, seconds=20):
    return bench_run.run(["sh", "-c", text], "a test", seconds, io.StringIO())


def run_complaint(text, seconds=20):
    try:
        return f"it gave {run_script(text, seconds)}"
    except bench_run.Failed as error:
        return str(error)


@test
def lines_of_a_run():
    found = run_script("printf 'a 1\\r\\nb 2.5\\nc skip\\nexit 0\\n'; echo noise of the kernel")
    return expect(found, {"a": 1, "b": 2.5, "c": "skip"})


@test
def run_that_fails_is_told():
    return (expect_word(run_complaint("echo a 1; echo oh dear >&2; exit 3"), "status 3", "oh dear",
                        "the last row was a")
            or expect_word(run_complaint("echo a 1; echo exit 139"), "status 139")
            or expect_word(run_complaint("echo a 1; exec sleep 100", 0.5), "longer than 0.5 s")
            or expect_word(run_complaint("true"), "none"))


@test
def rows_by_pattern():
    rows = [bench_run.Row(f"{name}\ttime\tG\tw") for name in ("fork", "fork_1g", "brk")]
    names = [row.name for row in bench.chosen(rows, "brk,fork_*")]
    try:
        bench.chosen(rows, "brk,nothing")
        return "a row that is not there is taken"
    except bench_run.Failed as error:
        return expect(names, ["fork_1g", "brk"]) or expect_word(str(error), "nothing")


@test
def linux_that_cannot_be_had():
    path = os.environ["PATH"]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PATH"] = folder
        try:
            bench_linux.Linux(os.path.join(folder, "linux")).fetch()
            return "it came from nowhere"
        except bench_linux.Unavailable as error:
            return expect_word(str(error), "apt-cache", "--linux-kernel")
        finally:
            os.environ["PATH"] = path


# ---- events ----

WATCHED = {0x10: "measurement_begins", 0x20: "now", 0x30: "atomics", 0x40: "cr3_loads"}


def trace(*addresses):
    return [b"Trace 0: 0x7f00 [00000000/%016x/0/0] name\n" % address for address in addresses]


@test
def events_between_the_marks_count():
    begin, now, atomic, load = WATCHED
    start = [begin] * bench_events.START_MARKS
    lines = trace(begin, atomic, now, *start, atomic,
                  begin, now, atomic, now, atomic,              # first, a warm-up
                  begin, now, atomic, atomic, now, load, now, load, now,
                  begin,                                        # second, skipped
                  begin, now, now, begin, now, load, now,       # third
                  begin, now, now)                              # of another program
    turns = bench_events._turns(lines, WATCHED)
    found = bench_events._per_operation({"a": "2", "b": "skip", "c": "1"}, turns)
    return (expect(sorted(found), ["a", "c"])
            or expect((found["a"]["atomics"], found["a"]["cr3_loads"]), (1, 0.5))
            or expect((found["c"]["atomics"], found["c"]["cr3_loads"]), (0, 1)))


@test
def lost_measurements_are_noticed():
    lines = trace(*[0x10] * bench_events.START_MARKS, 0x10)
    try:
        bench_events._per_operation({"a": "1"}, bench_events._turns(lines, WATCHED))
        return "one measurement of two is taken"
    except bench_run.Failed as error:
        return expect_word(str(error), "1 measurements, 2 expected")


@test
def places_in_the_kernel_and_marks_in_the_program():
    found = set(bench_events.places(os.path.join(BUILD, "release/quire.elf")).values())
    marks = bench_events.marks(os.path.join(BUILD, "user/tests/bench"))
    return (expect(found, {kind for kind, _, _ in bench_events.KINDS})
            or expect(sorted(marks.values()), sorted(bench_events.MARKS)))


# ---- tables and picture ----

def results():
    rows = [bench_run.Row(line) for line in (
        "getppid\ttime\tOne\t`getppid`", "fork\ttime\tOne\tfork & wait", "new\ttime\tTwo\tnew",
        "memory\tbytes\tTwo\tmemory")]
    found = bench_tables.Results(rows, bench_figures.parse("getppid 1 100\nfork 1 -\n"), "6.1.1-1")
    found.quire = {"getppid": 134, "fork": 12345678, "new": "skip", "memory": 4096}
    found.linux = {"getppid": 359, "fork": 123456789, "new": 7, "memory": 8192}
    found.quire_ns, found.linux_ns = {"getppid": 168.25}, {"getppid": 1234.0}
    found.events = {"fork": {"atomics": 3.0, "traps": 0.0625}}
    return found


@test
def table_as_text():
    table = bench_tables.text(results())
    return expect_word(table, "One\n", "134 !", "359", "2.7 ×", "168 ns", "1.23 µs", "7.3 ×",
                       "12,345,678", "skip", "  fork & wait ")


@test
def table_as_markdown():
    table = bench_tables.markdown(results())
    if len({line.count("|") for line in table.splitlines()}) != 1:
        return f"its lines have different numbers of columns:\n{table}"
    return expect_word(table, "| 134 **!** | 359 | 2.7 × | 100 |", "| **Two** |", "| skip | 7 |")


@test
def events_as_markdown():
    table = bench_tables.markdown_events(results())
    return expect_word(table, "| fork & wait | 3 | 0 | 0 | 0.06 | 0 |")


@test
def only_between_the_marks_is_written():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "document.md")
        begin = bench_tables.MARK_BEGIN.format("figures")
        end = bench_tables.MARK_END.format("figures")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"before\n{begin}\nold\n{end}\nafter\n")
        bench_tables.put_between_marks(path, "figures", "new\n")
        with open(path, encoding="utf-8") as file:
            found = file.read()
        try:
            bench_tables.put_between_marks(path, "events", "new\n")
            return "marks that are not there are taken"
        except ValueError as error:
            return (expect(found, f"before\n{begin}\nnew\n{end}\nafter\n")
                    or expect_word(str(error), "document.md", "events"))


@test
def picture_is_whole():
    text = bench_chart.svg(results())
    document = xml.dom.minidom.parseString(text)
    bars = [element for element in document.getElementsByTagName("rect")
            if element.getAttribute("class") in ("quire", "linux")
            and float(element.getAttribute("x")) >= bench_chart.LABELS]
    widths = [float(bar.getAttribute("width")) for bar in bars]
    if len(bars) != 4 or not widths[0] < widths[1] < widths[2] < widths[3] <= bench_chart.PLOT:
        return f"its bars are {widths}"
    return expect_word(text, "prefers-color-scheme: dark", "fork &amp; wait", "2.7 ×")


def main():
    failed = False
    for function in TESTS:
        try:
            why = function()
        except Exception as error:  # a test that breaks has failed
            why = f"{type(error).__name__}: {error}"
        failed = failed or bool(why)
        print(f"not ok {function.__name__}: {why}" if why else f"ok {function.__name__}",
              flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    BUILD = sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "build")
    sys.exit(main())
