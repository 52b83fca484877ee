/* SPDX-License-Identifier: MIT */
/*
 * The world's mremap, madvise, mlock family, population and mincore. See world.h.
 *
 * How far an area reaches is the kernel's to know: which neighbours are one depends on what they
 * have been through. So where a call asks for one area, the kernel's is looked at.
 */
#include "abi/errno.h"
#include "lib/bits.h"
#include "support/check.h"
#include "support/world_private.h"
#include "vm/advise.h"
#include "vm/lock.h"
#include "vm/map.h"
#include "vm/remap.h"

static uint64_t range_bytes(struct naive_range range) {
    return (range.end - range.start) * PAGE_SIZE;
}

/* ---- mremap ---- */

struct remap_call {
    struct process *process;
    unsigned page, target, old_pages, new_pages; /* of the window; lengths */
    unsigned area_end;                           /* where the area at page ends; page: no area */
    struct vm_remap_request request;
    uint64_t address; /* the answer */
};

static int call_remap(void *arg) {
    struct remap_call *call = arg;

    return vm_remap(call->process->space, &call->request, &call->address);
}

static bool has_target(const struct remap_call *call) {
    return call->request.flags & (VM_REMAP_FIXED | VM_REMAP_KEEP);
}

/* Where the kernel puts what may go anywhere, in bytes; it may be below the window. */
static uint64_t chosen_place(const struct remap_call *call) {
    const struct naive_space *naive = &call->process->naive;
    struct naive_range wish = {call->target, call->target + call->new_pages};

    if (has_target(call) && (wish.end <= NAIVE_PAGES && naive_range_is_clear(naive, wish)))
        return naive_address(call->target);
    return naive_highest_gap(naive, call->new_pages);
}

/* What is wrong with a move to a given place, whatever is mapped. */
static int target_error(const struct remap_call *call) {
    bool keep = call->request.flags & VM_REMAP_KEEP;

    if (!(call->request.flags & VM_REMAP_MAY_MOVE) || (keep && call->old_pages != call->new_pages))
        return -EINVAL;
    if (call->target < call->page + call->old_pages && call->page < call->target + call->new_pages)
        return -EINVAL;
    return call->target == call->page ? -EFAULT : 0;
}

/* What is wrong with making new_pages of the first `kept` pages. */
static int resize_error(const struct remap_call *call, unsigned kept) {
    const struct naive_page *page = &call->process->naive.pages[call->page];

    if (kept == 0 && page->backing != NAIVE_SHARED_OBJECT)
        return -EINVAL;
    return kept > call->area_end - call->page ? -EFAULT : 0;
}

static bool grows_in_place(const struct remap_call *call) {
    const struct naive_range behind = {call->page + call->old_pages, call->page + call->new_pages};

    return call->old_pages > 0 && call->area_end == behind.start &&
           naive_range_is_free(&call->process->naive, behind);
}

/* What the call has to answer; 0 with *address. */
static int expected_remap(const struct remap_call *call, uint64_t *address) {
    int error = has_target(call) ? target_error(call) : 0;

    if (error == 0 && call->area_end == call->page)
        error = -EFAULT;
    if (error < 0)
        return error;
    *address = naive_address(call->page);
    if (has_target(call)) {
        error = resize_error(call, MIN(call->old_pages, call->new_pages));
        *address =
            call->request.flags & VM_REMAP_FIXED ? naive_address(call->target) : chosen_place(call);
        return error;
    }
    if (call->new_pages <= call->old_pages)
        return 0;
    error = resize_error(call, call->old_pages);
    if (error < 0 || grows_in_place(call))
        return error;
    *address = chosen_place(call);
    return call->request.flags & VM_REMAP_MAY_MOVE ? 0 : -ENOMEM;
}

/* What went below the window is gone as far as the world is concerned. */
static void lose(struct remap_call *call) {
    struct naive_space *naive = &call->process->naive;
    const struct naive_range from = {call->page, call->page + call->old_pages};

    CHECK_EQ(vm_unmap(call->process->space, call->address, call->new_pages * PAGE_SIZE), 0);
    if (!(call->request.flags & VM_REMAP_KEEP)) {
        naive_unmap(naive, from);
        return;
    }
    naive_advise(naive, from, NAIVE_DONT_NEED_LOCKED);
    naive_lock(naive, from, 0);
}

