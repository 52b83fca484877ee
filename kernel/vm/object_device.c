/* SPDX-License-Identifier: MIT */
/*
 * Device objects: a range of physical addresses that is not RAM of ours, such as a frame buffer.
 * Its pages are in no tree and have no counts; they are mapped uncached and never copied.
 */
#include "abi/errno.h"
#include "lib/bits.h"
#include "mm/slab.h"
#include "vm/object.h"

struct device_object {
    struct vm_object object;
    paddr_t pa; /* const */
};

static int device_get_page(struct vm_object *object, uint64_t index, unsigned access, paddr_t *pa) {
    (void)access;
    *pa = container_of(object, struct device_object, object)->pa + (index << PAGE_SHIFT);
    return 0;
}

static void device_destroy(struct vm_object *object) {
    kfree(container_of(object, struct device_object, object));
}

static const struct vm_object_ops device_ops = {
    .kind = "device",
    .frame_use = FRAME_RESERVED,
    .get_page = device_get_page,
    .destroy = device_destroy,
};

bool vm_object_is_device(const struct vm_object *object) {
    return object->ops == &device_ops;
}

struct vm_object *vm_object_device_create(paddr_t pa, uint64_t size_bytes) {
    struct device_object *device = kmalloc(sizeof(*device));

    if (!device)
        return NULL;
    vm_object_init(&device->object, &device_ops, size_bytes);
    device->pa = pa;
    return &device->object;
}
