/* SPDX-License-Identifier: MIT */
/*
 * memview: streams, whole and broken, to the state and to pictures of it.
 */
#include "memview/story.h"
#include "support/check.h"
#include "support/random.h"
#include "user/memview/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct story story;
static struct app app;

/* ---- streams ---- */

static void begin_two(void) {
    story_begin(&story);
    story_two_processes(&story, 64);
}

/* What is wrong with these bytes, or NULL. */
static const char *error_of(const void *bytes, size_t length) {
    static struct stream stream;
    struct record record;
    int status;

    stream_clear(&stream);
    CHECK_EQ(stream_feed(&stream, bytes, length), 0);
    while ((status = stream_next(&stream, &record)) == 1)
        stream_take(&stream, &record);
    return status < 0 ? stream.error : stream_cut(&stream);
}

static void check_error(const void *bytes, size_t length, const char *expected) {
    const char *error = error_of(bytes, length);

    if (!expected ? error != NULL : !error || !strstr(error, expected))
        FAIL("the error is \"%s\", not \"%s\"", error ? error : "none",
             expected ? expected : "none");
}

static void test_stream_errors(void) {
    unsigned char bytes[64] = STREAM_MAGIC;
    char huge[] = STREAM_MAGIC "\xff\xff\xff\xff";

    begin_two();
    check_error(story.bytes, story.length, NULL);
    check_error("", 0, "empty");
    check_error("Q", 1, "cut in the middle of its header");
    check_error("hello", 5, "not a trace of Quire");
    check_error("QTRACE2\n    ", 12, "not a trace of Quire");
    check_error("\x1f\x8b", 2, "gzip");
    check_error("\x28\xb5\x2f\xfd", 4, "zstd");
    check_error(huge, 12, "longer than a header is");
    check_error(story.bytes, 40, "cut in the middle of its header");
    check_error(story.bytes, story.length - 1, "the last");
    memcpy(bytes + 8, "\x02\0\0\0{}", 6);
    check_error(bytes, 14, "ticks");
}

static void test_stream_headers(void) {
    static const char *const headers[][2] = {
        {"{\"ticks_per_second\": 0}", "ticks"},
        {"{\"ticks_per_second\": -5}", "ticks"},
        {"{\"ticks_per_second\": 99999999999999999999999}", "ticks"},
        {"{\"ticks_per_second\": 5, \"page_bytes\": 8192}", "pages"},
        {"{\"ticks_per_second\": 5}", "schema"},
        {"{\"ticks_per_second\": 5, \"schema\": {\"format\": \"other\"}}", "schema"},
        {"{\"ticks_per_second\": 5, \"schema\": {\"format\": \"quire-trace\", \"version\": 2}}",
         "version"},
        {"{\"a\": {\"ticks_per_second\": 5}, \"b", "ticks"},
        {"[[[[[[[[[[[[", "ticks"},
        {"{\"ticks_per_second\"", "ticks"},
        {"{\"x\": \"\\", "ticks"},
    };

    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        uint32_t length = (uint32_t)strlen(headers[i][0]);
        char *bytes = malloc(12 + length); /* not a byte more: the sanitizer is watching */
        memcpy(bytes, STREAM_MAGIC, 8);
        memcpy(bytes + 8, &length, 4);
        memcpy(bytes + 12, headers[i][0], length);
        test_context("header %s", headers[i][0]);
        check_error(bytes, 12 + length, headers[i][1]);
        free(bytes);
    }
}

static void test_stream_byte_by_byte(void) {
    struct stream whole = {0}, slow = {0};
    struct record one, other;
    size_t fed = 0, count = 0;

    begin_two();
    CHECK_EQ(stream_feed(&whole, story.bytes, story.length), 0);
    while (stream_next(&whole, &one) == 1) {
        while (stream_next(&slow, &other) == 0)
            CHECK_EQ(stream_feed(&slow, story.bytes + fed++, 1), 0);
        CHECK_EQ(one.event, other.event);
        CHECK_EQ(one.time, other.time);
        CHECK_EQ(one.length, other.length);
        CHECK(memcmp(one.bytes, other.bytes, one.length) == 0);
        stream_take(&whole, &one);
        stream_take(&slow, &other);
        count++;
    }
    CHECK_EQ(fed, story.length);
    CHECK_EQ(count, story.time);
    CHECK(strcmp(whole.command, "a \"story\"") == 0);
    stream_clear(&whole);
    stream_clear(&slow);
}

