/* SPDX-License-Identifier: MIT */
/*
 * What all memory objects have in common: references, lookup with a reference on the frame, and
 * cutting them short while they are mapped.
 *
 * Cutting (truncate, punch) has three steps, and their order is the whole point:
 *   1. the size goes down, so that no fault finds the pages any more;
 *   2. every space that maps the object forgets them, one space's lock at a time;
 *   3. the pages are taken out of the tree and freed.
 * A fault that looked a page up before step 1 holds its space's lock until the entry is made, and
 * step 2 waits for it. A punched hole has no step 1: there the pages leave the tree before the
 * spaces forget them, kept alive by a clone of the tree, and are freed with the clone.
 *
 * The spaces are found through object->areas. An area cannot be held on to without its space's
 * lock, which ranks outside the object's: so each round takes a reference on one space not yet
 * visited in this epoch, drops the object's lock and does all of that space's areas.
 *
 * Otherwise trees of objects are never cloned (only shadows' are), so a truncation needs no memory.
 */
#include "vm/object.h"

#include "abi/errno.h"
#include "core/assert.h"
#include "core/trace.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "vm/check.h"
#include "vm/commit.h"
#include "vm/narrow.h"
#include "vm/space.h"
#include "vm/space_lock.h"
#include "vm/trace_vm.h"

static struct {
    struct spinlock lock;
    struct list_node list; /* [lock] */
} objects = {SPINLOCK_INIT("vm objects", LOCK_RANK_VM_LISTS), LIST_HEAD_INIT(objects.list)};

void vm_object_init(struct vm_object *object, const struct vm_object_ops *ops,
                    uint64_t size_bytes) {
    object->ops = ops;
    refcount_init(&object->refs, 1);
    spin_init(&object->lock, "vm_object", LOCK_RANK_VM_OBJECT);
    page_tree_init(&object->tree);
    object->size_bytes = size_bytes;
    object->commits_pages = false;
    object->committed_pages = 0;
    list_init(&object->areas);
    object->cuts = 0;
    object->denies_writes = false;
    object->unmap_epoch = 0;
    spin_lock(&objects.lock);
    list_push_back(&objects.list, &object->link);
    spin_unlock(&objects.lock);
    if (trace_object_make_is_on())
        vm_object_trace(object);
}

void vm_object_for_each(bool (*visit)(void *arg, struct vm_object *object), void *arg) {
    struct vm_object *object;
    bool more = true;

    spin_lock(&objects.lock);
    LIST_FOR_EACH (&objects.list, object, link) {
        spin_lock(&object->lock);
        more = visit(arg, object);
        spin_unlock(&object->lock);
        if (!more)
            break;
    }
    spin_unlock(&objects.lock);
}

int vm_object_commit(struct vm_object *object, bool by_page) {
    uint64_t pages = div_round_up(object->size_bytes, PAGE_SIZE);

    object->commits_pages = by_page && vm_commit_mode() != VM_COMMIT_NEVER;
    if (object->commits_pages)
        return 0;
    if (vm_commit_charge(pages) < 0)
        return -ENOMEM;
    object->committed_pages = pages;
    return 0;
}

void vm_object_fini(struct vm_object *object) {
    ASSERT(list_is_empty(&object->areas));
    trace_object_free(trace_id(object));
    spin_lock(&objects.lock);
    list_remove(&object->link);
    spin_unlock(&objects.lock);
    page_tree_clear(&object->tree);
    vm_commit_uncharge(object->committed_pages);
}

void vm_object_ref(struct vm_object *object) {
    if (object->ops->retain)
        object->ops->retain(object);
    else
        refcount_inc(&object->refs);
}

void vm_object_unref(struct vm_object *object) {
    if (object->ops->release) {
        object->ops->release(object);
    } else if (refcount_dec_and_test(&object->refs)) {
        vm_object_fini(object);
        object->ops->destroy(object);
    }
}

uint64_t vm_object_size(struct vm_object *object) {
    return __atomic_load_n(&object->size_bytes, __ATOMIC_RELAXED);
}

/* Zeroes [start, end), which lies in one page, if that is there. */
static void zero_bytes(struct vm_object *object, uint64_t start, uint64_t end) {
    struct frame *frame;

    DEBUG_ASSERT(spin_held(&object->lock));
    if (start >= end)
        return;
    frame = page_tree_lookup(&object->tree, start / PAGE_SIZE, NULL);
    if (frame)
        memset((char *)frame_to_virt(frame) + start % PAGE_SIZE, 0, end - start);
}

/*
 * The end moves up to size_bytes. A mapping of the last page could write behind the old end; that
 * must not come to light now, but for what is about to be written over.
 */
