/* SPDX-License-Identifier: MIT */
/*
 * Split virtqueues: buffers handed to a virtio device and back. No registers here: memory alone.
 *
 * Words: a buffer is a piece of memory, by its physical address, that the device reads or writes.
 * A chain is one or more of them that are handed over together. The driver puts chains into the
 * available ring, the device puts them, used, into the used ring. A token is what the driver knows
 * a chain by.
 *
 * The queue believes nothing of what the device writes: a chain that was not handed over, or twice
 * as many as were, makes the queue `broken`, and nothing more comes out of it.
 *
 * Locks: none. One thread at a time uses a queue.
 *
 * Source: Virtual I/O Device (VIRTIO) 1.1, 2.6.
 */
#ifndef DRIVERS_VIRTQUEUE_H
#define DRIVERS_VIRTQUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VIRTQUEUE_SIZE_MAX 64u /* of ours: descriptors; a power of two */

struct virtq_descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags;
    uint16_t next;
};

struct virtq_available {
    uint16_t flags;
    uint16_t index;
    uint16_t ring[];
};

struct virtq_used_chain {
    uint32_t id; /* the first descriptor's */
    uint32_t length;
};

struct virtq_used {
    uint16_t flags;
    uint16_t index;
    struct virtq_used_chain ring[];
};

_Static_assert(sizeof(struct virtq_descriptor) == 16, "VIRTIO 2.6.5");
_Static_assert(offsetof(struct virtq_available, ring) == 4, "VIRTIO 2.6.6");
_Static_assert(sizeof(struct virtq_used_chain) == 8 && offsetof(struct virtq_used, ring) == 4,
               "VIRTIO 2.6.8");

struct virtqueue {
    struct virtq_descriptor *descriptors;
    struct virtq_available *available; /* written by us */
    struct virtq_used *used;           /* written by the device */
    uint16_t size;                     /* descriptors; a power of two */
    uint16_t free_first, free_count;   /* descriptors nobody uses, linked by `next` */
    uint16_t available_index;          /* chains handed over so far, modulo 2^16 */
    uint16_t used_index;               /* chains taken back so far */
    bool broken;
    void *tokens[VIRTQUEUE_SIZE_MAX]; /* by first descriptor; NULL: the device has no such chain */
};

struct virtq_buffer {
    uint64_t address; /* physical */
    uint32_t bytes;
    bool device_writes; /* those come last in a chain */
};

/* Bytes of memory for a queue of `size` descriptors. */
size_t virtqueue_bytes(unsigned size);

/* Makes an empty queue in `memory`: zeroed, aligned to 16, virtqueue_bytes(size) long; `size` is a
 * power of two up to VIRTQUEUE_SIZE_MAX. */
void virtqueue_init(struct virtqueue *queue, void *memory, unsigned size);

/*
 * Hands a chain of `count` buffers to the device, which may begin at once, though it is told only
 * by a notification. token is not NULL. 0, or -ENOSPC while too few descriptors are free, or -EIO
 * if the queue is broken.
 */
int virtqueue_add(struct virtqueue *queue, const struct virtq_buffer *buffers, unsigned count,
                  void *token);

/* Does the device want to be notified of what was added? */
bool virtqueue_wants_notification(const struct virtqueue *queue);

/* The token of the next chain that the device is through with, and how many bytes it wrote; NULL
 * when there is none, or the queue is broken. */
void *virtqueue_take(struct virtqueue *queue, uint32_t *written);

/* Chains that the device has. */
unsigned virtqueue_in_flight(const struct virtqueue *queue);

#endif
