/* SPDX-License-Identifier: MIT */
/*
 * Accounting for every frame: whoever says which spaces and objects there are, learns whether the
 * reference counts of nodes, frames and tables are exactly what leads to them, and whether each
 * frame in use is one of theirs (requirement Q3).
 */
#ifndef SUPPORT_ACCOUNT_H
#define SUPPORT_ACCOUNT_H

#include <stddef.h>
#include <stdint.h>

struct page_tree;
struct vm_object;
struct vm_space;

struct account {
    uint64_t frames;   /* distinct pages of all trees */
    uint64_t nodes;    /* distinct nodes of all trees */
    uint64_t tables;   /* distinct page tables */
    uint64_t promised; /* pages of accounted areas and of objects */
};

/* Starts a count of its own; adds spaces and objects; then checks what was found against the frame
 * table and the counts by use, failing the test if anything differs. */
void account_begin(void);
void account_space(struct vm_space *space);
void account_object(struct vm_object *object);
void account_tree(const struct page_tree *tree);
struct account account_check(void);

#endif
