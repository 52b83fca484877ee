/* SPDX-License-Identifier: MIT */
/*
 * The naive model of virtual memory: see naive.h. Rules are those of the Linux manual pages, and
 * where these leave it open, of the headers of kernel/vm.
 */
#include "support/naive.h"

#include <stdlib.h>
#include <string.h>

#include "abi/errno.h"
#include "lib/bits.h"
#include "support/check.h"
#include "vm/access.h"
#include "vm/lock.h"

/* Pages kept free between a growing stack and what lies below it. */
#define STACK_GUARD_PAGES 256u

struct naive_object naive_objects[NAIVE_OBJECTS];
unsigned naive_idents;

static const unsigned char zeroes[PAGE_SIZE];

/* The rights that pages of a protection have: what can be written or executed can be read. */
static unsigned granted(const struct naive_page *page) {
    return page->prot ? page->prot | VM_READ : 0;
}

/* ---- private pages ---- */

static void page_set_private(struct naive_page *page, const unsigned char *bytes,
                             struct ident *ident) {
    page->bytes = malloc(PAGE_SIZE);
    CHECK(page->bytes != NULL);
    memcpy(page->bytes, bytes, PAGE_SIZE);
    page->ident = ident;
    ident->holders++;
}

static void page_drop_private(struct naive_page *page) {
    if (!page->bytes)
        return;
    if (--page->ident->holders == 0) {
        naive_idents--;
        free(page->ident);
    }
    free(page->bytes);
    page->bytes = NULL;
    page->ident = NULL;
}

static struct ident *ident_create(void) {
    struct ident *ident = calloc(1, sizeof(*ident));

    CHECK(ident != NULL);
    naive_idents++;
    return ident;
}

static void page_unmap(struct naive_page *page) {
    page_drop_private(page);
    *page = (struct naive_page){0};
}

/* ---- ranges ---- */

bool naive_range_is_free(const struct naive_space *space, struct naive_range range) {
    for (unsigned i = range.start; i < range.end; i++) {
        if (space->pages[i].mapped)
            return false;
    }
    return true;
}

bool naive_range_is_clear(const struct naive_space *space, struct naive_range range) {
    unsigned i = range.end;

    while (i < NAIVE_PAGES && !space->pages[i].mapped)
        i++;
    return naive_range_is_free(space, range) &&
           (i == NAIVE_PAGES || !space->pages[i].grows_down || i - range.end >= STACK_GUARD_PAGES);
}

uint64_t naive_highest_gap(const struct naive_space *space, unsigned n) {
    unsigned run = 0, guard = 0;

    for (unsigned i = NAIVE_PAGES; i-- > 0;) {
        if (space->pages[i].mapped) {
            guard = space->pages[i].grows_down ? STACK_GUARD_PAGES : 0;
            run = 0;
        } else if (guard > 0) {
            guard--;
        } else if (++run == n) {
            return naive_address(i);
        }
    }
    return NAIVE_START + run * PAGE_SIZE - (n + guard) * PAGE_SIZE;
}

void naive_unmap(struct naive_space *space, struct naive_range range) {
    for (unsigned i = range.start; i < range.end; i++)
        page_unmap(&space->pages[i]);
}

void naive_map(struct naive_space *space, struct naive_range range,
               const struct naive_mapping *mapping) {
    naive_unmap(space, range);
    for (unsigned i = range.start; i < range.end; i++) {
        space->pages[i] = (struct naive_page){
            .mapped = true,
            .grows_down = mapping->grows_down,
            .prot = mapping->prot,
            .max_prot = mapping->max_prot,
            .backing = mapping->backing,
            .object = mapping->object,
            .index = (uint16_t)(mapping->index + i - range.start),
            .flags = space->future_flags,
        };
    }
}

int naive_protect(struct naive_space *space, struct naive_range range, unsigned prot) {
    for (unsigned i = range.start; i < range.end; i++) {
        if (!space->pages[i].mapped)
            return -ENOMEM;
        if (prot & ~space->pages[i].max_prot)
            return -EACCES;
        space->pages[i].prot = (uint8_t)prot;
    }
    return 0;
}

uint64_t naive_brk(struct naive_space *space, uint64_t address) {
    static const struct naive_mapping heap = {
        .prot = VM_READ | VM_WRITE, .max_prot = VM_RIGHTS, .backing = NAIVE_ZERO};
    unsigned old = (unsigned)div_round_up(space->brk - NAIVE_START, PAGE_SIZE);
    unsigned new;

    if (address < space->brk_start)
        return space->brk;
    new = (unsigned)div_round_up(address - NAIVE_START, PAGE_SIZE);
    if (new > old) {
        /* A page is left free behind the heap. */
        if (!naive_range_is_clear(space, (struct naive_range){old, MIN(new + 1, NAIVE_PAGES)}))
            return space->brk;
        naive_map(space, (struct naive_range){old, new}, &heap);
    } else if (new < old) {
        naive_unmap(space, (struct naive_range){new, old});
    }
    space->brk = address;
    return address;
}

