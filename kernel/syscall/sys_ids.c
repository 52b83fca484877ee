/* SPDX-License-Identifier: MIT */
/*
 * User and group ids. A process may move its ids among those it has; root may take any.
 *
 * Effective id 0 stands for all capabilities: capget(2) tells them as all or none, capset is not
 * there.
 *
 * Sources: credentials(7), setuid(2), setreuid(2), setresuid(2), setfsuid(2), getgroups(2),
 * capget(2).
 */
#include "abi/capability.h"
#include "abi/errno.h"
#include "core/uaccess.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "proc/process.h"
#include "proc/usage.h"
#include "syscall/calls.h"

#define KEEP UINT32_MAX /* "leave this one" in set*id calls */

/* The four ids of a kind. */
struct id_set {
    uint32_t real, effective, saved, fs;
};

static struct credentials *mine(void) {
    return credentials_current();
}

static bool is_root(void) {
    return mine()->euid == 0;
}

static struct id_set get_uids(void) {
    const struct credentials *c = mine();

    return (struct id_set){c->uid, c->euid, c->suid, c->fsuid};
}

static struct id_set get_gids(void) {
    const struct credentials *c = mine();

    return (struct id_set){c->gid, c->egid, c->sgid, c->fsgid};
}

static long put_uids(struct id_set ids) {
    struct credentials *c = mine();

    c->uid = ids.real;
    c->euid = ids.effective;
    c->suid = ids.saved;
    c->fsuid = ids.fs;
    limit_ids_changed();
    return 0;
}

static long put_gids(struct id_set ids) {
    struct credentials *c = mine();

    c->gid = ids.real;
    c->egid = ids.effective;
    c->sgid = ids.saved;
    c->fsgid = ids.fs;
    return 0;
}

/* ---- the rules, for either kind ---- */

static int rule_set(struct id_set *ids, uint32_t id) {
    if (id == KEEP)
        return -EINVAL;
    if (is_root())
        ids->real = ids->saved = id;
    else if (id != ids->real && id != ids->saved)
        return -EPERM;
    ids->effective = ids->fs = id;
    return 0;
}

static int rule_set_re(struct id_set *ids, uint32_t real, uint32_t effective) {
    struct id_set old = *ids;

    if (real != KEEP) {
        if (!is_root() && real != old.real && real != old.effective)
            return -EPERM;
        ids->real = real;
    }
    if (effective != KEEP) {
        if (!is_root() && effective != old.real && effective != old.effective &&
            effective != old.saved)
            return -EPERM;
        ids->effective = effective;
    }
    if (real != KEEP || (effective != KEEP && effective != old.real))
        ids->saved = ids->effective;
    ids->fs = ids->effective;
    return 0;
}

static bool is_one_of(const struct id_set *ids, uint32_t id) {
    return id == KEEP || id == ids->real || id == ids->effective || id == ids->saved;
}

static int rule_set_res(struct id_set *ids, uint32_t real, uint32_t effective, uint32_t saved) {
    if (!is_root() && !(is_one_of(ids, real) && is_one_of(ids, effective) && is_one_of(ids, saved)))
        return -EPERM;
    if (real != KEEP)
        ids->real = real;
    if (effective != KEEP)
        ids->effective = effective;
    if (saved != KEEP)
        ids->saved = saved;
    ids->fs = ids->effective;
    return 0;
}

/* Always the old one: there is no way to tell an error. */
static uint32_t rule_set_fs(struct id_set *ids, uint32_t id) {
    uint32_t old = ids->fs;

    if (id != KEEP && (is_root() || is_one_of(ids, id) || id == ids->fs))
        ids->fs = id;
    return old;
}

static long put_three(const struct id_set *ids, void *real, void *effective, void *saved) {
    if (put_user_u32(ids->real, real) != 0 || put_user_u32(ids->effective, effective) != 0 ||
        put_user_u32(ids->saved, saved) != 0)
        return -EFAULT;
    return 0;
}

/* ---- users ---- */

long sys_getuid(void) {
    return mine()->uid;
}

long sys_geteuid(void) {
    return mine()->euid;
}

long sys_setuid(uint32_t uid) {
    struct id_set ids = get_uids();
    int error = rule_set(&ids, uid);

    return error ? error : put_uids(ids);
}

long sys_setreuid(uint32_t ruid, uint32_t euid) {
    struct id_set ids = get_uids();
    int error = rule_set_re(&ids, ruid, euid);

    return error ? error : put_uids(ids);
}

