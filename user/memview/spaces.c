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
#define AREA_LINES_MAX 4096
#define ANCESTORS_MAX 64

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
    while (pages / AREA_LINES_MAX > (uint64_t)cells << line.zoom)
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

/* 0: the process that is looked at; 1: one that comes from it; 2: another. */
static int distance(const struct view *view, uint32_t pid) {
    const struct process *process = map_get(&view->model->processes, pid);

    if (view->pid == 0 || pid == view->pid)
        return pid == view->pid ? 0 : 2;
    for (int i = 0; process && i < ANCESTORS_MAX; i++) {
        if (process->parent == view->pid)
            return 1;
        process = map_get(&view->model->processes, process->parent);
    }
    return 2;
}

/* The process that is looked at first, then those that come from it, then the others. */
static struct lines lines_make(const struct view *view, int cells) {
    struct lines lines = {0};
    const struct census *census = view->census;

    for (int pass = 0; pass <= 2; pass++)
        for (size_t i = 0; i < census->spaces; i++)
            if (distance(view, census->pids[i]) == pass)
                space_lines(view, &lines, i, cells);
    return lines;
}

/* ---- pages ---- */

/* What pages [first, end) of an area are; in proportion to what is there, not to their number. */
struct tally {
    const struct view *view;
    const struct space *space;
    const struct area *area;
    const struct owner *over; /* the shadow over the object whose pages are counted */
    uint64_t first, end;
    uint64_t counts[256]; /* by letter */
    struct cell cells[256];
    uint64_t pages; /* counted so far */
    bool error;
};

static void tally_cell(struct tally *tally, struct cell cell, uint64_t count) {
    uint8_t letter = (uint8_t)cell.glyph;

    tally->cells[letter] = cell;
    tally->counts[letter] += count;
    tally->pages += count;
    tally->error |= cell.style == STYLE_ERROR;
}

/* Pages from `va` on, as far as they are among those counted, that frames from `pfn` on are. */
static void tally_frames(struct tally *tally, uint64_t va, uint64_t pfn, uint64_t count) {
    const struct census *census = tally->view->census;
    uint64_t start = tally->area->start;

    for (uint64_t i = 0; i < count; i++) {
        const struct frame *frame = frame_at(&tally->view->model->frames, pfn + i);
        uint64_t page = ((va - start) >> 12) + i;
        if (!frame)
            return;
        if (va + (i << 12) >= start && page >= tally->first && page < tally->end)
            tally_cell(tally,
                       (struct cell){
                           (uint16_t)frame_letter(census, frame),
                           (uint8_t)class_style(frame_class_of(frame), frame_pid(census, frame))},
                       1);
    }
}

/* The part of a table, whose entries begin at va, that has to do with the pages. */
static void tally_table(struct tally *tally, uint64_t pfn, unsigned level, uint64_t va) {
    const struct table *table = table_get(&tally->view->model->tables, pfn);
    uint64_t first = tally->area->start + (tally->first << 12);
    uint64_t last = tally->area->start + (tally->end << 12) - 1;
    uint64_t span = entry_pages(level) << 12;

    if (!table || table->level != level || last < va)
        return;
    for (uint64_t i = first > va ? (first - va) / span : 0;
         i < TABLE_ENTRIES && i <= (last - va) / span; i++) {
        uint64_t entry = table->entries[i];
        if (!(entry & ENTRY_PRESENT))
            continue;
        if (entry_is_leaf(entry, level))
            tally_frames(tally, va + i * span, ENTRY_PFN(entry), entry_pages(level));
        else
            tally_table(tally, ENTRY_PFN(entry), level - 1, va + i * span);
    }
}

/* Pages of an owner, not hidden by a shadow over it, to which no entry leads. */
static void tally_chunk(struct tally *tally, const struct chunk *chunk, uint64_t number) {
    const struct model *model = tally->view->model;

    for (uint64_t i = 0; i < CHUNK_PAGES; i++) {
        uint64_t page = number * CHUNK_PAGES + i - tally->area->offset;
        if (!chunk->pfns[i] || page < tally->first || page >= tally->end)
            continue;
        if (tally->over && owner_page(tally->over, number * CHUNK_PAGES + i))
            continue;
        if (!(table_walk(&model->tables, tally->space->root, tally->area->start + (page << 12))
                  .entry &
              ENTRY_PRESENT))
            tally_cell(tally, (struct cell){':', STYLE_PLAIN}, 1);
    }
}

/* By number where those are few, else all that there are. */
static void tally_owner(struct tally *tally, uint64_t id) {
    const struct owner *owner = id ? owner_get(&tally->view->model->owners, id) : NULL;
    uint64_t first = (tally->area->offset + tally->first) / CHUNK_PAGES;
    uint64_t last = (tally->area->offset + tally->end - 1) / CHUNK_PAGES;

    if (!owner)
        return;
    for (uint64_t i = first; last - first < owner->chunks.capacity && i <= last; i++) {
        const struct chunk *chunk = map_get(&owner->chunks, i);
        if (chunk)
            tally_chunk(tally, chunk, i);
    }
    for (size_t i = 0; last - first >= owner->chunks.capacity && i < owner->chunks.capacity; i++)
        if (owner->chunks.slots[i].value)
            tally_chunk(tally, owner->chunks.slots[i].value, owner->chunks.slots[i].key);
}

static struct cell pages_cell(const struct view *view, const struct line *line, uint64_t first,
                              uint64_t end) {
    struct tally tally = {
        .view = view, .space = line->space, .area = line->area, .first = first, .end = end};
    struct cell none =
        line->area->prot ? (struct cell){GLYPH_DOT, STYLE_DIM} : (struct cell){'#', STYLE_DIM};
    uint64_t most = 0;
    struct cell cell = none;

    tally_table(&tally, line->space->root, TABLE_LEVELS, 0);
    tally_owner(&tally, line->area->shadow);
    tally.over = owner_get(&view->model->owners, line->area->shadow);
    tally_owner(&tally, line->area->object);
    if (tally.pages < end - first)
        tally_cell(&tally, none, end - first - tally.pages);
    for (size_t i = 0; i < 256; i++)
        if (tally.counts[i] > most) {
            most = tally.counts[i];
            cell = tally.cells[i];
        }
    if (tally.error)
        return (struct cell){end - first == 1 ? cell.glyph : '!', STYLE_ERROR};
    if (2 * most < end - first)
        cell.glyph = '+';
    return cell;
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
        canvas_put(view->canvas, where.row, column++, pages_cell(view, line, at, at + count));
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
