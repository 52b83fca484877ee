/* SPDX-License-Identifier: MIT */
/* Who may use what System V IPC makes; see ipc_perm.h. */
#include "ipc/ipc_perm.h"

#include "vfs/context.h"

void ipc_perm_init(struct ipc_perm *perm, uint32_t mode) {
    const struct credentials *c = &vfs_context_current()->credentials;

    *perm = (struct ipc_perm){c->euid, c->egid, c->euid, c->egid, mode & IPC_MODE_BITS};
}

bool ipc_perm_allows(const struct ipc_perm *perm, uint32_t wanted) {
    const struct credentials *c = &vfs_context_current()->credentials;
    uint32_t granted = perm->mode;

    wanted |= wanted >> 3 | wanted >> 6;
    if (c->euid == perm->cuid || c->euid == perm->uid)
        granted >>= 6;
    else if (credentials_in_group(c, perm->cgid) || credentials_in_group(c, perm->gid))
        granted >>= 3;
    return c->euid == 0 || !(wanted & ~granted & 7);
}

bool ipc_perm_is_owner(const struct ipc_perm *perm) {
    uint32_t euid = vfs_context_current()->credentials.euid;

    return euid == 0 || euid == perm->cuid || euid == perm->uid;
}
