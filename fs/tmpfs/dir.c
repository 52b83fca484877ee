/* SPDX-License-Identifier: MIT */
/*
 * tmpfs directories: two trees of entries, by name for lookups and by cookie for reading. A cookie
 * is given once and never again in that directory, so reading goes on at the right place whatever
 * is made or removed meanwhile. Locks: see node.h.
 */
#include "abi/dirent.h"
#include "abi/errno.h"
#include "core/assert.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "node.h"

#define ENTRY_SIZE_BYTES 20 /* what an entry adds to st_size, as on Linux */
#define COOKIE_DOT 0
#define COOKIE_DOTDOT 1

static int entry_compare(const struct component *key, const struct tmpfs_entry *e) {
    if (key->hash != e->hash)
        return key->hash < e->hash ? -1 : 1;
    if (key->length != e->length)
        return key->length < e->length ? -1 : 1;
    return memcmp(key->text, e->text, e->length);
}

static struct tmpfs_entry *entry_find(struct tmpfs_node *dir, const struct component *c) {
    struct rb_node *node = dir->dir.by_name.root;

    while (node) {
        struct tmpfs_entry *e = RB_ENTRY(node, struct tmpfs_entry, by_name);
        int order = entry_compare(c, e);

        if (order == 0)
            return e;
        node = order < 0 ? node->left : node->right;
    }
    return NULL;
}

static struct tmpfs_entry *entry_alloc(const struct component *c) {
    struct tmpfs_entry *e = kmalloc(sizeof(*e) + c->length);

    if (!e)
        return NULL;
    e->hash = c->hash;
    e->length = (uint16_t)c->length;
    memcpy(e->text, c->text, c->length);
    list_init(&e->link);
    return e;
}

static void entry_link_by_name(struct tmpfs_node *dir, struct tmpfs_entry *e) {
    struct rb_node **link = &dir->dir.by_name.root, *parent = NULL;
    struct component key = {e->text, e->length, e->hash};

    while (*link) {
        int order = entry_compare(&key, RB_ENTRY(*link, struct tmpfs_entry, by_name));

        parent = *link;
        link = order < 0 ? &parent->left : &parent->right;
    }
    rb_link(&dir->dir.by_name, &e->by_name, parent, link);
}

/* Cookies only grow: the new entry is the last. */
static void entry_link_by_cookie(struct tmpfs_node *dir, struct tmpfs_entry *e) {
    struct rb_node *last = rb_last(&dir->dir.by_cookie);

    e->cookie = dir->dir.next_cookie++;
    rb_link(&dir->dir.by_cookie, &e->by_cookie, last,
            last ? &last->right : &dir->dir.by_cookie.root);
}

/* Makes e an entry of dir for node: takes a reference on node. -ENOENT: dir has been removed. */
static int entry_insert_locked(struct tmpfs_node *dir, struct tmpfs_entry *e,
                               struct tmpfs_node *node) {
    DEBUG_ASSERT(spin_held(&tmpfs_of(dir)->lock));
    if (dir->dir.is_removed)
        return -ENOENT;
    e->dir = dir;
    e->node = node;
    vnode_ref(&node->vnode);
    entry_link_by_name(dir, e);
    entry_link_by_cookie(dir, e);
    list_push_back(&node->entries, &e->link);
    dir->dir.entry_count++;
    dir->vnode.size += ENTRY_SIZE_BYTES;
    return 0;
}

/* Takes e out; the caller frees it and drops the reference on its node without the lock. */
static void entry_remove_locked(struct tmpfs_entry *e) {
    struct tmpfs_node *dir = e->dir;

    rb_erase(&dir->dir.by_name, &e->by_name);
    rb_erase(&dir->dir.by_cookie, &e->by_cookie);
    list_remove(&e->link);
    dir->dir.entry_count--;
    dir->vnode.size -= ENTRY_SIZE_BYTES;
}

static int dir_lookup(struct vnode *v, const struct component *c, struct vnode **out) {
    struct tmpfs_entry *e = entry_find(tmpfs_node_of(v), c);

    if (!e)
        return -ENOENT;
    *out = &e->node->vnode;
    vnode_ref(*out);
    return 0;
}

/* Whether another name may be made of it: not if it has lost its last one meanwhile. */
static bool node_is_there(const struct tmpfs_node *node) {
    return node->vnode.nlink > 0 || node->vnode.is_unnamed;
}

