/* SPDX-License-Identifier: MIT */
/*
 * Overcommit: what Committed_AS counts, and what /proc/sys/vm/overcommit_* allow.
 *
 * What is counted is asked of Linux too, with sizes that stand out from what everybody else does
 * there. The settings are everybody's: they are only changed on Quire.
 */
#include "facts.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define MODE "/proc/sys/vm/overcommit_memory"
#define RATIO "/proc/sys/vm/overcommit_ratio"
#define KBYTES "/proc/sys/vm/overcommit_kbytes"
#define ADMIN "/proc/sys/vm/admin_reserve_kbytes"
#define USER "/proc/sys/vm/user_reserve_kbytes"

#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW (PROT_READ | PROT_WRITE)

/* Large enough to be seen among what others map and unmap meanwhile. */
static size_t unit_pages(void) {
    return on_quire() ? 1000 : 1 << 18;
}

static size_t unit(void) {
    return unit_pages() * PAGE_BYTES;
}

static long committed(void) {
    fact_number("/proc/meminfo", "Committed_AS");
    return fact_number("/proc/meminfo", "Committed_AS") / 4;
}

/* How many units more are committed than `before`; on Quire the last page counts. */
static long units_since(long before) {
    long pages = committed() - before, whole = (long)unit_pages();

    if (on_quire() && pages % whole != 0)
        CHECK_NOTE("%ld pages are no whole units of %ld", pages, whole);
    return (pages + whole / 2 + 64 * whole) / whole - 64;
}

static char *map(size_t bytes, int prot, int flags) {
    char *start = mmap(NULL, bytes, prot, flags, -1, 0);

    CHECK(start != MAP_FAILED);
    return start;
}

/* ---- what is counted ---- */

static void private_mappings_are_counted(void) {
    long before = committed();
    char *readable = map(unit(), PROT_READ, ANONYMOUS), *writable;

    CHECK_EQ(units_since(before), 0);
    writable = map(2 * unit(), RW, ANONYMOUS);
    CHECK_EQ(units_since(before), 2);
    map(unit(), RW, ANONYMOUS | MAP_NORESERVE);
    map(unit(), PROT_NONE, ANONYMOUS);
    CHECK_EQ(units_since(before), 2);
    CHECK_EQ(mprotect(readable, unit(), RW), 0);
    CHECK_EQ(mprotect(readable, unit(), RW), 0);
    CHECK_EQ(units_since(before), 3);
    readable[0] = 1;
    CHECK_EQ(mprotect(readable, unit(), PROT_READ), 0);
    CHECK_EQ(units_since(before), 3);
    CHECK_EQ(munmap(writable, unit()), 0);
    CHECK_EQ(units_since(before), 2);
    CHECK_EQ(munmap(readable, unit()), 0);
    CHECK_EQ(units_since(before), 1);
}

/* Pages that were never touched are given back when they can no longer be written. */
static void untouched_pages_are_given_back(void) {
    long before = committed();
    char *pages = map(unit(), RW, ANONYMOUS);

    CHECK_EQ(units_since(before), 1);
    CHECK_EQ(mprotect(pages, unit(), PROT_NONE), 0);
    if (units_since(before) == 1 && !on_quire())
        SKIP("a Linux before 6.7");
    CHECK_EQ(units_since(before), 0);
    CHECK_EQ(mprotect(pages, unit(), RW), 0);
    CHECK_EQ(units_since(before), 1);
}

static void the_heap_is_counted(void) {
    long before = committed(), heap = syscall(SYS_brk, 0);

    CHECK_EQ(syscall(SYS_brk, heap + (long)unit()), heap + (long)unit());
    CHECK_EQ(units_since(before), 1);
    CHECK_EQ(syscall(SYS_brk, heap), heap);
    CHECK_EQ(units_since(before), 0);
}

static void fork_counts_again(void) {
    long before = committed();
    int go[2], ready[2], status;
    char byte = 0;
    pid_t child;

    CHECK_EQ(pipe(go) | pipe(ready), 0);
    map(unit(), RW, ANONYMOUS);
    CHECK_EQ(units_since(before), 1);
    child = fork();
    if (child == 0) {
        (void)!write(ready[1], &byte, 1);
        (void)!read(go[0], &byte, 1);
        _exit(0);
    }
    CHECK_EQ(read(ready[0], &byte, 1), 1);
    long pages = committed() - before;
    CHECK(2 * pages > 3 * (long)unit_pages() && pages < 3 * (long)unit_pages());
    CHECK_EQ(write(go[1], &byte, 1), 1);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK_EQ(units_since(before), 1);
}

static void shared_memory_is_counted_by_its_size(void) {
    long before = committed();
    char *pages = map(unit(), RW, MAP_SHARED | MAP_ANONYMOUS);

    CHECK_EQ(units_since(before), 1);
    CHECK_EQ(munmap(pages, unit() / 2), 0);
    CHECK_EQ(units_since(before), 1);
    CHECK_EQ(munmap(pages + unit() / 2, unit() / 2), 0);
    CHECK_EQ(units_since(before), 0);
    map(unit(), RW, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE);
    CHECK_EQ(units_since(before), 0);
}

