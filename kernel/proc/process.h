/* SPDX-License-Identifier: MIT */
/*
 * Processes and their threads as the user sees them.
 *
 * Words:
 *   process   what getpid(2) names: an address space, signal actions, children, limits, timers
 *   task      one user thread of a process: a struct thread with registers, signal mask, ids, files
 *             and directories (most often the same as its siblings'), user pointers
 *   leader    the task whose tid is the pid; the process may outlive it
 *   group, session   process groups and sessions of setpgid(2) and setsid(2), known by their ids
 *   zombie    a process that has exited and waits to be reaped by its parent
 *
 * Life: process_fork() makes one, task_clone() gives it more tasks, the end of the last task turns
 * it into a zombie, wait4(2) of its parent (or the parent's indifference) reaps it: out of the
 * tree. The structure lives on while somebody holds a reference (process_get).
 *
 * Locks, outer first:
 *   process_tree_lock   (T) parents, children, groups, sessions, the tables of ids, states
 *   signal_lock         (S) of each process: actions, pending signals, masks and ends of its tasks
 * Both are spinlocks taken with interrupts off. (o): the task's own, others do not look; (x):
 * written by execve only, when the process has one task; (a): single words, atomic, the last writer
 * wins.
 */
#ifndef PROC_PROCESS_H
#define PROC_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/resource.h"
#include "lib/list.h"
#include "proc/signal.h"
#include "sched/timer.h"
#include "sched/wait.h"
#include "sync/spinlock.h"
#include "vfs/context.h"

struct fdtable;
struct file;
struct name;
struct tty;
struct process_group;
struct vm_space;

#define PID_MAX 32768
#define AUXV_ENTRIES 22

enum process_state {
    PROCESS_ALIVE,
    PROCESS_ZOMBIE,
    PROCESS_REAPED, /* out of the tree; only references keep the structure */
};

/* Rusage counters that are summed over reaped children. */
struct process_usage {
    uint64_t user_ns, system_ns;
    uint64_t minor_faults, major_faults;
    uint64_t voluntary_switches, forced_switches;
    uint64_t max_resident_pages;
};

/* Where the program's texts and areas are; for /proc/PID and prctl. User addresses. */
struct process_image {
    uint64_t code_start, code_end;
    uint64_t data_start, data_end;
    uint64_t stack_start;
    uint64_t args_start, args_end;
    uint64_t env_start, env_end;
    uint64_t entry;
    uint64_t auxv[2 * AUXV_ENTRIES]; /* as given to the program; ends with AT_NULL */
};

struct task {
    struct thread thread;                /* first, so that the scheduler's pointer converts */
    struct list_node process_node;       /* in process->tasks: (T) and (S) to write */
    struct task *hash_next;              /* (T) of tasks that are not leaders */
    bool must_exit;                      /* (S) is to end on its way to user mode */
    bool is_leaving;                     /* (S) on its way out: takes no signals any more */
    bool stop_taken;                     /* (S) took a stopping signal; no SIGCONT has come since */
    uint32_t stopped_round;              /* (S) counted as stopped in this stop_round; 0: never */
    struct signal_queue queue;           /* (S) sent to this task */
    int forced_signal;                   /* (S) caused by what it just did; 0: none */
    int forced_code;                     /* (S) its si_code */
    uint64_t forced_address;             /* (S) its si_addr; 0: none */
    uint64_t blocked;                    /* (S) */
    uint64_t awaited;                    /* (S) what sigtimedwait waits for, though blocked */
    uint64_t saved_blocked;              /* (o) mask to put back after sigsuspend and the like */
    bool restore_blocked;                /* (o) saved_blocked counts */
    struct linux_sigaltstack altstack;   /* (o) */
    uint64_t set_child_tid;              /* (o) user address to write the tid to at the start */
    uint64_t clear_child_tid;            /* (o) user address to clear at the end; 0: none */
    uint64_t robust_list;                /* (o) user address */
    long (*restart)(struct task *);      /* (o) what restart_syscall(2) goes on with */
    uint64_t restart_data[3];            /* (o) its arguments */
    uint64_t fault_address;              /* (o) cr2 of the signal frame */
    uint64_t fault_error, fault_trap;    /* (o) its err and trapno */
    uint64_t minor_faults, major_faults; /* (o) */
    struct vfs_context own_vfs;          /* thread.vfs, but for leaders: see process.vfs */
};

