# SPDX-License-Identifier: MIT
"""The guard of speed: runs tests/bench in a machine that counts instructions, and holds each row to
its figure and to what was promised (tests/bench/figures)."""

import io
import os

import bench_figures
import bench_run

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
    for name, why in bench_figures.missing(figures, order):
        report.fail(f"speed {name}", why)
    for name, figure in figures.items():
        if name in order:
            why, note = bench_figures.judge(name, figure, rows)
            if why:
                report.fail(f"speed {name}", why)
            else:
                report.ok(f"speed {name}", note)
