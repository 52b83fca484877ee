/* SPDX-License-Identifier: MIT */
/*
 * The same for what only the C library's headers tell: directory entries, access(2), unmounting,
 * sockets, times.
 */
#define _GNU_SOURCE
#include <stddef.h>

#include "abi/dirent.h"
#include "abi/fcntl.h"
#include "abi/mount.h"
#include "abi/socket.h"
#include "abi/stat.h"
#include "abi/statfs.h"

/* clang-format off */
#define LIBC_LIST(X) \
    X(DT_UNKNOWN) X(DT_FIFO) X(DT_CHR) X(DT_DIR) X(DT_BLK) X(DT_REG) X(DT_LNK) X(DT_SOCK) \
    X(F_OK) X(X_OK) X(W_OK) X(R_OK) X(MNT_FORCE) X(MNT_DETACH) X(MNT_EXPIRE) X(UMOUNT_NOFOLLOW) \
    X(AF_UNIX) X(AF_INET) X(AF_MAX) X(SOCK_STREAM) X(SOCK_DGRAM) X(SOCK_PACKET) X(SOCK_CLOEXEC) \
    X(SOCK_NONBLOCK) X(ST_RDONLY) X(ST_NOSUID) X(ST_NODEV) X(ST_NOEXEC) X(ST_NOATIME) \
    X(ST_RELATIME)
#define TIME_LIST(X) X(UTIME_NOW) X(UTIME_OMIT)
/* clang-format on */

#define SAVE(name) quire_##name = (name),
enum { LIBC_LIST(SAVE) TIME_LIST(SAVE) };
#undef UTIME_NOW
#undef UTIME_OMIT
/* Ours that the C library makes enumerators of. */
#undef DT_UNKNOWN
#undef DT_FIFO
#undef DT_CHR
#undef DT_DIR
#undef DT_BLK
#undef DT_REG
#undef DT_LNK
#undef DT_SOCK
#undef MNT_FORCE
#undef MNT_DETACH
#undef MNT_EXPIRE
#undef UMOUNT_NOFOLLOW
#undef SOCK_STREAM
#undef SOCK_DGRAM
#undef SOCK_PACKET
#undef SOCK_CLOEXEC
#undef SOCK_NONBLOCK
#undef ST_RDONLY
#undef ST_NOSUID
#undef ST_NODEV
#undef ST_NOEXEC
#undef ST_NOATIME
#undef ST_RELATIME
#undef MS_RDONLY
#undef MS_NOSUID
#undef MS_NODEV
#undef MS_NOEXEC
#undef MS_SYNCHRONOUS
#undef MS_REMOUNT
#undef MS_MANDLOCK
#undef MS_DIRSYNC
#undef MS_NOATIME
#undef MS_NODIRATIME
#undef MS_BIND
#undef MS_MOVE
#undef MS_REC
#undef MS_SILENT
#undef MS_UNBINDABLE
#undef MS_PRIVATE
#undef MS_SLAVE
#undef MS_SHARED
#undef MS_RELATIME
#undef MS_STRICTATIME

#include <dirent.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define SAME(name) _Static_assert((int)quire_##name == (int)(name), #name);
LIBC_LIST(SAME)
TIME_LIST(SAME)

_Static_assert(offsetof(struct linux_dirent64, d_off) == offsetof(struct dirent64, d_off), "d_off");
_Static_assert(offsetof(struct linux_dirent64, d_reclen) == offsetof(struct dirent64, d_reclen),
               "d_reclen");
_Static_assert(offsetof(struct linux_dirent64, d_type) == offsetof(struct dirent64, d_type),
               "d_type");
_Static_assert(offsetof(struct linux_dirent64, d_name) == offsetof(struct dirent64, d_name),
               "d_name");
