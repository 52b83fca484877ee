/* SPDX-License-Identifier: MIT */
/*
 * Futexes; see futex.h.
 *
 * Sleepers hang in buckets by key. A word is compared and the sleeper hung up under one hold of the
 * bucket's lock, which whoever wakes takes too, after changing the word: so none is missed, and
 * none is woken that has not slept.
 *
 * User memory is touched under the lock, with interrupts off, where nothing is faulted in: if the
 * word is not at hand the lock is dropped, the word faulted in, and all begins anew.
 *
 * Locks: one spinlock per bucket; two of them by address. A key of shared memory holds a reference
 * on its object, a sleeper one for itself, on what it waits for now.
 */
#include "proc/futex.h"

#include "abi/errno.h"
#include "abi/futex.h"
#include "core/assert.h"
#include "core/uaccess.h"
#include "lib/bits.h"
#include "proc/process.h"
#include "vm/object.h"
#include "vm/space.h"

#define BUCKETS_LOG2 8
#define BUCKETS (1u << BUCKETS_LOG2)

/* Of aligned words: called upon without FUTEX_PRIVATE_FLAG, which never meets the same with it. */
#define KEY_SHARED 1ull

struct futex_key {
    struct vm_space *space;   /* of private memory; NULL: shared */
    struct vm_object *object; /* of shared memory, with a reference; NULL: private */
    uint64_t offset;          /* address, or bytes in the object; and of which kind the word is */
};

struct bucket {
    struct spinlock lock;
    struct list_node sleepers; /* (lock) */
};

struct sleeper {
    struct list_node node; /* (bucket's lock) alone: woken */
    struct futex_key key;  /* (bucket's lock) */
    uint32_t bits;         /* constant */
    struct thread *thread; /* constant */
    struct bucket *bucket; /* (its own lock) changed by requeue */
};

static struct bucket buckets[BUCKETS];

void futex_init(void) {
    for (unsigned i = 0; i < BUCKETS; i++) {
        spin_init(&buckets[i].lock, "futex", LOCK_RANK_FUTEX);
        list_init(&buckets[i].sleepers);
    }
}

/* ---- keys ---- */

static struct bucket *bucket_of(const struct futex_key *key) {
    uint64_t owner = (uint64_t)key->space | (uint64_t)key->object;
    uint64_t mixed = (owner >> 4 ^ key->offset >> 2) * 0x9e3779b97f4a7c15ull;

    return &buckets[mixed >> (64 - BUCKETS_LOG2)];
}

static bool keys_equal(const struct futex_key *a, const struct futex_key *b) {
    return a->space == b->space && a->object == b->object && a->offset == b->offset;
}

static int check_address(uint64_t address) {
    if (address % sizeof(uint32_t) != 0)
        return -EINVAL;
    return user_range_ok((void *)address, sizeof(uint32_t)) ? 0 : -EFAULT;
}

/* Finds the key, which is given back by key_put. 0, -EINVAL or -EFAULT. */
static int key_get(struct futex_word word, struct futex_key *key) {
    /* The task's own: the process may have let go of it while this one is on its way out. */
    struct vm_space *space = thread_current()->space;
    int error = check_address(word.address);
    uint64_t offset;
    uint32_t value;

    *key = (struct futex_key){.space = space, .offset = word.address};
    if (error || word.is_private)
        return error;
    if (get_user_u32(&value, (void *)word.address) != 0)
        return -EFAULT;
    key->object = vm_space_shared_object(space, word.address, &offset);
    if (key->object) {
        key->space = NULL;
        key->offset = offset;
    }
    key->offset |= KEY_SHARED;
    return 0;
}

static void key_put(struct futex_key *key) {
    if (key->object)
        vm_object_unref(key->object);
}

/* Both keys of a call with two words. */
static int keys_get(struct futex_word word, uint64_t target, struct futex_key *a,
                    struct futex_key *b) {
    int error = key_get(word, a);

    if (error)
        return error;
    error = key_get((struct futex_word){target, word.is_private}, b);
    if (error)
        key_put(a);
    return error;
}

/* ---- buckets ---- */

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

/* The lock of the sleeper's bucket, wherever a requeue has put it meanwhile. */
static irq_flags_t lock_sleeper(struct sleeper *sleeper) {
    for (;;) {
        struct bucket *bucket = __atomic_load_n(&sleeper->bucket, __ATOMIC_RELAXED);
        irq_flags_t flags = spin_lock_irq(&bucket->lock);

        if (bucket == sleeper->bucket)
            return flags;
        spin_unlock_irq(&bucket->lock, flags);
    }
}

/* ---- waiting ---- */

