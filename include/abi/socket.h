/* SPDX-License-Identifier: MIT */
/* Sockets: socket(2). Compared with the host by tests/host/abi_vfs_libc.c. */
#ifndef QUIRE_ABI_SOCKET_H
#define QUIRE_ABI_SOCKET_H

#define AF_UNIX 1
#define AF_INET 2
#define AF_MAX 46

#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_PACKET 10
#define SOCK_TYPE_MASK 0xf
#define SOCK_CLOEXEC 02000000
#define SOCK_NONBLOCK 00004000

#endif
