/* SPDX-License-Identifier: MIT */
/*
 * bench [NAME...]: what the kernel's most common services cost, in ticks of the time-stamp counter.
 *
 * Prints lines `NAME VALUE`, each value per operation, the lowest of several repetitions. In an
 * emulator that counts instructions (quire run --icount) a tick is one guest instruction, and
 * the figures repeat; elsewhere they are clock cycles and only roughly right. The same binary
 * runs on Linux, to be compared. A row that the machine's memory is too small for prints `skip`.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE_BYTES 4096UL
#define MIB (1UL << 20)
#define BIG_PAGES (16 * MIB / PAGE_BYTES)
#define GIB_PAGES (1024 * MIB / PAGE_BYTES)
#define FILE_PAGES 1024UL
#define SKIPPED UINT64_MAX

typedef uint64_t ticks;

struct row {
    const char *name;
    int repetitions;
    ticks (*measure)(void); /* once, per operation */
};

static inline ticks now(void) {
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
    return (ticks)high << 32 | low;
}

static _Noreturn void fail(const char *what) {
    perror(what);
    exit(1);
}

static char *pages_map(size_t pages) {
    char *start =
        mmap(NULL, pages * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (start == MAP_FAILED)
        fail("mmap");
    madvise(start, pages * PAGE_BYTES, MADV_NOHUGEPAGE);
    return start;
}

static void pages_unmap(char *start, size_t pages) {
    munmap(start, pages * PAGE_BYTES);
}

static void pages_write(volatile char *start, size_t pages) {
    for (size_t i = 0; i < pages; i++)
        start[i * PAGE_BYTES] = 1;
}

static void child_wait(pid_t child) {
    if (child < 0 || waitpid(child, NULL, 0) != child)
        fail("fork or wait");
}

static bool memory_has(uint64_t bytes) {
    struct sysinfo info;

    return sysinfo(&info) == 0 && (uint64_t)info.freeram * info.mem_unit > bytes;
}

/* ---- processes ---- */

static ticks measure_getppid(void) {
    ticks start = now();

    for (int i = 0; i < 1000; i++)
        syscall(SYS_getppid);
    return (now() - start) / 1000;
}

static ticks measure_fork_exit_wait(void) {
    ticks start = now();
    pid_t child = fork();

    if (child == 0)
        _exit(0);
    child_wait(child);
    return now() - start;
}

static char *const nothing[] = {"bench", "--nothing", NULL};

static ticks measure_fork_exec_exit_wait(void) {
    ticks start = now();
    pid_t child = fork();

    if (child == 0) {
        execv("/proc/self/exe", nothing);
        _exit(1);
    }
    child_wait(child);
    return now() - start;
}

static ticks measure_vfork_exec_exit_wait(void) {
    ticks start = now();
    pid_t child = vfork();

    if (child == 0) {
        execv("/proc/self/exe", nothing);
        _exit(1);
    }
    child_wait(child);
    return now() - start;
}

/* ---- fork with much memory; the memory is made once and kept for the repetitions ---- */

static char *resident;
static size_t resident_pages;

static void resident_set(size_t pages) {
    if (resident_pages == pages)
        return;
    if (resident)
        pages_unmap(resident, resident_pages);
    resident = pages_map(pages);
    resident_pages = pages;
    pages_write(resident, pages);
}

static ticks fork_alone(size_t pages) {
    ticks start, end;
    pid_t child;

    resident_set(pages);
    start = now();
    child = fork();
    if (child == 0)
        _exit(0);
    end = now();
    child_wait(child);
    return end - start;
}

static ticks fork_whole(size_t pages) {
    resident_set(pages);
    return measure_fork_exit_wait();
}

static ticks measure_fork_16m(void) {
    return fork_alone(BIG_PAGES);
}

static ticks measure_fork_exit_wait_16m(void) {
    return fork_whole(BIG_PAGES);
}

static bool gib_missing(void) {
    return resident_pages != GIB_PAGES && !memory_has(1100 * MIB);
}

static ticks measure_fork_1g(void) {
    return gib_missing() ? SKIPPED : fork_alone(GIB_PAGES);
}

static ticks measure_fork_exit_wait_1g(void) {
    return gib_missing() ? SKIPPED : fork_whole(GIB_PAGES);
}

/* ---- memory ---- */

static ticks measure_mmap_munmap(void) {
    ticks start = now();

    for (int i = 0; i < 100; i++)
        munmap(mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
               PAGE_BYTES);
    return (now() - start) / 100;
}

static ticks measure_first_write(void) {
    ticks start = now();
    char *pages = pages_map(BIG_PAGES);

    pages_write(pages, BIG_PAGES);
    pages_unmap(pages, BIG_PAGES);
    return (now() - start) / BIG_PAGES;
}

static ticks measure_copy_on_write(void) {
    ticks *result =
        mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ticks value;
    pid_t child;

    resident_set(BIG_PAGES);
    pages_write(resident, BIG_PAGES);
    child = fork();
    if (child == 0) {
        ticks start = now();
        pages_write(resident, BIG_PAGES);
        *result = (now() - start) / BIG_PAGES;
        _exit(0);
    }
    child_wait(child);
    value = *result;
    munmap(result, PAGE_BYTES);
    return value;
}

static int file_open(void) {
    static int fd = -1;
    static char page[PAGE_BYTES] = "x";
    char path[] = "/tmp/bench-XXXXXX";

    if (fd >= 0)
        return fd;
    fd = mkstemp(path);
    unlink(path);
    for (size_t i = 0; i < FILE_PAGES; i++)
        if (write(fd, page, sizeof page) != sizeof page)
            fail("write");
    return fd;
}

static ticks measure_read_fault_file(void) {
    int fd = file_open();
    ticks start = now();
    volatile char *pages = mmap(NULL, FILE_PAGES * PAGE_BYTES, PROT_READ, MAP_PRIVATE, fd, 0);

    if (pages == MAP_FAILED)
        fail("mmap of a file");
    for (size_t i = 0; i < FILE_PAGES; i++)
        (void)pages[i * PAGE_BYTES];
    munmap((void *)pages, FILE_PAGES * PAGE_BYTES);
    return (now() - start) / FILE_PAGES;
}

/* Rights taken and given back: two calls each turn, so half of it is the cost of one. */
static ticks protect_turn(char *pages, size_t count, int turns) {
    ticks start = now();

    for (int i = 0; i < turns; i++) {
        mprotect(pages, count * PAGE_BYTES, PROT_READ);
        mprotect(pages, count * PAGE_BYTES, PROT_READ | PROT_WRITE);
    }
    return (now() - start) / 2 / (ticks)turns;
}

static ticks measure_mprotect_page(void) {
    char *pages = pages_map(3);
    ticks result;

    pages_write(pages, 3);
    result = protect_turn(pages + PAGE_BYTES, 1, 50);
    pages_unmap(pages, 3);
    return result;
}

static ticks measure_mprotect_16m(void) {
    resident_set(BIG_PAGES);
    pages_write(resident, BIG_PAGES);
    return protect_turn(resident, BIG_PAGES, 2) / BIG_PAGES;
}

static ticks measure_brk(void) {
    enum { COUNT = 1024 };
    uintptr_t end = (uintptr_t)syscall(SYS_brk, 0);
    ticks start = now();

    if ((uintptr_t)syscall(SYS_brk, end + COUNT * PAGE_BYTES) != end + COUNT * PAGE_BYTES)
        fail("brk");
    pages_write((char *)end, COUNT);
    syscall(SYS_brk, end);
    return (now() - start) / COUNT;
}

/* ---- signals and pipes ---- */

static sigjmp_buf fault_return;

static void fault_handler(int number) {
    (void)number;
    siglongjmp(fault_return, 1);
}

static ticks measure_sigsegv_catch(void) {
    struct sigaction action = {.sa_handler = fault_handler};
    volatile char *page = mmap(NULL, PAGE_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    volatile int turns = 0;
    volatile ticks start;

    sigaction(SIGSEGV, &action, NULL);
    (void)page[0];
    start = now();
    while (turns < 100) {
        turns++;
        if (sigsetjmp(fault_return, 1) == 0)
            page[0] = 1;
    }
    signal(SIGSEGV, SIG_DFL);
    return (now() - start) / 100;
}

static void echo(int from, int to) {
    char byte;

    while (read(from, &byte, 1) == 1 && write(to, &byte, 1) == 1)
        ;
    _exit(0);
}

static ticks measure_pipe_round_trip(void) {
    enum { TURNS = 200 };
    int there[2], back[2];
    char byte = 0;
    ticks start, result;
    pid_t child;

    if (pipe2(there, O_CLOEXEC) < 0 || pipe2(back, O_CLOEXEC) < 0 || (child = fork()) < 0)
        fail("pipe or fork");
    if (child == 0) {
        close(there[1]);
        echo(there[0], back[1]);
    }
    start = now();
    for (int i = 0; i < TURNS; i++)
        if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
            fail("pipe");
    result = (now() - start) / TURNS;
    close(there[1]);
    child_wait(child);
    close(there[0]);
    close(back[0]);
    close(back[1]);
    return result;
}

static void swallow(int from) {
    static char bytes[65536];

    while (read(from, bytes, sizeof bytes) > 0)
        ;
    _exit(0);
}

static ticks measure_pipe_per_kib(void) {
    enum { WRITES = 64 };
    static char bytes[65536];
    int pair[2];
    ticks start;
    pid_t child;

    if (pipe2(pair, O_CLOEXEC) < 0 || (child = fork()) < 0)
        fail("pipe or fork");
    if (child == 0) {
        close(pair[1]);
        swallow(pair[0]);
    }
    close(pair[0]);
    start = now();
    for (int i = 0; i < WRITES; i++)
        if (write(pair[1], bytes, sizeof bytes) != sizeof bytes)
            fail("pipe");
    close(pair[1]);
    child_wait(child);
    return (now() - start) / WRITES / 64;
}

/* ---- all of them; what needs a gigabyte comes last ---- */

static const struct row rows[] = {
    {"getppid", 5, measure_getppid},
    {"fork_exit_wait", 20, measure_fork_exit_wait},
    {"fork_exec_exit_wait", 20, measure_fork_exec_exit_wait},
    {"vfork_exec_exit_wait", 20, measure_vfork_exec_exit_wait},
    {"mmap_munmap", 5, measure_mmap_munmap},
    {"first_write", 5, measure_first_write},
    {"read_fault_file", 5, measure_read_fault_file},
    {"mprotect_page", 5, measure_mprotect_page},
    {"brk", 5, measure_brk},
    {"sigsegv_catch", 5, measure_sigsegv_catch},
    {"pipe_round_trip", 5, measure_pipe_round_trip},
    {"pipe_per_kib", 5, measure_pipe_per_kib},
    {"copy_on_write", 3, measure_copy_on_write},
    {"mprotect_16m", 5, measure_mprotect_16m},
    {"fork_16m", 10, measure_fork_16m},
    {"fork_exit_wait_16m", 10, measure_fork_exit_wait_16m},
    {"fork_1g", 5, measure_fork_1g},
    {"fork_exit_wait_1g", 5, measure_fork_exit_wait_1g},
};

static void row_run(const struct row *row) {
    ticks lowest = SKIPPED;

    for (int i = 0; i < row->repetitions; i++) {
        ticks value = row->measure();
        lowest = value < lowest ? value : lowest;
    }
    if (lowest == SKIPPED)
        printf("%s skip\n", row->name);
    else
        printf("%s %llu\n", row->name, (unsigned long long)lowest);
    fflush(stdout);
}

static bool row_wanted(const char *name, char **names) {
    if (!*names)
        return true;
    while (*names)
        if (strcmp(*names++, name) == 0)
            return true;
    return false;
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "--nothing") == 0)
        return 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (row_wanted(rows[i].name, argv + 1))
            row_run(&rows[i]);
    return 0;
}
