/* SPDX-License-Identifier: MIT */
/*
 * ptwalk's walk (user/lib/ptformat.h) by the lecture's exercises, and on formats that are wrong.
 * X8: any format described in a few lines, over given bytes, each step shown.
 */
#include "check.h"

#include <string.h>

#include "user/lib/ptformat.h"

#define MEMORY_BYTES 0x10000u

static unsigned char memory[MEMORY_BYTES];

static bool read_memory(void *arg, uint64_t address, void *bytes, size_t size) {
    (void)arg;
    if (address >= MEMORY_BYTES || size > MEMORY_BYTES - address)
        return false;
    memcpy(bytes, memory + address, size);
    return true;
}

static void write_entry(uint64_t address, uint64_t entry, unsigned bytes) {
    memcpy(memory + address, &entry, bytes);
}

static struct pt_format format_of(const char *name) {
    struct pt_format format;
    const char *why;

    CHECK(pt_format_builtin(name) != NULL);
    CHECK_EQ(pt_format_parse(&format, pt_format_builtin(name), &why), 0);
    return format;
}

static struct pt_walk walk(const struct pt_format *format, uint64_t root, uint64_t address,
                           unsigned asked) {
    const struct pt_tables tables = {format, root, asked, read_memory, NULL};
    struct pt_walk result;

    pt_walk(&tables, address, &result);
    return result;
}

/* The lecture's machine: code in page 2, data in 7, nothing, the stack in 0. */
static void toy_machine(void) {
    static const unsigned char table[] = {0x8 | 2, 0x8 | 7, 0x0, 0x8 | 0};
    struct pt_format toy = format_of("toy");
    struct pt_walk data;

    memcpy(memory + 0x100, table, sizeof table);
    data = walk(&toy, 0x100, 0x1d2, 0); /* 01 1101 0010 */
    CHECK_EQ(data.result, PT_TRANSLATED);
    CHECK_EQ(data.physical, 0x7d2); /* 111 1101 0010 */
    CHECK_EQ(data.steps, 1);
    CHECK_EQ(data.step[0].index, 1);
    CHECK_EQ(walk(&toy, 0x100, 0x0ff, 0).physical, 0x2ff);
    CHECK_EQ(walk(&toy, 0x100, 0x200, 0).result, PT_NOT_PRESENT);
    CHECK_EQ(walk(&toy, 0x100, 0x3ff, 0).physical, 0x0ff);
    CHECK_EQ(walk(&toy, 0x100, 0x400, 0).result, PT_BAD_ADDRESS);
}

static void toy_of_16_bits(void) {
    struct pt_format toy = format_of("toy16");
    struct pt_walk result;

    memory[0x300 + 2 * 0x3] = 0x04; /* big-endian: frame 4, present, writable, the user's */
    memory[0x300 + 2 * 0x3 + 1] = 0xe0;
    memory[0x400 + 2 * 0xa] = 0x55; /* frame 0x55, present, the user's, not writable */
    memory[0x400 + 2 * 0xa + 1] = 0xa0;
    result = walk(&toy, 0x300, 0x3a7c, 0);
    CHECK_EQ(result.result, PT_TRANSLATED);
    CHECK_EQ(result.physical, 0x557c);
    CHECK_EQ(result.rights, 2); /* write is ANDed away */
    CHECK_EQ(walk(&toy, 0x300, 0x3a7c, 1).result, PT_FORBIDDEN);
}

/* "How big is a process's page table with 1 valid page? with all?" */
static void sizes_of_x86_32(void) {
    struct pt_format x86 = format_of("x86-32");

    CHECK_EQ(x86.offset_bits, 12);
    CHECK_EQ(pt_table_bytes(&x86, 2) + pt_table_bytes(&x86, 1), 8192);
    CHECK_EQ(pt_table_bytes(&x86, 2) + 1024 * pt_table_bytes(&x86, 1), 4198400);
}

static void x86_32_two_levels(void) {
    struct pt_format x86 = format_of("x86-32");
    struct pt_walk result;

    write_entry(0x1000 + 4 * 0x001, 0x2007, 4);
    write_entry(0x2000 + 4 * 0x003, 0x00022005, 4); /* the user's, not writable */
    write_entry(0x1000 + 4 * 0x002, 0x00c00083, 4); /* 4 MiB, not the user's */
    result = walk(&x86, 0x1000, 0x00403abc, 2);
    CHECK_EQ(result.result, PT_TRANSLATED);
    CHECK_EQ(result.physical, 0x22abc);
    CHECK_EQ(result.steps, 2);
    CHECK_EQ(walk(&x86, 0x1000, 0x00403abc, 1).missing, 0);
    result = walk(&x86, 0x1000, 0x00923456, 1);
    CHECK_EQ(result.physical, 0x00d23456);
    CHECK_EQ(result.page_bytes, 4u << 20);
    CHECK_EQ(walk(&x86, 0x1000, 0x00923456, 2).result, PT_FORBIDDEN);
    CHECK_EQ(walk(&x86, 0x1000, 0x00c00000, 0).result, PT_NOT_PRESENT);
}

