/* SPDX-License-Identifier: MIT */
/*
 * Processes: fork, clone, execve, exit, wait, and who is who.
 *
 * Namespaces, pidfds and tracing are not there: clone flags that ask for them are EINVAL. So are
 * signal actions shared between processes (CLONE_SIGHAND without CLONE_THREAD).
 *
 * Sources: clone(2), unshare(2), execve(2), execveat(2), wait4(2), waitid(2), setpgid(2),
 * setsid(2).
 */
#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/sched.h"
#include "abi/wait.h"
#include "core/uaccess.h"
#include "lib/bits.h"
#include "lib/format.h"
#include "lib/string.h"
#include "machine/layout.h"
#include "mm/slab.h"
#include "proc/exec.h"
#include "proc/exit.h"
#include "proc/fork.h"
#include "proc/group.h"
#include "proc/unshare.h"
#include "proc/usage.h"
#include "proc/wait.h"
#include "syscall/calls.h"
#include "syscall/user_path.h"

/* ---- making ---- */

#define CLONE_NAMESPACES                                                                           \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |  \
     CLONE_NEWNET)
#define CLONE_UNSUPPORTED (CLONE_NAMESPACES | CLONE_PIDFD | CLONE_PTRACE | CLONE_INTO_CGROUP)

/* 0 or -EINVAL for flags that make no sense, or none here. */
static int check_flags(uint64_t flags) {
    if (flags & CLONE_UNSUPPORTED)
        return -EINVAL;
    /* Threads share their actions, and who shares actions shares memory. */
    if ((flags & CLONE_THREAD) && !(flags & CLONE_SIGHAND))
        return -EINVAL;
    if ((flags & CLONE_SIGHAND) && !(flags & CLONE_VM))
        return -EINVAL;
    if ((flags & CLONE_SIGHAND) && (!(flags & CLONE_THREAD) || (flags & CLONE_VFORK)))
        return -EINVAL;
    return (flags & CLONE_PARENT) && process_current()->pid == 1 ? -EINVAL : 0;
}

static long clone_checked(const struct fork_request *request) {
    int error = check_flags(request->flags);

    if (error)
        return error;
    if ((request->flags & CLONE_SETTLS) && request->tls >= USER_END)
        return -EPERM;
    return request->flags & CLONE_THREAD ? task_clone(request) : process_fork(request);
}

long sys_fork(void) {
    return clone_checked(&(struct fork_request){.exit_signal = SIGCHLD});
}

long sys_vfork(void) {
    return clone_checked(
        &(struct fork_request){.flags = CLONE_VFORK | CLONE_VM, .exit_signal = SIGCHLD});
}

long sys_clone(uint64_t flags, uint64_t stack, void *parent_tid, void *child_tid, uint64_t tls) {
    struct fork_request request = {
        .flags = flags & 0xffffffff & ~(uint64_t)CSIGNAL,
        .exit_signal = (int)(flags & CSIGNAL),
        .stack = stack,
        .tls = tls,
        .parent_tid = (uint64_t)parent_tid,
        .child_tid = (uint64_t)child_tid,
    };

    return clone_checked(&request);
}

/* Copies the arguments of clone3; bytes that this kernel does not know must be zero. */
static int get_clone_args(const void *user, size_t size, struct linux_clone_args *args) {
    memset(args, 0, sizeof(*args));
    if (size > PAGE_SIZE)
        return -E2BIG;
    if (size < CLONE_ARGS_SIZE_VER0)
        return -EINVAL;
    for (size_t at = sizeof(*args); at < size; at++) {
        uint8_t byte;

        if (copy_from_user(&byte, (const char *)user + at, 1) != 0)
            return -EFAULT;
        if (byte != 0)
            return -E2BIG;
    }
    return copy_from_user(args, user, MIN(size, sizeof(*args)));
}

