/* SPDX-License-Identifier: MIT */
/*
 * The kernel's command line: words divided by blanks, each KEY or KEY=VALUE. Fixed at boot, so
 * there are no locks.
 */
#ifndef CORE_CMDLINE_H
#define CORE_CMDLINE_H

#include <stdbool.h>
#include <stddef.h>

/* The whole line, without newline. */
const char *cmdline(void);

/*
 * Copies the value of KEY=VALUE to buf, cut to size - 1 bytes and terminated. The last one wins.
 * False, and buf untouched, when there is none. KEY alone has the value "".
 */
bool cmdline_get(const char *key, char *buf, size_t size);

/* True when KEY or KEY=VALUE is there. */
bool cmdline_has(const char *key);

#endif
