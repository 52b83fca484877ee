/* SPDX-License-Identifier: MIT */
/*
 * epoll.
 *
 * Words:
 *   set     what epoll_create makes
 *   watch   one file in one set, known by (file, set, descriptor number)
 *   hook    an entry of a watch in a wait queue of its file
 *   ready   a watch that may have events: some queue of its file was woken since it was last looked
 *           at, or (level-triggered) it had events then
 *
 * A wake only puts the watch on its set's ready list and wakes the set; whether there are events,
 * and which, is asked of the file by epoll_wait.
 *
 * A watch holds no reference on its file: the file's last user closes it as if nobody watched, and
 * epoll_file_gone() takes the watches away first. So whoever holds epoll_lock may use the files of
 * all watches.
 *
 * Sets in sets: the wait queue of a set of depth d has lock rank EPOLL_WAIT + d, since an inner set
 * wakes outer ones under its own lock. A set that is itself watched cannot become deeper: ELOOP,
 * where Linux would allow it up to the same depth.
 *
 * Locks: epoll_lock, a mutex, for all watches of all sets; set->ready_lock, a spinlock taken with
 * interrupts off inside any wait queue's, for the ready list.
 *
 * Source: epoll(7), epoll_ctl(2).
 */
#include "vfs/epoll.h"

#include "abi/errno.h"
#include "abi/poll.h"
#include "lib/list.h"
#include "lib/rbtree.h"
#include "mm/slab.h"
#include "vfs/anon_file.h"

#define DEPTH_MAX 4u

/* Bits of events that are no events. */
#define EPOLL_OPTIONS (EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE | EPOLLWAKEUP)

struct set {
    struct spinlock ready_lock;
    struct list_node ready;   /* (ready_lock) struct watch, by ready_node */
    bool is_taken;            /* (ready_lock) somebody looks through what was in it just now */
    struct list_node watches; /* (epoll_lock) by set_node */
    unsigned depth;           /* (epoll_lock) sets inside sets inside it */
    struct wait_queue wait;   /* those in epoll_wait, and pollers of the set */
};

struct hook {
    struct wait_entry entry;
    struct watch *watch;
    struct hook *next;
};

struct watch {
    struct rb_node node;         /* (epoll_lock) */
    struct list_node set_node;   /* (epoll_lock) */
    struct list_node ready_node; /* (ready_lock) in set->ready, or alone */
    struct set *set;             /* constant */
    struct file *file;           /* constant; not counted */
    int fd;                      /* constant */
    uint32_t events;             /* (epoll_lock) wanted, with options; 0 after EPOLLONESHOT */
    uint64_t data;               /* (epoll_lock) */
    struct hook *hooks;          /* (epoll_lock) */
};

static struct mutex epoll_lock;
static struct rb_tree watches; /* (epoll_lock) all of them */

static const struct file_ops epoll_ops;

void epoll_init(void) {
    mutex_init(&epoll_lock, "epoll", LOCK_RANK_EPOLL);
}

/* ---- the tree of watches ---- */

static int compare_pointers(const void *a, const void *b) {
    return (uintptr_t)a < (uintptr_t)b ? -1 : (uintptr_t)a > (uintptr_t)b;
}

/* By file, then set, then number. */
static int watch_compare(const struct watch *w, const struct file *file, const struct set *set,
                         int fd) {
    int order = compare_pointers(w->file, file);

    if (order == 0)
        order = compare_pointers(w->set, set);
    return order ? order : w->fd < fd ? -1 : w->fd > fd;
}

static struct watch *watch_find(const struct file *file, const struct set *set, int fd) {
    struct rb_node *node = watches.root;

    while (node) {
        struct watch *w = RB_ENTRY(node, struct watch, node);
        int order = watch_compare(w, file, set, fd);
        if (order == 0)
            return w;
        node = order < 0 ? node->right : node->left;
    }
    return NULL;
}

