# SPDX-License-Identifier: MIT
"""Searches the models of docs/models with spin: that they hold, and that they fail when a step that
they rest on is taken away.

    tools/models.py [--build DIR] [--long] [MODEL [STEP]]

One line a case of docs/models/cases, in the words of every test. For a failure, DIR/check has the
search's output and the steps that led there.
"""

import argparse
import collections
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDER = os.path.join(ROOT, "docs/models")
SECONDS = 240
MEGABYTES, LONG_MEGABYTES = 800, 3000
FAILURES = {"wrong": "assertion violated", "hangs": "invalid end state"}

Case = collections.namedtuple("Case", "kind model step failure bounds")


class Malformed(Exception):
    """A line of the cases that is not one."""


def parse(text):
    cases = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        kind, *rest = words
        named = 3 if kind == "fails" else 1
        bounds = rest[named:]
        if (kind not in ("holds", "ends", "long", "fails") or len(rest) < named
                or (kind == "fails" and rest[2] not in FAILURES)
                or not all(re.fullmatch(r"[A-Z_]+=\d+", bound) for bound in bounds)):
            raise Malformed(f"cases:{number}: {line}")
        step, failure = rest[1:3] if kind == "fails" else (None, None)
        cases.append(Case(kind, rest[0], step, failure, bounds))
    return cases


def name_of(case):
    if case.kind == "fails":
        return f"{case.model} fails with {case.step.lower().replace('_', ' ')}"
    kind = "ends" if case.kind == "ends" else "holds"
    bounds = " ".join(re.sub("[_=]", " ", bound.lower()) for bound in case.bounds)
    return f"{case.model} {kind} with {bounds}"


def steps_of(source):
    """What a model's text lets be removed."""
    return set(re.findall(r"^#if(?:n?def) ([A-Z_]+)$", source, re.MULTILINE)) - bounds_of(source)


def bounds_of(source):
    """What it has a default for."""
    return set(re.findall(r"^#ifndef ([A-Z_]+)\n#define \1 ", source, re.MULTILINE))


def misfit(cases, source):
    """Why the cases of one model do not fit its text, or None."""
    tried = {case.step for case in cases if case.step}
    given = {bound.split("=")[0] for case in cases for bound in case.bounds}
    for words, names in (("no case removes", steps_of(source) - tried),
                         ("the model has no step", tried - steps_of(source)),
                         ("the model has no bound", given - bounds_of(source))):
        if names:
            return f"{words} {', '.join(sorted(names))}"
    return None


def judge(case, output):
    """(why it failed or None, what is worth saying) of a search's output."""
    states = re.search(r"(\d+(?:\.\d+)?(?:e\+\d+)?) states, stored", output)
    errors = re.search(r"errors: (\d+)", output)
    found = next((line for line in output.splitlines() if re.match(r"pan:\d+: ", line)), None)

    if not states or not errors:
        return "it was not searched", ""
    if case.kind == "fails":
        if errors[1] == "0":
            return f"it holds without the step ({states[1]} states)", ""
        if not found or FAILURES[case.failure] not in found:
            return f"it fails in another way: {found}", ""
        return None, ""
    if errors[1] != "0":
        return found or "it fails", ""
    if "Search not completed" in output or "MEMLIM" in output or "too small" in output:
        return "not all of it was searched", ""
    return None, f"{int(float(states[1]))} states"


def command(words, folder, seconds=SECONDS):
    try:
        result = subprocess.run(words, cwd=folder, stdin=subprocess.DEVNULL, timeout=seconds,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    except subprocess.TimeoutExpired as error:
        return 124, (error.stdout or b"").decode(errors="replace") + f"longer than {seconds} s\n"
    return result.returncode, result.stdout.decode(errors="replace")


def search(case, folder, long):
    """The whole output of translating, compiling and running one search."""
    flags = [f"-D{word}" for word in ([case.step] if case.step else []) + case.bounds]
    model = os.path.join(FOLDER, case.model + ".pml")
    big = case.kind in ("holds", "long")
    # Cycles are not looked at, or those without progress: as nothing is marked as such, all.
    cycles = "-DNP" if case.kind == "ends" else "-DSAFETY"
    run = ["./pan", "-n", "-w20", "-m100000"] + (["-l"] if case.kind == "ends" else [])
    text = ""
    for words in (["spin", "-a", *flags, model],
                  ["gcc", "-w", "-O1" if big else "-O0", cycles, "-DVECTORSZ=512",
                   f"-DMEMLIM={LONG_MEGABYTES if long else MEGABYTES}", "-o", "pan", "pan.c"],
                  run):
        status, output = command(words, folder, SECONDS * (10 if long else 1))
        text += output
        if status != 0:
            break
    if case.kind != "fails" and os.path.exists(os.path.join(folder, case.model + ".pml.trail")):
        text += command(["spin", "-t", "-k", case.model + ".pml.trail", "-p", *flags, model],
                        folder)[1]
    return text


def run(case, long, log):
    with tempfile.TemporaryDirectory(prefix="quire-model-") as folder:
        output = search(case, folder, long)
    why, note = judge(case, output)
    name = name_of(case)
    if why:
        print(f"not ok {name}: {why} (see {log(name, output)})", flush=True)
    else:
        print(f"ok {name}" + (f": {note}" if note else ""), flush=True)
    return not why


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--long", action="store_true", help="larger bounds as well")
    parser.add_argument("model", nargs="?")
    parser.add_argument("step", nargs="?")
    options = parser.parse_args()
    logs = os.path.join(options.build, "check")
    os.makedirs(logs, exist_ok=True)

    def log(name, text):
        path = os.path.join(logs, "model-" + name.replace(" ", "-") + ".log")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    with open(os.path.join(FOLDER, "cases"), encoding="utf-8") as file:
        cases = parse(file.read())
    passed = True
    for model in dict.fromkeys(case.model for case in cases):
        if options.model not in (None, model):
            continue
        own = [case for case in cases if case.model == model]
        with open(os.path.join(FOLDER, model + ".pml"), encoding="utf-8") as file:
            why = misfit(own, file.read())
        print(f"not ok {model} cases: {why}" if why else f"ok {model} cases", flush=True)
        passed = passed and not why
        for case in own:
            if (case.kind != "long" or options.long) and options.step in (None, case.step):
                passed = run(case, options.long, log) and passed
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
