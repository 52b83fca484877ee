/* SPDX-License-Identifier: MIT */
/* Reading cpio entries; see cpio.h. Every length is checked against what is left. */
#include "cpio.h"

#include <stdbool.h>

#include "abi/errno.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "vfs/vnode.h"

#define MAGIC "070701"
#define MAGIC_WITH_SUM "070702"
#define MAGIC_LENGTH 6
#define FIELD_LENGTH 8
#define HEADER_LENGTH 110
#define ALIGNMENT 4

enum cpio_field {
    FIELD_INO,
    FIELD_MODE,
    FIELD_UID,
    FIELD_GID,
    FIELD_NLINK,
    FIELD_MTIME,
    FIELD_SIZE,
    FIELD_DEV_MAJOR,
    FIELD_DEV_MINOR,
    FIELD_RDEV_MAJOR,
    FIELD_RDEV_MINOR,
    FIELD_NAME_SIZE,
    FIELD_SUM,
    FIELD_COUNT
};

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool parse_field(const char *text, uint32_t *value) {
    *value = 0;
    for (int i = 0; i < FIELD_LENGTH; i++) {
        int digit = hex_digit(text[i]);

        if (digit < 0)
            return false;
        *value = *value << 4 | (uint32_t)digit;
    }
    return true;
}

static bool parse_header(const char *header, uint32_t fields[FIELD_COUNT]) {
    if (memcmp(header, MAGIC, MAGIC_LENGTH) != 0 &&
        memcmp(header, MAGIC_WITH_SUM, MAGIC_LENGTH) != 0)
        return false;
    for (int i = 0; i < FIELD_COUNT; i++) {
        if (!parse_field(header + MAGIC_LENGTH + i * FIELD_LENGTH, &fields[i]))
            return false;
    }
    return true;
}

static void skip_zeroes(struct cpio_reader *r) {
    while (r->offset < r->size && r->archive[r->offset] == '\0')
        r->offset++;
}

/* Takes n bytes and the padding behind them; NULL when there are not so many. */
static const char *take(struct cpio_reader *r, size_t *offset, size_t n) {
    const char *p = r->archive + *offset;

    if (r->size - *offset < n)
        return NULL;
    *offset = MIN((size_t)align_up(*offset + n, ALIGNMENT), r->size);
    return p;
}

static void fill_entry(struct cpio_entry *e, const uint32_t fields[FIELD_COUNT]) {
    e->ino = fields[FIELD_INO];
    e->dev = dev_make(fields[FIELD_DEV_MAJOR], fields[FIELD_DEV_MINOR]);
    e->mode = fields[FIELD_MODE];
    e->uid = fields[FIELD_UID];
    e->gid = fields[FIELD_GID];
    e->nlink = fields[FIELD_NLINK];
    e->mtime = fields[FIELD_MTIME];
    e->rdev = dev_make(fields[FIELD_RDEV_MAJOR], fields[FIELD_RDEV_MINOR]);
    e->size = fields[FIELD_SIZE];
}

int cpio_next(struct cpio_reader *r, struct cpio_entry *e) {
    uint32_t fields[FIELD_COUNT];
    size_t offset, name_size;

    skip_zeroes(r);
    offset = r->offset;
    if (offset == r->size)
        return 0;
    if (r->size - offset < HEADER_LENGTH || !parse_header(r->archive + offset, fields))
        return -EINVAL;
    offset += HEADER_LENGTH;
    fill_entry(e, fields);
    name_size = fields[FIELD_NAME_SIZE];
    if (name_size == 0 || name_size > VFS_PATH_MAX)
        return -EINVAL;
    e->name = take(r, &offset, name_size);
    if (!e->name || e->name[name_size - 1] != '\0')
        return -EINVAL;
    e->data = take(r, &offset, e->size);
    if (!e->data)
        return -EINVAL;
    r->offset = offset;
    return 1;
}

int cpio_is_trailer(const struct cpio_entry *e) {
    return strcmp(e->name, "TRAILER!!!") == 0;
}
