/* SPDX-License-Identifier: MIT */
/*
 * Futexes; see futex.h.
 *
 * Sleepers hang in buckets by key. A sleeper first hangs itself up and then reads the word: whoever
 * changes the word afterwards and wakes will find it.
 *
 * Locks: one spinlock per bucket; two of them by address. User memory is read without.
 */
#include "proc/futex.h"

#include "abi/errno.h"
#include "abi/futex.h"
#include "core/assert.h"
#include "core/uaccess.h"
#include "lib/bits.h"
#include "machine/layout.h"
#include "proc/process.h"
#include "vm/fault.h"
#include "vm/space.h"

#define BUCKETS 64u /* a power of two */
#define ROBUST_LIST_LIMIT 2048
#define FUTEX_WAITERS 0x80000000u
#define FUTEX_OWNER_DIED 0x40000000u
#define FUTEX_TID_MASK 0x3fffffffu

struct futex_key {
    const void *owner; /* struct vm_space, or struct frame */
    uint64_t offset;
};

struct sleeper {
    struct list_node node; /* bucket's lock; alone: woken */
    struct futex_key key;  /* bucket's lock */
    uint32_t bits;
    struct thread *thread;
    struct bucket *bucket; /* its own lock; changed by requeue */
};

struct bucket {
    struct spinlock lock;
    struct list_node sleepers;
};

static struct bucket buckets[BUCKETS];

void futex_init(void) {
    for (unsigned i = 0; i < BUCKETS; i++) {
        spin_init(&buckets[i].lock, "futex", LOCK_RANK_FUTEX);
        list_init(&buckets[i].sleepers);
    }
}

static struct bucket *bucket_of(const struct futex_key *key) {
    uint64_t mixed = ((uint64_t)key->owner >> 4 ^ key->offset >> 2) * 0x9e3779b97f4a7c15ull;

    return &buckets[mixed >> 58 & (BUCKETS - 1)];
}

static bool keys_equal(const struct futex_key *a, const struct futex_key *b) {
    return a->owner == b->owner && a->offset == b->offset;
}

/* Finds the frame of shared memory at an address; NULL: the memory is private. */
static struct frame *shared_frame(struct vm_space *space, uint64_t address) {
    struct vm_area_info area;
    struct vm_page_info page;

    if (!vm_space_area_info(space, address, &area) || area.start > address ||
        !(area.flags & VM_AREA_SHARED))
        return NULL;
    vm_space_page_info(space, address, &page);
    /* What was only read may have no page yet. */
    if (!page.present && vm_fault(space, address, VM_WRITE) == 0)
        vm_space_page_info(space, address, &page);
    return page.present ? page.frame : NULL;
}

/* Faults the word in and finds its key. 0, -EINVAL or -EFAULT. */
static int find_key(uint64_t address, bool is_private, struct futex_key *key) {
    struct vm_space *space = process_current()->space;
    struct frame *frame;
    uint32_t value;

    if (address % sizeof(uint32_t) != 0)
        return -EINVAL;
    if (!user_range_ok((void *)address, sizeof(uint32_t)))
        return -EFAULT;
    *key = (struct futex_key){space, address};
    if (is_private)
        return 0;
    if (get_user_u32(&value, (void *)address) != 0)
        return -EFAULT;
    frame = shared_frame(space, address);
    if (frame)
        *key = (struct futex_key){frame, address % PAGE_SIZE};
    return 0;
}

static void hang_up(struct sleeper *sleeper) {
    struct bucket *bucket = bucket_of(&sleeper->key);
    irq_flags_t flags = spin_lock_irq(&bucket->lock);

    sleeper->bucket = bucket;
    list_push_back(&bucket->sleepers, &sleeper->node);
    spin_unlock_irq(&bucket->lock, flags);
}

