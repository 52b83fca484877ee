/* SPDX-License-Identifier: MIT */
/*
 * Just as much of kernel/proc as process_vm_readv and writev need: processes by number, which are
 * their spaces, one of which runs. Its memory is what copies to and from the user reach.
 */
#ifndef SUPPORT_PROCESS_MODEL_H
#define SUPPORT_PROCESS_MODEL_H

struct vm_space;

/* The process that runs. */
void process_model_run(struct vm_space *space);

/* The one that has a number, the only one; NULL: none has. */
void process_model_peer(int pid, struct vm_space *space);

#endif