/* ---- records that cannot be ---- */

static void check_refused(const char *why) {
    CHECK_EQ(story_play(&story, &app), -EINVAL);
    if (!strstr(app.error, why))
        FAIL("\"%s\" does not say \"%s\"", app.error, why);
    app_end(&app);
}

static void test_records_refused(void) {
    begin_two();
    TELL(&story, ENTRY, entry, .pfn = 19, .slot = 512);
    check_refused("entry");
    begin_two();
    TELL(&story, ENTRIES_CLEAR, entries_clear, .pfn = 19, .slot = 511, .count = 2);
    check_refused("entries_clear");
    begin_two();
    TELL(&story, ENTRIES_AND, entries_and, .pfn = 19, .slot = 1, .count = 0xffffffff);
    check_refused("entries_and");
    begin_two();
    TELL(&story, TABLE_MAKE, table_make, .pfn = 50, .level = 5);
    check_refused("table_make");
    begin_two();
    TELL(&story, FRAME_ALLOC, frame_alloc, .pfn = 50, .order = 64);
    check_refused("frame_alloc");
    begin_two();
    TELL(&story, FRAME_USE, frame_use, .pfn = 50, .count = 1, .use = 77);
    check_refused("frame_use");
    begin_two();
    TELL(&story, MAP, map, .root = 16, .start = 8192, .end = 4096);
    check_refused("map");
    begin_two();
    TELL(&story, SNAPSHOT_BEGIN, snapshot_begin, .frames = 1ull << 60);
    check_refused("out of bounds");
    begin_two();
    story_add(&story, TRACE_EVENT_MAP, &(struct trace_record_unmap){.root = 16},
              sizeof(struct trace_record_unmap));
    check_refused("a record map that cannot be one");
}

static void test_records_contradict(void) {
    begin_two();
    CHECK_EQ(story_play(&story, &app), 0);
    CHECK_EQ(app.model.contradictions, 0);
    app_end(&app);
    TELL(&story, FRAME_FREE, frame_free, .pfn = 50);
    TELL(&story, FRAME_ALLOC, frame_alloc, .pfn = 32, .use = TRACE_FRAME_USE_ANON);
    TELL(&story, FRAME_USE, frame_use, .pfn = 64, .count = 1);
    TELL(&story, ENTRY, entry, .pfn = 50, .slot = 0, .value = 1);
    TELL(&story, UNMAP, unmap, .root = 50, .start = 0, .end = 4096);
    TELL(&story, PAGE, page, .owner = 7, .index = 0, .pfn = 32);
    TELL(&story, REAPED, reaped, .pid = 99);
    CHECK_EQ(story_play(&story, &app), 0);
    CHECK_EQ(app.model.contradictions, 7);
    CHECK(strcmp(app.model.contradiction, "frame 32 is freed twice") == 0);
    app_end(&app);
}

static void test_later_events_pass(void) {
    struct trace_record_unmap unknown = {.root = 1};

    begin_two();
    story_add(&story, 127, &unknown, sizeof unknown);
    story_add(&story, 60000, &unknown, sizeof unknown);
    CHECK_EQ(story_play(&story, &app), 0);
    CHECK_EQ(app.model.contradictions, 0);
    app_end(&app);
}

/* ---- pictures ---- */

static void check_picture(const char *expected) {
    struct text text = {0};

    CHECK_EQ(app_picture(&app, &text), 0);
    if (strncmp(text.bytes, expected, strlen(expected)) != 0) {
        fprintf(stderr, "%s", text.bytes);
        FAIL("the picture is not the expected one");
    }
    text_free(&text);
}

