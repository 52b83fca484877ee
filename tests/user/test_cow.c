/* SPDX-License-Identifier: MIT */
/*
 * Copy on write, all cases.
 *
 * Rows K5, X7, B4, Q3 and the traps of shared page tables: who reads shares the frame, who writes
 * gets one of its own, the last one left writes in place, and the kernel's own copies to a
 * program obey the same rules. A child here lives until its parent says so, so that both page
 * tables can be compared while they exist.
 */
#include "catch.h"
#include "facts.h"

#include <sys/uio.h>

#define PAGES 64

/* A child that has run `work` and now waits: look at it, then release it. */
struct partner {
    pid_t pid;
    int ready, go;
};

static struct partner partner_start(void (*work)(volatile char *), volatile char *pages) {
    int ready[2], go[2];
    char byte;
    struct partner partner;

    CHECK_EQ(pipe(ready) | pipe(go), 0);
    partner.pid = fork();
    CHECK(partner.pid >= 0);
    if (partner.pid == 0) {
        work(pages);
        CHECK_EQ(write(ready[1], "", 1), 1);
        CHECK_EQ(read(go[0], &byte, 1), 1);
        _exit(0);
    }
    partner.ready = ready[0];
    partner.go = go[1];
    CHECK_EQ(close(ready[1]) | close(go[0]), 0);
    CHECK_EQ(read(partner.ready, &byte, 1), 1);
    return partner;
}

static void partner_end(struct partner *partner) {
    CHECK_EQ(write(partner->go, "", 1), 1);
    CHECK_EQ(child_wait(partner->pid), 0);
    CHECK_EQ(close(partner->ready) | close(partner->go), 0);
}

static char *written_pages(size_t count) {
    char *pages = pages_map(count, PROT_READ | PROT_WRITE);

    pages_write(pages, count, 1);
    return pages;
}

static size_t frames_shared(pid_t other, const volatile char *pages, size_t count) {
    size_t shared = 0;

    for (size_t i = 0; i < count; i++) {
        uint64_t frame = frame_of(pages + i * PAGE_BYTES);
        shared += frame && frame == frame_of_pid(other, pages + i * PAGE_BYTES);
    }
    return shared;
}

static void read_all(volatile char *pages) {
    CHECK_EQ(pages_read(pages, PAGES), PAGES);
}

static void write_every_fourth(volatile char *pages) {
    for (size_t i = 0; i < PAGES; i += 4)
        pages[i * PAGE_BYTES] = 2;
    CHECK_EQ(pages_read(pages, PAGES), PAGES + PAGES / 4);
}

static void write_all(volatile char *pages) {
    pages_write(pages, PAGES, 9);
}

static void readers_share_frames(void) {
    char *pages = written_pages(PAGES);
    struct partner partner;

    frames_visible_or_skip();
    partner = partner_start(read_all, pages);
    CHECK_EQ(frames_shared(partner.pid, pages, PAGES), PAGES);
    read_all(pages);
    CHECK_EQ(frames_shared(partner.pid, pages, PAGES), PAGES);
    partner_end(&partner);
}

static void writers_get_their_own(void) {
    char *pages = written_pages(PAGES);
    struct partner partner;

    frames_visible_or_skip();
    partner = partner_start(write_every_fourth, pages);
    read_all(pages);
    CHECK_EQ(frames_shared(partner.pid, pages, PAGES), PAGES - PAGES / 4);
    partner_end(&partner);
    read_all(pages);
}

/* Written without a copy? Linux copies now and then though nobody else sees the page, when it has
 * the page on some list of its own just then. */
static void check_in_place(const volatile char *pages, const uint64_t frames[PAGES]) {
    size_t kept = 0;

    for (size_t i = 0; i < PAGES; i++)
        kept += frame_of(pages + i * PAGE_BYTES) == frames[i];
    CHECK(kept == PAGES || (kept > 0 && !on_quire()));
}

/* X7: several see it: copy. Only one sees it: make it writable, copy nothing. */
static void last_one_writes_in_place(void) {
    char *pages = written_pages(PAGES);
    uint64_t frames[PAGES];
    struct partner partner;

    frames_visible_or_skip();
    for (size_t i = 0; i < PAGES; i++)
        frames[i] = frame_of(pages + i * PAGE_BYTES);
    partner = partner_start(read_all, pages);
    partner_end(&partner);
    pages_write(pages, PAGES, 5);
    check_in_place(pages, frames);
}

/* The same from the other side: the parent is gone, the child owns the frame. */
static void orphan_body(volatile char *page, uint64_t frame, pid_t parent) {
    while (getppid() == parent)
        usleep(1000);
    while (kill(parent, 0) == 0)
        usleep(1000);
    page[0] = 2;
    CHECK(frame_of(page) == frame || !on_quire());
}

