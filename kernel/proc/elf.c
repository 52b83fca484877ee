/* SPDX-License-Identifier: MIT */
/*
 * Executable files; see elf.h.
 *
 * Stricter than Linux where a file makes no sense: segments out of order, overlapping in a page,
 * reaching beyond the file or the user's half are all ENOEXEC, where Linux would run the file and
 * kill it, or load something else than was meant.
 */
#include "proc/elf.h"

#include "abi/elf.h"
#include "abi/errno.h"
#include "core/assert.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "machine/layout.h"
#include "mm/frame.h"
#include "mm/slab.h"
#include "vfs/file.h"
#include "vm/map.h"
#include "vm/space.h"
#include "vm/trace_vm.h"

#define HEADERS_MAX_BYTES 65536u
#define ALIGN_MAX (1ull << 30)

/* What decoding passes around. */
struct decoder {
    struct file *file;
    const char *head;
    size_t head_size;
    uint64_t file_size;
    struct linux_elf64_ehdr header;
    struct elf_image *image;
};

static bool header_is_ours(const struct linux_elf64_ehdr *header) {
    static const uint8_t start[] = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT};

    return memcmp(header->e_ident, start, sizeof(start)) == 0 && header->e_machine == EM_X86_64 &&
           (header->e_type == ET_EXEC || header->e_type == ET_DYN) &&
           header->e_phentsize == sizeof(struct linux_elf64_phdr) && header->e_phnum != 0 &&
           (size_t)header->e_phnum * sizeof(struct linux_elf64_phdr) <= HEADERS_MAX_BYTES;
}

/* Exactly these bytes of the file. 0, -ENOEXEC if they are not there. */
static int read_exactly(const struct decoder *d, uint64_t offset, void *buffer, size_t size) {
    long got;

    if (offset > d->file_size || size > d->file_size - offset)
        return -ENOEXEC;
    if (offset + size <= d->head_size) {
        memcpy(buffer, d->head + offset, size);
        return 0;
    }
    got = file_read_kernel(d->file, offset, buffer, size);
    if (got < 0)
        return (int)got;
    return (size_t)got == size ? 0 : -ENOEXEC;
}

static uint32_t prot_of(uint32_t flags) {
    return (flags & PF_R ? VM_READ : 0) | (flags & PF_W ? VM_WRITE : 0) |
           (flags & PF_X ? VM_EXEC : 0);
}

static bool segment_is_sane(const struct decoder *d, const struct linux_elf64_phdr *p) {
    if (p->p_filesz > p->p_memsz || p->p_memsz > USER_END || p->p_vaddr > USER_END - p->p_memsz)
        return false;
    if (p->p_offset > d->file_size || p->p_filesz > d->file_size - p->p_offset)
        return false;
    if (d->header.e_type == ET_EXEC && p->p_vaddr < vm_lowest_address())
        return false;
    return (p->p_vaddr - p->p_offset) % PAGE_SIZE == 0;
}

static int add_segment(struct decoder *d, const struct linux_elf64_phdr *p) {
    struct elf_image *image = d->image;
    struct elf_segment *segment = &image->segments[image->segment_count];
    uint64_t start = align_down(p->p_vaddr, PAGE_SIZE);

    if (p->p_memsz == 0)
        return 0;
    if (!segment_is_sane(d, p) || image->segment_count == ELF_SEGMENTS_MAX)
        return -ENOEXEC;
    if (image->segment_count > 0 && start < align_up(segment[-1].memory_end, PAGE_SIZE))
        return -ENOEXEC;
    *segment = (struct elf_segment){
        .start = start,
        .file_end = p->p_filesz != 0 ? p->p_vaddr + p->p_filesz : start,
        .memory_end = p->p_vaddr + p->p_memsz,
        .offset = align_down(p->p_offset, PAGE_SIZE),
        .prot = prot_of(p->p_flags),
    };
    if (is_pow2(p->p_align) && p->p_align <= ALIGN_MAX)
        image->align = MAX(image->align, p->p_align);
    if (d->header.e_phoff >= p->p_offset && d->header.e_phoff - p->p_offset < p->p_filesz)
        image->headers = p->p_vaddr + (d->header.e_phoff - p->p_offset);
    image->last_first = p->p_vaddr;
    image->segment_count++;
    return 0;
}

static int add_interpreter(struct decoder *d, const struct linux_elf64_phdr *p) {
    char *path = d->image->interpreter;
    int error;

    if (path[0] != '\0')
        return 0;
    if (p->p_filesz < 2 || p->p_filesz > ELF_INTERPRETER_MAX)
        return -ENOEXEC;
    error = read_exactly(d, p->p_offset, path, p->p_filesz);
    if (error)
        return error;
    return path[p->p_filesz - 1] == '\0' && path[0] != '\0' ? 0 : -ENOEXEC;
}

