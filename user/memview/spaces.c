/* SPDX-License-Identifier: MIT */
/*
 * Address spaces; see view.h. A line for each process:
 *
 *     2 p-fork 2: 14 areas, own 20, shared 31, file 60, zero 0, tables 4+2 shared   (in pages)
 *
 * and one for each area, or more if it is long and zoomed: where it begins, its rights, its size,
 * what it is, and a cell for each page, or for 2^zoom pages:
 *
 *     letter of the frame   an entry leads there (what most of the pages are, `+`, `!`: as in the
 *                           map of physical memory)
 *     :                     a page is there, and no entry leads to it yet
 *     .                     no page yet
 *     #                     no rights: a guard
 */
#include "user/memview/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AREA_COLUMNS 37 /* before the cells */
#define AREA_NAME_COLUMNS 12

/* One line of the whole. */
struct line {
    const struct space *space;
    const struct area *area; /* NULL: the line of the process */
    uint64_t first;          /* page of the area that the line begins with */
    int zoom;
};

struct lines {
    struct line *lines;
    size_t count, room;
};

char *size_text(char text[12], uint64_t bytes) {
    static const char units[] = "KMGT";
    double value = (double)bytes / 1024;
    int unit = 0;

    while (value >= 1024 && unit < 3) {
        value /= 1024;
        unit++;
    }
    snprintf(text, 12, value < 10 && value != (uint64_t)value ? "%.1f%c" : "%.0f%c", value,
             units[unit]);
    return text;
}

static void line_add(struct lines *lines, struct line line) {
    if (lines->count == lines->room) {
        size_t room = lines->room ? 2 * lines->room : 64;
        struct line *grown = realloc(lines->lines, room * sizeof *grown);
        if (!grown)
            return; /* the picture ends there */
        lines->lines = grown;
        lines->room = room;
    }
    lines->lines[lines->count++] = line;
}

static uint64_t area_pages(const struct area *area) {
    return (area->end - area->start) >> 12;
}

static void area_lines(const struct view *view, struct lines *lines, struct line line, int cells) {
    uint64_t pages = area_pages(line.area), count;

    line.zoom = view->space_zoom;
    if (line.zoom == ZOOM_AUTO)
        for (line.zoom = 0; pages > (uint64_t)cells << line.zoom;)
            line.zoom++;
    count = (uint64_t)cells << line.zoom;
    for (line.first = 0; line.first < pages; line.first += count)
        line_add(lines, line);
}

static void space_lines(const struct view *view, struct lines *lines, size_t index, int cells) {
    struct line line = {.space = space_get(&view->model->spaces, view->census->roots[index])};

    line_add(lines, line);
    for (size_t i = 0; i < line.space->count; i++) {
        line.area = &line.space->areas[i];
        area_lines(view, lines, line, cells);
    }
}

/* The process that is looked at first, then the others by their ids. */
static struct lines lines_make(const struct view *view, int cells) {
    struct lines lines = {0};
    const struct census *census = view->census;

    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < census->spaces; i++)
            if ((view->pid && census->pids[i] == view->pid) == (pass == 0))
                space_lines(view, &lines, i, cells);
    return lines;
}

/* ---- pages ---- */

/* Walks the pages of a space one after the other; the last table is kept. */
struct walker {
    const struct view *view;
    const struct space *space;
    const struct area *area;
    const struct table *table; /* of level 1, for the addresses from `base`; NULL: not known */
    uint64_t base;
};

static uint64_t walker_entry(struct walker *walker, uint64_t va) {
    const struct tables *tables = &walker->view->model->tables;
    uint64_t base = va & ~0x1fffffull;
    struct translation at;

    if (walker->table && walker->base == base)
        return walker->table->entries[(va >> 12) % TABLE_ENTRIES];
    at = table_walk(tables, walker->space->root, va);
    walker->table = at.level == 1 ? table_get(tables, at.table) : NULL;
    walker->base = base;
    if (!(at.entry & ENTRY_PRESENT) || at.level <= 1)
        return at.entry;
    return at.entry + (va & ((entry_pages(at.level) << 12) - 4096));
}

/* A page is there, whoever has a way to it. */
static bool page_is_held(const struct walker *walker, uint64_t index) {
    const struct owners *owners = &walker->view->model->owners;
    const struct owner *shadow = owner_get(owners, walker->area->shadow);
    const struct owner *object = owner_get(owners, walker->area->object);

    return (shadow && owner_page(shadow, index)) || (object && owner_page(object, index));
}

static struct cell page_cell(struct walker *walker, uint64_t page) {
    const struct area *area = walker->area;
    uint64_t entry = walker_entry(walker, area->start + (page << 12));
    const struct census *census = walker->view->census;
    const struct frame *frame = NULL;

    if (entry & ENTRY_PRESENT)
        frame = frame_at(&walker->view->model->frames, ENTRY_PFN(entry));
    if (frame)
        return (struct cell){(uint16_t)frame_letter(census, frame),
                             (uint8_t)class_style(frame_class_of(frame), frame_pid(census, frame))};
    if (page_is_held(walker, area->offset + page))
        return (struct cell){':', STYLE_PLAIN};
    if (area->prot == 0)
        return (struct cell){'#', STYLE_DIM};
    return (struct cell){GLYPH_DOT, STYLE_DIM};
}

static struct cell pages_cell(struct walker *walker, uint64_t first, uint64_t count) {
    uint32_t counts[256] = {0};
    struct cell best = {0};
    uint32_t most = 0;

