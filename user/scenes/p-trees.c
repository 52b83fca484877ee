/* SPDX-License-Identifier: MIT */
/*
 * p-trees [MIB]: a fork of much memory (1024 MiB, or half of what is free if that is less) that
 * copies neither a page nor the tables of it.
 *
 * After the fork the page tables are H: both processes have the same ones. The child's first write
 * makes it a table of its own, and a page; all others stay shared.
 */
#include "user/lib/look.h"
#include "user/scenes/lib/scene.h"

#include <string.h>
#include <unistd.h>

#define MIB_PAGES 256

static long size_mib(int argc, char **argv) {
    long mib = scene_begin(argc, argv, 1024), most = look_free_frames() / MIB_PAGES / 2;

    if (mib > most)
        mib = most;
    return mib > 0 ? mib : 1;
}

/* Returns whether the child found what its parent wrote. */
static int child_life(char *memory, size_t bytes, const int turn[2], int done) {
    char byte;
    int right;

    if (read(turn[0], &byte, 1) != 1)
        return 0;
    right = memory[0] == 1 && memory[bytes - 1] == 1;
    memory[bytes / 2] = 2;
    right &= memory[bytes / 2] == 2;
    return write(done, "", 1) == 1 && read(turn[0], &byte, 1) == 1 && right;
}

int main(int argc, char **argv) {
    long mib = size_mib(argc, argv);
    size_t bytes = (size_t)mib << 20;
    char *memory = look_pages(bytes / PAGE_BYTES), byte;
    int turn[2], done[2], bad;
    pid_t child;

    if (pipe(turn) < 0 || pipe(done) < 0)
        return 1;
    memset(memory, 1, bytes);
    scene_say("look: %ld MiB of one process; it forks", mib);
    child = scene_fork();
    if (child == 0)
        _exit(child_life(memory, bytes, turn, done[1]) ? 0 : 1);
    scene_step();
    scene_say("look: two processes, the page tables are H: shared, none was copied");
    bad = write(turn[1], "", 1) != 1 || read(done[0], &byte, 1) != 1;
    scene_say(
        "look: the child wrote one byte: one page and the tables on the way to it are its own");
    bad |= memory[bytes / 2] != 1 || write(turn[1], "", 1) != 1;
    bad |= scene_wait(child);
    scene_say("look: the child is gone, and all is the parent's again");
    return bad;
}
