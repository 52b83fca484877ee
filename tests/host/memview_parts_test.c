/* SPDX-License-Identifier: MIT */
/*
 * The parts of memview, each against something simpler: areas against a word a page, pages of
 * owners against an array, the bytes for a terminal against a terminal.
 */
#include "support/check.h"
#include "support/random.h"
#include "trace/records.h"
#include "user/memview/canvas.h"
#include "user/memview/keys.h"
#include "user/memview/map.h"
#include "user/memview/owner.h"
#include "user/memview/rates.h"
#include "user/memview/space.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the map ---- */

static void test_map(void) {
    struct random random = {test_seed(1)};
    static uint64_t naive[512];
    struct map map = {0};
    size_t count = 0;

    for (unsigned i = 0; i < 20000 * test_scale(); i++) {
        uint64_t key = random_below(&random, 512), was = naive[key];
        if (random_one_in(&random, 2)) {
            CHECK(map_take(&map, key) == (void *)(uintptr_t)was);
            naive[key] = 0;
        } else {
            naive[key] = 1 + random_below(&random, 1000);
            CHECK_EQ(map_put(&map, key, (void *)(uintptr_t)naive[key]), 0);
        }
        count += (naive[key] != 0) - (was != 0);
        CHECK_EQ(map.count, count);
        key = random_below(&random, 512);
        CHECK(map_get(&map, key) == (void *)(uintptr_t)naive[key]);
    }
    map_clear(&map);
}

/* ---- areas ---- */

#define SPACE_PAGES 64

/* What a page of the naive space is: everything that its area says of it. */
struct page {
    bool mapped;
    uint32_t prot;
    uint64_t shadow, index;
};

static struct page pages[SPACE_PAGES];

static void check_areas(const struct space *space) {
    uint64_t before = 0;

    for (size_t i = 0; i < space->count; i++) {
        const struct area *area = &space->areas[i], *next = area + 1;
        CHECK(area->start >= before && area->start < area->end);
        before = area->end;
        if (i + 1 < space->count && area->end == next->start)
            CHECK(area->prot != next->prot || area->shadow != next->shadow ||
                  area->offset + ((area->end - area->start) >> 12) != next->offset);
    }
    for (uint64_t i = 0; i < SPACE_PAGES; i++) {
        const struct area *area = space_area(space, i << 12);
        CHECK_EQ(area != NULL, pages[i].mapped);
        if (!area)
            continue;
        CHECK_EQ(area->prot, pages[i].prot);
        CHECK_EQ(area->shadow, pages[i].shadow);
        CHECK_EQ(area->offset + i - (area->start >> 12), pages[i].index);
    }
}

static void area_operation(struct space *space, struct random *random) {
    uint64_t first = random_below(random, SPACE_PAGES);
    uint64_t end = first + 1 + random_below(random, SPACE_PAGES - first);
    uint64_t value = random_below(random, 3), what = random_below(random, 4);
    struct area area = {first << 12, end << 12, (uint32_t)value, 7, 0, 0, value, first};

    if (what == 0)
        CHECK_EQ(space_map(space, &area), 0);
    else if (what == 1)
        CHECK_EQ(space_unmap(space, first << 12, end << 12), 0);
    else if (what == 2)
        CHECK_EQ(space_protect(space, first << 12, end << 12, (uint32_t)value), 0);
    else
        CHECK_EQ(space_shadow(space, first << 12, end << 12, value), 0);
    for (uint64_t i = first; i < end; i++) {
        if (what <= 1)
            pages[i] = (struct page){what == 0, (uint32_t)value, value, i};
        else if (what == 2)
            pages[i].prot = (uint32_t)value;
        else
            pages[i].shadow = value;
    }
}

static void test_areas(void) {
    struct random random = {test_seed(2)};
    struct spaces spaces = {0};

    CHECK_EQ(space_make(&spaces, 7), 0);
    for (unsigned i = 0; i < 4000 * test_scale(); i++) {
        test_context("step %u", i);
        area_operation(space_get(&spaces, 7), &random);
        check_areas(space_get(&spaces, 7));
    }
    spaces_clear(&spaces);
}

/* ---- pages of owners ---- */

#define OWNERS 3
#define OWNER_PAGES 1600 /* some chunks */

static uint32_t naive[OWNERS][OWNER_PAGES];

