/* SPDX-License-Identifier: MIT */
/*
 * The VM's part of a snapshot of the trace (core/trace_state.h).
 *
 * Objects with their pages are told first, then each space: its shadows with their pages, its
 * areas, its tables as far as no space before has them too. Nobody holds a lock or is amid a
 * change.
 */
#include "core/trace_state.h"
#include "vm/pmap.h"
#include "vm/space.h"
#include "vm/trace_vm.h"

static bool tell_object(void *unused, struct vm_object *object) {
    (void)unused;
    vm_object_trace(object);
    vm_trace_pages(object, &object->tree, UINT64_MAX);
    return true;
}

/* A shadow that several areas have is told with the first of them: its mark is 0 before. */
static void tell_shadow(struct vm_shadow *shadow) {
    if (!shadow || shadow->mark)
        return;
    shadow->mark = 1;
    trace_put_shadow_make(trace_id(shadow));
    vm_trace_pages(shadow, &shadow->tree, shadow->void_from);
}

static void tell_space(struct vm_space *space, uint64_t *seen) {
    struct vm_area *area;

    trace_put_space_make(space->root);
    for (area = vm_area_first(&space->areas); area; area = vm_area_next(area)) {
        if (area->shadow)
            area->shadow->mark = 0;
    }
    for (area = vm_area_first(&space->areas); area; area = vm_area_next(area)) {
        tell_shadow(area->shadow);
        if (area->object)
            vm_object_tell_name(area->object);
        vm_area_tell((uint64_t)area, 0);
    }
    pmap_trace_tables(space->pmap, seen);
}

static void tell_vm(uint64_t *seen) {
    vm_object_for_each(tell_object, NULL);
    for (struct vm_space *space = vm_space_next(NULL); space; space = vm_space_next(space))
        tell_space(space, seen);
}

void vm_trace_init(void) {
    trace_teller_add(tell_vm);
}
