/* SPDX-License-Identifier: MIT */
/*
 * explain: the whole way of an address in a process, as /proc/PID/explain tells it: area, object,
 * shadow, frame, page table, and what a read, a write and an execution there would do, and why.
 *
 * On a terminal, keys and verdicts are coloured.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_BYTES 16384

/* Exit statuses; 0: all was explained. */
enum { STATUS_OTHER = 1, STATUS_USAGE, STATUS_NO_PROCESS, STATUS_NOT_PERMITTED };

static const char usage[] =
    "usage: explain PID ADDRESS...\n"
    "\n"
    "Explains addresses of a process: which area each is in, or why in none, what is mapped\n"
    "there, whose page it is and who else sees it, the page table level by level, and what a\n"
    "read, a write and an execution would do there, and why. Looking changes nothing.\n"
    "\n"
    "  PID       of a process, or self: explain itself\n"
    "  ADDRESS   decimal, or hexadecimal with 0x\n"
    "  --help    this\n"
    "\n"
    "Exit status: 0 all were explained, 1 the kernel cannot, 2 wrong usage or a bad address,\n"
    "3 no such process, 4 not permitted. docs/explain.md tells what the lines mean.\n";

static int complain(int status, const char *what, const char *why) {
    fprintf(stderr, "explain: %s: %s\n", what, why);
    return status;
}

/* ---- colours ---- */

#define KEY "\033[36m"
#define GOOD "\033[32m"
#define FAULT "\033[33m"
#define BAD "\033[31m"
#define PLAIN "\033[0m"

/* The colour of what a line says behind its key. */
static const char *colour_of(const char *words) {
    if (strncmp(words, "no fault", 8) == 0)
        return GOOD;
    if (strncmp(words, "fault", 5) == 0)
        return FAULT;
    return strncmp(words, "SIG", 3) == 0 ? BAD : PLAIN;
}

static void show_line(const char *line, bool coloured) {
    const char *colon = strchr(line, ':');

    if (!coloured || !colon || colon[1] != ' ') {
        puts(line);
        return;
    }
    printf(KEY "%.*s:" PLAIN " %s%s" PLAIN "\n", (int)(colon - line), line, colour_of(colon + 2),
           colon + 2);
}

static void show(char *text, bool coloured) {
    char *rest = NULL;

    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        show_line(line, coloured);
}

/* ---- asking ---- */

/* A number that is nothing else; octal ones are refused, since maps shows hexadecimal ones so. */
static bool is_address(const char *text) {
    bool is_hex = text[0] == '0' && text[1] == 'x';
    char *end;

    if (!is_hex && (text[0] < '0' || text[0] > '9' || (text[0] == '0' && text[1])))
        return false;
    if (is_hex && !text[2])
        return false;
    errno = 0;
    strtoull(is_hex ? text + 2 : text, &end, is_hex ? 16 : 10);
    return !errno && !*end &&
           (!is_hex || strspn(text + 2, "0123456789abcdefABCDEF") == strlen(text) - 2);
}

static int fail(const char *what) {
    if (errno == ENOENT || errno == ESRCH)
        return complain(STATUS_NO_PROCESS, what, "no such process");
    if (errno == EACCES || errno == EPERM)
        return complain(STATUS_NOT_PERMITTED, what, "not permitted");
    return complain(STATUS_OTHER, what, strerror(errno));
}

/* Asks through an open file, and shows the answer. 0 or an exit status. */
static int explain(int file, const char *address, bool coloured) {
    static char text[ANSWER_BYTES];
    size_t length = 0;
    ssize_t got;

    if (write(file, address, strlen(address)) < 0)
        return errno == EINVAL ? complain(STATUS_USAGE, address, "not an address") : fail(address);
    while ((got = read(file, text + length, sizeof(text) - 1 - length)) > 0)
        length += (size_t)got;
    if (got < 0)
        return fail(address);
    text[length] = '\0';
    show(text, coloured);
    return 0;
}

static bool is_pid(const char *text) {
    return *text && (strcmp(text, "self") == 0 || strspn(text, "0123456789") == strlen(text));
}

/* The file of a process; negative: an exit status, said already. */
static int process_open(const char *pid) {
    char path[64];
    int file;

    snprintf(path, sizeof(path), "/proc/%s", pid);
    if (strlen(pid) > 20 || access(path, F_OK) < 0)
        return -complain(STATUS_NO_PROCESS, pid, "no such process");
    snprintf(path, sizeof(path), "/proc/%s/explain", pid);
    file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0 && errno == ENOENT)
        return access("/proc/self/explain", F_OK) < 0
                   ? -complain(STATUS_OTHER, path, "this kernel does not explain")
                   : -complain(STATUS_NO_PROCESS, pid, "no such process");
    return file < 0 ? -fail(pid) : file;
}

static int explain_all(int file, char **addresses) {
    bool coloured = isatty(STDOUT_FILENO);

    for (char **address = addresses; *address; address++) {
        int status = explain(file, *address, coloured);

        if (status)
            return status;
        if (address[1])
            puts("");
    }
    return fflush(stdout) == 0 ? 0 : complain(STATUS_OTHER, "output", strerror(errno));
}

int main(int argc, char **argv) {
    int file;

    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(usage, stdout);
        return 0;
    }
    if (argc < 3) {
        fputs("explain: which process, and which address? (--help tells more)\n", stderr);
        return STATUS_USAGE;
    }
    if (!is_pid(argv[1]))
        return complain(STATUS_USAGE, argv[1], "not a process's number");
    for (int i = 2; i < argc; i++)
        if (!is_address(argv[i]))
            return complain(STATUS_USAGE, argv[i], "not an address");
    file = process_open(argv[1]);
    return file < 0 ? -file : explain_all(file, argv + 2);
}
