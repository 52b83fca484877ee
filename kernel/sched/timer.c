/* SPDX-License-Identifier: MIT */
/*
 * Timers: one tree by deadline for each processor; see timer.h.
 */
#include "sched/timer.h"

#include "core/clock.h"
#include "core/cpu.h"
#include "sync/cpu_call.h"
#include "sched/run_queue.h"
#include "sync/spinlock.h"

struct timer_tree {
    struct spinlock lock;
    struct rb_tree tree;   /* (lock) */
    struct timer *first;   /* (lock) the earliest; NULL: none */
    struct timer *running; /* (lock) its function is being called */
};

static struct timer_tree trees[CPU_MAX];

void timers_init_self(void) {
    spin_init(&trees[cpu_index()].lock, "timers", LOCK_RANK_TIMER);
}

void timer_init(struct timer *timer, void (*fn)(void *), void *arg) {
    *timer = (struct timer){.fn = fn, .arg = arg};
}

static void insert_locked(struct timer_tree *tree, struct timer *timer) {
    struct rb_node **link = &tree->tree.root;
    struct rb_node *parent = NULL;

    while (*link) {
        parent = *link;
        link = timer->deadline_ns < RB_ENTRY(parent, struct timer, node)->deadline_ns
                   ? &parent->left
                   : &parent->right;
    }
    rb_link(&tree->tree, &timer->node, parent, link);
    timer->active = true;
    if (!tree->first || timer->deadline_ns < tree->first->deadline_ns)
        tree->first = timer;
}

static void remove_locked(struct timer_tree *tree, struct timer *timer) {
    if (tree->first == timer) {
        struct rb_node *next = rb_next(&timer->node);

        tree->first = next ? RB_ENTRY(next, struct timer, node) : NULL;
    }
    rb_erase(&tree->tree, &timer->node);
    timer->active = false;
}

static uint64_t first_deadline_locked(const struct timer_tree *tree) {
    return tree->first ? tree->first->deadline_ns : CLOCK_NO_EVENT;
}

void timer_start(struct timer *timer, uint64_t deadline_ns) {
    irq_flags_t flags = irq_save();
    struct timer_tree *tree;
    uint64_t first;

    timer_cancel(timer);
    timer->cpu = (uint16_t)cpu_index();
    tree = &trees[timer->cpu];
    spin_lock(&tree->lock);
    timer->deadline_ns = deadline_ns;
    insert_locked(tree, timer);
    first = first_deadline_locked(tree);
    spin_unlock(&tree->lock);
    /* In the timer interrupt the clock is programmed when all due timers have run. */
    if (first == deadline_ns && !tree->running)
        run_queue_set_timer(first);
    irq_restore(flags);
}

bool timer_cancel(struct timer *timer) {
    struct timer_tree *tree = &trees[timer->cpu];
    irq_flags_t flags = spin_lock_irq(&tree->lock);
    bool was_active = timer->active;

    if (was_active)
        remove_locked(tree, timer);
    while (tree->running == timer && timer->cpu != cpu_index()) {
        spin_unlock(&tree->lock);
        cpu_call_answer();
        cpu_relax();
        spin_lock(&tree->lock);
        /* Its function may have started it again. */
        if (timer->active)
            remove_locked(tree, timer);
    }
    spin_unlock_irq(&tree->lock, flags);
    return was_active;
}

uint64_t timers_run(uint64_t now_ns) {
    struct timer_tree *tree = &trees[cpu_index()];
    uint64_t next;

    spin_lock(&tree->lock);
    while (tree->first && tree->first->deadline_ns <= now_ns) {
        struct timer *timer = tree->first;

        remove_locked(tree, timer);
        tree->running = timer;
        spin_unlock(&tree->lock);
        timer->fn(timer->arg);
        spin_lock(&tree->lock);
        tree->running = NULL;
    }
    next = first_deadline_locked(tree);
    spin_unlock(&tree->lock);
    return next;
}
