/* SPDX-License-Identifier: MIT */
/* Who has what; see census.h. */
#include "user/memview/census.h"

#include <errno.h>
#include <stdlib.h>

static const struct {
    char letter;
    const char *name;
} classes[CLASS_COUNT] = {
    [CLASS_HOLE] = {' ', "no memory"},
    [CLASS_RESERVED] = {'R', "reserved"},
    [CLASS_KERNEL] = {'K', "kernel"},
    [CLASS_SLAB] = {'B', "slab"},
    [CLASS_STACK] = {'C', "kernel stack"},
    [CLASS_TABLE] = {'T', "page table"},
    [CLASS_TABLE_SHARED] = {'H', "shared page table"},
    [CLASS_PRIVATE] = {'1', "process 1's own"},
    [CLASS_SHARED] = {'S', "shared"},
    [CLASS_FILE] = {'F', "file cache"},
    [CLASS_FILE_SHARED] = {'G', "file, in several spaces"},
    [CLASS_SHMEM] = {'M', "shared memory"},
    [CLASS_ZERO] = {'Z', "zero page"},
    [CLASS_SPARE] = {'P', "kept ready"},
    [CLASS_FREE] = {'.', "free"},
    [CLASS_LEAKED] = {'L', "LEAKED"},
    [CLASS_FREED] = {'X', "FREED BUT MAPPED"},
};

const char *class_name(enum frame_class class) {
    return classes[class].name;
}

char class_letter(enum frame_class class) {
    return classes[class].letter;
}

char pid_letter(uint32_t pid) {
    static const char letters[] = "123456789abcdefghijklmnopqrstuvwxyz";

    return pid > 0 ? letters[(pid - 1) % (sizeof letters - 1)] : '0';
}

static enum frame_class use_class(const struct frame *frame) {
    switch (frame->use) {
    case TRACE_FRAME_USE_FREE:
        return frame->mapped ? CLASS_FREED : CLASS_FREE;
    case TRACE_FRAME_USE_RESERVED:
        return CLASS_RESERVED;
    case TRACE_FRAME_USE_KERNEL:
        return CLASS_KERNEL;
    case TRACE_FRAME_USE_SLAB:
        return CLASS_SLAB;
    case TRACE_FRAME_USE_STACK:
        return CLASS_STACK;
    case TRACE_FRAME_USE_TABLE:
        return frame->shared ? CLASS_TABLE_SHARED : CLASS_TABLE;
    case TRACE_FRAME_USE_ANON:
        return frame->shared ? CLASS_SHARED : CLASS_PRIVATE;
    case TRACE_FRAME_USE_FILE:
        return frame->shared ? CLASS_FILE_SHARED : CLASS_FILE;
    case TRACE_FRAME_USE_SHMEM:
        return CLASS_SHMEM;
    case TRACE_FRAME_USE_ZERO:
        return CLASS_ZERO;
    case TRACE_FRAME_USE_SPARE:
        return CLASS_SPARE;
    default:
        return CLASS_HOLE;
    }
}

enum frame_class frame_class_of(const struct frame *frame) {
    return frame->leaked ? CLASS_LEAKED : use_class(frame);
}

/* ---- the walk ---- */

/* A space has the frame. */
static void frame_note(struct frame *frame, uint32_t owner) {
    if (frame->owned && frame->owner != owner)
        frame->shared = 1;
    if (!frame->owned)
        frame->owner = owner;
    frame->owned = 1;
}

static void pages_note(struct model *model, uint64_t entry, unsigned level, uint32_t owner) {
    uint64_t pfn = ENTRY_PFN(entry), count = entry_pages(level);

    for (uint64_t i = pfn; i < pfn + count; i++) {
        struct frame *frame = frame_at(&model->frames, i);
        if (!frame)
            return;
        frame->mapped = 1;
        frame_note(frame, owner);
    }
}

static void table_note(struct model *model, uint64_t pfn, unsigned level, uint32_t owner);

static void entry_note(struct model *model, uint64_t entry, unsigned level, uint32_t owner) {
    if (!(entry & ENTRY_PRESENT))
        return;
    if (entry_is_leaf(entry, level))
        pages_note(model, entry, level, owner);
    else
        table_note(model, ENTRY_PFN(entry), level - 1, owner);
}

/* The third space finds everything below shared already. A table that leads to itself has a level
 * that does not fit. */
static void table_note(struct model *model, uint64_t pfn, unsigned level, uint32_t owner) {
    struct table *table = table_get(&model->tables, pfn);
    struct frame *frame = frame_at(&model->frames, pfn);

    if (!table || table->level != level || table->visits == 2 ||
        (table->visits == 1 && table->visitor == owner))
        return;
    table->visits++;
    table->visitor = owner;
    if (frame) {
        frame->held = 1;
        frame_note(frame, owner);
    }
    for (int i = 0; i < TABLE_ENTRIES; i++)
        entry_note(model, table->entries[i], level, owner);
}