/* Any watch of the file. */
static struct watch *watch_find_file(const struct file *file) {
    struct rb_node *node = watches.root;

    while (node) {
        struct watch *w = RB_ENTRY(node, struct watch, node);
        int order = compare_pointers(w->file, file);
        if (order == 0)
            return w;
        node = order < 0 ? node->right : node->left;
    }
    return NULL;
}

static void watch_insert(struct watch *w) {
    struct rb_node **link = &watches.root, *parent = NULL;

    while (*link) {
        parent = *link;
        struct watch *at = RB_ENTRY(parent, struct watch, node);
        link = watch_compare(at, w->file, w->set, w->fd) < 0 ? &parent->right : &parent->left;
    }
    rb_link(&watches, &w->node, parent, link);
}

/* ---- becoming ready ---- */

/* Puts the watch on the ready list, at the end, if it is not there. */
static void watch_mark_ready(struct watch *w) {
    irq_flags_t flags = spin_lock_irq(&w->set->ready_lock);

    if (list_is_empty(&w->ready_node))
        list_push_back(&w->set->ready, &w->ready_node);
    spin_unlock_irq(&w->set->ready_lock, flags);
}

static void watch_unmark(struct watch *w) {
    irq_flags_t flags = spin_lock_irq(&w->set->ready_lock);

    list_remove(&w->ready_node);
    spin_unlock_irq(&w->set->ready_lock, flags);
}

/* A queue of the file was woken. Under that queue's lock. */
static void hook_wake(struct wait_entry *entry) {
    struct watch *w = container_of(entry, struct hook, entry)->watch;

    watch_mark_ready(w);
    wait_queue_wake_all(&w->set->wait);
}

/* What a file's poll gets while a watch is hung into its queues. */
struct hooking {
    struct poll_table table;
    struct watch *watch;
    int error;
};

static void hook_add(struct poll_table *table, struct wait_queue *queue) {
    struct hooking *hooking = container_of(table, struct hooking, table);
    struct hook *hook = kmalloc(sizeof(*hook));

    if (!hook) {
        hooking->error = -ENOMEM;
        return;
    }
    wait_entry_init(&hook->entry);
    hook->entry.wake = hook_wake;
    hook->watch = hooking->watch;
    hook->next = hooking->watch->hooks;
    hooking->watch->hooks = hook;
    wait_queue_add(queue, &hook->entry);
}

/* Takes a watch away and frees it. */
static void watch_remove(struct watch *w) {
    while (w->hooks) {
        struct hook *hook = w->hooks;
        wait_queue_remove(&hook->entry);
        w->hooks = hook->next;
        kfree(hook);
    }
    watch_unmark(w);
    list_remove(&w->set_node);
    rb_erase(&watches, &w->node);
    kfree(w);
}

void epoll_file_gone(struct file *f) {
    struct watch *w;

    mutex_lock(&epoll_lock);
    while ((w = watch_find_file(f)))
        watch_remove(w);
    mutex_unlock(&epoll_lock);
}

/* ---- looking at what is ready ---- */

/*
 * Whoever looks through the ready list takes it as a whole, under epoll_lock, and puts back what is
 * still ready. To a sleeper that looks at this moment the set counts as ready: it then waits for
 * epoll_lock and sees for itself, for nobody would wake it for what was put back.
 */

static bool set_poll_locked(struct set *set);

/* The events of a watch that are wanted and there. */
static uint32_t watch_events(struct watch *w) {
    uint32_t wanted = w->events & ~EPOLL_OPTIONS;

    if (wanted == 0)
        return 0;
    if (w->file->ops == &epoll_ops)
        return set_poll_locked(w->file->data) ? wanted & (EPOLLIN | EPOLLRDNORM) : 0;
    return file_poll(w->file, NULL) & wanted;
}

