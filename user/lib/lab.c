/* SPDX-License-Identifier: MIT */
/* The steps of memlab; their words are in the table at the end. See lab.h; children and threads:
 * lab_process.c. */
#define _GNU_SOURCE
#include "user/lib/lab.h"
#include "user/lib/lab_private.h"
#include "user/lib/look.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TABLE_BYTES (512 * PAGE_BYTES) /* of addresses, that one page table translates */
#define STACK_PAGES_MAX 1024

struct map {
    const char *name; /* NULL: no map */
    char *start;
    size_t pages;
};

/* What a step is about: pages of a map. */
struct range {
    struct map *map;
    char *start;
    size_t first, pages;
};

static struct map maps[LAB_MAPS];
static char *own_break; /* what lies above it was made by the step brk */
static char note[160];

static sigjmp_buf recovery;
static volatile int recovered_signal, recovered_code;
static char *volatile recovered_address;

int lab_fail(const char *format, ...) {
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(note, sizeof note, format, arguments);
    va_end(arguments);
    return -1;
}

const char *lab_note(void) {
    return note;
}

/* ---- words ---- */

static struct map *map_find(const char *name) {
    for (int i = 0; i < LAB_MAPS; i++)
        if (maps[i].name && strcmp(maps[i].name, name) == 0)
            return &maps[i];
    return NULL;
}

static int number_parse(const char *word, const char **end, size_t *number) {
    char *stop;

    errno = 0;
    *number = strtoul(word, &stop, 10);
    if (*word < '0' || *word > '9' || errno || *number > 1UL << 40)
        return lab_fail("'%s' is not a number", word);
    *end = stop;
    return 0;
}

int lab_count_parse(const char *word, size_t *number) {
    const char *end;

    if (number_parse(word, &end, number) < 0)
        return -1;
    return *end ? lab_fail("'%s' is not a number", word) : 0;
}

/* Pages of a map from words like `a`, `a 3`, `a 0-9`. */
static int range_parse(char **words, int count, struct range *range) {
    size_t first = 0, last;
    const char *end;

    range->map = map_find(words[0]);
    if (!range->map)
        return lab_fail("there is no map '%s'", words[0]);
    last = range->map->pages - 1;
    if (count > 1) {
        if (number_parse(words[1], &end, &first) < 0)
            return -1;
        last = first;
        if (*end == '-' && number_parse(end + 1, &end, &last) < 0)
            return -1;
        if (*end || first > last || last >= range->map->pages)
            return lab_fail("'%s' is not a page of %s, which has 0-%zu", words[1], words[0],
                            range->map->pages - 1);
    }
    range->first = first;
    range->pages = last - first + 1;
    range->start = range->map->start + first * PAGE_BYTES;
    return 0;
}

int lab_error(const char *call) {
    return lab_fail("%s: %s", call, strerror(errno));
}

/* ---- maps ---- */

/* What the words after `map NAME PAGES` ask for. */
struct wish {
    int prot, flags, fd;
    bool is_huge, is_aligned;
};

static int wish_file(struct wish *wish, const char *path) {
    wish->fd = open(path, O_RDWR);
    if (wish->fd < 0)
        wish->fd = open(path, O_RDONLY);
    if (wish->fd < 0)
        return lab_error(path);
    wish->flags &= ~MAP_ANONYMOUS;
    return 0;
}

static int wish_parse(char **words, int count, struct wish *wish) {
    *wish = (struct wish){PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, false, false};
    for (int i = 0; i < count; i++) {
        if (strcmp(words[i], "shared") == 0)
            wish->flags = (wish->flags & ~MAP_PRIVATE) | MAP_SHARED;
        else if (strcmp(words[i], "huge") == 0)
            wish->is_huge = true;
        else if (strcmp(words[i], "aligned") == 0)
            wish->is_aligned = true;
        else if (strcmp(words[i], "read") == 0)
            wish->prot = PROT_READ;
        else if (strcmp(words[i], "none") == 0)
            wish->prot = PROT_NONE;
        else if (strcmp(words[i], "file") == 0 && i + 1 < count) {
            if (wish_file(wish, words[++i]) < 0)
                return -1;
        } else
            return lab_fail("a map is not '%s'", words[i]);
    }
    return 0;
}

