/* SPDX-License-Identifier: MIT */
/*
 * /proc about memory: smaps and its sums, who shares a page with whom, pagemap, mem, and the
 * records of frames. Formats are Linux's; what is counted exactly only Quire shows.
 */
#include "facts.h"

#include <sys/stat.h>

#define KIB_PER_PAGE 4
#define PAGEMAP_ALONE (1ULL << 56)
#define PAGEMAP_FILE (1ULL << 61)

/* ---- smaps ---- */

/* The sum of all lines of a key in a file, in kB; -1: there is none. */
static long sum_of(const char *path, const char *key) {
    size_t length = strlen(key);
    long sum = -1;

    for (char *line = fact_file(path); line && *line; line += *line != '\0') {
        if (strncmp(line, key, length) == 0 && line[length] == ':')
            sum = (sum < 0 ? 0 : sum) + strtol(line + length + 1, NULL, 10);
        line += strcspn(line, "\n");
    }
    return sum;
}

/* The value of a key in smaps for the area at an address, in kB; -1: no such area or key. */
static long area_value(pid_t pid, const void *address, const char *key) {
    char path[64];
    size_t length = strlen(key);
    bool inside = false;

    snprintf(path, sizeof path, "/proc/%d/smaps", pid);
    for (char *line = fact_file(path); line && *line; line += *line != '\0') {
        unsigned long start, end;
        if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
            inside = start <= (uintptr_t)address && (uintptr_t)address < end;
        if (inside && strncmp(line, key, length) == 0 && line[length] == ':')
            return strtol(line + length + 1, NULL, 10);
        line += strcspn(line, "\n");
    }
    return -1;
}

static void smaps_lines(void) {
    static const char *const keys[] = {
        "Size",          "KernelPageSize", "MMUPageSize",     "Rss",           "Pss",
        "Pss_Dirty",     "Shared_Clean",   "Shared_Dirty",    "Private_Clean", "Private_Dirty",
        "Referenced",    "Anonymous",      "LazyFree",        "AnonHugePages", "ShmemPmdMapped",
        "FilePmdMapped", "Shared_Hugetlb", "Private_Hugetlb", "Swap",          "SwapPss",
        "Locked",        "THPeligible",    "VmFlags"};
    char *text = fact_file("/proc/self/smaps");

    CHECK(text);
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        char line[32];
        snprintf(line, sizeof line, "\n%s:", keys[i]);
        text = strstr(text, line);
        if (!text)
            CHECK_NOTE("smaps has no %s, or not in its place", keys[i]);
    }
}

static void smaps_sums(void) {
    static const char path[] = "/proc/self/smaps";
    char *pages = pages_map(20, PROT_READ | PROT_WRITE);

    pages_write(pages, 20, 1);
    CHECK_EQ(area_value(getpid(), pages, "Rss"), 20 * KIB_PER_PAGE);
    CHECK_EQ(area_value(getpid(), pages, "Anonymous"), 20 * KIB_PER_PAGE);
    CHECK_EQ(area_value(getpid(), pages, "Private_Dirty"), 20 * KIB_PER_PAGE);
    CHECK_EQ(area_value(getpid(), pages, "Pss"), 20 * KIB_PER_PAGE);
    CHECK_EQ(area_value(getpid(), pages, "Locked"), 0);
    CHECK_EQ(mlock(pages + PAGE_BYTES, 5 * PAGE_BYTES), 0);
    CHECK_EQ(area_value(getpid(), pages, "Locked"), 0);
    CHECK_EQ(area_value(getpid(), pages + PAGE_BYTES, "Locked"), 5 * KIB_PER_PAGE);
    CHECK_EQ(munlock(pages + PAGE_BYTES, 5 * PAGE_BYTES), 0);
    CHECK_EQ(sum_of(path, "Shared_Clean") + sum_of(path, "Shared_Dirty") +
                 sum_of(path, "Private_Clean") + sum_of(path, "Private_Dirty"),
             sum_of(path, "Rss"));
    CHECK(sum_of(path, "Pss") <= sum_of(path, "Rss"));
    CHECK_EQ(sum_of("/proc/self/smaps_rollup", "Rss"), sum_of(path, "Rss"));
    CHECK_EQ(sum_of("/proc/self/smaps_rollup", "Anonymous"), sum_of(path, "Anonymous"));
}

