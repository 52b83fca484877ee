/* SPDX-License-Identifier: MIT */
/*
 * Memory objects: what areas map. Pages by index, and operations to get one and learn the size.
 *
 * Kinds, one file each: anonymous (object_anon.c: shared memory, zeroes until written), device
 * (object_device.c: a physical range), and files', which file systems embed in their vnodes: the
 * page cache, the same pages that read and write use. Private changes are not an object of their
 * own but the shadow of an area (vm/shadow.h): there is at most one object below a shadow, for
 * ever.
 *
 * Locks: object->lock (LOCK_RANK_VM_OBJECT, inside a space's lock) guards the tree, the size and
 * the list of areas. The list of all objects has its own [objects] (LOCK_RANK_VM_LISTS). Operations
 * are called with it held unless they say otherwise.
 */
#ifndef QUIRE_VM_OBJECT_H
#define QUIRE_VM_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/list.h"
#include "lib/refcount.h"
#include "mm/frame.h"
#include "sync/spinlock.h"
#include "vm/page_tree.h"

struct vm_area;
struct vm_object;

/* Indexes are below this: 2^63 bytes. */
#define VM_OBJECT_MAX_PAGES (1ull << 51)

#define VM_NO_PAGE (~(paddr_t)0)
#define VM_OBJECT_NAME_MAX 256

struct vm_object_identity {
    char name[VM_OBJECT_NAME_MAX]; /* a path, cut at the end if need be; "" if there is none */
    uint32_t device_major, device_minor;
    uint64_t inode;
};

struct vm_object_ops {
    const char *kind;
    enum frame_use frame_use; /* what its pages are counted as: FRAME_FILE, FRAME_SHMEM */

    /*
     * Finds the page at index (inside the size). A missing page is made if access is VM_WRITE; for
     * VM_READ *pa is VM_NO_PAGE then, and the page reads as zeroes. 0 with *pa set; otherwise
     * -ENOMEM; -ENOSPC (the file system is full); -EIO; -EAGAIN when it must be fetched first: the
     * caller drops its locks, calls wait and looks again. Locked; does not sleep.
     */
    int (*get_page)(struct vm_object *object, uint64_t index, unsigned access, paddr_t *pa);

    /* Fetches the page at index; called with no lock held, may sleep. 0 or a negative errno. */
    int (*wait)(struct vm_object *object, uint64_t index);

    /*
     * Optional: one area more maps the object, or one less. A space's lock may be held, the
     * object's is not. Does not sleep.
     */
    void (*attached)(struct vm_object *object);
    void (*detached)(struct vm_object *object);

    /* Frees what embeds the object, after the last reference; its pages are gone already. */
    void (*destroy)(struct vm_object *object);

    /* Optional: references are kept by what embeds the object (a vnode) instead of here. */
    void (*retain)(struct vm_object *object);
    void (*release)(struct vm_object *object);

    /*
     * Optional, unlocked, may sleep: vm_object_punch where the owner's locks and counts go with it
     * (a file). 0 or a negative errno.
     */
    int (*punch)(struct vm_object *object, uint64_t start, uint64_t end);

    /* Optional, unlocked: a name for /proc/PID/maps, device and inode numbers with it. */
    void (*describe)(struct vm_object *object, struct vm_object_identity *identity);
};

struct vm_object {
    const struct vm_object_ops *ops; /* const after creation */
    struct refcount refs;
    struct spinlock lock;
    struct page_tree tree;    /* [lock] */
    uint64_t size_bytes;      /* [lock] pages beyond it do not exist: SIGBUS */
    bool commits_pages;       /* const after creation: each page is promised when it is made */
    uint64_t committed_pages; /* [lock] promised for it (vm/commit.h) */
    struct list_node areas;   /* [lock] all areas that map it */
    unsigned cuts;            /* [lock] under way: entries may lead to pages it has no more */
    bool denies_writes;       /* [lock] no shared area may be, or become, writable */
    uint64_t unmap_epoch;     /* [lock] see object.c: which areas a truncation has visited */
    struct list_node link;    /* [objects] in the list of all */
};

