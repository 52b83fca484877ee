# SPDX-License-Identifier: MIT
"""Checks the rules of the code that no compiler checks.

    lint.py              the whole tree; prints FILE:LINE: RULE: MESSAGE, fails if there is any
    lint.py --rules      the rules, one a line
    lint.py --stats      how long functions and files are

An exception is a line of tools/lint-exceptions: RULE PATH[:FUNCTION] REASON.
"""

import argparse
import collections
import os
import re
import subprocess
import sys

import csource
import layers

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
EXCEPTIONS = "tools/lint-exceptions"

SOURCE_FOLDERS = ["arch", "drivers", "fs", "include", "kernel", "lib", "tests", "tools", "user", "viewer"]
SOURCE_ENDINGS = (".c", ".h", ".S", ".py", ".sh", ".mk", ".ld", ".def", ".js", ".jsx",
                  ".mjs", ".css")
SOURCES_AT_TOP = ["Makefile", "quire", ".ci/run"]

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 80
FUNCTION_LINES_95 = 45
FUNCTION_LINES_MEDIAN = 12
NESTING_MAX = 3
PARAMETERS_MAX = 5

Violation = collections.namedtuple("Violation", "path line rule message subject")


class Source:
    """A file of the tree; what costs is computed once."""

    def __init__(self, root, path):
        self.path = path
        with open(os.path.join(root, path), encoding="utf-8", errors="replace", newline="") as file:
            self.text = file.read()
        self.lines = self.text.split("\n")
        self._functions = None

    @property
    def is_c(self):
        return self.path.endswith((".c", ".h"))

    @property
    def functions(self):
        if self._functions is None:
            self._functions = csource.functions_of(self.text) if self.is_c else []
        return self._functions

    def violation(self, line, rule, message, subject=""):
        return Violation(self.path, line, rule, message, subject)


# ---- rules about one file: each yields violations ----

def rule_head(source):
    """A file opens with its SPDX line and a comment that says what it is for."""
    spdx = "SPDX-License-Identifier: MIT"
    first = source.lines[:3]
    if not any(spdx in line for line in first):
        yield source.violation(1, "head", f"no line with {spdx} at the top")
        return
    after = next(i for i, line in enumerate(first) if spdx in line) + 1
    rest = "\n".join(source.lines[after:]).lstrip()
    if source.path.endswith((".c", ".h", ".S", ".ld", ".def", ".js", ".jsx", ".mjs", ".css")):
        ok = rest.startswith("/*")
    else:
        ok = rest.startswith(("#", '"""'))
    if not ok:
        yield source.violation(after + 1, "head", "no comment that says what the file is for")


def rule_file_length(source):
    """A file has at most 600 lines."""
    count = source.text.count("\n")
    if count > FILE_LINES_MAX:
        yield source.violation(count, "file-length", f"{count} lines, more than {FILE_LINES_MAX}")


def rule_function_length(source):
    """A function has at most 80 lines."""
    for function in source.functions:
        if function.lines > FUNCTION_LINES_MAX:
            yield source.violation(
                function.line, "function-length",
                f"{function.name} has {function.lines} lines, more than {FUNCTION_LINES_MAX}",
                function.name)


def rule_nesting(source):
    """Statements nest at most three deep."""
    for function in source.functions:
        if function.nesting > NESTING_MAX:
            yield source.violation(
                function.line, "nesting",
                f"{function.name} nests {function.nesting} deep, more than {NESTING_MAX}",
                function.name)


def rule_parameters(source):
    """A function takes at most five parameters; a system call what Linux's takes."""
    for function in source.functions:
        if source.path.startswith("kernel/syscall/") and function.name.startswith("sys_"):
            continue
        if function.parameters > PARAMETERS_MAX:
            yield source.violation(
                function.line, "parameters",
                f"{function.name} takes {function.parameters} parameters, "
                f"more than {PARAMETERS_MAX}", function.name)


