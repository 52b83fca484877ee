/* SPDX-License-Identifier: MIT */
/*
 * The part of a processor between an address and a frame, as a model: translation through whatever
 * pmap is active, with a TLB that keeps what it saw until it is told otherwise.
 *
 * Two implementations, chosen by the linker: model_pmap.c for the model of vm/pmap.h, and
 * x86/mmu.c, which walks the tables that the real pmap of arch/x86_64 made.
 */
#ifndef SUPPORT_MMU_MODEL_H
#define SUPPORT_MMU_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "mm/phys.h"

struct pmap;

/* Translates `va` (any byte) for an access (VM_READ, VM_WRITE or VM_EXEC) in the active pmap. True
 * with *pa: of the byte. False: a page fault; the translation at hand is forgotten, as processors
 * do. */
bool mmu_translate(uint64_t va, unsigned access, paddr_t *pa);

/* The pmap that is active; NULL: none. */
struct pmap *mmu_active(void);

/* Drops entries of the active pmap's or any other pmap at random from now on, once in `one_in`
 * calls on average (0: never). The real pmap does not do that by itself: there, nothing happens. */
void mmu_forget_randomly(uint64_t seed, unsigned one_in);

/* How often a pmap has done what the contract allows and a caller may not expect. */
uint64_t mmu_liberties(void);

/* Cached translations; shared by both implementations. */
struct tlb_entry {
    const void *space; /* the pmap, or whatever tells spaces apart; NULL: not in use */
    uint64_t va;
    paddr_t pa;
    unsigned access;
    uint64_t leaf_bytes; /* of the large leaf that this is a part of; 0: of none */
};

/* The entry cached for va's page, NULL if there is none. */
const struct tlb_entry *tlb_find(const void *space, uint64_t va);

void tlb_keep(const void *space, uint64_t va, paddr_t pa, unsigned access);

/* A 4 KiB part of a large leaf's translation: what is kept of one goes together. */
void tlb_keep_part(const void *space, uint64_t va, paddr_t pa, unsigned access,
                   uint64_t leaf_bytes);

/* What INVLPG forgets: the page's, and all parts of a large leaf there. */
void tlb_forget_page(const void *space, uint64_t va);
void tlb_forget_range(const void *space, uint64_t start, uint64_t end);

/* NULL: everything. */
void tlb_forget_space(const void *space);

#endif
