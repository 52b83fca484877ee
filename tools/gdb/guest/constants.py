# SPDX-License-Identifier: MIT
"""Numbers that the kernel's headers define, which no debug information tells: read from there."""

import functools
import os
import re

from guest.errors import Problem

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
HEADERS = [
    "arch/x86_64/include/machine/layout.h", "arch/x86_64/paging.h", "arch/x86_64/page_table.h",
    "arch/x86_64/include/machine/trapframe.h", "kernel/vm/access.h", "kernel/vm/area.h",
    "kernel/vm/space_lock.h",
    "kernel/vm/shadow.h", "kernel/vm/page_tree.h", "kernel/mm/frame.h", "kernel/core/cpu.h",
    "include/abi/auxv.h",
]
DEFINITION = re.compile(r"^#define (\w+) (.+?)(?:\s*/\*.*)?$", re.MULTILINE)
SUFFIXED = re.compile(r"\b(0x[0-9a-fA-F]+|\d+)[uUlL]+\b")


@functools.lru_cache(maxsize=None)
def _definitions():
    """Name -> (text, header), in the headers' order."""
    found = {}
    for header in HEADERS:
        try:
            with open(os.path.join(ROOT, header), encoding="utf-8") as file:
                lines = file.read().replace("\\\n", " ")
        except OSError as error:
            raise Problem(f"the kernel's sources are not beside these commands: {error}") from error
        for name, text in DEFINITION.findall(lines):
            found[name] = (text.strip(), header)
    return found


@functools.lru_cache(maxsize=None)
def get(name):
    """The number that a name stands for."""
    if name not in _definitions():
        raise Problem(f"no header of the kernel defines {name} any more")
    text = re.sub(r"LAYOUT_ADDRESS\((\w+)\)", r"\1", _definitions()[name][0])
    text = SUFFIXED.sub(r"\1", text)
    words = {word: get(word) for word in re.findall(r"\b[A-Z_][A-Z_0-9]+\b", text)}
    # Arithmetic only: what is left beside numbers and operators are names that get() knew.
    return eval(text, {"__builtins__": {}}, words)  # pylint: disable=eval-used


def named(header, prefix):
    """[(name without the prefix, number)] of the definitions of one header, in its order."""
    return [(name[len(prefix):], get(name)) for name, (_, where) in _definitions().items()
            if where == header and name.startswith(prefix)]
