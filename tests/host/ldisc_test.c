/* SPDX-License-Identifier: MIT */
/*
 * drivers/tty_ldisc.c, tty_output.c: the line discipline, byte by byte. What is expected here is
 * what a Linux terminal does with the same settings.
 */
#include "drivers/tty_ldisc.h"

#include <string.h>

#include "lib/bits.h"
#include "support/check.h"
#include "support/random.h"

static struct ldisc l;

static void init(void) {
    ldisc_init(&l);
}

/* Changes settings as tcsetattr would. */
static void set_lflag(uint32_t set, uint32_t clear) {
    struct linux_termios t = l.termios;

    t.c_lflag = (t.c_lflag | set) & ~clear;
    ldisc_set_termios(&l, &t);
}

static void set_iflag(uint32_t set, uint32_t clear) {
    struct linux_termios t = l.termios;

    t.c_iflag = (t.c_iflag | set) & ~clear;
    ldisc_set_termios(&l, &t);
}

static void set_oflag(uint32_t set, uint32_t clear) {
    struct linux_termios t = l.termios;

    t.c_oflag = (t.c_oflag | set) & ~clear;
    ldisc_set_termios(&l, &t);
}

static void set_char(unsigned index, uint8_t byte) {
    struct linux_termios t = l.termios;

    t.c_cc[index] = byte;
    ldisc_set_termios(&l, &t);
}

static unsigned type_bytes(const char *text, size_t length) {
    unsigned events = 0;

    for (size_t i = 0; i < length; i++)
        events |= ldisc_receive(&l, (uint8_t)text[i]);
    return events;
}

static unsigned type(const char *text) {
    return type_bytes(text, strlen(text));
}

/* What has been sent to the line since the last look. */
static const char *sent(void) {
    static char text[LDISC_OUTPUT_BYTES + 1];
    size_t n = 0;
    int byte;

    while ((byte = ldisc_output_next(&l)) >= 0)
        text[n++] = (char)byte;
    text[n] = 0;
    return text;
}

/* One read; the result as a string, "EOF" for an end of file, "none" for nothing. */
static const char *read_n(size_t size) {
    static char text[LDISC_INPUT_BYTES + 1];
    bool line_over;
    size_t n = ldisc_read(&l, (uint8_t *)text, size, &line_over);

    text[n] = 0;
    if (n == 0)
        return line_over ? "EOF" : "none";
    return text;
}

static const char *read_all(void) {
    return read_n(LDISC_INPUT_BYTES);
}

#define CHECK_TEXT(actual, expected)                                                               \
    do {                                                                                           \
        const char *text_ = (actual);                                                              \
        test_context("\"%s\", expected \"%s\"", text_, (expected));                                \
        CHECK(strcmp(text_, (expected)) == 0);                                                     \
    } while (0)

/* ---- lines ---- */

static void test_line(void) {
    init();
    CHECK_EQ(type("ab") & LDISC_READABLE, 0);
    CHECK(!ldisc_readable(&l, 1));
    CHECK_TEXT(read_all(), "none");
    CHECK(type("c\r") & LDISC_READABLE);
    CHECK_EQ(ldisc_input_bytes(&l), 4);
    CHECK_TEXT(sent(), "abc\r\n");
    CHECK_TEXT(read_all(), "abc\n");
    CHECK_TEXT(read_all(), "none");
}

static void test_one_line_a_read(void) {
    init();
    type("one\ntwo\nthr");
    CHECK_EQ(ldisc_input_bytes(&l), 8);
    CHECK_TEXT(read_all(), "one\n");
    CHECK_TEXT(read_n(2), "tw");
    CHECK_TEXT(read_all(), "o\n");
    CHECK_TEXT(read_all(), "none");
}

