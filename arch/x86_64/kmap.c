/* SPDX-License-Identifier: MIT */
/*
 * The kernel half of the address space.
 *
 * One table says which regions there are and with which rights; kmap_init() makes page tables of
 * it, with the largest pages that fit. After that only the KVA region changes, a page at a time.
 *
 * Invariants: no entry is user-accessible; none is writable and executable; all are global. The
 * top-level entries are made at boot and never change (the one of KVA leads to a table that is
 * kept even when empty), so whoever copied them once is right for ever.
 *
 * A KVA table of a lower level is a frame (FRAME_TABLE) that counts its entries in use in
 * frame->count and is freed with the last one.
 *
 * Locks: kmap_lock (LOCK_RANK_KMAP) guards the tables of KVA; it is held until all processors have
 * forgotten what was taken away, since a neighbour may be entered next. Nothing is allocated under
 * it: the allocator may ask the pool of stacks to give some back, and that comes here.
 */
#include "kmap.h"

#include <stdbool.h>

#include "abi/errno.h"
#include "boot.h"
#include "core/assert.h"
#include "sync/cpu_call.h"
#include "core/panic.h"
#include "core/printk.h"
#include "lib/bits.h"
#include "machine/layout.h"
#include "mm/frame.h"
#include "mm/kmap.h"
#include "paging.h"
#include "sync/spinlock.h"
#include "tlb_check.h"
#include "x86.h"

#define LOCAL_APIC_PHYS 0xfee00000UL
#define IO_APIC_PHYS 0xfec00000UL

#define RIGHTS_READ PTE_NO_EXEC
#define RIGHTS_WRITE (PTE_WRITE | PTE_NO_EXEC)
#define RIGHTS_EXEC 0UL
#define RIGHTS_DEVICE (RIGHTS_WRITE | PTE_NO_CACHE | PTE_WRITE_THROUGH)

struct kmap_region {
    const char *name;
    uint64_t va, end_va, phys;
    uint64_t rights; /* PTE_* */
};

extern char kernel_text_start[], kernel_text_end[], kernel_rodata_start[], kernel_rodata_end[];
extern char kernel_data_start[], kernel_data_end[];
extern char boot_stack[], boot_stack_top[], double_fault_stack[], double_fault_stack_top[];
extern char nmi_stack[], nmi_stack_top[], machine_check_stack[], machine_check_stack_top[];

/* Where the firmware's tables are looked at, after the devices in the same table of leaves. */
#define WINDOW_BASE (DEVICE_BASE + 16 * PAGE_SIZE)
#define WINDOW_PAGES 16
#define FIRMWARE_END (1UL << 32) /* a PC has nothing of the kind beyond */

#define IMAGE(name, start, end, rights)                                                            \
    { name, (uint64_t)(start), (uint64_t)(end), (uint64_t)(start)-KERNEL_BASE, rights }
#define DEVICE(name, index, phys)                                                                  \
    {                                                                                              \
        name, DEVICE_BASE + (index)*PAGE_SIZE, DEVICE_BASE + ((index) + 1) * PAGE_SIZE, phys,      \
            RIGHTS_DEVICE                                                                          \
    }

/* Everything but the direct map, whose regions are the ranges of RAM. */
static const struct kmap_region kmap_regions[] = {
    IMAGE("text", kernel_text_start, kernel_text_end, RIGHTS_EXEC),
    IMAGE("rodata", kernel_rodata_start, kernel_rodata_end, RIGHTS_READ),
    IMAGE("data", kernel_data_start, kernel_data_end, RIGHTS_WRITE),
    IMAGE("boot stack", boot_stack, boot_stack_top, RIGHTS_WRITE),
    IMAGE("double fault stack", double_fault_stack, double_fault_stack_top, RIGHTS_WRITE),
    IMAGE("NMI stack", nmi_stack, nmi_stack_top, RIGHTS_WRITE),
    IMAGE("machine check stack", machine_check_stack, machine_check_stack_top, RIGHTS_WRITE),
    DEVICE("local APIC", 0, LOCAL_APIC_PHYS),
    DEVICE("IO APIC", 1, IO_APIC_PHYS),
};

static struct spinlock kmap_lock = SPINLOCK_INIT("kmap", LOCK_RANK_KMAP);

