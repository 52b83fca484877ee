/* SPDX-License-Identifier: MIT */
/*
 * The cases of the fault path, each with what is to be mapped for it and what has to come of one
 * access: for fault-tour.
 */
#ifndef USER_TOUR_FAULT_CASES_H
#define USER_TOUR_FAULT_CASES_H

#include <stddef.h>

/* The kernel maps all of memory from here on. */
#define FAULT_KERNEL_ADDRESS ((char *)0xffff888000000000)

enum fault_access { FAULT_READ, FAULT_WRITE, FAULT_EXECUTE, FAULT_BY_KERNEL };

struct fault_case {
    const char *name;
    const char *title;
    const char *words;      /* what will happen, in lines */
    char *(*prepare)(void); /* maps what is needed; the address of the access */
    enum fault_access access;
    const char *foretold;   /* what the explanation says of it, from the beginning */
    const char *counted[2]; /* counters of /proc/vmstat that move by one, fault_ left out */
    int frames;             /* taken for pages; 512 may be 1 */
    int signal, code;       /* 0: it is repaired */
};

extern const struct fault_case fault_cases[];
extern const size_t fault_case_count;

/* Gives back what the last prepare() made. */
void fault_case_clean_up(void);

#endif
