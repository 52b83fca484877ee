/* SPDX-License-Identifier: MIT */
/* Records to state; see model.h. What each kind of record does is in apply_*.c. */
#include "user/memview/apply.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    apply_fn *apply;
    uint16_t bytes; /* of the record without what fills it up */
    bool fills;     /* the last field fills the record */
} kinds[] = {
#define KIND(id, name)                                                                             \
    [TRACE_EVENT_##id] = {apply_##name, sizeof(struct trace_record_##name), false}
#define KIND_FILLS(id, name, last)                                                                 \
    [TRACE_EVENT_##id] = {apply_##name, offsetof(struct trace_record_##name, last), true}
    KIND(SNAPSHOT_BEGIN, snapshot_begin),
    KIND(SNAPSHOT_END, snapshot_end),
    KIND(LOST, lost),
    KIND_FILLS(MARK, mark, text),
    KIND_FILLS(PROCESS, process, name),
    KIND_FILLS(PROCESS_NAME, process_name, name),
    KIND_FILLS(EXEC, exec, name),
    KIND(EXIT, exit),
    KIND(REAPED, reaped),
    KIND(THREAD, thread),
    KIND(THREAD_EXIT, thread_exit),
    KIND(SWITCH, switch),
    KIND(SIGNAL_FAULT, signal_fault),
    KIND(FRAME_ALLOC, frame_alloc),
    KIND(FRAME_FREE, frame_free),
    KIND(FRAME_USE, frame_use),
    KIND(COPY, copy),
    KIND(TABLE_MAKE, table_make),
    KIND(TABLE_FREE, table_free),
    KIND(TABLE_COPY, table_copy),
    KIND(TABLE_UNWRITABLE, table_unwritable),
    KIND(ENTRY, entry),
    KIND(ENTRIES_CLEAR, entries_clear),
    KIND_FILLS(ENTRIES, entries, values),
    KIND(ENTRIES_AND, entries_and),
    KIND(ENTRIES_FORKED, entries_forked),
    KIND(FLUSH_PAGE, flush_page),
    KIND(FLUSH_SPACE, flush_space),
    KIND(SPACE_MAKE, space_make),
    KIND(SPACE_FREE, space_free),
    KIND(FORK, fork),
    KIND(MAP, map),
    KIND(UNMAP, unmap),
    KIND(PROTECT, protect),
    KIND(SHADOW, shadow),
    KIND_FILLS(OBJECT_MAKE, object_make, name),
    KIND(OBJECT_FREE, object_free),
    KIND(OBJECT_SIZE, object_size),
    KIND(SHADOW_MAKE, shadow_make),
    KIND(SHADOW_FREE, shadow_free),
    KIND(PAGE, page),
    KIND_FILLS(PAGES, pages, pfns),
    KIND(PAGES_GONE, pages_gone),
    KIND(PAGES_SHARED, pages_shared),
    KIND(PAGES_MOVED, pages_moved),
    KIND(FAULT, fault),
#undef KIND
#undef KIND_FILLS
};

#define KIND_COUNT (sizeof kinds / sizeof kinds[0])

int contradicts(struct model *model, const char *format, ...) {
    va_list arguments;

    model->contradictions++;
    if (model->contradiction[0])
        return 0;
    va_start(arguments, format);
    vsnprintf(model->contradiction, sizeof model->contradiction, format, arguments);
    va_end(arguments);
    return 0;
}

void text_copy(char *text, size_t size, const char *from, size_t from_bytes) {
    size_t length = 0;

    while (length + 1 < size && length < from_bytes && from[length]) {
        text[length] = from[length] >= ' ' && from[length] <= '~' ? from[length] : '?';
        length++;
    }
    text[length] = '\0';
}

/* Whether a record of so many bytes can be one of this kind. */
static bool bytes_fit(unsigned event, size_t length) {
    size_t least = kinds[event].bytes;

    return kinds[event].fills ? length >= least : length == (least + 7) / 8 * 8;
}

static int complain(struct model *model, const struct record *record, int status) {
    if (status == -ENOMEM)
        snprintf(model->error, sizeof model->error, "out of memory");
    else if (!model->error[0])
        snprintf(model->error, sizeof model->error, "a record %s that cannot be one",
                 trace_event_name(record->event));
    return status;
}

int model_apply(struct model *model, const struct record *record) {
    int status;

    if (record->time < model->time)
        contradicts(model, "the time goes back from %llu to %llu", (unsigned long long)model->time,
                    (unsigned long long)record->time);
    model->time = record->time;
    if (model->in_snapshot)
        model->snapshot_records++;
    else if (record->event != TRACE_EVENT_SNAPSHOT_BEGIN)
        model->totals.events++;
    if (record->event >= KIND_COUNT || !kinds[record->event].apply)
        return 0; /* changes no state, or is of a later schema */
    if (!bytes_fit(record->event, record->length))
        return complain(model, record, -EINVAL);
    status = kinds[record->event].apply(model, record);
    return status < 0 ? complain(model, record, status) : 0;
}

static void state_forget(struct model *model) {
    size_t at = 0;
    struct process *process;

    while ((process = map_next(&model->processes, &at)))
        free(process);
    map_clear(&model->processes);
    map_clear(&model->threads);
    frames_clear(&model->frames);
    tables_clear(&model->tables);
    owners_clear(&model->owners);
    spaces_clear(&model->spaces);
}

int apply_snapshot_begin(struct model *model, const struct record *record) {
    struct trace_record_snapshot_begin event;
    int status;

    FIELDS(event, record);
    state_forget(model);
    model->whole = model->doubt = false;
    model->in_snapshot = true;
    model->snapshot_records = 0;
    model->processors = event.processors;
    status = frames_make(&model->frames, event.frames);
    if (status == -EINVAL)
        snprintf(model->error, sizeof model->error, "a machine of %llu frames is out of bounds",
                 (unsigned long long)event.frames);
    return status;
}

int apply_snapshot_end(struct model *model, const struct record *record) {
    struct trace_record_snapshot_end event;

    FIELDS(event, record);
    if (!model->in_snapshot)
        return contradicts(model, "snapshot_end without a beginning");
    model->in_snapshot = false;
    model->whole = true;
    model->totals.snapshots++;
    if (model->snapshot_records != event.records + 1)
        contradicts(model, "a snapshot of %llu records says it has %llu",
                    (unsigned long long)model->snapshot_records - 1,
                    (unsigned long long)event.records);
    return 0;
}

void model_clear(struct model *model) {
    state_forget(model);
    *model = (struct model){0};
}
