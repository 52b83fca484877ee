/* SPDX-License-Identifier: MIT */
/*
 * The input half of the line discipline: mapping, signals, flow control, editing and echo of what
 * comes from the line. drivers/tty_ldisc.h has the words and the invariants; the output half is
 * drivers/tty_output.c.
 *
 * A byte passes these stages, each of which may use it up:
 *   strip and fold (ISTRIP, IUCLC) -> quoted by LNEXT? -> flow control (IXON, IXANY)
 *   -> signals (ISIG) -> CR and NL (IGNCR, ICRNL, INLCR) -> editing (ICANON) -> the ring
 */
#include "drivers/tty_ldisc.h"

#include "lib/bits.h"
#include "lib/string.h"

#define CONTROL(letter) ((letter)&0x1f)
#define DELETE 0x7f
#define BELL 0x07

/* An ordinary byte leaves one place free, so that the end of the line always finds one. */
#define INPUT_LIMIT (LDISC_INPUT_BYTES - 1)

/* Room in the output ring without which input waits: the echo of any one byte but an erased line.
 */
#define ECHO_BYTES 32u

/* IXOFF: ask for a pause when this much is waiting, and for more when it has sunk to the second. */
#define INPUT_HIGH_BYTES (LDISC_INPUT_BYTES * 3 / 4)
#define INPUT_LOW_BYTES (LDISC_INPUT_BYTES / 4)

/* ---- small questions ---- */

static bool has_lflag(const struct ldisc *ldisc, uint32_t flag) {
    return (ldisc->termios.c_lflag & flag) != 0;
}

static bool has_iflag(const struct ldisc *ldisc, uint32_t flag) {
    return (ldisc->termios.c_iflag & flag) != 0;
}

/* Is this byte the control character `index`? NUL in the settings means there is none. */
static bool is_char(const struct ldisc *ldisc, unsigned index, uint8_t byte) {
    return byte != 0 && ldisc->termios.c_cc[index] == byte;
}

static bool is_control(uint8_t byte) {
    return byte < ' ' || byte == DELETE;
}

static bool is_word(uint8_t byte) {
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= 'a' && byte <= 'z') || byte == '_' || byte >= 0x80;
}

static bool is_continuation(const struct ldisc *ldisc, uint8_t byte) {
    return has_iflag(ldisc, IUTF8) && (byte & 0xc0) == 0x80;
}

static uint32_t input_used(const struct ldisc *ldisc) {
    return ldisc->input_head - ldisc->input_tail;
}

static uint8_t input_at(const struct ldisc *ldisc, uint32_t position) {
    return ldisc->input[position % LDISC_INPUT_BYTES];
}

/* ---- marks ---- */

static bool mark_test(const struct ldisc *ldisc, uint32_t position) {
    position %= LDISC_INPUT_BYTES;
    return ldisc->marks[position / 8] >> (position % 8) & 1;
}

static void mark_set(struct ldisc *ldisc, uint32_t position) {
    position %= LDISC_INPUT_BYTES;
    ldisc->marks[position / 8] |= (uint8_t)(1u << (position % 8));
}

static void mark_clear(struct ldisc *ldisc, uint32_t position) {
    position %= LDISC_INPUT_BYTES;
    ldisc->marks[position / 8] &= (uint8_t) ~(1u << (position % 8));
}

/* ---- echo ---- */

/* Echo for which there is no room is lost; ldisc_can_receive() sees to it that this is rare. */
static void echo_raw(struct ldisc *ldisc, uint8_t byte) {
    (void)ldisc_output_put(ldisc, byte, LDISC_OUTPUT_BYTES);
}

/* Echoes a byte so that it can be seen: control characters as ^X if ECHOCTL. */
static void echo_visible(struct ldisc *ldisc, uint8_t byte) {
    if (has_lflag(ldisc, ECHOCTL) && is_control(byte) && byte != '\t') {
        echo_raw(ldisc, '^');
        echo_raw(ldisc, byte ^ 0x40);
    } else {
        echo_raw(ldisc, byte);
    }
}

static void echo_rubout(struct ldisc *ldisc) {
    echo_raw(ldisc, '\b');
    echo_raw(ldisc, ' ');
    echo_raw(ldisc, '\b');
}

/* Columns the echo of a byte takes when it begins at `column`. */
static uint32_t echo_width(const struct ldisc *ldisc, uint8_t byte, uint32_t column) {
    if (byte == '\t')
        return 8 - column % 8;
    if (is_control(byte))
        return has_lflag(ldisc, ECHOCTL) ? 2 : 0;
    return is_continuation(ldisc, byte) ? 0 : 1;
}

