/* SPDX-License-Identifier: MIT */
/*
 * What /proc tells of an address space: sizes, areas one by one, and what an address finds.
 *
 * Pages are counted when somebody asks, by walking; keeping counts would cost every fault.
 */
#include "lib/bits.h"
#include "vm/huge.h"
#include "vm/pmap.h"
#include "vm/space.h"
#include "vm/space_lock.h"

static uint64_t area_pages(const struct vm_area *area) {
    return (area->end - area->start) >> PAGE_SHIFT;
}

/* Pages of the area's shadow that belong to this area. */
static uint64_t area_private_pages(const struct vm_area *area) {
    uint64_t index = area->offset_pages, end = index + area_pages(area);

    if (!area->shadow)
        return 0;
    return page_tree_count_range(&area->shadow->tree, index, MIN(end, area->shadow->void_from));
}

/* What an entry of the area leads to if that is a page of its object; NULL: it is not. */
static struct frame *object_frame(const struct vm_area *area, const struct pmap_entry *entry) {
    struct frame *frame = phys_to_frame_checked(entry->pa);

    if (!frame || frame == vm_zero_frame() || frame->use == FRAME_RESERVED)
        return NULL;
    if (area->shadow && vm_shadow_lookup(area->shadow, vm_area_index(area, entry->va), NULL))
        return NULL;
    return frame;
}

/* Pages of the area that are mapped now and are not private: the object's. */
static uint64_t area_mapped_object_pages(const struct vm_area *area) {
    struct pmap_cursor cursor;
    uint64_t count = 0;

    if (!area->object)
        return 0;
    pmap_cursor_init(&cursor, area->space->pmap, area->start);
    while (pmap_cursor_next_present(&cursor, area->end)) {
        count += object_frame(area, &cursor.at) != NULL;
        pmap_cursor_advance(&cursor, PAGE_SIZE);
    }
    return count;
}

static void add_area_usage(const struct vm_area *area, struct vm_space_usage *usage) {
    uint64_t bytes = area->end - area->start;

    usage->private_pages += area_private_pages(area);
    if (area->object && area->object->ops->frame_use == FRAME_SHMEM)
        usage->shmem_pages += area_mapped_object_pages(area);
    else
        usage->file_pages += area_mapped_object_pages(area);
    if (area->flags & VM_AREA_STACK)
        usage->stack_bytes += bytes;
    else if ((area->prot & VM_WRITE) && !(area->flags & VM_AREA_SHARED))
        usage->data_bytes += bytes;
    if (area->prot & VM_EXEC)
        usage->text_bytes += bytes;
}

void vm_space_usage(struct vm_space *space, struct vm_space_usage *usage) {
    struct vm_area *area;

    *usage = (struct vm_space_usage){0};
    vm_space_lock_beside(space, VM_RANGE_NONE);
    usage->mapped_bytes = space->areas.bytes;
    usage->peak_bytes = MAX(space->peak_bytes, space->areas.bytes);
    usage->areas = space->areas.count;
    usage->locked_bytes = space->areas.locked_bytes;
    usage->table_pages = pmap_table_pages(space->pmap);
    for (area = vm_area_first(&space->areas); area; area = vm_area_next_letting_in(space, area))
        add_area_usage(area, usage);
    space->peak_pages =
        MAX(space->peak_pages, usage->private_pages + usage->file_pages + usage->shmem_pages);
    usage->peak_pages = space->peak_pages;
    vm_space_unlock(space);
}

bool vm_space_area_info(struct vm_space *space, uint64_t address, struct vm_area_info *info) {
    struct vm_object *object = NULL;
    struct vm_area *area;

    vm_space_lock_beside(space, VM_RANGE_NONE);
    area = vm_area_find_from(&space->areas, address);
    if (area) {
        *info = (struct vm_area_info){
            .start = area->start,
            .end = area->end,
            .prot = area->prot,
            .max_prot = area->max_prot,
            .flags = area->flags,
            .offset_bytes = area->object ? area->offset_pages << PAGE_SHIFT : 0,
            .private_pages = area_private_pages(area),
            .huge_eligible = vm_huge_is_eligible(area),
        };
        object = area->object;
        if (object)
            vm_object_ref(object);
    }
    vm_space_unlock(space);
    if (object) {
        vm_object_describe(object, &info->identity);
        vm_object_unref(object);
    }
    return area != NULL;
}

/* A page that no shadow has: the object's or that of zeroes, if it is mapped. */
static void mapped_page_info(struct vm_area *area, uint64_t address, struct vm_page_info *info) {
    struct pmap_entry entry;

    if (!pmap_lookup(area->space->pmap, address, &entry))
        return;
    info->frame = object_frame(area, &entry);
    if (!info->frame && phys_to_frame_checked(entry.pa) == vm_zero_frame())
        info->zero = true;
}

void vm_space_page_info(struct vm_space *space, uint64_t address, struct vm_page_info *info) {
    struct vm_area *area;

    *info = (struct vm_page_info){0};
    vm_space_lock_beside(space, VM_RANGE_NONE);
    area = vm_area_find(&space->areas, address);
    info->in_area = area != NULL;
    if (area && area->shadow)
        info->frame = vm_shadow_lookup(area->shadow, vm_area_index(area, address), &info->alone);
    info->anonymous = info->frame != NULL;
    if (area && !info->frame)
        mapped_page_info(area, align_down(address, PAGE_SIZE), info);
    info->present = info->frame != NULL;
    vm_space_unlock(space);
}

struct vm_object *vm_space_shared_object(struct vm_space *space, uint64_t address,
                                         uint64_t *offset_bytes) {
    struct vm_object *object = NULL;
    const struct vm_area *area;

    vm_space_lock_beside(space, VM_RANGE_NONE);
    area = vm_area_find(&space->areas, address);
    if (area && (area->flags & VM_AREA_SHARED) && area->object) {
        object = area->object;
        vm_object_ref(object);
        *offset_bytes = (area->offset_pages << PAGE_SHIFT) + (address - area->start);
    }
    vm_space_unlock(space);
    return object;
}

paddr_t vm_space_table_root(const struct vm_space *space) {
    return pmap_root(space->pmap);
}
