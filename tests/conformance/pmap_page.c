/* SPDX-License-Identifier: MIT */
/*
 * Entering pages one by one, as several processors may do at a time: what the calls must do, seen
 * from one. A claim may be refused for reasons of the implementation's own, and the first page of a
 * table need not be one that can be claimed.
 */
#include "conformance.h"

#include "abi/errno.h"
#include "lib/bits.h"
#include "pmap_tests.h"

#define BASE 0x20000000ull
#define PA(n) (((paddr_t)(n) + 64) << PAGE_SHIFT)
#define VA(n) (BASE + ((uint64_t)(n) << PAGE_SHIFT))

static bool leads_to(struct pmap *pmap, uint64_t va, paddr_t pa, unsigned rights) {
    struct pmap_entry entry;

    return pmap_lookup(pmap, va, &entry) && entry.pa == pa && (entry.access & VM_RIGHTS) == rights;
}

static const char *test_enter(struct pmap *pmap) {
    struct pmap_page page;

    for (unsigned i = 0; i < 3; i++) {
        EXPECT(pmap_page_claim(pmap, VA(i), true, &page));
        EXPECT(!pmap_page_allows(&page, PA(i), VM_READ));
        EXPECT(pmap_page_enter(&page, PA(i), RW) == 0);
        EXPECT(leads_to(pmap, VA(i), PA(i), RW));
    }
    EXPECT(is_missing(pmap, VA(3)));
    return NULL;
}

/* Released, nothing has changed, and it can be claimed again. */
static const char *test_release(struct pmap *pmap) {
    struct pmap_page page;

    EXPECT(pmap_enter(pmap, VA(0), PA(0), VM_READ) == 0);
    for (unsigned i = 0; i < 2; i++) {
        EXPECT(pmap_page_claim(pmap, VA(i), true, &page) && page.is_claimed);
        pmap_page_release(&page);
        EXPECT(pmap_page_claim(pmap, VA(i), false, &page) && page.is_claimed);
        pmap_page_release(&page);
    }
    EXPECT(leads_to(pmap, VA(0), PA(0), VM_READ));
    EXPECT(is_missing(pmap, VA(1)));
    return NULL;
}

static const char *test_allows(struct pmap *pmap) {
    struct pmap_page page;

    EXPECT(pmap_enter(pmap, VA(0), PA(0), VM_READ) == 0);
    EXPECT(pmap_page_claim(pmap, VA(0), true, &page));
    EXPECT(pmap_page_allows(&page, PA(0), VM_READ));
    EXPECT(!pmap_page_allows(&page, PA(0), VM_WRITE));
    EXPECT(!pmap_page_allows(&page, PA(0), VM_EXEC));
    EXPECT(!pmap_page_allows(&page, PA(1), VM_READ));
    pmap_page_release(&page);
    return NULL;
}

/* More rights, then another page, then fewer. */
static const char *test_replace(struct pmap *pmap) {
    struct pmap_page page;

    EXPECT(pmap_enter(pmap, VA(0), PA(0), VM_READ) == 0);
    EXPECT(pmap_page_claim(pmap, VA(0), true, &page));
    EXPECT(pmap_page_enter(&page, PA(0), RW) == 0);
    EXPECT(leads_to(pmap, VA(0), PA(0), RW));
    EXPECT(pmap_page_claim(pmap, VA(0), true, &page));
    EXPECT(pmap_page_enter(&page, PA(1), RW) == 0);
    EXPECT(leads_to(pmap, VA(0), PA(1), RW));
    EXPECT(pmap_page_claim(pmap, VA(0), false, &page));
    EXPECT(pmap_page_enter(&page, PA(1), VM_READ) == 0);
    EXPECT(leads_to(pmap, VA(0), PA(1), VM_READ));
    pmap_remove(pmap, VA(0), VA(1));
    EXPECT(is_missing(pmap, VA(0)));
    return NULL;
}

