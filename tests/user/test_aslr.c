/* SPDX-License-Identifier: MIT */
/*
 * Where a program's parts lie: random at each execve, as much as Linux makes them so, unless
 * personality(2) says no; the same in a fork's child; and how far down mappings may go.
 */
#define CHECK_HELPER tell_places
#include "facts.h"

#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define RUNS 64
#define RW (PROT_READ | PROT_WRITE)
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)
#define USER_TOP 0x7ffffffff000ul

enum part { STACK, MAPPING, HEAP, RANDOM_BYTES, PARTS };

/* What a program tells of itself. */
struct places {
    uintptr_t at[PARTS];
    uintptr_t stack_end;
    uint64_t random[2]; /* what AT_RANDOM leads to */
};

static void places_now(struct places *places) {
    struct area area;

    places->at[STACK] = getauxval(AT_EXECFN);
    places->at[MAPPING] = (uintptr_t)mmap(NULL, 4096, RW, ANONYMOUS, -1, 0);
    places->at[HEAP] = (uintptr_t)syscall(SYS_brk, 0);
    places->at[RANDOM_BYTES] = getauxval(AT_RANDOM);
    memcpy(places->random, (void *)places->at[RANDOM_BYTES], sizeof places->random);
    CHECK(area_find((void *)places->at[STACK], &area));
    places->stack_end = area.end;
}

static int tell_places(char **argv) {
    struct places places;

    (void)argv;
    places_now(&places);
    return write(1, &places, sizeof places) == sizeof places ? 0 : 1;
}

/* What a new run of this program tells. */
static void places_of_run(struct places *places) {
    int pair[2];
    pid_t child;

    CHECK_EQ(pipe(pair), 0);
    child = fork();
    if (child == 0) {
        dup2(pair[1], 1);
        execl(self_path(), "aslr", "--helper", NULL);
        _exit(1);
    }
    close(pair[1]);
    CHECK_EQ(read(pair[0], places, sizeof *places), sizeof *places);
    close(pair[0]);
    CHECK_EQ(child_wait(child), 0);
}

/* Bits in which the runs' addresses of a part are not all alike. */
static uintptr_t bits_that_differ(const struct places *runs, enum part part) {
    uintptr_t bits = 0;

    for (int i = 1; i < RUNS; i++)
        bits |= runs[0].at[part] ^ runs[i].at[part];
    return bits;
}

static bool is_random_here(void) {
    char *text = fact_file("/proc/sys/kernel/randomize_va_space");

    personality(0); /* who counts frames runs its tests without */
    return text && text[0] == '2' && personality(0xffffffff) == 0;
}

static void runs_collect(struct places *runs) {
    for (int i = 0; i < RUNS; i++)
        places_of_run(&runs[i]);
}

/* With 64 runs a bit that is random stays the same once in 2^63 tests. */
static void each_run_is_elsewhere(void) {
    static struct places runs[RUNS];

    if (!is_random_here())
        SKIP("randomisation is off here");
    runs_collect(runs);
    CHECK_EQ(bits_that_differ(runs, STACK) >> 12 & 0x3ffffe, 0x3ffffe);
    CHECK_EQ(bits_that_differ(runs, RANDOM_BYTES) >> 4 & 0xff, 0xff);
    CHECK_EQ(bits_that_differ(runs, MAPPING) >> 12 & 0x7ffffff, 0x7ffffff);
    CHECK_EQ(bits_that_differ(runs, HEAP) >> 12 & 0x1fff, 0x1fff);
    for (int i = 0; i < RUNS; i++) {
        CHECK(runs[i].stack_end <= USER_TOP);
        CHECK(runs[i].stack_end > USER_TOP - (17ul << 30));
        CHECK(runs[i].at[MAPPING] < USER_TOP - (16ul << 30));
        CHECK(runs[i].at[MAPPING] > USER_TOP - (1100ul << 30));
    }
}

static void random_bytes_differ(void) {
    struct places one, two;

    places_of_run(&one);
    places_of_run(&two);
    CHECK(memcmp(one.random, two.random, sizeof one.random) != 0);
}

