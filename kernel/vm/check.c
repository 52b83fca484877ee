/* SPDX-License-Identifier: MIT */
/*
 * The VM's invariants, executed. Each rule is one function that says in words what it found broken;
 * vm_check_space runs them all on one space.
 *
 * Nothing here changes anything: it reads areas, shadows and the pmap and compares them.
 */
#include "vm/check.h"

#include "core/assert.h"
#include "core/printk.h"
#include "lib/bits.h"
#include "vm/check_private.h"
#include "vm/narrow.h"
#include "vm/pmap.h"
#include "vm/space_lock.h"

/* ---- areas ---- */

/* Promised are pages that may be written privately, and those that could be once. */
static bool check_commitment(const struct vm_area *area, struct vm_check_report *report) {
    bool never = area->flags & (VM_AREA_SHARED | VM_AREA_NO_RESERVE);
    bool is_accounted = area->flags & VM_AREA_ACCOUNTED;

    if (never && is_accounted)
        return VIOLATION(report, "area %lx is promised and must not be", area->start);
    if (!never && !is_accounted && (area->prot & VM_WRITE))
        return VIOLATION(report, "area %lx is private, writable and not promised", area->start);
    return true;
}

static bool check_area(const struct vm_area *area, struct vm_check_report *report) {
    if (area->start >= area->end || area->start < USER_MIN || area->end > USER_END ||
        !is_aligned(area->start, PAGE_SIZE) || !is_aligned(area->end, PAGE_SIZE))
        return VIOLATION(report, "area %lx-%lx is no range of user pages", area->start, area->end);
    if (area->prot & ~area->max_prot)
        return VIOLATION(report, "area %lx has rights %x beyond %x", area->start, area->prot,
                         area->max_prot);
    if ((area->flags & VM_AREA_SHARED) && (area->shadow || !area->object))
        return VIOLATION(report, "shared area %lx has a shadow or no object", area->start);
    if ((area->flags & VM_AREA_LOCK_ON_FAULT) && !(area->flags & VM_AREA_LOCKED))
        return VIOLATION(report, "area %lx is locked on fault, but not locked", area->start);
    return check_commitment(area, report);
}

/* No gap of the area or of its children is larger than its bound. */
static bool check_gap_bound(const struct vm_area *area) {
    const struct rb_node *below[2] = {area->node.left, area->node.right};
    bool ok = area->gap <= area->max_gap;

    for (unsigned i = 0; i < 2 && ok; i++)
        ok = !below[i] || RB_ENTRY(below[i], struct vm_area, node)->max_gap <= area->max_gap;
    return ok;
}

/* The area whose node is before that of the given one, the vacancy left out; NULL: none. */
static const struct vm_area *area_before(const struct vm_area *area,
                                         const struct vm_area *vacancy) {
    const struct rb_node *node = rb_prev(&area->node);

    if (vacancy && node == &vacancy->node)
        node = rb_prev(node);
    return node ? RB_ENTRY(node, struct vm_area, node) : NULL;
}

static bool check_neighbours(const struct vm_area *prev, const struct vm_area *area,
                             struct vm_check_report *report) {
    const struct vm_area *vacancy = area->space->areas.vacancy;
    uint64_t before = prev ? prev->end : USER_MIN;

    if (before > area->start)
        return VIOLATION(report, "areas overlap at %lx", area->start);
    if (area->gap != area->start - before)
        return VIOLATION(report, "area %lx counts a gap of %lx before it, not %lx", area->start,
                         area->gap, area->start - before);
    if (area_before(area, vacancy) != prev || vm_area_prev(area) != prev)
        return VIOLATION(report, "area %lx is linked to another than is before it", area->start);
    if (!check_gap_bound(area))
        return VIOLATION(report, "area %lx bounds gaps below it by %lx, too little", area->start,
                         area->max_gap);
    if (prev && vm_area_can_join(prev, area))
        return VIOLATION(report, "areas that meet at %lx could be one", area->start);
    return true;
}

/* The vacancy is an empty node between two neighbours, and leads nowhere. */
static bool check_vacancy(const struct vm_area_set *set, struct vm_check_report *report) {
    const struct vm_area *vacancy = set->vacancy;
    const struct vm_area *next = vacancy ? vacancy->next : NULL;
    const struct vm_area *prev = next ? next->prev : set->last;

    if (!vacancy)
        return true;
    if (area_before(vacancy, NULL) != prev || vacancy->prev != prev ||
        rb_next(&vacancy->node) != (next ? &next->node : NULL))
        return VIOLATION(report, "vacancy %lx is not between its neighbours", vacancy->start);
    if (vacancy->start != (prev ? prev->end : USER_MIN) || vacancy->end != vacancy->start ||
        vacancy->gap != 0 || !check_gap_bound(vacancy))
        return VIOLATION(report, "vacancy %lx-%lx is not empty", vacancy->start, vacancy->end);
    return true;
}

