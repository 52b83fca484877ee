/* SPDX-License-Identifier: MIT */
/*
 * What a program must not reach: the kernel's half, other processes, its own code as data.
 *
 * Rows W1 (kernel isolation), W2 and W4 (a table each), K4 (the three low bits of the error
 * code), X5 (one line about who was killed), B2 (rights), X2 as far as a program can see it.
 */
#include "catch.h"
#include "facts.h"

/* Where kernels of this kind keep things: direct map, kernel addresses, image, the last page. */
static const uintptr_t kernel_addresses[] = {
    0xffff800000000000, 0xffff888000000000, 0xffff888000100000, 0xffffc90000000000,
    0xffffea0000000000, 0xfffffe0000000000, 0xffffffff80000000, 0xffffffff81000000,
    0xffffffffff000000, 0xfffffffffffff000, 0xffffffffffffffff,
};

static void kernel_read(void *address) {
    access_read((uintptr_t)address);
}

static void kernel_write(void *address) {
    access_write((uintptr_t)address);
}

static void kernel_jump(void *address) {
    access_jump((uintptr_t)address);
}

static void kernel_memory_kills(void) {
    for (size_t i = 0; i < COUNT_OF(kernel_addresses); i++) {
        void *address = (void *)kernel_addresses[i];
        CHECK_CHILD_KILLED(kernel_read, address, SIGSEGV);
        CHECK_CHILD_KILLED(kernel_write, address, SIGSEGV);
        CHECK_CHILD_KILLED(kernel_jump, address, SIGSEGV);
    }
}

/* No top-level entry of the upper half may let a program through, wherever the kernel sits. */
static void kernel_half_is_closed(void) {
    static const uintptr_t offsets[] = {0, 0x1000, 0x200000, 0x40000000, 0x7ffffff000};

    for (uintptr_t slot = 256; slot < 512; slot++) {
        uintptr_t base = 0xffff000000000000 | slot << 39;
        for (size_t i = 0; i < COUNT_OF(offsets); i++) {
            if (base + offsets[i] >= 0xffffffffff600000) /* Linux's vsyscall page */
                continue;
            CHECK(!can_read((void *)(base + offsets[i])));
            CHECK(!can_write((void *)(base + offsets[i])));
        }
    }
}

/* The kernel's own memory is mapped by large pages: look at each of them up to 512 MiB. */
static void direct_map_is_closed(void) {
    for (uintptr_t offset = 0; offset < 512UL << 20; offset += 2UL << 20)
        CHECK(!can_read((void *)(0xffff888000000000 + offset)));
    for (uintptr_t offset = 0; offset < 16UL << 20; offset += 64UL << 10)
        CHECK(!can_read((void *)(0xffffffff80000000 + offset)));
}

static void noncanonical_kills(void) {
    struct fault fault = fault_of(access_read, (void *)0x0000800000000000);

    CHECK_EQ(fault.number, SIGSEGV);
    CHECK_EQ(fault_of(access_write, (void *)0x8000000000000000).number, SIGSEGV);
    CHECK_EQ(fault_of(access_jump, (void *)0x4141414141414141).number, SIGSEGV);
}

static void kernel_fault_says_maperr(void) {
    struct fault fault = fault_of(access_read, (void *)0xffff888000100000);

    CHECK_EQ(fault.number, SIGSEGV);
    CHECK_EQ(fault.code, SEGV_MAPERR);
    CHECK_EQ(fault.address, 0xffff888000100000);
}

static void address_zero_kills(void) {
    struct fault fault = fault_of(access_read, NULL);

    CHECK_EQ(fault.number, SIGSEGV);
    CHECK_EQ(fault.code, SEGV_MAPERR);
    CHECK_EQ(fault.address, 0);
    CHECK_EQ(fault_of(access_write, NULL).number, SIGSEGV);
    CHECK_EQ(fault_of(access_jump, NULL).number, SIGSEGV);
    signal(SIGSEGV, SIG_DFL);
    CHECK_CHILD_KILLED(kernel_write, NULL, SIGSEGV);
}

static void low_memory_is_refused(void) {
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

    char *limit = fact_file("/proc/sys/vm/mmap_min_addr");

    CHECK(geteuid() != 0 || setuid(1000) == 0);
    CHECK_FAILS(mmap(NULL, 4096, PROT_READ, flags, -1, 0), EPERM);
    if (limit && strtol(limit, NULL, 10) > 0x1000)
        CHECK_FAILS(mmap((void *)0x1000, 4096, PROT_READ, flags, -1, 0), EPERM);
}

