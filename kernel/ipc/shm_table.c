/* SPDX-License-Identifier: MIT */
/*
 * Segments and the table of them: ids, keys, life and death. See shm_private.h.
 *
 * Indexes go round, so that an id that has gone is not soon another's; so do the sequence numbers,
 * one further each time the indexes begin anew. The smallest range is used that leaves room, since
 * programs walk the indexes (SHM_STAT).
 *
 * Who maps a segment is told by the VM, area by area: attached and detached run under a space's
 * lock, when areas are made (mmap, fork, a split) and destroyed (munmap, exit, exec).
 */
#include "abi/errno.h"
#include "abi/shm.h"
#include "core/assert.h"
#include "core/clock.h"
#include "lib/bits.h"
#include "lib/format.h"
#include "mm/slab.h"
#include "shm_private.h"
#include "vfs/context.h"

#define NS_PER_S 1000000000ull
#define SEQUENCES (INT32_MAX / (int)SHM_INDEXES + 1)
#define INDEXES_MIN 64u                        /* the range that indexes go round in at least */
#define LIMIT_NONE (UINT64_MAX - (1ull << 24)) /* as Linux has it: sums do not overflow at once */

struct spinlock shm_table_lock = SPINLOCK_INIT("shm", LOCK_RANK_SHM);
struct shm_limits shm_limits = {
    .segment_bytes = LIMIT_NONE, .total_pages = LIMIT_NONE, .segments = SHMMNI};
struct shm_usage shm_usage;

void shm_get_limits(struct shm_limits *limits) {
    limits->segment_bytes = __atomic_load_n(&shm_limits.segment_bytes, __ATOMIC_RELAXED);
    limits->total_pages = __atomic_load_n(&shm_limits.total_pages, __ATOMIC_RELAXED);
    limits->segments = __atomic_load_n(&shm_limits.segments, __ATOMIC_RELAXED);
}

static struct rb_tree by_index; /* s */
static struct rb_tree by_key;   /* s */
static uint32_t next_index;     /* s */
static int sequence;            /* s */

static int64_t now_s(void) {
    return (int64_t)(clock_realtime_ns() / NS_PER_S);
}

static uint64_t segment_pages(const struct shm_segment *segment) {
    return div_round_up(segment->size_bytes, PAGE_SIZE);
}

static uint32_t index_of(const struct shm_segment *segment) {
    return (uint32_t)segment->id % SHM_INDEXES;
}

/* ---- finding ---- */

static struct shm_segment *index_entry(struct rb_node *node) {
    return node ? RB_ENTRY(node, struct shm_segment, by_index) : NULL;
}

struct shm_segment *shm_first_locked(int from_index) {
    struct rb_node *node = by_index.root;
    struct shm_segment *best = NULL;

    DEBUG_ASSERT(spin_held(&shm_table_lock));
    while (node) {
        if (index_of(index_entry(node)) >= (uint32_t)from_index) {
            best = index_entry(node);
            node = node->left;
        } else {
            node = node->right;
        }
    }
    return best;
}

struct shm_segment *shm_after_locked(const struct shm_segment *segment) {
    return index_entry(rb_next(&segment->by_index));
}

struct shm_segment *shm_find_index_locked(int index) {
    struct shm_segment *segment = shm_first_locked(index);

    return segment && index_of(segment) == (uint32_t)index ? segment : NULL;
}

struct shm_segment *shm_find_locked(int id) {
    struct shm_segment *segment =
        id < 0 ? NULL : shm_find_index_locked((int)((uint32_t)id % SHM_INDEXES));

    return segment && segment->id == id ? segment : NULL;
}

struct shm_segment *shm_find_key_locked(int key) {
    struct rb_node *node = by_key.root;

    DEBUG_ASSERT(spin_held(&shm_table_lock));
    while (node) {
        struct shm_segment *segment = RB_ENTRY(node, struct shm_segment, by_key);

        if (segment->key == key)
            return segment;
        node = key < segment->key ? node->left : node->right;
    }
    return NULL;
}

/* ---- the table ---- */

/* A free index, at or behind the one that is next; there is one. */
static uint32_t take_index(void) {
    uint32_t range = MAX(shm_usage.segments + shm_usage.segments / 2, INDEXES_MIN);
    uint32_t index = next_index;
    struct shm_segment *segment;

    range = MIN(MAX(range, shm_usage.segments + 1), SHM_INDEXES);
    segment = shm_first_locked((int)index);
    while (index >= range || (segment && index_of(segment) == index)) {
        index++;
        if (index >= range) {
            index = 0;
            sequence = (sequence + 1) % SEQUENCES;
            segment = shm_first_locked(0);
        } else {
            segment = shm_after_locked(segment);
        }
    }
    next_index = index + 1;
    return index;
}

