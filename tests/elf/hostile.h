/* SPDX-License-Identifier: MIT */
/*
 * Broken and hostile ELF files: a small sound program, and a table of ways to spoil it.
 *
 * tests/user/test_elf.c executes each of them; tests/elf/mkelf.c writes them to a directory to be
 * looked at. The sound program is one page: header, program headers, then code that exits with
 * SOUND_STATUS. A case changes the image in memory before it becomes a file.
 *
 * What may happen: RUNS must work; FAILS must be refused by execve or die of a signal; EITHER is
 * lax on some kernels: it may run as if nothing were wrong, or fail. Nothing may crash or leak.
 */
#ifndef TESTS_ELF_HOSTILE_H
#define TESTS_ELF_HOSTILE_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define IMAGE_BYTES 16384
#define IMAGE_BASE 0x400000UL
#define CODE_OFFSET 0x800
#define SEGMENTS_MAX 8
#define SOUND_STATUS 21

enum outcome { RUNS, FAILS, EITHER };

struct image {
    size_t size;
    Elf64_Ehdr *header;
    Elf64_Phdr *segments; /* SEGMENTS_MAX of them lie behind the header; header->e_phnum count */
    unsigned char bytes[IMAGE_BYTES];
};

struct hostile {
    const char *name;
    enum outcome outcome;
    void (*spoil)(struct image *);
};

/* mov $60, %eax; mov $SOUND_STATUS, %edi; syscall */
static const unsigned char sound_code[] = {0xb8, 60, 0, 0, 0, 0xbf, SOUND_STATUS, 0, 0, 0, 0x0f, 5};

static inline Elf64_Phdr *segment_add(struct image *image, uint32_t type, uint64_t address) {
    Elf64_Phdr *segment = &image->segments[image->header->e_phnum++];

    *segment = (Elf64_Phdr){.p_type = type,
                            .p_flags = PF_R | PF_W,
                            .p_vaddr = address,
                            .p_filesz = 4096,
                            .p_memsz = 4096,
                            .p_align = 4096};
    return segment;
}

static inline void image_make(struct image *image) {
    Elf64_Ehdr *header = (Elf64_Ehdr *)(void *)image->bytes;

    memset(image, 0, sizeof *image);
    image->header = header;
    image->segments = (Elf64_Phdr *)(void *)(image->bytes + sizeof *header);
    image->size = 8192;
    memcpy(header->e_ident, ELFMAG, SELFMAG);
    header->e_ident[EI_CLASS] = ELFCLASS64;
    header->e_ident[EI_DATA] = ELFDATA2LSB;
    header->e_ident[EI_VERSION] = EV_CURRENT;
    header->e_type = ET_EXEC;
    header->e_machine = EM_X86_64;
    header->e_version = EV_CURRENT;
    header->e_entry = IMAGE_BASE + CODE_OFFSET;
    header->e_phoff = sizeof *header;
    header->e_ehsize = sizeof *header;
    header->e_phentsize = sizeof(Elf64_Phdr);
    segment_add(image, PT_LOAD, IMAGE_BASE)->p_flags = PF_R | PF_X;
    memcpy(image->bytes + CODE_OFFSET, sound_code, sizeof sound_code);
}

/* ---- the ways to spoil it: the file and its header ---- */

