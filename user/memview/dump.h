/* SPDX-License-Identifier: MIT */
/*
 * The whole state as text, sorted, one thing a line: for comparing it with what others rebuilt.
 *
 *     frames FIRST COUNT USE            pages that follow each other and are used alike
 *     process PID PARENT ROOT NAME      thread TID PID      space ROOT
 *     area ROOT START END PROT MAX FLAGS OBJECT SHADOW OFFSET
 *     object ID KIND BYTES NAME         shadow ID           page OWNER INDEX PFN
 *     table PFN LEVEL                   entry PFN SLOT VALUE (without the bits A and D)
 *
 * Numbers are hexadecimal, but those of processes, threads and levels.
 */
#ifndef USER_MEMVIEW_DUMP_H
#define USER_MEMVIEW_DUMP_H

#include "user/memview/model.h"

#include <stdio.h>

/* 0, or -ENOMEM. */
int model_dump(const struct model *model, FILE *to);

#endif
