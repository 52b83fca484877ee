/* SPDX-License-Identifier: MIT */
/* Streams for the tests of memview; see story.h. */
#include "memview/story.h"

#include "support/check.h"

#include <stdio.h>
#include <string.h>

#define PAGE 4096ull
#define ENTRY(pfn, bits) ((uint64_t)(pfn) << 12 | (bits))
#define RWU (ENTRY_PRESENT | ENTRY_WRITE | ENTRY_USER)
#define RU (ENTRY_PRESENT | ENTRY_USER)

static void bytes_add(struct story *story, const void *bytes, size_t count) {
    CHECK(story->length + count <= sizeof story->bytes);
    memcpy(story->bytes + story->length, bytes, count);
    story->length += count;
}

void story_begin(struct story *story) {
    char header[256];
    uint32_t length;

    story->length = 0;
    story->time = 0;
    snprintf(header, sizeof header,
             "{\"ticks_per_second\": %d, \"page_bytes\": 4096, \"memory_bytes\": 262144, "
             "\"command\": \"a \\\"story\\\"\", \"schema\": {\"format\": \"quire-trace\", "
             "\"events\": [{\"version\": 7}], \"version\": 1}}",
             STORY_TICKS);
    length = (uint32_t)strlen(header);
    while ((8 + 4 + length) % 8) {
        header[length++] = ' ';
        header[length] = '\0';
    }
    bytes_add(story, STREAM_MAGIC, 8);
    bytes_add(story, &length, 4);
    bytes_add(story, header, length);
}

void story_add_tail(struct story *story, unsigned event, void *record, size_t bytes,
                    struct story_tail tail) {
    size_t words = (bytes + tail.count + 7) / 8;
    struct trace_header *header = record;

    *header = (struct trace_header){
        .event = (uint16_t)event, .words = (uint8_t)words, .tid = 1, .time = ++story->time};
    bytes_add(story, record, bytes);
    if (tail.count)
        bytes_add(story, tail.bytes, tail.count);
    bytes_add(story, "\0\0\0\0\0\0\0", words * 8 - bytes - tail.count);
}

void story_add(struct story *story, unsigned event, void *record, size_t bytes) {
    story_add_tail(story, event, record, bytes, (struct story_tail){0});
}

static void entry_tell(struct story *story, uint32_t table, uint32_t slot, uint64_t value) {
    TELL(story, ENTRY, entry, .pfn = table, .slot = slot, .value = value);
}

static void table_tell(struct story *story, uint32_t pfn, uint8_t level) {
    TELL(story, FRAME_USE, frame_use, .pfn = pfn, .count = 1, .use = TRACE_FRAME_USE_TABLE);
    TELL(story, TABLE_MAKE, table_make, .pfn = pfn, .level = level);
}

static void areas_tell(struct story *story, uint32_t root, uint64_t shadow) {
    TELL(story, SPACE_MAKE, space_make, .root = root);
    TELL(story, MAP, map, .root = root, .start = 0, .end = 8 * PAGE, .prot = 3, .max_prot = 7,
         .flags = TRACE_AREA_HEAP, .shadow = shadow);
    TELL(story, MAP, map, .root = root, .start = 8 * PAGE, .end = 10 * PAGE, .max_prot = 7);
    TELL(story, MAP, map, .root = root, .start = 10 * PAGE, .end = 11 * PAGE, .prot = 5,
         .max_prot = 7, .object = 900);
}

