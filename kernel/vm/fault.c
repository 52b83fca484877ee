/* SPDX-License-Identifier: MIT */
/*
 * Page faults.
 *
 * An access failed, or somebody wants to make one: find the area, find the page, tell the pmap.
 * The truth (areas, objects, shadows) decides; what the pmap holds only saves asking.
 *
 *   case                                                          what is done
 *   0    no area here (and no stack to grow), or it forbids it    -EFAULT, -EACCES
 *   2    shared      the object's page                            entered with the area's rights
 *   3R   private,    in the shadow                                that page; writable if ours alone
 *        read        in the object below                          that page, not writable
 *                    nowhere                                      the zero frame, not writable
 *   3W   private,    a  in the shadow, only ours                  made writable, nothing copied
 *        write       b  in the shadow, seen by others             copied
 *                    c  in the object below                       copied into the shadow
 *                    d  nowhere                                   a zeroed frame into the shadow
 *   4    the page must come from a device                         wait without locks, look again
 *
 * Case 1, "the table was only behind the truth", is not a branch: whatever is found is entered
 * again. It is counted when the pmap already had all that was asked for (another processor was
 * faster, or a right was added without a flush).
 *
 * Order when a page is replaced (3Wb, 3Wc): the new frame is made and filled; the shadow's path is
 * un-shared and the frame put in; the pmap is led to it. Then the old frame, which nothing of ours
 * maps any more, loses our reference. If the pmap has no memory for the entry, it forgets the page
 * instead, which is never wrong, and the fault fails with the contents as they were.
 *
 * Huge pages (huge.c) are a matter of cases 3Wd, which may make one, and 3R and 3Wa, which may find
 * one whose leaf is missing or too weak. A copy (3Wb) is of 4 KiB always.
 *
 * Locks: either the fault has the space alone; or, in a space of several tasks, it goes on together
 * with others (vm/space_lock.h): then areas, shadows and the shape of page trees and tables are as
 * they are, and it changes only its own page: it claims the entry, puts a frame into an empty slot
 * (the first one wins) or in place of one that the claim keeps for it, and enters it. What takes
 * more, or goes wrong, is made again alone. An object's lock comes inside either. Nothing sleeps
 * but case 4, which holds none.
 *
 * Alternatives considered: counting the pmap's entries as references (then a fork or an unmap has
 * to touch a count for each page); chains of shadows (then finding a page gets slower with each
 * generation, and collapsing them is the hardest code of the systems that have them).
 */
#include "vm/fault.h"

#include "abi/errno.h"
#include "core/assert.h"
#include "core/trace.h"
#include "lib/bits.h"
#include "mm/page_clear.h"
#include "vm/check.h"
#include "vm/huge.h"
#include "vm/pmap.h"
#include "vm/space_lock.h"
#include "vm/stack.h"
#include "vm/trace_vm.h"

/* Of both ways that a fault may go, each compiled by itself: see "Locks". */
#define TOGETHER inline __attribute__((always_inline))

/* A read fault maps what an object has in memory in an aligned window of this many pages. */
#define AROUND_PAGES 16u

/* One fault on its way. */
struct fault {
    struct vm_space *space;
    uint64_t va;     /* of the page */
    unsigned access; /* VM_READ, VM_WRITE, VM_EXEC, VM_FORCE */
    struct vm_area *area;
    uint64_t index;               /* of the page in object and shadow */
    struct page_tree_place place; /* private areas: in the shadow */
    paddr_t pa;                   /* the page that was found or made */
    unsigned rights;              /* to enter it with */
    bool is_of_run;               /* the page is one of a run's: see huge.h */
    enum vm_fault_case which;

    /* Of faults that go on together. */
    struct pmap_page page; /* claimed for this one */
    bool is_small;         /* no huge page is to be made */
};