/* ---- who shares with whom ---- */

#define PAGES 48
#define GENERATIONS 4

static char *shared_pages;
static int go[2], ready[2];

/* Each generation writes a few pages of its own, forks the next, and waits. */
static void generation(int depth) {
    char byte = 1;
    pid_t child = 0;

    pages_write(shared_pages + (size_t)depth * 5 * PAGE_BYTES, 5, (char)(depth + 2));
    if (depth + 1 < GENERATIONS) {
        child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            generation(depth + 1);
            _exit(0);
        }
    }
    pid_t pid = getpid();
    CHECK_EQ(write(ready[1], &pid, sizeof pid), sizeof pid);
    CHECK_EQ(read(go[0], &byte, 1), 0);
    if (child)
        CHECK_EQ(child_wait(child), 0);
}

/* Pages of the family that are different frames, by pagemap; more than once counts once. */
static long distinct_frames(const pid_t *pids, int count) {
    static uint64_t seen[GENERATIONS * PAGES];
    long found = 0;

    for (int i = 0; i < count; i++)
        for (int page = 0; page < PAGES; page++) {
            uint64_t frame = frame_of_pid(pids[i], shared_pages + (size_t)page * PAGE_BYTES);
            long at = 0;
            while (at < found && seen[at] != frame)
                at++;
            if (at == found)
                seen[found++] = frame;
        }
    return found;
}

/* The shares of a family of several generations, partly un-shared, add up to its pages. */
static void shares_add_up(void) {
    pid_t pids[GENERATIONS];
    long share = 0, shared = 0;

    frames_visible_or_skip();
    CHECK_EQ(pipe(go) | pipe(ready), 0);
    shared_pages = pages_map(PAGES, PROT_READ | PROT_WRITE);
    pages_write(shared_pages, PAGES, 1);
    pid_t first = fork();
    CHECK(first >= 0);
    if (first == 0) {
        close(go[1]);
        generation(0);
        _exit(0);
    }
    for (int i = 0; i < GENERATIONS; i++)
        CHECK_EQ(read(ready[0], &pids[i], sizeof pids[i]), sizeof pids[i]);
    munmap(shared_pages, PAGES * PAGE_BYTES); /* this process is none of them */
    for (int i = 0; i < GENERATIONS; i++) {
        share += area_value(pids[i], shared_pages, "Pss");
        shared += area_value(pids[i], shared_pages, "Shared_Dirty");
        CHECK_EQ(area_value(pids[i], shared_pages, "Rss"), PAGES * KIB_PER_PAGE);
    }
    long pages = distinct_frames(pids, GENERATIONS) * KIB_PER_PAGE;
    CHECK(share <= pages && share > pages - GENERATIONS); /* each is rounded down */
    CHECK(shared > 0 && shared < GENERATIONS * PAGES * KIB_PER_PAGE);
    close(go[1]);
    CHECK_EQ(child_wait(first), 0);
}

/* A page is mapped once, then by a child too, then written by it. */
static void alone_or_not(void) {
    char *page = pages_map(1, PROT_READ | PROT_WRITE);
    int steps[2], answers[2];
    char byte = 0;

    CHECK_EQ(pipe(steps) | pipe(answers), 0);
    *page = 1;
    CHECK(pagemap_entry(0, page) & PAGEMAP_ALONE);
    CHECK(!(pagemap_entry(0, page) & PAGEMAP_FILE));
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK_EQ(read(steps[0], &byte, 1), 1);
        *(volatile char *)page = 2;
        CHECK_EQ(write(answers[1], &byte, 1), 1);
        CHECK_EQ(read(steps[0], &byte, 1), 1);
        _exit(0);
    }
    CHECK(!(pagemap_entry(0, page) & PAGEMAP_ALONE));
    CHECK_EQ(write(steps[1], &byte, 1), 1);
    CHECK_EQ(read(answers[0], &byte, 1), 1);
    CHECK(pagemap_entry(0, page) & PAGEMAP_ALONE);
    CHECK(pagemap_entry(child, page) & PAGEMAP_ALONE);
    CHECK_EQ(write(steps[1], &byte, 1), 1);
    CHECK_EQ(child_wait(child), 0);
}

