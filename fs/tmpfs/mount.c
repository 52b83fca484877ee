/* SPDX-License-Identifier: MIT */
/*
 * tmpfs as a type: instances, their options (size=, nr_inodes=, mode=, uid=, gid=), figures; and
 * the paths of nodes. Source: tmpfs(5).
 */
#include "abi/errno.h"
#include "abi/statfs.h"
#include "core/assert.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "node.h"
#include "tmpfs.h"
#include "vfs/mount.h"

#define ROOT_MODE 01777u

struct tmpfs_options {
    uint64_t max_pages;
    uint64_t max_nodes;
    uint32_t mode;
    uint32_t uid;
    uint32_t gid;
};

/* ---- options ---- */

/* A number in `base`, with k, m, g, or % (of RAM) behind it when base is 10. -EINVAL. */
static int option_number(const char *text, const char *end, unsigned base, uint64_t *out) {
    uint64_t value = 0;
    const char *p = text;

    while (p < end && *p >= '0' && *p < '0' + (char)base)
        value = value * base + (uint64_t)(*p++ - '0');
    if (p == text)
        return -EINVAL;
    *out = value;
    if (p == end)
        return 0;
    if (p + 1 != end || base != 10)
        return -EINVAL;
    switch (*p | 0x20) {
    case 'g':
        value <<= 10; /* fall through */
    case 'm':
        value <<= 10; /* fall through */
    case 'k':
        *out = value << 10;
        return 0;
    default:
        return -EINVAL;
    }
}

static int option_size(const char *text, const char *end, uint64_t *pages) {
    struct frame_stats stats;
    uint64_t bytes;
    int error;

    if (end > text && end[-1] == '%') {
        frame_stats_get(&stats);
        error = option_number(text, end - 1, 10, &bytes);
        *pages = stats.total * bytes / 100;
        return error;
    }
    error = option_number(text, end, 10, &bytes);
    *pages = div_round_up(bytes, PAGE_SIZE);
    return error;
}

static bool option_is(const char *text, const char *end, const char *key) {
    size_t length = strlen(key);

    return (size_t)(end - text) >= length && memcmp(text, key, length) == 0;
}

/* One "key=value"; unknown keys are refused. */
static int option_parse(const char *text, const char *end, struct tmpfs_options *o) {
    uint64_t value = 0;
    int error = -EINVAL;

    if (option_is(text, end, "size="))
        return option_size(text + 5, end, &o->max_pages);
    if (option_is(text, end, "nr_blocks="))
        return option_number(text + 10, end, 10, &o->max_pages);
    if (option_is(text, end, "nr_inodes="))
        return option_number(text + 10, end, 10, &o->max_nodes);
    if (option_is(text, end, "mode=")) {
        error = option_number(text + 5, end, 8, &value);
        o->mode = (uint32_t)value & 07777;
    } else if (option_is(text, end, "uid=")) {
        error = option_number(text + 4, end, 10, &value);
        o->uid = (uint32_t)value;
    } else if (option_is(text, end, "gid=")) {
        error = option_number(text + 4, end, 10, &value);
        o->gid = (uint32_t)value;
    }
    return error;
}

static int options_parse(const char *text, struct tmpfs_options *o) {
    int error = 0;

    while (text && *text && !error) {
        const char *end = strchr(text, ',');

        if (!end)
            end = text + strlen(text);
        if (end != text)
            error = option_parse(text, end, o);
        text = *end ? end + 1 : end;
    }
    return error;
}

/* ---- instances ---- */

static int tmpfs_statfs(struct filesystem *fs, struct statfs_info *out) {
    struct tmpfs *t = container_of(fs, struct tmpfs, fs);
    struct frame_stats stats;
    uint64_t used = t->used_pages;

    frame_stats_get(&stats);
    out->magic = TMPFS_MAGIC;
    out->block_bytes = PAGE_SIZE;
    out->blocks = t->max_pages ? t->max_pages : stats.free + used;
    out->blocks_free = MIN(stats.free, out->blocks > used ? out->blocks - used : 0);
    out->files = t->max_nodes ? t->max_nodes : stats.total;
    out->files_free = out->files > t->used_nodes ? out->files - t->used_nodes : 0;
    return 0;
}

static void tmpfs_show_options(struct filesystem *fs, char *buf, size_t size) {
    struct tmpfs *t = container_of(fs, struct tmpfs, fs);

    buf[0] = '\0';
    if (t->has_size_option)
        format(buf, size, ",size=%lluk", (unsigned long long)(t->max_pages * (PAGE_SIZE / 1024)));
}