static inline void spoil_nothing(struct image *image) {
    (void)image;
}
static inline void spoil_empty(struct image *image) {
    image->size = 0;
}
static inline void spoil_one_byte(struct image *image) {
    image->size = 1;
}
static inline void spoil_magic_only(struct image *image) {
    image->size = 4;
}
static inline void spoil_half_header(struct image *image) {
    image->size = 40;
}
static inline void spoil_header_only(struct image *image) {
    image->size = sizeof(Elf64_Ehdr);
}
static inline void spoil_half_segment(struct image *image) {
    image->size = sizeof(Elf64_Ehdr) + 20;
}
static inline void spoil_magic(struct image *image) {
    image->bytes[1] = 'X';
}
static inline void spoil_class(struct image *image) {
    image->header->e_ident[EI_CLASS] = ELFCLASS32;
}
static inline void spoil_endian(struct image *image) {
    image->header->e_ident[EI_DATA] = ELFDATA2MSB;
}
static inline void spoil_machine_arm(struct image *image) {
    image->header->e_machine = EM_AARCH64;
}
static inline void spoil_machine_386(struct image *image) {
    image->header->e_machine = EM_SPARC;
}
static inline void spoil_type_object(struct image *image) {
    image->header->e_type = ET_REL;
}
static inline void spoil_type_core(struct image *image) {
    image->header->e_type = ET_CORE;
}
static inline void spoil_type_unknown(struct image *image) {
    image->header->e_type = 0x1234;
}
static inline void spoil_no_segments(struct image *image) {
    image->header->e_phnum = 0;
}
static inline void spoil_many_segments(struct image *image) {
    image->header->e_phnum = 65535;
}
static inline void spoil_segments_past_end(struct image *image) {
    image->header->e_phnum = 500;
}
static inline void spoil_segment_size_small(struct image *image) {
    image->header->e_phentsize = 32;
}
static inline void spoil_segment_size_big(struct image *image) {
    image->header->e_phentsize = 65535;
}
static inline void spoil_table_past_end(struct image *image) {
    image->header->e_phoff = 1UL << 40;
}
static inline void spoil_table_wraps(struct image *image) {
    image->header->e_phoff = UINT64_MAX - 20;
}
static inline void spoil_table_negative(struct image *image) {
    image->header->e_phoff = 1UL << 63;
}
static inline void spoil_table_on_header(struct image *image) {
    image->header->e_phoff = 0;
}

/* ---- where it starts ---- */

static inline void spoil_entry_zero(struct image *image) {
    image->header->e_entry = 0;
}
static inline void spoil_entry_outside(struct image *image) {
    image->header->e_entry = IMAGE_BASE + (1UL << 30);
}
static inline void spoil_entry_kernel(struct image *image) {
    image->header->e_entry = 0xffffffff80100000;
}
static inline void spoil_entry_noncanonical(struct image *image) {
    image->header->e_entry = 0x1234567812345678;
}
static inline void spoil_entry_in_data(struct image *image) {
    segment_add(image, PT_LOAD, IMAGE_BASE + 0x10000);
    image->header->e_entry = IMAGE_BASE + 0x10000 + CODE_OFFSET;
}

/* ---- segments ---- */

