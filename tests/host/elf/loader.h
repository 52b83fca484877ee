/* SPDX-License-Identifier: MIT */
/*
 * kernel/proc/elf.c on the host: any bytes as a file of tmpfs's, decoded, and mapped if they are a
 * program; what was decoded must make sense, and what was mapped must be the file's bytes and
 * zeroes, no more and no less.
 */
#ifndef TESTS_HOST_ELF_LOADER_H
#define TESTS_HOST_ELF_LOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The world of vfs/world.h and the VM. Once a process. */
void loader_init(void);

/* Loads `size` bytes as a program would be. What elf_decode or, after it, elf_map answered; the
 * test fails if either did something wrong, or if memory is left over. */
int loader_try(const void *bytes, size_t size);

/* The same with the n-th allocation failing. False when there are not so many: nothing failed. */
bool loader_try_failing(const void *bytes, size_t size, uint64_t n);

#endif
