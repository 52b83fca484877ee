/* SPDX-License-Identifier: MIT */
/*
 * The stack grows when it is touched: one frame for each new page, and no step beyond its limit.
 */
#include "user/lib/look.h"

#include <alloca.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define NEW_PAGES 8

/* Touch one byte in each of the `pages` pages below here, the nearest first. */
static __attribute__((noinline)) void touch_down(size_t pages) {
    volatile char *memory = alloca((pages + 1) * PAGE_BYTES);

    for (size_t i = pages; i > 0; i--)
        memory[i * PAGE_BYTES] = 1;
}

static int status_beyond_limit(void) {
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        setrlimit(RLIMIT_STACK, &(struct rlimit){1 << 20, 1 << 20});
        touch_down(1000); /* more than the parent has grown to */
        _exit(0);
    }
    waitpid(child, &status, 0);
    return status;
}

int main(void) {
    char here = 0;
    struct look_area before, after;
    long frames, taken;

    touch_down(64); /* so that the page tables and the area are there before we count */
    before = look_area(&here);
    look_anonymous_frames();
    frames = look_anonymous_frames();
    touch_down(64 + NEW_PAGES);
    taken = look_anonymous_frames() - frames;
    touch_down(500);
    after = look_area(&here);
    printf("    %d new pages of stack touched: %ld frames taken\n", NEW_PAGES, taken);
    look_expect("eight pages are eight frames", taken == NEW_PAGES);
    printf("    the stack was %lu KiB, and is %lu KiB after 500 pages\n",
           (before.end - before.start) / 1024, (after.end - after.start) / 1024);
    look_expect("it grew by itself", after.end - after.start >= 500 * PAGE_BYTES);
    look_expect("beyond its limit of 1 MiB: killed by SIGSEGV",
                WTERMSIG(status_beyond_limit()) == SIGSEGV);
    return look_verdict();
}
