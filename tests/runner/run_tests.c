/* SPDX-License-Identifier: MIT */
/*
 * Runs test programs one after the other inside one boot, for tools/check.py on the host.
 *
 *     run_tests SECONDS 'PROGRAM [SUBTEST...]'...
 *
 * Each argument is one command line, split at blanks; nothing in it is quoted. Before a program it
 * prints `@begin PROGRAM`, after it `@end PROGRAM STATUS`, where STATUS is 128 + N after signal N,
 * and 124 if it had not ended within SECONDS and was killed. What the program prints comes between
 * the two lines. Its standard input is empty and it has a process group of its own, so that
 * whatever it leaves behind ends with it.
 *
 * It uses little of the kernel on purpose: fork, exec, wait, kill and nanosleep have to work for
 * anything to be reported at all.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORDS_MAX 256
#define STATUS_TIMEOUT 124
#define STATUS_NOT_FOUND 127
#define POLL_NS 2000000L

static long long now_ns(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void say(const char *what, const char *name, int status) {
    char line[300];
    int length;

    if (status < 0)
        length = snprintf(line, sizeof line, "@%s %s\n", what, name);
    else
        length = snprintf(line, sizeof line, "\n@%s %s %d\n", what, name, status);
    if (length >= (int)sizeof line)
        length = sizeof line - 1;
    if (write(STDOUT_FILENO, line, (size_t)length) < 0)
        _exit(1);
}

static void split(char *text, char *words[WORDS_MAX + 1]) {
    size_t count = 0;

    for (char *word = strtok(text, " "); word && count < WORDS_MAX; word = strtok(NULL, " "))
        words[count++] = word;
    words[count] = NULL;
}

static _Noreturn void become(char **words) {
    int empty = open("/dev/null", O_RDONLY);

    setpgid(0, 0);
    /* Frames are counted to the last one, and stacks that lie elsewhere touch other pages. */
    personality(ADDR_NO_RANDOMIZE);
    if (empty >= 0)
        dup2(empty, STDIN_FILENO);
    dup2(STDOUT_FILENO, STDERR_FILENO);
    execv(words[0], words);
    printf("not ok %s: cannot be run: %s\n", words[0], strerror(errno));
    fflush(stdout);
    _exit(STATUS_NOT_FOUND);
}

/* Nothing of one program may disturb the next. */
static void kill_leftovers(pid_t leader) {
    struct utsname system;

    kill(-leader, SIGKILL);
    if (uname(&system) == 0 && strstr(system.release, "quire"))
        kill(-1, SIGKILL);
}

/* Waits for the child until the deadline; what it left is killed afterwards in any case. */
static int wait_for(pid_t child, long long deadline_ns) {
    struct timespec pause = {.tv_nsec = POLL_NS};
    int status = 0;
    pid_t ended;

    while ((ended = waitpid(child, &status, WNOHANG)) == 0 && now_ns() < deadline_ns)
        nanosleep(&pause, NULL);
    kill_leftovers(child);
    if (ended == 0) {
        waitpid(child, &status, 0);
        return STATUS_TIMEOUT;
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int run(char *command, long long limit_ns) {
    char *words[WORDS_MAX + 1];
    int status;
    pid_t child;

    split(command, words);
    if (!words[0])
        return 0;
    say("begin", words[0], -1);
    child = fork();
    if (child == 0)
        become(words);
    status = child < 0 ? STATUS_NOT_FOUND : wait_for(child, now_ns() + limit_ns);
    say("end", words[0], status);
    return status;
}

int main(int argc, char **argv) {
    int failed = 0;

    if (argc < 3) {
        fprintf(stderr, "usage: run_tests SECONDS 'PROGRAM [SUBTEST...]'...\n");
        return 2;
    }
    for (int i = 2; i < argc; i++)
        failed |= run(argv[i], atol(argv[1]) * 1000000000LL) != 0;
    return failed;
}
