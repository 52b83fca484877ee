/* SPDX-License-Identifier: MIT */
/*
 * The map of physical memory; see view.h.
 *
 * A row begins with its physical address. Rows in which no memory is at all are left out. A cell of
 * several pages shows what most of them are (the one that comes first, if there are as many of
 * another); `+`, or the colour alone, where that is less than half; `!` if one of them is an error.
 */
#include "user/memview/view.h"

#include <stdio.h>
#include <string.h>

#define LABEL_COLUMNS 12
#define COLUMNS_MIN 8
#define COLUMNS_MAX 512
#define MAPPINGS_SHOWN 3

enum style class_style(enum frame_class class, uint32_t pid) {
    static const uint8_t of_class[CLASS_COUNT] = {
        [CLASS_RESERVED] = STYLE_DIM,
        [CLASS_KERNEL] = STYLE_KERNEL,
        [CLASS_SLAB] = STYLE_KERNEL,
        [CLASS_STACK] = STYLE_KERNEL,
        [CLASS_TABLE] = STYLE_TABLE,
        [CLASS_TABLE_SHARED] = STYLE_TABLE_SHARED,
        [CLASS_SHARED] = STYLE_SHARED,
        [CLASS_FILE] = STYLE_FILE,
        [CLASS_FILE_SHARED] = STYLE_FILE_SHARED,
        [CLASS_SHMEM] = STYLE_SHMEM,
        [CLASS_ZERO] = STYLE_ZERO,
        [CLASS_SPARE] = STYLE_DIM,
        [CLASS_FREE] = STYLE_DIM,
        [CLASS_LEAKED] = STYLE_ERROR,
        [CLASS_FREED] = STYLE_ERROR,
    };

    if (class == CLASS_PRIVATE)
        return STYLE_OWNER + pid % STYLE_OWNERS;
    return of_class[class];
}

/* ---- rows ---- */

int physical_columns(int width) {
    int columns = COLUMNS_MIN;

    while (2 * columns <= width - LABEL_COLUMNS && columns < COLUMNS_MAX)
        columns *= 2;
    return columns;
}

static bool row_is_hole(const struct frames *frames, uint64_t first, uint64_t count) {
    for (uint64_t i = first; i < first + count && i < frames->count; i++)
        if (frames->frames[i].use != TRACE_FRAME_USE_HOLE)
            return false;
    return true;
}

/* The first row at `first` or after it that has memory; the number of frames if there is none. */
static uint64_t row_with_memory(const struct frames *frames, uint64_t first, uint64_t row_pages) {
    while (first < frames->count && row_is_hole(frames, first, row_pages))
        first += row_pages;
    return first < frames->count ? first : frames->count;
}

uint64_t physical_rows(const struct view *view, int columns, int zoom) {
    const struct frames *frames = &view->model->frames;
    uint64_t row_pages = (uint64_t)columns << zoom, rows = 0;

    for (uint64_t at = row_with_memory(frames, 0, row_pages); at < frames->count;
         at = row_with_memory(frames, at + row_pages, row_pages))
        rows++;
    return rows;
}

int physical_zoom(const struct view *view, int columns, int rows) {
    int zoom = 0;

    while (zoom < ZOOM_MAX && view->census->memory > (uint64_t)rows * ((uint64_t)columns << zoom))
        zoom++;
    while (zoom < ZOOM_MAX && physical_rows(view, columns, zoom) > (uint64_t)rows)
        zoom++;
    return zoom;
}

/* ---- cells ---- */

struct summary {
    const struct frame *frame; /* one of those that are most */
    uint32_t most, pages;
    bool error;
};

static struct summary summary_of(const struct view *view, uint64_t first, uint64_t count) {
    const struct frames *frames = &view->model->frames;
    uint32_t counts[128] = {0};
    struct summary sum = {0};

    for (uint64_t i = first; i < first + count && i < frames->count; i++) {
        const struct frame *frame = &frames->frames[i];
        unsigned char letter = (unsigned char)frame_letter(view->census, frame);
        sum.error |= class_is_error(frame_class_of(frame));
        sum.pages++;
        counts[letter]++;
    }
    for (uint64_t i = first; i < first + sum.pages; i++) {
        const struct frame *frame = &frames->frames[i];
        uint32_t share = counts[(unsigned char)frame_letter(view->census, frame)];
        if (share > sum.most)
            sum = (struct summary){frame, share, sum.pages, sum.error};
    }
    return sum;
}

static struct cell cell_of(const struct view *view, uint64_t first, uint64_t count) {
    struct summary sum = summary_of(view, first, count);
    enum frame_class class;
    char letter;

    if (!sum.frame)
        return (struct cell){' ', STYLE_PLAIN};
    if (sum.error)
        return (struct cell){count == 1 ? (uint16_t)class_letter(frame_class_of(sum.frame)) : '!',
                             STYLE_ERROR};
    class = frame_class_of(sum.frame);
    letter = 2 * sum.most < sum.pages ? '+' : frame_letter(view->census, sum.frame);
    return (struct cell){letter == '.' ? GLYPH_DOT : (uint16_t)letter,
                         (uint8_t)class_style(class, frame_pid(view->census, sum.frame))};
}

static void row_draw(struct view *view, struct rectangle where, int row, uint64_t first) {
    uint64_t cell_pages = 1ull << view->zoom_shown;

    canvas_print(view->canvas, AT(where.row + row, where.column), STYLE_PLAIN, "%011llx",
                 (unsigned long long)first << 12);
    for (int i = 0; i < view->columns; i++) {
        uint64_t at = first + (uint64_t)i * cell_pages;
        struct cell cell = cell_of(view, at, cell_pages);
        if (view->cursor_on && view->cursor >= at && view->cursor < at + cell_pages)
            cell.style |= STYLE_REVERSE;
        canvas_put(view->canvas, where.row + row, where.column + LABEL_COLUMNS + i, cell);
    }
}

