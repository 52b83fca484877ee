/* SPDX-License-Identifier: MIT */
/*
 * Terminals and sessions: controlling terminals, foreground and background, signals of keys.
 */
#include "tty_pair.h"

static volatile sig_atomic_t signals_seen;

static void on_signal(int signo) {
    (void)signo;
    signals_seen++;
}

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

static void body_dev_tty(void *unused) {
    uint32_t number;
    int fd;

    (void)unused;
    pair_open();
    session_begin();
    for (int i = 0; i < 4; i++) {
        fd = open("/dev/tty", O_RDWR);
        CHECK(fd >= 0);
        CHECK_EQ(close(fd), 0);
    }
    fd = open("/dev/tty", O_RDWR);
    CHECK_EQ(close(slave), 0);
    CHECK_EQ(write(fd, "hello", 5), 5);
    CHECK_TEXT(shown(), "hello");
    CHECK_EQ(close(fd), 0);
    CHECK_EQ(ioctl(master, TIOCGPTN, &number), 0);
    fd = open("/dev/tty", O_RDWR);
    CHECK_EQ(write(fd, "again", 5), 5);
    CHECK_TEXT(shown(), "again");
}

static void dev_tty_is_the_slave(void) {
    CHECK_CHILD_OK(body_dev_tty, NULL);
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
        pid_t parent = getpid();
        if (fork() == 0) {
            setpgid(0, 0);
            while (getppid() == parent)
                usleep(1000);
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

CHECK_MAIN({"controlling_terminal", controlling_terminal}, {"terminal_by_open", terminal_by_open},
           {"dev_tty_is_the_slave", dev_tty_is_the_slave}, {"foreground_errors", foreground_errors},
           {"signal_keys", signal_keys}, {"background_read", background_read},
           {"background_write", background_write}, {"orphaned_read", orphaned_read},
           {"window_signal", window_signal}, {"leader_exits", leader_exits});
