/* SPDX-License-Identifier: MIT */
/*
 * tmpfs regular files. The data is a vm_object, the very pages that mmap maps: read and write copy
 * between those frames and the user, holding a reference on the frame and no lock that a fault
 * takes. A page that was never written is not there and reads as zeroes.
 *
 * vnode.size is the file's size; the object's is the same but while a write is under way, when it
 * is already as large as the write may make it. Both change under vnode.lock only.
 */
#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/memfd.h"
#include "core/assert.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "node.h"
#include "vfs/attr.h"

static struct tmpfs_node *node_of_object(struct vm_object *object) {
    return container_of(object, struct tmpfs_node, file.object);
}

/* ---- the object ---- */

/* Notes that the file has another number of pages. Object locked, or nobody else has it. */
static void file_set_pages(struct tmpfs_node *n, uint64_t pages) {
    atomic_fetch_add(&tmpfs_of(n)->used_pages, pages - n->file.pages);
    n->file.pages = pages;
}

static int object_get_page(struct vm_object *object, uint64_t index, unsigned access, paddr_t *pa) {
    struct tmpfs_node *n = node_of_object(object);
    struct tmpfs *t = tmpfs_of(n);
    int error;

    if (!(access & VM_WRITE) || page_tree_lookup(&object->tree, index, NULL))
        return vm_object_get_memory_page(object, index, access, pa);
    if (!tmpfs_take(&t->used_pages, t->max_pages))
        return -ENOSPC;
    error = vm_object_get_memory_page(object, index, access, pa);
    if (error)
        atomic_fetch_sub(&t->used_pages, 1);
    else
        n->file.pages++;
    return error;
}

static void object_retain(struct vm_object *object) {
    vnode_ref(&node_of_object(object)->vnode);
}

static void object_release(struct vm_object *object) {
    vnode_unref(&node_of_object(object)->vnode);
}

static void object_describe(struct vm_object *object, struct vm_object_identity *identity) {
    struct tmpfs_node *n = node_of_object(object);

    identity->device_major = dev_major(n->vnode.fs->dev);
    identity->device_minor = dev_minor(n->vnode.fs->dev);
    identity->inode = n->vnode.ino;
    tmpfs_path(n, identity->name, sizeof(identity->name));
    if (identity->name[0])
        return;
    spin_lock(&tmpfs_of(n)->lock);
    if (n->file.title)
        string_copy(identity->name, n->file.title, sizeof(identity->name));
    spin_unlock(&tmpfs_of(n)->lock);
}

static int object_punch(struct vm_object *object, uint64_t start, uint64_t end);

static const struct vm_object_ops object_ops = {
    .kind = "tmpfs",
    .frame_use = FRAME_FILE,
    .get_page = object_get_page,
    .retain = object_retain,
    .release = object_release,
    .punch = object_punch,
    .describe = object_describe,
};

void tmpfs_file_init(struct tmpfs_node *n) {
    vm_object_init(&n->file.object, &object_ops, 0);
    n->file.seals = F_SEAL_SEAL;
    n->file.object.commits_pages = true;
    n->vnode.object = &n->file.object;
    n->vnode.file_ops = &tmpfs_file_file_ops;
}

void tmpfs_file_fini(struct tmpfs_node *n) {
    vm_object_fini(&n->file.object);
    file_set_pages(n, 0);
    kfree(n->file.title);
}

/* ---- reading and writing ---- */

/* Copies the part of one page, at most n bytes: moved bytes or an error. */
static long read_page_part(struct tmpfs_node *file, struct iobuf *b, uint64_t pos, size_t n) {
    struct frame *frame;
    size_t offset = pos % PAGE_SIZE;
    long moved;
    int error;

    n = MIN(n, PAGE_SIZE - offset);
    error = vm_object_page_get(&file->file.object, pos / PAGE_SIZE, VM_READ, &frame);
    if (error)
        return error == -ENXIO ? 0 : error;
    if (!frame)
        return iobuf_zero_out(b, n);
    moved = iobuf_copy_out(b, (char *)frame_to_virt(frame) + offset, n);
    frame_unref(frame);
    return moved;
}

static long file_read_data(struct file *f, struct iobuf *b, uint64_t *pos) {
    struct tmpfs_node *file = tmpfs_node_of(f->vnode);
    size_t start_left = b->left;
    long moved = 0;

    while (b->left > 0 && *pos < f->vnode->size) {
        size_t n = MIN((uint64_t)b->left, f->vnode->size - *pos);

        moved = read_page_part(file, b, *pos, n);
        if (moved <= 0)
            break;
        *pos += (uint64_t)moved;
    }
    if (b->left == start_left)
        return moved;
    if (!(f->flags & O_NOATIME))
        vnode_touch_accessed(f->vnode);
    return (long)(start_left - b->left);
}