/* The bucket's lock, wherever a requeue has put the sleeper meanwhile. */
static irq_flags_t lock_bucket(struct sleeper *sleeper) {
    for (;;) {
        struct bucket *bucket = __atomic_load_n(&sleeper->bucket, __ATOMIC_RELAXED);
        irq_flags_t flags = spin_lock_irq(&bucket->lock);

        if (bucket == sleeper->bucket)
            return flags;
        spin_unlock_irq(&bucket->lock, flags);
    }
}

/* Takes the sleeper down; true if somebody had woken it. */
static bool take_down(struct sleeper *sleeper) {
    irq_flags_t flags = lock_bucket(sleeper);
    bool woken = list_is_empty(&sleeper->node);

    list_remove(&sleeper->node);
    spin_unlock_irq(&sleeper->bucket->lock, flags);
    return woken;
}

static bool is_woken(struct sleeper *sleeper) {
    return __atomic_load_n(&sleeper->node.next, __ATOMIC_ACQUIRE) == &sleeper->node;
}

static int sleep_on(struct sleeper *sleeper, uint64_t deadline_ns) {
    int error = 0;

    while (error == 0) {
        thread_prepare_block(THREAD_INTERRUPTIBLE);
        if (is_woken(sleeper))
            break;
        error = wait_sleep(THREAD_INTERRUPTIBLE, deadline_ns);
    }
    thread_cancel_block();
    return error;
}

int futex_wait(uint64_t address, bool is_private, uint32_t value, uint32_t bits,
               uint64_t deadline_ns) {
    struct sleeper sleeper = {.bits = bits, .thread = thread_current()};
    uint32_t now;
    int error;

    if (bits == 0)
        return -EINVAL;
    error = find_key(address, is_private, &sleeper.key);
    if (error)
        return error;
    list_init(&sleeper.node);
    hang_up(&sleeper);
    error = get_user_u32(&now, (void *)address);
    if (error == 0)
        error = now == value ? sleep_on(&sleeper, deadline_ns) : -EAGAIN;
    if (take_down(&sleeper))
        return 0;
    return error == -EINTR ? -ERESTARTSYS : error;
}

static void wake(struct sleeper *sleeper) {
    struct thread *thread = sleeper->thread;

    /* Once the node is alone the sleeper may return and be gone. */
    list_remove(&sleeper->node);
    thread_wake(thread);
}

static int wake_matching_locked(struct bucket *bucket, const struct futex_key *key, unsigned count,
                                uint32_t bits) {
    struct sleeper *sleeper, *next;
    unsigned woken = 0;

    LIST_FOR_EACH_SAFE (&bucket->sleepers, sleeper, next, node) {
        if (woken == count)
            break;
        if (keys_equal(&sleeper->key, key) && (sleeper->bits & bits)) {
            wake(sleeper);
            woken++;
        }
    }
    return (int)woken;
}

int futex_wake(uint64_t address, bool is_private, unsigned count, uint32_t bits) {
    struct futex_key key;
    struct bucket *bucket;
    irq_flags_t flags;
    int result;

    if (bits == 0)
        return -EINVAL;
    result = find_key(address, is_private, &key);
    if (result)
        return result;
    bucket = bucket_of(&key);
    flags = spin_lock_irq(&bucket->lock);
    result = wake_matching_locked(bucket, &key, count, bits);
    spin_unlock_irq(&bucket->lock, flags);
    return result;
}

/* Both buckets' locks held. */
static int move_matching_locked(const struct futex_key *from, const struct futex_key *to,
                                unsigned count) {
    struct bucket *source = bucket_of(from);
    struct bucket *target = bucket_of(to);
    struct sleeper *sleeper, *next;
    unsigned moved = 0;

    LIST_FOR_EACH_SAFE (&source->sleepers, sleeper, next, node) {
        if (moved == count)
            break;
        if (!keys_equal(&sleeper->key, from))
            continue;
        /* Straight over, so that the node is never alone: that would mean woken. */
        sleeper->node.prev->next = sleeper->node.next;
        sleeper->node.next->prev = sleeper->node.prev;
        list_push_back(&target->sleepers, &sleeper->node);
        sleeper->key = *to;
        sleeper->bucket = target;
        moved++;
    }
    return (int)moved;
}