static void child_left_alone_writes_in_place(void) {
    char *page = written_pages(1);
    uint64_t frame = frame_of(page);
    int done[2], status;
    char byte;
    pid_t middle;

    frames_visible_or_skip();
    CHECK_EQ(pipe(done), 0);
    middle = fork();
    if (middle == 0) {
        pid_t parent = getpid();
        page[0] = 1; /* copied: this frame is the middle one's and, soon, the orphan's */
        frame = frame_of(page);
        if (fork() == 0) {
            orphan_body(page, frame, parent);
            CHECK_EQ(write(done[1], "", 1), 1);
        }
        _exit(0);
    }
    status = child_wait(middle);
    CHECK_EQ(status, 0);
    close(done[1]);
    CHECK_EQ(read(done[0], &byte, 1), 1);
}

static void both_write_one_copies(void) {
    char *pages = written_pages(PAGES);
    uint64_t before[PAGES];
    struct partner partner;

    frames_visible_or_skip();
    for (size_t i = 0; i < PAGES; i++)
        before[i] = frame_of(pages + i * PAGE_BYTES);
    partner = partner_start(write_all, pages);
    pages_write(pages, PAGES, 3);
    check_in_place(pages, before);
    CHECK_EQ(frames_shared(partner.pid, pages, PAGES), 0);
    partner_end(&partner);
    CHECK_EQ(pages_read(pages, PAGES), 3 * PAGES);
}

static void write_one(volatile char *pages) {
    pages[0] = 8;
}

/* The child's write gave it a table of its own; the parent's table is alone again, but what its
 * entries lead to is still the child's too. */
static void table_alone_page_shared(void) {
    char *pages = written_pages(PAGES);
    struct partner partner;

    frames_visible_or_skip();
    partner = partner_start(write_one, pages);
    pages[PAGE_BYTES] = 77;
    CHECK(frame_of_pid(partner.pid, pages + PAGE_BYTES) != frame_of(pages + PAGE_BYTES));
    CHECK_EQ(frames_shared(partner.pid, pages, PAGES), PAGES - 2);
    partner_end(&partner);
}

static void writer_in_parent_is_unseen(void) {
    char *pages = written_pages(PAGES);
    int go[2];
    char byte;
    pid_t child;

    CHECK_EQ(pipe(go), 0);
    child = fork();
    if (child == 0) {
        pages[0] = 8;
        CHECK_EQ(read(go[0], &byte, 1), 1);
        for (size_t i = 1; i < PAGES; i++)
            CHECK_EQ(pages[i * PAGE_BYTES], 1);
        _exit(0);
    }
    for (int round = 0; round < 3; round++)
        pages_write(pages, PAGES, (char)(50 + round));
    CHECK_EQ(write(go[1], "", 1), 1);
    CHECK_EQ(child_wait(child), 0);
}

/* A translation the processor still holds as writable must not outlive the fork. */
static void hot_translation_is_taken_away(void) {
    volatile char *page = written_pages(1);
    int go[2];
    char byte;

    for (int i = 0; i < 50; i++) {
        pid_t child;
        CHECK_EQ(pipe(go), 0);
        page[0] = (char)i;
        child = fork();
        if (child == 0) {
            CHECK_EQ(read(go[0], &byte, 1), 1);
            CHECK_EQ(page[0], (char)i);
            _exit(0);
        }
        page[0] = (char)(i + 100);
        CHECK_EQ(write(go[1], "", 1), 1);
        CHECK_EQ(child_wait(child), 0);
        CHECK_EQ(close(go[0]) | close(go[1]), 0);
    }
}

static void kernel_fills(volatile char *pages) {
    int pair[2];
    char bytes[16];

    memset(bytes, 'k', sizeof bytes);
    CHECK_EQ(pipe(pair), 0);
    CHECK_EQ(write(pair[1], bytes, sizeof bytes), sizeof bytes);
    CHECK_EQ(read(pair[0], (char *)pages + PAGE_BYTES - 8, sizeof bytes), sizeof bytes);
    CHECK_EQ(pages[PAGE_BYTES], 'k');
}

/* The kernel writes for the child, over a page border: the parent's two pages stay. */
static void kernel_writes_copy_too(void) {
    char *pages = written_pages(PAGES);
    struct partner partner;

    frames_visible_or_skip();
    partner = partner_start(kernel_fills, pages);
    CHECK_EQ(pages[PAGE_BYTES - 1], 0);
    CHECK_EQ(pages[PAGE_BYTES], 1);
    CHECK_EQ(frames_shared(partner.pid, pages, PAGES), PAGES - 2);
    partner_end(&partner);
}