static struct map *map_free(void) {
    for (int i = 0; i < LAB_MAPS; i++)
        if (!maps[i].name)
            return &maps[i];
    return NULL;
}

/* Addresses that begin where a page table of the lowest level does, and lie free. NULL: none. */
static char *aligned_room(size_t bytes) {
    char *room = mmap(NULL, bytes + TABLE_BYTES, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (room == MAP_FAILED)
        return NULL;
    munmap(room, bytes + TABLE_BYTES);
    return (char *)(((uintptr_t)room + TABLE_BYTES - 1) & -TABLE_BYTES);
}

static int map_run(char **words, int count) {
    struct map *map = map_free();
    struct wish wish;
    size_t pages;
    char *start;

    if (map_find(words[1]))
        return lab_fail("there is a map '%s' already", words[1]);
    if (!map || lab_count_parse(words[2], &pages) < 0)
        return map ? -1 : lab_fail("there are %d maps already", LAB_MAPS);
    if (wish_parse(words + 3, count - 3, &wish) < 0)
        return -1;
    start = mmap(wish.is_aligned ? aligned_room(pages * PAGE_BYTES) : NULL, pages * PAGE_BYTES,
                 wish.prot, wish.flags, wish.fd, 0);
    if (start == MAP_FAILED)
        lab_error("mmap");
    if (wish.fd >= 0)
        close(wish.fd);
    if (start == MAP_FAILED)
        return -1;
    madvise(start, pages * PAGE_BYTES, wish.is_huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    *map = (struct map){words[1], start, pages};
    return 0;
}

static int unmap_run(char **words, int count) {
    struct range range;

    if (range_parse(words + 1, count - 1, &range) < 0)
        return -1;
    if (munmap(range.start, range.pages * PAGE_BYTES) < 0)
        return lab_error("munmap");
    if (range.pages == range.map->pages)
        range.map->name = NULL;
    return 0;
}

static int move_run(char **words, int count) {
    struct range range;
    size_t bytes;
    char *room, *moved;

    if (range_parse(words + 1, count - 1, &range) < 0)
        return -1;
    bytes = range.pages * PAGE_BYTES;
    room = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED)
        return lab_error("mmap");
    moved = mremap(range.start, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, room);
    if (moved == MAP_FAILED) {
        lab_error("mremap");
        munmap(room, bytes);
        return -1;
    }
    range.map->start = moved;
    return 0;
}

struct word_value {
    const char *word;
    int value;
};

static int word_find(const struct word_value *list, const char *word, const char *what) {
    for (; list->word; list++)
        if (strcmp(list->word, word) == 0)
            return list->value;
    return lab_fail("'%s' is no %s", word, what);
}

static int protect_run(char **words, int count) {
    static const struct word_value rights[] = {
        {"none", PROT_NONE},
        {"read", PROT_READ},
        {"write", PROT_READ | PROT_WRITE},
        {"exec", PROT_READ | PROT_EXEC},
        {NULL, 0},
    };
    int right = word_find(rights, words[count - 1], "right: none, read, write or exec");
    struct range range;

    if (right < 0 || range_parse(words + 1, count - 2, &range) < 0)
        return -1;
    return mprotect(range.start, range.pages * PAGE_BYTES, right) < 0 ? lab_error("mprotect") : 0;
}

static int advise_run(char **words, int count) {
    static const struct word_value advices[] = {
        {"dontneed", MADV_DONTNEED},
        {"free", MADV_FREE},
        {"huge", MADV_HUGEPAGE},
        {"nohuge", MADV_NOHUGEPAGE},
        {"nofork", MADV_DONTFORK},
        {"wipe", MADV_WIPEONFORK},
        {NULL, 0},
    };
    int advice = word_find(advices, words[count - 1],
                           "advice: dontneed, free, huge, nohuge, nofork or wipe");
    struct range range;

    if (advice < 0 || range_parse(words + 1, count - 2, &range) < 0)
        return -1;
    return madvise(range.start, range.pages * PAGE_BYTES, advice) < 0 ? lab_error("madvise") : 0;
}

/* ---- touching ---- */

static void on_fault(int signal, siginfo_t *info, void *context) {
    (void)context;
    recovered_signal = signal;
    recovered_code = info->si_code;
    recovered_address = info->si_addr;
    siglongjmp(recovery, 1);
}

/* Says what became of an access that the kernel refused: what was asked for, so no failure. */
static int refused(const struct range *range) {
    const char *why = recovered_signal == SIGBUS      ? "beyond the end of the file"
                      : recovered_code == SEGV_ACCERR ? "the area forbids it"
                                                      : "nothing is mapped there";
    size_t page = range->map ? (size_t)(recovered_address - range->map->start) / PAGE_BYTES : 0;

    if (range->map)
        lab_fail("%s at page %zu of %s: %s", recovered_signal == SIGBUS ? "SIGBUS" : "SIGSEGV",
                 page, range->map->name, why);
    else
        lab_fail("%s at %p: %s", recovered_signal == SIGBUS ? "SIGBUS" : "SIGSEGV",
                 (void *)recovered_address, why);
    return 0;
}

static void touch(volatile char *start, size_t pages, bool write) {
    for (size_t i = 0; i < pages; i++) {
        volatile char *byte = start + i * PAGE_BYTES;

        if (write)
            *byte = (char)(*byte + 1);
        else
            (void)*byte;
    }
}

/* A write that does not read first: one fault for each page. */
static void fill(volatile char *start, size_t pages) {
    for (size_t i = 0; i < pages; i++)
        start[i * PAGE_BYTES] = 1;
}

static int touch_run(char **words, int count, bool write) {
    struct range range;

    if (range_parse(words + 1, count - 1, &range) < 0)
        return -1;
    if (sigsetjmp(recovery, 1))
        return refused(&range);
    if (write)
        fill(range.start, range.pages);
    else
        touch(range.start, range.pages, false);
    return 0;
}

static int read_run(char **words, int count) {
    return touch_run(words, count, false);
}

static int write_run(char **words, int count) {
    return touch_run(words, count, true);
}

static int peek_run(char **words, int count) {
    struct range nowhere = {NULL, NULL, 0, 1};
    unsigned long address;
    char *stop;

    (void)count;
    errno = 0;
    address = strtoul(words[1], &stop, 0);
    if (errno || *stop || stop == words[1])
        return lab_fail("'%s' is not an address", words[1]);
    if (sigsetjmp(recovery, 1))
        return refused(&nowhere);
    touch((volatile char *)address, 1, false);
    return 0;
}

/* The program's break, moved by so many bytes: musl's sbrk(3) only tells it. NULL: it cannot be. */
static char *break_move(long bytes) {
    char *wanted = (char *)sbrk(0) + bytes;

    return (char *)syscall(SYS_brk, wanted) == wanted ? wanted : NULL;
}

static int brk_run(char **words, int count) {
    bool shrinks = *words[1] == '-';
    char *start = sbrk(0);
    size_t pages;

    (void)count;
    if (lab_count_parse(words[1] + shrinks, &pages) < 0)
        return -1;
    if (shrinks && (size_t)(start - own_break) < pages * PAGE_BYTES)
        return lab_fail("the break cannot shrink so far");
    if (!break_move((long)(pages * PAGE_BYTES) * (shrinks ? -1 : 1)))
        return lab_fail("the break cannot be moved so far");
    if (!shrinks)
        fill(start, pages);
    return 0;
}

static int stack_run(char **words, int count) {
    struct range nowhere = {NULL, NULL, 0, 1};
    size_t pages;
    char *here;

    (void)count;
    if (lab_count_parse(words[1], &pages) < 0)
        return -1;
    if (pages > STACK_PAGES_MAX)
        return lab_fail("%d pages of stack at most", STACK_PAGES_MAX);
    here = (char *)((uintptr_t)__builtin_frame_address(0) & -PAGE_BYTES) - OWN_STACK_BYTES;
    if (sigsetjmp(recovery, 1))
        return refused(&nowhere);
    for (size_t i = 1; i <= pages; i++)
        fill(here - i * PAGE_BYTES, 1);
    return 0;
}

static int where_run(char **words, int count) {
    struct range range;
    size_t length = 0;

    if (range_parse(words + 1, count - 1, &range) < 0)
        return -1;
    note[0] = '\0';
    for (size_t i = 0; i < range.pages && length < sizeof note - 1; i++) {
        uint64_t frame = look_frame(0, range.start + i * PAGE_BYTES);

        length += (size_t)snprintf(note + length, sizeof note - length, frame ? "%s%#lx" : "%snone",
                                   i ? " " : "frames ", frame);
    }
    return 0;
}

bool lab_owns(const char *page) {
    for (int i = 0; i < LAB_MAPS; i++)
        if (maps[i].name && page >= maps[i].start &&
            page < maps[i].start + maps[i].pages * PAGE_BYTES)
            return true;
    return page >= own_break && page < (char *)sbrk(0);
}

void lab_begin(void) {
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};

    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    own_break = sbrk(0);
}