/* A file in memory by its pages: the hole costs nothing. */
static void files_in_memory_are_counted_by_pages(void) {
    long before;
    int fd = open("/tmp/overcommit", O_RDWR | O_CREAT | O_TRUNC, 0600);

    if (!on_quire())
        SKIP("the file system is Quire's");
    CHECK(fd >= 0 && unlink("/tmp/overcommit") == 0);
    before = committed();
    CHECK_EQ(ftruncate(fd, 1 << 20), 0);
    CHECK_EQ(committed(), before);
    CHECK_EQ(pwrite(fd, "x", 1, 12345), 1);
    CHECK_EQ(pwrite(fd, "x", 1, 123456), 1);
    CHECK_EQ(committed(), before + 2);
    char *pages = mmap(NULL, 1 << 20, RW, MAP_SHARED, fd, 0);
    CHECK(pages != MAP_FAILED);
    pages[0] = 1;
    CHECK_EQ(committed(), before + 3);
    CHECK_EQ(ftruncate(fd, 100000), 0);
    CHECK_EQ(committed(), before + 2);
    close(fd);
    CHECK_EQ(munmap(pages, 1 << 20), 0);
    CHECK_EQ(committed(), before);
}

/* ---- settings: on Quire only ---- */

static void write_number(const char *path, long number) {
    char text[32];
    int fd = open(path, O_WRONLY), length = snprintf(text, sizeof text, "%ld\n", number);

    CHECK(fd >= 0);
    CHECK_EQ(write(fd, text, (size_t)length), length);
    close(fd);
}

static long read_number(const char *path) {
    char *text = fact_file(path);

    CHECK(text != NULL);
    return strtol(text, NULL, 10);
}

static void defaults(void) {
    write_number(MODE, 0);
    write_number(RATIO, 50);
}

/* Runs a test that changes settings, and sets them back whatever becomes of it. */
static void with_settings(void (*body)(void)) {
    pid_t child;
    int status;

    if (!on_quire())
        SKIP("the settings are everybody's here");
    defaults();
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        body();
        _exit(0);
    }
    status = child_wait(child);
    defaults();
    if (status == CHECK_EXIT_FAILED << 8)
        _exit(CHECK_EXIT_FAILED);
    CHECK_EQ(status, 0);
}

/* Mode 2 with room for so many pages more. */
static void allow(long pages) {
    write_number(ADMIN, 0);
    write_number(USER, 0);
    fact_number("/proc/meminfo", "Committed_AS");
    write_number(KBYTES, 4 * (committed() + pages + 1));
    write_number(MODE, 2);
}

