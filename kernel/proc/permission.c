/* SPDX-License-Identifier: MIT */
/*
 * Who may do something to a process; see permission.h. Ids are read without a lock: each is a word,
 * and a process that changes its ids at this moment is either.
 */
#include "proc/permission.h"

#include "proc/process.h"
#include "vm/space.h"

bool permission_same_user(const struct process *process) {
    const struct credentials *mine = credentials_current();
    const struct credentials *theirs = &process->vfs.credentials;

    return mine->euid == 0 || mine->euid == theirs->uid || mine->euid == theirs->euid;
}

bool permission_all_ids(const struct process *process) {
    const struct credentials *mine = credentials_current();
    const struct credentials *theirs = &process->vfs.credentials;

    return mine->euid == 0 ||
           (mine->uid == theirs->uid && mine->uid == theirs->euid && mine->uid == theirs->suid &&
            mine->gid == theirs->gid && mine->gid == theirs->egid && mine->gid == theirs->sgid);
}

bool permission_to_attach(const struct process *process) {
    if (process == process_current() || credentials_current()->euid == 0)
        return true;
    return permission_all_ids(process) && process->dumpable;
}

bool permission_to_signal(const struct process *process, int signo) {
    const struct credentials *mine = credentials_current();
    const struct credentials *theirs = &process->vfs.credentials;

    if (mine->euid == 0 || mine->euid == theirs->suid || mine->euid == theirs->uid ||
        mine->uid == theirs->suid || mine->uid == theirs->uid)
        return true;
    return signo == SIGCONT && process_session_id(process) == process_session_id(process_current());
}

bool permission_to_map_at(uint64_t address) {
    return address >= vm_lowest_address() || credentials_current()->euid == 0;
}