/* What else may become of a fault that goes on together with others. */
#define FAULT_ALONE -EDEADLK /* it has to be made again, with the space alone */
#define FAULT_AGAIN -EEXIST  /* another processor was faster, with something: look again */
#define FAULT_HUGE -EMLINK   /* a huge page may be made, whose memory is to be had first */

static uint64_t case_counts[VM_FAULT_CASES]; /* atomic */

void vm_fault_counts(uint64_t counts[VM_FAULT_CASES]) {
    for (unsigned i = 0; i < VM_FAULT_CASES; i++)
        counts[i] = __atomic_load_n(&case_counts[i], __ATOMIC_RELAXED);
}

static inline void count_case(enum vm_fault_case which) {
    __atomic_fetch_add(&case_counts[which], 1, __ATOMIC_RELAXED);
}

/* ---- finding the area: case 0 ---- */

/*
 * Whether an access from outside (VM_FORCE) may do what the area forbids: all that its rights could
 * be widened to, but never write to what is shared.
 */
static bool fault_is_forced(const struct fault *fault, const struct vm_area *area) {
    unsigned allowed = area->max_prot ? area->max_prot | VM_READ : 0;

    if (area->flags & VM_AREA_SHARED)
        allowed &= ~VM_WRITE;
    allowed |= vm_area_grants(area);
    return (fault->access & VM_FORCE) && !(fault->access & VM_RIGHTS & ~allowed);
}

/* Finds the area and sees that it allows the access. 0, -EFAULT, -EACCES. */
static TOGETHER int fault_find_area(struct fault *fault, bool together) {
    struct vm_area_set *areas = &fault->space->areas;
    struct vm_area *area =
        together ? vm_area_look_up(areas, fault->va) : vm_area_find(areas, fault->va);

    if (!area && together)
        return FAULT_ALONE;
    if (!area && fault->va < USER_END) {
        area = vm_stack_grow(fault->space, fault->va);
        if (area)
            count_case(VM_FAULT_STACK_GROWN);
    }
    if (!area) {
        fault->which = VM_FAULT_NO_AREA;
        return -EFAULT;
    }
    if ((fault->access & ~vm_area_grants(area)) && !fault_is_forced(fault, area)) {
        fault->which = VM_FAULT_FORBIDDEN;
        return -EACCES;
    }
    fault->area = area;
    fault->index = vm_area_index(area, fault->va);
    return 0;
}

/* ---- finding the page ---- */

/*
 * The object's page, made if the object makes pages on demand: a page that is missing now may be
 * made by a write(2) or another mapping later, and then everybody has to see that one. 0, -ENXIO
 * beyond the end, -EAGAIN: wait, -ENOMEM, -EIO. *pa stays good while the space's lock is held.
 */
static int object_page(struct fault *fault, paddr_t *pa) {
    struct vm_object *object = fault->area->object;
    int error = -ENXIO;

    spin_lock(&object->lock);
    if (fault->index < div_round_up(object->size_bytes, PAGE_SIZE))
        error = object->ops->get_page(object, fault->index, VM_WRITE, pa);
    spin_unlock(&object->lock);
    return error;
}

/* Case 2. */
static int fault_shared(struct fault *fault) {
    fault->which = VM_FAULT_SHARED;
    fault->rights = vm_area_grants(fault->area) | VM_SHARED;
    if (vm_object_is_device(fault->area->object))
        fault->rights |= VM_UNCACHED;
    return object_page(fault, &fault->pa);
}

/* Case 3R, not in the shadow. */
static int fault_read_below(struct fault *fault) {
    fault->rights = vm_area_grants(fault->area) & ~VM_WRITE;
    if (!fault->area->object) {
        fault->which = VM_FAULT_READ_ZERO;
        fault->pa = frame_to_phys(vm_zero_frame());
        return 0;
    }
    fault->which = VM_FAULT_READ_OBJECT;
    return object_page(fault, &fault->pa);
}

