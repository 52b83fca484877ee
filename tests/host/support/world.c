/* SPDX-License-Identifier: MIT */
/*
 * Processes in the kernel's VM and in the naive model side by side: see world.h.
 *
 * This file: the world, operations on spaces, and checking. world_touch.c: reading and writing.
 * world_object.c: objects. world_exchange.c: process_vm_readv, _writev.
 */
#include "support/world.h"

#include "abi/errno.h"
#include "core/cpu.h"
#include "lib/bits.h"
#include "lib/hash.h"
#include "mm/slab.h"
#include "support/account.h"
#include "support/arena.h"
#include "support/check.h"
#include "support/inject.h"
#include "support/kernel_model.h"
#include "support/mmu_model.h"
#include "support/model_cpu.h"
#include "support/world_private.h"
#include "vm/check.h"
#include "vm/map.h"
#include "vm/pmap.h"
#include "vm/space_lock.h"

#define MEMORY_BYTES (24ull << 20)
#define SOILED_BYTES (4ull << 20)
#define STACK_LIMIT_BYTES (40 * PAGE_SIZE)
#define HEAP_START (NAIVE_START + 300 * PAGE_SIZE + 100)

/* All of memory is checked after so many steps. */
#define SWEEP_TURNS 16

struct process processes[WORLD_PROCESSES];

static struct world_options options;
static struct random failures;
static uint64_t frames_before;
static unsigned steps;

/* ---- failing allocations ---- */

static bool made_to_fail(int (*call)(void *arg), void *arg, int *result) {
    *result = call(arg);
    return inject_stop() && *result == -ENOMEM;
}

int world_attempt(int (*call)(void *arg), void *arg) {
    int result = 0;

    if (options.failures == WORLD_FAIL_RANDOMLY) {
        inject_fail_randomly(random_next(&failures), 4);
        if (!made_to_fail(call, arg, &result))
            return result;
        world_check();
        return call(arg);
    }
    if (options.failures == WORLD_FAIL_NEVER)
        return call(arg);
    for (uint64_t n = 0;; n++) {
        inject_fail_nth(n);
        if (!made_to_fail(call, arg, &result))
            return result;
        world_check();
    }
}

bool world_may_fail(void) {
    return options.failures != WORLD_FAIL_NEVER;
}

/* ---- checking ---- */

static void check_space_of(unsigned i) {
    struct vm_check_report report;

    if (processes[i].space && !vm_check_space(processes[i].space, &report))
        FAIL("process %u: %s", i, report.text);
}

/* The check of all memory has to agree; it may find no memory to count with. */
static void check_all(void) {
    struct vm_check_report report;
    struct vm_check_totals totals;

    if (vm_check_all(&totals, &report) == -EUCLEAN)
        FAIL("%s", report.text);
}

/* Every frame is accounted for. */
static void check_frames(void) {
    struct account account;
    uint64_t object_pages = 0;

    account_begin();
    for (unsigned i = 0; i < WORLD_PROCESSES; i++) {
        if (processes[i].space)
            account_space(processes[i].space);
    }
    for (unsigned i = 0; i < NAIVE_OBJECTS; i++) {
        account_object(world_object(i));
        object_pages += page_tree_count(&world_object(i)->tree);
    }
    account = account_check();
    CHECK_EQ(account.frames, naive_idents + object_pages);
    CHECK_EQ(slab_check(), 0);
}

/* Walking pmaps is what takes long, so one of them each time; all of memory now and then. */
void world_check(void) {
    check_space_of(steps % WORLD_PROCESSES);
    check_frames();
    if (steps % SWEEP_TURNS == 0)
        check_all();
}

