/* SPDX-License-Identifier: MIT */
/*
 * Tests inside the kernel, one for each boot: what only the machine itself can show. Each either
 * says `selftest NAME: ok` in the log and powers off, or panics; tests/kernel/expected tells which
 * words each is to end with.
 */
#include "core/assert.h"
#include "core/clock.h"
#include "core/context.h"
#include "core/cpu.h"
#include "core/panic.h"
#include "core/power.h"
#include "core/printk.h"
#include "core/processors.h"
#include "core/trap.h"
#include "core/uaccess.h"
#include "init/selftest.h"
#include "arch/x86_64/kmap.h"
#include "lib/bits.h"
#include "lib/format.h"
#include "lib/string.h"
#include "machine/layout.h"
#include "mm/frame.h"
#include "mm/kmap.h"
#include "mm/kva.h"
#include "sched/thread.h"
#include "sync/contention.h"
#include "sync/cpu_call.h"
#include "sync/patience.h"
#include "sync/spinlock.h"

/* A test that only fails by a panic of its own. */
#define TEST(name, body)                                                                           \
    static unsigned body##_run(void) {                                                             \
        body();                                                                                    \
        return 0;                                                                                  \
    }                                                                                              \
    SELFTEST(body##_entry, name, body##_run)

static struct spinlock outer = SPINLOCK_INIT("outer", LOCK_RANK_SLAB);
static struct spinlock inner = SPINLOCK_INIT("inner", LOCK_RANK_FRAME);

/* Kept from the compiler, which sees through what these tests do wrong on purpose. */
static void *volatile null_address = NULL;
static volatile bool for_ever = true;

static __attribute__((noinline)) int use_up_stack(volatile char *above) {
    volatile char here[256];

    here[0] = above ? above[0] : 1;
    return for_ever ? use_up_stack(here) + here[0] : 0;
}

static void use_up_stack_of_thread(void *arg) {
    use_up_stack(arg);
}

static void test_stack_overflow(void) {
    struct context here, there;
    void *stack = kstack_alloc();

    ASSERT(stack);
    context_init(&there, stack, use_up_stack_of_thread, NULL);
    context_switch(&here, &there);
}

static void test_boot_stack_overflow(void) {
    use_up_stack(NULL);
}

static void test_double_fault(void) {
    __asm__ volatile("xorl %esp, %esp\n"
                     "pushq %rax");
}

static void test_nmi(void) {
    printk("selftest nmi: waiting\n");
    for (;;)
        cpu_relax();
}

static void test_null_write(void) {
    *(volatile int *)null_address = 1;
}

static void test_null_call(void) {
    ((void (*)(void))null_address)();
}

static void test_text_write(void) {
    *(volatile char *)test_text_write = 0;
}

static void test_text_write_direct(void) {
    uint64_t phys = (uint64_t)test_text_write - KERNEL_BASE;

    *(volatile char *)(DIRECT_MAP_BASE + phys) = 0;
}

static void test_rodata_write(void) {
    static const int constant = 1;
    static const int *volatile address = &constant;

    *(volatile int *)(uintptr_t)address = 2;
}

static void test_data_execute(void) {
    static char code[] = "\xc3";

    ((void (*)(void))(uintptr_t)code)();
}

static void test_direct_map_execute(void) {
    struct frame *frame = frame_alloc_zeroed(FRAME_KERNEL);

    ASSERT(frame);
    ((void (*)(void))frame_to_virt(frame))();
}

static void test_user_address(void) {
    *(volatile int *)USER_MIN = 1;
}

static void test_lock_order(void) {
    spin_lock(&inner);
    spin_lock(&outer);
}

static void test_lock_twice(void) {
    spin_lock(&outer);
    spin_lock(&outer);
}

static void test_lock_not_held(void) {
    spin_unlock(&outer);
}

static void test_sleep_with_lock(void) {
    spin_lock(&outer);
    thread_prepare_block(THREAD_BLOCKED);
    thread_block();
}

static void take_outer(void) {
    spin_lock(&outer);
}

/* A timer interrupt, which takes a lock that is not of the interrupts' kind. */
static void test_lock_in_interrupt(void) {
    static struct trap_hooks hooks;

    hooks = *trap_hooks();
    hooks.timer_tick = take_outer;
    trap_hooks_register(&hooks);
    clock_set_next_event(clock_monotonic_ns());
    for (;;)
        cpu_idle_wait();
}

static void test_lock_interrupts_on(void) {
    static struct spinlock lock = SPINLOCK_INIT("of interrupts", LOCK_RANK_TIMER);

    irq_enable();
    spin_lock(&lock);
}

static void do_nothing(void *arg) {
    (void)arg;
}

#if QUIRE_DEBUG
/* What another processor does from its start on, with interrupts off. */
static void hold_outer_for_ever(void) {
    sched_init_self();
    spin_lock(&outer);
    processor_started();
    for (;;)
        cpu_relax();
}

static void hang_for_ever(void) {
    sched_init_self();
    processor_started();
    for (;;)
        cpu_relax();
}

static void test_lock_held_long(void) {
    patience_limit_ns = NS_PER_SECOND / 4;
    processors_start(hold_outer_for_ever);
    spin_lock(&outer);
}

static void test_hung_processor(void) {
    patience_limit_ns = NS_PER_SECOND / 4;
    processors_start(hang_for_ever);
    cpu_call(cpus_running(), do_nothing, NULL);
}
#endif

/*
 * Another processor takes `outer` and lets go of it when this one has answered a call, which it
 * does, its interrupts being off, only when it waits for the lock.
 */
static bool waiter_is_ready;

static void hold_outer_until_waited_for(void) {
    sched_init_self();
    spin_lock(&outer);
    processor_started();
    while (!__atomic_load_n(&waiter_is_ready, __ATOMIC_ACQUIRE))
        cpu_relax();
    cpu_call(1, do_nothing, NULL);
    spin_unlock(&outer);
    for (;;)
        cpu_relax();
}

/* The number of waits counted for `outer`. */
static uint64_t waits_for_outer(void) {
    struct contention classes[CONTENTION_CLASSES];
    size_t count = contention_get(classes);

    for (size_t i = 0; i < count; i++) {
        ASSERT(i == 0 || classes[i].waits <= classes[i - 1].waits);
        if (strcmp(classes[i].name, "outer") == 0) {
            ASSERT(classes[i].longest_ns <= classes[i].waited_ns);
            return classes[i].waits;
        }
    }
    return 0;
}

static void test_contention(void) {
    spin_lock(&outer);
    spin_unlock(&outer);
    ASSERT(waits_for_outer() == 0);
    processors_start(hold_outer_until_waited_for);
    irq_disable();
    __atomic_store_n(&waiter_is_ready, true, __ATOMIC_RELEASE);
    spin_lock(&outer);
    spin_unlock(&outer);
    ASSERT(waits_for_outer() == 1);
    contention_note("outer", 5);
    ASSERT(waits_for_outer() == 2);
    contention_reset();
    ASSERT(waits_for_outer() == 0);
    contention_note(outer.name, 5);
    ASSERT(waits_for_outer() == 1);
}

/* More names than there are slots: nothing is lost. */
static void test_contention_full(void) {
    static char many[CONTENTION_CLASSES + 10][8];
    struct contention classes[CONTENTION_CLASSES];
    uint64_t total = 0;

    contention_reset();
    for (size_t i = 0; i < ARRAY_SIZE(many); i++) {
        format(many[i], sizeof(many[i]), "n%zu", i);
        contention_note(many[i], 1);
    }
    for (size_t i = contention_get(classes); i > 0; i--)
        total += classes[i - 1].waits;
    ASSERT(total == ARRAY_SIZE(many));
}

static __attribute__((noinline)) void panic_three(void) {
    panic("on purpose");
}

static __attribute__((noinline)) void panic_two(void) {
    panic_three();
    __asm__ volatile("");
}

static void test_backtrace(void) {
    panic_two();
}

static void test_registers(void) {
    __asm__ volatile("movabsq $0x0123456789abcdef, %%r12\n"
                     "ud2"
                     :
                     :
                     : "r12");
}

static void test_kernel_map(void) {
    ASSERT(kmap_check());
}

/* Stacks by the hundred need tables; all of it comes back. */
static void test_stacks_return(void) {
    static void *stacks[300];
    struct frame_stats before, after;

    kstack_free(kstack_alloc());
    frame_stats_get(&before);
    for (size_t i = 0; i < ARRAY_SIZE(stacks); i++) {
        stacks[i] = kstack_alloc();
        ASSERT(stacks[i]);
        memset((char *)stacks[i] - 64, 0x5a, 64);
    }
    for (size_t i = 0; i < ARRAY_SIZE(stacks); i++)
        kstack_free(stacks[i]);
    frame_stats_get(&after);
    ASSERT(before.free == after.free);
}

static void test_kmap_enter(void) {
    uint64_t va = KVA_END - PAGE_SIZE;
    struct frame *frame = frame_alloc_zeroed(FRAME_KERNEL);
    struct frame_stats before, after;

    ASSERT(frame);
    frame_stats_get(&before);
    ASSERT(kmap_enter(va, frame_to_phys(frame), KMAP_WRITE) == 0);
    *(volatile uint64_t *)va = 0x1234;
    ASSERT(*(volatile uint64_t *)frame_to_virt(frame) == 0x1234);
    ASSERT(kmap_check());
    kmap_remove(va, 1);
    frame_stats_get(&after);
    ASSERT(before.free == after.free);
}

static void test_clock(void) {
    uint64_t start = clock_monotonic_ns(), last = start, now;

    do {
        now = clock_monotonic_ns();
        ASSERT(now >= last);
        last = now;
    } while (now - start < NS_PER_SECOND / 50);
    ASSERT(clock_realtime_ns() > 1600000000ULL * NS_PER_SECOND);
}

/* Every bad pointer is an error, not a fault; there is no user half here at all. */
static void test_uaccess_bad(void) {
    static const uint64_t addresses[] = {0,           USER_MIN,  USER_END - 8,
                                         USER_END,    1UL << 47, DIRECT_MAP_BASE,
                                         KERNEL_BASE, ~0UL - 7,  ~0UL};
    uint64_t value = 7;
    char text[16];

    for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
        void *bad = (void *)addresses[i];

        ASSERT(copy_from_user(text, bad, sizeof(text)) != 0);
        ASSERT(copy_to_user(bad, text, sizeof(text)) != 0);
        ASSERT(copy_to_user_partial(bad, text, sizeof(text)) == sizeof(text));
        ASSERT(copy_string_from_user(text, bad, sizeof(text)) < 0);
        ASSERT(clear_user(bad, 5000) != 0);
        ASSERT(get_user_u64(&value, bad) != 0 && value == 7);
        ASSERT(put_user_u64(1, bad) != 0);
        ASSERT(put_user_u32(1, bad) != 0);
    }
    ASSERT(copy_from_user(text, NULL, 0) == 0);
}

