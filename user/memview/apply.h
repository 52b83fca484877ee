/* SPDX-License-Identifier: MIT */
/*
 * What each kind of record does to the model; private to it. An apply function gets a record whose
 * size is right for its kind and returns 0, -EINVAL (its contents cannot be) or -ENOMEM.
 */
#ifndef USER_MEMVIEW_APPLY_H
#define USER_MEMVIEW_APPLY_H

#include "user/memview/model.h"

#include <string.h>

typedef int apply_fn(struct model *model, const struct record *record);

/* The fields of a record, as the structure of its event. */
#define FIELDS(event, record) memcpy(&(event), (record)->bytes, sizeof(event))

/* Counts what cannot be true if what was told before is; returns 0. */
int contradicts(struct model *model, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Text of a record, which may hold anything, as text that can be shown. */
void text_copy(char *text, size_t size, const char *from, size_t from_bytes);

/* Copies the text `field` that fills the rest of a record. */
#define TEXT(target, record, event, field)                                                         \
    text_copy(target, sizeof(target),                                                              \
              (const char *)(record)->bytes + offsetof(__typeof__(event), field),                  \
              (record)->length - offsetof(__typeof__(event), field))

/* Stream and processes. */
apply_fn apply_snapshot_begin, apply_snapshot_end, apply_lost, apply_mark;
apply_fn apply_process, apply_process_name, apply_exec, apply_exit, apply_reaped;
apply_fn apply_thread, apply_thread_exit, apply_switch, apply_signal_fault, apply_fault;

/* Frames and tables. */
apply_fn apply_frame_alloc, apply_frame_free, apply_frame_use, apply_copy;
apply_fn apply_table_make, apply_table_free, apply_table_copy, apply_table_unwritable;
apply_fn apply_entry, apply_entries_clear, apply_entries, apply_entries_and, apply_entries_forked;
apply_fn apply_flush_page, apply_flush_space;

/* Spaces and what they map. */
apply_fn apply_space_make, apply_space_free, apply_fork;
apply_fn apply_map, apply_unmap, apply_protect, apply_shadow;
apply_fn apply_object_make, apply_object_free, apply_object_size;
apply_fn apply_shadow_make, apply_shadow_free;
apply_fn apply_page, apply_pages, apply_pages_gone, apply_pages_shared, apply_pages_moved;

#endif