static void test_end_of_file(void) {
    init();
    type("\004");
    CHECK(ldisc_readable(&l, 1));
    CHECK_EQ(ldisc_input_bytes(&l), 0);
    CHECK_TEXT(read_all(), "EOF");
    type("ab\004");
    CHECK_TEXT(sent(), "ab");
    CHECK_TEXT(read_all(), "ab");
    CHECK_TEXT(read_all(), "none");
    type("ab\004"); /* a read that just fits takes the end of file along */
    CHECK_TEXT(read_n(2), "ab");
    CHECK_TEXT(read_all(), "none");
    type("ab\n\004");
    CHECK_TEXT(read_n(3), "ab\n");
    CHECK_TEXT(read_all(), "EOF");
}

static void test_other_line_ends(void) {
    init();
    set_char(VEOL, ';');
    set_char(VEOL2, '!');
    type("a;b!c\n");
    CHECK_TEXT(read_all(), "a;");
    CHECK_TEXT(read_all(), "b!");
    set_lflag(0, IEXTEN);
    type("d!e\n");
    CHECK_TEXT(read_all(), "c\n");
    CHECK_TEXT(read_all(), "d!e\n");
}

/* A line longer than the buffer loses its end but keeps its newline. */
static void test_long_line(void) {
    init();
    set_lflag(0, ECHO);
    for (int i = 0; i < 6000; i++) {
        CHECK(ldisc_can_receive(&l));
        type("x");
    }
    type("\n");
    const char *line = read_all();
    CHECK_EQ(strlen(line), 4096);
    CHECK(line[4095] == '\n');
}

/* ---- editing ---- */

static void test_erase(void) {
    init();
    type("abc\177\177x\n");
    CHECK_TEXT(sent(), "abc\b \b\b \bx\r\n");
    CHECK_TEXT(read_all(), "ax\n");
    type("\177\177y\n"); /* nothing to erase: nothing happens */
    CHECK_TEXT(sent(), "y\r\n");
    CHECK_TEXT(read_all(), "y\n");
    type("done\n");
    type("\177\n"); /* a finished line is out of reach */
    CHECK_TEXT(read_all(), "done\n");
    CHECK_TEXT(read_all(), "\n");
}

static void test_erase_control(void) {
    init();
    type("a\001");
    CHECK_TEXT(sent(), "a^A");
    type("\177");
    CHECK_TEXT(sent(), "\b \b\b \b");
    type("\n");
    CHECK_TEXT(read_all(), "a\n");
}

static void test_erase_tab(void) {
    init();
    type("ab\t\177");
    CHECK_TEXT(sent(), "ab\t\b\b\b\b\b\b");
    type("\n");
    ldisc_write(&l, (const uint8_t *)"$ ", 2); /* a prompt before the line counts */
    sent();
    type("a\t\177");
    CHECK_TEXT(sent(), "a\t\b\b\b\b\b");
}

static void test_erase_utf8(void) {
    init();
    set_iflag(IUTF8, 0);
    type("\303\244\177\n"); /* one character of two bytes, one column */
    CHECK_TEXT(sent(), "\303\244\b \b\r\n");
    CHECK_TEXT(read_all(), "\n");
    set_iflag(0, IUTF8);
    type("\303\244\177\n");
    CHECK_TEXT(read_all(), "\303\n");
}

static void test_erase_without_echoe(void) {
    init();
    set_lflag(0, ECHOE);
    type("ab\177\n");
    CHECK_TEXT(sent(), "ab^?\r\n");
    CHECK_TEXT(read_all(), "a\n");
}

static void test_kill(void) {
    init();
    type("one\nabc\025x\n");
    CHECK_TEXT(sent(), "one\r\nabc\b \b\b \b\b \bx\r\n");
    CHECK_TEXT(read_all(), "one\n");
    CHECK_TEXT(read_all(), "x\n");
    set_lflag(0, ECHOKE);
    type("abc\025x\n");
    CHECK_TEXT(sent(), "abc^U\r\nx\r\n");
    CHECK_TEXT(read_all(), "x\n");
    set_lflag(0, ECHO);
    type("abc\025y\n");
    CHECK_TEXT(sent(), "");
    CHECK_TEXT(read_all(), "y\n");
}

