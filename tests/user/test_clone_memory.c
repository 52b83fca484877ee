/* SPDX-License-Identifier: MIT */
/*
 * fork, vfork and clone when there is no memory: each of their allocations fails in turn. The call
 * says ENOMEM, and nothing is left of what it had made; or it could do without.
 */
#define CHECK_SECONDS 200
#include "raw_thread.h"

#include "fail_nth.h"

/* Makes a process or thread, sees its end if there is one, and says what the call said. */
struct way {
    const char *name;
    long (*make)(void);
};

/* Each turn counts with one call more undisturbed, until the call needs no more. Failures seen. */
static unsigned each_allocation(const struct way *way) {
    struct memory_use before;
    unsigned failures = 0;

    CHECK(way->make() > 0);
    before = memory_use();
    for (unsigned n = 1; n < FAIL_NTH_MAX; n++) {
        fail_nth(n);
        long made = way->make();
        bool is_over = failure_is_left();
        fail_nth(0);
        if (made < 0) {
            CHECK_EQ(made, -ENOMEM);
            failures++;
        }
        CHECK_MEMORY_SAME(memory_settled(before), before);
        if (is_over)
            return failures;
    }
    CHECK_NOTE("%s: its allocations have no end", way->name);
    return 0;
}

static long wait_for(long pid) {
    int status;

    if (pid > 0 && (raw_call(SYS_wait4, pid, (long)&status, __WALL, 0) != pid || status != 0))
        _exit(90);
    return pid;
}

static long forks(void) {
    long pid = raw_call(SYS_fork);

    if (pid == 0)
        raw_call(SYS_exit_group, 0);
    return wait_for(pid);
}

static long forks_sharing_files(void) {
    long pid = raw_call(SYS_clone, CLONE_FILES | CLONE_FS | SIGCHLD);

    if (pid == 0)
        raw_call(SYS_exit_group, 0);
    return wait_for(pid);
}

static struct raw_thread made;
static char made_stack[RAW_STACK_BYTES] __attribute__((aligned(16)));

static void does_nothing(void *unused) {
    (void)unused;
}

static long clones(unsigned long flags) {
    made.run = does_nothing;
    return raw_clone_at(flags, made_stack + sizeof made_stack, &made.tid, &made.tid, &made);
}

static long shares_memory(void) {
    return wait_for(clones(CLONE_VM | CLONE_VFORK | SIGCHLD));
}

static long makes_thread(unsigned long flags) {
    long tid;
    int word;

    made.tid = -1;
    tid = clones(flags | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID);
    while (tid > 0 && (word = __atomic_load_n(&made.tid, __ATOMIC_ACQUIRE)) != 0)
        raw_futex(&made.tid, FUTEX_WAIT, word, NULL);
    return tid;
}

static long makes_usual_thread(void) {
    return makes_thread(RAW_FLAGS);
}

static long makes_thread_with_own_files(void) {
    return makes_thread(CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM);
}

static const struct way ways[] = {
    {"fork", forks},
    {"fork, sharing files", forks_sharing_files},
    {"vfork", shares_memory},
    {"thread", makes_usual_thread},
    {"thread with files of its own", makes_thread_with_own_files},
};

static void check_way(size_t index) {
    may_fail_or_skip();
    unsigned failures = each_allocation(&ways[index]);
    if (failures == 0)
        CHECK_NOTE("%s: no allocation failed it", ways[index].name);
}

static void fork_at_each_allocation(void) {
    check_way(0);
}

static void fork_sharing_files_at_each(void) {
    check_way(1);
}

static void vfork_at_each(void) {
    check_way(2);
}

static void thread_at_each(void) {
    check_way(3);
}

static void thread_with_files_at_each(void) {
    check_way(4);
}

/* Writing to pages that a fork shares, and to new ones: done once more, and nobody dies for it. */
static void a_fault_is_tried_again(void) {
    char *pages;

    may_fail_or_skip();
    pages = pages_map(64, PROT_READ | PROT_WRITE);
    for (unsigned n = 1; n < 8; n++) {
        fail_nth(n);
        pages_write(pages + 8 * n * PAGE_BYTES, 8, (char)n);
        CHECK(!failure_is_left());
        CHECK_EQ(pages_read(pages + 8 * n * PAGE_BYTES, 8), 8 * (long)n);
    }
}

CHECK_MAIN({"fork_at_each_allocation", fork_at_each_allocation},
           {"fork_sharing_files_at_each", fork_sharing_files_at_each},
           {"vfork_at_each", vfork_at_each}, {"thread_at_each", thread_at_each},
           {"thread_with_files_at_each", thread_with_files_at_each},
           {"a_fault_is_tried_again", a_fault_is_tried_again})