static irq_flags_t lock_both(struct bucket *a, struct bucket *b) {
    irq_flags_t flags = irq_save();

    if (a == b)
        spin_lock(&a->lock);
    else
        spin_lock_pair(&a->lock, &b->lock);
    return flags;
}

static void unlock_both(struct bucket *a, struct bucket *b, irq_flags_t flags) {
    spin_unlock(&a->lock);
    if (a != b)
        spin_unlock(&b->lock);
    irq_restore(flags);
}

int futex_requeue(const struct futex_requeue *request) {
    struct futex_key from, to;
    struct bucket *source, *target;
    irq_flags_t flags;
    uint32_t now;
    int result = find_key(request->address, request->is_private, &from);

    if ((int)request->count < 0 || (int)request->moved < 0)
        return -EINVAL;
    if (result == 0)
        result = find_key(request->target, request->is_private, &to);
    if (result)
        return result;
    if (request->check) {
        if (get_user_u32(&now, (void *)request->address) != 0)
            return -EFAULT;
        if (now != *request->check)
            return -EAGAIN;
    }
    source = bucket_of(&from);
    target = bucket_of(&to);
    flags = lock_both(source, target);
    result = wake_matching_locked(source, &from, request->count, FUTEX_BITSET_MATCH_ANY);
    if (!keys_equal(&from, &to))
        result += move_matching_locked(&from, &to, request->moved);
    unlock_both(source, target, flags);
    return result;
}

/* ---- the end of a task ---- */

/* One lock of the robust list: if the task holds it, mark it and wake one who waits. */
static void let_go(const struct task *task, uint64_t word_address) {
    uint32_t word;

    if (word_address % sizeof(uint32_t) != 0 || get_user_u32(&word, (void *)word_address) != 0)
        return;
    if ((word & FUTEX_TID_MASK) != (uint32_t)task->thread.tid)
        return;
    if (put_user_u32((word & FUTEX_WAITERS) | FUTEX_OWNER_DIED, (void *)word_address) == 0 &&
        (word & FUTEX_WAITERS))
        futex_wake(word_address, false, 1, FUTEX_BITSET_MATCH_ANY);
}

/*
 * The list: head {next, offset of the words, entry being changed}; entries begin with next. Bit 0
 * of a pointer tells a kind of lock Quire does not have.
 */
static void let_go_robust_list(const struct task *task) {
    uint64_t head = task->robust_list;
    uint64_t entry, offset, pending;

    if (get_user_u64(&entry, (void *)head) != 0 || get_user_u64(&offset, (void *)(head + 8)) != 0 ||
        get_user_u64(&pending, (void *)(head + 16)) != 0)
        return;
    for (int i = 0; i < ROBUST_LIST_LIMIT && (entry & ~1ull) != head; i++) {
        uint64_t here = entry & ~1ull;

        if (get_user_u64(&entry, (void *)here) != 0)
            return;
        if (here != (pending & ~1ull))
            let_go(task, here + offset);
    }
    if (pending != 0)
        let_go(task, (pending & ~1ull) + offset);
}

void futex_task_exits(struct task *task) {
    uint64_t tid_address = task->clear_child_tid;

    if (task->robust_list != 0)
        let_go_robust_list(task);
    task->robust_list = 0;
    task->clear_child_tid = 0;
    /* Where nobody else sees the memory, nobody can look. */
    if (tid_address == 0 || refcount_get(&task->thread.space->refs) < 2)
        return;
    if (put_user_u32(0, (void *)tid_address) == 0)
        futex_wake(tid_address, false, 1, FUTEX_BITSET_MATCH_ANY);
}
