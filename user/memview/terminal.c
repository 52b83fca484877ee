/* SPDX-License-Identifier: MIT */
/* The terminal; see terminal.h. */
#define _GNU_SOURCE
#include "user/memview/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* Other screen, no cursor, no going on in the next line at the end of one. */
#define ENTER "\033[?1049h\033[?25l\033[?7l\033[2J"
#define LEAVE "\033[0m\033[?7h\033[?25h\033[?1049l"
#define ASK_SIZE "\0337\033[999;999H\033[6n\0338"

static int input_fd = -1;
static int event_pipe[2] = {-1, -1};
static struct termios before;
static volatile sig_atomic_t taken;
static bool all_keys;

static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
static const int others[] = {SIGWINCH, SIGTSTP, SIGCONT, SIGCHLD};
static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void bytes_write(const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t done = write(STDOUT_FILENO, bytes, length);
        if (done < 0 && errno == EAGAIN) {
            struct pollfd slot = {STDOUT_FILENO, POLLOUT, 0};
            poll(&slot, 1, -1);
            continue;
        }
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return;
        bytes += done;
        length -= (size_t)done;
    }
}

static void settings_take(void) {
    struct termios raw = before;

    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | (all_keys ? ISIG | IEXTEN : 0));
    raw.c_iflag &= ~(tcflag_t)(ICRNL | IXON);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    tcsetattr(input_fd, TCSADRAIN, &raw);
}

void terminal_all_keys(bool on) {
    all_keys = on;
    settings_take();
}

static void take(void) {
    settings_take();
    bytes_write(ENTER, sizeof ENTER - 1);
    taken = 1;
}

void terminal_close(void) {
    if (!taken)
        return;
    taken = 0;
    bytes_write(LEAVE, sizeof LEAVE - 1);
    tcsetattr(input_fd, TCSADRAIN, &before);
}

/* ---- signals ---- */

static void on_signal(int number) {
    char byte = (char)number;
    int saved = errno;
    ssize_t done = write(event_pipe[1], &byte, 1); /* full: there is enough in it already */

    (void)done;
    errno = saved;
}

static void on_fatal(int number) {
    terminal_close();
    raise(number); /* its action is the default one by now */
}

static void handle(int number, void (*handler)(int), int flags) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};

    sigaction(number, &action, NULL);
}

static void handle_all(void) {
    for (size_t i = 0; i < COUNT(ending); i++)
        handle(ending[i], on_signal, SA_RESTART);
    for (size_t i = 0; i < COUNT(others); i++)
        handle(others[i], on_signal, SA_RESTART);
    for (size_t i = 0; i < COUNT(fatal); i++)
        handle(fatal[i], on_fatal, (int)SA_RESETHAND);
    signal(SIGPIPE, SIG_IGN);
}

int terminal_open(int input) {
    input_fd = input;
    if (tcgetattr(input_fd, &before) < 0)
        return -errno;
    if (pipe2(event_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
        return -errno;
    handle_all();
    atexit(terminal_close);
    take();
    return 0;
}

int terminal_event_fd(void) {
    return event_pipe[0];
}

/* Stops as SIGTSTP does, and comes back with the terminal taken. */
static void stop(void) {
    sigset_t set;

    terminal_close();
    signal(SIGTSTP, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, SIGTSTP);
    raise(SIGTSTP);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    handle(SIGTSTP, on_signal, SA_RESTART);
    tcgetattr(input_fd, &before);
    take();
}

static void event_take(struct terminal_events *events, int number) {
    switch (number) {
    case SIGWINCH:
        events->resized = true;
        break;
    case SIGCHLD:
        events->child = true;
        break;
    case SIGTSTP:
        stop();
        events->redraw = events->resized = true;
        break;
    case SIGCONT:
        take();
        events->redraw = events->resized = true;
        break;
    default:
        events->end = number;
    }
}

struct terminal_events terminal_events(void) {
    struct terminal_events events = {0};
    char bytes[64];
    ssize_t got;

    while ((got = read(event_pipe[0], bytes, sizeof bytes)) > 0)
        for (ssize_t i = 0; i < got; i++)
            event_take(&events, bytes[i]);
    return events;
}

/* ---- what it is ---- */

bool terminal_size(int *rows, int *columns) {
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row == 0 || size.ws_col == 0) {
        bytes_write(ASK_SIZE, sizeof ASK_SIZE - 1);
        return false;
    }
    *rows = size.ws_row;
    *columns = size.ws_col;
    return true;
}

void terminal_write(const struct text *text) {
    bytes_write(text->bytes, text->length);
}

static bool locale_is_utf8(void) {
    const char *names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

    for (size_t i = 0; i < COUNT(names); i++) {
        const char *value = getenv(names[i]);
        if (value && value[0])
            return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
    }
    return false;
}

struct abilities terminal_abilities(void) {
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");

    return (struct abilities){.colour = !(no_colour && no_colour[0]) && term &&
                                        strncmp(term, "vt", 2) != 0,
                              .utf8 = locale_is_utf8()};
}
