/* SPDX-License-Identifier: MIT */
/*
 * Threads: what the scheduler runs.
 *
 * A thread is a kernel stack and a saved context. A thread that runs user code also has a space, an
 * FPU state and user segment bases; what it means to the user (signals, credentials, its process)
 * belongs to kernel/proc, which embeds struct thread in its own structure.
 *
 * States:
 *   NEW            waits for thread_start() and nothing else
 *   RUNNABLE       running, or waiting in a run queue
 *   BLOCKED        waits for thread_wake() and nothing else
 *   INTERRUPTIBLE  waits for thread_wake() or thread_interrupt()
 *   STOPPED        stopped by a job-control signal; waits for thread_wake()
 *   DEAD           will never run again; freed by the next thread on its processor
 *
 * Sleeping without losing a wake-up: say the state (thread_prepare_block), then test the condition,
 * then thread_block(). A wake between the first and the last makes thread_block() return at once.
 * The macros of sched/wait.h do this; nobody else should need to.
 *
 * The kernel is not preempted in kernel mode: a thread gives up its processor only in
 * thread_block(), sched_yield() and thread_exit(), all of which sleep and so may be called with no
 * spinlock held.
 */
#ifndef SCHED_THREAD_H
#define SCHED_THREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/context.h"
#include "core/cpu.h"
#include "lib/list.h"
#include "sync/lock_rank.h"

#define THREAD_NAME_SIZE 16 /* NUL included, as Linux's TASK_COMM_LEN */

struct process;
struct trapframe;
struct vfs_context;
struct vm_space;

enum thread_state {
    THREAD_NEW,
    THREAD_RUNNABLE,
    THREAD_BLOCKED,
    THREAD_INTERRUPTIBLE,
    THREAD_STOPPED,
    THREAD_DEAD,
};

/* Field locks: (c) constant once started, (s) own thread only, (q) run-queue lock, (a) atomic. */
struct thread {
    struct context context;      /* (q) saved stack pointer while not running */
    struct list_node queue_node; /* (q) in a run queue, or alone */
    int state;                   /* (q) to change from blocked, else (s): enum thread_state */
    bool on_cpu;                 /* (q) some processor runs it now */
    bool queued;                 /* (q) queue_node is in a run queue */
    bool interrupted;            /* (a) a signal wants attention; kernel/proc sets and clears it */
    unsigned cpu;                /* (q) index of the processor whose run queue it belongs to */
    uint64_t affinity;           /* (q) processors it may run on, as a mask */
    int tid;                     /* (c) */
    char name[THREAD_NAME_SIZE]; /* (s) readers may see a mix of old and new */

    void *kstack_top;            /* (c) */
    struct trapframe *trapframe; /* (c) user registers; NULL: a kernel thread */
    struct fpu_state *fpu;       /* (c) NULL: a kernel thread, which has none */
    bool fpu_detached; /* (s) the registers are not its own just now: neither saved nor loaded */
    struct vm_space *space;           /* (s) NULL: runs in whatever space is active */
    struct process *process;          /* (c) NULL: a kernel thread */
    struct vfs_context *vfs;          /* (c) its process's; NULL: a kernel thread */
    uint64_t fs_base, gs_base;        /* (s) user segment bases */
    void (*release)(struct thread *); /* (c) frees the structure once the stack is gone */

    struct lock_stack mutexes; /* (s) held, for the rank check */

    uint64_t slice_ns;           /* (q) what is left of its slice, without the running stretch */
    uint64_t switched_in_ns;     /* (q) monotonic */
    uint64_t run_ns;             /* (q) time on a processor, without the running slice */
    uint64_t user_ticks;         /* (q) timer ticks that found it in user mode */
    uint64_t system_ticks;       /* (q) and in kernel mode */
    uint64_t voluntary_switches; /* (q) */
    uint64_t forced_switches;    /* (q) */
};

/* The running thread. Never NULL once sched_init() has run. */
static inline struct thread *thread_current(void) {
    return machine_thread_current();
}

/*
 * Turns the boot context into the idle thread of this processor and makes run queue and timers
 * ready. Call once, after mm is up and before the first thread. Takes the timer_tick hook's place
 * in core/trap.h by way of kernel/proc, which owns the hook table.
 */
void sched_init(void);

/* The same for another processor, which then goes to sched_idle(). */
void sched_init_self(void);

