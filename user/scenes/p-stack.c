/* SPDX-License-Identifier: MIT */
/*
 * p-stack [PAGES]: a stack that grows by PAGES pages (96), by nothing but being used; and one that
 * wants more than its limit, whose process is ended by SIGSEGV.
 */
#include "user/lib/look.h"
#include "user/scenes/lib/scene.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

/* One page of stack in each call. */
static __attribute__((noinline)) long descend(long pages) {
    volatile char page[PAGE_BYTES];

    page[0] = 1;
    scene_step();
    return pages > 0 ? descend(pages - 1) + page[0] : 0;
}

int main(int argc, char **argv) {
    long pages = scene_begin(argc, argv, 96), grown;
    struct look_area before, after;
    char here = 0;
    pid_t child;
    int status;

    scene_say("look: the area `stack` grows downwards, a fault a page");
    before = look_area(&here);
    grown = descend(pages);
    after = look_area(&here);
    scene_say("look: it was %lu KiB, and is %lu KiB", (before.end - before.start) / 1024,
              (after.end - after.start) / 1024);
    child = scene_fork();
    if (child == 0) {
        setrlimit(RLIMIT_STACK, &(struct rlimit){pages * PAGE_BYTES, pages * PAGE_BYTES});
        descend(4 * pages + 64);
        _exit(0);
    }
    status = scene_wait(child);
    scene_say("look: another went down to its limit, and was ended by signal %d", status - 128);
    return grown != pages || status != 128 + SIGSEGV ||
           after.end - after.start < (unsigned long)pages * PAGE_BYTES;
}