static void no_run_is_elsewhere_without(void) {
    static struct places runs[8];
    struct places from_child;

    CHECK(personality(ADDR_NO_RANDOMIZE) >= 0);
    for (int i = 0; i < 8; i++)
        places_of_run(&runs[i]);
    for (int i = 1; i < 8; i++)
        CHECK(memcmp(runs[0].at, runs[i].at, sizeof runs[0].at) == 0);
    CHECK_EQ(runs[0].stack_end, USER_TOP);
    CHECK(memcmp(runs[0].random, runs[1].random, sizeof runs[0].random) != 0);
    /* Inherited over fork and execve. */
    if (fork() == 0) {
        places_of_run(&from_child);
        CHECK(memcmp(runs[0].at, from_child.at, sizeof from_child.at) == 0);
        CHECK_EQ(personality(0xffffffff), ADDR_NO_RANDOMIZE);
        _exit(0);
    }
    CHECK_EQ(child_wait(-1), 0);
}

static void compare_in_child(void *places) {
    struct places now, *before = places;

    munmap((void *)before->at[MAPPING], 4096);
    places_now(&now);
    CHECK(memcmp(now.at, before->at, sizeof now.at) == 0);
}

static void forks_child_is_the_same(void) {
    struct places places;

    places_now(&places);
    CHECK_CHILD_OK(compare_in_child, &places);
}

static void set_user_id_clears_the_flag(void) {
    char path[] = "/tmp/aslr-XXXXXX", command[600];
    struct places one, two, three;
    int fd = mkstemp(path);

    if (geteuid() != 0)
        SKIP("needs root");
    if (!is_random_here())
        SKIP("randomisation is off here");
    close(fd);
    snprintf(command, sizeof command, "%s", path);
    int in = open(self_path(), O_RDONLY), out = open(path, O_WRONLY | O_TRUNC);
    char buffer[4096];
    ssize_t got;
    while ((got = read(in, buffer, sizeof buffer)) > 0)
        CHECK_EQ(write(out, buffer, (size_t)got), got);
    CHECK_EQ(fchown(out, 1000, 1000) | fchmod(out, 04755), 0);
    close(in);
    close(out);
    CHECK(personality(ADDR_NO_RANDOMIZE) >= 0);
    struct places *all[] = {&one, &two, &three};
    for (int i = 0; i < 3; i++) {
        int pair[2];
        CHECK_EQ(pipe(pair), 0);
        if (fork() == 0) {
            dup2(pair[1], 1);
            execl(path, "aslr", "--helper", NULL);
            _exit(1);
        }
        close(pair[1]);
        /* Its /proc files are root's now, but it may read its own memory. */
        CHECK_EQ(read(pair[0], all[i], sizeof *all[i]), sizeof *all[i]);
        close(pair[0]);
        child_wait(-1);
    }
    unlink(path);
    CHECK(one.at[MAPPING] != two.at[MAPPING] || two.at[MAPPING] != three.at[MAPPING]);
}

/* ---- the gap for the stack ---- */

static void stack_limit(rlim_t bytes) {
    struct rlimit limit;

    CHECK_EQ(getrlimit(RLIMIT_STACK, &limit), 0);
    limit.rlim_cur = bytes;
    CHECK_EQ(setrlimit(RLIMIT_STACK, &limit), 0);
}

static void mappings_leave_room_for_the_stack(void) {
    struct places places;

    CHECK(personality(ADDR_NO_RANDOMIZE) >= 0);
    stack_limit(8 << 20);
    places_of_run(&places);
    CHECK(places.at[MAPPING] <= USER_TOP - (128 << 20));
    stack_limit(4ul << 30);
    places_of_run(&places);
    CHECK(places.at[MAPPING] <= USER_TOP - (4ul << 30));
    CHECK(places.at[MAPPING] > USER_TOP - (6ul << 30));
    stack_limit(RLIM_INFINITY);
    places_of_run(&places);
    CHECK(places.at[MAPPING] <= USER_TOP / 6);
    CHECK(places.at[MAPPING] > USER_TOP / 6 - (1ul << 30));
}

static void layout_of_old(void) {
    struct places places;

    CHECK(personality(ADDR_NO_RANDOMIZE | ADDR_COMPAT_LAYOUT) >= 0);
    places_of_run(&places);
    CHECK(places.at[MAPPING] >= USER_TOP / 3);
    CHECK(places.at[MAPPING] < USER_TOP / 3 + (1ul << 30));
    if (fork() == 0) {
        dup2(open("/dev/null", O_WRONLY), 1); /* its exit status is enough */
        execl(self_path(), "aslr", "upwards", NULL);
        _exit(1);
    }
    CHECK_EQ(child_wait(-1), 0);
}