void naive_fork(struct naive_space *child, const struct naive_space *parent) {
    *child = *parent;
    child->future_flags = 0;
    for (unsigned i = 0; i < NAIVE_PAGES; i++) {
        struct naive_page *page = &child->pages[i];

        if (page->flags & NAIVE_NO_FORK) {
            *page = (struct naive_page){0};
        } else if (page->flags & NAIVE_WIPE_ON_FORK) {
            page->bytes = NULL;
            page->ident = NULL;
        } else if (page->bytes) {
            page_set_private(page, parent->pages[i].bytes, parent->pages[i].ident);
        }
        page->flags &= (uint8_t) ~(NAIVE_LOCKED | NAIVE_ON_FAULT);
    }
}

/* ---- mremap ---- */

/* A page like this one, without contents, `more` pages further in the object. */
static struct naive_page page_alike(const struct naive_page *page, unsigned more) {
    struct naive_page alike = *page;

    alike.bytes = NULL;
    alike.ident = NULL;
    alike.index = (uint16_t)(alike.index + more);
    return alike;
}

void naive_extend(struct naive_space *space, struct naive_range range) {
    for (unsigned i = range.start; i < range.end; i++)
        space->pages[i] = page_alike(&space->pages[i - 1], 1);
}

void naive_move(struct naive_space *space, const struct naive_move *move) {
    unsigned old_pages = move->from.end - move->from.start;
    unsigned moved = MIN(old_pages, move->new_pages);
    struct naive_page last;

    naive_unmap(space, (struct naive_range){move->to, move->to + move->new_pages});
    if (old_pages == 0) { /* the pages of a shared object, once more */
        for (unsigned i = 0; i < move->new_pages; i++)
            space->pages[move->to + i] = page_alike(&space->pages[move->from.start], i);
        return;
    }
    last = page_alike(&space->pages[move->from.start + moved - 1], 0);
    for (unsigned i = 0; i < moved; i++) {
        struct naive_page *page = &space->pages[move->from.start + i];

        space->pages[move->to + i] = *page;
        *page = move->keep ? page_alike(page, 0) : (struct naive_page){0};
        if (move->keep)
            page->flags &= (uint8_t) ~(NAIVE_LOCKED | NAIVE_ON_FAULT);
    }
    naive_unmap(space, (struct naive_range){move->from.start + moved, move->from.end});
    for (unsigned i = moved; i < move->new_pages; i++)
        space->pages[move->to + i] = page_alike(&last, i - moved + 1);
}

/* ---- advice, locks ---- */

/* Why a page refuses an advice; 0: it does not. */
static int refusal(const struct naive_page *page, enum naive_advice advice) {
    bool locked = page->flags & NAIVE_LOCKED;

    switch (advice) {
    case NAIVE_DONT_NEED:
    case NAIVE_COLD:
        return locked ? -EINVAL : 0;
    case NAIVE_FREE:
        return locked || page->backing != NAIVE_ZERO ? -EINVAL : 0;
    case NAIVE_WIPE:
        return page->backing != NAIVE_ZERO ? -EINVAL : 0;
    case NAIVE_REMOVE:
        if (locked || page->backing == NAIVE_ZERO)
            return -EINVAL;
        return page->backing == NAIVE_SHARED_OBJECT && (page->max_prot & VM_WRITE) ? 0 : -EACCES;
    default:
        return 0;
    }
}

static void take_advice(struct naive_page *page, enum naive_advice advice) {
    switch (advice) {
    case NAIVE_DONT_NEED:
    case NAIVE_DONT_NEED_LOCKED:
    case NAIVE_FREE:
        page_drop_private(page);
        break;
    case NAIVE_REMOVE:
        if (page->index < NAIVE_OBJECT_PAGES)
            memset(naive_objects[page->object].bytes[page->index], 0, PAGE_SIZE);
        break;
    case NAIVE_DONT_FORK:
        page->flags |= NAIVE_NO_FORK;
        break;
    case NAIVE_DO_FORK:
        page->flags &= (uint8_t)~NAIVE_NO_FORK;
        break;
    case NAIVE_WIPE:
        page->flags |= NAIVE_WIPE_ON_FORK;
        break;
    case NAIVE_KEEP:
        page->flags &= (uint8_t)~NAIVE_WIPE_ON_FORK;
        break;
    default:
        break;
    }
}

int naive_advise(struct naive_space *space, struct naive_range range, enum naive_advice advice) {
    int answer = 0;

    for (unsigned i = range.start; i < range.end; i++) {
        struct naive_page *page = &space->pages[i];
        int refused = page->mapped ? refusal(page, advice) : 0;

        if (refused < 0)
            return refused;
        if (page->mapped)
            take_advice(page, advice);
        else
            answer = -ENOMEM;
    }
    return answer;
}

