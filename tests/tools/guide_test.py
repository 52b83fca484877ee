# SPDX-License-Identifier: MIT
"""The guide: its exercises have the answers that are measured, its examples are what comes out, and
memlab, which most of them run, says what is wrong with its words.

    guide_test.py BUILD [TEST...]

Each test is a function that returns None, or why it failed.
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
import guide  # noqa: E402

BUILD = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else os.path.join(ROOT, "build")
MEMLAB = os.path.join(BUILD, "user/bin/memlab")
ANSWERS = os.path.join(ROOT, "tests/guide/answers")
HERE = ["--build", BUILD]
SECONDS = 120
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def run(*words):
    return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=SECONDS, check=False)


def answers():
    """(exercise, right answer) of all, as they are for teachers."""
    chapters = guide.read_guide()
    with open(ANSWERS, encoding="utf-8") as stream:
        lines = [line.split("#")[0].strip() for line in stream]
    known = dict(line.split(" ", 1) for line in lines if line)
    return [(exercise, known.get(exercise.number))
            for chapter in chapters for exercise in chapter.exercises]


@test
def every_answer_is_measured_and_right():
    for exercise, answer in answers():
        if answer is None:
            return f"exercise {exercise.number} has no answer"
    for number, (right, why) in guide.check(answers(), HERE).items():
        if not right:
            return f"exercise {number}: {why}"
    return None


@test
def no_wrong_answer_is_right():
    wrong = {"number": "77777", "word": "perhaps", "steps": "map a 1; peek 0"}
    pairs = [(exercise, wrong[exercise.kind]) for exercise, _ in answers()]
    for number, (right, _) in guide.check(pairs, HERE).items():
        if right:
            return f"exercise {number} takes a wrong answer"
    return None


def examples():
    """(command, what follows it) of all blocks of the guide that show both."""
    for name in sorted(os.listdir(guide.FOLDER)):
        if not name.endswith(".md"):
            continue
        with open(os.path.join(guide.FOLDER, name), encoding="utf-8") as stream:
            text = stream.read()
        for block in re.findall(r"^```\n\$ \./quire run (.*?)^```$", text, re.MULTILINE | re.DOTALL):
            command, _, output = block.partition("\n")
            yield name, shlex.split(command), output


@test
def examples_are_what_comes_out():
    count = 0
    for name, words, output in examples():
        result = run(os.path.join(ROOT, "quire"), "run", *HERE, *words)
        if result.stdout.strip() != output.strip():
            return f"{name}: {' '.join(words)} prints\n{result.stdout}"
        count += 1
    return None if count else "there are none"


@test
def memlab_says_what_is_wrong():
    for words, status, told in (
            ([], 2, "usage"),
            (["--total", "nothing", "map a 1"], 2, "nothing of that name"),
            (["--file", "/does/not/exist"], 2, "No such file"),
            (["jump a"], 2, "no such step"),
            (["map a"], 2, "the step is: map NAME"),
            (["fork { map a 1"], 2, "has no }"),
            (["map a 1 }"], 2, "has no {"),
            (["map a 1 { read a }"], 2, "only fork"),
            (["read a"], 1, "there is no map 'a'"),
            (["map a x"], 1, "'x' is not a number"),
            (["map a 0"], 1, "mmap"),
            (["map a 1; map a 1"], 1, "there is a map 'a' already"),
            (["map a 4; read a 4"], 1, "which has 0-3"),
            (["map a 4; read a 3-1"], 1, "is not a page"),
            (["map a 4; protect a 0 fly"], 1, "is no right"),
            (["map a 4; advise a fly"], 1, "is no advice"),
            (["map a 4 file /does/not/exist"], 1, "No such file"),
            (["end"], 1, "no child is kept"),
            (["threads 999"], 1, "processors"),
            (["peek nowhere"], 1, "is not an address"),
            (["brk -1"], 1, "cannot shrink"),
            (["stack 100000"], 1, "at most")):
        result = run(MEMLAB, *words)
        if result.returncode != status or told not in result.stderr:
            return f"{words}: status {result.returncode}, {result.stderr!r}"
    return None


@test
def memlab_takes_steps_from_a_file():
    with tempfile.NamedTemporaryFile("w", suffix=".lab") as script:
        script.write("# a script\nmap a 3   # three pages\nwrite a\nsay done now\n")
        script.flush()
        result = run(MEMLAB, "--file", script.name)
    if result.returncode != 0 or "3 faults" not in result.stdout or "done now" not in result.stdout:
        return result.stdout + result.stderr
    return None


@test
def refused_accesses_are_no_failure():
    result = run(MEMLAB, "map a 2 read; write a 1; peek 0; unmap a 0; read a 0")
    for told in ("SIGSEGV at page 1 of a: the area forbids it", "SIGSEGV at (nil): nothing",
                 "SIGSEGV at page 0 of a: nothing is mapped there"):
        if told.replace("(nil)", "0") not in result.stdout.replace("(nil)", "0"):
            return f"{told!r} is missing in {result.stdout}"
    return None if result.returncode == 0 else f"status {result.returncode}: {result.stderr}"


@test
def bad_words_of_the_guide():
    quire = os.path.join(ROOT, "quire")
    for words, status, told in ((["9.9"], 2, "there is no exercise"), (["--fly"], 2, "usage"),
                                (["--answers", "/does/not/exist"], 3, "No such file"),
                                (["1.1", "254", "more"], 2, "usage"), (["--help"], 0, "usage")):
        result = run(quire, "guide", *words)
        if result.returncode != status or told not in result.stdout + result.stderr:
            return f"{words}: status {result.returncode}, {result.stderr!r}"
    return None


def main():
    failed = False
    for function in TESTS:
        if sys.argv[2:] and function.__name__ not in sys.argv[2:]:
            continue
        why = function()
        failed |= why is not None
        print(f"not ok {function.__name__}: {why}" if why else f"ok {function.__name__}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
