/* SPDX-License-Identifier: MIT */
/*
 * The world's process_vm_readv and process_vm_writev: the system calls themselves, between two of
 * its processes or within one, over ranges that lie anywhere. See world.h.
 *
 * The model takes the same way in the same pieces: one page of the other process at a time, by way
 * of a buffer, so that what overlaps overlaps alike.
 */
#include "abi/errno.h"
#include "abi/uio.h"
#include "lib/bits.h"
#include "support/check.h"
#include "support/process_model.h"
#include "support/world_private.h"
#include "syscall/calls.h"

#define RANGES_MAX 3u
#define RANGE_BYTES_MAX (2 * PAGE_SIZE)
#define PEER_PID 7

/* One call. */
struct exchange {
    struct process *caller, *peer;
    struct linux_iovec local[RANGES_MAX], remote[RANGES_MAX];
    unsigned local_count, remote_count;
    bool is_write; /* into the peer */
    size_t done;   /* bytes, by the model */
    size_t total;  /* that the caller has room for */
};

/* ---- what the model says ---- */

static bool page_of(uint64_t va, unsigned *page) {
    *page = (unsigned)((va - NAIVE_START) / PAGE_SIZE);
    return va >= NAIVE_START && va < NAIVE_END;
}

/* The address of a byte of the caller's ranges, taken as one. */
static uint64_t local_address(const struct exchange *x, size_t at) {
    unsigned i = 0;

    while (at >= x->local[i].iov_len)
        at -= x->local[i++].iov_len;
    return x->local[i].iov_base + at;
}

/* Moves n bytes between a buffer and the caller's ranges, from x->done on. How many could be. */
static size_t move_local(struct exchange *x, unsigned char *buffer, size_t n) {
    struct naive_space *naive = &x->caller->naive;
    unsigned access = x->is_write ? VM_READ : VM_WRITE;

    for (size_t i = 0; i < n; i++) {
        uint64_t va = local_address(x, x->done + i);
        unsigned page;

        if (!page_of(va, &page) || world_expected(x->caller, page, access) < 0)
            return i;
        if (x->is_write)
            buffer[i] = naive_bytes(naive, page)[va % PAGE_SIZE];
        else
            naive_bytes_to_write(naive, page)[va % PAGE_SIZE] = buffer[i];
    }
    return n;
}

/* n bytes of one page of the peer. False: the call ends there. */
static bool move_part(struct exchange *x, uint64_t va, size_t n) {
    static unsigned char buffer[PAGE_SIZE];
    unsigned access = x->is_write ? VM_WRITE : VM_READ;
    struct naive_space *naive = &x->peer->naive;
    size_t got, offset = va % PAGE_SIZE;
    unsigned page;
    int error;

    /* Nothing is asked of the caller's memory where the peer's has no right: no stack grows. */
    if (!page_of(va, &page))
        return false;
    error = naive_access(naive, page, access);
    if (error == -EFAULT || error == -EACCES || (error < 0 && !x->is_write))
        return false;
    if (!x->is_write)
        memcpy(buffer, naive_bytes(naive, page) + offset, n);
    got = move_local(x, buffer, n);
    if (x->is_write && got > 0) {
        if (naive_access(naive, page, access) < 0)
            return false;
        memcpy(naive_bytes_to_write(naive, page) + offset, buffer, got);
    }
    x->done += got;
    return got == n;
}

/* What the call returns. */
static long naive_exchange(struct exchange *x) {
    for (unsigned i = 0; i < x->remote_count; i++) {
        uint64_t va = x->remote[i].iov_base, end = va + x->remote[i].iov_len;

        while (va < end && x->done < x->total) {
            size_t n = MIN(MIN(end - va, PAGE_SIZE - va % PAGE_SIZE), x->total - x->done);

            if (!move_part(x, va, n))
                return x->done > 0 ? (long)x->done : -EFAULT;
            va += n;
        }
    }
    return (long)x->done;
}

/* ---- the call ---- */

static uint64_t some_address(const struct process *process, struct random *random) {
    unsigned page = world_mapped_page(process, (unsigned)random_below(random, NAIVE_PAGES));

    if (random_one_in(random, 8))
        return NAIVE_START - PAGE_SIZE + random_below(random, NAIVE_END - NAIVE_START);
    return naive_address(page) + random_below(random, PAGE_SIZE);
}

/* Ranges at rising addresses: so a stack that one makes grow has grown when the next one asks. */
static unsigned some_ranges(struct linux_iovec *ranges, const struct process *process,
                            struct random *random) {
    unsigned count = 1 + (unsigned)random_below(random, RANGES_MAX);

    for (unsigned i = 0; i < count; i++) {
        struct linux_iovec range = {some_address(process, random),
                                    random_below(random, RANGE_BYTES_MAX)};
        unsigned at = i;

        for (; at > 0 && ranges[at - 1].iov_base > range.iov_base; at--)
            ranges[at] = ranges[at - 1];
        ranges[at] = range;
    }
    return count;
}

static long call(const struct exchange *x) {
    process_model_run(x->caller->space);
    process_model_peer(PEER_PID, x->peer->space);
    if (x->is_write)
        return sys_process_vm_writev(PEER_PID, x->local, x->local_count, x->remote, x->remote_count,
                                     0);
    return sys_process_vm_readv(PEER_PID, x->local, x->local_count, x->remote, x->remote_count, 0);
}

/* A page that was written to may have come with all of a huge page. */
static void look_for_huge_pages(struct process *process, const struct linux_iovec *ranges,
                                unsigned count) {
    for (unsigned i = 0; i < count; i++)
        for (uint64_t at = 0; at <= RANGE_BYTES_MAX; at += PAGE_SIZE) {
            unsigned page;

            if (page_of(ranges[i].iov_base + at, &page))
                world_look_for_huge_page(process, page);
        }
}

void world_exchange(struct process *process, struct process *peer, const struct operation *op) {
    struct random random = {op->a};
    struct exchange x = {.caller = process, .peer = peer, .is_write = op->c & 1};
    long expected, got;

    x.local_count = some_ranges(x.local, process, &random);
    x.remote_count = some_ranges(x.remote, peer, &random);
    for (unsigned i = 0; i < x.local_count; i++)
        x.total += x.local[i].iov_len;
    expected = naive_exchange(&x);
    got = call(&x);
    CHECK_EQ(got, expected);
    look_for_huge_pages(process, x.local, x.local_count);
    look_for_huge_pages(peer, x.remote, x.remote_count);
    if ((op->c >> 1 & 7) == 0)
        world_compare(x.is_write ? peer : process);
}
