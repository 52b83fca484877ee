/* SPDX-License-Identifier: MIT */
/*
 * vfork, clone and clone3 as C libraries use them to make processes.
 */
#include "facts.h"

#include <sched.h>
#include <spawn.h>
#include <sys/syscall.h>

struct clone3_arguments {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
};

static long raw_clone(unsigned long flags, void *stack, int *parent_tid, int *child_tid) {
    return syscall(SYS_clone, flags, stack, parent_tid, child_tid, 0);
}

static long raw_clone3(const struct clone3_arguments *arguments, size_t size) {
    return syscall(435, arguments, size);
}

static void vfork_lends_memory(void) {
    static volatile int value = 1;
    pid_t child = vfork();

    CHECK(child >= 0);
    if (child == 0) {
        value = 2;
        _exit(3);
    }
    CHECK_EQ(value, 2); /* and it was written before we went on */
    CHECK_EQ(child_wait(child), 3 << 8);
}

static void vfork_waits_for_the_end(void) {
    static volatile int done;
    pid_t child = vfork();

    if (child == 0) {
        usleep(30000);
        done = 1;
        _exit(0);
    }
    CHECK_EQ(done, 1);
    child_wait(child);
}

static void vfork_waits_for_exec_only(void) {
    int pair[2];
    pid_t child;

    CHECK_EQ(pipe2(pair, O_CLOEXEC), 0);
    child = vfork();
    if (child == 0) {
        dup2(pair[0], 0);
        execl("/bin/cat", "cat", NULL);
        execl("/bin/busybox", "cat", NULL);
        _exit(127);
    }
    close(pair[0]);
    CHECK_EQ(fcntl(pair[1], F_GETFD), FD_CLOEXEC); /* we run while cat waits for its input */
    CHECK_EQ(waitpid(child, NULL, WNOHANG), 0);
    close(pair[1]);
    CHECK_EQ(child_wait(child), 0);
}

static void vfork_descriptors_are_copied(void) {
    int fd = dup(0);
    pid_t child = vfork();

    if (child == 0) {
        close(fd);
        _exit(0);
    }
    child_wait(child);
    CHECK_EQ(close(fd), 0);
}

static __attribute__((noinline)) pid_t vfork_exit(int status) {
    pid_t child = vfork();

    if (child == 0)
        _exit(status);
    return child;
}

static void vfork_again_and_again(void) {
    struct memory_use before = memory_use();

    for (int i = 0; i < 300; i++) {
        CHECK_EQ(child_wait(vfork_exit(i & 63)), (i & 63) << 8);
        if (i == 10)
            before = memory_use();
    }
    if (on_quire())
        CHECK_MEMORY_SAME(memory_use(), before);
}

static void child_dies_of_vfork(void) {
    pid_t child = vfork();

    if (child == 0)
        __asm__ volatile("ud2");
    CHECK_EQ(child_wait(child) & 0x7f, SIGILL);
}

static void spawn(void) {
    char *arguments[] = {"sh", "-c", "exit 9", NULL};
    pid_t child;

    CHECK_EQ(posix_spawn(&child, "/bin/sh", NULL, NULL, arguments, environ), 0);
    CHECK_EQ(child_wait(child), 9 << 8);
    CHECK_EQ(posix_spawn(&child, "/nonexistent", NULL, NULL, arguments, environ), ENOENT);
}

static void fork_by_clone(void) {
    static int child_tid, parent_tid;
    long child =
        raw_clone(CLONE_CHILD_SETTID | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD, NULL,
                  &parent_tid, &child_tid);

    CHECK(child >= 0);
    if (child == 0) {
        CHECK_EQ(child_tid, syscall(SYS_gettid));
        _exit(4);
    }
    CHECK_EQ(parent_tid, child);
    CHECK_EQ(child_tid, 0); /* set in the child's memory, not in ours */
    CHECK_EQ(child_wait((pid_t)child), 4 << 8);
}

static void other_exit_signal(void) {
    long child = raw_clone(0, NULL, NULL, NULL);
    int status;

    CHECK(child >= 0);
    if (child == 0)
        _exit(6);
    CHECK_FAILS(waitpid((pid_t)child, &status, 0), ECHILD);
    CHECK_EQ(waitpid((pid_t)child, &status, __WCLONE), child);
    CHECK_EQ(status, 6 << 8);
}

static void parents_parent(void) {
    pid_t middle = fork();

    if (middle == 0) {
        long child = raw_clone(CLONE_PARENT | SIGCHLD, NULL, NULL, NULL);
        if (child == 0)
            _exit(getppid() == getpid() ? 1 : 0);
        CHECK_FAILS(waitpid((pid_t)child, NULL, 0), ECHILD);
        _exit(0);
    }
    CHECK_EQ(child_wait(middle), 0);
    CHECK_EQ(child_wait(-1), 0);
    CHECK_FAILS(wait(NULL), ECHILD);
}

