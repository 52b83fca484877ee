/* SPDX-License-Identifier: MIT */
/*
 * From names to paths. Text is put together from the end of the caller's buffer towards its start,
 * then moved to the front.
 */
#include "abi/errno.h"
#include "lib/format.h"
#include "lib/string.h"
#include "vfs/mount.h"
#include "vfs/name_table.h"

#define DELETED_MARK " (deleted)"
#define UNREACHABLE_MARK "(unreachable)"

struct path_writer {
    char *start;
    char *at; /* the first byte written */
    bool overflow;
};

static void path_prepend(struct path_writer *w, const char *text, size_t length) {
    if ((size_t)(w->at - w->start) < length) {
        w->overflow = true;
        return;
    }
    w->at -= length;
    memcpy(w->at, text, length);
}

static void path_begin(struct path_writer *w, char *buf, size_t size) {
    *w = (struct path_writer){.start = buf, .at = buf + size};
    path_prepend(w, "", 1);
}

/* Moves the text to the front of the buffer: its length without NUL. */
static int path_end(struct path_writer *w, size_t size) {
    size_t bytes = (size_t)(w->start + size - w->at);

    if (w->overflow)
        return -ENAMETOOLONG;
    memmove(w->start, w->at, bytes);
    return (int)bytes - 1;
}

/* What `n` covers as the root of a mount, up through mounts on mounts; NULL at the very top. */
static struct name *name_uncover_locked(struct name *n) {
    while (!n->parent && n->mount && n->mount->covered)
        n = n->mount->covered;
    return n;
}

/* Writes the way from `root` (NULL: the top) to n; false when n is not below root. */
static bool path_prepend_name_locked(struct path_writer *w, struct name *n, struct name *root) {
    bool wrote = false;

    while (n != root) {
        struct name *up = n->parent ? n : name_uncover_locked(n);

        if (up != n && up == root)
            break;
        if (!up->parent) {
            if (!wrote)
                path_prepend(w, "/", 1);
            return root == NULL;
        }
        path_prepend(w, up->text, up->length);
        path_prepend(w, "/", 1);
        wrote = true;
        n = up->parent;
    }
    if (!wrote)
        path_prepend(w, "/", 1);
    return true;
}

static bool name_is_anonymous(const struct name *n) {
    return !n->mount;
}

static int name_path_anonymous(struct name *n, char *buf, size_t size) {
    uint32_t type = vnode_type(n->vnode);
    int length;

    if (type == S_IFIFO || type == S_IFSOCK)
        length = format(buf, size, "%s:[%llu]", n->text, (unsigned long long)n->vnode->ino);
    else
        length = format(buf, size, "%s", n->text);
    return (size_t)length < size ? length : -ENAMETOOLONG;
}

static bool name_any_deleted_locked(const struct name *n) {
    for (; n; n = n->parent) {
        if (n->is_deleted)
            return true;
    }
    return false;
}

int name_path(struct name *n, char *buf, size_t size) {
    struct path_writer w;

    if (name_is_anonymous(n))
        return name_path_anonymous(n, buf, size);
    if (size == 0)
        return -ENAMETOOLONG;
    path_begin(&w, buf, size);
    spin_lock(&name_lock);
    if (name_any_deleted_locked(n))
        path_prepend(&w, DELETED_MARK, sizeof(DELETED_MARK) - 1);
    path_prepend_name_locked(&w, n, NULL);
    spin_unlock(&name_lock);
    return path_end(&w, size);
}

int name_path_from(struct name *n, struct name *root, char *buf, size_t size) {
    struct path_writer w;
    bool deleted;

    if (name_is_anonymous(n))
        return name_path_anonymous(n, buf, size);
    if (size == 0)
        return -ENAMETOOLONG;
    path_begin(&w, buf, size);
    spin_lock(&name_lock);
    deleted = name_any_deleted_locked(n);
    if (!path_prepend_name_locked(&w, n, root))
        path_prepend(&w, UNREACHABLE_MARK, sizeof(UNREACHABLE_MARK) - 1);
    spin_unlock(&name_lock);
    return deleted ? -ENOENT : path_end(&w, size);
}

bool name_is_within(struct name *n, struct name *above) {
    bool within;

    spin_lock(&name_lock);
    while (n && n != above)
        n = n->parent ? n->parent : n->mount ? n->mount->covered : NULL;
    within = n != NULL;
    spin_unlock(&name_lock);
    return within;
}
