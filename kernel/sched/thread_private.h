/* SPDX-License-Identifier: MIT */
/* What thread.c and sched.c tell each other; private to kernel/sched. */
#ifndef SCHED_THREAD_PRIVATE_H
#define SCHED_THREAD_PRIVATE_H

struct thread;

/* Prepares the object caches. */
void threads_init(void);

/* Frees a thread that is dead and no longer on any processor. */
void thread_reap(struct thread *thread);

#endif
