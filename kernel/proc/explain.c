/* SPDX-License-Identifier: MIT */
/*
 * The words of an explanation: see explain.h. One function for each line or group of lines, in the
 * order of the way: address, area, object, shadow, frame, tables, and what an access would do.
 */
#include "proc/explain.h"

#include "abi/errno.h"
#include "core/cmdline.h"
#include "core/printk.h"
#include "lib/bits.h"
#include "machine/layout.h"
#include "mm/slab.h"
#include "proc/procfs_private.h"
#include "vm/explain.h"

uint64_t explain_kills;

void explain_init(void) {
    char text[4];

    if (cmdline_get("vm.explain", text, sizeof(text)))
        explain_kills = text[0] == '1' && !text[1];
}

/* One explanation on its way to words. */
struct show {
    struct seq *seq;
    const struct explain_question *question;
    struct vm_explanation facts;
};

struct word {
    unsigned bit;
    const char *text;
};

/* The words of all bits that are set, a blank before each; `none` if there are none. */
static void show_words(struct seq *seq, unsigned bits, const struct word *words, size_t count,
                       const char *none) {
    bool any = false;

    for (size_t i = 0; i < count; i++) {
        if (!(bits & words[i].bit))
            continue;
        seq_printf(seq, " %s", words[i].text);
        any = true;
    }
    if (!any)
        seq_string(seq, none);
}

static void show_rights(struct seq *seq, unsigned rights) {
    static const struct word words[] = {
        {VM_READ, "read"}, {VM_WRITE, "write"}, {VM_EXEC, "execute"}};

    show_words(seq, rights, words, ARRAY_SIZE(words), " none");
}

static const char *plural(uint64_t n) {
    return n == 1 ? "" : "s";
}

static void show_count(struct seq *seq, uint64_t n, const char *noun) {
    seq_printf(seq, "%lu %s%s", n, noun, plural(n));
}

static uint64_t pages_in(uint64_t bytes) {
    return bytes >> PAGE_SHIFT;
}

/* A frame by its number, for who may know it. */
static void show_frame_number(const struct show *show, paddr_t pa) {
    if (show->question->with_frames)
        seq_printf(show->seq, "%#lx", pa >> PAGE_SHIFT);
    else
        seq_string(show->seq, "(number for root only)");
}

/* ---- the address and its area ---- */

static void show_address(const struct show *show) {
    uint64_t address = show->question->address;

    seq_printf(show->seq, "address: %#lx, byte %lu of page %#lx\n", address, address % PAGE_SIZE,
               align_down(address, PAGE_SIZE));
}

static void show_neighbour(struct seq *seq, const char *key, bool is_there,
                           const struct vm_range *range, uint64_t distance) {
    if (!is_there) {
        seq_printf(seq, "%s: none\n", key);
        return;
    }
    seq_printf(seq, "%s: %#lx-%#lx, ", key, range->start, range->end);
    show_count(seq, distance, "page");
    seq_string(seq, " away\n");
}

/* How far the nearest areas are; and the stack above, if that is one. */
static void show_gap(const struct show *show) {
    const struct vm_explanation *facts = &show->facts;
    uint64_t page = align_down(facts->address, PAGE_SIZE);
    uint64_t start = facts->has_below ? facts->below.end : USER_MIN;
    uint64_t end = facts->has_above ? facts->above.start : USER_END;

    seq_printf(show->seq, "area: none, in a gap of %#lx-%#lx\n", MIN(start, page), end);
    show_neighbour(show->seq, "below", facts->has_below, &facts->below,
                   pages_in(page - facts->below.end));
    show_neighbour(show->seq, "above", facts->has_above, &facts->above,
                   pages_in(facts->above.start - page - PAGE_SIZE));
    if (facts->stack == VM_STACK_NONE)
        seq_string(show->seq, "stack: none above\n");
    else
        seq_printf(show->seq, "stack: the area above grows down, %s; guard: %lu pages\n",
                   facts->stack == VM_STACK_GROWS ? "and may do so to here"
                                                  : "but may not do so to here",
                   pages_in(vm_stack_guard_bytes));
}

static void show_kind(const struct show *show) {
    static const struct word words[] = {
        {VM_AREA_GROWS_DOWN, "grows-down"},
        {VM_AREA_HEAP, "heap"},
        {VM_AREA_STACK, "first-stack"},
        {VM_AREA_LOCKED, "locked"},
        {VM_AREA_LOCK_ON_FAULT, "lock-on-fault"},
        {VM_AREA_NO_FORK, "not-for-a-child"},
        {VM_AREA_WIPE_ON_FORK, "wiped-in-a-child"},
        {VM_AREA_HUGE, "huge-wanted"},
        {VM_AREA_NO_HUGE, "huge-not-wanted"},
        {VM_AREA_NO_DUMP, "not-dumped"},
        {VM_AREA_RANDOM, "random"},
        {VM_AREA_SEQUENTIAL, "sequential"},
        {VM_AREA_NO_RESERVE, "not-reserved"},
        {VM_AREA_ACCOUNTED, "promised"},
    };
    const struct vm_area_info *area = &show->facts.area;

    seq_printf(show->seq, "kind: %s", area->flags & VM_AREA_SHARED ? "shared" : "private");
    show_words(show->seq, area->flags, words, ARRAY_SIZE(words), "");
    seq_printf(show->seq, "%s\n", area->huge_eligible ? " huge-possible" : "");
}

