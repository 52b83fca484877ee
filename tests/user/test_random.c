/* SPDX-License-Identifier: MIT */
/*
 * Random memory operations against a naive model, alone and many at once.
 *
 * A region of pages is mapped, unmapped, protected, written and read at random, with forks in
 * between; the model says for every page whether it is there, what may be done to it and what it
 * holds. Rows B1, B2, B4, X7; with several processes and other attackers at once, in parallel and
 * in repetition, B9: the system stays usable and no frame is lost. A failure names its seed; the
 * environment's SEED overrides it.
 */
#define CHECK_SECONDS 240
#include "catch.h"
#include "facts.h"
#include "random.h"

#include <sys/resource.h>
#include <sys/syscall.h>

#define PAGES 48
#define NOTHING (-1)

/* One page in the model. rights: PROT_* bits or NOTHING. */
struct page {
    int rights;
    uint32_t value;
    uint32_t below; /* what it reads as when private changes are forgotten */
};

struct world {
    char *region;
    uint64_t seed;
    int step;
    int fd; /* a file whose page i holds value FILE_VALUE(i) */
    struct random random;
    struct page pages[PAGES];
};

#define FILE_VALUE(i) (0xf11e0000u + (uint32_t)(i))

#define WORLD_CHECK(world, condition)                                                              \
    do {                                                                                           \
        if (!(condition))                                                                          \
            CHECK_NOTE("%s:%d: seed %lu step %d: %s", __FILE__, __LINE__, (world)->seed,           \
                       (world)->step, #condition);                                                 \
    } while (0)

static volatile uint32_t *word_at(struct world *world, int page) {
    return (uint32_t *)(world->region + (size_t)page * PAGE_BYTES + 8);
}

/* A random stretch of pages: the first in *first, how many is returned. */
static int stretch(struct world *world, int *first) {
    int count = 1 + (int)random_below(&world->random, 9);

    *first = (int)random_below(&world->random, PAGES);
    return *first + count > PAGES ? PAGES - *first : count;
}

static int some_rights(struct world *world) {
    static const int choices[] = {PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ,
                                  PROT_NONE};

    return choices[random_below(&world->random, COUNT_OF(choices))];
}

static void do_map(struct world *world, bool of_file) {
    int first, count = stretch(world, &first), rights = some_rights(world);
    int flags = MAP_PRIVATE | MAP_FIXED | (of_file ? 0 : MAP_ANONYMOUS);
    int from = of_file ? (int)random_below(&world->random, (uint32_t)(PAGES - count + 1)) : 0;
    char *start = world->region + (size_t)first * PAGE_BYTES;

    WORLD_CHECK(world, mmap(start, (size_t)count * PAGE_BYTES, rights, flags,
                            of_file ? world->fd : -1, (off_t)from * (off_t)PAGE_BYTES) == start);
    for (int i = 0; i < count; i++)
        world->pages[first + i] =
            of_file ? (struct page){rights, FILE_VALUE(from + i), FILE_VALUE(from + i)}
                    : (struct page){rights, 0, 0};
}

static void do_unmap(struct world *world) {
    int first, count = stretch(world, &first);
    char *start = world->region + (size_t)first * PAGE_BYTES;

    WORLD_CHECK(world, munmap(start, (size_t)count * PAGE_BYTES) == 0);
    for (int i = 0; i < count; i++)
        world->pages[first + i].rights = NOTHING;
}

/* Up to a hole, if there is one. */
static void do_protect(struct world *world) {
    int first, count = stretch(world, &first), rights = some_rights(world), i;
    char *start = world->region + (size_t)first * PAGE_BYTES;

    for (i = 0; i < count && world->pages[first + i].rights != NOTHING; i++)
        world->pages[first + i].rights = rights;
    WORLD_CHECK(world, mprotect(start, (size_t)count * PAGE_BYTES, rights) == (i < count ? -1 : 0));
}

/* Passing over holes. */
static void do_forget(struct world *world) {
    int first, count = stretch(world, &first), result = 0;
    char *start = world->region + (size_t)first * PAGE_BYTES;

    for (int i = first; i < first + count; i++) {
        if (world->pages[i].rights == NOTHING)
            result = -1;
        world->pages[i].value = world->pages[i].below;
    }
    WORLD_CHECK(world, madvise(start, (size_t)count * PAGE_BYTES, MADV_DONTNEED) == result);
}

/* One page, which lies in one area, to another place. */
static void do_move(struct world *world) {
    int from = (int)random_below(&world->random, PAGES);
    int to = (int)random_below(&world->random, PAGES);
    char *source = world->region + (size_t)from * PAGE_BYTES;
    char *target = world->region + (size_t)to * PAGE_BYTES;
    bool possible = from != to && world->pages[from].rights != NOTHING;
    void *moved = mremap(source, PAGE_BYTES, PAGE_BYTES, MREMAP_MAYMOVE | MREMAP_FIXED, target);

    WORLD_CHECK(world, moved == (possible ? target : MAP_FAILED));
    if (!possible)
        return;
    world->pages[to] = world->pages[from];
    world->pages[from].rights = NOTHING;
}

/* Locked or not: nothing that one can read changes. */
static void do_lock(struct world *world) {
    int first, count = stretch(world, &first);
    char *start = world->region + (size_t)first * PAGE_BYTES;

    if (random_below(&world->random, 2))
        (void)!mlock(start, (size_t)count * PAGE_BYTES);
    munlock(world->region, (size_t)PAGES * PAGE_BYTES);
    for (int i = 0; i < PAGES; i++) /* up to each hole */
        munlock(world->region + (size_t)i * PAGE_BYTES, PAGE_BYTES);
}

static void do_write(struct world *world) {
    int page = (int)random_below(&world->random, PAGES);
    struct page *model = &world->pages[page];
    uint32_t value = random_next(&world->random);

    if (model->rights > 0 && model->rights & PROT_WRITE) {
        *word_at(world, page) = value;
        model->value = value;
    } else {
        WORLD_CHECK(world, !can_write(word_at(world, page)));
    }
}

static void do_read(struct world *world) {
    int page = (int)random_below(&world->random, PAGES);
    struct page *model = &world->pages[page];

    if (model->rights > 0)
        WORLD_CHECK(world, *word_at(world, page) == model->value);
    else
        WORLD_CHECK(world, !can_read(word_at(world, page)));
}

/* The kernel as the one who writes: the same rules, by errno. */
static void do_kernel_write(struct world *world) {
    int page = (int)random_below(&world->random, PAGES), pair[2];
    struct page *model = &world->pages[page];
    uint32_t value = random_next(&world->random);
    bool allowed = model->rights > 0 && model->rights & PROT_WRITE;
    ssize_t got;

    CHECK_EQ(pipe(pair), 0);
    CHECK_EQ(write(pair[1], &value, sizeof value), sizeof value);
    got = read(pair[0], (void *)word_at(world, page), sizeof value);
    WORLD_CHECK(world, got == (allowed ? 4 : -1));
    if (allowed)
        model->value = value;
    close(pair[0]);
    close(pair[1]);
}

static void check_everything(struct world *world) {
    for (int page = 0; page < PAGES; page++) {
        int rights = world->pages[page].rights;
        WORLD_CHECK(world, can_read(word_at(world, page)) == (rights > 0));
        if (rights > 0)
            WORLD_CHECK(world, *word_at(world, page) == world->pages[page].value);
        if (rights == PROT_READ)
            WORLD_CHECK(world, !can_write(word_at(world, page)));
    }
}

static void steps(struct world *world, int count, int depth);

/* A child goes on at random; what it does must not show here, nor what we do there. */
static void do_fork(struct world *world, int depth) {
    pid_t child = fork();
    int status;

    WORLD_CHECK(world, child >= 0);
    if (child == 0) {
        world->random.state += 12345;
        steps(world, 30, depth + 1);
        check_everything(world);
        _exit(0);
    }
    steps(world, 10, 9);
    status = child_wait(child);
    WORLD_CHECK(world, status == 0);
    check_everything(world);
}

static void step(struct world *world, int depth) {
    switch (random_below(&world->random, 20)) {
    case 0:
    case 1:
        do_map(world, false);
        break;
    case 2:
        do_map(world, true);
        break;
    case 3:
        do_unmap(world);
        break;
    case 4:
    case 5:
        do_protect(world);
        break;
    case 6:
        do_kernel_write(world);
        break;
    case 7:
        if (depth < 3)
            do_fork(world, depth);
        break;
    case 8:
    case 9:
    case 10:
        do_read(world);
        break;
    case 11:
        do_forget(world);
        break;
    case 12:
    case 13:
        do_move(world);
        break;
    case 14:
        do_lock(world);
        break;
    default:
        do_write(world);
    }
}

static void steps(struct world *world, int count, int depth) {
    for (int i = 0; i < count; i++) {
        world->step++;
        step(world, depth);
    }
}

static void world_make(struct world *world, uint64_t seed) {
    const char *given = getenv("SEED");
    char path[] = "/tmp/random-XXXXXX";

    memset(world, 0, sizeof *world);
    world->seed = given ? strtoull(given, NULL, 0) : seed;
    world->random.state = world->seed;
    world->region = pages_map(PAGES + 2, PROT_NONE) + PAGE_BYTES;
    world->fd = mkstemp(path);
    CHECK(world->fd >= 0);
    unlink(path);
    for (int i = 0; i < PAGES; i++) {
        uint32_t value = FILE_VALUE(i);
        CHECK_EQ(pwrite(world->fd, &value, sizeof value, (off_t)i * (off_t)PAGE_BYTES + 8), 4);
    }
    CHECK_EQ(ftruncate(world->fd, PAGES * PAGE_BYTES), 0);
}

static void world_run(uint64_t seed, int count) {
    static struct world world;

    world_make(&world, seed);
    steps(&world, count, 0);
    check_everything(&world);
}

static void one_world(void *seed) {
    world_run((uintptr_t)seed, 400);
}

static void random_worlds(void) {
    for (uintptr_t seed = 1; seed <= 8; seed++)
        CHECK_CHILD_OK(one_world, (void *)seed);
}

/* ---- attackers for the parallel run ---- */

static void attack_kernel(void *unused) {
    (void)unused;
    for (uintptr_t i = 0; i < 200; i++)
        CHECK(!can_write((void *)(0xffff800000000000 + (i << 38))));
    signal(SIGSEGV, SIG_DFL);
    access_write(0xffffffff80000000);
}

static __attribute__((noinline)) void recurse(volatile char *above) {
    volatile char page[PAGE_BYTES];

    page[0] = *above;
    if (page[0] == 0)
        recurse(page);
    page[1] = 1;
}

static void attack_stack(void *unused) {
    char byte = 0;

    (void)unused;
    setrlimit(RLIMIT_STACK, &(struct rlimit){512 << 10, 512 << 10});
    recurse(&byte);
}

static void attack_heap(void *unused) {
    uintptr_t end = (uintptr_t)syscall(SYS_brk, 0);

    (void)unused;
    for (uintptr_t i = 0; i < 40; i++) {
        syscall(SYS_brk, end + (i * 7919 % 64) * PAGE_BYTES + i);
        mmap((void *)((end + i * PAGE_BYTES) & ~(PAGE_BYTES - 1)), PAGE_BYTES, PROT_READ,
             MAP_PRIVATE | MAP_ANONYMOUS | (i % 5 ? 0 : MAP_FIXED), -1, 0);
    }
    raise(SIGKILL);
}

static void attack_table(void *unused) {
    (void)unused;
    for (uintptr_t i = 1; i < 60; i++) {
        char *page = mmap((void *)(i << 39 | i << 30), PAGE_BYTES, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page != MAP_FAILED)
            *page = 1;
        if (i % 20 == 0 && fork() == 0)
            *page = 2;
    }
    while (wait(NULL) > 0)
        ;
    raise(SIGKILL);
}

static void (*const attackers[])(void *) = {attack_kernel, attack_stack, attack_heap,
                                            attack_table,  one_world,    one_world};

static void attack_together(int round) {
    pid_t children[COUNT_OF(attackers)];

    for (size_t i = 0; i < COUNT_OF(attackers); i++) {
        children[i] = fork();
        CHECK(children[i] >= 0);
        if (children[i] == 0) {
            attackers[i]((void *)(uintptr_t)(round * 10 + (int)i));
            _exit(0);
        }
    }
    for (size_t i = 0; i < COUNT_OF(attackers); i++) {
        int status = child_wait(children[i]);
        CHECK(attackers[i] == one_world ? status == 0 : WIFSIGNALED(status));
    }
}

static void in_parallel_and_in_repetition(void) {
    struct memory_use before = memory_use();

    for (int round = 0; round < 5; round++) {
        attack_together(100);
        if (round == 1)
            before = memory_use();
    }
    if (on_quire())
        CHECK_MEMORY_SAME(memory_use(), before);
}

CHECK_MAIN({"random_worlds", random_worlds},
           {"in_parallel_and_in_repetition", in_parallel_and_in_repetition})