static int decode_entry(struct decoder *d, const struct linux_elf64_phdr *p) {
    switch (p->p_type) {
    case PT_LOAD:
        return add_segment(d, p);
    case PT_INTERP:
        return add_interpreter(d, p);
    case PT_GNU_STACK:
        d->image->has_exec_stack = (p->p_flags & PF_X) != 0;
        return 0;
    default:
        return 0;
    }
}

static int decode_entries(struct decoder *d) {
    size_t size = d->header.e_phnum * sizeof(struct linux_elf64_phdr);
    struct linux_elf64_phdr *entries = kmalloc(size);
    int error;

    if (!entries)
        return -ENOMEM;
    error = read_exactly(d, d->header.e_phoff, entries, size);
    for (unsigned i = 0; i < d->header.e_phnum && error == 0; i++)
        error = decode_entry(d, &entries[i]);
    kfree(entries);
    return error;
}

int elf_decode(struct file *file, const char *head, size_t head_size, struct elf_image *image) {
    struct decoder d = {
        .file = file,
        .head = head,
        .head_size = head_size,
        .file_size = file->vnode->object ? vm_object_size(file->vnode->object) : 0,
        .image = image,
    };
    int error;

    if (head_size < sizeof(d.header))
        return -ENOEXEC;
    memcpy(&d.header, head, sizeof(d.header));
    if (!header_is_ours(&d.header))
        return -ENOEXEC;
    memset(image, 0, offsetof(struct elf_image, segments));
    image->interpreter[0] = '\0';
    image->is_fixed = d.header.e_type == ET_EXEC;
    image->header_count = d.header.e_phnum;
    image->entry = d.header.e_entry;
    image->align = PAGE_SIZE;
    error = decode_entries(&d);
    if (error)
        return error;
    return image->segment_count != 0 && image->entry < USER_END ? 0 : -ENOEXEC;
}

uint64_t elf_span(const struct elf_image *image) {
    const struct elf_segment *last = &image->segments[image->segment_count - 1];

    return align_up(last->memory_end, PAGE_SIZE) - image->segments[0].start;
}

/* ---- mapping ---- */

static int map_range(struct vm_space *space, struct vm_map_request *request) {
    uint64_t address;

    request->flags = VM_MAP_NOREPLACE;
    if (request->object)
        vm_object_trace_name(request->object);
    return request->length == 0 ? 0 : vm_map(space, request, &address);
}

/*
 * Zeroes the rest of the segment's last file page: all of it, as Linux does, since the heap may go
 * on there and the dynamic linker takes its first memory from behind its own bss.
 */
static int clear_tail(struct vm_space *space, const struct elf_segment *segment, uint64_t bias) {
    uint64_t from = segment->file_end + bias;
    uint64_t to = align_up(segment->file_end, PAGE_SIZE) + bias;
    uint64_t page = align_down(from, PAGE_SIZE);
    const void *zeroes = frame_to_virt(vm_zero_frame());
    int error = 0;

    if (from >= to)
        return 0;
    if (!(segment->prot & VM_WRITE))
        error = vm_protect(space, page, PAGE_SIZE, segment->prot | VM_WRITE);
    if (error == 0)
        error = vm_space_write(space, from, zeroes, to - from);
    if (error == 0 && !(segment->prot & VM_WRITE))
        error = vm_protect(space, page, PAGE_SIZE, segment->prot);
    return error;
}

static int map_segment(struct vm_space *space, const struct file_mmap *whole,
                       const struct elf_segment *segment, uint64_t bias) {
    uint64_t file_pages_end = align_up(segment->file_end, PAGE_SIZE);
    struct vm_map_request from_file = {
        .address = segment->start + bias,
        .length = file_pages_end - segment->start,
        .prot = segment->prot,
        .object = whole->object,
        .offset = whole->offset + segment->offset,
    };
    struct vm_map_request zeroes = {
        .address = file_pages_end + bias,
        .length = align_up(MAX(segment->memory_end, file_pages_end), PAGE_SIZE) - file_pages_end,
        .prot = segment->prot,
    };
    int error = map_range(space, &from_file);

    if (error == 0)
        error = map_range(space, &zeroes);
    if (error == 0 && segment->memory_end > segment->file_end)
        error = clear_tail(space, segment, bias);
    return error;
}

int elf_map(struct vm_space *space, struct file *file, const struct elf_image *image,
            uint64_t bias) {
    struct file_mmap whole = {
        .length = vm_object_size(file->vnode->object),
        .prot = VM_READ | VM_EXEC,
    };
    int error = file_mmap(file, &whole);

    if (error)
        return error == -ENODEV ? -ENOEXEC : error;
    for (unsigned i = 0; i < image->segment_count && error == 0; i++)
        error = map_segment(space, &whole, &image->segments[i], bias);
    vm_object_unref(whole.object);
    return error;
}
