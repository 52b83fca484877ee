/* SPDX-License-Identifier: MIT */
/* The program under view; see program.h. */
#define _GNU_SOURCE
#include "user/memview/program.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_NOT_EXECUTABLE 126
#define EXIT_NOT_FOUND 127
#define READS_MAX 16 /* at a time: what writes without end does not keep us from all else */

/* In the child. `slave`: its end of the terminal, or -1. */
static _Noreturn void become(char **argv, int slave) {
    if (slave >= 0) {
        setsid();
        ioctl(slave, TIOCSCTTY, 0);
        if (isatty(STDIN_FILENO))
            dup2(slave, STDIN_FILENO);
        dup2(slave, STDOUT_FILENO);
        dup2(slave, STDERR_FILENO);
        setenv("TERM", "dumb", 1);
    }
    signal(SIGPIPE, SIG_DFL);
    execvp(argv[0], argv);
    dprintf(STDERR_FILENO, "memview: %s: %s\n", argv[0], strerror(errno));
    _exit(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}

/* Both ends of a new terminal, neither of which a program inherits. 0 or -errno. */
static int terminal_make(int *master, int *slave, const struct winsize *size) {
    if (openpty(master, slave, NULL, NULL, size) < 0)
        return -errno;
    fcntl(*master, F_SETFD, FD_CLOEXEC);
    fcntl(*master, F_SETFL, O_NONBLOCK);
    fcntl(*slave, F_SETFD, FD_CLOEXEC);
    return 0;
}

int program_start(struct program *program, char **argv, const struct winsize *size) {
    int master = -1, slave = -1;
    int status = size ? terminal_make(&master, &slave, size) : 0;

    *program = (struct program){.argv = argv, .terminal = master};
    if (status < 0)
        return status;
    program->pid = fork();
    if (program->pid == 0)
        become(argv, slave);
    status = program->pid < 0 ? -errno : 0;
    if (slave >= 0)
        close(slave);
    if (status < 0)
        program->pid = 0;
    return status;
}

void program_resize(struct program *program, const struct winsize *size) {
    if (program->terminal >= 0)
        ioctl(program->terminal, TIOCSWINSZ, size);
}

void program_type(struct program *program, char byte) {
    if (program->terminal >= 0 && write(program->terminal, &byte, 1) < 0)
        return; /* it is full */
}

/* Keeps the end of what there is. */
static void hold(struct program *program, const char *bytes, size_t count) {
    size_t over = program->length + count > sizeof program->held
                      ? program->length + count - sizeof program->held
                      : 0;

    memmove(program->held, program->held + over, program->length - over);
    program->length -= over;
    memcpy(program->held + program->length, bytes, count);
    program->length += count;
}

void program_read(struct program *program) {
    char bytes[4096];

    for (int i = 0; i < READS_MAX && program->terminal >= 0; i++) {
        ssize_t got = read(program->terminal, bytes, sizeof bytes);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (got > 0) {
            hold(program, bytes, (size_t)got);
        } else { /* EIO: nobody has it open */
            close(program->terminal);
            program->terminal = -1;
        }
    }
}

void program_check(struct program *program, bool wait) {
    int status;

    if (program->pid == 0 || waitpid(program->pid, &status, wait ? 0 : WNOHANG) != program->pid)
        return;
    program_read(program);
    program->pid = 0;
    program->ended = true;
    program->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void program_stop(struct program *program) {
    pid_t front = program->terminal >= 0 ? tcgetpgrp(program->terminal) : 0;

    if (front > 1)
        kill(-front, SIGKILL);
    if (program->pid > 0) {
        if (kill(-program->pid, SIGKILL) < 0) /* it leads no group, or not yet */
            kill(program->pid, SIGKILL);
        program_check(program, true);
    }
    if (program->terminal >= 0)
        close(program->terminal);
    program->terminal = -1;
}
