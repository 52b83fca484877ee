/* SPDX-License-Identifier: MIT */
/*
 * The kernel's log. Each line is stamped with the time and kept in a ring of fixed size, from
 * which syslog(2) reads, and goes to the log sink: QEMU's debug console, and the first serial
 * port too when the command line says console=verbose. The user's console is otherwise never
 * written.
 *
 * Positions in the log are bytes since boot; old bytes are lost when the ring goes round.
 * Locks: the ring has its own, the innermost of all. Any context may print, with any lock held.
 */
#ifndef CORE_PRINTK_H
#define CORE_PRINTK_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Adds text to the log; format() of lib/format.h says what fmt may hold. A line ends with '\n';
 * a call may print a part of one. One call prints at most 512 bytes. Never sleeps, never fails.
 */
void printk(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void printk_va(const char *fmt, va_list args) __attribute__((format(printf, 1, 0)));

/* Bytes of the log that are still kept. */
size_t klog_size(void);

/* Bytes written since boot: the end of the log as a position. */
uint64_t klog_position(void);

/* Copies up to `size` bytes to buf, from `offset` bytes after the oldest kept; returns how many. */
size_t klog_read(size_t offset, char *buf, size_t size);

/* Makes the log go to the first serial port as well, if the command line says so. At boot. */
void printk_init(void);

/* From now on prints without the lock: the processor that holds it may never run again. */
void printk_enter_panic(void);

#endif
