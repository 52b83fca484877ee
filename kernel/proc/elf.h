/* SPDX-License-Identifier: MIT */
/*
 * Executable files: decoding first, mapping later; private to kernel/proc.
 *
 * Decoding reads the headers, believes nothing, and yields a short list of segments in page terms;
 * a file that cannot be run is refused here, at no cost. Mapping puts the list into a space;
 * contents stay in the file until they are touched.
 *
 * Source: elf(5), System V ABI chapters 4 and 5 with the x86-64 supplement.
 */
#ifndef PROC_ELF_H
#define PROC_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct file;
struct vm_space;

#define ELF_SEGMENTS_MAX 24
#define ELF_INTERPRETER_MAX 256

/* One PT_LOAD. Addresses are the file's own; loading may shift all of them (bias). */
struct elf_segment {
    uint64_t start;      /* of the first page */
    uint64_t file_end;   /* end of the bytes from the file; start: there are none */
    uint64_t memory_end; /* end of all bytes; beyond file_end they are zero */
    uint64_t offset;     /* in the file, of the first page */
    uint32_t prot;       /* VM_READ and so on */
};

struct elf_image {
    bool is_fixed;         /* ET_EXEC: must lie where it says */
    bool has_exec_stack;   /* PT_GNU_STACK with X */
    uint16_t header_count; /* e_phnum */
    uint16_t segment_count;
    uint64_t entry;
    uint64_t last_first; /* address of the last segment's first byte */
    uint64_t headers;    /* address of the program headers in memory; 0: not in a segment */
    uint64_t align;      /* the largest a segment asks for, at least a page */
    struct elf_segment segments[ELF_SEGMENTS_MAX]; /* ascending, no page in two */
    char interpreter[ELF_INTERPRETER_MAX];         /* PT_INTERP; "": none */
};

/*
 * Decodes. head: the file's first bytes. 0, -ENOEXEC for what is no ELF file for this machine or is
 * broken in any way, -ENOMEM, -EIO. May sleep.
 */
int elf_decode(struct file *file, const char *head, size_t head_size, struct elf_image *image);

/*
 * Maps the segments, shifted by `bias`, into a space that nobody runs in yet. 0 or negative errno;
 * after an error the space is to be thrown away. May sleep.
 */
int elf_map(struct vm_space *space, struct file *file, const struct elf_image *image,
            uint64_t bias);

/* Size of the range from the first page to the last, in bytes. */
uint64_t elf_span(const struct elf_image *image);

#endif