static bool set_is_ready(struct set *set) {
    irq_flags_t flags = spin_lock_irq(&set->ready_lock);
    bool is_ready = set->is_taken || !list_is_empty(&set->ready);

    spin_unlock_irq(&set->ready_lock, flags);
    return is_ready;
}

/* Moves the ready list to `list`, which is touched under ready_lock as well. */
static void ready_take(struct set *set, struct list_node *list) {
    irq_flags_t flags = spin_lock_irq(&set->ready_lock);

    list_init(list);
    list_splice_back(list, &set->ready);
    set->is_taken = true;
    spin_unlock_irq(&set->ready_lock, flags);
}

/* The first of a taken list, which leaves it; from then on it may be marked again. */
static struct watch *ready_next(struct set *set, struct list_node *list) {
    irq_flags_t flags = spin_lock_irq(&set->ready_lock);
    struct list_node *first = list_pop_front(list);

    spin_unlock_irq(&set->ready_lock, flags);
    return first ? LIST_ENTRY(first, struct watch, ready_node) : NULL;
}

/* What was taken and not looked at goes back, in front of what has become ready since. */
static void ready_put_back(struct set *set, struct list_node *list) {
    irq_flags_t flags = spin_lock_irq(&set->ready_lock);

    list_splice_back(list, &set->ready);
    list_splice_back(&set->ready, list);
    set->is_taken = false;
    spin_unlock_irq(&set->ready_lock, flags);
}

/* Does any ready watch really have events? Those that have none are forgotten until the next wake.
 */
static bool set_poll_locked(struct set *set) {
    struct list_node taken;
    struct watch *w;
    bool found = false;

    ready_take(set, &taken);
    while (!found && (w = ready_next(set, &taken))) {
        found = watch_events(w) != 0;
        if (found)
            watch_mark_ready(w);
    }
    ready_put_back(set, &taken);
    return found;
}

static unsigned set_poll(struct file *f, struct poll_table *t) {
    struct set *set = f->data;

    poll_on(t, &set->wait);
    mutex_lock(&epoll_lock);
    bool is_ready = set_poll_locked(set);
    mutex_unlock(&epoll_lock);
    return is_ready ? POLLIN | POLLRDNORM : 0;
}

/* Reports one watch, if it has events. */
static bool watch_report(struct watch *w, struct linux_epoll_event *event) {
    uint32_t found = watch_events(w);

    if (!found)
        return false;
    *event = (struct linux_epoll_event){found, w->data};
    if (w->events & EPOLLONESHOT)
        w->events &= EPOLL_OPTIONS;
    else if (!(w->events & EPOLLET))
        watch_mark_ready(w);
    return true;
}

static unsigned set_collect(struct set *set, struct linux_epoll_event *events, unsigned max) {
    struct list_node taken;
    struct watch *w;
    unsigned count = 0;

    mutex_lock(&epoll_lock);
    ready_take(set, &taken);
    while (count < max && (w = ready_next(set, &taken)))
        count += watch_report(w, &events[count]);
    ready_put_back(set, &taken);
    mutex_unlock(&epoll_lock);
    return count;
}

long epoll_wait_events(struct file *file, struct linux_epoll_event *events, unsigned max,
                       uint64_t deadline_ns) {
    if (file->ops != &epoll_ops)
        return -EINVAL;

    struct set *set = file->data;
    unsigned count = set_collect(set, events, max);
    while (count == 0 && deadline_ns != 0) {
        int error = WAIT_EVENT_TIMEOUT(&set->wait, set_is_ready(set), deadline_ns);
        count = set_collect(set, events, max);
        if (error && count == 0)
            return error == -ETIMEDOUT ? 0 : error;
    }
    return count;
}

/* ---- changing a set ---- */

/* Makes room for a set inside a set: see the head of the file. */
static int set_check_depth(struct file *outer_file, struct file *inner_file) {
    struct set *outer = outer_file->data, *inner = inner_file->data;

    if (inner_file->ops != &epoll_ops || inner->depth < outer->depth)
        return 0;
    if (inner->depth >= DEPTH_MAX || outer_file->mode & FILE_WATCHED)
        return -ELOOP;
    outer->depth = inner->depth + 1;
    outer->wait.lock.rank = LOCK_RANK_EPOLL_WAIT + outer->depth;
    return 0;
}