long sys_clone3(const void *user, size_t size) {
    struct linux_clone_args args;
    int error = get_clone_args(user, size, &args);

    if (error)
        return error;
    if ((args.flags & (CSIGNAL | CLONE_DETACHED)) || args.exit_signal > SIGNAL_COUNT ||
        args.set_tid_size != 0 || args.set_tid != 0 || args.cgroup != 0)
        return -EINVAL;
    if ((args.stack == 0) != (args.stack_size == 0))
        return -EINVAL;
    if (args.stack >= USER_END || args.stack_size > USER_END - args.stack)
        return -EINVAL;
    if ((args.flags & CLONE_CLEAR_SIGHAND) && (args.flags & CLONE_SIGHAND))
        return -EINVAL;
    if ((args.flags & (CLONE_THREAD | CLONE_PARENT)) && args.exit_signal != 0)
        return -EINVAL;
    return clone_checked(&(struct fork_request){
        .flags = args.flags,
        .exit_signal = (int)args.exit_signal,
        .stack = args.stack + args.stack_size,
        .tls = args.tls,
        .parent_tid = args.parent_tid,
        .child_tid = args.child_tid,
    });
}

#define UNSHARE_FLAGS                                                                              \
    (CLONE_FILES | CLONE_FS | CLONE_SYSVSEM | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)

long sys_unshare(uint64_t flags) {
    int error = 0;

    if (flags & ~(uint64_t)UNSHARE_FLAGS)
        return -EINVAL;
    /* What a process of one task has for itself anyway. */
    if ((flags & (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)) && process_current()->task_count > 1)
        return -EINVAL;
    if ((flags & CLONE_VM) && refcount_get(&process_current()->space->refs) > 1)
        return -EINVAL;
    if (flags & CLONE_FS)
        error = task_unshare_dirs();
    if (error == 0 && (flags & CLONE_FILES))
        error = task_unshare_files();
    return error;
}

/* ---- programs ---- */

long sys_execve(const char *path, const void *argv, const void *envp) {
    struct user_path user_path;
    long error = user_path_get(&user_path, AT_FDCWD, path);

    if (error)
        return error;
    error = process_exec(&(struct exec_request){
        .path = user_path.text,
        .lookup_flags = LOOKUP_FOLLOW,
        .argv = argv,
        .envp = envp,
    });
    user_path_put(&user_path);
    return error;
}

#define FD_NAME_BYTES 32

/* What a program run by descriptor is called. NULL: no memory. */
static char *fd_name(int dir, const char *path) {
    size_t size = FD_NAME_BYTES + strlen(path);
    char *name = kmalloc(size);

    if (name)
        format(name, size, path[0] ? "/dev/fd/%d/%s" : "/dev/fd/%d", dir, path);
    return name;
}

