/* SPDX-License-Identifier: MIT */
/*
 * Advisory locks; see file_lock.h. Sources: flock(2), fcntl(2).
 *
 * Each vnode that was ever locked has a list of held locks. Setting a range first takes the owner's
 * own bytes out of it (which may split one lock in two), then adds the new lock; both spare records
 * are allocated before the spinlock is taken. Neighbouring locks of one owner are not joined: it
 * makes no difference to anybody but in memory.
 *
 * Deadlock between record locks (EDEADLK) is found by following who waits for whom.
 */
#include "vfs/file_lock.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "lib/list.h"
#include "mm/slab.h"
#include "sched/wait.h"
#include "vfs/context.h"

#define DEADLOCK_DEPTH 32

struct file_lock {
    struct list_node link;
    struct file_lock_request held;
};

struct file_lock_list {
    struct list_node locks;
    struct wait_queue changed;
};

/* An owner that sleeps until `blocker` lets go; on the sleeper's stack. */
struct lock_waiter {
    struct list_node link;
    const void *owner;
    const void *blocker;
};

static struct spinlock file_lock_lock = SPINLOCK_INIT("file locks", LOCK_RANK_VNODE_STATE);
static struct list_node waiters = LIST_HEAD_INIT(waiters);

static struct file_lock_list *lock_list_get(struct vnode *v) {
    struct file_lock_list *list = v->locks, *none = NULL;

    if (list)
        return list;
    list = kmalloc(sizeof(*list));
    if (!list)
        return NULL;
    list_init(&list->locks);
    wait_queue_init(&list->changed);
    if (!atomic_compare_exchange_strong(&v->locks, &none, list)) {
        kfree(list);
        list = none;
    }
    return list;
}

void file_locks_free(struct vnode *v) {
    kfree(v->locks);
}

static bool locks_overlap(const struct file_lock_request *a, const struct file_lock_request *b) {
    return a->kind == b->kind && a->start <= b->end && b->start <= a->end;
}

/* The first held lock that another owner's want must wait for, or NULL. */
static struct file_lock *lock_conflict_locked(struct file_lock_list *list,
                                              const struct file_lock_request *want) {
    struct file_lock *l;

    LIST_FOR_EACH (&list->locks, l, link) {
        bool exclusive = l->held.type == F_WRLCK || want->type == F_WRLCK;

        if (exclusive && l->held.owner != want->owner && locks_overlap(&l->held, want))
            return l;
    }
    return NULL;
}

/* Would `owner` waiting for `blocker` close a circle? */
static bool lock_deadlocks_locked(const void *owner, const void *blocker) {
    for (int depth = 0; depth < DEADLOCK_DEPTH; depth++) {
        struct lock_waiter *w, *next = NULL;

        if (blocker == owner)
            return true;
        LIST_FOR_EACH (&waiters, w, link) {
            if (w->owner == blocker)
                next = w;
        }
        if (!next)
            return false;
        blocker = next->blocker;
    }
    return false;
}

/* Takes want's bytes out of l, which overlaps it. *spare serves when that leaves two pieces. */
static void lock_cut_locked(struct file_lock *l, const struct file_lock_request *want,
                            struct file_lock **spare, struct list_node *dead) {
    bool keeps_front = l->held.start < want->start;
    bool keeps_back = l->held.end > want->end;

    if (keeps_front && keeps_back) {
        struct file_lock *back = *spare;

        *spare = NULL;
        back->held = l->held;
        back->held.start = want->end + 1;
        list_insert_after(&l->link, &back->link);
    }
    if (keeps_front) {
        l->held.end = want->start - 1;
    } else if (keeps_back) {
        l->held.start = want->end + 1;
    } else {
        list_remove(&l->link);
        list_push_back(dead, &l->link);
    }
}

static void lock_cut_own_locked(struct file_lock_list *list, const struct file_lock_request *want,
                                struct file_lock **spare, struct list_node *dead) {
    struct file_lock *l, *tmp;

    LIST_FOR_EACH_SAFE (&list->locks, l, tmp, link) {
        if (l->held.owner == want->owner && locks_overlap(&l->held, want))
            lock_cut_locked(l, want, spare, dead);
    }
}

static void lock_free_list(struct list_node *dead) {
    struct list_node *node;

    while ((node = list_pop_front(dead)))
        kfree(LIST_ENTRY(node, struct file_lock, link));
}

