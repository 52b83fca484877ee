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