/* Does to the model what has been done to the kernel. */
static void model_remap(struct remap_call *call) {
    struct naive_space *naive = &call->process->naive;
    unsigned end = call->page + call->old_pages;
    struct naive_move move = {
        .from = {call->page, end},
        .new_pages = call->new_pages,
        .keep = call->request.flags & VM_REMAP_KEEP,
    };

    if (call->address < NAIVE_START) {
        lose(call);
        return;
    }
    move.to = (unsigned)((call->address - NAIVE_START) / PAGE_SIZE);
    if (move.to != call->page || call->old_pages == 0)
        naive_move(naive, &move);
    else if (call->new_pages > call->old_pages)
        naive_extend(naive, (struct naive_range){end, call->page + call->new_pages});
    else
        naive_unmap(naive, (struct naive_range){call->page + call->new_pages, end});
}

/* Lengths: mostly inside the area, now and then all of it, beyond it, or nothing. */
static void choose_lengths(struct remap_call *call, const struct operation *op) {
    unsigned room = MAX(1u, call->area_end - call->page);
    unsigned most = NAIVE_PAGES - MAX(call->page, call->target);

    call->old_pages = 1 + op->b % room;
    if (op->b >> 10 & 1)
        call->old_pages = room;
    else if ((op->b >> 11) % 8 == 0)
        call->old_pages = op->b >> 14 & 1 ? room + 1 + (op->b >> 15) % 5 : 0;
    call->old_pages = MIN(call->old_pages, NAIVE_PAGES - call->page);
    call->new_pages = MIN(1 + (op->b >> 18) % 40, most);
    if ((call->request.flags & VM_REMAP_KEEP) && op->b >> 30)
        call->new_pages = MAX(1u, MIN(call->old_pages, most));
}

void world_remap(struct process *process, const struct operation *op) {
    struct remap_call call = {.process = process, .target = (op->a >> 16) % NAIVE_PAGES};
    struct vm_area *area;
    uint64_t address = 0;
    int error;

    call.page = op->a % NAIVE_PAGES;
    if (op->c & 15)
        call.page = world_mapped_page(process, call.page);
    area = vm_area_find(&process->space->areas, naive_address(call.page));
    call.area_end = area ? (unsigned)((area->end - NAIVE_START) / PAGE_SIZE) : call.page;
    call.request.flags = (op->c >> 4 & 7 ? VM_REMAP_MAY_MOVE : 0) |
                         ((op->c >> 7) % 3 == 0 ? VM_REMAP_FIXED : 0) |
                         ((op->c >> 9) % 5 == 0 ? VM_REMAP_KEEP : 0);
    choose_lengths(&call, op);
    call.request.address = naive_address(call.page);
    call.request.old_length = call.old_pages * PAGE_SIZE;
    call.request.new_length = call.new_pages * PAGE_SIZE - op->c % 100;
    call.request.target = naive_address(call.target);
    error = expected_remap(&call, &address);
    CHECK_EQ(world_attempt(call_remap, &call), error);
    if (error < 0)
        return;
    CHECK_EQ(call.address, address);
    model_remap(&call);
}

/* ---- madvise ---- */

struct advise_call {
    struct process *process;
    struct naive_range range;
    enum vm_advice advice;
};

static int call_advise(void *arg) {
    const struct advise_call *call = arg;

    int error = vm_advise(call->process->space, naive_address(call->range.start),
                          range_bytes(call->range), call->advice);

    if (error == -ENOMEM && call->advice != VM_ADVICE_REMOVE)
        return -ENOENT;                        /* its word for a hole */
    return error == -EAGAIN ? -ENOMEM : error; /* and for no memory */
}

