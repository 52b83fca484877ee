/* SPDX-License-Identifier: MIT */
/*
 * Choosing a layout; see layout.h. All numbers are Linux's for x86-64 unless said otherwise.
 */
#include "proc/layout.h"

#include "abi/personality.h"
#include "core/cmdline.h"
#include "core/random.h"
#include "lib/bits.h"
#include "machine/layout.h"
#include "vm/area.h"

#define GIB (1ull << 30)
#define MMAP_RANDOM_PAGES (1ull << 28)
#define STACK_RANDOM_PAGES (1ull << 22)
#define STACK_RANDOM_BYTES 8192u
#define HEAP_RANDOM_PAGES ((32ull << 20) / PAGE_SIZE)

/* Where programs go without randomisation. */
#define PROGRAM_BASE align_down(USER_END / 3 * 2, PAGE_SIZE)
#define UPWARDS_BASE align_up(USER_END / 3, PAGE_SIZE)

/* The gap that is kept for the stack. */
#define GAP_MIN (128ull << 20)
#define GAP_MAX (USER_END / 6 * 5)

uint64_t layout_randomize = 2; /* atomic */
uint64_t layout_is_legacy;     /* atomic */

static bool read_number(const char *text, uint64_t *number) {
    for (*number = 0; *text >= '0' && *text <= '9'; text++)
        *number = *number * 10 + (uint64_t)(*text - '0');
    return *text == '\0';
}

void layout_init(void) {
    uint64_t pages;
    char text[16];

    if (cmdline_has("norandmaps"))
        layout_randomize = 0;
    if (cmdline_get("stack_guard_gap", text, sizeof(text)) && text[0] && read_number(text, &pages))
        vm_stack_guard_bytes = MIN(pages, GAP_MAX / PAGE_SIZE) * PAGE_SIZE;
}

/* Bytes of up to so many whole pages; 0 where nothing is to be random. */
static uint64_t random_bytes_of(uint64_t pages, bool is_random) {
    return is_random ? random_u64() % pages * PAGE_SIZE : 0;
}

/* What the stack may become, with what lies around it, between the two bounds. */
static uint64_t stack_gap(uint64_t stack_limit, bool is_random) {
    uint64_t pad = vm_stack_guard_bytes + (is_random ? STACK_RANDOM_PAGES * PAGE_SIZE : 0);
    uint64_t gap = stack_limit + pad < stack_limit ? stack_limit : stack_limit + pad;

    gap = MAX(gap, GAP_MIN);
    return MIN(gap, GAP_MAX);
}

/* Mappings end below the stack's GiB, or the lower of its two. (Linux lets them share one.) */
static uint64_t below_stack(const struct layout *layout, uint64_t stack_limit) {
    uint64_t reach = MIN(stack_limit, GIB) + vm_stack_guard_bytes;

    return align_down(layout->stack_top - MIN(reach, GAP_MAX), GIB);
}

void layout_choose(struct layout *layout, uint32_t persona, uint64_t stack_limit) {
    uint64_t how = __atomic_load_n(&layout_randomize, __ATOMIC_RELAXED);
    bool is_random = how > 0 && !(persona & ADDR_NO_RANDOMIZE);
    uint64_t mmap_random = random_bytes_of(MMAP_RANDOM_PAGES, is_random);

    layout->stack_top = USER_END - random_bytes_of(STACK_RANDOM_PAGES, is_random);
    layout->stack_skip = is_random ? align_down(random_u64() % STACK_RANDOM_BYTES, 16) : 0;
    layout->program_base = PROGRAM_BASE + random_bytes_of(MMAP_RANDOM_PAGES, is_random);
    layout->heap_skip = random_bytes_of(HEAP_RANDOM_PAGES, is_random && how > 1);
    layout->is_upwards =
        (persona & ADDR_COMPAT_LAYOUT) || __atomic_load_n(&layout_is_legacy, __ATOMIC_RELAXED) != 0;
    if (layout->is_upwards)
        layout->mmap_base = UPWARDS_BASE + mmap_random;
    else
        layout->mmap_base =
            MIN(align_up(USER_END - stack_gap(stack_limit, is_random) - mmap_random, PAGE_SIZE),
                below_stack(layout, stack_limit));
}