/* shadow_put, where faults go on together: into a shadow as it is. FAULT_ALONE, _AGAIN. */
static int shadow_put_together(struct fault *fault, struct frame *frame, struct frame *old) {
    struct vm_shadow *shadow = fault->area->shadow;
    int error = 0;

    if (!shadow || shadow->void_from != VM_SHADOW_NO_VOID)
        return FAULT_ALONE;
    if (!old) {
        /* Who else finds the page before it is told has to wait for the claim. */
        if (trace_page_is_on() && !fault->page.is_claimed)
            return FAULT_ALONE;
        error = page_tree_add(&shadow->tree, fault->index, frame);
    } else {
        page_tree_replace(&fault->place, frame);
    }
    if (error == 0)
        trace_page(trace_id(shadow), fault->index, (uint32_t)frame_to_pfn(frame));
    return error;
}

/*
 * Puts a new frame for the page into the area's shadow, making the shadow if it is the first. The
 * frame that was there comes back in *old. 0, or -ENOMEM and the frame is still the caller's.
 */
static int shadow_put(struct fault *fault, struct frame *frame, struct frame **old) {
    struct vm_area *area = fault->area;

    int error;

    if (!area->shadow)
        vm_area_make_shadow(area);
    if (!area->shadow)
        return -ENOMEM;
    error = vm_shadow_insert(area->shadow, &fault->place, fault->index, frame, old);
    if (error == 0)
        trace_page(trace_id(area->shadow), fault->index, (uint32_t)frame_to_pfn(frame));
    return error;
}

/* Lets the pmap lead to a new frame. If it has no memory for that, it forgets the page. */
static TOGETHER int fault_enter_new(struct fault *fault, bool together) {
    struct pmap *pmap = fault->space->pmap;
    int error;

    if (together)
        return pmap_page_enter(&fault->page, fault->pa, fault->rights);
    error = pmap_enter(pmap, fault->va, fault->pa, fault->rights);
    if (error < 0)
        pmap_remove(pmap, fault->va, fault->va + PAGE_SIZE);
    return error;
}

/*
 * Cases 3Wb, c, d: a new frame, filled from the page at source or with zeroes, goes in, for `found`
 * where that is in the shadow.
 */
static TOGETHER int fault_replace_either(struct fault *fault, const void *source,
                                         struct frame *found, bool together) {
    struct frame *frame = frame_alloc(FRAME_ANON);
    struct frame *old = found;
    int error;

    if (!frame)
        return -ENOMEM;
    fault->pa = frame_to_phys(frame);
    if (!source) {
        page_clear(phys_to_virt(fault->pa));
    } else {
        page_copy(phys_to_virt(fault->pa), source);
        trace_copy((uint32_t)frame_to_pfn(virt_to_frame(source)), (uint32_t)frame_to_pfn(frame));
    }
    error = together ? shadow_put_together(fault, frame, old) : shadow_put(fault, frame, &old);
    if (error < 0) {
        frame_unref(frame);
        return error;
    }
    error = fault_enter_new(fault, together);
    if (old)
        frame_unref(old);
    return error;
}

static __attribute__((noinline)) int fault_replace_alone(struct fault *fault, const void *source,
                                                         struct frame *found) {
    return fault_replace_either(fault, source, found, false);
}

static TOGETHER int fault_replace(struct fault *fault, const void *source, struct frame *found,
                                  bool together) {
    return together ? fault_replace_either(fault, source, found, true)
                    : fault_replace_alone(fault, source, found);
}

/* Case 3Wd: a huge page where one may be. */
static TOGETHER int fault_fill(struct fault *fault, bool together) {
    struct frame *frame = NULL;

    /* Where a leaf is, pages are. */
    if (!fault->place.leaf && vm_huge_fits(fault->area, fault->va)) {
        if (!together)
            frame = vm_huge_fill(fault->area, fault->va, NULL);
        else if (!fault->is_small && vm_huge_is_possible(fault->area, fault->va))
            return FAULT_HUGE;
    }
    if (!frame)
        return fault_replace(fault, NULL, NULL, together);
    fault->pa = frame_to_phys(frame);
    return 0;
}

