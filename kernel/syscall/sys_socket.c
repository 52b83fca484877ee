/* SPDX-License-Identifier: MIT */
/*
 * Sockets: there is no address family yet, so making one fails as socket(2) says it does then, and
 * no descriptor is ever a socket.
 */
#include "abi/socket.h"
#include "syscall/calls.h"
#include "syscall/user_path.h"
#include "vfs/fdtable.h"

static int socket_check(int family, int type) {
    int kind = type & SOCK_TYPE_MASK;

    if (type & ~(SOCK_TYPE_MASK | SOCK_CLOEXEC | SOCK_NONBLOCK))
        return -EINVAL;
    if (family < 0 || family >= AF_MAX)
        return -EAFNOSUPPORT;
    return kind <= 0 || kind > SOCK_PACKET ? -EINVAL : -EAFNOSUPPORT;
}

/* What any other call on a descriptor gets. */
static long not_a_socket(int fd) {
    struct file *f = fd_get(fd);

    if (!f)
        return -EBADF;
    file_unref(f);
    return -ENOTSOCK;
}

long sys_socket(int family, int type, int protocol) {
    (void)protocol;
    return socket_check(family, type);
}

long sys_socketpair(int family, int type, int protocol, void *fds) {
    (void)protocol, (void)fds;
    return socket_check(family, type);
}

#define NOT_A_SOCKET(name)                                                                         \
    long sys_##name(int fd) {                                                                      \
        return not_a_socket(fd);                                                                   \
    }

NOT_A_SOCKET(connect)
NOT_A_SOCKET(accept)
NOT_A_SOCKET(accept4)
NOT_A_SOCKET(sendto)
NOT_A_SOCKET(recvfrom)
NOT_A_SOCKET(sendmsg)
NOT_A_SOCKET(recvmsg)
NOT_A_SOCKET(shutdown)
NOT_A_SOCKET(bind)
NOT_A_SOCKET(listen)
NOT_A_SOCKET(getsockname)
NOT_A_SOCKET(getpeername)
NOT_A_SOCKET(setsockopt)
NOT_A_SOCKET(getsockopt)