/* A tab is as wide as what stands before it leaves: the cursor goes back to where that ends. */
static void echo_erase_tab(struct ldisc *ldisc) {
    uint32_t column = ldisc->line_column;

    for (uint32_t at = ldisc->line_end; at != ldisc->input_head; at++)
        column += echo_width(ldisc, input_at(ldisc, at), column);
    uint32_t back = ldisc->column > column ? ldisc->column - column : 0;
    for (back = MIN(back, 8u); back > 0; back--)
        echo_raw(ldisc, '\b');
}

/* Takes the echo of the byte just erased off the screen. */
static void echo_erase(struct ldisc *ldisc, uint8_t byte) {
    if (byte == '\t') {
        echo_erase_tab(ldisc);
        return;
    }
    for (uint32_t width = echo_width(ldisc, byte, 0); width > 0; width--)
        echo_rubout(ldisc);
}

/* ---- the ring ---- */

static void input_push(struct ldisc *ldisc, uint8_t byte) {
    ldisc->input[ldisc->input_head++ % LDISC_INPUT_BYTES] = byte;
    if (!has_lflag(ldisc, ICANON))
        ldisc->line_end = ldisc->input_head;
}

static unsigned input_overflow(struct ldisc *ldisc) {
    if (has_iflag(ldisc, IMAXBEL))
        echo_raw(ldisc, BELL);
    return LDISC_OUTPUT;
}

/* IXOFF: tells the other side to pause, or to go on. */
static unsigned input_throttle(struct ldisc *ldisc) {
    bool stop = ldisc->stop_sent ? input_used(ldisc) > INPUT_LOW_BYTES
                                 : input_used(ldisc) > INPUT_HIGH_BYTES;

    if (!has_iflag(ldisc, IXOFF) || stop == ldisc->stop_sent)
        return 0;
    ldisc->stop_sent = stop;
    return ldisc_flow(ldisc, stop ? TCIOFF : TCION);
}

/* Puts a byte that means itself into the ring, with its echo. */
static unsigned input_ordinary(struct ldisc *ldisc, uint8_t byte) {
    unsigned copies = has_iflag(ldisc, PARMRK) && byte == 0xff ? 2 : 1;

    if (input_used(ldisc) + copies > INPUT_LIMIT)
        return input_overflow(ldisc);
    if (has_lflag(ldisc, ECHO)) {
        if (ldisc->input_head == ldisc->line_end)
            ldisc->line_column = ldisc->column;
        if (byte == '\n')
            echo_raw(ldisc, byte);
        else
            echo_visible(ldisc, byte);
    }
    for (; copies > 0; copies--)
        input_push(ldisc, byte);

    unsigned events = input_throttle(ldisc) | (has_lflag(ldisc, ECHO) ? LDISC_OUTPUT : 0);
    return events | (has_lflag(ldisc, ICANON) ? 0 : LDISC_READABLE);
}

/* Completes the line with this byte; NUL: with an end of file. */
static unsigned input_end_line(struct ldisc *ldisc, uint8_t byte) {
    if (input_used(ldisc) == LDISC_INPUT_BYTES)
        return input_overflow(ldisc);
    mark_set(ldisc, ldisc->input_head);
    input_push(ldisc, byte);
    ldisc->line_end = ldisc->input_head;
    return LDISC_READABLE | LDISC_OUTPUT;
}

/* ---- editing ---- */

/* Takes the last character (all its bytes, if IUTF8) off the line; returns its first byte. */
static uint8_t edit_pop(struct ldisc *ldisc) {
    uint8_t byte;

    do {
        byte = input_at(ldisc, --ldisc->input_head);
    } while (is_continuation(ldisc, byte) && ldisc->input_head != ldisc->line_end);
    return byte;
}

static uint8_t edit_last(const struct ldisc *ldisc) {
    return input_at(ldisc, ldisc->input_head - 1);
}

static bool edit_line_empty(const struct ldisc *ldisc) {
    return ldisc->input_head == ldisc->line_end;
}

static void edit_pop_echoed(struct ldisc *ldisc) {
    uint8_t byte = edit_pop(ldisc);

    if (has_lflag(ldisc, ECHO))
        echo_erase(ldisc, byte);
}

static unsigned edit_erase(struct ldisc *ldisc, uint8_t byte) {
    if (edit_line_empty(ldisc))
        return 0;
    if (has_lflag(ldisc, ECHOE)) {
        edit_pop_echoed(ldisc);
    } else {
        edit_pop(ldisc);
        if (has_lflag(ldisc, ECHO))
            echo_visible(ldisc, byte);
    }
    return LDISC_OUTPUT;
}

