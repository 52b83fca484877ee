/* SPDX-License-Identifier: MIT */
/*
 * What the file system needs to know of a thread: directories, umask, credentials, descriptors,
 * limits. Reached through struct thread; where there is no process the boot context serves (root's
 * rights, no descriptors).
 *
 * Locks: dirs->lock for root, cwd and umask, which CLONE_FS shares. The context itself is changed
 * only by its own thread (the limits by prlimit too: single words); for pointers in it, at which
 * /proc looks, proc's lock is held.
 */
#ifndef QUIRE_VFS_CONTEXT_H
#define QUIRE_VFS_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/refcount.h"
#include "sched/thread.h"
#include "sync/spinlock.h"

struct fdtable;
struct name;

#define VFS_GROUPS_MAX 65536u

/* Supplementary groups; never changed, only replaced. */
struct group_list {
    struct refcount refs;
    unsigned count;
    uint32_t ids[];
};

struct credentials {
    uint32_t uid, euid, suid, fsuid;
    uint32_t gid, egid, sgid, fsgid;
    struct group_list *groups; /* NULL: none */
};

struct vfs_dirs {
    struct refcount refs;
    struct spinlock lock;
    struct name *root; /* a reference */
    struct name *cwd;  /* a reference */
    uint32_t umask;
};

struct vfs_context {
    struct vfs_dirs *dirs;
    struct fdtable *files;
    struct credentials credentials;
    uint64_t descriptor_limit; /* RLIMIT_NOFILE, soft */
    uint64_t file_size_limit;  /* RLIMIT_FSIZE, soft, bytes; UINT64_MAX: none */
};

/* Callbacks of the process layer, NULL until registered. */
struct vfs_hooks {
    void (*signal_current)(int signal); /* SIGPIPE, SIGXFSZ to the calling thread */
    uint32_t (*pid_current)(void);      /* owner of POSIX record locks */
};

void vfs_hooks_register(const struct vfs_hooks *hooks);
void vfs_signal_current(int signal);
uint32_t vfs_pid_current(void);

extern struct vfs_context vfs_boot_context;

/*
 * The context of the process that runs; the boot context before there is one, in kernel threads,
 * and in a process that has released its own. Never NULL.
 */
static inline struct vfs_context *vfs_context_current(void) {
    struct vfs_context *c = thread_current()->vfs;

    return c && c->dirs ? c : &vfs_boot_context;
}

/* The first process: root and cwd at /, umask 022, ids 0, an empty table, 1024 descriptors.
 * -ENOMEM. */
int vfs_context_init(struct vfs_context *c);

/* clone: share_dirs is CLONE_FS, share_files CLONE_FILES. -ENOMEM: child untouched. */
int vfs_context_fork(struct vfs_context *child, const struct vfs_context *parent, bool share_dirs,
                     bool share_files);

/* Give everything back; pointers become NULL. May sleep (files are closed). */
void vfs_context_release(struct vfs_context *c);

/* A copy of dirs that nobody else has, or NULL. */
struct vfs_dirs *vfs_dirs_copy(struct vfs_dirs *from);
void vfs_dirs_unref(struct vfs_dirs *dirs);

/* Root and working directory of a context, with a reference. */
struct name *vfs_context_root(struct vfs_context *c);
struct name *vfs_context_cwd(struct vfs_context *c);

/* Change them; n's reference is handed over. The umask's old value is returned. */
void vfs_context_set_root(struct vfs_context *c, struct name *n);
void vfs_context_set_cwd(struct vfs_context *c, struct name *n);
uint32_t vfs_context_set_umask(struct vfs_context *c, uint32_t mask);

/* For vfs_init: the root and working directory where no process runs. */
void vfs_context_set_boot_root(struct name *root);

void group_list_ref(struct group_list *g);
void group_list_unref(struct group_list *g);

/* Whether gid is the (fs) group or one of the supplementary ones. */
bool credentials_in_group(const struct credentials *c, uint32_t gid);

#endif
