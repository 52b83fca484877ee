/* SPDX-License-Identifier: MIT */
/*
 * p-cow [PAGES]: copy on write, page by page (128).
 *
 * The child writes to every other page: S turns to two letters there, the child's and the parent's.
 */
#include "user/lib/look.h"
#include "user/scenes/lib/scene.h"

#include <unistd.h>

static int check(const volatile char *memory, long pages, char even, char odd) {
    for (long i = 0; i < pages; i++)
        if (memory[i * (long)PAGE_BYTES] != (i % 2 ? odd : even))
            return 0;
    return 1;
}

static int child_life(volatile char *memory, long pages) {
    scene_say("look: %ld pages that two processes share; the child writes to every other", pages);
    for (long i = 0; i < pages; i += 2) {
        memory[i * (long)PAGE_BYTES] = 2;
        scene_step();
    }
    scene_say("look: %ld pages were copied, the others are still one for both", (pages + 1) / 2);
    return check(memory, pages, 2, 1) ? 0 : 1;
}

int main(int argc, char **argv) {
    long pages = scene_begin(argc, argv, 128);
    volatile char *memory = look_pages((size_t)pages);
    pid_t child;
    int bad;

    for (long i = 0; i < pages; i++)
        memory[i * (long)PAGE_BYTES] = 1;
    child = scene_fork();
    if (child == 0)
        _exit(child_life(memory, pages));
    bad = scene_wait(child);
    scene_say("look: the child is gone, and its copies with it");
    return bad || !check(memory, pages, 1, 1);
}
