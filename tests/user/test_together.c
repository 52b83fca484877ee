/* SPDX-License-Identifier: MIT */
/*
 * Threads that touch the memory of one process at the same time, each other's pages too, while it
 * is unmapped, protected, discarded, forked. Each addition to a word is atomic, so a page that got
 * lost, came twice or was copied at the wrong moment is missing in the sums; and the frames in use
 * are counted.
 */
#include "check.h"
#include "facts.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "scratch.h"

#define THREADS 4
#define PAGES 300 /* more than a leaf of the page tree, in two page tables where it lies across */
#define RW (PROT_READ | PROT_WRITE)

static struct {
    _Atomic uint64_t *pages; /* a word in each page counts */
    atomic_uint running;     /* threads that have not ended their work */
    atomic_uint started;
} shared;

static _Atomic uint64_t *word(unsigned page) {
    return shared.pages + (size_t)page * (PAGE_BYTES / sizeof(uint64_t)) + 17;
}

static void *map_at(void *at, size_t pages, int flags) {
    void *memory = mmap(at, pages * PAGE_BYTES, RW, MAP_PRIVATE | flags, -1, 0);

    CHECK(memory != MAP_FAILED);
    return memory;
}

/* Pages of 4 KiB each, in an area of its own. */
static void *map_small(size_t pages) {
    void *memory = map_at(NULL, pages, MAP_ANONYMOUS);

    CHECK_EQ(madvise(memory, pages * PAGE_BYTES, MADV_NOHUGEPAGE), 0);
    return memory;
}

/* All begin when all are there. */
static void await_others(void) {
    atomic_fetch_add(&shared.started, 1);
    while (atomic_load(&shared.started) < THREADS)
        sched_yield();
}

static void start_all(pthread_t *threads, void *(*run)(void *)) {
    shared.started = 0;
    shared.running = THREADS;
    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, run, (void *)i), 0);
}

static void join_all(const pthread_t *threads) {
    void *result;

    for (unsigned i = 0; i < THREADS; i++) {
        CHECK_EQ(pthread_join(threads[i], &result), 0);
        CHECK(result == NULL);
    }
}

static void run_all(void *(*run)(void *)) {
    pthread_t threads[THREADS];

    start_all(threads, run);
    join_all(threads);
}

static void *add_everywhere(void *index) {
    await_others();
    for (unsigned i = 0; i < PAGES; i++)
        atomic_fetch_add(word((i + (unsigned)(uintptr_t)index * 7) % PAGES), 1);
    atomic_fetch_sub(&shared.running, 1);
    return NULL;
}

static void expect_everywhere(uint64_t value) {
    for (unsigned i = 0; i < PAGES; i++)
        CHECK_EQ(atomic_load(word(i)), value);
}

/* ---- touching ---- */

/* Thread stacks and what the library keeps are there from the first round on. */
static void touch_in_rounds(void *(*run)(void *), uint64_t each, long frames) {
    struct memory_use before, now;

    for (int round = 0; round < 12; round++) {
        shared.pages = map_small(PAGES);
        before = memory_use();
        run_all(run);
        expect_everywhere(each);
        now = memory_use();
        if (on_quire() && round > 0)
            CHECK_EQ(now.anonymous - before.anonymous, frames);
        CHECK_EQ(munmap(shared.pages, PAGES * PAGE_BYTES), 0);
    }
}

static void same_pages(void) {
    touch_in_rounds(add_everywhere, THREADS, PAGES);
}

/* The first thread takes pages 0, 4, 8, ..., the next 1, 5, 9, ... */
static void *add_to_every_fourth(void *index) {
    await_others();
    for (unsigned i = (unsigned)(uintptr_t)index; i < PAGES; i += THREADS)
        atomic_fetch_add(word(i), 1);
    return NULL;
}

static void pages_in_turn(void) {
    touch_in_rounds(add_to_every_fourth, 1, PAGES);
}

static void *add_in_own_area(void *index) {
    unsigned char *own = map_small(PAGES);

    (void)index;
    await_others();
    for (unsigned i = 0; i < PAGES; i++)
        own[i * PAGE_BYTES] = (unsigned char)i;
    for (unsigned i = 0; i < PAGES; i++)
        CHECK(own[i * PAGE_BYTES] == (unsigned char)i && own[i * PAGE_BYTES + 1] == 0);
    CHECK_EQ(munmap(own, PAGES * PAGE_BYTES), 0);
    return NULL;
}

static void own_areas(void) {
    for (int round = 0; round < 12; round++)
        run_all(add_in_own_area);
}

/*
 * Some find zeroes by reading, some write: whoever reads later sees it. Here and where pages are
 * copied every page is told to all processors, which takes long where these are emulated: few
 * rounds will do.
 */
