/* SPDX-License-Identifier: MIT */
/*
 * Physical memory for the host: see arena.h.
 */
#define _GNU_SOURCE
#include "support/arena.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mm/slab.h"
#include "support/check.h"

#define LOW_BYTES (1ull << 20)

static int arena_fd = -1;

void arena_create(uint64_t bytes) {
    void *at = phys_to_virt(0);

    CHECK_EQ(arena_fd, -1);
    arena_fd = memfd_create("physical memory", 0);
    CHECK(arena_fd >= 0);
    CHECK_EQ(ftruncate(arena_fd, (off_t)bytes), 0);
    CHECK(mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, arena_fd, 0) ==
          at);
}

void arena_map_alias(uintptr_t va, paddr_t paddr) {
    void *at = (void *)va;

    CHECK(mmap(at, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, arena_fd,
               (off_t)paddr) == at);
}

void host_memory_init(uint64_t bytes) {
    const struct phys_range ram = {0, bytes};
    const struct phys_range low = {0, LOW_BYTES};

    if (arena_fd < 0)
        arena_create(bytes);
    CHECK_EQ(frame_init(&ram, 1, &low, 1), 0);
    slab_init();
}

void host_memory_init_soiled(uint64_t bytes, uint64_t soiled) {
    arena_create(bytes);
    memset(phys_to_virt(bytes - soiled), 0xa5, soiled);
    host_memory_init(bytes);
}

uint64_t frames_in_use(void) {
    struct frame_stats stats;

    frame_stats_get(&stats);
    return stats.total - stats.free;
}

void frames_check(void) {
    uint64_t recount[FRAME_USE_COUNT] = {0};
    struct frame_stats stats;

    for (uint64_t pfn = 0; pfn < frame_table_count; pfn++)
        recount[frame_table[pfn].use]++;
    frame_stats_get(&stats);
    for (unsigned use = 0; use < FRAME_HOLE; use++) {
        if (recount[use] != stats.by_use[use])
            FAIL("%s frames: %llu counted, %llu in the table", frame_use_name(use),
                 (unsigned long long)stats.by_use[use], (unsigned long long)recount[use]);
    }
}
