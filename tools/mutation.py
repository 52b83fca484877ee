# SPDX-License-Identifier: MIT
"""The table of mutations: reads tests/mutants/*.mutants, and puts one into a source.

A mutation is a block of lines, each with a word in front that says what it is:

    mutant NAME
    why    what a tired engineer did, and what follows from it
    in     FILE [FUNCTION]
    -      the text that is replaced; more such lines are one text
    +      what replaces it; none: the text is left out
    host   TEST...    host tests (build/host/TEST) of which one must fail
    linux  TEST...    programs of tests/user of which one must fail on the host's Linux
    quire  TEST...    programs of tests/user of which one must fail on Quire; `debug`: on the debug
                      kernel; `smp`: on that, with four processors. TEST:PART is one part of a program that takes long

White space in a text stands for any white space, and ... for anything that does not end a statement;
in what replaces it ... is the same again. The text must occur exactly once in the function, or in
the file. A line that begins with `#` is a remark.
"""

import dataclasses
import glob
import os
import re

import csource

SUITES = ("host", "linux", "quire", "debug", "smp")


class MutationError(Exception):
    """The table is wrong, or no longer fits the sources."""


@dataclasses.dataclass
class Mutation:
    name: str
    why: str = ""
    path: str = ""
    function: str = ""
    old: str = ""
    new: str = ""
    tests: list = dataclasses.field(default_factory=list)  # (suite, name)

    def apply(self, text):
        """The source with the mutation in it."""
        start, end = self._scope(text)
        matches = list(_pattern(self.old).finditer(text, start, end))
        if len(matches) != 1:
            where = f"{self.path} {self.function}".strip()
            raise MutationError(f"{self.name}: its text occurs {len(matches)} times in {where}")
        match = matches[0]
        new = self.new
        for found in match.groups():
            new = new.replace("...", found, 1)
        return text[:match.start()] + new + text[match.end():]

    def _scope(self, text):
        """Where in the source the text has to be: the lines of the function, or everything."""
        if not self.function:
            return 0, len(text)
        found = [f for f in csource.functions_of(text) if f.name == self.function]
        if len(found) != 1:
            raise MutationError(f"{self.name}: {self.path} has {len(found)} functions "
                                f"{self.function}")
        lines = text.splitlines(keepends=True)
        start = sum(len(line) for line in lines[:found[0].line - 1])
        return start, start + sum(len(line) for line in
                                  lines[found[0].line - 1:found[0].end_line])


def _pattern(text):
    words = r"\s+".join(re.escape(word) for word in text.split())
    return re.compile(words.replace(re.escape("..."), r"([^;{}]*?)"))


def _add_line(mutation, word, rest):
    if word == "why":
        mutation.why = f"{mutation.why} {rest}".strip()
    elif word == "in":
        mutation.path, _, mutation.function = rest.partition(" ")
    elif word == "-":
        mutation.old = f"{mutation.old} {rest}".strip()
    elif word == "+":
        mutation.new = f"{mutation.new}\n{rest}".strip()
    elif word in SUITES:
        mutation.tests += [(word, name) for name in rest.split()]
    else:
        raise MutationError(f"{mutation.name}: what is {word!r}?")


def parse(text):
    """The mutations of one file of the table, in order."""
    found = []
    for line in text.splitlines():
        word, _, rest = line.strip().partition(" ")
        rest = rest.strip()
        if not word or word.startswith("#"):
            continue
        if word == "mutant":
            found.append(Mutation(rest))
        elif not found:
            raise MutationError(f"{word!r} before the first mutant")
        else:
            _add_line(found[-1], word, rest)
    for mutation in found:
        missing = [name for name in ("why", "path", "old", "tests") if not getattr(mutation, name)]
        if missing:
            raise MutationError(f"{mutation.name}: no {missing[0]}")
    return found


def read(folder):
    """All mutations of the table."""
    found = []
    for path in sorted(glob.glob(os.path.join(folder, "*.mutants"))):
        with open(path, encoding="utf-8") as file:
            found += parse(file.read())
    names = [mutation.name for mutation in found]
    repeated = {name for name in names if names.count(name) > 1}
    if repeated or not found:
        raise MutationError(f"{sorted(repeated)[0]} is there twice" if repeated
                            else f"no mutations in {folder}")
    return found


def _find_parts(mutation, root):
    """Raises MutationError where a test is said to have a part that it has not: such a test fails
    whatever the kernel does."""
    for suite, name in mutation.tests:
        program, _, part = name.partition(":")
        if not part:
            continue
        path = os.path.join(root, "tests", "host" if suite == "host" else "user", program + ".c")
        with open(path, encoding="utf-8") as file:
            if f'{{"{part}",' not in file.read():
                raise MutationError(f"{mutation.name}: {program} has no part {part}")


def complaints(mutations, root):
    """What no longer fits the sources, a line each."""
    wrong = []
    for mutation in mutations:
        try:
            _find_parts(mutation, root)
            with open(os.path.join(root, mutation.path), encoding="utf-8") as file:
                text = file.read()
            if mutation.apply(text) == text:
                raise MutationError(f"{mutation.name}: changes nothing")
        except (MutationError, OSError) as error:
            wrong.append(str(error))
    return wrong
