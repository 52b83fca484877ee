/* SPDX-License-Identifier: MIT */
/*
 * The checker of invalidations; see tlb_check.h. Empty but in debug builds.
 *
 * Each processor keeps a book of what it took away: per debt, who has not paid yet. Who pays looks
 * through the books of all. A debt is written down after the entry was changed, and who owes it is
 * looked up before and after: a processor that loads other tables meanwhile says so first and looks
 * through the books then, so one of the two sees the other (both with a full fence between). One
 * that loads these tables meanwhile finds the new entry.
 *
 * More debts than a batch of invalidations has are one for the whole space, without its frames.
 */
#include "tlb_check.h"

#if QUIRE_DEBUG

#include <stdatomic.h>

#include "core/cpu.h"
#include "core/panic.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "page_table.h"
#include "pmap_private.h"
#include "sync/cpu_call.h"

#define DEBTS_MAX 48u
#define DEBT_MANY (DEBTS_MAX - 1u) /* the place of the one that stands for all the rest */

struct debt {
    _Atomic uint64_t owed_by; /* processors, a bit each */
    const struct pmap *_Atomic pmap;
    _Atomic uint64_t va, bytes; /* what is to be forgotten; 0 bytes: all of the space */
    _Atomic pte_t old, next;    /* the entry, before and after; 0 and 0: many */
};

struct book {
    _Atomic unsigned count;  /* own: debts, paid ones too */
    const struct pmap *open; /* own: whose debts need not be paid yet */
    struct debt debts[DEBTS_MAX];
} __attribute__((aligned(64)));

/* What a processor may be translating by. They differ while it loads one. */
struct seat {
    const struct pmap *_Atomic loaded, *_Atomic next;
} __attribute__((aligned(64)));

static struct book books[CPU_MAX];
static struct seat seats[CPU_MAX];

#define GET(field) atomic_load_explicit(&(field), memory_order_relaxed)
#define SET(field, value) atomic_store_explicit(&(field), value, memory_order_relaxed)

/* ---- who may have cached what ---- */

static uint64_t users_of(const struct pmap *pmap) {
    uint64_t users = 0;

    atomic_thread_fence(memory_order_seq_cst);
    if (!pmap)
        return cpus_running();
    for (unsigned i = 0; i < cpu_count(); i++) {
        if (GET(seats[i].loaded) == pmap || GET(seats[i].next) == pmap)
            users |= 1ull << i;
    }
    return users;
}

/* Whether a translation by the old entry does what one by the next would not. */
static bool loses(pte_t old, pte_t next) {
    const pte_t rights = PTE_PRESENT | PTE_WRITE | PTE_USER;
    const pte_t same = PTE_ADDRESS | PTE_LARGE;

    return (old & PTE_PRESENT) &&
           ((old & ~next & rights) || (next & ~old & PTE_NO_EXEC) || ((old ^ next) & same));
}

static bool is_leaf(pte_t entry, unsigned level) {
    return (entry & PTE_PRESENT) && (level == 0 || (entry & PTE_LARGE));
}

/* ---- the books ---- */

/* A place for one more debt of this map; NULL: it is among the many already. */
static struct debt *debt_place(struct book *book, const struct pmap *pmap) {
    struct debt *many = &book->debts[DEBT_MANY];
    unsigned n = GET(book->count);

    if (n < DEBTS_MAX)
        return &book->debts[n];
    ASSERT(GET(many->pmap) == pmap);
    return NULL;
}

static void debt_note(const struct pmap *pmap, struct debt *new) {
    struct book *book = &books[cpu_index()];
    uint64_t users = users_of(pmap);
    struct debt *debt;

    if (!users)
        return;
    debt = debt_place(book, pmap);
    if (!debt) {
        debt = &book->debts[DEBT_MANY];
        atomic_fetch_or(&debt->owed_by, users);
    } else {
        bool is_many = debt == &book->debts[DEBT_MANY];

        SET(debt->owed_by, users);
        SET(debt->pmap, pmap);
        SET(debt->va, new->va);
        SET(debt->bytes, is_many ? 0 : new->bytes);
        SET(debt->old, is_many ? 0 : new->old);
        SET(debt->next, is_many ? 0 : new->next);
        atomic_fetch_add_explicit(&book->count, 1, memory_order_release);
    }
    atomic_fetch_and(&debt->owed_by, users_of(pmap));
}

/* Whom a page's invalidation concerns: debts of the map that is loaded, and of the kernel. */
static bool page_pays(const struct debt *debt, const struct pmap *loaded, uint64_t va) {
    const struct pmap *pmap = GET(debt->pmap);

    return (pmap == loaded || !pmap) && va - GET(debt->va) < GET(debt->bytes);
}

