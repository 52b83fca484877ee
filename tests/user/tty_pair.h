/* SPDX-License-Identifier: MIT */
/*
 * A pseudo-terminal whose two ends the test holds, for tests of terminals.
 */
#ifndef TESTS_USER_TTY_PAIR_H
#define TESTS_USER_TTY_PAIR_H

#include "check.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

#define NOBODY ((void *)8) /* an address where nothing is */

static int master = -1, slave = -1;

/* Opens a pair; the caller does not get a controlling terminal by it. */
static inline void pair_open(void) {
    master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 && (errno == ENOENT || errno == EACCES))
        SKIP("no /dev/ptmx here");
    CHECK(master >= 0);
    CHECK_EQ(grantpt(master), 0);
    CHECK_EQ(unlockpt(master), 0);
    slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    CHECK(slave >= 0);
    CHECK(isatty(slave));
}

static inline void type(const char *text) {
    CHECK_EQ(write(master, text, strlen(text)), strlen(text));
}

/* Linux handles what is typed in its own time. */
static inline void settle(void) {
    usleep(20000);
}

/* What the terminal shows within a moment. */
static inline const char *shown(void) {
    static char text[8192];
    size_t length = 0;
    struct pollfd fd = {master, POLLIN, 0};

    while (length < sizeof text - 1 && poll(&fd, 1, 50) == 1 && (fd.revents & POLLIN)) {
        ssize_t got = read(master, text + length, sizeof text - 1 - length);
        if (got <= 0)
            break;
        length += (size_t)got;
    }
    text[length] = '\0';
    return text;
}

/* One read from the slave, "" for end of file. */
static inline const char *line(void) {
    static char text[8192];
    ssize_t got = read(slave, text, sizeof text - 1);

    CHECK(got >= 0);
    text[got] = '\0';
    return text;
}

#define CHECK_TEXT(actual, expected)                                                               \
    do {                                                                                           \
        const char *check_t = (actual);                                                            \
        if (strcmp(check_t, (expected)) != 0)                                                      \
            CHECK_NOTE("%s:%d: \"%s\", not \"%s\"", __FILE__, __LINE__, check_t, (expected));      \
    } while (0)

static inline void settings_change(void (*change)(struct termios *)) {
    struct termios settings;

    CHECK_EQ(tcgetattr(slave, &settings), 0);
    change(&settings);
    CHECK_EQ(tcsetattr(slave, TCSANOW, &settings), 0);
}

#endif
