# SPDX-License-Identifier: MIT
"""Runs tests/bench in a machine that counts instructions, and holds each row to its limit."""

import subprocess

MEMORY = "2G"
SECONDS = 180


def read_limits(path):
    """{name: (limit or factor, other row or None)}"""
    limits = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            words = line.split("#")[0].split()
            if len(words) == 2:
                limits[words[0]] = (float(words[1]), None)
            elif len(words) == 3:
                limits[words[0]] = (float(words[1].lstrip("x")), words[2])
    return limits


def run(report, quire, archive, limits_path, slow):
    limits = read_limits(limits_path)
    result = subprocess.run(
        quire + ["--icount", "--mem", MEMORY, "--timeout", str(SECONDS * slow),
                 "--archive", archive, "--", "/tests/bench"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
        timeout=SECONDS * slow + 60, check=False)
    path = report.log("speed", result.stdout + "\n---- errors\n" + result.stderr)
    rows = dict(line.split() for line in result.stdout.splitlines() if len(line.split()) == 2)
    if result.returncode != 0:
        report.fail("speed", f"status {result.returncode} (see {path})")
    for name, (limit, other) in limits.items():
        why, note = judge(rows, name, limit, other)
        if why:
            report.fail(f"speed {name}", why)
        else:
            report.ok(f"speed {name}", note)


def judge(rows, name, limit, other):
    """(why it fails or None, what to note when it passes)"""
    value = rows.get(name, "missing")
    base = rows.get(other, "missing") if other else "1"
    if not value.isdigit() or not base.isdigit():
        return f"{name} is {value}" + (f", {other} is {base}" if other else ""), ""
    most = limit * int(base)
    if int(value) > most:
        return f"{value} instructions, more than {most:.0f}", ""
    return None, f"{value} of {most:.0f} instructions"
