/* SPDX-License-Identifier: MIT */
/*
 * The checker of invalidations, in debug builds only: it remembers which processor may still have
 * cached what was taken away, and panics where somebody relies on that it has not. Private to the
 * pmap and kmap. Host tests link it as it is.
 *
 * Words: when an entry that a processor may have cached loses something, the processor owes the
 * one that changed it a flush: a debt. It pays by INVLPG or by loading CR3, and with nothing else.
 * Debts must be paid
 *   - when the operation that took away is over: then its caller relies on it;
 *   - when a frame is freed that the entry led to, as a page or as a table.
 * Beside that, a frame is freed only when no entry of any table leads to it as a page; but for the
 * pages of objects, to which a space that dies may lead still.
 *
 * Who may have cached an entry is not asked of pmap->active, which is under check, but of the loads
 * of CR3 that were seen here.
 *
 * Locks: none is taken. A processor's own debts are changed by it alone but for who owes them.
 */
#ifndef X86_TLB_CHECK_H
#define X86_TLB_CHECK_H

#include <stdint.h>

#include "core/assert.h"
#include "paging.h"

struct frame;
struct pmap;

#if QUIRE_DEBUG

/* After the frame allocator works: from here on frames that are freed are looked at. */
void tlb_check_init(void);

/*
 * An entry of a level for va has been changed, in a table that only this pmap leads to. NULL: in
 * the kernel's half, which all processors have.
 */
void tlb_check_entry(const struct pmap *pmap, uint64_t va, unsigned level, pte_t old, pte_t next);

/* The same in a table that no processor can be using: a new one, or one that goes. */
void tlb_check_unseen(unsigned level, pte_t old, pte_t next);

/* The right to write has gone from anywhere in a map: by a fork. */
void tlb_check_unwritable(const struct pmap *pmap);

/* The running processor begins to load a map (NULL: the kernel's own), and has. */
void tlb_check_loading(const struct pmap *pmap);
void tlb_check_loaded(const struct pmap *pmap);

/* The running processor has dropped all it knew of the map that it has loaded, or one page of it or
 * of the kernel's half. */
void tlb_check_flushed(void);
void tlb_check_flushed_page(uint64_t va);

/* Between these, what is taken away from a map may go on being used. */
void tlb_check_begin(const struct pmap *pmap);
void tlb_check_end(const struct pmap *pmap);

/* An operation on a map is over. */
void tlb_check_settled(const struct pmap *pmap);

/* A reference on a table is about to be dropped. */
void tlb_check_table(const struct frame *table);

/* A map goes. */
void tlb_check_destroy(const struct pmap *pmap);

#else

static inline void tlb_check_init(void) {
}

static inline void tlb_check_entry(const struct pmap *pmap, uint64_t va, unsigned level, pte_t old,
                                   pte_t next) {
    (void)pmap, (void)va, (void)level, (void)old, (void)next;
}

static inline void tlb_check_unseen(unsigned level, pte_t old, pte_t next) {
    (void)level, (void)old, (void)next;
}

static inline void tlb_check_unwritable(const struct pmap *pmap) {
    (void)pmap;
}

static inline void tlb_check_loading(const struct pmap *pmap) {
    (void)pmap;
}

static inline void tlb_check_loaded(const struct pmap *pmap) {
    (void)pmap;
}

static inline void tlb_check_flushed(void) {
}

static inline void tlb_check_flushed_page(uint64_t va) {
    (void)va;
}

static inline void tlb_check_begin(const struct pmap *pmap) {
    (void)pmap;
}

static inline void tlb_check_end(const struct pmap *pmap) {
    (void)pmap;
}

static inline void tlb_check_settled(const struct pmap *pmap) {
    (void)pmap;
}

static inline void tlb_check_table(const struct frame *table) {
    (void)table;
}

static inline void tlb_check_destroy(const struct pmap *pmap) {
    (void)pmap;
}

#endif

#endif