/* Nowhere above the room that is remembered is there as much. */
static bool check_room(const struct vm_area_set *set, struct vm_check_report *report) {
    const struct vm_room *room = &set->room;
    const struct vm_area *area = room->area ? vm_area_next(room->area) : NULL;

    for (; area; area = vm_area_next(area)) {
        uint64_t start = area->start - area->gap;
        uint64_t end = area->start - MIN(vm_area_guard_bytes(area), area->gap);

        end = MIN(end, room->window_end);
        if (start < end && end - start >= room->bytes)
            return VIOLATION(report, "room for %lx bytes is above %lx, at %lx", room->bytes,
                             room->area->start, start);
    }
    return true;
}

static bool check_sums(struct vm_space *space, const struct vm_area_set *sums,
                       struct vm_check_report *report) {
    const struct vm_area_set *set = &space->areas;

    if (sums->bytes != set->bytes || sums->count != set->count)
        return VIOLATION(report, "%u areas of %lx bytes are counted as %u of %lx", sums->count,
                         sums->bytes, set->count, set->bytes);
    if (sums->data_bytes != set->data_bytes)
        return VIOLATION(report, "%lx bytes of data are counted as %lx", sums->data_bytes,
                         set->data_bytes);
    if (sums->locked_bytes != set->locked_bytes)
        return VIOLATION(report, "%lx locked bytes are counted as %lx", sums->locked_bytes,
                         set->locked_bytes);
    if (sums->accounted_bytes != set->accounted_bytes ||
        sums->accounted_bytes != space->promised_bytes)
        return VIOLATION(report, "%lx bytes are to be promised, %lx counted and %lx promised",
                         sums->accounted_bytes, set->accounted_bytes, space->promised_bytes);
    return true;
}

static bool check_areas(struct vm_space *space, struct vm_check_report *report) {
    struct vm_area *prev = NULL;
    struct vm_area_set sums = {.count = 0};

    for (struct vm_area *area = vm_area_first(&space->areas); area; area = vm_area_next(area)) {
        if (area->space != space)
            return VIOLATION(report, "area %lx is of another space", area->start);
        if (!check_area(area, report) || !check_neighbours(prev, area, report))
            return false;
        uint64_t bytes = area->end - area->start;

        sums.count++;
        sums.bytes += bytes;
        sums.data_bytes += vm_area_is_data(area->prot, area->flags) ? bytes : 0;
        sums.accounted_bytes += area->flags & VM_AREA_ACCOUNTED ? bytes : 0;
        sums.locked_bytes += area->flags & VM_AREA_LOCKED ? bytes : 0;
        prev = area;
    }
    return check_vacancy(&space->areas, report) && check_room(&space->areas, report) &&
           check_sums(space, &sums, report);
}

/* ---- shadows ---- */

/* Sets the mark of each shadow of the space. */
static void set_marks(struct vm_space *space, uint32_t mark) {
    struct vm_area *area;

    for (area = vm_area_first(&space->areas); area; area = vm_area_next(area))
        if (area->shadow)
            area->shadow->mark = mark;
}

/* Every shadow counts the areas that use it. Marks count along. */
static bool check_shadow_users(struct vm_space *space, struct vm_check_report *report) {
    struct vm_area *area;

    set_marks(space, 0);
    for (area = vm_area_first(&space->areas); area; area = vm_area_next(area))
        if (area->shadow)
            area->shadow->mark++;
    for (area = vm_area_first(&space->areas); area; area = vm_area_next(area)) {
        const struct vm_shadow *shadow = area->shadow;

        if (shadow && (shadow->mark != shadow->areas || shadow->twin))
            return VIOLATION(report, "shadow of %lx is used by %u areas and counts %u", area->start,
                             shadow->mark, shadow->areas);
    }
    return true;
}

/* What a page's number is more than its index, in 32 bits. */
static uint32_t index_shift(const struct vm_area *area) {
    return (uint32_t)((area->start >> PAGE_SHIFT) - area->offset_pages);
}

/* Areas that share a shadow index it alike: no slot is seen at two addresses. Marks hold the shift.
 */
static bool check_shadow_indexes(struct vm_space *space, struct vm_check_report *report) {
    struct vm_area *area;

    for (area = vm_area_first(&space->areas); area; area = vm_area_next(area))
        if (area->shadow)
            area->shadow->mark = index_shift(area);
    for (area = vm_area_first(&space->areas); area; area = vm_area_next(area))
        if (area->shadow && area->shadow->mark != index_shift(area))
            return VIOLATION(report, "shadow of %lx has areas that index it differently",
                             area->start);
    return true;
}

