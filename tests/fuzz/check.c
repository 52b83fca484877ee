/* SPDX-License-Identifier: MIT */
/*
 * support/check.h for the fuzzing targets: a failure says why and aborts, so that libFuzzer keeps
 * the input; and what the targets share (fuzz.h).
 */
#include "support/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

static char context[256];

void test_context(const char *fmt, ...) {
    va_list args;

    va_start(args, fmt);
    vsnprintf(context, sizeof(context), fmt, args);
    va_end(args);
    if (fuzz_prints())
        fprintf(stderr, "%s\n", context);
}

void test_fail(const char *file, int line, const char *fmt, ...) {
    va_list args;

    fprintf(stderr, "%s:%d: ", file, line);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fprintf(stderr, "%s%s\n", context[0] ? "; " : "", context);
    abort();
}

bool fuzz_prints(void) {
    static int prints = -1;

    if (prints < 0)
        prints = getenv("PRINT") != NULL;
    return prints;
}

void fuzz_seeds(int argc, char **argv, void (*make)(const char *folder)) {
    if (argc != 3 || strcmp(argv[1], "--seeds") != 0)
        return;
    make(argv[2]);
    exit(0);
}

void fuzz_seed_write(const char *folder, const char *name, const void *bytes, size_t size) {
    char path[512];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}
