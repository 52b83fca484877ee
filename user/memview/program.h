/* SPDX-License-Identifier: MIT */
/*
 * The program that is looked at: started, typed to, its output held, ended.
 */
#ifndef USER_MEMVIEW_PROGRAM_H
#define USER_MEMVIEW_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/types.h>

#define PROGRAM_OUTPUT_BYTES (64 << 10)

struct program {
    char **argv; /* NULL: there is none */
    pid_t pid;   /* 0: it does not run */
    int status;  /* once it has ended: its exit status, 128 + the signal, 127 not found */
    bool ended;
    int terminal; /* our end of the one it is on; -1: none, or nobody is on it any more */
    char held[PROGRAM_OUTPUT_BYTES]; /* the end of what it wrote there */
    size_t length;
};

/* Starts it in a session and on a terminal of its own, of that size, which knows no sequences
 * (TERM=dumb); an input of ours that is no terminal is its input too. size NULL: it has our input
 * and output, and is in our process group. 0 or -errno. */
int program_start(struct program *program, char **argv, const struct winsize *size);

/* Its terminal has another size now. */
void program_resize(struct program *program, const struct winsize *size);

/* A byte typed at its terminal: lost where nobody has read for long, as on any terminal. */
void program_type(struct program *program, char byte);

/* Takes output that is there. */
void program_read(struct program *program);

/* Finds out whether it has ended; waits for it if told to. */
void program_check(struct program *program, bool wait);

/* Ends it, and whoever has its terminal, and waits for it. */
void program_stop(struct program *program);

#endif