static void test_picture(void) {
    begin_two();
    CHECK_EQ(story_play(&story, &app), 0);
    check_picture("memview: 256K of memory, 2 processors, 2 spaces, at 0.045000 s\n"
                  "\n"
                  "R reserved 4  K kernel 6  B slab 2  C kernel stack 2  T page table 2\n"
                  "H shared page table 3  1 one's own 1  S shared 3  G file, in several spaces 1\n"
                  "Z zero page 1  . free 39\n"
                  "\n"
                  "00000000000 RRRRKKKKKKBBCC..THHHT...........SSS2....GZ......................\n"
                  "            1 cell: 1 page\n"
                  "\n"
                  "1 parent 1: 3 areas, own 0, shared 3, file 1, zero 1, tables 1+3 shared\n"
                  "  000000000000 rw-p   32K heap       SSS.Z...\n"
                  "  000000008000 ---p    8K no rights  ##\n"
                  "  00000000a000 r-xp    4K program    G\n"
                  "2 child 2: 3 areas, own 0, shared 3, file 1, zero 1, tables 1+3 shared\n"
                  "  000000000000 rw-p   32K heap       SSS.Z...\n"
                  "  000000008000 ---p    8K no rights  ##\n"
                  "  00000000a000 r-xp    4K program    G\n"
                  "\n"
                  "frames by use     frames   bytes\n"
                  "free                  39    156K  ####################\n");
    app_end(&app);
}

/* The child un-shares the tables on the way to its copy: its own letters, and W is gone where a
 * fork takes it. */
static void test_picture_unshared(void) {
    begin_two();
    TELL(&story, FRAME_ALLOC, frame_alloc, .pfn = 21, .order = 1, .use = TRACE_FRAME_USE_TABLE);
    TELL(&story, FRAME_ALLOC, frame_alloc, .pfn = 23, .use = TRACE_FRAME_USE_TABLE);
    TELL(&story, TABLE_COPY, table_copy, .root = 20, .from = 17, .to = 21, .level = 3);
    TELL(&story, TABLE_COPY, table_copy, .root = 20, .from = 18, .to = 22, .level = 2);
    TELL(&story, TABLE_COPY, table_copy, .root = 20, .from = 19, .to = 23, .level = 1);
    TELL(&story, ENTRY, entry, .pfn = 20, .slot = 0, .value = 21 << 12 | 7);
    TELL(&story, ENTRY, entry, .pfn = 21, .slot = 0, .value = 22 << 12 | 7);
    TELL(&story, ENTRY, entry, .pfn = 22, .slot = 0, .value = 23 << 12 | 7);
    TELL(&story, ENTRY, entry, .pfn = 23, .slot = 2, .value = 35 << 12 | 7);
    CHECK_EQ(story_play(&story, &app), 0);
    check_picture("memview: 256K of memory, 2 processors, 2 spaces, at 0.054000 s\n"
                  "\n"
                  "R reserved 4  K kernel 6  B slab 2  C kernel stack 2  T page table 8\n"
                  "1 one's own 2  S shared 2  G file, in several spaces 1  Z zero page 1\n"
                  ". free 36\n"
                  "\n"
                  "00000000000 RRRRKKKKKKBBCC..TTTTTTTT........SS12....GZ......................\n"
                  "            1 cell: 1 page\n"
                  "\n"
                  "1 parent 1: 3 areas, own 1, shared 2, file 1, zero 1, tables 4+0 shared\n"
                  "  000000000000 rw-p   32K heap       SS1.Z...\n");
    CHECK(!(table_get(&app.model.tables, 21)->entries[0] & 0) &&
          table_get(&app.model.tables, 19)->entries[0] == (32 << 12 | 5));
    app_end(&app);
}

static uint64_t entry_of(uint64_t table, int slot) {
    return table_get(&app.model.tables, table)->entries[slot];
}

/* A fork takes W, in a table that it leaves or copies, but from a page that is shared for good (bit
 * 9 of the last level); above, the bit says nothing. */
static void test_shared_pages_stay_writable(void) {
    begin_two();
    TELL(&story, ENTRY, entry, .pfn = 18, .slot = 1, .value = 43 << 12 | 0x207);
    TELL(&story, ENTRY, entry, .pfn = 19, .slot = 5, .value = 42 << 12 | 0x207);
    TELL(&story, ENTRY, entry, .pfn = 19, .slot = 6, .value = 43 << 12 | 7);
    TELL(&story, TABLE_COPY, table_copy, .root = 20, .from = 18, .to = 22, .level = 2);
    TELL(&story, TABLE_COPY, table_copy, .root = 20, .from = 19, .to = 23, .level = 1);
    TELL(&story, TABLE_UNWRITABLE, table_unwritable, .pfn = 18);
    TELL(&story, TABLE_UNWRITABLE, table_unwritable, .pfn = 19);
    CHECK_EQ(story_play(&story, &app), 0);
    for (uint64_t copy = 0; copy <= 4; copy += 4) {
        CHECK_EQ(entry_of(18 + copy, 1), 43 << 12 | 0x205);
        CHECK_EQ(entry_of(19 + copy, 5), 42 << 12 | 0x207);
        CHECK_EQ(entry_of(19 + copy, 6), 43 << 12 | 5);
    }
    app_end(&app);
}