static void x86_64_four_levels(void) {
    struct pt_format x86 = format_of("x86-64");
    struct pt_walk result;

    write_entry(0x3000 + 8 * 511, 0x4000 | 7, 8);
    write_entry(0x4000 + 8 * 1, 0x5000 | 7, 8);
    write_entry(0x5000 + 8 * 2, 0x6000 | 7, 8);
    write_entry(0x6000 + 8 * 3, 0x8000000000007007, 8);
    write_entry(0x5000 + 8 * 4, 0x200000 | 0x83, 8);
    result = walk(&x86, 0x3000, 0xffffff8040403123, 3);
    CHECK_EQ(result.result, PT_TRANSLATED);
    CHECK_EQ(result.physical, 0x7123);
    CHECK_EQ(result.steps, 4);
    CHECK_EQ(walk(&x86, 0x3000, 0xffffff8040403123, 4).result, PT_FORBIDDEN); /* NX is ORed */
    CHECK_EQ(walk(&x86, 0x3000, 0xffffff8040812345, 0).physical, 0x212345);
    write_entry(0x5000 + 8 * 5, 0x6000 | 5, 8); /* the same table, not to be written through */
    CHECK_EQ(walk(&x86, 0x3000, 0xffffff8040a03123, 2).result, PT_TRANSLATED);
    CHECK_EQ(walk(&x86, 0x3000, 0xffffff8040a03123, 3).result, PT_FORBIDDEN);
    CHECK_EQ(walk(&x86, 0x3000, 0xffffff8040a03123, 3).missing, 0);
    write_entry(0x5000 + 8 * 6, 0x200000 | 0x1083, 8); /* bit 12 of a large leaf is no address */
    CHECK_EQ(walk(&x86, 0x3000, 0xffffff8040c02345, 0).physical, 0x202345);
    write_entry(0x3000 + 8 * 510, 0x4000 | 0x87, 8); /* no leaf up there */
    CHECK_EQ(walk(&x86, 0x3000, 0xffffff0040403123, 0).physical, 0x7123);
    CHECK_EQ(walk(&x86, 0x3000, 0x0000ff8040403123, 0).result, PT_BAD_ADDRESS);
    CHECK_EQ(walk(&x86, 0x20000, 0, 0).result, PT_NO_MEMORY);
}

/* A leaf is what has a right; rights are the leaf's alone. */
static void sv39(void) {
    struct pt_format sv39 = format_of("sv39");
    struct pt_walk result;

    write_entry(0x8000 + 8 * 5, (0x9ull << 10) | 1, 8);
    write_entry(0x9000 + 8 * 6, (0x200ull << 10) | 0xf, 8);
    result = walk(&sv39, 0x8000, 5ull << 30 | 6ull << 21 | 0x1234, 0);
    CHECK_EQ(result.result, PT_TRANSLATED);
    CHECK_EQ(result.physical, 0x201234);
    CHECK_EQ(result.steps, 2);
    CHECK_EQ(result.rights, 7);
}

/* Each is wrong in its last line, or as a whole. */
static void wrong_formats_are_refused(void) {
    static const char *const wrong[] = {
        "",
        "colour blue\n",
        "address 65\n",
        "address 32 unsigned\n",
        "address 32\nindex 10 0\n",
        "address 32\nindex\n",
        "entry 9\n",
        "present 64\n",
        "frame 3:9\n",
        "leaf 7 0\n",
        "right\n",
        "name a-name-that-is-too-long\n",
        "address 20\nindex 10 10\nentry 4\npresent 0\nframe 31:12\n",
        "address 32\nindex 10 10\nentry 4\npresent 0\nframe 32:12\n",
        "address 64\nindex 1\nentry 8\npresent 0\nframe 63:1\n",
    };

    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct pt_format format;
        const char *why = NULL;

        if (pt_format_parse(&format, wrong[i], &why) == 0 || !why)
            CHECK_NOTE("format %zu is taken", i);
    }
}

CHECK_MAIN({"toy_machine", toy_machine}, {"toy_of_16_bits", toy_of_16_bits},
           {"sizes_of_x86_32", sizes_of_x86_32}, {"x86_32_two_levels", x86_32_two_levels},
           {"x86_64_four_levels", x86_64_four_levels}, {"sv39", sv39},
           {"wrong_formats_are_refused", wrong_formats_are_refused})
