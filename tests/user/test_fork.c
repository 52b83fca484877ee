/* SPDX-License-Identifier: MIT */
/*
 * fork: the same registers but for the result, the same memory, private from then on.
 *
 * Rows W5, W7, W9, B12, and the second demand of "must be shown by tests": thousands of forks and
 * execs, then frames in use exactly as before.
 */
#define CHECK_SECONDS 240
#define CHECK_HELPER helper_exit
#include "facts.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/times.h>

static int helper_exit(char **argv) {
    return argv[0] ? atoi(argv[0]) : 0;
}

static void returns_pid_and_zero(void) {
    pid_t parent = getpid();
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        CHECK(getpid() != parent);
        CHECK_EQ(getppid(), parent);
        _exit(17);
    }
    CHECK_EQ(getpid(), parent);
    CHECK_EQ(child_wait(child), 17 << 8);
}

/* The general registers a system call keeps, in the order fork_with_registers stores them. */
enum { REGISTER_COUNT = 12 };

/* Forks with a known value in every register a system call keeps; stores them afterwards. */
static __attribute__((noinline)) long fork_with_registers(uint64_t *after) {
    long result;

    __asm__ volatile("sub $128, %%rsp\n\t" /* the red zone is the compiler's */
                     "push %%rbp\n\t"
                     "push %%rbx\n\t"
                     "push %[after]\n\t"
                     "mov $0x1111111122222222, %%rbx\n\t"
                     "mov $0x3333333344444444, %%rbp\n\t"
                     "mov $0x5555, %%rdi\n\t"
                     "mov $0x6666, %%rsi\n\t"
                     "mov $0x7777, %%rdx\n\t"
                     "mov $0x8888, %%r8\n\t"
                     "mov $0x9999, %%r9\n\t"
                     "mov $0xaaaa, %%r10\n\t"
                     "mov $0xbbbbbbbbcccccccc, %%r12\n\t"
                     "mov $0xdddd, %%r13\n\t"
                     "mov $0xeeee, %%r14\n\t"
                     "mov $0xffffffffffffffff, %%r15\n\t"
                     "mov $57, %%eax\n\t"
                     "syscall\n\t"
                     "mov (%%rsp), %%r11\n\t"
                     "mov %%rbx, (%%r11)\n\t"
                     "mov %%rbp, 8(%%r11)\n\t"
                     "mov %%rdi, 16(%%r11)\n\t"
                     "mov %%rsi, 24(%%r11)\n\t"
                     "mov %%rdx, 32(%%r11)\n\t"
                     "mov %%r8, 40(%%r11)\n\t"
                     "mov %%r9, 48(%%r11)\n\t"
                     "mov %%r10, 56(%%r11)\n\t"
                     "mov %%r12, 64(%%r11)\n\t"
                     "mov %%r13, 72(%%r11)\n\t"
                     "mov %%r14, 80(%%r11)\n\t"
                     "mov %%r15, 88(%%r11)\n\t"
                     "pop %%r11\n\t"
                     "pop %%rbx\n\t"
                     "pop %%rbp\n\t"
                     "add $128, %%rsp\n\t"
                     : "=a"(result), [after] "+c"(after)
                     :
                     : "rdi", "rsi", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
                       "memory", "cc");
    return result;
}

static void registers_survive(void) {
    static const uint64_t expected[REGISTER_COUNT] = {0x1111111122222222,
                                                      0x3333333344444444,
                                                      0x5555,
                                                      0x6666,
                                                      0x7777,
                                                      0x8888,
                                                      0x9999,
                                                      0xaaaa,
                                                      0xbbbbbbbbcccccccc,
                                                      0xdddd,
                                                      0xeeee,
                                                      0xffffffffffffffff};
    uint64_t after[REGISTER_COUNT];
    long child = fork_with_registers(after);

    CHECK(child >= 0);
    for (int i = 0; i < REGISTER_COUNT; i++)
        CHECK_EQ(after[i], expected[i]);
    if (child == 0)
        _exit(0);
    CHECK_EQ(child_wait((pid_t)child), 0);
}