static void watch_set_events(struct watch *w, const struct linux_epoll_event *event) {
    w->events = event->events | EPOLLERR | EPOLLHUP;
    w->data = event->data;
}

/* If there is something already, nobody will wake us for it. */
static void watch_look(struct watch *w) {
    if (watch_events(w)) {
        watch_mark_ready(w);
        wait_queue_wake_all(&w->set->wait);
    }
}

static int watch_add(struct file *set_file, struct file *target, int fd,
                     const struct linux_epoll_event *event) {
    struct hooking hooking = {.table.queue = hook_add};
    int error = set_check_depth(set_file, target);
    struct watch *w = error ? NULL : kzalloc(sizeof(*w));

    if (!w)
        return error ? error : -ENOMEM;
    w->set = set_file->data;
    w->file = target;
    w->fd = fd;
    watch_set_events(w, event);
    list_init(&w->ready_node);
    list_push_back(&w->set->watches, &w->set_node);
    watch_insert(w);
    target->mode |= FILE_WATCHED;

    hooking.watch = w;
    if (target->ops == &epoll_ops)
        hook_add(&hooking.table, &((struct set *)target->data)->wait);
    else
        (void)file_poll(target, &hooking.table);
    if (hooking.error) {
        watch_remove(w);
        return hooking.error;
    }
    watch_look(w);
    return 0;
}

static int control_locked(struct file *set_file, int op, struct file *target, int fd,
                          const struct linux_epoll_event *event) {
    struct watch *w = watch_find(target, set_file->data, fd);

    if (op == EPOLL_CTL_ADD)
        return w ? -EEXIST : watch_add(set_file, target, fd, event);
    if (!w)
        return -ENOENT;
    if (op == EPOLL_CTL_DEL) {
        watch_remove(w);
        return 0;
    }
    if (w->events & EPOLLEXCLUSIVE || event->events & EPOLLEXCLUSIVE)
        return -EINVAL;
    watch_set_events(w, event);
    watch_look(w);
    return 0;
}

int epoll_control(struct file *set, int op, struct file *target, int fd,
                  const struct linux_epoll_event *event) {
    if (!target->ops || !target->ops->poll)
        return -EPERM;
    if (set->ops != &epoll_ops || set == target)
        return -EINVAL;
    if (op != EPOLL_CTL_ADD && op != EPOLL_CTL_DEL && op != EPOLL_CTL_MOD)
        return -EINVAL;

    mutex_lock(&epoll_lock);
    int error = control_locked(set, op, target, fd, event);
    mutex_unlock(&epoll_lock);
    return error;
}

/* ---- the file ---- */

static void set_release(struct file *f) {
    struct set *set = f->data;
    struct list_node *first;

    mutex_lock(&epoll_lock);
    while ((first = list_first(&set->watches)))
        watch_remove(LIST_ENTRY(first, struct watch, set_node));
    mutex_unlock(&epoll_lock);
    kfree(set);
}

static const struct file_ops epoll_ops = {
    .poll = set_poll,
    .release = set_release,
};

int epoll_create(unsigned flags, struct file **out) {
    struct set *set = kzalloc(sizeof(*set));

    if (!set)
        return -ENOMEM;
    spin_init(&set->ready_lock, "epoll ready", LOCK_RANK_EPOLL_READY);
    list_init(&set->ready);
    list_init(&set->watches);
    wait_queue_init(&set->wait);
    set->wait.lock.rank = LOCK_RANK_EPOLL_WAIT;
    int error = anon_file_create("anon_inode:[eventpoll]", &epoll_ops, set, flags, out);
    if (error)
        kfree(set);
    return error;
}