/* Pages of the area's shadow in the area's range. */
static uint32_t pages_in_range(const struct vm_area *area) {
    uint64_t index = area->offset_pages;
    uint64_t end = index + ((area->end - area->start) >> PAGE_SHIFT);
    uint32_t pages = 0;

    for (; page_tree_next(&area->shadow->tree, &index) && index < end; index++)
        pages++;
    return pages;
}

#define MARK_DONE UINT32_MAX

/* No shadow holds a page that no area can see (requirement Q3). Marks count pages seen. */
bool check_pages_locked(struct vm_space *space, struct vm_check_report *report) {
    struct vm_area *area;

    set_marks(space, 0);
    for (area = vm_area_first(&space->areas); area; area = vm_area_next(area))
        if (area->shadow)
            area->shadow->mark += pages_in_range(area);
    for (area = vm_area_first(&space->areas); area; area = vm_area_next(area)) {
        struct vm_shadow *shadow = area->shadow;
        size_t pages;

        if (!shadow || shadow->mark == MARK_DONE)
            continue;
        pages = page_tree_count(&shadow->tree);
        if (pages != shadow->mark)
            return VIOLATION(report, "shadow of %lx holds %lu pages, of which areas see %u",
                             area->start, pages, shadow->mark);
        shadow->mark = MARK_DONE;
    }
    return true;
}

/* ---- the pmap ---- */

/* Where an address should lead by the truth, and with which rights at most. */
struct expectation {
    paddr_t pa;
    unsigned rights;
    bool is_being_cut; /* it may still lead to a page that the object has lost just now */
};

static struct expectation expect_object_page(struct vm_area *area, uint64_t index) {
    struct vm_object *object = area->object;
    unsigned rights = vm_area_grants(area) & ~((area->flags & VM_AREA_SHARED) ? 0 : VM_WRITE);
    struct expectation expected = {VM_NO_PAGE, rights, false};

    spin_lock(&object->lock);
    expected.is_being_cut = object->cuts > 0;
    if (object->ops->get_page(object, index, VM_READ, &expected.pa) < 0)
        expected.pa = VM_NO_PAGE;
    spin_unlock(&object->lock);
    return expected;
}

static struct expectation expect_page(struct vm_area *area, uint64_t va) {
    uint64_t index = vm_area_index(area, va);
    bool alone = false;
    struct frame *frame = NULL;

    if (area->shadow)
        frame = vm_shadow_lookup(area->shadow, index, &alone);
    if (frame)
        return (struct expectation){frame_to_phys(frame),
                                    vm_area_grants(area) & ~(alone ? 0 : VM_WRITE), false};
    if (area->object)
        return expect_object_page(area, index);
    return (struct expectation){frame_to_phys(vm_zero_frame()), vm_area_grants(area) & ~VM_WRITE,
                                false};
}

static bool check_entry(struct vm_space *space, const struct pmap_entry *entry,
                        struct vm_check_report *report) {
    struct vm_area *area = vm_area_find(&space->areas, entry->va);
    enum vm_excess excess = vm_narrowing_excess(space, entry->va);
    struct expectation expected;

    if (excess == VM_EXCESS_ALL)
        return true;
    if (!area)
        return VIOLATION(report, "%lx is mapped and in no area", entry->va);
    expected = expect_page(area, entry->va);
    if (entry->pa != expected.pa && !expected.is_being_cut)
        return VIOLATION(report, "%lx leads to frame %lx, not to %lx", entry->va, entry->pa,
                         expected.pa);
    if ((entry->access & VM_RIGHTS & ~expected.rights) && excess == VM_EXCESS_NONE)
        return VIOLATION(report, "%lx has rights %x beyond %x", entry->va,
                         entry->access & VM_RIGHTS, expected.rights);
    return true;
}

/* Looks at the entries of a range until it ends or *budget of them are looked at. */
static bool check_entries(struct vm_space *space, struct vm_range range,
                          struct vm_check_report *report, uint64_t *budget) {
    struct pmap_cursor cursor;

    pmap_cursor_init(&cursor, space->pmap, range.start);
    while (*budget > 0 && pmap_cursor_next_present(&cursor, range.end)) {
        if (!check_entry(space, &cursor.at, report))
            return false;
        --*budget;
        pmap_cursor_advance(&cursor, PAGE_SIZE);
    }
    return true;
}

bool check_pmap_locked(struct vm_space *space, struct vm_check_report *report, uint64_t *entries) {
    uint64_t budget = UINT64_MAX;
    bool ok = check_entries(space, (struct vm_range){0, USER_END}, report, &budget);

    *entries += UINT64_MAX - budget;
    return ok;
}

