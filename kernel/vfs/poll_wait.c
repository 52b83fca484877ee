/* SPDX-License-Identifier: MIT */
/*
 * Waiting for one of many files (vfs/poll_wait.h).
 *
 * The first look at the files hangs an entry of ours into every queue they name; any wake sets
 * `woken`, after which the files are looked at again. Entries come from the stack while there are
 * few, then from blocks of one page.
 *
 * Locks: none but those of the queues. `woken` is atomic: wakers may be interrupts.
 */
#include "vfs/poll_wait.h"

#include "lib/bits.h"
#include "lib/list.h"
#include "mm/slab.h"

#define INLINE_ENTRIES 6
#define BLOCK_ENTRIES 72

struct poller;

struct poller_entry {
    struct wait_entry entry;
    struct poller *poller;
};

struct poller_block {
    struct poller_block *next;
    struct poller_entry entries[BLOCK_ENTRIES];
};

struct poller {
    struct poll_table table;
    struct thread *thread;
    _Atomic bool woken;
    int error; /* -ENOMEM: some queue could not be waited on */
    unsigned used_inline, used_block;
    struct poller_block *blocks; /* the first is being filled */
    struct poller_entry inline_entries[INLINE_ENTRIES];
};

static void poller_wake(struct wait_entry *entry) {
    struct poller *poller = container_of(entry, struct poller_entry, entry)->poller;

    poller->woken = true;
    thread_wake(poller->thread);
}

static struct poller_entry *poller_new_entry(struct poller *poller) {
    if (poller->used_inline < INLINE_ENTRIES)
        return &poller->inline_entries[poller->used_inline++];
    if (!poller->blocks || poller->used_block == BLOCK_ENTRIES) {
        struct poller_block *block = kmalloc(sizeof(*block));
        if (!block)
            return NULL;
        block->next = poller->blocks;
        poller->blocks = block;
        poller->used_block = 0;
    }
    return &poller->blocks->entries[poller->used_block++];
}

static void poller_queue(struct poll_table *table, struct wait_queue *queue) {
    struct poller *poller = container_of(table, struct poller, table);
    struct poller_entry *entry = poller_new_entry(poller);

    if (!entry) {
        poller->error = -ENOMEM;
        return;
    }
    wait_entry_init(&entry->entry);
    entry->entry.wake = poller_wake;
    entry->poller = poller;
    wait_queue_add(queue, &entry->entry);
}

static void poller_finish(struct poller *poller) {
    for (unsigned i = 0; i < poller->used_inline; i++)
        wait_queue_remove(&poller->inline_entries[i].entry);

    unsigned used = poller->used_block;
    while (poller->blocks) {
        struct poller_block *block = poller->blocks;
        for (unsigned i = 0; i < used; i++)
            wait_queue_remove(&block->entries[i].entry);
        poller->blocks = block->next;
        used = BLOCK_ENTRIES;
        kfree(block);
    }
}

/* Looks at every file; with a table until one is found. Returns how many have events. */
static long poller_look(struct poll_item *items, unsigned count, struct poll_table *table) {
    long found = 0;

    for (unsigned i = 0; i < count; i++) {
        struct poll_item *item = &items[i];
        if (item->file)
            item->revents = (uint16_t)(file_poll(item->file, found ? NULL : table) & item->events);
        found += item->revents != 0;
    }
    return found;
}

/* Sleeps until a queue has woken us. 0, -EINTR, -ETIMEDOUT. */
static int poller_sleep(struct poller *poller, uint64_t deadline_ns) {
    int error = 0;

    for (;;) {
        thread_prepare_block(THREAD_INTERRUPTIBLE);
        if (poller->woken || error)
            break;
        error = wait_sleep(THREAD_INTERRUPTIBLE, deadline_ns);
    }
    thread_cancel_block();
    return poller->woken ? 0 : error;
}

static long poller_run(struct poller *poller, struct poll_item *items, unsigned count,
                       uint64_t deadline_ns) {
    long found = poller_look(items, count, &poller->table);

    while (found == 0 && poller->error == 0) {
        int error = poller_sleep(poller, deadline_ns);
        poller->woken = false;
        found = poller_look(items, count, NULL);
        if (found == 0 && error)
            return error == -ETIMEDOUT ? 0 : error;
    }
    return found ? found : poller->error;
}

long poll_wait_any(struct poll_item *items, unsigned count, uint64_t deadline_ns) {
    struct poller poller;

    if (deadline_ns == 0)
        return poller_look(items, count, NULL);
    poller.table.queue = poller_queue;
    poller.thread = thread_current();
    poller.woken = false;
    poller.error = 0;
    poller.used_inline = poller.used_block = 0;
    poller.blocks = NULL;

    long result = poller_run(&poller, items, count, deadline_ns);
    poller_finish(&poller);
    return result;
}