/* The kernel's name for an advice; those without an effect that programs see are many. */
static enum vm_advice kernel_advice(enum naive_advice advice, uint32_t number) {
    static const enum vm_advice names[NAIVE_ADVICE_COUNT] = {
        [NAIVE_DONT_NEED] = VM_ADVICE_DONT_NEED,
        [NAIVE_DONT_NEED_LOCKED] = VM_ADVICE_DONT_NEED_LOCKED,
        [NAIVE_FREE] = VM_ADVICE_FREE,
        [NAIVE_REMOVE] = VM_ADVICE_REMOVE,
        [NAIVE_DONT_FORK] = VM_ADVICE_DONT_FORK,
        [NAIVE_DO_FORK] = VM_ADVICE_DO_FORK,
        [NAIVE_WIPE] = VM_ADVICE_WIPE_ON_FORK,
        [NAIVE_KEEP] = VM_ADVICE_KEEP_ON_FORK,
    };
    static const enum vm_advice without_effect[] = {
        VM_ADVICE_NORMAL,    VM_ADVICE_RANDOM,  VM_ADVICE_SEQUENTIAL, VM_ADVICE_WILL_NEED,
        VM_ADVICE_DONT_DUMP, VM_ADVICE_DO_DUMP, VM_ADVICE_HUGE,       VM_ADVICE_NO_HUGE,
    };

    if (advice == NAIVE_COLD)
        return number & 1 ? VM_ADVICE_COLD : VM_ADVICE_PAGE_OUT;
    if (advice == NAIVE_NO_EFFECT)
        return without_effect[number % ARRAY_SIZE(without_effect)];
    return names[advice];
}

void world_advise(struct process *process, const struct operation *op) {
    /* Contents are forgotten often enough, and areas that no child gets are dull. */
    static const enum naive_advice drawn[] = {
        NAIVE_DONT_NEED, NAIVE_DONT_NEED, NAIVE_DONT_NEED_LOCKED, NAIVE_FREE,
        NAIVE_FREE,      NAIVE_COLD,      NAIVE_REMOVE,           NAIVE_DONT_FORK,
        NAIVE_WIPE,      NAIVE_DO_FORK,   NAIVE_DO_FORK,          NAIVE_KEEP,
        NAIVE_KEEP,      NAIVE_KEEP,      NAIVE_NO_EFFECT,        NAIVE_NO_EFFECT,
    };
    enum naive_advice advice = drawn[op->c % ARRAY_SIZE(drawn)];
    struct advise_call call = {process, world_range(op->a, op->b),
                               kernel_advice(advice, op->c >> 8)};

    int error = world_attempt(call_advise, &call);
    int expected = naive_advise(&process->naive, call.range, advice);

    CHECK_EQ(error, expected == -ENOMEM && advice != NAIVE_REMOVE ? -ENOENT : expected);
}

/* ---- the mlock family ---- */

struct lock_call {
    struct process *process;
    struct naive_range range;
    unsigned flags;  /* VM_LOCK_* */
    uint64_t inside; /* bytes that the range begins and ends off the page edges */
};

static int call_lock(void *arg) {
    const struct lock_call *call = arg;

    return vm_lock(call->process->space, naive_address(call->range.start) + call->inside,
                   range_bytes(call->range) - 2 * call->inside, call->flags);
}

static int call_unlock(void *arg) {
    const struct lock_call *call = arg;

    return vm_unlock(call->process->space, naive_address(call->range.start) + call->inside,
                     range_bytes(call->range) - 2 * call->inside);
}

/* What the kernel's flags are in the model. */
static uint8_t naive_flags(unsigned flags) {
    return NAIVE_LOCKED | (flags & VM_LOCK_ON_FAULT ? NAIVE_ON_FAULT : 0);
}

static void lock_all(struct process *process, unsigned flags) {
    struct naive_space *naive = &process->naive;

    CHECK_EQ(vm_lock_all(process->space, flags),
             flags & (VM_LOCK_CURRENT | VM_LOCK_FUTURE) ? 0 : -EINVAL);
    if (!(flags & (VM_LOCK_CURRENT | VM_LOCK_FUTURE)))
        return;
    naive->future_flags = flags & VM_LOCK_FUTURE ? naive_flags(flags) : 0;
    for (unsigned i = 0; i < NAIVE_PAGES && (flags & VM_LOCK_CURRENT); i++)
        naive_lock(naive, (struct naive_range){i, i + 1}, naive_flags(flags));
}

