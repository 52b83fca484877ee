/* SPDX-License-Identifier: MIT */
/*
 * init: the first process.
 *
 * It mounts what programs expect, reads what the host wants done (the run specification), starts
 * that one program in a session of its own, reaps every orphan meanwhile, reports how the program
 * ended and powers the machine off. It never returns: a kernel whose pid 1 is gone cannot go on.
 *
 * Run specification
 *   /etc/quire/run    lines `key=value`: mode=shell|run|tour, tty=0|1, rows, cols, cwd, join=1 when
 *                     output and error are one on the host and their order matters; a key in
 *                     capitals goes to the program's environment (TERM=xterm)
 *   /etc/quire/argv   the program and its arguments, each ended by a NUL
 * Without these files there is a shell on the console.
 *
 * Terminals
 *   ttyS0  the console; the program's standard output
 *   ttyS1  control: `ready` when the host may send input, `exit N` at the end; the host sends
 *          `winsize ROWS COLS` when the window of its terminal changes
 *   ttyS2  the program's standard error
 *   ttyS3  the program's standard input, where DLE DLE is the byte DLE and DLE E the end of file
 * With tty=1 the program has the console itself. With tty=0 it has three pipes, so that isatty()
 * is as false as on the host, and init carries the bytes between pipes and terminals.
 */

#define _GNU_SOURCE
#include "user/lib/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define SPEC_BYTES_MAX 4096
#define ARGV_BYTES_MAX (256 * 1024)
#define ARGS_MAX 4096
#define ENV_MAX 32
#define CONTROL_LINE_BYTES 64
#define STACK_ROOM_BYTES (32 * 1024)

#define EXIT_NOT_EXECUTABLE 126
#define EXIT_NOT_FOUND 127

struct spec {
    const char *mode;
    const char *cwd;
    bool tty;
    bool join;
    struct winsize size;
    char *argv[ARGS_MAX + 1];
    char *env[ENV_MAX + 1];
    size_t env_count;
};

enum { RELAY_INPUT, RELAY_OUTPUT, RELAY_ERROR, RELAY_COUNT };

static char spec_text[SPEC_BYTES_MAX];
static char argv_text[ARGV_BYTES_MAX];
static struct spec spec;
static struct relay relays[RELAY_COUNT];
static int control_fd = -1;
static int child_pipe[2] = {-1, -1}; /* a byte for each SIGCHLD, so that poll sees it */

static void say(const char *what, const char *name) {
    dprintf(STDERR_FILENO, "init: %s %s: %s\n", what, name, strerror(errno));
}

static int write_all(int fd, const void *bytes, size_t count) {
    const char *at = bytes;

    while (count > 0) {
        ssize_t done = write(fd, at, count);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return -1;
        at += done;
        count -= (size_t)done;
    }
    return 0;
}

/* ---- the end ---- */

static _Noreturn void machine_off(int status) {
    char line[32];

    tcdrain(STDOUT_FILENO);
    if (control_fd >= 0) {
        int length = snprintf(line, sizeof line, "exit %d\n", status);
        write_all(control_fd, line, (size_t)length);
        tcdrain(control_fd);
    }
    sync();
    reboot(RB_POWER_OFF);
    for (;;)
        pause();
}

static int exit_number(int wait_status) {
    if (WIFSIGNALED(wait_status))
        return 128 + WTERMSIG(wait_status);
    return WEXITSTATUS(wait_status);
}

/* ---- the run specification ---- */

static size_t file_read(const char *path, char *buffer, size_t size) {
    size_t length = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return 0;
    while (length < size) {
        ssize_t got = read(fd, buffer + length, size - length);
        if (got <= 0)
            break;
        length += (size_t)got;
    }
    close(fd);
    return length;
}

static void environment_add(char *line) {
    if (spec.env_count < ENV_MAX)
        spec.env[spec.env_count++] = line;
}

