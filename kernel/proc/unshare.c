/* SPDX-License-Identifier: MIT */
/*
 * A task's own copy of what it has shared with others: descriptors, directories. See unshare.h.
 *
 * Others find them through the task's context, so the pointers change under process_tree_lock; the
 * reference on what was shared goes afterwards.
 */
#include "proc/unshare.h"

#include "abi/errno.h"
#include "proc/process.h"
#include "vfs/fdtable.h"

int task_unshare_files(void) {
    struct vfs_context *mine = vfs_context_current();
    struct fdtable *shared = mine->files, *own;

    if (refcount_get(&shared->users) == 1)
        return 0;
    own = fdtable_fork(shared);
    if (!own)
        return -ENOMEM;
    spin_lock_irq_on(&process_tree_lock);
    mine->files = own;
    spin_unlock_irq_on(&process_tree_lock);
    fdtable_unref(shared);
    return 0;
}

int task_unshare_dirs(void) {
    struct vfs_context *mine = vfs_context_current();
    struct vfs_dirs *shared = mine->dirs, *own;

    if (refcount_get(&shared->refs) == 1)
        return 0;
    own = vfs_dirs_copy(shared);
    if (!own)
        return -ENOMEM;
    spin_lock_irq_on(&process_tree_lock);
    mine->dirs = own;
    spin_unlock_irq_on(&process_tree_lock);
    vfs_dirs_unref(shared);
    return 0;
}
