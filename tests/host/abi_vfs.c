/* SPDX-License-Identifier: MIT */
/*
 * Compares the abi/ headers about files with the host's headers. Compiling this file is the test;
 * include/abi/README tells how it works.
 */
#include <stddef.h>

#include "abi/dirent.h"
#include "abi/fcntl.h"
#include "abi/mount.h"
#include "abi/socket.h"
#include "abi/stat.h"
#include "abi/statfs.h"
#include "abi/uio.h"

/* clang-format off */
#define STAT_LIST(X) \
    X(S_IFMT) X(S_IFSOCK) X(S_IFLNK) X(S_IFREG) X(S_IFBLK) X(S_IFDIR) X(S_IFCHR) X(S_IFIFO) \
    X(S_ISUID) X(S_ISGID) X(S_ISVTX) X(S_IRWXU) X(S_IRUSR) X(S_IWUSR) X(S_IXUSR) X(S_IRWXG) \
    X(S_IRGRP) X(S_IWGRP) X(S_IXGRP) X(S_IRWXO) X(S_IROTH) X(S_IWOTH) X(S_IXOTH) \
    X(STATX_BASIC_STATS) X(STATX_BTIME) X(STATX_ATTR_MOUNT_ROOT)
#define FCNTL_LIST(X) \
    X(O_ACCMODE) X(O_RDONLY) X(O_WRONLY) X(O_RDWR) X(O_CREAT) X(O_EXCL) X(O_NOCTTY) X(O_TRUNC) \
    X(O_APPEND) X(O_NONBLOCK) X(O_DSYNC) X(FASYNC) X(O_DIRECT) X(O_LARGEFILE) X(O_DIRECTORY) \
    X(O_NOFOLLOW) X(O_NOATIME) X(O_CLOEXEC) X(O_SYNC) X(O_PATH) X(O_TMPFILE) \
    X(F_DUPFD) X(F_GETFD) X(F_SETFD) X(F_GETFL) X(F_SETFL) X(F_GETLK) X(F_SETLK) X(F_SETLKW) \
    X(F_SETOWN) X(F_GETOWN) X(F_SETSIG) X(F_GETSIG) X(F_SETLEASE) X(F_GETLEASE) X(F_NOTIFY) \
    X(F_DUPFD_CLOEXEC) X(F_SETPIPE_SZ) X(F_GETPIPE_SZ) X(F_ADD_SEALS) X(F_GET_SEALS) \
    X(F_OFD_GETLK) X(F_OFD_SETLK) X(F_OFD_SETLKW) X(FD_CLOEXEC) X(F_RDLCK) X(F_WRLCK) X(F_UNLCK) \
    X(LOCK_SH) X(LOCK_EX) X(LOCK_NB) X(LOCK_UN) X(SEEK_SET) X(SEEK_CUR) X(SEEK_END) X(SEEK_DATA) \
    X(SEEK_HOLE) X(AT_FDCWD) X(AT_SYMLINK_NOFOLLOW) X(AT_EACCESS) X(AT_REMOVEDIR) \
    X(AT_SYMLINK_FOLLOW) X(AT_NO_AUTOMOUNT) X(AT_EMPTY_PATH) X(AT_STATX_SYNC_TYPE) \
    X(RENAME_NOREPLACE) X(RENAME_EXCHANGE) X(RENAME_WHITEOUT) X(FALLOC_FL_KEEP_SIZE) \
    X(FALLOC_FL_PUNCH_HOLE) X(CLOSE_RANGE_UNSHARE) X(CLOSE_RANGE_CLOEXEC) X(XATTR_CREATE) \
    X(XATTR_REPLACE) X(UIO_MAXIOV)
#define MOUNT_LIST(X) \
    X(MS_RDONLY) X(MS_NOSUID) X(MS_NODEV) X(MS_NOEXEC) X(MS_SYNCHRONOUS) X(MS_REMOUNT) \
    X(MS_MANDLOCK) X(MS_DIRSYNC) X(MS_NOATIME) X(MS_NODIRATIME) X(MS_BIND) X(MS_MOVE) X(MS_REC) \
    X(MS_SILENT) X(MS_UNBINDABLE) X(MS_PRIVATE) X(MS_SLAVE) X(MS_SHARED) X(MS_RELATIME) \
    X(MS_STRICTATIME) X(MS_MGC_VAL) X(MS_MGC_MSK) X(TMPFS_MAGIC) X(PROC_SUPER_MAGIC) \
    X(PIPEFS_MAGIC)
/* clang-format on */

#define SAVE(name) quire_##name = (name),
enum {
    STAT_LIST(SAVE) FCNTL_LIST(SAVE) MOUNT_LIST(SAVE) quire_STATX_RESERVED = STATX_RESERVED >> 1,
};

#include <asm/stat.h>
#include <asm/statfs.h>
#include <linux/close_range.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/stat.h>
#include <linux/uio.h>
#include <linux/xattr.h>

