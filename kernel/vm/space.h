/* SPDX-License-Identifier: MIT */
/*
 * Address spaces: what a process may touch and what it finds there.
 *
 * The areas, their objects and shadows are the truth; the pmap is a cache of it (vm/pmap.h).
 *
 * Locks: the list of all spaces has its own lock [spaces] (LOCK_RANK_VM_LISTS);
 * space->lock (LOCK_RANK_VM_SPACE, taken by vm/space_lock.h) guards everything tagged [space].
 * Inside it objects' locks, then frames and slabs. Nothing sleeps under it and nothing is copied to
 * or from the user under it.
 *
 * Not here: mapping calls (vm/map.h), faults (vm/fault.h), invariants (vm/check.h).
 */
#ifndef QUIRE_VM_SPACE_H
#define QUIRE_VM_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/refcount.h"
#include "sync/spinlock.h"
#include "vm/area.h"

struct pmap;
struct vm_fault_place;
struct vm_leaving;
struct vm_narrowing;

/*
 * Limits of one space, bytes; UINT64_MAX: none. setrlimit(2): RLIMIT_STACK, _DATA, _AS, _MEMLOCK.
 * Where data_bytes is 0, the hard limit counts for mappings: Valgrind sets it so to be rid of the
 * heap.
 */
struct vm_limits {
    uint64_t stack_bytes;
    uint64_t data_bytes;
    uint64_t space_bytes;
    uint64_t locked_bytes; /* UINT64_MAX for who may lock any amount */
    uint64_t data_hard_bytes;
};

struct vm_space {
    struct refcount refs;
    struct spinlock lock;
    uint32_t when_free;                  /* [space] what the lock says when it is: space_lock.h */
    struct vm_fault_place *fault_places; /* one a processor; NULL: faults come one by one */
    struct vm_area_set areas;            /* [space] */
    struct pmap *pmap;                   /* const; contents [space] */
    uint32_t root;           /* const; number of the pmap's top frame: the trace's name */
    uint64_t mmap_top;       /* [space] mappings are searched for below this */
    uint64_t mmap_bottom;    /* [space] or from here upwards; 0: not so */
    uint64_t brk_start;      /* [space] bytes, not page-aligned; 0: no heap */
    uint64_t segment_bytes;  /* [space] the program's data segment: RLIMIT_DATA counts it for brk */
    uint64_t brk;            /* [space] the break */
    struct vm_limits limits; /* [space] */
    uint32_t future_flags;   /* [space] of new areas: VM_AREA_LOCKED, _LOCK_ON_FAULT, or 0 */
    uint64_t faults_minor;   /* [space] repaired from memory */
    uint64_t faults_major;   /* [space] had to wait for a device */
    uint64_t peak_bytes;     /* [space] largest areas.bytes */
    bool is_reaped;          /* [space] its memory was taken: no access any more */
    uint64_t promised_bytes; /* [space] areas.accounted_bytes between calls: vm/commit.h */
    uint64_t peak_pages;     /* [space] most resident ones that vm_space_usage has counted */
    uint64_t check_owed;     /* [space] for the last look at all of it: vm/check.h */
    struct list_node link;   /* [spaces] in the list of all, once it is whole */

    /* Of calls that take long, and who waits for them: vm/space_lock.h. */
    uint32_t waiting;                /* atomic: processors that wait for the lock */
    uint32_t let_in;                 /* [space] times that such were let in between */
    uint32_t want_end;               /* [space] calls that wait for narrowings to be over */
    uint32_t narrowed;               /* [space] narrowings that are over, ever */
    struct vm_narrowing *narrowings; /* [space] under way: vm/narrow.h */
    struct vm_leaving *leaving;      /* [space] of the call that has it: vm/leaving.h; or NULL */
};

/* At boot, once, after frames, slabs and kernel addresses. */
void vm_init(void);

/*
 * Nothing is mapped below this unless at a fixed place, by who may: /proc/sys/vm/mmap_min_addr. The
 * page at 0 never is.
 */
extern uint64_t vm_mmap_min_addr; /* atomic */

