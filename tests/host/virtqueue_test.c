/* SPDX-License-Identifier: MIT */
/*
 * Split virtqueues against a device that is a model, and against devices that lie. The queue's
 * memory is exactly as long as it has to be, so that the address sanitizer sees a look beyond it;
 * physical addresses are pointers.
 */
#include "drivers/virtqueue.h"

#include <stdlib.h>
#include <string.h>

#include "abi/errno.h"
#include "lib/bits.h"
#include "support/check.h"
#include "support/random.h"

#define CHAIN_MAX 4u
#define BUFFER_BYTES 16u
#define ROUNDS 200000u

/* A device as the specification has it, which knows the three areas by their addresses only. */
struct device {
    const unsigned char *descriptors, *available;
    unsigned char *used;
    unsigned size;
    uint16_t seen;     /* chains taken off the available ring */
    uint16_t done;     /* put into the used ring */
    uint16_t held[64]; /* taken, and not through with */
    unsigned held_count;
};

struct world {
    struct virtqueue queue;
    struct device device;
    void *memory;
};

static uint16_t get16(const unsigned char *at) {
    return (uint16_t)(at[0] | at[1] << 8);
}

static uint32_t get32(const unsigned char *at) {
    return get16(at) | (uint32_t)get16(at + 2) << 16;
}

static uint64_t get64(const unsigned char *at) {
    return get32(at) | (uint64_t)get32(at + 4) << 32;
}

static void put16(unsigned char *at, uint16_t value) {
    at[0] = (unsigned char)value;
    at[1] = (unsigned char)(value >> 8);
}

static void put32(unsigned char *at, uint32_t value) {
    put16(at, (uint16_t)value);
    put16(at + 2, (uint16_t)(value >> 16));
}

/* Puts a chain into the used ring, whatever it is. */
static void device_use(struct device *device, uint32_t id, uint32_t written) {
    unsigned char *entry = device->used + 4 + 8u * (device->done % device->size);

    put32(entry, id);
    put32(entry + 4, written);
    device->done++;
    put16(device->used + 2, device->done);
}

static void device_take(struct device *device) {
    while (device->seen != get16(device->available + 2)) {
        device->held[device->held_count++] =
            get16(device->available + 4 + 2u * (device->seen % device->size));
        device->seen++;
    }
}

/* Is through with one of its chains: adds up the bytes that it reads, and writes the sum to every
 * byte that it may write. Returns the sum. */
static unsigned device_work(struct device *device, unsigned which) {
    uint16_t first = device->held[which], at = first;
    unsigned sum = 0, written = 0;

    device->held[which] = device->held[--device->held_count];
    for (;;) {
        const unsigned char *descriptor = device->descriptors + 16u * at;
        unsigned char *bytes = (unsigned char *)get64(descriptor);
        uint32_t length = get32(descriptor + 8);
        uint16_t flags = get16(descriptor + 12);

        for (uint32_t i = 0; i < length; i++) {
            if (flags & 2)
                bytes[i] = (unsigned char)sum;
            else
                sum += bytes[i];
        }
        written += flags & 2 ? length : 0;
        if (!(flags & 1))
            break;
        at = get16(descriptor + 14);
    }
    device_use(device, first, written);
    return sum;
}

static void world_begin(struct world *w, unsigned size) {
    *w = (struct world){0};
    w->memory = calloc(1, virtqueue_bytes(size));
    virtqueue_init(&w->queue, w->memory, size);
    w->device = (struct device){
        .descriptors = (unsigned char *)w->queue.descriptors,
        .available = (unsigned char *)w->queue.available,
        .used = (unsigned char *)w->queue.used,
        .size = size,
    };
}

static void world_end(struct world *w) {
    free(w->memory);
}

/* One byte for the device to read, by a token. */
static int add_one(struct world *w, void *token) {
    static char byte;
    struct virtq_buffer buffer = {.address = (uint64_t)&byte, .bytes = 1};

    return virtqueue_add(&w->queue, &buffer, 1, token);
}

static void areas_lie_as_they_have_to(void) {
    for (unsigned size = 1; size <= VIRTQUEUE_SIZE_MAX; size *= 2) {
        struct world w;
        size_t available = 16u * size, used = align_up(available + 6 + 2u * size, 4);

        CHECK(virtqueue_bytes(size) == used + 6 + 8u * size);
        world_begin(&w, size);
        CHECK((char *)w.queue.available == (char *)w.memory + available);
        CHECK((char *)w.queue.used == (char *)w.memory + used);
        CHECK(get16(w.device.available) == 1); /* no interrupts */
        world_end(&w);
    }
}

/* ---- a device that is right ---- */

struct chain {
    unsigned char bytes[CHAIN_MAX][BUFFER_BYTES];
    struct virtq_buffer buffers[CHAIN_MAX];
    unsigned count, sum, writable;
    bool busy;
};

