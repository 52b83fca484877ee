/* SPDX-License-Identifier: MIT */
/*
 * Linux poll, ppoll, select and pselect6 (x86-64): event bits, `struct pollfd`, and the set of
 * descriptors of select (an array of 64-bit words, descriptor n is bit n % 64 of word n / 64).
 */
#ifndef ABI_POLL_H
#define ABI_POLL_H

#include <stdint.h>

#define POLLIN 0x0001
#define POLLPRI 0x0002
#define POLLOUT 0x0004
#define POLLERR 0x0008
#define POLLHUP 0x0010
#define POLLNVAL 0x0020
#define POLLRDNORM 0x0040
#define POLLRDBAND 0x0080
#define POLLWRNORM 0x0100
#define POLLWRBAND 0x0200
#define POLLMSG 0x0400
#define POLLRDHUP 0x2000

struct linux_pollfd {
    int32_t fd;
    int16_t events;
    int16_t revents;
};

/* What pselect6's sixth argument points to. */
struct linux_sigset_argument {
    uint64_t set;
    uint64_t size;
};

#endif