/* Sets want, which nothing stands in the way of. Uses up *fresh unless it is an unlock. */
static void lock_apply_locked(struct file_lock_list *list, const struct file_lock_request *want,
                              struct file_lock **fresh, struct file_lock **spare,
                              struct list_node *dead) {
    lock_cut_own_locked(list, want, spare, dead);
    if (want->type == F_UNLCK)
        return;
    (*fresh)->held = *want;
    list_push_back(&list->locks, &(*fresh)->link);
    *fresh = NULL;
}

/*
 * 0, -EAGAIN or -EDEADLK. With -EAGAIN the waiter, if there is one, is in the list by then: two who
 * wait for each other are found out by the second of them.
 */
static int lock_try(struct file_lock_list *list, const struct file_lock_request *want,
                    struct lock_waiter *waiter, struct file_lock *records[2]) {
    struct list_node dead = LIST_HEAD_INIT(dead);
    struct file_lock *blocker = NULL;
    int error = 0;

    spin_lock(&file_lock_lock);
    if (want->type != F_UNLCK)
        blocker = lock_conflict_locked(list, want);
    if (!blocker) {
        lock_apply_locked(list, want, &records[0], &records[1], &dead);
    } else if (want->kind == FILE_LOCK_RANGE &&
               lock_deadlocks_locked(want->owner, blocker->held.owner)) {
        error = -EDEADLK;
    } else {
        error = -EAGAIN;
    }
    if (error == -EAGAIN && waiter) {
        *waiter = (struct lock_waiter){.owner = want->owner, .blocker = blocker->held.owner};
        list_push_back(&waiters, &waiter->link);
    }
    spin_unlock(&file_lock_lock);
    lock_free_list(&dead);
    if (!error)
        wait_queue_wake_all(&list->changed);
    return error;
}

/* Whether there is something to try again: nothing in the way, or another owner than before. */
static bool lock_may_go_on(struct file_lock_list *list, const struct file_lock_request *want,
                           const struct lock_waiter *waiter) {
    const struct file_lock *blocker;
    bool may;

    spin_lock(&file_lock_lock);
    blocker = lock_conflict_locked(list, want);
    may = !blocker || blocker->held.owner != waiter->blocker;
    spin_unlock(&file_lock_lock);
    return may;
}

/* Waits until it is worth trying again, and takes the waiter out of the list. 0 or -EINTR. */
static int lock_wait(struct file_lock_list *list, const struct file_lock_request *want,
                     struct lock_waiter *waiter) {
    int error = WAIT_EVENT_INTERRUPTIBLE(&list->changed, lock_may_go_on(list, want, waiter));

    spin_lock(&file_lock_lock);
    list_remove(&waiter->link);
    spin_unlock(&file_lock_lock);
    return error;
}

int file_lock_set(struct file *f, const struct file_lock_request *want, bool wait) {
    struct file_lock_list *list = lock_list_get(f->vnode);
    struct file_lock *records[2] = {NULL, NULL};
    struct lock_waiter waiter;
    int error = -ENOLCK;

    if (!list)
        return -ENOLCK;
    records[0] = kmalloc(sizeof(struct file_lock));
    records[1] = kmalloc(sizeof(struct file_lock));
    if (!records[0] || !records[1])
        goto free_records;
    if (want->owner == f)
        f->mode |= FILE_LOCKED;
    do
        error = lock_try(list, want, wait ? &waiter : NULL, records);
    while (error == -EAGAIN && wait && (error = lock_wait(list, want, &waiter)) == 0);
free_records:
    kfree(records[0]);
    kfree(records[1]);
    return error;
}

void file_lock_test(struct file *f, struct file_lock_request *want) {
    struct file_lock_list *list = f->vnode->locks;
    struct file_lock *blocker = NULL;

    if (list) {
        spin_lock(&file_lock_lock);
        blocker = lock_conflict_locked(list, want);
        if (blocker)
            *want = blocker->held;
        spin_unlock(&file_lock_lock);
    }
    if (!blocker)
        want->type = F_UNLCK;
}

void file_locks_drop_owner(struct vnode *v, const void *owner) {
    struct list_node dead = LIST_HEAD_INIT(dead);
    struct file_lock_list *list = v->locks;
    struct file_lock *l, *tmp;

    if (!list)
        return;
    spin_lock(&file_lock_lock);
    LIST_FOR_EACH_SAFE (&list->locks, l, tmp, link) {
        if (l->held.owner == owner) {
            list_remove(&l->link);
            list_push_back(&dead, &l->link);
        }
    }
    spin_unlock(&file_lock_lock);
    if (list_is_empty(&dead))
        return;
    lock_free_list(&dead);
    wait_queue_wake_all(&list->changed);
}

void file_locks_drop_file(struct file *f) {
    file_locks_drop_owner(f->vnode, f);
}
