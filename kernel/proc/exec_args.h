/* SPDX-License-Identifier: MIT */
/*
 * The strings a program starts with, collected in kernel memory, and the stack made of them;
 * private to kernel/proc.
 *
 * Limits are Linux's: one string 128 KiB, NUL included; all of them with their pointers a quarter
 * of the stack limit, but 128 KiB at least and 6 MiB at most. Beyond: -E2BIG. Source: execve(2).
 */
#ifndef PROC_EXEC_ARGS_H
#define PROC_EXEC_ARGS_H

#include <stddef.h>
#include <stdint.h>

#include "proc/process.h"

struct chunk;

/* Bytes in pages, appended to at the end. */
struct chunk_list {
    struct chunk *first, *last;
    uint64_t bytes;
};

struct exec_args {
    struct chunk_list strings; /* arguments, environment, name of the program; each with its NUL */
    struct chunk_list offsets; /* uint64_t: where each begins in strings */
    uint64_t argc, envc;
    uint64_t env_offset;  /* where the environment begins in strings */
    uint64_t name_offset; /* the name of the program */
    uint64_t limit;       /* bytes of strings and pointers */
};

/* Prepares an empty block; stack_limit: RLIMIT_STACK in bytes. */
void exec_args_init(struct exec_args *args, uint64_t stack_limit);

/* Frees what it holds. */
void exec_args_release(struct exec_args *args);

/* One more string from the kernel; counts it as an argument or not at all. 0, -E2BIG, -ENOMEM. */
int exec_args_add(struct exec_args *args, const char *string);

/*
 * All strings of a NULL-terminated user array of user strings (NULL: an empty one), but for the
 * first `skip`; *count goes up by each one added. 0, -EFAULT, -E2BIG, -ENOMEM.
 */
int exec_args_add_user(struct exec_args *args, const void *vector, uint64_t skip, uint64_t *count);

/* What else the new stack holds. */
struct exec_stack {
    uint64_t auxv[2 * AUXV_ENTRIES];
    unsigned auxv_count;                     /* words, AT_NULL included */
    uint64_t *random, *platform, *execfn;    /* the values in auxv that exec_stack_write fills in */
    uint64_t args_start, env_start, env_end; /* out: user addresses */
    uint64_t rsp;                            /* out */
};

/* How many bytes the stack takes below its top. */
uint64_t exec_stack_bytes(const struct exec_args *args, const struct exec_stack *stack);

/*
 * Writes the start of the stack below `top` into a space whose stack is mapped there. 0, -ENOMEM or
 * -EFAULT. May sleep.
 */
int exec_stack_write(struct vm_space *space, uint64_t top, struct exec_args *args,
                     struct exec_stack *stack);

#endif
