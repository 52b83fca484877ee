/* SPDX-License-Identifier: MIT */
/*
 * The program that is looked at: started, its output held, ended.
 */
#ifndef USER_MEMVIEW_PROGRAM_H
#define USER_MEMVIEW_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define PROGRAM_OUTPUT_BYTES (64 << 10)

struct program {
    char **argv; /* NULL: there is none */
    pid_t pid;   /* 0: it does not run */
    int status;  /* once it has ended: its exit status, 128 + the signal, 127 not found */
    bool ended;
    int output; /* what it writes; -1: nothing more, or it writes where we do */
    char held[PROGRAM_OUTPUT_BYTES]; /* the end of what it wrote */
    size_t length;
};

/* Starts it, in a process group of its own, with no input; `hold`: its output comes to us. 0 or
 * -errno. */
int program_start(struct program *program, char **argv, bool hold);

/* Takes output that is there. */
void program_read(struct program *program);

/* Finds out whether it has ended; waits for it if told to. */
void program_check(struct program *program, bool wait);

/* Ends it and all of its group, and waits. */
void program_stop(struct program *program);

#endif
