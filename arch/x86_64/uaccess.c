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

/* One load of user memory; a fault goes to the label, and value is not set. */
#define USER_LOAD(value, address, instruction, fault)                                              \
    __asm__ volatile goto(SMAP_SITE("stac") "1: " instruction " (%1), %0\n" SMAP_SITE("clac")      \
                              EXTABLE("1b", "%l[" #fault "]")                                      \
                          : "=r"(value)                                                            \
                          : "r"(address)                                                           \
                          : "memory"                                                               \
                          : fault)

#define USER_STORE(value, address, instruction, fault)                                             \
    __asm__ volatile goto(SMAP_SITE("stac") "1: " instruction " %0, (%1)\n" SMAP_SITE("clac")      \
                              EXTABLE("1b", "%l[" #fault "]")                                      \
                          :                                                                        \
                          : "r"(value), "r"(address)                                               \
                          : "memory"                                                               \
                          : fault)

int get_user_u32(uint32_t *value, const void *usrc) {
    uint32_t loaded;

    if (!user_range_ok(usrc, sizeof(loaded)))
        return -EFAULT;
    USER_LOAD(loaded, usrc, "movl", fault);
    *value = loaded;
    return 0;

fault:
    user_window_close();
    return -EFAULT;
}

int get_user_u64(uint64_t *value, const void *usrc) {
    uint64_t loaded;

    if (!user_range_ok(usrc, sizeof(loaded)))
        return -EFAULT;
    USER_LOAD(loaded, usrc, "movq", fault);
    *value = loaded;
    return 0;

fault:
    user_window_close();
    return -EFAULT;
}

int put_user_u32(uint32_t value, void *udst) {
    if (!user_range_ok(udst, sizeof(value)))
        return -EFAULT;
    USER_STORE(value, udst, "movl", fault);
    return 0;

fault:
    user_window_close();
    return -EFAULT;
}

int put_user_u64(uint64_t value, void *udst) {
    if (!user_range_ok(udst, sizeof(value)))
        return -EFAULT;
    USER_STORE(value, udst, "movq", fault);
    return 0;

fault:
    user_window_close();
    return -EFAULT;
}

int exchange_user_u32(void *udst, uint32_t *expected, uint32_t wanted) {
    uint32_t found = *expected;

    if (!user_range_ok(udst, sizeof(wanted)))
        return -EFAULT;
    __asm__ volatile goto(SMAP_SITE("stac") "1: lock cmpxchgl %[wanted], (%[udst])\n" SMAP_SITE(
                              "clac") EXTABLE("1b", "%l[fault]")
                          : "+a"(found)
                          : [wanted] "r"(wanted), [udst] "r"(udst)
                          : "memory", "cc"
                          : fault);
    *expected = found;
    return 0;

fault:
    user_window_close();
    return -EFAULT;
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