static void owner_operation(struct owners *owners, struct random *random) {
    uint64_t one = random_below(random, OWNERS), other = random_below(random, OWNERS);
    uint64_t first = random_below(random, OWNER_PAGES);
    uint64_t end = first + 1 + random_below(random, OWNER_PAGES - first);
    struct owner *from = owner_get(owners, one + 1), *to = owner_get(owners, other + 1);

    switch (random_below(random, 8)) {
    case 0:
        if (random_one_in(random, 3))
            end = OWNER_PAGES;
        CHECK_EQ(owner_pages_drop(from, first, end == OWNER_PAGES ? UINT64_MAX : end), 0);
        for (uint64_t i = first; i < end; i++)
            naive[one][i] = 0;
        break;
    case 1:
        CHECK_EQ(owner_pages_share(from, to), 0);
        memmove(naive[other], naive[one], sizeof naive[0]);
        break;
    case 2:
        CHECK_EQ(owner_pages_move(from, to, first, end), 0);
        for (uint64_t i = first; i < end && one != other; i++) {
            naive[other][i] = naive[one][i] ? naive[one][i] : naive[other][i];
            naive[one][i] = 0;
        }
        break;
    default:
        naive[one][first] = (uint32_t)random_below(random, 1000);
        CHECK_EQ(owner_page_set(from, first, naive[one][first]), 0);
    }
}

static void test_owners(void) {
    struct random random = {test_seed(3)};
    struct owners owners = {0};

    for (uint64_t i = 0; i < OWNERS; i++)
        CHECK(owner_make(&owners, i + 1, true));
    for (unsigned step = 0; step < 3000 * test_scale(); step++) {
        test_context("step %u", step);
        owner_operation(&owners, &random);
        for (uint64_t i = 0; i < OWNERS; i++)
            for (uint64_t j = 0; j < OWNER_PAGES; j += 1 + step % 7)
                CHECK_EQ(owner_page(owner_get(&owners, i + 1), j), naive[i][j]);
    }
    owners_clear(&owners);
}

/* ---- a terminal ---- */

#define ROWS 8
#define COLUMNS 40

/* Takes the bytes as a terminal does that knows what memview uses, and no more. */
struct screen {
    int row, column;
    char style[32];
    char glyphs[ROWS][COLUMNS][4];
    char styles[ROWS][COLUMNS][32];
};

static const char *sequence_take(struct screen *screen, const char *at) {
    const char *last = at + 2 + strspn(at + 2, "0123456789;");

    CHECK(at[1] == '[');
    if (*last == 'H') {
        CHECK_EQ(sscanf(at + 2, "%d;%d", &screen->row, &screen->column), 2);
        screen->row--;
        screen->column--;
    } else {
        CHECK_EQ(*last, 'm');
        snprintf(screen->style, sizeof screen->style, "%.*s", (int)(last - at - 2), at + 2);
    }
    return last + 1;
}

static void screen_take(struct screen *screen, const char *at, const char *end) {
    while (at < end) {
        int length = (*at & 0xe0) == 0xc0 ? 2 : (*at & 0xf0) == 0xe0 ? 3 : 1;
        if (*at == '\033') {
            at = sequence_take(screen, at);
            continue;
        }
        CHECK(screen->row >= 0 && screen->row < ROWS && screen->column < COLUMNS);
        snprintf(screen->glyphs[screen->row][screen->column], 4, "%.*s", length, at);
        strcpy(screen->styles[screen->row][screen->column++], screen->style);
        at += length;
    }
}

/* Two cells that are alike look alike, and two that are not do not. */
static void check_screen(const struct screen *screen, const struct canvas *canvas) {
    static char looks[256][32]; /* of each style, as first seen */

    for (int i = 0; i < ROWS * COLUMNS; i++) {
        const struct cell *cell = &canvas->cells[i];
        const char *glyph = screen->glyphs[i / COLUMNS][i % COLUMNS];
        const char *style = screen->styles[i / COLUMNS][i % COLUMNS];
        CHECK(strcmp(glyph, cell->glyph == GLYPH_LINE  ? "\xe2\x94\x80"
                            : cell->glyph == GLYPH_DOT ? "\xc2\xb7"
                                                       : (char[]){(char)cell->glyph, 0}) == 0);
        if (!looks[cell->style][0])
            strcpy(looks[cell->style], style);
        CHECK(strcmp(looks[cell->style], style) == 0);
    }
    for (int i = 0; i < 256; i++)
        for (int j = 0; j < i; j++)
            CHECK(!looks[i][0] || !looks[j][0] || strcmp(looks[i], looks[j]) != 0);
}

static void scribble(struct canvas *canvas, struct random *random) {
    static const uint16_t glyphs[] = {'a', 'b', ' ', GLYPH_DOT, GLYPH_LINE};

    for (uint64_t left = random_below(random, 60); left > 0; left--)
        canvas_put(canvas, (int)random_below(random, ROWS + 2) - 1,
                   (int)random_below(random, COLUMNS + 2) - 1,
                   (struct cell){glyphs[random_below(random, 5)],
                                 (uint8_t)(random_below(random, 3) * 5 +
                                           (random_one_in(random, 4) ? STYLE_REVERSE : 0))});
}

