/* SPDX-License-Identifier: MIT */
/* Times given by the user; for the time calls and others with a timeout. */
#ifndef SYSCALL_USER_TIME_H
#define SYSCALL_USER_TIME_H

#include <stdint.h>

/* Reads a struct timespec: 0 with *ns (what does not fit is cut), -EFAULT, -EINVAL. */
int user_timespec_get(const void *user, uint64_t *ns);

/* Writes one. 0 or -EFAULT. */
int user_timespec_put(uint64_t ns, void *user);

/* now + ns, without wrapping; never WAIT_FOREVER. */
uint64_t deadline_in(uint64_t ns);

/* The same where 0 ns is to look once and not to wait: 0 then. */
uint64_t poll_deadline_in(uint64_t ns);

/* poll_deadline_in of the user's timespec; WAIT_FOREVER for NULL. 0, -EFAULT or -EINVAL. */
int user_timespec_deadline(const void *user, uint64_t *deadline_ns);

#endif
