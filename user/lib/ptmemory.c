/* SPDX-License-Identifier: MIT */
/*
 * Pieces of physical memory: see ptmemory.h. Later pieces hide earlier ones.
 */
#include "user/lib/ptmemory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct piece {
    struct piece *next;
    uint64_t address, size;
    unsigned char bytes[];
};

static struct piece *pieces;
static int device = -1;

static struct piece *piece_add(uint64_t address, uint64_t size) {
    struct piece *piece = malloc(sizeof(*piece) + size);

    if (!piece)
        return NULL;
    piece->address = address;
    piece->size = size;
    piece->next = pieces;
    pieces = piece;
    return piece;
}

const char *pt_memory_add_file(const char *path, uint64_t address) {
    FILE *file = fopen(path, "rb");
    const char *error = NULL;
    struct piece *piece;
    long size;

    if (!file)
        return strerror(errno);
    if (fseek(file, 0, SEEK_END) < 0 || (size = ftell(file)) < 0 || fseek(file, 0, SEEK_SET) < 0)
        error = strerror(errno);
    else if (!(piece = piece_add(address, (uint64_t)size)))
        error = "no memory";
    else if (fread(piece->bytes, 1, (size_t)size, file) != (size_t)size)
        error = "cannot be read";
    fclose(file);
    return error;
}

/* One line of text, if it says anything. */
static const char *add_line(char *line) {
    char *colon, *end;
    uint64_t address;

    line[strcspn(line, "#\n")] = '\0';
    if (line[strspn(line, " \t")] == '\0')
        return NULL;
    address = strtoull(line, &end, 16);
    colon = end + strspn(end, " \t");
    if (end == line || *colon != ':')
        return "a line is an address, a colon, and bytes";
    for (char *at = colon + 1; at[strspn(at, " \t")]; at = end) {
        unsigned long value = strtoul(at, &end, 16);
        struct piece *piece;

        if (end == at || value > 0xff)
            return "bytes are 00 to ff";
        piece = piece_add(address++, 1);
        if (!piece)
            return "no memory";
        piece->bytes[0] = (unsigned char)value;
    }
    return NULL;
}

const char *pt_memory_add_text(const char *path) {
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    const char *error = NULL;
    char line[4096];

    if (!file)
        return strerror(errno);
    while (!error && fgets(line, sizeof(line), file))
        error = add_line(line);
    if (file != stdin)
        fclose(file);
    return error;
}

const char *pt_memory_use_device(void) {
    device = open("/dev/mem", O_RDONLY | O_CLOEXEC);
    return device < 0 ? strerror(errno) : NULL;
}

static bool byte_read(uint64_t address, unsigned char *byte) {
    for (const struct piece *piece = pieces; piece; piece = piece->next) {
        if (address - piece->address < piece->size) {
            *byte = piece->bytes[address - piece->address];
            return true;
        }
    }
    return false;
}

bool pt_memory_read(void *arg, uint64_t address, void *bytes, size_t size) {
    unsigned char *to = bytes;
    size_t done = 0;

    (void)arg;
    while (done < size && byte_read(address + done, &to[done]))
        done++;
    if (done == size)
        return true;
    return device >= 0 && pread(device, bytes, size, (off_t)address) == (ssize_t)size;
}
