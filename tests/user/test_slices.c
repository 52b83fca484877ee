/* SPDX-License-Identifier: MIT */
/*
 * Large ranges that are unmapped, replaced, protected, discarded, while other threads touch them,
 * or other memory of the process, or map anew into the very range. The kernel makes that slice by
 * slice and lets others in between; what they find must be the old or the new, and what they do
 * must last.
 *
 * A debug kernel sees by itself that nobody who waits is passed over, and that the page table says
 * no more than it may.
 */
#include "check.h"
#include "facts.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>

#define THREADS 3
#define PAGES 1700u /* four page tables */
#define BYTES (PAGES * PAGE_BYTES)
#define OWN 64u /* pages that a thread has for itself */
#define ROUNDS 4
#define RW (PROT_READ | PROT_WRITE)

static struct {
    _Atomic uint64_t *pages; /* a word in each page counts */
    atomic_bool over;
    atomic_ulong added; /* what all have added to the words */
} shared;

static _Atomic uint64_t *word(unsigned page) {
    return shared.pages + (size_t)page * (PAGE_BYTES / sizeof(uint64_t)) + 5;
}

static void *map(void *at, size_t bytes, int flags) {
    void *memory = mmap(at, bytes, RW, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

    CHECK(memory != MAP_FAILED);
    CHECK_EQ(madvise(memory, bytes, MADV_NOHUGEPAGE), 0);
    return memory;
}

static void fill(uint64_t value) {
    for (unsigned i = 0; i < PAGES; i++)
        atomic_store(word(i), value);
}

static void start(pthread_t *threads, void *(*run)(void *)) {
    atomic_store(&shared.over, false);
    atomic_store(&shared.added, 0);
    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, run, (void *)i), 0);
}

