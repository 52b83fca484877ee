/* SPDX-License-Identifier: MIT */
/*
 * p-fork [PAGES]: a process writes PAGES pages (64) and forks twice, so there are four; then each
 * writes its own.
 *
 * After the forks what was written is shared, as S, and no page more is in use; then S turns into
 * the letter of whoever writes, page by page.
 */
#include "user/lib/look.h"
#include "user/scenes/lib/scene.h"

#include <sys/wait.h>
#include <unistd.h>

static void write_all(char *memory, long pages) {
    for (long i = 0; i < pages; i++) {
        ((volatile char *)memory)[i * (long)PAGE_BYTES] = (char)getpid();
        scene_step();
    }
}

static int is_all(const char *memory, long pages, char value) {
    for (long i = 0; i < pages; i++)
        if (((const volatile char *)memory)[i * (long)PAGE_BYTES] != value)
            return 0;
    return 1;
}

/* A byte to whoever waits for `count` of them. */
static void count_on(int fd) {
    if (write(fd, "", 1) != 1)
        _exit(1);
}

static void count_wait(int fd, int count) {
    char byte;

    while (count > 0 && read(fd, &byte, 1) == 1)
        count--;
}

static long pages;
static char *memory;
static struct scene_gate write_gate, end_gate;
static int ready[2];

/* What all four do once they may write. */
static int life(char first) {
    int bad = !is_all(memory, pages, first);

    write_all(memory, pages);
    return bad | !is_all(memory, pages, (char)getpid());
}

static int child_life(char first) {
    int bad;

    scene_gate_shut(&end_gate);
    count_on(ready[1]);
    scene_gate_wait(&write_gate);
    bad = life(first);
    count_on(ready[1]);
    scene_gate_wait(&end_gate);
    return bad;
}

static int first_life(void) {
    int bad;

    count_wait(ready[0], 3);
    scene_say("look: four processes, and the pages are S, shared: none was copied");
    scene_gate_open(&write_gate);
    bad = life((char)getpid());
    count_wait(ready[0], 3);
    scene_say("look: each has written to all of them, and has its own");
    scene_gate_open(&end_gate);
    return bad;
}

int main(int argc, char **argv) {
    pid_t first = getpid(), one, two;
    int bad;

    pages = scene_begin(argc, argv, 64);
    memory = look_pages((size_t)pages);
    if (pipe(ready) < 0)
        return 1;
    scene_gate_make(&write_gate);
    scene_gate_make(&end_gate);
    write_all(memory, pages);
    scene_say("look: %ld pages of one process; it forks, and both fork again", pages);
    one = scene_fork();
    two = scene_fork();
    bad = getpid() == first ? first_life() : child_life((char)first);
    if (two > 0)
        bad |= scene_wait(two);
    if (one > 0 && getpid() == first)
        bad |= scene_wait(one);
    return bad;
}
