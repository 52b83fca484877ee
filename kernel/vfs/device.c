/* SPDX-License-Identifier: MIT */
/* The table of devices by number; see device.h. */
#include "vfs/device.h"

#include "abi/errno.h"

static struct spinlock device_lock = SPINLOCK_INIT("device", LOCK_RANK_FDTABLE);
static struct list_node devices = LIST_HEAD_INIT(devices);

static struct device *device_find_locked(uint32_t type, uint64_t dev) {
    struct device *d;

    LIST_FOR_EACH (&devices, d, link) {
        if (d->type == type && d->dev == dev)
            return d;
    }
    return NULL;
}

int device_register(struct device *d) {
    int error = 0;

    spin_lock(&device_lock);
    if (device_find_locked(d->type, d->dev))
        error = -EEXIST;
    else
        list_push_back(&devices, &d->link);
    spin_unlock(&device_lock);
    return error;
}

struct device *device_find(uint32_t type, uint64_t dev) {
    struct device *d;

    spin_lock(&device_lock);
    d = device_find_locked(type, dev);
    spin_unlock(&device_lock);
    return d;
}

struct device *device_next(struct device *d) {
    struct list_node *node;

    spin_lock(&device_lock);
    node = d ? d->link.next : devices.next;
    spin_unlock(&device_lock);
    return node == &devices ? NULL : LIST_ENTRY(node, struct device, link);
}