static void pay(bool (*pays)(const struct debt *debt, const struct pmap *pmap, uint64_t va),
                const struct pmap *pmap, uint64_t va) {
    uint64_t self = cpu_mask();

    atomic_thread_fence(memory_order_seq_cst);
    for (unsigned i = 0; i < cpu_count(); i++) {
        unsigned n = atomic_load_explicit(&books[i].count, memory_order_acquire);

        for (struct debt *debt = books[i].debts; debt < &books[i].debts[n]; debt++) {
            if ((GET(debt->owed_by) & self) && pays(debt, pmap, va))
                atomic_fetch_and_explicit(&debt->owed_by, ~self, memory_order_release);
        }
    }
}

static _Noreturn void stale(const struct debt *debt, const char *what) {
    pte_t old = GET(debt->old);
    const struct frame *frame = phys_to_frame_checked(old & PTE_ADDRESS);

    panic_everywhere("stale translation: %s, and processor %u may still use %#lx (%#lx bytes) of "
                     "map %#lx by entry %#lx, now %#lx; frame %#lx is in use as %s",
                     what, (unsigned)__builtin_ctzll(GET(debt->owed_by)), GET(debt->va),
                     GET(debt->bytes), (unsigned long)(uintptr_t)GET(debt->pmap), old,
                     GET(debt->next), (old & PTE_ADDRESS) >> PAGE_SHIFT,
                     frame ? frame_use_name(frame->use) : "no memory");
}

/* ---- entries that lead to each frame ---- */

#define COUNTS_PER_CHUNK (PAGE_SIZE / sizeof(uint32_t))

/* By frame number: how many entries of tables lead to it as a page. Const after tlb_check_init, but
 * for the counts. */
static _Atomic uint32_t **count_chunks;

static bool counts_init(void) {
    uint64_t chunks = div_round_up(frame_table_count, COUNTS_PER_CHUNK);
    unsigned order = chunks * sizeof(void *) > PAGE_SIZE
                         ? ilog2(chunks * sizeof(void *) - 1) + 1 - PAGE_SHIFT
                         : 0;
    struct frame *top = frame_alloc_order(FRAME_KERNEL, order);

    if (!top)
        return false;
    count_chunks = frame_to_virt(top);
    for (uint64_t i = 0; i < chunks; i++) {
        struct frame *chunk = frame_alloc_zeroed(FRAME_KERNEL);

        if (!chunk)
            return false;
        count_chunks[i] = frame_to_virt(chunk);
    }
    return true;
}

/* A page that is given back some day: not a device's, nor the zeroes. */
static bool is_counted(const struct frame *frame) {
    return frame && frame->use != FRAME_ZERO && frame->use != FRAME_RESERVED;
}

static _Atomic uint32_t *count_of(const struct frame *frame) {
    uint64_t pfn = frame_to_pfn(frame);

    return &count_chunks[pfn / COUNTS_PER_CHUNK][pfn % COUNTS_PER_CHUNK];
}

static void count_leaf(pte_t entry, unsigned level, uint32_t change) {
    uint64_t pages = level_size(level) >> PAGE_SHIFT;
    const struct frame *frame = phys_to_frame_checked(entry & PTE_ADDRESS);

    if (!is_counted(frame))
        return;
    for (uint64_t i = 0; i < pages; i++)
        atomic_fetch_add_explicit(count_of(frame + i), change, memory_order_relaxed);
}

void tlb_check_unseen(unsigned level, pte_t old, pte_t next) {
    if (is_leaf(old, level) && is_leaf(next, level) && !((old ^ next) & PTE_ADDRESS))
        return;
    if (is_leaf(old, level))
        count_leaf(old, level, UINT32_MAX);
    if (is_leaf(next, level))
        count_leaf(next, level, 1);
}

/* ---- what is under check ---- */

void tlb_check_entry(const struct pmap *pmap, uint64_t va, unsigned level, pte_t old, pte_t next) {
    struct debt debt = {.va = va, .bytes = PAGE_SIZE, .old = old, .next = next};

    if (pmap)
        tlb_check_unseen(level, old, next);
    if (!loses(old, next))
        return;
    if (is_leaf(old, level))
        debt.bytes = level_size(level);
    else if (pmap)
        debt.bytes = 0; /* INVLPG drops ways as well, but not what was cached by them */
    debt.va = align_down(va, MAX(debt.bytes, PAGE_SIZE));
    debt_note(pmap, &debt);
}

void tlb_check_unwritable(const struct pmap *pmap) {
    debt_note(pmap, &(struct debt){.bytes = 0});
}

void tlb_check_loading(const struct pmap *pmap) {
    ASSERT(!pmap || (atomic_load(&pmap->active) & cpu_mask()));
    atomic_store(&seats[cpu_index()].next, pmap);
}

/* Loading CR3 drops everything but the kernel's half, and what the new map gave since. */
static bool other_pays(const struct debt *debt, const struct pmap *pmap, uint64_t va) {
    (void)va;
    return GET(debt->pmap) && GET(debt->pmap) != pmap;
}

