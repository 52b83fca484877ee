/* SPDX-License-Identifier: MIT */
/*
 * A rectangle of cells to draw on, and what makes of it the bytes for a terminal or a plain text.
 */
#ifndef USER_MEMVIEW_CANVAS_H
#define USER_MEMVIEW_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum style {
    STYLE_PLAIN,
    STYLE_BOLD,
    STYLE_DIM,
    STYLE_TITLE,
    STYLE_ERROR,
    STYLE_KERNEL,
    STYLE_TABLE,
    STYLE_TABLE_SHARED,
    STYLE_SHARED,
    STYLE_FILE,
    STYLE_FILE_SHARED,
    STYLE_SHMEM,
    STYLE_ZERO,
    STYLE_OWNER, /* of the first of STYLE_OWNERS processes */
    STYLE_OWNERS = 5,
    STYLE_COUNT = STYLE_OWNER + STYLE_OWNERS,
    STYLE_REVERSE = 0x80 /* added to one of them: here is the cursor */
};

/* Glyphs that are not ASCII; terminals that have none get another. */
enum glyph {
    GLYPH_DOT = 0x00b7,   /* . */
    GLYPH_LINE = 0x2500,  /* - */
    GLYPH_BLOCK = 0x2588, /* # */
};

struct cell {
    uint16_t glyph;
    uint8_t style;
};

struct canvas {
    int rows, columns;
    struct cell *cells;
};

struct place {
    int row, column;
};

#define AT(row, column) ((struct place){row, column})

struct rectangle {
    int row, column, rows, columns;
};

/* Makes it that large, and blank. 0 or -ENOMEM. */
int canvas_make(struct canvas *canvas, int rows, int columns);
void canvas_clear(struct canvas *canvas); /* blank */
void canvas_free(struct canvas *canvas);

/* What lies outside is left out. canvas_print() returns the column after the text. */
void canvas_put(struct canvas *canvas, int row, int column, struct cell cell);
int canvas_print(struct canvas *canvas, struct place at, enum style style, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void canvas_fill(struct canvas *canvas, int row, int column, int count, struct cell cell);

/* Bytes for a terminal, as they come to be. `failed`: memory was out, they are not whole. */
struct text {
    char *bytes;
    size_t length, room;
    bool failed;
};

void text_add(struct text *text, const char *bytes, size_t length);
void text_addf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_free(struct text *text);

/* What a terminal can. */
struct abilities {
    bool colour, utf8;
};

/* What turns a terminal that shows `shown` into one that shows `canvas`, of the same size: cells
 * that differ, and nothing else. `shown` is the same as `canvas` afterwards. */
void canvas_update(struct text *text, struct canvas *shown, const struct canvas *canvas,
                   struct abilities can);

/* The canvas as lines of ASCII, blanks at their ends and empty lines at the end left out. */
void canvas_lines(struct text *text, const struct canvas *canvas);

#endif
