/* SPDX-License-Identifier: MIT */
/* Counts of /proc/vmstat, and what came between two looks at them. See tally.h. */
#include "user/lib/tally.h"
#include "user/lib/look.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static const struct {
    const char *name;
    const char *line; /* of /proc/vmstat */
    const char *one, *many;
} keys[TALLY_KEYS] = {
    [TALLY_FRAMES] = {"frames", "nr_frames_anon", "frame", "frames"},
    [TALLY_TABLES] = {"tables", "nr_frames_table", "page table", "page tables"},
    [TALLY_FAULTS] = {"faults", NULL, "fault", "faults"},
    [TALLY_NO_AREA] = {"no_area", "fault_no_area", "access to nothing", "accesses to nothing"},
    [TALLY_FORBIDDEN] = {"forbidden", "fault_forbidden", "forbidden access", "forbidden accesses"},
    [TALLY_STALE] = {"stale", "fault_stale_entry", "stale entry", "stale entries"},
    [TALLY_SHARED] = {"shared", "fault_shared_page", "shared page entered", "shared pages entered"},
    [TALLY_READ_PRIVATE] = {"read_private", "fault_read_private_page", "own page entered to read",
                            "own pages entered to read"},
    [TALLY_READ_OBJECT] = {"read_object", "fault_read_object_page",
                           "page of an object entered to read",
                           "pages of an object entered to read"},
    [TALLY_READ_ZERO] = {"read_zero", "fault_read_zeroes", "read of zeroes", "reads of zeroes"},
    [TALLY_REUSE] = {"reuse", "fault_write_alone", "page made writable", "pages made writable"},
    [TALLY_COPY] = {"copy", "fault_copy_shared_page", "page copied", "pages copied"},
    [TALLY_COPY_OBJECT] = {"copy_object", "fault_copy_object_page", "page copied from an object",
                           "pages copied from an object"},
    [TALLY_ZERO_FILL] = {"zero_fill", "fault_new_zeroed_page", "new zeroed page",
                         "new zeroed pages"},
    [TALLY_STACK_GROWN] = {"stack_grown", "fault_stack_grown", "growth of the stack",
                           "growths of the stack"},
    [TALLY_TABLES_SHARED] = {"tables_shared", "pmap_table_shared", "table shared", "tables shared"},
    [TALLY_TABLES_UNSHARED] = {"tables_unshared", "pmap_table_unshared", "table un-shared",
                               "tables un-shared"},
    [TALLY_FLUSH_PAGE] = {"flush_page", "pmap_flush_page", "translation dropped",
                          "translations dropped"},
    [TALLY_FLUSH_SPACE] = {"flush_space", "pmap_flush_space", "space flushed", "spaces flushed"},
    [TALLY_FLUSH_SENT] = {"flush_sent", "pmap_flush_sent", "processor told", "processors told"},
};

static long line_number(const char *text, const char *name) {
    size_t length = strlen(name);

    for (const char *at = text; at && *at; at = strchr(at, '\n'), at = at ? at + 1 : NULL)
        if (strncmp(at, name, length) == 0 && at[length] == ' ')
            return strtol(at + length, NULL, 10);
    return TALLY_UNKNOWN;
}

void tally_take(struct tally *tally) {
    const char *text = look_file("/proc/vmstat");
    struct rusage own, children;

    for (int key = 0; key < TALLY_KEYS; key++)
        tally->count[key] = keys[key].line ? line_number(text, keys[key].line) : TALLY_UNKNOWN;
    getrusage(RUSAGE_SELF, &own);
    getrusage(RUSAGE_CHILDREN, &children);
    tally->count[TALLY_FAULTS] =
        own.ru_minflt + own.ru_majflt + children.ru_minflt + children.ru_majflt;
}

static bool is_known(long count) {
    return count != TALLY_UNKNOWN;
}

void tally_difference(struct tally *difference, const struct tally *before,
                      const struct tally *after) {
    for (int key = 0; key < TALLY_KEYS; key++)
        difference->count[key] =
            is_known(before->count[key]) ? after->count[key] - before->count[key] : TALLY_UNKNOWN;
}

void tally_add(struct tally *sum, const struct tally *more) {
    for (int key = 0; key < TALLY_KEYS; key++)
        sum->count[key] =
            is_known(more->count[key]) ? sum->count[key] + more->count[key] : TALLY_UNKNOWN;
}

bool tally_is_full(const struct tally *tally) {
    return is_known(tally->count[TALLY_ZERO_FILL]);
}

const char *tally_name(enum tally_key key) {
    return keys[key].name;
}

enum tally_key tally_find(const char *name) {
    int key = 0;

    while (key < TALLY_KEYS && strcmp(keys[key].name, name) != 0)
        key++;
    return (enum tally_key)key;
}

const char *tally_words(enum tally_key key, long n) {
    return n == 1 ? keys[key].one : keys[key].many;
}