static void memory_is_private(void) {
    static int data = 1;
    int on_stack = 1;
    int *on_heap = malloc(sizeof *on_heap);
    pid_t child;

    *on_heap = 1;
    child = fork();
    if (child == 0) {
        CHECK_EQ(data + on_stack + *on_heap, 3);
        data = on_stack = *on_heap = 2;
        CHECK_EQ(data + on_stack + *on_heap, 6);
        _exit(0);
    }
    CHECK_EQ(child_wait(child), 0);
    CHECK_EQ(data + on_stack + *on_heap, 3);
    data = on_stack = *on_heap = 5;
    CHECK_EQ(data + on_stack + *on_heap, 15);
}

/* The parent writes while the child lives: the child keeps the old values. */
static void parent_writes_stay_private(void) {
    char *pages = pages_map(64, PROT_READ | PROT_WRITE);
    int go[2];
    char byte;
    pid_t child;

    pages_write(pages, 64, 1);
    CHECK_EQ(pipe(go), 0);
    child = fork();
    if (child == 0) {
        CHECK_EQ(read(go[0], &byte, 1), 1);
        CHECK_EQ(pages_read(pages, 64), 64);
        _exit(0);
    }
    pages_write(pages, 64, 3);
    CHECK_EQ(write(go[1], "", 1), 1);
    CHECK_EQ(child_wait(child), 0);
    CHECK_EQ(pages_read(pages, 64), 64 * 3);
}

static void file_position_is_shared(void) {
    char path[] = "/tmp/fork-XXXXXX";
    int fd = mkstemp(path);
    char text[8];
    pid_t child;

    CHECK(fd >= 0);
    CHECK_EQ(write(fd, "0123456789", 10), 10);
    CHECK_EQ(lseek(fd, 2, SEEK_SET), 2);
    child = fork();
    if (child == 0) {
        CHECK_EQ(read(fd, text, 3), 3);
        _exit(0);
    }
    CHECK_EQ(child_wait(child), 0);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 5);
    CHECK_EQ(read(fd, text, 2), 2);
    CHECK_EQ(memcmp(text, "56", 2), 0);
    unlink(path);
}

static void descriptor_table_is_copied(void) {
    int pair[2];
    char byte = 0;
    pid_t child;

    CHECK_EQ(pipe(pair), 0);
    child = fork();
    if (child == 0) {
        CHECK_EQ(close(pair[0]), 0);
        CHECK_EQ(close(pair[1]), 0);
        CHECK_FAILS(write(pair[1], "x", 1), EBADF);
        _exit(0);
    }
    CHECK_EQ(child_wait(child), 0);
    CHECK_EQ(write(pair[1], "x", 1), 1);
    CHECK_EQ(read(pair[0], &byte, 1), 1);
    CHECK_EQ(byte, 'x');
}

static void inherits_what_it_should(void) {
    struct rlimit limit;
    sigset_t blocked, now;
    char where[64];

    umask(027);
    CHECK_EQ(chdir("/tmp"), 0);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &(struct rlimit){100, 200}), 0);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_SETMASK, &blocked, NULL);
    signal(SIGUSR2, SIG_IGN);
    if (fork() == 0) {
        CHECK_EQ(umask(0), 027);
        CHECK(getcwd(where, sizeof where) && strcmp(where, "/tmp") == 0);
        CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
        CHECK(limit.rlim_cur == 100 && limit.rlim_max == 200);
        sigprocmask(SIG_SETMASK, NULL, &now);
        CHECK(sigismember(&now, SIGUSR1) && !sigismember(&now, SIGHUP));
        CHECK_EQ((intptr_t)signal(SIGUSR2, SIG_DFL), (intptr_t)SIG_IGN);
        CHECK_EQ(getpgrp(), getpgid(getppid()));
        CHECK_EQ(getsid(0), getsid(getppid()));
        _exit(0);
    }
    int status;
    CHECK(wait(&status) > 0);
    CHECK_EQ(status, 0);
}

static void pending_signals_and_alarms_are_not_inherited(void) {
    sigset_t blocked, pending;

    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    raise(SIGUSR1);
    if (fork() == 0) {
        sigpending(&pending);
        CHECK(!sigismember(&pending, SIGUSR1));
        CHECK_EQ(alarm(0), 0);
        _exit(0);
    }
    int status;
    CHECK(wait(&status) > 0);
    CHECK_EQ(status, 0);
    sigpending(&pending);
    CHECK(sigismember(&pending, SIGUSR1));
}