/* ---- processes ---- */

static const struct process *process_of(uint32_t pid) {
    return map_get(&app.model.processes, pid);
}

/* Init is a process before it is a program; one that was said to have ended, and does what only the
 * living do, has not. */
static void test_process_lives(void) {
    story_begin(&story);
    TELL(&story, SNAPSHOT_BEGIN, snapshot_begin, .frames = 64, .processors = 1);
    TELL_TEXT(&story, PROCESS, process, name, "", .pid = 1);
    TELL_TEXT(&story, PROCESS, process, name, "other", .pid = 2);
    TELL(&story, EXIT, exit, .pid = 2, .status = 9);
    TELL(&story, SNAPSHOT_END, snapshot_end, .records = 3);
    CHECK_EQ(story_play(&story, &app), 0);
    CHECK(process_of(1) && !process_of(1)->ended);
    CHECK(process_of(2)->ended && process_of(2)->status == 9);
    app_end(&app);
    for (uint32_t pid = 1; pid <= 2; pid++)
        TELL_TEXT(&story, EXEC, exec, name, "/bin/new", .pid = pid, .root = 16 + pid);
    CHECK_EQ(story_play(&story, &app), 0);
    for (uint32_t pid = 1; pid <= 2; pid++) {
        CHECK(!process_of(pid)->ended && process_of(pid)->root == 16 + pid);
        CHECK(strcmp(process_of(pid)->name, "new") == 0);
    }
    CHECK_EQ(app.model.contradictions, 0);
    app_end(&app);
}

static void test_errors_are_drawn(void) {
    begin_two();
    TELL(&story, FRAME_FREE, frame_free, .pfn = 33); /* still mapped */
    TELL(&story, FRAME_ALLOC, frame_alloc, .pfn = 50, .use = TRACE_FRAME_USE_ANON); /* nobody's */
    CHECK_EQ(story_play(&story, &app), 0);
    CHECK_EQ(app_look(&app), 0);
    CHECK_EQ(app.census.classes[CLASS_FREED], 1);
    CHECK_EQ(app.census.classes[CLASS_LEAKED], 0); /* not yet: it may be on its way */
    app_end(&app);
    for (int i = 0; i < FRAME_LEAK_LOOKS; i++) {
        CHECK_EQ(story_play(&story, &app), 0);
        CHECK_EQ(app_look(&app), 0);
        CHECK_EQ(app.census.classes[CLASS_LEAKED], 0);
        app_end(&app);
        story.time += 2 * STORY_TICKS;
        TELL(&story, SWITCH, switch);
    }
    CHECK_EQ(story_play(&story, &app), 0);
    CHECK_EQ(app_look(&app), 0);
    CHECK_EQ(app.census.classes[CLASS_FREED], 1);
    CHECK_EQ(app.census.classes[CLASS_LEAKED], 1);
    CHECK_EQ(frame_letter(&app.census, frame_at(&app.model.frames, 33)), 'X');
    CHECK_EQ(frame_letter(&app.census, frame_at(&app.model.frames, 50)), 'L');
    app.view.zoom = 2; /* one of four is an error */
    canvas_make(&app.canvas, 4, 80);
    physical_draw(&app.view, (struct rectangle){0, 0, 4, 80});
    CHECK_EQ(app.canvas.cells[12 + 33 / 4].glyph, '!');
    CHECK_EQ(app.canvas.cells[12 + 50 / 4].glyph, '!');
    CHECK_EQ(app.canvas.cells[12 + 44 / 4].glyph, GLYPH_DOT);
    app_end(&app);
}