static void expect_read_only(volatile char *pages) {
    CHECK_EQ(pages[0], 1);
    CHECK(!can_write(pages));
    CHECK_EQ(pages[0], 1);
}

static void read_only_stays_read_only(void) {
    char *pages = written_pages(PAGES);
    struct partner partner;

    frames_visible_or_skip();
    CHECK_EQ(mprotect(pages, PAGES * PAGE_BYTES, PROT_READ), 0);
    partner = partner_start(expect_read_only, pages);
    CHECK(!can_write(pages));
    CHECK_EQ(frames_shared(partner.pid, pages, 1), 1);
    partner_end(&partner);
    CHECK(!can_write(pages));
}

static void allow_and_write(volatile char *pages) {
    CHECK_EQ(mprotect((void *)pages, PAGES * PAGE_BYTES, PROT_READ | PROT_WRITE), 0);
    pages[0] = 4;
}

static void rights_given_later_still_copy(void) {
    char *pages = written_pages(PAGES);
    struct partner partner;

    frames_visible_or_skip();
    CHECK_EQ(mprotect(pages, PAGES * PAGE_BYTES, PROT_READ), 0);
    partner = partner_start(allow_and_write, pages);
    CHECK_EQ(pages[0], 1);
    CHECK(frame_of(pages) != frame_of_pid(partner.pid, pages));
    CHECK(!can_write(pages));
    partner_end(&partner);
}

static void unmap_half(volatile char *pages) {
    CHECK_EQ(munmap((void *)pages, PAGES / 2 * PAGE_BYTES), 0);
    CHECK(!can_read(pages));
    CHECK_EQ(pages[PAGES / 2 * PAGE_BYTES], 1);
}

static void unmapping_is_private(void) {
    char *pages = written_pages(PAGES);
    struct partner partner = partner_start(unmap_half, pages);

    read_all(pages);
    partner_end(&partner);
    read_all(pages);
}

static void three_generations_see_their_own(void) {
    volatile char *page = written_pages(1);

    if (fork() == 0) {
        page[0] = 2;
        if (fork() == 0) {
            CHECK_EQ(page[0], 2);
            page[0] = 3;
            if (fork() == 0) {
                page[0] = 4;
                _exit(page[0]);
            }
            CHECK(wait(NULL) > 0);
            _exit(page[0] == 3 ? 0 : 1);
        }
        int status = 1;
        CHECK(wait(&status) > 0);
        CHECK_EQ(status, 0);
        _exit(page[0] == 2 ? 0 : 1);
    }
    int status = 1;
    CHECK(wait(&status) > 0);
    CHECK_EQ(status, 0);
    CHECK_EQ(page[0], 1);
}

/* K5: the cost of a fork of a 200-page heap, and of what follows, in frames. */
static void heap_of_200_pages_counted(void) {
    enum { HEAP = 200, FEW = 40 };
    char *pages = written_pages(HEAP);
    struct memory_use before;
    struct partner partner;
    long frames, anonymous;

    frames_exact_or_skip();
    partner = partner_start(write_one, pages);
    partner_end(&partner);
    pages_write(pages, HEAP, 1);
    frames = frames_free();
    before = memory_use();
    partner = partner_start(write_one, pages);
    CHECK(frames - frames_free() <= FEW);
    anonymous = memory_use().anonymous;
    CHECK_EQ(pages_read(pages, HEAP), HEAP);
    CHECK_EQ(memory_use().anonymous, anonymous); /* reads take no frame */
    pages_write(pages, HEAP, 3);
    CHECK_EQ(memory_use().anonymous, anonymous + HEAP - 1); /* writes one each; one was alone */
    pages_write(pages, HEAP, 4);
    CHECK_EQ(memory_use().anonymous, anonymous + HEAP - 1);
    partner_end(&partner);
    CHECK_MEMORY_SAME(memory_use(), before);
}

CHECK_MAIN({"readers_share_frames", readers_share_frames},
           {"writers_get_their_own", writers_get_their_own},
           {"last_one_writes_in_place", last_one_writes_in_place},
           {"child_left_alone_writes_in_place", child_left_alone_writes_in_place},
           {"both_write_one_copies", both_write_one_copies},
           {"table_alone_page_shared", table_alone_page_shared},
           {"writer_in_parent_is_unseen", writer_in_parent_is_unseen},
           {"hot_translation_is_taken_away", hot_translation_is_taken_away},
           {"kernel_writes_copy_too", kernel_writes_copy_too},
           {"read_only_stays_read_only", read_only_stays_read_only},
           {"rights_given_later_still_copy", rights_given_later_still_copy},
           {"unmapping_is_private", unmapping_is_private},
           {"three_generations_see_their_own", three_generations_see_their_own},
           {"heap_of_200_pages_counted", heap_of_200_pages_counted})
