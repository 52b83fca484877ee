/* SPDX-License-Identifier: MIT */
/*
 * Explaining an address: all that the VM knows of it at one moment, from the area down to the
 * entries of the page table, and what an access there would do (requirement Q4).
 *
 * Facts only; the words are those of who shows them (proc/explain.c), but for the reasons, which
 * are told in vm/reasons.def. Looking changes nothing: no page is faulted in, no entry is made, no
 * frame is taken.
 *
 * What an access would do is decided here a second time, from the facts, and not by the code of
 * vm/fault.c, which does as it decides. That both agree is held by a test: the model processor of
 * the host tests asks for the verdict before each of its faults (tests/host/support/model_cpu.c).
 */
#ifndef QUIRE_VM_EXPLAIN_H
#define QUIRE_VM_EXPLAIN_H

#include "vm/fault.h"
#include "vm/pmap.h"
#include "vm/space.h"
#include "vm/stack.h"

enum vm_reason {
#define VM_REASON(name, words) VM_REASON_##name,
#include "vm/reasons.def"
#undef VM_REASON
    VM_REASONS,
};

/* The words of a reason: the end of a sentence. */
const char *vm_reason_words(enum vm_reason reason);

/* What fault.c calls a case in the table at its head: "3Wb". */
const char *vm_fault_case_code(enum vm_fault_case which);

/* What an access would do. */
struct vm_verdict {
    bool is_allowed;          /* the entry allows it: there is no fault, unless a TLB is behind */
    enum vm_fault_case which; /* the case that a fault comes to */
    int error;                /* what vm_fault says then, if memory does not run out */
    enum vm_reason reason;
    bool waits;           /* for a device first (case 4) */
    uint64_t grows_pages; /* a stack grows by so many first */
    uint16_t takes_pages; /* frames that it takes for pages; tables not counted */
};

/* The kinds of access, as indexes. */
enum vm_explain_access { VM_EXPLAIN_READ, VM_EXPLAIN_WRITE, VM_EXPLAIN_EXEC, VM_EXPLAIN_ACCESSES };

struct vm_explanation {
    uint64_t address;
    bool is_user; /* below USER_END: else only the verdicts say something */

    /* The area, or why there is none. */
    bool has_area;
    struct vm_area_info area; /* private_pages is not counted */
    uint64_t index;           /* of the page, in object and shadow */
    bool has_below, has_above;
    struct vm_range below, above; /* no area: its neighbours */
    enum vm_stack_answer stack;   /* no area: what of the one above */

    /* The object; kind NULL: there is none. */
    const char *object_kind;
    uint64_t object_bytes;
    uint32_t object_areas; /* that map it, in all spaces */
    bool is_beyond_end;
    bool object_has_page;
    int object_error; /* of the page: 0, -EAGAIN: it has to be waited for, -EIO */

    /* The shadow. */
    bool has_shadow;
    struct page_tree_way way; /* to the page; way.frame NULL: the space has none of its own */
    bool is_alone;            /* nobody else sees that */

    /* What an access finds now: of the shadow, else the object, else of zeroes if that is entered.
     */
    bool has_frame;
    bool has_record; /* it is memory: use, references and what follows mean something */
    paddr_t frame;
    enum frame_use use;
    uint32_t refs;
    bool is_of_run; /* it came as a part of a huge page */

    /* The page table. */
    struct pmap_entry entry;
    struct pmap_step steps[PMAP_LEVELS];
    unsigned step_count;

    struct vm_verdict verdicts[VM_EXPLAIN_ACCESSES];
};

/*
 * Explains any address at all in a space. Takes the space's lock, so that all of it is of one
 * moment, and the object's; the object is asked for its name afterwards. Needs no memory; does not
 * sleep.
 */
void vm_explain(struct vm_space *space, uint64_t address, struct vm_explanation *explanation);

#endif
