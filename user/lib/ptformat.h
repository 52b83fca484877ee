/* SPDX-License-Identifier: MIT */
/*
 * Formats of page tables, described in a few lines of text, and the walk that any of them asks for.
 *
 * A line is a word and what it says; # begins a comment. Bits are numbered from 0, a field is one
 * bit or HIGH:LOW, a ! before it means that the right is there when the bit is clear.
 *
 *   name WORD              what reports call it
 *   address BITS [signed]  of a virtual address; signed: the bits above repeat the highest one
 *   index BITS...          of the tables, from the top one down; the rest is the offset in a page
 *   entry BYTES [big]      size of an entry, 1 to 8; little-endian unless it says big
 *   present FIELD          not all zero: the entry leads somewhere
 *   frame FIELD            number of the page or table that it leads to, in units of a page
 *   leaf FIELD [LEVEL...]  not all zero: a page, at a level above the lowest too (1 is the lowest)
 *   right NAME FIELD [leaf]  given if all entries on the way give it; leaf: by the last one alone
 *   flag NAME FIELD        shown, and decides nothing
 *
 * Words: the top table is of the highest level; a walk has a step for each table that was looked
 * at.
 */
#ifndef USER_LIB_PTFORMAT_H
#define USER_LIB_PTFORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PT_LEVELS_MAX 8
#define PT_NAMED_MAX 12
#define PT_NAME_MAX 16

struct pt_field {
    unsigned low, bits; /* bits 0: there is no such field */
    bool inverted;
};

struct pt_named {
    char name[PT_NAME_MAX];
    struct pt_field field;
    bool leaf_only;
};

struct pt_format {
    char name[PT_NAME_MAX];
    unsigned address_bits;
    bool is_signed;
    unsigned levels;
    unsigned index_bits[PT_LEVELS_MAX]; /* by level - 1 */
    unsigned offset_bits;
    unsigned entry_bytes;
    bool is_big_endian;
    struct pt_field present, frame, leaf;
    unsigned leaf_levels; /* bit level - 1 */
    struct pt_named rights[PT_NAMED_MAX], flags[PT_NAMED_MAX];
    unsigned right_count, flag_count;
};

/* The text of a format that is built in; NULL: there is none of the name. */
const char *pt_format_builtin(const char *name);

/* The name of the index-th format that is built in; NULL past the last. */
const char *pt_format_builtin_name(size_t index);

/* Reads a description. 0; or the number of the line that is wrong, with why in *why. */
unsigned pt_format_parse(struct pt_format *format, const char *text, const char **why);

uint64_t pt_field_of(uint64_t entry, struct pt_field field);

/* Bytes of a table of a level. */
uint64_t pt_table_bytes(const struct pt_format *format, unsigned level);

/* How a walk ended. */
enum pt_result {
    PT_TRANSLATED,
    PT_BAD_ADDRESS, /* too long, or not the sign of its highest bit */
    PT_NOT_PRESENT,
    PT_NO_MEMORY, /* an entry lies where no bytes were given */
    PT_FORBIDDEN, /* a right that was asked for is missing */
};

struct pt_step {
    unsigned level;
    uint64_t index;
    uint64_t table, at; /* physical addresses of the table and of the entry */
    uint64_t entry;
    bool is_leaf;
    uint64_t target; /* what it leads to; of a large page, where the page begins */
};

struct pt_walk {
    enum pt_result result;
    unsigned steps;
    struct pt_step step[PT_LEVELS_MAX];
    uint64_t physical;
    uint64_t page_bytes;
    unsigned rights;  /* bit i: format->rights[i] */
    unsigned missing; /* PT_FORBIDDEN: the first right that is missing */
};

/* Reads `size` bytes of physical memory; false: they were not given. */
typedef bool (*pt_read)(void *arg, uint64_t address, void *bytes, size_t size);

/* Whose tables are walked, and what for. */
struct pt_tables {
    const struct pt_format *format;
    uint64_t root;  /* physical address of the top table */
    unsigned asked; /* a mask of rights */
    pt_read read;
    void *arg;
};

/* Translates an address. */
void pt_walk(const struct pt_tables *tables, uint64_t address, struct pt_walk *walk);

#endif