/* The same of memory that is shared: it is nobody's alone once two have touched it. */
static void alone_or_shared(void) {
    char *page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int steps[2], answers[2];
    char byte = 0;

    CHECK(page != MAP_FAILED);
    CHECK_EQ(pipe(steps) | pipe(answers), 0);
    *page = 1;
    CHECK(pagemap_entry(0, page) & PAGEMAP_ALONE);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        *(volatile char *)page = 2;
        CHECK_EQ(write(answers[1], &byte, 1), 1);
        CHECK_EQ(read(steps[0], &byte, 1), 1);
        _exit(0);
    }
    CHECK_EQ(read(answers[0], &byte, 1), 1);
    CHECK(!(pagemap_entry(0, page) & PAGEMAP_ALONE));
    CHECK(!(pagemap_entry(child, page) & PAGEMAP_ALONE));
    CHECK_EQ(write(steps[1], &byte, 1), 1);
    CHECK_EQ(child_wait(child), 0);
    CHECK(pagemap_entry(0, page) & PAGEMAP_ALONE);
}

/* Who is not root learns what is there, not where. */
static void frames_are_roots(void) {
    char *page = pages_map(1, PROT_READ | PROT_WRITE);

    *page = 1;
    if (frame_of(page) == 0)
        SKIP("frame numbers are hidden here");
    CHECK_EQ(setgid(2001), 0);
    CHECK_EQ(setuid(2001), 0);
    prctl(PR_SET_DUMPABLE, 1);
    CHECK(page_present(page));
    CHECK_EQ(frame_of(page), 0);
}

