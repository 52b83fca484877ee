/* SPDX-License-Identifier: MIT */
/*
 * What the programs of the tour look at: frames behind addresses, counters, areas.
 *
 * Nothing here allocates memory, so that looking does not change what is looked at.
 */
#ifndef USER_LIB_LOOK_H
#define USER_LIB_LOOK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PAGE_BYTES 4096UL

/* The number of the frame behind `address` in process `pid` (0: this one); 0 if there is none
 * or it is not ours to know (only root is told). */
uint64_t look_frame(pid_t pid, const volatile void *address);

/* The whole of a file that is shorter than 32 KiB, or an empty text; good until the next look. */
char *look_file(const char *path);

/* A number of a file like /proc/meminfo or /proc/vmstat: of the line that begins with `key`.
 * -1 if there is no such line. */
long look_number(const char *path, const char *key);

/* Private pages in use in the whole system, in frames; page tables of all processes, too.
 * Ends the program with status 77 where the kernel does not tell. */
long look_anonymous_frames(void);
long look_table_frames(void);
long look_free_frames(void);

/* Start and end of the area that holds `address`; both 0 if there is none. */
struct look_area {
    uintptr_t start, end;
};
struct look_area look_area(const volatile void *address);

/* `pages` private pages, zeroed, none of them touched yet. Ends the program if there are none. */
char *look_pages(size_t pages);

/* Say whether something is as it should be: one line; a wrong one makes look_verdict() 1. */
void look_expect(const char *what, int right);

/* The exit status that sums up all look_expect() so far: 0 all right, 1 not. */
int look_verdict(void);

#endif