def rule_whitespace(source):
    """No trailing blanks, no tabs but in makefiles, no carriage returns, a newline at the end."""
    tabs_allowed = source.path.endswith((".mk", "Makefile"))
    for number, line in enumerate(source.lines, 1):
        if line.endswith((" ", "\t")):
            yield source.violation(number, "whitespace", "blanks at the end of the line")
        if "\r" in line:
            yield source.violation(number, "whitespace", "a carriage return")
        if "\t" in line and not tabs_allowed:
            yield source.violation(number, "whitespace", "a tab")
    if source.text and not source.text.endswith("\n"):
        yield source.violation(len(source.lines), "whitespace", "no newline at the end")


def rule_left_over(source):
    """No notes of work left to do."""
    pattern = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
    for number, line in enumerate(source.lines, 1):
        match = pattern.search(line)
        if match:
            yield source.violation(number, "left-over", f"{match.group()} is left over")


def rule_debug_switch(source):
    """Only core/assert.h and the files of checkers look at QUIRE_DEBUG, and nothing at a test's
    switch."""
    if not source.path.startswith(("lib/", "kernel/", "fs/", "drivers/", "arch/")):
        return
    allowed = source.path.startswith(("kernel/core/assert.h", "kernel/sync/",
                                      "arch/x86_64/tlb_check."))
    for number, line in enumerate(source.lines, 1):
        if re.match(r"\s*#\s*(if|ifdef|ifndef|elif)\b.*\bQUIRE_DEBUG\b", line) and not allowed:
            yield source.violation(number, "debug-switch", "QUIRE_DEBUG is not for this file")
        if re.match(r"\s*#\s*(if|ifdef|ifndef|elif)\b.*\w*(TEST|HOST)\w*\b(?<!_H)", line):
            yield source.violation(number, "debug-switch", "a switch for tests: the linker is it")


FILE_RULES = [rule_head, rule_file_length, rule_function_length, rule_nesting, rule_parameters,
              rule_whitespace, rule_left_over, rule_debug_switch]


# ---- rules about the whole tree ----

def percentile(sorted_values, part):
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * part))]


def rule_function_spread(sources):
    """The median function has at most 12 lines, 95 in 100 at most 45."""
    functions = [(f.lines, s.path, f) for s in sources for f in s.functions]
    if not functions:
        return
    lengths = sorted(length for length, _, _ in functions)
    for part, limit in [(0.5, FUNCTION_LINES_MEDIAN), (0.95, FUNCTION_LINES_95)]:
        value = percentile(lengths, part)
        if value > limit:
            _, path, function = max(functions, key=lambda entry: entry[0])
            yield Violation(path, function.line, "function-spread",
                            f"{part:.0%} of the functions have up to {value} lines, more than "
                            f"{limit}; the longest is {function.name}", "")


def rule_layers(sources):
    """Includes follow the order of the layers."""
    for source in sources:
        for line, header in includes_of(source):
            complaint = layers.complaint(source.path, header)
            if complaint:
                yield source.violation(line, "layers", complaint, header)


def rule_include_cycle(sources):
    """Headers do not include each other in a circle."""
    by_path = {source.path: source for source in sources if source.path.endswith(".h")}
    graph = {}
    for path, source in by_path.items():
        targets = (layers.resolve(path, header, by_path) for _, header in includes_of(source))
        graph[path] = sorted({target for target in targets if target})
    for cycle in find_cycles(graph):
        yield Violation(cycle[0], 1, "include-cycle", " -> ".join(cycle + cycle[:1]), "")


def rule_format(sources, root=ROOT):
    """C sources are as clang-format leaves them."""
    paths = [source.path for source in sources if source.is_c]
    if not paths:
        return
    try:
        result = subprocess.run(["clang-format", "--dry-run"] + paths, cwd=root,
                                capture_output=True, text=True, check=False)
    except FileNotFoundError:
        yield Violation(".clang-format", 1, "format", "clang-format is missing: make setup", "")
        return
    seen = set()
    for match in re.finditer(r"^(\S+?):(\d+):\d+: (?:warning|error):", result.stderr, re.M):
        path, line = match.group(1), int(match.group(2))
        if path not in seen:  # one line for each file: `make format` mends them all
            seen.add(path)
            yield Violation(path, line, "format", "not as clang-format leaves it: make format", "")


TREE_RULES = [rule_function_spread, rule_layers, rule_include_cycle, rule_format]


