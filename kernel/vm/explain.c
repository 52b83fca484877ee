/* SPDX-License-Identifier: MIT */
/*
 * Explaining an address: see explain.h. First the facts are gathered, layer by layer, then each
 * kind of access is judged by them, in the order in which fault.c decides.
 */
#include "vm/explain.h"

#include "abi/errno.h"
#include "core/assert.h"
#include "lib/bits.h"
#include "vm/commit.h"
#include "vm/huge.h"
#include "vm/space_lock.h"

/* The highest address of the user's half, and what is above it as the processor sees it. */
#define HALF_BYTES (1ull << 47)

static const char *const reason_words[VM_REASONS] = {
#define VM_REASON(name, words) words,
#include "vm/reasons.def"
#undef VM_REASON
};

static const char *const case_codes[VM_FAULT_CASES] = {
    [VM_FAULT_NO_AREA] = "0",       [VM_FAULT_FORBIDDEN] = "0",     [VM_FAULT_STALE] = "1",
    [VM_FAULT_SHARED] = "2",        [VM_FAULT_READ_PRIVATE] = "3R", [VM_FAULT_READ_OBJECT] = "3R",
    [VM_FAULT_READ_ZERO] = "3R",    [VM_FAULT_REUSE] = "3Wa",       [VM_FAULT_COPY] = "3Wb",
    [VM_FAULT_COPY_OBJECT] = "3Wc", [VM_FAULT_ZERO_FILL] = "3Wd",   [VM_FAULT_WAITED] = "4",
    [VM_FAULT_STACK_GROWN] = "0",
};

const char *vm_reason_words(enum vm_reason reason) {
    return reason_words[reason];
}

const char *vm_fault_case_code(enum vm_fault_case which) {
    return case_codes[which];
}

/* An explanation under way. */
struct look {
    struct vm_space *space;
    struct vm_area *area; /* that the access meets: there, or a stack that grows; NULL: none */
    uint64_t va;          /* of the page */
    paddr_t object_pa;    /* VM_NO_PAGE: it has none */
    struct vm_explanation *out;
};

/* ---- facts ---- */

static struct vm_range range_of(const struct vm_area *area) {
    return (struct vm_range){area->start, area->end};
}

/* Where there is no area: what lies around, and whether a stack would grow. */
static void look_at_gap(struct look *look) {
    struct vm_explanation *out = look->out;
    struct vm_area *above = vm_area_find_from(&look->space->areas, look->va);
    struct vm_area *below = above ? vm_area_prev(above) : look->space->areas.last;

    out->has_above = above;
    if (above)
        out->above = range_of(above);
    out->has_below = below;
    if (below)
        out->below = range_of(below);
    out->stack = vm_stack_may_grow(look->space, look->va);
    if (out->stack == VM_STACK_GROWS)
        look->area = above;
}

static void look_at_area(struct look *look) {
    const struct vm_area *area = look->area;
    struct vm_explanation *out = look->out;

    out->area = (struct vm_area_info){
        .start = area->start,
        .end = area->end,
        .prot = area->prot,
        .max_prot = area->max_prot,
        .flags = area->flags,
        .offset_bytes = area->object ? area->offset_pages << PAGE_SHIFT : 0,
        .huge_eligible = vm_huge_is_eligible(area),
    };
    /* Of a stack that has yet to grow, too. */
    out->index = area->offset_pages - ((area->start - look->va) >> PAGE_SHIFT);
    if (look->va >= area->start)
        out->index = vm_area_index(area, look->va);
}

/* To be asked for a page to read, an object makes none. */
static void look_at_object(struct look *look) {
    struct vm_object *object = look->area->object;
    struct vm_explanation *out = look->out;
    const struct vm_area *area;

    spin_lock(&object->lock);
    out->object_kind = object->ops->kind;
    out->object_bytes = object->size_bytes;
    out->is_beyond_end = out->index >= div_round_up(object->size_bytes, PAGE_SIZE);
    LIST_FOR_EACH (&object->areas, area, link)
        out->object_areas++;
    if (!out->is_beyond_end)
        out->object_error = object->ops->get_page(object, out->index, VM_READ, &look->object_pa);
    spin_unlock(&object->lock);
    out->object_has_page = out->object_error == 0 && look->object_pa != VM_NO_PAGE;
}

static void look_at_shadow(struct look *look) {
    const struct vm_shadow *shadow = look->area->shadow;
    struct vm_explanation *out = look->out;

    out->has_shadow = true;
    if (out->index >= shadow->void_from)
        return;
    page_tree_way(&shadow->tree, out->index, &out->way);
    out->is_alone = out->way.frame && frame_refs(out->way.frame) == 1;
    for (unsigned i = 0; i < out->way.nodes; i++)
        out->is_alone &= out->way.refs[i] == 1;
}

static void look_at_table(struct look *look) {
    struct vm_explanation *out = look->out;
    struct pmap *pmap = look->space->pmap;

    pmap_lookup(pmap, look->va, &out->entry);
    out->step_count = pmap_walk(pmap, look->va, out->steps);
}

