/* SPDX-License-Identifier: MIT */
/*
 * The order in which the kernel comes up. Each line needs only those above it.
 *
 * Runs on the boot stack, which becomes the idle thread's, interrupts off until processes exist.
 */
#include "core/boot.h"
#include "core/cmdline.h"
#include "core/panic.h"
#include "core/printk.h"
#include "core/processors.h"
#include "drivers/devpts.h"
#include "drivers/mem.h"
#include "drivers/pty.h"
#include "drivers/trace_port.h"
#include "drivers/uart.h"
#include "fs/devfs/devfs.h"
#include "fs/initramfs/initramfs.h"
#include "fs/procfs/procfs.h"
#include "fs/tmpfs/tmpfs.h"
#include "init/selftest.h"
#include "lib/bits.h"
#include "mm/frame.h"
#include "mm/kva.h"
#include "mm/slab.h"
#include "mm/trace_frames.h"
#include "proc/process.h"
#include "proc/procfs.h"
#include "proc/trace_process.h"
#include "sched/thread.h"
#include "sched/trace_reader.h"
#include "vfs/anon_file.h"
#include "vfs/epoll.h"
#include "vfs/mount.h"
#include "vm/check.h"
#include "vm/space.h"
#include "vm/trace_vm.h"

#define INIT_PATH_MAX 256

static struct phys_range to_phys_range(struct boot_range range) {
    return (struct phys_range){range.start, range.end};
}

static void init_memory(void) {
    struct phys_range ram[BOOT_RANGES_MAX];
    struct phys_range reserved[] = {
        to_phys_range(boot_info.kernel),
        to_phys_range(boot_info.initramfs),
        to_phys_range(boot_info.trampoline),
    };
    int error;

    for (size_t i = 0; i < boot_info.ram_count; i++)
        ram[i] = to_phys_range(boot_info.ram[i]);
    error = frame_init(ram, boot_info.ram_count, reserved, ARRAY_SIZE(reserved));
    if (error)
        panic("frame_init: error %d", -error);
    slab_init();
    kstack_init();
}

/* vm_check=N: how much of a space a debug kernel checks after each fault and call. */
static void init_checks(void) {
    char text[16];
    uint64_t entries = 0;

    if (!cmdline_get("vm_check", text, sizeof(text)))
        return;
    for (const char *at = text; *at >= '0' && *at <= '9'; at++)
        entries = entries * 10 + (uint64_t)(*at - '0');
    vm_check_entries = entries;
}

static void init_files(void) {
    tmpfs_init();
    devfs_init();
    devpts_init();
    procfs_init();
    vfs_init();
    anon_file_init();
    epoll_init();
    mem_init();
    pty_init();
    uart_init();
}

static void start_init_process(void) {
    static char path[INIT_PATH_MAX] = "/init";
    static const char *const argv[] = {path, NULL};
    static const char *const envp[] = {"HOME=/", "PATH=/sbin:/usr/sbin:/bin:/usr/bin", NULL};
    int error;

    cmdline_get("init", path, sizeof(path));
    error = process_start_init(path, argv, envp);
    if (error)
        panic("no memory for the first process: error %d", -error);
}

static void print_memory(void) {
    struct frame_stats stats;

    frame_stats_get(&stats);
    printk("memory: %lu KiB, %lu KiB of them free\n", stats.total * (PAGE_SIZE / 1024),
           stats.free * (PAGE_SIZE / 1024));
}

/* Another processor, once it can do what the first one can. */
static void processor_main(void) {
    sched_init_self();
    processor_started();
    sched_idle();
}

_Noreturn void kernel_main(void) {
    char test[64];

    init_memory();
    vm_init();
    init_checks();
    sched_init();
    trace_frames_init();
    vm_trace_init();
    process_trace_init();
    trace_reader_init();
    if (cmdline_get("selftest", test, sizeof(test)))
        selftest_run(test);
    init_files();
    process_init();
    procfs_processes_init();
    (void)initramfs_unpack_boot(); /* says in the log what is wrong; what there is must do */
    processors_start(processor_main);
    trace_port_init();
    start_init_process();
    print_memory();
    sched_idle();
}
