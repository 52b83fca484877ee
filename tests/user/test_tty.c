/* SPDX-License-Identifier: MIT */
/*
 * Terminals, through a pseudo-terminal whose master the test holds: line editing, raw mode, job
 * control, sizes, hang-up.
 */
#include "check.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

#define NOBODY ((void *)8) /* an address where nothing is */

static int master = -1, slave = -1;

/* Opens a pair; the caller does not get a controlling terminal by it. */
static void pair_open(void) {
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

static void type(const char *text) {
    CHECK_EQ(write(master, text, strlen(text)), strlen(text));
}

/* Linux handles what is typed in its own time. */
static void settle(void) {
    usleep(20000);
}

/* What the terminal shows within a moment. */
static const char *shown(void) {
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
static const char *line(void) {
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

static void settings_change(void (*change)(struct termios *)) {
    struct termios settings;

    CHECK_EQ(tcgetattr(slave, &settings), 0);
    change(&settings);
    CHECK_EQ(tcsetattr(slave, TCSANOW, &settings), 0);
}

static void without_echo(struct termios *settings) {
    settings->c_lflag &= ~(tcflag_t)ECHO;
}

static void raw(struct termios *settings) {
    cfmakeraw(settings);
}

static void nonblocking(int fd) {
    CHECK_EQ(fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK), 0);
}

/* --- lines
 * ---------------------------------------------------------------------------------------- */

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

/* --- raw
 * ------------------------------------------------------------------------------------------ */

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

/* --- sizes and other settings
 * --------------------------------------------------------------------- */

static volatile sig_atomic_t signals_seen;

static void on_signal(int signo) {
    (void)signo;
    signals_seen++;
}

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

/* --- sessions and job control
 * --------------------------------------------------------------------- */

/* In a child that leads a session with the slave as its terminal. */
static void session_begin(void) {
    CHECK(setsid() > 0);
    CHECK_EQ(ioctl(slave, TIOCSCTTY, 0), 0);
}

static void body_terminal(void *unused) {
    (void)unused;
    session_begin();
    CHECK_EQ(tcgetpgrp(slave), getpgrp());
    CHECK_EQ(tcgetsid(slave), getsid(0));
    int fd = open("/dev/tty", O_RDWR);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, "hello", 5), 5);
    CHECK_TEXT(shown(), "hello");
    CHECK_EQ(ioctl(fd, TIOCNOTTY), 0);
    CHECK_FAILS(open("/dev/tty", O_RDWR), ENXIO);
    CHECK_FAILS(tcgetpgrp(slave), ENOTTY);
}

static void controlling_terminal(void) {
    pair_open();
    signal(SIGHUP, SIG_IGN);
    CHECK_CHILD_OK(body_terminal, NULL);
}

static void body_by_open(void *unused) {
    (void)unused;
    CHECK(setsid() > 0);
    CHECK_FAILS(open("/dev/tty", O_RDWR), ENXIO);
    int quiet = open(ptsname(master), O_RDWR | O_NOCTTY);
    CHECK(quiet >= 0);
    CHECK_FAILS(open("/dev/tty", O_RDWR), ENXIO);
    int fd = open(ptsname(master), O_RDWR);
    CHECK(fd >= 0);
    CHECK_EQ(tcgetpgrp(fd), getpgrp());
    CHECK(open("/dev/tty", O_RDWR) >= 0);
}

static void terminal_by_open(void) {
    pair_open();
    CHECK_CHILD_OK(body_by_open, NULL);
}

static void body_not_ours(void *unused) {
    (void)unused;
    session_begin();
    pid_t child = fork();
    if (child == 0) {
        CHECK(setsid() > 0);
        CHECK_FAILS(tcsetpgrp(slave, getpgrp()), ENOTTY);
        CHECK_FAILS(tcgetsid(slave), ENOTTY);
        _exit(0);
    }
    CHECK_EQ(child_wait(child), 0);
    CHECK_FAILS(tcsetpgrp(slave, 1), EPERM);
    CHECK_FAILS(tcsetpgrp(slave, 32000), ESRCH);
    CHECK_FAILS(tcsetpgrp(slave, -1), EINVAL);
}

static void foreground_errors(void) {
    pair_open();
    CHECK_CHILD_OK(body_not_ours, NULL);
}

/* Starts a child in a group of its own, in the foreground or not. */
static pid_t job_start(bool foreground, void (*run)(void)) {
    pid_t pid = fork();

    CHECK(pid >= 0);
    if (pid == 0) {
        setpgid(0, 0);
        usleep(20000);
        run();
        _exit(0);
    }
    setpgid(pid, pid);
    if (foreground)
        CHECK_EQ(tcsetpgrp(slave, pid), 0);
    return pid;
}

static void job_sleep(void) {
    sleep(20);
}

static void job_read(void) {
    char byte;

    _exit(read(slave, &byte, 1) == 1 ? 7 : 1);
}

static void job_write(void) {
    _exit(write(slave, "x", 1) == 1 ? 8 : 1);
}

static void job_settings(void) {
    struct termios settings;

    CHECK_EQ(tcgetattr(slave, &settings), 0);
    _exit(tcsetattr(slave, TCSANOW, &settings) == 0 ? 9 : 1);
}

static void expect_killed(const char *key, int signo) {
    int status;
    pid_t job = job_start(true, job_sleep);

    usleep(50000);
    type(key);
    CHECK_EQ(waitpid(job, &status, 0), job);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), signo);
}

