#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The tour: what Quire does, part by part, each checked by what comes out of it.
# Exit status: 0 if every part was as it should be.

failed=0
number=0

# part TITLE: a new part begins; what follows explains it.
part() {
    number=$((number + 1))
    right=yes
    printf '\n%d. %s\n' "$number" "$1"
    cat | sed 's/^/   /'
}

# run COMMAND...: show and run it; $status is its exit status.
run() {
    printf '   $ %s\n' "$*"
    "$@" 2>&1
    status=$?
    [ "$status" -eq 0 ] || wrong "it ended with status $status"
}

# pipeline 'COMMANDS': the same for a line of shell, its output kept in $output.
pipeline() {
    printf '   $ %s\n' "$1"
    output=$(eval "$1")
    printf '%s\n' "$output" | sed 's/^/    /'
}

expect() {
    what=$1
    shift
    if "$@"; then
        printf '    ok     %s\n' "$what"
    else
        wrong "$what"
    fi
}

wrong() {
    printf '    WRONG  %s\n' "$1"
    [ "$right" = no ] || failed=$((failed + 1))
    right=no
}

# killed COMMAND...: it must die of SIGSEGV, and the kernel say so in one line.
killed() {
    printf '   $ %s\n' "$*"
    "$@" 2> /dev/null &
    victim=$!
    wait "$victim" 2> /dev/null
    status=$?
    report=$(dmesg | grep "quire: .*\[$victim\]: killed by SIGSEGV" | tail -n 1 | sed 's/^\[[^]]*] //')
    printf '%s\n' "$report" | sed 's/^/    /'
    expect "killed by SIGSEGV, status 139" [ "$status" -eq 139 ]
    expect 'reported in one line' [ -n "$report" ]
}

tour=/usr/share/quire/tour.sh
kernel=$(uname -r)

printf 'Quire %s: the tour\n' "$kernel"

part 'Real programs over real files' << 'TEXT'
Debian's own busybox, unmodified: its shell runs this tour. Here six processes
count the words of this very script, connected by pipes.
TEXT
pipeline "cat $tour | tr -cs 'a-z' '\\n' | grep ... | sort | uniq -c | sort -k1,1nr -k2 | head -n 4"
by_awk=$(awk '{ gsub(/[^a-z]+/, " "); for (i = 1; i <= NF; i++) if (length($i) > 2) n[$i]++ }
    END { for (w in n) printf "%7d %s\n", n[w], w }' $tour | sort -k1,1nr -k2 | head -n 4)
expect 'the same as one awk counts alone' [ "$output" = "$by_awk" ]

part "The kernel's memory is closed" << 'TEXT'
Every page table holds the kernel, too, but no program may touch it. One that
tries is killed, the kernel says who, why and where, and all others go on.
TEXT
killed trespass read
killed trespass write
killed trespass jump
expect 'and the shell goes on' true

part 'Nothing at address 0' << 'TEXT'
The first pages of an address space are never mapped, so that a null pointer is
noticed.
TEXT
killed segfault

part 'fork: the same addresses, private memory, shared code' << 'TEXT'
A process forks; then both write to the same variable. /proc/PID/pagemap tells
which frame of memory is behind an address.
TEXT
run private

part 'The stack grows on demand' << 'TEXT'
Nobody asks for stack: the first touch of the next page brings it.
TEXT
run stackgrowth

part 'Copy on write, counted in frames' << 'TEXT'
fork copies no page. A page is copied when somebody writes to it while others
still see it, and only then.
TEXT
run cowcount

part 'Everything comes back' << 'TEXT'
Children allocate, fork and exit. Afterwards exactly as many frames are free as
before.
TEXT
run forkexit 500

part 'Every case of a page fault' << 'TEXT'
fault-tour meets each case of the fault path once, foretold by the kernel's own
explanation. Without --quiet it shows and tells; explain PID ADDRESS asks about any.
TEXT
run fault-tour --quiet

part 'Memory, summed up' << 'TEXT'
Each frame of memory has one use; together they are all there is (/proc/vmstat).
TEXT
awk '
    /^nr_frames_/ { use = substr($1, 11); frames[use] = $2; if (use != "total") sum += $2 }
    function row(use, what) { printf "    %-34s %8d frames %9d KiB\n", what, frames[use], frames[use] * 4 }
    END {
        frames["free"] += frames["spare"]
        row("free", "free"); row("anon", "private pages of programs")
        row("file", "files (in memory)"); row("table", "page tables")
        row("stack", "kernel stacks"); row("slab", "kernel objects")
        row("kernel", "kernel, other"); row("reserved", "kernel image and firmware")
        row("zero", "the page of zeroes"); row("total", "all")
        exit sum != frames["total"]
    }' /proc/vmstat
expect 'the parts add up to the whole' [ $? -eq 0 ]

printf '\n'
if [ "$failed" -eq 0 ]; then
    printf 'The tour is over: all %d parts were as they should be.\n' "$number"
else
    printf 'The tour is over: %d of %d parts went WRONG.\n' "$failed" "$number"
fi
[ "$failed" -eq 0 ]
