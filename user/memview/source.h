/* SPDX-License-Identifier: MIT */
/*
 * Where a stream comes from: a recording, standard input, or the kernel that this runs on.
 */
#ifndef USER_MEMVIEW_SOURCE_H
#define USER_MEMVIEW_SOURCE_H

#include "user/memview/stream.h"

#define TRACE_PATH "/proc/trace"
#define SNAPSHOT_PATH "/proc/trace_snapshot"

struct source {
    int fd;
    const char *name;
    bool live;  /* it is written while it is read: not a recording */
    bool ended; /* all of it was read */
    struct stream stream;
};

/* Opens a path; "-" is standard input. 0 or -errno. */
int source_open(struct source *source, const char *path, bool live);
void source_close(struct source *source);

/* Back to the beginning. False: it cannot go back. */
bool source_rewind(struct source *source);

/* A live stream anew, so that it begins with a snapshot. 0 or -errno. */
int source_renew(struct source *source);

/* Reads what there is, some hundred KiB at most; waits for a first byte only if nothing can be had
 * without waiting and the descriptor is one that waits. 0, or -errno. */
int source_read(struct source *source);

/* Whether more should be read before what was read is used up. */
bool source_has_room(const struct source *source);

/* Writes a mark into the kernel's trace. */
void trace_mark(const char *text);

#endif