/*
 * A file that is there gets another name. Its second and each further one count as a file, as on
 * Linux: names take memory too. -ENOENT, -ENOSPC.
 */
static int node_gain_link_locked(struct tmpfs *t, struct tmpfs_node *node) {
    if (!node_is_there(node))
        return -ENOENT;
    if (node->vnode.nlink > 0 && !tmpfs_take(&t->used_nodes, t->max_nodes))
        return -ENOSPC;
    node->vnode.nlink++;
    return 0;
}

static void file_lose_link_locked(struct tmpfs *t, struct tmpfs_node *node) {
    if (--node->vnode.nlink > 0)
        atomic_fetch_sub(&t->used_nodes, 1);
}

/* Allocates and inserts an entry; links, times and the directory's count are brought up to date. */
static int dir_add(struct tmpfs_node *dir, const struct component *c, struct tmpfs_node *node,
                   bool is_new) {
    struct tmpfs *t = tmpfs_of(dir);
    struct tmpfs_entry *e = entry_alloc(c);
    int error = 0;

    if (!e)
        return -ENOSPC;
    spin_lock(&t->lock);
    if (!is_new)
        error = node_gain_link_locked(t, node);
    if (!error) {
        error = entry_insert_locked(dir, e, node);
        if (error && !is_new)
            file_lose_link_locked(t, node);
    }
    if (!error && vnode_is_dir(&node->vnode))
        dir->vnode.nlink++;
    spin_unlock(&t->lock);
    if (error) {
        kfree(e);
        return error;
    }
    vnode_touch_modified(&dir->vnode);
    return 0;
}

static int dir_create(struct vnode *v, const struct component *c, const struct vnode_new *what,
                      struct vnode **out) {
    struct tmpfs_node *dir = tmpfs_node_of(v), *node;
    int error = tmpfs_node_create(tmpfs_of(dir), what, &node);

    if (error)
        return error;
    error = dir_add(dir, c, node, true);
    if (error)
        vnode_unref(&node->vnode);
    else
        *out = &node->vnode;
    return error;
}

static int dir_create_unnamed(struct vnode *v, const struct vnode_new *what, struct vnode **out) {
    struct tmpfs_node *node;
    char name[24];
    struct component c = {.text = name};
    int error = tmpfs_node_create(tmpfs_of(tmpfs_node_of(v)), what, &node);

    if (error)
        return error;
    node->vnode.nlink = 0;
    if (vnode_is_regular(&node->vnode)) {
        c.length = (size_t)format(name, sizeof(name), "#%llu", (unsigned long long)node->vnode.ino);
        node->file.title = tmpfs_title(tmpfs_node_of(v), &c);
    }
    *out = &node->vnode;
    return 0;
}

static int dir_link(struct vnode *v, const struct component *c, struct vnode *target) {
    int error = dir_add(tmpfs_node_of(v), c, tmpfs_node_of(target), false);

    if (!error)
        target->ctime_ns = vnode_now_ns();
    return error;
}

/* A directory goes only when it is empty, and then takes no entries any more. */
static int node_lose_link_locked(struct tmpfs_node *dir, struct tmpfs_node *node) {
    if (!vnode_is_dir(&node->vnode)) {
        file_lose_link_locked(tmpfs_of(node), node);
        return 0;
    }
    if (node->dir.entry_count > 0)
        return -ENOTEMPTY;
    node->dir.is_removed = true;
    node->vnode.nlink = 0;
    dir->vnode.nlink--;
    return 0;
}

/* What is to be shown of an entry's file if that is its last name; NULL: nothing else than now. */
static char *entry_title(const struct tmpfs_entry *e) {
    bool is_last = vnode_is_regular(&e->node->vnode) && e->node->vnode.nlink == 1;
    const struct component name = {e->text, e->length, e->hash};

    return is_last ? tmpfs_title(e->dir, &name) : NULL;
}

/* Takes it over, if there is one. Returns what is to be freed. */
static char *set_title_locked(struct tmpfs_node *node, char *title) {
    char *old;

    if (!title)
        return NULL;
    old = node->file.title;
    node->file.title = title;
    return old;
}