/* Constant after kmap_init(). */
static uint64_t kmap_root_phys;

/* Bits that the processor would take for reserved are left out. */
static uint64_t kmap_allowed_bits = ~0UL;

static pte_t *table_at(uint64_t phys) {
    return (pte_t *)(DIRECT_MAP_BASE + (phys & PTE_ADDRESS));
}

uint64_t kmap_root(void) {
    return kmap_root_phys;
}

volatile void *kmap_device(uint64_t phys) {
    for (size_t i = 0; i < ARRAY_SIZE(kmap_regions); i++) {
        if (kmap_regions[i].phys == phys && kmap_regions[i].va >= DEVICE_BASE)
            return (volatile void *)kmap_regions[i].va;
    }
    panic("no mapping for a device at %#lx", phys);
}

/* The table below `entry`, made if there is none; NULL without memory. At boot. */
static pte_t *kmap_boot_table(pte_t *entry) {
    if (!(*entry & PTE_PRESENT)) {
        uint64_t phys = early_alloc_page();

        if (!phys)
            return NULL;
        *entry = phys | PTE_PRESENT | PTE_WRITE | PTE_ACCESSED;
    }
    return table_at(*entry);
}

/* The highest level whose pages can map the start of what is left of a region. */
static unsigned kmap_best_level(const struct kmap_region *left) {
    unsigned level = cpu_features.gigabyte_pages ? 2 : 1;

    for (; level > 0; level--) {
        uint64_t size = level_size(level);

        if (is_aligned(left->va | left->phys, size) && left->end_va - left->va >= size)
            break;
    }
    return level;
}

/* Maps the first page of what is left of a region, and takes it off. False without memory. */
static bool kmap_boot_page(struct kmap_region *left) {
    unsigned level = kmap_best_level(left);
    pte_t *table = table_at(kmap_root_phys);
    uint64_t bits = PTE_PRESENT | PTE_GLOBAL | PTE_ACCESSED | PTE_DIRTY | left->rights;

    for (unsigned above = TABLE_TOP_LEVEL; above > level; above--) {
        table = kmap_boot_table(&table[level_index(left->va, above)]);
        if (!table)
            return false;
    }
    if (level > 0)
        bits |= PTE_LARGE;
    table[level_index(left->va, level)] = (left->phys | bits) & kmap_allowed_bits;
    left->va += level_size(level);
    left->phys += level_size(level);
    return true;
}

static bool kmap_boot_region(const struct kmap_region *region) {
    struct kmap_region left = *region;

    while (left.va < left.end_va) {
        if (!kmap_boot_page(&left))
            return false;
    }
    return true;
}

/* Maps [start, end) of physical memory at its place in the direct map. */
static bool kmap_boot_direct(uint64_t start, uint64_t end, uint64_t rights) {
    struct kmap_region region = {"direct map", DIRECT_MAP_BASE + start, DIRECT_MAP_BASE + end,
                                 start, rights};

    ASSERT(region.end_va <= DIRECT_MAP_END);
    return start >= end || kmap_boot_region(&region);
}

/* All RAM; what is text or constant is not writable here either. */
static bool kmap_boot_direct_map(void) {
    uint64_t fixed_start = (uint64_t)kernel_text_start - KERNEL_BASE;
    uint64_t fixed_end = (uint64_t)kernel_rodata_end - KERNEL_BASE;

    for (size_t i = 0; i < boot_info.ram_count; i++) {
        const struct boot_range *ram = &boot_info.ram[i];
        uint64_t low_end = MIN(MAX(ram->start, fixed_start), ram->end);
        uint64_t high_start = MIN(MAX(low_end, fixed_end), ram->end);

        if (!kmap_boot_direct(ram->start, low_end, RIGHTS_WRITE) ||
            !kmap_boot_direct(low_end, high_start, RIGHTS_READ) ||
            !kmap_boot_direct(high_start, ram->end, RIGHTS_WRITE))
            return false;
    }
    return true;
}

/* All tables, or none: a failure gives every page back. */
static bool kmap_boot_build(void) {
    uint64_t mark = boot_info.kernel.end;

    kmap_root_phys = early_alloc_page();
    if (!kmap_root_phys)
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(kmap_regions); i++) {
        if (!kmap_boot_region(&kmap_regions[i]))
            goto rewind;
    }
    if (!kmap_boot_direct_map())
        goto rewind;
    if (!kmap_boot_table(&table_at(kmap_root_phys)[level_index(KVA_BASE, TABLE_TOP_LEVEL)]))
        goto rewind;
    return true;

