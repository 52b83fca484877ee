/* SPDX-License-Identifier: MIT */
/* A program's output on a canvas; see output.h. */
#include "user/memview/output.h"

#define ESCAPE '\033'
#define TAB_COLUMNS 8
#define NUMBER_MAX 1000

/* Where the next byte goes, and what has come of a sequence. */
struct pen {
    int row, column, columns;
    enum { TEXT, ESCAPED, SEQUENCE } state;
    int number; /* of the sequence; 0: it has none */
};

/* What a byte does to the screen beside moving the pen. */
enum mark { MARK_NONE, MARK_BYTE, MARK_ERASE };

static enum mark sequence_take(struct pen *pen, char byte) {
    int by = pen->number ? pen->number : 1;

    if (byte >= '0' && byte <= '9' && pen->number < NUMBER_MAX)
        pen->number = pen->number * 10 + byte - '0';
    if (byte < '@')
        return MARK_NONE;
    pen->state = TEXT;
    if (byte == 'C')
        pen->column = pen->column + by < pen->columns ? pen->column + by : pen->columns - 1;
    else if (byte == 'D')
        pen->column = pen->column > by ? pen->column - by : 0;
    return (byte == 'K' || byte == 'J') && pen->number == 0 ? MARK_ERASE : MARK_NONE;
}

static void control_take(struct pen *pen, char byte) {
    int tab = (pen->column / TAB_COLUMNS + 1) * TAB_COLUMNS;

    if (byte == '\n')
        pen->row++;
    else if (byte == '\r')
        pen->column = 0;
    else if (byte == '\b' && pen->column > 0)
        pen->column--;
    else if (byte == '\t')
        pen->column = tab < pen->columns ? tab : pen->columns - 1;
    else if (byte == ESCAPE)
        pen->state = ESCAPED;
}

/* The pen is where the mark is to be made; after MARK_BYTE it has yet to step on. */
static enum mark pen_take(struct pen *pen, char byte) {
    if (pen->state == SEQUENCE)
        return sequence_take(pen, byte);
    if (pen->state == ESCAPED) {
        pen->state = byte == '[' ? SEQUENCE : TEXT;
        pen->number = 0;
        return MARK_NONE;
    }
    if ((unsigned char)byte < ' ') {
        control_take(pen, byte);
        return MARK_NONE;
    }
    if (byte == 0x7f || ((unsigned char)byte & 0xc0) == 0x80) /* the rest of a character */
        return MARK_NONE;
    if (pen->column >= pen->columns) {
        pen->row++;
        pen->column = 0;
    }
    return MARK_BYTE;
}

static int rows_of(struct text written, int columns) {
    struct pen pen = {.columns = columns};

    for (size_t i = 0; i < written.length; i++)
        pen.column += pen_take(&pen, written.bytes[i]) == MARK_BYTE;
    return pen.row + 1;
}

static void cell_mark(struct canvas *canvas, int row, int column) {
    if (row < canvas->rows && column < canvas->columns)
        canvas->cells[row * canvas->columns + column].style |= STYLE_REVERSE;
}

void output_draw(struct canvas *canvas, struct rectangle where, struct text written, bool cursor) {
    int rows = rows_of(written, where.columns);
    struct pen pen = {.columns = where.columns, .row = rows > where.rows ? where.rows - rows : 0};

    for (size_t i = 0; i < written.length; i++) {
        char byte = written.bytes[i];
        enum mark mark = pen_take(&pen, byte);
        struct cell cell = {byte < ' ' ? '?' : (unsigned char)byte, STYLE_PLAIN};
        if (pen.row >= 0 && mark == MARK_BYTE)
            canvas_put(canvas, where.row + pen.row, where.column + pen.column, cell);
        else if (pen.row >= 0 && mark == MARK_ERASE)
            canvas_fill(canvas, where.row + pen.row, where.column + pen.column,
                        where.columns - pen.column, (struct cell){' ', STYLE_PLAIN});
        pen.column += mark == MARK_BYTE;
    }
    if (cursor)
        cell_mark(canvas, where.row + pen.row,
                  where.column + (pen.column < where.columns ? pen.column : where.columns - 1));
}

size_t output_plain(char *bytes, size_t length) {
    struct pen pen = {0};
    size_t kept = 0;

    for (size_t i = 0; i < length; i++) {
        char byte = bytes[i];
        bool text = pen.state == TEXT;
        pen_take(&pen, byte);
        if (text && pen.state == TEXT && !(byte == '\r' && i + 1 < length && bytes[i + 1] == '\n'))
            bytes[kept++] = byte;
    }
    return kept;
}
