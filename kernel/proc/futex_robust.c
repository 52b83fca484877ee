/* SPDX-License-Identifier: MIT */
/*
 * What the end of a task writes to user memory: robust locks that it holds, and the word at
 * clear_child_tid. See futex.h.
 *
 * The list: head {next, offset of the words, entry being changed}; entries begin with next. Bit 0
 * of a pointer marks a lock with priority inheritance, whose waiters are not ours to wake. The
 * program may have written anything there: what cannot be read or makes no sense ends the walk.
 *
 * Source: get_robust_list(2), set_tid_address(2).
 */
#include "abi/futex.h"
#include "core/uaccess.h"
#include "proc/futex.h"
#include "proc/process.h"
#include "vm/space.h"

#define ROBUST_LIST_LIMIT 2048
#define PI_BIT 1ull

static void wake_one(uint64_t address) {
    (void)futex_wake((struct futex_word){address, false}, 1, FUTEX_BITSET_MATCH_ANY);
}

/*
 * One lock: if the task holds it, marks it and wakes one who waits. A lock that was being changed
 * may be free already, with its waiters not yet told.
 */
static void let_go(const struct task *task, uint64_t address, bool has_pi, bool in_change) {
    uint32_t word, seen;

    if (address % sizeof(uint32_t) != 0 || get_user_u32(&seen, (void *)address) != 0)
        return;
    do {
        word = seen;
        if (in_change && !has_pi && word == 0)
            wake_one(address);
        if ((word & FUTEX_TID_MASK) != (uint32_t)task->thread.tid)
            return;
        if (exchange_user_u32((void *)address, &seen, (word & FUTEX_WAITERS) | FUTEX_OWNER_DIED) !=
            0)
            return;
    } while (seen != word);
    if ((word & FUTEX_WAITERS) && !has_pi)
        wake_one(address);
}

static void let_go_list(const struct task *task) {
    uint64_t head = task->robust_list;
    uint64_t entry, offset, pending;

    if (get_user_u64(&entry, (void *)head) != 0 || get_user_u64(&offset, (void *)(head + 8)) != 0 ||
        get_user_u64(&pending, (void *)(head + 16)) != 0)
        return;
    for (int i = 0; i < ROBUST_LIST_LIMIT && (entry & ~PI_BIT) != head; i++) {
        uint64_t here = entry;

        /* Before the lock is let go: its memory may be another's then. */
        if (get_user_u64(&entry, (void *)(here & ~PI_BIT)) != 0)
            entry = head;
        if ((here & ~PI_BIT) != (pending & ~PI_BIT))
            let_go(task, (here & ~PI_BIT) + offset, here & PI_BIT, false);
    }
    if (pending != 0)
        let_go(task, (pending & ~PI_BIT) + offset, pending & PI_BIT, true);
}

void futex_task_exits(struct task *task) {
    uint64_t tid_address = task->clear_child_tid;

    if (task->robust_list != 0)
        let_go_list(task);
    task->robust_list = 0;
    task->clear_child_tid = 0;
    /* Where nobody else sees the memory, nobody can look. */
    if (tid_address == 0 || refcount_get(&task->thread.space->refs) < 2)
        return;
    if (put_user_u32(0, (void *)tid_address) == 0)
        wake_one(tid_address);
}
