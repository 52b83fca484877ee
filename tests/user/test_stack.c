/* SPDX-License-Identifier: MIT */
/*
 * The stack: grows by fault down to its limit, and not a page further.
 *
 * Row K3, X6: eight new pages take eight frames; below the limit and above the stack are errors;
 * a mapping nearby stops the growth before it is run into; a handler on a stack of its own sees
 * the overflow.
 */
#define CHECK_HELPER stack_helper
#include "catch.h"
#include "facts.h"

#include <alloca.h>
#include <sys/resource.h>

/* Touch one byte per page, from here downwards; returns the lowest address touched. */
static __attribute__((noinline)) uintptr_t touch_down(size_t pages) {
    volatile char *memory = alloca(pages * PAGE_BYTES);

    for (size_t i = pages; i-- > 0;)
        memory[i * PAGE_BYTES] = 1;
    return (uintptr_t)memory;
}

static struct area stack_area(void) {
    struct area area;
    char here = 0;

    CHECK(area_find(&here, &area));
    return area;
}

static int stack_helper(char **argv) {
    if (strcmp(argv[0], "touch") == 0)
        touch_down((size_t)atoi(argv[1]));
    return 0;
}

static void grows_on_touch(void) {
    struct area before = stack_area();
    struct area after;

    touch_down(300);
    after = stack_area();
    CHECK(strcmp(after.name + strspn(after.name, " "), "[stack]") == 0);
    CHECK(after.start < before.start);
    CHECK_EQ(after.end, before.end);
    CHECK(before.start - after.start >= 200 * PAGE_BYTES);
}

static void grows_far_in_one_step(void) {
    volatile char *far = alloca(4 << 20);

    far[0] = 1;
    CHECK_EQ(far[0], 1);
    CHECK_EQ(far[2 << 20], 0);
}

/* The kernel's copies to the stack grow it as well. */
static void kernel_copies_grow_it(void) {
    int pair[2];
    char *far = alloca(1 << 20);

    CHECK_EQ(pipe(pair), 0);
    CHECK_EQ(write(pair[1], "abc", 3), 3);
    CHECK_EQ(read(pair[0], far, 3), 3);
    CHECK_EQ(memcmp(far, "abc", 3), 0);
}

/* K3: eight new pages are eight frames, page tables aside. */
static void eight_pages_are_eight_frames(void) {
    struct memory_use before;
    uintptr_t low;

    frames_exact_or_skip();
    low = touch_down(24);
    for (size_t first = 64; first < 80; first += 8) {
        before = memory_use();
        for (size_t i = 1; i <= 8; i++)
            *(volatile char *)(low - (first + i) * PAGE_BYTES) = 1;
        CHECK_EQ(memory_use().anonymous, before.anonymous + 8);
    }
}

static void run_self(const char *pages) {
    execl("/proc/self/exe", "self", "--helper", "touch", pages, NULL);
    CHECK(!"exec failed");
}

static void limited_child(void *pages) {
    CHECK_EQ(setrlimit(RLIMIT_STACK, &(struct rlimit){1 << 20, 1 << 20}), 0);
    run_self(pages);
}

static void limit_is_kept(void) {
    CHECK_CHILD_OK(limited_child, "200");
    CHECK_CHILD_KILLED(limited_child, "300", SIGSEGV);
}

static void limit_counts_while_running(void *pages) {
    CHECK_EQ(setrlimit(RLIMIT_STACK, &(struct rlimit){512 << 10, 8 << 20}), 0);
    touch_down((size_t)(uintptr_t)pages);
}

static void limit_may_change_while_running(void) {
    CHECK_CHILD_OK(limit_counts_while_running, (void *)80);
    CHECK_CHILD_KILLED(limit_counts_while_running, (void *)200, SIGSEGV);
}

static volatile unsigned frames_deep;

static __attribute__((noinline)) void recurse_for_ever(void *argument) {
    volatile char page[PAGE_BYTES];

    page[0] = 1;
    frames_deep++;
    if (frames_deep < 1000000)
        recurse_for_ever((void *)page);
    page[1] = *(char *)argument;
}

static void endless_recursion_is_killed(void) {
    char start = 0;

    CHECK_CHILD_KILLED(recurse_for_ever, &start, SIGSEGV);
}