/* Every byte of one process, as its processor would read them. */
void world_compare(struct process *process) {
    for (unsigned i = 0; i < NAIVE_PAGES; i++) {
        const unsigned char *page;
        int error;

        if (!process->naive.pages[i].mapped)
            continue;
        error = model_cpu_read_page(process->space, naive_address(i), &page);
        CHECK_EQ(error, naive_access(&process->naive, i, VM_READ));
        if (error == 0 && memcmp(page, naive_bytes(&process->naive, i), PAGE_SIZE) != 0)
            FAIL("process %u: the page at %#llx differs", (unsigned)(process - processes),
                 (unsigned long long)naive_address(i));
    }
}

/* ---- the world ---- */

/* Every other process has its faults as one with several tasks has them. */
static void let_together(struct process *process) {
    if ((process - processes) % 2)
        vm_space_let_faults_together(process->space);
}

static int create_space(void *arg) {
    struct process *process = arg;

    process->space = vm_space_create();
    if (!process->space)
        return -ENOMEM;
    let_together(process);
    return 0;
}

/* Memory, once a process of the host's: a world that ends well leaves it as it found it. */
static void machine_start(void) {
    static bool started;

    if (started)
        return;
    host_memory_init_soiled(MEMORY_BYTES, SOILED_BYTES);
    vm_init();
    started = true;
}

/* Private memory that has room for a huge page. */
static void map_huge_page(struct process *process) {
    const struct naive_range range = {NAIVE_HUGE_PAGE, NAIVE_HUGE_PAGE + NAIVE_HUGE_PAGES};
    const struct naive_mapping mapping = {.prot = VM_READ | VM_WRITE, .max_prot = VM_RIGHTS};
    const struct vm_map_request request = {
        .address = naive_address(range.start),
        .length = NAIVE_HUGE_PAGES * PAGE_SIZE,
        .prot = mapping.prot,
        .flags = VM_MAP_FIXED,
    };
    uint64_t address;

    CHECK_EQ(vm_map(process->space, &request, &address), 0);
    naive_map(&process->naive, range, &mapping);
}

void world_create(const struct world_options *with) {
    struct process *first = &processes[0];
    const struct vm_limits limits = {STACK_LIMIT_BYTES, UINT64_MAX, UINT64_MAX, UINT64_MAX,
                                     UINT64_MAX};

    options = *with;
    failures.state = with->seed;
    steps = 0;
    memset(processes, 0, sizeof(processes));
    machine_start();
    frames_before = frames_in_use();
    world_objects_create();
    CHECK_EQ(world_attempt(create_space, first), 0);
    vm_space_set_limits(first->space, &limits);
    vm_space_set_brk_start(first->space, HEAP_START);
    first->space->mmap_top = NAIVE_END;
    first->naive.brk_start = first->naive.brk = HEAP_START;
    first->naive.stack_limit_bytes = STACK_LIMIT_BYTES;
    if (with->huge)
        map_huge_page(first);
    mmu_forget_randomly(with->seed, with->forget_one_in);
}

static void process_end(struct process *process) {
    model_cpu_leave();
    vm_space_unref(process->space);
    process->space = NULL;
    naive_unmap(&process->naive, (struct naive_range){0, NAIVE_PAGES});
}

void world_destroy(void) {
    mmu_forget_randomly(0, 0);
    for (unsigned i = 0; i < WORLD_PROCESSES; i++) {
        check_space_of(i);
        if (processes[i].space)
            world_compare(&processes[i]);
    }
    check_frames();
    for (unsigned i = 0; i < WORLD_PROCESSES; i++) {
        if (processes[i].space)
            process_end(&processes[i]);
    }
    check_frames();
    world_objects_destroy();
    CHECK_EQ(naive_idents, 0);
    CHECK_EQ(frames_in_use(), frames_before);
    frames_check();
}

/* The operation's process; the number wraps over those that live. */
static struct process *process_of(uint32_t number) {
    unsigned alive = 0;

    for (unsigned i = 0; i < WORLD_PROCESSES; i++)
        alive += processes[i].space != NULL;
    number %= alive;
    for (unsigned i = 0;; i++) {
        if (processes[i].space && number-- == 0)
            return &processes[i];
    }
}

