/* SPDX-License-Identifier: MIT */
/*
 * Ways out of the machine for the trace: what drivers/trace_port.c sends by.
 *
 * Locks: none. The trace's thread alone calls these, and may sleep in them.
 */
#ifndef DRIVERS_TRACE_LINK_H
#define DRIVERS_TRACE_LINK_H

#include <stddef.h>
#include <stdint.h>

#define TRACE_BUFFER_ORDER 3u
#define TRACE_BUFFER_BYTES (PAGE_SIZE << TRACE_BUFFER_ORDER)

/* A piece of the stream on its way. */
struct trace_buffer {
    void *data; /* TRACE_BUFFER_BYTES */
    uint32_t bytes;
    struct trace_buffer *next; /* of those that are free */
};

struct trace_link {
    const char *name;

    /* Finds the device and starts it. 0, or a negative errno; what is wrong is in the log. */
    int (*open)(void);

    /* A number for the listener that is there: another one each time that somebody comes. 0:
     * nobody. -EIO: the link is broken for ever; it has said so, and closed itself. */
    int (*listener)(void);

    /* Sends a buffer, which is the link's until `sent` gives it back. 0, or a negative errno:
     * it is the caller's again. */
    int (*send)(struct trace_buffer *buffer);

    /* A buffer that the link is through with; NULL: none yet. */
    struct trace_buffer *(*sent)(void);
};

extern const struct trace_link trace_link_virtio, trace_link_com2;

#endif
