/* SPDX-License-Identifier: MIT */
/*
 * Finding words of the command line. Read a few times at boot: nothing is prepared.
 */
#include "core/cmdline.h"

#include "core/boot.h"
#include "lib/bits.h"
#include "lib/string.h"

const char *cmdline(void) {
    return boot_info.cmdline;
}

/* The value of the last word with this key, and its length; NULL when there is none. */
static const char *cmdline_find(const char *key, size_t *length) {
    const char *found = NULL;
    size_t key_length = strlen(key);

    for (const char *word = cmdline(); *word;) {
        const char *end = strchr(word, ' ');
        size_t word_length = end ? (size_t)(end - word) : strlen(word);

        if (word_length >= key_length && strncmp(word, key, key_length) == 0 &&
            (word_length == key_length || word[key_length] == '=')) {
            found = word + MIN(word_length, key_length + 1);
            *length = (size_t)(word + word_length - found);
        }
        word += word_length + (end ? 1 : 0);
    }
    return found;
}

bool cmdline_get(const char *key, char *buf, size_t size) {
    size_t length = 0;
    const char *value = cmdline_find(key, &length);

    if (!value || size == 0)
        return false;
    length = MIN(length, size - 1);
    memcpy(buf, value, length);
    buf[length] = '\0';
    return true;
}

bool cmdline_has(const char *key) {
    size_t length;

    return cmdline_find(key, &length) != NULL;
}
