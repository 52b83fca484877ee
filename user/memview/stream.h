/* SPDX-License-Identifier: MIT */
/*
 * A stream of the trace (docs/trace.md) as bytes come in, and the records in it.
 *
 * Bytes are given with stream_feed() as they arrive, records are taken with stream_next() as long
 * as there is a whole one. Whatever the bytes are, nothing outside of them is read.
 */
#ifndef USER_MEMVIEW_STREAM_H
#define USER_MEMVIEW_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREAM_MAGIC "QTRACE1\n"
#define RECORD_HEADER_BYTES 16
#define RECORD_BYTES_MAX (255 * 8)

/* One record; its bytes, the header among them, are good until more is fed. */
struct record {
    uint16_t event;
    uint8_t cpu;
    uint32_t tid;
    uint64_t time; /* ticks */
    const unsigned char *bytes;
    size_t length; /* a multiple of 8 */
};

struct stream {
    unsigned char *bytes; /* what came in and is not used up: [start, end) */
    size_t start, end, room;
    uint64_t offset; /* of bytes[start] in the whole stream */
    bool open;       /* the header was read */
    uint64_t ticks_per_second, page_bytes, memory_bytes;
    char kernel[64], command[128];
    char error[128]; /* why it is not a stream, once stream_next() was negative */
};

/* Takes `count` bytes. 0, or -ENOMEM. */
int stream_feed(struct stream *stream, const void *bytes, size_t count);

/* The next record: 1, 0 if it is not there as a whole, -EINVAL if this is not a stream that can be
 * read (`error` says why). It stays the next one until stream_take(). */
int stream_next(struct stream *stream, struct record *record);
void stream_take(struct stream *stream, const struct record *record);

/* After the last byte: a word about a record, or a header, that is not whole; else NULL. */
const char *stream_cut(struct stream *stream);

/* Bytes that wait to become records. */
size_t stream_waiting(const struct stream *stream);

/* Back to before the first byte. */
void stream_clear(struct stream *stream);

#endif