#define SAME(name) _Static_assert(quire_##name == (name), #name);
STAT_LIST(SAME)
FCNTL_LIST(SAME)
MOUNT_LIST(SAME)
_Static_assert(quire_STATX_RESERVED == (uint32_t)STATX__RESERVED >> 1, "STATX_RESERVED");

#define SIZE(ours, theirs) _Static_assert(sizeof(struct ours) == sizeof(struct theirs), #ours);
#define FIELD(ours, a, theirs, b)                                                                  \
    _Static_assert(offsetof(struct ours, a) == offsetof(struct theirs, b), #ours "." #a);          \
    _Static_assert(sizeof(((struct ours *)0)->a) == sizeof(((struct theirs *)0)->b), #ours "." #a);

SIZE(linux_stat, stat)
FIELD(linux_stat, st_dev, stat, st_dev)
FIELD(linux_stat, st_ino, stat, st_ino)
FIELD(linux_stat, st_nlink, stat, st_nlink)
FIELD(linux_stat, st_mode, stat, st_mode)
FIELD(linux_stat, st_uid, stat, st_uid)
FIELD(linux_stat, st_gid, stat, st_gid)
FIELD(linux_stat, st_rdev, stat, st_rdev)
FIELD(linux_stat, st_size, stat, st_size)
FIELD(linux_stat, st_blksize, stat, st_blksize)
FIELD(linux_stat, st_blocks, stat, st_blocks)
FIELD(linux_stat, st_atime_sec, stat, st_atime)
FIELD(linux_stat, st_atime_nsec, stat, st_atime_nsec)
FIELD(linux_stat, st_mtime_sec, stat, st_mtime)
FIELD(linux_stat, st_mtime_nsec, stat, st_mtime_nsec)
FIELD(linux_stat, st_ctime_sec, stat, st_ctime)
FIELD(linux_stat, st_ctime_nsec, stat, st_ctime_nsec)

SIZE(linux_statx_timestamp, statx_timestamp)
FIELD(linux_statx_timestamp, tv_sec, statx_timestamp, tv_sec)
FIELD(linux_statx_timestamp, tv_nsec, statx_timestamp, tv_nsec)
SIZE(linux_statx, statx)
FIELD(linux_statx, stx_mask, statx, stx_mask)
FIELD(linux_statx, stx_blksize, statx, stx_blksize)
FIELD(linux_statx, stx_attributes, statx, stx_attributes)
FIELD(linux_statx, stx_nlink, statx, stx_nlink)
FIELD(linux_statx, stx_uid, statx, stx_uid)
FIELD(linux_statx, stx_gid, statx, stx_gid)
FIELD(linux_statx, stx_mode, statx, stx_mode)
FIELD(linux_statx, stx_ino, statx, stx_ino)
FIELD(linux_statx, stx_size, statx, stx_size)
FIELD(linux_statx, stx_blocks, statx, stx_blocks)
FIELD(linux_statx, stx_attributes_mask, statx, stx_attributes_mask)
FIELD(linux_statx, stx_atime, statx, stx_atime)
FIELD(linux_statx, stx_btime, statx, stx_btime)
FIELD(linux_statx, stx_ctime, statx, stx_ctime)
FIELD(linux_statx, stx_mtime, statx, stx_mtime)
FIELD(linux_statx, stx_rdev_major, statx, stx_rdev_major)
FIELD(linux_statx, stx_rdev_minor, statx, stx_rdev_minor)
FIELD(linux_statx, stx_dev_major, statx, stx_dev_major)
FIELD(linux_statx, stx_dev_minor, statx, stx_dev_minor)
FIELD(linux_statx, stx_mnt_id, statx, stx_mnt_id)

SIZE(linux_flock, flock)
FIELD(linux_flock, l_type, flock, l_type)
FIELD(linux_flock, l_whence, flock, l_whence)
FIELD(linux_flock, l_start, flock, l_start)
FIELD(linux_flock, l_len, flock, l_len)
FIELD(linux_flock, l_pid, flock, l_pid)

SIZE(linux_iovec, iovec)
FIELD(linux_iovec, iov_base, iovec, iov_base)
FIELD(linux_iovec, iov_len, iovec, iov_len)

SIZE(linux_statfs, statfs)
FIELD(linux_statfs, f_type, statfs, f_type)
FIELD(linux_statfs, f_bsize, statfs, f_bsize)
FIELD(linux_statfs, f_blocks, statfs, f_blocks)
FIELD(linux_statfs, f_bfree, statfs, f_bfree)
FIELD(linux_statfs, f_bavail, statfs, f_bavail)
FIELD(linux_statfs, f_files, statfs, f_files)
FIELD(linux_statfs, f_ffree, statfs, f_ffree)
FIELD(linux_statfs, f_fsid, statfs, f_fsid)
FIELD(linux_statfs, f_namelen, statfs, f_namelen)
FIELD(linux_statfs, f_frsize, statfs, f_frsize)
FIELD(linux_statfs, f_flags, statfs, f_flags)
