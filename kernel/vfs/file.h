/* SPDX-License-Identifier: MIT */
/*
 * Open files (POSIX: open file descriptions): what descriptors refer to, shared by dup and fork.
 *
 * Locks, by letter at the fields:
 *   c  constant after open
 *   p  pos_lock, taken for a read or write that uses the position, when the file is shared
 *   a  atomic
 */
#ifndef QUIRE_VFS_FILE_H
#define QUIRE_VFS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/refcount.h"
#include "sched/mutex.h"
#include "vfs/iobuf.h"
#include "vfs/name.h"
#include "vfs/poll.h"
#include "vfs/vnode.h"

struct vm_object;
struct file;

/* Where getdents puts entries. `emit` returns false when there is no room: stop there. */
struct dirent_sink {
    bool (*emit)(struct dirent_sink *sink, const struct component *c, uint64_t ino, unsigned type,
                 uint64_t next_cookie);
};

/* What mmap asks of a file, and what it gets. */
struct file_mmap {
    uint64_t offset;          /* bytes; in, and may be changed */
    uint64_t length;          /* bytes */
    unsigned prot;            /* PROT_* */
    bool is_shared;           /* MAP_SHARED */
    unsigned max_prot;        /* out: PROT_* that mprotect(2) may widen it to */
    struct vm_object *object; /* out: with a reference */
};

/*
 * What can be done with an open file. A missing entry answers the errno behind it. None is called
 * with a lock held except pos_lock. All may sleep. A wait broken by a signal is -EINTR.
 */
struct file_ops {
    /* Bytes moved or negative errno; *pos advanced (streams ignore it). -EINVAL. */
    long (*read)(struct file *f, struct iobuf *b, uint64_t *pos);
    long (*write)(struct file *f, struct iobuf *b, uint64_t *pos);
    /* The new position. NULL: -ESPIPE for streams, else by vnode size. */
    int64_t (*seek)(struct file *f, int64_t offset, int whence);
    long (*ioctl)(struct file *f, unsigned command, uint64_t argument); /* -ENOTTY */
    unsigned (*poll)(struct file *f, struct poll_table *t); /* always readable and writable */
    int (*getdents)(struct file *f,
                    struct dirent_sink *sink); /* from f->pos, set to where it ended; -ENOTDIR */
    int (*mmap)(struct file *f, struct file_mmap *m);                            /* -ENODEV */
    int (*sync)(struct file *f);                                                 /* 0 */
    int (*allocate)(struct file *f, int mode, uint64_t offset, uint64_t length); /* -EOPNOTSUPP */
    /* A descriptor of it is closed (flush); may be called many times. 0. */
    int (*flush)(struct file *f);
    void (*release)(struct file *f); /* the last reference is gone */
};

enum file_mode {
    FILE_READ = 1 << 0,
    FILE_WRITE = 1 << 1,
    FILE_STREAM = 1 << 2,       /* no position: lseek, pread are -ESPIPE */
    FILE_PATH = 1 << 3,         /* O_PATH: stands for its name only */
    FILE_HAS_WRITE = 1 << 4,    /* holds a vnode_get_write */
    FILE_LOCKED = 1 << 5,       /* may hold locks of its own: flock, F_OFD_SETLK */
    FILE_DENIES_WRITE = 1 << 6, /* opened for execution: holds a vnode_deny_write */
    FILE_WATCHED = 1 << 7,      /* some epoll watches it */
};

struct file {
    struct refcount refs;   /* a */
    _Atomic uint32_t flags; /* a: O_ status flags */
    _Atomic uint32_t
        mode;     /* a: enum file_mode; only FILE_LOCKED and FILE_WATCHED change after open */
    uint64_t pos; /* p */
    struct mutex pos_lock;
    const struct file_ops *ops; /* c */
    struct vnode *vnode;        /* c: a reference */
    struct name *name;          /* c: a reference */
    void *data;                 /* c: the driver's own */
    uint32_t owner;             /* a: F_SETOWN */
};

/*
 * A file without a path (pipes, sockets): takes over the reference to `name` (its vnode gets one
 * of its own). -ENOMEM: nothing taken over.
 */
int file_create(struct name *name, const struct file_ops *ops, unsigned mode, unsigned flags,
                struct file **out);

void file_ref(struct file *f);

/* The last one releases the file. May sleep. NULL is allowed. */
void file_unref(struct file *f);

/*
 * A descriptor of f goes away: flush, the record locks of `owner` (its descriptor table), the
 * reference. Returns what flush says.
 */
int file_close(struct file *f, const void *owner);

/*
 * Open what a path names: open(2), with O_ flags and the mode for creation (umask not yet applied).
 * `at` NULL: the working directory. Errors: those of open(2).
 */
int vfs_open(struct name *at, const char *path, unsigned flags, unsigned mode, struct file **out);

/* Open a name that is at hand (a device, /proc/PID/exe), permissions checked by its vnode. */
int vfs_open_name(struct name *name, unsigned flags, struct file **out);

/*
 * Open a regular file for execution: search rights on the way, execute permission, no
 * MOUNT_NO_EXEC. Errors: those of execve(2): -EACCES, -ENOENT, -ETXTBSY.
 */
int vfs_open_exec(struct name *at, const char *path, unsigned lookup_flags, struct file **out);

/* Open for reading for the kernel's own use: no permission checks. */
int vfs_kernel_open(const char *path, struct file **out);

/* Read up to n bytes at `offset` into kernel memory: bytes read, 0 at the end, or negative errno.
 */
long file_read_kernel(struct file *f, uint64_t offset, void *buf, size_t n);

/* read(2), write(2) and pread, pwrite at *pos: rights, types, limits checked. */
long file_read(struct file *f, struct iobuf *b);
long file_write(struct file *f, struct iobuf *b);
long file_read_at(struct file *f, struct iobuf *b, uint64_t pos);
long file_write_at(struct file *f, struct iobuf *b, uint64_t pos);

/* lseek(2). */
int64_t file_seek(struct file *f, int64_t offset, int whence);

/* Entries from the position on, which moves along: -ENOTDIR, -ENOENT when the directory is gone. */
int file_getdents(struct file *f, struct dirent_sink *sink);

/* Ready events, POLLERR and POLLHUP included; `t` may be NULL. */
unsigned file_poll(struct file *f, struct poll_table *t);

/*
 * The object to map for mmap(2): rights checked (-EACCES), then the file's own mmap. The caller
 * owns m->object's reference.
 */
int file_mmap(struct file *f, struct file_mmap *m);

/*
 * F_ADD_SEALS of fcntl(2): -EPERM (not open for writing; sealed against sealing), -EINVAL (unknown
 * seals; a file that has none), -EBUSY (F_SEAL_WRITE while it is mapped shared and writable).
 */
int file_add_seals(struct file *f, unsigned seals);

/* F_GET_SEALS: F_SEAL_*, or -EINVAL. */
int file_get_seals(struct file *f);

/* Positions end here. */
#define FILE_SIZE_MAX ((uint64_t)INT64_MAX)

/*
 * For write operations on regular files: cuts b so that RLIMIT_FSIZE and FILE_SIZE_MAX hold for a
 * write at pos. -EFBIG where nothing may be written (with SIGXFSZ for the limit).
 */
int file_limit_write(struct file *f, uint64_t pos, struct iobuf *b);

/* The seek that files without one get: by position and vnode size. pos_lock held. */
int64_t file_seek_default(struct file *f, int64_t offset, int whence);

static inline bool file_is_nonblocking(const struct file *f) {
    return (f->flags & 04000u) != 0; /* O_NONBLOCK */
}

#endif