/* Hangs the sleeper up if the word is `value`. 0, -EAGAIN or -EFAULT. */
static int hang_up(struct sleeper *sleeper, uint64_t address, uint32_t value) {
    struct bucket *bucket = bucket_of(&sleeper->key);
    uint32_t now;

    for (;;) {
        irq_flags_t flags = spin_lock_irq(&bucket->lock);
        int error = get_user_u32(&now, (void *)address);

        if (error == 0)
            error = now == value ? 0 : -EAGAIN;
        if (error == 0) {
            sleeper->bucket = bucket;
            list_push_back(&bucket->sleepers, &sleeper->node);
        }
        spin_unlock_irq(&bucket->lock, flags);
        if (error != -EFAULT)
            return error;
        if (get_user_u32(&now, (void *)address) != 0)
            return -EFAULT;
    }
}

/* Takes the sleeper down; true if somebody had woken it. */
static bool take_down(struct sleeper *sleeper) {
    irq_flags_t flags = lock_sleeper(sleeper);
    bool woken = list_is_empty(&sleeper->node);

    list_remove(&sleeper->node);
    spin_unlock_irq(&sleeper->bucket->lock, flags);
    return woken;
}

static bool is_woken(const struct sleeper *sleeper) {
    return __atomic_load_n(&sleeper->node.next, __ATOMIC_ACQUIRE) == &sleeper->node;
}

