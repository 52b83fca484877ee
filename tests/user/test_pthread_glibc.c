/* SPDX-License-Identifier: MIT */
/*
 * The same as glibc does it; built by the host's own compiler (tests/user/rules.mk).
 */
#include "pthread_sync.h"
