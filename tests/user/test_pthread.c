/* SPDX-License-Identifier: MIT */
/*
 * How threads tell each other, as musl does it; the tests are in pthread_sync.h.
 */
#include "pthread_sync.h"