/* Memory of groups and sessions on its way in or out; see group.h. */
struct group_spares {
    struct process_group *group;
    struct session *session;
};

struct process {
    _Atomic uint64_t holds;    /* see tree.h */
    int pid;                   /* constant */
    int parent_id;             /* (T) to write; pid of parent, 0: none */
    int maker_tid;             /* (T) parent's task that made it, or that looks after it now */
    int exit_signal;           /* (T) sent to the parent at exit; 0: none */
    enum process_state state;  /* (T) */
    struct process *hash_next; /* (T) */

    struct process *parent;        /* (T) NULL: init */
    struct list_node children;     /* (T) zombies too, oldest first */
    struct list_node sibling_node; /* (T) */
    struct process_group *group;   /* (T) NULL: reaped */
    struct list_node group_node;   /* (T) */
    struct wait_queue child_wait;  /* its wait4 sleeps here, and who made it by vfork */
    bool is_subreaper;             /* (T) PR_SET_CHILD_SUBREAPER */
    bool has_execed;               /* (T) execve came: setpgid by the parent is too late */
    bool vfork_borrowed;           /* (T) its parent waits until it lets go of its space */

    struct list_node tasks;      /* (T) and (S) to write, either to read; the leader is first */
    uint32_t task_count;         /* (T) and (S) to write: length of the list */
    uint32_t live_tasks;         /* (S) tasks that are not leaving */
    struct vm_space *space;      /* (T) to write; NULL: zombie, or on its way there */
    struct vfs_context vfs;      /* leader's; pointers in it: (T) to write, NULL once it has gone */
    struct file *exe;            /* (T) counted; keeps the program from being written; NULL: none */
    char name[THREAD_NAME_SIZE]; /* (T) to write: the leader's, kept when it has gone */
    struct process_image image;  /* (x) */

    struct spinlock signal_lock;
    struct signal_queue queue; /* (S) sent to the process */
    uint32_t queued_count;     /* (S) details allocated, for RLIMIT_SIGPENDING */
    bool is_exiting;           /* (S) all tasks are to exit, with exit_status */
    bool is_protected;         /* (S) init: signals without a handler do nothing to it */
    bool stop_requested;       /* (S) tasks stop on their way to user mode */
    bool is_stopped;           /* (S) all have, and the parent has been told */
    bool continued_unsent;     /* (S) the parent has not been told that it goes on */
    uint32_t stop_round;       /* (S) which request this is, or was */
    uint32_t stopped_tasks;    /* (S) how many have stopped for it and are not leaving */
    int stop_reason;           /* (S) its signal */
    int exit_status;           /* (S) as wait4 gives it */
    int stop_signal;           /* (S) stop not yet waited for; 0: none */
    bool was_continued;        /* (S) continue not yet waited for */
    int parent_death_signal;   /* (a) PR_SET_PDEATHSIG */
    int dumpable;              /* (a) */
    bool no_new_privs;         /* (a) */
    int nice;                  /* (T) */
    int16_t oom_score_adj;     /* atomic: see oom.h */
    int16_t oom_score_adj_min; /* atomic: what root has set; who is not root stays above */
    bool is_oom_reaped;        /* [oom] was chosen already */
    uint32_t personality;      /* (a) */

    struct group_spares left;            /* what became empty when it was taken out of the tree */
    struct timer real_timer;             /* [itimer] ITIMER_REAL */
    uint64_t real_interval_ns;           /* [itimer] 0: once */
    uint64_t start_ns;                   /* constant: monotonic, when it was made */
    struct process_usage dead_tasks;     /* (T) */
    struct process_usage children_usage; /* (T) reaped children and theirs */
    uint64_t set_actions;                /* (S) signals that have an entry in actions */
    struct linux_rlimit64 rlimits[RLIM_NLIMITS];  /* (T) to write */
    struct linux_sigaction actions[SIGNAL_COUNT]; /* (S) [signo - 1]; read by signal_action() */
};

struct process_group {
    int pgid;
    struct session *session;         /* constant; counted by its groups */
    struct list_node members;        /* (T) struct process, by group_node */
    struct process_group *hash_next; /* (T) */
};

struct session {
    int sid;
    uint32_t groups;           /* (T) how many groups it has */
    struct tty *terminal;      /* (T) controlling terminal; NULL: none */
    struct list_node all_node; /* (T) */
};

extern struct spinlock process_tree_lock;

