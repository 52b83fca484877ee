/* SPDX-License-Identifier: MIT */
/*
 * mmap and munmap: places, errors of the manual pages, splitting and joining areas.
 *
 * Rows W3 (a page at an address one picks), B1 (the map of areas), B5 as far as private and
 * anonymous memory go, K1 (the map is the truth, whatever the page table holds), X6 (pages appear
 * on first touch). Pictures: one letter per page, '.' unmapped.
 */
#include "catch.h"
#include "pages.h"

#include <sys/resource.h>

static char *map_at(char *address, size_t pages, int protection) {
    return mmap(address, pages * PAGE_BYTES, protection, ANONYMOUS | MAP_FIXED, -1, 0);
}

/* The picture of what is mapped now: 'w' writable, 'r' readable, 'n' no rights, '.' nothing. */
static void picture_take(char *start, size_t pages, char *picture) {
    for (size_t i = 0; i < pages; i++) {
        struct area area;
        picture[i] = '.';
        if (area_find(start + i * PAGE_BYTES, &area))
            picture[i] = area.rights[1] == 'w' ? 'w' : area.rights[0] == 'r' ? 'r' : 'n';
    }
    picture[pages] = '\0';
}

#define CHECK_PICTURE(start, expected)                                                             \
    do {                                                                                           \
        char seen[64];                                                                             \
        picture_take(start, strlen(expected), seen);                                               \
        if (strcmp(seen, expected) != 0)                                                           \
            CHECK_NOTE("%s:%d: map is %s, not %s", __FILE__, __LINE__, seen, expected);            \
    } while (0)

static void address_picked_is_address_given(void) {
    char *wish = (char *)0x200000000000;

    CHECK(mmap(wish, PAGE_BYTES, RW, ANONYMOUS, -1, 0) == wish);
    CHECK_EQ(*wish, 0);
    *wish = 1;
    CHECK(map_at((char *)0x10000, 1, RW) == (char *)0x10000);
    CHECK(map_at((char *)0x7ff000000000, 1, RW) == (char *)0x7ff000000000);
}

static void hint_is_rounded_and_may_be_taken(void) {
    char *wish = free_stretch(4);
    char *first = mmap(wish + 123, PAGE_BYTES, RW, ANONYMOUS, -1, 0);
    char *second;

    CHECK(first == wish);
    second = mmap(wish, PAGE_BYTES, RW, ANONYMOUS, -1, 0);
    CHECK(second != MAP_FAILED && second != first);
}

static void length_is_rounded_up(void) {
    char *start = free_stretch(4);

    CHECK(mmap(start, PAGE_BYTES + 1, RW, ANONYMOUS | MAP_FIXED, -1, 0) == start);
    CHECK_PICTURE(start, "ww..");
    CHECK_EQ(munmap(start, 1), 0);
    CHECK_PICTURE(start, ".w..");
}

static void pages_start_zeroed(void) {
    char *pages = pages_map(32, RW);

    for (size_t i = 0; i < 32 * PAGE_BYTES; i += 8)
        CHECK_EQ(*(uint64_t *)(pages + i), 0);
}

static void used_memory_comes_back_zeroed(void) {
    for (int round = 0; round < 4; round++) {
        char *pages = pages_map(256, RW);
        for (size_t i = 0; i < 256 * PAGE_BYTES; i += 8)
            CHECK_EQ(*(uint64_t *)(pages + i), 0);
        memset(pages, 0xa5, 256 * PAGE_BYTES);
        CHECK_EQ(munmap(pages, 256 * PAGE_BYTES), 0);
    }
}

static void pages_appear_on_first_touch(void) {
    char *pages = pages_map(64, RW);
    struct area area;

    CHECK(area_find(pages, &area));
    CHECK_EQ(pages_present(pages, 64), 0);
    pages[5 * PAGE_BYTES] = 1;
    CHECK_EQ(page_present(pages + 5 * PAGE_BYTES), true);
    CHECK(pages_present(pages, 64) < 64);
}

