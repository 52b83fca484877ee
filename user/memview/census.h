/* SPDX-License-Identifier: MIT */
/*
 * The census: who has each frame, found by walking all page tables and all pages of objects and
 * shadows. It takes time in proportion to frames and entries (a table that several spaces share is
 * walked twice at most), so it is taken when something is to be shown, not with each record.
 */
#ifndef USER_MEMVIEW_CENSUS_H
#define USER_MEMVIEW_CENSUS_H

#include "user/memview/model.h"

/* What a cell of the map of physical memory stands for. */
enum frame_class {
    CLASS_HOLE, /* no memory there */
    CLASS_RESERVED,
    CLASS_KERNEL,
    CLASS_SLAB,
    CLASS_STACK, /* of a thread in the kernel */
    CLASS_TABLE,
    CLASS_TABLE_SHARED, /* a page table that several spaces have */
    CLASS_PRIVATE,      /* one space's page */
    CLASS_SHARED,       /* a page that several spaces have */
    CLASS_FILE,         /* file cache */
    CLASS_FILE_SHARED,  /* a page of a file that several spaces have */
    CLASS_SHMEM,        /* shared memory */
    CLASS_ZERO,
    CLASS_SPARE, /* kept ready */
    CLASS_FREE,
    CLASS_LEAKED, /* in use, and nobody has it */
    CLASS_FREED,  /* free, and an entry leads to it */
    CLASS_COUNT
};

struct census {
    uint64_t classes[CLASS_COUNT]; /* frames of each */
    uint64_t uses[TRACE_FRAME_USE_COUNT];
    uint64_t memory; /* frames that are there */
    uint32_t *roots; /* roots of all spaces, by index: by pid, then root */
    uint32_t *pids;  /* the lowest process in each; 0: none */
    size_t spaces;
};

/* Fills the model's fields of the census and *census, which census_clear() lets go. 0 or -ENOMEM.
 */
int census_take(struct model *model, struct census *census);
void census_clear(struct census *census);

/* After census_take(). */
enum frame_class frame_class_of(const struct frame *frame);

/* One that is never right. */
static inline bool class_is_error(enum frame_class class) {
    return class == CLASS_LEAKED || class == CLASS_FREED;
}

/* A few words on a class, and its letter in the map; '1' stands for an owner's own. */
const char *class_name(enum frame_class class);
char class_letter(enum frame_class class);

/* The letter of a process: digits and small letters, again and again. 0: of none. */
char pid_letter(uint32_t pid);

/* The process that has a frame; 0: none, or it is not known. */
static inline uint32_t frame_pid(const struct census *census, const struct frame *frame) {
    return frame->owned && frame->owner < census->spaces ? census->pids[frame->owner] : 0;
}

/* The letter of a frame: of its class, or of the process that has it. */
static inline char frame_letter(const struct census *census, const struct frame *frame) {
    enum frame_class class = frame_class_of(frame);

    return class == CLASS_PRIVATE ? pid_letter(frame_pid(census, frame)) : class_letter(class);
}

#endif