/* ---- the table ---- */

const struct lab_step lab_steps[] = {
    {"map", 2, 9, map_run, "map NAME PAGES [shared|aligned|huge|read|none|file F]...",
     "maps zeroes, or a file; aligned: where a table begins"},
    {"read", 1, 2, read_run, "read NAME [PAGES]", "reads a byte of each page"},
    {"write", 1, 2, write_run, "write NAME [PAGES]", "writes a byte to each page"},
    {"protect", 2, 3, protect_run, "protect NAME [PAGES] none|read|write|exec", "mprotect(2)"},
    {"advise", 2, 3, advise_run, "advise NAME [PAGES] dontneed|free|huge|nofork|wipe",
     "madvise(2)"},
    {"unmap", 1, 2, unmap_run, "unmap NAME [PAGES]", "munmap(2)"},
    {"move", 1, 1, move_run, "move NAME", "moves it elsewhere: mremap(2)"},
    {"where", 1, 2, where_run, "where NAME [PAGES]", "tells which frames it is in"},
    {"peek", 1, 1, peek_run, "peek ADDRESS", "reads a byte anywhere"},
    {"brk", 1, 1, brk_run, "brk [-]PAGES", "moves the program's break, and writes what is new"},
    {"stack", 1, 1, stack_run, "stack PAGES", "writes to so many pages below the stack"},
    {"fork", 1, 1, lab_keep_run, "fork keep", "a child stays, and does nothing"},
    {"end", 0, 0, lab_end_run, "end", "ends the child that was kept last"},
    {"threads", 1, 1, lab_threads_run, "threads N", "so many other processors run in this space"},
    {NULL, 0, 0, NULL, NULL, NULL},
};

const struct lab_step *lab_find(const char *name) {
    for (const struct lab_step *step = lab_steps; step->name; step++)
        if (strcmp(step->name, name) == 0)
            return step;
    return NULL;
}

bool lab_fits(const struct lab_step *step, int words) {
    return words >= step->least && words <= step->most;
}

int lab_run(char **words, int count) {
    note[0] = '\0';
    return lab_find(words[0])->run(words, count);
}
