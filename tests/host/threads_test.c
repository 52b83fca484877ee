/* SPDX-License-Identifier: MIT */
/*
 * Processors that are threads, under the thread sanitizer: the real calls between processors,
 * spinlocks, frames, slabs, pmap, shoot-down and the checker of invalidations, with a TLB each.
 *
 * The processors map, protect, unmap and fork pages of two maps, each under its lock, and write to
 * what they have mapped without one: each to its own byte of a page. Whoever gets the frame next
 * clears all of it, which the sanitizer finds unordered unless the processor that wrote has
 * answered before the frame was free. Steps are counted, not timed.
 */
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/x86_64/kmap.h"
#include "core/clock.h"
#include "core/cpu.h"
#include "core/panic.h"
#include "core/printk.h"
#include "core/processors.h"
#include "lib/bits.h"
#include "mm/frame.h"
#include "mm/slab.h"
#include "support/random.h"
#include "sync/cpu_call.h"
#include "sync/spinlock.h"
#include "threads/mmu.h"
#include "threads/trace.h"
#include "vm/pmap.h"

#define PROCESSORS 4u
#define MAPS 2u
#define PAGES 24u
#define BASE 0x10000000ull
#define ARENA_BYTES (16ull << 20)
#define STEPS 3000u
#define TOLD_EVENTS 20000u
#define BURST_FRAMES 450u /* more than a processor keeps in hand */
#define LONG_SCALE 40u
#define RACE_STATUS 66 /* the sanitizer's own */

#define AT(page) (BASE + (page)*PAGE_SIZE)

static struct cpu cpus[CPU_MAX];
_Thread_local struct cpu *thread_cpu;
_Thread_local bool thread_irq_enabled = true;

static struct map {
    struct spinlock lock;
    struct pmap *pmap;           /* [lock] */
    struct frame *frames[PAGES]; /* [lock] */
} maps[MAPS];

/* ---- what the kernel has of its machine ---- */

static _Noreturn void fail(const char *format, va_list args) {
    fputs("not ok threads: ", stdout);
    vprintf(format, args);
    putchar('\n');
    fflush(stdout);
    _exit(1);
}

void panic(const char *format, ...) {
    va_list args;

    va_start(args, format);
    fail(format, args);
}

void panic_everywhere(const char *format, ...) {
    va_list args;

    va_start(args, format);
    fail(format, args);
}

void assert_fail(const char *condition, const char *file, int line) {
    panic("%s:%d: assertion failed: %s", file, line, condition);
}

void printk(const char *format, ...) {
    (void)format;
}

/* Nothing is waited for too long: the host's load is its own matter. */
uint64_t clock_monotonic_ns(void) {
    return 0;
}

unsigned cpu_count(void) {
    return PROCESSORS;
}

struct cpu *cpu_get(unsigned index) {
    return &cpus[index];
}

void machine_cpu_work_set(uint32_t bits) {
    thread_cpu->work |= bits;
}

struct thread *machine_thread_current(void) {
    return NULL;
}

void processor_answer(unsigned index) {
    (void)index; /* it will look */
}

void machine_answer_calls(void) {
    cpu_call_answer();
}

void cpu_relax(void) {
    sched_yield();
}

uint64_t kmap_root(void) {
    return PAGE_SIZE;
}

/* ---- what each processor does ---- */

/*
 * Who finds an entry sees what its frame held when it was entered: the order of stores, which the
 * sanitizer does not know of hardware that reads an entry.
 */
static _Atomic unsigned entered;

static void map_page(struct map *map, unsigned page) {
    struct frame *frame = frame_alloc_zeroed(FRAME_ANON), *old = map->frames[page];

    if (!frame)
        return;
    atomic_fetch_add_explicit(&entered, 1, memory_order_release);
    if (pmap_enter(map->pmap, AT(page), frame_to_phys(frame), VM_READ | VM_WRITE) < 0) {
        frame_unref(frame);
        return;
    }
    map->frames[page] = frame;
    if (old)
        frame_unref(old);
}

static void unmap_pages(struct map *map, unsigned page, unsigned end) {
    pmap_remove(map->pmap, AT(page), AT(end));
    for (; page < end; page++) {
        if (map->frames[page])
            frame_unref(map->frames[page]);
        map->frames[page] = NULL;
    }
}

/* A child that is gone at once: the parent has lost W, and is told. */
static void fork_once(struct map *map) {
    struct pmap *child = pmap_create();

    if (!child)
        return;
    pmap_fork(map->pmap, child, USER_MIN, USER_END);
    pmap_fork_finish(map->pmap);
    pmap_destroy(child);
}

/* A write fault. */
static void make_writable(struct map *map, unsigned page) {
    if (map->frames[page])
        pmap_enter(map->pmap, AT(page), frame_to_phys(map->frames[page]), VM_READ | VM_WRITE);
}

