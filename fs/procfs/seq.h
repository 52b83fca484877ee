/* SPDX-License-Identifier: MIT */
/*
 * Text under construction: the contents of a /proc file, which grows as it is printed to.
 *
 * A short file is printed in one go. A long one (the maps of a process with thousands of areas) is
 * printed in pieces: its show function looks at `cursor` to see where to go on, prints some,
 * leaves the next place in `cursor` and sets `more`.
 *
 * Running out of memory is remembered (`failed`) and reported once by the reader, so that printing
 * functions need not check.
 */
#ifndef PROCFS_SEQ_H
#define PROCFS_SEQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* After about this much a file that can be printed in pieces should end a piece. */
#define SEQ_PIECE_BYTES 4096u

struct seq {
    char *text;
    size_t length;
    size_t capacity;
    uint64_t cursor; /* the show function's own; 0 at the start of the file */
    bool more;       /* set by the show function: call again */
    bool failed;     /* no memory: the text is not whole */

    /* Optional: what the show function keeps between pieces, given back when the text starts over
     * or is closed. */
    void *kept;
    void (*kept_free)(void *kept);
};

void seq_init(struct seq *seq);
void seq_free(struct seq *seq);

/* Makes the text empty and keeps its memory, and what the show function keeps. */
void seq_clear(struct seq *seq);

/* The text starts over at the beginning of the file. */
void seq_rewind(struct seq *seq);

void seq_printf(struct seq *seq, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void seq_bytes(struct seq *seq, const void *bytes, size_t size);
void seq_string(struct seq *seq, const char *text);

/* The same with each byte of `special` as \ooo, the way mounts and maps do. */
void seq_escaped(struct seq *seq, const char *text, const char *special);

/* Blanks until the line that began at `start` is `width` bytes long. */
void seq_pad(struct seq *seq, size_t start, size_t width);

#endif
