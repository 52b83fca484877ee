/* SPDX-License-Identifier: MIT */
/*
 * Copies between the kernel and the user. They take any user address: what does not lie below
 * USER_END is refused, and a fault that cannot be repaired ends the copy. Implemented by arch.
 *
 * All may sleep (a fault may read a file), so none may be called with a spinlock held, nor with
 * any lock that the fault path takes (the space's, an object's). But with interrupts off, and
 * spinlocks held then, the single values may be tried: they never sleep, and fail with -EFAULT
 * where a fault would be needed.
 */
#ifndef CORE_UACCESS_H
#define CORE_UACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "machine/layout.h"

/* True when [address, address + size) lies in user space; says nothing about what is there. */
static inline bool user_range_ok(const void *address, size_t size) {
    return size <= USER_END && (uintptr_t)address <= USER_END - size;
}

/* 0 or -EFAULT; after an error what was copied is undefined. */
int copy_from_user(void *dst, const void *usrc, size_t size);
int copy_to_user(void *udst, const void *src, size_t size);

/* Return how many bytes were NOT copied: 0 when all were, `size` for a bad range. */
size_t copy_from_user_partial(void *dst, const void *usrc, size_t size);
size_t copy_to_user_partial(void *udst, const void *src, size_t size);

/*
 * Copies a string with its NUL, `size` bytes at most. Returns its length without the NUL,
 * -EFAULT, or -ENAMETOOLONG when there is no NUL within size bytes.
 */
long copy_string_from_user(char *dst, const char *usrc, size_t size);

/* Writes zeroes. 0 or -EFAULT. */
int clear_user(void *udst, size_t size);

/* One naturally sized value, any alignment. 0 or -EFAULT. */
int get_user_u32(uint32_t *value, const void *usrc);
int get_user_u64(uint64_t *value, const void *usrc);
int put_user_u32(uint32_t value, void *udst);
int put_user_u64(uint64_t value, void *udst);

/*
 * In one step: if *udst is *expected it becomes `wanted`; *expected gets what was there. Also a
 * write where nothing changes. 0 or -EFAULT.
 */
int exchange_user_u32(void *udst, uint32_t *expected, uint32_t wanted);

#endif
