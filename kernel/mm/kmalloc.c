/* SPDX-License-Identifier: MIT */
/*
 * Memory by size: a row of slab caches for what is small, blocks of frames for the rest.
 * Contracts: mm/slab.h.
 *
 * kfree learns from the frame table what a pointer is: the head's use is FRAME_SLAB (the slab's
 * header says which cache) or FRAME_KERNEL (a block of the head's order).
 *
 * Locks: none of its own.
 */
#include "core/assert.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "mm/slab_private.h"

#define CLASS_STEP 16u

static const struct {
    uint16_t size;
    const char *name;
} classes[] = {
    {16, "kmalloc-16"},     {32, "kmalloc-32"},     {48, "kmalloc-48"},   {64, "kmalloc-64"},
    {96, "kmalloc-96"},     {128, "kmalloc-128"},   {192, "kmalloc-192"}, {256, "kmalloc-256"},
    {384, "kmalloc-384"},   {512, "kmalloc-512"},   {768, "kmalloc-768"}, {1024, "kmalloc-1024"},
    {1536, "kmalloc-1536"}, {2048, "kmalloc-2048"},
};

static struct slab_cache class_caches[ARRAY_SIZE(classes)];

/* The class for a size, by (size + 15) / 16. Constant after kmalloc_init. */
static uint8_t class_of[KMALLOC_CACHED_MAX / CLASS_STEP + 1];

void kmalloc_init(void) {
    size_t step = 0;

    for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
        slab_cache_init(&class_caches[i], classes[i].name, classes[i].size, 0);
        for (; step * CLASS_STEP <= classes[i].size; step++)
            class_of[step] = (uint8_t)i;
    }
}

/* The order of the smallest block of `size` bytes, which is more than 0. */
static unsigned order_for(size_t size) {
    size_t pages = div_round_up(size, PAGE_SIZE);

    return pages == 1 ? 0 : ilog2(pages - 1) + 1;
}

static void *kmalloc_block(size_t size) {
    struct frame *f = frame_alloc_order(FRAME_KERNEL, order_for(size));

    return f ? frame_to_virt(f) : NULL;
}

void *kmalloc(size_t size) {
    if (size > KMALLOC_CACHED_MAX)
        return kmalloc_block(size);
    return slab_alloc(&class_caches[class_of[(size + CLASS_STEP - 1) / CLASS_STEP]]);
}

void *kzalloc(size_t size) {
    void *p = kmalloc(size);

    if (p)
        memset(p, 0, size);
    return p;
}

void *kcalloc(size_t n, size_t size) {
    size_t bytes;

    if (__builtin_mul_overflow(n, size, &bytes))
        return NULL;
    return kzalloc(bytes);
}

/* The head of the block that `p` lies in. */
static struct frame *head_of(const void *p) {
    struct frame *f = virt_to_frame(p);

    return f->order == FRAME_ORDER_TAIL ? f - f->count : f;
}

void kfree(void *p) {
    struct frame *f;

    if (p == NULL)
        return;
    f = head_of(p);
    if (f->use == FRAME_SLAB) {
        slab_free(((struct slab *)frame_to_virt(f))->cache, p);
        return;
    }
    ASSERT(f->use == FRAME_KERNEL && frame_to_virt(f) == p);
    frame_free_order(f, f->order);
}

size_t kmalloc_usable(const void *p) {
    struct frame *f = head_of(p);

    if (f->use == FRAME_SLAB)
        return ((struct slab *)frame_to_virt(f))->cache->size;
    return PAGE_SIZE << f->order;
}
