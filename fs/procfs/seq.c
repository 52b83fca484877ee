/* SPDX-License-Identifier: MIT */
/*
 * Text under construction; see seq.h.
 */
#include "fs/procfs/seq.h"

#include <stdarg.h>

#include "lib/bits.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/slab.h"

#define FIRST_BYTES 1024u
#define LINE_BYTES 256u

void seq_init(struct seq *seq) {
    *seq = (struct seq){0};
}

static void give_up_kept(struct seq *seq) {
    if (seq->kept)
        seq->kept_free(seq->kept);
    seq->kept = NULL;
}

void seq_rewind(struct seq *seq) {
    give_up_kept(seq);
    seq->cursor = 0;
}

void seq_free(struct seq *seq) {
    give_up_kept(seq);
    kfree(seq->text);
    seq_init(seq);
}

void seq_clear(struct seq *seq) {
    seq->length = 0;
    seq->more = false;
    seq->failed = false;
}

static bool seq_reserve(struct seq *seq, size_t size) {
    if (seq->capacity - seq->length >= size)
        return true;

    size_t capacity = MAX(seq->capacity, (size_t)FIRST_BYTES);
    while (capacity - seq->length < size)
        capacity *= 2;
    char *text = kmalloc(capacity);
    if (!text) {
        seq->failed = true;
        return false;
    }
    memcpy(text, seq->text, seq->length);
    kfree(seq->text);
    seq->text = text;
    seq->capacity = capacity;
    return true;
}

void seq_bytes(struct seq *seq, const void *bytes, size_t size) {
    if (!seq_reserve(seq, size))
        return;
    memcpy(seq->text + seq->length, bytes, size);
    seq->length += size;
}

void seq_string(struct seq *seq, const char *text) {
    seq_bytes(seq, text, strlen(text));
}

void seq_printf(struct seq *seq, const char *fmt, ...) {
    char line[LINE_BYTES];
    va_list args;

    va_start(args, fmt);
    int length = vformat(line, sizeof(line), fmt, args);
    va_end(args);
    seq_bytes(seq, line, MIN((size_t)length, sizeof(line) - 1));
}

void seq_escaped(struct seq *seq, const char *text, const char *special) {
    for (; *text; text++) {
        if (strchr(special, *text))
            seq_printf(seq, "\\%03o", (unsigned char)*text);
        else
            seq_bytes(seq, text, 1);
    }
}

void seq_pad(struct seq *seq, size_t start, size_t width) {
    while (seq->length - start < width && !seq->failed)
        seq_bytes(seq, " ", 1);
}