static void generation(int depth, volatile char *pages) {
    pid_t child;

    if (depth == 0)
        return;
    pages[depth * (long)PAGE_BYTES] = (char)depth;
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        generation(depth - 1, pages);
        _exit(0);
    }
    CHECK_EQ(child_wait(child), 0);
    for (int i = 0; i < depth; i++)
        CHECK_EQ(pages[i * (long)PAGE_BYTES], 0);
}

static void forty_generations(void) {
    generation(40, pages_map(64, PROT_READ | PROT_WRITE));
}

static void children_as_a_tree(void) {
    int depth = 0;
    pid_t first, second;

    while (depth < 6) {
        first = fork();
        CHECK(first >= 0);
        if (first == 0) {
            depth++;
            continue;
        }
        second = fork();
        CHECK(second >= 0);
        if (second == 0) {
            depth++;
            continue;
        }
        CHECK_EQ(child_wait(first), 0);
        CHECK_EQ(child_wait(second), 0);
        if (depth > 0)
            _exit(0);
        return;
    }
    _exit(0);
}

static void many_children_at_once(void) {
    enum { CHILDREN = 200 };
    pid_t children[CHILDREN];

    for (int i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        CHECK(children[i] >= 0);
        if (children[i] == 0)
            _exit(i);
    }
    for (int i = CHILDREN - 1; i >= 0; i--)
        CHECK_EQ(child_wait(children[i]), i << 8);
    CHECK_FAILS(wait(NULL), ECHILD);
}

static void every_mapping_is_copied(void) {
    enum { AREAS = 300 };
    char *areas[AREAS];
    pid_t child;

    for (int i = 0; i < AREAS; i++) {
        areas[i] =
            pages_map(2, i % 2 ? PROT_READ | PROT_WRITE : PROT_READ | PROT_WRITE | PROT_EXEC);
        areas[i][0] = (char)i;
    }
    child = fork();
    if (child == 0) {
        for (int i = 0; i < AREAS; i++) {
            CHECK_EQ(areas[i][0], (char)i);
            CHECK_EQ(areas[i][PAGE_BYTES], 0);
            areas[i][0]++;
        }
        _exit(0);
    }
    CHECK_EQ(child_wait(child), 0);
    for (int i = 0; i < AREAS; i++)
        CHECK_EQ(areas[i][0], (char)i);
}

static void fork_exit_wait(int times) {
    for (int i = 0; i < times; i++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0)
            _exit(i & 0x7f);
        CHECK_EQ(child_wait(child), (i & 0x7f) << 8);
    }
}

static void fork_exec_wait(int times, const char *program) {
    char *const arguments[] = {(char *)program, "--helper", "5", NULL};

    for (int i = 0; i < times; i++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            execv(program, arguments);
            CHECK(!"exec failed");
        }
        CHECK_EQ(child_wait(child), 5 << 8);
    }
}

static void five_thousand_forks(void) {
    struct memory_use before;

    fork_exit_wait(20);
    before = memory_use();
    fork_exit_wait(5000);
    if (on_quire())
        CHECK_MEMORY_SAME(memory_settled(before), before);
}

static void five_hundred_execs(void) {
    const char *program = self_path();
    struct memory_use before;

    fork_exec_wait(5, program);
    before = memory_use();
    fork_exec_wait(500, program);
    if (on_quire())
        CHECK_MEMORY_SAME(memory_settled(before), before);
}

CHECK_MAIN({"returns_pid_and_zero", returns_pid_and_zero}, {"registers_survive", registers_survive},
           {"memory_is_private", memory_is_private},
           {"parent_writes_stay_private", parent_writes_stay_private},
           {"file_position_is_shared", file_position_is_shared},
           {"descriptor_table_is_copied", descriptor_table_is_copied},
           {"inherits_what_it_should", inherits_what_it_should},
           {"pending_signals_and_alarms_are_not_inherited",
            pending_signals_and_alarms_are_not_inherited},
           {"forty_generations", forty_generations}, {"children_as_a_tree", children_as_a_tree},
           {"many_children_at_once", many_children_at_once},
           {"every_mapping_is_copied", every_mapping_is_copied},
           {"five_thousand_forks", five_thousand_forks}, {"five_hundred_execs", five_hundred_execs})
