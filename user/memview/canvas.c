/* SPDX-License-Identifier: MIT */
/* Cells, and bytes made of them; see canvas.h. */
#include "user/memview/canvas.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SKIP_CELLS_MAX 6 /* unchanged cells that are cheaper to write again than to jump over */

static const struct cell blank = {' ', STYLE_PLAIN};

/* What SGR is told after 0, with and without colours. */
static const struct {
    const char *colour, *plain;
} styles[STYLE_COUNT] = {
    [STYLE_PLAIN] = {"", ""},
    [STYLE_BOLD] = {";1", ";1"},
    [STYLE_DIM] = {";90", ""},
    [STYLE_TITLE] = {";7", ";7"},
    [STYLE_ERROR] = {";1;97;41", ";1;7"},
    [STYLE_KERNEL] = {";30;47", ""},
    [STYLE_TABLE] = {";97;44", ""},
    [STYLE_TABLE_SHARED] = {";1;30;104", ""},
    [STYLE_SHARED] = {";30;103", ""},
    [STYLE_FILE] = {";30;46", ""},
    [STYLE_FILE_SHARED] = {";30;106", ""},
    [STYLE_SHMEM] = {";97;45", ""},
    [STYLE_ZERO] = {";97;100", ""},
    [STYLE_OWNER + 0] = {";30;42", ""},
    [STYLE_OWNER + 1] = {";30;43", ""},
    [STYLE_OWNER + 2] = {";30;105", ""},
    [STYLE_OWNER + 3] = {";30;102", ""},
    [STYLE_OWNER + 4] = {";97;42", ""},
};

int canvas_make(struct canvas *canvas, int rows, int columns) {
    struct cell *cells = malloc((size_t)rows * (size_t)columns * sizeof *cells);

    if (!cells)
        return -ENOMEM;
    free(canvas->cells);
    *canvas = (struct canvas){rows, columns, cells};
    canvas_clear(canvas);
    return 0;
}

void canvas_clear(struct canvas *canvas) {
    for (int i = 0; i < canvas->rows * canvas->columns; i++)
        canvas->cells[i] = blank;
}

void canvas_free(struct canvas *canvas) {
    free(canvas->cells);
    *canvas = (struct canvas){0};
}

void canvas_put(struct canvas *canvas, int row, int column, struct cell cell) {
    if (row >= 0 && row < canvas->rows && column >= 0 && column < canvas->columns)
        canvas->cells[row * canvas->columns + column] = cell;
}

void canvas_fill(struct canvas *canvas, int row, int column, int count, struct cell cell) {
    for (int i = 0; i < count; i++)
        canvas_put(canvas, row, column + i, cell);
}

