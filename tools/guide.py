# SPDX-License-Identifier: MIT
"""./quire guide: the exercises of docs/guide, and whether an answer is right.

A chapter is docs/guide/N-NAME.md. An exercise in it begins with a heading `### Exercise N.M` and
ends with a comment that says how its answer is found out, by measuring, each time anew:

    <!-- number: COMMAND -->     the answer is the number that COMMAND prints in the guest
    <!-- word: COMMAND -->       the same for a word
    <!-- steps: CONDITION -->    the answer is steps for memlab, for whose sums the CONDITION holds:
                                 comparisons like `copy == 3`, joined by `and`

A line `options: ...` in the comment has options for `quire run`, such as --smp 4.
"""

import dataclasses
import os
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDER = os.path.join(ROOT, "docs", "guide")
RIGHT, WRONG, USAGE, NO_RUN = 0, 1, 2, 3

HEADING = re.compile(r"^### Exercise (\d+\.\d+)\s*$")
RULE = re.compile(r"<!--\s*(number|word|steps):\s*(.*?)\s*(?:\noptions:\s*(.*?)\s*)?-->", re.DOTALL)
WATCHED = re.compile(r"^\./quire view (?:--web )?(.*)$", re.MULTILINE)
CONDITION = re.compile(r"(\w+)\s*(==|<=|>=|<|>)\s*(-?\d+)$")

HELP = """\
usage: quire guide                     the chapters and their exercises
       quire guide N.M                 one exercise
       quire guide N.M ANSWER          whether ANSWER is right
       quire guide --answers FILE      whether all answers of a file are (lines `N.M ANSWER`)
       quire guide --record N FILE     records what chapter N lets one watch

An answer is checked by doing in Quire what the exercise is about, and measuring. Where the answer
is steps for memlab, put them in quotes: quire guide 3.4 'map a 2; write a'.

Exit status: 0 right, 1 not right, 2 wrong usage, 3 it could not be measured.
"""


class GuideError(Exception):
    """It could not be measured: what to tell."""


@dataclasses.dataclass
class Exercise:
    """One exercise of a chapter."""

    number: str
    text: str
    kind: str
    rule: str
    options: list


@dataclasses.dataclass
class Chapter:
    """One chapter."""

    path: str
    title: str
    exercises: list


def read_chapter(path):
    with open(path, encoding="utf-8") as stream:
        lines = stream.read().split("\n")
    exercises, number, text = [], None, []
    for line in [*lines, "## "]:
        heading = HEADING.match(line)
        if number and (heading or line.startswith("#")):
            exercises.append(read_exercise(path, number, "\n".join(text)))
            number = None
        if heading:
            number, text = heading.group(1), []
        elif number:
            text.append(line)
    return Chapter(path, lines[0].lstrip("# "), exercises)


def read_exercise(path, number, text):
    rule = RULE.search(text)
    if not rule:
        raise GuideError(f"{path}: exercise {number} has no rule for its answer")
    kind, command, options = rule.groups()
    if kind == "steps":
        for part in command.split(" and "):
            if not CONDITION.match(part.strip()):
                raise GuideError(f"{path}: exercise {number}: {part!r} is no condition")
    return Exercise(number, text[:rule.start()].strip(), kind, " ".join(command.split()),
                    shlex.split(options or ""))


def read_guide(folder=FOLDER):
    names = sorted(name for name in os.listdir(folder) if re.match(r"\d+-.*\.md$", name))
    return [read_chapter(os.path.join(folder, name)) for name in names]


# ---- measuring ----

def commands_for(exercise, answer):
    """What is run in the guest, a line of shell; what it prints decides."""
    if exercise.kind != "steps":
        return exercise.rule
    keys = dict.fromkeys(CONDITION.match(part.strip()).group(1)
                         for part in exercise.rule.split(" and "))
    return "; ".join(f"memlab -t {key} {shlex.quote(answer)} || echo failed" for key in keys)


def run_all(pairs, options):
    """Runs what each (exercise, answer) needs in one machine; returns what each one printed."""
    script = "".join(f"echo '@@ {index}'\n( {commands_for(exercise, answer)} ) 2>&1 </dev/null\n"
                     for index, (exercise, answer) in enumerate(pairs))
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "guide.sh")
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(script + "echo '@@ end'\n")
        command = [os.path.join(ROOT, "quire"), "run", *options, "--add", path + ":/tmp/guide.sh",
                   "--", "/bin/sh", "/tmp/guide.sh"]
        result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, errors="replace", check=False)
    parts = re.split(r"^@@ (?:\d+|end)\n", result.stdout, flags=re.MULTILINE)[1:]
    if len(parts) != len(pairs) + 1:
        raise GuideError(result.stderr.strip() or "the machine ended before everything was measured")
    return [part.strip() for part in parts[:-1]]


def holds(exercise, printed):
    """Whether the numbers that were printed meet the exercise's condition."""
    lines = printed.split("\n")
    numbers = {}
    for part in exercise.rule.split(" and "):
        key, relation, wanted = CONDITION.match(part.strip()).groups()
        if key not in numbers:
            numbers[key] = int(lines[len(numbers)])
        have, wanted = numbers[key], int(wanted)
        if not {"==": have == wanted, "<=": have <= wanted, ">=": have >= wanted,
                "<": have < wanted, ">": have > wanted}[relation]:
            return False, f"{key} is {have}, and should be {relation} {wanted}"
    return True, ""