static void test_erase_word(void) {
    init();
    type("two words  \027\n");
    CHECK_TEXT(read_all(), "two \n");
    type("a-b_1\027\n");
    CHECK_TEXT(read_all(), "a-\n");
    type("\027x\n");
    CHECK_TEXT(read_all(), "x\n");
    set_lflag(0, IEXTEN);
    type("a\027\n");
    CHECK_TEXT(read_all(), "a\027\n");
}

static void test_reprint(void) {
    init();
    type("ab\022");
    CHECK_TEXT(sent(), "ab^R\r\nab");
    type("\n");
    CHECK_TEXT(read_all(), "ab\n");
}

static void test_literal_next(void) {
    init();
    CHECK_EQ(type("\026\003\026\r\n") & LDISC_INTR, 0);
    CHECK_TEXT(sent(), "^\b^C^\b^M\r\n");
    CHECK_TEXT(read_all(), "\003\r\n");
}

/* ---- signals and flow ---- */

static void test_signals(void) {
    init();
    CHECK_EQ(type("\003") & (LDISC_INTR | LDISC_QUIT | LDISC_SUSP), LDISC_INTR);
    CHECK_TEXT(sent(), "^C");
    CHECK_EQ(type("\034") & (LDISC_INTR | LDISC_QUIT | LDISC_SUSP), LDISC_QUIT);
    CHECK_TEXT(sent(), "^\\");
    CHECK_EQ(type("\032") & (LDISC_INTR | LDISC_QUIT | LDISC_SUSP), LDISC_SUSP);
    CHECK_TEXT(sent(), "^Z");
    type("\023");
    type("\003"); /* a signal lets stopped output go on */
    CHECK_TEXT(sent(), "^C");
    set_lflag(0, ISIG);
    CHECK_EQ(type("\003\n") & LDISC_INTR, 0);
    CHECK_TEXT(read_all(), "\003\n");
}

static void test_signal_flushes(void) {
    init();
    type("one\ntw");
    ldisc_write(&l, (const uint8_t *)"out", 3);
    type("\003");
    CHECK_TEXT(sent(), "^C");
    CHECK_TEXT(read_all(), "none");
    set_lflag(NOFLSH, 0);
    type("one\ntw\003o\n");
    CHECK_TEXT(read_all(), "one\n");
    CHECK_TEXT(read_all(), "two\n");
}

static void test_stop_and_start(void) {
    init();
    type("\023");
    ldisc_write(&l, (const uint8_t *)"abc", 3);
    CHECK_TEXT(sent(), "");
    type("x"); /* without IXANY only START starts */
    CHECK_TEXT(sent(), "");
    CHECK_EQ(type("\021") & LDISC_OUTPUT, LDISC_OUTPUT);
    CHECK_TEXT(sent(), "abcx");
    set_iflag(IXANY, 0);
    type("\023");
    type("y");
    CHECK_TEXT(sent(), "y");
    type("\023z");
    set_iflag(0, IXON);
    CHECK_TEXT(sent(), "z"); /* and turning it off starts, too */
    type("\n");
    CHECK_TEXT(read_all(), "xyz\n");
}

static void test_stop_by_call(void) {
    init();
    ldisc_flow(&l, TCOOFF);
    ldisc_write(&l, (const uint8_t *)"abc", 3);
    type("\021");
    CHECK_TEXT(sent(), "");
    ldisc_flow(&l, TCOON);
    CHECK_TEXT(sent(), "abc");
    ldisc_flow(&l, TCIOFF);
    ldisc_flow(&l, TCION);
    CHECK_TEXT(sent(), "\023\021");
}

/* IXOFF: a full buffer asks the other side to pause, an emptied one to go on. */
static void test_throttle(void) {
    init();
    set_lflag(0, ICANON | ECHO);
    set_iflag(IXOFF, 0);
    for (int i = 0; i < 3072; i++)
        type("x");
    CHECK_TEXT(sent(), "");
    type("x");
    CHECK_TEXT(sent(), "\023");
    read_n(1000);
    CHECK_TEXT(sent(), "");
    read_n(2000);
    CHECK_TEXT(sent(), "\021");
}

