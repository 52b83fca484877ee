/* SPDX-License-Identifier: MIT */
/*
 * The MMU of each processor that is a thread: it walks the tables and keeps what it found until
 * CR3 is loaded or INVLPG says otherwise. The thread sanitizer does not look at it: hardware reads
 * entries while they are changed.
 */
#include "arch/x86_64/paging.h"
#include "arch/x86_64/x86.h"
#include "core/cpu.h"
#include "mm/frame.h"
#include "threads/mmu.h"

#define KEPT 64u

struct translation {
    uint64_t va; /* 0: none */
    pte_t entry;
};

static _Thread_local uint64_t cr3;
static _Thread_local struct translation kept[KEPT];

struct cpu_features cpu_features = {.no_execute = 1};

static struct translation *kept_for(uint64_t va) {
    return &kept[va / PAGE_SIZE % KEPT];
}

/* Both take their time: whoever does not wait for them is seen. */
void write_cr3(uint64_t value) {
    cpu_relax();
    cr3 = value;
    for (unsigned i = 0; i < KEPT; i++)
        kept[i].va = 0;
}

void invlpg(uint64_t va) {
    cpu_relax();
    if (kept_for(va)->va == va)
        kept_for(va)->va = 0;
}

static pte_t walk(uint64_t va) {
    uint64_t rights = PTE_WRITE;
    pte_t entry = cr3;

    for (unsigned level = TABLE_TOP_LEVEL + 1; level-- > 0;) {
        const pte_t *table = phys_to_virt(entry & PTE_ADDRESS);

        entry = __atomic_load_n(&table[level_index(va, level)], __ATOMIC_RELAXED);
        if (!(entry & PTE_PRESENT))
            return 0;
        rights &= entry;
    }
    return (entry & ~PTE_WRITE) | rights;
}

unsigned char *thread_mmu_find(uint64_t va) {
    struct translation *at = kept_for(va);

    if (at->va != va || !(at->entry & PTE_WRITE))
        *at = (struct translation){va, walk(va)};
    if (!(at->entry & PTE_WRITE)) {
        at->va = 0;
        return NULL;
    }
    return phys_to_virt(at->entry & PTE_ADDRESS);
}
