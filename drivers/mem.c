/* SPDX-License-Identifier: MIT */
/*
 * The devices that are no devices, with Linux's numbers: /dev/null (1:3), zero (1:5), full (1:7),
 * random (1:8), urandom (1:9) and kmsg (1:11, for writing); on debug kernels mem (1:1), for
 * reading.
 *
 * /dev/zero can be mapped: what is mapped is an object of zeroes of its own for each mapping, so
 * that a shared mapping is memory shared with the children, as with MAP_ANONYMOUS.
 *
 * random and urandom are the same; both never wait. Source: null(4), full(4), random(4).
 */
#include "drivers/mem.h"

#include "abi/errno.h"
#include "abi/ioctl.h"
#include "core/printk.h"
#include "core/random.h"
#include "core/uaccess.h"
#include "lib/bits.h"
#include "machine/layout.h"
#include "mm/frame.h"
#include "sched/thread.h"
#include "vfs/access.h"
#include "vfs/device.h"
#include "vm/object.h"

#define MEM_MAJOR 1

/* Bytes moved between two looks at whether somebody else should run, or a signal has come. */
#define STEP_BYTES 65536u
#define CHUNK_BYTES 256u
#define KMSG_LINE_BYTES 256u

/* Moves up to b->left bytes by steps. Returns what was moved, or the first step's error. */
static long by_steps(struct iobuf *b, long (*step)(struct iobuf *b, size_t n)) {
    long total = 0;

    while (b->left > 0) {
        size_t want = MIN(b->left, (size_t)STEP_BYTES);
        long moved = step(b, want);
        if (moved < 0)
            return total > 0 ? total : moved;
        total += moved;
        if ((size_t)moved < want || sched_pause())
            break;
    }
    return total;
}

static long read_nothing(struct file *f, struct iobuf *b, uint64_t *pos) {
    (void)f, (void)b, (void)pos;
    return 0;
}

static long write_anything(struct file *f, struct iobuf *b, uint64_t *pos) {
    (void)f, (void)pos;
    return (long)b->left;
}

static long write_full(struct file *f, struct iobuf *b, uint64_t *pos) {
    (void)f, (void)b, (void)pos;
    return -ENOSPC;
}

static long read_zero(struct file *f, struct iobuf *b, uint64_t *pos) {
    (void)f, (void)pos;
    return by_steps(b, iobuf_zero_out);
}

static int64_t seek_nowhere(struct file *f, int64_t offset, int whence) {
    (void)f, (void)offset, (void)whence;
    return 0;
}

static int map_zero(struct file *f, struct file_mmap *m) {
    (void)f;
    m->object = vm_object_anon_create(align_up(m->length, PAGE_SIZE));
    m->offset = 0;
    return m->object ? 0 : -ENOMEM;
}

/* ---- random ---- */

static long random_out(struct iobuf *b, size_t n) {
    uint8_t chunk[CHUNK_BYTES];
    long total = 0;

    while (n > 0) {
        size_t want = MIN(n, sizeof(chunk));
        random_bytes(chunk, want);
        long copied = iobuf_copy_out(b, chunk, want);
        if (copied < 0)
            return total > 0 ? total : copied;
        total += copied;
        n -= (size_t)copied;
        if ((size_t)copied < want)
            break;
    }
    return total;
}

static long random_in(struct iobuf *b, size_t n) {
    uint8_t chunk[CHUNK_BYTES];
    long total = 0;

    while (n > 0) {
        long copied = iobuf_copy_in(b, chunk, MIN(n, sizeof(chunk)));
        if (copied < 0)
            return total > 0 ? total : copied;
        random_stir(chunk, (size_t)copied);
        total += copied;
        n -= (size_t)copied;
    }
    return total;
}

static long read_random(struct file *f, struct iobuf *b, uint64_t *pos) {
    (void)f, (void)pos;
    return by_steps(b, random_out);
}

static long write_random(struct file *f, struct iobuf *b, uint64_t *pos) {
    (void)f, (void)pos;
    return by_steps(b, random_in);
}

/* The pool is always full; root may add to it. */
static long ioctl_random(struct file *f, unsigned command, uint64_t argument) {
    (void)f;
    if (command == RNDGETENTCNT)
        return put_user_u32(256, (void *)argument);
    if (command == RNDADDTOENTCNT)
        return vfs_is_root() ? 0 : -EPERM;
    return -ENOTTY;
}

/* ---- kmsg ---- */

/* One write is one line of the kernel's log; what does not fit into it is left out. */
static long write_kmsg(struct file *f, struct iobuf *b, uint64_t *pos) {
    char line[KMSG_LINE_BYTES];
    long size = (long)b->left;
    long copied = iobuf_copy_in(b, line, MIN(b->left, sizeof(line) - 1));

    (void)f, (void)pos;
    if (copied < 0)
        return copied;
    while (copied > 0 && line[copied - 1] == '\n')
        copied--;
    line[copied] = 0;
    printk("%s\n", line);
    return size;
}

/* ---- physical memory ---- */

/* RAM as it lies there, for root, on debug kernels; where there is none: EFAULT. */
static long read_physical(struct file *f, struct iobuf *b, uint64_t *pos) {
    long total = 0;

    (void)f;
    while (b->left > 0) {
        size_t n = MIN(b->left, PAGE_SIZE - *pos % PAGE_SIZE);
        long copied = -EFAULT;

        if (phys_to_frame_checked(*pos))
            copied = iobuf_copy_out(b, phys_to_virt(*pos), n);
        if (copied < 0)
            return total > 0 ? total : copied;
        total += copied;
        *pos += (uint64_t)copied;
        if ((size_t)copied < n || sched_pause())
            break;
    }
    return total;
}

/* ---- registration ---- */

static const struct file_ops null_ops = {
    .read = read_nothing, .write = write_anything, .seek = seek_nowhere};
static const struct file_ops zero_ops = {
    .read = read_zero, .write = write_anything, .seek = seek_nowhere, .mmap = map_zero};
static const struct file_ops full_ops = {
    .read = read_zero, .write = write_full, .seek = seek_nowhere};
static const struct file_ops random_ops = {
    .read = read_random, .write = write_random, .seek = seek_nowhere, .ioctl = ioctl_random};
static const struct file_ops physical_ops = {.read = read_physical};
static const struct file_ops kmsg_ops = {.write = write_kmsg, .seek = seek_nowhere};

/* The first is there on debug kernels only. */
static struct device devices[] = {
    {.name = "mem", .dev = 1, .mode = 0400, .ops = &physical_ops},
    {.name = "null", .dev = 3, .mode = 0666, .ops = &null_ops},
    {.name = "zero", .dev = 5, .mode = 0666, .ops = &zero_ops},
    {.name = "full", .dev = 7, .mode = 0666, .ops = &full_ops},
    {.name = "random", .dev = 8, .mode = 0666, .ops = &random_ops},
    {.name = "urandom", .dev = 9, .mode = 0666, .ops = &random_ops},
    {.name = "kmsg", .dev = 11, .mode = 0644, .ops = &kmsg_ops},
};

void mem_init(void) {
    for (size_t i = QUIRE_DEBUG ? 0 : 1; i < ARRAY_SIZE(devices); i++) {
        devices[i].type = S_IFCHR;
        devices[i].dev = dev_make(MEM_MAJOR, (uint32_t)devices[i].dev);
        (void)device_register(&devices[i]);
    }
}
