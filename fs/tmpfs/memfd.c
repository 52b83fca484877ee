/* SPDX-License-Identifier: MIT */
/*
 * Files without a name, and the seals of all files. Sources: memfd_create(2), fcntl(2).
 *
 * A memfd is a tmpfs file of an instance that is mounted nowhere and limited by memory alone. A
 * seal forbids a kind of change for ever, to everybody. Any tmpfs file could have seals, but only a
 * memfd made for it takes them: the others are born sealed against sealing.
 *
 * Seals are added with the vnode's lock held, as contents and size are changed: whoever holds it
 * sees them stand still. Shared mappings are written to without any lock, so F_SEAL_WRITE asks the
 * object, which knows all areas that map it, and lets no writable one in afterwards
 * (vm_object_deny_writes).
 */
#include "memfd.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/memfd.h"
#include "abi/mman.h"
#include "core/panic.h"
#include "lib/format.h"
#include "mm/slab.h"
#include "node.h"
#include "tmpfs.h"
#include "vfs/context.h"

#define TITLE_BYTES (MEMFD_NAME_MAX + sizeof("/memfd: (deleted)"))
#define MEMFD_MODE (S_IFREG | 0777u)
#define SEALS_WRITING (unsigned)(F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)

static struct filesystem *memfd_fs; /* c */

void tmpfs_memfd_init(void) {
    if (tmpfs_create("memfd", "size=0,nr_inodes=0", &memfd_fs))
        panic("tmpfs: no memory for the files without names");
}

/* ---- seals ---- */

static bool is_sealed(const struct tmpfs_node *n, unsigned seals) {
    return n->file.seals & seals;
}

/* Pages that lie wholly inside the file can still be written, as they can on Linux. */
int tmpfs_seal_write(const struct tmpfs_node *n, uint64_t pos, struct iobuf *b) {
    uint64_t whole = align_down(n->vnode.size, PAGE_SIZE);

    if (b->left == 0)
        return 0;
    if (is_sealed(n, SEALS_WRITING))
        return -EPERM;
    if (!is_sealed(n, F_SEAL_GROW) || pos + b->left <= n->vnode.size)
        return 0;
    if (pos >= whole)
        return -EPERM;
    iobuf_limit(b, whole - pos);
    return 0;
}

int tmpfs_seal_resize(const struct tmpfs_node *n, uint64_t size) {
    if (size > n->vnode.size)
        return is_sealed(n, F_SEAL_GROW) ? -EPERM : 0;
    return size < n->vnode.size && is_sealed(n, F_SEAL_SHRINK) ? -EPERM : 0;
}

int tmpfs_seal_punch(const struct tmpfs_node *n) {
    return is_sealed(n, SEALS_WRITING) ? -EPERM : 0;
}

int tmpfs_seal_map(const struct tmpfs_node *n, struct file_mmap *m) {
    if (!m->is_shared || !is_sealed(n, SEALS_WRITING))
        return 0;
    m->max_prot &= ~(unsigned)PROT_WRITE;
    return m->prot & PROT_WRITE ? -EPERM : 0;
}

int tmpfs_add_seals(struct vnode *v, unsigned seals) {
    struct tmpfs_node *n = tmpfs_node_of(v);
    int error = 0;

    DEBUG_ASSERT(mutex_held(&v->lock));
    if (is_sealed(n, F_SEAL_SEAL))
        return -EPERM;
    if (seals & F_SEAL_WRITE)
        error = vm_object_deny_writes(&n->file.object);
    if (!error)
        n->file.seals |= seals;
    return error;
}

int tmpfs_get_seals(struct vnode *v) {
    return (int)tmpfs_node_of(v)->file.seals;
}

/* ---- files ---- */

/* A node with the title, which it takes over; with one reference and no links. */
static int memfd_node_create(char *title, bool sealable, struct tmpfs_node **out) {
    const struct credentials *c = &vfs_context_current()->credentials;
    const struct vnode_new what = {.mode = MEMFD_MODE, .uid = c->fsuid, .gid = c->fsgid};
    struct tmpfs *t = container_of(memfd_fs, struct tmpfs, fs);

    if (tmpfs_node_create(t, &what, out)) {
        kfree(title);
        return -ENOMEM;
    }
    (*out)->vnode.nlink = 0;
    (*out)->file.title = title;
    (*out)->file.seals = sealable ? 0 : F_SEAL_SEAL;
    return 0;
}

int memfd_file_create(const char *name, bool sealable, struct file **out) {
    char *title = kmalloc(TITLE_BYTES);
    struct tmpfs_node *node;
    struct name *path;
    int error;

    if (!title)
        return -ENOMEM;
    format(title, TITLE_BYTES, "/memfd:%s (deleted)", name);
    error = memfd_node_create(title, sealable, &node);
    if (error)
        return error;
    error = name_create_anonymous(title, &node->vnode, &path);
    vnode_unref(&node->vnode); /* the name has one of its own */
    if (error)
        return error;
    error =
        file_create(path, node->vnode.file_ops, FILE_READ | FILE_WRITE, O_RDWR | O_LARGEFILE, out);
    if (error)
        name_unref(path);
    return error;
}