static unsigned edit_kill(struct ldisc *ldisc, uint8_t byte) {
    if (edit_line_empty(ldisc))
        return 0;
    if (has_lflag(ldisc, ECHOK) && has_lflag(ldisc, ECHOKE) && has_lflag(ldisc, ECHOE)) {
        while (!edit_line_empty(ldisc))
            edit_pop_echoed(ldisc);
        return LDISC_OUTPUT;
    }
    ldisc->input_head = ldisc->line_end;
    if (has_lflag(ldisc, ECHO)) {
        echo_visible(ldisc, byte);
        if (has_lflag(ldisc, ECHOK))
            echo_raw(ldisc, '\n');
    }
    return LDISC_OUTPUT;
}

/* Back over what is no word, then over the word. */
static unsigned edit_erase_word(struct ldisc *ldisc) {
    while (!edit_line_empty(ldisc) && !is_word(edit_last(ldisc)))
        edit_pop_echoed(ldisc);
    while (!edit_line_empty(ldisc) && is_word(edit_last(ldisc)))
        edit_pop_echoed(ldisc);
    return LDISC_OUTPUT;
}

static unsigned edit_reprint(struct ldisc *ldisc, uint8_t byte) {
    echo_visible(ldisc, byte);
    echo_raw(ldisc, '\n');
    ldisc->line_column = ldisc->column;
    for (uint32_t at = ldisc->line_end; at != ldisc->input_head; at++)
        echo_visible(ldisc, input_at(ldisc, at));
    return LDISC_OUTPUT;
}

static unsigned edit_quote_next(struct ldisc *ldisc) {
    ldisc->literal_next = true;
    if (has_lflag(ldisc, ECHO) && has_lflag(ldisc, ECHOCTL)) {
        if (edit_line_empty(ldisc))
            ldisc->line_column = ldisc->column;
        echo_raw(ldisc, '^');
        echo_raw(ldisc, '\b');
    }
    return LDISC_OUTPUT;
}

/* The editing characters that exist only with IEXTEN. False: the byte is none of them. */
static bool edit_extended(struct ldisc *ldisc, uint8_t byte, unsigned *events) {
    if (!has_lflag(ldisc, IEXTEN))
        return false;
    if (is_char(ldisc, VWERASE, byte))
        *events = edit_erase_word(ldisc);
    else if (is_char(ldisc, VLNEXT, byte))
        *events = edit_quote_next(ldisc);
    else if (is_char(ldisc, VREPRINT, byte) && has_lflag(ldisc, ECHO))
        *events = edit_reprint(ldisc, byte);
    else
        return false;
    return true;
}

/* Bytes that end a line. False: the byte is none of them. */
static bool edit_line_over(struct ldisc *ldisc, uint8_t byte, unsigned *events) {
    if (byte == '\n') {
        if (has_lflag(ldisc, ECHO) || has_lflag(ldisc, ECHONL))
            echo_raw(ldisc, '\n');
    } else if (is_char(ldisc, VEOF, byte)) {
        byte = 0;
    } else if (is_char(ldisc, VEOL, byte) ||
               (is_char(ldisc, VEOL2, byte) && has_lflag(ldisc, IEXTEN))) {
        if (has_lflag(ldisc, ECHO))
            echo_visible(ldisc, byte);
    } else {
        return false;
    }
    *events = input_end_line(ldisc, byte);
    return true;
}

/* Canonical input. */
static unsigned edit_receive(struct ldisc *ldisc, uint8_t byte) {
    unsigned events;

    if (is_char(ldisc, VERASE, byte))
        return edit_erase(ldisc, byte);
    if (is_char(ldisc, VKILL, byte))
        return edit_kill(ldisc, byte);
    if (edit_extended(ldisc, byte, &events) || edit_line_over(ldisc, byte, &events))
        return events;
    return input_ordinary(ldisc, byte);
}

/* ---- what comes from the line ---- */

/* START and STOP. False: the byte is neither, or IXON is off. */
static bool receive_flow(struct ldisc *ldisc, uint8_t byte, unsigned *events) {
    if (!has_iflag(ldisc, IXON))
        return false;
    if (is_char(ldisc, VSTART, byte))
        ldisc->stopped_by_char = false;
    else if (is_char(ldisc, VSTOP, byte))
        ldisc->stopped_by_char = true;
    else
        return false;
    *events = LDISC_OUTPUT;
    return true;
}

