/* SPDX-License-Identifier: MIT */
/* Scripts that begin with "#!"; private to kernel/proc. Source: execve(2), "Interpreter scripts".
 */
#ifndef PROC_EXEC_SCRIPT_H
#define PROC_EXEC_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

#define SCRIPT_LINE_BYTES 256

struct script {
    char interpreter[SCRIPT_LINE_BYTES];
    char argument[SCRIPT_LINE_BYTES]; /* "": none */
};

/* Whether a file that starts with these bytes is a script. */
bool script_is(const char *head, size_t size);

/* Reads its first line: 0, or -ENOEXEC when there is no interpreter or the line cuts it off. */
int script_parse(const char *head, size_t size, struct script *script);

#endif
