/* SPDX-License-Identifier: MIT */
/*
 * forkexit [TIMES]: children that allocate memory, fork and exit, again and again.
 *
 * Exit gives back every frame, those of page tables too: free frames before and after are equal.
 */
#include "user/lib/look.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void allocate(int count) {
    volatile char *pages = look_pages((size_t)count);

    for (int i = 0; i < count; i++)
        pages[i * (long)PAGE_BYTES] = 1;
}

static void child_life(int turn) {
    pid_t grandchild;

    allocate(1 + turn % 13);
    grandchild = fork();
    if (grandchild == 0) {
        allocate(1 + turn % 7);
        _exit(0);
    }
    waitpid(grandchild, NULL, 0);
    _exit(0);
}

static void turns(int count) {
    for (int i = 0; i < count; i++) {
        pid_t child = fork();
        if (child == 0)
            child_life(i);
        if (child < 0 || waitpid(child, NULL, 0) != child)
            exit(1);
    }
}

int main(int argc, char **argv) {
    int times = argc > 1 ? atoi(argv[1]) : 500;
    long before, after;

    look_table_frames(); /* Linux has no exact count: leave */
    turns(20);
    before = look_free_frames();
    turns(times);
    after = look_free_frames();
    printf("    %d children and %d grandchildren came and went\n", times, times);
    printf("    free frames before: %ld, after: %ld\n", before, after);
    look_expect("not one frame lost", before == after);
    return look_verdict();
}