TEST("stack-overflow", test_stack_overflow);
TEST("boot-stack-overflow", test_boot_stack_overflow);
TEST("double-fault", test_double_fault);
#if QUIRE_DEBUG
TEST("lock-held-long", test_lock_held_long);
TEST("hung-processor", test_hung_processor);
SELFTEST(hung_backtrace_entry, "hung-backtrace", test_hung_processor_run);
#endif
TEST("nmi", test_nmi);
TEST("null-write", test_null_write);
TEST("null-call", test_null_call);
TEST("text-write", test_text_write);
TEST("text-write-direct", test_text_write_direct);
TEST("rodata-write", test_rodata_write);
TEST("data-execute", test_data_execute);
TEST("direct-map-execute", test_direct_map_execute);
TEST("user-address", test_user_address);
TEST("lock-order", test_lock_order);
TEST("lock-twice", test_lock_twice);
TEST("lock-not-held", test_lock_not_held);
TEST("sleep-with-lock", test_sleep_with_lock);
TEST("lock-in-interrupt", test_lock_in_interrupt);
TEST("lock-interrupts-on", test_lock_interrupts_on);
TEST("contention", test_contention);
TEST("contention-full", test_contention_full);
TEST("backtrace", test_backtrace);
TEST("registers", test_registers);
TEST("kernel-map", test_kernel_map);
TEST("stacks-return", test_stacks_return);
TEST("kmap-enter", test_kmap_enter);
TEST("clock", test_clock);
TEST("uaccess-bad", test_uaccess_bad);
