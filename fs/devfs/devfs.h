/* SPDX-License-Identifier: MIT */
/*
 * devfs: /dev. A memory file system that starts with a node for each registered device, under the
 * type name "devtmpfs", and with what programs expect beside them: fd, stdin, stdout, stderr
 * (links into /proc/self/fd) and the directories shm and pts.
 *
 * Nodes are ordinary: they may be removed, renamed and made by mknod. Each mount has its own.
 */
#ifndef DEVFS_DEVFS_H
#define DEVFS_DEVFS_H

/* Makes the type known. Once, at start, before it is mounted and after devices are registered. */
void devfs_init(void);

#endif
