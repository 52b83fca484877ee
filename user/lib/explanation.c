/* SPDX-License-Identifier: MIT */
/* Explanations of addresses, asked for and taken apart. See explanation.h. */
#define _GNU_SOURCE
#include "user/lib/explanation.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int explanation_ask(int file, const char *address, struct explanation *answer) {
    ssize_t got;

    answer->length = 0;
    answer->text[0] = '\0';
    if (write(file, address, strlen(address)) < 0)
        return errno;
    while ((got = read(file, answer->text + answer->length,
                       sizeof(answer->text) - 1 - answer->length)) > 0)
        answer->length += (size_t)got;
    answer->text[answer->length] = '\0';
    return got < 0 ? errno : 0;
}

int explanation_ask_about(int file, const volatile void *address, struct explanation *answer) {
    char text[32];

    snprintf(text, sizeof(text), "%#lx", (unsigned long)address);
    return explanation_ask(file, text, answer);
}

size_t explanation_key(const char *text, char *key, size_t size) {
    const char *end = strchr(text, '\n');
    const char *colon = strchr(text, ':');

    if (!end || !colon || colon > end)
        return 0;
    snprintf(key, size, "%.*s", (int)(colon - text), text);
    return (size_t)(end + 1 - text);
}

bool explanation_line(const struct explanation *answer, const char *key, char *words, size_t size) {
    char found[32];
    size_t length;

    for (const char *line = answer->text; (length = explanation_key(line, found, sizeof(found)));
         line += length) {
        size_t skip = strlen(found) + 2;

        if (strcmp(found, key) != 0 || length <= skip)
            continue;
        snprintf(words, size, "%.*s", (int)(length - skip - 1), line + skip);
        return true;
    }
    return false;
}

bool explanation_says(const struct explanation *answer, const char *key, const char *words) {
    char line[1024];

    return explanation_line(answer, key, line, sizeof(line)) &&
           strncmp(line, words, strlen(words)) == 0;
}