static int dir_unlink(struct vnode *v, const struct component *c, struct vnode *target) {
    struct tmpfs_node *dir = tmpfs_node_of(v);
    struct tmpfs *t = tmpfs_of(dir);
    struct tmpfs_entry *e = entry_find(dir, c);
    char *title;
    int error;

    if (!e)
        return -ENOENT;
    title = entry_title(e);
    spin_lock(&t->lock);
    error = node_lose_link_locked(dir, e->node);
    if (!error) {
        entry_remove_locked(e);
        title = set_title_locked(e->node, title);
    }
    spin_unlock(&t->lock);
    kfree(title);
    if (error)
        return error;
    vnode_touch_modified(v);
    target->ctime_ns = v->ctime_ns;
    vnode_unref(&e->node->vnode);
    kfree(e);
    return 0;
}

/* Moves a directory's ".." along. */
static void dir_change_parent_locked(struct tmpfs_node *node, struct tmpfs_node *from,
                                     struct tmpfs_node *to) {
    if (!vnode_is_dir(&node->vnode))
        return;
    from->vnode.nlink--;
    to->vnode.nlink++;
}

/* Swaps what two entries name; references stay as many. */
static void entry_swap_locked(struct tmpfs_entry *a, struct tmpfs_entry *b) {
    struct tmpfs_node *node = a->node;

    list_remove(&a->link);
    list_remove(&b->link);
    a->node = b->node;
    b->node = node;
    list_push_back(&a->node->entries, &a->link);
    list_push_back(&b->node->entries, &b->link);
}

static int dir_exchange(struct tmpfs *t, struct tmpfs_entry *from, struct tmpfs_entry *to) {
    spin_lock(&t->lock);
    dir_change_parent_locked(from->node, from->dir, to->dir);
    dir_change_parent_locked(to->node, to->dir, from->dir);
    entry_swap_locked(from, to);
    spin_unlock(&t->lock);
    return 0;
}

/* Over an entry that is there: it gets the moved node, and the old entry gets the replaced one. */
static int dir_replace(struct tmpfs *t, struct tmpfs_entry *from, struct tmpfs_entry *to) {
    struct tmpfs_node *replaced = to->node;
    char *title = entry_title(to);
    int error;

    spin_lock(&t->lock);
    error = node_lose_link_locked(to->dir, replaced);
    if (!error) {
        dir_change_parent_locked(from->node, from->dir, to->dir);
        entry_swap_locked(from, to);
        entry_remove_locked(from);
        title = set_title_locked(replaced, title);
    }
    spin_unlock(&t->lock);
    kfree(title);
    if (error)
        return error;
    replaced->vnode.ctime_ns = vnode_now_ns();
    vnode_unref(&replaced->vnode);
    kfree(from);
    return 0;
}

static int dir_move(struct tmpfs *t, struct tmpfs_entry *from, struct tmpfs_node *to_dir,
                    const struct component *to) {
    struct tmpfs_node *moved = from->node;
    struct tmpfs_entry *e = entry_alloc(to);
    int error;

    if (!e)
        return -ENOSPC;
    spin_lock(&t->lock);
    error = entry_insert_locked(to_dir, e, moved);
    if (!error) {
        dir_change_parent_locked(moved, from->dir, to_dir);
        entry_remove_locked(from);
    }
    spin_unlock(&t->lock);
    if (error) {
        kfree(e);
        return error;
    }
    vnode_unref(&moved->vnode);
    kfree(from);
    return 0;
}

static int dir_rename(const struct vnode_rename *r) {
    struct tmpfs_node *from_dir = tmpfs_node_of(r->from_dir), *to_dir = tmpfs_node_of(r->to_dir);
    struct tmpfs_entry *from = entry_find(from_dir, r->from), *to = entry_find(to_dir, r->to);
    struct tmpfs *t = tmpfs_of(from_dir);
    int error;

    if (!from)
        return -ENOENT;
    if (r->exchange)
        error = to ? dir_exchange(t, from, to) : -ENOENT;
    else if (to)
        error = dir_replace(t, from, to);
    else
        error = dir_move(t, from, to_dir, r->to);
    if (error)
        return error;
    vnode_touch_modified(r->from_dir);
    vnode_touch_modified(r->to_dir);
    r->moved->ctime_ns = r->from_dir->ctime_ns;
    if (r->exchange)
        r->replaced->ctime_ns = r->from_dir->ctime_ns;
    return 0;
}

/* ---- reading ---- */

/* The first entry whose cookie is at least `cookie`. */
static struct tmpfs_entry *entry_from_cookie(struct tmpfs_node *dir, uint64_t cookie) {
    struct rb_node *node = dir->dir.by_cookie.root;
    struct tmpfs_entry *found = NULL;

