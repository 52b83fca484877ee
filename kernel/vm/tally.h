/* SPDX-License-Identifier: MIT */
/*
 * A number for each physical frame, for a time: how many ways lead to it, who sees it. Numbers are
 * kept in chunks for a range of frames, made when the first of them is counted, so that a tally of
 * little takes little memory.
 *
 * No locks: a tally belongs to who made it.
 */
#ifndef QUIRE_VM_TALLY_H
#define QUIRE_VM_TALLY_H

#include <stdint.h>

#include "mm/frame.h"

struct vm_tally {
    uint32_t **chunks; /* for ranges of frames; NULL: all zero */
};

/* All numbers are 0. 0 or -ENOMEM. */
int vm_tally_init(struct vm_tally *tally);

/* Gives the memory back; also one that was not initialised but is all zero bytes. */
void vm_tally_free(struct vm_tally *tally);

/* Adds 1 to a frame's number. 0 or -ENOMEM, nothing counted. */
int vm_tally_add(struct vm_tally *tally, const struct frame *frame);

/* Sets bits in a frame's number. 0; 1: they were set already; -ENOMEM: nothing set. */
int vm_tally_mark(struct vm_tally *tally, const struct frame *frame, uint32_t bits);

uint32_t vm_tally_get(const struct vm_tally *tally, const struct frame *frame);

#endif