/* The signal a byte asks for, as a LDISC_ bit; 0: none. */
static unsigned receive_signal_of(const struct ldisc *ldisc, uint8_t byte) {
    if (!has_lflag(ldisc, ISIG))
        return 0;
    if (is_char(ldisc, VINTR, byte))
        return LDISC_INTR;
    if (is_char(ldisc, VQUIT, byte))
        return LDISC_QUIT;
    return is_char(ldisc, VSUSP, byte) ? LDISC_SUSP : 0;
}

static unsigned receive_signal(struct ldisc *ldisc, uint8_t byte, unsigned signal) {
    if (!has_lflag(ldisc, NOFLSH)) {
        ldisc_flush_input(ldisc);
        ldisc_flush_output(ldisc);
    }
    ldisc->stopped_by_char = false;
    if (has_lflag(ldisc, ECHO))
        echo_visible(ldisc, byte);
    return signal | LDISC_OUTPUT;
}

/* Maps carriage returns and newlines. False: the byte is to be ignored. */
static bool receive_map_newline(const struct ldisc *ldisc, uint8_t *byte) {
    if (*byte == '\r' && has_iflag(ldisc, IGNCR))
        return false;
    if (*byte == '\r' && has_iflag(ldisc, ICRNL))
        *byte = '\n';
    else if (*byte == '\n' && has_iflag(ldisc, INLCR))
        *byte = '\r';
    return true;
}

static uint8_t receive_fold(const struct ldisc *ldisc, uint8_t byte) {
    if (has_iflag(ldisc, ISTRIP))
        byte &= 0x7f;
    if (has_iflag(ldisc, IUCLC) && has_lflag(ldisc, IEXTEN) && byte >= 'A' && byte <= 'Z')
        byte += 'a' - 'A';
    return byte;
}

unsigned ldisc_receive(struct ldisc *ldisc, uint8_t byte) {
    unsigned events = 0;

    if (!(ldisc->termios.c_cflag & CREAD))
        return 0;
    byte = receive_fold(ldisc, byte);
    if (ldisc->literal_next) {
        ldisc->literal_next = false;
        return input_ordinary(ldisc, byte);
    }
    if (receive_flow(ldisc, byte, &events))
        return events;

    unsigned signal = receive_signal_of(ldisc, byte);
    if (signal != 0)
        return receive_signal(ldisc, byte, signal);

    if (ldisc->stopped_by_char && has_iflag(ldisc, IXON) && has_iflag(ldisc, IXANY)) {
        ldisc->stopped_by_char = false;
        events = LDISC_OUTPUT;
    }
    if (!receive_map_newline(ldisc, &byte))
        return events;
    if (has_lflag(ldisc, ICANON))
        return events | edit_receive(ldisc, byte);
    return events | input_ordinary(ldisc, byte);
}

unsigned ldisc_receive_break(struct ldisc *ldisc) {
    if (has_iflag(ldisc, IGNBRK))
        return 0;
    if (has_iflag(ldisc, BRKINT)) {
        ldisc_flush_input(ldisc);
        ldisc_flush_output(ldisc);
        return LDISC_INTR | LDISC_OUTPUT;
    }
    if (input_used(ldisc) + 3 > INPUT_LIMIT)
        return input_overflow(ldisc);
    if (has_iflag(ldisc, PARMRK)) {
        input_push(ldisc, 0xff);
        input_push(ldisc, 0);
    }
    input_push(ldisc, 0);
    return has_lflag(ldisc, ICANON) ? 0 : LDISC_READABLE;
}

bool ldisc_can_receive(const struct ldisc *ldisc) {
    bool stopped = ldisc->stopped_by_char || ldisc->stopped_by_call;

    if (has_lflag(ldisc, ECHO) && !stopped &&
        ldisc_output_bytes(ldisc) + ECHO_BYTES > LDISC_OUTPUT_BYTES)
        return false;
    if (has_lflag(ldisc, ICANON) && ldisc->line_end == ldisc->input_tail)
        return true;
    return input_used(ldisc) + 3 <= INPUT_LIMIT;
}

/* ---- what programs see ---- */

size_t ldisc_input_bytes(const struct ldisc *ldisc) {
    size_t bytes = 0;

    if (!has_lflag(ldisc, ICANON))
        return input_used(ldisc);
    for (uint32_t at = ldisc->input_tail; at != ldisc->line_end; at++)
        bytes += !(mark_test(ldisc, at) && input_at(ldisc, at) == 0);
    return bytes;
}

bool ldisc_readable(const struct ldisc *ldisc, size_t minimum) {
    if (has_lflag(ldisc, ICANON))
        return ldisc->line_end != ldisc->input_tail;
    return input_used(ldisc) >= minimum;
}