/* The same as an address of a page that may be mapped. */
static inline uint64_t vm_lowest_address(void) {
    uint64_t address = __atomic_load_n(&vm_mmap_min_addr, __ATOMIC_RELAXED);

    return address <= USER_MIN ? USER_MIN : (address + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
}

/*
 * Areas in one space at most, but for the one that a mapping may make beyond it, and stacks that
 * grow: /proc/sys/vm/max_map_count.
 */
extern uint64_t vm_areas_max; /* atomic */

/* Whether `more` areas are within that. Locked. */
static inline bool vm_space_has_room(const struct vm_space *space, unsigned more) {
    return space->areas.count + more <= __atomic_load_n(&vm_areas_max, __ATOMIC_RELAXED);
}

/* The frame of zeroes that reads of untouched memory find. */
struct frame *vm_zero_frame(void);

/* An empty space, refs 1. NULL: no memory. */
struct vm_space *vm_space_create(void);

/*
 * The space made after this one (NULL: the oldest), with a reference; the reference on this one is
 * dropped. NULL: no more. For walking all spaces: each that lives all the time is met once. Leave
 * the walk early with vm_space_unref.
 */
struct vm_space *vm_space_next(struct vm_space *space);

/* One user more or less; with the last one all areas, pages and tables are given back. */
void vm_space_ref(struct vm_space *space);
void vm_space_unref(struct vm_space *space);

/*
 * A copy of parent for fork(2): the same areas; private memory is seen by both until one writes.
 * Costs the number of areas, not of pages. 0 with *child (refs 1), or -ENOMEM and nothing changed
 * but that the parent may take faults again to write.
 */
int vm_space_fork(struct vm_space *parent, struct vm_space **child);

/*
 * Takes all private memory from a space whose users are about to die; from now on every access to
 * it fails with -EFAULT. Needs no memory.
 */
void vm_space_reap(struct vm_space *space);

/* Makes the current processor run in the space; NULL: in the kernel's own, with no user half. */
void vm_space_activate(struct vm_space *space);

void vm_space_set_limits(struct vm_space *space, const struct vm_limits *limits);

/*
 * Whether the limits allow more_bytes more (or fewer) of mappings; is_data: and as many more of
 * private writable ones. Locked.
 */
bool vm_space_may_grow(const struct vm_space *space, int64_t more_bytes, bool is_data);

/* The same for pages that are there and become data. Locked. */
bool vm_space_may_have_data(const struct vm_space *space, int64_t more_bytes);

/*
 * Sets where mappings are searched for: below top, or from bottom upwards if that is not 0; exec,
 * before anything is mapped.
 */
void vm_space_set_mmap_range(struct vm_space *space, uint64_t top, uint64_t bottom);
/* Whether anything is locked now: what is mapped or grown may be too, and be to populate. */
static inline bool vm_space_locks(const struct vm_space *space) {
    return __atomic_load_n(&space->areas.locked_bytes, __ATOMIC_RELAXED) > 0;
}

/* Sets where the heap starts and the break stands; exec, before anything is in the heap. */
void vm_space_set_brk_start(struct vm_space *space, uint64_t address);

/* Sets how large the program's data segment is, from the file, without its zeroes. */
void vm_space_set_data_segment(struct vm_space *space, uint64_t bytes);

/*
 * Reads and writes through another space, as its own process would (Weenix: vmmap_read, _write;
 * exec's arguments, /proc/PID/cmdline, ptrace). Rights of the areas are honoured; copy on write
 * too. Return 0, or -EFAULT after as many bytes as were possible, or -ENOMEM. May sleep.
 */
int vm_space_read(struct vm_space *space, uint64_t address, void *buffer, size_t size);
int vm_space_write(struct vm_space *space, uint64_t address, const void *buffer, size_t size);

/* The same as a debugger does, whatever the areas' own rights: see VM_FORCE. */
int vm_space_read_forced(struct vm_space *space, uint64_t address, void *buffer, size_t size);
int vm_space_write_forced(struct vm_space *space, uint64_t address, const void *buffer,
                          size_t size);

/*
 * Whether every byte of [address, address + size) lies in areas that grant all of rights (Weenix:
 * range_perm, addr_perm with size 1).
 */
bool vm_space_allows(struct vm_space *space, uint64_t address, uint64_t size, unsigned rights);

/* The physical address of the space's top page table, for who looks at tables from outside. */
paddr_t vm_space_table_root(const struct vm_space *space);

/* Sizes for /proc/PID/statm and status, in bytes; pages counted exactly, so it walks. */
struct vm_space_usage {
    uint64_t mapped_bytes; /* all areas */
    uint64_t peak_bytes;
    uint64_t data_bytes; /* private writable, stack left out */
    uint64_t stack_bytes;
    uint64_t text_bytes; /* executable */
    uint64_t locked_bytes;
    uint64_t private_pages; /* in shadows: anonymous resident */
    uint64_t file_pages;    /* mapped from files now */
    uint64_t shmem_pages;   /* mapped from shared memory that is no file now */
    uint64_t peak_pages;    /* resident: the most, of the times when somebody looked */
    uint64_t table_pages;
    uint32_t areas;
};
void vm_space_usage(struct vm_space *space, struct vm_space_usage *usage);

/* One area as /proc/PID/maps tells it. */
struct vm_area_info {
    uint64_t start, end;
    unsigned prot, max_prot;
    uint32_t flags;
    uint64_t offset_bytes; /* in the object; 0 if there is none */
    uint64_t private_pages;
    bool huge_eligible; /* a part of it may become a huge page */
    struct vm_object_identity identity;
};

/* The first area that ends above address; false: none. For walking maps without holding locks. */
bool vm_space_area_info(struct vm_space *space, uint64_t address, struct vm_area_info *info);

/*
 * What an address finds (for /proc/PID/pagemap): private memory by the truth, what is mapped just
 * now of an object.
 */
struct vm_page_info {
    bool in_area;   /* something is mapped there */
    bool present;   /* there is a frame for it (the zero frame does not count) */
    bool anonymous; /* private memory */
    bool alone;     /* nobody else sees it; of private memory only: a census tells of others */
    bool zero;      /* not present, but the frame of zeroes is mapped */
    struct frame *frame;
};
void vm_space_page_info(struct vm_space *space, uint64_t address, struct vm_page_info *info);

/*
 * What others see too who map it shared: the object at address, with a reference, and the byte
 * offset in it. NULL: the memory is the space's own, or there is none.
 */
struct vm_object *vm_space_shared_object(struct vm_space *space, uint64_t address,
                                         uint64_t *offset_bytes);

#endif