    for (uint64_t i = first; i < first + count; i++) {
        struct cell cell = page_cell(walker, i);
        if (cell.style == STYLE_ERROR)
            return (struct cell){count == 1 ? cell.glyph : '!', STYLE_ERROR};
        if (++counts[cell.glyph & 0xff] > most) {
            most = counts[cell.glyph & 0xff];
            best = cell;
        }
    }
    if (2 * (uint64_t)most < count)
        best.glyph = '+';
    return best;
}

/* ---- lines ---- */

static void area_name(const struct view *view, const struct area *area, char *name) {
    const struct owner *object = owner_get(&view->model->owners, area->object);
    const char *slash = object ? strrchr(object->name, '/') : NULL;
    const char *text = "anonymous";

    if (area->prot == 0)
        text = "no rights";
    if (area->flags & TRACE_AREA_HEAP)
        text = "heap";
    if (area->flags & TRACE_AREA_STACK)
        text = "stack";
    if (object)
        text = object->name[0] ? slash && slash[1] ? slash + 1 : object->name
                               : trace_object_kind_name(object->kind);
    snprintf(name, AREA_NAME_COLUMNS + 1, "%.*s", AREA_NAME_COLUMNS, text ? text : "object");
}

static void area_draw(const struct view *view, const struct line *line, struct rectangle where) {
    const struct area *area = line->area;
    struct walker walker = {.view = view, .space = line->space, .area = area};
    uint64_t cell_pages = 1ull << line->zoom, pages = area_pages(area);
    int column = where.column + AREA_COLUMNS;
    char name[AREA_NAME_COLUMNS + 1], size[12];

    area_name(view, area, name);
    canvas_print(
        view->canvas, AT(where.row, where.column), STYLE_PLAIN, "  %012llx %c%c%c%c %5s %s",
        (unsigned long long)(area->start + (line->first << 12)),
        area->prot & TRACE_PROT_READ ? 'r' : '-', area->prot & TRACE_PROT_WRITE ? 'w' : '-',
        area->prot & TRACE_PROT_EXEC ? 'x' : '-', area->flags & TRACE_AREA_SHARED ? 's' : 'p',
        size_text(size, area->end - area->start), line->first ? "" : name);
    for (uint64_t at = line->first; at < pages && column < where.columns; at += cell_pages) {
        uint64_t count = pages - at < cell_pages ? pages - at : cell_pages;
        canvas_put(view->canvas, where.row, column++, pages_cell(&walker, at, count));
    }
}

/* What a space has, in pages and tables. */
struct holdings {
    uint64_t own, shared, file, zero, tables, tables_shared;
};

static void page_count(const struct view *view, struct holdings *sum, uint64_t entry,
                       uint64_t pages) {
    const struct frame *frame = frame_at(&view->model->frames, ENTRY_PFN(entry));

    if (!frame)
        return;
    if (frame->use == TRACE_FRAME_USE_ZERO)
        sum->zero += pages;
    else if (frame->use == TRACE_FRAME_USE_FILE || frame->use == TRACE_FRAME_USE_SHMEM)
        sum->file += pages;
    else if (frame->shared)
        sum->shared += pages;
    else
        sum->own += pages;
}

static void table_count(const struct view *view, struct holdings *sum, uint64_t pfn,
                        unsigned level) {
    const struct table *table = table_get(&view->model->tables, pfn);
    const struct frame *frame = frame_at(&view->model->frames, pfn);

    if (!table || table->level != level)
        return;
    sum->tables++;
    sum->tables_shared += frame && frame->shared;
    for (int i = 0; i < TABLE_ENTRIES; i++) {
        uint64_t entry = table->entries[i];
        if (!(entry & ENTRY_PRESENT))
            continue;
        if (entry_is_leaf(entry, level))
            page_count(view, sum, entry, entry_pages(level));
        else
            table_count(view, sum, ENTRY_PFN(entry), level - 1);
    }
}

static void space_draw(const struct view *view, const struct space *space, struct rectangle where) {
    const struct process *process = map_get(&view->model->processes, space->pid);
    struct holdings sum = {0};
    int column;

    table_count(view, &sum, space->root, TABLE_LEVELS);
    column = canvas_print(view->canvas, AT(where.row, where.column),
                          class_style(CLASS_PRIVATE, space->pid), "%c",
                          process ? pid_letter(space->pid) : '0');
    if (process)
        column = canvas_print(view->canvas, AT(where.row, column), STYLE_BOLD, " %s %u",
                              process->name, space->pid);
    else
        column =
            canvas_print(view->canvas, AT(where.row, column), STYLE_BOLD, " a space of nobody");
    canvas_print(
        view->canvas, AT(where.row, column), STYLE_PLAIN,
        ": %zu areas, own %llu, shared %llu, file %llu, zero %llu, tables %llu+%llu shared",
        space->count, (unsigned long long)sum.own, (unsigned long long)sum.shared,
        (unsigned long long)sum.file, (unsigned long long)sum.zero,
        (unsigned long long)(sum.tables - sum.tables_shared),
        (unsigned long long)sum.tables_shared);
}

size_t spaces_draw(struct view *view, struct rectangle where) {
    int cells = where.columns - AREA_COLUMNS < 8 ? 8 : where.columns - AREA_COLUMNS;
    struct lines lines = lines_make(view, cells);
    size_t most = lines.count > (size_t)where.rows ? lines.count - (size_t)where.rows : 0;

    if (view->line > most)
        view->line = most;
    for (int row = 0; row < where.rows && view->line + (size_t)row < lines.count; row++) {
        const struct line *line = &lines.lines[view->line + (size_t)row];
        struct rectangle here = {where.row + row, where.column, 1, where.columns};
        if (line->area)
            area_draw(view, line, here);
        else
            space_draw(view, line->space, here);
    }
    free(lines.lines);
    return lines.count;
}