/* Takes the next byte out. Returns whether it ended a line. */
static bool read_next(struct ldisc *ldisc, uint8_t *byte) {
    bool marked = mark_test(ldisc, ldisc->input_tail);

    mark_clear(ldisc, ldisc->input_tail);
    *byte = input_at(ldisc, ldisc->input_tail++);
    return marked;
}

static bool read_at_end_of_file(const struct ldisc *ldisc) {
    return ldisc->input_tail != ldisc->line_end && mark_test(ldisc, ldisc->input_tail) &&
           input_at(ldisc, ldisc->input_tail) == 0;
}

/*
 * An end of file right behind a read that just fitted belongs to that read: the next one would
 * otherwise report an end of file although the line had bytes.
 */
static size_t read_line(struct ldisc *ldisc, uint8_t *buffer, size_t size, bool *line_over) {
    size_t done = 0;

    while (done < size && ldisc->input_tail != ldisc->line_end && !*line_over) {
        *line_over = read_next(ldisc, &buffer[done]);
        done += !(*line_over && buffer[done] == 0);
    }
    if (done > 0 && !*line_over && read_at_end_of_file(ldisc)) {
        uint8_t nul;
        *line_over = read_next(ldisc, &nul);
    }
    return done;
}

size_t ldisc_read(struct ldisc *ldisc, uint8_t *buffer, size_t size, bool *line_over) {
    size_t done = 0;

    *line_over = false;
    if (has_lflag(ldisc, ICANON)) {
        done = read_line(ldisc, buffer, size, line_over);
    } else {
        while (done < size && ldisc->input_tail != ldisc->input_head)
            read_next(ldisc, &buffer[done++]);
    }
    (void)input_throttle(ldisc);
    return done;
}

void ldisc_flush_input(struct ldisc *ldisc) {
    ldisc->input_tail = ldisc->input_head;
    ldisc->line_end = ldisc->input_head;
    ldisc->literal_next = false;
    memset(ldisc->marks, 0, sizeof(ldisc->marks));
    (void)input_throttle(ldisc);
}

/* ---- settings ---- */

unsigned ldisc_flow(struct ldisc *ldisc, int action) {
    uint8_t byte = ldisc->termios.c_cc[action == TCIOFF ? VSTOP : VSTART];

    if (action == TCOOFF || action == TCOON)
        ldisc->stopped_by_call = action == TCOOFF;
    else if (byte != 0)
        echo_raw(ldisc, byte);
    return LDISC_OUTPUT;
}

/* Canonical mode begins: what is there is one line, complete as it is. */
static void settings_begin_canonical(struct ldisc *ldisc) {
    memset(ldisc->marks, 0, sizeof(ldisc->marks));
    if (ldisc->input_head != ldisc->input_tail)
        mark_set(ldisc, ldisc->input_head - 1);
    ldisc->line_end = ldisc->input_head;
}

/* It ends: every byte can be read, those of an unfinished line too; marks mean nothing. */
static void settings_end_canonical(struct ldisc *ldisc) {
    memset(ldisc->marks, 0, sizeof(ldisc->marks));
    ldisc->line_end = ldisc->input_head;
}

void ldisc_set_termios(struct ldisc *ldisc, const struct linux_termios *termios) {
    bool was_canonical = has_lflag(ldisc, ICANON);

    ldisc->termios = *termios;
    if (was_canonical != has_lflag(ldisc, ICANON)) {
        if (was_canonical)
            settings_end_canonical(ldisc);
        else
            settings_begin_canonical(ldisc);
        ldisc->literal_next = false;
    }
    if (!has_iflag(ldisc, IXON))
        ldisc->stopped_by_char = false;
}

static const struct linux_termios termios_default = {
    .c_iflag = ICRNL | IXON,
    .c_oflag = OPOST | ONLCR,
    .c_cflag = B115200 | CS8 | CREAD | HUPCL | CLOCAL,
    .c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
    .c_line = N_TTY,
    .c_cc =
        {
            [VINTR] = CONTROL('C'),
            [VQUIT] = CONTROL('\\'),
            [VERASE] = DELETE,
            [VKILL] = CONTROL('U'),
            [VEOF] = CONTROL('D'),
            [VMIN] = 1,
            [VSTART] = CONTROL('Q'),
            [VSTOP] = CONTROL('S'),
            [VSUSP] = CONTROL('Z'),
            [VREPRINT] = CONTROL('R'),
            [VDISCARD] = CONTROL('O'),
            [VWERASE] = CONTROL('W'),
            [VLNEXT] = CONTROL('V'),
        },
};

void ldisc_init(struct ldisc *ldisc) {
    memset(ldisc, 0, sizeof(*ldisc));
    ldisc->termios = termios_default;
}
