/* SPDX-License-Identifier: MIT */
/*
 * The naive model of virtual memory: what a process should see, kept in the most stupid way.
 *
 * A space is an array of pages, each with its rights, its backing and its bytes; fork copies every
 * one. There are no tables, no trees and no sharing to get wrong. Only a window of addresses is
 * modelled; it lies across a boundary of 1 GiB, where tables of three levels change, and a huge
 * page fits into it after that.
 *
 * Private pages remember which of them a kernel without hidden copies would keep as one frame
 * (struct ident): so many frames there have to be (requirement Q3).
 *
 * Functions here tell what should happen and make it so in the model. Nothing here calls the
 * kernel.
 */
#ifndef SUPPORT_NAIVE_H
#define SUPPORT_NAIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "machine/layout.h"

#define NAIVE_PAGES 640u
#define NAIVE_HUGE_PAGE 64u   /* the first page of where a huge page fits */
#define NAIVE_HUGE_PAGES 512u /* and how many it has */
#define NAIVE_START (0x80000000ull - NAIVE_HUGE_PAGE * PAGE_SIZE)
#define NAIVE_END (NAIVE_START + NAIVE_PAGES * PAGE_SIZE)
#define NAIVE_OBJECTS 4u
#define NAIVE_OBJECT_PAGES 48u

/* What a frame of a private page would be: the pages, one a process, that are still the same. */
struct ident {
    unsigned holders;
};

enum naive_backing { NAIVE_ZERO, NAIVE_SHARED_OBJECT, NAIVE_PRIVATE_OBJECT };

struct naive_page {
    bool mapped, grows_down;
    uint8_t prot, max_prot;
    uint8_t backing; /* enum naive_backing */
    uint8_t object;
    uint16_t index;       /* of the page in the object */
    unsigned char *bytes; /* this process's private version, a copy of its own; NULL: none */
    struct ident *ident;  /* of bytes */
};

struct naive_space {
    struct naive_page pages[NAIVE_PAGES];
    uint64_t brk_start, brk;
    uint64_t stack_limit_bytes;
};

struct naive_object {
    uint64_t size_bytes;
    unsigned char bytes[NAIVE_OBJECT_PAGES][PAGE_SIZE];
};

extern struct naive_object naive_objects[NAIVE_OBJECTS];

/* Idents that exist: private frames that there should be. */
extern unsigned naive_idents;

/* Pages [start, end) of the window. */
struct naive_range {
    unsigned start, end;
};

/* What a mapping is, as far as the model knows. */
struct naive_mapping {
    uint8_t prot, max_prot;
    uint8_t backing;
    uint8_t object;
    uint16_t index; /* of the first page */
    bool grows_down;
};

static inline uint64_t naive_address(unsigned page) {
    return NAIVE_START + page * PAGE_SIZE;
}

bool naive_range_is_free(const struct naive_space *space, struct naive_range range);

/* Whether it is free, and not the guard of what grows down above it: a wish is granted. */
bool naive_range_is_clear(const struct naive_space *space, struct naive_range range);

/* Where a mapping of n pages without a wish goes: the highest gap in the window, guards left out;
 * below the window all is free. Bytes. */
uint64_t naive_highest_gap(const struct naive_space *space, unsigned n);

void naive_map(struct naive_space *space, struct naive_range range,
               const struct naive_mapping *mapping);
void naive_unmap(struct naive_space *space, struct naive_range range);

/* 0, -ENOMEM (a hole), -EACCES; changes the rights of what lies before the hole or the refusal. */
int naive_protect(struct naive_space *space, struct naive_range range, unsigned prot);

/* Forgets contents of what is mapped: 0, or -ENOMEM (there is a hole). */
int naive_discard(struct naive_space *space, struct naive_range range);

/* Moves the break; returns the one that stands then. */
uint64_t naive_brk(struct naive_space *space, uint64_t address);

/* Makes `child` (uninitialised) what fork makes it. */
void naive_fork(struct naive_space *child, const struct naive_space *parent);

/* Maps what a stack that grows down to `page` gains. start, end: the area above, by pages. */
void naive_grow(struct naive_space *space, unsigned page, struct naive_range area);

/* Whether the stack `area` may grow down to `page`, which is not mapped. */
bool naive_may_grow(const struct naive_space *space, unsigned page, struct naive_range area);

/* What an access of a page is answered with: 0, -EFAULT, -EACCES, -ENXIO. */
int naive_access(const struct naive_space *space, unsigned page, unsigned access);

/* The bytes of a page that can be read. */
const unsigned char *naive_bytes(const struct naive_space *space, unsigned page);

/* The bytes of a page that can be written, made this process's own if they are to be. */
unsigned char *naive_bytes_to_write(struct naive_space *space, unsigned page);

/* Gives a private page a version of its own, alike in its bytes. */
void naive_split(struct naive_space *space, unsigned page);

/* ftruncate(2) as it concerns one space: private pages that lie wholly beyond the end go. */
void naive_object_shrunk(struct naive_space *space, unsigned object);

/* Sets an object's size. What is cut off reads zero if it comes back; so does what a mapping wrote
 * beyond the end, in the last page, when the end moves over it. */
void naive_object_resize(unsigned object, uint64_t size_bytes);

#endif