static void change(struct map *map, struct random *random) {
    unsigned page = (unsigned)random_below(random, PAGES);
    unsigned end = MIN(page + 1 + (unsigned)random_below(random, PAGES), PAGES);

    spin_lock(&map->lock);
    switch (random_below(random, 8)) {
    case 0:
        unmap_pages(map, page, end);
        break;
    case 1:
        pmap_protect(map->pmap, AT(page), AT(end), VM_READ);
        break;
    case 2:
        fork_once(map);
        break;
    case 3:
    case 4:
        make_writable(map, page);
        break;
    default:
        map_page(map, page);
    }
    spin_unlock(&map->lock);
}

static void write_pages(void) {
    for (unsigned page = 0; page < PAGES; page++) {
        unsigned char *at = thread_mmu_find(AT(page));

        atomic_load_explicit(&entered, memory_order_acquire);
        if (at)
            at[cpu_index()]++;
    }
}

/* Frames go through the processor's hands and those of all. */
static void take_many_frames(void) {
    struct frame *frames[BURST_FRAMES];
    unsigned n = 0;

    while (n < BURST_FRAMES && (frames[n] = frame_alloc(FRAME_KERNEL)) != NULL)
        n++;
    while (n > 0)
        frame_unref(frames[--n]);
}

static unsigned steps;

static void *processor(void *arg) {
    struct random random = {.state = (uintptr_t)arg + 1};

    thread_cpu = &cpus[(uintptr_t)arg];
    for (unsigned step = 0; step < steps; step++) {
        struct map *map = &maps[random_below(&random, MAPS)];

        if (random_one_in(&random, 3))
            pmap_activate(map->pmap);
        write_pages();
        if (random_one_in(&random, 50))
            take_many_frames();
        cpu_self()->pmap_is_left_over = random_one_in(&random, 4);
        cpu_call_answer();
        if (!cpu_self()->pmap_is_left_over)
            change(map, &random);
        cpu_self()->pmap_is_left_over = false;
        if (!cpu_self()->pmap) /* it let go */
            pmap_activate(map->pmap);
    }
    pmap_activate(NULL);
    return NULL;
}

/* ---- the run ---- */

static _Atomic unsigned ended;

static void *processor_to_the_end(void *arg) {
    processor(arg);
    atomic_fetch_add(&ended, 1);
    while (atomic_load(&ended) < PROCESSORS) {
        cpu_call_answer();
        cpu_relax();
    }
    return NULL;
}

static void start(void) {
    const struct phys_range ram = {0, ARENA_BYTES}, low = {0, 1 << 20};
    void *at = phys_to_virt(0);

    if (mmap(at, ARENA_BYTES, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != at)
        panic("no place for the arena");
    for (unsigned i = 0; i < PROCESSORS; i++)
        cpus[i] = (struct cpu){.self = &cpus[i], .index = i, .mask = 1ull << i};
    thread_cpu = &cpus[0];
    ASSERT(frame_init(&ram, 1, &low, 1) == 0);
    slab_init();
    pmap_init();
}

static uint64_t frames_in_use(void) {
    struct frame_stats stats;

    frame_stats_get(&stats);
    return stats.total - stats.free;
}

static void run_processors(void) {
    pthread_t threads[PROCESSORS];

    for (uintptr_t i = 0; i < PROCESSORS; i++)
        ASSERT(pthread_create(&threads[i], NULL, processor_to_the_end, (void *)i) == 0);
    for (unsigned i = 0; i < PROCESSORS; i++)
        pthread_join(threads[i], NULL);
}

static void everything(void) {
    const char *is_long = getenv("LONG");
    uint64_t before;

    steps = STEPS * (is_long && is_long[0] == '1' ? LONG_SCALE : 1);
    start();
    before = frames_in_use();
    for (unsigned i = 0; i < MAPS; i++) {
        spin_init(&maps[i].lock, "map", LOCK_RANK_VM_SPACE);
        maps[i].pmap = pmap_create();
        ASSERT(maps[i].pmap);
    }
    run_processors();
    for (unsigned i = 0; i < MAPS; i++) {
        unmap_pages(&maps[i], 0, PAGES);
        pmap_destroy(maps[i].pmap);
    }
    ASSERT(frames_in_use() == before);
    printf("ok threads.everything: %u steps on each of %u processors\n", steps, PROCESSORS);
}

/* ---- that the sanitizer is there ---- */

static unsigned raced;

static void *race(void *arg) {
    raced++;
    return arg;
}

static int race_on_purpose(void) {
    pthread_t thread;

    pthread_create(&thread, NULL, race, NULL);
    raced++;
    pthread_join(thread, NULL);
    return 0;
}

static void race_is_reported(const char *self) {
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        if (freopen("/dev/null", "w", stderr))
            execl(self, self, "race", (char *)NULL);
        _exit(1);
    }
    ASSERT(child > 0 && waitpid(child, &status, 0) == child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != RACE_STATUS)
        panic("a race on purpose ends with status %#x", status);
    puts("ok threads.race_is_reported");
    fflush(stdout);
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "race") == 0)
        return race_on_purpose();
    race_is_reported("/proc/self/exe");
    everything();
    threads_trace(cpus, PROCESSORS, TOLD_EVENTS);
    printf("ok threads.trace: %u events of each of %u processors\n", TOLD_EVENTS, PROCESSORS);
    return 0;
}
