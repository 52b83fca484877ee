# SPDX-License-Identifier: MIT
"""The guard of speed: runs tests/bench in a machine that counts instructions, and holds each row to
its figure and to what was promised (tests/bench/figures); and what several processors do at once to
the number of times that they may wait for each other."""

import io
import os

import bench_figures
import bench_run
import bench_scaling

SECONDS = 300
TRACE_COST_MAX = 0.01


def run(report, root, build, slow):
    program = os.path.join(build, "user/tests/bench")
    try:
        figures = bench_figures.read(os.path.join(root, "tests/bench/figures"))
        order = [row.name for row in bench_run.rows_of(program)]
        rows = bench_run.run(bench_run.quire_command(root, build), "speed", SECONDS * slow,
                             io.StringIO())
    except (bench_run.Failed, bench_figures.Malformed, OSError) as error:
        report.fail("speed", str(error))
        return
    _judge(report, figures, order, rows)


def _judge(report, figures, order, rows):
    for name, why in bench_figures.missing(figures, order):
        report.fail(f"speed {name}", why)
    for name, figure in figures.items():
        if name in order:
            why, note = bench_figures.judge(name, figure, rows)
            if why:
                report.fail(f"speed {name}", why)
            else:
                report.ok(f"speed {name}", note)


def trace_cost(report, root, build, slow):
    """No row is dearer by 1% for tracepoints that are off. One that is has another try alone: what a
    row pays for caches of frames and objects that run empty depends on the rows before it."""
    def measured(flavour, *words):
        kernel = os.path.join(build, flavour, "quire.elf")
        command = bench_run.quire_command(root, build, more=("--kernel", kernel), words=words)
        return bench_run.run(command, flavour, SECONDS * slow, io.StringIO())

    def costs(*words):
        without, traced = measured("release-untraced", *words), measured("release", *words)
        return {name: (value, traced.get(name)) for name, value in without.items()}

    try:
        for name, pair in costs().items():
            report.result(f"trace cost {name}", why_dear(*pair) and why_dear(*costs(name)[name]))
    except bench_run.Failed as error:
        report.fail("trace cost", str(error))


def why_dear(without, traced):
    """None if a row with tracepoints costs less than 1% more, and if neither has a figure."""
    if without == traced:
        return None
    if not (bench_run.is_number(without) and bench_run.is_number(traced)):
        return f"{traced} with tracepoints, {without} without"
    if traced < without * (1 + TRACE_COST_MAX):
        return None
    return f"{traced} with tracepoints, {100 * (traced / without - 1):.1f}% more than {without} without"


def scaling(report, root, build, slow):
    """The same for the rows of several processors."""
    program = os.path.join(build, "user/tests/bench")
    try:
        figures = bench_figures.read(os.path.join(root, "tests/bench/figures-scaling"))
        order = [row.name for row in bench_scaling.rows_of(program)]
        rows = bench_scaling.instructions_of(build, seconds=SECONDS * slow)
    except (bench_run.Failed, bench_figures.Malformed, OSError) as error:
        report.fail("scaling", str(error))
        return
    _judge(report, figures, order, rows)


def waits(report, build, slow):
    """Parallel work on different things waits for nothing."""
    try:
        program = os.path.join(build, "user/tests/bench")
        names = [row.name for row in bench_scaling.rows_of(program)
                 if bench_scaling.INDEPENDENT.fullmatch(row.name)]
        found = bench_scaling.waits_of(build, *names, seconds=SECONDS * slow)
    except (bench_run.Failed, OSError) as error:
        report.fail("waits", str(error))
        return
    for name in names:
        why, note = bench_scaling.judge_waits(name, found.get(name, "missing"))
        if why:
            report.fail(f"waits {name}", why)
        else:
            report.ok(f"waits {name}", note)
