/* SPDX-License-Identifier: MIT */
/*
 * A window to user memory: several stores for one check and one opening (SMAP).
 *
 *     if (!user_range_ok(udst, sizeof(*udst)))
 *         return -EFAULT;
 *     user_window_open();
 *     USER_WINDOW_STORE(&udst->field, value, fault);
 *     user_window_close();
 *     return 0;
 * fault:
 *     user_window_close();
 *     return -EFAULT;
 *
 * Between the two there are only such stores and plain loads of kernel memory: no calls. Each store
 * is in the exception table; one that faults may sleep (the trap closes the window, its return
 * opens it again), so no spinlock is held. Who includes this includes core/extable.h and
 * core/uaccess.h; other copies are there.
 */
#ifndef MACHINE_USER_WINDOW_H
#define MACHINE_USER_WINDOW_H

#include <stdint.h>

/* stac or clac, patched out at boot where there is no SMAP (cpu.c); for asm statements. */
#define SMAP_SITE(instruction)                                                                     \
    "777: " instruction "\n"                                                                       \
    ".pushsection __smap_sites, \"a\"\n"                                                           \
    ".quad 777b\n"                                                                                 \
    ".popsection\n"

static inline void user_window_open(void) {
    __asm__ volatile(SMAP_SITE("stac") : : : "memory");
}

static inline void user_window_close(void) {
    __asm__ volatile(SMAP_SITE("clac") : : : "memory");
}

/* Stores 64 bits at udst, which lies in the range; a fault goes to the label. */
#define USER_WINDOW_STORE(udst, value, fault)                                                      \
    __asm__ volatile goto("1: movq %0, %1\n" EXTABLE("1b", "%l2")                                  \
                          :                                                                        \
                          : "er"((uint64_t)(value)), "m"(*(uint64_t *)(udst))                      \
                          : "memory"                                                               \
                          : fault)

/* The same with 32 bits. */
#define USER_WINDOW_STORE32(udst, value, fault)                                                    \
    __asm__ volatile goto("1: movl %0, %1\n" EXTABLE("1b", "%l2")                                  \
                          :                                                                        \
                          : "er"((uint32_t)(value)), "m"(*(uint32_t *)(udst))                      \
                          : "memory"                                                               \
                          : fault)

/* The same with `words` times 64 bits from src, or of zeroes. */
#define USER_WINDOW_COPY(udst, src, words, fault)                                                  \
    do {                                                                                           \
        void *window_dst = (udst);                                                                 \
        const void *window_src = (src);                                                            \
        size_t window_words = (words);                                                             \
        __asm__ volatile goto("1: rep movsq\n" EXTABLE("1b", "%l[" #fault "]")                     \
                              : "+D"(window_dst), "+S"(window_src), "+c"(window_words)             \
                              :                                                                    \
                              : "memory"                                                           \
                              : fault);                                                            \
    } while (0)

#define USER_WINDOW_CLEAR(udst, words, fault)                                                      \
    do {                                                                                           \
        void *window_dst = (udst);                                                                 \
        size_t window_words = (words);                                                             \
        __asm__ volatile goto("1: rep stosq\n" EXTABLE("1b", "%l[" #fault "]")                     \
                              : "+D"(window_dst), "+c"(window_words)                               \
                              : "a"(0ul)                                                           \
                              : "memory"                                                           \
                              : fault);                                                            \
    } while (0)

#endif
