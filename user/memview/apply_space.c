/* SPDX-License-Identifier: MIT */
/* Records about spaces, areas, objects and shadows; see apply.h. */
#include "user/memview/apply.h"

#include <errno.h>

#define NO_PFN 0xffffffffu /* ends an array of pages */

/* ---- spaces ---- */

static struct space *space_known(struct model *model, uint32_t root) {
    struct space *space = space_get(&model->spaces, root);

    if (!space)
        contradicts(model, "there is no space %x", root);
    return space;
}

int apply_space_make(struct model *model, const struct record *record) {
    struct trace_record_space_make event;

    FIELDS(event, record);
    return space_make(&model->spaces, event.root);
}

int apply_space_free(struct model *model, const struct record *record) {
    struct trace_record_space_free event;

    FIELDS(event, record);
    if (!space_free(&model->spaces, event.root))
        contradicts(model, "there is no space %x", event.root);
    return 0;
}

int apply_fork(struct model *model, const struct record *record) {
    (void)record;
    model->totals.forks++;
    return 0;
}

int apply_map(struct model *model, const struct record *record) {
    struct trace_record_map event;
    struct space *space;

    FIELDS(event, record);
    if (event.start >= event.end)
        return -EINVAL;
    if (!model->in_snapshot)
        model->totals.maps++;
    space = space_known(model, event.root);
    if (!space)
        return 0;
    return space_map(space, &(struct area){.start = event.start,
                                           .end = event.end,
                                           .prot = event.prot,
                                           .max_prot = event.max_prot,
                                           .flags = event.flags,
                                           .object = event.object,
                                           .shadow = event.shadow,
                                           .offset = event.offset});
}

int apply_unmap(struct model *model, const struct record *record) {
    struct trace_record_unmap event;
    struct space *space;

    FIELDS(event, record);
    if (event.start >= event.end)
        return -EINVAL;
    model->totals.unmaps++;
    space = space_known(model, event.root);
    return space ? space_unmap(space, event.start, event.end) : 0;
}

int apply_protect(struct model *model, const struct record *record) {
    struct trace_record_protect event;
    struct space *space;

    FIELDS(event, record);
    if (event.start >= event.end)
        return -EINVAL;
    space = space_known(model, event.root);
    return space ? space_protect(space, event.start, event.end, event.prot) : 0;
}

int apply_shadow(struct model *model, const struct record *record) {
    struct trace_record_shadow event;
    struct space *space;

    FIELDS(event, record);
    if (event.start >= event.end)
        return -EINVAL;
    space = space_known(model, event.root);
    return space ? space_shadow(space, event.start, event.end, event.shadow) : 0;
}

/* ---- objects and shadows ---- */

static struct owner *owner_known(struct model *model, uint64_t id) {
    struct owner *owner = owner_get(&model->owners, id);

    if (!owner)
        contradicts(model, "there is no object or shadow %llx", (unsigned long long)id);
    return owner;
}

int apply_object_make(struct model *model, const struct record *record) {
    struct trace_record_object_make event;
    struct owner *owner;

    FIELDS(event, record);
    owner = owner_make(&model->owners, event.object, false);
    if (!owner)
        return -ENOMEM;
    owner->kind = event.kind;
    owner->bytes = event.bytes;
    TEXT(owner->name, record, event, name);
    return 0;
}

static int owner_gone(struct model *model, uint64_t id) {
    if (!owner_free(&model->owners, id))
        contradicts(model, "there is no object or shadow %llx", (unsigned long long)id);
    return 0;
}

int apply_object_free(struct model *model, const struct record *record) {
    struct trace_record_object_free event;

    FIELDS(event, record);
    return owner_gone(model, event.object);
}

int apply_object_size(struct model *model, const struct record *record) {
    struct trace_record_object_size event;
    struct owner *owner;

    FIELDS(event, record);
    owner = owner_known(model, event.object);
    if (owner)
        owner->bytes = event.bytes;
    return 0;
}

int apply_shadow_make(struct model *model, const struct record *record) {
    struct trace_record_shadow_make event;

    FIELDS(event, record);
    return owner_make(&model->owners, event.shadow, true) ? 0 : -ENOMEM;
}

int apply_shadow_free(struct model *model, const struct record *record) {
    struct trace_record_shadow_free event;

    FIELDS(event, record);
    return owner_gone(model, event.shadow);
}

/* ---- their pages ---- */

int apply_page(struct model *model, const struct record *record) {
    struct trace_record_page event;
    struct owner *owner;

    FIELDS(event, record);
    owner = owner_known(model, event.owner);
    return owner ? owner_page_set(owner, event.index, event.pfn) : 0;
}

int apply_pages(struct model *model, const struct record *record) {
    struct trace_record_pages event;
    size_t count = (record->length - sizeof event) / sizeof(uint32_t);
    struct owner *owner;
    int status = 0;

    FIELDS(event, record);
    owner = owner_known(model, event.owner);
    for (size_t i = 0; owner && i < count && status == 0; i++) {
        uint32_t pfn;
        memcpy(&pfn, record->bytes + sizeof event + i * sizeof pfn, sizeof pfn);
        if (pfn != NO_PFN)
            status = owner_page_set(owner, event.index + i, pfn);
    }
    return status;
}

int apply_pages_gone(struct model *model, const struct record *record) {
    struct trace_record_pages_gone event;
    struct owner *owner;

    FIELDS(event, record);
    if (event.first >= event.end)
        return -EINVAL;
    owner = owner_known(model, event.owner);
    return owner ? owner_pages_drop(owner, event.first, event.end) : 0;
}

int apply_pages_shared(struct model *model, const struct record *record) {
    struct trace_record_pages_shared event;
    struct owner *from, *to;

    FIELDS(event, record);
    from = owner_known(model, event.from);
    to = owner_known(model, event.to);
    return from && to ? owner_pages_share(from, to) : 0;
}

int apply_pages_moved(struct model *model, const struct record *record) {
    struct trace_record_pages_moved event;
    struct owner *from, *to;

    FIELDS(event, record);
    if (event.first >= event.end)
        return -EINVAL;
    from = owner_known(model, event.from);
    to = owner_known(model, event.to);
    return from && to ? owner_pages_move(from, to, event.first, event.end) : 0;
}
