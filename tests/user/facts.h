/* SPDX-License-Identifier: MIT */
/*
 * What the kernel says about memory: frames free, page-table entries, areas, kernel messages.
 *
 * Two sources, told apart on purpose. /proc/PID/pagemap gives the frame behind a page and works
 * on Linux (as root) and on Quire, so "is this page shared, was it copied" is asked of both. The
 * exact number of free frames only means something on Quire, where nothing runs in the
 * background: tests that need it call frames_exact_or_skip() first.
 *
 * Nothing here allocates: buffers are static, so looking does not change what is looked at.
 */
#ifndef TESTS_USER_FACTS_H
#define TESTS_USER_FACTS_H

#include "check.h"

#include <sys/klog.h>
#include <sys/mman.h>

#define PAGE_BYTES 4096UL
#define FACTS_BYTES (64 * 1024)

#define PAGEMAP_PRESENT (1ULL << 63)
#define PAGEMAP_FRAME_MASK ((1ULL << 55) - 1)

/*
 * The whole of a small file in a static buffer, ended by a NUL; NULL if it cannot be read. All
 * pages of the buffer are there before the file is read: how many of them a text needs depends on
 * the digits of its numbers.
 */
static inline char *fact_file(const char *path) {
    static char text[FACTS_BYTES];
    size_t length = 0;
    ssize_t got;
    int fd = open(path, O_RDONLY);

    for (size_t i = 0; i < sizeof text; i += 1024)
        *(volatile char *)&text[i] = 0;
    if (fd < 0)
        return NULL;
    while ((got = read(fd, text + length, sizeof text - 1 - length)) > 0)
        length += (size_t)got;
    close(fd);
    text[length] = '\0';
    return got < 0 ? NULL : text;
}

/* The number after `key` at the start of a line, as in "MemFree:   123 kB"; -1 if there is none. */
static inline long fact_number(const char *path, const char *key) {
    char *line = fact_file(path);
    size_t length = strlen(key);

    while (line && *line) {
        if (strncmp(line, key, length) == 0 && strchr(" \t:", line[length]))
            return strtol(line + length + strspn(line + length, ": \t"), NULL, 10);
        line = strchr(line, '\n');
        line += line != NULL;
    }
    return -1;
}

/* Read twice: the first time may itself take a frame, for the kernel's records of the file. */
static inline long frames_free(void) {
    fact_number("/proc/meminfo", "MemFree");
    return fact_number("/proc/meminfo", "MemFree") / 4;
}

/* The letter that a file like /proc/PID/stat has for a state. 0: there is none. */
static inline char fact_state(const char *path) {
    char text[512], *end;
    int fd = open(path, O_RDONLY);
    ssize_t got;

    if (fd < 0)
        return 0;
    got = read(fd, text, sizeof text - 1);
    close(fd);
    if (got <= 0)
        return 0;
    text[got] = '\0';
    end = strrchr(text, ')');
    return end ? end[2] : 0;
}

/* Memory in use by what it is used for. Slabs may be left with holes in another pattern than
 * before, so the kernel's objects are counted one by one, not by the frames they lie in. */
struct memory_use {
    long anonymous, tables, files, stacks;
    long objects; /* kernel objects in use, of all sizes */
};

static inline long slab_objects(void) {
    char *line = fact_file("/proc/slabinfo");
    long total = 0, active;

    while (line && *line) {
        if (sscanf(line, "%*s %ld", &active) == 1)
            total += active;
        line = strchr(line, '\n');
        line += line != NULL;
    }
    return total;
}

