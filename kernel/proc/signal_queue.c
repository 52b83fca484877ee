/* SPDX-License-Identifier: MIT */
/*
 * Sets of pending signals with their details.
 *
 * queue->pending tells which are pending. queue->infos has details of some of them: a signal may
 * lack details (from the kernel, or no memory). Details of signals that were forgotten stay, with
 * the number 0, since an interrupt cannot free memory; the next signal takes them over.
 */
#include "lib/string.h"
#include "mm/slab.h"
#include "proc/signal_core.h"

static struct slab_cache cache;

void pending_signal_init(void) {
    slab_cache_init(&cache, "pending_signal", sizeof(struct pending_signal), 0);
}

struct pending_signal *pending_signal_alloc(void) {
    return slab_alloc(&cache);
}

void pending_signal_free(struct pending_signal *pending) {
    slab_free(&cache, pending);
}

static struct pending_signal *find(const struct signal_queue *queue, int signo) {
    struct pending_signal *pending;

    LIST_FOR_EACH (&queue->infos, pending, node) {
        if (pending->info.si_signo == signo)
            return pending;
    }
    return NULL;
}

void signal_info_set(struct linux_siginfo *to, int signo, const struct linux_siginfo *from) {
    if (from) {
        *to = *from;
    } else {
        memset(to, 0, sizeof(*to));
        to->si_code = SI_KERNEL;
    }
    to->si_signo = signo;
}

void signal_queue_add_locked(struct signal_queue *queue, int signo,
                             const struct linux_siginfo *info, struct pending_signal **spare) {
    struct pending_signal *pending;

    if (signo < SIGRTMIN && (queue->pending & SIGNAL_BIT(signo)))
        return;
    pending = find(queue, 0);
    if (pending) {
        list_remove(&pending->node);
    } else {
        pending = *spare;
        *spare = NULL;
    }
    if (pending) {
        signal_info_set(&pending->info, signo, info);
        list_push_back(&queue->infos, &pending->node);
    }
    queue->pending |= SIGNAL_BIT(signo);
}

struct pending_signal *signal_queue_take_locked(struct signal_queue *queue, int signo,
                                                struct linux_siginfo *info) {
    struct pending_signal *pending = find(queue, signo);

    if (pending) {
        list_remove(&pending->node);
        *info = pending->info;
    } else {
        signal_info_set(info, signo, NULL);
    }
    if (!find(queue, signo))
        queue->pending &= ~SIGNAL_BIT(signo);
    return pending;
}

void signal_queue_clear_locked(struct signal_queue *queue, uint64_t set) {
    struct pending_signal *pending;

    queue->pending &= ~set;
    LIST_FOR_EACH (&queue->infos, pending, node) {
        if (pending->info.si_signo != 0 && (set & SIGNAL_BIT(pending->info.si_signo)))
            pending->info.si_signo = 0;
    }
}

uint32_t signal_queue_length_locked(const struct signal_queue *queue) {
    const struct list_node *node;
    uint32_t length = 0;

    for (node = queue->infos.next; node != &queue->infos; node = node->next)
        length++;
    return length;
}

void signal_queue_destroy(struct signal_queue *queue) {
    struct list_node *node;

    while ((node = list_pop_front(&queue->infos)) != NULL)
        pending_signal_free(LIST_ENTRY(node, struct pending_signal, node));
    queue->pending = 0;
}
