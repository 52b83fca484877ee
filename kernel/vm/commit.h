/* SPDX-License-Identifier: MIT */
/*
 * Commitment: how much memory has been promised, and whether one more promise is made.
 *
 * A page is committed when somebody may write to it and find it changed: pages of private writable
 * areas and of stacks (VM_AREA_ACCOUNTED), shared anonymous memory by its size, files in memory by
 * their pages. The total is exact at every moment: one atomic word, changed once for each mapping
 * that is made or undone, never for a page of private memory. On hardware that is one locked
 * instruction, some 20 cycles, and a cache line that goes around when many processors map at once.
 *
 *   mode               a promise is refused when
 *   0  VM_COMMIT_GUESS   it alone is larger than all of memory
 *   1  VM_COMMIT_ALWAYS  never
 *   2  VM_COMMIT_NEVER   the total would reach the limit
 *
 * A space is charged in two steps, so that calls decide first and perform then:
 * vm_commit_reserve() before anything changes, vm_commit_settle() when the areas are what they will
 * be, whether or not the call came to its end. In between the space may have more than its areas
 * need; afterwards it has exactly that (vm_check).
 *
 * Locks: none; the words are atomic. Settings are read once for each decision.
 *
 * Source: Linux, Documentation/mm/overcommit-accounting.rst and proc_sys_vm(5).
 */
#ifndef QUIRE_VM_COMMIT_H
#define QUIRE_VM_COMMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "vm/space.h"

enum vm_commit_mode {
    VM_COMMIT_GUESS,
    VM_COMMIT_ALWAYS,
    VM_COMMIT_NEVER,
};

/* /proc/sys/vm: set by root at any time, each a word of its own. */
struct vm_commit_settings {
    uint64_t mode;              /* overcommit_memory: enum vm_commit_mode */
    uint64_t ratio_percent;     /* overcommit_ratio: of memory; counts if limit_kib is 0 */
    uint64_t limit_kib;         /* overcommit_kbytes */
    uint64_t admin_reserve_kib; /* admin_reserve_kbytes: kept for root */
    uint64_t user_reserve_kib; /* user_reserve_kbytes: kept from each process, at most 1/32 of it */
};
extern struct vm_commit_settings vm_commit_settings;

/* Who asks, as mode 2 wants to know it. */
struct vm_commit_caller {
    bool is_admin;         /* may use what is kept for root */
    uint64_t mapped_bytes; /* size of its space */
};

/* At boot, once frames are there: the defaults follow from how much memory there is. */
void vm_commit_init(void);

/* Who tells about the caller; without it everybody is root. At start, once. */
void vm_commit_register(void (*describe)(struct vm_commit_caller *caller));

/* What procfs calls: either of the two settings undoes the other. */
int vm_commit_set_ratio(const uint64_t *percent);
int vm_commit_set_limit(const uint64_t *kib);

/* The mode as it is set now. */
static inline enum vm_commit_mode vm_commit_mode(void) {
    return (enum vm_commit_mode)__atomic_load_n(&vm_commit_settings.mode, __ATOMIC_RELAXED);
}

/* Promises pages, or takes the promise back. 0 or -ENOMEM. For objects. */
int vm_commit_charge(uint64_t pages);
void vm_commit_uncharge(uint64_t pages);

/* Whether vm_commit_charge would promise so much just now, for who asks. Changes nothing. */
bool vm_commit_would(uint64_t pages);

/* Promises the space bytes more than its areas have now. 0 or -ENOMEM. Its lock is held. */
int vm_commit_reserve(struct vm_space *space, uint64_t bytes);

/* Gives back what the space has been promised and its areas do not need. Its lock is held. */
void vm_commit_give_back(struct vm_space *space);
static inline void vm_commit_settle(struct vm_space *space) {
    if (space->promised_bytes != space->areas.accounted_bytes)
        vm_commit_give_back(space);
}

/* Pages promised now, and how many may be in mode 2: Committed_AS and CommitLimit. */
uint64_t vm_commit_total(void);
uint64_t vm_commit_limit(void);

#endif
