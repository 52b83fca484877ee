/* SPDX-License-Identifier: MIT */
/*
 * The loader's data into struct boot_info, the allocator used before frame_init(), and the order
 * in which the machine is brought up.
 *
 * The loader's structures are read through the boot tables, which reach the first GiB; QEMU puts
 * them below 1 MiB. All is copied, so the loader's memory is free afterwards.
 *
 * After the PVH boot ABI (Xen, docs/misc/pvh and public/arch-x86/hvm/start_info.h).
 */
#include "boot.h"

#include "core/boot.h"
#include "core/panic.h"
#include "core/printk.h"
#include "kmap.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "machine/layout.h"

#define PVH_MAGIC 0x336ec578u
#define PVH_MEMORY_RAM 1u
#define EARLY_LIMIT (1UL << 30)

struct pvh_start_info {
    uint32_t magic, version, flags, module_count;
    uint64_t modules_phys, cmdline_phys, rsdp_phys;
    uint64_t memory_map_phys; /* version 1 on */
    uint32_t memory_map_count, reserved;
};

struct pvh_module {
    uint64_t phys, size, cmdline_phys, reserved;
};

struct pvh_memory {
    uint64_t start, size;
    uint32_t type, reserved;
};

_Static_assert(sizeof(struct pvh_start_info) == 56, "PVH ABI");
_Static_assert(sizeof(struct pvh_module) == 32, "PVH ABI");
_Static_assert(sizeof(struct pvh_memory) == 24, "PVH ABI");

extern char kernel_image_start[], kernel_image_end[];

struct boot_info boot_info;
static uint64_t boot_rsdp_phys; /* 0: the loader did not say */

_Noreturn void x86_start(uint64_t start_info_phys);

static const void *early_phys(uint64_t phys) {
    return (const void *)(DIRECT_MAP_BASE + phys);
}

/* Adds a range of RAM in its place; page 0 is left out, so that no frame has address 0. */
static void boot_add_ram(uint64_t start, uint64_t end) {
    size_t i = boot_info.ram_count;

    start = align_up(MAX(start, PAGE_SIZE), PAGE_SIZE);
    end = align_down(end, PAGE_SIZE);
    if (start >= end || i == BOOT_RANGES_MAX)
        return;
    for (; i > 0 && boot_info.ram[i - 1].start > start; i--)
        boot_info.ram[i] = boot_info.ram[i - 1];
    boot_info.ram[i] = (struct boot_range){start, end};
    boot_info.ram_count++;
}

/* Loaders keep their ranges disjoint; where one does not, the later range is cut. */
static void boot_trim_ram(void) {
    for (size_t i = 1; i < boot_info.ram_count; i++) {
        struct boot_range *range = &boot_info.ram[i];

        range->start = MAX(range->start, range[-1].end);
        range->end = MAX(range->end, range->start);
    }
}

static void boot_read_memory(const struct pvh_start_info *info) {
    const struct pvh_memory *map = early_phys(info->memory_map_phys);

    for (uint32_t i = 0; i < info->memory_map_count; i++) {
        if (map[i].type == PVH_MEMORY_RAM)
            boot_add_ram(map[i].start, map[i].start + map[i].size);
    }
    boot_trim_ram();
}

static void boot_read_modules(const struct pvh_start_info *info) {
    const struct pvh_module *module = early_phys(info->modules_phys);

    if (info->module_count == 0)
        return;
    boot_info.initramfs.start = module->phys;
    boot_info.initramfs.end = module->phys + module->size;
}

static void boot_read_info(uint64_t start_info_phys) {
    const struct pvh_start_info *info = early_phys(start_info_phys);

    if (info->magic != PVH_MAGIC || info->version < 1)
        panic("the loader gave no PVH start info with a memory map");
    if (info->cmdline_phys)
        string_copy(boot_info.cmdline, early_phys(info->cmdline_phys), BOOT_CMDLINE_MAX);
    boot_rsdp_phys = info->rsdp_phys;
    boot_read_memory(info);
    boot_read_modules(info);
    boot_info.trampoline = (struct boot_range){TRAMPOLINE_PHYS, TRAMPOLINE_PHYS + PAGE_SIZE};
    boot_info.kernel.start = (uint64_t)kernel_image_start - KERNEL_BASE;
    boot_info.kernel.end = (uint64_t)kernel_image_end - KERNEL_BASE;
}

uint64_t early_alloc_page(void) {
    uint64_t phys = boot_info.kernel.end;

    if (phys < boot_info.initramfs.end && phys + PAGE_SIZE > boot_info.initramfs.start)
        return 0;
    for (size_t i = 0; i < boot_info.ram_count; i++) {
        struct boot_range *ram = &boot_info.ram[i];

        if (phys < ram->start || phys + PAGE_SIZE > MIN(ram->end, EARLY_LIMIT))
            continue;
        boot_info.kernel.end = phys + PAGE_SIZE;
        memset((void *)(DIRECT_MAP_BASE + phys), 0, PAGE_SIZE);
        return phys;
    }
    return 0;
}

void early_alloc_rewind(uint64_t mark) {
    boot_info.kernel.end = mark;
}

static void boot_print_info(void) {
    uint64_t bytes = 0;

    for (size_t i = 0; i < boot_info.ram_count; i++) {
        struct boot_range *ram = &boot_info.ram[i];

        printk("boot: RAM %#lx..%#lx\n", ram->start, ram->end);
        bytes += ram->end - ram->start;
    }
    printk("boot: %lu KiB of RAM, kernel %#lx..%#lx, initramfs %#lx..%#lx\n", bytes / 1024,
           boot_info.kernel.start, boot_info.kernel.end, boot_info.initramfs.start,
           boot_info.initramfs.end);
    printk("boot: command line: %s\n", boot_info.cmdline);
}

/* From start.S, on the boot tables. */
_Noreturn void x86_start(uint64_t start_info_phys) {
    cpu_init_self(0);
    descriptors_init(&boot_trap_stacks);
    traps_init();
    boot_read_info(start_info_phys);
    printk_init();
    cpu_detect_features();
    cpu_patch_smap();
    kmap_init();
    cpu_protect();
    cpu_print_features();
    boot_print_info();
    processors_find(boot_rsdp_phys);
    fpu_init();
    syscall_init();
    apic_init();
    clock_init();
    kernel_main();
}
