/* SPDX-License-Identifier: MIT */
/* The program under view; see program.h. */
#define _GNU_SOURCE
#include "user/memview/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_NOT_EXECUTABLE 126
#define EXIT_NOT_FOUND 127

static _Noreturn void become(char **argv, int output) {
    int null = open("/dev/null", O_RDONLY);

    setpgid(0, 0);
    if (null >= 0)
        dup2(null, STDIN_FILENO);
    if (output >= 0) {
        dup2(output, STDOUT_FILENO);
        dup2(output, STDERR_FILENO);
    }
    signal(SIGPIPE, SIG_DFL);
    execvp(argv[0], argv);
    dprintf(STDERR_FILENO, "memview: %s: %s\n", argv[0], strerror(errno));
    _exit(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}

int program_start(struct program *program, char **argv, bool hold) {
    int ends[2] = {-1, -1};

    if (hold && pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    *program = (struct program){.argv = argv, .output = ends[0]};
    program->pid = fork();
    if (program->pid == 0)
        become(argv, ends[1]);
    if (hold)
        close(ends[1]);
    if (program->pid < 0) {
        program->pid = 0;
        return -errno;
    }
    setpgid(program->pid, program->pid); /* whoever is first */
    if (hold)
        fcntl(program->output, F_SETFL, O_NONBLOCK);
    return 0;
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
    ssize_t got;

    while (program->output >= 0 && (got = read(program->output, bytes, sizeof bytes)) != -1) {
        if (got == 0) {
            close(program->output);
            program->output = -1;
            return;
        }
        hold(program, bytes, (size_t)got);
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
    if (program->pid > 0) {
        kill(-program->pid, SIGKILL);
        program_check(program, true);
    }
    if (program->output >= 0)
        close(program->output);
    program->output = -1;
}