/* What a process does about a signal. signal_lock, or the process itself. */
static inline const struct linux_sigaction *signal_action(const struct process *process,
                                                          int signo) {
    static const struct linux_sigaction by_default = {.handler = SIG_DFL};

    return process->set_actions & SIGNAL_BIT(signo) ? &process->actions[signo - 1] : &by_default;
}

/* The running process; NULL in a kernel thread. */
static inline struct process *process_current(void) {
    return thread_current()->process;
}

/* The running task; only where process_current() is not NULL. */
static inline struct task *task_current(void) {
    return (struct task *)thread_current();
}

/* The running task is to end, whatever it is doing: loops and waits are to give up. */
static inline bool task_must_exit(void) {
    return __atomic_load_n(&task_current()->must_exit, __ATOMIC_RELAXED);
}

/*
 * What the running task may do, by its ids. Its own, so no lock: ids are changed by it alone, and
 * others that read them get each as it was before or after.
 */
static inline struct credentials *credentials_current(void) {
    return &thread_current()->vfs->credentials;
}

/* The process with this pid, zombies included; NULL if there is none. process_tree_lock held. */
struct process *process_find_locked(int pid);

/*
 * The process that `id` names, its pid or the tid of one of its tasks, with a reference, which the
 * caller gives back by process_put(). NULL if there is none. No lock needed.
 */
struct process *process_get(int id);
void process_put(struct process *process);

/*
 * The process with the smallest pid >= `pid`, with a reference; NULL if there is none.
 * for (p = process_next(1); p; p = process_next(pid + 1)) visits every one. For /proc.
 */
struct process *process_next(int pid);

/* Ids, safe on zombies and without locks; 0: none (the parent of init, the group of the reaped). */
int process_parent_id(const struct process *process);
int process_group_id(const struct process *process);
int process_session_id(const struct process *process);

/* Of the leader: 'R', 'S', 'D', 'T', 'Z' or 'X' as in /proc/PID/stat. */
char process_state_char(struct process *process);

/* Name of the program (comm), at most 15 bytes. Points into the process: hold a reference. */
const char *process_name(const struct process *process);

/*
 * Sets the name of a task (tid 0: the leader), and of its process if that is the leader. 0, or
 * -ESRCH: there is no such task.
 */
int task_set_name(struct process *process, int tid, const char *name);

/* The same for the running task. */
void process_set_name(const char *name);

/* What the process has used so far, all its tasks; without its children. */
void process_times(struct process *process, struct process_usage *usage);

/* Numbers for /proc/stat and sysinfo(2). */
struct process_counts {
    uint32_t tasks; /* zombies too */
    uint64_t forks; /* since boot */
    int last_pid;
};
void process_counts_get(struct process_counts *counts);

/*
 * What another process has, with a reference, or NULL if it has it no more (a zombie). For /proc.
 * The space (vm_space_unref), the name of its program (name_unref).
 */
struct vm_space *process_space_get(struct process *process);
struct name *process_exe_get(struct process *process);

/*
 * The same of one task of it (tid 0: the leader): the file table (fdtable_drop), the names of its
 * working directory and root (name_unref).
 */
struct fdtable *task_files_get(struct process *process, int tid);
struct name *task_cwd_get(struct process *process, int tid);
struct name *task_root_get(struct process *process, int tid);

/*
 * The same for its ids, with a reference on the list of groups (group_list_unref), and its umask.
 * False: there is no such task.
 */
struct task_ids {
    struct credentials credentials;
    uint32_t umask;
};
bool task_ids_get(struct process *process, int tid, struct task_ids *ids);

/* The controlling terminal of its session, held (tty_drop); NULL: none. */
struct tty *process_terminal(struct process *process);

/* The sets of /proc/PID/status: what is pending, blocked, ignored, caught. */
struct process_signal_sets {
    uint64_t pending_task, pending_process, blocked, ignored, caught;
};
void task_signal_sets(struct process *process, int tid, struct process_signal_sets *sets);

/*
 * Prepares tables and registers hooks with traps, VFS, terminals and panic. Once, after
 * sched_init() and vm_init().
 */
void process_init(void);

/*
 * Starts process 1 running the program at `path` with the given NULL-terminated argument and
 * environment vectors (kernel memory). Returns 0 or a negative errno. Call from the boot context
 * (the idle thread to be) once the root file system is there; it runs when that goes idle.
 */
int process_start_init(const char *path, const char *const argv[], const char *const envp[]);

#endif
