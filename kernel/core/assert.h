/* SPDX-License-Identifier: MIT */
/*
 * Assertions. ASSERT is always checked: for invariants whose breaking would spread damage.
 * DEBUG_ASSERT is checked in debug builds only: for what costs too much on a hot path; in other
 * builds its condition is compiled but never evaluated. A failed one is a panic.
 */
#ifndef CORE_ASSERT_H
#define CORE_ASSERT_H

#ifndef QUIRE_DEBUG
#define QUIRE_DEBUG 0
#endif

_Noreturn void assert_fail(const char *condition, const char *file, int line);

#define ASSERT(c) ((c) ? (void)0 : assert_fail(#c, __FILE__, __LINE__))

#if QUIRE_DEBUG
#define DEBUG_ASSERT(c) ASSERT(c)
#else
#define DEBUG_ASSERT(c) ((void)sizeof(!(c)))
#endif

#define STATIC_ASSERT(c) _Static_assert(c, #c)

#endif
