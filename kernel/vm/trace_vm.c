/* SPDX-License-Identifier: MIT */
/* What the VM tells the trace; see trace_vm.h. */
#include "vm/trace_vm.h"

#include "core/cpu.h"
#include "lib/bits.h"
#include "mm/frame.h"
#include "vm/fault.h"
#include "vm/space.h"

#include "trace/agree.h"

/* ---- areas ---- */

uint64_t vm_area_tell(uint64_t address, uint64_t unused) {
    const struct vm_area *area = (const struct vm_area *)(uintptr_t)address;

    (void)unused;
    trace_put_map(area->space->root, area->start, area->end, area->prot, area->max_prot,
                  area->flags, trace_id(area->object), trace_id(area->shadow), area->offset_pages);
    return 0;
}

/* Tells what an area loses by an edge that moves. */
static void tell_lost(const struct vm_area *area, uint64_t start, uint64_t end) {
    if (area->start < start)
        trace_put_unmap(area->space->root, area->start, start);
    if (end < area->end)
        trace_put_unmap(area->space->root, end, area->end);
}

/* Whether the area's edges move outwards by that. */
static bool gains(const struct vm_area *area, uint64_t start, uint64_t end) {
    return start < area->start || area->end < end;
}

/* The whole area is told where it gains: what it had it has still. */
uint64_t vm_area_tell_resize(uint64_t address, uint64_t start, uint64_t end) {
    const struct vm_area *area = (const struct vm_area *)address;
    struct vm_area after = *area;

    tell_lost(area, start, end);
    if (gains(area, start, end)) {
        after.offset_pages += (uint64_t)((int64_t)(start - area->start) >> PAGE_SHIFT);
        after.start = start;
        after.end = end;
        vm_area_tell((uint64_t)&after, 0);
    }
    return 0;
}

uint64_t vm_area_tell_rights(uint64_t address, uint64_t rights_and_flags) {
    struct vm_area after = *(const struct vm_area *)address;
    bool same = after.flags == rights_and_flags >> 32;

    after.prot = (uint8_t)rights_and_flags;
    after.flags = (uint32_t)(rights_and_flags >> 32);
    if (same)
        trace_put_protect(after.space->root, after.start, after.end, after.prot);
    else
        vm_area_tell((uint64_t)&after, 0);
    return 0;
}

/* ---- faults ---- */

/* The fault that began last on each processor, which it is in unless it has slept. */
static struct { uint64_t address, access, ticks; } begun[CPU_MAX];

uint64_t vm_trace_fault_begin(uint64_t address, uint64_t access) {
    begun[cpu_index()].address = address;
    begun[cpu_index()].access = access;
    begun[cpu_index()].ticks = machine_trace_ticks();
    return 0;
}

unsigned vm_trace_fault_user(uint64_t address) {
    return begun[cpu_index()].address == address ? begun[cpu_index()].access & VM_USER : 0;
}

uint64_t vm_trace_fault_ticks(uint64_t address) {
    uint64_t ticks = machine_trace_ticks() - begun[cpu_index()].ticks;

    return begun[cpu_index()].address == address ? ticks : 0;
}

/* ---- objects ---- */

static enum trace_object_kind kind_of(const struct vm_object *object) {
    if (vm_object_is_device(object))
        return TRACE_OBJECT_KIND_DEVICE;
    switch (object->ops->frame_use) {
    case FRAME_FILE:
        return TRACE_OBJECT_KIND_FILE;
    case FRAME_SHMEM:
        return TRACE_OBJECT_KIND_ANONYMOUS;
    default:
        return TRACE_OBJECT_KIND_OTHER;
    }
}

void vm_object_trace(struct vm_object *object) {
    trace_put_object_make(trace_id(object), (uint8_t)kind_of(object), object->size_bytes, "");
}

void vm_object_tell_name(struct vm_object *object) {
    struct vm_object_identity identity;

    vm_object_describe(object, &identity);
    if (identity.name[0])
        trace_put_object_name(trace_id(object), identity.name);
}

/* ---- pages ---- */

/* Pages of one owner on their way into a record. */
#define BATCH_PAGES 128u
struct batch {
    uint64_t owner, index;
    uint64_t end; /* index: what lies from here on is not told */
    unsigned count;
    uint32_t pfns[BATCH_PAGES];
};

static void batch_put(struct batch *batch) {
    if (batch->count > 0)
        trace_put_pages(batch->owner, batch->index, batch->pfns, batch->count);
    batch->count = 0;
}

static void batch_page(void *arg, uint64_t index, struct frame *frame) {
    struct batch *batch = arg;

    if (index >= batch->end)
        return;
    if (index != batch->index + batch->count || batch->count == BATCH_PAGES)
        batch_put(batch);
    if (batch->count == 0)
        batch->index = index;
    batch->pfns[batch->count++] = (uint32_t)frame_to_pfn(frame);
}

void vm_trace_pages(const void *owner, const struct page_tree *tree, uint64_t end) {
    struct batch batch = {.owner = trace_id(owner), .end = end};
    const struct page_tree_visitor visitor = {.page = batch_page, .arg = &batch};

    page_tree_visit(tree, &visitor);
    batch_put(&batch);
}

void vm_trace_run(const struct vm_shadow *shadow, uint64_t index, const struct frame *run) {
    struct batch batch = {.owner = trace_id(shadow), .end = UINT64_MAX};

    for (unsigned i = 0; i < FRAME_RUN_FRAMES; i++)
        batch_page(&batch, index + i, (struct frame *)(uintptr_t)run + i);
    batch_put(&batch);
}