static inline void spoil_nothing_loaded(struct image *image) {
    image->segments[0].p_type = PT_NULL;
}
static inline void spoil_file_more_than_memory(struct image *image) {
    image->segments[0].p_memsz = 100;
}
static inline void spoil_memory_huge(struct image *image) {
    image->segments[0].p_memsz = 1UL << 47;
}
static inline void spoil_memory_all(struct image *image) {
    image->segments[0].p_memsz = UINT64_MAX;
}
static inline void spoil_sizes_all(struct image *image) {
    image->segments[0].p_memsz = image->segments[0].p_filesz = UINT64_MAX;
}
static inline void spoil_memory_wraps(struct image *image) {
    image->segments[0].p_memsz = UINT64_MAX - IMAGE_BASE + 1;
}
static inline void spoil_memory_terabyte(struct image *image) {
    segment_add(image, PT_LOAD, 1UL << 32)->p_memsz = 1UL << 40;
}
static inline void spoil_address_kernel(struct image *image) {
    segment_add(image, PT_LOAD, 0xffffffff80000000);
}
static inline void spoil_address_top(struct image *image) {
    segment_add(image, PT_LOAD, 0xfffffffffffff000);
}
static inline void spoil_address_noncanonical(struct image *image) {
    segment_add(image, PT_LOAD, 0x0000800000000000);
}
static inline void spoil_address_last_page(struct image *image) {
    segment_add(image, PT_LOAD, 0x00007ffffffff000);
}
static inline void spoil_reaches_over_the_top(struct image *image) {
    segment_add(image, PT_LOAD, 0x00007fffffffe000)->p_memsz = 16384;
}
static inline void spoil_address_zero(struct image *image) {
    segment_add(image, PT_LOAD, 0);
}
static inline void spoil_misaligned(struct image *image) {
    segment_add(image, PT_LOAD, IMAGE_BASE + 0x10000)->p_offset = 123;
}
static inline void spoil_offset_past_end(struct image *image) {
    image->segments[0].p_offset = 1UL << 30;
}
static inline void spoil_offset_wraps(struct image *image) {
    segment_add(image, PT_LOAD, IMAGE_BASE + 0x10000)->p_offset = 0xfffffffffffff000;
}
static inline void spoil_offset_negative(struct image *image) {
    segment_add(image, PT_LOAD, IMAGE_BASE + 0x10000)->p_offset = 1UL << 63;
}
static inline void spoil_file_cut_off(struct image *image) {
    image->segments[0].p_filesz = image->segments[0].p_memsz = 1UL << 20;
}
static inline void spoil_overlap(struct image *image) {
    segment_add(image, PT_LOAD, IMAGE_BASE)->p_offset = 4096;
}
static inline void spoil_overlap_half(struct image *image) {
    image->segments[0].p_memsz = image->segments[0].p_filesz = 8192;
    segment_add(image, PT_LOAD, IMAGE_BASE + 4096);
}
static inline void spoil_order(struct image *image) {
    segment_add(image, PT_LOAD, IMAGE_BASE - 0x10000);
}
static inline void spoil_empty_segment(struct image *image) {
    Elf64_Phdr *segment = segment_add(image, PT_LOAD, IMAGE_BASE + 0x10000);

    segment->p_filesz = segment->p_memsz = 0;
}
static inline void spoil_zeroes_executed(struct image *image) {
    Elf64_Phdr *segment = segment_add(image, PT_LOAD, IMAGE_BASE + 0x10000);

    segment->p_filesz = 0;
    segment->p_flags = PF_R | PF_X;
    image->header->e_entry = IMAGE_BASE + 0x10000;
}
static inline void spoil_no_rights(struct image *image) {
    image->segments[0].p_flags = 0;
}
static inline void spoil_zeroes_in_read_only(struct image *image) {
    Elf64_Phdr *segment = segment_add(image, PT_LOAD, IMAGE_BASE + 0x10000);

    segment->p_flags = PF_R;
    segment->p_filesz = 100;
    segment->p_memsz = 9000;
}
static inline void spoil_align_odd(struct image *image) {
    image->header->e_type = ET_DYN;
    image->segments[0].p_vaddr = 0;
    image->header->e_entry = CODE_OFFSET;
    image->segments[0].p_align = 4095;
}
static inline void spoil_align_huge(struct image *image) {
    spoil_align_odd(image);
    image->segments[0].p_align = 1UL << 63;
}
static inline void spoil_independent_far(struct image *image) {
    spoil_align_odd(image);
    image->segments[0].p_align = 4096;
    segment_add(image, PT_LOAD, 0x00007fffff000000);
}
static inline void spoil_independent_wraps(struct image *image) {
    spoil_align_odd(image);
    segment_add(image, PT_LOAD, UINT64_MAX - 8191)->p_memsz = 16384;
}
static inline void spoil_independent(struct image *image) {
    spoil_align_odd(image);
    image->segments[0].p_align = 4096;
}

/* ---- the interpreter ---- */

static inline Elf64_Phdr *interpreter_add(struct image *image, const char *path) {
    Elf64_Phdr *segment = segment_add(image, PT_INTERP, 0);

    segment->p_offset = 0x400;
    segment->p_filesz = strlen(path) + 1;
    strcpy((char *)image->bytes + 0x400, path);
    return segment;
}
static inline void spoil_interpreter_missing(struct image *image) {
    interpreter_add(image, "/nonexistent/ld.so");
}
static inline void spoil_interpreter_unended(struct image *image) {
    interpreter_add(image, "/nonexistent/ld.so")->p_filesz -= 1;
}
static inline void spoil_interpreter_empty(struct image *image) {
    interpreter_add(image, "")->p_filesz = 0;
}
static inline void spoil_interpreter_huge(struct image *image) {
    interpreter_add(image, "/nonexistent/ld.so")->p_filesz = 1UL << 40;
}
static inline void spoil_interpreter_past_end(struct image *image) {
    interpreter_add(image, "/nonexistent/ld.so")->p_offset = 1UL << 40;
}
static inline void spoil_interpreter_no_program(struct image *image) {
    interpreter_add(image, "/dev/null");
}
static inline void spoil_interpreter_directory(struct image *image) {
    interpreter_add(image, "/tmp");
}