int naive_lock(struct naive_space *space, struct naive_range range, unsigned flags) {
    for (unsigned i = range.start; i < range.end; i++) {
        struct naive_page *page = &space->pages[i];

        if (!page->mapped)
            return -ENOMEM;
        page->flags &= (uint8_t) ~(NAIVE_LOCKED | NAIVE_ON_FAULT);
        page->flags |= (uint8_t)flags;
    }
    return 0;
}

int naive_populate_access(const struct naive_space *space, unsigned number, unsigned mode) {
    const struct naive_page *page = &space->pages[number];
    unsigned access = mode == VM_POPULATE_WRITE ? VM_WRITE : VM_READ;
    bool advice = mode == VM_POPULATE_READ || mode == VM_POPULATE_WRITE;

    if (!page->mapped)
        return advice ? -ENOMEM : 0;
    if (advice)
        return access & ~granted(page) ? -EINVAL : (int)access;
    if ((page->flags & NAIVE_ON_FAULT) ||
        (mode == VM_POPULATE_LOCKED && !(page->flags & NAIVE_LOCKED)))
        return 0;
    if (!page->prot)
        return -EFAULT;
    return (page->prot & VM_WRITE) && page->backing != NAIVE_SHARED_OBJECT ? VM_WRITE : VM_READ;
}

/* ---- stacks ---- */

bool naive_may_grow(const struct naive_space *space, unsigned page, struct naive_range area) {
    unsigned below = page;

    if (!space->pages[area.start].grows_down ||
        (area.end - page) * PAGE_SIZE > space->stack_limit_bytes)
        return false;
    while (below > 0 && !space->pages[below - 1].mapped)
        below--;
    return below == 0 || space->pages[below - 1].grows_down || space->pages[below - 1].prot == 0 ||
           page - below >= STACK_GUARD_PAGES;
}

void naive_grow(struct naive_space *space, unsigned page, struct naive_range area) {
    const struct naive_page *first = &space->pages[area.start];
    const struct naive_mapping same = {
        .prot = first->prot,
        .max_prot = first->max_prot,
        .backing = NAIVE_ZERO,
        .grows_down = true,
    };

    CHECK_EQ(first->backing, NAIVE_ZERO);
    naive_map(space, (struct naive_range){page, area.start}, &same);
    for (unsigned i = page; i < area.start; i++)
        space->pages[i].flags = first->flags;
}

/* ---- accesses ---- */

int naive_access(const struct naive_space *space, unsigned number, unsigned access) {
    const struct naive_page *page = &space->pages[number];

    if (!page->mapped)
        return -EFAULT;
    if (access & ~granted(page))
        return -EACCES;
    if (page->backing != NAIVE_ZERO &&
        page->index >= div_round_up(naive_objects[page->object].size_bytes, PAGE_SIZE))
        return -ENXIO;
    return 0;
}

const unsigned char *naive_bytes(const struct naive_space *space, unsigned number) {
    const struct naive_page *page = &space->pages[number];

    if (page->bytes)
        return page->bytes;
    if (page->backing == NAIVE_ZERO)
        return zeroes;
    return naive_objects[page->object].bytes[page->index];
}

void naive_split(struct naive_space *space, unsigned number) {
    struct naive_page *page = &space->pages[number];
    unsigned char bytes[PAGE_SIZE];

    memcpy(bytes, naive_bytes(space, number), PAGE_SIZE);
    page_drop_private(page);
    page_set_private(page, bytes, ident_create());
}

unsigned char *naive_bytes_to_write(struct naive_space *space, unsigned number) {
    struct naive_page *page = &space->pages[number];

    if (page->backing == NAIVE_SHARED_OBJECT)
        return naive_objects[page->object].bytes[page->index];
    if (!page->bytes || page->ident->holders > 1)
        naive_split(space, number);
    return page->bytes;
}

/* ---- objects ---- */

void naive_object_shrunk(struct naive_space *space, unsigned object) {
    uint64_t pages = div_round_up(naive_objects[object].size_bytes, PAGE_SIZE);

    for (unsigned i = 0; i < NAIVE_PAGES; i++) {
        struct naive_page *page = &space->pages[i];

        if (page->backing == NAIVE_PRIVATE_OBJECT && page->object == object && page->index >= pages)
            page_drop_private(page);
    }
}

void naive_object_resize(unsigned number, uint64_t size_bytes) {
    struct naive_object *object = &naive_objects[number];
    uint64_t start = MIN(size_bytes, object->size_bytes);
    uint64_t end = size_bytes < object->size_bytes ? sizeof(object->bytes) : size_bytes;

    memset(&object->bytes[0][0] + start, 0, end - start);
    object->size_bytes = size_bytes;
}
