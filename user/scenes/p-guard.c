/* SPDX-License-Identifier: MIT */
/*
 * p-guard [PAGES]: PAGES pages (16) between two guard pages, which have no rights; they are drawn
 * as
 * `#`. One child walks up into a guard, one down: each is ended by SIGSEGV.
 */
#include "user/lib/look.h"
#include "user/scenes/lib/scene.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

static int walk(volatile char *at, long step, long pages) {
    pid_t child = scene_fork();

    if (child == 0) {
        for (long i = 0; i < pages; i++, at += step) {
            *at = 1;
            scene_step();
        }
        _exit(0);
    }
    return scene_wait(child);
}

int main(int argc, char **argv) {
    long pages = scene_begin(argc, argv, 16);
    char *memory = look_pages((size_t)pages + 2);
    int inside, up, down;

    if (mprotect(memory, PAGE_BYTES, PROT_NONE) < 0 ||
        mprotect(memory + (pages + 1) * (long)PAGE_BYTES, PAGE_BYTES, PROT_NONE) < 0)
        return 1;
    scene_say("look: %ld pages between two guards, #", pages);
    inside = walk(memory + PAGE_BYTES, PAGE_BYTES, pages);
    up = walk(memory + PAGE_BYTES, PAGE_BYTES, pages + 1);
    down = walk(memory + pages * (long)PAGE_BYTES, -(long)PAGE_BYTES, pages + 1);
    scene_say("look: within they may walk (%d), beyond they are ended by signals %d and %d", inside,
              up - 128, down - 128);
    return inside != 0 || up != 128 + SIGSEGV || down != 128 + SIGSEGV;
}
