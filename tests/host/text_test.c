/* SPDX-License-Identifier: MIT */
/*
 * lib/: strings and formatted text, compared with the C library's.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/bits.h"
#include "lib/format.h"
#include "lib/string.h"
#include "support/check.h"
#include "support/random.h"
#include "support/string_renamed.h"

#define SIZE 200

static void fill(struct random *random, unsigned char *bytes, size_t n) {
    for (size_t i = 0; i < n; i++)
        bytes[i] = (unsigned char)random_below(random, 4);
}

static int sign(int x) {
    return (x > 0) - (x < 0);
}

/* Each operation on two equal buffers, at random places, ours on one and libc's on the other. */
static void test_memory(void) {
    struct random random = {test_seed(7)};
    unsigned char ours[SIZE], theirs[SIZE];

    for (unsigned step = 0; step < 20000 * test_scale(); step++) {
        size_t to = random_below(&random, SIZE / 2), from = random_below(&random, SIZE / 2);
        size_t n = random_below(&random, SIZE / 2);
        int byte = (int)random_below(&random, 6);

        fill(&random, ours, SIZE);
        memcpy(theirs, ours, SIZE);
        CHECK(quire_memmove(ours + to, ours + from, n) == ours + to);
        memmove(theirs + to, theirs + from, n);
        CHECK(memcmp(ours, theirs, SIZE) == 0);
        CHECK_EQ(sign(quire_memcmp(ours + to, ours + from, n)),
                 sign(memcmp(ours + to, ours + from, n)));
        CHECK(quire_memchr(ours + from, byte, n) == memchr(ours + from, byte, n));
        CHECK(quire_memcpy(ours + to, theirs + from, n) == ours + to);
        CHECK(memcmp(ours + to, theirs + from, n) == 0);
        CHECK(quire_memset(ours + to, byte, n) == ours + to);
        memcpy(theirs, ours, SIZE);
        memset(theirs + to, byte, n);
        CHECK(memcmp(ours, theirs, SIZE) == 0);
    }
}

static void random_string(struct random *random, char *s, size_t max) {
    size_t n = random_below(random, max);

    for (size_t i = 0; i < n; i++)
        s[i] = "ab\xe4"[random_below(random, 3)];
    s[n] = '\0';
}

static void test_strings(void) {
    struct random random = {test_seed(8)};

    for (unsigned step = 0; step < 20000 * test_scale(); step++) {
        char a[24], b[4];
        size_t n = random_below(&random, 8);
        int c = "ab\xe4z"[random_below(&random, 5)];

        random_string(&random, a, sizeof(a));
        random_string(&random, b, sizeof(b));
        CHECK_EQ(quire_strlen(a), strlen(a));
        CHECK_EQ(quire_strnlen(a, n), strnlen(a, n));
        CHECK_EQ(sign(quire_strcmp(a, b)), sign(strcmp(a, b)));
        CHECK_EQ(sign(quire_strncmp(a, b, n)), sign(strncmp(a, b, n)));
        CHECK(quire_strchr(a, c) == strchr(a, c));
        CHECK(quire_strrchr(a, c) == strrchr(a, c));
        CHECK(quire_strstr(a, b) == strstr(a, b));
    }
}

static void test_string_copy(void) {
    char dst[4] = "xyz";

    CHECK_EQ(string_copy(dst, "abc", 0), 3);
    CHECK_EQ(strcmp(dst, "xyz"), 0);
    CHECK_EQ(string_copy(dst, "abcdef", sizeof(dst)), 6);
    CHECK_EQ(strcmp(dst, "abc"), 0);
    CHECK_EQ(string_copy(dst, "", sizeof(dst)), 0);
    CHECK_EQ(strcmp(dst, ""), 0);
}

