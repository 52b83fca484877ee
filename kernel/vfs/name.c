/* SPDX-License-Identifier: MIT */
/*
 * Names: life and the table; see name.h for words and locks. Paths of names are in name_path.c,
 * moving them in name_move.c.
 *
 * A name whose count has reached 0 may still be in the table for a moment; a search passes it by
 * (refcount_inc_unless_zero), and whoever dropped the last reference takes it out.
 */
#include "vfs/name.h"

#include "abi/errno.h"
#include "core/assert.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "vfs/mount.h"
#include "vfs/name_table.h"

#define NAME_BUCKETS 512

struct spinlock name_lock = SPINLOCK_INIT("name", LOCK_RANK_NAME_TREE);

static struct slab_cache name_cache;
static struct list_node buckets[NAME_BUCKETS];

void name_init(void) {
    slab_cache_init(&name_cache, "name", sizeof(struct name), 0);
    for (size_t i = 0; i < NAME_BUCKETS; i++)
        list_init(&buckets[i]);
}

static struct list_node *name_bucket(uint32_t hash) {
    return &buckets[(hash ^ hash >> 16) % NAME_BUCKETS];
}

uint32_t name_hash(const struct name *parent, const struct component *c) {
    return c->hash ^ (uint32_t)((uintptr_t)parent >> 4) * 0x9e3779b9u;
}

void name_table_insert_locked(struct name *n) {
    list_push_front(name_bucket(n->hash), &n->link);
}

static bool name_matches(const struct name *n, const struct name *parent, uint32_t hash,
                         const struct component *c) {
    return n->hash == hash && n->parent == parent && n->length == c->length &&
           memcmp(n->text, c->text, c->length) == 0;
}

/* The name in use, with a reference, or NULL. */
static struct name *name_table_find(struct name *parent, uint32_t hash, const struct component *c) {
    struct name *n, *found = NULL;

    spin_lock(&name_lock);
    LIST_FOR_EACH (name_bucket(hash), n, link) {
        if (name_matches(n, parent, hash, c) && refcount_inc_unless_zero(&n->refs)) {
            found = n;
            break;
        }
    }
    spin_unlock(&name_lock);
    return found;
}

/* A name in no table, with a reference to parent, vnode and mount; NULL without memory. */
static struct name *name_alloc(struct name *parent, const struct component *c, struct vnode *vnode,
                               struct mount *mount) {
    struct name *n = slab_alloc_zeroed(&name_cache);

    if (!n)
        return NULL;
    n->text = n->inline_text;
    if (c->length >= NAME_INLINE_BYTES)
        n->text = kmalloc(c->length + 1);
    if (!n->text) {
        slab_free(&name_cache, n);
        return NULL;
    }
    memcpy(n->text, c->text, c->length);
    n->text[c->length] = '\0';
    n->length = (uint16_t)c->length;
    refcount_init(&n->refs, 1);
    list_init(&n->link);
    n->vnode = vnode;
    vnode_ref(vnode);
    n->mount = mount;
    if (mount)
        mount_ref(mount);
    n->parent = parent;
    if (parent)
        name_ref(parent);
    return n;
}

int name_create_locked(struct name *parent, const struct component *c, struct vnode *vnode,
                       struct name **out) {
    struct name *n = name_alloc(parent, c, vnode, parent->mount);

    if (!n)
        return -ENOMEM;
    n->hash = name_hash(parent, c);
    spin_lock(&name_lock);
    name_table_insert_locked(n);
    spin_unlock(&name_lock);
    *out = n;
    return 0;
}

int name_create_root(struct mount *mount, struct vnode *vnode, struct name **out) {
    struct component none = {"", 0, 0};

    *out = name_alloc(NULL, &none, vnode, mount);
    return *out ? 0 : -ENOMEM;
}

int name_create_anonymous(const char *text, struct vnode *vnode, struct name **out) {
    struct component c = {text, strlen(text), 0};

    *out = name_alloc(NULL, &c, vnode, NULL);
    return *out ? 0 : -ENOMEM;
}

int name_create_unlisted(struct name *parent, struct vnode *vnode, struct name **out) {
    char text[NAME_INLINE_BYTES];
    struct component c = {text, 0, 0};

    c.length = (size_t)format(text, sizeof(text), "#%llu", (unsigned long long)vnode->ino);
    *out = name_alloc(parent, &c, vnode, parent->mount);
    if (!*out)
        return -ENOMEM;
    (*out)->is_deleted = true;
    return 0;
}

void name_ref(struct name *n) {
    DEBUG_ASSERT(refcount_get(&n->refs) > 0);
    refcount_inc(&n->refs);
}

static void name_free(struct name *n) {
    spin_lock(&name_lock);
    list_remove(&n->link);
    spin_unlock(&name_lock);
    vnode_unref(n->vnode);
    if (n->mount)
        mount_unref(n->mount);
    if (n->text != n->inline_text)
        kfree(n->text);
    slab_free(&name_cache, n);
}

void name_unref(struct name *n) {
    while (n && refcount_dec_and_test(&n->refs)) {
        struct name *parent = n->parent;

        name_free(n);
        n = parent;
    }
}

void name_mark_deleted(struct name *n) {
    spin_lock(&name_lock);
    list_remove(&n->link);
    n->is_deleted = true;
    spin_unlock(&name_lock);
}

/* Drops a name whose vnode says it is out of date, so that the directory is asked again. */
static struct name *name_drop_stale(struct name *n) {
    if (!n || !n->vnode->ops->is_stale || !n->vnode->ops->is_stale(n->vnode))
        return n;
    name_mark_deleted(n);
    name_unref(n);
    return NULL;
}

static struct name *name_find(struct name *parent, const struct component *c) {
    return name_drop_stale(name_table_find(parent, name_hash(parent, c), c));
}

int name_lookup_locked(struct name *parent, const struct component *c, struct name **out) {
    struct vnode *dir = parent->vnode, *vnode;
    int error;

    DEBUG_ASSERT(mutex_held(&dir->lock));
    if (c->length > VFS_NAME_MAX)
        return -ENAMETOOLONG;
    *out = name_find(parent, c);
    if (*out)
        return 0;
    if (!dir->ops->lookup)
        return -ENOENT;
    error = dir->ops->lookup(dir, c, &vnode);
    if (error)
        return error;
    error = name_create_locked(parent, c, vnode, out);
    vnode_unref(vnode);
    return error;
}

int name_lookup(struct name *parent, const struct component *c, struct name **out) {
    int error;

    if (c->length > VFS_NAME_MAX)
        return -ENAMETOOLONG;
    *out = name_find(parent, c);
    if (*out)
        return 0;
    mutex_lock(&parent->vnode->lock);
    error = name_lookup_locked(parent, c, out);
    mutex_unlock(&parent->vnode->lock);
    return error;
}
