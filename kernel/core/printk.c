/* SPDX-License-Identifier: MIT */
/*
 * The log: a ring of bytes and a sink.
 *
 * Positions count bytes since boot; the ring keeps the last KLOG_SIZE of them. klog_lock
 * (LOCK_RANK_KLOG, the innermost) guards the ring, the position and whether a line has begun. It
 * is held while the sink is written, so that lines of two processors do not mix; the sink never
 * waits for anybody. In a panic nobody waits for the lock any more.
 */
#include "core/printk.h"

#include <stdbool.h>

#include "core/clock.h"
#include "core/cmdline.h"
#include "core/logsink.h"
#include "lib/bits.h"
#include "lib/format.h"
#include "lib/string.h"
#include "sync/spinlock.h"

#define KLOG_SIZE (32 * 1024)
#define PRINTK_MAX 512
#define STAMP_MAX 32
#define KLOG_LEVEL "<6>" /* informational: readers of syslog(2) expect each line to begin so */

static struct spinlock klog_lock = SPINLOCK_INIT("klog", LOCK_RANK_KLOG);
static char klog_ring[KLOG_SIZE]; /* klog_lock */
static uint64_t klog_end;         /* klog_lock: bytes ever written */
static bool klog_in_line;         /* klog_lock: the last byte was no newline */
static bool log_to_serial;        /* constant after printk_init() */
static bool in_panic;             /* only ever becomes true */

void printk_init(void) {
    char value[16];

    log_to_serial = cmdline_get("console", value, sizeof(value)) && strcmp(value, "verbose") == 0;
}

void printk_enter_panic(void) {
    in_panic = true;
}

static void klog_keep_locked(const char *text, size_t length) {
    for (size_t i = 0; i < length; i++)
        klog_ring[klog_end++ % KLOG_SIZE] = text[i];
}

static void klog_write_locked(const char *text, size_t length) {
    klog_keep_locked(text, length);
    logsink_write(text, length, log_to_serial);
}

static void klog_stamp_locked(void) {
    char stamp[STAMP_MAX];
    uint64_t us = clock_monotonic_ns() / 1000;

    klog_keep_locked(KLOG_LEVEL, strlen(KLOG_LEVEL));
    format(stamp, sizeof(stamp), "[%5lu.%06lu] ", us / 1000000, us % 1000000);
    klog_write_locked(stamp, strlen(stamp));
}

/* Writes text line by line, each with its stamp. */
static void klog_lines_locked(const char *text) {
    while (*text) {
        const char *newline = strchr(text, '\n');
        size_t length = newline ? (size_t)(newline - text) + 1 : strlen(text);

        if (!klog_in_line)
            klog_stamp_locked();
        klog_write_locked(text, length);
        klog_in_line = !newline;
        text += length;
    }
}

void printk_va(const char *fmt, va_list args) {
    char text[PRINTK_MAX];
    irq_flags_t flags;

    vformat(text, sizeof(text), fmt, args);
    if (in_panic) {
        klog_lines_locked(text);
        return;
    }
    flags = spin_lock_irq(&klog_lock);
    klog_lines_locked(text);
    spin_unlock_irq(&klog_lock, flags);
}

void printk(const char *fmt, ...) {
    va_list args;

    va_start(args, fmt);
    printk_va(fmt, args);
    va_end(args);
}

static size_t klog_size_locked(void) {
    return (size_t)MIN(klog_end, (uint64_t)KLOG_SIZE);
}

size_t klog_size(void) {
    irq_flags_t flags = spin_lock_irq(&klog_lock);
    size_t size = klog_size_locked();

    spin_unlock_irq(&klog_lock, flags);
    return size;
}

size_t klog_read(size_t offset, char *buf, size_t size) {
    irq_flags_t flags = spin_lock_irq(&klog_lock);
    size_t kept = klog_size_locked();
    uint64_t from = klog_end - kept + offset;
    size_t n = offset < kept ? MIN(size, kept - offset) : 0;

    for (size_t i = 0; i < n; i++)
        buf[i] = klog_ring[(from + i) % KLOG_SIZE];
    spin_unlock_irq(&klog_lock, flags);
    return n;
}

uint64_t klog_position(void) {
    irq_flags_t flags = spin_lock_irq(&klog_lock);
    uint64_t position = klog_end;

    spin_unlock_irq(&klog_lock, flags);
    return position;
}
