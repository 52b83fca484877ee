/* SPDX-License-Identifier: MIT */
/*
 * p-forkexit [TURNS]: a parent that forks again and again (TURNS times, 100; 0: for ever), while
 * its children allocate, fork themselves, and exit.
 *
 * Letters come and go all over memory; nothing stays behind, no L and no X.
 */
#include "user/scenes/lib/scene.h"

#include <stdlib.h>
#include <unistd.h>

#define AT_ONCE 4
#define PAGES_MOST 24

/* The same in each run: a child's numbers come from its turn. */
static void life(long turn) {
    unsigned seed = (unsigned)turn * 2654435761u;
    pid_t grandchild = 0;

    scene_allocate(1 + rand_r(&seed) % PAGES_MOST);
    if (rand_r(&seed) % 2) {
        grandchild = scene_fork();
        scene_allocate(1 + rand_r(&seed) % PAGES_MOST);
    }
    _exit(grandchild > 0 ? scene_wait(grandchild) : 0);
}

int main(int argc, char **argv) {
    long turns = scene_begin(argc, argv, 100);
    pid_t children[AT_ONCE] = {0};
    int bad = 0;

    scene_say("look: children allocate, fork and exit; every page of theirs comes back");
    for (long turn = 0; turns == 0 || turn < turns; turn++) {
        pid_t *child = &children[turn % AT_ONCE];
        if (*child)
            bad |= scene_wait(*child);
        *child = scene_fork();
        if (*child == 0)
            life(turn);
    }
    for (int i = 0; i < AT_ONCE; i++)
        if (children[i])
            bad |= scene_wait(children[i]);
    scene_say("look: %ld children and their own are gone, and nothing of theirs is left", turns);
    return bad;
}