/* Moves the top so that the cursor's row is one of those shown. */
static void top_place(struct view *view, uint64_t row_pages, int rows) {
    const struct frames *frames = &view->model->frames;
    uint64_t row = view->cursor / row_pages * row_pages, last;

    view->top = row_with_memory(frames, view->top / row_pages * row_pages, row_pages);
    if (row < view->top || !view->cursor_on)
        view->top = row_with_memory(frames, view->cursor_on ? row : 0, row_pages);
    for (;;) {
        last = view->top;
        for (int i = 1; i < rows && last < frames->count; i++)
            last = row_with_memory(frames, last + row_pages, row_pages);
        if (row <= last || last >= frames->count)
            return;
        view->top = row_with_memory(frames, view->top + row_pages, row_pages);
    }
}

void physical_draw(struct view *view, struct rectangle where) {
    const struct frames *frames = &view->model->frames;
    uint64_t row_pages, at;

    view->columns = physical_columns(where.columns);
    view->zoom_shown =
        view->zoom == ZOOM_AUTO ? physical_zoom(view, view->columns, where.rows) : view->zoom;
    row_pages = (uint64_t)view->columns << view->zoom_shown;
    if (view->cursor >= frames->count)
        view->cursor = frames->count ? frames->count - 1 : 0;
    top_place(view, row_pages, where.rows);
    at = view->top;
    for (int row = 0; row < where.rows && at < frames->count; row++) {
        row_draw(view, where, row, at);
        at = row_with_memory(frames, at + row_pages, row_pages);
    }
}

/* ---- in words ---- */

/* Collects where a frame is mapped. */
struct mappings {
    const struct view *view;
    uint64_t pfn;
    uint32_t pid;
    unsigned count;
    char text[160];
};

static void mapping_add(struct mappings *found, uint64_t va, uint64_t entry) {
    size_t length = strlen(found->text);

    if (found->count++ < MAPPINGS_SHOWN)
        snprintf(found->text + length, sizeof found->text - length, "%s%u at %llx%s",
                 length ? ", " : "", found->pid, (unsigned long long)va,
                 entry & ENTRY_WRITE ? " W" : "");
}

/* Finds the frame below a table whose entries begin at va. */
static void mappings_find(struct mappings *found, uint64_t table_pfn, unsigned level, uint64_t va) {
    const struct table *table = table_get(&found->view->model->tables, table_pfn);

    for (int i = 0; table && table->level == level && i < TABLE_ENTRIES; i++) {
        uint64_t entry = table->entries[i], pfn = ENTRY_PFN(entry);
        uint64_t at = va + (uint64_t)i * (entry_pages(level) << 12);
        if (!(entry & ENTRY_PRESENT))
            continue;
        if (!entry_is_leaf(entry, level))
            mappings_find(found, pfn, level - 1, at);
        else if (found->pfn >= pfn && found->pfn - pfn < entry_pages(level))
            mapping_add(found, at + ((found->pfn - pfn) << 12), entry);
    }
}

static void frame_describe(const struct view *view, char *text, size_t size) {
    const struct frame *frame = frame_at(&view->model->frames, view->cursor);
    enum frame_class class = frame_class_of(frame);
    struct mappings found = {.view = view, .pfn = view->cursor};
    uint32_t pid = frame_pid(view->census, frame);
    char name[48];

    for (size_t i = 0; i < view->census->spaces; i++) {
        found.pid = view->census->pids[i];
        mappings_find(&found, view->census->roots[i], TABLE_LEVELS, 0);
    }
    if (class == CLASS_PRIVATE && pid)
        snprintf(name, sizeof name, "process %u's own", pid);
    else
        snprintf(name, sizeof name, "%s", class == CLASS_PRIVATE ? "private" : class_name(class));
    snprintf(text, size, "frame %llx: %s", (unsigned long long)view->cursor, name);
    size -= strlen(text);
    text += strlen(text);
    if (frame->level)
        snprintf(text, size, " of level %u", frame->level);
    else if (found.count > MAPPINGS_SHOWN)
        snprintf(text, size, ", mapped by %s and %u more", found.text,
                 found.count - MAPPINGS_SHOWN);
    else if (found.count)
        snprintf(text, size, ", mapped by %s", found.text);
}

static void cell_describe(const struct view *view, char *text, size_t size) {
    uint64_t pages = 1ull << view->zoom_shown, first = view->cursor / pages * pages;
    struct summary sum = summary_of(view, first, pages);
    enum frame_class class = sum.frame ? frame_class_of(sum.frame) : CLASS_HOLE;
    char name[32];

    if (class == CLASS_PRIVATE)
        snprintf(name, sizeof name, "process %u's own", frame_pid(view->census, sum.frame));
    else
        snprintf(name, sizeof name, "%s", class_name(class));
    snprintf(text, size, "frames %llx to %llx: %u of %u %s%s", (unsigned long long)first,
             (unsigned long long)(first + pages - 1), sum.most, sum.pages, name,
             sum.error ? ", with ERRORS: zoom in" : "");
}

void physical_describe(const struct view *view, char *text, size_t size) {
    text[0] = '\0';
    if (view->cursor >= view->model->frames.count)
        return;
    if (view->zoom_shown == 0)
        frame_describe(view, text, size);
    else
        cell_describe(view, text, size);
}
