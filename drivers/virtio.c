/* SPDX-License-Identifier: MIT */
/*
 * Virtio devices on PCI, version 1. Contracts: drivers/virtio.h.
 *
 * Where the registers are, capabilities of the vendor's say: BAR, offset, length, and what for. A
 * device may offer the same in several places; the first one in memory is taken.
 */
#include "drivers/virtio.h"

#include "abi/errno.h"
#include "core/clock.h"
#include "core/printk.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/kva.h"
#include "mm/slab.h"

/* struct virtio_pci_cap (4.1.4), as offsets into configuration space. */
#define CAP_TYPE 3
#define CAP_BAR 4
#define CAP_OFFSET 8
#define CAP_LENGTH 12
#define CAP_NOTIFY_STEP 16

#define TYPE_COMMON 1
#define TYPE_NOTIFY 2
#define TYPE_DEVICE 4

#define STATUS_ACKNOWLEDGE 1u
#define STATUS_DRIVER 2u
#define STATUS_DRIVER_OK 4u
#define STATUS_FEATURES_OK 8u
#define STATUS_NEEDS_RESET 64u
#define STATUS_FAILED 128u
#define STATUS_GONE 0xffu /* what a device that is not there reads as */

#define REGISTERS_MAX (1u << 20) /* that are mapped of one piece */
#define RESET_TRIES 1000
#define RESET_PAUSE_NS 1000000ull
#define CONFIG_TRIES 100

bool virtio_is(const struct pci_function *function, unsigned type) {
    return function->vendor == VIRTIO_VENDOR &&
           (function->device == VIRTIO_DEVICE_FIRST + type ||
            function->device == VIRTIO_TRANSITIONAL_FIRST + type);
}

static int refuse(const struct virtio_device *device, int error, const char *why) {
    printk("%s: %s\n", device->name, why);
    return error;
}

/* ---- registers ---- */

/* Where the capability that says where registers of a type are lies; 0: there is none. */
static unsigned find_type(const struct pci_function *function, uint8_t type) {
    unsigned at = 0;

    while ((at = pci_capability(function, PCI_CAP_VENDOR, at)))
        if (pci_read8(function, at + CAP_TYPE) == type &&
            pci_read8(function, at + CAP_BAR) < PCI_BARS &&
            pci_bar(function, pci_read8(function, at + CAP_BAR)).bytes > 0)
            return at;
    return 0;
}

/* Maps registers of a type, at least `least` bytes of them. 0, -ENXIO or -ENOMEM. */
static int map_type(struct virtio_device *device, uint8_t type, uint32_t least,
                    struct virtio_registers *found) {
    const struct pci_function *function = &device->function;
    unsigned at = find_type(function, type);
    uint32_t offset, bytes;
    struct pci_bar bar;

    if (!at)
        return -ENXIO;
    bar = pci_bar(function, pci_read8(function, at + CAP_BAR));
    offset = pci_read32(function, at + CAP_OFFSET);
    bytes = MIN(pci_read32(function, at + CAP_LENGTH), REGISTERS_MAX);
    if (bytes < least || offset % 4 != 0 || offset >= bar.bytes || bytes > bar.bytes - offset)
        return -ENXIO;
    found->at = kva_map_device(bar.start + offset, bytes);
    found->bytes = bytes;
    return found->at ? 0 : -ENOMEM;
}

static int map_registers(struct virtio_device *device) {
    struct virtio_registers common;
    int error = map_type(device, TYPE_COMMON, sizeof(struct virtio_common), &common);

    if (error)
        return error;
    device->common = (volatile struct virtio_common *)common.at;
    error = map_type(device, TYPE_NOTIFY, sizeof(uint16_t), &device->notify);
    if (error)
        return error;
    device->notify_step =
        pci_read32(&device->function, find_type(&device->function, TYPE_NOTIFY) + CAP_NOTIFY_STEP);
    error = map_type(device, TYPE_DEVICE, sizeof(uint32_t), &device->config);
    return error == -ENXIO ? 0 : error; /* not all kinds have some */
}

static void set_status(struct virtio_device *device, uint8_t bits) {
    device->common->status = (uint8_t)(device->common->status | bits);
}

/* Resets the device, and waits until it has let go of everything. False: it does not. */
static bool reset(struct virtio_device *device) {
    device->common->status = 0;
    for (int tries = 0; device->common->status != 0; tries++) {
        if (tries == RESET_TRIES)
            return false;
        clock_delay_ns(RESET_PAUSE_NS);
    }
    return true;
}

