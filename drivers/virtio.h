/* SPDX-License-Identifier: MIT */
/*
 * Virtio devices on PCI, version 1: how one is found, agreed with and started.
 *
 *     virtio_open(&device, function, name)      its registers; then it is reset
 *     virtio_negotiate(&device, wanted)         features that both know
 *     virtio_queue_open(&device, index, size, &queue)    for each queue
 *     virtio_start(&device)                     from here on it works
 *     virtqueue_add(...), virtio_notify(&device, index)
 *     virtio_close(&device)                     reset; its queues' memory is ours again
 *
 * Nobody is interrupted: whoever uses a queue looks at it (drivers/virtqueue.h). Devices that only
 * speak the protocol from before version 1 are refused.
 *
 * Locks: none. One thread at a time uses a device. Nothing sleeps, but for virtio_close, which may
 * wait for the device's reset, spinning.
 *
 * Source: Virtual I/O Device (VIRTIO) 1.1, 2.1 to 2.4, 3.1 and 4.1.
 */
#ifndef DRIVERS_VIRTIO_H
#define DRIVERS_VIRTIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/pci.h"
#include "drivers/virtqueue.h"

#define VIRTIO_VENDOR 0x1af4u
#define VIRTIO_DEVICE_FIRST 0x1040u       /* and the type of the device */
#define VIRTIO_TRANSITIONAL_FIRST 0x1000u /* one that may know the older protocol too */

#define VIRTIO_F_VERSION_1 (1ull << 32)

/* Where the device's registers say what all devices have. */
struct virtio_common {
    uint32_t device_feature_select;
    uint32_t device_feature;
    uint32_t driver_feature_select;
    uint32_t driver_feature;
    uint16_t msix_config;
    uint16_t queue_count;
    uint8_t status;
    uint8_t config_generation;
    uint16_t queue_select; /* the registers below are those of this queue */
    uint16_t queue_size;
    uint16_t queue_msix_vector;
    uint16_t queue_enable;
    uint16_t queue_notify_offset;
    uint32_t queue_descriptors[2]; /* low half first; may be written by halves only */
    uint32_t queue_available[2];
    uint32_t queue_used[2];
};

_Static_assert(offsetof(struct virtio_common, status) == 20, "VIRTIO 4.1.4.3");
_Static_assert(offsetof(struct virtio_common, queue_select) == 22, "VIRTIO 4.1.4.3");
_Static_assert(offsetof(struct virtio_common, queue_descriptors) == 32, "VIRTIO 4.1.4.3");
_Static_assert(sizeof(struct virtio_common) == 56, "VIRTIO 4.1.4.3");

/* A piece of the device's registers, mapped. */
struct virtio_registers {
    volatile uint8_t *at; /* NULL: the device has none */
    uint32_t bytes;
};

struct virtio_device {
    struct pci_function function;
    const char *name; /* for the log */
    volatile struct virtio_common *common;
    struct virtio_registers config; /* the device's own kind's */
    struct virtio_registers notify;
    uint32_t notify_step; /* bytes, times a queue's notify offset */
    uint64_t features;    /* that were agreed on */
};

struct virtio_queue {
    struct virtqueue ring;
    uint16_t index;
    uint16_t notify_offset;
    void *memory;
};

/* Whether a function is a virtio device of this type (VIRTIO, 5). */
bool virtio_is(const struct pci_function *function, unsigned type);

/*
 * Finds and maps the registers, and resets the device. 0; -ENODEV: it only speaks the protocol from
 * before version 1; -ENXIO: its registers are not where or what they have to be; -ENOMEM. Anything
 * but 0 is said in the log.
 */
int virtio_open(struct virtio_device *device, const struct pci_function *function,
                const char *name);

/* Agrees on those of the wanted features that the device has, and on version 1: device->features.
 * 0, or -EPROTO (said in the log): it does not agree. */
int virtio_negotiate(struct virtio_device *device, uint64_t wanted);

/*
 * Makes a queue of `size` descriptors (a power of two up to VIRTQUEUE_SIZE_MAX), or as many as the
 * device allows. Between virtio_negotiate and virtio_start. 0; -ENOENT: there is no such queue;
 * -ENXIO: nor a place to notify it at; -ENOMEM. A queue that was not opened is all zero.
 */
int virtio_queue_open(struct virtio_device *device, unsigned index, unsigned size,
                      struct virtio_queue *queue);

/* Gives back a queue's memory; after virtio_close of its device. */
void virtio_queue_close(struct virtio_queue *queue);

void virtio_start(struct virtio_device *device);

/* True once the device says that it cannot go on, or is not there any more. */
bool virtio_failed(const struct virtio_device *device);

/* Tells the device of what was added to a queue, if it wants to be told. */
void virtio_notify(struct virtio_device *device, struct virtio_queue *queue);

/* A field of 32 bits of the device's own registers; 0 where there are none. */
uint32_t virtio_config32(const struct virtio_device *device, unsigned offset);

/* Ends the device's work: it touches no memory any more. Says in the log why, unless why is NULL.
 */
void virtio_close(struct virtio_device *device, const char *why);

#endif