static void grow(struct vm_object *object, uint64_t size_bytes, uint64_t written_from) {
    uint64_t old = object->size_bytes;

    zero_bytes(object, old, MIN(align_up(old, PAGE_SIZE), MIN(size_bytes, written_from)));
    object->size_bytes = size_bytes;
    trace_object_size(trace_id(object), size_bytes);
}

void vm_object_extend(struct vm_object *object, uint64_t size_bytes, uint64_t written_from) {
    spin_lock(&object->lock);
    if (size_bytes > object->size_bytes)
        grow(object, size_bytes, written_from);
    spin_unlock(&object->lock);
}

/* One try of vm_object_page_get; -EAGAIN: wait first. */
static int page_get_once(struct vm_object *object, uint64_t index, unsigned access,
                         struct frame **frame) {
    paddr_t pa;
    int error = -ENXIO;

    spin_lock(&object->lock);
    if (index < div_round_up(object->size_bytes, PAGE_SIZE))
        error = object->ops->get_page(object, index, access, &pa);
    *frame = error == 0 && pa != VM_NO_PAGE ? phys_to_frame_checked(pa) : NULL;
    if (*frame)
        frame_ref(*frame);
    spin_unlock(&object->lock);
    return error;
}

int vm_object_page_get(struct vm_object *object, uint64_t index, unsigned access,
                       struct frame **frame) {
    int error;

    while ((error = page_get_once(object, index, access, frame)) == -EAGAIN) {
        error = object->ops->wait(object, index);
        if (error < 0)
            return error;
    }
    return error;
}

/* Makes the page at index, which is not there. 0, -ENOMEM, -ENOSPC. */
static int make_memory_page(struct vm_object *object, uint64_t index, struct frame **made) {
    struct frame *old;

    if (object->commits_pages && vm_commit_charge(1) < 0)
        return -ENOSPC;
    *made = frame_alloc_zeroed(object->ops->frame_use);
    if (!*made)
        goto uncharge;
    if (page_tree_insert(&object->tree, index, *made, &old) < 0)
        goto unref_frame;
    object->committed_pages += object->commits_pages;
    trace_page(trace_id(object), index, (uint32_t)frame_to_pfn(*made));
    return 0;

unref_frame:
    frame_unref(*made);
uncharge:
    vm_commit_uncharge(object->commits_pages);
    return -ENOMEM;
}

/* After pages have gone: takes back what was promised for them. Locked. */
static void object_settle(struct vm_object *object) {
    uint64_t pages;

    if (!object->commits_pages)
        return;
    pages = page_tree_count(&object->tree);
    vm_commit_uncharge(object->committed_pages - pages);
    object->committed_pages = pages;
}

int vm_object_get_memory_page(struct vm_object *object, uint64_t index, unsigned access,
                              paddr_t *pa) {
    struct frame *frame = page_tree_lookup(&object->tree, index, NULL);
    int error = 0;

    DEBUG_ASSERT(spin_held(&object->lock));
    if (!frame && !(access & VM_WRITE)) {
        *pa = VM_NO_PAGE;
        return 0;
    }
    if (!frame)
        error = make_memory_page(object, index, &frame);
    if (error == 0)
        *pa = frame_to_phys(frame);
    return error;
}

/* A space that maps object and has not been visited in this epoch, referenced; NULL: none left. */
static struct vm_space *next_space(struct vm_object *object, uint64_t epoch) {
    struct vm_space *space = NULL;
    struct vm_area *area;

    spin_lock(&object->lock);
    LIST_FOR_EACH (&object->areas, area, link) {
        if (area->unmap_epoch == epoch)
            continue;
        area->unmap_epoch = epoch;
        /* A space whose last user has gone runs nowhere, and its entries die with it. */
        if (refcount_inc_unless_zero(&area->space->refs)) {
            space = area->space;
            break;
        }
    }
    spin_unlock(&object->lock);
    return space;
}

/* Pages [start, end) of an object that its areas are to forget. */
struct forgetting {
    struct vm_object *object;
    uint64_t start, end;
    uint64_t epoch;
    bool private_too; /* private copies of them as well: they lie beyond the end now */
};

/* Makes one area forget. */
static void area_forget(struct vm_area *area, const struct forgetting *f) {
    uint64_t pages = (area->end - area->start) >> PAGE_SHIFT;
    uint64_t first = MAX(f->start, area->offset_pages);
    uint64_t last = MIN(f->end, area->offset_pages + pages);

    if (first < last)
        vm_narrow(area->space,
                  (struct vm_range){area->start + ((first - area->offset_pages) << PAGE_SHIFT),
                                    area->start + ((last - area->offset_pages) << PAGE_SHIFT)},
                  0);
}

/*
 * Makes all areas of a space forget, one after the other by address. In between the lock may be let
 * go of: areas that come then have nothing to forget, and none moves (vm/narrow.h). Those that are
 * taken out are still narrowed: that is waited for.
 */