rewind:
    early_alloc_rewind(mark);
    return false;
}

void kmap_init(void) {
    if (!cpu_features.no_execute)
        kmap_allowed_bits &= ~PTE_NO_EXEC;
    if (!kmap_boot_build())
        panic("no memory for the kernel's page tables");
    write_cr3(kmap_root_phys);
    ASSERT(kmap_check());
    for (size_t i = 0; i < ARRAY_SIZE(kmap_regions); i++) {
        const struct kmap_region *region = &kmap_regions[i];

        printk("kmap: %#lx..%#lx r%c%c %s\n", region->va, region->end_va,
               region->rights & PTE_WRITE ? 'w' : '-', region->rights & PTE_NO_EXEC ? '-' : 'x',
               region->name);
    }
}

/*
 * The entry for `va` at `level`, as far as there are tables. Returns the entry at the level
 * where the walk ended, which *level then says: a leaf, an empty entry, or as asked.
 */
static pte_t *kmap_walk(uint64_t va, unsigned *level) {
    pte_t *table = table_at(kmap_root_phys);

    for (unsigned at = TABLE_TOP_LEVEL;; at--) {
        pte_t *entry = &table[level_index(va, at)];

        if (at == *level || !(*entry & PTE_PRESENT) || (*entry & PTE_LARGE)) {
            *level = at;
            return entry;
        }
        table = table_at(*entry);
    }
}

bool probe_read_u64(uint64_t address, uint64_t *value) {
    unsigned level = 0;

    if (address < DIRECT_MAP_BASE || !is_aligned(address, sizeof(*value)) || !kmap_root_phys)
        return false;
    if (!(*kmap_walk(address, &level) & PTE_PRESENT))
        return false;
    *value = *(const uint64_t *)address;
    return true;
}

static pte_t kmap_page_entry(paddr_t paddr, unsigned flags) {
    pte_t entry = paddr | PTE_PRESENT | PTE_GLOBAL | PTE_ACCESSED | PTE_DIRTY;

    ASSERT(!(flags & KMAP_WRITE) || !(flags & KMAP_EXEC));
    entry |= flags & KMAP_WRITE ? PTE_WRITE : 0;
    entry |= flags & KMAP_EXEC ? 0 : PTE_NO_EXEC;
    entry |= flags & KMAP_UNCACHED ? PTE_NO_CACHE | PTE_WRITE_THROUGH : 0;
    return entry & kmap_allowed_bits;
}

const void *kmap_firmware(uint64_t phys, size_t bytes) {
    uint64_t first = align_down(phys, PAGE_SIZE);
    unsigned level = 0;
    pte_t *entry = kmap_walk(WINDOW_BASE, &level);

    if (phys >= FIRMWARE_END || bytes > WINDOW_PAGES * PAGE_SIZE - (phys - first))
        return NULL;
    ASSERT(level == 0);
    for (unsigned i = 0; i < WINDOW_PAGES; i++) {
        bool used = first + i * PAGE_SIZE < phys + bytes;

        entry[i] = used ? kmap_page_entry(first + i * PAGE_SIZE, 0) : 0;
        invlpg(WINDOW_BASE + i * PAGE_SIZE);
    }
    return (const void *)(WINDOW_BASE + (phys - first));
}

/* The frame of the table that `entry` lies in. */
static struct frame *kmap_table_frame(pte_t *entry) {
    return virt_to_frame(entry);
}

static void kmap_set_locked(pte_t *entry, unsigned level, pte_t value) {
    *entry = value;
    if (level < 2) /* the table of level 2 is kept for ever, and not counted */
        kmap_table_frame(entry)->count++;
}

/*
 * Enters `value` for va if its table is there. Else puts `spare` (a cleared table) in the
 * place of the highest table missing and reports that as false: then there is more to do.
 */
static bool kmap_enter_locked(uint64_t va, pte_t value, struct frame **spare) {
    unsigned level = 0;
    pte_t *entry = kmap_walk(va, &level);

    if (level == 0) {
        ASSERT(!(*entry & PTE_PRESENT));
        kmap_set_locked(entry, 0, value);
        return true;
    }
    if (*spare) {
        kmap_set_locked(entry, level, frame_to_phys(*spare) | PTE_PRESENT | PTE_WRITE);
        *spare = NULL;
    }
    return false;
}

