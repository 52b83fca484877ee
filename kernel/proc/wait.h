/* SPDX-License-Identifier: MIT */
/*
 * Waiting for children; private to kernel/proc and its system calls.
 *
 * Waiting is in two halves, so that what was found can be copied to the user before the child is
 * reaped: process_wait_find() and process_wait_take().
 *
 * Source: wait4(2), waitid(2).
 */
#ifndef PROC_WAIT_H
#define PROC_WAIT_H

#include "proc/process.h"

struct wait_request {
    int which;   /* P_ALL, P_PID, P_PGID */
    int id;      /* for P_PID and P_PGID */
    int options; /* W* */
    bool wants_usage;
};

struct wait_found {
    struct process *child; /* a reference; NULL: WNOHANG and nothing there */
    int pid;
    uint32_t uid;
    int status;                 /* as wait4 gives it */
    int code;                   /* CLD_* */
    struct process_usage usage; /* only if it was wanted */
};

/*
 * Sleeps until a child fits the request. 0 with *found filled, -ECHILD, or -ERESTARTSYS.
 */
int process_wait_find(const struct wait_request *request, struct wait_found *found);

/*
 * Does what the wait does to the child (reap it, mark it as reported; nothing for WNOWAIT) and
 * gives the reference back. False: somebody else was quicker, look again.
 */
bool process_wait_take(const struct wait_request *request, struct wait_found *found);

/* Gives the reference back and leaves the child as it is. */
void process_wait_drop(struct wait_found *found);

#endif
