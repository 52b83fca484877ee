/* SPDX-License-Identifier: MIT */
/* What the scenes share; see scene.h. */
#define _GNU_SOURCE
#include "user/scenes/lib/scene.h"

#include "user/lib/look.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PACE_MS 10

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
    exit(1);
}

long scene_begin(int argc, char **argv, long otherwise) {
    char *end;
    long number;

    if (argc < 2)
        return otherwise;
    number = strtol(argv[1], &end, 10);
    if (*argv[1] && !*end && number >= 0 && argc == 2)
        return number;
    fprintf(stderr, "usage: %s [N]\n", argv[0]);
    exit(2);
}

/* The trace takes it where there is one. */
static void mark(const char *text) {
    int fd = open("/proc/trace", O_WRONLY | O_CLOEXEC);
    ssize_t done;

    if (fd < 0)
        return;
    done = write(fd, text, strlen(text));
    (void)done;
    close(fd);
}

void scene_say(const char *format, ...) {
    char text[128];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    printf("%s\n", text);
    fflush(stdout);
    mark(text);
}

void scene_step(void) {
    static long pace = -1;
    const char *word = getenv("SCENE_PACE");

    if (pace < 0)
        pace = word ? atol(word) : PACE_MS;
    if (pace > 0)
        nanosleep(&(struct timespec){pace / 1000, pace % 1000 * 1000000}, NULL);
}

pid_t scene_fork(void) {
    pid_t child = fork();

    if (child < 0)
        fail("fork");
    return child;
}

int scene_wait(pid_t child) {
    int status;

    if (waitpid(child, &status, 0) != child)
        fail("waitpid");
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void scene_gate_make(struct scene_gate *gate) {
    if (pipe(gate->ends) < 0)
        fail("pipe");
}

void scene_gate_open(struct scene_gate *gate) {
    scene_gate_shut(gate);
    close(gate->ends[0]);
}

void scene_gate_shut(struct scene_gate *gate) {
    if (gate->ends[1] >= 0)
        close(gate->ends[1]);
    gate->ends[1] = -1;
}

/* The end of the pipe comes when nobody can write any more. */
void scene_gate_wait(struct scene_gate *gate) {
    char byte;

    scene_gate_shut(gate);
    while (read(gate->ends[0], &byte, 1) < 0 && errno == EINTR)
        continue;
    close(gate->ends[0]);
}

void scene_limit(long pages) {
    struct rlimit limit;
    rlim_t now = (rlim_t)look_number("/proc/self/status", "VmSize") << 10;

    limit.rlim_cur = limit.rlim_max = now + (rlim_t)pages * PAGE_BYTES;
    if (setrlimit(RLIMIT_AS, &limit) < 0)
        fail("setrlimit");
}

long scene_allocate(long most) {
    long count = 0;

    while (count < most) {
        char *page =
            mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED)
            break;
        *(volatile char *)page = 1;
        count++;
        scene_step();
    }
    return count;
}