static void test_break(void) {
    init();
    CHECK_EQ(ldisc_receive_break(&l), 0);
    type("\n");
    CHECK_EQ(ldisc_input_bytes(&l), 2); /* NUL, newline */
    ldisc_flush_input(&l);
    set_iflag(BRKINT, 0);
    CHECK(ldisc_receive_break(&l) & LDISC_INTR);
    set_iflag(IGNBRK, 0);
    CHECK_EQ(ldisc_receive_break(&l), 0);
}

/* ---- mapping ---- */

static void test_input_mapping(void) {
    init();
    set_iflag(0, ICRNL);
    type("a\rb\n");
    CHECK_TEXT(read_all(), "a\rb\n");
    set_iflag(IGNCR, 0);
    type("a\rb\n");
    CHECK_TEXT(read_all(), "ab\n");
    set_iflag(INLCR, IGNCR);
    type("ab\n\004");
    CHECK_TEXT(read_all(), "ab\r");
    init();
    set_iflag(ISTRIP, 0);
    type("\341\n");
    CHECK_TEXT(read_all(), "a\n");
    init();
    set_iflag(IUCLC, 0);
    type("ABc\n");
    CHECK_TEXT(read_all(), "abc\n");
    init();
    set_iflag(PARMRK, 0);
    type("\377\n");
    CHECK_TEXT(read_all(), "\377\377\n");
}

static void write_text(const char *text) {
    CHECK_EQ(ldisc_write(&l, (const uint8_t *)text, strlen(text)), strlen(text));
}

static void test_output_processing(void) {
    init();
    write_text("a\nb\r");
    CHECK_TEXT(sent(), "a\r\nb\r");
    set_oflag(XTABS, 0);
    write_text("ab\tc\n\td");
    CHECK_TEXT(sent(), "ab      c\r\n        d");
    set_oflag(OCRNL, ONLCR | XTABS);
    write_text("a\rb");
    CHECK_TEXT(sent(), "a\nb");
    set_oflag(ONOCR | ONLCR, OCRNL);
    write_text("\n\rx\r");
    CHECK_TEXT(sent(), "\r\nx\r");
    set_oflag(OLCUC, 0);
    write_text("aZ");
    CHECK_TEXT(sent(), "AZ");
    set_oflag(0, OPOST);
    write_text("a\n\t");
    CHECK_TEXT(sent(), "a\n\t");
}

static void test_echo_flags(void) {
    init();
    set_lflag(0, ECHO);
    type("ab\n");
    CHECK_TEXT(sent(), "");
    set_lflag(ECHONL, 0);
    type("ab\n");
    CHECK_TEXT(sent(), "\r\n");
    set_lflag(ECHO, ECHOCTL);
    type("\001\n");
    CHECK_TEXT(sent(), "\001\r\n");
}

/* ---- raw ---- */

static void test_raw(void) {
    init();
    set_lflag(0, ICANON | ECHO | ISIG);
    set_iflag(0, ICRNL | IXON);
    CHECK(type("a\003\r\004\177") & LDISC_READABLE);
    CHECK_TEXT(sent(), "");
    CHECK(ldisc_readable(&l, 5) && !ldisc_readable(&l, 6));
    CHECK_TEXT(read_n(2), "a\003");
    CHECK_TEXT(read_all(), "\r\004\177");
    CHECK_TEXT(read_all(), "none");
}

/* What is typed ahead survives the change of mode, and no end of file comes out of it. */
static void test_mode_changes(void) {
    init();
    type("line\nhalf");
    set_lflag(0, ICANON);
    CHECK_EQ(ldisc_input_bytes(&l), 9);
    CHECK_TEXT(read_n(5), "line\n");
    set_lflag(ICANON, 0);
    CHECK(ldisc_readable(&l, 1));
    CHECK_TEXT(read_all(), "half");
    set_lflag(0, ICANON);
    set_lflag(ICANON, 0);
    CHECK_TEXT(read_all(), "none");
    type("x\n");
    CHECK_TEXT(read_all(), "x\n");
}

