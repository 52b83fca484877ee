/* SPDX-License-Identifier: MIT */
/* Times given by the user; for the time calls and others with a timeout. */
#ifndef SYSCALL_USER_TIME_H
#define SYSCALL_USER_TIME_H

#include <stdint.h>

/* Reads a struct timespec: 0 with *ns (what does not fit is cut), -EFAULT, -EINVAL. */
int user_timespec_get(const void *user, uint64_t *ns);

/* Writes one. 0 or -EFAULT. */
int user_timespec_put(uint64_t ns, void *user);

/*
 * The monotonic time that is `*user` from now; NULL leaves *deadline_ns as it is. 0, -EFAULT,
 * -EINVAL.
 */
int user_timespec_deadline(const void *user, uint64_t *deadline_ns);

/* now + ns, without wrapping; never WAIT_FOREVER. */
uint64_t deadline_in(uint64_t ns);

/* As poll_wait_any() and the like take deadlines: 0, not to wait at all, for 0 ns. */
uint64_t poll_deadline_in(uint64_t ns);

/* The same from a timespec; WAIT_FOREVER without one. 0, -EFAULT or -EINVAL. */
int user_poll_deadline(const void *user, uint64_t *deadline_ns);

#endif
