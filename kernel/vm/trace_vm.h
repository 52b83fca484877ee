/* SPDX-License-Identifier: MIT */
/*
 * What the trace is told of the VM beyond single tracepoints (core/trace.h), and the VM's part of a
 * snapshot (core/trace_state.h).
 */
#ifndef QUIRE_VM_TRACE_VM_H
#define QUIRE_VM_TRACE_VM_H

#include "core/trace.h"
#include "vm/space.h"

/* At boot, once, after those of the layers below. */
void vm_trace_init(void);

/* Tells of an object that is new: it has no name yet. */
void vm_object_trace(struct vm_object *object);

/* Tells its name, if it has one. No lock is held. */
void vm_object_tell_name(struct vm_object *object);

/* The same if somebody wants to know: an object is about to be mapped. */
static inline void vm_object_trace_name(struct vm_object *object) {
    if (trace_object_name_is_on())
        vm_object_tell_name(object);
}

/* Tells that the area is there; for machine_call_rarely(), with `unused`. */
uint64_t vm_area_tell(uint64_t area, uint64_t unused);

/*
 * Tells of edges that are about to move, or of rights (low half) and flags that the area is about
 * to get. For machine_call_rarely() as well.
 */
uint64_t vm_area_tell_resize(uint64_t area, uint64_t start, uint64_t end);
uint64_t vm_area_tell_rights(uint64_t area, uint64_t rights_and_flags);

/* Tells of an area's range, or of a part that has come to it, which lies in it now. */
static inline TRACE_INLINE void vm_area_trace(const struct vm_area *area) {
    if (trace_map_is_on())
        machine_call_rarely(vm_area_tell, (uint64_t)area, 0);
}

/* Tells of the pages of an object or a shadow, in records of many; not of those from `end` on. */
void vm_trace_pages(const void *owner, const struct page_tree *tree, uint64_t end);

/* Gives an area in the set, which has none, a shadow: if there is memory for it. */
static inline void vm_area_make_shadow(struct vm_area *area) {
    area->shadow = vm_shadow_create();
    if (area->shadow)
        trace_shadow(area->space->root, area->start, area->end, trace_id(area->shadow));
}

/*
 * Notes that a fault at an address begins on this processor, for machine_call_rarely(); then,
 * VM_USER if a program did the access, and how many ticks ago it began. 0: it has slept meanwhile,
 * or was not noted.
 */
uint64_t vm_trace_fault_begin(uint64_t address, uint64_t access);
unsigned vm_trace_fault_user(uint64_t address);
uint64_t vm_trace_fault_ticks(uint64_t address);

/* Tells of a run of frames at an index. */
void vm_trace_run(const struct vm_shadow *shadow, uint64_t index, const struct frame *run);

#endif
