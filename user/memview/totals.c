/* SPDX-License-Identifier: MIT */
/* The legend, frames by use, and how much happens; see view.h. */
#include "user/memview/view.h"

#include <stdio.h>
#include <string.h>

#define BAR_COLUMNS 32
#define WIDE_COLUMNS 124 /* frames and events beside each other */
#define EVENTS_COLUMN 74

int legend_draw(struct view *view, struct rectangle where) {
    int row = 0, column = where.column;

    for (int class = 0; class < CLASS_COUNT; class ++) {
        uint64_t count = view->census->classes[class];
        char words[64];
        int length;
        if (count == 0 || class == CLASS_HOLE)
            continue;
        length = snprintf(words, sizeof words, " %s %llu  ",
                          class == CLASS_PRIVATE ? "one's own" : class_name(class),
                          (unsigned long long)count);
        if (column > where.column && column + length > where.column + where.columns) {
            row++;
            column = where.column;
        }
        if (row >= where.rows)
            return where.rows;
        canvas_print(view->canvas, AT(where.row + row, column), class_style(class, 1), "%c",
                     class_letter(class));
        canvas_print(view->canvas, AT(where.row + row, column + 1),
                     class_is_error(class) ? STYLE_ERROR : STYLE_PLAIN, "%s", words);
        column += 1 + length;
    }
    return row + (column > where.column);
}

/* ---- frames by use ---- */

static int uses_draw(struct view *view, struct rectangle where) {
    const struct census *census = view->census;
    int row = where.row;
    char size[12];

    canvas_print(view->canvas, AT(row++, where.column), STYLE_BOLD, "%-14s%10s%8s", "frames by use",
                 "frames", "bytes");
    for (unsigned use = 0; use < TRACE_FRAME_USE_COUNT; use++) {
        uint64_t count = census->uses[use];
        if (count == 0 || use == TRACE_FRAME_USE_HOLE)
            continue;
        canvas_print(view->canvas, AT(row, where.column), STYLE_PLAIN, "%-14s%10llu%8s",
                     trace_frame_use_name(use), (unsigned long long)count,
                     size_text(size, count << 12));
        canvas_fill(view->canvas, row++, where.column + 34,
                    (int)((count * BAR_COLUMNS + census->memory - 1) / census->memory),
                    (struct cell){GLYPH_BLOCK, STYLE_PLAIN});
    }
    canvas_print(view->canvas, AT(row++, where.column), STYLE_PLAIN, "%-14s%10llu%8s", "all",
                 (unsigned long long)census->memory, size_text(size, census->memory << 12));
    return row - where.row;
}

/* ---- what happens ---- */

static const struct {
    const char *name;
    size_t offset;
} counters[] = {
#define COUNTER(name, field)                                                                       \
    { name, offsetof(struct totals, field) }
    COUNTER("frames handed out", allocs),
    COUNTER("frames given back", frees),
    COUNTER("pages copied", copies),
    COUNTER("tables made", tables_made),
    COUNTER("tables un-shared", tables_copied),
    COUNTER("tables freed", tables_freed),
    COUNTER("flushes of a page", flush_pages),
    COUNTER("flushes of a space", flush_spaces),
    COUNTER("processors interrupted", interrupts),
    COUNTER("areas mapped", maps),
    COUNTER("areas unmapped", unmaps),
    COUNTER("forks", forks),
    COUNTER("execs", execs),
    COUNTER("exits", exits),
    COUNTER("switches", switches),
    COUNTER("faults refused", refused),
    COUNTER("signals for faults", signals),
    COUNTER("events", events),
    COUNTER("events lost", lost),
#undef COUNTER
};

static void counter_draw(struct view *view, int row, int column, const char *name, size_t offset) {
    uint64_t total = *(const uint64_t *)((const char *)&view->model->totals + offset);

    canvas_print(view->canvas, AT(row, column), STYLE_PLAIN, "%-24s%10.0f%12llu", name,
                 rates_of(view->rates, offset), (unsigned long long)total);
}

static int events_draw(struct view *view, struct rectangle where) {
    int row = where.row;

    canvas_print(view->canvas, AT(row++, where.column), STYLE_BOLD, "%-24s%10s%12s",
                 "what happened", "a second", "in all");
    for (unsigned i = 0; i < TRACE_FAULT_CASE_COUNT; i++) {
        size_t offset = offsetof(struct totals, faults) + i * sizeof(uint64_t);
        char name[32] = "fault: ";
        strncat(name, trace_fault_case_name(i), sizeof name - 8);
        for (char *at = name; *at; at++)
            *at = *at == '_' ? ' ' : *at;
        if (view->model->totals.faults[i])
            counter_draw(view, row++, where.column, name, offset);
    }
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++)
        if (*(const uint64_t *)((const char *)&view->model->totals + counters[i].offset))
            counter_draw(view, row++, where.column, counters[i].name, counters[i].offset);
    return row - where.row;
}

int totals_draw(struct view *view, struct rectangle where) {
    struct rectangle events = where;
    int rows = uses_draw(view, where), other;

    if (where.columns < WIDE_COLUMNS) {
        events.row += rows + 1;
        return rows + 1 + events_draw(view, events);
    }
    events.column += EVENTS_COLUMN;
    other = events_draw(view, events);
    return rows > other ? rows : other;
}