static void test_canvas(void) {
    struct random random = {test_seed(4)};
    static struct screen screen;
    struct canvas canvas = {0}, shown = {0};

    CHECK_EQ(canvas_make(&canvas, ROWS, COLUMNS), 0);
    CHECK_EQ(canvas_make(&shown, ROWS, COLUMNS), 0);
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        strcpy(screen.glyphs[i / COLUMNS][i % COLUMNS], " ");
        strcpy(screen.styles[i / COLUMNS][i % COLUMNS], "0");
    }
    for (unsigned i = 0; i < 500 * test_scale(); i++) {
        struct text text = {0};
        test_context("step %u", i);
        scribble(&canvas, &random);
        canvas_update(&text, &shown, &canvas, (struct abilities){true, true});
        screen_take(&screen, text.bytes, text.bytes + text.length);
        check_screen(&screen, &canvas);
        text_free(&text);
    }
    canvas_free(&canvas);
    canvas_free(&shown);
}

/* One cell more costs a dozen bytes, nothing new none, and ASCII is ASCII. */
static void test_canvas_is_terse(void) {
    struct canvas canvas = {0}, shown = {0};
    struct text text = {0};

    CHECK_EQ(canvas_make(&canvas, ROWS, COLUMNS), 0);
    CHECK_EQ(canvas_make(&shown, ROWS, COLUMNS), 0);
    canvas_update(&text, &shown, &canvas, (struct abilities){true, true});
    CHECK_EQ(text.length, 0);
    canvas_put(&canvas, 3, 5, (struct cell){GLYPH_LINE, STYLE_PLAIN});
    canvas_update(&text, &shown, &canvas, (struct abilities){false, false});
    CHECK(strcmp(text.bytes, "\033[4;6H\033[0m-") == 0);
    text.length = 0;
    canvas_put(&canvas, 3, 6, (struct cell){'x', STYLE_PLAIN});
    canvas_put(&canvas, 3, 9, (struct cell){'y', STYLE_PLAIN});
    canvas_update(&text, &shown, &canvas, (struct abilities){true, false});
    CHECK(strcmp(text.bytes, "\033[4;7H\033[0mx\033[4;10Hy") == 0 ||
          strcmp(text.bytes, "\033[4;7H\033[0mx  y") == 0);
    text_free(&text);
    canvas_free(&canvas);
    canvas_free(&shown);
}

/* ---- keys ---- */

static void check_keys(const char *bytes, const int *expected) {
    struct keys keys = {0};

    for (; *bytes; bytes++) {
        int key = keys_feed(&keys, *bytes);
        if (key != KEY_NONE)
            CHECK_EQ(key, *expected++);
    }
    if (*expected == KEY_ESCAPE)
        CHECK_EQ(keys_pause(&keys), *expected++);
    CHECK_EQ(keys_pause(&keys), KEY_NONE);
    CHECK_EQ(*expected, 0);
}

static void test_keys(void) {
    struct keys keys = {0};

    check_keys("q?\r", (int[]){'q', '?', '\r', 0});
    check_keys("\033[A\033OB\033[C\033[D", (int[]){KEY_UP, KEY_DOWN, KEY_RIGHT, KEY_LEFT, 0});
    check_keys("\033[5~\033[6~\033[1~\033[4~\033[H\033OF",
               (int[]){KEY_PAGE_UP, KEY_PAGE_DOWN, KEY_HOME, KEY_END, KEY_HOME, KEY_END, 0});
    check_keys("\033", (int[]){KEY_ESCAPE, 0});
    check_keys("\033\033", (int[]){KEY_ESCAPE, 0});
    check_keys("\033[99999999999999999999999999A+",
               (int[]){'9', '9', '9', '9', '9', '9', '9', '9', '9', '9', '9', '9', 'A', '+', 0});
    for (const char *at = "\033[50;132R"; *at; at++)
        if (keys_feed(&keys, *at) == KEY_SIZE)
            CHECK_EQ(at[1], '\0');
    CHECK_EQ(keys.rows, 50);
    CHECK_EQ(keys.columns, 132);
}

/* ---- rates ---- */

static void test_rates(void) {
    static struct rates rates;
    static struct model model;

    for (int i = 0; i <= 40; i++) { /* a tenth of a second apart; 5 at first, then 50 each time */
        model.time = 1000 + (uint64_t)i * 100;
        model.totals.forks += i <= 20 ? 5 : 50;
        rates_sample(&rates, &model, 1000);
        if (i == 20)
            CHECK_EQ((long)RATE(&rates, forks), 50);
    }
    CHECK_EQ((long)RATE(&rates, forks), 500);
    CHECK_EQ((long)RATE(&rates, execs), 0);
    rates_sample(&rates, &model, 1000); /* nothing, in no time */
    CHECK_EQ((long)RATE(&rates, forks), 500);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        {"map", test_map},
        {"areas", test_areas},
        {"owners", test_owners},
        {"canvas", test_canvas},
        {"canvas_is_terse", test_canvas_is_terse},
        {"keys", test_keys},
        {"rates", test_rates},
    };

    return test_main(argc, argv, "memview_parts", tests, sizeof tests / sizeof tests[0]);
}
