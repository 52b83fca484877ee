/* SPDX-License-Identifier: MIT */
/*
 * As much of JSON as the header of a trace needs: members of objects, numbers, strings. A value is
 * the text that begins where it begins; what is not well formed is not found.
 */
#ifndef USER_MEMVIEW_JSON_H
#define USER_MEMVIEW_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json {
    const char *at, *end; /* no value: at == end */
};

/* The member `name` of an object. */
struct json json_member(struct json object, const char *name);

/* A number that is not negative, or a string (cut to size - 1 bytes; what cannot be printed in
 * ASCII is `?`). False, and nothing is written, if the value is not one. */
bool json_number(struct json value, uint64_t *number);
bool json_string(struct json value, char *text, size_t size);

#endif
