/* SPDX-License-Identifier: MIT */
/* A little JSON; see json.h. */
#include "user/memview/json.h"

#include <string.h>

#define NESTING_MAX 64

static const struct json nothing;

static struct json blanks_skip(struct json value) {
    while (value.at < value.end && strchr(" \t\r\n", *value.at) && *value.at)
        value.at++;
    return value;
}

/* After the string that begins here; nothing if it does not end. */
static struct json string_skip(struct json value) {
    for (value.at++; value.at < value.end && *value.at != '"'; value.at++)
        if (*value.at == '\\')
            value.at++;
    if (value.at >= value.end)
        return nothing;
    value.at++;
    return value;
}

/* After the value that begins here: up to the comma or bracket that ends it. */
static struct json value_skip(struct json value) {
    int depth = 0;

    while (value.at && value.at < value.end) {
        char c = *value.at;
        if (depth == 0 && (c == ',' || c == '}' || c == ']'))
            return value;
        depth += (c == '{' || c == '[') - (c == '}' || c == ']');
        if (depth > NESTING_MAX)
            return nothing;
        if (c == '"')
            value = string_skip(value);
        else
            value.at++;
    }
    return value;
}

static struct json character_skip(struct json value, char character) {
    value = blanks_skip(value);
    if (value.at >= value.end || *value.at != character)
        return nothing;
    value.at++;
    return blanks_skip(value);
}

struct json json_member(struct json object, const char *name) {
    struct json at = character_skip(object, '{');
    size_t length = strlen(name);

    while (at.at < at.end && *at.at == '"') {
        struct json key = at, value;
        at = string_skip(at);
        value = character_skip(at, ':');
        if (!at.at || !value.at)
            return nothing;
        if ((size_t)(at.at - key.at) == length + 2 && memcmp(key.at + 1, name, length) == 0)
            return value;
        at = character_skip(value_skip(value), ',');
    }
    return nothing;
}

bool json_number(struct json value, uint64_t *number) {
    uint64_t sum = 0;
    const char *at = value.at;

    if (at >= value.end || *at < '0' || *at > '9')
        return false;
    for (; at < value.end && *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_add_overflow(sum, (uint64_t)(*at - '0'), &sum))
            return false;
    *number = sum;
    return true;
}

bool json_string(struct json value, char *text, size_t size) {
    struct json after;
    size_t length = 0;

    if (value.at >= value.end || *value.at != '"')
        return false;
    after = string_skip(value);
    if (!after.at)
        return false;
    for (const char *at = value.at + 1; at < after.at - 1 && length + 1 < size; at++) {
        if (*at == '\\')
            at++;
        text[length++] = *at >= ' ' && *at <= '~' ? *at : '?';
    }
    text[length] = '\0';
    return true;
}
