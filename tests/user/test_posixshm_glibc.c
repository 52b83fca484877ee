/* SPDX-License-Identifier: MIT */
/*
 * POSIX shared memory as glibc makes it; built by the host's own compiler (tests/user/rules.mk).
 */
#include "posixshm.h"
