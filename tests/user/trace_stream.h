/* SPDX-License-Identifier: MIT */
/*
 * Reading /proc/trace in a test: a stream, record by record. Including it needs check.h before.
 */
#ifndef TESTS_USER_TRACE_STREAM_H
#define TESTS_USER_TRACE_STREAM_H

#include "trace/records.h"

#define STREAM_HEADER_MAX (64 * 1024)

struct stream {
    int fd;
    char *header; /* JSON */
    union {
        uint64_t words[256];
        struct trace_header header;
    } record;
    uint64_t records;
    uint64_t time; /* of the last record */
};

/* Reads so many bytes; false: the stream ends before the first. */
static inline bool stream_bytes(struct stream *s, void *to, size_t size) {
    size_t done = 0;

    while (done < size) {
        ssize_t got = read(s->fd, (char *)to + done, size - done);

        CHECK(got >= 0);
        if (got == 0) {
            CHECK_EQ(done, 0);
            return false;
        }
        done += (size_t)got;
    }
    return true;
}

/* Opens a file of a stream and reads its header. */
static inline void stream_open(struct stream *s, const char *path, int flags) {
    char magic[8];
    uint32_t size;

    *s = (struct stream){.fd = open(path, flags)};
    CHECK(s->fd >= 0);
    CHECK(stream_bytes(s, magic, sizeof magic));
    CHECK(memcmp(magic, TRACE_MAGIC, sizeof magic) == 0);
    CHECK(stream_bytes(s, &size, sizeof size));
    CHECK(size < STREAM_HEADER_MAX && (size + 12) % 8 == 0);
    s->header = calloc(1, size + 1);
    CHECK(s->header);
    CHECK(stream_bytes(s, s->header, size));
}

static inline void stream_close(struct stream *s) {
    free(s->header);
    close(s->fd);
}

/* The next record, whose event and time are looked at. False: the stream ends. */
static inline bool stream_next(struct stream *s) {
    struct trace_header *header = &s->record.header;

    if (!stream_bytes(s, header, sizeof *header))
        return false;
    CHECK(trace_event_name(header->event) != NULL);
    CHECK(header->words >= sizeof *header / 8);
    CHECK(header->time > s->time);
    CHECK(header->words * 8u == sizeof *header ||
          stream_bytes(s, header + 1, header->words * 8 - sizeof *header));
    s->time = header->time;
    s->records++;
    return true;
}

/* Goes on to the next record of an event. */
static inline const void *stream_find(struct stream *s, enum trace_event event) {
    do
        CHECK(stream_next(s));
    while (s->record.header.event != event);
    return &s->record;
}

static inline void trace_mark(const char *text) {
    int fd = open("/proc/trace", O_WRONLY);

    CHECK(fd >= 0);
    CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

/* Goes on to a mark. */
static inline void stream_find_mark(struct stream *s, const char *text) {
    const struct trace_record_mark *mark;

    do
        mark = stream_find(s, TRACE_EVENT_MARK);
    while (strcmp(mark->text, text) != 0);
}

/* The next record of this thread, but for marks and switches; false: a mark with this text. */
static inline bool stream_next_of(struct stream *s, uint32_t tid, const char *end) {
    for (;;) {
        const struct trace_record_mark *mark = (const void *)&s->record;

        CHECK(stream_next(s));
        if (mark->header.event == TRACE_EVENT_MARK && strcmp(mark->text, end) == 0)
            return false;
        if (mark->header.tid == tid && mark->header.event != TRACE_EVENT_SWITCH)
            return true;
    }
}

#endif
