# SPDX-License-Identifier: MIT
"""The table of mutations as tools/mutation.py reads it, and that each still fits the sources."""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))

import mutation as table  # noqa: E402

SOURCE = """\
/* A file. */
static int first(int a) {
    return a + 1;
}

int second(int a) {
    if (a < 7)
        a = first(
            a);
    return a + 1;
}
"""

BLOCK = """\
# a remark
mutant name
why    one line
why    and another
in     lib/a.c second
-      a = first(a);
+      a = 0;
host   a_test b_test
quire  test_c
"""


def mutation(old, new="", function=""):
    return table.Mutation("name", path="lib/a.c", function=function, old=old, new=new)


def refuses(function, *arguments):
    try:
        function(*arguments)
    except table.MutationError:
        return None
    return "it was let pass"


def check_block():
    found = table.parse(BLOCK)
    wanted = table.Mutation("name", "one line and another", "lib/a.c", "second", "a = first(a);",
                            "a = 0;", [("host", "a_test"), ("host", "b_test"),
                                       ("quire", "test_c")])
    yield "block_is_read", None if found == [wanted] else f"found {found}"


def check_bad_blocks():
    for name, text in (("no_name", "why a\n"), ("no_text", BLOCK.replace("-  ", "+  ")),
                       ("no_test", "\n".join(BLOCK.splitlines()[:-2])),
                       ("unknown_word", BLOCK + "hosts d_test\n")):
        yield f"refuses.{name}", refuses(table.parse, text)


def check_application():
    text = mutation("a = first( a);", "a = 0;").apply(SOURCE)
    yield "white_space_is_any", None if "        a = 0;\n    return" in text else text
    text = mutation("return a + 1;", "return a;", "second").apply(SOURCE)
    wanted = SOURCE[:-len("    return a + 1;\n}\n")] + "    return a;\n}\n"
    yield "only_in_the_function", None if text == wanted else text
    text = mutation("if (...) a = first(...);", "if (0 && ...) a = first(...);").apply(SOURCE)
    yield "anything", None if "if (0 && a < 7) a = first(\n            a);" in text else text
    yield "refuses.over_an_end", refuses(mutation("a = first( ... + 1;").apply, SOURCE)
    yield "refuses.twice", refuses(mutation("return a + 1;").apply, SOURCE)
    yield "refuses.never", refuses(mutation("return a + 2;").apply, SOURCE)
    yield "refuses.other_function", refuses(mutation("a < 7", function="first").apply, SOURCE)
    yield "refuses.no_function", refuses(mutation("a < 7", function="third").apply, SOURCE)


def check_table():
    mutations = table.read(os.path.join(ROOT, "tests/mutants"))
    stale = table.complaints(mutations, ROOT)
    yield "table_fits_the_sources", "; ".join(stale) or None
    missing = {name for m in mutations for suite, name in m.tests if not os.path.exists(
        os.path.join(ROOT, "tests/host" if suite == "host" else "tests/user",
                     name.partition(":")[0] + ".c"))}
    yield "tests_are_there", f"there is no {', '.join(sorted(missing))}" if missing else None
    one = mutations[0]
    one.tests = [("quire", "test_mmap:no_such_part")]
    yield "part_is_missed", None if len(table.complaints([one], ROOT)) == 1 else "it was let pass"


def main():
    failed = False
    for check in (check_block, check_bad_blocks, check_application, check_table):
        for name, why in check():
            print(f"not ok {name}: {why}" if why else f"ok {name}", flush=True)
            failed = failed or bool(why)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