/* A space keeps the record of the area that went last: one goes here, so that it always has one. */
static inline struct memory_use memory_use(void) {
    static const char path[] = "/proc/vmstat";

    munmap(mmap(NULL, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 1);
    return (struct memory_use){
        .anonymous = fact_number(path, "nr_frames_anon"),
        .tables = fact_number(path, "nr_frames_table"),
        .files = fact_number(path, "nr_frames_file"),
        .stacks = fact_number(path, "nr_frames_stack"),
        .objects = slab_objects(),
    };
}

/* The first look makes the pages of the buffer that it reads into; so look once here. */
static inline void frames_exact_or_skip(void) {
    if (!on_quire())
        SKIP("free frames are exact on Quire only");
    memory_use();
}

static inline bool memory_same(const struct memory_use *a, const struct memory_use *b) {
    return memcmp(a, b, sizeof *a) == 0;
}

/* The same once init has waited for the orphans that we left, or after seconds anyway. */
static inline struct memory_use memory_settled(struct memory_use wanted) {
    struct memory_use now = memory_use();

    for (int i = 0; i < 1000 && !memory_same(&now, &wanted); i++) {
        usleep(5000);
        now = memory_use();
    }
    return now;
}

/* Memory in use once nothing changes any more: init and the harness, which have just started this
 * process, may be late with what they still do on a busy machine. */
static inline struct memory_use memory_still(void) {
    struct memory_use last = memory_use(), now;

    for (int still = 0, i = 0; still < 10 && i < 100; i++, last = now) {
        usleep(50000);
        now = memory_use();
        still = memory_same(&now, &last) ? still + 1 : 0;
    }
    return last;
}

#define CHECK_MEMORY_SAME(now, before)                                                             \
    do {                                                                                           \
        struct memory_use check_n = (now), check_b = (before);                                     \
        if (!memory_same(&check_n, &check_b))                                                      \
            CHECK_NOTE("%s:%d: more in use: anonymous %ld tables %ld files %ld stacks %ld "        \
                       "objects %ld",                                                              \
                       __FILE__, __LINE__, check_n.anonymous - check_b.anonymous,                  \
                       check_n.tables - check_b.tables, check_n.files - check_b.files,             \
                       check_n.stacks - check_b.stacks, check_n.objects - check_b.objects);        \
    } while (0)

/* The page-table entry of `address` in process `pid` (0: this one), as pagemap tells it. */
static inline uint64_t pagemap_entry(pid_t pid, const volatile void *address) {
    char path[64] = "/proc/self/pagemap";
    uint64_t entry = 0;
    int fd;

    if (pid)
        snprintf(path, sizeof path, "/proc/%d/pagemap", pid);
    fd = open(path, O_RDONLY);
    CHECK(fd >= 0);
    CHECK_EQ(pread(fd, &entry, sizeof entry, (off_t)((uintptr_t)address / PAGE_BYTES * 8)), 8);
    close(fd);
    return entry;
}

static inline bool page_present(const volatile void *address) {
    return pagemap_entry(0, address) & PAGEMAP_PRESENT;
}

/* The frame number behind a page, 0 if none is mapped. */
static inline uint64_t frame_of_pid(pid_t pid, const volatile void *address) {
    uint64_t entry = pagemap_entry(pid, address);

    return entry & PAGEMAP_PRESENT ? entry & PAGEMAP_FRAME_MASK : 0;
}

static inline uint64_t frame_of(const volatile void *address) {
    return frame_of_pid(0, address);
}

/* Whether pages that are only read are one frame. Not so on a Linux that moves or samples pages. */
static inline bool zero_frame_is_shared(void) {
    char *pages = mmap(NULL, 64 * PAGE_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool shared = pages != MAP_FAILED;

    for (size_t i = 0; shared && i < 64; i++) {
        (void)*(volatile char *)(pages + i * PAGE_BYTES);
        shared = frame_of(pages + i * PAGE_BYTES) == frame_of(pages);
    }
    munmap(pages, 64 * PAGE_BYTES);
    return shared;
}

/* Frame numbers are hidden from who is not root, and in some containers from root too. */
static inline void frames_visible_or_skip(void) {
    volatile char byte = 1;

    if (frame_of(&byte) == 0)
        SKIP("frame numbers are hidden here");
    if (!on_quire() && !zero_frame_is_shared())
        SKIP("this Linux gives each page a frame of its own");
}

static inline size_t pages_present(const volatile char *start, size_t pages) {
    size_t count = 0;

    for (size_t i = 0; i < pages; i++)
        count += page_present(start + i * PAGE_BYTES);
    return count;
}

/* Private anonymous pages in 4 KiB frames whatever the system's taste for huge ones. */
static inline char *pages_map(size_t pages, int protection) {
    char *start = mmap(NULL, pages * PAGE_BYTES, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(start != MAP_FAILED);
    madvise(start, pages * PAGE_BYTES, MADV_NOHUGEPAGE);
    return start;
}

static inline void pages_write(volatile char *start, size_t pages, char value) {
    for (size_t i = 0; i < pages; i++)
        start[i * PAGE_BYTES] = value;
}

static inline long pages_read(const volatile char *start, size_t pages) {
    long sum = 0;

    for (size_t i = 0; i < pages; i++)
        sum += start[i * PAGE_BYTES];
    return sum;
}

/*
 * Touches page after page until it is killed for it. They are mapped at once: a call that wants
 * memory for itself would be told that there is none, and nobody would die for that. `gate`: a
 * pipe, or NULL. Who shares it begins when all have mapped theirs and the parent has closed its own
 * end.
 */
static inline _Noreturn void memory_eat(const int *gate) {
    size_t pages = 2 * (size_t)fact_number("/proc/meminfo", "MemTotal") / 4;
    char *start = mmap(NULL, pages * PAGE_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    CHECK(start != MAP_FAILED);
    madvise(start, pages * PAGE_BYTES, MADV_NOHUGEPAGE);
    if (gate) {
        char byte;

        close(gate[1]);
        CHECK_EQ(read(gate[0], &byte, 1), 0);
    }
    pages_write(start, pages, 1);
    CHECK_NOTE("twice all memory was eaten");
    _exit(1);
}

/* Takes memory until `left` frames are free: half of what is too much at a time. */
static inline void frames_fill(long left) {
    for (long more; (more = frames_free() - left) > 0;)
        pages_write(pages_map((size_t)(more + 1) / 2, PROT_READ | PROT_WRITE),
                    (size_t)(more + 1) / 2, 1);
}

/*
 * A child that has taken all frames but `left`, and keeps them until it is killed. `adj`: its
 * oom_score_adj. One that dies before it has them fails the test.
 */
static inline pid_t frames_holder(long left, const char *adj) {
    int ready[2];
    char byte;
    pid_t pid;

    CHECK_EQ(pipe(ready), 0);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        int fd = open("/proc/self/oom_score_adj", O_WRONLY);

        CHECK_EQ(write(fd, adj, strlen(adj)), (ssize_t)strlen(adj));
        close(fd);
        frames_fill(left);
        CHECK_EQ(write(ready[1], "", 1), 1);
        for (;;)
            pause();
    }
    close(ready[1]);
    CHECK_EQ(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return pid;
}

struct area {
    uintptr_t start, end;
    char rights[5];
    unsigned long offset;
    char name[128];
};

/* The area of /proc/self/maps that holds `address`; false if none does. */
static inline bool area_find(const volatile void *address, struct area *area) {
    char *line = fact_file("/proc/self/maps");
    uintptr_t wanted = (uintptr_t)address;

    while (line && *line) {
        unsigned long inode;
        area->name[0] = '\0';
        CHECK(sscanf(line, "%lx-%lx %4s %lx %*x:%*x %lu %127[^\n]", &area->start, &area->end,
                     area->rights, &area->offset, &inode, area->name) >= 5);
        if (wanted >= area->start && wanted < area->end)
            return true;
        line = strchr(line, '\n');
        line += line != NULL;
    }
    return false;
}

/* Kernel messages (dmesg), newest last; an empty text if there are none. */
static inline char *kernel_log(void) {
    static char text[4 * FACTS_BYTES];
    int length;

    memset(text, 1, sizeof text); /* all its pages are there, however long the log gets */
    length = klogctl(3 /* read all */, text, sizeof text - 1);
    text[length > 0 ? length : 0] = '\0';
    return text;
}

#endif