long sys_setresuid(uint32_t ruid, uint32_t euid, uint32_t suid) {
    struct id_set ids = get_uids();
    int error = rule_set_res(&ids, ruid, euid, suid);

    return error ? error : put_uids(ids);
}

long sys_getresuid(void *ruid, void *euid, void *suid) {
    struct id_set ids = get_uids();

    return put_three(&ids, ruid, euid, suid);
}

long sys_setfsuid(uint32_t uid) {
    struct id_set ids = get_uids();
    uint32_t old = rule_set_fs(&ids, uid);

    put_uids(ids);
    return old;
}

/* ---- groups ---- */

long sys_getgid(void) {
    return mine()->gid;
}

long sys_getegid(void) {
    return mine()->egid;
}

long sys_setgid(uint32_t gid) {
    struct id_set ids = get_gids();
    int error = rule_set(&ids, gid);

    return error ? error : put_gids(ids);
}

long sys_setregid(uint32_t rgid, uint32_t egid) {
    struct id_set ids = get_gids();
    int error = rule_set_re(&ids, rgid, egid);

    return error ? error : put_gids(ids);
}

long sys_setresgid(uint32_t rgid, uint32_t egid, uint32_t sgid) {
    struct id_set ids = get_gids();
    int error = rule_set_res(&ids, rgid, egid, sgid);

    return error ? error : put_gids(ids);
}

long sys_getresgid(void *rgid, void *egid, void *sgid) {
    struct id_set ids = get_gids();

    return put_three(&ids, rgid, egid, sgid);
}

long sys_setfsgid(uint32_t gid) {
    struct id_set ids = get_gids();
    uint32_t old = rule_set_fs(&ids, gid);

    put_gids(ids);
    return old;
}

long sys_getgroups(int size, void *list) {
    const struct group_list *groups = mine()->groups;
    int count = groups ? (int)groups->count : 0;

    if (size < 0)
        return -EINVAL;
    if (size == 0)
        return count;
    if (size < count)
        return -EINVAL;
    if (count > 0 && copy_to_user(list, groups->ids, (size_t)count * sizeof(uint32_t)) != 0)
        return -EFAULT;
    return count;
}

long sys_setgroups(int size, const void *list) {
    struct group_list *groups = NULL, *old = mine()->groups;
    size_t bytes = (size_t)(uint32_t)size * sizeof(uint32_t);
    irq_flags_t flags;

    if (!is_root())
        return -EPERM;
    if (size < 0 || (uint32_t)size > VFS_GROUPS_MAX)
        return -EINVAL;
    if (size > 0) {
        groups = kmalloc(sizeof(*groups) + bytes);
        if (!groups)
            return -ENOMEM;
        refcount_init(&groups->refs, 1);
        groups->count = (unsigned)size;
        if (copy_from_user(groups->ids, list, bytes) != 0) {
            kfree(groups);
            return -EFAULT;
        }
    }
    flags = spin_lock_irq(&process_tree_lock);
    mine()->groups = groups;
    spin_unlock_irq(&process_tree_lock, flags);
    if (old)
        group_list_unref(old);
    return 0;
}

/* ---- capabilities ---- */

#define CAPABILITIES_LOW UINT32_MAX
#define CAPABILITIES_HIGH 0x1ffu /* up to CAP_CHECKPOINT_RESTORE, 40 */

/* How many structures of data a version has; 0: unknown. */
static unsigned capability_words(uint32_t version) {
    if (version == _LINUX_CAPABILITY_VERSION_1)
        return 1;
    if (version == _LINUX_CAPABILITY_VERSION_2 || version == _LINUX_CAPABILITY_VERSION_3)
        return 2;
    return 0;
}

long sys_capget(void *header, void *data) {
    struct linux_cap_data caps[2] = {{0}};
    struct linux_cap_header head;
    struct process *process;
    unsigned words;

    if (copy_from_user(&head, header, sizeof(head)) != 0)
        return -EFAULT;
    words = capability_words(head.version);
    if (words == 0) {
        if (put_user_u32(_LINUX_CAPABILITY_VERSION_3, header) != 0)
            return -EFAULT;
        return data ? -EINVAL : 0;
    }
    if (head.pid < 0)
        return -EINVAL;
    process = process_get(head.pid == 0 ? process_current()->pid : head.pid);
    if (!process)
        return -ESRCH;
    if (process->vfs.credentials.euid == 0) {
        caps[0].effective = caps[0].permitted = CAPABILITIES_LOW;
        caps[1].effective = caps[1].permitted = CAPABILITIES_HIGH;
    }
    process_put(process);
    return data ? copy_to_user(data, caps, words * sizeof(caps[0])) : 0;
}