static int sleep_on(const struct sleeper *sleeper, uint64_t deadline_ns) {
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

int futex_wait(struct futex_word word, uint32_t value, uint32_t bits, uint64_t deadline_ns) {
    struct sleeper sleeper = {.bits = bits, .thread = thread_current()};
    int error;

    if (bits == 0)
        return -EINVAL;
    error = key_get(word, &sleeper.key);
    if (error)
        return error;
    error = hang_up(&sleeper, word.address, value);
    if (error == 0) {
        error = sleep_on(&sleeper, deadline_ns);
        if (take_down(&sleeper))
            error = 0;
    }
    key_put(&sleeper.key);
    return error;
}

/* ---- waking ---- */

static void wake(struct sleeper *sleeper) {
    struct thread *thread = sleeper->thread;

    /* Once the node is alone and the lock free, the sleeper may return and be gone. */
    list_remove(&sleeper->node);
    thread_wake(thread);
}

static int wake_locked(struct bucket *bucket, const struct futex_key *key, int count,
                       uint32_t bits) {
    struct sleeper *sleeper, *next;
    int woken = 0;

    LIST_FOR_EACH_SAFE (&bucket->sleepers, sleeper, next, node) {
        if (!keys_equal(&sleeper->key, key) || !(sleeper->bits & bits))
            continue;
        wake(sleeper);
        if (++woken >= count)
            break;
    }
    return woken;
}

int futex_wake(struct futex_word word, int count, uint32_t bits) {
    struct futex_key key;
    struct bucket *bucket;
    irq_flags_t flags;
    int result;

    if (bits == 0)
        return -EINVAL;
    result = key_get(word, &key);
    if (result)
        return result;
    bucket = bucket_of(&key);
    flags = spin_lock_irq(&bucket->lock);
    result = wake_locked(bucket, &key, count, bits);
    spin_unlock_irq(&bucket->lock, flags);
    key_put(&key);
    return result;
}

/* ---- moving ---- */

/* Both buckets' locks held. How many; each of them has given up its reference on from's object. */
static int move_locked(const struct futex_key *from, const struct futex_key *to, int count) {
    struct bucket *source = bucket_of(from);
    struct bucket *target = bucket_of(to);
    struct sleeper *sleeper, *next;
    int moved = 0;

    LIST_FOR_EACH_SAFE (&source->sleepers, sleeper, next, node) {
        if (moved == count)
            break;
        if (!keys_equal(&sleeper->key, from))
            continue;
        /* Straight over, so that the node is never alone: that would mean woken. */
        sleeper->node.prev->next = sleeper->node.next;
        sleeper->node.next->prev = sleeper->node.prev;
        list_push_back(&target->sleepers, &sleeper->node);
        if (to->object)
            vm_object_ref(to->object);
        sleeper->key = *to;
        __atomic_store_n(&sleeper->bucket, target, __ATOMIC_RELAXED);
        moved++;
    }
    return moved;
}

/* What a requeue does with keys at hand: woken and moved, -EAGAIN or -EFAULT (not at hand). */
static int requeue(const struct futex_requeue *request, struct futex_key *from,
                   const struct futex_key *to) {
    struct bucket *source = bucket_of(from), *target = bucket_of(to);
    irq_flags_t flags = lock_both(source, target);
    int woken = 0, moved = 0, error = 0;
    uint32_t now;

    if (request->check)
        error = get_user_u32(&now, (void *)request->word.address);
    if (request->check && error == 0 && now != *request->check)
        error = -EAGAIN;
    if (error == 0 && request->count > 0)
        woken = wake_locked(source, from, request->count, FUTEX_BITSET_MATCH_ANY);
    if (error == 0 && !keys_equal(from, to))
        moved = move_locked(from, to, request->moved);
    unlock_both(source, target, flags);
    for (int i = 0; i < moved; i++)
        key_put(from); /* the sleepers'; ours keeps it */
    return error ? error : woken + moved;
}

int futex_requeue(const struct futex_requeue *request) {
    struct futex_key from, to;
    uint32_t ignored;
    int result;

    if (request->count < 0 || request->moved < 0)
        return -EINVAL;
    result = keys_get(request->word, request->target, &from, &to);
    if (result)
        return result;
    do {
        result = requeue(request, &from, &to);
    } while (result == -EFAULT && get_user_u32(&ignored, (void *)request->word.address) == 0);
    key_put(&from);
    key_put(&to);
    return result;
}

/* ---- changing and waking ---- */

struct word_op {
    unsigned op, compare;
    uint32_t argument;
    int32_t than;
};

static int32_t sign_extended_12(uint32_t bits) {
    return (int32_t)(bits << 20) >> 20;
}

/* -ENOSYS for what there is not. */
static int decode(uint32_t operation, struct word_op *decoded) {
    int32_t argument = sign_extended_12(operation >> 12);

    *decoded = (struct word_op){
        .op = operation >> 28 & 7,
        .compare = operation >> 24 & 15,
        .argument = (uint32_t)argument,
        .than = sign_extended_12(operation),
    };
    if (operation >> 28 & FUTEX_OP_OPARG_SHIFT)
        decoded->argument = 1u << (argument & 31);
    return decoded->op > FUTEX_OP_XOR || decoded->compare > FUTEX_OP_CMP_GE ? -ENOSYS : 0;
}

static uint32_t apply(const struct word_op *o, uint32_t old) {
    switch (o->op) {
    case FUTEX_OP_SET:
        return o->argument;
    case FUTEX_OP_ADD:
        return old + o->argument;
    case FUTEX_OP_OR:
        return old | o->argument;
    case FUTEX_OP_ANDN:
        return old & ~o->argument;
    default:
        return old ^ o->argument;
    }
}

static bool compares(const struct word_op *o, int32_t old) {
    switch (o->compare) {
    case FUTEX_OP_CMP_EQ:
        return old == o->than;
    case FUTEX_OP_CMP_NE:
        return old != o->than;
    case FUTEX_OP_CMP_LT:
        return old < o->than;
    case FUTEX_OP_CMP_LE:
        return old <= o->than;
    case FUTEX_OP_CMP_GT:
        return old > o->than;
    default:
        return old >= o->than;
    }
}

/* Changes the word in one step. 0 with *old, or -EFAULT. */
static int change_word(uint64_t address, const struct word_op *o, uint32_t *old) {
    uint32_t seen, expected;
    int error = get_user_u32(&seen, (void *)address);

    do {
        expected = seen;
        if (error == 0)
            error = exchange_user_u32((void *)address, &seen, apply(o, expected));
    } while (error == 0 && seen != expected);
    *old = expected;
    return error;
}

/* With keys at hand: woken, or -EFAULT (the target is not at hand). */
static int wake_op(const struct futex_wake_op *request, const struct word_op *o,
                   const struct futex_key *first, const struct futex_key *second) {
    struct bucket *a = bucket_of(first), *b = bucket_of(second);
    irq_flags_t flags = lock_both(a, b);
    uint32_t old;
    int result = change_word(request->target, o, &old);

    if (result == 0) {
        result = wake_locked(a, first, request->count, FUTEX_BITSET_MATCH_ANY);
        if (compares(o, (int32_t)old))
            result += wake_locked(b, second, request->target_count, FUTEX_BITSET_MATCH_ANY);
    }
    unlock_both(a, b, flags);
    return result;
}

/* Faults a word in to be written; it stays as it is. */
static int make_writable(uint64_t address) {
    uint32_t value;

    if (get_user_u32(&value, (void *)address) != 0)
        return -EFAULT;
    return exchange_user_u32((void *)address, &value, value);
}

int futex_wake_op(const struct futex_wake_op *request) {
    struct futex_key first, second;
    struct word_op o;
    int result = keys_get(request->word, request->target, &first, &second);

    if (result)
        return result;
    result = decode(request->operation, &o);
    if (result == 0) {
        do {
            result = wake_op(request, &o, &first, &second);
        } while (result == -EFAULT && make_writable(request->target) == 0);
    }
    key_put(&first);
    key_put(&second);
    return result;
}
