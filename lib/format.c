/* SPDX-License-Identifier: MIT */
/*
 * Formatted text: one pass over the format, one function a conversion.
 *
 * Words: the sink counts every character of the whole text and keeps those that fit. A field is a
 * conversion's text before it is padded to its width: a prefix (sign, 0x) and digits.
 *
 * Contract: lib/format.h. No state, no locks.
 */
#include "lib/format.h"

#include <stdbool.h>
#include <stdint.h>

#include "lib/bits.h"
#include "lib/string.h"

struct sink {
    char *buf;
    size_t size;
    size_t length; /* of the whole text so far, kept or not */
};

struct spec {
    bool left, zero, plus, space, alternate;
    bool upper;
    int width;
    int precision; /* -1: none given */
    unsigned bits; /* width of an integer argument */
    char conversion;
};

struct field {
    const char *prefix;
    const char *text;
    size_t text_length;
    size_t zeros; /* between prefix and text */
};

#define DIGITS_MAX 24 /* 2^64 in octal */

static void put(struct sink *sink, char c) {
    if (sink->length + 1 < sink->size)
        sink->buf[sink->length] = c;
    sink->length++;
}

static void put_repeated(struct sink *sink, char c, size_t n) {
    while (n--)
        put(sink, c);
}

static void put_text(struct sink *sink, const char *text, size_t n) {
    for (size_t i = 0; i < n; i++)
        put(sink, text[i]);
}

/* Writes a field, padded to the width. */
static void put_field(struct sink *sink, const struct spec *spec, const struct field *field) {
    size_t prefix = strlen(field->prefix);
    size_t length = prefix + field->zeros + field->text_length;
    size_t pad = (size_t)spec->width > length ? (size_t)spec->width - length : 0;

    if (!spec->left)
        put_repeated(sink, ' ', pad);
    put_text(sink, field->prefix, prefix);
    put_repeated(sink, '0', field->zeros);
    put_text(sink, field->text, field->text_length);
    if (spec->left)
        put_repeated(sink, ' ', pad);
}

/* Digits of `value` at the end of `buf`; returns how many. */
static size_t digits_of(char buf[DIGITS_MAX], uint64_t value, unsigned base, bool upper) {
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    size_t n = 0;

    for (; value; value /= base)
        buf[DIGITS_MAX - ++n] = digits[value % base];
    return n;
}

static void put_number(struct sink *sink, const struct spec *spec, const char *prefix,
                       uint64_t value) {
    unsigned base = spec->conversion == 'x' ? 16 : spec->conversion == 'o' ? 8 : 10;
    char buf[DIGITS_MAX];
    size_t n = digits_of(buf, value, base, spec->upper);
    size_t least = spec->precision < 0 ? 1 : (size_t)spec->precision;
    size_t prefix_length = strlen(prefix);

    if (spec->conversion == 'o' && spec->alternate && least <= n)
        least = n + 1;
    if (spec->zero && !spec->left && spec->precision < 0 &&
        (size_t)spec->width > prefix_length + least)
        least = (size_t)spec->width - prefix_length;
    put_field(sink, spec,
              &(struct field){.prefix = prefix,
                              .text = buf + DIGITS_MAX - n,
                              .text_length = n,
                              .zeros = least > n ? least - n : 0});
}