long sys_execveat(int dir, const char *path, const void *argv, const void *envp, int flags) {
    struct user_path user_path;
    char *shown = NULL;
    long error;

    if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
        return -EINVAL;
    error = user_path_get(&user_path, dir, path);
    if (error)
        return error;
    if (user_path.at)
        shown = fd_name(dir, user_path.text);
    error = user_path.at && !shown ? -ENOMEM : 0;
    if (error == 0)
        error = process_exec(&(struct exec_request){
            .at = user_path.at,
            .path = user_path.text,
            .lookup_flags = (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
                            (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0),
            .shown = shown,
            .argv = argv,
            .envp = envp,
        });
    kfree(shown);
    user_path_put(&user_path);
    return error;
}

/* ---- ending ---- */

long sys_exit(int status) {
    task_exit(WAIT_STATUS_EXITED(status));
}

long sys_exit_group(int status) {
    process_exit(WAIT_STATUS_EXITED(status));
}

/* ---- waiting ---- */

#define WAIT4_OPTIONS (WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | (int)__WCLONE | __WALL)
#define WAITID_OPTIONS                                                                             \
    (WNOHANG | WEXITED | WSTOPPED | WCONTINUED | WNOWAIT | __WNOTHREAD | (int)__WCLONE | __WALL)

static int put_usage(void *user, const struct process_usage *usage) {
    struct linux_rusage rusage;

    if (!user)
        return 0;
    usage_to_rusage(usage, &rusage);
    return copy_to_user(user, &rusage, sizeof(rusage));
}

/*
 * Waits, copies out with `put`, and only then reaps: a bad pointer costs the caller nothing.
 */
static long wait_and_put(const struct wait_request *request,
                         int (*put)(const struct wait_found *found, void *info, void *usage),
                         void *info, void *usage) {
    struct wait_found found;
    int pid, error;

    do {
        error = process_wait_find(request, &found);
        if (error)
            return error;
        error = put(&found, info, usage);
        if (!found.child)
            return error;
        if (error) {
            process_wait_drop(&found);
            return error;
        }
        pid = found.pid;
    } while (!process_wait_take(request, &found));
    return pid;
}

static int put_wait4(const struct wait_found *found, void *status, void *usage) {
    if (!found->child)
        return 0;
    if (status && put_user_u32((uint32_t)found->status, status) != 0)
        return -EFAULT;
    return put_usage(usage, &found->usage);
}

long sys_wait4(int pid, void *status, int options, void *usage) {
    struct wait_request request = {
        .which = P_ALL, .options = options | WEXITED, .wants_usage = usage != NULL};

    if (options & ~WAIT4_OPTIONS)
        return -EINVAL;
    if (pid == INT32_MIN)
        return -ESRCH;
    if (pid > 0) {
        request.which = P_PID;
        request.id = pid;
    } else if (pid != -1) {
        request.which = P_PGID;
        request.id = pid == 0 ? process_group_id(process_current()) : -pid;
    }
    return wait_and_put(&request, put_wait4, status, usage);
}

static int put_waitid(const struct wait_found *found, void *user, void *usage) {
    struct linux_siginfo info;

    memset(&info, 0, sizeof(info));
    if (found->child) {
        info.si_signo = SIGCHLD;
        info.si_code = found->code;
        info.u.child.pid = found->pid;
        info.u.child.uid = found->uid;
        info.u.child.status = found->status >> 8 & 0xff;
        if (found->code == CLD_KILLED)
            info.u.child.status = found->status & 0x7f;
        else if (found->code == CLD_CONTINUED)
            info.u.child.status = SIGCONT;
        if (put_usage(usage, &found->usage) != 0)
            return -EFAULT;
    }
    /* Only the fields that waitid(2) names: the rest of the user's structure stays. */
    return user ? copy_to_user(user, &info, offsetof(struct linux_siginfo, u.child.utime)) : 0;
}

long sys_waitid(int which, int id, void *info, int options, void *usage) {
    struct wait_request request = {
        .which = which, .id = id, .options = options, .wants_usage = usage != NULL};
    long result;

    if ((options & ~WAITID_OPTIONS) || !(options & (WEXITED | WSTOPPED | WCONTINUED)))
        return -EINVAL;
    if (which == P_PIDFD)
        return id < 0 ? -EINVAL : -EBADF; /* no descriptor stands for a process */
    if (which != P_ALL && which != P_PID && which != P_PGID)
        return -EINVAL;
    if ((which == P_PID && id <= 0) || (which == P_PGID && id < 0))
        return -EINVAL;
    if (which == P_PGID && id == 0)
        request.id = process_group_id(process_current());
    result = wait_and_put(&request, put_waitid, info, usage);
    return result > 0 ? 0 : result;
}

/* ---- who is who ---- */

long sys_getpid(void) {
    return process_current()->pid;
}

long sys_gettid(void) {
    return thread_current()->tid;
}

long sys_getppid(void) {
    return process_parent_id(process_current());
}

long sys_getpgrp(void) {
    return process_group_id(process_current());
}

/* An id of another process, or of the caller for 0. */
static long id_of(int pid, int (*get)(const struct process *)) {
    struct process *process;
    long id;

    if (pid == 0)
        return get(process_current());
    process = process_get(pid);
    if (!process)
        return -ESRCH;
    id = get(process);
    process_put(process);
    return id;
}

long sys_getpgid(int pid) {
    return id_of(pid, process_group_id);
}

long sys_getsid(int pid) {
    return id_of(pid, process_session_id);
}

long sys_setpgid(int pid, int pgid) {
    return process_set_group(pid, pgid);
}

long sys_setsid(void) {
    return process_new_session();
}

long sys_set_tid_address(void *tid) {
    task_current()->clear_child_tid = (uint64_t)tid;
    return thread_current()->tid;
}
