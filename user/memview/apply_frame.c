/* SPDX-License-Identifier: MIT */
/* Records about frames and page tables; see apply.h. */
#include "user/memview/apply.h"

#include <errno.h>

#define ORDER_MAX 30

static int frames_become(struct model *model, uint64_t pfn, uint64_t count, uint8_t use) {
    if (use >= TRACE_FRAME_USE_COUNT)
        return -EINVAL;
    if (!frames_use(&model->frames, pfn, count, use))
        return contradicts(model, "there are no frames %llx to %llx", (unsigned long long)pfn,
                           (unsigned long long)(pfn + count - 1));
    return 0;
}

int apply_frame_alloc(struct model *model, const struct record *record) {
    struct trace_record_frame_alloc event;
    const struct frame *frame;

    FIELDS(event, record);
    if (event.order > ORDER_MAX)
        return -EINVAL;
    frame = frame_at(&model->frames, event.pfn);
    if (frame && frame->use != TRACE_FRAME_USE_FREE && model->whole)
        contradicts(model, "frame %x is handed out, and was %s", event.pfn,
                    trace_frame_use_name(frame->use));
    model->totals.allocs += 1ull << event.order;
    return frames_become(model, event.pfn, 1ull << event.order, event.use);
}

int apply_frame_free(struct model *model, const struct record *record) {
    struct trace_record_frame_free event;
    const struct frame *frame;

    FIELDS(event, record);
    if (event.order > ORDER_MAX)
        return -EINVAL;
    frame = frame_at(&model->frames, event.pfn);
    if (frame && frame->use == TRACE_FRAME_USE_FREE && model->whole)
        contradicts(model, "frame %x is freed twice", event.pfn);
    model->totals.frees += 1ull << event.order;
    return frames_become(model, event.pfn, 1ull << event.order, TRACE_FRAME_USE_FREE);
}

int apply_frame_use(struct model *model, const struct record *record) {
    struct trace_record_frame_use event;

    FIELDS(event, record);
    return frames_become(model, event.pfn, event.count, event.use);
}

int apply_copy(struct model *model, const struct record *record) {
    (void)record;
    model->totals.copies++;
    return 0;
}

/* ---- tables ---- */

static struct table *table_known(struct model *model, uint32_t pfn) {
    struct table *table = table_get(&model->tables, pfn);

    if (!table)
        contradicts(model, "there is no page table %x", pfn);
    return table;
}

static int table_add(struct model *model, uint32_t pfn, uint8_t level) {
    struct frame *frame = frame_at(&model->frames, pfn);
    int status = table_make(&model->tables, pfn, level);

    if (status == 0 && frame)
        frame->level = level;
    return status;
}

int apply_table_make(struct model *model, const struct record *record) {
    struct trace_record_table_make event;

    FIELDS(event, record);
    if (!model->in_snapshot)
        model->totals.tables_made++;
    return table_add(model, event.pfn, event.level);
}

int apply_table_free(struct model *model, const struct record *record) {
    struct trace_record_table_free event;
    struct frame *frame;

    FIELDS(event, record);
    model->totals.tables_freed++;
    frame = frame_at(&model->frames, event.pfn);
    if (frame)
        frame->level = 0;
    if (!table_free(&model->tables, event.pfn))
        contradicts(model, "there is no page table %x", event.pfn);
    return 0;
}

int apply_table_copy(struct model *model, const struct record *record) {
    struct trace_record_table_copy event;
    struct table *from, *to;
    int status;

    FIELDS(event, record);
    model->totals.tables_copied++;
    status = table_add(model, event.to, event.level);
    from = table_known(model, event.from);
    to = table_get(&model->tables, event.to);
    if (status < 0 || !from || !to)
        return status;
    memcpy(to->entries, from->entries, sizeof to->entries);
    table_unwritable(to);
    return 0;
}

int apply_table_unwritable(struct model *model, const struct record *record) {
    struct trace_record_table_unwritable event;
    struct table *table;

    FIELDS(event, record);
    table = table_known(model, event.pfn);
    if (table)
        table_unwritable(table);
    return 0;
}

int apply_entry(struct model *model, const struct record *record) {
    struct trace_record_entry event;
    struct table *table;

    FIELDS(event, record);
    if (event.slot >= TABLE_ENTRIES)
        return -EINVAL;
    table = table_known(model, event.pfn);
    if (table)
        table->entries[event.slot] = event.value;
    return 0;
}

static bool slots_fit(uint32_t slot, uint64_t count) {
    return slot < TABLE_ENTRIES && count <= TABLE_ENTRIES - slot;
}

int apply_entries_clear(struct model *model, const struct record *record) {
    struct trace_record_entries_clear event;
    struct table *table;

    FIELDS(event, record);
    if (!slots_fit(event.slot, event.count))
        return -EINVAL;
    table = table_known(model, event.pfn);
    if (table)
        memset(&table->entries[event.slot], 0, event.count * sizeof table->entries[0]);
    return 0;
}

int apply_entries(struct model *model, const struct record *record) {
    struct trace_record_entries event;
    size_t bytes = record->length - sizeof event;
    struct table *table;

    FIELDS(event, record);
    if (!slots_fit(event.slot, bytes / 8))
        return -EINVAL;
    table = table_known(model, event.pfn);
    if (table)
        memcpy(&table->entries[event.slot], record->bytes + sizeof event, bytes / 8 * 8);
    return 0;
}

int apply_entries_and(struct model *model, const struct record *record) {
    struct trace_record_entries_and event;
    struct table *table;

    FIELDS(event, record);
    if (!slots_fit(event.slot, event.count))
        return -EINVAL;
    table = table_known(model, event.pfn);
    for (uint32_t i = event.slot; table && i < event.slot + event.count; i++)
        if (table->entries[i])
            table->entries[i] = (table->entries[i] & event.and) | event.or ;
    return 0;
}

int apply_entries_forked(struct model *model, const struct record *record) {
    struct trace_record_entries_forked event;
    struct table *from, *to;

    FIELDS(event, record);
    if (!slots_fit(event.slot, event.count))
        return -EINVAL;
    from = table_known(model, event.from);
    to = table_known(model, event.to);
    for (uint32_t i = event.slot; from && i < event.slot + event.count; i++) {
        from->entries[i] = entry_forked(from->entries[i], from->level);
        if (to && from->entries[i])
            to->entries[i] = from->entries[i];
    }
    return 0;
}

/* ---- translations ---- */

static void flush_count(struct model *model, uint32_t processors) {
    model->totals.interrupts += (uint64_t)__builtin_popcount(processors);
}

int apply_flush_page(struct model *model, const struct record *record) {
    struct trace_record_flush_page event;

    FIELDS(event, record);
    model->totals.flush_pages++;
    flush_count(model, event.processors);
    return 0;
}

int apply_flush_space(struct model *model, const struct record *record) {
    struct trace_record_flush_space event;

    FIELDS(event, record);
    model->totals.flush_spaces++;
    flush_count(model, event.processors);
    return 0;
}
