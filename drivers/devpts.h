/* SPDX-License-Identifier: MIT */
/*
 * devpts: /dev/pts, a directory with a node for each pseudo-terminal that is open, and ptmx.
 */
#ifndef DRIVERS_DEVPTS_H
#define DRIVERS_DEVPTS_H

/* Makes the type known. Once, at start. */
void devpts_init(void);

#endif