static void show_area(const struct show *show) {
    const struct vm_area_info *area = &show->facts.area;
    uint64_t page = align_down(show->facts.address, PAGE_SIZE);

    seq_string(show->seq, "area: ");
    procfs_show_area(show->seq, show->question->process, area);
    seq_printf(show->seq, "position: page %lu of ", pages_in(page - area->start));
    show_count(show->seq, pages_in(area->end - area->start), "page");
    seq_printf(show->seq, ", page %lu of object and shadow\n", show->facts.index);
    seq_string(show->seq, "rights:");
    show_rights(show->seq, area->prot);
    seq_string(show->seq, "; may be given:");
    show_rights(show->seq, area->max_prot);
    seq_string(show->seq, "\n");
    show_kind(show);
}

/* ---- object, shadow, frame ---- */

static void show_object(const struct show *show) {
    const struct vm_explanation *facts = &show->facts;
    const char *page = facts->is_beyond_end             ? "beyond its end"
                       : facts->object_error == -EAGAIN ? "has to be waited for"
                       : facts->object_error < 0        ? "cannot be read"
                       : facts->object_has_page         ? "in memory"
                                                        : "not there yet: zeroes";

    if (!facts->object_kind) {
        seq_string(show->seq, "object: none: what nobody wrote reads as zeroes\n");
        return;
    }
    seq_printf(show->seq, "object: %s, %lu bytes, mapped by ", facts->object_kind,
               facts->object_bytes);
    show_count(show->seq, facts->object_areas, "area");
    seq_printf(show->seq, "; page %lu: %s\n", facts->index, page);
}

/* The counts on the way say who sees the page: each node's, from the root, and the frame's. */
static void show_way(const struct show *show) {
    const struct page_tree_way *way = &show->facts.way;

    seq_printf(show->seq, "; references: node%s", plural(way->nodes));
    for (unsigned i = 0; i < way->nodes; i++)
        seq_printf(show->seq, " %u", way->refs[i]);
    if (way->frame)
        seq_printf(show->seq, ", frame %u", show->facts.refs);
}

static void show_shadow(const struct show *show) {
    const struct vm_explanation *facts = &show->facts;

    if (facts->area.flags & VM_AREA_SHARED)
        seq_string(show->seq, "shadow: none: what is written is everybody's");
    else if (!facts->has_shadow)
        seq_string(show->seq, "shadow: none: nothing was written here");
    else if (!facts->way.frame)
        seq_string(show->seq, "shadow: no page of the space's own");
    else
        seq_printf(show->seq, "shadow: a page of the space's own, %s",
                   facts->is_alone ? "seen by nobody else" : "seen by others, too");
    if (facts->way.nodes > 0)
        show_way(show);
    seq_string(show->seq, "\n");
}

static void show_frame(const struct show *show) {
    const struct vm_explanation *facts = &show->facts;

    seq_string(show->seq, "frame: ");
    if (!facts->has_frame) {
        seq_string(show->seq, "none\n");
        return;
    }
    show_frame_number(show, facts->frame);
    if (!facts->has_record)
        seq_string(show->seq, ", a device's");
    else
        seq_printf(show->seq, ", %s, ", frame_use_name(facts->use));
    if (facts->has_record)
        show_count(show->seq, facts->refs, "reference");
    seq_string(show->seq, facts->is_of_run ? ", of a huge page\n" : "\n");
}

/* ---- the page table ---- */

static void show_step(const struct show *show, const struct pmap_step *step) {
    static const struct word words[] = {
        {PMAP_STEP_PRESENT, "present"},   {PMAP_STEP_WRITE, "write"},
        {PMAP_STEP_USER, "user"},         {PMAP_STEP_NO_EXEC, "no-execute"},
        {PMAP_STEP_ACCESSED, "accessed"}, {PMAP_STEP_DIRTY, "dirty"},
        {PMAP_STEP_UNCACHED, "uncached"}, {PMAP_STEP_SHARED, "shared-mapping"},
    };
    struct seq *seq = show->seq;

    seq_printf(seq, "table %u: frame ", step->level);
    show_frame_number(show, step->table);
    seq_printf(seq, ", %s", step->refs > 1 ? "shared: " : "");
    show_count(seq, step->refs, "reference");
    seq_printf(seq, "; entry %u", step->index);
    if (show->question->with_frames)
        seq_printf(seq, " = 0x%016lx", step->raw);
    seq_string(seq, ":");
    show_words(seq, step->bits, words, ARRAY_SIZE(words), " empty");
    if (step->bits & PMAP_STEP_PRESENT) {
        seq_printf(seq, " -> %s in frame ", step->bits & PMAP_STEP_LEAF ? "page" : "table");
        show_frame_number(show, step->target);
    }
    seq_string(seq, "\n");
}

