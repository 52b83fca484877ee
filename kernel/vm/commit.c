/* SPDX-License-Identifier: MIT */
/*
 * Counting what has been promised; see commit.h.
 */
#include "vm/commit.h"

#include "abi/errno.h"
#include "core/assert.h"
#include "lib/bits.h"
#include "vm/space.h"

#define KIB_PER_PAGE (PAGE_SIZE / 1024)
#define RATIO_DEFAULT 50
#define RESERVE_SHARE 32
#define ADMIN_RESERVE_MAX_KIB (8u << 10)
#define USER_RESERVE_MAX_KIB (128u << 10)

struct vm_commit_settings vm_commit_settings;

static _Atomic uint64_t total;                             /* atomic: pages */
static uint64_t ram_pages = UINT64_MAX;                    /* const after vm_commit_init */
static void (*describe_caller)(struct vm_commit_caller *); /* const after start; NULL: nobody */

void vm_commit_init(void) {
    struct frame_stats stats;
    uint64_t share_kib;

    frame_stats_get(&stats);
    ram_pages = stats.total;
    share_kib = stats.free * KIB_PER_PAGE / RESERVE_SHARE;
    vm_commit_settings = (struct vm_commit_settings){
        .mode = VM_COMMIT_GUESS,
        .ratio_percent = RATIO_DEFAULT,
        .admin_reserve_kib = MIN(share_kib, (uint64_t)ADMIN_RESERVE_MAX_KIB),
        .user_reserve_kib = MIN(share_kib, (uint64_t)USER_RESERVE_MAX_KIB),
    };
}

void vm_commit_register(void (*describe)(struct vm_commit_caller *caller)) {
    describe_caller = describe;
}

uint64_t vm_commit_total(void) {
    return atomic_load_explicit(&total, memory_order_relaxed);
}

uint64_t vm_commit_limit(void) {
    uint64_t kib = __atomic_load_n(&vm_commit_settings.limit_kib, __ATOMIC_RELAXED);
    uint64_t ratio = __atomic_load_n(&vm_commit_settings.ratio_percent, __ATOMIC_RELAXED);

    return kib != 0 ? kib / KIB_PER_PAGE : ram_pages * ratio / 100;
}

int vm_commit_set_ratio(const uint64_t *percent) {
    __atomic_store_n(&vm_commit_settings.ratio_percent, *percent, __ATOMIC_RELAXED);
    __atomic_store_n(&vm_commit_settings.limit_kib, 0, __ATOMIC_RELAXED);
    return 0;
}

int vm_commit_set_limit(const uint64_t *kib) {
    __atomic_store_n(&vm_commit_settings.limit_kib, *kib, __ATOMIC_RELAXED);
    __atomic_store_n(&vm_commit_settings.ratio_percent, 0, __ATOMIC_RELAXED);
    return 0;
}

/* The total stays below this in mode 2, for who asks now. */
static uint64_t allowed_pages(void) {
    struct vm_commit_caller caller = {.is_admin = true};
    uint64_t kept = 0;
    uint64_t limit = vm_commit_limit();

    if (describe_caller)
        describe_caller(&caller);
    if (!caller.is_admin)
        kept = vm_commit_settings.admin_reserve_kib / KIB_PER_PAGE;
    kept += MIN((caller.mapped_bytes >> PAGE_SHIFT) / RESERVE_SHARE,
                vm_commit_settings.user_reserve_kib / KIB_PER_PAGE);
    return limit - MIN(limit, kept);
}

/* Mode 2: the total goes up only if it stays below what is allowed, whoever else asks meanwhile. */
static __attribute__((noinline)) int charge_strictly(uint64_t pages) {
    uint64_t allowed = allowed_pages();
    uint64_t now = vm_commit_total();

    do {
        if (now >= allowed || pages >= allowed - now)
            return -ENOMEM;
    } while (!atomic_compare_exchange_weak(&total, &now, now + pages));
    return 0;
}

bool vm_commit_would(uint64_t pages) {
    enum vm_commit_mode mode = vm_commit_mode();
    uint64_t limit = mode == VM_COMMIT_NEVER ? allowed_pages() : UINT64_MAX;
    uint64_t now = vm_commit_total();

    if (mode == VM_COMMIT_GUESS && pages > ram_pages)
        return false;
    return pages == 0 || (now < limit && pages < limit - now);
}

int vm_commit_charge(uint64_t pages) {
    enum vm_commit_mode mode = vm_commit_mode();

    if (pages == 0)
        return 0;
    if (mode == VM_COMMIT_NEVER)
        return charge_strictly(pages);
    if (mode == VM_COMMIT_GUESS && pages > ram_pages)
        return -ENOMEM;
    atomic_fetch_add_explicit(&total, pages, memory_order_relaxed);
    return 0;
}

void vm_commit_uncharge(uint64_t pages) {
    uint64_t before = atomic_fetch_sub_explicit(&total, pages, memory_order_relaxed);

    DEBUG_ASSERT(before >= pages);
    (void)before;
}

int vm_commit_reserve(struct vm_space *space, uint64_t bytes) {
    int error = vm_commit_charge(bytes >> PAGE_SHIFT);

    if (error == 0)
        space->promised_bytes += bytes;
    return error;
}

void vm_commit_give_back(struct vm_space *space) {
    uint64_t spare = space->promised_bytes - space->areas.accounted_bytes;

    DEBUG_ASSERT(space->promised_bytes >= space->areas.accounted_bytes);
    space->promised_bytes -= spare;
    vm_commit_uncharge(spare >> PAGE_SHIFT);
}