static struct process *free_process(void) {
    for (unsigned i = 0; i < WORLD_PROCESSES; i++) {
        if (!processes[i].space)
            return &processes[i];
    }
    return NULL;
}

/* ---- operations on spaces ---- */

/* A range of pages: mostly short ones, some long, some with room for a huge page. */
struct naive_range world_range(uint32_t where, uint32_t length) {
    const unsigned huge_end = NAIVE_HUGE_PAGE + NAIVE_HUGE_PAGES;
    unsigned start = where % NAIVE_PAGES;
    unsigned pages = 1 + (length % 16 == 0 ? length / 16 % 200 : length / 16 % 12);

    if (length % 16 == 1)
        return (struct naive_range){where % (NAIVE_HUGE_PAGE + 1),
                                    huge_end + length / 16 % (NAIVE_PAGES - huge_end + 1)};
    return (struct naive_range){start, MIN(start + pages, NAIVE_PAGES)};
}

unsigned world_mapped_page(const struct process *process, unsigned page) {
    for (unsigned i = 0; i < NAIVE_PAGES && !process->naive.pages[page].mapped; i++)
        page = (page + 1) % NAIVE_PAGES;
    return page;
}

struct map_call {
    struct process *process;
    struct vm_map_request request;
    uint64_t address;
};

static int call_map(void *arg) {
    struct map_call *call = arg;

    return vm_map(call->process->space, &call->request, &call->address);
}

/* What kind of mapping an operation makes; the object's page is chosen by `where`. */
static struct naive_mapping mapping_of(const struct operation *op, struct naive_range range) {
    struct naive_mapping mapping = {.prot = op->c & VM_RIGHTS, .max_prot = VM_RIGHTS};

    if (op->c >> 20 & 3)
        mapping.prot |= VM_READ | VM_WRITE;
    if ((op->c >> 4) % 8 == 0)
        mapping.max_prot = mapping.prot | (op->c >> 7 & VM_RIGHTS);
    mapping.backing = (op->c >> 10) % 4 % 3; /* half of them without an object */
    if (mapping.max_prot == 0)
        mapping.max_prot = VM_RIGHTS; /* that is what 0 stands for */
    if (mapping.backing != NAIVE_ZERO) {
        mapping.object = world_object_for(op->c >> 12, mapping.backing);
        mapping.index = (op->c >> 16) % (NAIVE_OBJECT_PAGES - 8);
        mapping.index = MIN(mapping.index,
                            (uint16_t)MAX(0, (int)(NAIVE_OBJECT_PAGES + range.start - range.end)));
    } else {
        mapping.grows_down = (op->c >> 16) % 6 == 0;
    }
    return mapping;
}

static void fill_request(struct vm_map_request *request, const struct naive_mapping *mapping) {
    request->prot = mapping->prot;
    request->max_prot = mapping->max_prot;
    if (mapping->backing != NAIVE_ZERO) {
        request->object = world_object(mapping->object);
        request->offset = mapping->index * PAGE_SIZE;
    }
    if (mapping->backing == NAIVE_SHARED_OBJECT)
        request->flags |= VM_MAP_SHARED;
    if (mapping->grows_down)
        request->flags |= VM_MAP_GROWS_DOWN;
}

