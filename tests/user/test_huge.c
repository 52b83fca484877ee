/* SPDX-License-Identifier: MIT */
/*
 * Huge pages: whatever the kernel does with them, a program sees memory as it always is.
 *
 * Contents are compared on Linux and on Quire alike, with huge pages or without. How much of it
 * is in huge pages is asked of /proc/self/smaps, where the system's policy makes them for sure.
 * Frames are counted to the last one on Quire only: a part that is given back gives back exactly
 * its frames, and a copy takes one.
 */
#include "catch.h"
#include "facts.h"

#include <sys/syscall.h>

#define HUGE_BYTES (2UL << 20)
#define HUGE_PAGES (HUGE_BYTES / PAGE_BYTES)
#define POLICY "/sys/kernel/mm/transparent_hugepage/enabled"

/* Are huge pages made wherever they fit, or where madvise asks for them? */
static bool policy_allows(void) {
    const char *text = fact_file(POLICY);

    return text && !strstr(text, "[never]");
}

static void policy_or_skip(void) {
    if (!policy_allows())
        SKIP("the system makes no huge pages");
}

/* `count` huge pages' worth of aligned memory, huge ones wanted. */
static char *huge_map(size_t count) {
    size_t bytes = (count + 1) * HUGE_BYTES;
    char *start = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *aligned = (char *)(((uintptr_t)start + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1));

    CHECK(start != MAP_FAILED);
    if (aligned > start)
        CHECK_EQ(munmap(start, (size_t)(aligned - start)), 0);
    CHECK_EQ(munmap(aligned + count * HUGE_BYTES, (size_t)(start + HUGE_BYTES - aligned)), 0);
    madvise(aligned, count * HUGE_BYTES, MADV_HUGEPAGE); /* a kernel may know none */
    return aligned;
}

/* Each page says which one it is. */
static void fill(char *start, size_t pages) {
    for (size_t i = 0; i < pages; i++) {
        *(uint32_t *)(start + i * PAGE_BYTES) = (uint32_t)i;
        start[i * PAGE_BYTES + PAGE_BYTES - 1] = (char)i;
    }
}

static void expect_filled(const char *start, size_t from, size_t to) {
    for (size_t i = from; i < to; i++) {
        CHECK_EQ(*(const uint32_t *)(start + i * PAGE_BYTES), i);
        CHECK_EQ(start[i * PAGE_BYTES + PAGE_BYTES - 1], (char)i);
    }
}

static void expect_zero(const char *start, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        CHECK_EQ(start[i], 0);
}

static char *filled_map(size_t count) {
    char *start = huge_map(count);

    fill(start, count * HUGE_PAGES);
    return start;
}

/* AnonHugePages of the area that begins at start, in kB; -1 if smaps does not tell. */
static long huge_kb(const char *start) {
    char head[32];
    char *line = fact_file("/proc/self/smaps");

    snprintf(head, sizeof head, "%lx-", (unsigned long)start);
    line = line ? strstr(line, head) : NULL;
    line = line ? strstr(line, "AnonHugePages:") : NULL;
    return line ? strtol(line + strlen("AnonHugePages:"), NULL, 10) : -1;
}

/* Frames of anonymous memory in use; only differences mean something. */
static long anonymous(void) {
    return memory_use().anonymous;
}

/* ---- contents ---- */

static void test_touch(void) {
    char *start = huge_map(4);

    start[3 * HUGE_BYTES + 12345] = 1;
    expect_zero(start, 3 * HUGE_BYTES + 12345);
    expect_zero(start + 3 * HUGE_BYTES + 12346, HUGE_BYTES - 12346);
    fill(start, 4 * HUGE_PAGES);
    expect_filled(start, 0, 4 * HUGE_PAGES);
    CHECK_EQ(munmap(start, 4 * HUGE_BYTES), 0);
}

/* What others left in memory is not seen. */
static void test_no_old_contents(void) {
    for (unsigned round = 0; round < 4; round++) {
        char *start = huge_map(3);

        expect_zero(start + 5, 1);
        start[0] = start[HUGE_BYTES] = start[2 * HUGE_BYTES] = 0;
        expect_zero(start, 3 * HUGE_BYTES);
        memset(start, 0xa5, 3 * HUGE_BYTES);
        CHECK_EQ(munmap(start, 3 * HUGE_BYTES), 0);
    }
}