#define SETTINGS_TEST(name)                                                                        \
    static void change_##name(void);                                                               \
    static void name(void) {                                                                       \
        with_settings(change_##name);                                                              \
    }                                                                                              \
    static void change_##name(void)

SETTINGS_TEST(settings_are_shown_and_checked) {
    long total = fact_number("/proc/meminfo", "MemTotal");

    CHECK_EQ(fact_number("/proc/meminfo", "CommitLimit") / 4, total / 4 / 2);
    write_number(RATIO, 80);
    CHECK_EQ(fact_number("/proc/meminfo", "CommitLimit") / 4, total / 4 * 80 / 100);
    write_number(KBYTES, 4000);
    CHECK_EQ(read_number(RATIO), 0);
    CHECK_EQ(fact_number("/proc/meminfo", "CommitLimit"), 4000);
    write_number(RATIO, 50);
    CHECK_EQ(read_number(KBYTES), 0);
    int fd = open(MODE, O_WRONLY);
    CHECK_FAILS(write(fd, "3\n", 2), EINVAL);
    CHECK_FAILS(write(fd, "-1\n", 3), EINVAL);
    CHECK_EQ(read_number(MODE), 0);
}

static void only_the_absurd_is_refused(void) {
    size_t all = (size_t)fact_number("/proc/meminfo", "MemTotal") * 1024;

    if (read_number(MODE) != 0)
        SKIP("not in mode 0");
    all += (size_t)fact_number("/proc/meminfo", "SwapTotal") * 1024;
    CHECK(mmap(NULL, all + (64 << 20), RW, ANONYMOUS, -1, 0) == MAP_FAILED && errno == ENOMEM);
    CHECK(mmap(NULL, all + (64 << 20), RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    map(all + (64 << 20), RW, ANONYMOUS | MAP_NORESERVE);
    map(all + (64 << 20), PROT_READ, ANONYMOUS);
    map(all / 2, RW, ANONYMOUS);
    map(all / 2, RW, ANONYMOUS);
    map(all / 2, RW, ANONYMOUS);
}

SETTINGS_TEST(everything_is_allowed_in_mode_1) {
    write_number(MODE, 1);
    map(1ul << 40, RW, ANONYMOUS);
    map(1ul << 40, RW, MAP_SHARED | MAP_ANONYMOUS);
}

SETTINGS_TEST(mode_2_refuses_to_the_page) {
    char *pages;

    allow(100);
    CHECK(mmap(NULL, 101 * PAGE_BYTES, RW, ANONYMOUS, -1, 0) == MAP_FAILED && errno == ENOMEM);
    CHECK(mmap(NULL, 101 * PAGE_BYTES, RW, ANONYMOUS | MAP_NORESERVE, -1, 0) == MAP_FAILED);
    CHECK(mmap(NULL, 101 * PAGE_BYTES, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    pages = map(200 * PAGE_BYTES, PROT_READ, ANONYMOUS);
    CHECK_FAILS(mprotect(pages, 101 * PAGE_BYTES, RW), ENOMEM);
    CHECK_EQ(mprotect(pages, 100 * PAGE_BYTES, RW), 0);
    CHECK(mmap(NULL, PAGE_BYTES, RW, ANONYMOUS, -1, 0) == MAP_FAILED && errno == ENOMEM);
    CHECK_EQ(syscall(SYS_brk, syscall(SYS_brk, 0) + (1 << 20)), syscall(SYS_brk, 0));
    CHECK(mmap(pages, 100 * PAGE_BYTES, RW, ANONYMOUS | MAP_FIXED, -1, 0) == pages);
    CHECK_EQ(munmap(pages, 60 * PAGE_BYTES), 0);
    map(60 * PAGE_BYTES, RW, MAP_SHARED | MAP_ANONYMOUS);
}

SETTINGS_TEST(fork_is_refused_when_the_child_does_not_fit) {
    char *pages;

    pages = map(2000 * PAGE_BYTES, RW, ANONYMOUS);
    pages_write(pages, 2000, 7);
    allow(1500);
    struct memory_use before = memory_use();
    CHECK_FAILS(fork(), ENOMEM);
    CHECK_MEMORY_SAME(memory_use(), before);
    pages_write(pages, 2000, 8);
    allow(4000);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0)
        _exit(pages[1999 * PAGE_BYTES]);
    CHECK_EQ(child_wait(child), 8 << 8);
}

static void touch_too_much(void *pages) {
    pages_write(pages, 101, 1);
}

/* The promise of a page of a file is made when it is written: too late for an error but SIGBUS. */
SETTINGS_TEST(pages_of_files_are_refused) {
    int fd = open("/tmp/overcommit", O_RDWR | O_CREAT | O_TRUNC, 0600);
    char page[PAGE_BYTES] = "";
    long room = 0;

    CHECK(fd >= 0 && unlink("/tmp/overcommit") == 0);
    allow(100);
    while (write(fd, page, sizeof page) == sizeof page)
        room++;
    CHECK_EQ(errno, ENOSPC);
    CHECK_EQ(room, 100);
    CHECK_EQ(ftruncate(fd, 0) | ftruncate(fd, 1 << 20), 0);
    char *pages = mmap(NULL, 1 << 20, RW, MAP_SHARED, fd, 0);
    CHECK(pages != MAP_FAILED);
    CHECK_CHILD_KILLED(touch_too_much, pages, SIGBUS);
}

static void use_the_reserve(void *is_root) {
    if (!is_root)
        CHECK_EQ(setuid(1000), 0);
    void *start = mmap(NULL, 500 * PAGE_BYTES, RW, ANONYMOUS, -1, 0);
    CHECK((start != MAP_FAILED) == (is_root != NULL));
}

SETTINGS_TEST(something_is_kept_for_root) {
    allow(1000);
    write_number(ADMIN, 4000);
    CHECK_CHILD_OK(use_the_reserve, (void *)1);
    CHECK_CHILD_OK(use_the_reserve, NULL);
}

static void nothing_stays_counted(void) {
    long before, after;

    if (!on_quire())
        SKIP("others are counted too here");
    child_run((void (*)(void *))private_mappings_are_counted, NULL);
    before = committed();
    for (int i = 0; i < 20; i++) {
        CHECK_CHILD_OK((void (*)(void *))private_mappings_are_counted, NULL);
        CHECK_CHILD_OK((void (*)(void *))shared_memory_is_counted_by_its_size, NULL);
        CHECK_CHILD_OK((void (*)(void *))fork_counts_again, NULL);
    }
    after = committed();
    CHECK_EQ(after, before);
}

CHECK_MAIN({"private_mappings_are_counted", private_mappings_are_counted},
           {"untouched_pages_are_given_back", untouched_pages_are_given_back},
           {"the_heap_is_counted", the_heap_is_counted}, {"fork_counts_again", fork_counts_again},
           {"shared_memory_is_counted_by_its_size", shared_memory_is_counted_by_its_size},
           {"files_in_memory_are_counted_by_pages", files_in_memory_are_counted_by_pages},
           {"settings_are_shown_and_checked", settings_are_shown_and_checked},
           {"only_the_absurd_is_refused", only_the_absurd_is_refused},
           {"everything_is_allowed_in_mode_1", everything_is_allowed_in_mode_1},
           {"mode_2_refuses_to_the_page", mode_2_refuses_to_the_page},
           {"fork_is_refused_when_the_child_does_not_fit",
            fork_is_refused_when_the_child_does_not_fit},
           {"pages_of_files_are_refused", pages_of_files_are_refused},
           {"something_is_kept_for_root", something_is_kept_for_root},
           {"nothing_stays_counted", nothing_stays_counted})