/* Maps at a wish or nowhere in particular: the place is the kernel's choice. */
static void map_anywhere(struct map_call *call, const struct naive_mapping *mapping,
                         struct naive_range range) {
    struct process *process = call->process;
    unsigned pages = range.end - range.start;
    uint64_t expected = naive_range_is_clear(&process->naive, range)
                            ? naive_address(range.start)
                            : naive_highest_gap(&process->naive, pages);

    CHECK_EQ(world_attempt(call_map, call), 0);
    CHECK_EQ(call->address, expected);
    if (expected < NAIVE_START) {
        /* It may have been joined to an area inside; only splitting needs memory. */
        CHECK_EQ(vm_unmap(process->space, expected, pages * PAGE_SIZE), 0);
        if (expected + pages * PAGE_SIZE > NAIVE_START)
            naive_unmap(
                &process->naive,
                (struct naive_range){0, (unsigned)((expected - NAIVE_START) / PAGE_SIZE) + pages});
        return;
    }
    range.start = (unsigned)((expected - NAIVE_START) / PAGE_SIZE);
    range.end = range.start + pages;
    naive_map(&process->naive, range, mapping);
}

static void do_map(const struct operation *op) {
    struct process *process = process_of(op->d);
    struct naive_range range = world_range(op->a, op->b);
    struct naive_mapping mapping;
    struct map_call call = {.process = process};

    mapping = mapping_of(op, range);
    if (mapping.backing != NAIVE_ZERO)
        range.end = MIN(range.end, range.start + NAIVE_OBJECT_PAGES);
    call.request.address = naive_address(range.start);
    call.request.length = (range.end - range.start) * PAGE_SIZE - op->b % 100;
    fill_request(&call.request, &mapping);
    switch (op->d >> 8 & 3) {
    case 0:
        call.request.flags |= VM_MAP_NOREPLACE;
        if (!naive_range_is_free(&process->naive, range)) {
            CHECK_EQ(world_attempt(call_map, &call), -EEXIST);
            return;
        }
        break;
    case 1:
        map_anywhere(&call, &mapping, range);
        return;
    default:
        call.request.flags |= VM_MAP_FIXED;
    }
    CHECK_EQ(world_attempt(call_map, &call), 0);
    CHECK_EQ(call.address, naive_address(range.start));
    naive_map(&process->naive, range, &mapping);
}

struct range_call {
    struct process *process;
    struct naive_range range;
    unsigned prot;
};

static int call_unmap(void *arg) {
    const struct range_call *call = arg;

    return vm_unmap(call->process->space, naive_address(call->range.start),
                    (call->range.end - call->range.start) * PAGE_SIZE);
}

static void do_unmap(const struct operation *op) {
    struct range_call call = {process_of(op->d), world_range(op->a, op->b), 0};

    CHECK_EQ(world_attempt(call_unmap, &call), 0);
    naive_unmap(&call.process->naive, call.range);
}

static int call_protect(void *arg) {
    const struct range_call *call = arg;

    return vm_protect(call->process->space, naive_address(call->range.start),
                      (call->range.end - call->range.start) * PAGE_SIZE, call->prot);
}

static void do_protect(const struct operation *op) {
    struct range_call call = {process_of(op->d), world_range(op->a, op->b), op->c & VM_RIGHTS};

    CHECK_EQ(world_attempt(call_protect, &call),
             naive_protect(&call.process->naive, call.range, call.prot));
}

struct brk_call {
    struct process *process;
    uint64_t address, result;
};

static int call_brk(void *arg) {
    struct brk_call *call = arg;

    call->result = vm_brk(call->process->space, call->address);
    return call->result == call->address ? 0 : -ENOMEM;
}

static void do_brk(const struct operation *op) {
    struct brk_call call = {.process = process_of(op->d)};

    call.address = HEAP_START - 200 + op->a % (40 * PAGE_SIZE);
    world_attempt(call_brk, &call);
    CHECK_EQ(call.result, naive_brk(&call.process->naive, call.address));
}

struct fork_call {
    struct process *parent, *child;
};

static int call_fork(void *arg) {
    struct fork_call *call = arg;

    int error = vm_space_fork(call->parent->space, &call->child->space);

    if (error == 0)
        let_together(call->child);
    return error;
}