static void write_and_see(void *argument) {
    char *start = argument;

    expect_filled(start, 0, 2 * HUGE_PAGES);
    for (size_t i = 0; i < 2 * HUGE_PAGES; i += 37)
        start[i * PAGE_BYTES + 100] = 77;
    expect_filled(start, 0, 2 * HUGE_PAGES);
    for (size_t i = 0; i < 2 * HUGE_PAGES; i++)
        CHECK_EQ(start[i * PAGE_BYTES + 100], i % 37 == 0 ? 77 : 0);
}

static void test_fork_both_write(void) {
    char *start = filled_map(2);
    int go[2], status;
    char byte;
    pid_t pid;

    CHECK_CHILD_OK(write_and_see, start);
    CHECK_EQ(pipe(go), 0);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        CHECK_EQ(read(go[0], &byte, 1), 1);
        write_and_see(start);
        _exit(0);
    }
    for (size_t i = 0; i < 2 * HUGE_PAGES; i += 11)
        start[i * PAGE_BYTES + 100] = 11;
    CHECK_EQ(write(go[1], "", 1), 1);
    status = child_wait(pid);
    CHECK_EQ(status, 0);
    for (size_t i = 0; i < 2 * HUGE_PAGES; i++)
        CHECK_EQ(start[i * PAGE_BYTES + 100], i % 11 == 0 ? 11 : 0);
    expect_filled(start, 0, 2 * HUGE_PAGES);
}

static void read_byte(void *argument) {
    *(volatile char *)argument;
}

static void expect_gone(char *at) {
    CHECK_CHILD_KILLED(read_byte, at, SIGSEGV);
}

/* A part goes; what is around it stays. */
static void unmap_part(size_t from, size_t to) {
    char *start = filled_map(2);

    CHECK_EQ(munmap(start + from * PAGE_BYTES, (to - from) * PAGE_BYTES), 0);
    expect_filled(start, 0, from);
    expect_filled(start, to, 2 * HUGE_PAGES);
    expect_gone(start + from * PAGE_BYTES);
    expect_gone(start + to * PAGE_BYTES - 1);
    for (size_t i = to; i < 2 * HUGE_PAGES; i++)
        start[i * PAGE_BYTES + 9] = 9;
    expect_filled(start, to, 2 * HUGE_PAGES);
    CHECK_EQ(munmap(start, 2 * HUGE_BYTES), 0);
}

static void test_unmap_parts(void) {
    unmap_part(0, 1);
    unmap_part(HUGE_PAGES - 1, HUGE_PAGES);
    unmap_part(100, 101);
    unmap_part(0, HUGE_PAGES - 1);
    unmap_part(1, HUGE_PAGES);
    unmap_part(HUGE_PAGES - 3, HUGE_PAGES + 3);
    unmap_part(200, 2 * HUGE_PAGES - 200);
}

static void write_byte(void *argument) {
    *(volatile char *)argument = 1;
}

static void test_protect_and_back(void) {
    char *start = filled_map(2);
    char *part = start + 300 * PAGE_BYTES;

    CHECK_EQ(mprotect(part, 20 * PAGE_BYTES, PROT_READ), 0);
    CHECK_CHILD_KILLED(write_byte, part, SIGSEGV);
    CHECK_CHILD_KILLED(write_byte, part + 20 * PAGE_BYTES - 1, SIGSEGV);
    CHECK_CHILD_OK(write_byte, part - 1);
    CHECK_CHILD_OK(write_byte, part + 20 * PAGE_BYTES);
    CHECK_EQ(mprotect(part + 5 * PAGE_BYTES, PAGE_BYTES, PROT_NONE), 0);
    expect_gone(part + 5 * PAGE_BYTES);
    expect_filled(start, 0, 305);
    expect_filled(start, 306, 2 * HUGE_PAGES);
    CHECK_EQ(mprotect(start, 2 * HUGE_BYTES, PROT_READ), 0);
    CHECK_CHILD_KILLED(write_byte, start, SIGSEGV);
    CHECK_EQ(mprotect(start, 2 * HUGE_BYTES, PROT_READ | PROT_WRITE), 0);
    expect_filled(start, 0, 2 * HUGE_PAGES);
    fill(start, 2 * HUGE_PAGES);
    expect_filled(start, 0, 2 * HUGE_PAGES);
}