static void tables_walk(struct model *model, const struct census *census) {
    size_t at = 0;
    struct table *table;

    while ((table = map_next(&model->tables.map, &at)))
        table->visits = 0;
    for (size_t i = 0; i < census->spaces; i++)
        table_note(model, census->roots[i], TABLE_LEVELS, (uint32_t)i);
}

/* ---- pages of objects and shadows ---- */

static void owner_use(struct model *model, uint64_t id, uint32_t user) {
    struct owner *owner = id ? owner_get(&model->owners, id) : NULL;

    if (!owner)
        return;
    owner->shared |= owner->used && owner->user != user;
    owner->used = true;
    owner->user = user;
}

static void owners_use(struct model *model, const struct census *census) {
    size_t at = 0;
    struct owner *owner;

    while ((owner = map_next(&model->owners.map, &at)))
        owner->used = owner->shared = false;
    for (size_t i = 0; i < census->spaces; i++) {
        const struct space *space = space_get(&model->spaces, census->roots[i]);
        for (size_t j = 0; j < space->count; j++)
            owner_use(model, space->areas[j].shadow, (uint32_t)i);
    }
}

static void chunk_note(struct model *model, const struct owner *owner, const struct chunk *chunk) {
    for (int i = 0; i < CHUNK_PAGES; i++) {
        struct frame *frame = chunk->pfns[i] ? frame_at(&model->frames, chunk->pfns[i]) : NULL;
        if (!frame)
            continue;
        frame->held = 1;
        if (owner->shadow && owner->used)
            frame_note(frame, owner->user);
        frame->shared |= owner->shadow && owner->shared;
    }
}

static void owners_walk(struct model *model) {
    size_t at = 0;
    struct owner *owner;

    while ((owner = map_next(&model->owners.map, &at))) {
        size_t place = 0;
        struct chunk *chunk;
        while ((chunk = map_next(&owner->chunks, &place)))
            chunk_note(model, owner, chunk);
    }
}

/* ---- the whole ---- */

static struct model *sorted_model; /* for compare_spaces() */

static int compare_spaces(const void *one, const void *other) {
    uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;
    uint32_t pid_a = space_get(&sorted_model->spaces, a)->pid;
    uint32_t pid_b = space_get(&sorted_model->spaces, b)->pid;

    if (pid_a != pid_b)
        return (pid_a > pid_b) - (pid_a < pid_b);
    return (a > b) - (a < b);
}

/* Each space gets the lowest of its processes, and its index. */
static int spaces_sort(struct model *model, struct census *census) {
    size_t at = 0, count = 0;
    struct space *space;
    struct process *process;

    census->roots = calloc(model->spaces.map.count + 1, sizeof *census->roots);
    census->pids = calloc(model->spaces.map.count + 1, sizeof *census->pids);
    if (!census->roots || !census->pids)
        return -ENOMEM;
    while ((space = map_next(&model->spaces.map, &at))) {
        space->pid = 0;
        census->roots[count++] = space->root;
    }
    for (at = 0; (process = map_next(&model->processes, &at));) {
        space = process->root ? space_get(&model->spaces, process->root) : NULL;
        if (space && (space->pid == 0 || process->pid < space->pid))
            space->pid = process->pid;
    }
    sorted_model = model;
    qsort(census->roots, count, sizeof *census->roots, compare_spaces);
    for (size_t i = 0; i < count; i++)
        census->pids[i] = space_get(&model->spaces, census->roots[i])->pid;
    census->spaces = count;
    return 0;
}

static void frames_forget(struct frames *frames) {
    for (size_t i = 0; i < frames->count; i++) {
        struct frame *frame = &frames->frames[i];
        frame->mapped = frame->held = frame->shared = frame->owned = 0;
    }
}

static void classes_count(const struct model *model, struct census *census) {
    for (size_t i = 0; i < model->frames.count; i++) {
        const struct frame *frame = &model->frames.frames[i];
        census->classes[frame_class_of(frame)]++;
        census->uses[frame->use]++;
        census->memory += frame->use != TRACE_FRAME_USE_HOLE;
    }
}

int census_take(struct model *model, struct census *census) {
    int status;

    census_clear(census);
    status = spaces_sort(model, census);
    if (status < 0)
        return status;
    frames_forget(&model->frames);
    tables_walk(model, census);
    owners_use(model, census);
    owners_walk(model);
    classes_count(model, census);
    return 0;
}

void census_clear(struct census *census) {
    free(census->roots);
    free(census->pids);
    *census = (struct census){0};
}