static void do_fork(const struct operation *op) {
    struct fork_call call = {process_of(op->d), free_process()};
    struct operation again = *op;

    if (!call.child)
        return;
    world_touch(call.parent, op);
    CHECK_EQ(world_attempt(call_fork, &call), 0);
    naive_fork(&call.child->naive, &call.parent->naive);
    /* The same pages again, at once: the processor still has what it had of them. */
    again.a = op->a + 1;
    world_touch(op->c & 1 ? call.parent : call.child, &again);
    world_touch(op->c & 1 ? call.child : call.parent, op);
}

static void do_exit(const struct operation *op) {
    struct process *process = process_of(op->d);

    if (process != &processes[0])
        process_end(process);
}

static void do_compare(const struct operation *op) {
    world_compare(process_of(op->d));
}

static void do_touch(const struct operation *op) {
    world_touch(process_of(op->d), op);
}

static void do_remap(const struct operation *op) {
    world_remap(process_of(op->d), op);
}

static void do_advise(const struct operation *op) {
    world_advise(process_of(op->d), op);
}

static void do_lock(const struct operation *op) {
    world_lock(process_of(op->d), op);
}

static void do_populate(const struct operation *op) {
    world_populate(process_of(op->d), op);
}

static void do_resident(const struct operation *op) {
    world_resident(process_of(op->d), op);
}

static void do_transfer(const struct operation *op) {
    world_transfer(process_of(op->d), op);
}

static void do_exchange(const struct operation *op) {
    world_exchange(process_of(op->d), process_of(op->b), op);
}

/* The pmap loses entries: the truth brings them back. */
static void do_forget(const struct operation *op) {
    struct process *process = process_of(op->d);
    struct naive_range range = world_range(op->a, op->b);

    vm_space_lock(process->space);
    pmap_remove(process->space->pmap, naive_address(range.start), naive_address(range.end));
    vm_space_unlock(process->space);
}

static const struct {
    const char *name;
    unsigned weight;
    void (*run)(const struct operation *op);
} kinds[] = {
    {"map", 12, do_map},          {"unmap", 4, do_unmap},
    {"protect", 7, do_protect},   {"brk", 4, do_brk},
    {"fork", 7, do_fork},         {"exit", 5, do_exit},
    {"touch", 41, do_touch},      {"transfer", 4, do_transfer},
    {"forget", 4, do_forget},     {"object", 6, world_do_object},
    {"compare", 2, do_compare},   {"remap", 7, do_remap},
    {"advise", 7, do_advise},     {"lock", 4, do_lock},
    {"populate", 3, do_populate}, {"resident", 1, do_resident},
    {"exchange", 3, do_exchange},
};

static unsigned weights(void) {
    unsigned sum = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++)
        sum += kinds[i].weight;
    return sum;
}

uint8_t world_kind(uint32_t random) {
    uint8_t kind = 0;

    random %= weights();
    while (random >= kinds[kind].weight)
        random -= kinds[kind++].weight;
    return kind;
}

unsigned world_kinds(void) {
    return ARRAY_SIZE(kinds);
}

const char *world_kind_name(uint8_t kind) {
    return kinds[kind].name;
}

/* A huge page would soon be gone if mappings changed as often as elsewhere: most are touches. */
static bool is_spared(const struct operation *op) {
    void (*run)(const struct operation *op) = kinds[op->kind].run;

    return options.huge && op->b / 16 % 8 && (run == do_map || run == do_unmap || run == do_brk);
}

/* Any processor does the next operation; the others keep what they have. */
static void take_turns(const struct operation *operation) {
    uint64_t choice = hash_u64((uint64_t)operation->a << 32 | operation->b);

    host_cpu_leave_for(choice / 2 % cpu_count(), choice % 2);
}

void world_do(const struct operation *operation) {
    take_turns(operation);
    if (is_spared(operation))
        do_touch(operation);
    else
        kinds[operation->kind].run(operation);
    steps++;
    if (steps % options.check_every == 0)
        world_check();
    else
        check_space_of(steps % WORLD_PROCESSES);
}
