/* SPDX-License-Identifier: MIT */
/*
 * A program to try gdb's commands on (tests/tools/debugger_test.py): known memory, and what the
 * kernel itself says of it in /proc, kept where gdb finds it.
 *
 *     debuggee          goes through the places that `checkpoint` names, then runs debuggee_pie
 *
 * Nothing is timed: parent and child wait for each other by pipes. The checkpoints write nothing,
 * so that a breakpoint on one of them is not met twice, before and after a fault.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096
#define BIG_BYTES (128 * PAGE) /* enough entries for fork to share the table */
#define BIG_AT ((void *)0x20000000)
#define KEPT_AT ((void *)0x30000000)

/* What gdb compares with. */
char maps_text[16384];
struct fact {
    uint64_t address;
    uint64_t pagemap; /* the entry of /proc/self/pagemap */
} facts[4];

char *big, *kept, *shared, *file, *untouched; /* kept: nobody writes there after the fork */

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static char *map(void *at, size_t size, int flags, int fd) {
    char *memory = mmap(at, size, PROT_READ | PROT_WRITE, flags, fd, 0);

    if (memory == MAP_FAILED)
        fail("mmap");
    return memory;
}

/* Every place where gdb is to look. */
__attribute__((noinline, noipa)) void checkpoint_ready(void) {
    __asm__ volatile("" : : : "memory");
}

__attribute__((noinline, noipa)) void checkpoint_child(void) {
    __asm__ volatile("" : : : "memory");
}

__attribute__((noinline, noipa)) void checkpoint_parent(void) {
    __asm__ volatile("" : : : "memory");
}

/* Called by both after the fork. */
__attribute__((noinline, noipa)) void checkpoint_both(void) {
    __asm__ volatile("" : : : "memory");
}

static void make_memory(void) {
    int fd = open("/tmp/debuggee.data", O_RDWR | O_CREAT | O_TRUNC, 0600);

    if (fd < 0 || ftruncate(fd, 3 * PAGE) < 0 || pwrite(fd, "file", 4, PAGE) != 4)
        fail("/tmp/debuggee.data");
    big = map(BIG_AT, BIG_BYTES, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1);
    kept = map(KEPT_AT, BIG_BYTES, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1);
    shared = map(NULL, 2 * PAGE, MAP_SHARED | MAP_ANONYMOUS, -1);
    file = map(NULL, 3 * PAGE, MAP_PRIVATE, fd);
    untouched = map(NULL, PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    close(fd);
    for (size_t at = 0; at < BIG_BYTES; at += PAGE)
        big[at] = kept[at] = 1;
    shared[0] = 1;
    file[0] = 1; /* a private copy; the page at file + PAGE stays the file's */
    *(volatile char *)&file[PAGE];
}

/* From here on the kernel tells what happens, and nobody takes it out of its rings. */
static void begin_trace(void) {
    static const char mark[] = "debuggee has its memory";
    int fd = open("/proc/trace", O_RDWR | O_CLOEXEC);

    if (fd < 0 || write(fd, mark, sizeof mark - 1) != sizeof mark - 1)
        fail("/proc/trace");
}

static void note_maps(void) {
    int fd = open("/proc/self/maps", O_RDONLY);
    size_t length = 0;
    ssize_t got;

    if (fd < 0)
        fail("/proc/self/maps");
    while ((got = read(fd, maps_text + length, sizeof maps_text - 1 - length)) > 0)
        length += (size_t)got;
    close(fd);
}

static void note_facts(void) {
    const char *places[] = {big, shared, file, file + PAGE};
    int fd = open("/proc/self/pagemap", O_RDONLY);

    if (fd < 0)
        fail("/proc/self/pagemap");
    for (unsigned i = 0; i < 4; i++) {
        facts[i].address = (uintptr_t)places[i];
        if (pread(fd, &facts[i].pagemap, 8, (off_t)(facts[i].address / PAGE * 8)) != 8)
            fail("pagemap");
    }
    close(fd);
}

static _Noreturn void be_child(int told, int wait_for) {
    char byte = 'c';

    big[0] = 2;
    checkpoint_child();
    checkpoint_both();
    if (write(told, &byte, 1) != 1 || read(wait_for, &byte, 1) != 1)
        fail("the parent");
    _exit(0);
}

static void fork_and_meet(void) {
    int to_parent[2], to_child[2], status;
    char byte;
    pid_t child;

    if (pipe(to_parent) < 0 || pipe(to_child) < 0)
        fail("pipe");
    child = fork();
    if (child < 0)
        fail("fork");
    if (child == 0)
        be_child(to_parent[1], to_child[0]);
    if (read(to_parent[0], &byte, 1) != 1)
        fail("the child");
    checkpoint_parent();
    checkpoint_both();
    if (write(to_child[1], &byte, 1) != 1 || waitpid(child, &status, 0) != child || status != 0)
        fail("the child's end");
}

int main(void) {
    setvbuf(stdout, NULL, _IONBF, 0);
    make_memory();
    begin_trace();
    note_maps();
    note_facts();
    checkpoint_ready();
    fork_and_meet();
    munmap(untouched, PAGE);
    puts("debuggee: goes on as debuggee_pie");
    execl("/tests/debuggee_pie", "debuggee_pie", (char *)NULL);
    fail("/tests/debuggee_pie");
}
