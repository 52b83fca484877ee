/* SPDX-License-Identifier: MIT */
/*
 * The words of an explanation (vm/explain.h): what /proc/PID/explain says, and what the log says of
 * a process that a fault has killed. The format is told in docs/explain.md.
 */
#ifndef PROC_EXPLAIN_H
#define PROC_EXPLAIN_H

#include <stdint.h>

#include "fs/procfs/seq.h"

struct process;
struct vm_space;

/* Whether the log explains faults that kill: vm.explain=1 on the command line, and
 * /proc/sys/vm/explain. 0 or 1; atomic. */
extern uint64_t explain_kills;

/* At boot, once: reads the command line. */
void explain_init(void);

/* What is to be explained. */
struct explain_question {
    struct process *process;
    struct vm_space *space;
    uint64_t address;
    unsigned access;  /* only what this one would do: VM_READ, VM_WRITE, VM_EXEC; 0: each */
    bool with_frames; /* numbers of frames are told, as to root */
};

/* Prints the explanation, lines of `key: words`. 0, or -ENOMEM; seq may fail besides. */
int explain_print(struct seq *seq, const struct explain_question *question);

/* Explains an access of the running process in the log, each line behind "quire: explain: ". */
void explain_to_log(uint64_t address, unsigned access);

/* How a fault with that error ends, as the head of proc/fault.c tells it: "SIGSEGV, SEGV_MAPERR".
 */
const char *explain_signal(int error);

#endif