int canvas_print(struct canvas *canvas, struct place at, enum style style, const char *format,
                 ...) {
    char line[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    for (const char *byte = line; *byte; byte++)
        canvas_put(canvas, at.row, at.column++,
                   (struct cell){(unsigned char)*byte, (uint8_t)style});
    return at.column;
}

/* ---- bytes ---- */

void text_add(struct text *text, const char *bytes, size_t length) {
    size_t room = text->room ? text->room : 4096;
    char *grown;

    while (room < text->length + length + 1)
        room *= 2;
    if (room != text->room) {
        grown = realloc(text->bytes, room);
        text->failed |= !grown;
        if (!grown)
            return;
        text->bytes = grown;
        text->room = room;
    }
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
    text->bytes[text->length] = '\0';
}

void text_addf(struct text *text, const char *format, ...) {
    char line[256];
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    text_add(text, line, (size_t)length < sizeof line ? (size_t)length : sizeof line - 1);
}

void text_free(struct text *text) {
    free(text->bytes);
    *text = (struct text){0};
}

static char glyph_ascii(uint16_t glyph) {
    switch (glyph) {
    case GLYPH_DOT:
        return '.';
    case GLYPH_LINE:
        return '-';
    case GLYPH_BLOCK:
        return '#';
    default:
        return glyph >= ' ' && glyph <= '~' ? (char)glyph : '?';
    }
}

static void glyph_add(struct text *text, uint16_t glyph, bool utf8) {
    char bytes[3] = {glyph_ascii(glyph)};
    size_t length = 1;

    if (utf8 && glyph >= 0x800) {
        bytes[0] = (char)(0xe0 | glyph >> 12);
        bytes[1] = (char)(0x80 | (glyph >> 6 & 0x3f));
        bytes[2] = (char)(0x80 | (glyph & 0x3f));
        length = 3;
    } else if (utf8 && glyph >= 0x80) {
        bytes[0] = (char)(0xc0 | glyph >> 6);
        bytes[1] = (char)(0x80 | (glyph & 0x3f));
        length = 2;
    }
    text_add(text, bytes, length);
}

/* Where a terminal's pen is, and how it writes. */
struct pen {
    int row, column; /* -1: not known */
    int style;
};

static void style_set(struct text *text, struct pen *pen, uint8_t style, struct abilities can) {
    uint8_t base = style & (uint8_t)~STYLE_REVERSE;

    if (pen->style == style)
        return;
    text_addf(text, "\033[0%s%sm", can.colour ? styles[base].colour : styles[base].plain,
              style & STYLE_REVERSE ? ";7" : "");
    pen->style = style;
}

static bool cells_equal(struct cell one, struct cell other) {
    return one.glyph == other.glyph && one.style == other.style;
}

static void cell_write(struct text *text, struct pen *pen, struct cell cell, struct abilities can) {
    style_set(text, pen, cell.style, can);
    glyph_add(text, cell.glyph, can.utf8);
    pen->column++;
}

/* Brings the pen to a cell: along unchanged ones, if they are few and of its style. */
static void pen_move(struct text *text, struct pen *pen, const struct cell *row_cells,
                     const int place[2]) {
    int gap = place[1] - pen->column;
    bool cheap = pen->row == place[0] && gap >= 0 && gap <= SKIP_CELLS_MAX;

    for (int i = 0; cheap && i < gap; i++)
        cheap = row_cells[pen->column + i].style == pen->style &&
                row_cells[pen->column + i].glyph < 0x80;
    if (!cheap) {
        text_addf(text, "\033[%d;%dH", place[0] + 1, place[1] + 1);
        *pen = (struct pen){place[0], place[1], pen->style};
        return;
    }
    while (pen->column < place[1])
        text_addf(text, "%c", row_cells[pen->column++].glyph);
}

static void row_update(struct text *text, struct pen *pen, const struct cell *cells[2],
                       int place[2], struct abilities can) {
    int columns = place[1];

    for (int column = 0; column < columns; column++) {
        if (cells_equal(cells[0][column], cells[1][column]))
            continue;
        pen_move(text, pen, cells[1], (int[]){place[0], column});
        cell_write(text, pen, cells[1][column], can);
        if (pen->column == columns)
            pen->row = -1; /* terminals differ in where it is now */
    }
}

void canvas_update(struct text *text, struct canvas *shown, const struct canvas *canvas,
                   struct abilities can) {
    size_t bytes = (size_t)canvas->rows * (size_t)canvas->columns * sizeof *canvas->cells;
    struct pen pen = {-1, -1, -1};

    for (int row = 0; row < canvas->rows; row++) {
        const struct cell *cells[2] = {&shown->cells[row * canvas->columns],
                                       &canvas->cells[row * canvas->columns]};
        row_update(text, &pen, cells, (int[]){row, canvas->columns}, can);
    }
    if (pen.style > STYLE_PLAIN)
        text_addf(text, "\033[0m");
    memcpy(shown->cells, canvas->cells, bytes);
}

void canvas_lines(struct text *text, const struct canvas *canvas) {
    int rows = 0;

    for (int i = 0; i < canvas->rows * canvas->columns; i++)
        if (canvas->cells[i].glyph != ' ')
            rows = i / canvas->columns + 1;
    for (int row = 0; row < rows; row++) {
        const struct cell *cells = &canvas->cells[row * canvas->columns];
        int end = canvas->columns;
        while (end > 0 && cells[end - 1].glyph == ' ')
            end--;
        for (int i = 0; i < end; i++)
            glyph_add(text, cells[i].glyph, false);
        text_add(text, "\n", 1);
    }
}