static void areas_forget(struct vm_space *space, const struct forgetting *f) {
    struct vm_area *area = vm_area_first(&space->areas);

    while (area) {
        uint64_t end = area->end;

        if (area->object == f->object) {
            spin_lock(&f->object->lock);
            area->unmap_epoch = f->epoch;
            spin_unlock(&f->object->lock);
            area_forget(area, f);
        }
        area = vm_area_find_from(&space->areas, end);
    }
    if (space->narrowings) {
        vm_space_unlock(space);
        vm_space_lock(space);
    }
}

/* Makes one space forget; then no entry leads to what the shadows lose. */
static void space_forget(struct vm_space *space, const struct forgetting *f) {
    struct vm_area *area;

    vm_space_lock(space);
    areas_forget(space, f);
    for (area = vm_area_first(&space->areas); area && f->private_too; area = vm_area_next(area)) {
        if (area->object == f->object && area->shadow)
            vm_shadow_cut(area->shadow, f->start);
    }
    DEBUG_ASSERT(vm_check_passes_call_locked(space, VM_RANGE_ALL));
    vm_space_unlock(space);
}

/* Makes every space forget. */
static void object_unmap(struct forgetting f) {
    struct vm_space *space;

    spin_lock(&f.object->lock);
    f.epoch = ++f.object->unmap_epoch;
    spin_unlock(&f.object->lock);
    while ((space = next_space(f.object, f.epoch)) != NULL) {
        space_forget(space, &f);
        vm_space_unref(space);
    }
}

/* Pages that are taken out of an object that is cut under one hold of its lock. */
#define CUT_PAGES 512u

/* Steps 2 and 3 of a truncation: no page at or after start is left. */
static void object_cut(struct vm_object *object, uint64_t start) {
    object_unmap((struct forgetting){
        .object = object, .start = start, .end = VM_OBJECT_MAX_PAGES, .private_too = true});
    spin_lock(&object->lock);
    trace_pages_gone(trace_id(object), start, VM_OBJECT_MAX_PAGES);
    while (page_tree_next(&object->tree, &start)) {
        page_tree_remove(&object->tree, start, align_down(start, CUT_PAGES) + CUT_PAGES);
        spin_unlock(&object->lock);
        spin_lock(&object->lock);
    }
    object_settle(object);
    spin_unlock(&object->lock);
}

void vm_object_truncate(struct vm_object *object, uint64_t size_bytes) {
    bool shorter;

    spin_lock(&object->lock);
    shorter = size_bytes < object->size_bytes;
    if (shorter) {
        object->size_bytes = size_bytes;
        trace_object_size(trace_id(object), size_bytes);
        zero_bytes(object, size_bytes, align_up(size_bytes, PAGE_SIZE));
    } else {
        grow(object, size_bytes, size_bytes);
    }
    spin_unlock(&object->lock);
    if (shorter)
        object_cut(object, div_round_up(size_bytes, PAGE_SIZE));
}

int vm_object_punch(struct vm_object *object, uint64_t start, uint64_t end) {
    struct page_tree before;
    int error;

    spin_lock(&object->lock);
    page_tree_clone(&before, &object->tree);
    error = page_tree_remove_prepare(&object->tree, start, end);
    if (error == 0) {
        trace_pages_gone(trace_id(object), start, end);
        page_tree_remove(&object->tree, start, end);
    }
    object_settle(object);
    object->cuts++;
    spin_unlock(&object->lock);
    if (error == 0)
        object_unmap((struct forgetting){.object = object, .start = start, .end = end});
    spin_lock(&object->lock);
    object->cuts--;
    spin_unlock(&object->lock);
    page_tree_clear(&before);
    return error;
}

/* ---- denying shared writes ---- */

/* Whether others see what is written through it, now or after an mprotect(2). */
static bool is_shared_writable(const struct vm_area *area) {
    return (area->flags & VM_AREA_SHARED) && (area->max_prot & VM_WRITE);
}

int vm_object_deny_writes(struct vm_object *object) {
    struct vm_area *area;
    int error = 0;

    spin_lock(&object->lock);
    LIST_FOR_EACH (&object->areas, area, link) {
        if (is_shared_writable(area))
            error = -EBUSY;
    }
    if (error == 0)
        object->denies_writes = true;
    spin_unlock(&object->lock);
    return error;
}

bool vm_object_admits(struct vm_object *object, const struct vm_area *area) {
    bool admits;

    spin_lock(&object->lock);
    admits = !object->denies_writes || !is_shared_writable(area);
    spin_unlock(&object->lock);
    return admits;
}

void vm_object_describe(struct vm_object *object, struct vm_object_identity *identity) {
    *identity = (struct vm_object_identity){.name = ""};
    if (object->ops->describe)
        object->ops->describe(object, identity);
}
