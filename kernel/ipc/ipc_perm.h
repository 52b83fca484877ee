/* SPDX-License-Identifier: MIT */
/*
 * Who may use what System V IPC makes: owner, creator, mode. Source: sysvipc(7).
 */
#ifndef QUIRE_IPC_IPC_PERM_H
#define QUIRE_IPC_IPC_PERM_H

#include <stdbool.h>
#include <stdint.h>

#define IPC_MODE_BITS 0777u

/* Rights that a call asks for: the same three bits for owner, group and others. */
#define IPC_READ 0444u
#define IPC_WRITE 0222u
#define IPC_EXEC 0111u

struct ipc_perm {
    uint32_t uid, gid;   /* owner */
    uint32_t cuid, cgid; /* creator */
    uint32_t mode;       /* permission bits, and what the kind of thing adds above them */
};

/* What the running process makes with these permission bits. */
void ipc_perm_init(struct ipc_perm *perm, uint32_t mode);

/* Whether the running process has the rights that any of wanted's triples of bits names. */
bool ipc_perm_allows(const struct ipc_perm *perm, uint32_t wanted);

/* Whether it is owner or creator, or root: who may change and remove. */
bool ipc_perm_is_owner(const struct ipc_perm *perm);

#endif
