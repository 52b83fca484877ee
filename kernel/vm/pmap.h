/* SPDX-License-Identifier: MIT */
/*
 * The physical map: the hardware's page tables for one address space, as a cache.
 *
 * This header is the whole contract between the machine-independent VM and a machine. There are
 * two implementations: arch/x86_64/pmap*.c, and the model of the host tests. Both pass
 * tests/conformance.
 *
 * The contract in one sentence: an entry may be missing at any time and comes back by a fault; an
 * entry that is there never says more than what was entered, less what was taken away since.
 *
 *   - Entries hold no references on the frames they lead to. Whoever gives a frame back has removed
 *     its entries before; pmap_remove returns only when no processor can use them any more.
 *   - pmap_fork may hand whole tables to the child by reference. A table with more than one
 *     reference is never changed: who wants to change it takes a copy of its own first, or, where
 *     there is no memory for one and it only means to take away, lets go of the table.
 *   - Adding needs no flush; taking away, or leading somewhere else, does (requirement K6).
 *
 * Locks: all calls on one pmap are made under the lock of the space that owns it, except
 * pmap_activate and the calls on single pages (pmap_page), which say what they need. Shared tables
 * need no lock: they are immutable while they are shared, and their reference counts are atomic. No
 * call sleeps.
 *
 * Addresses are user addresses below USER_END, page-aligned, half-open ranges [start, end).
 *
 * After the pmap(9) idea of Mach and BSD.
 */
#ifndef QUIRE_VM_PMAP_H
#define QUIRE_VM_PMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mm/phys.h"
#include "vm/access.h"

struct frame;
struct pmap;

/* At boot, once, after the frame allocator works. */
void pmap_init(void);

/* An empty map; the kernel's half is in it. NULL when there is no memory. */
struct pmap *pmap_create(void);

/*
 * Makes every processor that has it left over, from a thread that ran there, let go of it. Nobody
 * runs by it any more. Before pmap_teardown and pmap_destroy.
 */
void pmap_retire(struct pmap *pmap);

/* Gives back every table, those that others share by a reference. Active on no processor. */
void pmap_destroy(struct pmap *pmap);

/*
 * Lets va lead to the frame at pa with the rights of access (VM_READ, VM_WRITE, VM_EXEC), in place
 * of what was there. VM_SHARED: a page of a shared mapping, whose right to be written survives a
 * fork. VM_UNCACHED: a device's page. Returns 0 or -ENOMEM; then nothing has changed.
 */
int pmap_enter(struct pmap *pmap, uint64_t va, paddr_t pa, unsigned access);

/*
 * Entering single pages on several processors at a time, on one map, while nobody makes any other
 * call on it (vm/space_lock.h).
 *
 * pmap_page_claim: the page at va is the caller's, and a second claim of it waits, until it is
 * entered or released. Where there is no table yet nothing can be claimed (is_claimed is false):
 * then the page is entered only if there still is none. write: the entry is to be one for writing.
 * False: it takes more than these calls do, and nothing has been claimed.
 *
 * pmap_page_allows: the entry that was there leads to pa, and has all rights of access.
 *
 * pmap_page_enter: as pmap_enter, and the page is released. 0, or the page could not be claimed and
 * nothing has changed: -EEXIST, there is a table now, so look again; -ENOMEM. A page that was not
 * claimed for writing may come to be entered without that right.
 *
 * pmap_page_offer: enters a page (not writable) that lies in one table with a claimed one, if
 * nothing is there and nobody has claimed it.
 */
struct pmap_page {
    struct pmap *pmap;
    uint64_t va;
    bool is_claimed;
    uint8_t level;       /* the implementation's, as what follows */
    struct frame *table; /* the lowest one on the way */
    uint64_t was;        /* the entry that was claimed */
};

bool pmap_page_claim(struct pmap *pmap, uint64_t va, bool write, struct pmap_page *page);
bool pmap_page_allows(const struct pmap_page *page, paddr_t pa, unsigned access);
int pmap_page_enter(const struct pmap_page *page, paddr_t pa, unsigned access);
void pmap_page_release(const struct pmap_page *page);
void pmap_page_offer(const struct pmap_page *near, uint64_t va, paddr_t pa, unsigned access);