/*
 * Calls visit for every object, with its lock and that of the list of all objects held; stops when
 * it returns false. For accounting: visit takes no other lock but those of memory.
 */
void vm_object_for_each(bool (*visit)(void *arg, struct vm_object *object), void *arg);

/* Takes or drops a reference. The last one frees the pages and then the object. */
void vm_object_ref(struct vm_object *object);
void vm_object_unref(struct vm_object *object);

/*
 * Initialises an object that is embedded in something else (a vnode): file pages that start as
 * zeroes and are made on the first write (a memory file system); refs is 1.
 */
void vm_object_init(struct vm_object *object, const struct vm_object_ops *ops, uint64_t size_bytes);

/*
 * Promises all of a new object (vm/commit.h), or each page when it is made if that is what is
 * wanted and mode 2 is not on. 0 or -ENOMEM.
 */
int vm_object_commit(struct vm_object *object, bool by_page);

/* Drops all pages of an embedded object whose owner dies. No area maps it any more. */
void vm_object_fini(struct vm_object *object);

/*
 * The get_page of memory-backed objects: the tree's page, or a zeroed one made on a write: -ENOSPC
 * if it may not be promised, -ENOMEM if there is no frame.
 */
int vm_object_get_memory_page(struct vm_object *object, uint64_t index, unsigned access,
                              paddr_t *pa);

/*
 * A shared anonymous object of size bytes, refs 1; NULL when there is no memory. All of it is
 * promised at once, or as vm_object_commit says.
 */
struct vm_object *vm_object_anon_create(uint64_t size_bytes);
struct vm_object *vm_object_anon_create_unreserved(uint64_t size_bytes);

/* A device's physical range [pa, pa + size), page-aligned; refs 1; NULL: no memory. */
struct vm_object *vm_object_device_create(paddr_t pa, uint64_t size_bytes);

/* Whether areas must map it shared and uncached. */
bool vm_object_is_device(const struct vm_object *object);

/*
 * Looks up the page at index for access, with a reference of the caller's on its frame. 0 with
 * *frame (NULL: reads as zeroes, no page there), -ENXIO beyond the size, otherwise get_page's
 * errors. May sleep (wait). For read(2) and write(2) of file systems: copy to or from the frame
 * without any lock, then frame_unref it.
 */
int vm_object_page_get(struct vm_object *object, uint64_t index, unsigned access,
                       struct frame **frame);

/* The size in bytes, for mappings and for files kept in memory. Does not sleep. */
uint64_t vm_object_size(struct vm_object *object);

/*
 * Makes it at least size bytes long (a write beyond the end). What mappings wrote behind the old
 * end, in its last page, reads zero; only what lies at or behind `written_from` is left to the
 * caller, who is about to write it (size_bytes: nothing is). Does not sleep.
 */
void vm_object_extend(struct vm_object *object, uint64_t size_bytes, uint64_t written_from);

/*
 * Makes it size bytes long (ftruncate(2)). Shorter: pages beyond the end are unmapped everywhere
 * and freed, and the rest of the last page is zeroed. Longer: as vm_object_extend. Takes the locks
 * of spaces that map it: call with no spinlock held. The caller keeps writes and other truncations
 * of the file away meanwhile.
 */
void vm_object_truncate(struct vm_object *object, uint64_t size_bytes);

/*
 * Punches a hole: pages in [start, end) (indexes) read as zeroes again. As vm_object_truncate, but
 * it may be -ENOMEM: then nothing has changed.
 */
int vm_object_punch(struct vm_object *object, uint64_t start, uint64_t end);

/*
 * Sees to it that no shared mapping of the object is or ever becomes writable (F_SEAL_WRITE of
 * fcntl(2)). 0, or -EBUSY: there is one that is or could, in some space.
 */
int vm_object_deny_writes(struct vm_object *object);

/*
 * Whether the object takes an area that is linked to it and has its rights by now. Either this
 * sees vm_object_deny_writes, or that sees the area: both look under the object's lock.
 */
bool vm_object_admits(struct vm_object *object, const struct vm_area *area);

/* Fills identity; "" and zeroes where the object has none. */
void vm_object_describe(struct vm_object *object, struct vm_object_identity *identity);

#endif
