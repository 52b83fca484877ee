/* SPDX-License-Identifier: MIT */
/*
 * What the scenes share. A scene is a program with something to see in memview; it runs alone, too,
 * on Quire and on Linux, and ends by itself.
 *
 *     NAME [N]         N: how much of it, or how often; 0 where it may: for ever
 *     SCENE_PACE=MS    in the environment: how long it waits at each step (10)
 */
#ifndef USER_SCENES_LIB_SCENE_H
#define USER_SCENES_LIB_SCENE_H

#include <sys/types.h>

/* N of the command line, or `otherwise`. Ends the program if it is not a number. */
long scene_begin(int argc, char **argv, long otherwise);

/* What to look at now: one line, printed and marked in the trace. */
void scene_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Waits a moment, so that somebody who looks can follow. */
void scene_step(void);

/* fork(); ends the program if there is no process to be had. */
pid_t scene_fork(void);

/* Waits for a child; the status as a shell says it: its own, or 128 and the signal. */
int scene_wait(pid_t child);

/* A barrier for the children of one process: scene_gate_wait() returns when the process that made
 * it, and nobody else, has called scene_gate_open(). */
struct scene_gate {
    int ends[2];
};
void scene_gate_make(struct scene_gate *gate);
void scene_gate_open(struct scene_gate *gate);
void scene_gate_wait(struct scene_gate *gate);
void scene_gate_shut(struct scene_gate *gate); /* this process will not open it */

/* From now on this process gets `pages` pages of address space more, and then no more. */
void scene_limit(long pages);

/* Pages, one after the other with a step each, until there are no more or `most` are. Each is
 * written to. Returns how many. */
long scene_allocate(long most);

#endif
