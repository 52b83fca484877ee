/* SPDX-License-Identifier: MIT */
/*
 * kernel/proc/elf.c on the host: the hostile files of tests/elf, the same with each allocation
 * failing in turn, and files damaged at random. What loading has to see to is in elf/loader.c.
 */
#include "abi/errno.h"
#include "elf/loader.h"
#include "lib/bits.h"
#include "support/check.h"
#include "support/random.h"
#include "tests/elf/hostile.h"

static struct image image;

static int try_image(void) {
    return loader_try(image.bytes, image.size);
}

/* The sound program, with n more segments behind it, a page apart. */
static void make_many(unsigned n) {
    image_make(&image);
    for (unsigned i = 0; i < n; i++) {
        Elf64_Phdr *segment = &image.segments[image.header->e_phnum++];

        *segment = (Elf64_Phdr){.p_type = PT_LOAD,
                                .p_flags = PF_R | PF_W,
                                .p_vaddr = IMAGE_BASE + 0x10000 + i * 0x2000,
                                .p_filesz = 16,
                                .p_memsz = 0x1800};
    }
}

/* A file that must not run is refused, but for those that only fail when they run. */
static void test_hostile(void) {
    loader_init();
    for (unsigned i = 0; i < HOSTILE_COUNT; i++) {
        int error;

        test_context("%s", hostile_cases[i].name);
        image_make(&image);
        hostile_cases[i].spoil(&image);
        error = try_image();
        if (hostile_cases[i].outcome == RUNS)
            CHECK_EQ(error, 0);
        else
            CHECK(error == 0 || error == -ENOEXEC || error == -ENOMEM || error == -EEXIST);
    }
}

/* As many segments as there is room for (24), and one more. */
static void test_most_segments(void) {
    loader_init();
    make_many(23);
    CHECK_EQ(try_image(), 0);
    make_many(24);
    CHECK_EQ(try_image(), -ENOEXEC);
    make_many(25);
    CHECK_EQ(try_image(), -ENOEXEC);
}

/* What a segment takes from the file has to be there, to the byte. */
static void test_beyond_the_file(void) {
    static const struct {
        uint64_t offset, size;
        int error;
    } cases[] = {
        {0, 8192, 0},         {0, 8193, -ENOEXEC},
        {4096, 4096, 0},      {4096, 4097, -ENOEXEC},
        {8192, 0, 0},         {8192, 1, -ENOEXEC},
        {12288, 1, -ENOEXEC}, {UINT64_MAX - 4095, 4096, -ENOEXEC},
    };

    loader_init();
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        Elf64_Phdr *segment;

        test_context("case %u", i);
        image_make(&image);
        segment = segment_add(&image, PT_LOAD, IMAGE_BASE + 0x10000);
        segment->p_offset = cases[i].offset;
        segment->p_filesz = cases[i].size;
        segment->p_memsz = 0x5000;
        CHECK_EQ(try_image(), cases[i].error);
    }
}

static void test_each_allocation_fails(void) {
    uint64_t n = 0;

    loader_init();
    make_many(4);
    while (loader_try_failing(image.bytes, image.size, n))
        test_context("allocation %llu", (unsigned long long)++n);
    CHECK(n > 10);
}

static void test_damaged(void) {
    struct random random = {test_seed(21)};
    unsigned loaded = 0;

    loader_init();
    for (unsigned i = 0; i < 3000 * test_scale(); i++) {
        test_context("damage %u", i);
        make_many((unsigned)random_below(&random, 6));
        for (uint64_t n = 1 + random_below(&random, 4); n > 0; n--)
            image.bytes[random_below(&random, 400)] ^=
                (unsigned char)(1 << random_below(&random, 8));
        loaded += try_image() == 0;
    }
    CHECK(loaded > 300);
}

static const struct test tests[] = {
    {"hostile", test_hostile},
    {"most_segments", test_most_segments},
    {"beyond_the_file", test_beyond_the_file},
    {"each_allocation_fails", test_each_allocation_fails},
    {"damaged", test_damaged},
};

int main(int argc, char **argv) {
    return test_main(argc, argv, "elf", tests, ARRAY_SIZE(tests));
}
