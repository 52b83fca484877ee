/* SPDX-License-Identifier: MIT */
/*
 * How threads of musl live; the tests are in pthread_life.h.
 */
#include "pthread_life.h"