static void put_signed(struct sink *sink, const struct spec *spec, uint64_t raw) {
    int64_t value = (int64_t)(raw << (64 - spec->bits)) >> (64 - spec->bits);
    const char *prefix = value < 0 ? "-" : spec->plus ? "+" : spec->space ? " " : "";

    put_number(sink, spec, prefix, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

static void put_unsigned(struct sink *sink, const struct spec *spec, uint64_t raw) {
    uint64_t value = raw << (64 - spec->bits) >> (64 - spec->bits);
    const char *prefix = "";

    if (spec->conversion == 'x' && spec->alternate && value)
        prefix = spec->upper ? "0X" : "0x";
    put_number(sink, spec, prefix, value);
}

static void put_string(struct sink *sink, const struct spec *spec, const char *text) {
    size_t max = spec->precision < 0 ? SIZE_MAX : (size_t)spec->precision;

    if (text == NULL)
        text = "(null)";
    put_field(sink, spec,
              &(struct field){.prefix = "", .text = text, .text_length = strnlen(text, max)});
}

static void put_char(struct sink *sink, const struct spec *spec, char c) {
    put_field(sink, spec, &(struct field){.prefix = "", .text = &c, .text_length = 1});
}

static const char *parse_flags(const char *p, struct spec *spec) {
    for (;; p++) {
        switch (*p) {
        case '-':
            spec->left = true;
            break;
        case '0':
            spec->zero = true;
            break;
        case '+':
            spec->plus = true;
            break;
        case ' ':
            spec->space = true;
            break;
        case '#':
            spec->alternate = true;
            break;
        default:
            return p;
        }
    }
}

/* A decimal number, capped well below overflow. */
static const char *parse_number(const char *p, int *number) {
    *number = 0;
    for (; *p >= '0' && *p <= '9'; p++)
        *number = MIN(*number * 10 + (*p - '0'), 1 << 20);
    return p;
}

static const char *parse_length(const char *p, struct spec *spec) {
    spec->bits = 32;
    if (*p == 'h') {
        spec->bits = p[1] == 'h' ? 8 : 16;
        p += p[1] == 'h' ? 2 : 1;
    } else if (*p == 'l') {
        spec->bits = 64;
        p += p[1] == 'l' ? 2 : 1;
    } else if (*p == 'z' || *p == 'j' || *p == 't') {
        spec->bits = 64;
        p++;
    }
    return p;
}

/* Reads what stands after a %; returns a pointer behind the conversion's letter. */
static const char *parse_spec(const char *p, struct spec *spec, va_list *args) {
    *spec = (struct spec){.precision = -1};
    p = parse_flags(p, spec);
    if (*p == '*') {
        spec->width = va_arg(*args, int);
        p++;
    } else {
        p = parse_number(p, &spec->width);
    }
    if (spec->width < 0) {
        spec->left = true;
        spec->width = -MAX(spec->width, -(1 << 20));
    }
    if (*p == '.' && p[1] == '*') {
        spec->precision = MAX(va_arg(*args, int), -1);
        p += 2;
    } else if (*p == '.') {
        p = parse_number(p + 1, &spec->precision);
    }
    p = parse_length(p, spec);
    spec->conversion = *p;
    return *p ? p + 1 : p;
}

static uint64_t integer_argument(const struct spec *spec, va_list *args) {
    return spec->bits == 64 ? va_arg(*args, uint64_t) : va_arg(*args, unsigned);
}

/* Writes one conversion; false if its letter is unknown. */
static bool convert(struct sink *sink, struct spec *spec, va_list *args) {
    switch (spec->conversion) {
    case 'd':
    case 'i':
        put_signed(sink, spec, integer_argument(spec, args));
        return true;
    case 'X':
        spec->upper = true;
        spec->conversion = 'x';
        put_unsigned(sink, spec, integer_argument(spec, args));
        return true;
    case 'u':
    case 'x':
    case 'o':
        put_unsigned(sink, spec, integer_argument(spec, args));
        return true;
    case 'p':
        spec->conversion = 'x';
        put_number(sink, spec, "0x", (uintptr_t)va_arg(*args, void *));
        return true;
    case 's':
        put_string(sink, spec, va_arg(*args, const char *));
        return true;
    case 'c':
        put_char(sink, spec, (char)va_arg(*args, int));
        return true;
    case '%':
        put(sink, '%');
        return true;
    default:
        return false;
    }
}

int vformat(char *buf, size_t size, const char *fmt, va_list args) {
    struct sink sink = {.buf = buf, .size = size};
    va_list rest;

    va_copy(rest, args);
    while (*fmt) {
        const char *start = fmt;
        struct spec spec;

        if (*fmt++ != '%') {
            put(&sink, *start);
            continue;
        }
        fmt = parse_spec(fmt, &spec, &rest);
        if (!convert(&sink, &spec, &rest))
            put_text(&sink, start, (size_t)(fmt - start));
    }
    va_end(rest);
    if (size)
        buf[MIN(sink.length, size - 1)] = '\0';
    return (int)sink.length;
}

int format(char *buf, size_t size, const char *fmt, ...) {
    va_list args;
    int length;

    va_start(args, fmt);
    length = vformat(buf, size, fmt, args);
    va_end(args);
    return length;
}
