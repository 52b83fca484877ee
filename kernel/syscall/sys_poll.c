/* SPDX-License-Identifier: MIT */
/*
 * poll, ppoll, select, pselect6.
 *
 * A negative poll timeout and a missing timespec mean for ever. ppoll, select and pselect6 write
 * back what is left of their timeout, as Linux does (the C libraries hide it); a call that a signal
 * without handler interrupts goes on with the rest.
 *
 * Source: poll(2), select(2).
 */
#include "abi/poll.h"
#include "abi/errno.h"
#include "abi/time.h"
#include "core/clock.h"
#include "core/uaccess.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "proc/process.h"
#include "proc/signal_mask.h"
#include "syscall/calls.h"
#include "syscall/user_time.h"
#include "vfs/context.h"
#include "vfs/fdtable.h"
#include "vfs/poll_wait.h"

#define NS_PER_MS 1000000ull
#define NS_PER_US 1000ull
#define SIGSET_BYTES 8

/* Descriptors served without an allocation. */
#define INLINE_ITEMS 16

#define SET_WORD_BITS 64u

/* What poll reports whether asked for or not. */
#define EVENTS_ALWAYS (POLLERR | POLLHUP | POLLNVAL)

/* ---- timeouts ---- */

/* Seconds and a fraction to nanoseconds, cut to what fits. */
static uint64_t to_ns(int64_t seconds, uint64_t rest_ns) {
    return (uint64_t)seconds >= WAIT_FOREVER / NS_PER_SECOND / 2
               ? WAIT_FOREVER / 2
               : (uint64_t)seconds * NS_PER_SECOND + rest_ns;
}

static uint64_t time_left_ns(uint64_t deadline_ns) {
    uint64_t now = clock_monotonic_ns();

    return deadline_ns > now ? deadline_ns - now : 0;
}

static int deadline_from_timeval(const void *user, uint64_t *deadline_ns) {
    struct linux_timeval time;

    *deadline_ns = WAIT_FOREVER;
    if (!user)
        return 0;
    if (copy_from_user(&time, user, sizeof(time)))
        return -EFAULT;
    if (time.tv_sec < 0 || time.tv_usec < 0)
        return -EINVAL;
    int64_t carry = time.tv_usec / 1000000;
    if (time.tv_sec > INT64_MAX - carry)
        time.tv_sec = INT64_MAX - carry;
    *deadline_ns = poll_deadline_in(
        to_ns(time.tv_sec + carry, (uint64_t)(time.tv_usec % 1000000) * NS_PER_US));
    return 0;
}

/*
 * The end of a call with a timeout that is written back. -EINTR becomes a restart unless the rest
 * of the time could not be stored.
 */
static long finish(long result, uint64_t deadline_ns, void *user, uint64_t ns_per_unit) {
    int error = 0;

    if (user && deadline_ns != WAIT_FOREVER) {
        uint64_t left = deadline_ns ? time_left_ns(deadline_ns) : 0;
        int64_t pair[2] = {(int64_t)(left / NS_PER_SECOND),
                           (int64_t)(left % NS_PER_SECOND / ns_per_unit)};
        error = copy_to_user(user, pair, sizeof(pair));
    }
    return result == -EINTR && !error ? -ERESTARTNOHAND : result;
}

/* ---- the signal mask ---- */

/* Puts the caller's mask in place until the call is over. 0, -EINVAL, -EFAULT. */
static int mask_begin(const void *user, uint64_t size) {
    uint64_t mask;

    if (!user)
        return 0;
    if (size != SIGSET_BYTES)
        return -EINVAL;
    if (get_user_u64(&mask, user))
        return -EFAULT;
    signal_mask_replace(mask);
    return 0;
}

static void mask_end(const void *user, long result) {
    if (user)
        signal_mask_restore(result == -EINTR || result == -ERESTARTNOHAND);
}

/* ---- poll ---- */

static void items_drop(struct poll_item *items, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        file_unref(items[i].file);
}

static void items_from_pollfds(struct poll_item *items, const struct linux_pollfd *fds,
                               unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        items[i] = (struct poll_item){.events = (uint16_t)fds[i].events | EVENTS_ALWAYS};
        if (fds[i].fd < 0)
            continue;
        items[i].file = fd_get(fds[i].fd);
        if (!items[i].file)
            items[i].revents = POLLNVAL;
    }
}

