/* SPDX-License-Identifier: MIT */
/* The cases of the fault path that fault-tour goes through: see fault_cases.h. */
#define _GNU_SOURCE
#include "user/tour/fault_cases.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE_BYTES 4096ul
#define HUGE_BYTES (512 * PAGE_BYTES)
#define RW (PROT_READ | PROT_WRITE)
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)

/* Where each case maps what it needs: the same addresses each time. */
#define PLACE ((char *)0x200000000)
#define PLACE_BYTES (4 * HUGE_BYTES)
#define PAGE(n) (PLACE + (n)*PAGE_BYTES)

static pid_t child; /* that shares our memory and stands still; 0: none */

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "fault-tour: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- what the cases need ---- */

static char *map_at(char *at, size_t bytes, int prot, int flags, int file) {
    if (mmap(at, bytes, prot, flags | MAP_FIXED_NOREPLACE, file, 0) != at)
        fail("mmap");
    return at;
}

/* Private pages, the first of which has been written. */
static char *written_pages(void) {
    map_at(PLACE, 4 * PAGE_BYTES, RW, ANONYMOUS, -1);
    *(volatile char *)PLACE = 1;
    return PLACE;
}

static void protect(int prot) {
    if (mprotect(PLACE, PAGE_BYTES, prot) < 0)
        fail("mprotect");
}

/* A file of a page and a byte, mapped at two places: four pages, or what `prot` and `flags` say. */
static char *map_file(int prot, int flags) {
    int file = memfd_create("fault-tour", MFD_CLOEXEC);

    if (file < 0 || ftruncate(file, PAGE_BYTES + 1) < 0 || pwrite(file, "page", 4, 0) != 4)
        fail("memfd");
    map_at(PLACE, 4 * PAGE_BYTES, prot, flags, file);
    close(file);
    return PLACE;
}

/* A child that has all that we have, and has stopped before it touches any of it. */
static void fork_child(void) {
    int status;

    child = fork();
    if (child < 0)
        fail("fork");
    if (child == 0) {
        raise(SIGSTOP);
        _exit(0);
    }
    if (waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status))
        fail("the child");
}

static char *at_nothing(void) {
    map_at(PAGE(4), PAGE_BYTES, RW, ANONYMOUS, -1);
    return PLACE;
}

static char *at_null(void) {
    return NULL;
}

static char *at_kernel(void) {
    return FAULT_KERNEL_ADDRESS;
}

static char *read_only(void) {
    return map_at(PLACE, PAGE_BYTES, PROT_READ, ANONYMOUS, -1);
}

static char *no_rights(void) {
    return map_at(PLACE, PAGE_BYTES, PROT_NONE, ANONYMOUS, -1);
}

static char *fresh_pages(void) {
    return map_at(PLACE, 4 * PAGE_BYTES, RW, ANONYMOUS, -1);
}

static char *below_stack(void) {
    map_at(PAGE(512), PAGE_BYTES, RW, ANONYMOUS | MAP_GROWSDOWN, -1);
    return PAGE(508);
}

static char *too_near_a_neighbour(void) {
    map_at(PAGE(0), PAGE_BYTES, RW, ANONYMOUS, -1);
    map_at(PAGE(512), PAGE_BYTES, RW, ANONYMOUS | MAP_GROWSDOWN, -1);
    return PAGE(16);
}

static char *shared_pages(void) {
    return map_at(PLACE, 4 * PAGE_BYTES, RW, MAP_SHARED | MAP_ANONYMOUS, -1);
}

static char *shared_file(void) {
    return map_file(RW, MAP_SHARED);
}

static char *shared_file_end(void) {
    return shared_file() + 2 * PAGE_BYTES;
}

static char *private_file(void) {
    return map_file(RW, MAP_PRIVATE);
}

static char *private_file_end(void) {
    return private_file() + 2 * PAGE_BYTES;
}

/* The page is there, and its entry went with the rights. */
static char *entry_lost(void) {
    written_pages();
    protect(PROT_NONE);
    protect(RW);
    return PLACE;
}

static char *write_taken_and_given(void) {
    written_pages();
    protect(PROT_READ);
    protect(RW);
    return PLACE;
}

static char *seen_by_child(void) {
    written_pages();
    fork_child();
    return PLACE;
}

static char *huge_room(void) {
    map_at(PLACE, HUGE_BYTES, RW, ANONYMOUS, -1);
    madvise(PLACE, HUGE_BYTES, MADV_HUGEPAGE);
    return PAGE(100);
}