/* Where a right is lost that the leaf has: W has to be everywhere. */
static void show_lost_write(const struct show *show) {
    const struct vm_explanation *facts = &show->facts;
    const struct pmap_step *leaf = &facts->steps[facts->step_count - 1];

    if ((facts->entry.access & VM_WRITE) || !(leaf->bits & PMAP_STEP_WRITE))
        return;
    for (unsigned i = 0; i < facts->step_count; i++)
        if (!(facts->steps[i].bits & PMAP_STEP_WRITE))
            seq_printf(show->seq, "; write is missing at table %u", facts->steps[i].level);
}

static void show_entry(const struct show *show) {
    const struct vm_explanation *facts = &show->facts;

    for (unsigned i = 0; i < facts->step_count; i++)
        show_step(show, &facts->steps[i]);
    if (!facts->entry.present) {
        seq_printf(show->seq, "entry: none; table %u leads nowhere\n", facts->entry.level);
        return;
    }
    seq_printf(show->seq,
               "entry: a page of %s; in force:", facts->entry.level > 1 ? "2 MiB" : "4 KiB");
    show_rights(show->seq, facts->entry.access & VM_RIGHTS);
    show_lost_write(show);
    seq_string(show->seq, "\n");
}

/* ---- and therefore ---- */

const char *explain_signal(int error) {
    switch (error) {
    case -EFAULT:
        return "SIGSEGV, SEGV_MAPERR";
    case -EACCES:
        return "SIGSEGV, SEGV_ACCERR";
    default:
        return "SIGBUS, BUS_ADRERR";
    }
}

static void show_case(struct seq *seq, enum vm_fault_case which) {
    seq_printf(seq, "case %s (%s)", vm_fault_case_code(which), vm_fault_case_name(which));
}

static void show_fault(struct seq *seq, const struct vm_verdict *verdict) {
    seq_printf(seq, "%s, ", verdict->error ? explain_signal(verdict->error) : "fault");
    show_case(seq, verdict->which);
    if (verdict->waits)
        seq_string(seq, ", after case 4 (waited for device)");
    if (verdict->grows_pages > 0) {
        seq_string(seq, ", the stack grows by ");
        show_count(seq, verdict->grows_pages, "page");
    }
    if (verdict->takes_pages > 0) {
        seq_string(seq, ", takes ");
        show_count(seq, verdict->takes_pages, "frame");
    }
}

/* What is no address to the processor never comes to be a page fault. */
static void show_verdict(const struct show *show, enum vm_explain_access access) {
    static const char *const names[VM_EXPLAIN_ACCESSES] = {"read", "write", "exec"};
    const struct vm_verdict *verdict = &show->facts.verdicts[access];
    struct seq *seq = show->seq;

    seq_printf(seq, "%s: ", names[access]);
    if (verdict->is_allowed)
        seq_string(seq, "no fault");
    else if (verdict->reason == VM_REASON_NOT_CANONICAL)
        seq_string(seq, "SIGSEGV, SI_KERNEL, general protection fault");
    else
        show_fault(seq, verdict);
    seq_printf(seq, ": %s\n", vm_reason_words(verdict->reason));
}

static void show_verdicts(const struct show *show) {
    unsigned wanted = show->question->access & VM_RIGHTS;

    if (!wanted || (wanted & VM_READ))
        show_verdict(show, VM_EXPLAIN_READ);
    if (!wanted || (wanted & VM_WRITE))
        show_verdict(show, VM_EXPLAIN_WRITE);
    if (!wanted || (wanted & VM_EXEC))
        show_verdict(show, VM_EXPLAIN_EXEC);
}

/* ---- all of it ---- */

static void show_user_half(const struct show *show) {
    if (show->facts.has_area) {
        show_area(show);
        show_object(show);
        show_shadow(show);
    } else {
        show_gap(show);
    }
    show_frame(show);
    show_entry(show);
}

int explain_print(struct seq *seq, const struct explain_question *question) {
    struct show *show = kmalloc(sizeof(*show));

    if (!show)
        return -ENOMEM;
    show->seq = seq;
    show->question = question;
    vm_explain(question->space, question->address, &show->facts);
    show_address(show);
    if (show->facts.is_user)
        show_user_half(show);
    else
        seq_string(seq, "area: none, outside what programs may map\n");
    show_verdicts(show);
    kfree(show);
    return 0;
}

/* ---- the log ---- */

static void log_lines(char *text, size_t length) {
    char *line = text, *end = text + length;

    for (char *at = text; at < end; at++) {
        if (*at != '\n')
            continue;
        *at = '\0';
        printk("quire: explain: %s\n", line);
        line = at + 1;
    }
}

void explain_to_log(uint64_t address, unsigned access) {
    struct explain_question question = {
        .process = process_current(),
        .space = task_current()->thread.space,
        .address = address,
        .access = access,
        .with_frames = true,
    };
    struct seq seq;
    int error;

    seq_init(&seq);
    error = explain_print(&seq, &question);
    if (error || seq.failed)
        printk("quire: explain: no memory to explain it with\n");
    else
        log_lines(seq.text, seq.length);
    seq_free(&seq);
}