    while (node) {
        struct tmpfs_entry *e = RB_ENTRY(node, struct tmpfs_entry, by_cookie);

        if (e->cookie >= cookie)
            found = e;
        node = e->cookie >= cookie ? node->left : node->right;
    }
    return found;
}

/* The inode number of "..": the file system's root is its own parent here. */
static uint64_t dir_parent_ino(struct tmpfs_node *dir) {
    struct tmpfs *t = tmpfs_of(dir);
    uint64_t ino = dir->vnode.ino;

    spin_lock(&t->lock);
    if (!list_is_empty(&dir->entries))
        ino = LIST_ENTRY(list_first(&dir->entries), struct tmpfs_entry, link)->dir->vnode.ino;
    spin_unlock(&t->lock);
    return ino;
}

static bool dir_emit_dots(struct file *f, struct tmpfs_node *dir, struct dirent_sink *sink) {
    static const struct component dot = {".", 1, 0}, dotdot = {"..", 2, 0};

    if (f->pos == COOKIE_DOT) {
        if (!sink->emit(sink, &dot, dir->vnode.ino, DT_DIR, COOKIE_DOTDOT))
            return false;
        f->pos = COOKIE_DOTDOT;
    }
    if (f->pos == COOKIE_DOTDOT) {
        if (!sink->emit(sink, &dotdot, dir_parent_ino(dir), DT_DIR, COOKIE_DOTDOT + 1))
            return false;
        f->pos = COOKIE_DOTDOT + 1;
    }
    return true;
}

static void dir_emit_entries(struct file *f, struct tmpfs_node *dir, struct dirent_sink *sink) {
    struct tmpfs_entry *e = entry_from_cookie(dir, f->pos);

    while (e) {
        struct component c = {e->text, e->length, e->hash};
        struct vnode *v = &e->node->vnode;
        struct rb_node *next;

        if (!sink->emit(sink, &c, v->ino, vnode_type(v) >> 12, e->cookie + 1))
            return;
        f->pos = e->cookie + 1;
        next = rb_next(&e->by_cookie);
        e = next ? RB_ENTRY(next, struct tmpfs_entry, by_cookie) : NULL;
    }
}

static int dir_getdents(struct file *f, struct dirent_sink *sink) {
    struct tmpfs_node *dir = tmpfs_node_of(f->vnode);

    mutex_lock(&f->vnode->lock);
    if (dir->dir.is_removed) {
        mutex_unlock(&f->vnode->lock);
        return -ENOENT;
    }
    if (dir_emit_dots(f, dir, sink))
        dir_emit_entries(f, dir, sink);
    mutex_unlock(&f->vnode->lock);
    vnode_touch_accessed(f->vnode);
    return 0;
}

/* ---- the whole tree ---- */

/* Empties one directory; its directories go on the list instead of losing their last reference. */
static void dir_empty(struct tmpfs *t, struct tmpfs_node *dir) {
    struct rb_node *first;

    dir->dir.is_removed = true;
    while ((first = rb_first(&dir->dir.by_cookie))) {
        struct tmpfs_entry *e = RB_ENTRY(first, struct tmpfs_entry, by_cookie);
        struct tmpfs_node *node = e->node;

        spin_lock(&t->lock);
        entry_remove_locked(e);
        spin_unlock(&t->lock);
        kfree(e);
        if (vnode_is_dir(&node->vnode))
            list_push_back(&t->doomed, &node->dir.doomed);
        else
            vnode_unref(&node->vnode);
    }
}

void tmpfs_drop_tree(struct tmpfs *t, struct tmpfs_node *root) {
    struct list_node *node;

    list_push_back(&t->doomed, &root->dir.doomed);
    while ((node = list_pop_front(&t->doomed))) {
        struct tmpfs_node *dir = LIST_ENTRY(node, struct tmpfs_node, dir.doomed);

        dir_empty(t, dir);
        vnode_unref(&dir->vnode);
    }
}

const struct vnode_ops tmpfs_dir_ops = {
    .lookup = dir_lookup,
    .create = dir_create,
    .create_unnamed = dir_create_unnamed,
    .link = dir_link,
    .unlink = dir_unlink,
    .rename = dir_rename,
    .release = tmpfs_release,
};

const struct file_ops tmpfs_dir_file_ops = {.getdents = dir_getdents};