static void test_back_pressure(void) {
    init();
    set_lflag(0, ICANON | ECHO);
    size_t taken = 0;
    while (ldisc_can_receive(&l)) {
        type("x");
        taken++;
    }
    CHECK(taken > LDISC_INPUT_BYTES - 8);
    CHECK_EQ(ldisc_input_bytes(&l), taken);
    read_n(10);
    CHECK(ldisc_can_receive(&l));
}

static void test_output_room(void) {
    uint8_t big[2 * LDISC_OUTPUT_BYTES];

    init();
    memset(big, 'x', sizeof(big));
    size_t taken = ldisc_write(&l, big, sizeof(big));
    CHECK_EQ(taken, LDISC_OUTPUT_BYTES - LDISC_ECHO_RESERVE_BYTES);
    CHECK(!ldisc_writable(&l));
    CHECK(ldisc_can_receive(&l)); /* echo has the reserve */
    type("hello\n");
    CHECK_EQ(ldisc_output_bytes(&l), taken + 7);
    while (ldisc_can_receive(&l))
        type("yyyyyyyyyyyyyyyy");
    CHECK(ldisc_output_bytes(&l) <= LDISC_OUTPUT_BYTES);
    sent();
    CHECK(ldisc_can_receive(&l) && ldisc_writable(&l));
}

/* Random bytes, settings and reads: what comes out of raw mode is what went in, rings hold. */
static void test_random(void) {
    struct random random = {0x51};
    uint8_t buffer[300];
    bool line_over;

    init();
    for (int i = 0; i < 300000; i++) {
        uint64_t r = random_next(&random);
        if (r % 1000 == 0)
            set_lflag((uint32_t)(r >> 10) & 0x8fff, (uint32_t)(r >> 26) & 0x8fff);
        if (r % 1000 == 1)
            set_iflag((uint32_t)(r >> 10) & 0x7fff, (uint32_t)(r >> 26) & 0x7fff);
        if (r % 1000 == 2)
            set_oflag((uint32_t)(r >> 10) & 0x1fff, (uint32_t)(r >> 26) & 0x1fff);
        if (r % 16 < 12 && ldisc_can_receive(&l))
            ldisc_receive(&l, (uint8_t)(r >> 10));
        else if (r % 16 == 12)
            ldisc_read(&l, buffer, (r >> 10) % sizeof(buffer), &line_over);
        else if (r % 16 == 13)
            ldisc_write(&l, buffer, (r >> 10) % sizeof(buffer));
        else if (r % 16 == 14)
            sent();
        CHECK(ldisc_output_bytes(&l) <= LDISC_OUTPUT_BYTES);
        CHECK(l.input_head - l.input_tail <= LDISC_INPUT_BYTES);
        CHECK(l.line_end - l.input_tail <= l.input_head - l.input_tail);
    }
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        {"line", test_line},
        {"one_line_a_read", test_one_line_a_read},
        {"end_of_file", test_end_of_file},
        {"other_line_ends", test_other_line_ends},
        {"long_line", test_long_line},
        {"erase", test_erase},
        {"erase_control", test_erase_control},
        {"erase_tab", test_erase_tab},
        {"erase_utf8", test_erase_utf8},
        {"erase_without_echoe", test_erase_without_echoe},
        {"kill", test_kill},
        {"erase_word", test_erase_word},
        {"reprint", test_reprint},
        {"literal_next", test_literal_next},
        {"signals", test_signals},
        {"signal_flushes", test_signal_flushes},
        {"stop_and_start", test_stop_and_start},
        {"stop_by_call", test_stop_by_call},
        {"throttle", test_throttle},
        {"break", test_break},
        {"input_mapping", test_input_mapping},
        {"output_processing", test_output_processing},
        {"echo_flags", test_echo_flags},
        {"raw", test_raw},
        {"mode_changes", test_mode_changes},
        {"back_pressure", test_back_pressure},
        {"output_room", test_output_room},
        {"random", test_random},
    };

    return test_main(argc, argv, "ldisc", tests, ARRAY_SIZE(tests));
}
