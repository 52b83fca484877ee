/* SPDX-License-Identifier: MIT */
/* Bytes to keys; see keys.h. */
#include "user/memview/keys.h"

#include <stdio.h>

#define ESCAPE '\033'

/* The key of ESC [ PARAMETERS last, or ESC O last. */
static int sequence_key(struct keys *keys, char last) {
    static const struct {
        char last;
        int key;
    } by_letter[] = {{'A', KEY_UP},   {'B', KEY_DOWN}, {'C', KEY_RIGHT},
                     {'D', KEY_LEFT}, {'H', KEY_HOME}, {'F', KEY_END}};

    for (size_t i = 0; i < sizeof by_letter / sizeof by_letter[0]; i++)
        if (last == by_letter[i].last)
            return by_letter[i].key;
    if (last == 'R' && sscanf(keys->bytes + 2, "%d;%d", &keys->rows, &keys->columns) == 2)
        return KEY_SIZE;
    if (last != '~')
        return KEY_NONE;
    switch (keys->bytes[2]) {
    case '1':
    case '7':
        return KEY_HOME;
    case '4':
    case '8':
        return KEY_END;
    case '5':
        return KEY_PAGE_UP;
    case '6':
        return KEY_PAGE_DOWN;
    default:
        return KEY_NONE;
    }
}

int keys_feed(struct keys *keys, char byte) {
    int key;

    if (keys->length == 0 && byte != ESCAPE)
        return (unsigned char)byte;
    if (keys->length == sizeof keys->bytes - 1) /* no key is that long */
        keys->length = 0;
    keys->bytes[keys->length++] = byte;
    keys->bytes[keys->length] = '\0';
    if (keys->length == 1)
        return KEY_NONE;
    if (keys->length == 2) {
        if (byte == '[' || byte == 'O')
            return KEY_NONE;
        keys->length = 0;
        return byte == ESCAPE ? KEY_ESCAPE : (unsigned char)byte;
    }
    if ((byte >= '0' && byte <= '9') || byte == ';' || byte == '?')
        return KEY_NONE;
    key = sequence_key(keys, byte);
    keys->length = 0;
    return key;
}

int keys_pause(struct keys *keys) {
    if (keys->length != 1)
        return KEY_NONE;
    keys->length = 0;
    return KEY_ESCAPE;
}