static void *read_then_add(void *index) {
    uint64_t sum = 0;

    await_others();
    for (unsigned i = 0; i < PAGES; i++)
        sum += atomic_load(word(i)) > THREADS;
    CHECK_EQ(sum, 0);
    return add_everywhere(index);
}

static void read_before_write(void) {
    for (int round = 0; round < 2; round++) {
        shared.pages = map_small(PAGES);
        run_all(read_then_add);
        expect_everywhere(THREADS);
        CHECK_EQ(munmap(shared.pages, PAGES * PAGE_BYTES), 0);
    }
}

/* All have read the page when one of them writes it: then the others see that. */
static void *await_the_first(void *index) {
    uint64_t sum = 0;

    for (unsigned i = 0; i < PAGES; i++)
        sum += atomic_load(word(i));
    CHECK_EQ(sum, 0);
    await_others();
    for (unsigned i = 0; i < PAGES; i += 50) {
        if (index == NULL)
            atomic_store(word(i), 1);
        while (atomic_load(word(i)) != 1)
            ; /* for ever, by a translation that nobody has dropped */
    }
    return NULL;
}

static void change_is_seen(void) {
    shared.pages = map_small(PAGES);
    run_all(await_the_first);
    CHECK_EQ(munmap(shared.pages, PAGES * PAGE_BYTES), 0);
}

/* One 2 MiB page, whoever makes it. */
static void huge_page(void) {
    const size_t bytes = 2 << 20;

    for (int round = 0; round < 6; round++) {
        char *memory = map_at(NULL, 1024, MAP_ANONYMOUS);
        struct memory_use before;

        CHECK_EQ(madvise(memory, 2 * bytes, MADV_HUGEPAGE), 0);
        before = memory_use();
        shared.pages = (void *)(((uintptr_t)memory + bytes - 1) & ~(bytes - 1));
        run_all(add_everywhere);
        expect_everywhere(THREADS);
        if (on_quire() && round > 0)
            CHECK_EQ(memory_use().anonymous - before.anonymous, 512);
        CHECK_EQ(munmap(memory, 2 * bytes), 0);
    }
}

/* ---- copying ---- */

static void copies_after_fork(void) {
    int go[2];
    char byte;

    CHECK_EQ(pipe(go), 0);
    for (int round = 0; round < 2; round++) {
        pid_t child;

        shared.pages = map_small(PAGES);
        run_all(add_everywhere);
        child = fork();
        if (child == 0) {
            CHECK_EQ(read(go[0], &byte, 1), 1);
            expect_everywhere(THREADS);
            _exit(0);
        }
        run_all(add_everywhere);
        expect_everywhere(2 * THREADS);
        CHECK_EQ(write(go[1], "", 1), 1);
        CHECK_EQ(child_wait(child), 0);
        CHECK_EQ(munmap(shared.pages, PAGES * PAGE_BYTES), 0);
    }
}

static void copies_of_a_file(void) {
    static const char path[] = "together";
    uint64_t in_file = 0;
    int fd;

    scratch_enter();
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK_EQ(ftruncate(fd, PAGES * PAGE_BYTES), 0);
    for (int round = 0; round < 3; round++) {
        shared.pages = mmap(NULL, PAGES * PAGE_BYTES, RW, MAP_PRIVATE, fd, 0);
        CHECK(shared.pages != MAP_FAILED);
        run_all(round % 2 ? add_everywhere : read_then_add);
        expect_everywhere(THREADS);
        CHECK_EQ(munmap(shared.pages, PAGES * PAGE_BYTES), 0);
    }
    CHECK_EQ(pread(fd, &in_file, sizeof in_file, 17 * 8), sizeof in_file);
    CHECK_EQ(in_file, 0);
    CHECK_EQ(close(fd), 0);
}

