/* SPDX-License-Identifier: MIT */
/*
 * Counts of waits for locks; see contention.h.
 *
 * A class has a slot, found by its name's address and never given back; the same word at two
 * addresses has two, which are added when they are read. A processor changes its own counts only,
 * with interrupts off, since an interrupt may wait for a lock too.
 *
 * Nobody resets another's counts: each count says which epoch it is of, a reset begins a new one,
 * and what is of an older one counts as 0.
 */
#include "sync/contention.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "core/clock.h"
#include "core/cpu.h"
#include "lib/bits.h"
#include "lib/string.h"

#define OTHERS (CONTENTION_CLASSES - 1) /* the slot of all that found no other */

struct count {
    _Atomic uint64_t epoch; /* the rest is valid if it is the present one */
    _Atomic uint64_t waits, waited_ns, longest_ns;
};

static const char *_Atomic names[CONTENTION_CLASSES] = {[OTHERS] = "(others)"}; /* set once */
static _Atomic uint64_t epoch;

static struct {
    struct count counts[CONTENTION_CLASSES];
} __attribute__((aligned(64))) processors[CPU_MAX];

static uint64_t get(const _Atomic uint64_t *value) {
    return atomic_load_explicit(value, memory_order_relaxed);
}

static void set(_Atomic uint64_t *value, uint64_t number) {
    atomic_store_explicit(value, number, memory_order_relaxed);
}

/* Whether slot i is the name's; it is from now on if it was nobody's. */
static bool slot_is(unsigned i, const char *name) {
    const char *there = atomic_load_explicit(&names[i], memory_order_relaxed);

    if (!there && atomic_compare_exchange_strong(&names[i], &there, name))
        return true;
    return there == name;
}

static unsigned slot_of(const char *name) {
    unsigned start = (unsigned)((uintptr_t)name / 4 % OTHERS);

    for (unsigned i = 0; i < OTHERS; i++) {
        unsigned slot = (start + i) % OTHERS;

        if (slot_is(slot, name))
            return slot;
    }
    return OTHERS;
}

static void count_begin(struct count *count, uint64_t present) {
    set(&count->waits, 0);
    set(&count->waited_ns, 0);
    set(&count->longest_ns, 0);
    atomic_store_explicit(&count->epoch, present, memory_order_release);
}

void contention_note(const char *name, uint64_t waited_ns) {
    uint64_t present = get(&epoch);
    irq_flags_t flags = irq_save();
    struct count *count = &processors[cpu_index()].counts[slot_of(name)];

    if (get(&count->epoch) != present)
        count_begin(count, present);
    set(&count->waits, get(&count->waits) + 1);
    set(&count->waited_ns, get(&count->waited_ns) + waited_ns);
    set(&count->longest_ns, MAX(get(&count->longest_ns), waited_ns));
    irq_restore(flags);
}

uint64_t contention_start(uint64_t unused, uint64_t unused_too) {
    (void)unused, (void)unused_too;
    return clock_monotonic_ns() | 1;
}

uint64_t contention_stop(uint64_t name, uint64_t begin) {
    uint64_t now = clock_monotonic_ns();

    contention_note((const char *)(uintptr_t)name, now > begin ? now - begin : 0);
    return 0;
}

void contention_reset(void) {
    atomic_fetch_add(&epoch, 1);
}

/* ---- reading ---- */

static void add(struct contention *to, const struct contention *more) {
    to->waits += more->waits;
    to->waited_ns += more->waited_ns;
    to->longest_ns = MAX(to->longest_ns, more->longest_ns);
}

/* What all processors counted in a slot. */
static struct contention slot_total(unsigned slot) {
    struct contention total = {.name = atomic_load_explicit(&names[slot], memory_order_relaxed)};

    for (unsigned i = 0; total.name && i < cpu_count(); i++) {
        const struct count *count = &processors[i].counts[slot];
        uint64_t of = atomic_load_explicit(&count->epoch, memory_order_acquire);

        if (of == get(&epoch))
            add(&total, &(struct contention){NULL, get(&count->waits), get(&count->waited_ns),
                                             get(&count->longest_ns)});
    }
    return total;
}

/* Puts a class where its number of waits belongs, behind those with as many. */
static void insert(struct contention *classes, size_t count, const struct contention *new) {
    size_t at = count;

    for (; at > 0 && classes[at - 1].waits < new->waits; at--)
        classes[at] = classes[at - 1];
    classes[at] = *new;
}

/* Takes the class of that name out, if it is there, and adds it to total. */
static size_t take_out(struct contention *classes, size_t count, struct contention *total) {
    size_t at = 0;

    while (at < count && strcmp(classes[at].name, total->name) != 0)
        at++;
    if (at == count)
        return count;
    add(total, &classes[at]);
    for (count--; at < count; at++)
        classes[at] = classes[at + 1];
    return count;
}

size_t contention_get(struct contention classes[CONTENTION_CLASSES]) {
    size_t count = 0;

    for (unsigned slot = 0; slot < CONTENTION_CLASSES; slot++) {
        struct contention total = slot_total(slot);

        if (total.waits == 0)
            continue;
        count = take_out(classes, count, &total);
        insert(classes, count++, &total);
    }
    return count;
}
