/* SPDX-License-Identifier: MIT */
/*
 * The output half of the line discipline: processing of what programs write (OPOST), the queue to
 * the line, and the cursor's column, which tabs and their erasing need. See drivers/tty_ldisc.h.
 */
#include "drivers/tty_ldisc.h"

#include "lib/bits.h"

#define TAB_COLUMNS 8u
#define UTF8_CONTINUATION(byte) (((byte)&0xc0) == 0x80)

static uint32_t output_used(const struct ldisc *ldisc) {
    return ldisc->output_head - ldisc->output_tail;
}

static void output_push(struct ldisc *ldisc, uint8_t byte) {
    ldisc->output[ldisc->output_head++ % LDISC_OUTPUT_BYTES] = byte;
}

static void output_advance_column(struct ldisc *ldisc, uint8_t byte) {
    switch (byte) {
    case '\r':
        ldisc->column = 0;
        break;
    case '\n':
        if (ldisc->termios.c_oflag & ONLRET)
            ldisc->column = 0;
        break;
    case '\b':
        if (ldisc->column > 0)
            ldisc->column--;
        break;
    case '\t':
        ldisc->column = align_down(ldisc->column, TAB_COLUMNS) + TAB_COLUMNS;
        break;
    default:
        if (byte >= ' ' && byte != 0x7f &&
            !((ldisc->termios.c_iflag & IUTF8) && UTF8_CONTINUATION(byte)))
            ldisc->column++;
    }
}

static bool output_push_checked(struct ldisc *ldisc, uint8_t byte, uint32_t room_bytes) {
    if (output_used(ldisc) + 1 > room_bytes)
        return false;
    output_push(ldisc, byte);
    output_advance_column(ldisc, byte);
    return true;
}

static bool output_newline(struct ldisc *ldisc, uint32_t room_bytes) {
    if (!(ldisc->termios.c_oflag & ONLCR))
        return output_push_checked(ldisc, '\n', room_bytes);
    if (output_used(ldisc) + 2 > room_bytes)
        return false;
    output_push(ldisc, '\r');
    output_push(ldisc, '\n');
    ldisc->column = 0;
    return true;
}

static bool output_return(struct ldisc *ldisc, uint32_t room_bytes) {
    if ((ldisc->termios.c_oflag & ONOCR) && ldisc->column == 0)
        return true;
    if (!(ldisc->termios.c_oflag & OCRNL))
        return output_push_checked(ldisc, '\r', room_bytes);
    if (!output_push_checked(ldisc, '\n', room_bytes))
        return false;
    if (ldisc->termios.c_oflag & ONLRET)
        ldisc->column = 0;
    return true;
}

static bool output_tab(struct ldisc *ldisc, uint32_t room_bytes) {
    if ((ldisc->termios.c_oflag & TABDLY) != XTABS)
        return output_push_checked(ldisc, '\t', room_bytes);

    uint32_t spaces = TAB_COLUMNS - ldisc->column % TAB_COLUMNS;
    if (output_used(ldisc) + spaces > room_bytes)
        return false;
    for (uint32_t i = 0; i < spaces; i++)
        output_push(ldisc, ' ');
    ldisc->column += spaces;
    return true;
}

bool ldisc_output_put(struct ldisc *ldisc, uint8_t byte, uint32_t room_bytes) {
    if (!(ldisc->termios.c_oflag & OPOST))
        return output_push_checked(ldisc, byte, room_bytes);

    switch (byte) {
    case '\n':
        return output_newline(ldisc, room_bytes);
    case '\r':
        return output_return(ldisc, room_bytes);
    case '\t':
        return output_tab(ldisc, room_bytes);
    }
    if ((ldisc->termios.c_oflag & OLCUC) && byte >= 'a' && byte <= 'z')
        byte -= 'a' - 'A';
    return output_push_checked(ldisc, byte, room_bytes);
}

size_t ldisc_write(struct ldisc *ldisc, const uint8_t *buffer, size_t size) {
    size_t done = 0;

    while (done < size &&
           ldisc_output_put(ldisc, buffer[done], LDISC_OUTPUT_BYTES - LDISC_ECHO_RESERVE_BYTES))
        done++;
    return done;
}

bool ldisc_writable(const struct ldisc *ldisc) {
    return output_used(ldisc) + TAB_COLUMNS <= LDISC_OUTPUT_BYTES - LDISC_ECHO_RESERVE_BYTES;
}

size_t ldisc_output_bytes(const struct ldisc *ldisc) {
    return output_used(ldisc);
}

bool ldisc_output_ready(const struct ldisc *ldisc) {
    return output_used(ldisc) > 0 && !ldisc->stopped_by_char && !ldisc->stopped_by_call;
}

int ldisc_output_next(struct ldisc *ldisc) {
    if (!ldisc_output_ready(ldisc))
        return -1;
    return ldisc->output[ldisc->output_tail++ % LDISC_OUTPUT_BYTES];
}

void ldisc_flush_output(struct ldisc *ldisc) {
    ldisc->output_tail = ldisc->output_head;
}