static void frames_tell(struct story *story, uint64_t frames) {
    TELL(story, FRAME_USE, frame_use, .pfn = 0, .count = 4, .use = TRACE_FRAME_USE_RESERVED);
    TELL(story, FRAME_USE, frame_use, .pfn = 4, .count = 6, .use = TRACE_FRAME_USE_KERNEL);
    TELL(story, FRAME_USE, frame_use, .pfn = 10, .count = 2, .use = TRACE_FRAME_USE_SLAB);
    TELL(story, FRAME_USE, frame_use, .pfn = 12, .count = 2, .use = TRACE_FRAME_USE_STACK);
    TELL(story, FRAME_USE, frame_use, .pfn = 32, .count = 4, .use = TRACE_FRAME_USE_ANON);
    TELL(story, FRAME_USE, frame_use, .pfn = 40, .count = 1, .use = TRACE_FRAME_USE_FILE);
    TELL(story, FRAME_USE, frame_use, .pfn = 41, .count = 1, .use = TRACE_FRAME_USE_ZERO);
    if (frames > 64)
        TELL(story, FRAME_USE, frame_use, .pfn = 64, .count = (uint32_t)(frames - 64),
             .use = TRACE_FRAME_USE_HOLE);
}

/* The parent's tables, and the child's top one that leads to the same. */
static void tables_tell(struct story *story) {
    table_tell(story, 16, 4);
    table_tell(story, 17, 3);
    table_tell(story, 18, 2);
    table_tell(story, 19, 1);
    table_tell(story, 20, 4);
    entry_tell(story, 16, 0, ENTRY(17, RWU));
    entry_tell(story, 17, 0, ENTRY(18, RWU));
    entry_tell(story, 18, 0, ENTRY(19, RWU));
    entry_tell(story, 19, 0, ENTRY(32, RU));
    entry_tell(story, 19, 1, ENTRY(33, RU));
    entry_tell(story, 19, 2, ENTRY(34, RU));
    entry_tell(story, 19, 4, ENTRY(41, RU));
    entry_tell(story, 19, 10, ENTRY(40, RU));
    entry_tell(story, 20, 0, ENTRY(17, RU));
}

void story_two_processes(struct story *story, uint64_t frames) {
    uint32_t pages[3] = {32, 33, 34};
    uint64_t first = story->time;

    TELL(story, SNAPSHOT_BEGIN, snapshot_begin, .frames = frames, .processors = 2);
    frames_tell(story, frames);
    TELL_TEXT(story, PROCESS, process, name, "parent", .pid = 1, .root = 16);
    TELL_TEXT(story, PROCESS, process, name, "child", .pid = 2, .parent = 1, .root = 20);
    TELL(story, THREAD, thread, .tid = 1, .pid = 1);
    TELL_TEXT(story, OBJECT_MAKE, object_make, name, "/bin/program", .object = 900,
              .kind = TRACE_OBJECT_KIND_FILE, .bytes = 4096);
    TELL(story, PAGE, page, .owner = 900, .index = 0, .pfn = 40);
    TELL(story, SHADOW_MAKE, shadow_make, .shadow = 501);
    TELL(story, SHADOW_MAKE, shadow_make, .shadow = 502);
    {
        struct trace_record_pages record = {.owner = 501, .index = 0};
        story_add_tail(story, TRACE_EVENT_PAGES, &record, sizeof record,
                       (struct story_tail){pages, sizeof pages});
    }
    TELL(story, PAGES_SHARED, pages_shared, .from = 501, .to = 502);
    areas_tell(story, 16, 501);
    areas_tell(story, 20, 502);
    tables_tell(story);
    TELL(story, SNAPSHOT_END, snapshot_end, .records = story->time - first - 1);
    /* The child writes to its third page. */
    TELL(story, PAGE, page, .owner = 502, .index = 2, .pfn = 35);
}

int story_play(const struct story *story, struct app *app) {
    *app = (struct app){.program = {.terminal = -1}, .source = {.fd = -1, .name = "story"}};
    app->view = (struct view){.model = &app->model,
                              .census = &app->census,
                              .rates = &app->rates,
                              .canvas = &app->canvas,
                              .zoom = ZOOM_AUTO,
                              .space_zoom = ZOOM_AUTO};
    CHECK(stream_feed(&app->source.stream, story->bytes, story->length) == 0);
    return app_advance(app, ADVANCE_ALL, UINT64_MAX);
}

void app_end(struct app *app) {
    model_clear(&app->model);
    census_clear(&app->census);
    stream_clear(&app->source.stream);
    canvas_free(&app->canvas);
    canvas_free(&app->shown);
}
