/* SPDX-License-Identifier: MIT */
/*
 * Running programs; private to kernel/proc and its system calls.
 *
 * Source: execve(2), elf(5), System V ABI x86-64 3.4 (process initialisation).
 */
#ifndef PROC_EXEC_H
#define PROC_EXEC_H

struct name;

/* What execve(2) and execveat(2) ask for. argv and envp are user arrays of user strings. */
struct exec_request {
    struct name *at;       /* where a relative path starts; NULL: the working directory */
    const char *path;      /* kernel memory */
    unsigned lookup_flags; /* LOOKUP_* */
    const char *shown;     /* what scripts and AT_EXECFN see instead of path; NULL: path */
    const void *argv;
    const void *envp;
};

/*
 * Makes the calling process run another program. 0: the task's trap frame is that of the new
 * program; else a negative errno, and nothing has changed. May sleep.
 */
int process_exec(const struct exec_request *request);

/* The same for process 1 and vectors in kernel memory. */
int process_exec_kernel(const char *path, const char *const argv[], const char *const envp[]);

/* Once, at start. */
void process_exec_init(void);

#endif
