/* SPDX-License-Identifier: MIT */
/*
 * syslog: the kernel's log, for dmesg. Source: syslog(2).
 *
 * Reading never takes lines away; clearing only moves where READ_ALL begins, as on Linux. Waiting
 * for new lines (SYSLOG_ACTION_READ, for log daemons) is not there: ENOSYS. The log never goes to
 * the console, so the console's level may be set and means nothing.
 */
#include "abi/errno.h"
#include "core/printk.h"
#include "core/uaccess.h"
#include "lib/bits.h"
#include "mm/slab.h"
#include "syscall/calls.h"
#include "vfs/access.h"

#define ACTION_CLOSE 0
#define ACTION_READ 2
#define ACTION_READ_ALL 3
#define ACTION_READ_CLEAR 4
#define ACTION_CLEAR 5
#define ACTION_CONSOLE_LEVEL 8
#define ACTION_SIZE_UNREAD 9
#define ACTION_SIZE_BUFFER 10

#define CHUNK_BYTES 512u

/* Bytes of the log, counted from boot, that READ_ALL no longer shows. */
static _Atomic uint64_t cleared;

static size_t size_uncleared(void) {
    uint64_t end = klog_position();

    return MIN(klog_size(), (size_t)(end - MIN(cleared, end)));
}

/* Copies the last `size` bytes of the log out. Returns how many. */
static long copy_tail(char *buffer, size_t size) {
    char chunk[CHUNK_BYTES];
    size_t done = 0;

    size = MIN(size, size_uncleared());
    size_t offset = klog_size() - size;
    while (done < size) {
        size_t n = klog_read(offset + done, chunk, MIN(size - done, sizeof(chunk)));
        if (n == 0)
            break;
        if (copy_to_user(buffer + done, chunk, n))
            return -EFAULT;
        done += n;
    }
    return (long)done;
}

static long read_all(char *buffer, int size) {
    if (!buffer || size < 0)
        return -EINVAL;
    return copy_tail(buffer, (size_t)size);
}

long sys_syslog(int type, char *buffer, int size) {
    if (type < ACTION_CLOSE || type > ACTION_SIZE_BUFFER)
        return -EINVAL;
    if (type != ACTION_READ_ALL && type != ACTION_SIZE_BUFFER && !vfs_is_root())
        return -EPERM;
    long result = 0;
    switch (type) {
    case ACTION_READ:
    case ACTION_SIZE_UNREAD:
        return -ENOSYS;
    case ACTION_SIZE_BUFFER:
        return (long)klog_size();
    case ACTION_CONSOLE_LEVEL:
        return size >= 1 && size <= 8 ? 0 : -EINVAL;
    case ACTION_READ_ALL:
        return read_all(buffer, size);
    case ACTION_READ_CLEAR:
        result = read_all(buffer, size); /* fall through */
    case ACTION_CLEAR:
        cleared = klog_position();
        return result;
    default:
        return 0;
    }
}
