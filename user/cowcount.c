/* SPDX-License-Identifier: MIT */
/*
 * Copy on write, counted in frames.
 *
 * A parent with 64 written pages forks. What the child reads costs nothing, what it writes costs
 * a frame a page, once; and when the child is gone, everything is back.
 */
#include "user/lib/look.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES 64
#define WRITTEN 10

static char *pages;

static void pages_write(size_t count, char value) {
    for (size_t i = 0; i < count; i++)
        ((volatile char *)pages)[i * PAGE_BYTES] = value;
}

static int pages_sum(void) {
    int sum = 0;

    for (size_t i = 0; i < PAGES; i++)
        sum += ((volatile char *)pages)[i * PAGE_BYTES];
    return sum;
}

/* The child's steps, counted by the child. Its own stack and counters are written to first. */
static int child_life(void) {
    long start, read_all, written, again;

    look_anonymous_frames();
    start = look_anonymous_frames();
    pages_sum();
    read_all = look_anonymous_frames();
    pages_write(WRITTEN, 2);
    written = look_anonymous_frames();
    pages_write(WRITTEN, 3);
    again = look_anonymous_frames();
    printf("    child reads  %d pages: %ld frames\n", PAGES, read_all - start);
    printf("    child writes %d pages: %ld frames\n", WRITTEN, written - read_all);
    printf("    and once more:         %ld frames\n", again - written);
    look_expect("reading copies nothing", read_all == start);
    look_expect("writing copies each page once", written - read_all == WRITTEN && again == written);
    fflush(stdout);
    return look_verdict();
}

int main(void) {
    long before, after;
    int status = 1;
    pid_t child;

    pages = look_pages(PAGES);
    pages_write(PAGES, 1);
    look_anonymous_frames();
    printf("    parent wrote %d pages, and forks\n", PAGES);
    fflush(stdout);
    before = look_anonymous_frames();
    child = fork();
    if (child == 0)
        _exit(child_life());
    waitpid(child, &status, 0);
    after = look_anonymous_frames();
    look_expect("the child's account", status == 0);
    look_expect("parent still finds what it wrote", pages_sum() == PAGES);
    look_expect("after the child's end all frames are back", after == before);
    return look_verdict();
}
