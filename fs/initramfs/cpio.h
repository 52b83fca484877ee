/* SPDX-License-Identifier: MIT */
/*
 * Reading the cpio format "newc": a header of 110 characters, 13 hexadecimal fields of 8 in it; the
 * name with its NUL; the data; name and data each padded to 4 bytes from the archive's start. The
 * entry TRAILER!!! ends an archive. Source: cpio(5). Private to this folder.
 */
#ifndef QUIRE_FS_CPIO_H
#define QUIRE_FS_CPIO_H

#include <stddef.h>
#include <stdint.h>

struct cpio_entry {
    uint64_t ino; /* with the device: which entries are one file */
    uint64_t dev;
    uint32_t mode;
    uint32_t uid;
    uint32_t gid;
    uint32_t nlink;
    uint32_t mtime; /* seconds */
    uint64_t rdev;
    const char *name; /* NUL-terminated, in the archive */
    const char *data;
    size_t size;
};

struct cpio_reader {
    const char *archive;
    size_t size;
    size_t offset; /* of the next header, or of zeroes before it */
};

/* 1 with *e; 0 at the end of the bytes; -EINVAL: malformed, offset tells where. */
int cpio_next(struct cpio_reader *r, struct cpio_entry *e);

/* Whether this is the entry that ends an archive. */
int cpio_is_trailer(const struct cpio_entry *e);

#endif
