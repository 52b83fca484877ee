/* SPDX-License-Identifier: MIT */
/*
 * Anonymous objects: shared memory that belongs to no file. Zeroes until written; a page is made on
 * the first touch, since all who map the object must find the same one.
 */
#include "mm/slab.h"
#include "vm/object.h"

static void anon_destroy(struct vm_object *object) {
    kfree(object);
}

/* What mmap(2) of shared anonymous memory is called in Linux's /proc/PID/maps. */
static void anon_describe(struct vm_object *object, struct vm_object_identity *identity) {
    static const char name[] = "/dev/zero (deleted)";

    (void)object;
    __builtin_memcpy(identity->name, name, sizeof(name));
    identity->device_minor = 1;
    identity->inode = 1;
}

static const struct vm_object_ops anon_ops = {
    .kind = "anonymous",
    .frame_use = FRAME_SHMEM,
    .get_page = vm_object_get_memory_page,
    .destroy = anon_destroy,
    .describe = anon_describe,
};

static struct vm_object *create(uint64_t size_bytes, bool by_page) {
    struct vm_object *object = kmalloc(sizeof(*object));

    if (!object)
        return NULL;
    vm_object_init(object, &anon_ops, size_bytes);
    if (vm_object_commit(object, by_page) < 0) {
        vm_object_unref(object);
        return NULL;
    }
    return object;
}

struct vm_object *vm_object_anon_create(uint64_t size_bytes) {
    return create(size_bytes, false);
}

struct vm_object *vm_object_anon_create_unreserved(uint64_t size_bytes) {
    return create(size_bytes, true);
}
