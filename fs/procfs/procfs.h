/* SPDX-License-Identifier: MIT */
/*
 * procfs: files whose contents are made when they are read.
 *
 * The tree is told by static tables: a struct procfs_entry for each file, link and directory, and
 * a struct procfs_dir for what is in a directory: named entries, and members whose names are
 * numbers (processes, threads, descriptors), which are asked for one at a time. Each vnode pairs an
 * entry with a subject: what it is about.
 *
 * This folder has the machinery and the files about the machine. What is about processes lies above
 * file systems and comes through procfs_register_processes(), from kernel/proc/procfs*.c.
 *
 * The same machinery makes /sys (sysfs.c), a tree of its own with fixed tables.
 *
 * Files are consistent only as far as Linux's are: a piece at a time. A file of a process that has
 * been reaped reads as ESRCH. Formats: proc(5), to the byte.
 *
 * Locks: tables are constant. A vnode's subject is constant and holds a reference on its process.
 * Each open file has a mutex (LOCK_RANK_PROCFS_FILE) for the text it reads from.
 */
#ifndef PROCFS_PROCFS_H
#define PROCFS_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/stat.h"
#include "fs/procfs/seq.h"
#include "lib/bits.h"
#include "vfs/iobuf.h"

struct file;
struct name;
struct process;
struct procfs_dir;

/* What a file is about. */
struct procfs_subject {
    struct process *process; /* with a reference; NULL: the machine */
    int task;                /* a thread of it: its id; 0: the process as a whole */
    int number;              /* a descriptor of it; -1: none */
};

/*
 * Numbers or a choice of words, in variables of the kernel, that all may read and root may set; see
 * setting.c. Whoever uses the variables loads them with __ATOMIC_RELAXED: they change at any time.
 */
struct procfs_setting {
    uint64_t *values;
    size_t count;             /* numbers in the line, divided by tabs */
    uint64_t min, max;        /* of each number */
    const char *const *words; /* a choice: the value is the index of the one in [brackets] */
    /* Optional: stores the numbers, which are in range, in place of procfs. 0 or negative errno. */
    int (*set)(const uint64_t *values);
};

#define PROCFS_SETTING_NUMBERS_MAX 8u

struct procfs_entry {
    const char *name;
    uint32_t mode;   /* type and permission bits */
    bool is_private; /* shows what is inside the process: for its owner and root only */

    /* Regular files that are more than text: opens it with operations of its own. 0 or errno. */
    int (*open)(struct file *f);

    /* Else one of these four. 0 or negative errno; bytes read or negative errno. */
    int (*show)(struct seq *seq, const struct procfs_subject *subject);
    long (*read)(const struct procfs_subject *subject, struct iobuf *b, uint64_t *pos);

    const struct procfs_setting *setting;

    /*
     * Or one that answers questions, each a number: what the file says to the one that was written
     * to it last, through this open file. Before anything is written (or after a line without a
     * number) there is an answer for each page of numbers: at offset N that to N, a multiple of the
     * page size, cut to fit in front of the next one.
     */
    int (*answer)(struct seq *seq, const struct procfs_subject *subject, uint64_t number);

    /* What is written is handed over whole, NUL-terminated, without a last newline. 0 or errno. */
    int (*write)(const struct procfs_subject *subject, const char *text, size_t length);

    /* Or it is taken as it comes. Bytes written or negative errno. */
    long (*write_bytes)(const struct procfs_subject *subject, struct iobuf *b, uint64_t *pos);

    /* Symbolic links: by name (with a reference), or by text. */
    int (*follow)(const struct procfs_subject *subject, struct name **out);
    long (*readlink)(const struct procfs_subject *subject, char *buf, size_t size);

    const struct procfs_dir *dir; /* directories */
};

struct procfs_dir {
    const struct procfs_entry *entries;
    size_t count;

    /* Members by number, all described by `member`; NULL: there are none. */
    const struct procfs_entry *member;
    /* The smallest number >= from; -ENOENT: no more. -ESRCH: the process is gone. */
    long (*next)(const struct procfs_subject *dir, uint32_t from);
    /* Fills in the member's subject, with a reference on its process. 0 or -ENOENT, -ESRCH. */
    int (*find)(const struct procfs_subject *dir, uint32_t number, struct procfs_subject *out);
};

/* Entries of settings, one line each in a table; the variables are of type uint64_t. */
#define PROCFS_SETTING(entry_name, ...)                                                            \
    {                                                                                              \
        .name = (entry_name), .mode = S_IFREG | 0644, .setting = &(const struct procfs_setting) {  \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define PROCFS_NUMBER(entry_name, variable, least, most)                                           \
    PROCFS_SETTING(entry_name, .values = (variable), .count = 1, .min = (least), .max = (most))
#define PROCFS_NUMBER_SET(entry_name, variable, least, most, setter)                               \
    PROCFS_SETTING(entry_name, .values = (variable), .count = 1, .min = (least), .max = (most),    \
                   .set = (setter))
#define PROCFS_NUMBERS(entry_name, array, least, most, setter)                                     \
    PROCFS_SETTING(entry_name, .values = (array), .count = ARRAY_SIZE(array), .min = (least),      \
                   .max = (most), .set = (setter))
#define PROCFS_CHOICE(entry_name, variable, choices)                                               \
    PROCFS_SETTING(entry_name, .values = (variable), .count = 1, .max = ARRAY_SIZE(choices) - 1,   \
                   .words = (choices))

/* A number that never changes, read-only. */
#define PROCFS_CONSTANT(entry_name, number)                                                        \
    {                                                                                              \
        .name = (entry_name), .mode = S_IFREG | 0444, .setting = &(const struct procfs_setting) {  \
            .min = (number)                                                                        \
        }                                                                                          \
    }

/* What procfs itself needs of processes. */
struct procfs_processes {
    const struct procfs_dir *root; /* the processes, and more entries of /proc itself */
    void (*get)(struct process *process);
    void (*put)(struct process *process);
    bool (*is_gone)(const struct process *process);
    /* May the caller see what is inside the process? */
    bool (*may_look)(const struct process *process);
    /* Who its files belong to. */
    void (*owner)(const struct process *process, uint32_t *uid, uint32_t *gid);
};

/* Makes the file systems known, as types "proc" and "sysfs". Once, at start. */
void procfs_init(void);

/* Adds what is about processes; the table lives for ever. Once, before the first mount. */
void procfs_register_processes(const struct procfs_processes *processes);

#endif