/* Three pages of a file, mapped private: each is the file's until it is written to. */
static void private_changes(void) {
    char path[] = "/tmp/changes-XXXXXX";
    int fd = mkstemp(path);
    char *pages = mmap(NULL, 3 * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

    CHECK(fd >= 0 && pages != MAP_FAILED);
    CHECK_EQ(unlink(path), 0);
    CHECK_EQ(ftruncate(fd, 3 * PAGE_BYTES), 0);
    CHECK_EQ(pages_read(pages, 3), 0);
    CHECK(pagemap_entry(0, pages + PAGE_BYTES) & PAGEMAP_FILE);
    pages[PAGE_BYTES] = 1;
    CHECK(!(pagemap_entry(0, pages + PAGE_BYTES) & PAGEMAP_FILE));
    CHECK(pagemap_entry(0, pages) & PAGEMAP_FILE);
    CHECK_EQ(area_value(getpid(), pages, "Rss"), 3 * KIB_PER_PAGE);
    CHECK_EQ(area_value(getpid(), pages, "Anonymous"), KIB_PER_PAGE);
}

static void pagemap_bounds(void) {
    uint64_t entries[2] = {1, 1};
    int fd = open("/proc/self/pagemap", O_RDONLY);

    CHECK(fd >= 0);
    CHECK_FAILS(pread(fd, entries, 8, 4), EINVAL);
    CHECK_FAILS(pread(fd, entries, 4, 8), EINVAL);
    CHECK_EQ(pread(fd, entries, 16, 0), 16);
    CHECK_EQ(entries[0] | entries[1], 0);
    CHECK_EQ(pread(fd, entries, 8, (off_t)1 << 60), 0);
}

/* ---- mem ---- */

static void mem_reads_and_writes(void) {
    volatile char *pages = pages_map(4, PROT_READ | PROT_WRITE);
    int fd = open("/proc/self/mem", O_RDWR);
    char byte = 0;

    CHECK(fd >= 0);
    pages[0] = 5;
    CHECK_EQ(pread(fd, &byte, 1, (off_t)(uintptr_t)pages), 1);
    CHECK_EQ(byte, 5);
    byte = 7;
    CHECK_EQ(lseek(fd, (off_t)(uintptr_t)pages + PAGE_BYTES, SEEK_SET),
             (off_t)(uintptr_t)pages + (off_t)PAGE_BYTES);
    CHECK_EQ(write(fd, &byte, 1), 1);
    CHECK_EQ(pages[PAGE_BYTES], 7);
    CHECK_EQ(munmap((char *)(uintptr_t)pages + 3 * PAGE_BYTES, PAGE_BYTES), 0);
    CHECK_FAILS(pread(fd, &byte, 1, (off_t)(uintptr_t)pages + 3 * (off_t)PAGE_BYTES), EIO);
    CHECK_FAILS(pwrite(fd, &byte, 1, (off_t)(uintptr_t)pages + 3 * (off_t)PAGE_BYTES), EIO);
    CHECK_FAILS(pread(fd, &byte, 1, 0x7fffffffffff), EIO);
}

/* What lies before a hole comes, from amid a page on, and what lies behind it does not. */
static void mem_up_to_a_hole(void) {
    char *pages = pages_map(4, PROT_READ | PROT_WRITE);
    static char bytes[3 * PAGE_BYTES];
    int fd = open("/proc/self/mem", O_RDWR);
    off_t start = (off_t)(uintptr_t)pages + 100;

    CHECK(fd >= 0);
    memset(pages, 5, 4 * PAGE_BYTES);
    CHECK_EQ(munmap(pages + 2 * PAGE_BYTES, PAGE_BYTES), 0);
    CHECK_EQ(pread(fd, bytes, sizeof bytes, start), 2 * PAGE_BYTES - 100);
    CHECK(bytes[0] == 5 && bytes[2 * PAGE_BYTES - 101] == 5 && bytes[2 * PAGE_BYTES - 100] == 0);
    memset(bytes, 6, sizeof bytes);
    CHECK_EQ(pwrite(fd, bytes, sizeof bytes, start), 2 * PAGE_BYTES - 100);
    CHECK(pages[99] == 5 && pages[100] == 6 && pages[2 * PAGE_BYTES - 1] == 6);
    CHECK_EQ(pages[3 * PAGE_BYTES], 5);
}

static void read_byte(void *address) {
    *(volatile char *)address;
}

/* What the process may not do itself: a private copy is written, and what is shared is not. */
static void mem_forces(void) {
    static const char constant[PAGE_BYTES] __attribute__((aligned(PAGE_BYTES))) = "before";
    volatile char *none = pages_map(1, PROT_READ | PROT_WRITE);
    int fd = open("/proc/self/mem", O_RDWR), file = open(self_path(), O_RDONLY);
    volatile char *shared = mmap(NULL, PAGE_BYTES, PROT_READ, MAP_SHARED, file, 0);
    char byte = 'B', old = ((volatile char *)constant)[1];

    CHECK(fd >= 0 && shared != MAP_FAILED);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK_EQ(pwrite(open("/proc/self/mem", O_RDWR), &byte, 1, (off_t)(uintptr_t)constant), 1);
        CHECK_EQ(((volatile char *)constant)[0], 'B');
        _exit(0);
    }
    CHECK_EQ(child_wait(child), 0);
    CHECK_EQ(((volatile char *)constant)[0], 'b');
    CHECK_EQ(((volatile char *)constant)[1], old);
    CHECK_FAILS(pwrite(fd, &byte, 1, (off_t)(uintptr_t)shared), EIO);
    *none = 9;
    CHECK_EQ(mprotect((char *)(uintptr_t)none, PAGE_BYTES, PROT_NONE), 0);
    CHECK_EQ(pread(fd, &byte, 1, (off_t)(uintptr_t)none), 1);
    CHECK_EQ(byte, 9);
    CHECK_CHILD_KILLED(read_byte, (void *)(uintptr_t)none, SIGSEGV); /* it still may not itself */
}

/* ---- frames ---- */

static uint64_t frame_record(const char *path, uint64_t frame) {
    uint64_t record = 0;
    int fd = open(path, O_RDONLY);

    if (fd < 0)
        SKIP("records of frames cannot be read here");
    CHECK_EQ(pread(fd, &record, 8, (off_t)(frame * 8)), 8);
    close(fd);
    return record;
}