static void above_the_stack_is_an_error(void) {
    struct area area = stack_area();

    CHECK(can_read((char *)area.end - 1));
    if (area.end < 0x7ffffffff000)
        CHECK(!can_read((char *)area.end + 16 * PAGE_BYTES));
}

static void far_below_the_limit_is_an_error(void) {
    struct area area = stack_area();

    CHECK_EQ(setrlimit(RLIMIT_STACK, &(struct rlimit){1 << 20, 8 << 20}), 0);
    CHECK(!can_write((char *)area.end - (1 << 20) - 2 * PAGE_BYTES));
    CHECK(can_write((char *)area.end - (1 << 20) + 2 * PAGE_BYTES));
}

/* A mapping not far below: the stack may not touch it, nor come near it. */
static void neighbour_below_is_safe(void) {
    struct area area = stack_area();
    char *neighbour = (char *)area.start - 600 * PAGE_BYTES;

    CHECK(mmap(neighbour, PAGE_BYTES, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == neighbour);
    neighbour[0] = 42;
    CHECK(!can_write(neighbour + PAGE_BYTES));
    CHECK(!can_write(neighbour + 16 * PAGE_BYTES));
    CHECK(can_write((char *)area.start - 100 * PAGE_BYTES));
    CHECK_EQ(neighbour[0], 42);
}

static volatile sig_atomic_t overflow_seen;

static void overflow_handler(int number) {
    overflow_seen = number;
    _exit(23);
}

static void overflow_with_handler(void *unused) {
    static char other_stack[64 * 1024];
    stack_t stack = {.ss_sp = other_stack, .ss_size = sizeof other_stack};
    struct sigaction action = {.sa_handler = overflow_handler, .sa_flags = SA_ONSTACK};
    char start = 0;

    (void)unused;
    CHECK_EQ(sigaltstack(&stack, NULL), 0);
    CHECK_EQ(sigaction(SIGSEGV, &action, NULL), 0);
    recurse_for_ever(&start);
}

static void handler_on_its_own_stack_sees_overflow(void) {
    CHECK_EQ(child_run(overflow_with_handler, NULL), 23 << 8);
}

static void overflow_without_stack_for_handler(void *unused) {
    struct sigaction action = {.sa_handler = overflow_handler};
    char start = 0;

    (void)unused;
    CHECK_EQ(sigaction(SIGSEGV, &action, NULL), 0);
    recurse_for_ever(&start);
}

static void handler_without_stack_is_killed(void) {
    CHECK_CHILD_KILLED(overflow_without_stack_for_handler, NULL, SIGSEGV);
}

static void stack_is_not_executable(void) {
    struct area area = stack_area();

    CHECK(strcmp(area.rights, "rw-p") == 0);
}

static void grown_stack_is_copied_by_fork(void) {
    volatile char *low = (char *)touch_down(100);
    int status;

    if (fork() == 0) {
        low[PAGE_BYTES * 3] = 5;
        touch_down(500);
        _exit(0);
    }
    CHECK(wait(&status) > 0);
    CHECK_EQ(status, 0);
}

CHECK_MAIN({"grows_on_touch", grows_on_touch}, {"grows_far_in_one_step", grows_far_in_one_step},
           {"kernel_copies_grow_it", kernel_copies_grow_it},
           {"eight_pages_are_eight_frames", eight_pages_are_eight_frames},
           {"limit_is_kept", limit_is_kept},
           {"limit_may_change_while_running", limit_may_change_while_running},
           {"endless_recursion_is_killed", endless_recursion_is_killed},
           {"above_the_stack_is_an_error", above_the_stack_is_an_error},
           {"far_below_the_limit_is_an_error", far_below_the_limit_is_an_error},
           {"neighbour_below_is_safe", neighbour_below_is_safe},
           {"handler_on_its_own_stack_sees_overflow", handler_on_its_own_stack_sees_overflow},
           {"handler_without_stack_is_killed", handler_without_stack_is_killed},
           {"stack_is_not_executable", stack_is_not_executable},
           {"grown_stack_is_copied_by_fork", grown_stack_is_copied_by_fork})