/* 4 GiB and more, with the hole below 4 GiB: whole in a few rows, the hole not among them. */
static void test_large_machine(void) {
    const uint32_t gib = 1 << 18;
    uint64_t zoom, rows;

    story_begin(&story);
    TELL(&story, SNAPSHOT_BEGIN, snapshot_begin, .frames = 5 * gib, .processors = 1);
    TELL(&story, FRAME_USE, frame_use, .pfn = 3 * gib, .count = gib, .use = TRACE_FRAME_USE_HOLE);
    TELL(&story, FRAME_USE, frame_use, .pfn = gib, .count = 10, .use = TRACE_FRAME_USE_KERNEL);
    TELL(&story, SNAPSHOT_END, snapshot_end, .records = 2);
    CHECK_EQ(story_play(&story, &app), 0);
    CHECK_EQ(app_look(&app), 0);
    CHECK_EQ(app.census.memory, 4 * gib);
    zoom = (uint64_t)physical_zoom(&app.view, 64, 16);
    rows = physical_rows(&app.view, 64, (int)zoom);
    CHECK_EQ(zoom, 10);
    CHECK_EQ(rows, 16);
    canvas_make(&app.canvas, 16, 80);
    physical_draw(&app.view, (struct rectangle){0, 0, 16, 80});
    CHECK_EQ(app.canvas.cells[80 * 12 + 2].glyph,
             '1'); /* 0x100000000: after 3 GiB comes the fifth */
    CHECK_EQ(app.canvas.cells[80 * 4 + 12].glyph, GLYPH_DOT); /* ten of 1024 are not most of them */
    app.view.cursor = gib + 1;
    app.view.cursor_on = true;
    app.view.zoom = 0;
    physical_draw(&app.view, (struct rectangle){0, 0, 16, 80});
    CHECK_EQ(app.canvas.cells[80 * 15 + 12].glyph, 'K'); /* scrolled as far as it needs to be */
    CHECK_EQ(app.canvas.cells[80 * 15 + 13].style & STYLE_REVERSE, STYLE_REVERSE);
    app_end(&app);
}

static void test_description(void) {
    char text[256];

    begin_two();
    CHECK_EQ(story_play(&story, &app), 0);
    CHECK_EQ(app_look(&app), 0);
    app.view.cursor = 33;
    physical_describe(&app.view, text, sizeof text);
    CHECK(strcmp(text, "frame 21: shared, mapped by 1 at 1000, 2 at 1000") == 0);
    app.view.cursor = 35;
    physical_describe(&app.view, text, sizeof text);
    CHECK(strcmp(text, "frame 23: process 2's own") == 0);
    app.view.cursor = 18;
    physical_describe(&app.view, text, sizeof text);
    CHECK(strcmp(text, "frame 12: shared page table of level 2") == 0);
    app.view.cursor = 1000;
    physical_describe(&app.view, text, sizeof text);
    CHECK(text[0] == '\0');
    app_end(&app);
}

/* ---- any bytes at all ---- */

/* A story with some bytes changed ends in an error or a picture, and touches nothing else. */
static void test_garbage(void) {
    struct random random = {test_seed(11)};

    for (unsigned i = 0; i < 1500 * test_scale(); i++) {
        unsigned changes = 1 + (unsigned)random_below(&random, 6);
        struct text text = {0};
        test_context("story %u", i);
        begin_two();
        while (changes-- > 0)
            story.bytes[random_below(&random, story.length)] = (unsigned char)random_next(&random);
        story.length -= random_below(&random, 64);
        story_play(&story, &app);
        if (app.model.frames.count < 1 << 16 && app_picture(&app, &text) == 0)
            CHECK(text.length > 0);
        text_free(&text);
        app_end(&app);
    }
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        {"stream_errors", test_stream_errors},
        {"stream_headers", test_stream_headers},
        {"stream_byte_by_byte", test_stream_byte_by_byte},
        {"records_refused", test_records_refused},
        {"records_contradict", test_records_contradict},
        {"later_events_pass", test_later_events_pass},
        {"picture", test_picture},
        {"picture_unshared", test_picture_unshared},
        {"shared_pages_stay_writable", test_shared_pages_stay_writable},
        {"process_lives", test_process_lives},
        {"errors_are_drawn", test_errors_are_drawn},
        {"large_machine", test_large_machine},
        {"description", test_description},
        {"garbage", test_garbage},
    };

    return test_main(argc, argv, "memview", tests, sizeof tests / sizeof tests[0]);
}
