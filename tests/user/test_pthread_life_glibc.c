/* SPDX-License-Identifier: MIT */
/*
 * How threads of glibc live; built by the host's own compiler (tests/user/rules.mk).
 */
#include "pthread_life.h"
