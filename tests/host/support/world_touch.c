/* SPDX-License-Identifier: MIT */
/*
 * The world's reading and writing: bytes through the model processor, and runs of bytes through
 * vm_space_read and vm_space_write. See world.h.
 */
#include "abi/errno.h"
#include "lib/bits.h"
#include "support/check.h"
#include "support/model_cpu.h"
#include "support/world_private.h"

/* ---- what the model says first ---- */

/* Lets a stack grow in the model if the kernel should. */
static void grow_if_stack(struct process *process, unsigned page) {
    struct vm_area *above;
    struct naive_range area;

    if (process->naive.pages[page].mapped)
        return;
    above = vm_area_find_from(&process->space->areas, naive_address(page));
    if (!above || above->start >= NAIVE_END)
        return;
    /* How far an area reaches is not the model's to know: joined or not, its pages are alike. */
    area.start = (unsigned)((above->start - NAIVE_START) / PAGE_SIZE);
    area.end = (unsigned)((MIN(above->end, NAIVE_END) - NAIVE_START) / PAGE_SIZE);
    if (naive_may_grow(&process->naive, page, area))
        naive_grow(&process->naive, page, area);
}

int world_expected(struct process *process, unsigned page, unsigned access) {
    grow_if_stack(process, page);
    return naive_access(&process->naive, page, access);
}

/* ---- one byte ---- */

struct touch {
    struct process *process;
    unsigned page;
    uint64_t va;
    unsigned access;
    unsigned char byte;
};

/* The private frame that a page has now; NULL: none. */
static struct frame *private_frame(struct process *process, unsigned page) {
    struct vm_page_info info;

    vm_space_page_info(process->space, naive_address(page), &info);
    return info.present && info.frame->use == FRAME_ANON &&
                   process->naive.pages[page].backing != NAIVE_SHARED_OBJECT
               ? info.frame
               : NULL;
}

/* Whether the kernel has a private page that the model has none of. */
static bool is_news(struct process *process, unsigned page) {
    return !process->naive.pages[page].bytes && private_frame(process, page);
}

/*
 * A first write may have made all the pages of a huge page at once: then the model has them too.
 * That is right only where all of it is private memory without an object, none of it a stack's.
 */
static void note_huge_page(struct process *process) {
    for (unsigned i = NAIVE_HUGE_PAGE; i < NAIVE_HUGE_PAGE + NAIVE_HUGE_PAGES; i++) {
        const struct naive_page *page = &process->naive.pages[i];

        CHECK(page->mapped && page->backing == NAIVE_ZERO && !page->grows_down);
        if (!page->bytes) {
            CHECK(is_news(process, i));
            naive_split(&process->naive, i);
        }
    }
}

/* A page that was written to may have come with all the others: one far from it tells. */
void world_look_for_huge_page(struct process *process, unsigned page) {
    unsigned at = page - NAIVE_HUGE_PAGE;
    unsigned other = at < NAIVE_HUGE_PAGES / 2 ? NAIVE_HUGE_PAGES - 1 : 0;

    if (at < NAIVE_HUGE_PAGES && is_news(process, NAIVE_HUGE_PAGE + other))
        note_huge_page(process);
}

/* A try that failed late may have made the page private already, its bytes as they were. */
int world_touch_page(struct process *process, unsigned page, int (*call)(void *arg), void *arg) {
    const struct frame *before = private_frame(process, page);
    int error = call(arg);
    const struct frame *after = private_frame(process, page);

    if (error == -ENOMEM && after && after != before)
        naive_split(&process->naive, page);
    return error;
}

static int do_access(void *arg) {
    struct touch *touch = arg;
    struct vm_space *space = touch->process->space;
    int error;

    switch (touch->access) {
    case VM_WRITE:
        error = model_cpu_write(space, touch->va, touch->byte);
        world_look_for_huge_page(touch->process, touch->page);
        return error;
    case VM_EXEC:
        return model_cpu_fetch(space, touch->va, &touch->byte);
    default:
        return model_cpu_read(space, touch->va, &touch->byte);
    }
}