/*
 * The same for PMAP_LARGE_BYTES at va, which lead to the frames from pa on (both aligned so), by
 * one leaf; what mapped a part of them before goes. Not with VM_SHARED or VM_UNCACHED. Such a leaf
 * is split, or forgotten where there is no memory for that, when something is entered, removed or
 * protected in a part of it.
 */
#define PMAP_LARGE_BYTES (512 * PAGE_SIZE)
int pmap_enter_large(struct pmap *pmap, uint64_t va, paddr_t pa, unsigned access);

/* No entry in [start, end) any more, on any processor. Cannot fail; may forget neighbours too. */
void pmap_remove(struct pmap *pmap, uint64_t start, uint64_t end);

/* No entry in [start, end) has rights beyond access any more. Cannot fail; may forget instead. */
void pmap_protect(struct pmap *pmap, uint64_t start, uint64_t end, unsigned access);

/*
 * pmap_protect (with no rights: pmap_remove) that stops when *wanted, an atomic number, is not 0:
 * after PMAP_LARGE_BYTES at most, or earlier for no reason, but not before something is done.
 * Returns the end of what is done, as far as that was to be.
 */
uint64_t pmap_protect_until(struct pmap *pmap, uint64_t start, uint64_t end, unsigned access,
                            const uint32_t *wanted);

/*
 * Lets the `bytes` at `to`, where nothing is mapped, lead to what those at `from` do, and removes
 * them there. The ranges do not overlap. Cannot fail; may forget instead.
 */
void pmap_move(struct pmap *pmap, uint64_t from, uint64_t to, uint64_t bytes);

/*
 * Gives the child what the parent has in [start, end), and takes the right to write from both,
 * except for pages entered with VM_SHARED. Called for all areas, on disjoint ranges in rising
 * order, the child empty at first; it may give neighbours too. What there is no memory for, the
 * child does without. The parent's processors learn of it by pmap_fork_finish, before the lock is
 * let go.
 */
void pmap_fork(struct pmap *parent, struct pmap *child, uint64_t start, uint64_t end);
void pmap_fork_finish(struct pmap *parent);

/*
 * Forgets [start, end) of a map that is active nowhere and about to be destroyed, and whatever else
 * lies in the tables that map it. Called for all areas, it leaves pmap_destroy nothing to look for.
 */
void pmap_teardown(struct pmap *pmap, uint64_t start, uint64_t end);

/*
 * Makes the current processor translate by this map; NULL: by the kernel's own, no user half.
 * Interrupts off.
 */
void pmap_activate(struct pmap *pmap);

/* What the hardware would find for an address. */
struct pmap_entry {
    uint64_t va;         /* of the 4 KiB page */
    paddr_t pa;          /* of its frame */
    unsigned access;     /* rights in force: W is ANDed and NX ORed down the levels */
    uint8_t level;       /* 1: a 4 KiB page, 2: a part of a leaf of PMAP_LARGE_BYTES; missing: of
                            the hole */
    bool present;        /* false: the other fields but va and level mean nothing */
    uint16_t table_refs; /* the most references that a table on the way has */
    uint64_t raw[4];     /* the entries met, from the top level down; 0 where there was none */
};

/* Fills entry for va. Returns entry->present. */
bool pmap_lookup(struct pmap *pmap, uint64_t va, struct pmap_entry *entry);

/*
 * One step of the way that the hardware takes to an address: the entry of one table, its bits in
 * the words that machines have in common.
 */
struct pmap_step {
    uint64_t raw;   /* the entry as it stands; 0 in a model */
    paddr_t table;  /* of the table page */
    paddr_t target; /* of the table page below, or of the leaf's first byte */
    uint32_t refs;  /* references that the table has */
    uint16_t index; /* of the entry in the table */
    uint16_t bits;  /* PMAP_STEP_* */
    uint8_t level;  /* of the table; 1: its entries lead to pages */
};
#define PMAP_LEVELS 4u

#define PMAP_STEP_PRESENT 1u
#define PMAP_STEP_WRITE 2u   /* counts if all others on the way have it, too */
#define PMAP_STEP_USER 4u    /* likewise */
#define PMAP_STEP_NO_EXEC 8u /* counts wherever it is on the way */
#define PMAP_STEP_LEAF 16u   /* leads to memory, not to a table */
#define PMAP_STEP_ACCESSED 32u
#define PMAP_STEP_DIRTY 64u
#define PMAP_STEP_UNCACHED 128u
#define PMAP_STEP_SHARED 256u /* entered with VM_SHARED: a fork leaves W alone */

