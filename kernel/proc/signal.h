/* SPDX-License-Identifier: MIT */
/*
 * Signals: sending, blocking, and delivery to user mode.
 *
 * A signal is generated (signal_send_*), is pending for a process or for one thread while blocked
 * or not yet looked at, and is delivered on the way to user mode: by its default action, or by
 * pushing a frame and entering the handler.
 *
 * Signal sets are 64-bit masks; bit n-1 is signal n.
 *
 * Locks: process_tree_lock guards groups and sessions; each process's signal_lock guards its
 * actions, all its pending signals and its threads' masks. Both are spinlocks taken with interrupts
 * off: terminals and timers send from interrupt handlers.
 */
#ifndef PROC_SIGNAL_H
#define PROC_SIGNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/signal.h"
#include "lib/list.h"

struct process;
struct task;
struct thread;
struct trapframe;

#define SIGNAL_BIT(signo) (1ull << ((signo)-1))
#define SIGNALS_UNBLOCKABLE (SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP))

/* A set of pending signals with what is known about each. */
struct signal_queue {
    uint64_t pending;       /* (signal_lock) */
    struct list_node infos; /* (signal_lock) struct pending_signal, oldest first */
};

/*
 * Sends `signo` (1..64) to a process, to be taken by any of its tasks that does not block it.
 * info: NULL for "from the kernel" (SI_KERNEL), and then in any context, interrupts too; else not
 * in an interrupt. The caller keeps the process alive. Permission is not checked here. Returns 0; a
 * real-time signal whose details find no memory or are over RLIMIT_SIGPENDING gives -EAGAIN, other
 * signals then arrive without their details.
 */
int signal_send_process(struct process *process, int signo, const struct linux_siginfo *info);

/* The same to one task. */
int signal_send_task(struct task *task, int signo, const struct linux_siginfo *info);

/*
 * To every process of group `pgid`, from the kernel, if there is one in session `sid`. Any context.
 * What terminals call through their hooks.
 */
void signal_send_group(int sid, int pgid, int signo);

/*
 * To the running task because of what it just did: if the signal is blocked or ignored, the process
 * is killed by it, which true tells. code and address: si_code and si_addr (0: none).
 */
bool signal_force(int signo, int code, uint64_t address);

/* Is the signal blocked or ignored by the running task? */
bool signal_is_ignored(int signo);

/* Fills in a siginfo that tells of the calling process: kill(2) and the like. */
void signal_info_from_self(struct linux_siginfo *info, int signo, int code);

/* The name, "SIGSEGV"; for real-time signals "SIGRTMIN+". */
const char *signal_name(int signo);

#endif
