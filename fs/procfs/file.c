/* SPDX-License-Identifier: MIT */
/*
 * procfs: open files and directories.
 *
 * An open file holds one piece of the text (the whole of it for most files): bytes [start, start +
 * seq.length) of the file. A read behind the piece makes the following ones; a read in front of it,
 * or at 0, starts over, so that rewinding shows the state of that moment.
 */
#include "abi/dirent.h"
#include "abi/errno.h"
#include "lib/bits.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/phys.h"
#include "mm/slab.h"
#include "fs/procfs/procfs_private.h"
#include "sched/mutex.h"

#define WRITE_BYTES_MAX 4096u

/* Directory cookies: "." and "..", then the tables' entries, then the members. */
#define COOKIE_MEMBERS 0x10000u

struct open_file {
    struct mutex lock;
    struct seq seq; /* (lock) */
    uint64_t start; /* (lock) offset of seq's text in the file */
    bool is_begun;  /* (lock) seq holds a piece */

    /* Of files that answer. */
    uint64_t question; /* (lock) */
    bool is_asked;     /* (lock) */
};

int procfs_file_open(struct vnode *v, struct file *f) {
    struct open_file *open;

    if (procfs_is_gone(procfs_node_of(v)))
        return -ESRCH;
    int error = procfs_check(procfs_node_of(v));
    if (error)
        return error;
    if (procfs_node_of(v)->entry->open)
        return procfs_node_of(v)->entry->open(f);
    open = kzalloc(sizeof(*open));
    if (!open)
        return -ENOMEM;
    mutex_init(&open->lock, "procfs file", LOCK_RANK_PROCFS_FILE);
    seq_init(&open->seq);
    f->data = open;
    return 0;
}

static void file_release(struct file *f) {
    struct open_file *open = f->data;

    seq_free(&open->seq);
    kfree(open);
}

/* ---- reading ---- */

/* The answer to what was asked, or to where it is read. */
static int make_answer(struct procfs_node *node, struct open_file *open) {
    uint64_t number = open->is_asked ? open->question : open->start;
    int error = node->entry->answer(&open->seq, &node->subject, number);

    if (!open->is_asked)
        open->seq.length = MIN(open->seq.length, (size_t)PAGE_SIZE - 1);
    return error;
}

static int print_piece(struct procfs_node *node, struct open_file *open) {
    if (node->entry->setting)
        return procfs_setting_show(node->entry->setting, &open->seq);
    if (node->entry->answer)
        return make_answer(node, open);
    return node->entry->show(&open->seq, &node->subject);
}

/* Makes the next piece, from seq.cursor. */
static int make_piece(struct procfs_node *node, struct open_file *open) {
    seq_clear(&open->seq);
    int error = print_piece(node, open);
    if (!error && open->seq.failed)
        error = -ENOMEM;
    if (!error) /* again: it may be of another program, with other ids, than the one that was asked
                 */
        error = procfs_check(node);
    open->is_begun = !error;
    return error;
}

static int start_over(struct procfs_node *node, struct open_file *open, uint64_t start) {
    open->start = start;
    seq_rewind(&open->seq);
    return make_piece(node, open);
}

/* Where the text begins that holds offset `pos`, or ends before it. */
static uint64_t text_start(const struct procfs_node *node, const struct open_file *open,
                           uint64_t pos) {
    return node->entry->answer && !open->is_asked ? align_down(pos, PAGE_SIZE) : 0;
}

/* Makes pieces until one holds offset `pos`, or the file has ended before it. */
static int go_to(struct procfs_node *node, struct open_file *open, uint64_t pos) {
    uint64_t first = text_start(node, open, pos);
    int error = 0;

    if (!open->is_begun || pos == first || pos < open->start || open->start < first)
        error = start_over(node, open, first);
    while (!error && pos >= open->start + open->seq.length && open->seq.more) {
        open->start += open->seq.length;
        error = make_piece(node, open);
    }
    return error;
}

static long read_text(struct procfs_node *node, struct open_file *open, struct iobuf *b,
                      uint64_t *pos) {
    long total = 0;

    while (b->left > 0) {
        int error = go_to(node, open, *pos);
        if (error)
            return total > 0 ? total : error;
        uint64_t offset = *pos - open->start;
        if (offset >= open->seq.length)
            break;
        size_t want = MIN(b->left, (size_t)(open->seq.length - offset));
        long copied = iobuf_copy_out(b, open->seq.text + offset, want);
        if (copied < 0)
            return total > 0 ? total : copied;
        total += copied;
        *pos += (uint64_t)copied;
        if ((size_t)copied < want)
            break;
    }
    return total;
}

static long file_read_op(struct file *f, struct iobuf *b, uint64_t *pos) {
    struct procfs_node *node = procfs_node_of(f->vnode);
    struct open_file *open = f->data;

    if (procfs_is_gone(node))
        return -ESRCH;
    long result = procfs_check(node); /* again: it may have executed a set-user-id program */
    if (result)
        return result;
    if (node->entry->read)
        return node->entry->read(&node->subject, b, pos);
    if (!node->entry->show && !node->entry->setting && !node->entry->answer)
        return -EINVAL;
    mutex_lock(&open->lock);
    result = read_text(node, open, b, pos);
    mutex_unlock(&open->lock);
    return result;
}

/* ---- writing ---- */

/* Whether what is written means anything to the entry. */
static bool takes_text(const struct procfs_entry *entry) {
    return entry->write || entry->answer || (entry->setting && entry->setting->values);
}

