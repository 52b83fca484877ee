/* SPDX-License-Identifier: MIT */
/*
 * p-gib [MIB]: a fork of a GiB (1024 MiB, or half of what is free if that is less) in large pages,
 * so that it is all there at once.
 *
 * The fork takes some KiB for page tables, whatever the size. The child's first write gives it one
 * page of 4 KiB and the tables on the way there; the other pages of those 2 MiB stay shared.
 */
#define _DEFAULT_SOURCE
#include "user/lib/look.h"
#include "user/scenes/lib/scene.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#define MIB (1UL << 20)
#define LARGE_BYTES (2 * MIB)

static volatile char *memory;
static size_t bytes;
static struct scene_gate write_gate, end_gate;
static int done[2];

static long tables_kib(void) {
    return look_number("/proc/meminfo", "PageTables");
}

static size_t size_bytes(int argc, char **argv) {
    size_t mib = (size_t)scene_begin(argc, argv, 1024);
    size_t most = (size_t)look_free_frames() / (MIB / PAGE_BYTES) / 2;

    if (mib > most)
        mib = most;
    return mib < 2 ? LARGE_BYTES : mib * MIB & ~(LARGE_BYTES - 1);
}

/* Written to once in each 2 MiB: where there is a large page to be had, it is there as a whole. */
static char *memory_make(void) {
    char *start =
        mmap(NULL, bytes + LARGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (start == MAP_FAILED)
        return NULL;
    start += -(uintptr_t)start & (LARGE_BYTES - 1);
    madvise(start, bytes, MADV_HUGEPAGE);
    for (size_t at = 0; at < bytes; at += LARGE_BYTES)
        ((volatile char *)start)[at] = 1;
    return start;
}

static volatile char *middle(void) {
    return memory + bytes / LARGE_BYTES / 2 * LARGE_BYTES;
}

/* Writes its byte when the parent has looked, and stays until it has looked again. */
static int child_life(void) {
    int right = *middle() == 1 && memory[bytes - LARGE_BYTES] == 1;

    scene_gate_shut(&end_gate);
    scene_gate_wait(&write_gate);
    *middle() = 2;
    if (write(done[1], "", 1) != 1)
        return 0;
    scene_gate_wait(&end_gate);
    return right && *middle() == 2;
}

/* Piece by piece, so that whoever looks can follow. */
static void memory_free(void) {
    for (size_t at = 0; at < bytes; at += 8 * LARGE_BYTES) {
        size_t left = bytes - at, piece = left < 8 * LARGE_BYTES ? left : 8 * LARGE_BYTES;

        munmap((char *)memory + at, piece);
        scene_step();
    }
}

int main(int argc, char **argv) {
    long before, forked, written;
    pid_t child;
    char byte;
    int bad;

    bytes = size_bytes(argc, argv);
    memory = memory_make();
    if (!memory || pipe(done) < 0)
        return 1;
    scene_gate_make(&write_gate);
    scene_gate_make(&end_gate);
    scene_say("look: %zu MiB of one process, in large pages; it forks", bytes / MIB);
    before = tables_kib();
    child = scene_fork();
    if (child == 0)
        _exit(child_life() ? 0 : 1);
    forked = tables_kib();
    scene_say("look: the fork took %ld KiB of page tables, and no page", forked - before);
    scene_gate_open(&write_gate);
    bad = read(done[0], &byte, 1) != 1 || *middle() != 1;
    written = tables_kib();
    scene_say("look: the child wrote a byte: 4 KiB of it, and %ld KiB of page tables",
              written - forked);
    scene_gate_open(&end_gate);
    bad |= scene_wait(child);
    scene_say("look: the child is gone; now the parent gives all back");
    memory_free();
    return bad;
}
