/* SPDX-License-Identifier: MIT */
/* Bytes to records; see stream.h. */
#include "user/memview/stream.h"

#include "user/memview/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC_BYTES 8
#define PREFIX_BYTES (MAGIC_BYTES + 4) /* magic and length of the header */
#define HEADER_BYTES_MAX (1 << 20)
#define SCHEMA_VERSION 1

size_t stream_waiting(const struct stream *stream) {
    return stream->end - stream->start;
}

static int room_make(struct stream *stream, size_t count) {
    size_t waiting = stream_waiting(stream), room = stream->room ? stream->room : 1 << 16;
    unsigned char *bytes;

    if (stream->start > 0)
        memmove(stream->bytes, stream->bytes + stream->start, waiting);
    stream->start = 0;
    stream->end = waiting;
    while (room < waiting + count)
        room *= 2;
    if (room == stream->room)
        return 0;
    bytes = realloc(stream->bytes, room);
    if (!bytes)
        return -ENOMEM;
    stream->bytes = bytes;
    stream->room = room;
    return 0;
}

int stream_feed(struct stream *stream, const void *bytes, size_t count) {
    if (count == 0)
        return 0;
    if (stream->room - stream->end < count && room_make(stream, count) < 0)
        return -ENOMEM;
    memcpy(stream->bytes + stream->end, bytes, count);
    stream->end += count;
    return 0;
}

static void consume(struct stream *stream, size_t count) {
    stream->start += count;
    stream->offset += count;
}

static int broken(struct stream *stream, const char *why) {
    snprintf(stream->error, sizeof stream->error, "%s (byte %llu)", why,
             (unsigned long long)stream->offset);
    return -EINVAL;
}

static uint32_t u32_at(const unsigned char *bytes) {
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

/* ---- the header ---- */

static int schema_check(struct stream *stream, struct json schema) {
    char format[32];
    uint64_t version;

    if (!json_string(json_member(schema, "format"), format, sizeof format) ||
        strcmp(format, "quire-trace") != 0)
        return broken(stream, "the header has no schema of a quire-trace");
    if (!json_number(json_member(schema, "version"), &version) || version != SCHEMA_VERSION)
        return broken(stream, "the schema is of another version than 1");
    return 1;
}

static int header_read(struct stream *stream, struct json header) {
    if (!json_number(json_member(header, "ticks_per_second"), &stream->ticks_per_second) ||
        stream->ticks_per_second == 0)
        return broken(stream, "the header does not say how many ticks a second has");
    if (!json_number(json_member(header, "page_bytes"), &stream->page_bytes))
        stream->page_bytes = 4096;
    if (stream->page_bytes != 4096)
        return broken(stream, "the pages are not of 4096 bytes");
    json_number(json_member(header, "memory_bytes"), &stream->memory_bytes);
    json_string(json_member(header, "kernel"), stream->kernel, sizeof stream->kernel);
    json_string(json_member(header, "command"), stream->command, sizeof stream->command);
    return schema_check(stream, json_member(header, "schema"));
}

static int magic_check(struct stream *stream, size_t waiting) {
    const unsigned char *bytes = stream->bytes + stream->start;
    size_t known = waiting < MAGIC_BYTES ? waiting : MAGIC_BYTES;

    if (known >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b)
        return broken(stream, "this is compressed: `gzip -dc FILE | memview -`");
    if (known >= 4 && u32_at(bytes) == 0xfd2fb528)
        return broken(stream, "this is compressed: `zstd -dc FILE | memview -`");
    if (memcmp(bytes, STREAM_MAGIC, known) != 0)
        return broken(stream, "this is not a trace of Quire: it does not begin with QTRACE1");
    return waiting >= PREFIX_BYTES;
}

/* 1: the header is there and good. */
static int header_take(struct stream *stream) {
    size_t waiting = stream_waiting(stream);
    int status = waiting > 0 ? magic_check(stream, waiting) : 0;
    const char *text;
    uint32_t length;

    if (status <= 0)
        return status;
    length = u32_at(stream->bytes + stream->start + MAGIC_BYTES);
    if (length > HEADER_BYTES_MAX)
        return broken(stream, "the header is longer than a header is");
    if (waiting - PREFIX_BYTES < length)
        return 0;
    text = (const char *)stream->bytes + stream->start + PREFIX_BYTES;
    status = header_read(stream, (struct json){text, text + length});
    if (status < 0)
        return status;
    consume(stream, PREFIX_BYTES + length);
    stream->open = true;
    return 1;
}

/* ---- records ---- */

static void record_read(struct record *record, const unsigned char *bytes, size_t length) {
    record->event = (uint16_t)(bytes[0] | bytes[1] << 8);
    record->cpu = bytes[3];
    record->tid = u32_at(bytes + 4);
    record->time = u32_at(bytes + 8) | (uint64_t)u32_at(bytes + 12) << 32;
    record->bytes = bytes;
    record->length = length;
}

int stream_next(struct stream *stream, struct record *record) {
    const unsigned char *bytes;
    size_t length;
    int status;

    if (stream->error[0])
        return -EINVAL;
    status = stream->open ? 1 : header_take(stream);
    if (status <= 0 || stream_waiting(stream) < RECORD_HEADER_BYTES)
        return status < 0 ? status : 0;
    bytes = stream->bytes + stream->start;
    length = 8 * (size_t)bytes[2];
    if (length < RECORD_HEADER_BYTES)
        return broken(stream, "a record is shorter than its header");
    if (stream_waiting(stream) < length)
        return 0;
    record_read(record, bytes, length);
    return 1;
}

void stream_take(struct stream *stream, const struct record *record) {
    consume(stream, record->length);
}

const char *stream_cut(struct stream *stream) {
    size_t waiting = stream_waiting(stream);

    if (stream->open && waiting == 0)
        return NULL;
    if (stream->open)
        snprintf(stream->error, sizeof stream->error,
                 "cut in the middle of a record: the last %zu bytes are left out", waiting);
    else if (waiting == 0)
        snprintf(stream->error, sizeof stream->error, "this is empty");
    else
        snprintf(stream->error, sizeof stream->error, "cut in the middle of its header");
    return stream->error;
}

void stream_clear(struct stream *stream) {
    free(stream->bytes);
    *stream = (struct stream){0};
}
