/* SPDX-License-Identifier: MIT */
/*
 * The walk through page tables of any format: see ptformat.h.
 */
#include "user/lib/ptformat.h"

static inline uint64_t low_bits(unsigned bits) {
    return bits >= 64 ? UINT64_MAX : (1ull << bits) - 1;
}

uint64_t pt_field_of(uint64_t entry, struct pt_field field) {
    return entry >> field.low & low_bits(field.bits);
}

uint64_t pt_table_bytes(const struct pt_format *format, unsigned level) {
    return (uint64_t)format->entry_bytes << format->index_bits[level - 1];
}

/* Whether a field that may be inverted says yes. */
static bool field_holds(uint64_t entry, struct pt_field field) {
    return (pt_field_of(entry, field) != 0) != field.inverted;
}

/* The lowest bit of a level's index in an address: what one of its entries covers. */
static unsigned level_shift(const struct pt_format *format, unsigned level) {
    unsigned shift = format->offset_bits;

    for (unsigned i = 1; i < level; i++)
        shift += format->index_bits[i - 1];
    return shift;
}

static bool address_is_good(const struct pt_format *format, uint64_t address) {
    uint64_t above = ~low_bits(format->address_bits);
    bool negative = address >> (format->address_bits - 1) & 1;

    return (address & above) == (format->is_signed && negative ? above : 0);
}

static bool entry_read(const struct pt_tables *tables, struct pt_step *step) {
    const struct pt_format *format = tables->format;
    unsigned char bytes[8];

    if (!tables->read(tables->arg, step->at, bytes, format->entry_bytes))
        return false;
    step->entry = 0;
    for (unsigned i = 0; i < format->entry_bytes; i++) {
        unsigned at = format->is_big_endian ? i : format->entry_bytes - 1 - i;

        step->entry = step->entry << 8 | bytes[at];
    }
    return true;
}

static bool is_leaf(const struct pt_format *format, unsigned level, uint64_t entry) {
    if (level == 1)
        return true;
    return format->leaf.bits && format->leaf_levels >> (level - 1) & 1 &&
           field_holds(entry, format->leaf);
}

/* The rights that one entry leaves of those given so far. */
static unsigned rights_after(const struct pt_format *format, const struct pt_step *step,
                             unsigned rights) {
    for (unsigned i = 0; i < format->right_count; i++) {
        const struct pt_named *right = &format->rights[i];

        if ((step->is_leaf || !right->leaf_only) && !field_holds(step->entry, right->field))
            rights &= ~(1u << i);
    }
    return rights;
}

/* The page is reached: what the address is there, and whether it may be used so. */
static void arrive(const struct pt_tables *tables, const struct pt_step *step, uint64_t address,
                   struct pt_walk *walk) {
    const struct pt_format *format = tables->format;
    unsigned shift = level_shift(format, step->level);

    walk->page_bytes = 1ull << shift;
    walk->physical = step->target | (address & low_bits(shift));
    walk->result = PT_TRANSLATED;
    for (unsigned i = 0; i < format->right_count; i++) {
        if (tables->asked & ~walk->rights & 1u << i) {
            walk->result = PT_FORBIDDEN;
            walk->missing = i;
            return;
        }
    }
}

void pt_walk(const struct pt_tables *tables, uint64_t address, struct pt_walk *walk) {
    const struct pt_format *format = tables->format;
    uint64_t table = tables->root;

    *walk = (struct pt_walk){.rights = (unsigned)low_bits(format->right_count)};
    if (!address_is_good(format, address)) {
        walk->result = PT_BAD_ADDRESS;
        return;
    }
    for (unsigned level = format->levels;; level--) {
        unsigned shift = level_shift(format, level);
        struct pt_step *step = &walk->step[walk->steps++];

        step->level = level;
        step->index = address >> shift & low_bits(format->index_bits[level - 1]);
        step->table = table;
        step->at = table + step->index * format->entry_bytes;
        if (!entry_read(tables, step)) {
            walk->result = PT_NO_MEMORY;
            return;
        }
        if (!field_holds(step->entry, format->present)) {
            walk->result = PT_NOT_PRESENT;
            return;
        }
        step->is_leaf = is_leaf(format, level, step->entry);
        step->target = pt_field_of(step->entry, format->frame) << format->offset_bits;
        walk->rights = rights_after(format, step, walk->rights);
        if (step->is_leaf) {
            step->target &= ~low_bits(shift);
            arrive(tables, step, address, walk);
            return;
        }
        table = step->target;
    }
}