/* Case 3W, not in the shadow. */
static TOGETHER int fault_write_below(struct fault *fault, bool together) {
    paddr_t below;
    int error;

    if (!fault->area->object) {
        fault->which = VM_FAULT_ZERO_FILL;
        return fault_fill(fault, together);
    }
    fault->which = VM_FAULT_COPY_OBJECT;
    error = object_page(fault, &below);
    return error < 0 ? error : fault_replace(fault, phys_to_virt(below), NULL, together);
}

/* Whether a page of the object below an area lies beyond its end: then the shadow's is gone too. */
static bool is_beyond_object(const struct fault *fault) {
    struct vm_object *object = fault->area->object;

    return object && fault->index >= div_round_up(vm_object_size(object), PAGE_SIZE);
}

/* Cases 3R and 3W. Sets entered if the pmap knows already. */
static TOGETHER int fault_private(struct fault *fault, bool *entered, bool together) {
    struct vm_shadow *shadow = fault->area->shadow;
    struct frame *frame = NULL;
    bool write = fault->access & VM_WRITE;
    bool alone;

    fault->place.leaf = NULL;
    if (shadow)
        frame = vm_shadow_find(shadow, fault->index, &fault->place);
    alone = frame && fault->place.leaf && frame_refs(frame) == 1;
    fault->rights = vm_area_grants(fault->area);
    *entered = write && !(frame && alone);
    if (is_beyond_object(fault))
        return -ENXIO;
    if (!frame)
        return write ? fault_write_below(fault, together) : fault_read_below(fault);
    if (write && !alone) {
        fault->which = VM_FAULT_COPY;
        /* Who else finds the page has to wait until it is replaced: it must be claimed. */
        if (together && !(fault->place.leaf && fault->page.is_claimed))
            return FAULT_ALONE;
        return fault_replace(fault, frame_to_virt(frame), frame, together);
    }
    fault->which = write ? VM_FAULT_REUSE : VM_FAULT_READ_PRIVATE;
    fault->pa = frame_to_phys(frame);
    fault->is_of_run = frame_is_of_run(frame);
    if (!alone)
        fault->rights &= ~VM_WRITE;
    return 0;
}

/* ---- telling the pmap ---- */

/* The page at va inside a window around a fault, if the object has it in memory: mapped unwritable.
 */
static TOGETHER void around_one(struct fault *fault, uint64_t va, bool together) {
    struct vm_area *area = fault->area;
    uint64_t index = vm_area_index(area, va);
    struct frame *frame;
    struct pmap_entry entry;

    if (area->shadow && vm_shadow_lookup(area->shadow, index, NULL))
        return;
    if (!together && pmap_lookup(fault->space->pmap, va, &entry))
        return;
    frame = page_tree_lookup(&area->object->tree, index, NULL);
    if (!frame)
        return;
    if (together)
        pmap_page_offer(&fault->page, va, frame_to_phys(frame), vm_area_grants(area) & ~VM_WRITE);
    else
        pmap_enter(fault->space->pmap, va, frame_to_phys(frame), vm_area_grants(area) & ~VM_WRITE);
}

/* Where the pages of an area's object end, in the area at most. Its lock is held. */
static uint64_t object_end(const struct vm_area *area) {
    uint64_t pages = div_round_up(area->object->size_bytes, PAGE_SIZE);
    uint64_t in_area = pages > area->offset_pages ? pages - area->offset_pages : 0;

    return area->start + (MIN(in_area, (area->end - area->start) >> PAGE_SHIFT) << PAGE_SHIFT);
}

/*
 * Maps what the object already has around the page of a read fault, in an aligned window that lies
 * in one table. What cannot be mapped comes by its own fault. What lies beyond the object's end is
 * on its way out: a truncation that has been here already does not come again.
 */
