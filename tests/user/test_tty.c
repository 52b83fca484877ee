/* SPDX-License-Identifier: MIT */
/*
 * Terminals, through a pseudo-terminal: line editing, raw mode, flow, sizes, hang-up. Sessions and
 * jobs are in test_tty_jobs.c.
 */
#include "tty_pair.h"

static void without_echo(struct termios *settings) {
    settings->c_lflag &= ~(tcflag_t)ECHO;
}

static void raw(struct termios *settings) {
    cfmakeraw(settings);
}

static void nonblocking(int fd) {
    CHECK_EQ(fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK), 0);
}

/* ---- lines ---- */

static void defaults(void) {
    struct termios settings;

    pair_open();
    CHECK_EQ(tcgetattr(slave, &settings), 0);
    CHECK_EQ(settings.c_iflag, ICRNL | IXON);
    CHECK_EQ(settings.c_oflag, OPOST | ONLCR);
    CHECK_EQ(settings.c_lflag, ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN);
    CHECK_EQ(settings.c_cc[VINTR], 3);
    CHECK_EQ(settings.c_cc[VERASE], 0x7f);
    CHECK_EQ(settings.c_cc[VEOF], 4);
    CHECK_EQ(settings.c_cc[VMIN], 1);
}

static void line_and_echo(void) {
    pair_open();
    type("hello\r");
    CHECK_TEXT(shown(), "hello\r\n");
    CHECK_TEXT(line(), "hello\n");
    CHECK_EQ(write(slave, "a\nb", 3), 3);
    CHECK_TEXT(shown(), "a\r\nb");
}

static void editing(void) {
    pair_open();
    type("abx\177c one two\027three\n");
    CHECK_TEXT(line(), "abc one three\n");
    type("wrong\025right\n");
    CHECK_TEXT(line(), "right\n");
    type("a\001\177\tb\177\177c\n");
    shown();
    CHECK_TEXT(line(), "ac\n");
    type("\026\003\n");
    CHECK_TEXT(line(), "\003\n");
}

static void erase_echo(void) {
    pair_open();
    type("ab\177");
    CHECK_TEXT(shown(), "ab\b \b");
    type("\001\177");
    CHECK_TEXT(shown(), "^A\b \b\b \b");
    type("\t\177");
    CHECK_TEXT(shown(), "\t\b\b\b\b\b\b\b");
    type("x\025");
    CHECK_TEXT(shown(), "x\b \b\b \b");
}

static void end_of_file(void) {
    pair_open();
    type("\004");
    CHECK_TEXT(line(), "");
    type("part\004");
    CHECK_TEXT(line(), "part");
    nonblocking(slave);
    char byte;
    CHECK_FAILS(read(slave, &byte, 1), EAGAIN);
}

static void one_line_a_read(void) {
    int waiting;

    pair_open();
    settings_change(without_echo);
    type("one\ntwo\nthr");
    settle();
    CHECK_EQ(ioctl(slave, FIONREAD, &waiting), 0);
    CHECK_EQ(waiting, 8);
    CHECK_TEXT(line(), "one\n");
    CHECK_TEXT(line(), "two\n");
    nonblocking(slave);
    char byte;
    CHECK_FAILS(read(slave, &byte, 1), EAGAIN);
    CHECK_TEXT(shown(), "");
}

static void flushing(void) {
    pair_open();
    type("one\n");
    settle();
    CHECK_EQ(tcflush(slave, TCIFLUSH), 0);
    type("two\n");
    CHECK_TEXT(line(), "two\n");
    CHECK_FAILS(ioctl(slave, TCFLSH, 7), EINVAL);
}

/* While output is stopped Linux makes the writer wait, Quire only once the buffer is full. */
static pid_t write_aside(const char *text) {
    pid_t pid = fork();

    CHECK(pid >= 0);
    if (pid == 0) {
        CHECK_EQ(write(slave, text, strlen(text)), strlen(text));
        _exit(0);
    }
    return pid;
}

static void stop_and_go(void) {
    pair_open();
    type("\023");
    settle();
    pid_t writer = write_aside("abc");
    CHECK_TEXT(shown(), "");
    type("\021");
    CHECK_TEXT(shown(), "abc");
    CHECK_EQ(child_wait(writer), 0);
    CHECK_EQ(tcflow(slave, TCOOFF), 0);
    writer = write_aside("d");
    CHECK_TEXT(shown(), "");
    CHECK_EQ(tcflow(slave, TCOON), 0);
    CHECK_TEXT(shown(), "d");
    CHECK_EQ(child_wait(writer), 0);
}

/* ---- raw ---- */

static void raw_bytes(void) {
    pair_open();
    settings_change(raw);
    type("a\003\r\177\004");
    CHECK_TEXT(line(), "a\003\r\177\004");
    CHECK_TEXT(shown(), "");
    CHECK_EQ(write(slave, "a\nb", 3), 3);
    CHECK_TEXT(shown(), "a\nb");
}

static cc_t wanted_min, wanted_time;

static void min_and_time(struct termios *settings) {
    cfmakeraw(settings);
    settings->c_cc[VMIN] = wanted_min;
    settings->c_cc[VTIME] = wanted_time;
}

static void set_min_time(cc_t min, cc_t time) {
    wanted_min = min;
    wanted_time = time;
    settings_change(min_and_time);
}