/* Run by layout_of_old, too: there the second mapping lies above the first. */
static void upwards(void) {
    char *one = mmap(NULL, 65536, PROT_READ, ANONYMOUS, -1, 0);
    char *two = mmap(NULL, 1 << 20, RW, ANONYMOUS, -1, 0);

    CHECK(one != MAP_FAILED && two != MAP_FAILED);
    if (personality(0xffffffff) & ADDR_COMPAT_LAYOUT)
        CHECK(two > one);
    else
        CHECK(two < one);
}

/* ---- the lowest address ---- */

static long min_addr(void) {
    char *text = fact_file("/proc/sys/vm/mmap_min_addr");

    CHECK(text != NULL);
    return strtol(text, NULL, 10);
}

static void as_nobody(void *unused) {
    char *low = (char *)(min_addr() - 4096);

    (void)unused;
    CHECK_EQ(setuid(1000), 0);
    CHECK(mmap(low, 4096, RW, ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED && errno == EPERM);
    CHECK(mmap(low, 4096, RW, ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED);
    CHECK_EQ(errno, EPERM);
    CHECK(mmap(low + 4096, 4096, RW, ANONYMOUS | MAP_FIXED, -1, 0) == low + 4096);
}

static void low_addresses_are_roots(void) {
    char *lowest = (char *)min_addr();

    if (geteuid() != 0 || lowest < (char *)8192)
        SKIP("needs root, and a lowest address");
    CHECK_CHILD_OK(as_nobody, NULL);
    CHECK(mmap(lowest - 4096, 4096, RW, ANONYMOUS | MAP_FIXED, -1, 0) == lowest - 4096);
    lowest[-1] = 1;
    CHECK_EQ(munmap(lowest - 4096, 4096), 0);
    /* A wish below is a wish for the lowest. */
    CHECK(mmap(lowest - 4096, 4096, RW, ANONYMOUS, -1, 0) == lowest);
    CHECK(mmap((void *)1, 4096, RW, ANONYMOUS, -1, 0) > (void *)lowest);
}

static void the_null_page_is_nobodys(void) {
    if (!on_quire())
        SKIP("Linux's root may map it");
    CHECK(mmap(NULL, 4096, RW, ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED && errno == EPERM);
}

/* ---- what may be read may be executed ---- */

static const char return_7[] = "\xb8\x07\x00\x00\x00\xc3";

static void call(void *code) {
    int (*function)(void);

    memcpy(&function, &code, sizeof function);
    CHECK_EQ(function(), 7);
}

static void read_implies_exec(void) {
    char *before = mmap(NULL, 4096, RW, ANONYMOUS, -1, 0), *after;
    struct area area;

    memcpy(before, return_7, sizeof return_7);
    CHECK_CHILD_KILLED(call, before, SIGSEGV);
    CHECK(personality(READ_IMPLIES_EXEC) >= 0);
    CHECK_CHILD_KILLED(call, before, SIGSEGV);
    after = mmap(NULL, 4096, RW, ANONYMOUS, -1, 0);
    memcpy(after, return_7, sizeof return_7);
    CHECK_CHILD_OK(call, after);
    CHECK_EQ(mprotect(before, 4096, PROT_READ), 0);
    CHECK_CHILD_OK(call, before);
    CHECK(area_find(before, &area));
    CHECK(strcmp(area.rights, "r-xp") == 0);
    CHECK_EQ(mprotect(before, 4096, PROT_WRITE), 0);
    CHECK(area_find(before, &area) && strcmp(area.rights, "-w-p") == 0);
}

CHECK_MAIN({"each_run_is_elsewhere", each_run_is_elsewhere},
           {"random_bytes_differ", random_bytes_differ},
           {"no_run_is_elsewhere_without", no_run_is_elsewhere_without},
           {"forks_child_is_the_same", forks_child_is_the_same},
           {"set_user_id_clears_the_flag", set_user_id_clears_the_flag},
           {"mappings_leave_room_for_the_stack", mappings_leave_room_for_the_stack},
           {"layout_of_old", layout_of_old}, {"upwards", upwards},
           {"low_addresses_are_roots", low_addresses_are_roots},
           {"the_null_page_is_nobodys", the_null_page_is_nobodys},
           {"read_implies_exec", read_implies_exec})