def includes_of(source):
    if not source.path.endswith((".c", ".h", ".S")):
        return
    for number, line in enumerate(source.lines, 1):
        match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if match:
            yield number, match.group(1)


def find_cycles(graph):
    """One cycle for each edge that closes one, as lists of nodes."""
    state, stack, cycles = {}, [], []

    def visit(node):
        state[node] = "open"
        stack.append(node)
        for target in graph.get(node, ()):
            if state.get(target) == "open":
                cycles.append(stack[stack.index(target):])
            elif target not in state:
                visit(target)
        stack.pop()
        state[node] = "done"

    for node in sorted(graph):
        if node not in state:
            visit(node)
    return cycles


# ---- exceptions ----

def read_exceptions(root):
    """[(line, rule, path, subject, reason)], and violations for lines that are none."""
    entries, wrong = [], []
    path = os.path.join(root, EXCEPTIONS)
    if not os.path.exists(path):
        return entries, wrong
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.strip() or line.startswith("#"):
                continue
            words = line.split(None, 2)
            if len(words) < 3:
                wrong.append(Violation(EXCEPTIONS, number, "exceptions", "no reason", ""))
                continue
            place, _, subject = words[1].partition(":")
            entries.append((number, words[0], place, subject, words[2].strip()))
    return entries, wrong


def without_exceptions(violations, root):
    """The violations that no exception covers, and the exceptions that cover none."""
    entries, kept = read_exceptions(root)
    used = set()
    for violation in violations:
        covering = [number for number, rule, place, subject, _ in entries
                    if (rule, place) == (violation.rule, violation.path)
                    and (not subject or subject == violation.subject)]
        used.update(covering)
        if not covering:
            kept.append(violation)
    for number, rule, place, subject, _ in entries:
        if number not in used:
            kept.append(Violation(EXCEPTIONS, number, "exceptions",
                                  f"{rule} {place} {subject} is not needed any more".strip(), ""))
    return kept


# ---- the run ----

def source_paths(root):
    paths = [path for path in SOURCES_AT_TOP if os.path.isfile(os.path.join(root, path))]
    for folder in SOURCE_FOLDERS:
        for where, folders, names in os.walk(os.path.join(root, folder)):
            folders[:] = sorted(name for name in folders if name != "__pycache__")
            relative = os.path.relpath(where, root)
            paths += [os.path.join(relative, name) for name in sorted(names)
                      if name.endswith(SOURCE_ENDINGS)]
    return paths


def lint(root=ROOT, only=None):
    """All violations of the tree under root that no exception covers."""
    sources = [Source(root, path) for path in source_paths(root)]
    violations = []
    for rule in FILE_RULES:
        for source in sources:
            violations += rule(source)
    for rule in TREE_RULES:
        violations += rule(sources, root) if rule is rule_format else rule(sources)
    kept = sorted(without_exceptions(violations, root))
    return [v for v in kept if not only or v.rule in only]


def print_stats(root):
    sources = [Source(root, path) for path in source_paths(root)]
    lengths = sorted(f.lines for s in sources for f in s.functions)
    if not lengths:
        print("no functions")
        return
    print(f"{len(sources)} files, {sum(len(s.lines) for s in sources)} lines")
    print(f"{len(lengths)} functions: median {percentile(lengths, 0.5)} lines, "
          f"95 in 100 within {percentile(lengths, 0.95)}, longest {lengths[-1]}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", default=ROOT, help="the tree to check")
    parser.add_argument("--rules", action="store_true", help="list the rules")
    parser.add_argument("--stats", action="store_true", help="show lengths")
    parser.add_argument("--only", action="append", metavar="RULE", help="only this rule")
    options = parser.parse_args()
    if options.rules:
        for rule in FILE_RULES + TREE_RULES:
            name = rule.__name__.removeprefix("rule_").replace("_", "-")
            print(f"{name:16} {rule.__doc__}")
        return 0
    if options.stats:
        print_stats(options.root)
        return 0
    violations = lint(options.root, options.only)
    for violation in violations:
        print(f"{violation.path}:{violation.line}: {violation.rule}: {violation.message}")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