/* Two that found no table: the second to enter looks again, unless it could after all. */
static const char *test_two_without_a_table(struct pmap *pmap) {
    struct pmap_page one, two;
    int error;

    EXPECT(pmap_page_claim(pmap, VA(0), true, &one) && !one.is_claimed);
    EXPECT(pmap_page_claim(pmap, VA(1), true, &two) && !two.is_claimed);
    EXPECT(pmap_page_enter(&one, PA(0), RW) == 0);
    error = pmap_page_enter(&two, PA(1), RW);
    EXPECT(error == 0 || error == -EEXIST);
    EXPECT(error == 0 ? leads_to(pmap, VA(1), PA(1), RW) : is_missing(pmap, VA(1)));
    EXPECT(pmap_page_claim(pmap, VA(1), true, &two) && two.is_claimed);
    EXPECT(pmap_page_enter(&two, PA(1), RW) == 0);
    EXPECT(leads_to(pmap, VA(0), PA(0), RW) && leads_to(pmap, VA(1), PA(1), RW));
    return NULL;
}

static const char *test_offer(struct pmap *pmap) {
    struct pmap_page page;

    EXPECT(pmap_enter(pmap, VA(1), PA(1), RW) == 0);
    EXPECT(pmap_page_claim(pmap, VA(0), false, &page) && page.is_claimed);
    pmap_page_offer(&page, VA(1), PA(7), VM_READ);
    pmap_page_offer(&page, VA(2), PA(2), VM_READ);
    EXPECT(pmap_page_enter(&page, PA(0), VM_READ) == 0);
    EXPECT(leads_to(pmap, VA(0), PA(0), VM_READ));
    EXPECT(leads_to(pmap, VA(1), PA(1), RW));
    EXPECT(is_missing(pmap, VA(2)) || leads_to(pmap, VA(2), PA(2), VM_READ));
    return NULL;
}

/* A map whose tables others share: what is entered there is this map's alone, or nothing is. */
static const char *test_shared(struct pmap *pmap) {
    struct pmap *child = pmap_create();
    struct pmap_page page;
    const char *failure = NULL;

    EXPECT(child);
    for (unsigned i = 0; i < 300; i++)
        EXPECT(pmap_enter(pmap, VA(i), PA(i), RW) == 0);
    pmap_fork(pmap, child, VA(0), VA(300));
    pmap_fork_finish(pmap);
    if (pmap_page_claim(child, VA(5), true, &page) && pmap_page_enter(&page, PA(400), RW) < 0)
        failure = "a page that was claimed could not be entered";
    if (pmap_page_claim(child, VA(301), false, &page) &&
        pmap_page_enter(&page, PA(401), VM_READ) < 0)
        failure = "a page that was claimed to be read could not be entered";
    if (leads_to(pmap, VA(5), PA(400), RW) || leads_to(pmap, VA(5), PA(5), RW) ||
        !is_missing(pmap, VA(301)))
        failure = "the parent has what the child entered";
    pmap_remove(child, VA(0), VA(302));
    pmap_destroy(child);
    return failure;
}

/* Whatever lies below a large leaf is not claimed one by one. */
static const char *test_large(struct pmap *pmap) {
    struct pmap_page page;

    EXPECT(pmap_enter_large(pmap, BASE, 0x800000, RW) == 0);
    EXPECT(!pmap_page_claim(pmap, VA(3), true, &page));
    EXPECT(leads_to(pmap, VA(3), 0x803000, RW));
    return NULL;
}

const struct pmap_test pmap_page_tests[] = {
    {"page_enter", test_enter},
    {"page_release", test_release},
    {"page_allows", test_allows},
    {"page_replace", test_replace},
    {"page_two_without_a_table", test_two_without_a_table},
    {"page_offer", test_offer},
    {"page_shared", test_shared},
    {"page_large", test_large},
};
const size_t pmap_page_test_count = ARRAY_SIZE(pmap_page_tests);
