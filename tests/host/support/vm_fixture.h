/* SPDX-License-Identifier: MIT */
/*
 * What the unit tests of kernel/vm share: a machine with memory and VM, short ways to map and to
 * touch, files, and a picture of a space's areas.
 */
#ifndef SUPPORT_VM_FIXTURE_H
#define SUPPORT_VM_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "vm/fault.h"
#include "vm/map.h"
#include "vm/object.h"
#include "vm/space.h"

#define RO VM_READ
#define RW (VM_READ | VM_WRITE)
#define RX (VM_READ | VM_EXEC)

/* Where tests map: across a boundary of 1 GiB. */
#define AT(page) (0x80000000ull - 8 * PAGE_SIZE + (uint64_t)(page)*PAGE_SIZE)

/* Memory and VM; 32 MiB. */
void vm_fixture_init(void);

/* Whether the faults of new spaces go on together (vm/space_lock.h). */
extern bool vm_fixture_faults_together;

/* inject_fail_nth; or inject_fail_from, where a fault that fails is made again in another way. */
void vm_fixture_fail(uint64_t n);

/* A space whose areas are checked and which is unref'd by space_end. */
struct vm_space *space_begin(void);
void space_end(struct vm_space *space);
struct vm_space *space_fork(struct vm_space *parent);

/* A mapping at AT(page), by vm_map with VM_MAP_FIXED and `flags`. */
struct mapping {
    unsigned page, pages, prot, flags;
    struct vm_object *object; /* NULL: zeroes */
    unsigned index;           /* of the object's first page */
};

/* Maps, which must work. */
void map_with(struct vm_space *space, const struct mapping *mapping);

/* The same: space, then the fields of struct mapping. */
#define map_object(space, ...) map_with(space, &(const struct mapping){__VA_ARGS__})
#define map_fixed(space, page, pages, prot, flags) map_object(space, page, pages, prot, flags, 0, 0)

/* One byte at the start of page AT(page). Negative: the error; else, of peek, the byte. */
int peek(struct vm_space *space, unsigned page);
int poke(struct vm_space *space, unsigned page, unsigned char byte);
int fetch(struct vm_space *space, unsigned page);

/* The frame that a page has by the truth; NULL: none. */
struct frame *frame_at(struct vm_space *space, unsigned page);

/* What the pmap has for a page: rights, or 0 when there is no entry. */
unsigned rights_at(struct vm_space *space, unsigned page);

/* Fails the test unless vm_check_space finds nothing. */
void space_check(struct vm_space *space);

/*
 * Areas of AT(0)..AT(pages) as text, one character a page and brackets around each area:
 * '.' nothing, '-' no rights, 'r' read, 'w' read and write, 'x' executable, else '?'. Upper case:
 * shared. Fails the test unless that is the picture, and the space's invariants hold.
 */
void expect_picture(struct vm_space *space, unsigned pages, const char *picture);

/* How often the fault path came to a case since it was last asked. */
uint64_t fault_case_delta(enum vm_fault_case which);

/* A file as a memory file system has it, refs 1, FRAME_FILE; with `slow`, pages have to be waited
 * for (case 4). `wait_error`: what waiting ends with, 0 for success. */
struct test_file {
    struct vm_object object;
    bool slow;
    int wait_error;
    uint64_t ready; /* bit set of pages that need no waiting any more */
    unsigned waits;
    bool destroyed;
};

void file_init(struct test_file *file, uint64_t size_bytes);

/* Puts `byte` at the start of a page of a file (as write(2) does), or reads it; -1: no page. */
void file_poke(struct test_file *file, uint64_t index, unsigned char byte);
int file_peek(struct test_file *file, uint64_t index);

#endif