static void expect_stopped(pid_t job, int signo) {
    int status;

    CHECK_EQ(waitpid(job, &status, WUNTRACED), job);
    CHECK(WIFSTOPPED(status));
    CHECK_EQ(WSTOPSIG(status), signo);
}

static void expect_exit(pid_t job, int code) {
    int status;

    CHECK_EQ(waitpid(job, &status, 0), job);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), code);
}

static void body_keys(void *unused) {
    (void)unused;
    session_begin();
    signal(SIGTTOU, SIG_IGN);
    expect_killed("\003", SIGINT);
    expect_killed("\034", SIGQUIT);
    pid_t job = job_start(true, job_sleep);
    usleep(50000);
    type("\032");
    expect_stopped(job, SIGTSTP);
    kill(job, SIGKILL);
    CHECK_EQ(waitpid(job, NULL, 0), job);
}

static void signal_keys(void) {
    pair_open();
    CHECK_CHILD_OK(body_keys, NULL);
}

static void body_background_read(void *unused) {
    (void)unused;
    session_begin();
    pid_t job = job_start(false, job_read);
    expect_stopped(job, SIGTTIN);
    signal(SIGTTOU, SIG_IGN);
    CHECK_EQ(tcsetpgrp(slave, job), 0);
    type("x\n");
    CHECK_EQ(kill(-job, SIGCONT), 0); /* the read starts over and now may */
    expect_exit(job, 7);
}

static void background_read(void) {
    pair_open();
    CHECK_CHILD_OK(body_background_read, NULL);
}

static void with_tostop(struct termios *settings) {
    settings->c_lflag |= TOSTOP;
}

static void body_background_write(void *unused) {
    (void)unused;
    session_begin();
    expect_exit(job_start(false, job_write), 8);
    settings_change(with_tostop);
    pid_t job = job_start(false, job_write);
    expect_stopped(job, SIGTTOU);
    kill(job, SIGKILL);
    CHECK_EQ(waitpid(job, NULL, 0), job);
    job = job_start(false, job_settings);
    expect_stopped(job, SIGTTOU);
    kill(job, SIGKILL);
    CHECK_EQ(waitpid(job, NULL, 0), job);
    signal(SIGTTOU, SIG_IGN); /* ignored: it may */
    expect_exit(job_start(false, job_write), 8);
    expect_exit(job_start(false, job_settings), 9);
}

static void background_write(void) {
    pair_open();
    CHECK_CHILD_OK(body_background_write, NULL);
}

/* A background group that nobody could continue gets an error, not a signal. */
static void body_orphans(void *unused) {
    (void)unused;
    session_begin();
    int pair[2];
    CHECK_EQ(pipe(pair), 0);
    pid_t middle = fork();
    if (middle == 0) {
        if (fork() == 0) {
            setpgid(0, 0);
            usleep(100000); /* until the parent has gone */
            char byte;
            bool failed = read(slave, &byte, 1) == -1 && errno == EIO;
            CHECK_EQ(write(pair[1], failed ? "y" : "n", 1), 1);
        }
        _exit(0);
    }
    child_wait(middle);
    char answer;
    CHECK_EQ(read(pair[0], &answer, 1), 1);
    CHECK_EQ(answer, 'y');
}

static void orphaned_read(void) {
    pair_open();
    CHECK_CHILD_OK(body_orphans, NULL);
}

static void body_window_signal(void *unused) {
    struct winsize size = {30, 90, 0, 0};

    (void)unused;
    session_begin();
    signal(SIGWINCH, on_signal);
    CHECK_EQ(ioctl(master, TIOCSWINSZ, &size), 0);
    CHECK_EQ(signals_seen, 1);
    CHECK_EQ(ioctl(master, TIOCSWINSZ, &size), 0); /* no change: no signal */
    CHECK_EQ(signals_seen, 1);
}

static void window_signal(void) {
    pair_open();
    CHECK_CHILD_OK(body_window_signal, NULL);
}

/* --- hang-up
 * -------------------------------------------------------------------------------------- */

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

static void body_leader(void *unused) {
    (void)unused;
    session_begin();
    if (fork() == 0) {
        sleep(20); /* in the foreground group: dies of SIGHUP with the leader */
        _exit(0);
    }
    usleep(20000);
}

static void leader_exits(void) {
    int pair[2];
    char byte;

    pair_open();
    CHECK_EQ(pipe(pair), 0);
    CHECK_CHILD_OK(body_leader, NULL);
    close(pair[1]);
    CHECK_EQ(read(pair[0], &byte, 1), 0); /* nobody has the other end any more */
}

CHECK_MAIN({"defaults", defaults}, {"line_and_echo", line_and_echo}, {"editing", editing},
           {"erase_echo", erase_echo}, {"end_of_file", end_of_file},
           {"one_line_a_read", one_line_a_read}, {"flushing", flushing},
           {"stop_and_go", stop_and_go}, {"raw_bytes", raw_bytes}, {"raw_waiting", raw_waiting},
           {"mode_changes", mode_changes}, {"back_pressure", back_pressure},
           {"window_size", window_size}, {"pairs", pairs}, {"locked", locked},
           {"controlling_terminal", controlling_terminal}, {"terminal_by_open", terminal_by_open},
           {"foreground_errors", foreground_errors}, {"signal_keys", signal_keys},
           {"background_read", background_read}, {"background_write", background_write},
           {"orphaned_read", orphaned_read}, {"window_signal", window_signal},
           {"master_closed", master_closed}, {"slave_closed", slave_closed},
           {"leader_exits", leader_exits});
