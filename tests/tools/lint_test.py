# SPDX-License-Identifier: MIT
"""Each rule of tools/lint.py against a small tree that breaks it, and one that does not."""

import os
import shutil
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))

import csource  # noqa: E402
import lint  # noqa: E402

HEAD = "/* SPDX-License-Identifier: MIT */\n/* A file for a test. */\n"
GOOD = HEAD + "int good(int a) {\n    return a;\n}\n"
LONG_BODY = "    a++;\n"


def function(lines, name="f"):
    return f"int {name}(int a) {{\n" + LONG_BODY * (lines - 3) + "    return a;\n}\n"


def nested(depth):
    text = "    " * (depth + 1) + "a++;\n"
    for level in range(depth, 0, -1):
        text = "    " * level + "while (a)\n" + text
    return HEAD + "int f(int a) {\n" + text + "    return a;\n}\n"


# Rule -> files of a tree that breaks it once.
BAD = {
    "head": {"lib/a.c": "int a;\n"},
    "file-length": {"tools/a.py": "# SPDX-License-Identifier: MIT\n" + "# line\n" * 600},
    "function-length": {"lib/a.c": HEAD + function(81) + "\n".join(
        function(3, f"g{i}") for i in range(40))},
    "nesting": {"lib/a.c": nested(4)},
    "parameters": {"lib/a.c": HEAD + "int f(int a, int b, int c, int d, int e, int g) {\n"
                                     "    return a + b + c + d + e + g;\n}\n"},
    "whitespace": {"tools/a.py": "# SPDX-License-Identifier: MIT\n# why \n"},
    "left-over": {"lib/a.c": HEAD + "int a; /* TO" + "DO */\n"},
    "debug-switch": {"kernel/mm/a.c": HEAD + "#if QUIRE_DEBUG\nint a;\n#endif\n"},
    "function-spread": {"lib/a.c": HEAD + "\n".join(function(13, f"g{i}") for i in range(3))},
    "layers": {"kernel/mm/a.c": HEAD + '#include "proc/process.h"\n'},
    "include-cycle": {"lib/a.h": HEAD + '#include "lib/b.h"\n',
                      "lib/b.h": HEAD + '#include "lib/a.h"\n'},
    "format": {"lib/a.c": HEAD + "int  a ;\n"},
    "exceptions": {"lib/a.c": GOOD,
                   "tools/lint-exceptions": "nesting lib/a.c:good there is no need\n"},
}

LAYERS = [  # path, header, may it
    ("kernel/vm/a.c", "mm/frame.h", True), ("kernel/vm/a.c", "vfs/file.h", False),
    ("kernel/vm/a.c", "machine/cpu.h", False), ("kernel/mm/a.c", "machine/layout.h", True),
    ("lib/a.c", "core/panic.h", False), ("fs/tmpfs/a.c", "vfs/vnode.h", True),
    ("fs/tmpfs/a.c", "drivers/tty.h", False), ("drivers/a.c", "proc/process.h", False),
    ("arch/x86_64/pmap.c", "vm/pmap.h", True), ("arch/x86_64/pmap.c", "proc/process.h", False),
    ("kernel/proc/a.c", "arch/x86_64/paging.h", False), ("kernel/core/a.h", "abi/errno.h", True),
    ("kernel/vm/a.c", "mm/frame_private.h", False), ("kernel/mm/a.c", "mm/frame_private.h", True),
]

NESTINGS = [  # body, depth
    ("if (a) b(); else if (c) d(); else e();", 1),
    ("for (;;) { if (a) { do b(); while (c); } }", 3),
    ("switch (a) { case 1: if (b) c(); break; default: d(); }", 2),
    ("int x = a ? b : c; out: if (x) { e(); }", 1),
    ("LIST_FOR_EACH(head, v, node) if (v) b();", 2),
    ("struct s x = {.a = {1, 2}}; while (x.a) ;", 1),
]


def tree(files):
    folder = tempfile.mkdtemp(prefix="quire-lint-")
    shutil.copy(os.path.join(ROOT, ".clang-format"), folder)
    for path, text in files.items():
        place = os.path.join(folder, path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "w", encoding="utf-8", newline="") as file:
            file.write(text)
    return folder


def rules_broken_by(files):
    folder = tree(files)
    try:
        return [violation.rule for violation in lint.lint(folder)]
    finally:
        shutil.rmtree(folder)


def check_bad_trees():
    for rule, files in BAD.items():
        found = rules_broken_by(files)
        yield f"finds.{rule}", None if found == [rule] else f"found {found}"


def check_exception():
    files = dict(BAD["nesting"])
    files["tools/lint-exceptions"] = "nesting lib/a.c:f deep on purpose\n"
    found = rules_broken_by(files)
    yield "exception_covers", f"found {found}" if found else None
    files["tools/lint-exceptions"] = "nesting lib/a.c:f\n"
    found = rules_broken_by(files)
    yield "exception_needs_reason", None if "exceptions" in found else f"found {found}"


def check_good_tree():
    found = rules_broken_by({"lib/a.c": GOOD, "Makefile": "# SPDX-License-Identifier: MIT\n#\n"})
    yield "good_tree_passes", f"found {found}" if found else None


def check_all_rules_have_a_test():
    names = {rule.__name__.removeprefix("rule_").replace("_", "-")
             for rule in lint.FILE_RULES + lint.TREE_RULES}
    missing = names - set(BAD)
    yield "every_rule_is_tested", f"not tested: {sorted(missing)}" if missing else None


def check_layers():
    import layers
    wrong = [f"{path} -> {header}" for path, header, may in LAYERS
             if (layers.complaint(path, header) is None) != may]
    yield "layer_table", f"wrong about {wrong}" if wrong else None


def check_nesting_depths():
    wrong = []
    for body, depth in NESTINGS:
        found = csource.functions_of("void f(void) {\n" + body + "\n}\n")
        if [function.nesting for function in found] != [depth]:
            wrong.append(body)
    yield "nesting_depths", f"wrong about {wrong}" if wrong else None


def main():
    failed = False
    for check in (check_bad_trees, check_exception, check_good_tree, check_all_rules_have_a_test,
                  check_layers, check_nesting_depths):
        for name, why in check():
            print(f"not ok {name}: {why}" if why else f"ok {name}", flush=True)
            failed = failed or bool(why)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
