/* SPDX-License-Identifier: MIT */
/* Loading anything at all on the host; see loader.h. */
#include "elf/loader.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "lib/bits.h"
#include "machine/layout.h"
#include "proc/elf.h"
#include "support/check.h"
#include "support/inject.h"
#include "vfs/change.h"
#include "vfs/file.h"
#include "vfs/world.h"
#include "vm/check.h"
#include "vm/space.h"

#define HEAD_BYTES 512
#define PATH "program"
#define BIAS (1ull << 32) /* of what may lie anywhere */

/* A file, what was decoded of it, and where it is loaded. */
struct load {
    const unsigned char *bytes;
    size_t size;
    struct elf_image image;
    uint64_t bias;
    struct vm_space *space;
};

void loader_init(void) {
    world_init();
    CHECK_EQ(vfs_make_node(NULL, PATH, S_IFREG | 0755, 0), 0);
}

static struct file *file_with(const void *bytes, size_t size) {
    struct file *f;
    struct iobuf b;

    CHECK_EQ(vfs_open(NULL, PATH, O_RDWR | O_TRUNC, 0, &f), 0);
    iobuf_init_kernel(&b, (char *)(uintptr_t)bytes, size);
    if (size > 0)
        CHECK_EQ(file_write(f, &b), size);
    return f;
}

/* ---- what was decoded ---- */

static void check_segment(const struct load *load, const struct elf_segment *segment,
                          uint64_t least) {
    uint64_t file_bytes = segment->file_end - segment->start;

    CHECK(is_aligned(segment->start, PAGE_SIZE) && is_aligned(segment->offset, PAGE_SIZE));
    CHECK(segment->start >= least);
    CHECK(segment->start <= segment->file_end && segment->file_end <= segment->memory_end);
    CHECK(segment->start < segment->memory_end && segment->memory_end <= USER_END);
    CHECK(segment->offset <= load->size && file_bytes <= load->size - segment->offset);
    CHECK(!(segment->prot & ~VM_RIGHTS));
}

static void check_image(const struct load *load) {
    const struct elf_image *image = &load->image;
    uint64_t least = image->is_fixed ? USER_MIN : 0;

    CHECK(image->segment_count > 0 && image->segment_count <= ELF_SEGMENTS_MAX);
    for (unsigned i = 0; i < image->segment_count; i++) {
        check_segment(load, &image->segments[i], least);
        least = align_up(image->segments[i].memory_end, PAGE_SIZE);
    }
    CHECK(is_pow2(image->align) && image->align >= PAGE_SIZE);
    CHECK(memchr(image->interpreter, '\0', ELF_INTERPRETER_MAX) != NULL);
}

/* ---- what was mapped ---- */

/* The byte that a program finds at an address of a segment: whole file pages are the file's. */
static unsigned char expected(const struct load *load, const struct elf_segment *segment,
                              uint64_t va) {
    uint64_t offset = segment->offset + (va - segment->start);
    bool has_bss = segment->memory_end > segment->file_end;

    if (va >= align_up(segment->file_end, PAGE_SIZE) || (has_bss && va >= segment->file_end))
        return 0;
    return offset < load->size ? load->bytes[offset] : 0;
}

static void check_byte(const struct load *load, const struct elf_segment *segment, uint64_t va) {
    unsigned char byte = 1;

    if (va < segment->start || va >= align_up(segment->memory_end, PAGE_SIZE))
        return;
    if (!(segment->prot & VM_RIGHTS)) {
        CHECK_EQ(vm_space_read(load->space, va + load->bias, &byte, 1), -EFAULT);
        return;
    }
    CHECK_EQ(vm_space_read(load->space, va + load->bias, &byte, 1), 0);
    CHECK_EQ(byte, expected(load, segment, va));
}

static void check_contents(const struct load *load) {
    for (unsigned i = 0; i < load->image.segment_count; i++) {
        const struct elf_segment *segment = &load->image.segments[i];
        const uint64_t edges[] = {segment->start, segment->file_end, segment->memory_end,
                                  align_up(segment->file_end, PAGE_SIZE),
                                  align_up(segment->memory_end, PAGE_SIZE)};

        for (unsigned j = 0; j < ARRAY_SIZE(edges); j++) {
            check_byte(load, segment, edges[j] - 1);
            check_byte(load, segment, edges[j]);
        }
    }
}

static void check_space(const struct load *load) {
    struct vm_check_report report;

    if (!vm_check_space(load->space, &report))
        FAIL("%s", report.text);
}

/* ---- the whole ---- */

/* Decodes and maps. Allocations may fail here, and nowhere else. */
static int load_file(struct load *load, struct file *file, const char *head, size_t head_size) {
    int error = elf_decode(file, head, head_size, &load->image);

    if (error)
        return error;
    load->bias = load->image.is_fixed ? 0 : BIAS;
    load->space = vm_space_create();
    if (!load->space)
        return -ENOMEM;
    return elf_map(load->space, file, &load->image, load->bias);
}

static bool try(struct load *load, uint64_t fail_nth, int *error) {
    struct file *file = file_with(load->bytes, load->size);
    struct world_memory before;
    char head[HEAD_BYTES];
    long got = file_read_kernel(file, 0, head, sizeof(head));
    bool failed;

    CHECK_EQ(got, MIN(load->size, sizeof(head)));
    before = world_memory();
    if (fail_nth != UINT64_MAX)
        inject_fail_nth(fail_nth);
    *error = load_file(load, file, head, (size_t)got);
    failed = inject_stop();
    if (load->space) {
        check_image(load);
        check_space(load);
        if (*error == 0)
            check_contents(load);
        vm_space_unref(load->space);
    }
    world_check_memory(&before, "loading");
    file_unref(file);
    return failed;
}

int loader_try(const void *bytes, size_t size) {
    static struct load load;
    int error;

    load = (struct load){.bytes = bytes, .size = size};
    try(&load, UINT64_MAX, &error);
    return error;
}

bool loader_try_failing(const void *bytes, size_t size, uint64_t n) {
    static struct load load;
    bool failed;
    int error;

    load = (struct load){.bytes = bytes, .size = size};
    failed = try(&load, n, &error);
    CHECK_EQ(error, failed ? -ENOMEM : 0);
    return failed;
}