static void pages_of_all(void) {
    for (int round = 0; round < 8; round++) {
        shared.pages = mmap(NULL, PAGES * PAGE_BYTES, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        CHECK(shared.pages != MAP_FAILED);
        run_all(add_everywhere);
        expect_everywhere(THREADS);
        CHECK_EQ(munmap(shared.pages, PAGES * PAGE_BYTES), 0);
    }
}

/* ---- while the space is changed ---- */

static void *add_often(void *index) {
    await_others();
    for (int round = 0; round < 20; round++)
        for (unsigned i = 0; i < PAGES; i++)
            atomic_fetch_add(word((i + (unsigned)(uintptr_t)index * 31) % PAGES), 1);
    atomic_fetch_sub(&shared.running, 1);
    return NULL;
}

static void forks_meanwhile(void) {
    pthread_t threads[THREADS];

    shared.pages = map_small(PAGES);
    start_all(threads, add_often);
    while (shared.running > 0) {
        pid_t child = fork();

        if (child == 0) {
            /* Nobody else runs here: what a page has is what it keeps. */
            uint64_t seen = atomic_load(word(7));

            for (unsigned i = 0; i < PAGES; i++)
                atomic_fetch_add(word(i), 1000000);
            _exit(atomic_load(word(7)) == seen + 1000000 ? 0 : 1);
        }
        CHECK_EQ(child_wait(child), 0);
    }
    join_all(threads);
    expect_everywhere(20 * THREADS);
    CHECK_EQ(munmap(shared.pages, PAGES * PAGE_BYTES), 0);
}

/* A write that is refused is made again. */
static void make_again(int signo) {
    (void)signo;
}

static void protected_meanwhile(void) {
    struct sigaction action = {.sa_handler = make_again};
    pthread_t threads[THREADS];

    CHECK_EQ(sigaction(SIGSEGV, &action, NULL), 0);
    shared.pages = map_small(PAGES);
    start_all(threads, add_often);
    for (unsigned i = 0; shared.running > 0; i++) {
        char *from = (char *)shared.pages + i * 13 % 200 * PAGE_BYTES;

        CHECK_EQ(mprotect(from, 64 * PAGE_BYTES, i % 3 ? PROT_READ : PROT_NONE), 0);
        CHECK_EQ(mprotect(from, 64 * PAGE_BYTES, RW), 0);
    }
    join_all(threads);
    expect_everywhere(20 * THREADS);
    CHECK_EQ(munmap(shared.pages, PAGES * PAGE_BYTES), 0);
}

/* Pages go and come back empty; no sum can be told, but that nothing else goes. */
static void *add_and_look(void *index) {
    void *result = add_often(index);

    for (unsigned i = 0; i < PAGES; i++)
        CHECK(atomic_load(word(i)) <= 20 * THREADS);
    return result;
}

static void change_meanwhile(void (*change)(char *from, size_t bytes)) {
    struct memory_use before, now;

    for (int round = 0; round < 3; round++) {
        pthread_t threads[THREADS];

        before = memory_use();
        shared.pages = map_small(PAGES);
        start_all(threads, add_and_look);
        for (unsigned i = 0; shared.running > 0; i++)
            change((char *)shared.pages + i * 11 % 250 * PAGE_BYTES, (1 + i % 50) * PAGE_BYTES);
        join_all(threads);
        CHECK_EQ(munmap(shared.pages, PAGES * PAGE_BYTES), 0);
        now = memory_settled(before);
        if (on_quire() && round > 0)
            CHECK_EQ(now.anonymous, before.anonymous);
    }
}

static void discard(char *from, size_t bytes) {
    CHECK_EQ(madvise(from, bytes, MADV_DONTNEED), 0);
}

static void discarded_meanwhile(void) {
    change_meanwhile(discard);
}

static void map_anew(char *from, size_t bytes) {
    CHECK(map_at(from, bytes / PAGE_BYTES, MAP_ANONYMOUS | MAP_FIXED) == (void *)from);
}

static void replaced_meanwhile(void) {
    change_meanwhile(map_anew);
}

/* Away and back again: who touches them meanwhile finds nothing there, and tries again. */
static void move_away(char *from, size_t bytes) {
    char *room = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(mremap(from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, room) == room);
    CHECK(mremap(room, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, from) == from);
}

static void moved_meanwhile(void) {
    struct sigaction action = {.sa_handler = make_again};
    pthread_t threads[THREADS];

    CHECK_EQ(sigaction(SIGSEGV, &action, NULL), 0);
    shared.pages = map_small(PAGES);
    start_all(threads, add_often);
    for (unsigned i = 0; shared.running > 0; i++)
        move_away((char *)shared.pages + i % 6 * 50 * PAGE_BYTES, 50 * PAGE_BYTES);
    join_all(threads);
    expect_everywhere(20 * THREADS);
    CHECK_EQ(munmap(shared.pages, PAGES * PAGE_BYTES), 0);
}

CHECK_MAIN({"same_pages", same_pages}, {"pages_in_turn", pages_in_turn}, {"own_areas", own_areas},
           {"read_before_write", read_before_write}, {"change_is_seen", change_is_seen},
           {"huge_page", huge_page}, {"copies_after_fork", copies_after_fork},
           {"copies_of_a_file", copies_of_a_file}, {"pages_of_all", pages_of_all},
           {"forks_meanwhile", forks_meanwhile}, {"protected_meanwhile", protected_meanwhile},
           {"discarded_meanwhile", discarded_meanwhile}, {"replaced_meanwhile", replaced_meanwhile},
           {"moved_meanwhile", moved_meanwhile})