static void look_at_frame(struct look *look) {
    struct vm_explanation *out = look->out;
    const struct frame *frame;

    if (out->way.frame)
        out->frame = frame_to_phys(out->way.frame);
    else if (out->object_has_page)
        out->frame = look->object_pa;
    else if (out->entry.present)
        out->frame = out->entry.pa;
    else
        return;
    out->has_frame = true;
    frame = phys_to_frame_checked(out->frame);
    out->has_record = frame && frame->use != FRAME_RESERVED;
    if (!out->has_record)
        return;
    out->use = (enum frame_use)frame->use;
    out->refs = frame_refs(frame);
    out->is_of_run = frame_is_of_run(frame);
}

static void look_at_all(struct look *look) {
    look->area = vm_area_look_up(&look->space->areas, look->va);
    look->out->has_area = look->area;
    if (!look->area)
        look_at_gap(look);
    if (look->area)
        look_at_area(look);
    if (look->area && look->area->object)
        look_at_object(look);
    if (look->area && look->area->shadow)
        look_at_shadow(look);
    look_at_table(look);
    look_at_frame(look);
}

/* ---- verdicts ---- */

static void refuse(struct vm_verdict *verdict, enum vm_fault_case which, int error,
                   enum vm_reason reason) {
    verdict->which = which;
    verdict->error = error;
    verdict->reason = reason;
}

static void repair(struct vm_verdict *verdict, enum vm_fault_case which, enum vm_reason reason) {
    refuse(verdict, which, 0, reason);
}

/* Case 0, where no area is: the reason is what of the stack above, if there is one. */
static enum vm_reason reason_for_gap(const struct look *look) {
    static const enum vm_reason of_stack[] = {
        [VM_STACK_GROWS] = VM_REASON_STACK_PROMISE,
        [VM_STACK_NONE] = VM_REASON_NO_AREA,
        [VM_STACK_TOO_LOW] = VM_REASON_TOO_LOW,
        [VM_STACK_NEIGHBOUR] = VM_REASON_STACK_NEIGHBOUR,
        [VM_STACK_INDEXES] = VM_REASON_STACK_INDEXES,
        [VM_STACK_LIMIT] = VM_REASON_STACK_LIMIT,
        [VM_STACK_SPACE] = VM_REASON_STACK_SPACE,
        [VM_STACK_LOCKED] = VM_REASON_STACK_LOCKED,
    };

    if (look->va < USER_MIN)
        return VM_REASON_NULL_PAGE;
    if (look->va < vm_lowest_address())
        return VM_REASON_TOO_LOW;
    return of_stack[look->out->stack];
}

/* Case 0, and a stack that grows. True: the access is over. */
static bool judge_area(const struct look *look, unsigned access, struct vm_verdict *verdict) {
    const struct vm_area *area = look->area;
    uint64_t grows = area && !look->out->has_area ? (area->start - look->va) >> PAGE_SHIFT : 0;
    unsigned missing;

    if (!area || (grows && (area->flags & VM_AREA_ACCOUNTED) && !vm_commit_would(grows))) {
        refuse(verdict, VM_FAULT_NO_AREA, -EFAULT, reason_for_gap(look));
        return true;
    }
    verdict->grows_pages = grows;
    missing = access & ~vm_area_grants(area);
    if (!missing)
        return false;
    refuse(verdict, VM_FAULT_FORBIDDEN, -EACCES,
           !area->prot          ? VM_REASON_NO_RIGHTS
           : missing & VM_WRITE ? VM_REASON_NO_WRITE
                                : VM_REASON_NO_EXEC);
    return true;
}

/* The object's page is wanted: read or made, if there is to be one. */
static void judge_object(const struct look *look, enum vm_fault_case which,
                         struct vm_verdict *verdict) {
    const struct vm_explanation *out = look->out;

    repair(verdict, which, VM_REASON_OBJECT_PAGE);
    if (which == VM_FAULT_SHARED)
        verdict->reason = out->object_has_page ? VM_REASON_SHARED_PAGE : VM_REASON_SHARED_NEW_PAGE;
    else if (which == VM_FAULT_COPY_OBJECT)
        verdict->reason = VM_REASON_OVER_OBJECT;
    else if (!out->object_has_page)
        verdict->reason = VM_REASON_OBJECT_NEW_PAGE;
    verdict->takes_pages = which == VM_FAULT_COPY_OBJECT;
    if (out->object_error == -EAGAIN)
        verdict->waits = true;
    else if (out->object_error < 0)
        refuse(verdict, which, out->object_error, VM_REASON_UNREADABLE);
    else
        verdict->takes_pages += !out->object_has_page;
}

