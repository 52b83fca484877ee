/* SPDX-License-Identifier: MIT */
/*
 * Archives: bytes are a cpio archive that fs/initramfs unpacks into the root. It may be refused;
 * when all it made is removed again, memory is as before. The seed has an entry of each type.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/fcntl.h"
#include "fs/initramfs/initramfs.h"
#include "support/check.h"
#include "tests/fuzz/fuzz.h"
#include "vfs/change.h"
#include "vfs/file.h"
#include "vfs/world.h"

/* ---- removing everything ---- */

/* Takes the first entry but for the dots. */
struct first_sink {
    struct dirent_sink sink;
    char name[256];
};

static bool take_first(struct dirent_sink *sink, const struct component *c, uint64_t ino,
                       unsigned type, uint64_t next) {
    struct first_sink *first = (struct first_sink *)sink;

    (void)ino, (void)type, (void)next;
    if (c->text[0] == '.' && (c->length == 1 || (c->length == 2 && c->text[1] == '.')))
        return true;
    memcpy(first->name, c->text, c->length);
    first->name[c->length] = '\0';
    return false;
}

/* Something in a directory; false: it is empty. */
static bool some_entry(struct name *dir, char *name) {
    struct first_sink first = {.sink = {.emit = take_first}};
    struct file *f;

    CHECK_EQ(vfs_open(dir, ".", O_RDONLY | O_DIRECTORY, 0, &f), 0);
    CHECK_EQ(file_getdents(f, &first.sink), 0);
    file_unref(f);
    strcpy(name, first.name);
    return name[0] != '\0';
}

static void empty(struct name *dir) {
    char entry[256];

    while (some_entry(dir, entry)) {
        struct name *below;

        if (vfs_remove(dir, entry) == 0)
            continue;
        CHECK_EQ(vfs_lookup(dir, entry, 0, &below), 0);
        empty(below);
        name_unref(below);
        CHECK_EQ(vfs_remove_directory(dir, entry), 0);
    }
}

/* ---- the target ---- */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct world_memory before = world_memory();
    char *copy = malloc(size ? size : 1); /* exactly its size: a byte too far is seen */
    struct name *root;

    memcpy(copy, data, size);
    test_context("unpacked: %d", initramfs_unpack(copy, size, NULL));
    free(copy);
    CHECK_EQ(vfs_lookup(NULL, "/", 0, &root), 0);
    empty(root);
    name_unref(root);
    world_check_memory(&before, "unpacking and removing");
    return 0;
}

/* ---- the seed ---- */

struct entry {
    unsigned ino, mode, nlink, major, minor;
    const char *name, *data;
};

static size_t pad(char *to, size_t size) {
    while (size % 4 != 0)
        to[size++] = '\0';
    return size;
}

static size_t add(char *archive, size_t at, const struct entry *e) {
    size_t data_size = strlen(e->data);
    char header[111];

    snprintf(header, sizeof(header), "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x",
             e->ino, e->mode, 0, 0, e->nlink, 1000, data_size, 0, 0, e->major, e->minor,
             strlen(e->name) + 1, 0);
    memcpy(archive + at, header, 110);
    strcpy(archive + at + 110, e->name);
    at = pad(archive, at + 110 + strlen(e->name) + 1);
    memcpy(archive + at, e->data, data_size);
    return pad(archive, at + data_size);
}

static void make_seeds(const char *folder) {
    static const struct entry entries[] = {
        {1, 040755, 2, 0, 0, "dir", ""},        {2, 0100644, 1, 0, 0, "dir/file", "contents"},
        {3, 0120777, 1, 0, 0, "link", "dir"},   {4, 020666, 1, 1, 3, "null", ""},
        {5, 010600, 1, 0, 0, "./dir/fifo", ""}, {6, 0100755, 2, 0, 0, "one", ""},
        {6, 0100755, 2, 0, 0, "two", "both"},   {0, 0, 1, 0, 0, "TRAILER!!!", ""},
    };
    static char archive[4096];
    char name[32];
    size_t at = 0;

    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        at = add(archive, at, &entries[i]);
        snprintf(name, sizeof(name), "entries-%zu", i + 1);
        fuzz_seed_write(folder, name, archive, at);
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    fuzz_seeds(*argc, *argv, make_seeds);
    world_init();
    return 0;
}
