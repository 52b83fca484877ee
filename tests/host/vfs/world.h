/* SPDX-License-Identifier: MIT */
/*
 * The file system on the host: kernel/vfs, fs/tmpfs and fs/initramfs unchanged, over a model of one
 * thread. Mutexes check that they are not taken twice and in the order of their ranks; a wait that
 * would sleep is interrupted at once (-EINTR).
 */
#ifndef TESTS_HOST_VFS_WORLD_H
#define TESTS_HOST_VFS_WORLD_H

#include <stdint.h>

#include "vfs/context.h"

/* Memory, a mounted root, and a current process whose context this is. Once a test. */
extern struct vfs_context world_context;
void world_init(void);

/* What must be as before when an operation has failed. */
struct world_memory {
    uint64_t frames;  /* in use */
    uint64_t objects; /* slab objects in use, all caches */
};
struct world_memory world_memory(void);

/* Fails the test unless memory in use is `before`; `what` is for the message. */
void world_check_memory(const struct world_memory *before, const char *what);

/* The first error of each operation on a path, as the system calls give it; relative paths start at
 * the root. */
int world_put(const char *path, const char *text);

/* Whether the file holds exactly text. */
int world_holds(const char *path, const char *text);

#endif