static void mmap_errors(void) {
    int flags = ANONYMOUS;

    CHECK_FAILS(mmap(NULL, 0, RW, flags, -1, 0), EINVAL);
    CHECK_FAILS(mmap(NULL, PAGE_BYTES, RW, MAP_ANONYMOUS, -1, 0), EINVAL);
    CHECK_FAILS(mmap((void *)1, PAGE_BYTES, RW, flags | MAP_FIXED, -1, 0), EINVAL);
    CHECK_FAILS(mmap(NULL, (size_t)-1, RW, flags, -1, 0), ENOMEM);
    CHECK_FAILS(mmap(NULL, (size_t)1 << 47, RW, flags, -1, 0), ENOMEM);
    CHECK_FAILS(mmap(NULL, (size_t)0x7ffffffff001, RW, flags, -1, 0), ENOMEM);
    CHECK_FAILS(mmap((void *)0x7ffffffff000, PAGE_BYTES, RW, flags | MAP_FIXED, -1, 0), ENOMEM);
    CHECK_FAILS(mmap((void *)0xffff800000000000, PAGE_BYTES, RW, flags | MAP_FIXED, -1, 0), ENOMEM);
    CHECK_FAILS(mmap((void *)0xfffffffffffff000, PAGE_BYTES, RW, flags | MAP_FIXED, -1, 0), ENOMEM);
    CHECK_FAILS(mmap((void *)0x7fffffffe000, 2 * PAGE_BYTES, RW, flags | MAP_FIXED, -1, 0), ENOMEM);
}