static TOGETHER void fault_around(struct fault *fault, bool together) {
    const uint64_t window = AROUND_PAGES * PAGE_SIZE;
    struct vm_area *area = fault->area;
    uint64_t va = MAX(align_down(fault->va, window), area->start);
    uint64_t end = align_down(fault->va, window) + window;
    struct vm_object *object = area->object;

    spin_lock(&object->lock);
    end = MIN(end, object_end(area));
    for (; va < end; va += PAGE_SIZE) {
        if (va != fault->va)
            around_one(fault, va, together);
    }
    spin_unlock(&object->lock);
}

/* Enters what was found. Counts case 1 when nothing was missing. */
static int fault_enter(struct fault *fault) {
    struct pmap_entry entry;
    int error;

    if (pmap_lookup(fault->space->pmap, fault->va, &entry) && entry.pa == fault->pa &&
        !(fault->access & ~entry.access)) {
        fault->which = VM_FAULT_STALE;
        return 0;
    }
    if (fault->is_of_run &&
        vm_huge_restore(fault->area, fault->va, phys_to_frame(fault->pa), fault->access))
        return 0;
    error = pmap_enter(fault->space->pmap, fault->va, fault->pa, fault->rights);
    if (error == 0 && fault->which == VM_FAULT_READ_OBJECT)
        fault_around(fault, false);
    return error;
}

/* The same, where faults go on together. */
static int fault_enter_together(struct fault *fault) {
    int error;

    if (pmap_page_allows(&fault->page, fault->pa, fault->access)) {
        fault->which = VM_FAULT_STALE;
        pmap_page_release(&fault->page);
        return 0;
    }
    if (fault->is_of_run) /* it may get its large leaf back */
        return FAULT_ALONE;
    error = pmap_page_enter(&fault->page, fault->pa, fault->rights);
    if (error == 0 && fault->which == VM_FAULT_READ_OBJECT)
        fault_around(fault, true);
    return error;
}

/* Finds the page and enters it. -EAGAIN: case 4. */
static TOGETHER int fault_repair(struct fault *fault, bool together) {
    bool entered = false;
    int error;

    if (fault->area->flags & VM_AREA_SHARED)
        error = fault_shared(fault);
    else
        error = fault_private(fault, &entered, together);
    if (error < 0 || entered)
        return error;
    return together ? fault_enter_together(fault) : fault_enter(fault);
}

/* One try, with the space alone. */
static int fault_alone(struct fault *fault) {
    int error = fault->space->is_reaped ? -EFAULT : fault_find_area(fault, false);

    DEBUG_ASSERT(spin_held(&fault->space->lock));
    return error < 0 ? error : fault_repair(fault, false);
}

/* One try, while others are at theirs. What cannot be done so, or goes wrong, is for fault_alone.
 */
static int fault_together(struct fault *fault) {
    struct vm_space *space = fault->space;
    int error = space->is_reaped ? FAULT_ALONE : fault_find_area(fault, true);

    if (error < 0 ||
        !pmap_page_claim(space->pmap, fault->va, fault->access & VM_WRITE, &fault->page))
        return FAULT_ALONE;
    error = fault_repair(fault, true);
    if (error == 0)
        __atomic_fetch_add(&space->faults_minor, 1, __ATOMIC_RELAXED);
    else
        pmap_page_release(&fault->page);
    return error;
}

/* Case 4: waits for the page without any lock. 0: look again. */
static int fault_wait(struct vm_object *object, uint64_t index) {
    int error = object->ops->wait(object, index);

    vm_object_unref(object);
    count_case(VM_FAULT_WAITED);
    return error;
}

/* Lets the page be used. An entry of an area without rights would be one to read by: it goes. */
static void fault_use(const struct fault *fault, void (*use)(void *arg, void *page), void *arg) {
    use(arg, phys_to_virt(fault->pa));
    if ((fault->access & VM_FORCE) && !vm_area_grants(fault->area))
        pmap_remove(fault->space->pmap, fault->va, fault->va + PAGE_SIZE);
}

