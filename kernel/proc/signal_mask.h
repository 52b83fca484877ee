/* SPDX-License-Identifier: MIT */
/*
 * A signal mask for the time of one system call: ppoll, pselect6, epoll_pwait.
 */
#ifndef PROC_SIGNAL_MASK_H
#define PROC_SIGNAL_MASK_H

#include <stdbool.h>
#include <stdint.h>

/* Blocks exactly `mask` (KILL and STOP never) in the calling task and remembers what was blocked.
 */
void signal_mask_replace(uint64_t mask);

/*
 * Ends it. If the call was interrupted the old mask comes back on the way to user mode, after the
 * signal that interrupted it has been looked at; else at once.
 */
void signal_mask_restore(bool interrupted);

#endif