/* Polls with copies of the user's array and room for the items at hand. */
static long poll_with(struct linux_pollfd *fds, struct poll_item *items, unsigned count, void *user,
                      uint64_t deadline_ns) {
    if (copy_from_user(fds, user, count * sizeof(*fds)))
        return -EFAULT;

    items_from_pollfds(items, fds, count);
    long result = poll_wait_any(items, count, deadline_ns);
    for (unsigned i = 0; i < count; i++)
        fds[i].revents = (int16_t)items[i].revents;
    items_drop(items, count);

    char *to = user;
    for (unsigned i = 0; i < count && result >= 0; i++, to += sizeof(*fds))
        if (copy_to_user(to + offsetof(struct linux_pollfd, revents), &fds[i].revents,
                         sizeof(fds[i].revents)))
            result = -EFAULT;
    return result;
}

static long do_poll(void *user, uint32_t count, uint64_t deadline_ns) {
    struct linux_pollfd inline_fds[INLINE_ITEMS];
    struct poll_item inline_items[INLINE_ITEMS];

    if (count > vfs_context_current()->descriptor_limit)
        return -EINVAL;
    if (count <= INLINE_ITEMS)
        return poll_with(inline_fds, inline_items, count, user, deadline_ns);

    long result = -ENOMEM;
    struct linux_pollfd *fds = kcalloc(count, sizeof(*fds));
    struct poll_item *items = kcalloc(count, sizeof(*items));
    if (fds && items)
        result = poll_with(fds, items, count, user, deadline_ns);
    kfree(items);
    kfree(fds);
    return result;
}

/* Polls; an interrupted one can go on by restart_syscall, with the deadline it had. */
static long poll_until(void *fds, uint32_t count, uint64_t deadline_ns);

static long poll_restart(struct task *task) {
    return poll_until((void *)task->restart_data[0], (uint32_t)task->restart_data[1],
                      task->restart_data[2]);
}

static long poll_until(void *fds, uint32_t count, uint64_t deadline_ns) {
    struct task *task = task_current();
    long result = do_poll(fds, count, deadline_ns);

    if (result != -EINTR)
        return result;
    task->restart = poll_restart;
    task->restart_data[0] = (uint64_t)fds;
    task->restart_data[1] = count;
    task->restart_data[2] = deadline_ns;
    return -ERESTART_RESTARTBLOCK;
}

long sys_poll(void *fds, uint32_t count, int timeout_ms) {
    return poll_until(fds, count,
                      timeout_ms < 0 ? WAIT_FOREVER
                                     : poll_deadline_in((uint64_t)timeout_ms * NS_PER_MS));
}

long sys_ppoll(void *fds, uint32_t count, void *timeout, const void *mask, size_t mask_size) {
    uint64_t deadline_ns;
    int error = user_timespec_deadline(timeout, &deadline_ns);

    if (!error)
        error = mask_begin(mask, mask_size);
    if (error)
        return error;
    long result = finish(do_poll(fds, count, deadline_ns), deadline_ns, timeout, 1);
    mask_end(mask, result);
    return result;
}

/* ---- select ---- */

enum { SET_READ, SET_WRITE, SET_EXCEPT, SETS };

static const uint16_t set_events[SETS] = {
    [SET_READ] = POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR | POLLNVAL,
    [SET_WRITE] = POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR | POLLNVAL,
    [SET_EXCEPT] = POLLPRI | POLLNVAL,
};

/* An item that is in a set has this event, which no other set gives it. */
static const uint16_t set_marker[SETS] = {
    [SET_READ] = POLLIN,
    [SET_WRITE] = POLLOUT,
    [SET_EXCEPT] = POLLPRI,
};

/* One call of select: the user's three sets and copies of them. */
struct select_call {
    void *user[SETS];
    uint64_t *sets[SETS]; /* NULL where the user has none */
    unsigned words;       /* of each set */
    struct poll_item *items;
    int *fds; /* the descriptor of each item */
    unsigned count;
};

static bool set_has(const uint64_t *set, unsigned fd) {
    return set && set[fd / SET_WORD_BITS] >> (fd % SET_WORD_BITS) & 1;
}

/* Number of descriptors in any of the sets. */
static unsigned select_count(const struct select_call *call) {
    unsigned count = 0;

    for (unsigned word = 0; word < call->words; word++) {
        uint64_t bits = 0;
        for (int set = 0; set < SETS; set++)
            bits |= call->sets[set] ? call->sets[set][word] : 0;
        count += bit_count(bits);
    }
    return count;
}

