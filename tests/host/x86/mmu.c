/* SPDX-License-Identifier: MIT */
/*
 * The MMU of x86-64 as a model: walks the tables that the real pmap made in the arena, and keeps
 * what the processor may keep (SDM volume 3, 4.10): translations in a TLB, and the way to the last
 * level in a paging-structure cache, until CR3 is loaded or INVLPG says otherwise. So an
 * invalidation that is missing, late or too small shows as an access to the wrong frame, or through
 * a table that is not one any more. Each processor has its own of all this.
 */
#include "arch/x86_64/paging.h"
#include "arch/x86_64/pmap_private.h"
#include "arch/x86_64/x86.h"
#include "core/cpu.h"
#include "lib/bits.h"
#include "lib/hash.h"
#include "mm/frame.h"
#include "support/check.h"
#include "support/mmu_model.h"
#include "vm/access.h"

#define PATHS 64u
#define PATH_BYTES (2ull << 20)

/* The way to a last-level table: its frame, and the rights that the levels above leave. One that
 * ends at a large leaf is not kept. */
struct path {
    bool valid;
    uint64_t va;
    paddr_t table;
    unsigned rights;
    pte_t large;
};

struct cpu_features cpu_features = {.no_execute = 1};
struct host_flushes host_flushes;

/* One processor's. What it keeps in the TLB is told from others' by the address of this. */
struct mmu {
    uint64_t cr3;
    struct path paths[PATHS];
};

static struct mmu mmus[CPU_MAX];

static struct mmu *mmu_self(void) {
    return &mmus[cpu_index()];
}

/* The kernel's half: an empty page in the low memory that host_memory_init reserves. */
uint64_t kmap_root(void);

uint64_t kmap_root(void) {
    return PAGE_SIZE;
}

static void forget_paths(void) {
    for (unsigned i = 0; i < PATHS; i++)
        mmu_self()->paths[i].valid = false;
}

void write_cr3(uint64_t value) {
    mmu_self()->cr3 = value;
    host_flushes.cr3++;
    tlb_forget_space(cpu_count() == 1 ? NULL : mmu_self());
    forget_paths();
}

void invlpg(uint64_t va) {
    host_flushes.page++;
    tlb_forget_page(mmu_self(), va);
    forget_paths();
}

struct pmap *mmu_active(void) {
    return host_cpu.pmap;
}

/* The real pmap forgets nothing unless it is told to. */
void mmu_forget_randomly(uint64_t seed, unsigned one_in) {
    (void)seed;
    (void)one_in;
}

uint64_t mmu_liberties(void) {
    return 0;
}

static unsigned rights_of(pte_t entry, unsigned above) {
    unsigned rights = VM_READ;

    if (entry & PTE_WRITE)
        rights |= VM_WRITE;
    if (!(entry & PTE_NO_EXEC))
        rights |= VM_EXEC;
    return rights & above;
}

/* The entry of a table at `table` for va: user-accessible and present, or 0. */
static pte_t entry_at(paddr_t table, uint64_t va, unsigned level) {
    const struct frame *frame = phys_to_frame_checked(table);
    pte_t entry;

    if (!frame || frame->use != FRAME_TABLE || frame_refs(frame) == 0)
        FAIL("the processor reads a table of level %u for %#llx from a frame in use as %s", level,
             (unsigned long long)va, frame ? frame_use_name(frame->use) : "no memory");
    entry = ((const pte_t *)phys_to_virt(table))[level_index(va, level)];
    if (!(entry & PTE_PRESENT) || !(entry & PTE_USER))
        return 0;
    return entry;
}

static struct path *path_for(uint64_t va) {
    return &mmu_self()->paths[hash_u64(va / PATH_BYTES) % PATHS];
}

/* Finds the way to va's last-level table, from what is kept or from CR3 down. False: none. */
static bool find_path(uint64_t va, struct path *path) {
    *path = *path_for(va);
    if (path->valid && path->va == align_down(va, PATH_BYTES))
        return true;
    *path = (struct path){true, align_down(va, PATH_BYTES), mmu_self()->cr3, VM_RIGHTS, 0};
    for (unsigned level = 3; level > 0; level--) {
        pte_t entry = entry_at(path->table, va, level);

        if (!entry)
            return false;
        path->rights = rights_of(entry, path->rights);
        if (entry & PTE_LARGE) {
            path->large = entry;
            return level == 1;
        }
        path->table = entry & PTE_ADDRESS;
    }
    *path_for(va) = *path;
    return true;
}

static const struct tlb_entry *fill(uint64_t va) {
    struct path path;
    pte_t entry;

    if (!find_path(va, &path))
        return NULL;
    if (path.large) {
        tlb_keep_part(mmu_self(), va,
                      (path.large & PTE_ADDRESS) + align_down(va % PATH_BYTES, PAGE_SIZE),
                      path.rights, PATH_BYTES);
        return tlb_find(mmu_self(), va);
    }
    entry = entry_at(path.table, va, 0);
    if (!entry)
        return NULL;
    tlb_keep(mmu_self(), va, entry & PTE_ADDRESS, rights_of(entry, path.rights));
    return tlb_find(mmu_self(), va);
}

bool mmu_translate(uint64_t va, unsigned access, paddr_t *pa) {
    const struct tlb_entry *cached = tlb_find(mmu_self(), va);

    if (!cached)
        cached = fill(va);
    if (!cached || (access & ~cached->access)) {
        /* A page fault invalidates what is kept for the address. */
        tlb_forget_page(mmu_self(), va);
        path_for(va)->valid = false;
        return false;
    }
    *pa = cached->pa + va % PAGE_SIZE;
    return true;
}
