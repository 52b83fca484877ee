/* SPDX-License-Identifier: MIT */
/*
 * The first line of a script: "#!", blanks, interpreter, blanks, one argument that may contain
 * blanks. What lies beyond 256 bytes does not count. See exec_script.h.
 */
#include "proc/exec_script.h"

#include "abi/errno.h"
#include "lib/bits.h"
#include "lib/string.h"

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

bool script_is(const char *head, size_t size) {
    return size >= 2 && head[0] == '#' && head[1] == '!';
}

/* The end of the line: a newline or NUL, or where the bytes end. */
static const char *line_end(const char *from, const char *limit) {
    while (from < limit && *from != '\n' && *from != '\0')
        from++;
    return from;
}

static void copy_range(char *to, const char *from, const char *end) {
    memcpy(to, from, (size_t)(end - from));
    to[end - from] = '\0';
}

int script_parse(const char *head, size_t size, struct script *script) {
    const char *limit = head + MIN(size, (size_t)SCRIPT_LINE_BYTES - 1);
    const char *at = head + 2;
    const char *end = line_end(at, limit);
    const char *start;

    while (at < end && is_blank(*at))
        at++;
    for (start = at; at < end && !is_blank(*at);)
        at++;
    /* An interpreter that the limit may have cut is not run. */
    if (at == start || (at == limit && size > (size_t)(limit - head)))
        return -ENOEXEC;
    copy_range(script->interpreter, start, at);
    while (at < end && is_blank(*at))
        at++;
    while (end > at && is_blank(end[-1]))
        end--;
    copy_range(script->argument, at, end);
    return 0;
}