static void chain_make(struct chain *c, struct random *r) {
    *c = (struct chain){.count = 1 + (unsigned)random_below(r, CHAIN_MAX), .busy = true};
    for (unsigned i = 0; i < c->count; i++) {
        bool writes = i > 0 && (c->buffers[i - 1].device_writes || random_one_in(r, 2));
        c->buffers[i] = (struct virtq_buffer){.address = (uint64_t)c->bytes[i],
                                              .device_writes = writes,
                                              .bytes = 1 + (uint32_t)random_below(r, BUFFER_BYTES)};
        for (unsigned b = 0; b < BUFFER_BYTES; b++)
            c->bytes[i][b] = (unsigned char)random_next(r);
        for (unsigned b = 0; b < c->buffers[i].bytes && !writes; b++)
            c->sum += c->bytes[i][b];
        c->writable += writes ? c->buffers[i].bytes : 0;
    }
}

static void chain_check(const struct chain *c, uint32_t written) {
    CHECK(c->busy && written == c->writable);
    for (unsigned i = 0; i < c->count; i++)
        for (unsigned b = 0; b < c->buffers[i].bytes && c->buffers[i].device_writes; b++)
            CHECK(c->bytes[i][b] == (unsigned char)c->sum);
}

/* Hands over a chain, and knows whether there is room. */
static void step_add(struct world *w, struct chain *chains, struct random *r, unsigned *in_use) {
    struct chain *c = &chains[random_below(r, VIRTQUEUE_SIZE_MAX)];
    int error;

    if (c->busy)
        return;
    chain_make(c, r);
    error = virtqueue_add(&w->queue, c->buffers, c->count, c);
    CHECK(error == (*in_use + c->count > w->device.size ? -ENOSPC : 0));
    c->busy = !error;
    *in_use += error ? 0 : c->count;
}

/* Takes back all that there is; returns how many. */
static unsigned step_take(struct world *w, unsigned *in_use) {
    struct chain *c;
    uint32_t written;
    unsigned taken = 0;

    while ((c = virtqueue_take(&w->queue, &written))) {
        chain_check(c, written);
        c->busy = false;
        *in_use -= c->count;
        taken++;
    }
    return taken;
}

/* Chains of all lengths, given back in any order, until the indexes have gone round. */
static void chains_at_random(void) {
    for (unsigned size = 1; size <= VIRTQUEUE_SIZE_MAX; size *= 4) {
        static struct chain chains[VIRTQUEUE_SIZE_MAX];
        struct random r = {size};
        unsigned in_use = 0, taken = 0;
        struct world w;

        memset(chains, 0, sizeof(chains));
        world_begin(&w, size);
        for (unsigned round = 0; round < ROUNDS; round++) {
            step_add(&w, chains, &r, &in_use);
            device_take(&w.device);
            if (w.device.held_count > 0 && random_one_in(&r, 2))
                (void)device_work(&w.device, (unsigned)random_below(&r, w.device.held_count));
            if (random_one_in(&r, 3))
                taken += step_take(&w, &in_use);
            CHECK(virtqueue_in_flight(&w.queue) <= size && !w.queue.broken);
        }
        CHECK(size < 16 || taken > UINT16_MAX);
        world_end(&w);
    }
}

static void notified_as_asked(void) {
    struct world w;

    world_begin(&w, 4);
    CHECK(virtqueue_wants_notification(&w.queue));
    put16(w.device.used, 1);
    CHECK(!virtqueue_wants_notification(&w.queue));
    world_end(&w);
}

/* ---- devices that lie ---- */

/* Nothing comes out of the queue, and nothing goes in any more. */
static void check_broken(struct world *w) {
    uint32_t written;
    int token;

    CHECK(virtqueue_take(&w->queue, &written) == NULL);
    CHECK(w->queue.broken);
    CHECK(virtqueue_take(&w->queue, &written) == NULL);
    CHECK(add_one(w, &token) == -EIO);
}

static void a_chain_that_is_none(void) {
    const uint32_t ids[] = {4, 1, 0xffff, 0x10000, UINT32_MAX};
    int token;

    for (unsigned i = 0; i < ARRAY_SIZE(ids); i++) {
        struct world w;
        world_begin(&w, 4);
        CHECK(add_one(&w, &token) == 0);
        device_use(&w.device, ids[i], 0);
        check_broken(&w);
        world_end(&w);
    }
}

static void a_chain_twice(void) {
    struct world w;
    uint32_t written;
    int one, two;

    world_begin(&w, 4);
    CHECK(add_one(&w, &one) == 0 && add_one(&w, &two) == 0);
    device_use(&w.device, 0, 0);
    device_use(&w.device, 0, 0);
    CHECK(virtqueue_take(&w.queue, &written) == &one);
    check_broken(&w);
    world_end(&w);
}

static void more_chains_than_there_are(void) {
    struct world w;
    int token;

    world_begin(&w, 4);
    CHECK(add_one(&w, &token) == 0);
    put16(w.device.used + 2, 2);
    check_broken(&w);
    world_end(&w);
    world_begin(&w, 4);
    put16(w.device.used + 2, 0xffff);
    check_broken(&w);
    world_end(&w);
}

static const struct test tests[] = {
    {"areas_lie_as_they_have_to", areas_lie_as_they_have_to},
    {"chains_at_random", chains_at_random},
    {"notified_as_asked", notified_as_asked},
    {"a_chain_that_is_none", a_chain_that_is_none},
    {"a_chain_twice", a_chain_twice},
    {"more_chains_than_there_are", more_chains_than_there_are},
};

int main(int argc, char **argv) {
    return test_main(argc, argv, "virtqueue", tests, ARRAY_SIZE(tests));
}