static void stop(const pthread_t *threads) {
    atomic_store(&shared.over, true);
    for (unsigned i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

/* ---- others are elsewhere, or come to where it was ---- */

/* Takes memory, near where some goes just now if that is free, and loses nothing of it. */
static void *map_and_look(void *index) {
    unsigned page = (unsigned)(uintptr_t)index * 400;

    do {
        char *at = (char *)shared.pages + (page += 97) % (PAGES - OWN) * PAGE_BYTES;
        unsigned char *own = map(at, OWN * PAGE_BYTES, 0);

        for (unsigned i = 0; i < OWN; i++) {
            CHECK_EQ(own[i * PAGE_BYTES + 40], 0);
            own[i * PAGE_BYTES + 40] = (unsigned char)(i + 1);
        }
        for (unsigned i = 0; i < OWN; i++)
            CHECK_EQ(own[i * PAGE_BYTES + 40], (unsigned char)(i + 1));
        CHECK_EQ(munmap(own, OWN * PAGE_BYTES), 0);
    } while (!atomic_load(&shared.over));
    return NULL;
}

static void unmapped_meanwhile(void) {
    struct memory_use before, now;
    pthread_t threads[THREADS];

    for (int turn = 0; turn < 2; turn++) {
        before = memory_use();
        shared.pages = map(NULL, BYTES, 0);
        start(threads, map_and_look);
        for (int round = 0; round < ROUNDS; round++) {
            fill(~0ull);
            CHECK_EQ(munmap(shared.pages, BYTES), 0);
            shared.pages = map(NULL, BYTES, 0);
        }
        stop(threads);
        CHECK_EQ(munmap(shared.pages, BYTES), 0);
        now = memory_settled(before);
        if (on_quire() && turn > 0)
            CHECK_EQ(now.anonymous, before.anonymous);
    }
}

/* ---- others are there ---- */

/* Pages that are read. Each one that is written later is told to all processors: a few will do. */
#define READ_STEP 61u

/* Old or new, and nothing else. */
static void *read_some(void *index) {
    for (unsigned i = (unsigned)(uintptr_t)index; !atomic_load(&shared.over); i++)
        CHECK(atomic_load(word(i * READ_STEP % (PAGES - PAGES % READ_STEP))) <= ROUNDS);
    return NULL;
}

static void expect_zeroes(void) {
    for (unsigned i = 0; i < PAGES; i += READ_STEP)
        CHECK_EQ(atomic_load(word(i)), 0);
}

static void replaced_meanwhile(void) {
    pthread_t threads[THREADS];

    shared.pages = map(NULL, BYTES, 0);
    start(threads, read_some);
    for (unsigned round = 1; round <= ROUNDS; round++) {
        fill(round);
        map(shared.pages, BYTES, MAP_FIXED);
        expect_zeroes();
    }
    stop(threads);
    CHECK_EQ(munmap(shared.pages, BYTES), 0);
}

static void discarded_meanwhile(void) {
    pthread_t threads[THREADS];

    shared.pages = map(NULL, BYTES, 0);
    start(threads, read_some);
    for (unsigned round = 1; round <= ROUNDS; round++) {
        fill(round);
        CHECK_EQ(madvise(shared.pages, BYTES, MADV_DONTNEED), 0);
        expect_zeroes();
    }
    stop(threads);
    CHECK_EQ(munmap(shared.pages, BYTES), 0);
}

/* A write that is refused is made again. */
static void make_again(int signo) {
    (void)signo;
}

static void *add_to_all(void *index) {
    for (unsigned i = (unsigned)(uintptr_t)index; !atomic_load(&shared.over); i += 13) {
        atomic_fetch_add(word(i % PAGES), 1);
        atomic_fetch_add(&shared.added, 1);
    }
    return NULL;
}

static uint64_t sum_of_all(void) {
    uint64_t sum = 0;

    for (unsigned i = 0; i < PAGES; i++)
        sum += atomic_load(word(i));
    return sum;
}

/* As long as nobody may write, nothing changes; and no addition is lost. */
static void protected_meanwhile(void) {
    struct sigaction action = {.sa_handler = make_again};
    pthread_t threads[THREADS];

    CHECK_EQ(sigaction(SIGSEGV, &action, NULL), 0);
    shared.pages = map(NULL, BYTES, 0);
    fill(0);
    start(threads, add_to_all);
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t sum;

        CHECK_EQ(mprotect(shared.pages, BYTES, PROT_READ), 0);
        sum = sum_of_all();
        CHECK_EQ(sum_of_all(), sum);
        CHECK_EQ(mprotect(shared.pages, BYTES, PROT_NONE), 0);
        CHECK_EQ(mprotect(shared.pages, BYTES, RW), 0);
    }
    stop(threads);
    CHECK_EQ(sum_of_all(), atomic_load(&shared.added));
    CHECK_EQ(munmap(shared.pages, BYTES), 0);
}

/* ---- several change the same range ---- */

static void *protect_all(void *index) {
    static const int prots[THREADS] = {PROT_READ, RW, PROT_NONE};

    while (!atomic_load(&shared.over))
        CHECK_EQ(mprotect(shared.pages, BYTES, prots[(uintptr_t)index]), 0);
    return NULL;
}

/* Both ways at once: whoever is last has it, and what was written is there. */
static void protected_by_several(void) {
    struct sigaction action = {.sa_handler = make_again};
    pthread_t threads[THREADS];

    CHECK_EQ(sigaction(SIGSEGV, &action, NULL), 0);
    shared.pages = map(NULL, BYTES, 0);
    fill(1);
    start(threads, protect_all);
    for (unsigned i = 0; i < 60; i++)
        atomic_fetch_add(word(i * 13), 1);
    stop(threads);
    CHECK_EQ(mprotect(shared.pages, BYTES, RW), 0);
    CHECK_EQ(sum_of_all(), PAGES + 60);
    CHECK_EQ(munmap(shared.pages, BYTES), 0);
}

/* ---- forks ---- */

static void *unmap_and_protect(void *index) {
    (void)index;
    while (!atomic_load(&shared.over)) {
        char *own = map(NULL, BYTES / 2, 0);

        for (unsigned i = 0; i < PAGES / 2; i++)
            own[i * PAGE_BYTES] = 1;
        CHECK_EQ(mprotect(own, BYTES / 2, PROT_READ), 0);
        CHECK_EQ(madvise(own, BYTES / 4, MADV_DONTNEED), 0);
        CHECK_EQ(munmap(own, BYTES / 2), 0);
    }
    return NULL;
}

/* A child has what its parent had, and takes nothing along that goes meanwhile. */
static void forks_meanwhile(void) {
    struct memory_use before, now;
    pthread_t threads[THREADS];

    before = memory_use();
    shared.pages = map(NULL, BYTES, 0);
    fill(3);
    start(threads, unmap_and_protect);
    for (int round = 0; round < ROUNDS; round++) {
        pid_t child = fork();

        if (child == 0) {
            CHECK_EQ(sum_of_all(), 3 * PAGES);
            CHECK_EQ(munmap(shared.pages, BYTES), 0);
            _exit(0);
        }
        CHECK_EQ(child_wait(child), 0);
    }
    stop(threads);
    CHECK_EQ(sum_of_all(), 3 * PAGES);
    CHECK_EQ(munmap(shared.pages, BYTES), 0);
    now = memory_settled(before);
    if (on_quire())
        CHECK(now.anonymous <= before.anonymous + 64); /* the threads' stacks */
}

CHECK_MAIN({"unmapped_meanwhile", unmapped_meanwhile}, {"replaced_meanwhile", replaced_meanwhile},
           {"discarded_meanwhile", discarded_meanwhile},
           {"protected_meanwhile", protected_meanwhile},
           {"protected_by_several", protected_by_several}, {"forks_meanwhile", forks_meanwhile})