/* The idle loop of this processor; the last thing boot calls. Interrupts on. */
_Noreturn void sched_idle(void);

/*
 * Starts a kernel thread running fn(arg). When fn returns the thread ends.
 * Returns the thread (valid until it ends), or NULL without memory. May be called with no spinlock.
 */
struct thread *thread_create_kernel(const char *name, void (*fn)(void *), void *arg);

/*
 * Gives a zeroed thread a kernel stack, a trap frame at its top and an FPU state (contents
 * undefined); it will start in entry(arg) on first run. The caller sets space, process and release.
 * Returns 0 or -ENOMEM (nothing allocated).
 */
int thread_init_user(struct thread *thread, void (*entry)(void *), void *arg);

/* Undoes thread_init_user() for a thread that never started. */
void thread_destroy_unstarted(struct thread *thread);

/*
 * The first thing a new user thread does in its entry function: ends the switch to it, frees the
 * thread before it if that is dead. Interrupts are off and stay so.
 */
void sched_finish_switch(void);

/*
 * Makes a new thread runnable. Until then nobody else does, whoever knows it already: a signal that
 * came before is seen on its way to user mode. It may have run to its end by the return.
 */
void thread_start(struct thread *thread);

/*
 * Ends the running thread. Its stack, FPU state and structure (by its release function) are freed
 * after the switch away. The caller must have let go of everything else, its space included.
 */
_Noreturn void thread_exit(void);

/* First half of sleeping: the calling thread will sleep in `state` at the next thread_block(). */
void thread_prepare_block(enum thread_state state);

/* The calling thread does not want to sleep after all. */
void thread_cancel_block(void);

/* Sleeps until woken, unless a wake came since thread_prepare_block(). No spinlock may be held. */
void thread_block(void);

/* Wakes a thread that sleeps or is about to, in any state. Any context, interrupts too. */
void thread_wake(struct thread *thread);

/* Wakes it only from INTERRUPTIBLE. Any context. */
void thread_interrupt(struct thread *thread);

/* True if a signal wants the thread's attention: interruptible sleeps end with -EINTR. */
static inline bool thread_interrupted(struct thread *thread) {
    return __atomic_load_n(&thread->interrupted, __ATOMIC_RELAXED);
}

/* Lets other runnable threads go first. May sleep. */
void sched_yield(void);

/*
 * For long loops, which nothing preempts: lets others run if the slice is over. May sleep. True: a
 * signal wants attention, and the loop should end.
 */
static inline bool sched_pause(void) {
    if (cpu_self()->work & CPU_WORK_RESCHED)
        sched_yield();
    return thread_interrupted(thread_current());
}

/*
 * What kernel/proc, which owns the table of trap hooks, calls from the timer interrupt: runs timers
 * that are due, charges the tick to the running thread, ends its slice.
 */
void sched_tick(void);

/*
 * Has a thread look at its signals before it goes back to user mode, wherever it runs; one that
 * does not run looks when it does. Its `interrupted` is set before. Any context.
 */
void thread_notify(struct thread *thread);

/* What kernel/proc calls when another processor wants this one to look: see core/trap.h. */
void sched_look(void);

/*
 * Lets a thread run on the processors of a mask only; it moves there when it is next switched to at
 * the latest. 0, or -EINVAL when none of them runs. Any context.
 */
int thread_set_affinity(struct thread *thread, uint64_t cpus);

/* Sets the name, cut to 15 bytes. */
void thread_set_name(struct thread *thread, const char *name);

/*
 * Time spent on processors and its split between user and system, all in nanoseconds. The thread is
 * not freed meanwhile; takes the lock of its run queue.
 */
struct thread_times {
    uint64_t user_ns;
    uint64_t system_ns;
};
void thread_times(const struct thread *thread, struct thread_times *times);

/* What /proc/loadavg and /proc/stat want. Times since boot of this kernel in nanoseconds. */
struct sched_stats {
    uint64_t idle_ns;
    uint64_t user_ns;
    uint64_t system_ns;
    uint64_t switches;
    uint32_t runnable; /* threads running or queued, the idle ones apart */
    uint64_t load[3];  /* 1, 5, 15 minutes; fixed point, 1.0 = 1 << 16 */
};
void sched_stats_get(struct sched_stats *stats);

/* The same of one processor alone; runnable and load are 0. */
void sched_cpu_stats_get(unsigned cpu, struct sched_stats *stats);

#endif