/* Makes one item for each descriptor. 0, or -EBADF for one that is not open. */
static int select_fill(struct select_call *call) {
    for (unsigned fd = 0; fd < call->words * SET_WORD_BITS; fd++) {
        uint16_t events = 0;
        for (int set = 0; set < SETS; set++)
            if (set_has(call->sets[set], fd))
                events |= set_events[set];
        if (!events)
            continue;
        struct poll_item *item = &call->items[call->count];
        *item = (struct poll_item){.file = fd_get((int)fd), .events = events};
        if (!item->file)
            return -EBADF;
        call->fds[call->count++] = (int)fd;
    }
    return 0;
}

/* Puts the results into the sets. Returns how many bits are set. */
static long select_results(struct select_call *call) {
    long bits = 0;

    for (int set = 0; set < SETS; set++)
        if (call->sets[set])
            memset(call->sets[set], 0, call->words * sizeof(uint64_t));
    for (unsigned i = 0; i < call->count; i++)
        for (int set = 0; set < SETS; set++) {
            unsigned fd = (unsigned)call->fds[i];
            if (!(call->items[i].events & set_marker[set]) ||
                !(call->items[i].revents & set_events[set]))
                continue;
            call->sets[set][fd / SET_WORD_BITS] |= 1ull << (fd % SET_WORD_BITS);
            bits++;
        }
    return bits;
}

static int select_copy_in(struct select_call *call, unsigned count) {
    size_t bytes = call->words * sizeof(uint64_t);

    for (int set = 0; set < SETS; set++) {
        if (!call->sets[set])
            continue;
        if (copy_from_user(call->sets[set], call->user[set], bytes))
            return -EFAULT;
        if (count % SET_WORD_BITS)
            call->sets[set][call->words - 1] &= (1ull << (count % SET_WORD_BITS)) - 1;
    }
    return 0;
}

static int select_copy_out(const struct select_call *call) {
    for (int set = 0; set < SETS; set++)
        if (call->sets[set] &&
            copy_to_user(call->user[set], call->sets[set], call->words * sizeof(uint64_t)))
            return -EFAULT;
    return 0;
}

static long select_wait(struct select_call *call, uint64_t deadline_ns) {
    unsigned count = select_count(call);
    long result = -ENOMEM;

    call->items = kcalloc(MAX(count, 1u), sizeof(*call->items));
    call->fds = kcalloc(MAX(count, 1u), sizeof(*call->fds));
    if (call->items && call->fds) {
        result = select_fill(call);
        if (result == 0)
            result = poll_wait_any(call->items, call->count, deadline_ns);
        if (result >= 0)
            result = select_results(call);
        items_drop(call->items, call->count);
    }
    kfree(call->fds);
    kfree(call->items);
    return result;
}

/* The sets beyond the highest descriptor that can be are left alone, as on Linux. */
static long do_select(int count, void *const user[SETS], uint64_t deadline_ns) {
    struct fdtable *table = vfs_context_current()->files;
    struct select_call call = {0};

    if (count < 0)
        return -EINVAL;
    unsigned fds = (unsigned)MIN((uint64_t)count, align_up(table->capacity, SET_WORD_BITS));
    call.words = (unsigned)div_round_up(fds, SET_WORD_BITS);

    uint64_t *memory = kcalloc(MAX(call.words, 1u) * SETS, sizeof(uint64_t));
    if (!memory)
        return -ENOMEM;
    for (int set = 0; set < SETS; set++) {
        call.user[set] = user[set];
        call.sets[set] = user[set] ? memory + (unsigned)set * call.words : NULL;
    }
    long result = select_copy_in(&call, fds);
    if (result == 0)
        result = select_wait(&call, deadline_ns);
    if (result >= 0 && select_copy_out(&call))
        result = -EFAULT;
    kfree(memory);
    return result;
}

long sys_select(int count, void *read_set, void *write_set, void *except_set, void *timeout) {
    void *const user[SETS] = {read_set, write_set, except_set};
    uint64_t deadline_ns;
    int error = deadline_from_timeval(timeout, &deadline_ns);

    if (error)
        return error;
    return finish(do_select(count, user, deadline_ns), deadline_ns, timeout, NS_PER_US);
}

long sys_pselect6(int count, void *read_set, void *write_set, void *except_set, void *timeout,
                  const void *mask_argument) {
    void *const user[SETS] = {read_set, write_set, except_set};
    struct linux_sigset_argument mask = {0};
    uint64_t deadline_ns;

    if (mask_argument && copy_from_user(&mask, mask_argument, sizeof(mask)))
        return -EFAULT;
    int error = user_timespec_deadline(timeout, &deadline_ns);
    if (!error)
        error = mask_begin((void *)mask.set, mask.size);
    if (error)
        return error;
    long result = finish(do_select(count, user, deadline_ns), deadline_ns, timeout, 1);
    mask_end((void *)mask.set, result);
    return result;
}
