/* SPDX-License-Identifier: MIT */
/*
 * The world's objects: even ones are anonymous shared memory, odd ones are files as a memory file
 * system has them, written, cut and extended behind the mappings' backs. See world.h.
 */
#include <stdlib.h>

#include "abi/errno.h"
#include "lib/bits.h"
#include "support/check.h"
#include "support/world_private.h"

struct file {
    struct vm_object object;
    bool destroyed;
};

static struct vm_object *objects[NAIVE_OBJECTS];
static struct file files[NAIVE_OBJECTS];

static void file_destroy(struct vm_object *object) {
    container_of(object, struct file, object)->destroyed = true;
}

static const struct vm_object_ops file_ops = {
    .kind = "file",
    .frame_use = FRAME_FILE,
    .get_page = vm_object_get_memory_page,
    .destroy = file_destroy,
};

struct vm_object *world_object(unsigned number) {
    return objects[number];
}

uint8_t world_object_for(uint32_t number, unsigned backing) {
    number %= NAIVE_OBJECTS;
    return (uint8_t)(backing == NAIVE_PRIVATE_OBJECT ? number | 1 : number);
}

static int create_anon(void *arg) {
    struct vm_object **object = arg;

    *object = vm_object_anon_create(NAIVE_OBJECT_PAGES * PAGE_SIZE);
    return *object ? 0 : -ENOMEM;
}

void world_objects_create(void) {
    memset(naive_objects, 0, sizeof(naive_objects));
    memset(files, 0, sizeof(files));
    for (unsigned i = 0; i < NAIVE_OBJECTS; i += 2) {
        CHECK_EQ(create_anon(&objects[i]), 0);
        naive_objects[i].size_bytes = NAIVE_OBJECT_PAGES * PAGE_SIZE;
        vm_object_init(&files[i + 1].object, &file_ops, 20 * PAGE_SIZE + 77);
        objects[i + 1] = &files[i + 1].object;
        naive_objects[i + 1].size_bytes = 20 * PAGE_SIZE + 77;
    }
}

void world_objects_destroy(void) {
    for (unsigned i = 0; i < NAIVE_OBJECTS; i++) {
        CHECK(list_is_empty(&objects[i]->areas));
        CHECK_EQ(refcount_get(&objects[i]->refs), 1);
        vm_object_unref(objects[i]);
        CHECK(i % 2 == 0 || files[i].destroyed);
    }
}

/* ---- operations ---- */

struct object_call {
    unsigned number;
    uint64_t at, size;
    unsigned char byte;
};

/* write(2) of part of one page. */
static int call_write(void *arg) {
    const struct object_call *call = arg;
    struct frame *frame;
    int error = vm_object_page_get(objects[call->number], call->at / PAGE_SIZE, VM_WRITE, &frame);

    if (error < 0)
        return error;
    CHECK(frame != NULL);
    memset((char *)frame_to_virt(frame) + call->at % PAGE_SIZE, call->byte, call->size);
    frame_unref(frame);
    return 0;
}

static void do_write(struct object_call *call) {
    struct naive_object *naive = &naive_objects[call->number];
    int expected = call->at / PAGE_SIZE < div_round_up(naive->size_bytes, PAGE_SIZE) ? 0 : -ENXIO;

    if (call->at + call->size > naive->size_bytes && call->byte % 2) {
        vm_object_extend(objects[call->number], call->at + call->size, call->at);
        naive_object_resize(call->number, call->at + call->size);
        expected = 0;
    }
    CHECK_EQ(world_attempt(call_write, call), expected);
    if (expected == 0)
        memset(&naive->bytes[call->at / PAGE_SIZE][call->at % PAGE_SIZE], call->byte, call->size);
}

/* read(2) of one byte. */
static void do_read(struct object_call *call) {
    const struct naive_object *naive = &naive_objects[call->number];
    struct frame *frame;
    unsigned char byte = 0;
    int error = vm_object_page_get(objects[call->number], call->at / PAGE_SIZE, VM_READ, &frame);

    if (call->at / PAGE_SIZE >= div_round_up(naive->size_bytes, PAGE_SIZE)) {
        CHECK_EQ(error, -ENXIO);
        return;
    }
    CHECK_EQ(error, 0);
    if (frame) {
        byte = ((unsigned char *)frame_to_virt(frame))[call->at % PAGE_SIZE];
        frame_unref(frame);
    }
    CHECK_EQ(byte, naive->bytes[call->at / PAGE_SIZE][call->at % PAGE_SIZE]);
}

static void do_truncate(struct object_call *call) {
    vm_object_truncate(objects[call->number], call->at);
    naive_object_resize(call->number, call->at);
    for (unsigned i = 0; i < WORLD_PROCESSES; i++) {
        if (processes[i].space)
            naive_object_shrunk(&processes[i].naive, call->number);
    }
}

static int call_punch(void *arg) {
    const struct object_call *call = arg;
    uint64_t start = call->at / PAGE_SIZE;

    return vm_object_punch(objects[call->number], start, start + 1 + call->byte % 6);
}

static void do_punch(struct object_call *call) {
    struct naive_object *naive = &naive_objects[call->number];
    uint64_t start = call->at / PAGE_SIZE;
    uint64_t end = MIN(start + 1 + call->byte % 6, (uint64_t)NAIVE_OBJECT_PAGES);

    CHECK_EQ(world_attempt(call_punch, call), 0);
    memset(naive->bytes[start], 0, (end - start) * PAGE_SIZE);
}

void world_do_object(const struct operation *op) {
    struct object_call call = {
        .number = op->d % NAIVE_OBJECTS,
        .at = op->a % (NAIVE_OBJECT_PAGES * PAGE_SIZE),
        .byte = (unsigned char)op->c,
    };

    call.size = 1 + op->b % (PAGE_SIZE - call.at % PAGE_SIZE);
    switch (op->b >> 16 & 7) {
    case 0:
        do_truncate(&call);
        break;
    case 1:
        do_punch(&call);
        break;
    case 2:
    case 3:
        do_read(&call);
        break;
    default:
        do_write(&call);
    }
}