static void frame_records(void) {
    char *page = pages_map(1, PROT_READ | PROT_WRITE);

    frames_visible_or_skip();
    *page = 1;
    uint64_t frame = frame_of(page);
    CHECK_EQ(frame_record("/proc/kpagecount", frame), 1);
    CHECK(frame_record("/proc/kpageflags", frame) & 1 << 12); /* ANON */
    CHECK(frame_record("/proc/kpageflags", frame) & 1 << 11); /* MMAP */
}

/* ---- a file that several map ---- */

#define FILE_PAGES 12

/*
 *     page      0   1   2   3   4   5   6   7   8   9  10  11
 *     all      [s   s   s   s   s   s   s   s   s   s   s   s]     one process each, the last one
 *     most     [s   s   s   s   s   s   s   s]                     with a private mapping
 *     few      [p   p   p   p]
 */
enum { ALL, MOST, FEW, SHARERS };

static struct sharer {
    int pages, flags;
    pid_t pid;
    int words[2], answers[2]; /* pipes to it and from it */
} sharers[SHARERS] = {
    [ALL] = {.pages = 12, .flags = MAP_SHARED},
    [MOST] = {.pages = 8, .flags = MAP_SHARED},
    [FEW] = {.pages = 4, .flags = MAP_PRIVATE},
};
static char *file_start; /* where each of them has it */
static int file_fd;

/* Maps and reads its part; then does what it is told to, a letter at a time. */
static void share(const struct sharer *s) {
    const int flags = s->flags | MAP_FIXED_NOREPLACE;
    char word = 'r';
    volatile char *again;

    CHECK(mmap(file_start, (size_t)s->pages * PAGE_BYTES, PROT_READ | PROT_WRITE, flags, file_fd,
               0) == file_start);
    do {
        if (word == 'r')
            pages_read(file_start, (size_t)s->pages);
        else if (word == 'w') /* the first page */
            *file_start = 'w';
        else if (word == 'm') { /* the first page a second time */
            again = mmap(NULL, PAGE_BYTES, PROT_READ, MAP_SHARED, file_fd, 0);
            CHECK(again != MAP_FAILED && *again >= 0);
        }
        CHECK_EQ(write(s->answers[1], &word, 1), 1);
    } while (read(s->words[0], &word, 1) == 1);
    _exit(0);
}

static void tell(int who, char word) {
    char answer;

    CHECK_EQ(write(sharers[who].words[1], &word, 1), 1);
    CHECK_EQ(read(sharers[who].answers[0], &answer, 1), 1);
}

static void leave(int who) {
    close(sharers[who].words[1]);
    CHECK_EQ(child_wait(sharers[who].pid), 0);
}

static void sharer_start(struct sharer *s) {
    char answer;

    CHECK_EQ(pipe2(s->words, O_CLOEXEC) | pipe2(s->answers, O_CLOEXEC), 0);
    s->pid = fork();
    CHECK(s->pid >= 0);
    if (s->pid == 0) {
        for (struct sharer *other = sharers; other <= s; other++)
            close(other->words[1]);
        share(s);
    }
    CHECK_EQ(read(s->answers[0], &answer, 1), 1);
}

static void sharers_start(void) {
    char path[] = "/tmp/shared-XXXXXX", page[PAGE_BYTES] = "some text";

    file_fd = mkstemp(path);
    CHECK(file_fd >= 0);
    unlink(path);
    for (int i = 0; i < FILE_PAGES; i++)
        CHECK_EQ(write(file_fd, page, sizeof page), sizeof page);
    file_start = pages_map(FILE_PAGES, PROT_NONE);
    CHECK_EQ(munmap(file_start, FILE_PAGES * PAGE_BYTES), 0);
    for (int who = 0; who < SHARERS; who++)
        sharer_start(&sharers[who]);
}

static long value_of(int who, const char *key) {
    return area_value(sharers[who].pid, file_start, key);
}

/* What smaps says of one that has so many pages alone, with another, and with two others: a page's
 * share is cut to a 4096th of a byte, as on Linux. */