static void unlock_all(struct process *process) {
    process->naive.future_flags = 0;
    vm_unlock_all(process->space);
    for (unsigned i = 0; i < NAIVE_PAGES; i++)
        naive_lock(&process->naive, (struct naive_range){i, i + 1}, 0);
}

void world_lock(struct process *process, const struct operation *op) {
    struct lock_call call = {process, world_range(op->a, op->b), op->c & VM_LOCK_ON_FAULT,
                             op->c % PAGE_SIZE / 3};
    struct naive_space *naive = &process->naive;

    switch ((op->c >> 12) % 16) {
    case 0:
        lock_all(process, op->c >> 16 & 7);
        break;
    case 1:
    case 2:
        unlock_all(process);
        break;
    case 3:
    case 4:
    case 5:
    case 6:
        CHECK_EQ(world_attempt(call_lock, &call),
                 naive_lock(naive, call.range, naive_flags(call.flags)));
        break;
    default:
        CHECK_EQ(world_attempt(call_unlock, &call), naive_lock(naive, call.range, 0));
    }
}

/* ---- population ---- */

struct populate_call {
    struct process *process;
    struct vm_populate populate;
    uint64_t end;
    unsigned next; /* page: the model has been told of those before */
};

/* Tells the model of the pages that have come in. */
static void model_populated(struct populate_call *call) {
    struct naive_space *naive = &call->process->naive;
    unsigned end = (unsigned)((call->populate.at - NAIVE_START) / PAGE_SIZE);

    for (; call->next < end; call->next++) {
        int access = naive_populate_access(naive, call->next, call->populate.mode);

        CHECK(access >= 0);
        if (access == 0)
            continue;
        CHECK_EQ(naive_access(naive, call->next, (unsigned)access), 0);
        if (access == VM_WRITE) {
            world_look_for_huge_page(call->process, call->next);
            naive_bytes_to_write(naive, call->next);
        }
    }
}

static int step(void *arg) {
    struct populate_call *call = arg;

    return vm_populate(call->process->space, &call->populate);
}

/* Populates to the end or to what stops it. Where memory may fail page by page, so that one that
 * fails late is known to be that one. */
static int call_populate(void *arg) {
    struct populate_call *call = arg;
    uint64_t chunk = world_may_fail() ? PAGE_SIZE : call->end;
    int more;

    do {
        call->populate.end = MIN(call->end, call->populate.at + chunk);
        more = world_touch_page(call->process, call->next, step, call);
        model_populated(call);
        if (more == 0)
            more = call->populate.at < call->end;
    } while (more > 0);
    return more;
}

/* What stops at the page where the call stopped. */
static int stopper(const struct populate_call *call) {
    const struct naive_space *naive = &call->process->naive;
    int access;

    if (call->populate.at == call->end)
        return 0;
    access = naive_populate_access(naive, call->next, call->populate.mode);
    if (access <= 0)
        return access;
    return naive_access(naive, call->next, (unsigned)access) < 0 ? -EFAULT : 0;
}

void world_populate(struct process *process, const struct operation *op) {
    struct naive_range range = world_range(world_mapped_page(process, op->a % NAIVE_PAGES), op->b);
    struct populate_call call = {
        .process = process,
        .populate = {.at = naive_address(range.start), .mode = op->c % 4},
        .end = naive_address(range.end),
        .next = range.start,
    };
    int error = world_attempt(call_populate, &call);

    CHECK_EQ(error, stopper(&call));
    CHECK(error < 0 || call.populate.at == call.end);
}

/* ---- mincore ---- */

void world_resident(struct process *process, const struct operation *op) {
    struct naive_range range = world_range(op->a, op->b);
    const struct naive_space *naive = &process->naive;
    uint8_t vector[NAIVE_PAGES];
    unsigned i = range.start;
    int error =
        vm_resident(process->space, naive_address(range.start), range.end - range.start, vector);

    while (i < range.end && naive->pages[i].mapped)
        i++;
    CHECK_EQ(error, i < range.end ? -ENOMEM : 0);
    for (i = range.start; i < range.end && error == 0; i++)
        CHECK(!naive->pages[i].bytes || vector[i - range.start] == 1);
}
