/* SPDX-License-Identifier: MIT */
/*
 * A model processor: see model_cpu.h.
 */
#include "support/model_cpu.h"

#include "abi/errno.h"
#include "lib/bits.h"
#include "mm/frame.h"
#include "support/check.h"
#include "support/inject.h"
#include "support/mmu_model.h"
#include "vm/access.h"
#include "vm/explain.h"
#include "vm/fault.h"
#include "vm/space.h"

/* An access that faults this often in a row is never going to succeed. */
#define FAULTS_MAX 100

/* What a user's access may find: never memory that is free, a table's, or the kernel's. */
static void check_frame(paddr_t pa, unsigned access) {
    const struct frame *frame = phys_to_frame_checked(pa);

    CHECK(frame != NULL);
    if (frame->use != FRAME_ANON && frame->use != FRAME_FILE && frame->use != FRAME_SHMEM &&
        frame->use != FRAME_ZERO)
        FAIL("an access of %#llx reaches a frame in use as %s", (unsigned long long)pa,
             frame_use_name(frame->use));
    CHECK(frame_refs(frame) > 0);
    if (access & VM_WRITE)
        CHECK(frame->use != FRAME_ZERO);
}

/* ---- what an explanation says first, and what comes of it ---- */

static struct vm_verdict verdict_on(struct vm_space *space, uint64_t va, unsigned access) {
    struct vm_explanation explanation;

    vm_explain(space, va, &explanation);
    return explanation.verdicts[access & VM_WRITE  ? VM_EXPLAIN_WRITE
                                : access & VM_EXEC ? VM_EXPLAIN_EXEC
                                                   : VM_EXPLAIN_READ];
}

/* Whether the fault path counted what it was to come to, once, and nothing else. */
static bool is_counted(const struct vm_verdict *verdict, const uint64_t *before,
                       const uint64_t *after) {
    for (unsigned which = 0; which < VM_FAULT_CASES; which++) {
        uint64_t expected = which == verdict->which;

        if (which == VM_FAULT_STACK_GROWN)
            expected = verdict->grows_pages > 0;
        if (after[which] - before[which] != expected)
            return false;
    }
    return true;
}

/* Frames that hold pages. */
static uint64_t pages_now(void) {
    struct frame_stats stats;

    frame_stats_get(&stats);
    return stats.by_use[FRAME_ANON] + stats.by_use[FRAME_FILE] + stats.by_use[FRAME_SHMEM];
}

/* Whether the page's area has pages that were cut off without memory: who puts one in frees them.
 */
static bool has_void(struct vm_space *space, uint64_t va) {
    const struct vm_area *area = vm_area_look_up(&space->areas, va);

    return area && area->shadow && area->shadow->void_from != VM_SHADOW_NO_VOID;
}

/* A huge page comes only if there is memory for one. */
static bool is_taken(const struct vm_verdict *verdict, bool had_void, int64_t taken) {
    return taken == (int64_t)verdict->takes_pages ||
           (taken == 1 && verdict->reason == VM_REASON_NEW_HUGE_PAGE) ||
           (had_void && taken < (int64_t)verdict->takes_pages);
}

/*
 * A fault, which has to come to what an explanation says that it will. Where the pmap plays another
 * processor, or has no memory to enter a page that was made, a fault looks again, and finds that.
 */
static int cpu_fault(struct vm_space *space, uint64_t va, unsigned access) {
    uint64_t before[VM_FAULT_CASES], after[VM_FAULT_CASES];
    uint64_t liberties = mmu_liberties() + inject_count();
    struct vm_verdict verdict = verdict_on(space, va, access);
    bool had_void = has_void(space, va);
    uint64_t pages = pages_now();
    int error;

    vm_fault_counts(before);
    error = vm_fault(space, va, access | VM_USER);
    vm_fault_counts(after);
    if (error == -ENOMEM || (error == -ENOSPC && verdict.takes_pages > 0))
        return error;
    if (mmu_liberties() + inject_count() > liberties && (access & VM_WRITE) &&
        verdict.takes_pages > 0 && after[VM_FAULT_REUSE] > before[VM_FAULT_REUSE])
        verdict.which = VM_FAULT_REUSE;
    if (verdict.waits)
        CHECK(after[VM_FAULT_WAITED] > before[VM_FAULT_WAITED]);
    else if (error != verdict.error || !is_counted(&verdict, before, after) ||
             !is_taken(&verdict, had_void, (int64_t)(pages_now() - pages)))
        FAIL("an access %u of %#llx came to %d and took %lld, not to case %s (%s) with %d: %s",
             access, (unsigned long long)va, error, (long long)(pages_now() - pages),
             vm_fault_case_code(verdict.which), vm_fault_case_name(verdict.which), verdict.error,
             vm_reason_words(verdict.reason));
    return error;
}

/* An access that needed no fault is one that the entry allows; asked now and then. */
static void check_allowed(struct vm_space *space, uint64_t va, unsigned access) {
    static unsigned asked;

    if (asked++ % 16 == 0)
        CHECK(verdict_on(space, va, access).is_allowed);
}

static int cpu_access(struct vm_space *space, uint64_t va, unsigned access, unsigned char **byte) {
    paddr_t pa;

    vm_space_activate(space);
    for (unsigned faults = 0; faults < FAULTS_MAX; faults++) {
        int error;

        if (mmu_translate(va, access, &pa)) {
            check_frame(pa, access);
            check_allowed(space, va, access);
            *byte = phys_to_virt(pa);
            return 0;
        }
        error = cpu_fault(space, va, access);
        if (error < 0)
            return error;
    }
    FAIL("an access %u of %#llx faults for ever", access, (unsigned long long)va);
}

int model_cpu_read(struct vm_space *space, uint64_t va, unsigned char *byte) {
    unsigned char *at;
    int error = cpu_access(space, va, VM_READ, &at);

    if (error == 0)
        *byte = *at;
    return error;
}

int model_cpu_fetch(struct vm_space *space, uint64_t va, unsigned char *byte) {
    unsigned char *at;
    int error = cpu_access(space, va, VM_EXEC, &at);

    if (error == 0)
        *byte = *at;
    return error;
}

int model_cpu_write(struct vm_space *space, uint64_t va, unsigned char byte) {
    unsigned char *at;
    int error = cpu_access(space, va, VM_WRITE, &at);

    if (error == 0)
        *at = byte;
    return error;
}

int model_cpu_read_page(struct vm_space *space, uint64_t va, const unsigned char **page) {
    unsigned char *at;
    int error = cpu_access(space, align_down(va, PAGE_SIZE), VM_READ, &at);

    if (error == 0)
        *page = at;
    return error;
}

int model_cpu_find(struct vm_space *space, uint64_t va, unsigned access, unsigned char **at) {
    return cpu_access(space, va, access, at);
}

void model_cpu_leave(void) {
    vm_space_activate(NULL);
}