static void body_sibling(void *unused) {
    (void)unused;
    /* Waits for its sibling to end, and does not choose what its parent is sent. */
    long sibling = raw_clone(CLONE_PARENT | CLONE_VFORK | SIGKILL, NULL, NULL, NULL);

    if (sibling == 0) {
        usleep(20000);
        _exit(5);
    }
    CHECK(sibling > 0);
}

static void vfork_of_a_sibling(void) {
    int status;

    CHECK_CHILD_OK(body_sibling, NULL);
    CHECK(waitpid(-1, &status, 0) > 0);
    CHECK_EQ(status, 5 << 8);
}

static void clone3_forks(void) {
    static int parent_tid;
    struct clone3_arguments arguments = {
        .flags = CLONE_PARENT_SETTID, .parent_tid = (uintptr_t)&parent_tid, .exit_signal = SIGCHLD};
    long child = raw_clone3(&arguments, sizeof arguments);

    if (child < 0 && errno == ENOSYS)
        SKIP("clone3 is not there");
    CHECK(child >= 0);
    if (child == 0)
        _exit(5);
    CHECK_EQ(parent_tid, child);
    CHECK_EQ(child_wait((pid_t)child), 5 << 8);
    CHECK_FAILS(raw_clone3(&arguments, 8), EINVAL);
    arguments.exit_signal = 100;
    CHECK_FAILS(raw_clone3(&arguments, sizeof arguments), EINVAL);
}

static void senseless_flags(void) {
    CHECK_FAILS(raw_clone(CLONE_THREAD | SIGCHLD, NULL, NULL, NULL), EINVAL);
    CHECK_FAILS(raw_clone(CLONE_SIGHAND | SIGCHLD, NULL, NULL, NULL), EINVAL);
    CHECK_FAILS(raw_clone(CLONE_FS | CLONE_NEWNS | SIGCHLD, NULL, NULL, NULL), EINVAL);
}

static void sets_thread_pointer(void) {
    static uint64_t block[8];
    long child;

    block[0] = (uintptr_t)block;
    __asm__("mov %%fs:0x28, %0" : "=r"(block[5])); /* the C library's canary */
    child = syscall(SYS_clone, CLONE_SETTLS | SIGCHLD, NULL, NULL, NULL, block);
    CHECK(child >= 0);
    if (child == 0) {
        uint64_t self;
        __asm__ volatile("mov %%fs:0, %0" : "=r"(self));
        __asm__ volatile("syscall" ::"a"(SYS_exit_group), "D"(self == (uintptr_t)block ? 0 : 1)
                         : "rcx", "r11", "memory");
    }
    CHECK_EQ(child_wait((pid_t)child), 0);
}

static void thread_pointer_is_kept(void) {
    uint64_t before, after;

    CHECK_EQ(syscall(SYS_arch_prctl, 0x1003, &before), 0);
    for (int i = 0; i < 50; i++) {
        pid_t child = fork();
        if (child == 0) {
            CHECK_EQ(syscall(SYS_arch_prctl, 0x1003, &after), 0);
            _exit(after == before ? 0 : 1);
        }
        CHECK_EQ(child_wait(child), 0);
    }
    __asm__ volatile("mov %%fs:0, %0" : "=r"(after));
    CHECK_EQ(after, before);
    CHECK_FAILS(syscall(SYS_arch_prctl, 0x1002, 0xffff800000000000), EPERM);
    CHECK_FAILS(syscall(SYS_arch_prctl, 0x9999, 0), EINVAL);
}

CHECK_MAIN({"vfork_lends_memory", vfork_lends_memory},
           {"vfork_waits_for_the_end", vfork_waits_for_the_end},
           {"vfork_waits_for_exec_only", vfork_waits_for_exec_only},
           {"vfork_descriptors_are_copied", vfork_descriptors_are_copied},
           {"vfork_again_and_again", vfork_again_and_again},
           {"child_dies_of_vfork", child_dies_of_vfork}, {"spawn", spawn},
           {"fork_by_clone", fork_by_clone}, {"other_exit_signal", other_exit_signal},
           {"parents_parent", parents_parent}, {"vfork_of_a_sibling", vfork_of_a_sibling},
           {"clone3_forks", clone3_forks}, {"senseless_flags", senseless_flags},
           {"sets_thread_pointer", sets_thread_pointer},
           {"thread_pointer_is_kept", thread_pointer_is_kept})
