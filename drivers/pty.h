/* SPDX-License-Identifier: MIT */
/*
 * Pseudo-terminals: a terminal whose other end is a file, the master.
 *
 * Opening /dev/ptmx makes a pair and is its master; the terminal (the slave) is /dev/pts/N, which
 * drivers/devpts.c shows. The pair lasts as long as either end is open; its number is free again
 * when the master is closed, which hangs up the slave.
 *
 * Locks: pty_lock, a spinlock, for the table of numbers; the rest is the tty's.
 *
 * Source: pty(7), pts(4), ioctl_tty(2).
 */
#ifndef DRIVERS_PTY_H
#define DRIVERS_PTY_H

#include <stdbool.h>
#include <stdint.h>

struct file;
struct pty;

#define PTY_MAX 256
#define PTY_SLAVE_MAJOR 136

/* Registers /dev/ptmx. Once, at start. */
void pty_init(void);

/* The pair with this number, with a reference; NULL: its master is not open. */
struct pty *pty_get(uint32_t number);
void pty_put(struct pty *pty);

/* The smallest number >= from that is in use, or -ENOENT. */
int pty_next(uint32_t from);

/* Is the master gone? Then the number may be another pair's. */
bool pty_is_gone(const struct pty *pty);

/* Who the slave belongs to: who opened the master. */
void pty_owner(const struct pty *pty, uint32_t *uid, uint32_t *gid);

/* Makes f an open file of the slave, or of a new pair's master. Errors as open(2) of them. */
int pty_slave_open(struct pty *pty, struct file *f);
int pty_master_open(struct file *f);

#endif
