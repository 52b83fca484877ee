/* SPDX-License-Identifier: MIT */
/*
 * p-file [PAGES]: a file of PAGES pages (32) that two processes map.
 *
 * Both see the same pages: one frame each, in both spaces. What the child then writes to a private
 * mapping is its own.
 */
#include "user/lib/look.h"
#include "user/scenes/lib/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static volatile char *map(int fd, long pages, int how) {
    void *at = mmap(NULL, (size_t)pages * PAGE_BYTES, PROT_READ | PROT_WRITE, how, fd, 0);

    return at == MAP_FAILED ? NULL : at;
}

static int child_life(int fd, long pages) {
    volatile char *shared = map(fd, pages, MAP_SHARED), *private = map(fd, pages, MAP_PRIVATE);

    if (!shared || !private)
        return 1;
    for (long i = 0; i < pages; i++) {
        shared[i * (long)PAGE_BYTES] += 1;
        scene_step();
    }
    scene_say("look: each page of the file is one frame, in two spaces");
    for (long i = 0; i < pages; i += 2) {
        private[i * (long)PAGE_BYTES] = 9;
        scene_step();
    }
    scene_say("look: half of them have a private copy, the child's own");
    return shared[0] == 2 && private[0] == 9 && (pages < 2 || private[PAGE_BYTES] == 2) ? 0 : 1;
}

int main(int argc, char **argv) {
    long pages = scene_begin(argc, argv, 32);
    char path[] = "/tmp/p-file.XXXXXX";
    int fd = mkstemp(path), bad = 0;
    volatile char *shared;
    pid_t child;

    if (fd < 0 || unlink(path) < 0 || ftruncate(fd, pages * (long)PAGE_BYTES) < 0)
        return 1;
    shared = map(fd, pages, MAP_SHARED);
    if (!shared)
        return 1;
    for (long i = 0; i < pages; i++)
        shared[i * (long)PAGE_BYTES] = 1;
    scene_say("look: a file of %ld pages in the cache, mapped by one", pages);
    child = scene_fork();
    if (child == 0)
        _exit(child_life(fd, pages));
    bad = scene_wait(child);
    for (long i = 0; i < pages; i++)
        bad |= shared[i * (long)PAGE_BYTES] != 2;
    return bad;
}