/* The C library's mmap looks at the offset itself, so ask the kernel. */
static long raw_mmap(long fd, long flags, long offset) {
    register long r10 __asm__("r10") = flags;
    register long r8 __asm__("r8") = fd;
    register long r9 __asm__("r9") = offset;
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(9), "D"(0), "S"(PAGE_BYTES), "d"(PROT_READ), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

static void mmap_file_errors(void) {
    int read_only = open("/proc/self/exe", O_RDONLY);
    int write_only = open("/tmp/mmap-errors", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int pair[2];

    CHECK(read_only >= 0 && write_only >= 0);
    CHECK_EQ(pipe(pair), 0);
    CHECK_FAILS(mmap(NULL, PAGE_BYTES, PROT_READ, MAP_PRIVATE, -1, 0), EBADF);
    CHECK_FAILS(mmap(NULL, PAGE_BYTES, PROT_READ, MAP_PRIVATE, 987, 0), EBADF);
    CHECK_FAILS(mmap(NULL, PAGE_BYTES, PROT_READ, MAP_PRIVATE, write_only, 0), EACCES);
    CHECK_FAILS(mmap(NULL, PAGE_BYTES, PROT_READ, MAP_PRIVATE, pair[0], 0), ENODEV);
    CHECK_FAILS(mmap(NULL, PAGE_BYTES, RW, MAP_SHARED, read_only, 0), EACCES);
    CHECK_EQ(raw_mmap(read_only, MAP_PRIVATE, 1), -EINVAL);
    CHECK_EQ(raw_mmap(read_only, MAP_PRIVATE, 0x7ffffffffffff000), -EOVERFLOW);
    unlink("/tmp/mmap-errors");
}

static void munmap_errors(void) {
    char *page = pages_map(1, RW);

    CHECK_FAILS(munmap(page + 1, PAGE_BYTES), EINVAL);
    CHECK_FAILS(munmap(page, 0), EINVAL);
    CHECK_FAILS(munmap(page, (size_t)-1), EINVAL);
    CHECK_FAILS(munmap((void *)0xffff800000000000, PAGE_BYTES), EINVAL);
    CHECK_FAILS(munmap((void *)0x7ffffffff000, PAGE_BYTES), EINVAL);
    page[0] = 1;
    CHECK_EQ(munmap((void *)0x300000000000, 1UL << 30), 0);
}

static void refused_fixed_leaves_the_old(void) {
    char *page = pages_map(1, RW);

    page[0] = 42;
    CHECK_FAILS(mmap(page, PAGE_BYTES, PROT_READ, MAP_PRIVATE | MAP_FIXED, 987, 0), EBADF);
    CHECK_FAILS(mmap(page, (size_t)1 << 47, RW, ANONYMOUS | MAP_FIXED, -1, 0), ENOMEM);
    CHECK_EQ(page[0], 42);
}

static void fixed_replaces(void) {
    char *start = free_stretch(8);

    CHECK(map_at(start, 8, RW) == start);
    memset(start, 7, 8 * PAGE_BYTES);
    CHECK(map_at(start + 2 * PAGE_BYTES, 3, PROT_READ) == start + 2 * PAGE_BYTES);
    CHECK_PICTURE(start, "wwrrrwww");
    CHECK_EQ(start[2 * PAGE_BYTES], 0);
    CHECK_EQ(start[PAGE_BYTES], 7);
    CHECK_EQ(start[5 * PAGE_BYTES], 7);
    CHECK(map_at(start, 8, RW) == start);
    CHECK_EQ(pages_read(start, 8), 0);
}

static void noreplace_refuses(void) {
    char *page = pages_map(1, RW);

    page[0] = 3;
    CHECK_FAILS(mmap(page, PAGE_BYTES, RW, ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
    CHECK_EQ(page[0], 3);
}

/* B1: remove the whole, the start, the end, the middle, several at once. */
static void unmap_whole_start_end_middle(void) {
    char *start = free_stretch(8);

    CHECK(map_at(start, 8, RW) == start);
    memset(start, 5, 8 * PAGE_BYTES);
    CHECK_EQ(munmap(start, PAGE_BYTES), 0);
    CHECK_PICTURE(start, ".wwwwwww");
    CHECK_EQ(munmap(start + 7 * PAGE_BYTES, PAGE_BYTES), 0);
    CHECK_PICTURE(start, ".wwwwww.");
    CHECK_EQ(munmap(start + 3 * PAGE_BYTES, 2 * PAGE_BYTES), 0);
    CHECK_PICTURE(start, ".ww..ww.");
    CHECK(!can_read(start + 3 * PAGE_BYTES));
    CHECK_EQ(start[2 * PAGE_BYTES], 5);
    CHECK_EQ(start[5 * PAGE_BYTES], 5);
    CHECK_EQ(munmap(start, 8 * PAGE_BYTES), 0);
    CHECK_PICTURE(start, "........");
}

static void unmap_several_at_once(void) {
    char *start = free_stretch(9);

    for (size_t i = 0; i < 9; i += 2)
        CHECK(map_at(start + i * PAGE_BYTES, 1, i % 4 ? PROT_READ : RW) == start + i * PAGE_BYTES);
    CHECK_PICTURE(start, "w.r.w.r.w");
    CHECK_EQ(munmap(start + PAGE_BYTES, 7 * PAGE_BYTES), 0);
    CHECK_PICTURE(start, "w.......w");
}

/* Neighbours that could be one are one: many small maps must not use up the area limit. */
static void neighbours_join(void) {
    char *start = free_stretch(64);
    struct area area;

    for (size_t i = 0; i < 64; i++)
        CHECK(map_at(start + i * PAGE_BYTES, 1, RW) != MAP_FAILED);
    CHECK(area_find(start + 7 * PAGE_BYTES, &area));
    CHECK(area.start <= (uintptr_t)start);
    CHECK(area.end >= (uintptr_t)start + 64 * PAGE_BYTES);
}

static void unmapped_is_gone_at_once(void) {
    char *page = pages_map(1, RW);

    for (int i = 1; i < 50; i++) {
        page[0] = (char)i;
        CHECK_EQ(munmap(page, PAGE_BYTES), 0);
        CHECK(!can_read(page));
        CHECK(!can_write(page));
        CHECK(map_at(page, 1, RW) == page);
        CHECK_EQ(page[0], 0);
    }
}

/* B9: the middle again and again; no frame is lost. */
static void middle_again_and_again(void) {
    char *start = free_stretch(16);
    struct memory_use before = memory_use();

    for (int round = 0; round < 200; round++) {
        CHECK(map_at(start, 16, RW) == start);
        pages_write(start, 16, 1);
        CHECK_EQ(munmap(start + 4 * PAGE_BYTES, 8 * PAGE_BYTES), 0);
        CHECK(!can_read(start + 8 * PAGE_BYTES));
        if (round == 5)
            before = memory_use();
    }
    if (on_quire())
        CHECK_MEMORY_SAME(memory_use(), before);
}

static void search_finds_the_hole(void) {
    char *start = free_stretch(600);
    char *found;

    CHECK(map_at(start, 600, PROT_NONE) == start);
    CHECK_EQ(munmap(start + 300 * PAGE_BYTES, 8 * PAGE_BYTES), 0);
    found = mmap(start + 300 * PAGE_BYTES, 8 * PAGE_BYTES, RW, ANONYMOUS, -1, 0);
    CHECK(found == start + 300 * PAGE_BYTES);
    found = mmap(start + 300 * PAGE_BYTES, PAGE_BYTES, RW, ANONYMOUS, -1, 0);
    CHECK(found != MAP_FAILED);
    CHECK(found < start || found >= start + 600 * PAGE_BYTES);
}

/* B9: fill the address space with reservations; then there is none left; then it is usable. */
static void address_space_filled(void) {
    static char *reserved[20000];
    size_t count = 0;
    size_t size = 1UL << 45;

    while (size >= 1UL << 36 && count < COUNT_OF(reserved)) {
        char *area = mmap(NULL, size, PROT_NONE, ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (area == MAP_FAILED)
            size /= 2;
        else
            reserved[count++] = area;
    }
    CHECK(count > 3);
    CHECK_FAILS(mmap(NULL, 1UL << 45, PROT_NONE, ANONYMOUS | MAP_NORESERVE, -1, 0), ENOMEM);
    CHECK_EQ(munmap(reserved[0], 1UL << 36), 0);
    CHECK(mmap(NULL, 1UL << 36, PROT_NONE, ANONYMOUS | MAP_NORESERVE, -1, 0) != MAP_FAILED);
}

static void many_areas_or_enomem(void) {
    size_t count = 0;

    for (; count < 70000; count++)
        if (mmap(NULL, PAGE_BYTES, count % 2 ? PROT_READ : PROT_NONE, ANONYMOUS, -1, 0) ==
            MAP_FAILED)
            break;
    CHECK(count > 1000);
    if (count < 70000)
        CHECK_EQ(errno, ENOMEM);
}

static void address_limit_is_kept(void) {
    struct area area;
    char *page = pages_map(1, RW);

    CHECK(area_find(page, &area));
    CHECK_EQ(prlimit(0, RLIMIT_AS, &(struct rlimit){64 << 20, 64 << 20}, NULL), 0);
    CHECK_FAILS(mmap(NULL, 65 << 20, RW, ANONYMOUS, -1, 0), ENOMEM);
    CHECK(mmap(NULL, 1 << 20, RW, ANONYMOUS, -1, 0) != MAP_FAILED);
}

/* K1: /proc says what the map is, whether or not anything was touched. */
static void maps_tell_the_truth(void) {
    char *start = free_stretch(6);
    struct area area;

    CHECK(map_at(start, 2, RW) == start);
    CHECK(map_at(start + 2 * PAGE_BYTES, 2, PROT_READ | PROT_EXEC) != MAP_FAILED);
    CHECK(map_at(start + 4 * PAGE_BYTES, 2, PROT_NONE) != MAP_FAILED);
    CHECK(area_find(start + 2 * PAGE_BYTES, &area));
    CHECK_EQ(area.start, (uintptr_t)start + 2 * PAGE_BYTES);
    CHECK_EQ(area.end, (uintptr_t)start + 4 * PAGE_BYTES);
    CHECK(strcmp(area.rights, "r-xp") == 0);
    CHECK(area_find(start + 4 * PAGE_BYTES, &area));
    CHECK(strcmp(area.rights, "---p") == 0);
    CHECK_EQ(pages_present(start, 6), 0);
}

/* W11 and W3: no memory is an error or a death, and mapping it was not wrong. */
static void huge_reservation_costs_nothing(void) {
    struct memory_use before = memory_use();
    char *area;

    before = memory_use();
    area = mmap(NULL, 64UL << 30, PROT_NONE, ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(area != MAP_FAILED);
    if (on_quire())
        CHECK(memory_use().tables == before.tables && memory_use().objects <= before.objects + 2);
    CHECK_EQ(mprotect(area + (32UL << 30), PAGE_BYTES, RW), 0);
    area[32UL << 30] = 1;
    CHECK_EQ(munmap(area, 64UL << 30), 0);
    if (on_quire())
        CHECK_MEMORY_SAME(memory_use(), before);
}

/* ---- flags ---- */

static void low_addresses(void) {
    const uintptr_t end = 1UL << 31;
    char *low = mmap(NULL, 4 * PAGE_BYTES, RW, ANONYMOUS | MAP_32BIT, -1, 0);
    char *wish = mmap((void *)0x12340000, PAGE_BYTES, RW, ANONYMOUS | MAP_32BIT, -1, 0);
    char *high = mmap((void *)(1UL << 40), PAGE_BYTES, RW, ANONYMOUS | MAP_32BIT, -1, 0);

    CHECK(low != MAP_FAILED && wish != MAP_FAILED && high != MAP_FAILED);
    CHECK((uintptr_t)low + 4 * PAGE_BYTES <= end);
    CHECK_EQ((uintptr_t)wish, 0x12340000);
    CHECK((uintptr_t)high < end);
    low[0] = 1;
    CHECK_FAILS(mmap(NULL, end, RW, ANONYMOUS | MAP_32BIT | MAP_NORESERVE, -1, 0), ENOMEM);
}

/* What grows down grows when it is touched below, and others keep away from where it may. */
static void grows_down(void) {
    const size_t guard = 256 * PAGE_BYTES;
    char *place = free_stretch(2048) + 1024 * PAGE_BYTES;
    char *stack = mmap(place, 2 * PAGE_BYTES, RW, ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN, -1, 0);
    char *near;

    CHECK(stack == place);
    near = mmap(stack - 16 * PAGE_BYTES, PAGE_BYTES, RW, ANONYMOUS, -1, 0);
    CHECK(near != MAP_FAILED && near != stack - 16 * PAGE_BYTES); /* the wish is not granted */
    near = mmap(stack - guard - PAGE_BYTES, PAGE_BYTES, RW, ANONYMOUS, -1, 0);
    CHECK(near == stack - guard - PAGE_BYTES);
    CHECK_EQ(munmap(near, PAGE_BYTES), 0);
    stack[-1] = 1;
    stack[-(long)(8 * PAGE_BYTES)] = 2;
    CHECK_EQ(stack[-(long)PAGE_BYTES], 0);
    near = mmap(stack - 20 * PAGE_BYTES, PAGE_BYTES, RW, ANONYMOUS | MAP_FIXED, -1, 0);
    CHECK(near != MAP_FAILED);
    CHECK(!can_write(stack - 9 * PAGE_BYTES)); /* too near to another */
    CHECK_EQ(munmap(near, PAGE_BYTES), 0);
    CHECK(can_write(stack - 9 * PAGE_BYTES));
    CHECK_FAILS(mmap(NULL, PAGE_BYTES, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0),
                EINVAL);
}

static void huge_pages_without_a_pool(void) {
    int huge = ANONYMOUS | MAP_HUGETLB;
    int fd = open("/proc/self/exe", O_RDONLY);
    void *start = mmap(NULL, 2 << 20, RW, huge, -1, 0);

    if (start != MAP_FAILED)
        SKIP("there is a pool here");
    CHECK_EQ(errno, ENOMEM);
    CHECK_FAILS(mmap(NULL, 2 << 20, RW, huge | 21 << 26, -1, 0), ENOMEM);
    CHECK_FAILS(mmap(NULL, 2 << 20, RW, huge | 13 << 26, -1, 0), EINVAL);
    CHECK_FAILS(mmap(NULL, 2 << 20, PROT_READ, MAP_PRIVATE | MAP_HUGETLB, fd, 0), EINVAL);
}

static void flags_that_are_validated(void) {
    const int unknown = 1 << 25, sync = 0x80000, validate = 3;
    int fd = memfd_create("validate", 0);

    CHECK_EQ(ftruncate(fd, PAGE_BYTES), 0);
    CHECK(mmap(NULL, PAGE_BYTES, RW, validate, fd, 0) != MAP_FAILED);
    CHECK(mmap(NULL, PAGE_BYTES, RW, MAP_SHARED | unknown, fd, 0) != MAP_FAILED);
    CHECK(mmap(NULL, PAGE_BYTES, RW, MAP_PRIVATE | sync, fd, 0) != MAP_FAILED);
    CHECK_FAILS(mmap(NULL, PAGE_BYTES, RW, validate | sync, fd, 0), EOPNOTSUPP);
    CHECK_FAILS(mmap(NULL, PAGE_BYTES, RW, validate | unknown, fd, 0), EOPNOTSUPP);
    CHECK_FAILS(mmap(NULL, PAGE_BYTES, RW, validate | MAP_ANONYMOUS, -1, 0), EINVAL);
    CHECK_FAILS(mmap(NULL, PAGE_BYTES, RW, MAP_TYPE | MAP_ANONYMOUS, -1, 0), EINVAL);
}

/* No more areas: nothing new, nothing that makes two of one; what takes away goes on. */
static void too_many_areas(void) {
    char *start = pages_map(3, RW);
    size_t count = 0;

    for (; count < 70000; count++)
        if (mmap(NULL, PAGE_BYTES, count % 2 ? PROT_READ : PROT_NONE, ANONYMOUS, -1, 0) ==
            MAP_FAILED)
            break;
    CHECK_EQ(errno, ENOMEM);
    if (count < 65000 || count > 65531)
        SKIP("another limit than 65530");
    CHECK_FAILS(mprotect(start + PAGE_BYTES, PAGE_BYTES, PROT_READ), ENOMEM);
    CHECK(can_write(start + PAGE_BYTES));
    CHECK_FAILS(munmap(start + PAGE_BYTES, PAGE_BYTES), ENOMEM);
    CHECK_FAILS(mremap(start, PAGE_BYTES, 2 * PAGE_BYTES, MREMAP_MAYMOVE), ENOMEM);
    CHECK_EQ(munmap(start, PAGE_BYTES), 0);
    CHECK(can_write(start + PAGE_BYTES));
}

static void msync_errors(void) {
    char *start = free_stretch(4);

    CHECK(mmap(start, 3 * PAGE_BYTES, RW, ANONYMOUS | MAP_FIXED, -1, 0) == start);
    CHECK_EQ(msync(start, 3 * PAGE_BYTES, MS_SYNC), 0);
    CHECK_EQ(msync(start, 2 * PAGE_BYTES + 1, MS_ASYNC | MS_INVALIDATE), 0);
    CHECK_EQ(msync(start, PAGE_BYTES, 0), 0);
    CHECK_EQ(msync(start + 3 * PAGE_BYTES, 0, MS_SYNC), 0);
    CHECK_FAILS(msync(start + 1, PAGE_BYTES, MS_SYNC), EINVAL);
    CHECK_FAILS(msync(start, PAGE_BYTES, MS_SYNC | MS_ASYNC), EINVAL);
    CHECK_FAILS(msync(start, PAGE_BYTES, 8), EINVAL);
    CHECK_FAILS(msync(start, 4 * PAGE_BYTES, MS_SYNC), ENOMEM);
    CHECK_FAILS(msync(start, (size_t)-PAGE_BYTES, MS_SYNC), ENOMEM);
}

CHECK_MAIN(
    {"address_picked_is_address_given", address_picked_is_address_given},
    {"hint_is_rounded_and_may_be_taken", hint_is_rounded_and_may_be_taken},
    {"length_is_rounded_up", length_is_rounded_up}, {"pages_start_zeroed", pages_start_zeroed},
    {"used_memory_comes_back_zeroed", used_memory_comes_back_zeroed},
    {"pages_appear_on_first_touch", pages_appear_on_first_touch}, {"mmap_errors", mmap_errors},
    {"mmap_file_errors", mmap_file_errors}, {"munmap_errors", munmap_errors},
    {"refused_fixed_leaves_the_old", refused_fixed_leaves_the_old},
    {"fixed_replaces", fixed_replaces}, {"noreplace_refuses", noreplace_refuses},
    {"unmap_whole_start_end_middle", unmap_whole_start_end_middle},
    {"unmap_several_at_once", unmap_several_at_once}, {"neighbours_join", neighbours_join},
    {"unmapped_is_gone_at_once", unmapped_is_gone_at_once},
    {"middle_again_and_again", middle_again_and_again},
    {"search_finds_the_hole", search_finds_the_hole},
    {"address_space_filled", address_space_filled}, {"many_areas_or_enomem", many_areas_or_enomem},
    {"address_limit_is_kept", address_limit_is_kept}, {"maps_tell_the_truth", maps_tell_the_truth},
    {"huge_reservation_costs_nothing", huge_reservation_costs_nothing},
    {"low_addresses", low_addresses}, {"grows_down", grows_down},
    {"huge_pages_without_a_pool", huge_pages_without_a_pool},
    {"flags_that_are_validated", flags_that_are_validated}, {"too_many_areas", too_many_areas},
    {"msync_errors", msync_errors})