/* Cases 3R and 3W where the space has no page of its own. */
static void judge_below(const struct look *look, unsigned access, struct vm_verdict *verdict) {
    const struct vm_area *area = look->area;
    bool write = access & VM_WRITE;

    if (area->object) {
        judge_object(look, write ? VM_FAULT_COPY_OBJECT : VM_FAULT_READ_OBJECT, verdict);
        return;
    }
    repair(verdict, VM_FAULT_READ_ZERO, VM_REASON_ZEROES);
    if (!write)
        return;
    repair(verdict, VM_FAULT_ZERO_FILL, VM_REASON_NEW_PAGE);
    verdict->takes_pages = 1;
    if (vm_huge_fits(area, look->va) && vm_huge_is_possible(area, look->va)) {
        verdict->reason = VM_REASON_NEW_HUGE_PAGE;
        verdict->takes_pages = FRAME_RUN_FRAMES;
    }
}

/* Cases 3R and 3W. */
static void judge_private(const struct look *look, unsigned access, struct vm_verdict *verdict) {
    const struct vm_explanation *out = look->out;
    bool alone = out->is_alone;

    if (look->area->object && out->is_beyond_end) {
        refuse(verdict, VM_FAULT_NO_AREA, -ENXIO, VM_REASON_BEYOND_END);
    } else if (!out->way.frame) {
        judge_below(look, access, verdict);
    } else if (!(access & VM_WRITE)) {
        repair(verdict, VM_FAULT_READ_PRIVATE, alone ? VM_REASON_OWN_PAGE : VM_REASON_SEEN_PAGE);
    } else if (alone) {
        repair(verdict, VM_FAULT_REUSE, VM_REASON_ALONE);
    } else {
        repair(verdict, VM_FAULT_COPY, VM_REASON_SEEN);
        verdict->takes_pages = 1;
    }
}

/* The page that an access finds, and enters; VM_NO_PAGE: one that is yet to be made. */
static paddr_t page_of(const struct look *look, enum vm_fault_case which) {
    switch (which) {
    case VM_FAULT_READ_PRIVATE:
    case VM_FAULT_REUSE:
        return frame_to_phys(look->out->way.frame);
    case VM_FAULT_READ_ZERO:
        return frame_to_phys(vm_zero_frame());
    case VM_FAULT_SHARED:
    case VM_FAULT_READ_OBJECT:
        return look->object_pa;
    default:
        return VM_NO_PAGE;
    }
}

static void judge(const struct look *look, unsigned access, struct vm_verdict *verdict) {
    const struct pmap_entry *entry = &look->out->entry;

    *verdict = (struct vm_verdict){0};
    if (look->space->is_reaped) {
        refuse(verdict, VM_FAULT_NO_AREA, -EFAULT, VM_REASON_REAPED);
        return;
    }
    if (judge_area(look, access, verdict))
        return;
    if (!(look->area->flags & VM_AREA_SHARED))
        judge_private(look, access, verdict);
    else if (look->out->is_beyond_end)
        refuse(verdict, VM_FAULT_SHARED, -ENXIO, VM_REASON_BEYOND_END);
    else
        judge_object(look, VM_FAULT_SHARED, verdict);
    /* Case 1. An entry that leads elsewhere has been left behind by nobody: see vm/pmap.h. */
    if (entry->present && !(access & ~entry->access) && verdict->error == 0 && !verdict->waits &&
        entry->pa == page_of(look, verdict->which)) {
        repair(verdict, VM_FAULT_STALE, VM_REASON_ENTRY_ALLOWS);
        verdict->is_allowed = true;
    }
}

/* ---- both ---- */

/* Nothing is ever mapped from USER_END on. */
static void explain_outside(struct vm_explanation *out) {
    uint64_t address = out->address;
    enum vm_reason reason = address < HALF_BYTES     ? VM_REASON_LAST_PAGE
                            : address >= -HALF_BYTES ? VM_REASON_KERNEL_HALF
                                                     : VM_REASON_NOT_CANONICAL;

    for (unsigned i = 0; i < VM_EXPLAIN_ACCESSES; i++)
        refuse(&out->verdicts[i], VM_FAULT_NO_AREA, -EFAULT, reason);
}

static struct vm_object *explain_locked(struct look *look) {
    static const unsigned accesses[VM_EXPLAIN_ACCESSES] = {VM_READ, VM_WRITE, VM_EXEC};
    struct vm_object *object;

    DEBUG_ASSERT(spin_held(&look->space->lock));
    look_at_all(look);
    for (unsigned i = 0; i < VM_EXPLAIN_ACCESSES; i++)
        judge(look, accesses[i], &look->out->verdicts[i]);
    object = look->area ? look->area->object : NULL;
    if (object)
        vm_object_ref(object);
    return object;
}

void vm_explain(struct vm_space *space, uint64_t address, struct vm_explanation *explanation) {
    struct look look = {
        .space = space,
        .va = align_down(address, PAGE_SIZE),
        .object_pa = VM_NO_PAGE,
        .out = explanation,
    };
    struct vm_object *object;

    *explanation = (struct vm_explanation){.address = address, .is_user = address < USER_END};
    if (!explanation->is_user) {
        explain_outside(explanation);
        return;
    }
    vm_space_lock_beside(space, VM_RANGE_NONE);
    object = explain_locked(&look);
    vm_space_unlock(space);
    if (!object)
        return;
    vm_object_describe(object, &explanation->area.identity);
    vm_object_unref(object);
}
