/* SPDX-License-Identifier: MIT */
/*
 * The system as a whole: names, figures, random numbers, power.
 *
 * Sources: uname(2), sethostname(2), sysinfo(2), getrandom(2), reboot(2).
 */
#include "abi/errno.h"
#include "abi/random.h"
#include "abi/reboot.h"
#include "abi/sysinfo.h"
#include "core/clock.h"
#include "core/power.h"
#include "core/printk.h"
#include "core/random.h"
#include "core/uaccess.h"
#include "drivers/trace_port.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "machine/layout.h"
#include "mm/frame.h"
#include "proc/process.h"
#include "proc/uts.h"
#include "syscall/calls.h"

static bool is_root(void) {
    return credentials_current()->euid == 0;
}

/* ---- names ---- */

long sys_uname(void *name) {
    struct linux_utsname names;

    uts_get(&names);
    return copy_to_user(name, &names, sizeof(names));
}

static long set_name(const char *user, int length, int (*set)(const char *, size_t)) {
    char name[UTSNAME_LENGTH];

    if (!is_root())
        return -EPERM;
    if (length < 0 || length >= UTSNAME_LENGTH)
        return -EINVAL;
    if (copy_from_user(name, user, (size_t)length) != 0)
        return -EFAULT;
    return set(name, (size_t)length);
}

long sys_sethostname(const char *name, int length) {
    return set_name(name, length, uts_set_host);
}

long sys_setdomainname(const char *name, int length) {
    return set_name(name, length, uts_set_domain);
}

/* ---- figures ---- */

long sys_sysinfo(void *user) {
    struct linux_sysinfo info;
    struct process_counts counts;
    struct sched_stats sched;
    struct frame_stats frames;

    process_counts_get(&counts);
    sched_stats_get(&sched);
    frame_stats_get(&frames);
    memset(&info, 0, sizeof(info));
    info.uptime = (int64_t)(clock_monotonic_ns() / NS_PER_SECOND);
    for (int i = 0; i < 3; i++)
        info.loads[i] = sched.load[i];
    info.totalram = frames.total * PAGE_SIZE;
    info.freeram = frames.free * PAGE_SIZE;
    info.procs = (uint16_t)MIN(counts.tasks, (uint32_t)UINT16_MAX);
    info.mem_unit = 1;
    return copy_to_user(user, &info, sizeof(info));
}

/* ---- random numbers ---- */

#define RANDOM_CHUNK 256

long sys_getrandom(void *buffer, size_t size, uint32_t flags) {
    uint8_t chunk[RANDOM_CHUNK];
    size_t done = 0;

    if ((flags & ~(uint32_t)(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE)) ||
        (flags & (GRND_RANDOM | GRND_INSECURE)) == (GRND_RANDOM | GRND_INSECURE))
        return -EINVAL;
    size = MIN(size, (size_t)INT32_MAX);
    while (done < size) {
        size_t n = MIN(size - done, sizeof(chunk));

        random_bytes(chunk, n);
        if (copy_to_user((char *)buffer + done, chunk, n) != 0)
            return done > 0 ? (long)done : -EFAULT;
        done += n;
        if (thread_interrupted(thread_current()))
            break;
    }
    return (long)done;
}

/* ---- power ---- */

static bool magic2_is_right(uint32_t magic2) {
    return magic2 == LINUX_REBOOT_MAGIC2 || magic2 == LINUX_REBOOT_MAGIC2A ||
           magic2 == LINUX_REBOOT_MAGIC2B || magic2 == LINUX_REBOOT_MAGIC2C;
}

long sys_reboot(uint32_t magic, uint32_t magic2, uint32_t command, const void *arg) {
    (void)arg;
    if (!is_root())
        return -EPERM;
    if (magic != LINUX_REBOOT_MAGIC1 || !magic2_is_right(magic2))
        return -EINVAL;
    switch (command) {
    case LINUX_REBOOT_CMD_POWER_OFF:
    case LINUX_REBOOT_CMD_HALT:
        printk("power off\n");
        trace_port_finish();
        power_off();
    case LINUX_REBOOT_CMD_RESTART:
    case LINUX_REBOOT_CMD_RESTART2:
        printk("restart\n");
        trace_port_finish();
        power_reset();
    case LINUX_REBOOT_CMD_CAD_ON:
    case LINUX_REBOOT_CMD_CAD_OFF:
        return 0;
    default:
        return -EINVAL;
    }
}
