/* SPDX-License-Identifier: MIT */
/*
 * Looking at and reaching into an address space from outside: rights of ranges, bytes of another
 * process, and what /proc tells about areas and pages.
 *
 * Bytes are moved page by page under the space's lock, through the same fault path that the process
 * itself would take: the direct map never goes round copy on write.
 */
#include "abi/errno.h"
#include "core/assert.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "vm/fault.h"
#include "vm/pmap.h"
#include "vm/space.h"

bool vm_space_allows(struct vm_space *space, uint64_t address, uint64_t size, unsigned rights) {
    uint64_t end = address + size;
    bool allowed = end >= address && end <= USER_END;

    spin_lock(&space->lock);
    while (allowed && address < end) {
        struct vm_area *area = vm_area_find(&space->areas, address);

        allowed = area && !(rights & ~vm_area_grants(area));
        address = allowed ? area->end : end;
    }
    spin_unlock(&space->lock);
    return allowed;
}

/* ---- bytes ---- */

/* One page's worth of a transfer. */
struct transfer {
    char *buffer;
    size_t offset; /* in the page */
    size_t size;
};

static void copy_from_page(void *arg, void *page) {
    struct transfer *transfer = arg;

    memcpy(transfer->buffer, (char *)page + transfer->offset, transfer->size);
}

static void copy_to_page(void *arg, void *page) {
    struct transfer *transfer = arg;

    memcpy((char *)page + transfer->offset, transfer->buffer, transfer->size);
}

static int space_transfer(struct vm_space *space, uint64_t address, size_t size,
                          struct transfer *transfer, unsigned access) {
    while (size > 0) {
        transfer->offset = address % PAGE_SIZE;
        transfer->size = MIN(size, PAGE_SIZE - transfer->offset);
        int error = vm_fault_use(space, address, access,
                                 access == VM_READ ? copy_from_page : copy_to_page, transfer);

        if (error < 0)
            return error == -ENOMEM ? error : -EFAULT;
        transfer->buffer += transfer->size;
        address += transfer->size;
        size -= transfer->size;
    }
    return 0;
}

int vm_space_read(struct vm_space *space, uint64_t address, void *buffer, size_t size) {
    struct transfer transfer = {.buffer = buffer};

    return space_transfer(space, address, size, &transfer, VM_READ);
}

int vm_space_write(struct vm_space *space, uint64_t address, const void *buffer, size_t size) {
    struct transfer transfer = {.buffer = (char *)(uintptr_t)buffer};

    return space_transfer(space, address, size, &transfer, VM_WRITE);
}

/* ---- what /proc tells ---- */

static uint64_t area_pages(const struct vm_area *area) {
    return (area->end - area->start) >> PAGE_SHIFT;
}

/* Pages of the area's shadow that belong to this area. */
static uint64_t area_private_pages(const struct vm_area *area) {
    uint64_t index = area->offset_pages;
    uint64_t end = index + area_pages(area);
    uint64_t count = 0;

    if (!area->shadow)
        return 0;
    for (; page_tree_next(&area->shadow->tree, &index) && index < end; index++)
        count++;
    return count;
}

/* Pages of the area that are mapped now and are not private: the object's. */
static uint64_t area_mapped_object_pages(const struct vm_area *area) {
    struct pmap_cursor cursor;
    uint64_t count = 0;

    if (!area->object)
        return 0;
    pmap_cursor_init(&cursor, area->space->pmap, area->start);
    while (pmap_cursor_next_present(&cursor, area->end)) {
        uint64_t index = vm_area_index(area, cursor.at.va);

        count += !area->shadow || !page_tree_lookup(&area->shadow->tree, index, NULL);
        pmap_cursor_advance(&cursor, PAGE_SIZE);
    }
    return count;
}

static void add_area_usage(const struct vm_area *area, struct vm_space_usage *usage) {
    uint64_t bytes = area->end - area->start;

    usage->private_pages += area_private_pages(area);
    if (area->flags & VM_AREA_SHARED)
        usage->shared_pages += area_mapped_object_pages(area);
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
    *usage = (struct vm_space_usage){0};
    spin_lock(&space->lock);
    usage->mapped_bytes = space->areas.bytes;
    usage->peak_bytes = MAX(space->peak_bytes, space->areas.bytes);
    usage->areas = space->areas.count;
    usage->table_pages = pmap_table_pages(space->pmap);
    for (struct vm_area *area = vm_area_first(&space->areas); area; area = vm_area_next(area))
        add_area_usage(area, usage);
    spin_unlock(&space->lock);
}

bool vm_space_area_info(struct vm_space *space, uint64_t address, struct vm_area_info *info) {
    struct vm_object *object = NULL;
    struct vm_area *area;

    spin_lock(&space->lock);
    area = vm_area_find_from(&space->areas, address);
    if (area) {
        *info = (struct vm_area_info){
            .start = area->start,
            .end = area->end,
            .prot = area->prot,
            .flags = area->flags,
            .offset_bytes = area->object ? area->offset_pages << PAGE_SHIFT : 0,
            .private_pages = area_private_pages(area),
        };
        object = area->object;
        if (object)
            vm_object_ref(object);
    }
    spin_unlock(&space->lock);
    if (object) {
        vm_object_describe(object, &info->identity);
        vm_object_unref(object);
    }
    return area != NULL;
}

static void object_page_info(struct vm_object *object, uint64_t index, struct vm_page_info *info) {
    spin_lock(&object->lock);
    info->frame = page_tree_lookup(&object->tree, index, NULL);
    info->anonymous = object->ops->frame_use == FRAME_ANON;
    spin_unlock(&object->lock);
}

void vm_space_page_info(struct vm_space *space, uint64_t address, struct vm_page_info *info) {
    struct vm_area *area;

    *info = (struct vm_page_info){0};
    spin_lock(&space->lock);
    area = vm_area_find(&space->areas, address);
    if (area && area->shadow) {
        info->frame =
            page_tree_lookup(&area->shadow->tree, vm_area_index(area, address), &info->alone);
        info->anonymous = true;
    }
    if (area && !info->frame && area->object)
        object_page_info(area->object, vm_area_index(area, address), info);
    info->present = info->frame != NULL;
    spin_unlock(&space->lock);
}
