/* SPDX-License-Identifier: MIT */
/*
 * Calls between processors; see cpu_call.h.
 *
 * Each processor has one call under way at most: it waits for it. The call lies in its own record;
 * whom it concerns finds its bit in `callers`, does what the record says, and takes its own bit out
 * of the record's `waiting`. The order is: record, waiting, callers, interrupt; and back.
 *
 * docs/models/shootdown.pml is this protocol, with the translations it is there for.
 */
#include "sync/cpu_call.h"

#include <stdatomic.h>

#include "core/cpu.h"
#include "core/panic.h"
#include "core/processors.h"
#include "lib/bits.h"
#include "sync/patience.h"
#include "sync/spinlock.h"

struct call {
    _Atomic uint64_t waiting; /* processors that have not done it yet */
    void (*fn)(void *arg);    /* constant while waiting is not 0 */
    void *arg;
} __attribute__((aligned(64)));

struct inbox {
    _Atomic uint64_t callers; /* processors whose record has something for this one */
} __attribute__((aligned(64)));

static struct call calls[CPU_MAX];
static struct inbox inboxes[CPU_MAX];

/* Never taken: its rank says which locks may be held by who calls. */
static struct spinlock call_rank = SPINLOCK_INIT("a call to other processors", LOCK_RANK_CPU_CALL);

uint64_t cpus_running(void) {
    unsigned count = cpu_count();

    return count >= 64 ? UINT64_MAX : (1ull << count) - 1;
}

static void answer(unsigned caller, uint64_t own_bit) {
    struct call *call = &calls[caller];

    call->fn(call->arg);
    atomic_fetch_and_explicit(&call->waiting, ~own_bit, memory_order_release);
}

void cpu_call_answer(void) {
    irq_flags_t flags = irq_save();
    unsigned self = cpu_index();
    uint64_t callers = atomic_load_explicit(&inboxes[self].callers, memory_order_relaxed);

    if (callers)
        callers = atomic_exchange_explicit(&inboxes[self].callers, 0, memory_order_acquire);
    for (; callers; callers &= callers - 1)
        answer((unsigned)__builtin_ctzll(callers), cpu_mask());
    irq_restore(flags);
}

static void call_is_unanswered(const struct call *call) {
    uint64_t waiting = atomic_load_explicit(&call->waiting, memory_order_relaxed);

    if (waiting)
        panic_everywhere("hung processor: %u does not answer", (unsigned)__builtin_ctzll(waiting));
}

void cpu_call(uint64_t cpus, void (*fn)(void *arg), void *arg) {
    unsigned self = cpu_index();
    struct call *call = &calls[self];
    struct patience patience = {0};

    cpus &= cpus_running() & ~cpu_mask();
    if (!cpus)
        return;
    spin_note_lock(&call_rank, false);
    call->fn = fn;
    call->arg = arg;
    atomic_store_explicit(&call->waiting, cpus, memory_order_relaxed);
    for (uint64_t left = cpus; left; left &= left - 1) {
        unsigned index = (unsigned)__builtin_ctzll(left);

        atomic_fetch_or_explicit(&inboxes[index].callers, cpu_mask(), memory_order_release);
        processor_answer(index);
    }
    while (atomic_load_explicit(&call->waiting, memory_order_acquire)) {
        cpu_call_answer();
        cpu_relax();
        if (patience_is_over(&patience))
            call_is_unanswered(call);
    }
    spin_note_unlock(&call_rank);
}