static int call_touch(void *arg) {
    struct touch *touch = arg;

    return world_touch_page(touch->process, touch->page, do_access, touch);
}

static void touch_once(struct touch *touch) {
    struct naive_space *naive = &touch->process->naive;
    unsigned at = touch->va % PAGE_SIZE;
    int error = world_expected(touch->process, touch->page, touch->access);

    CHECK_EQ(world_attempt(call_touch, touch), error);
    if (error < 0)
        return;
    if (touch->access == VM_WRITE)
        naive_bytes_to_write(naive, touch->page)[at] = touch->byte;
    else
        CHECK_EQ(touch->byte, naive_bytes(naive, touch->page)[at]);
}

/* A burst of accesses to pages near each other. */
void world_touch(struct process *process, const struct operation *op) {
    struct random random = {op->a};
    unsigned around = world_mapped_page(process, op->b % NAIVE_PAGES);

    for (unsigned n = 1 + op->c % 12; n > 0; n--) {
        static const unsigned accesses[] = {VM_READ, VM_WRITE, VM_WRITE,
                                            VM_READ, VM_WRITE, VM_EXEC};
        struct touch touch = {
            .process = process,
            .page = (around + (unsigned)random_below(&random, 24)) % NAIVE_PAGES,
            .access = accesses[random_below(&random, ARRAY_SIZE(accesses))],
            .byte = (unsigned char)random_next(&random),
        };

        if (!random_one_in(&random, 16))
            touch.page = world_mapped_page(process, touch.page);
        touch.va = naive_address(touch.page) + random_below(&random, PAGE_SIZE);
        touch_once(&touch);
    }
}

/* ---- runs of bytes ---- */

#define TRANSFER_MAX (3 * PAGE_SIZE)

/* Bytes that a transfer gets through before the first page that refuses. */
static size_t transfer_size(struct process *process, uint64_t va, size_t size, unsigned access) {
    size_t done = 0;

    while (done < size) {
        unsigned page = (unsigned)((va + done - NAIVE_START) / PAGE_SIZE);

        if (page >= NAIVE_PAGES || world_expected(process, page, access) < 0)
            break;
        if (access == VM_WRITE)
            naive_bytes_to_write(&process->naive, page);
        done += PAGE_SIZE - (va + done) % PAGE_SIZE;
    }
    return MIN(done, size);
}

static void naive_copy(struct process *process, uint64_t va, unsigned char *buffer, size_t size,
                       bool write) {
    for (size_t i = 0; i < size; i++) {
        unsigned page = (unsigned)((va + i - NAIVE_START) / PAGE_SIZE);
        size_t at = (va + i) % PAGE_SIZE;

        if (write)
            naive_bytes_to_write(&process->naive, page)[at] = buffer[i];
        else
            buffer[i] = naive_bytes(&process->naive, page)[at];
    }
}

void world_transfer(struct process *process, const struct operation *op) {
    static unsigned char ours[TRANSFER_MAX], model[TRANSFER_MAX];
    uint64_t va = NAIVE_START + op->a % (NAIVE_END - NAIVE_START);
    size_t size = 1 + op->b % TRANSFER_MAX;
    bool write = op->c & 1;
    size_t done = transfer_size(process, va, size, write ? VM_WRITE : VM_READ);
    int error;

    memset(model, (int)op->b, sizeof(model));
    memcpy(ours, model, sizeof(ours));
    if (write)
        error = vm_space_write(process->space, va, ours, size);
    else
        error = vm_space_read(process->space, va, ours, size);
    CHECK_EQ(error, done == size ? 0 : -EFAULT);
    if (write && done > 0) {
        world_look_for_huge_page(process, (unsigned)((va - NAIVE_START) / PAGE_SIZE));
        world_look_for_huge_page(process, (unsigned)((va + done - 1 - NAIVE_START) / PAGE_SIZE));
    }
    naive_copy(process, va, model, done, write);
    CHECK_EQ(memcmp(ours, model, sizeof(ours)), 0);
}
