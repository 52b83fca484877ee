/* SPDX-License-Identifier: MIT */
/*
 * kernel/mm: what several processors have in hand is found when memory is out, by any of them,
 * whatever they were doing when they were asked.
 *
 * The interrupt that asks is let in after each instruction in turn of what touches a hand: the
 * host's processor goes step by step (the trap flag), and the signal's handler is the interrupt.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <ucontext.h>

#include "core/cpu.h"
#include "lib/bits.h"
#include "mm/frame.h"
#include "mm/frame_private.h"
#include "support/arena.h"
#include "support/check.h"
#include "support/kernel_model.h"

#define MIB (1ull << 20)
#define FLAG_TRAP 0x100
#define SOME_MAX 400u

static uint64_t free_frames(void) {
    struct frame_stats stats;

    frame_stats_get(&stats);
    return stats.free;
}

/* Takes up to `most` frames on a processor; how many, threaded through the frames. */
static uint64_t take(unsigned cpu, uint64_t most, struct frame **first) {
    struct frame *f;
    uint64_t n = 0;

    host_cpu_run_on(cpu);
    for (*first = NULL; n < most && (f = frame_alloc(FRAME_ANON)) != NULL; n++) {
        *(struct frame **)frame_to_virt(f) = *first;
        *first = f;
    }
    return n;
}

/* Gives up to `most` of them back on a processor. */
static void give(unsigned cpu, uint64_t most, struct frame **first) {
    host_cpu_run_on(cpu);
    for (; *first && most > 0; most--) {
        struct frame *f = *first;

        *first = *(struct frame **)frame_to_virt(f);
        frame_unref(f);
    }
}

/* All that is free can be had on this processor, each frame once. Afterwards no other has any. */
static void check_all_found(unsigned cpu) {
    uint64_t free = free_frames();
    struct frame *all;

    CHECK_EQ(take(cpu, UINT64_MAX, &all), free);
    CHECK_EQ(free_frames(), 0);
    frames_check();
    give(cpu, UINT64_MAX, &all);
    CHECK_EQ(free_frames(), free);
    frames_check();
}

/* Leaves about as many frames in the hand of each processor. */
static void fill_hands(uint64_t frames) {
    struct frame *some[CPU_MAX];

    for (unsigned cpu = 0; cpu < host_cpu_count; cpu++)
        take(cpu, frames, &some[cpu]);
    for (unsigned cpu = 0; cpu < host_cpu_count; cpu++)
        give(cpu, UINT64_MAX, &some[cpu]);
}

static void test_last_frame(void) {
    host_memory_init(16 * MIB);
    host_cpu_count = CPU_MAX;
    for (unsigned cpu = 0; cpu < host_cpu_count; cpu++) {
        fill_hands(10 + 17 * cpu);
        check_all_found(cpu);
    }
}

static unsigned count_blocks(void) {
    static struct frame *blocks[16 * MIB / PAGE_SIZE];
    unsigned n = 0;

    while ((blocks[n] = frame_alloc_order(FRAME_ANON, 5)) != NULL)
        n++;
    for (unsigned i = 0; i < n; i++)
        frame_free_order(blocks[i], 5);
    return n;
}

/* Single frames in others' hands are part of large blocks, too. */
static void test_large_blocks(void) {
    unsigned before;

    host_memory_init(16 * MIB);
    host_cpu_count = 4;
    before = count_blocks();
    fill_hands(300);
    host_cpu_run_on(2);
    CHECK_EQ(count_blocks(), before);
}

/* ---- who touches what he has in hand is asked again ---- */

static unsigned refusals, asked;

static size_t reclaim_nothing(void) {
    return 0;
}

static bool refuse(void) {
    asked++;
    CHECK(host_cpu.index != 0 && cpu_in_interrupt());
    return host_cpu.index != 2 || refusals-- == 0;
}

static void test_asked_again(void) {
    static struct frame_reclaimer reclaimer = {.reclaim = reclaim_nothing, .hand_over = refuse};
    struct frame *all;

    host_memory_init(8 * MIB);
    frame_reclaimer_add(&reclaimer);
    host_cpu_count = 3;
    take(0, UINT64_MAX, &all);
    asked = 0;
    refusals = 5;
    CHECK(frame_alloc(FRAME_ANON) == NULL);
    CHECK_EQ(asked, 2 + 5);
    give(0, UINT64_MAX, &all);
}

/* ---- while one collects another takes no more than it needs ---- */