/*
 * The steps to va, from the top table down to the entry that is a leaf or is not there. Returns how
 * many. For who looks from outside (vm/explain.h); pmap_lookup says what they come to.
 */
unsigned pmap_walk(struct pmap *pmap, uint64_t va, struct pmap_step steps[PMAP_LEVELS]);

/*
 * A cursor over mappings (WeensyOS: vmiter). After pmap_cursor_init or _find, at says what is at
 * va; _next moves to the next present mapping below limit, _advance by a number of bytes.
 */
struct pmap_cursor {
    struct pmap *pmap;
    struct pmap_entry at;
};

void pmap_cursor_init(struct pmap_cursor *cursor, struct pmap *pmap, uint64_t va);
void pmap_cursor_find(struct pmap_cursor *cursor, uint64_t va);
void pmap_cursor_advance(struct pmap_cursor *cursor, int64_t delta_bytes);

/* The first present mapping at or above the cursor's address and below limit; false: none. */
bool pmap_cursor_next_present(struct pmap_cursor *cursor, uint64_t limit);

/* Maps the cursor's page; as pmap_enter (vmiter::try_map). */
int pmap_cursor_map(struct pmap_cursor *cursor, paddr_t pa, unsigned access);

/*
 * A cursor over table pages, depth first, lower levels before higher, the top one never (WeensyOS:
 * ptiter). active is false after the last one. Nothing may be entered or removed meanwhile.
 */
struct pmap_table_cursor {
    struct pmap *pmap;
    uint64_t va;     /* first address the table covers */
    uint64_t end_va; /* one past the last one */
    paddr_t pa;      /* of the table page */
    uint8_t level;   /* 1: its entries lead to pages */
    uint32_t refs;   /* references that the table has */
    bool active;
};

void pmap_table_cursor_init(struct pmap_table_cursor *cursor, struct pmap *pmap);
void pmap_table_cursor_next(struct pmap_table_cursor *cursor);

/*
 * For recounting references (vm/sweep.c): meets each way to a table page of the map: the top one
 * first, to which the pmap itself leads, then for each entry that leads to a table, that one. table
 * returns whether to go below it, so that who remembers goes into a shared one once.
 */
struct pmap_table {
    struct frame *frame;
    uint64_t va;    /* first address that it covers, on this way */
    uint8_t level;  /* 1: its entries lead to pages */
    bool is_masked; /* an entry on this way takes the right to write from all below */
};
struct pmap_table_visitor {
    bool (*table)(void *arg, const struct pmap_table *table);
    void *arg;
};
void pmap_visit_tables(struct pmap *pmap, const struct pmap_table_visitor *visitor);

/*
 * Tells a snapshot of the trace of all table pages of the map that are not marked in `seen`, and
 * marks them (core/trace_state.h).
 */
void pmap_trace_tables(struct pmap *pmap, uint64_t *seen);

/* Which of the pmap's own rules a table breaks, in words; NULL: none. */
const char *pmap_table_violation(const struct pmap_table *table);

/* The physical address of the top table (what CR3 holds); 0 where there are no real tables. */
paddr_t pmap_root(const struct pmap *pmap);

/* Table pages in this map, the top one included, shared ones too. */
size_t pmap_table_pages(struct pmap *pmap);

/* Counters since boot, all processors (for /proc/vmstat and the bench). */
struct pmap_stats {
    uint64_t flush_page;     /* single translations dropped */
    uint64_t flush_space;    /* all of one space's dropped */
    uint64_t flush_told;     /* times that other processors were told of either */
    uint64_t flush_sent;     /* processors that were interrupted for it */
    uint64_t flush_received; /* interrupts that came of it */
    uint64_t page_received;  /* of flush_page and flush_space, those made in such interrupts */
    uint64_t space_received;
    uint64_t table_unshared; /* copies made of shared tables */
    uint64_t table_shared;   /* tables given to a child by reference */
    uint64_t large_entered;  /* leaves of PMAP_LARGE_BYTES entered */
    uint64_t large_split;    /* and split into a table of pages */
};
void pmap_stats_get(struct pmap_stats *stats);

#endif
