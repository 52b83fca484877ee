/* SPDX-License-Identifier: MIT */
/* The names of the system, for uname(2), sethostname(2) and /proc. Locks: one of its own. */
#ifndef PROC_UTS_H
#define PROC_UTS_H

#include <stddef.h>

#include "abi/utsname.h"

/* A copy of all names. */
void uts_get(struct linux_utsname *names);

/* Sets host or domain name to `length` bytes (at most 64). 0 or -EINVAL. */
int uts_set_host(const char *name, size_t length);
int uts_set_domain(const char *name, size_t length);

#endif