/* Formats with ours and with snprintf, into every size of buffer that cuts. */
static void compare(const char *fmt, ...) {
    char ours[128], theirs[128];
    va_list args, again;

    va_start(args, fmt);
    for (size_t size = 0; size < sizeof(ours); size += size < 8 ? 1 : 40) {
        int ours_length, theirs_length;

        memset(ours, '~', sizeof(ours));
        memset(theirs, '~', sizeof(theirs));
        va_copy(again, args);
        ours_length = vformat(ours, size, fmt, again);
        va_end(again);
        va_copy(again, args);
        theirs_length = vsnprintf(theirs, size, fmt, again);
        va_end(again);
        test_context("format \"%s\", size %zu", fmt, size);
        CHECK_EQ(ours_length, theirs_length);
        if (memcmp(ours, theirs, sizeof(ours)) != 0)
            FAIL("\"%.128s\" should be \"%.128s\"", ours, theirs);
    }
    va_end(args);
}

static const char *const flags[] = {"", "-", "0", "+", " ", "#", "-0", "+0", "#0", "-+", "0 "};
static const char *const widths[] = {"", "1", "7", "30"};
static const char *const precisions[] = {"", ".", ".0", ".3", ".25"};
static const long long numbers[] = {0,      1,       -1,      7,         42,
                                    -12345, INT_MAX, INT_MIN, LLONG_MAX, LLONG_MIN};

static void compare_numbers(const char *prefix) {
    static const char *const lengths[] = {"hh", "h", "", "l", "ll", "z", "j", "t"};
    char fmt[32];

    for (size_t l = 0; l < ARRAY_SIZE(lengths); l++) {
        for (const char *c = "diuxXo"; *c; c++) {
            snprintf(fmt, sizeof(fmt), "[%%%s%s%c]", prefix, lengths[l], *c);
            for (size_t n = 0; n < ARRAY_SIZE(numbers); n++)
                compare(fmt, numbers[n]);
        }
    }
}

static void test_format_numbers(void) {
    char prefix[16];

    for (size_t f = 0; f < ARRAY_SIZE(flags); f++) {
        for (size_t w = 0; w < ARRAY_SIZE(widths); w++) {
            for (size_t p = 0; p < ARRAY_SIZE(precisions); p++) {
                snprintf(prefix, sizeof(prefix), "%s%s%s", flags[f], widths[w], precisions[p]);
                compare_numbers(prefix);
            }
        }
    }
}

static void test_format_text(void) {
    compare("");
    compare("plain");
    compare("100%%");
    compare("[%s] [%10s] [%-10s] [%.2s] [%10.2s] [%-6.0s]", "", "abc", "abc", "abc", "abc", "abc");
    compare("[%c] [%4c] [%-4c]", 'a', 'b', 'c');
    compare("[%*d] [%-*d] [%.*d] [%*.*s]", 6, 42, 6, 42, 4, 42, 8, 2, "abc");
    compare("[%*d] [%.*d]", -6, 42, -1, 42);
    compare("%d %s %x %lu %c%%", -5, "five", 0xabcu, 1ul << 40, '!');
    compare("%p", (void *)0xdeadbeef);
    compare("%.3s", "abcdef");
}

/* What the C library does not promise. */
static void test_format_own(void) {
    const char *null = getenv("no such variable");
    const char *unknown = "%y %d%";
    char buf[64];

    CHECK_EQ(format(buf, sizeof(buf), "%s", null), 6);
    CHECK_EQ(strcmp(buf, "(null)"), 0);
    CHECK_EQ(format(buf, sizeof(buf), "%p", (void *)NULL), 3);
    CHECK_EQ(strcmp(buf, "0x0"), 0);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
    format(buf, sizeof(buf), unknown, 7);
#pragma GCC diagnostic pop
    CHECK_EQ(strcmp(buf, "%y 7%"), 0);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        {"memory", test_memory},           {"strings", test_strings},
        {"string_copy", test_string_copy}, {"format_numbers", test_format_numbers},
        {"format_text", test_format_text}, {"format_own", test_format_own},
    };

    return test_main(argc, argv, "text", tests, ARRAY_SIZE(tests));
}