static void own_code_is_read_only(void) {
    struct fault fault = fault_of(access_write, (void *)(uintptr_t)own_code_is_read_only);

    CHECK_EQ(fault.number, SIGSEGV);
    CHECK_EQ(fault.code, SEGV_ACCERR);
    CHECK_EQ(fault.address, (uintptr_t)own_code_is_read_only);
}

static void constants_are_read_only(void) {
    static const char text[] = "constant";
    struct fault fault = fault_of(access_write, text);

    CHECK_EQ(fault.number, SIGSEGV);
    CHECK_EQ(fault.code, SEGV_ACCERR);
}

/* A page of code to jump to: `ret`. */
static unsigned char *code_page(void) {
    unsigned char *page = (unsigned char *)pages_map(1, PROT_READ | PROT_WRITE);

    page[0] = 0xc3;
    return page;
}

static void data_is_not_executable(void) {
    static unsigned char initialised[] = {0xc3};
    unsigned char on_stack[] = {0xc3};
    struct fault fault = fault_of(access_jump, code_page());

    CHECK_EQ(fault.number, SIGSEGV);
    CHECK_EQ(fault.code, SEGV_ACCERR);
    CHECK_EQ(fault_of(access_jump, initialised).number, SIGSEGV);
    CHECK_EQ(fault_of(access_jump, on_stack).number, SIGSEGV);
}

static void code_runs_when_allowed(void) {
    unsigned char *page = code_page();

    CHECK_EQ(mprotect(page, PAGE_BYTES, PROT_READ | PROT_EXEC), 0);
    CHECK_EQ(fault_of(access_jump, page).number, 0);
    CHECK_EQ(mprotect(page, PAGE_BYTES, PROT_READ), 0);
    CHECK_EQ(fault_of(access_jump, page).number, SIGSEGV);
}

/* K4: present, write and user bits, and the fetch bit, for each combination a program can make. */
static void error_code_bits(void) {
    char *absent = pages_map(1, PROT_NONE);
    char *resident = pages_map(1, PROT_READ | PROT_WRITE);
    struct fault fault;

    CHECK_EQ(munmap(absent, PAGE_BYTES), 0);
    resident[0] = 1;
    CHECK_EQ(mprotect(resident, PAGE_BYTES, PROT_READ), 0);

    fault = fault_of(access_read, absent);
    CHECK_EQ(fault.trap, 14);
    CHECK_EQ(fault.error, FAULT_USER);
    CHECK_EQ(fault.code, SEGV_MAPERR);
    fault = fault_of(access_write, absent);
    CHECK_EQ(fault.error, FAULT_USER | FAULT_WRITE);
    fault = fault_of(access_jump, absent);
    CHECK_EQ(fault.error & ~FAULT_FETCH, FAULT_USER);

    fault = fault_of(access_write, resident);
    CHECK_EQ(fault.error, FAULT_USER | FAULT_WRITE | FAULT_PRESENT);
    CHECK_EQ(fault.code, SEGV_ACCERR);
    fault = fault_of(access_jump, resident);
    CHECK_EQ(fault.error & ~FAULT_FETCH, FAULT_USER | FAULT_PRESENT);
    CHECK_EQ(fault.code, SEGV_ACCERR);
}

static void prot_none_refuses_all(void) {
    char *page = pages_map(1, PROT_READ | PROT_WRITE);
    struct fault fault;

    page[0] = 7;
    CHECK_EQ(mprotect(page, PAGE_BYTES, PROT_NONE), 0);
    fault = fault_of(access_read, page);
    CHECK_EQ(fault.number, SIGSEGV);
    CHECK_EQ(fault.code, SEGV_ACCERR);
    CHECK_EQ(fault.address, (uintptr_t)page);
    CHECK(!can_write(page));
    CHECK_EQ(mprotect(page, PAGE_BYTES, PROT_READ), 0);
    CHECK_EQ(page[0], 7);
}

static void privileged_instructions_kill(void) {
    fault_catch();
    if (sigsetjmp(fault_return, 1) == 0)
        __asm__ volatile("hlt");
    CHECK_EQ(fault_seen.number, SIGSEGV);
    memset(&fault_seen, 0, sizeof fault_seen);
    if (sigsetjmp(fault_return, 1) == 0)
        __asm__ volatile("cli");
    CHECK_EQ(fault_seen.number, SIGSEGV);
    memset(&fault_seen, 0, sizeof fault_seen);
    if (sigsetjmp(fault_return, 1) == 0)
        __asm__ volatile("mov %%cr3, %%rax" ::: "rax");
    CHECK_EQ(fault_seen.number, SIGSEGV);
    memset(&fault_seen, 0, sizeof fault_seen);
    if (sigsetjmp(fault_return, 1) == 0)
        __asm__ volatile("inb $0x60, %%al" ::: "rax");
    CHECK_EQ(fault_seen.number, SIGSEGV);
}

