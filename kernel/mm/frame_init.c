/* SPDX-License-Identifier: MIT */
/*
 * Building the frame table from what the loader says about memory. Contracts: mm/frame.h.
 *
 * Words: a stretch is a run of RAM pages that nothing reserves. Pages that RAM covers only partly
 * are not RAM; pages that a reservation touches are reserved.
 *
 * The table is filled by ranges, not frame by frame, so that 16 GiB cost one pass over 32 MiB of
 * it and no more. Runs once, on one processor; no locks but the buddy's.
 */
#include "abi/errno.h"
#include "core/assert.h"
#include "lib/bits.h"
#include "mm/frame_private.h"

struct memory_map {
    const struct phys_range *ram;
    size_t ram_count;
    const struct phys_range *reserved;
    size_t reserved_count;
    struct phys_range table; /* where the frame table is; empty while that is not known */
};

static struct phys_range whole_pages_inside(struct phys_range r) {
    struct phys_range pages = {align_up(r.start, PAGE_SIZE), align_down(r.end, PAGE_SIZE)};

    if (pages.end < pages.start)
        pages.end = pages.start;
    return pages;
}

/* The i-th thing that takes memory away, as whole pages; the table is the last. */
static struct phys_range obstacle(const struct memory_map *map, size_t i) {
    if (i == map->reserved_count)
        return map->table;
    if (map->reserved[i].start >= map->reserved[i].end)
        return (struct phys_range){0, 0};
    return (struct phys_range){align_down(map->reserved[i].start, PAGE_SIZE),
                               align_up(map->reserved[i].end, PAGE_SIZE)};
}

/* The first address at or after `from` that no obstacle covers. */
static paddr_t skip_obstacles(const struct memory_map *map, paddr_t from) {
    for (size_t i = 0; i <= map->reserved_count;) {
        struct phys_range o = obstacle(map, i);

        if (o.start <= from && from < o.end) {
            from = o.end;
            i = 0;
        } else {
            i++;
        }
    }
    return from;
}

/* The first stretch of `ram` (whole pages) at or after `from`; false if there is none. */
static bool next_stretch(const struct memory_map *map, struct phys_range ram, paddr_t from,
                         struct phys_range *stretch) {
    paddr_t start = skip_obstacles(map, MAX(from, ram.start));
    paddr_t end = ram.end;

    if (start >= ram.end)
        return false;
    for (size_t i = 0; i <= map->reserved_count; i++) {
        struct phys_range o = obstacle(map, i);

        if (o.start > start && o.start < end && o.end > o.start)
            end = o.start;
    }
    *stretch = (struct phys_range){start, end};
    return true;
}

static paddr_t end_of_ram(const struct memory_map *map) {
    paddr_t end = 0;

    for (size_t i = 0; i < map->ram_count; i++) {
        struct phys_range ram = whole_pages_inside(map->ram[i]);

        if (ram.start < ram.end)
            end = MAX(end, ram.end);
    }
    return end;
}

/* Chooses map->table: the end of the highest stretch that has room for `size` bytes. */
static int place_table(struct memory_map *map, uint64_t size) {
    struct phys_range stretch;
    paddr_t best_end = 0;

    for (size_t i = 0; i < map->ram_count; i++) {
        struct phys_range ram = whole_pages_inside(map->ram[i]);
        paddr_t from = ram.start;

        for (; next_stretch(map, ram, from, &stretch); from = stretch.end) {
            if (stretch.end - stretch.start >= size)
                best_end = MAX(best_end, stretch.end);
        }
    }
    if (best_end == 0)
        return -ENOMEM;
    map->table = (struct phys_range){best_end - size, best_end};
    return 0;
}

/* Writes the records of all frames in whole pages [r.start, r.end). */
static void fill_records(struct phys_range r, enum frame_use use, unsigned order) {
    const struct frame record = {.use = (uint8_t)use, .order = (uint8_t)order};

    frame_fill_records(phys_to_frame(r.start), &record, (r.end - r.start) >> PAGE_SHIFT);
}

/* Turns records from FRAME_RESERVED into free frames. */
static void free_stretch(struct phys_range r) {
    fill_records(r, FRAME_FREE, FRAME_ORDER_TAIL);
    frame_count_move(FRAME_RESERVED, FRAME_FREE, (r.end - r.start) >> PAGE_SHIFT);
    buddy_free_range(phys_to_pfn(r.start), phys_to_pfn(r.end));
}

static void fill_ram(const struct memory_map *map, struct phys_range ram) {
    struct phys_range stretch;
    paddr_t from = ram.start;

    if (ram.start == ram.end)
        return;
    fill_records(ram, FRAME_RESERVED, 0);
    frame_count_move(FRAME_HOLE, FRAME_RESERVED, (ram.end - ram.start) >> PAGE_SHIFT);
    for (; next_stretch(map, ram, from, &stretch); from = stretch.end)
        free_stretch(stretch);
}

int frame_init(const struct phys_range *ram, size_t n, const struct phys_range *reserved,
               size_t m) {
    struct memory_map map = {ram, n, reserved, m, {0, 0}};
    paddr_t end = end_of_ram(&map);
    int error;

    if (end == 0 || end >> PAGE_SHIFT > UINT32_MAX)
        return -EINVAL;
    error = place_table(&map, align_up((end >> PAGE_SHIFT) * sizeof(struct frame), PAGE_SIZE));
    if (error)
        return error;
    frame_table = phys_to_virt(map.table.start);
    frame_table_count = end >> PAGE_SHIFT;
    buddy_init();
    fill_records((struct phys_range){0, end}, FRAME_HOLE, 0);
    for (size_t i = 0; i < n; i++)
        fill_ram(&map, whole_pages_inside(ram[i]));
    fill_records(map.table, FRAME_KERNEL, 0);
    frame_count_move(FRAME_RESERVED, FRAME_KERNEL, (map.table.end - map.table.start) >> PAGE_SHIFT);
    return 0;
}

void frame_release_range(paddr_t start, paddr_t end) {
    struct phys_range r = whole_pages_inside((struct phys_range){start, end});
    paddr_t limit = MIN(r.end, (paddr_t)frame_table_count << PAGE_SHIFT);
    paddr_t at = r.start;

    while (at < limit) {
        paddr_t run = at;

        while (run < limit && phys_to_frame(run)->use == FRAME_RESERVED)
            run += PAGE_SIZE;
        if (run > at)
            free_stretch((struct phys_range){at, run});
        at = run > at ? run : at + PAGE_SIZE;
    }
}
