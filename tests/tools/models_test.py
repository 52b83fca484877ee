# SPDX-License-Identifier: MIT
"""What tools/models.py makes of a search, and that it notices a step without a case."""

import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))

import models  # noqa: E402

SOUND = "State-vector 124 byte, depth reached 238, errors: 0\n  2568612 states, stored\n"
WRONG = ("pan:1: assertion violated (a==b) (at depth 48)\nState-vector 124 byte, errors: 1\n"
         "  1.5e+06 states, stored\n")
HANGS = WRONG.replace("assertion violated (a==b)", "invalid end state")
CUT_SHORT = "Warning: Search not completed\n" + SOUND
MODEL = """\
#ifndef CPUS
#define CPUS 2
#endif
#ifdef NO_FENCE
#endif
#ifndef NO_WAIT
#endif
"""
CASES = "holds m CPUS=3\nfails m NO_FENCE wrong\nfails m NO_WAIT hangs CPUS=1 # a remark\n"


def complains(why, *words):
    missing = [word for word in words if word not in (why or "")]
    return f"{why!r} does not say {missing}" if missing else None


def is_fine(why):
    return f"unexpected: {why}" if why else None


def judged(line, output):
    return models.judge(models.parse(line)[0], output)


def check_judgement():
    yield "sound", is_fine(judged("holds m", SOUND)[0])
    yield "states_are_told", complains(judged("holds m", SOUND)[1], "2568612")
    yield "wrong_is_noticed", complains(judged("holds m", WRONG)[0], "assertion")
    yield "hang_is_noticed", complains(judged("ends m", HANGS)[0], "end state")
    yield "half_a_search_is_none", complains(judged("long m", CUT_SHORT)[0], "not all")
    yield "no_search_is_none", complains(judged("holds m", "gcc: error\n")[0], "not searched")
    yield "step_is_missed", is_fine(judged("fails m NO_FENCE wrong", WRONG)[0])
    yield "step_is_not_missed", complains(judged("fails m NO_FENCE wrong", SOUND)[0], "it holds")
    yield "missed_otherwise", complains(judged("fails m NO_FENCE wrong", HANGS)[0], "another way")
    yield "not_compiled", complains(judged("fails m NO_FENCE wrong", "")[0], "not searched")


def check_cases():
    cases = models.parse(CASES)
    yield "fit", is_fine(models.misfit(cases, MODEL))
    yield "step_without_case", complains(models.misfit(cases[:2], MODEL), "no case", "NO_WAIT")
    more = models.parse(CASES + "fails m NO_FLUSH wrong\n")
    yield "case_without_step", complains(models.misfit(more, MODEL), "no step", "NO_FLUSH")
    more = models.parse(CASES + "holds m CPU=1\n")
    yield "unknown_bound", complains(models.misfit(more, MODEL), "no bound", "CPU")
    yield "names_differ", is_fine(len({models.name_of(case) for case in cases}) != len(cases))


def check_malformed():
    for line in ("holds", "hold m", "fails m NO_FENCE", "fails m NO_FENCE loops", "holds m CPUS",
                 "holds m CPUS=x"):
        try:
            models.parse(line)
            yield f"refuses.{line.replace(' ', '_')}", "it was let pass"
        except models.Malformed:
            yield f"refuses.{line.replace(' ', '_')}", None


def check_readme():
    """What the models are said to stand for is there: files, and names in them."""
    with open(os.path.join(models.FOLDER, "README.md"), encoding="utf-8") as file:
        rows = re.findall(r"^\| `.*\| (.*) \|$", file.read(), re.MULTILINE)
    text = {}
    for folder in ("arch", "kernel"):
        for path, _, names in os.walk(os.path.join(ROOT, folder)):
            for name in names:
                with open(os.path.join(path, name), encoding="utf-8") as file:
                    text[os.path.relpath(os.path.join(path, name), ROOT)] = file.read()
    words = re.findall(r"`([\w/.]+)`", " ".join(rows))
    paths = [word for word in words if word.endswith(".c")]
    names = set(words) - set(paths) - {"_end"}
    for word in sorted(set(paths)):
        found = any(path == word or path.endswith("/" + word) for path in text)
        yield f"file.{word}", None if found else "is not there"
    for word in sorted(names):
        found = any(re.search(rf"^[\w *]*\b{word}\(", body, re.MULTILINE) for body in text.values())
        yield f"function.{word}", None if found else "is not there"


def main():
    failed = False
    for check in (check_judgement, check_cases, check_malformed, check_readme):
        for name, why in check():
            print(f"not ok {name}: {why}" if why else f"ok {name}")
            failed = failed or bool(why)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