/* Keeps a question; what is read next begins with its answer. */
static int ask(struct procfs_node *node, struct open_file *open, const char *text) {
    uint64_t number = 0;
    int error = procfs_check(node);
    int asked = error ? error : procfs_number_parse(text, &number);

    if (asked < 0)
        return asked;
    mutex_lock(&open->lock);
    open->question = number;
    open->is_asked = asked;
    open->is_begun = false;
    mutex_unlock(&open->lock);
    return 0;
}

static int take_text(struct procfs_node *node, struct open_file *open, const char *text,
                     size_t length) {
    if (node->entry->answer)
        return ask(node, open, text);
    return node->entry->write ? node->entry->write(&node->subject, text, length)
                              : procfs_setting_write(node->entry->setting, text);
}

static long file_write_op(struct file *f, struct iobuf *b, uint64_t *pos) {
    struct procfs_node *node = procfs_node_of(f->vnode);
    size_t size = b->left;

    if (procfs_is_gone(node))
        return -ESRCH;
    if (node->entry->write_bytes) {
        int error = procfs_check(node);
        return error ? error : node->entry->write_bytes(&node->subject, b, pos);
    }
    if (!takes_text(node->entry) || size > WRITE_BYTES_MAX)
        return -EINVAL;
    char *text = kmalloc(size + 1);
    if (!text)
        return -ENOMEM;
    long copied = iobuf_copy_in(b, text, size);
    long result = copied < 0 ? copied : (size_t)copied < size ? -EFAULT : 0;
    if (!result) {
        size_t length = size > 0 && text[size - 1] == '\n' ? size - 1 : size;
        text[length] = 0;
        result = take_text(node, f->data, text, length);
    }
    kfree(text);
    if (result)
        return result;
    *pos = node->entry->answer ? 0 : *pos + size;
    return (long)size;
}

/* ---- directories ---- */

/* What getdents calls types are the type bits of the mode. */
static unsigned dirent_type(const struct procfs_entry *entry) {
    return entry->mode >> 12;
}

struct listing {
    struct dirent_sink *sink;
    struct procfs_node *node;
    uint64_t index; /* of the entry that comes next, "." and ".." included */
    uint64_t *pos;
};

/* Hands out one entry. False: no room. */
static bool emit(struct listing *l, const char *name, const struct procfs_entry *entry,
                 const struct procfs_subject *subject, uint64_t next) {
    struct component c = {name, strlen(name), 0};

    if (!l->sink->emit(l->sink, &c, procfs_inode(entry, subject), dirent_type(entry), next))
        return false;
    *l->pos = next;
    return true;
}

/* A table's named entries from the position on. */
static bool list_entries(struct listing *l, const struct procfs_dir *dir) {
    for (size_t i = 0; i < dir->count; i++, l->index++)
        if (l->index >= *l->pos &&
            !emit(l, dir->entries[i].name, &dir->entries[i], &l->node->subject, l->index + 1))
            return false;
    return true;
}

static bool list_dots(struct listing *l) {
    static const char *const dots[] = {".", ".."};

    for (size_t i = 0; i < ARRAY_SIZE(dots); i++, l->index++)
        if (l->index >= *l->pos &&
            !emit(l, dots[i], l->node->entry, &l->node->subject, l->index + 1))
            return false;
    return true;
}

/* The members by number. Their inode numbers are the ones a lookup would give. */
static bool list_members(struct listing *l, const struct procfs_dir *dir) {
    char name[16];

    if (!dir->member)
        return true;
    if (*l->pos < COOKIE_MEMBERS)
        *l->pos = COOKIE_MEMBERS;
    for (;;) {
        struct procfs_subject subject;
        long number = dir->next(&l->node->subject, (uint32_t)(*l->pos - COOKIE_MEMBERS));
        if (number < 0)
            return true;
        uint64_t next = COOKIE_MEMBERS + (uint64_t)number + 1;
        if (dir->find(&l->node->subject, (uint32_t)number, &subject)) {
            *l->pos = next;
            continue;
        }
        format(name, sizeof(name), "%ld", number);
        bool fits = emit(l, name, dir->member, &subject, next);
        procfs_processes->put(subject.process);
        if (!fits)
            return false;
    }
}

static int dir_getdents(struct file *f, struct dirent_sink *sink) {
    struct procfs_node *node = procfs_node_of(f->vnode);
    const struct procfs_dir *dir = node->entry->dir;
    struct listing l = {sink, node, 0, &f->pos};
    bool is_root = dir == &procfs_machine_dir && procfs_processes;

    if (procfs_is_gone(node))
        return -ENOENT;
    if (!list_dots(&l) || !list_entries(&l, dir))
        return 0;
    if (is_root && !list_entries(&l, procfs_processes->root))
        return 0;
    (void)list_members(&l, is_root ? procfs_processes->root : dir);
    return 0;
}

const struct file_ops procfs_file_ops = {
    .read = file_read_op,
    .write = file_write_op,
    .release = file_release,
};

static int64_t dir_seek(struct file *f, int64_t offset, int whence) {
    if (whence == 1)
        offset += (int64_t)f->pos;
    if (whence > 1 || offset < 0)
        return -EINVAL;
    f->pos = (uint64_t)offset;
    return offset;
}

const struct file_ops procfs_dir_ops = {
    .getdents = dir_getdents,
    .seek = dir_seek,
};