static struct frame *wanted;

/* After the hands were handed over: the only frames free are the buddy's, and processor 1 wants
 * one. */
static size_t want_one(void) {
    if (host_cpu.index == 0 && !wanted) {
        host_cpu_run_on(1);
        wanted = frame_alloc(FRAME_ANON);
        host_cpu_run_on(0);
    }
    return 0;
}

static void test_frugal(void) {
    static struct frame_reclaimer reclaimer = {.reclaim = want_one};
    struct frame *all;

    host_memory_init(8 * MIB);
    frame_reclaimer_add(&reclaimer);
    host_cpu_count = 2;
    take(1, UINT64_MAX, &all);
    wanted = NULL;
    give(1, 10, &all);
    host_cpu_run_on(0);
    CHECK(frame_alloc(FRAME_ANON) != NULL);
    CHECK(wanted != NULL);
    for (unsigned i = 0; i < 8; i++) /* none of them is in the hand of processor 1 */
        CHECK(frame_alloc(FRAME_ANON) != NULL);
    CHECK(frame_alloc(FRAME_ANON) == NULL);
}

/* ---- after each instruction ---- */

static struct {
    volatile sig_atomic_t on;
    volatile long left;        /* instructions before the interrupt */
    volatile bool done, given; /* the interrupt: it came; the hand was handed over */
} step;

/* int3 begins; then once after each instruction. */
static void on_trap(int signo, siginfo_t *info, void *context) {
    greg_t *flags = &((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL];

    (void)signo, (void)info;
    *flags |= FLAG_TRAP;
    if (step.on && step.left-- == 0) {
        host_cpu.irq_depth++;
        step.given = frame_cache_hand_over();
        host_cpu.irq_depth--;
        step.done = true;
        step.on = 0;
    }
    if (!step.on)
        *flags &= ~FLAG_TRAP;
}

/* What is done step by step, with frames that it may give back. Returns a frame that it took. */
struct frame_work {
    const char *name;
    unsigned in_use; /* frames that are taken before */
    unsigned given;  /* and of those given back */
    struct frame *(*work)(struct frame **some);
};

static struct frame *take_one(struct frame **some) {
    (void)some;
    return frame_alloc(FRAME_ANON);
}

static struct frame *give_one(struct frame **some) {
    give(1, 1, some);
    return NULL;
}

/* The hand is full by then. */
static struct frame *give_many(struct frame **some) {
    give(1, 40, some);
    return NULL;
}

/* True if the interrupt came before the work was over. */
static bool interrupt_after(const struct frame_work *w, long instructions) {
    struct frame *some, *taken;

    take(1, w->in_use, &some);
    give(1, w->given, &some);
    step.left = instructions;
    step.done = step.given = false;
    step.on = 1;
    __asm__ volatile("int3" : : : "memory");
    taken = w->work(&some);
    step.on = 0;
    CHECK((taken != NULL) == (w->work == take_one));
    check_all_found(0);
    give(0, UINT64_MAX, &some);
    if (taken)
        frame_unref(taken);
    check_all_found(0);
    return step.done;
}

static void test_interrupted_anywhere(void) {
    static const struct frame_work works[] = {
        {"the last in hand", 33, 1, take_one}, {"one of many", 40, 35, take_one},
        {"an empty hand", 0, 0, take_one},     {"the first", 32, 0, give_one},
        {"one more", 40, 20, give_one},        {"a full hand", SOME_MAX, 360, give_many},
    };
    const struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};

    host_memory_init(4 * MIB);
    host_cpu_count = 2;
    CHECK_EQ(sigaction(SIGTRAP, &action, NULL), 0);
    check_all_found(0);
    for (size_t i = 0; i < ARRAY_SIZE(works); i++) {
        unsigned given = 0, refused = 0;

        for (long n = 0; n < 20000 && interrupt_after(&works[i], n); n += n < 400 ? 1 : n / 2) {
            test_context("%s, after %ld instructions", works[i].name, n);
            given += step.given;
            refused += !step.given;
        }
        CHECK(given > 0 && refused > 0);
    }
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        {"last_frame", test_last_frame},
        {"large_blocks", test_large_blocks},
        {"asked_again", test_asked_again},
        {"frugal", test_frugal},
        {"interrupted_anywhere", test_interrupted_anywhere},
    };

    return test_main(argc, argv, "hands", tests, ARRAY_SIZE(tests));
}
