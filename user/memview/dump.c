/* SPDX-License-Identifier: MIT */
/* The state as text; see dump.h. */
#include "user/memview/dump.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

typedef void dump_fn(const struct model *model, uint64_t key, FILE *to);

static void frames_dump(const struct frames *frames, FILE *to) {
    size_t first = 0;

    for (size_t i = 1; i <= frames->count; i++) {
        if (i < frames->count && frames->frames[i].use == frames->frames[first].use)
            continue;
        fprintf(to, "frames %zx %zx %s\n", first, i - first,
                trace_frame_use_name(frames->frames[first].use));
        first = i;
    }
}

static void process_dump(const struct model *model, uint64_t pid, FILE *to) {
    const struct process *process = map_get(&model->processes, pid);

    fprintf(to, "process %u %u %x %s\n", process->pid, process->parent, process->root,
            process->name);
    if (process->ended)
        fprintf(to, "ended %u %x\n", process->pid, process->status);
}

static void thread_dump(const struct model *model, uint64_t tid, FILE *to) {
    uintptr_t pid = (uintptr_t)map_get(&model->threads, tid) - 1;

    fprintf(to, "thread %" PRIu64 " %" PRIuPTR "\n", tid, pid);
}

static void space_dump(const struct model *model, uint64_t root, FILE *to) {
    const struct space *space = space_get(&model->spaces, root);

    fprintf(to, "space %x\n", space->root);
    for (size_t i = 0; i < space->count; i++) {
        const struct area *area = &space->areas[i];
        fprintf(to,
                "area %x %" PRIx64 " %" PRIx64 " %x %x %x %" PRIx64 " %" PRIx64 " %" PRIx64 "\n",
                space->root, area->start, area->end, area->prot, area->max_prot, area->flags,
                area->object, area->shadow, area->offset);
    }
}

static void chunk_dump(const struct owner *owner, uint64_t number, FILE *to) {
    const struct chunk *chunk = map_get(&owner->chunks, number);

    for (uint64_t i = 0; i < CHUNK_PAGES; i++)
        if (chunk->pfns[i])
            fprintf(to, "page %" PRIx64 " %" PRIx64 " %x\n", owner->id, number * CHUNK_PAGES + i,
                    chunk->pfns[i]);
}

static void owner_dump(const struct model *model, uint64_t id, FILE *to) {
    const struct owner *owner = owner_get(&model->owners, id);
    const char *kind = trace_object_kind_name(owner->kind);
    uint64_t *keys = map_keys(&owner->chunks);

    if (owner->shadow)
        fprintf(to, "shadow %" PRIx64 "\n", id);
    else
        fprintf(to, "object %" PRIx64 " %s %" PRIx64 " %s\n", id, kind ? kind : "?", owner->bytes,
                owner->name);
    for (size_t i = 0; keys && i < owner->chunks.count; i++)
        chunk_dump(owner, keys[i], to);
    free(keys);
}

static void table_dump(const struct model *model, uint64_t pfn, FILE *to) {
    const struct table *table = table_get(&model->tables, pfn);

    fprintf(to, "table %x %u\n", table->pfn, table->level);
    for (int i = 0; i < TABLE_ENTRIES; i++) {
        uint64_t value = table->entries[i] & ~(ENTRY_ACCESSED | ENTRY_DIRTY);
        if (value)
            fprintf(to, "entry %x %x %" PRIx64 "\n", table->pfn, i, value);
    }
}

static int map_dump(const struct model *model, const struct map *map, dump_fn *dump, FILE *to) {
    uint64_t *keys = map_keys(map);

    if (!keys)
        return -ENOMEM;
    for (size_t i = 0; i < map->count; i++)
        dump(model, keys[i], to);
    free(keys);
    return 0;
}

int model_dump(const struct model *model, FILE *to) {
    const struct {
        const struct map *map;
        dump_fn *dump;
    } parts[] = {{&model->processes, process_dump},
                 {&model->threads, thread_dump},
                 {&model->spaces.map, space_dump},
                 {&model->owners.map, owner_dump},
                 {&model->tables.map, table_dump}};

    frames_dump(&model->frames, to);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (map_dump(model, parts[i].map, parts[i].dump, to) < 0)
            return -ENOMEM;
    return 0;
}
