/* SPDX-License-Identifier: MIT */
/*
 * Copies between kernel and user. Every instruction here that touches user memory is in the
 * exception table; stac before and clac after them lets them (SMAP), and nothing else runs
 * between the two.
 *
 * Long copies are in uaccess_copy.S.
 */
#include "core/uaccess.h"

#include "abi/errno.h"
#include "core/extable.h"
#include "machine/layout.h"
#include "machine/user_window.h"

/* uaccess_copy.S; the first two return the number of bytes not done. */
size_t uaccess_copy(void *dst, const void *src, size_t size);
size_t uaccess_clear(void *dst, size_t size);
long uaccess_string(char *dst, const char *src, size_t size);

size_t copy_from_user_partial(void *dst, const void *usrc, size_t size) {
    if (!user_range_ok(usrc, size))
        return size;
    return uaccess_copy(dst, usrc, size);
}

size_t copy_to_user_partial(void *udst, const void *src, size_t size) {
    if (!user_range_ok(udst, size))
        return size;
    return uaccess_copy(udst, src, size);
}

int copy_from_user(void *dst, const void *usrc, size_t size) {
    return copy_from_user_partial(dst, usrc, size) ? -EFAULT : 0;
}

int copy_to_user(void *udst, const void *src, size_t size) {
    return copy_to_user_partial(udst, src, size) ? -EFAULT : 0;
}

int clear_user(void *udst, size_t size) {
    if (!user_range_ok(udst, size))
        return -EFAULT;
    return uaccess_clear(udst, size) ? -EFAULT : 0;
}

/* One load or store of user memory: 0, or -EFAULT by way of the exception table. */
#define USER_LOAD(error, value, address, instruction)                                              \
    __asm__ volatile(                                                                              \
        SMAP_SITE("stac") "1: " instruction " (%2), %1\n"                                          \
                          "2: " SMAP_SITE("clac") ".pushsection .text.fixup, \"ax\"\n"             \
                                                  "3: movl %3, %0\n"                               \
                                                  "jmp 2b\n"                                       \
                                                  ".popsection\n" EXTABLE("1b", "3b")              \
        : "+r"(error), "=&r"(value)                                                                \
        : "r"(address), "i"(-EFAULT)                                                               \
        : "memory")

#define USER_STORE(error, value, address, instruction)                                             \
    __asm__ volatile(                                                                              \
        SMAP_SITE("stac") "1: " instruction " %1, (%2)\n"                                          \
                          "2: " SMAP_SITE("clac") ".pushsection .text.fixup, \"ax\"\n"             \
                                                  "3: movl %3, %0\n"                               \
                                                  "jmp 2b\n"                                       \
                                                  ".popsection\n" EXTABLE("1b", "3b")              \
        : "+r"(error)                                                                              \
        : "r"(value), "r"(address), "i"(-EFAULT)                                                   \
        : "memory")

int get_user_u32(uint32_t *value, const void *usrc) {
    uint32_t loaded = 0;
    int error = 0;

    if (!user_range_ok(usrc, sizeof(loaded)))
        return -EFAULT;
    USER_LOAD(error, loaded, usrc, "movl");
    if (error == 0)
        *value = loaded;
    return error;
}

int get_user_u64(uint64_t *value, const void *usrc) {
    uint64_t loaded = 0;
    int error = 0;

    if (!user_range_ok(usrc, sizeof(loaded)))
        return -EFAULT;
    USER_LOAD(error, loaded, usrc, "movq");
    if (error == 0)
        *value = loaded;
    return error;
}

int put_user_u32(uint32_t value, void *udst) {
    int error = 0;

    if (!user_range_ok(udst, sizeof(value)))
        return -EFAULT;
    USER_STORE(error, value, udst, "movl");
    return error;
}

int put_user_u64(uint64_t value, void *udst) {
    int error = 0;

    if (!user_range_ok(udst, sizeof(value)))
        return -EFAULT;
    USER_STORE(error, value, udst, "movq");
    return error;
}

long copy_string_from_user(char *dst, const char *usrc, size_t size) {
    uint64_t rest = USER_END - (uint64_t)usrc;
    long result;

    if ((uint64_t)usrc >= USER_END)
        return size == 0 ? -ENAMETOOLONG : -EFAULT;
    result = uaccess_string(dst, usrc, size < rest ? size : rest);
    /* What does not end below USER_END goes on where nothing can be read. */
    return result == -ENAMETOOLONG && rest < size ? -EFAULT : result;
}