static long write_page_part(struct tmpfs_node *file, struct iobuf *b, uint64_t pos) {
    struct frame *frame;
    size_t offset = pos % PAGE_SIZE;
    long moved;
    int error = vm_object_page_get(&file->file.object, pos / PAGE_SIZE, VM_WRITE, &frame);

    if (error)
        return error == -ENOMEM ? -ENOSPC : error;
    moved =
        iobuf_copy_in(b, (char *)frame_to_virt(frame) + offset, MIN(b->left, PAGE_SIZE - offset));
    frame_unref(frame);
    return moved;
}

/* Makes the object as long as the file is, after a write that came out shorter than it hoped. */
static void file_trim_object(struct tmpfs_node *file) {
    struct vm_object *object = &file->file.object;

    if (vm_object_size(object) == file->vnode.size)
        return;
    vm_object_truncate(object, file->vnode.size);
    spin_lock(&object->lock);
    file_set_pages(file, page_tree_count(&object->tree));
    spin_unlock(&object->lock);
}

static long write_locked(struct tmpfs_node *file, struct iobuf *b, uint64_t pos) {
    size_t start_left = b->left;
    long moved = 0;

    vm_object_extend(&file->file.object, pos + b->left, pos);
    while (b->left > 0) {
        moved = write_page_part(file, b, pos);
        if (moved <= 0)
            break;
        pos += (uint64_t)moved;
    }
    if (b->left < start_left)
        file->vnode.size = MAX(file->vnode.size, pos);
    file_trim_object(file);
    if (b->left == start_left)
        return moved;
    vnode_drop_set_id(&file->vnode);
    vnode_touch_modified(&file->vnode);
    return (long)(start_left - b->left);
}

static long file_write_data(struct file *f, struct iobuf *b, uint64_t *pos) {
    struct vnode *v = f->vnode;
    uint64_t start;
    long n;

    mutex_lock(&v->lock);
    start = f->flags & O_APPEND ? v->size : *pos;
    n = file_limit_write(f, start, b);
    if (!n)
        n = tmpfs_seal_write(tmpfs_node_of(v), start, b);
    if (!n && b->left > 0)
        n = write_locked(tmpfs_node_of(v), b, start);
    mutex_unlock(&v->lock);
    if (n > 0)
        *pos = start + (uint64_t)n;
    return n;
}

static int file_truncate(struct vnode *v, uint64_t size) {
    struct tmpfs_node *file = tmpfs_node_of(v);
    int error = tmpfs_seal_resize(file, size);

    if (error)
        return error;
    v->size = size;
    vm_object_extend(&file->file.object, size, size);
    file_trim_object(file);
    return 0;
}

/* ---- holes ---- */

/* Whether the page at index is there; the object's lock is taken. */
static bool file_has_page(struct tmpfs_node *file, uint64_t index) {
    struct vm_object *object = &file->file.object;
    bool there;

    spin_lock(&object->lock);
    there = page_tree_lookup(&object->tree, index, NULL) != NULL;
    spin_unlock(&object->lock);
    return there;
}

static int64_t file_seek_data(struct tmpfs_node *file, uint64_t offset) {
    struct vm_object *object = &file->file.object;
    uint64_t index = offset / PAGE_SIZE;
    struct frame *frame;

    spin_lock(&object->lock);
    frame = page_tree_next(&object->tree, &index);
    spin_unlock(&object->lock);
    if (!frame || index * PAGE_SIZE >= file->vnode.size)
        return -ENXIO;
    return (int64_t)MAX(offset, index * PAGE_SIZE);
}

static int64_t file_seek_hole(struct tmpfs_node *file, uint64_t offset) {
    uint64_t at = offset;

    while (at < file->vnode.size && file_has_page(file, at / PAGE_SIZE))
        at = align_down(at, PAGE_SIZE) + PAGE_SIZE;
    return (int64_t)MIN(at, file->vnode.size);
}

static int64_t file_seek_file(struct file *f, int64_t offset, int whence) {
    struct tmpfs_node *file = tmpfs_node_of(f->vnode);
    int64_t pos;

    if (whence != SEEK_DATA && whence != SEEK_HOLE)
        return file_seek_default(f, offset, whence);
    if (offset < 0 || (uint64_t)offset >= f->vnode->size)
        return -ENXIO;
    mutex_lock(&f->vnode->lock);
    if (whence == SEEK_DATA)
        pos = file_seek_data(file, (uint64_t)offset);
    else
        pos = file_seek_hole(file, (uint64_t)offset);
    mutex_unlock(&f->vnode->lock);
    if (pos >= 0)
        f->pos = (uint64_t)pos;
    return pos;
}

