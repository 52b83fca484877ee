/* SPDX-License-Identifier: MIT */
/*
 * Between the files of the pmap's conformance suite: what they share, and their tests.
 */
#ifndef CONFORMANCE_PMAP_TESTS_H
#define CONFORMANCE_PMAP_TESTS_H

#include <stdbool.h>
#include <stddef.h>

#include "vm/pmap.h"

#define RW (VM_READ | VM_WRITE)

struct pmap_test {
    const char *name;
    const char *(*run)(struct pmap *pmap);
};

extern const struct pmap_test pmap_large_tests[];
extern const size_t pmap_large_test_count;
extern const struct pmap_test pmap_page_tests[];
extern const size_t pmap_page_test_count;
extern const struct pmap_test pmap_walk_tests[];
extern const size_t pmap_walk_test_count;

static inline bool is_missing(struct pmap *pmap, uint64_t va) {
    struct pmap_entry entry;

    return !pmap_lookup(pmap, va, &entry);
}

#endif