bool check_shape_locked(struct vm_space *space, struct vm_check_report *report) {
    return check_areas(space, report) && check_shadow_users(space, report) &&
           check_shadow_indexes(space, report);
}

/* Everything about one space. What that cost is noted as owed. */
static bool check_whole_locked(struct vm_space *space, struct vm_check_report *report) {
    uint64_t entries = 0;
    bool ok = check_shape_locked(space, report) && check_pages_locked(space, report) &&
              check_pmap_locked(space, report, &entries);

    space->check_owed = entries + space->areas.count;
    return ok;
}

bool vm_check_space(struct vm_space *space, struct vm_check_report *report) {
    bool ok;

    vm_space_lock(space);
    ok = check_whole_locked(space, report);
    vm_space_unlock(space);
    return ok;
}

/* ---- after every fault and every call ---- */

/* Areas of a space, and those next to a change, that are always looked at. */
#define CHECK_AREAS_FREE 32u

/* Entries at either end of a change that are always looked at. */
#define CHECK_ENTRIES_FREE 256u

/* How much more a call looks at than a fault does, each time: calls are rarer. */
#define CALL_WEIGHT 16u

/* Of faults that go on together, how many are made for a look at one of them. */
#define FAULTS_A_LOOK 16u

uint64_t vm_check_entries = 32;

/*
 * Whether all of a space is to be looked at: as long as that costs weight * vm_check_entries at
 * most, each time; else when what the last look cost is paid for.
 */
static bool is_due(struct vm_space *space, unsigned weight) {
    uint64_t pays = __atomic_load_n(&vm_check_entries, __ATOMIC_RELAXED);

    if (pays > 0 && space->check_owed <= weight * pays)
        return true;
    space->check_owed -= MIN(space->check_owed, pays);
    return pays > 0 && space->check_owed == 0;
}

/* The areas from the one before a range on, as many as are free. */
static bool check_areas_near(struct vm_space *space, struct vm_range range,
                             struct vm_check_report *report) {
    struct vm_area *area = vm_area_find_from(&space->areas, range.start);

    for (unsigned i = 0; area && i < CHECK_AREAS_FREE; i++) {
        if (!check_area(area, report) || !check_neighbours(vm_area_prev(area), area, report))
            return false;
        if (area->start >= range.end) /* the one behind has been seen */
            return true;
        area = vm_area_next(area);
    }
    return true;
}

/* The entries at the start and the end of a range. */
static bool check_entries_near(struct vm_space *space, struct vm_range range,
                               struct vm_check_report *report) {
    uint64_t budget = CHECK_ENTRIES_FREE;
    struct vm_range tail = {range.end - MIN(range.end, CHECK_ENTRIES_FREE * PAGE_SIZE), range.end};

    if (!check_entries(space, range, report, &budget))
        return false;
    if (budget > 0 || tail.start < range.start)
        return true;
    budget = CHECK_ENTRIES_FREE;
    return check_entries(space, tail, report, &budget);
}

static bool check_change_locked(struct vm_space *space, struct vm_range range,
                                struct vm_check_report *report) {
    range.end = MIN(range.end, USER_END);
    range.start = MIN(range.start, range.end);
    if (space->areas.count <= CHECK_AREAS_FREE && !check_shape_locked(space, report))
        return false;
    return check_areas_near(space, range, report) && check_entries_near(space, range, report);
}

static bool passes(bool ok, const struct vm_check_report *report) {
    if (!ok)
        printk("vm: %s\n", report->text);
    return ok;
}

bool vm_check_passes(struct vm_space *space) {
    struct vm_check_report report;

    return passes(vm_check_space(space, &report), &report);
}

static bool passes_in_turn(struct vm_space *space, struct vm_range range, unsigned weight) {
    struct vm_check_report report;

    if (is_due(space, weight))
        return passes(check_whole_locked(space, &report), &report);
    return passes(check_change_locked(space, range, &report), &report);
}

bool vm_check_passes_fault_locked(struct vm_space *space, uint64_t va) {
    return passes_in_turn(space, (struct vm_range){va, va + PAGE_SIZE}, 1);
}

bool vm_check_passes_fault(struct vm_space *space, uint64_t va) {
    bool ok = true;

    if (__atomic_load_n(&space->faults_minor, __ATOMIC_RELAXED) % FAULTS_A_LOOK == 0) {
        vm_space_lock_beside(space, VM_RANGE_NONE);
        ok = vm_check_passes_fault_locked(space, va);
        vm_space_unlock(space);
    }
    return ok;
}

bool vm_check_passes_call_locked(struct vm_space *space, struct vm_range range) {
    DEBUG_ASSERT(spin_held(&space->lock));
    return passes_in_turn(space, range, CALL_WEIGHT);
}
