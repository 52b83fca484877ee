#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Links a kernel with the table of its own symbols inside:
#   tools/link-kernel.sh OUTPUT LINKER-FLAGS-AND-OBJECTS...
# CC, LD and NM come from the environment. Three links: with an empty table; with a table of the
# final size; with the addresses the second link gave. The third must agree with the second.
set -eu
output=$1
shift
work=$output.symbols
table() { # name of the source to write; symbols on standard input
    tools/mksyms >"$work.S"
    "${CC:-gcc}" -c -o "$work.o" "$work.S"
}
trap 'rm -f "$work.o" "$work.S" "$work.nm" "$output.tmp"' EXIT
: >"$work.nm"
for pass in 1 2 3; do
    table <"$work.nm"
    "${LD:-ld}" "$@" "$work.o" -o "$output.tmp"
    [ "$pass" = 1 ] || mv "$work.nm" "$work.before"
    "${NM:-nm}" -n "$output.tmp" >"$work.nm"
done
if ! cmp -s "$work.nm" "$work.before"; then
    echo "$output: the symbol table does not settle: does something depend on its size?" >&2
    exit 1
fi
rm -f "$work.before"
mv "$output.tmp" "$output"
