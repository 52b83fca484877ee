/* SPDX-License-Identifier: MIT */
/*
 * What can be done with memory in memlab: maps by name, and steps on them.
 *
 * A process of a run has up to LAB_MAPS maps of private or shared pages. A step that touches what
 * it may not does not end the process: it says so.
 */
#ifndef USER_LIB_LAB_H
#define USER_LIB_LAB_H

#include <stdbool.h>
#include <sys/types.h>

#define LAB_MAPS 16

struct lab_step {
    const char *name;
    int least, most; /* words beside the name */
    int (*run)(char **words, int count);
    const char *usage;
    const char *what;
};

/* All steps; the last one has no name. */
extern const struct lab_step lab_steps[];

/* The step of a name; NULL: there is none. */
const struct lab_step *lab_find(const char *name);

/* Whether a step takes so many words beside its name. */
bool lab_fits(const struct lab_step *step, int words);

/* Does a step, by its words with the name. 0, or -1 and lab_note says why. */
int lab_run(char **words, int count);

/* What the last step has to say beside its counts: "SIGSEGV at page 3"; may be empty. */
const char *lab_note(void);

void lab_begin(void);

/* Touches all pages that the program itself writes to, so that they cost nothing later. */
void lab_settle(void);

/* fork(2); the child has settled when the parent goes on, and waits until the parent has too. */
pid_t lab_fork(void);

/* Ends children that are kept, and threads. */
void lab_end(void);

#endif
