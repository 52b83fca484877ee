/* SPDX-License-Identifier: MIT */
/*
 * Split virtqueues. Contracts: drivers/virtqueue.h.
 *
 *   memory:  | descriptors, 16 bytes each | available ring | used ring |
 *
 * Free descriptors are linked by `next` in the device's own memory, which it only reads; what it
 * could write into lies in the used ring alone, and is looked at once.
 */
#include "drivers/virtqueue.h"

#include "abi/errno.h"
#include "core/assert.h"
#include "lib/bits.h"

#define DESCRIPTOR_NEXT 1u
#define DESCRIPTOR_DEVICE_WRITES 2u
#define AVAILABLE_NO_INTERRUPT 1u
#define USED_NO_NOTIFY 1u

#define RING_ALIGN 4u

/* Both rings end with a word for F_EVENT_IDX, which is not negotiated, but there all the same. */
static size_t available_bytes(unsigned size) {
    return sizeof(struct virtq_available) + size * sizeof(uint16_t) + sizeof(uint16_t);
}

static size_t used_offset(unsigned size) {
    return align_up(size * sizeof(struct virtq_descriptor) + available_bytes(size), RING_ALIGN);
}

size_t virtqueue_bytes(unsigned size) {
    return used_offset(size) + sizeof(struct virtq_used) + size * sizeof(struct virtq_used_chain) +
           sizeof(uint16_t);
}

void virtqueue_init(struct virtqueue *queue, void *memory, unsigned size) {
    char *at = memory;

    ASSERT(size > 0 && size <= VIRTQUEUE_SIZE_MAX && (size & (size - 1)) == 0);
    *queue = (struct virtqueue){
        .descriptors = memory,
        .available = (void *)(at + size * sizeof(struct virtq_descriptor)),
        .used = (void *)(at + used_offset(size)),
        .size = (uint16_t)size,
        .free_count = (uint16_t)size,
    };
    for (unsigned i = 0; i < size; i++)
        queue->descriptors[i].next = (uint16_t)(i + 1);
    queue->available->flags = AVAILABLE_NO_INTERRUPT; /* whoever uses the queue looks at it */
}

/* Fills free descriptors with the buffers, in their order; returns the one after the last. */
static uint16_t fill(struct virtqueue *queue, const struct virtq_buffer *buffers, unsigned count) {
    uint16_t at = queue->free_first;

    for (unsigned i = 0; i < count; i++) {
        struct virtq_descriptor *descriptor = &queue->descriptors[at];
        descriptor->address = buffers[i].address;
        descriptor->length = buffers[i].bytes;
        descriptor->flags = (uint16_t)((i + 1 < count ? DESCRIPTOR_NEXT : 0) |
                                       (buffers[i].device_writes ? DESCRIPTOR_DEVICE_WRITES : 0));
        at = descriptor->next;
    }
    return at;
}

int virtqueue_add(struct virtqueue *queue, const struct virtq_buffer *buffers, unsigned count,
                  void *token) {
    uint16_t first = queue->free_first;

    ASSERT(count > 0 && token);
    if (queue->broken)
        return -EIO;
    if (count > queue->free_count)
        return -ENOSPC;
    queue->free_first = fill(queue, buffers, count);
    queue->free_count = (uint16_t)(queue->free_count - count);
    queue->tokens[first] = token;
    queue->available->ring[queue->available_index % queue->size] = first;
    queue->available_index++;
    __atomic_store_n(&queue->available->index, queue->available_index, __ATOMIC_RELEASE);
    return 0;
}

bool virtqueue_wants_notification(const struct virtqueue *queue) {
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* index before flags, as the device the other way */
    return !(__atomic_load_n(&queue->used->flags, __ATOMIC_RELAXED) & USED_NO_NOTIFY);
}

/* Gives the descriptors of a chain back to the free ones. */
static void release(struct virtqueue *queue, uint16_t first) {
    uint16_t last = first;
    unsigned count = 1;

    while (queue->descriptors[last].flags & DESCRIPTOR_NEXT) {
        last = queue->descriptors[last].next;
        count++;
    }
    queue->descriptors[last].next = queue->free_first;
    queue->free_first = first;
    queue->free_count = (uint16_t)(queue->free_count + count);
}

unsigned virtqueue_in_flight(const struct virtqueue *queue) {
    return (uint16_t)(queue->available_index - queue->used_index);
}

void *virtqueue_take(struct virtqueue *queue, uint32_t *written) {
    uint16_t index = __atomic_load_n(&queue->used->index, __ATOMIC_ACQUIRE);
    uint16_t there = (uint16_t)(index - queue->used_index);
    struct virtq_used_chain chain;
    void *token;

    if (there == 0 || queue->broken)
        return NULL;
    chain = queue->used->ring[queue->used_index % queue->size];
    if (there > virtqueue_in_flight(queue) || chain.id >= queue->size || !queue->tokens[chain.id]) {
        queue->broken = true;
        return NULL;
    }
    token = queue->tokens[chain.id];
    queue->tokens[chain.id] = NULL;
    queue->used_index++;
    release(queue, (uint16_t)chain.id);
    *written = chain.length;
    return token;
}