#define HOSTILE(name, outcome)                                                                     \
    { #name, outcome, spoil_##name }

static const struct hostile hostile_cases[] = {
    HOSTILE(nothing, RUNS),
    HOSTILE(empty, FAILS),
    HOSTILE(one_byte, FAILS),
    HOSTILE(magic_only, FAILS),
    HOSTILE(half_header, FAILS),
    HOSTILE(header_only, FAILS),
    HOSTILE(half_segment, FAILS),
    HOSTILE(magic, FAILS),
    HOSTILE(class, EITHER),
    HOSTILE(endian, EITHER),
    HOSTILE(machine_arm, FAILS),
    HOSTILE(machine_386, FAILS),
    HOSTILE(type_object, FAILS),
    HOSTILE(type_core, FAILS),
    HOSTILE(type_unknown, FAILS),
    HOSTILE(no_segments, FAILS),
    HOSTILE(many_segments, FAILS),
    HOSTILE(segments_past_end, FAILS),
    HOSTILE(segment_size_small, FAILS),
    HOSTILE(segment_size_big, FAILS),
    HOSTILE(table_past_end, FAILS),
    HOSTILE(table_wraps, FAILS),
    HOSTILE(table_negative, FAILS),
    HOSTILE(table_on_header, FAILS),
    HOSTILE(entry_zero, FAILS),
    HOSTILE(entry_outside, FAILS),
    HOSTILE(entry_kernel, FAILS),
    HOSTILE(entry_noncanonical, FAILS),
    HOSTILE(entry_in_data, FAILS),
    HOSTILE(nothing_loaded, FAILS),
    HOSTILE(file_more_than_memory, FAILS),
    HOSTILE(memory_huge, FAILS),
    HOSTILE(memory_all, FAILS),
    HOSTILE(sizes_all, FAILS),
    HOSTILE(memory_wraps, FAILS),
    HOSTILE(memory_terabyte, EITHER),
    HOSTILE(address_kernel, FAILS),
    HOSTILE(address_top, FAILS),
    HOSTILE(address_noncanonical, FAILS),
    HOSTILE(address_last_page, FAILS),
    HOSTILE(reaches_over_the_top, FAILS),
    HOSTILE(address_zero, EITHER),
    HOSTILE(misaligned, FAILS),
    HOSTILE(offset_past_end, FAILS),
    HOSTILE(offset_wraps, FAILS),
    HOSTILE(offset_negative, FAILS),
    HOSTILE(file_cut_off, EITHER),
    HOSTILE(overlap, EITHER),
    HOSTILE(overlap_half, EITHER),
    HOSTILE(order, EITHER),
    HOSTILE(empty_segment, EITHER),
    HOSTILE(zeroes_executed, FAILS),
    HOSTILE(no_rights, FAILS),
    HOSTILE(zeroes_in_read_only, EITHER),
    HOSTILE(align_odd, EITHER),
    HOSTILE(align_huge, EITHER),
    HOSTILE(independent_far, EITHER),
    HOSTILE(independent_wraps, EITHER),
    HOSTILE(independent, RUNS),
    HOSTILE(interpreter_missing, FAILS),
    HOSTILE(interpreter_unended, FAILS),
    HOSTILE(interpreter_empty, FAILS),
    HOSTILE(interpreter_huge, FAILS),
    HOSTILE(interpreter_past_end, FAILS),
    HOSTILE(interpreter_no_program, FAILS),
    HOSTILE(interpreter_directory, FAILS),
};

#define HOSTILE_COUNT (sizeof hostile_cases / sizeof hostile_cases[0])

#endif
