/* SPDX-License-Identifier: MIT */
/*
 * Asking /proc/PID/explain and finding one's way in the answer; docs/explain.md tells the lines.
 *
 * Nothing here allocates memory, so that asking does not change what is asked about.
 */
#ifndef USER_LIB_EXPLANATION_H
#define USER_LIB_EXPLANATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXPLANATION_BYTES 8192

struct explanation {
    char text[EXPLANATION_BYTES]; /* lines, each ended by a newline */
    size_t length;
};

/*
 * Asks through a file that is open for reading and writing. 0, or an errno: EINVAL if the address
 * is none, what read(2) and write(2) say else.
 */
int explanation_ask(int file, const char *address, struct explanation *answer);
int explanation_ask_about(int file, const volatile void *address, struct explanation *answer);

/* What the answer's line with a key says, up to its end, copied and cut to size; false: it has
 * none.
 */
bool explanation_line(const struct explanation *answer, const char *key, char *words, size_t size);

/* Whether the line with a key begins with these words. */
bool explanation_says(const struct explanation *answer, const char *key, const char *words);

/* The key of the line at text, copied; 0 at its end, or how far the next line is. */
size_t explanation_key(const char *text, char *key, size_t size);

#endif