static void test_discard_part(void) {
    char *start = filled_map(2);

    CHECK_EQ(madvise(start + 50 * PAGE_BYTES, 3 * PAGE_BYTES, MADV_DONTNEED), 0);
    expect_filled(start, 0, 50);
    expect_filled(start, 53, 2 * HUGE_PAGES);
    expect_zero(start + 50 * PAGE_BYTES, 3 * PAGE_BYTES);
    start[51 * PAGE_BYTES] = 1;
    expect_zero(start + 50 * PAGE_BYTES, PAGE_BYTES);
    expect_zero(start + 52 * PAGE_BYTES, PAGE_BYTES);
    CHECK_EQ(madvise(start, 2 * HUGE_BYTES, MADV_DONTNEED), 0);
    expect_zero(start, 2 * HUGE_BYTES);
}

/* To another place: alike modulo 2 MiB, or not, all of it, or a part. */
static void test_move(void) {
    char *start = filled_map(3);
    char *target = huge_map(4) + 7 * PAGE_BYTES;
    char *moved = mremap(start + HUGE_BYTES, 2 * HUGE_BYTES, 2 * HUGE_BYTES,
                         MREMAP_MAYMOVE | MREMAP_FIXED, target);

    if (moved == MAP_FAILED && errno == ENOSYS)
        SKIP("there is no mremap");
    CHECK(moved == target);
    expect_filled(start, 0, HUGE_PAGES);
    expect_gone(start + HUGE_BYTES);
    for (size_t i = 0; i < 2 * HUGE_PAGES; i++)
        CHECK_EQ(*(uint32_t *)(moved + i * PAGE_BYTES), HUGE_PAGES + i);
    CHECK(mremap(moved, 2 * HUGE_BYTES, 2 * HUGE_BYTES, MREMAP_MAYMOVE | MREMAP_FIXED,
                 start + HUGE_BYTES) == start + HUGE_BYTES);
    expect_filled(start, 0, 3 * HUGE_PAGES);
    CHECK(mremap(start, HUGE_BYTES, HUGE_BYTES, MREMAP_MAYMOVE | MREMAP_FIXED,
                 moved - 7 * PAGE_BYTES) == moved - 7 * PAGE_BYTES);
    expect_filled(moved - 7 * PAGE_BYTES, 0, HUGE_PAGES);
    fill(moved - 7 * PAGE_BYTES, HUGE_PAGES);
    expect_filled(moved - 7 * PAGE_BYTES, 0, HUGE_PAGES);
}

/* The kernel's own copies into and out of huge pages, and a child's sight of them. */
static void test_kernel_copies(void) {
    char *start = filled_map(2);
    char *back = huge_map(2);
    int ends[2];

    CHECK_EQ(pipe(ends), 0);
    for (size_t done = 0; done < 2 * HUGE_BYTES; done += 32768) {
        CHECK_EQ(write(ends[1], start + done, 32768), 32768);
        CHECK_EQ(read(ends[0], back + done, 32768), 32768);
    }
    expect_filled(back, 0, 2 * HUGE_PAGES);
    CHECK_CHILD_OK(write_and_see, back);
    expect_filled(back, 0, 2 * HUGE_PAGES);
}

/* The C library's brk refuses. */
static void break_set(char *to) {
    CHECK_EQ(syscall(SYS_brk, to), (uintptr_t)to);
}

/* A heap that grows over 2 MiB at a time, and shrinks. */
static void test_heap(void) {
    char *start = (char *)syscall(SYS_brk, 0);

    break_set(start + 3 * HUGE_BYTES + 12345);
    memset(start, 0x5a, 3 * HUGE_BYTES + 12345);
    break_set(start + 2 * HUGE_BYTES + 4321);
    for (size_t i = 0; i < 2 * HUGE_BYTES + 4321; i += 511)
        CHECK_EQ(start[i], 0x5a);
    break_set(start + 4 * HUGE_BYTES);
    expect_zero(start + 2 * HUGE_BYTES + 4321 + PAGE_BYTES, HUGE_BYTES);
    break_set(start);
}

/* ---- what /proc tells ---- */

static void smaps_or_skip(const char *start) {
    policy_or_skip();
    if (huge_kb(start) < 0)
        SKIP("smaps does not tell of huge pages");
}

