/* SPDX-License-Identifier: MIT */
/*
 * The initial files: cpio archives ("newc") unpacked into the root file system at boot. Several
 * archives may follow each other, zeroes between them; what a later one has replaces what an
 * earlier one made.
 */
#ifndef QUIRE_FS_INITRAMFS_H
#define QUIRE_FS_INITRAMFS_H

#include <stddef.h>

/*
 * Unpacks `size` bytes at `archive` under /. What is wrong is said in the log; a bad entry is
 * passed by, a bad header ends it. `consumed` (may be NULL) is told now and then that the archive's
 * bytes before `offset` are no longer needed. 0; -EINVAL for a malformed archive; else the last
 * entry's errno. May sleep.
 */
int initramfs_unpack(const void *archive, size_t size, void (*consumed)(size_t offset));

/*
 * Unpacks what the loader brought (core/boot.h) and gives its memory to the frame allocator, page
 * after page as it goes. Once, after vfs_init. Returns as above.
 */
int initramfs_unpack_boot(void);

#endif