static void raw_waiting(void) {
    char bytes[8];

    pair_open();
    set_min_time(0, 0);
    CHECK_EQ(read(slave, bytes, 8), 0);
    set_min_time(0, 1);
    CHECK_EQ(read(slave, bytes, 8), 0);
    type("ab");
    CHECK_EQ(read(slave, bytes, 8), 2);
    set_min_time(3, 0);
    struct pollfd fd = {slave, POLLIN, 0};
    type("ab");
    CHECK_EQ(poll(&fd, 1, 20), 0);
    pid_t child = fork();
    if (child == 0) {
        usleep(50000);
        type("cd");
        _exit(0);
    }
    ssize_t got = read(slave, bytes, 8);
    CHECK(got == 3 || got == 4);
    child_wait(child);
    tcflush(slave, TCIFLUSH);
    set_min_time(5, 1);
    type("xyz"); /* the pause after the third byte ends it */
    CHECK_EQ(read(slave, bytes, 8), 3);
}

static void mode_changes(void) {
    pair_open();
    settings_change(without_echo);
    type("line\nrest");
    settle();
    settings_change(raw);
    CHECK_TEXT(line(), "line\nrest");
}

/* Nothing is lost when both sides are slow: the writer waits. */
static void back_pressure(void) {
    enum { BYTES = 100000 };
    static char buffer[4096];
    unsigned next = 0;

    pair_open();
    settings_change(raw);
    pid_t child = fork();
    if (child == 0) {
        static char all[BYTES];
        for (unsigned i = 0; i < BYTES; i++)
            all[i] = (char)(i * 7 % 251);
        CHECK_EQ(write(master, all, BYTES), BYTES);
        _exit(0);
    }
    usleep(20000);
    while (next < BYTES) {
        ssize_t got = read(slave, buffer, sizeof buffer);
        CHECK(got > 0);
        for (ssize_t i = 0; i < got; i++, next++)
            CHECK_EQ((unsigned char)buffer[i], next * 7 % 251);
    }
    CHECK_EQ(child_wait(child), 0);
}

/* ---- sizes and other settings ---- */

static void window_size(void) {
    struct winsize size = {24, 80, 0, 0}, seen;

    pair_open();
    CHECK_EQ(ioctl(slave, TIOCGWINSZ, &seen), 0);
    CHECK_EQ(seen.ws_row, 0);
    CHECK_EQ(ioctl(master, TIOCSWINSZ, &size), 0);
    CHECK_EQ(ioctl(slave, TIOCGWINSZ, &seen), 0);
    CHECK_EQ(seen.ws_row, 24);
    CHECK_EQ(seen.ws_col, 80);
    CHECK_FAILS(ioctl(slave, TIOCSWINSZ, NOBODY), EFAULT);
    CHECK_FAILS(ioctl(slave, TIOCGWINSZ, NOBODY), EFAULT);
    CHECK_FAILS(ioctl(slave, TCGETS, NOBODY), EFAULT);
    CHECK_FAILS(ioctl(slave, 0x54ff, 0), ENOTTY);
}

/* Two pairs have nothing to do with each other, and a closed one's number is used again. */
static void pairs(void) {
    char first_name[64], second_name[64];

    pair_open();
    int first = master, first_slave = slave;
    snprintf(first_name, sizeof first_name, "%s", ptsname(first));
    pair_open();
    snprintf(second_name, sizeof second_name, "%s", ptsname(master));
    CHECK(strcmp(first_name, second_name) != 0);
    type("two\n");
    CHECK_TEXT(line(), "two\n");
    nonblocking(first_slave);
    char byte;
    CHECK_FAILS(read(first_slave, &byte, 1), EAGAIN);
    CHECK_TEXT(ttyname(slave), second_name);
    close(slave);
    close(master);
    CHECK_FAILS(open(second_name, O_RDWR | O_NOCTTY), ENOENT);
}

static void locked(void) {
    int on = 1;

    pair_open();
    CHECK_EQ(ioctl(master, TIOCSPTLCK, &on), 0);
    CHECK_FAILS(open(ptsname(master), O_RDWR | O_NOCTTY), EIO);
}

/* ---- hang-up ---- */

static void master_closed(void) {
    char byte;

    pair_open();
    close(master);
    CHECK_EQ(read(slave, &byte, 1), 0);
    CHECK_FAILS(write(slave, "x", 1), EIO);
    struct termios settings;
    CHECK_FAILS(tcgetattr(slave, &settings), EIO);
    struct pollfd fd = {slave, POLLIN, 0};
    CHECK_EQ(poll(&fd, 1, 0), 1);
    CHECK(fd.revents & POLLHUP);
}

static void slave_closed(void) {
    char byte;

    pair_open();
    CHECK_EQ(write(slave, "bye", 3), 3);
    close(slave);
    CHECK_TEXT(shown(), "bye");
    CHECK_FAILS(read(master, &byte, 1), EIO);
    slave = open(ptsname(master), O_RDWR | O_NOCTTY); /* and it can be opened again */
    CHECK(slave >= 0);
    type("x\n");
    CHECK_TEXT(line(), "x\n");
}

CHECK_MAIN({"defaults", defaults}, {"line_and_echo", line_and_echo}, {"editing", editing},
           {"erase_echo", erase_echo}, {"end_of_file", end_of_file},
           {"one_line_a_read", one_line_a_read}, {"flushing", flushing},
           {"stop_and_go", stop_and_go}, {"raw_bytes", raw_bytes}, {"raw_waiting", raw_waiting},
           {"mode_changes", mode_changes}, {"back_pressure", back_pressure},
           {"window_size", window_size}, {"pairs", pairs}, {"locked", locked},
           {"master_closed", master_closed}, {"slave_closed", slave_closed});