static void test_smaps(void) {
    char *start = filled_map(2);

    smaps_or_skip(start);
    if (huge_kb(start) == 0 && fact_number("/proc/meminfo", "AnonHugePages") <= 0)
        SKIP("there are no huge pages, as far as /proc knows");
    CHECK_EQ(huge_kb(start), 2 * HUGE_BYTES / 1024);
    CHECK_EQ(munmap(start + HUGE_BYTES + PAGE_BYTES, PAGE_BYTES), 0);
    CHECK_EQ(huge_kb(start), HUGE_BYTES / 1024);
}

static void test_not_wanted(void) {
    char *start = huge_map(2);

    if (madvise(start, 2 * HUGE_BYTES, MADV_NOHUGEPAGE) < 0)
        SKIP("there is no MADV_NOHUGEPAGE");
    fill(start, 2 * HUGE_PAGES);
    expect_filled(start, 0, 2 * HUGE_PAGES);
    if (huge_kb(start) >= 0)
        CHECK_EQ(huge_kb(start), 0);
}

static void test_policy_word(void) {
    const char *text = fact_file(POLICY);
    static const char *const lines[] = {"[always] madvise never\n", "always [madvise] never\n",
                                        "always madvise [never]\n"};
    bool known = false;

    if (!text)
        SKIP("there is no " POLICY);
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        known |= strcmp(text, lines[i]) == 0;
    CHECK(known);
}

static void policy_set(const char *word) {
    int fd = open(POLICY, O_WRONLY);

    CHECK(fd >= 0);
    CHECK_EQ(write(fd, word, strlen(word)), strlen(word));
    close(fd);
}