void tlb_check_loaded(const struct pmap *pmap) {
    struct seat *seat = &seats[cpu_index()];
    const struct pmap *old = GET(seat->loaded);

    ASSERT(!old || (atomic_load(&old->active) & cpu_mask()));
    atomic_store(&seat->loaded, pmap);
    pay(other_pays, pmap, 0);
}

static bool space_pays(const struct debt *debt, const struct pmap *pmap, uint64_t va) {
    (void)va;
    return GET(debt->pmap) == pmap;
}

void tlb_check_flushed(void) {
    pay(space_pays, GET(seats[cpu_index()].loaded), 0);
}

void tlb_check_flushed_page(uint64_t va) {
    pay(page_pays, GET(seats[cpu_index()].loaded), va);
}

void tlb_check_begin(const struct pmap *pmap) {
    books[cpu_index()].open = pmap;
}

void tlb_check_end(const struct pmap *pmap) {
    books[cpu_index()].open = NULL;
    tlb_check_settled(pmap);
}

void tlb_check_settled(const struct pmap *pmap) {
    struct book *book = &books[cpu_index()];
    unsigned n = GET(book->count);
    bool all_paid = true;

    if (n == 0 || (pmap && book->open == pmap))
        return;
    for (struct debt *debt = book->debts; debt < &book->debts[n]; debt++) {
        bool is_paid = atomic_load_explicit(&debt->owed_by, memory_order_acquire) == 0;

        if (!is_paid && GET(debt->pmap) == pmap)
            stale(debt, "a right is taken away");
        all_paid &= is_paid;
    }
    if (all_paid)
        atomic_store_explicit(&book->count, 0, memory_order_release);
}

/* Panics if somebody owes a flush of what led to one of the frames. */
static void check_book(const struct book *book, paddr_t pa, uint64_t bytes, const char *what) {
    unsigned n = atomic_load_explicit(&book->count, memory_order_acquire);

    for (const struct debt *debt = book->debts; debt < &book->debts[n]; debt++) {
        pte_t old = GET(debt->old);
        uint64_t led_to = old & PTE_LARGE ? PMAP_LARGE_BYTES : PAGE_SIZE;

        if (old && (old & PTE_ADDRESS) < pa + bytes && pa < (old & PTE_ADDRESS) + led_to &&
            GET(debt->owed_by))
            stale(debt, what);
    }
}

static void check_books(paddr_t pa, uint64_t bytes, const char *what) {
    for (unsigned i = 0; i < cpu_count(); i++)
        check_book(&books[i], pa, bytes, what);
}

void tlb_check_table(const struct frame *table) {
    if (frame_refs(table) == 1)
        check_books(frame_to_phys(table), PAGE_SIZE, "a table is given back");
    else
        check_book(&books[cpu_index()], frame_to_phys(table), PAGE_SIZE, "a table is let go of");
}

void tlb_check_destroy(const struct pmap *pmap) {
    uint64_t users = users_of(pmap);

    if (users)
        panic_everywhere("stale translation: map %#lx goes, and processor %u still uses it",
                         (unsigned long)(uintptr_t)pmap, (unsigned)__builtin_ctzll(users));
}

/* The many do not say which frames they are about: who has taken so much away frees no page yet. */
static void check_many(const struct frame *frame) {
    const struct book *own = &books[cpu_index()];
    const struct debt *many = &own->debts[DEBT_MANY];
    bool is_page =
        frame->use == FRAME_ANON || frame->use == FRAME_FILE || frame->use == FRAME_SHMEM;

    if (is_page && GET(own->count) == DEBTS_MAX && GET(many->owed_by))
        stale(many, "a frame is freed");
}

/*
 * Whether no entry may lead to a frame that is freed. To an object's page one of a space may whose
 * last user has gone: it runs nowhere, and is not told (vm/object.c).
 */
static bool must_be_unmapped(const struct frame *frame) {
    return is_counted(frame) && frame->use != FRAME_FILE && frame->use != FRAME_SHMEM;
}

static void check_block(const struct frame *first, unsigned order) {
    for (const struct frame *frame = first; frame < first + (1u << order); frame++) {
        uint32_t leaves = must_be_unmapped(frame) ? GET(*count_of(frame)) : 0;

        if (leaves)
            panic_everywhere("stale translation: frame %#x in use as %s is freed, and %u entries "
                             "lead to it",
                             frame_to_pfn(frame), frame_use_name(frame->use), leaves);
    }
    check_many(first);
    check_books(frame_to_phys(first), PAGE_SIZE << order, "a frame is freed");
}

void tlb_check_init(void) {
    memset(books, 0, sizeof(books));
    memset(seats, 0, sizeof(seats));
    if (counts_init())
        frame_free_watch = check_block;
}

#endif