int kmap_enter(uintptr_t va, paddr_t paddr, unsigned flags) {
    struct frame *spare = NULL;
    pte_t value = kmap_page_entry(paddr, flags);

    ASSERT(va >= KVA_BASE && va < KVA_END && is_aligned(va | paddr, PAGE_SIZE));
    for (;;) {
        bool done;

        spin_lock(&kmap_lock);
        done = kmap_enter_locked(va, value, &spare);
        spin_unlock(&kmap_lock);
        if (done)
            break;
        if (!spare)
            spare = frame_alloc_zeroed(FRAME_TABLE);
        if (!spare)
            return -ENOMEM;
    }
    if (spare)
        frame_unref(spare);
    return 0;
}

/* Pages of KVA that processors are to forget. One INVLPG also drops what they know of the way. */
struct kmap_range {
    uint64_t va;
    size_t pages;
};

static void kmap_flush_here(void *arg) {
    const struct kmap_range *range = arg;

    for (uint64_t va = range->va; va < range->va + range->pages * PAGE_SIZE; va += PAGE_SIZE) {
        invlpg(va);
        tlb_check_flushed_page(va);
    }
}

/* On every processor: they all use the kernel's half. */
static void kmap_flush(struct kmap_range range) {
    kmap_flush_here(&range);
    cpu_call(cpus_running(), kmap_flush_here, &range);
}

static void kmap_clear_leaf_locked(uint64_t va) {
    unsigned level = 0;
    pte_t *entry = kmap_walk(va, &level);
    pte_t old = *entry;

    if (level > 0 || !(old & PTE_PRESENT))
        return;
    *entry = 0;
    tlb_check_entry(NULL, va, 0, old, 0);
    kmap_table_frame(entry)->count--;
}

/* Takes the empty tables on the way to va away, a level at a time. */
static void kmap_prune_locked(uint64_t va) {
    for (unsigned level = 1; level <= 2; level++) {
        unsigned found = level;
        pte_t *entry = kmap_walk(va, &found);
        pte_t old = *entry;
        struct frame *below = phys_to_frame(old & PTE_ADDRESS);

        if (found != level || !(old & PTE_PRESENT))
            continue;
        if (below->count)
            return;
        *entry = 0;
        tlb_check_entry(NULL, va, level, old, 0);
        if (level < 2) /* the table of level 2 is kept for ever, and not counted */
            kmap_table_frame(entry)->count--;
        kmap_flush((struct kmap_range){va, 1});
        frame_unref(below);
    }
}

void kmap_remove(uintptr_t va, size_t pages) {
    ASSERT(va >= KVA_BASE && va + pages * PAGE_SIZE <= KVA_END && is_aligned(va, PAGE_SIZE));
    spin_lock(&kmap_lock);
    for (size_t i = 0; i < pages; i++)
        kmap_clear_leaf_locked(va + i * PAGE_SIZE);
    kmap_flush((struct kmap_range){va, pages});
    kmap_prune_locked(va);
    if (pages > 1)
        kmap_prune_locked(va + (pages - 1) * PAGE_SIZE);
    tlb_check_settled(NULL);
    spin_unlock(&kmap_lock);
}

/* The tables below one of level 1, and that one itself. */
static void for_each_table_below(pte_t entry, void (*found)(void *arg, struct frame *table),
                                 void *arg) {
    const pte_t *entries = table_at(entry);

    for (unsigned i = 0; i < TABLE_ENTRIES; i++)
        if (entries[i] & PTE_PRESENT)
            found(arg, phys_to_frame(entries[i] & PTE_ADDRESS));
    found(arg, phys_to_frame(entry & PTE_ADDRESS));
}

void kmap_for_each_table(void (*found)(void *arg, struct frame *table), void *arg) {
    for (uint64_t va = KVA_BASE; va < KVA_END; va += level_size(2)) {
        unsigned level = 2;
        pte_t entry = *kmap_walk(va, &level);

        if (level == 2 && (entry & PTE_PRESENT))
            for_each_table_below(entry, found, arg);
    }
}