/* Whether memory that nothing else can be joined with gets a huge page under a policy. */
static bool gets_huge(const char *policy, bool asked) {
    const int everything = PROT_READ | PROT_WRITE | PROT_EXEC;
    char *start = mmap(NULL, 3 * HUGE_BYTES, everything, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    long found;

    CHECK(start != MAP_FAILED);
    if (asked)
        CHECK_EQ(madvise(start, 3 * HUGE_BYTES, MADV_HUGEPAGE), 0);
    policy_set(policy);
    fill(start, 3 * HUGE_PAGES);
    policy_set("always");
    found = huge_kb(start);
    CHECK_EQ(munmap(start, 3 * HUGE_BYTES), 0);
    return found > 0;
}

static void test_policy_obeyed(void) {
    if (!on_quire())
        SKIP("the policy is everybody's");
    CHECK(gets_huge("always", false) && gets_huge("always", true));
    CHECK(!gets_huge("madvise", false) && gets_huge("madvise", true));
    CHECK(!gets_huge("never", false) && !gets_huge("never", true));
}

/* ---- frames, on Quire ---- */

static void frames_or_skip(void) {
    frames_exact_or_skip();
    policy_or_skip();
    anonymous();
}

static void test_frames_of_a_touch(void) {
    char *start;
    long before;

    frames_or_skip();
    start = huge_map(2);
    before = anonymous();
    start[5] = 1;
    CHECK_EQ(anonymous() - before, HUGE_PAGES);
    start[HUGE_BYTES - 1] = 1;
    CHECK_EQ(anonymous() - before, HUGE_PAGES);
    CHECK_EQ(frame_of(start) % HUGE_PAGES, 0);
    for (size_t i = 1; i < HUGE_PAGES; i++)
        CHECK_EQ(frame_of(start + i * PAGE_BYTES), frame_of(start) + i);
    CHECK_EQ(munmap(start, 2 * HUGE_BYTES), 0);
    CHECK_EQ(anonymous(), before);
}

/* What does not fit takes a page at a time. */
static void test_frames_where_it_ends(void) {
    char *start;
    long before;

    frames_or_skip();
    start = huge_map(2);
    CHECK_EQ(munmap(start + 2 * HUGE_BYTES - PAGE_BYTES, PAGE_BYTES), 0);
    before = anonymous();
    start[HUGE_BYTES] = 1;
    CHECK_EQ(anonymous() - before, 1);
}

static void test_frames_of_parts(void) {
    struct memory_use before;
    char *start;
    long full;

    frames_or_skip();
    start = huge_map(2);
    CHECK_EQ(munmap(start, 2 * HUGE_BYTES), 0);
    before = memory_use();
    start = filled_map(2);
    full = anonymous();
    CHECK_EQ(full - before.anonymous, 2 * HUGE_PAGES);
    CHECK_EQ(munmap(start, 3 * PAGE_BYTES), 0);
    CHECK_EQ(anonymous(), full - 3);
    CHECK_EQ(munmap(start + HUGE_BYTES + 100 * PAGE_BYTES, 7 * PAGE_BYTES), 0);
    CHECK_EQ(anonymous(), full - 10);
    CHECK_EQ(madvise(start + 2 * HUGE_BYTES - PAGE_BYTES, PAGE_BYTES, MADV_DONTNEED), 0);
    CHECK_EQ(anonymous(), full - 11);
    expect_filled(start, 3, HUGE_PAGES + 100);
    CHECK_EQ(munmap(start, 2 * HUGE_BYTES), 0);
    CHECK_MEMORY_SAME(memory_use(), before);
}

/* The child waits between its steps for a byte, and tells by one that it has made them. */
struct steps {
    int go[2], done[2];
};

static void step(const struct steps *steps) {
    char byte;

    CHECK_EQ(write(steps->go[1], "", 1), 1);
    CHECK_EQ(read(steps->done[0], &byte, 1), 1);
}

static _Noreturn void child_of_steps(const struct steps *steps, char *start) {
    char byte;

    for (size_t page = 10; read(steps->go[0], &byte, 1) == 1; page++) {
        if (page > 10) /* the first step only sees that all is up */
            start[page * PAGE_BYTES] = 99;
        if (write(steps->done[1], "", 1) != 1 || page == 15)
            break;
    }
    _exit(0);
}

/* Fork takes no page, a child's one write takes one, and at its end they are back. */
static void test_frames_of_a_fork(void) {
    struct steps steps;
    struct memory_use before, forked, written;
    char *start;
    pid_t pid;

    frames_or_skip();
    start = filled_map(3);
    CHECK_EQ(pipe(steps.go) | pipe(steps.done), 0);
    before = memory_use();
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        child_of_steps(&steps, start);
    step(&steps);
    memory_use(); /* the parent's buffers are copied as they are used */
    forked = memory_use();
    CHECK(forked.anonymous - before.anonymous < 64);
    for (long i = 1; i < 5; i++) {
        step(&steps);
        written = memory_use();
        CHECK_EQ(written.anonymous - forked.anonymous, i);
        CHECK(written.tables - forked.tables <= 2);
    }
    step(&steps);
    CHECK_EQ(child_wait(pid), 0);
    expect_filled(start, 0, 3 * HUGE_PAGES);
    CHECK_EQ(anonymous(), before.anonymous);
    fill(start, 3 * HUGE_PAGES);
    CHECK_EQ(anonymous(), before.anonymous);
    CHECK(frame_of(start + PAGE_BYTES) == frame_of(start) + 1);
}

/* ---- all of memory ---- */

/* Touches memory until there is none, in a process that may be killed for it. */
static void take_everything(void *argument) {
    size_t *pages = argument;
    size_t bytes = (size_t)frames_free() * PAGE_BYTES + 64 * HUGE_BYTES;
    char *start = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    CHECK(start != MAP_FAILED);
    for (*pages = 0; *pages < bytes / PAGE_BYTES; ++*pages)
        start[*pages * PAGE_BYTES] = 1;
}

/* When no 2 MiB are left in one piece, what is left is used to the last frame. */
static void test_to_the_last_frame(void) {
    volatile size_t *pages;
    long free;
    int status;

    frames_or_skip();
    pages = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED);
    *pages = 0;
    free = frames_free();
    status = child_run(take_everything, (void *)pages);
    CHECK(WIFSIGNALED(status));
    CHECK(free - (long)*pages < free / 100 + 64); /* tables, nodes, the child's own */
    CHECK(frames_free() >= free - 8);
}

CHECK_MAIN({"touch", test_touch}, {"no_old_contents", test_no_old_contents},
           {"fork_both_write", test_fork_both_write}, {"unmap_parts", test_unmap_parts},
           {"protect_and_back", test_protect_and_back}, {"discard_part", test_discard_part},
           {"move", test_move}, {"kernel_copies", test_kernel_copies}, {"heap", test_heap},
           {"smaps", test_smaps}, {"not_wanted", test_not_wanted},
           {"policy_word", test_policy_word}, {"policy_obeyed", test_policy_obeyed},
           {"frames_of_a_touch", test_frames_of_a_touch},
           {"frames_where_it_ends", test_frames_where_it_ends},
           {"frames_of_parts", test_frames_of_parts}, {"frames_of_a_fork", test_frames_of_a_fork},
           {"to_the_last_frame", test_to_the_last_frame});