int virtio_open(struct virtio_device *device, const struct pci_function *function,
                const char *name) {
    int error;

    *device = (struct virtio_device){.function = *function, .name = name};
    if (!find_type(function, TYPE_COMMON))
        return refuse(device, -ENODEV,
                      "an old device, from before version 1 of virtio: left alone");
    error = map_registers(device);
    if (error)
        return refuse(device, error, "its registers cannot be used");
    pci_enable(function);
    if (!reset(device))
        return refuse(device, -ENXIO, "it cannot be reset");
    set_status(device, STATUS_ACKNOWLEDGE);
    set_status(device, STATUS_DRIVER);
    return 0;
}

int virtio_negotiate(struct virtio_device *device, uint64_t wanted) {
    volatile struct virtio_common *common = device->common;
    uint64_t offered = 0;

    for (uint32_t half = 0; half < 2; half++) {
        common->device_feature_select = half;
        offered |= (uint64_t)common->device_feature << 32 * half;
    }
    device->features = offered & (wanted | VIRTIO_F_VERSION_1);
    for (uint32_t half = 0; half < 2; half++) {
        common->driver_feature_select = half;
        common->driver_feature = (uint32_t)(device->features >> 32 * half);
    }
    set_status(device, STATUS_FEATURES_OK);
    if (device->features & VIRTIO_F_VERSION_1 && common->status & STATUS_FEATURES_OK)
        return 0;
    set_status(device, STATUS_FAILED);
    return refuse(device, -EPROTO, "it does not agree to version 1 of virtio");
}

void virtio_start(struct virtio_device *device) {
    set_status(device, STATUS_DRIVER_OK);
}

bool virtio_failed(const struct virtio_device *device) {
    uint8_t status = device->common->status;

    return status & STATUS_NEEDS_RESET || status == STATUS_GONE;
}

uint32_t virtio_config32(const struct virtio_device *device, unsigned offset) {
    uint8_t generation;
    uint32_t value = 0;

    if (offset + sizeof(value) > device->config.bytes)
        return 0;
    for (int tries = 0; tries < CONFIG_TRIES; tries++) {
        generation = device->common->config_generation;
        value = *(volatile uint32_t *)(device->config.at + offset);
        if (generation == device->common->config_generation)
            break;
    }
    return value;
}

void virtio_close(struct virtio_device *device, const char *why) {
    if (why)
        printk("%s: %s\n", device->name, why);
    if (device->common && !reset(device))
        printk("%s: it cannot be reset\n", device->name);
    pci_stop_mastering(&device->function); /* whatever it says */
}

/* ---- queues ---- */

static void set_address(volatile uint32_t reg[2], const void *memory) {
    paddr_t address = virt_to_phys(memory);

    reg[0] = (uint32_t)address;
    reg[1] = (uint32_t)(address >> 32);
}

/* The greatest power of two that both allow. */
static unsigned agreed_size(unsigned wanted, unsigned most) {
    unsigned size = MIN(wanted, VIRTQUEUE_SIZE_MAX);

    while (size > most)
        size /= 2;
    return size;
}

int virtio_queue_open(struct virtio_device *device, unsigned index, unsigned size,
                      struct virtio_queue *queue) {
    volatile struct virtio_common *common = device->common;

    *queue = (struct virtio_queue){.index = (uint16_t)index};
    if (index >= common->queue_count)
        return -ENOENT;
    common->queue_select = (uint16_t)index;
    size = agreed_size(size, common->queue_size);
    if (size == 0)
        return -ENOENT;
    queue->notify_offset = common->queue_notify_offset;
    if ((uint64_t)queue->notify_offset * device->notify_step + sizeof(uint16_t) >
        device->notify.bytes)
        return -ENXIO;
    queue->memory = kzalloc(virtqueue_bytes(size));
    if (!queue->memory)
        return -ENOMEM;
    virtqueue_init(&queue->ring, queue->memory, size);
    common->queue_size = (uint16_t)size;
    set_address(common->queue_descriptors, queue->ring.descriptors);
    set_address(common->queue_available, queue->ring.available);
    set_address(common->queue_used, queue->ring.used);
    common->queue_enable = 1;
    return 0;
}

void virtio_queue_close(struct virtio_queue *queue) {
    kfree(queue->memory);
    *queue = (struct virtio_queue){0};
}

void virtio_notify(struct virtio_device *device, struct virtio_queue *queue) {
    if (virtqueue_wants_notification(&queue->ring))
        *(volatile uint16_t *)(device->notify.at +
                               (size_t)queue->notify_offset * device->notify_step) = queue->index;
}