/* What is not set here is set by the case that needs it. */
static inline void fault_begin(struct fault *fault, struct vm_space *space, uint64_t address,
                               unsigned access) {
    fault->space = space;
    fault->va = align_down(address, PAGE_SIZE);
    fault->access = access & (VM_RIGHTS | VM_FORCE);
    fault->is_of_run = false;
    fault->which = VM_FAULT_NO_AREA; /* until a case is sure, as where an object ends before it */
}

/* Tells what has become of a fault at an address. */
static TOGETHER void fault_trace(const struct fault *fault, uint64_t address, int error) {
    if (trace_fault_is_on())
        trace_put_fault(fault->space->root, address, fault->access | vm_trace_fault_user(address),
                        (uint8_t)fault->which, error,
                        error == 0 ? (uint32_t)phys_to_pfn(fault->pa) : 0,
                        vm_trace_fault_ticks(address));
}

/*
 * FAULT_HUGE: the space is had alone when the memory is there, and cleared. False: no huge page has
 * been made; the fault is as it was.
 */
static bool fault_makes_huge(struct fault *fault) {
    struct vm_space *space = fault->space;
    struct frame *run = vm_huge_prepare();
    bool done = false;

    if (!run)
        return false;
    vm_space_lock_beside(space, VM_RANGE_NONE);
    if (!space->is_reaped && fault_find_area(fault, false) == 0 && !fault->area->object &&
        !(fault->area->flags & VM_AREA_SHARED) && vm_huge_fits(fault->area, fault->va))
        done = vm_huge_fill(fault->area, fault->va, &run) != NULL;
    space->faults_minor += done;
    vm_space_unlock(space);
    if (run)
        vm_huge_give_back(run);
    return done;
}

/* The fault, as long as it can go on with others. False: the space has to be had alone. */
static __attribute__((noinline)) bool fault_with_others(struct fault *fault) {
    int error;

    fault->is_small = false;
    do {
        vm_space_fault_begin(fault->space);
        error = fault_together(fault);
        vm_space_fault_end(fault->space);
        if (error == FAULT_HUGE) {
            error = fault_makes_huge(fault) ? 0 : FAULT_AGAIN;
            fault->is_small = true;
        }
        if (error < 0)
            fault->is_of_run = false;
    } while (error == FAULT_AGAIN);
    if (error == 0)
        count_case(fault->which);
    return error == 0;
}

/* Tries until it need not wait. */
int vm_fault_use(struct vm_space *space, uint64_t address, unsigned access,
                 void (*use)(void *arg, void *page), void *arg) {
    struct vm_object *awaited;
    struct fault fault;
    int error;

    fault_begin(&fault, space, address, access);
    if (trace_fault_is_on())
        machine_call_rarely(vm_trace_fault_begin, address, access);
    if (vm_space_faults_together(space) && !use && fault_with_others(&fault)) {
        DEBUG_ASSERT(vm_check_passes_fault(space, fault.va));
        fault_trace(&fault, address, 0);
        return 0;
    }
    do {
        awaited = NULL;
        vm_space_lock_beside(space, VM_RANGE_NONE);
        error = fault_alone(&fault);
        count_case(fault.which);
        if (error == 0) {
            space->faults_minor++;
            if (use)
                fault_use(&fault, use, arg);
        } else if (error == -EAGAIN) {
            awaited = fault.area->object;
            vm_object_ref(awaited);
            space->faults_major++;
        }
        DEBUG_ASSERT(vm_check_passes_fault_locked(space, fault.va));
        vm_space_unlock(space);
        fault_trace(&fault, address, error);
    } while (awaited && (error = fault_wait(awaited, fault.index)) == 0);
    return error;
}

int vm_fault(struct vm_space *space, uint64_t address, unsigned access) {
    return vm_fault_use(space, address, access, NULL, NULL);
}
