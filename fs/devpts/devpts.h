/* SPDX-License-Identifier: MIT */
/*
 * devpts: /dev/pts, a directory with a node for each pseudo-terminal that is open, and ptmx.
 */
#ifndef DEVPTS_DEVPTS_H
#define DEVPTS_DEVPTS_H

/* Makes the type known. Once, at start. */
void devpts_init(void);

#endif
