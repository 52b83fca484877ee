/* SPDX-License-Identifier: MIT */
/*
 * Executable files: bytes are a file that kernel/proc/elf.c loads, over tmpfs and the real VM. What
 * has to come of it is in elf/loader.c. The seeds are the hostile files of tests/elf.
 *
 * An input is the file's first bytes; one more, in front, says how many zeroes follow them, in
 * units of 256, so that inputs stay small.
 */
#include <string.h>

#include "elf/loader.h"
#include "lib/bits.h"
#include "support/check.h"
#include "tests/elf/hostile.h"
#include "tests/fuzz/fuzz.h"

#define ZEROES 256u
#define FILE_MAX (4096u + 255u * ZEROES)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static unsigned char file[FILE_MAX];
    size_t file_size;
    int error;

    if (size < 1 || size > 4096)
        return -1;
    memcpy(file, data + 1, size - 1);
    file_size = size - 1 + data[0] * ZEROES;
    memset(file + size - 1, 0, file_size - (size - 1));
    error = loader_try(file, file_size);
    test_context("%zu bytes: %d", file_size, error);
    return 0;
}

static void make_seeds(const char *folder) {
    static struct image image;

    for (unsigned i = 0; i < HOSTILE_COUNT; i++) {
        unsigned char bytes[1 + 1024];
        size_t used;

        image_make(&image);
        hostile_cases[i].spoil(&image);
        used = MIN(image.size, sizeof(bytes) - 1);
        bytes[0] = (unsigned char)((image.size - used) / ZEROES);
        memcpy(bytes + 1, image.bytes, used);
        fuzz_seed_write(folder, hostile_cases[i].name, bytes, 1 + used);
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    fuzz_seeds(*argc, *argv, make_seeds);
    loader_init();
    return 0;
}
