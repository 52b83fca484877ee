/* SPDX-License-Identifier: MIT */
/*
 * p-allocator [PAGES]: four processes that allocate, page by page, until their memory is out.
 *
 * Each may have PAGES pages (256). In the map of physical memory four letters grow into what is
 * free; at the end all of it is free again.
 */
#include "user/scenes/lib/scene.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#define PROCESSES 4

/* What is left of the limit goes to nothing but pages; then wait to be looked at. */
static void life(long pages, int done, struct scene_gate *gate) {
    long count;

    scene_limit(pages);
    count = scene_allocate(LONG_MAX);
    if (write(done, &count, sizeof count) != sizeof count)
        _exit(1);
    scene_gate_wait(gate);
    _exit(count == pages ? 0 : 1);
}

/* All have said that they are done. The sum of their pages. */
static long wait_for_all(int done) {
    long count, sum = 0;

    for (int i = 0; i < PROCESSES; i++)
        if (read(done, &count, sizeof count) == sizeof count)
            sum += count;
    return sum;
}

int main(int argc, char **argv) {
    long pages = scene_begin(argc, argv, 256), sum;
    pid_t children[PROCESSES];
    struct scene_gate gate;
    int done[2], bad = 0;

    scene_say("look: %d processes take page after page of what is free", PROCESSES);
    scene_gate_make(&gate);
    if (pipe(done) < 0)
        return 1;
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = scene_fork();
        if (children[i] == 0)
            life(pages, done[1], &gate);
    }
    sum = wait_for_all(done[0]);
    scene_say("look: their memory is out, %ld pages of their own", sum);
    scene_gate_open(&gate);
    for (int i = 0; i < PROCESSES; i++)
        bad |= scene_wait(children[i]);
    scene_say("look: all of it is free again");
    return bad || sum != PROCESSES * pages;
}