static void tmpfs_detach(struct filesystem *fs) {
    tmpfs_drop_tree(container_of(fs, struct tmpfs, fs), tmpfs_node_of(fs->root));
}

static void tmpfs_destroy(struct filesystem *fs) {
    kfree(container_of(fs, struct tmpfs, fs));
}

static const struct filesystem_ops tmpfs_ops = {
    .statfs = tmpfs_statfs,
    .show_options = tmpfs_show_options,
    .detach = tmpfs_detach,
    .destroy = tmpfs_destroy,
};

/* Half of memory in pages, as many files as those pages: as on Linux. */
static uint64_t default_limit(void) {
    struct frame_stats stats;

    frame_stats_get(&stats);
    return stats.total / 2;
}

int tmpfs_create(const char *source, const char *options, struct filesystem **out) {
    struct tmpfs_options o = {
        .mode = ROOT_MODE, .max_pages = default_limit(), .max_nodes = default_limit()};
    struct vnode_new what;
    struct tmpfs_node *root;
    struct tmpfs *t;
    int error = options_parse(options, &o);

    (void)source;
    if (error)
        return error;
    t = kzalloc(sizeof(*t));
    if (!t)
        return -ENOMEM;
    filesystem_init(&t->fs, "tmpfs", &tmpfs_ops);
    spin_init(&t->lock, "tmpfs", LOCK_RANK_VNODE_STATE);
    t->max_pages = o.max_pages;
    t->has_size_option = options && strstr(options, "size=");
    t->max_nodes = o.max_nodes;
    t->next_ino = 1;
    list_init(&t->doomed);
    what = (struct vnode_new){.mode = S_IFDIR | o.mode, .uid = o.uid, .gid = o.gid};
    error = tmpfs_node_create(t, &what, &root);
    if (error) {
        filesystem_unref(&t->fs);
        return -ENOMEM;
    }
    t->fs.root = &root->vnode;
    *out = &t->fs;
    return 0;
}

static struct filesystem_type tmpfs_type = {.name = "tmpfs", .create = tmpfs_create};

void tmpfs_init(void) {
    tmpfs_node_init();
    tmpfs_memfd_init();
    filesystem_register(&tmpfs_type);
}

/* ---- paths ---- */

/* Puts "/text" in front of *at, not before `start`; false when there is no room. */
static bool path_prepend(const char *start, char **at, const struct tmpfs_entry *e) {
    if ((size_t)(*at - start) < (size_t)e->length + 1)
        return false;
    *at -= e->length;
    memcpy(*at, e->text, e->length);
    *--*at = '/';
    return true;
}

/* The path inside the file system, at the end of buf; NULL: removed, or too long. */
static char *path_inside(struct tmpfs_node *n, char *buf, size_t size) {
    struct tmpfs *t = tmpfs_of(n);
    char *at = buf + size - 1;

    *at = '\0';
    spin_lock(&t->lock);
    while (at && &n->vnode != t->fs.root) {
        struct list_node *first = list_first(&n->entries);
        struct tmpfs_entry *e = first ? LIST_ENTRY(first, struct tmpfs_entry, link) : NULL;

        if (!e || !path_prepend(buf, &at, e))
            at = NULL;
        else
            n = e->dir;
    }
    spin_unlock(&t->lock);
    return at;
}

void tmpfs_path(struct tmpfs_node *n, char *buf, size_t size) {
    char inside[256];
    char *path = path_inside(n, inside, sizeof(inside));
    int length = mount_path(n->vnode.fs, buf, size);

    if (length < 0 || !path)
        buf[0] = '\0';
    else
        string_copy(buf + length, path, size - (size_t)length);
}

char *tmpfs_title(struct tmpfs_node *dir, const struct component *name) {
    static const char mark[] = " (deleted)";
    char path[VM_OBJECT_NAME_MAX], *title;
    size_t length;

    tmpfs_path(dir, path, sizeof(path));
    length = strlen(path);
    if (length == 0 && &dir->vnode != dir->vnode.fs->root)
        return NULL;
    title = kmalloc(length + 1 + name->length + sizeof(mark));
    if (!title)
        return NULL;
    memcpy(title, path, length);
    title[length++] = '/';
    memcpy(title + length, name->text, name->length);
    memcpy(title + length + name->length, mark, sizeof(mark));
    return title;
}
