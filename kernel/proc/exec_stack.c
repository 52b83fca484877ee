/* SPDX-License-Identifier: MIT */
/*
 * What a program finds on its stack (System V ABI x86-64 3.4.1), from rsp up:
 *
 *   argc, argv pointers, NULL, environment pointers, NULL, auxiliary vector,
 *   padding, 16 random bytes, "x86_64",
 *   argument strings, environment strings, name of the program, 8 zero bytes
 *
 * All addresses are known from the sizes, so it is written in one go from below.
 */
#include "abi/errno.h"
#include "core/assert.h"
#include "core/random.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "proc/chunk.h"
#include "proc/exec_args.h"
#include "vm/space.h"

#define STACK_ALIGN 16ul

static const char platform[8] = "x86_64";

/* Bytes that are there whatever the program, between the vectors and the strings. */
struct middle {
    uint8_t random[16];
    char platform[sizeof(platform)];
};

#define END_BYTES 8 /* of zeroes, at the top */

/* Collects a page before it writes. */
struct writer {
    struct vm_space *space;
    uint64_t address; /* where the buffer will go */
    size_t used;
    int error;
    char *buffer; /* a page */
};

static void flush(struct writer *w) {
    if (w->error == 0 && w->used > 0)
        w->error = vm_space_write(w->space, w->address, w->buffer, w->used);
    w->address += w->used;
    w->used = 0;
}

/* Appends; pages of the target are written whole. */
static void put(struct writer *w, const void *data, size_t size) {
    const char *from = data;

    while (size > 0 && w->error == 0) {
        size_t room = PAGE_SIZE - (w->address + w->used) % PAGE_SIZE;
        size_t n = MIN(size, room);

        memcpy(w->buffer + w->used, from, n);
        w->used += n;
        from += n;
        size -= n;
        if (n == room)
            flush(w);
    }
}

/* Words come first, at an aligned address: a page has room for one or is full. */
static void put_word(struct writer *w, uint64_t word) {
    memcpy(w->buffer + w->used, &word, sizeof(word));
    w->used += sizeof(word);
    if ((w->address + w->used) % PAGE_SIZE == 0)
        flush(w);
}

static uint64_t vectors_bytes(const struct exec_args *args, const struct exec_stack *stack) {
    return (1 + args->argc + 1 + args->envc + 1 + stack->auxv_count) * sizeof(uint64_t);
}

static uint64_t upper_bytes(const struct exec_args *args) {
    return sizeof(struct middle) + args->strings.bytes + END_BYTES;
}

uint64_t exec_stack_bytes(const struct exec_args *args, const struct exec_stack *stack) {
    return upper_bytes(args) + vectors_bytes(args, stack) + 2 * STACK_ALIGN;
}

/* Both vectors of pointers: the offsets, which are of arguments and then of environment. */
static void put_pointers(struct writer *w, const struct exec_args *args, uint64_t strings) {
    uint64_t index = 0;

    for (const struct chunk *chunk = args->offsets.first; chunk; chunk = chunk->next) {
        const uint64_t *offsets = (const uint64_t *)chunk->data;

        for (size_t i = 0; i < chunk->used / sizeof(*offsets); i++, index++) {
            if (index == args->argc)
                put_word(w, 0);
            if (index < args->argc + args->envc)
                put_word(w, strings + offsets[i]);
        }
    }
    put_word(w, 0);
}

static void put_strings(struct writer *w, const struct exec_args *args) {
    for (const struct chunk *chunk = args->strings.first; chunk; chunk = chunk->next)
        put(w, chunk->data, chunk->used);
}

/* Fills in the addresses. `middle` is where struct middle goes. */
static void place(struct exec_stack *stack, const struct exec_args *args, uint64_t middle) {
    uint64_t strings = middle + sizeof(struct middle);

    *stack->random = middle + offsetof(struct middle, random);
    *stack->platform = middle + offsetof(struct middle, platform);
    *stack->execfn = strings + args->name_offset;
    stack->args_start = strings;
    stack->env_start = strings + args->env_offset;
    stack->env_end = strings + args->name_offset;
    stack->rsp = align_down(middle - vectors_bytes(args, stack), STACK_ALIGN);
}

int exec_stack_write(struct vm_space *space, uint64_t top, struct exec_args *args,
                     struct exec_stack *stack) {
    static const char zeroes[STACK_ALIGN];
    uint64_t middle_at = align_down(top - upper_bytes(args), STACK_ALIGN);
    struct middle middle;
    struct writer w = {.space = space, .buffer = kmalloc(PAGE_SIZE)};

    if (!w.buffer)
        return -ENOMEM;
    place(stack, args, middle_at);
    random_bytes(middle.random, sizeof(middle.random));
    memcpy(middle.platform, platform, sizeof(platform));
    w.address = stack->rsp;
    put_word(&w, args->argc);
    put_pointers(&w, args, stack->args_start);
    put(&w, stack->auxv, stack->auxv_count * sizeof(uint64_t));
    put(&w, zeroes, middle_at - (w.address + w.used));
    put(&w, &middle, sizeof(middle));
    put_strings(&w, args);
    put(&w, zeroes, END_BYTES);
    flush(&w);
    kfree(w.buffer);
    return w.error;
}
