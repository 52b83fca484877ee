/* SPDX-License-Identifier: MIT */
/*
 * Choosing and killing a process for its memory; see oom.h.
 */
#include "proc/oom.h"

#include "abi/errno.h"
#include "core/clock.h"
#include "core/cpu.h"
#include "core/panic.h"
#include "core/printk.h"
#include "lib/bits.h"
#include "mm/frame.h"
#include "proc/signal_core.h"
#include "proc/tree.h"
#include "sched/mutex.h"
#include "vfs/access.h"
#include "vm/space.h"

#define WAIT_NS NS_PER_SECOND
#define NEVER INT64_MIN

uint64_t oom_panics;
uint64_t oom_kills_allocating;
uint64_t oom_dumps_tasks;

static struct mutex oom_mutex;      /* LOCK_RANK_OOM */
static struct wait_queue ended;     /* who waits for the victim */
static const struct process *dying; /* atomic: the victim; only to compare with; NULL: none */
static uint64_t ram_pages;          /* const after start */

void oom_init(void) {
    struct frame_stats stats;

    frame_stats_get(&stats);
    ram_pages = stats.total;
    mutex_init(&oom_mutex, "oom", LOCK_RANK_OOM);
    wait_queue_init(&ended);
}

/* ---- how large ---- */

static uint64_t pages_of(struct vm_space *space) {
    struct vm_space_usage usage;

    vm_space_usage(space, &usage);
    return usage.private_pages + usage.file_pages + usage.shmem_pages + usage.table_pages;
}

/* Pages, moved by oom_score_adj; NEVER: not to be killed. *pages: as they are. */
static int64_t badness(struct process *process, uint64_t *pages) {
    struct vm_space *space;

    *pages = 0;
    if (process == process_init_process || process->oom_score_adj == OOM_ADJ_MIN ||
        process->vfork_borrowed)
        return NEVER;
    space = process_space_get(process);
    if (!space)
        return NEVER;
    *pages = pages_of(space);
    vm_space_unref(space);
    return (int64_t)*pages + process->oom_score_adj * (int64_t)(ram_pages / 1000);
}

uint64_t oom_score(struct process *process) {
    uint64_t pages;
    int64_t points = badness(process, &pages);

    if (points == NEVER)
        return 0;
    points = (1000 + points * 1000 / (int64_t)ram_pages) * 2 / 3;
    return points > 0 ? (uint64_t)points : 0;
}

/* ---- choosing ---- */

struct choice {
    struct process *process; /* with a reference; NULL: nobody */
    int64_t points;
    uint64_t pages;
};

static void dump_task(const struct process *process, int64_t points, uint64_t pages) {
    printk("quire: out of memory: %s[%d] has %lu pages, oom_score_adj %d%s\n", process->name,
           process->pid, pages, process->oom_score_adj, points == NEVER ? ", is spared" : "");
}

/* Takes the process if it is worse than the best so far; of equals the youngest. */
static void consider(struct choice *choice, struct process *process) {
    uint64_t pages;
    int64_t points = badness(process, &pages);

    if (oom_dumps_tasks)
        dump_task(process, points, pages);
    if (points == NEVER || process->is_oom_reaped || points < choice->points)
        return;
    if (choice->process)
        process_put(choice->process);
    process_ref(process);
    *choice = (struct choice){process, points, pages};
}

static struct choice choose(void) {
    struct choice choice = {.points = NEVER};
    struct process *process = process_next(1);

    if (oom_kills_allocating)
        consider(&choice, process_current());
    while (process && !(oom_kills_allocating && choice.process)) {
        int next = process->pid + 1;

        consider(&choice, process);
        process_put(process);
        process = process_next(next);
    }
    process_put(process);
    return choice;
}

/* ---- killing ---- */

/* Kills everybody who runs in the space, but for init. */
static void kill_users_of(const struct vm_space *space) {
    struct process *process = process_next(1);

    while (process) {
        int next = process->pid + 1;

        if (process->space == space && process != process_init_process)
            signal_send_process(process, SIGKILL, NULL);
        process_put(process);
        process = process_next(next);
    }
}

void oom_process_ended(const struct process *process) {
    const struct process *expected = process;

    if (__atomic_compare_exchange_n(&dying, &expected, NULL, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_RELAXED))
        wait_queue_wake_all(&ended);
}

/* What the process has alone comes back now, whatever keeps it from its end. */
static void kill_and_reap(const struct choice *choice) {
    struct process *process = choice->process;
    struct vm_space *space;

    process->is_oom_reaped = true;
    __atomic_store_n(&dying, process, __ATOMIC_RELEASE);
    space = process_space_get(process);
    if (!space) { /* it gives everything back already, and may have said so before */
        oom_process_ended(process);
        return;
    }
    printk("quire: out of memory: killed %s[%d], %lu pages, oom_score_adj %d\n", process->name,
           process->pid, choice->pages, process->oom_score_adj);
    kill_users_of(space);
    if (process != process_current())
        vm_space_reap(space);
    vm_space_unref(space);
}

/* Nobody may be killed but who asks. */
static void kill_self(void) {
    struct process *self = process_current();
    struct choice choice = {.process = self, .pages = pages_of(self->space)};

    if (self == process_init_process)
        panic("out of memory, and nobody is left to be killed");
    kill_and_reap(&choice);
}

static void kill_one(void) {
    struct choice choice;

    if (oom_panics)
        panic("out of memory, and vm.panic_on_oom is set");
    choice = choose();
    if (choice.process)
        kill_and_reap(&choice);
    else
        kill_self();
    process_put(choice.process);
}

/* ---- waiting ---- */

static bool has_victim(void) {
    return __atomic_load_n(&dying, __ATOMIC_ACQUIRE) != NULL;
}

/* Waits for the end of the victim. One that does not come to it is given up. */
static void wait_for_victim(void) {
    const struct process *victim = __atomic_load_n(&dying, __ATOMIC_ACQUIRE);
    uint64_t deadline_ns = clock_monotonic_ns() + WAIT_NS;

    (void)WAIT_COMMON(&ended, !has_victim() || task_must_exit(), THREAD_BLOCKED, deadline_ns);
    if (victim && clock_monotonic_ns() >= deadline_ns)
        oom_process_ended(victim);
}

bool oom_resolve(void) {
    if (task_must_exit() || !cpu_may_sleep())
        return false;
    if (has_victim()) {
        wait_for_victim();
        return !task_must_exit();
    }
    mutex_lock(&oom_mutex);
    if (!has_victim())
        kill_one();
    mutex_unlock(&oom_mutex);
    return !task_must_exit();
}

/* ---- oom_score_adj ---- */

int oom_set_adj(struct process *process, int adj) {
    struct process *other = process_next(1);

    if (adj < OOM_ADJ_MIN || adj > OOM_ADJ_MAX)
        return -EINVAL;
    if (adj < process->oom_score_adj_min && !vfs_is_root())
        return -EACCES;
    process->oom_score_adj = (int16_t)adj;
    if (vfs_is_root())
        process->oom_score_adj_min = (int16_t)adj;
    while (other) {
        int next = other->pid + 1;

        if (other->space && other->space == process->space && !process->vfork_borrowed &&
            !other->vfork_borrowed)
            other->oom_score_adj = (int16_t)adj;
        process_put(other);
        other = process_next(next);
    }
    return 0;
}
