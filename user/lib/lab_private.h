/* SPDX-License-Identifier: MIT */
/* What the files of memlab's laboratory share. See lab.h. */
#ifndef USER_LIB_LAB_PRIVATE_H
#define USER_LIB_LAB_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>

#define OWN_STACK_BYTES 16384 /* below a frame of lab_settle: more than any step uses */

/* Sets the note of a step that failed, and returns -1. */
__attribute__((format(printf, 1, 2))) int lab_fail(const char *format, ...);

/* The same for a call that failed, with errno. */
int lab_error(const char *call);

/* A word that is a number, whole. 0 or -1 with a note. */
int lab_count_parse(const char *word, size_t *number);

/* Whether a page belongs to what the steps have mapped, rather than to memlab. */
bool lab_owns(const char *page);

/* Steps of lab_process.c. */
int lab_keep_run(char **words, int count);
int lab_end_run(char **words, int count);
int lab_threads_run(char **words, int count);

#endif