static void spec_line(char *line) {
    char *equals = strchr(line, '=');
    const char *value;

    if (!equals)
        return;
    if (line[0] >= 'A' && line[0] <= 'Z') {
        environment_add(line);
        return;
    }
    *equals = '\0';
    value = equals + 1;
    if (strcmp(line, "mode") == 0)
        spec.mode = value;
    else if (strcmp(line, "tty") == 0)
        spec.tty = strcmp(value, "1") == 0;
    else if (strcmp(line, "rows") == 0)
        spec.size.ws_row = (unsigned short)atoi(value);
    else if (strcmp(line, "cols") == 0)
        spec.size.ws_col = (unsigned short)atoi(value);
    else if (strcmp(line, "join") == 0)
        spec.join = strcmp(value, "1") == 0;
    else if (strcmp(line, "cwd") == 0)
        spec.cwd = value;
}

static void argv_set(char **words) {
    size_t i = 0;

    for (; words[i]; i++)
        spec.argv[i] = words[i];
    spec.argv[i] = NULL;
}

static void argv_from_file(void) {
    size_t length = file_read("/etc/quire/argv", argv_text, sizeof argv_text - 1);
    size_t count = 0;

    for (size_t at = 0; at < length && count < ARGS_MAX; at += strlen(argv_text + at) + 1)
        spec.argv[count++] = argv_text + at;
    spec.argv[count] = NULL;
}

static bool environment_has(const char *name) {
    size_t length = strlen(name);

    for (size_t i = 0; i < spec.env_count; i++)
        if (strncmp(spec.env[i], name, length) == 0 && spec.env[i][length] == '=')
            return true;
    return false;
}

static void environment_fill(void) {
    static char *defaults[][2] = {
        {"PATH", "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"},
        {"HOME", "HOME=/root"},
        {"TERM", "TERM=vt100"},
        {"USER", "USER=root"},
        {"SHELL", "SHELL=/bin/sh"},
        {"PS1", "PS1=quire:\\w\\$ "},
    };

    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
        if (!environment_has(defaults[i][0]))
            environment_add(defaults[i][1]);
}

static void spec_read(void) {
    static char *tour[] = {"/bin/sh", "/usr/share/quire/tour.sh", NULL};
    static char *shell[] = {"/bin/sh", NULL};
    char *rest = spec_text;
    char *line;

    spec.mode = "shell";
    spec.size = (struct winsize){.ws_row = 24, .ws_col = 80};
    file_read("/etc/quire/run", spec_text, sizeof spec_text - 1);
    while ((line = strsep(&rest, "\n")))
        spec_line(line);

    if (strcmp(spec.mode, "run") == 0)
        argv_from_file();
    else if (strcmp(spec.mode, "tour") == 0)
        argv_set(tour);
    if (!spec.argv[0]) {
        argv_set(shell);
        spec.tty = true;
        spec.cwd = spec.cwd ? spec.cwd : "/root";
    }
    environment_fill();
}

/* ---- the world a program expects ---- */

static void mount_unless(const char *present, const char *type, const char *where) {
    if (access(present, F_OK) == 0)
        return;
    mkdir(where, 0755);
    if (mount(type, where, type, 0, "") < 0)
        say("cannot mount", where);
}

/* Shared memory of POSIX lies in a tmpfs of its own, which anybody may fill but not with devices.
 */
