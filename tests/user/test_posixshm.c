/* SPDX-License-Identifier: MIT */
/*
 * POSIX shared memory as musl makes it; the tests are in posixshm.h.
 */
#include "posixshm.h"