def verdict(exercise, answer, printed):
    """(is it right, why not)."""
    if exercise.kind == "steps":
        if re.search(r"[^\d\s-]", printed):
            return False, printed.split("\n")[0]
        return holds(exercise, printed)
    value = printed.split("\n")[-1].strip()
    if not value:
        raise GuideError(f"exercise {exercise.number}: nothing was measured")
    if exercise.kind == "number":
        if not re.fullmatch(r"-?\d+", value):
            raise GuideError(f"exercise {exercise.number}: {printed}")
        try:
            return int(answer, 0) == int(value), "another number was measured"
        except ValueError:
            return False, f"{answer!r} is not a number"
    return answer.strip().lower() == value.lower(), "it was something else"


def check(pairs, extra):
    """The verdicts of (exercise, answer) pairs, one machine for each set of options."""
    verdicts = {}
    for options in {tuple(exercise.options) for exercise, _ in pairs}:
        group = [pair for pair in pairs if tuple(pair[0].options) == options]
        for (exercise, answer), printed in zip(group, run_all(group, [*options, *extra])):
            verdicts[exercise.number] = verdict(exercise, answer, printed)
    return verdicts


# ---- the command ----

def show_list(chapters):
    for chapter in chapters:
        print(f"{os.path.relpath(chapter.path, ROOT):38} {chapter.title}")
        for exercise in chapter.exercises:
            first = " ".join(exercise.text.split("\n\n")[0].split())
            print(f"    {exercise.number:5} {first if len(first) < 90 else first[:87] + '...'}")
    print("\nquire guide N.M shows an exercise, quire guide N.M ANSWER checks an answer.")
    return RIGHT


def record_watched(number, path, extra):
    """Records the first program that a chapter lets one watch, from its beginning to its end."""
    names = [name for name in os.listdir(FOLDER) if name.startswith(f"{number}-")]
    if not names:
        raise GuideError(f"there is no chapter {number}")
    with open(os.path.join(FOLDER, names[0]), encoding="utf-8") as stream:
        line = WATCHED.search(stream.read())
    if not line:
        raise GuideError(f"docs/guide/{names[0]}: nothing to watch")
    options, _, program = line.group(1).partition("-- ")
    words = [word for word in shlex.split(program) if word != "--step"]
    command = [os.path.join(ROOT, "quire"), "record", "--force", "-o", path, *extra,
               *shlex.split(options), "--", *words]
    return RIGHT if subprocess.run(command, check=False).returncode == 0 else NO_RUN


def find(chapters, number):
    for chapter in chapters:
        for exercise in chapter.exercises:
            if exercise.number == number:
                return exercise
    return None


def check_one(exercise, answer, extra):
    right, why = check([(exercise, answer)], extra)[exercise.number]
    if right:
        print("Right.")
        return RIGHT
    print(f"No: {why}.")
    if exercise.kind != "steps" and exercise.rule.startswith("memlab -t"):
        watch = re.sub(r"^memlab -t \w+", "memlab", exercise.rule)
        print(f"To see what happens, step by step: ./quire run {' '.join(exercise.options)}"
              f"{' ' if exercise.options else ''}-- {watch}")
    return WRONG


def check_file(chapters, path, extra):
    pairs = []
    with open(path, encoding="utf-8") as stream:
        for line in stream:
            number, _, answer = line.split("#")[0].strip().partition(" ")
            exercise = find(chapters, number)
            if number and not exercise:
                raise GuideError(f"{path}: there is no exercise {number}")
            if number:
                pairs.append((exercise, answer.strip()))
    verdicts = check(pairs, extra)
    for number, (right, why) in verdicts.items():
        print(f"{number} {'right' if right else 'no: ' + why}")
    missing = [exercise.number for chapter in chapters for exercise in chapter.exercises
               if exercise.number not in verdicts]
    for number in missing:
        print(f"{number} has no answer")
    return RIGHT if not missing and all(right for right, _ in verdicts.values()) else WRONG


def main(words):
    extra = []
    if "--" in words:
        at = words.index("--")
        words, extra = words[:at], words[at + 1:]
    if words and words[0] in ("-h", "--help"):
        print(HELP, end="")
        return RIGHT
    try:
        chapters = read_guide()
        if not words:
            return show_list(chapters)
        if words[0] == "--answers" and len(words) == 2:
            return check_file(chapters, words[1], extra)
        if words[0] == "--record" and len(words) == 3:
            return record_watched(words[1], words[2], extra)
        exercise = find(chapters, words[0])
        if words[0].startswith("-") or len(words) > 2:
            print(HELP, end="", file=sys.stderr)
            return USAGE
        if not exercise:
            print(f"quire guide: there is no exercise {words[0]!r}: `quire guide` lists them",
                  file=sys.stderr)
            return USAGE
        if len(words) == 1:
            print(f"Exercise {exercise.number}\n\n{exercise.text}")
            return RIGHT
        return check_one(exercise, words[1], extra)
    except (GuideError, OSError) as error:
        print(f"quire guide: {error}", file=sys.stderr)
        return NO_RUN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