static void link_by_index(struct shm_segment *segment) {
    struct rb_node **link = &by_index.root, *parent = NULL;

    while (*link) {
        parent = *link;
        link = index_of(segment) < index_of(index_entry(parent)) ? &parent->left : &parent->right;
    }
    rb_link(&by_index, &segment->by_index, parent, link);
}

static void link_by_key(struct shm_segment *segment) {
    struct rb_node **link = &by_key.root, *parent = NULL;

    while (*link) {
        parent = *link;
        link = segment->key < RB_ENTRY(parent, struct shm_segment, by_key)->key ? &parent->left
                                                                                : &parent->right;
    }
    rb_link(&by_key, &segment->by_key, parent, link);
}

int shm_insert_locked(struct shm_segment *segment) {
    uint64_t pages = segment_pages(segment);
    struct shm_limits limits;

    DEBUG_ASSERT(spin_held(&shm_table_lock));
    shm_get_limits(&limits);
    if (shm_usage.total_pages + pages > limits.total_pages || shm_usage.segments >= limits.segments)
        return -ENOSPC;
    segment->id = (int)take_index(); /* before the sequence number: it may go on to the next */
    segment->id += sequence * (int)SHM_INDEXES;
    shm_usage.total_pages += pages;
    shm_usage.segments++;
    link_by_index(segment);
    if (segment->key != IPC_PRIVATE)
        link_by_key(segment);
    return 0;
}

void shm_doom_locked(struct shm_segment *segment) {
    DEBUG_ASSERT(spin_held(&shm_table_lock));
    segment->perm.mode |= SHM_DEST;
    if (segment->key != IPC_PRIVATE)
        rb_erase(&by_key, &segment->by_key);
    segment->key = IPC_PRIVATE;
}

bool shm_sweep_locked(struct shm_segment *segment) {
    DEBUG_ASSERT(spin_held(&shm_table_lock));
    if (segment->attachments > 0 || !(segment->perm.mode & SHM_DEST))
        return false;
    rb_erase(&by_index, &segment->by_index);
    shm_usage.total_pages -= segment_pages(segment);
    shm_usage.segments--;
    return true;
}

void shm_hold_locked(struct shm_segment *segment) {
    DEBUG_ASSERT(spin_held(&shm_table_lock));
    segment->attachments++;
}

bool shm_drop_locked(struct shm_segment *segment) {
    DEBUG_ASSERT(spin_held(&shm_table_lock));
    segment->attachments--;
    return shm_sweep_locked(segment);
}

/* ---- the object ---- */

static struct shm_segment *segment_of(struct vm_object *object) {
    return container_of(object, struct shm_segment, object);
}

static void segment_attached(struct vm_object *object) {
    struct shm_segment *segment = segment_of(object);

    spin_lock(&shm_table_lock);
    shm_hold_locked(segment);
    segment->attached_s = now_s();
    segment->last_pid = (int)vfs_pid_current();
    spin_unlock(&shm_table_lock);
}

static void segment_detached(struct vm_object *object) {
    struct shm_segment *segment = segment_of(object);
    bool is_out;

    spin_lock(&shm_table_lock);
    segment->detached_s = now_s();
    segment->last_pid = (int)vfs_pid_current();
    is_out = shm_drop_locked(segment);
    spin_unlock(&shm_table_lock);
    if (is_out)
        vm_object_unref(object); /* the area that goes has one of its own */
}

static void segment_describe(struct vm_object *object, struct vm_object_identity *identity) {
    struct shm_segment *segment = segment_of(object);

    format(identity->name, sizeof(identity->name), "/SYSV%08x (deleted)",
           (unsigned)segment->first_key);
    identity->device_minor = 1;
    identity->inode = (uint64_t)segment->id;
}

static void segment_destroy(struct vm_object *object) {
    kfree(segment_of(object));
}

const struct vm_object_ops shm_object_ops = {
    .kind = "sysv shared memory",
    .frame_use = FRAME_ANON,
    .get_page = vm_object_get_memory_page,
    .attached = segment_attached,
    .detached = segment_detached,
    .destroy = segment_destroy,
    .describe = segment_describe,
};

struct shm_segment *shm_segment_create(int key, uint64_t size_bytes, uint32_t mode) {
    struct shm_segment *segment = kzalloc(sizeof(*segment));

    if (!segment)
        return NULL;
    vm_object_init(&segment->object, &shm_object_ops, align_up(size_bytes, PAGE_SIZE));
    if (vm_object_commit(&segment->object, mode & SHM_NORESERVE) < 0) {
        vm_object_unref(&segment->object);
        return NULL;
    }
    ipc_perm_init(&segment->perm, mode);
    segment->key = segment->first_key = key;
    segment->size_bytes = size_bytes;
    segment->changed_s = now_s();
    segment->creator_pid = (int)vfs_pid_current();
    return segment;
}
