/* SPDX-License-Identifier: MIT */
/* Directory entries: getdents(2). Compared with the host's headers by tests/host/abi_vfs_libc.c. */
#ifndef QUIRE_ABI_DIRENT_H
#define QUIRE_ABI_DIRENT_H

#include <stdint.h>

#define DT_UNKNOWN 0
#define DT_FIFO 1
#define DT_CHR 2
#define DT_DIR 4
#define DT_BLK 6
#define DT_REG 8
#define DT_LNK 10
#define DT_SOCK 12

/* getdents64; the name follows, NUL-terminated, the record padded to 8 bytes. */
struct linux_dirent64 {
    uint64_t d_ino;
    int64_t d_off;
    uint16_t d_reclen;
    uint8_t d_type;
    char d_name[];
};

/* getdents; the type is the record's last byte. */
struct linux_dirent {
    uint64_t d_ino;
    uint64_t d_off;
    uint16_t d_reclen;
    char d_name[];
};

#endif