static void mount_shm(void) {
    struct stat dev, shm;

    if (stat("/dev", &dev) == 0 && stat("/dev/shm", &shm) == 0 && dev.st_dev != shm.st_dev)
        return;
    mkdir("/dev/shm", 01777);
    if (mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") < 0)
        say("cannot mount", "/dev/shm");
}

static void directory_make(const char *path, mode_t mode) {
    if (mkdir(path, mode) == 0)
        chmod(path, mode);
}

static void console_open(void) {
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            open("/dev/console", O_RDWR | O_NOCTTY);
}

static void world_prepare(void) {
    mount_unless("/dev/null", "devtmpfs", "/dev");
    console_open();
    mount_unless("/proc/self", "proc", "/proc");
    mount_unless("/sys/kernel", "sysfs", "/sys");
    mount_unless("/dev/pts/ptmx", "devpts", "/dev/pts");
    mount_shm();
    directory_make("/tmp", 01777);
    directory_make("/root", 0700);
    umask(022);
}

/* ---- terminals ---- */

static int terminal_open(const char *path, int mode) {
    return open(path, mode | O_NOCTTY | O_CLOEXEC);
}

static void terminal_raw(int fd) {
    struct termios settings;

    if (tcgetattr(fd, &settings) < 0)
        return;
    cfmakeraw(&settings);
    tcsetattr(fd, TCSANOW, &settings);
}

static void control_open(void) {
    control_fd = terminal_open("/dev/ttyS1", O_RDWR);
    if (control_fd >= 0)
        terminal_raw(control_fd);
}

static void control_ready(void) {
    if (control_fd >= 0)
        write_all(control_fd, "ready\n", 6);
}

/* The host's window has another size; the console's foreground job gets SIGWINCH. */
static void control_line(const char *line) {
    struct winsize size = {0};

    if (sscanf(line, "winsize %hu %hu", &size.ws_row, &size.ws_col) == 2)
        ioctl(STDIN_FILENO, TIOCSWINSZ, &size);
}

static void control_listen(void) {
    static char line[CONTROL_LINE_BYTES];
    static size_t length;
    char bytes[CONTROL_LINE_BYTES];
    ssize_t got = read(control_fd, bytes, sizeof bytes);

    for (ssize_t i = 0; i < got; i++) {
        if (bytes[i] != '\n') {
            line[length] = bytes[i];
            length = (length + 1) % (sizeof line - 1);
            continue;
        }
        line[length] = '\0';
        control_line(line);
        length = 0;
    }
}

/* ---- the program ---- */

static void signals_default(void) {
    sigset_t none;

    signal(SIGPIPE, SIG_DFL);
    signal(SIGCHLD, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void program_exec(void) {
    if (spec.cwd && chdir(spec.cwd) < 0)
        chdir("/");
    environ = spec.env;
    execvp(spec.argv[0], spec.argv);
    say("cannot run", spec.argv[0]);
    _exit(errno == ENOENT || errno == ENOTDIR ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}

static void console_take(void) {
    int fd = open("/dev/console", O_RDWR);

    if (fd < 0)
        return;
    ioctl(fd, TIOCSCTTY, 0);
    ioctl(fd, TIOCSWINSZ, &spec.size);
    tcsetpgrp(fd, getpid());
    for (int standard = 0; standard <= STDERR_FILENO; standard++)
        dup2(fd, standard);
    if (fd > STDERR_FILENO)
        close(fd);
}

/* Reap whoever died; true when `program` was among them, with its status in *status. */
static bool children_reap(pid_t program, int *status) {
    bool ended = false;

    for (;;) {
        int wait_status;
        pid_t pid = waitpid(-1, &wait_status, WNOHANG);
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid <= 0)
            return ended;
        if (pid != program)
            continue;
        *status = wait_status;
        ended = true;
    }
}

static void child_noted(int signal_number) {
    int saved = errno;

    (void)signal_number;
    if (write(child_pipe[1], "", 1) < 0)
        errno = saved;
    errno = saved;
}

static void child_pipe_prepare(void) {
    struct sigaction action = {.sa_handler = child_noted, .sa_flags = SA_RESTART | SA_NOCLDSTOP};

    if (pipe2(child_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
        say("cannot make", "a pipe");
    sigaction(SIGCHLD, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void child_pipe_drain(void) {
    char bytes[64];

    while (read(child_pipe[0], bytes, sizeof bytes) > 0)
        ;
}

static void console_wait(void) {
    struct pollfd slots[] = {
        {.fd = child_pipe[0], .events = POLLIN},
        {.fd = control_fd, .events = POLLIN},
    };

    if (poll(slots, 2, -1) < 0)
        return;
    if (slots[1].revents & POLLIN)
        control_listen();
    child_pipe_drain();
}

static int run_on_console(void) {
    int status = 0;
    pid_t pid;

    child_pipe_prepare();
    pid = fork();
    if (pid < 0) {
        say("cannot start", spec.argv[0]);
        return EXIT_NOT_EXECUTABLE;
    }
    if (pid == 0) {
        setsid();
        console_take();
        signals_default();
        program_exec();
    }
    control_ready();
    while (!children_reap(pid, &status))
        console_wait();
    return exit_number(status);
}

/* ---- the program's pipes and the terminals ---- */

static void relays_wait(void) {
    struct pollfd slots[RELAY_COUNT + 1];
    struct relay *owners[RELAY_COUNT + 1];
    nfds_t count = 0;

    slots[count++] = (struct pollfd){.fd = child_pipe[0], .events = POLLIN};
    for (int i = 0; i < RELAY_COUNT; i++) {
        owners[count] = &relays[i];
        count += (nfds_t)relay_poll_slot(&relays[i], &slots[count]);
    }
    if (poll(slots, count, -1) < 0)
        return;
    for (nfds_t i = 1; i < count; i++)
        if (slots[i].revents)
            relay_step(owners[i]);
}

static pid_t program_start(const int ends[RELAY_COUNT]) {
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    setsid();
    for (int standard = 0; standard < RELAY_COUNT; standard++)
        dup2(ends[standard], standard);
    if (spec.join)
        dup2(STDOUT_FILENO, STDERR_FILENO);
    signals_default();
    program_exec();
}

/* The program's ends of the three pipes go to ends[], ours to the relays. */
static int relays_prepare(int ends[RELAY_COUNT]) {
    static const char *paths[RELAY_COUNT] = {"/dev/ttyS3", "/dev/ttyS0", "/dev/ttyS2"};

    for (int i = 0; i < RELAY_COUNT; i++) {
        int terminal = terminal_open(paths[i], i == RELAY_INPUT ? O_RDONLY : O_WRONLY);
        int pair[2];
        if (pipe2(pair, O_CLOEXEC) < 0)
            return -1;
        if (terminal >= 0)
            terminal_raw(terminal);
        if (i == RELAY_INPUT)
            relay_start(&relays[i], terminal, pair[1]);
        else
            relay_start(&relays[i], pair[0], terminal >= 0 ? terminal : STDERR_FILENO);
        ends[i] = i == RELAY_INPUT ? pair[0] : pair[1];
    }
    relays[RELAY_INPUT].escaped = true;
    fcntl(relays[RELAY_INPUT].to, F_SETFL, O_WRONLY | O_NONBLOCK);
    if (relays[RELAY_INPUT].from < 0)
        relay_close(&relays[RELAY_INPUT]);
    return 0;
}

static int run_through_pipes(void) {
    int ends[RELAY_COUNT];
    int status = 0;
    pid_t pid;

    child_pipe_prepare();
    if (relays_prepare(ends) < 0 || (pid = program_start(ends)) < 0) {
        say("cannot start", spec.argv[0]);
        return EXIT_NOT_EXECUTABLE;
    }
    for (int i = 0; i < RELAY_COUNT; i++)
        close(ends[i]);
    control_ready();
    while (!children_reap(pid, &status)) {
        relays_wait();
        child_pipe_drain();
    }
    relay_drain(&relays[RELAY_OUTPUT]);
    relay_drain(&relays[RELAY_ERROR]);
    return exit_number(status);
}

/*
 * Makes the pages of the stack there that a signal's frame may need, wherever it comes. Tests count
 * frames to the last one while init reaps what they left, and so it must not grow then.
 */
static __attribute__((noinline)) void stack_prepare(void) {
    volatile char room[STACK_ROOM_BYTES];

    for (size_t i = 0; i < sizeof room; i += 1024)
        room[i] = 0;
}

int main(void) {
    stack_prepare();
    world_prepare();
    spec_read();
    control_open();
    machine_off(spec.tty ? run_on_console() : run_through_pipes());
}
