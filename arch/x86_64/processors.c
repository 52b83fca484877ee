/* SPDX-License-Identifier: MIT */
/*
 * Starting the other processors and interrupting them.
 *
 * They are told to start by interrupts of the local APIC: one that puts all into their initial
 * state, then for each a startup interrupt, which names the page where it begins (trampoline.S),
 * and again if it has not come after that (SDM volume 3, 8.4.4). One at a time: all use the same
 * page, and take their stack and index from the same place.
 *
 * One that has not come after a second is given up. Should it come later it finds that, and stops.
 *
 * Locks: none. cpus_started only grows, when a processor is ready for everything.
 */
#include "core/processors.h"

#include <stdatomic.h>

#include "acpi.h"
#include "apic.h"
#include "boot.h"
#include "core/boot.h"
#include "core/clock.h"
#include "core/cmdline.h"
#include "core/cpu.h"
#include "core/printk.h"
#include "kmap.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "machine/layout.h"
#include "mm/frame.h"
#include "mm/kva.h"
#include "traps.h"
#include "x86.h"

#define INIT_WAIT_NS 10000000ULL
#define STARTUP_WAIT_NS                                                                            \
    50000000ULL /* hardware needs 200 us; emulators may be stopped meanwhile                       \
                 */
#define GIVE_UP_NS NS_PER_SECOND

enum arrival { ARRIVAL_EXPECTED, ARRIVAL_HAPPENED, ARRIVAL_GIVEN_UP };

extern const uint8_t trampoline_start[], trampoline_end[];

/* Read by start.S, for the processor that is being started. */
uint64_t processor_start_root;
void *processor_start_stack;
uint32_t processor_start_efer;

_Noreturn void x86_start_processor(void);

/* For the one that is being started. */
static struct {
    unsigned index;
    struct trap_stacks stacks;
    void (*main)(void);
    atomic_int arrival;
} start;

static struct acpi_processors found; /* constant after processors_find() */
static uint32_t apic_ids[CPU_MAX];   /* constant for those started */
static atomic_uint cpus_started = 1;

unsigned cpu_count(void) {
    return atomic_load_explicit(&cpus_started, memory_order_acquire);
}

void processors_find(uint64_t rsdp_phys) {
    acpi_find_processors(rsdp_phys, &found);
    if (found.left_out)
        printk("acpi: %u processors beyond the %u that can be started\n", found.left_out, CPU_MAX);
}

/* The first C code of another processor, on its own stack and the final page tables. */
_Noreturn void x86_start_processor(void) {
    int expected = ARRIVAL_EXPECTED;

    cpu_init_self(start.index);
    descriptors_init(&start.stacks);
    traps_init_self();
    if (!atomic_compare_exchange_strong(&start.arrival, &expected, ARRIVAL_HAPPENED))
        cpu_stop();
    cpu_protect();
    fpu_init_self();
    syscall_init();
    apic_init_self();
    start.main();
    cpu_stop();
}

void processor_started(void) {
    atomic_fetch_add_explicit(&cpus_started, 1, memory_order_release);
}

/* ---- stacks ---- */

static void free_stacks(void) {
    kstack_free(processor_start_stack);
    kstack_free(start.stacks.double_fault);
    kstack_free(start.stacks.nmi);
    kstack_free(start.stacks.machine_check);
}

/* All stacks of the next processor. False: no memory, none is kept. */
static bool alloc_stacks(void) {
    processor_start_stack = kstack_alloc();
    start.stacks.double_fault = kstack_alloc();
    start.stacks.nmi = kstack_alloc();
    start.stacks.machine_check = kstack_alloc();
    if (processor_start_stack && start.stacks.double_fault && start.stacks.nmi &&
        start.stacks.machine_check)
        return true;
    free_stacks();
    return false;
}

/* ---- starting ---- */

/* Whether the next processor has come after all before `ns` have passed. */
static bool wait_for_arrival(unsigned count, uint64_t ns) {
    uint64_t end = clock_monotonic_ns() + ns;

    while (cpu_count() == count && clock_monotonic_ns() < end)
        cpu_relax();
    return cpu_count() != count;
}

/* Starts one processor as the next index. False: it did not come. */
static bool start_one(uint32_t apic_id) {
    unsigned count = cpu_count();
    int expected = ARRIVAL_EXPECTED;

    start.index = count;
    apic_ids[count] = apic_id;
    atomic_store(&start.arrival, ARRIVAL_EXPECTED);
    apic_send(apic_id, APIC_STARTUP | TRAMPOLINE_PHYS / PAGE_SIZE);
    if (wait_for_arrival(count, STARTUP_WAIT_NS))
        return true;
    if (atomic_load(&start.arrival) == ARRIVAL_EXPECTED)
        apic_send(apic_id, APIC_STARTUP | TRAMPOLINE_PHYS / PAGE_SIZE);
    if (wait_for_arrival(count, GIVE_UP_NS))
        return true;
    if (atomic_compare_exchange_strong(&start.arrival, &expected, ARRIVAL_GIVEN_UP))
        return false;
    while (!wait_for_arrival(count, GIVE_UP_NS)) /* it is there, only slow */
        ;
    return true;
}

/* How many may run in all. */
static unsigned limit(void) {
    char text[16];
    unsigned wanted = 0;

    if (!cmdline_get("maxcpus", text, sizeof(text)))
        return CPU_MAX;
    for (const char *at = text; *at >= '0' && *at <= '9' && wanted < CPU_MAX; at++)
        wanted = wanted * 10 + (unsigned)(*at - '0');
    return MIN(MAX(wanted, 1u), (unsigned)CPU_MAX);
}

static void start_all(void) {
    uint32_t own_id = apic_id_self();
    unsigned most = limit();

    apic_ids[0] = own_id;
    for (unsigned i = 0; i < found.count && cpu_count() < most; i++) {
        if (found.apic_id[i] == own_id)
            continue;
        if (!alloc_stacks()) {
            printk("cpu: no memory to start another processor\n");
            return;
        }
        apic_send(found.apic_id[i], APIC_INIT);
        clock_delay_ns(INIT_WAIT_NS);
        if (!start_one(found.apic_id[i])) {
            /* Its stacks stay: should it come, it stops on them. */
            printk("cpu: the processor with APIC %u does not start\n", found.apic_id[i]);
            return;
        }
    }
}

/* Whether the page of the trampoline is RAM, which boot.c has kept for it. */
static bool have_trampoline(void) {
    return phys_to_frame(TRAMPOLINE_PHYS)->use == FRAME_RESERVED;
}

void processors_start(void (*main)(void)) {
    start.main = main;
    processor_start_root = kmap_root();
    processor_start_efer = (uint32_t)rdmsr(MSR_EFER);
    if (have_trampoline()) {
        memcpy(phys_to_virt(TRAMPOLINE_PHYS), trampoline_start,
               (size_t)(trampoline_end - trampoline_start));
        start_all();
        frame_release_range(boot_info.trampoline.start, boot_info.trampoline.end);
    }
    printk("cpu: %u processor%s\n", cpu_count(), cpu_count() == 1 ? "" : "s");
}

/* ---- interrupting ---- */

void processor_look(unsigned index) {
    apic_send(apic_ids[index], VECTOR_LOOK);
}

void processor_answer(unsigned index) {
    apic_send(apic_ids[index], VECTOR_CALL);
}

void processors_stop_others(void) {
    for (unsigned i = 0; i < cpu_count(); i++) {
        if (i != cpu_index())
            apic_send(apic_ids[i], APIC_NMI);
    }
}
