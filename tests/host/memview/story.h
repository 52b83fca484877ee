/* SPDX-License-Identifier: MIT */
/*
 * Streams for the tests of memview, written record by record, and the viewer over them.
 */
#ifndef TESTS_HOST_MEMVIEW_STORY_H
#define TESTS_HOST_MEMVIEW_STORY_H

#include "trace/records.h"
#include "user/memview/app.h"

#include <stddef.h>
#include <stdint.h>

#define STORY_TICKS 1000 /* a second */

struct story {
    unsigned char bytes[1 << 18];
    size_t length;
    uint64_t time;
};

/* Magic and header. */
void story_begin(struct story *story);

/* What fills the rest of a record. */
struct story_tail {
    const void *bytes;
    size_t count;
};

/* One record; its header is filled in here. `bytes` is the size of the structure up to the tail. */
void story_add(struct story *story, unsigned event, void *record, size_t bytes);
void story_add_tail(struct story *story, unsigned event, void *record, size_t bytes,
                    struct story_tail tail);

/* TELL(story, MAP, map, .root = 1, .start = ...) */
#define TELL(story, id, name, ...)                                                                 \
    do {                                                                                           \
        struct trace_record_##name record_ = {.header = {0}, ##__VA_ARGS__};                       \
        story_add(story, TRACE_EVENT_##id, &record_, sizeof record_);                              \
    } while (0)

#define TELL_TEXT(story, id, name, last, text, ...)                                                \
    do {                                                                                           \
        struct trace_record_##name record_ = {.header = {0}, ##__VA_ARGS__};                       \
        story_add_tail(story, TRACE_EVENT_##id, &record_,                                          \
                       offsetof(struct trace_record_##name, last),                                 \
                       (struct story_tail){text, sizeof text});                                    \
    } while (0)

/* A machine of 64 frames (more may be told) in which two processes, 1 and 2, share what 1 wrote:
 * tables at 16 (root) to 19 for 1, 20 (root) for 2, which shares 17 to 19; three written pages at
 * 32 to 34, of which 2 has copied the last, to 35; a file's page at 40 that both map; the zero page
 * at 41. */
void story_two_processes(struct story *story, uint64_t frames);

/* The viewer, with all that was told. Returns what app_advance() did at the end. */
int story_play(const struct story *story, struct app *app);
void app_end(struct app *app);

#endif
