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

/* uaccess_copy.S: both return the number of bytes not done. */
size_t uaccess_copy(void *dst, const void *src, size_t size);
size_t uaccess_clear(void *dst, size_t size);

#define HIGH_BITS 0x8080808080808080UL
#define LOW_BITS 0x0101010101010101UL

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

static int get_user_byte(char *value, const char *usrc) {
    uint8_t loaded = 0;
    int error = 0;

    USER_LOAD(error, loaded, usrc, "movb");
    *value = (char)loaded;
    return error;
}

/* Copies whole words until one has a NUL in it, is not all there, or does not fit. */
static size_t copy_string_words(char *dst, const char *usrc, size_t size) {
    size_t done = 0;

    while (size - done >= sizeof(uint64_t)) {
        uint64_t word;

        if (get_user_u64(&word, usrc + done) != 0)
            break;
        if ((word - LOW_BITS) & ~word & HIGH_BITS)
            break;
        __builtin_memcpy(dst + done, &word, sizeof(word));
        done += sizeof(word);
    }
    return done;
}

long copy_string_from_user(char *dst, const char *usrc, size_t size) {
    size_t done = copy_string_words(dst, usrc, size);

    for (; done < size; done++) {
        if (!user_range_ok(usrc + done, 1) || get_user_byte(&dst[done], usrc + done) != 0)
            return -EFAULT;
        if (dst[done] == '\0')
            return (long)done;
    }
    return -ENAMETOOLONG;
}
