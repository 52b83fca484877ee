/* SPDX-License-Identifier: MIT */
/* The file system's world on the host; see world.h. */
#include "vfs/world.h"

#include <string.h>

#include "abi/fcntl.h"
#include "core/boot.h"
#include "core/clock.h"
#include "core/uaccess.h"
#include "fs/tmpfs/tmpfs.h"
#include "mm/slab.h"
#include "sched/mutex.h"
#include "support/arena.h"
#include "support/check.h"
#include "vfs/file.h"
#include "vfs/mount.h"
#include "vm/space.h"

#define MEMORY_BYTES (64ull << 20)

struct boot_info boot_info;
struct vfs_context world_context;

static struct thread thread;
static uint64_t now_ns = 1700000000ull * 1000000000ull;

/* ---- what lies below ---- */

uint64_t clock_realtime_ns(void) {
    return ++now_ns;
}

size_t copy_from_user_partial(void *dst, const void *usrc, size_t size) {
    memcpy(dst, usrc, size);
    return 0;
}

size_t copy_to_user_partial(void *udst, const void *src, size_t size) {
    memcpy(udst, src, size);
    return 0;
}

int put_user_u32(uint32_t value, void *udst) {
    memcpy(udst, &value, sizeof(value));
    return 0;
}

void epoll_file_gone(struct file *f) {
    (void)f;
}

/* ---- one thread ---- */

void mutex_init(struct mutex *mutex, const char *name, enum lock_rank rank) {
    memset(mutex, 0, sizeof(*mutex));
    mutex->name = name;
    mutex->rank = rank;
}

static void take(struct mutex *mutex, bool same_rank) {
    struct lock_held held = {.lock = mutex, .name = mutex->name, .rank = mutex->rank};

    if (mutex->owner)
        FAIL("%s is taken twice", mutex->name);
    if (host_cpu.spin_locks.depth != 0)
        FAIL("%s is taken under a spinlock", mutex->name);
    lock_stack_push(&thread.mutexes, &held, same_rank);
    mutex->owner = (uintptr_t)&thread;
}

void mutex_lock(struct mutex *mutex) {
    take(mutex, false);
}

void mutex_unlock(struct mutex *mutex) {
    CHECK(mutex->owner == (uintptr_t)&thread);
    lock_stack_pop(&thread.mutexes, mutex);
    mutex->owner = 0;
}

void mutex_lock_pair(struct mutex *first, struct mutex *second) {
    take(first < second ? first : second, false);
    if (first != second)
        take(first < second ? second : first, true);
}

void mutex_unlock_pair(struct mutex *first, struct mutex *second) {
    mutex_unlock(first);
    if (first != second)
        mutex_unlock(second);
}

bool mutex_held(const struct mutex *mutex) {
    return mutex->owner == (uintptr_t)&thread;
}

void wait_queue_init(struct wait_queue *queue) {
    list_init(&queue->entries);
}

void wait_entry_init(struct wait_entry *entry) {
    list_init(&entry->node);
}

void wait_queue_add(struct wait_queue *queue, struct wait_entry *entry) {
    list_push_back(&queue->entries, &entry->node);
}

void wait_queue_remove(struct wait_entry *entry) {
    list_remove(&entry->node);
}

void wait_queue_wake_all(struct wait_queue *queue) {
    (void)queue;
}

bool wait_queue_is_empty(struct wait_queue *queue) {
    return list_is_empty(&queue->entries);
}

void thread_prepare_block(enum thread_state state) {
    (void)state;
}

void thread_cancel_block(void) {
}

int wait_sleep(enum thread_state state, uint64_t deadline_ns) {
    (void)state, (void)deadline_ns;
    CHECK_EQ(thread.mutexes.depth, 0);
    return -EINTR;
}

/* ---- the world ---- */

void world_init(void) {
    host_memory_init(MEMORY_BYTES);
    vm_init();
    host_cpu.current = &thread;
    tmpfs_init();
    vfs_init();
    CHECK_EQ(vfs_context_init(&world_context), 0);
    thread.vfs = &world_context;
    world_context.dirs->umask = 022;
}

struct world_memory world_memory(void) {
    struct world_memory m = {.frames = frames_in_use()};
    struct slab_stats stats;

    for (size_t i = 0; slab_stats_get(i, &stats) == 0; i++)
        m.objects += stats.in_use;
    return m;
}

void world_check_memory(const struct world_memory *before, const char *what) {
    struct world_memory after = world_memory();

    if (after.objects != before->objects)
        FAIL("%s: %lld objects are left over", what, (long long)(after.objects - before->objects));
    if (after.frames != before->frames)
        FAIL("%s: %lld frames are left over", what, (long long)(after.frames - before->frames));
    CHECK_EQ(thread.mutexes.depth, 0);
    CHECK_EQ(host_cpu.spin_locks.depth, 0);
}

int world_put(const char *path, const char *text) {
    struct file *f;
    struct iobuf b;
    long n;
    int error = vfs_open(NULL, path, O_WRONLY | O_CREAT | O_TRUNC, 0644, &f);

    if (error)
        return error;
    iobuf_init_kernel(&b, (char *)(uintptr_t)text, strlen(text));
    n = file_write(f, &b);
    file_unref(f);
    return n < 0 ? (int)n : 0;
}

int world_holds(const char *path, const char *text) {
    char buffer[4096];
    struct file *f;
    long n;

    if (vfs_open(NULL, path, O_RDONLY, 0, &f))
        return 0;
    n = file_read_kernel(f, 0, buffer, sizeof(buffer));
    file_unref(f);
    return n == (long)strlen(text) && memcmp(buffer, text, (size_t)n) == 0;
}