static void expect_shares(int who, long alone, long with_one, long with_two) {
    const long whole = (long)PAGE_BYTES << 12;
    long share = alone * whole + with_one * (whole / 2) + with_two * (whole / 3);

    CHECK_EQ(value_of(who, "Rss"), (alone + with_one + with_two) * KIB_PER_PAGE);
    CHECK_EQ(value_of(who, "Shared_Clean") + value_of(who, "Shared_Dirty"),
             (with_one + with_two) * KIB_PER_PAGE);
    CHECK_EQ(value_of(who, "Private_Clean") + value_of(who, "Private_Dirty"), alone * KIB_PER_PAGE);
    CHECK_EQ(value_of(who, "Pss"), share >> 22);
}

static void file_shares(void) {
    sharers_start();
    expect_shares(ALL, 4, 4, 4);
    expect_shares(MOST, 0, 4, 4);
    expect_shares(FEW, 0, 0, 4);
    CHECK_EQ(value_of(FEW, "Anonymous"), 0);

    tell(FEW, 'w'); /* now the first page is the others' alone, and its copy is its own */
    expect_shares(ALL, 4, 5, 3);
    expect_shares(FEW, 1, 0, 3);
    CHECK_EQ(value_of(FEW, "Anonymous"), KIB_PER_PAGE);
    CHECK_EQ(value_of(ALL, "Anonymous"), 0);

    leave(FEW);
    expect_shares(ALL, 4, 8, 0);
    tell(MOST, 'm'); /* each mapping counts */
    expect_shares(ALL, 4, 7, 1);
    expect_shares(MOST, 0, 7, 1);
    leave(MOST);
    expect_shares(ALL, 12, 0, 0);
    leave(ALL);
}

static long mappings_of(uint64_t frame) {
    return (long)frame_record("/proc/kpagecount", frame);
}

/* The same by frame: one frame a page of the file, whoever looks, and as many mappings as there
 * are. */
static void file_frames(void) {
    uint64_t first, copy;

    frames_visible_or_skip();
    sharers_start();
    for (size_t i = 0; i < FILE_PAGES; i++) {
        uint64_t frame = frame_of_pid(sharers[ALL].pid, file_start + i * PAGE_BYTES);

        if (i < 8)
            CHECK_EQ(frame_of_pid(sharers[MOST].pid, file_start + i * PAGE_BYTES), frame);
        if (i < 4)
            CHECK_EQ(frame_of_pid(sharers[FEW].pid, file_start + i * PAGE_BYTES), frame);
        CHECK_EQ(mappings_of(frame), i < 4 ? 3 : i < 8 ? 2 : 1);
    }
    first = frame_of_pid(sharers[ALL].pid, file_start);
    tell(FEW, 'w');
    copy = frame_of_pid(sharers[FEW].pid, file_start);
    CHECK(copy != first);
    CHECK_EQ(mappings_of(first), 2);
    CHECK_EQ(mappings_of(copy), 1);
    tell(MOST, 'm');
    CHECK_EQ(mappings_of(first), 3);
    for (int who = SHARERS - 1; who >= 0; who--)
        leave(who);
    if (on_quire())
        CHECK_EQ(mappings_of(first), 0);
}

/* ---- the check of all memory ---- */

static void all_memory_is_right(void) {
    if (!on_quire())
        SKIP("Quire checks itself");
    char *text = fact_file("/proc/sys/vm/check");
    CHECK(text);
    if (strncmp(text, "ok: ", 4) != 0)
        CHECK_NOTE("%s", text);
    CHECK(strstr(text, " anon ") && strstr(text, " table "));
}

CHECK_MAIN({"smaps_lines", smaps_lines}, {"smaps_sums", smaps_sums},
           {"shares_add_up", shares_add_up}, {"alone_or_not", alone_or_not},
           {"alone_or_shared", alone_or_shared}, {"frames_are_roots", frames_are_roots},
           {"private_changes", private_changes}, {"pagemap_bounds", pagemap_bounds},
           {"mem_reads_and_writes", mem_reads_and_writes}, {"mem_up_to_a_hole", mem_up_to_a_hole},
           {"mem_forces", mem_forces}, {"frame_records", frame_records},
           {"file_shares", file_shares}, {"file_frames", file_frames},
           {"all_memory_is_right", all_memory_is_right});
