/* SPDX-License-Identifier: MIT */
/*
 * Making processes from processes and tasks from tasks; private to kernel/proc and its system
 * calls.
 */
#ifndef PROC_FORK_H
#define PROC_FORK_H

#include <stdint.h>

struct fork_request {
    uint64_t flags;      /* CLONE_*, checked by the caller */
    int exit_signal;     /* 0: none */
    uint64_t stack;      /* the child's rsp; 0: the same as the parent's */
    uint64_t tls;        /* fs base, with CLONE_SETTLS */
    uint64_t parent_tid; /* user addresses, with CLONE_PARENT_SETTID and so on */
    uint64_t child_tid;
};

/*
 * Makes a copy of the calling process that goes on where the caller's system call returns, with
 * result 0. With CLONE_VFORK waits until the child has let go of its space. Returns the child's
 * pid, -EAGAIN (too many processes), -ENOMEM; a failure leaves nothing behind. Source: clone(2).
 */
int process_fork(const struct fork_request *request);

/*
 * Makes one more task of the calling process (CLONE_THREAD, with CLONE_VM and CLONE_SIGHAND), with
 * its own copy of descriptors or directories where CLONE_FILES or CLONE_FS are not there. Returns
 * its tid or as above.
 */
int task_clone(const struct fork_request *request);

#endif
