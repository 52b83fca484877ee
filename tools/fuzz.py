# SPDX-License-Identifier: MIT
"""Runs one fuzzing target of tests/fuzz, for a time or for a number of inputs.

    tools/fuzz.py [--build DIR] [--seconds N | --runs N] NAME

The search starts from the target's own seeds, from tests/fuzz/corpus/NAME and, with --seconds, from
what earlier runs kept in DIR/fuzz/corpus/NAME; what is new is kept there. With --runs it is the
same search each time, and nothing is kept. An input that fails is left in DIR/fuzz, and a line says
how to run it again.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CRASH = re.compile(r"Test unit written to (\S+)")


def corpora(name, build):
    """Folders of inputs that exist, the kept ones first."""
    kept = os.path.join(build, "fuzz/corpus", name)
    os.makedirs(kept, exist_ok=True)
    given = os.path.join(ROOT, "tests/fuzz/corpus", name)
    return [kept] + ([given] if os.path.isdir(given) else [])


def command(name, build, seeds, runs=None, seconds=None):
    """The words that run the target; its seeds are written to the folder `seeds` first."""
    target = os.path.join(build, "fuzz", name + "_fuzz")
    subprocess.run([target, "--seeds", seeds], check=True)
    kept, *given = corpora(name, build)
    words = [target, f"-artifact_prefix={build}/fuzz/{name}-", "-print_final_stats=1",
             "-max_len=4096", "-timeout=60", "-rss_limit_mb=4096", "-detect_leaks=0"]
    if runs is not None:
        return words + [f"-runs={runs}", "-seed=1", seeds, *given]
    return words + [f"-max_total_time={seconds}", kept, seeds, *given]


def complaint(errors, root=ROOT):
    """The failure that the target's messages tell of, and how to repeat it."""
    why = next((line for line in errors.splitlines() if re.match(r"[\w/.-]+:\d+: ", line)), None)
    why = why or next((line for line in errors.splitlines() if "ERROR" in line), "it failed")
    crash = CRASH.search(errors)
    if not crash:
        return why
    path = os.path.relpath(crash.group(1), root)
    target = re.sub(r"(\w+)-[^/]*$", r"\1_fuzz", path)
    return f"{why}; again: PRINT=1 {target} {path}"


def run(name, build, runs=None, seconds=None):
    """(why it failed or None, inputs tried, all that it said)"""
    with tempfile.TemporaryDirectory(prefix="quire-fuzz-") as seeds:
        words = command(name, build, seeds, runs, seconds)
        result = subprocess.run(words, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True,
                                text=True, errors="replace", check=False)
    tried = re.search(r"stat::number_of_executed_units: (\d+)", result.stderr)
    why = complaint(result.stderr) if result.returncode != 0 else None
    return why, int(tried.group(1)) if tried else 0, result.stderr


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--seconds", type=int, default=60, metavar="N")
    parser.add_argument("--runs", type=int, metavar="N", help="so many inputs instead, the same")
    parser.add_argument("name", metavar="NAME", help="map, elf, cpio")
    options = parser.parse_args()

    build = os.path.abspath(options.build)
    print(f"fuzz {options.name}: " + (f"{options.runs} inputs" if options.runs is not None
                                      else f"{options.seconds} s"), flush=True)
    why, tried, text = run(options.name, build, options.runs,
                           None if options.runs is not None else options.seconds)
    if why:
        sys.stdout.write(text[-8000:])
        print(f"fuzz {options.name}: {why}")
        return 1
    print(f"fuzz {options.name}: {tried} inputs, none failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