static char *huge_seen_by_child(void) {
    *(volatile char *)huge_room() = 1;
    fork_child();
    return PAGE(200);
}

static char *huge_write_taken_and_given(void) {
    *(volatile char *)huge_room() = 1;
    if (mprotect(PLACE, HUGE_BYTES, PROT_READ) < 0 || mprotect(PLACE, HUGE_BYTES, RW) < 0)
        fail("mprotect");
    return PAGE(300);
}

void fault_case_clean_up(void) {
    if (child > 0) {
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    child = 0;
    munmap(PLACE, PLACE_BYTES);
}

const struct fault_case fault_cases[] = {
    {"no-area",
     "0: nothing is mapped there",
     "No area of the map holds the address, and the next one above is no stack, which would\n"
     "grow. The fault is refused: a signal that says that nothing is mapped.",
     at_nothing,
     FAULT_READ,
     "SIGSEGV, SEGV_MAPERR, case 0 (no area)",
     {"no_area"},
     0,
     SIGSEGV,
     SEGV_MAPERR},
    {"null-pointer",
     "0: a null pointer",
     "The page at 0 is nobody's, ever, so that null pointers are noticed.",
     at_null,
     FAULT_WRITE,
     "SIGSEGV, SEGV_MAPERR, case 0 (no area)",
     {"no_area"},
     0,
     SIGSEGV,
     SEGV_MAPERR},
    {"kernel-half",
     "0: the kernel's memory",
     "The kernel is mapped in every table, without the user bit. The map is not even\n"
     "asked, so no counter of cases moves.",
     at_kernel,
     FAULT_READ,
     "SIGSEGV, SEGV_MAPERR, case 0 (no area)",
     {NULL},
     0,
     SIGSEGV,
     SEGV_MAPERR},
    {"forbidden-write",
     "0: the area forbids it: a write",
     "There is an area, but it may only be read. The signal says that access is refused,\n"
     "not that nothing is there.",
     read_only,
     FAULT_WRITE,
     "SIGSEGV, SEGV_ACCERR, case 0 (forbidden)",
     {"forbidden"},
     0,
     SIGSEGV,
     SEGV_ACCERR},
    {"forbidden-exec",
     "0: the area forbids it: an execution",
     "Data is not to be run: the area may be read and written, and entries of its pages\n"
     "have the no-execute bit.",
     written_pages,
     FAULT_EXECUTE,
     "SIGSEGV, SEGV_ACCERR, case 0 (forbidden)",
     {"forbidden"},
     0,
     SIGSEGV,
     SEGV_ACCERR},
    {"no-rights",
     "0: the area forbids everything",
     "A guard: an area without rights keeps its addresses, and nothing may be done there.",
     no_rights,
     FAULT_READ,
     "SIGSEGV, SEGV_ACCERR, case 0 (forbidden)",
     {"forbidden"},
     0,
     SIGSEGV,
     SEGV_ACCERR},
    {"stack-grows",
     "0: no area, but a stack grows",
     "Four pages below an area that grows down: it becomes larger by four pages, of which\n"
     "the one that is written gets a frame, as in 3Wd.",
     below_stack,
     FAULT_WRITE,
     "fault, case 3Wd (new zeroed page), the stack grows by 4 pages, takes 1 frame",
     {"stack_grown", "new_zeroed_page"},
     1,
     0,
     0},
    {"stack-guard",
     "0: a stack that may not grow so far",
     "Another area lies below the stack, and less than the guard would be left between.",
     too_near_a_neighbour,
     FAULT_WRITE,
     "SIGSEGV, SEGV_MAPERR, case 0 (no area)",
     {"no_area"},
     0,
     SIGSEGV,
     SEGV_MAPERR},
    {"stale",
     "1: the table was only behind the truth",
     "Whoever asks finds that the entry has all that is wanted already. Processors come here\n"
     "when another one was faster; here it is the kernel, which reads for process_vm_readv\n"
     "as if it were the process.",
     written_pages,
     FAULT_BY_KERNEL,
     "no fault",
     {"stale_entry"},
     0,
     0,
     0},
    {"shared-new",
     "2: a shared page, the first one to touch it",
     "The mapping is shared, so the page is its object's. The object has none there yet,\n"
     "and gets one of zeroes, for all who map it.",
     shared_pages,
     FAULT_WRITE,
     "fault, case 2 (shared page), takes 1 frame",
     {"shared_page"},
     1,
     0,
     0},
    {"shared-found",
     "2: a shared page that is there",
     "A file's page is in memory: write put it there. The entry leads to that very frame,\n"
     "with all rights of the area, and nothing is copied.",
     shared_file,
     FAULT_WRITE,
     "fault, case 2 (shared page): ",
     {"shared_page"},
     0,
     0,
     0},
    {"beyond-end-shared",
     "2: beyond the end of a shared file",
     "The file ends before the page. Something is mapped, but there is nothing to be had:\n"
     "another signal.",
     shared_file_end,
     FAULT_READ,
     "SIGBUS, BUS_ADRERR, case 2 (shared page)",
     {"shared_page"},
     0,
     SIGBUS,
     BUS_ADRERR},
    {"beyond-end-private",
     "3: beyond the end of a private file",
     "The same in a private mapping, found before the page is looked for.",
     private_file_end,
     FAULT_WRITE,
     "SIGBUS, BUS_ADRERR, case 0 (no area)",
     {"no_area"},
     0,
     SIGBUS,
     BUS_ADRERR},
    {"read-own",
     "3R: a read, of the space's own page",
     "The page was written before; its entry went when all rights were taken and given\n"
     "back. It is entered again, and since nobody else sees it, writable.",
     entry_lost,
     FAULT_READ,
     "fault, case 3R (read private page): ",
     {"read_private_page"},
     0,
     0,
     0},
    {"read-object",
     "3R: a read, of the file's page",
     "Nothing was changed in this private mapping: the file's own page is entered, not\n"
     "writable, and what else the file has in memory around it.",
     private_file,
     FAULT_READ,
     "fault, case 3R (read object page): ",
     {"read_object_page"},
     0,
     0,
     0},
    {"read-zeroes",
     "3R: a read, and nothing was ever written",
     "There is one frame of zeroes for everybody. It is entered, not writable, and no\n"
     "frame is taken.",
     fresh_pages,
     FAULT_READ,
     "fault, case 3R (read zeroes): ",
     {"read_zeroes"},
     0,
     0,
     0},
    {"reuse",
     "3Wa: a write, to a page that is ours alone",
     "The entry lost its right to write and nobody gave it back. The counts on the way say\n"
     "that nobody else sees the page: it is made writable, and nothing is copied.",
     write_taken_and_given,
     FAULT_WRITE,
     "fault, case 3Wa (write alone): ",
     {"write_alone"},
     0,
     0,
     0},
    {"copy",
     "3Wb: a write, to a page that others see",
     "A child was forked, and stands still: both see one frame. The write copies it, and the\n"
     "copy is ours; the child keeps the old one.",
     seen_by_child,
     FAULT_WRITE,
     "fault, case 3Wb (copy shared page), takes 1 frame",
     {"copy_shared_page"},
     1,
     0,
     0},
    {"copy-object",
     "3Wc: a write, to a file's page in a private mapping",
     "The file's page is copied, and the copy goes into the shadow: the file will never\n"
     "know of it.",
     private_file,
     FAULT_WRITE,
     "fault, case 3Wc (copy object page), takes 1 frame",
     {"copy_object_page"},
     1,
     0,
     0},
    {"zero-fill",
     "3Wd: a write, and nothing was ever written",
     "A new frame, cleared, is the space's own from now on.",
     fresh_pages,
     FAULT_WRITE,
     "fault, case 3Wd (new zeroed page), takes 1 frame",
     {"new_zeroed_page"},
     1,
     0,
     0},
    {"huge-fill",
     "3Wd: the first write to 2 MiB",
     "The area holds an aligned stretch of 2 MiB with nothing in it: 512 frames come at\n"
     "once, next to each other, and one entry leads to all of them. (One page, if the\n"
     "system does not want huge ones or has no such block.)",
     huge_room,
     FAULT_WRITE,
     "fault, case 3Wd (new zeroed page), takes ",
     {"new_zeroed_page"},
     512,
     0,
     0},
    {"huge-copy",
     "3Wb: a write, to a part of a huge page that others see",
     "Copies are of 4 KiB always: one page is copied, and the large entry becomes a table.",
     huge_seen_by_child,
     FAULT_WRITE,
     "fault, case 3Wb (copy shared page), takes 1 frame",
     {"copy_shared_page"},
     1,
     0,
     0},
    {"huge-reuse",
     "3Wa: a write, to a huge page that is ours alone",
     "The right to write was taken from all of it and given back. One fault makes all 2 MiB\n"
     "writable again.",
     huge_write_taken_and_given,
     FAULT_WRITE,
     "fault, case 3Wa (write alone): ",
     {"write_alone"},
     0,
     0,
     0},
};

const size_t fault_case_count = sizeof(fault_cases) / sizeof(fault_cases[0]);
