/* SPDX-License-Identifier: MIT */
/*
 * Collecting the strings of execve; see exec_args.h.
 */
#include "proc/exec_args.h"

#include "abi/errno.h"
#include "core/uaccess.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "proc/chunk.h"

#define STRING_MAX_BYTES (128u << 10)
#define TOTAL_MIN_BYTES (128ull << 10)
#define TOTAL_MAX_BYTES (6ull << 20)
#define STACK_SHARE 4

void exec_args_init(struct exec_args *args, uint64_t stack_limit) {
    memset(args, 0, sizeof(*args));
    args->limit = MIN(stack_limit / STACK_SHARE, TOTAL_MAX_BYTES);
    args->limit = MAX(args->limit, TOTAL_MIN_BYTES);
}

static void list_release(struct chunk_list *list) {
    while (list->first) {
        struct chunk *next = list->first->next;

        kfree(list->first);
        list->first = next;
    }
}

void exec_args_release(struct exec_args *args) {
    list_release(&args->strings);
    list_release(&args->offsets);
}

/* The last chunk, with room for one byte at least; NULL: no memory. */
static struct chunk *chunk_with_room(struct chunk_list *list) {
    struct chunk *chunk;

    if (list->last && list->last->used < CHUNK_BYTES)
        return list->last;
    chunk = kmalloc(sizeof(*chunk));
    if (!chunk)
        return NULL;
    chunk->next = NULL;
    chunk->used = 0;
    if (list->last)
        list->last->next = chunk;
    else
        list->first = chunk;
    list->last = chunk;
    return chunk;
}

static int append(struct chunk_list *list, const void *data, size_t size) {
    const char *from = data;

    while (size > 0) {
        struct chunk *chunk = chunk_with_room(list);
        size_t n;

        if (!chunk)
            return -ENOMEM;
        n = MIN(size, (size_t)(CHUNK_BYTES - chunk->used));
        memcpy(chunk->data + chunk->used, from, n);
        chunk->used += n;
        list->bytes += n;
        from += n;
        size -= n;
    }
    return 0;
}

static int check_total(const struct exec_args *args) {
    return args->strings.bytes + args->offsets.bytes <= args->limit ? 0 : -E2BIG;
}

/* Notes that the next string begins here. Chunks hold a whole number of offsets. */
static int begin_string(struct exec_args *args) {
    struct chunk *chunk = chunk_with_room(&args->offsets);

    if (!chunk)
        return -ENOMEM;
    memcpy(chunk->data + chunk->used, &args->strings.bytes, sizeof(uint64_t));
    chunk->used += sizeof(uint64_t);
    args->offsets.bytes += sizeof(uint64_t);
    return 0;
}

int exec_args_add(struct exec_args *args, const char *string) {
    int error = begin_string(args);

    if (error == 0)
        error = append(&args->strings, string, strlen(string) + 1);
    return error ? error : check_total(args);
}

/*
 * Copies a piece of a user string into the room of the last chunk. 1: that was its end; 0: there is
 * more; or an error.
 */
static int copy_piece(struct exec_args *args, const char *from, size_t *done) {
    struct chunk *chunk = chunk_with_room(&args->strings);
    size_t room;
    long length;

    if (!chunk)
        return -ENOMEM;
    room = CHUNK_BYTES - chunk->used;
    length = copy_string_from_user(chunk->data + chunk->used, from, room);
    if (length == -EFAULT)
        return -EFAULT;
    if (length < 0) {
        const char *end;

        /* No end within the room: the bytes are there for certain only after another copy. */
        if (copy_from_user(chunk->data + chunk->used, from, room) != 0)
            return -EFAULT;
        end = memchr(chunk->data + chunk->used, '\0', room);
        length = end ? end - (chunk->data + chunk->used) : (long)room - 1;
        *done = (size_t)length + 1;
        chunk->used += *done;
        args->strings.bytes += *done;
        return end != NULL;
    }
    *done = (size_t)length + 1;
    chunk->used += *done;
    args->strings.bytes += *done;
    return 1;
}

static int add_user_string(struct exec_args *args, const char *from) {
    size_t total = 0;
    int result = begin_string(args);

    while (result == 0) {
        size_t done = 0;

        result = copy_piece(args, from + total, &done);
        total += done;
        if (result >= 0 && (total > STRING_MAX_BYTES || check_total(args) != 0))
            result = -E2BIG;
    }
    return result < 0 ? result : 0;
}

int exec_args_add_user(struct exec_args *args, const void *vector, uint64_t skip, uint64_t *count) {
    const uint64_t *next = vector;
    uint64_t string;
    int error = 0;

    if (!vector)
        return 0;
    for (uint64_t i = 0; error == 0; i++) {
        if (get_user_u64(&string, next + i) != 0)
            return -EFAULT;
        if (string == 0)
            break;
        if (i < skip)
            continue;
        error = add_user_string(args, (const char *)string);
        *count += 1;
    }
    return error;
}