/* W4: one address, two processes, two frames; what one writes the other never sees. */
static void same_address_other_frame(void) {
    static volatile int value = 1;
    uint64_t parent_frame;
    int status;
    pid_t child;
    int ready[2], go[2];
    char byte;

    frames_visible_or_skip();
    CHECK_EQ(pipe(ready) | pipe(go), 0);
    value = 2;
    child = fork();
    if (child == 0) {
        value = 3;
        CHECK_EQ(write(ready[1], "", 1), 1);
        CHECK_EQ(read(go[0], &byte, 1), 1);
        _exit(value);
    }
    CHECK_EQ(read(ready[0], &byte, 1), 1);
    value = 4;
    parent_frame = frame_of(&value);
    CHECK(parent_frame != 0);
    CHECK(frame_of_pid(child, &value) != 0);
    CHECK(frame_of_pid(child, &value) != parent_frame);
    CHECK_EQ(write(go[1], "", 1), 1);
    status = child_wait(child);
    CHECK_EQ(WEXITSTATUS(status), 3);
    CHECK_EQ(value, 4);
}

/* Programs die of all this while others go on computing. */
static void others_go_on(void) {
    unsigned long sum = 0;
    pid_t worker = fork();

    if (worker == 0) {
        for (unsigned long i = 0; i < 20000000; i++)
            __asm__ volatile("add %1, %0" : "+r"(sum) : "r"(i));
        _exit(sum == 20000000UL * 19999999 / 2 ? 0 : 1);
    }
    for (int i = 0; i < 20; i++)
        CHECK_CHILD_KILLED(kernel_write, (void *)0xffffffff80000000, SIGSEGV);
    CHECK_EQ(child_wait(worker), 0);
}

/* X5, the line itself. */
static void kill_is_reported(void) {
    char wanted[160];
    char *log;
    pid_t child;

    if (!on_quire())
        SKIP("the wording is Quire's");
    child = fork();
    if (child == 0) {
        prctl(PR_SET_NAME, "trespasser");
        kernel_write((void *)0xffff888000100000);
    }
    CHECK_EQ(child_wait(child) & 0x7f, SIGSEGV);
    snprintf(wanted, sizeof wanted,
             "quire: trespasser[%d]: killed by SIGSEGV: page fault (write) of 0xffff888000100000, "
             "error 0x",
             child);
    log = kernel_log();
    CHECK(strstr(log, wanted) != NULL);
    CHECK(strstr(strstr(log, wanted), ": no mapping") != NULL);
}

static void caught_faults_are_not_reported(void) {
    char wanted[64];

    if (!on_quire())
        SKIP("the wording is Quire's");
    CHECK_EQ(fault_of(access_read, NULL).number, SIGSEGV);
    snprintf(wanted, sizeof wanted, "[%d]: killed", getpid());
    CHECK(strstr(kernel_log(), wanted) == NULL);
}

/* Each line of the log begins with its level: programs take the others for continuations. */
static void log_lines_have_levels(void) {
    const char *line = kernel_log();

    if (!*line)
        SKIP("may not read the log here");
    if (*line != '<') /* the oldest may have been cut */
        line = strchr(line, '\n') + 1;
    for (; *line; line = strchr(line, '\n') + 1)
        CHECK(line[0] == '<' && line[1] >= '0' && line[1] <= '9' && strchr(line, '\n'));
}

CHECK_MAIN({"log_lines_have_levels", log_lines_have_levels},
           {"kernel_memory_kills", kernel_memory_kills},
           {"kernel_half_is_closed", kernel_half_is_closed},
           {"direct_map_is_closed", direct_map_is_closed},
           {"noncanonical_kills", noncanonical_kills},
           {"kernel_fault_says_maperr", kernel_fault_says_maperr},
           {"address_zero_kills", address_zero_kills},
           {"low_memory_is_refused", low_memory_is_refused},
           {"own_code_is_read_only", own_code_is_read_only},
           {"constants_are_read_only", constants_are_read_only},
           {"data_is_not_executable", data_is_not_executable},
           {"code_runs_when_allowed", code_runs_when_allowed}, {"error_code_bits", error_code_bits},
           {"prot_none_refuses_all", prot_none_refuses_all},
           {"privileged_instructions_kill", privileged_instructions_kill},
           {"same_address_other_frame", same_address_other_frame}, {"others_go_on", others_go_on},
           {"kill_is_reported", kill_is_reported},
           {"caught_faults_are_not_reported", caught_faults_are_not_reported})