/* Zeroes [start, end) where it lies in one page that is there. */
static int zero_part(struct tmpfs_node *file, uint64_t start, uint64_t end) {
    struct frame *frame;
    int error;

    if (start >= end || start >= file->vnode.size)
        return 0;
    error = vm_object_page_get(&file->file.object, start / PAGE_SIZE, VM_READ, &frame);
    if (error || !frame)
        return error == -ENXIO ? 0 : error;
    memset((char *)frame_to_virt(frame) + start % PAGE_SIZE, 0, end - start);
    frame_unref(frame);
    return 0;
}

static int punch_locked(struct tmpfs_node *file, uint64_t start, uint64_t end) {
    uint64_t first = align_up(start, PAGE_SIZE), last = align_down(end, PAGE_SIZE);
    struct vm_object *object = &file->file.object;
    int error = tmpfs_seal_punch(file);

    if (error)
        return error;
    if (first > last)
        return zero_part(file, start, end);
    if (first < last) {
        error = vm_object_punch(object, first / PAGE_SIZE, last / PAGE_SIZE);
        if (error)
            return error;
    }
    spin_lock(&object->lock);
    file_set_pages(file, page_tree_count(&object->tree));
    spin_unlock(&object->lock);
    error = zero_part(file, start, first);
    return error ? error : zero_part(file, last, end);
}

/* madvise(2) MADV_REMOVE. */
static int object_punch(struct vm_object *object, uint64_t start, uint64_t end) {
    struct tmpfs_node *n = node_of_object(object);
    int error;

    mutex_lock(&n->vnode.lock);
    error = punch_locked(n, start * PAGE_SIZE, end * PAGE_SIZE);
    vnode_touch_modified(&n->vnode);
    mutex_unlock(&n->vnode.lock);
    return error;
}

/* Makes all pages of [start, end) be there; what was made stays when there is no room for all. */
static int reserve_locked(struct tmpfs_node *file, uint64_t start, uint64_t end, bool keep_size) {
    struct frame *frame;
    int error = vnode_check_size(&file->vnode, end);

    if (!error && end > file->vnode.size)
        error = tmpfs_seal_resize(file, end);
    if (error)
        return error;
    if (keep_size)
        end = MIN(end, file->vnode.size);
    vm_object_extend(&file->file.object, end, end);
    for (uint64_t at = align_down(start, PAGE_SIZE); at < end && !error; at += PAGE_SIZE) {
        error = vm_object_page_get(&file->file.object, at / PAGE_SIZE, VM_WRITE, &frame);
        if (!error)
            frame_unref(frame);
    }
    if (!error)
        file->vnode.size = MAX(file->vnode.size, end);
    file_trim_object(file);
    return error == -ENOMEM ? -ENOSPC : error;
}

static int file_allocate(struct file *f, int mode, uint64_t offset, uint64_t length) {
    struct tmpfs_node *file = tmpfs_node_of(f->vnode);
    bool keep_size = mode & FALLOC_FL_KEEP_SIZE;
    int error;

    if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
        return -EOPNOTSUPP;
    if (mode & FALLOC_FL_PUNCH_HOLE && !keep_size)
        return -EOPNOTSUPP;
    mutex_lock(&f->vnode->lock);
    if (mode & FALLOC_FL_PUNCH_HOLE)
        error = punch_locked(file, offset, offset + length);
    else
        error = reserve_locked(file, offset, offset + length, keep_size);
    if (!error)
        vnode_touch_modified(f->vnode);
    mutex_unlock(&f->vnode->lock);
    return error;
}

static int file_map(struct file *f, struct file_mmap *m) {
    struct tmpfs_node *file = tmpfs_node_of(f->vnode);
    int error = tmpfs_seal_map(file, m);

    if (error)
        return error;
    m->object = &file->file.object;
    vm_object_ref(m->object);
    return 0;
}

static uint64_t file_blocks(struct vnode *v) {
    return tmpfs_node_of(v)->file.pages * (PAGE_SIZE / 512);
}

const struct vnode_ops tmpfs_file_ops = {
    .blocks = file_blocks,
    .truncate = file_truncate,
    .add_seals = tmpfs_add_seals,
    .get_seals = tmpfs_get_seals,
    .release = tmpfs_release,
};

const struct file_ops tmpfs_file_file_ops = {
    .read = file_read_data,
    .write = file_write_data,
    .seek = file_seek_file,
    .mmap = file_map,
    .allocate = file_allocate,
};
