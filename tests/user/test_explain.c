/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/explain and the program that asks it (row Q4): what is said of an address comes true,
 * bad questions are refused, and asking changes nothing, whatever the process does meanwhile. Quire
 * only. The cases of the fault path, one by one, are fault-tour's.
 */
#include "raw_thread.h"
#include "pages.h"

#include "asleep.h"
#include "catch.h"
#include "fail_nth.h"
#include "scratch.h"
#include "user/lib/explanation.h"

#include <sched.h>
#include <sys/resource.h>

#define LOG_SETTING "/proc/sys/vm/explain"
#define ROUNDS 50

static struct explanation answer;

static int explain_open(pid_t pid) {
    char path[64];
    int file;

    snprintf(path, sizeof path, "/proc/%d/explain", pid);
    file = open(path, O_RDWR | O_CLOEXEC);
    return file;
}

static int explain_self_or_skip(void) {
    if (!on_quire())
        SKIP("Linux does not explain");
    memset(&answer, 0, sizeof answer); /* its pages are there */
    int file = explain_open(getpid());
    CHECK(file >= 0);
    return file;
}

static void ask(int file, const volatile void *address) {
    CHECK_EQ(explanation_ask_about(file, address, &answer), 0);
}

#define CHECK_SAYS(key, words)                                                                     \
    do {                                                                                           \
        if (!explanation_says(&answer, key, words)) {                                              \
            char check_line[128] = "nothing";                                                      \
            explanation_line(&answer, key, check_line, sizeof check_line);                         \
            CHECK_NOTE("%s:%d: %s: %s; not %s", __FILE__, __LINE__, key, check_line, words);       \
        }                                                                                          \
    } while (0)

static const char *const all_keys[] = {
    "process",  "address", "space",   "area",   "below",  "above", "stack",
    "position", "rights",  "kind",    "object", "shadow", "frame", "table 4",
    "table 3",  "table 2", "table 1", "entry",  "read",   "write", "exec"};

/* Each line of the answer has a key, in the order that the documents tell. */
static void check_form(void) {
    const char *line = answer.text;
    size_t key = 0, length;
    char found[32];

    CHECK(answer.length > 0 && answer.length < PAGE_BYTES);
    while ((length = explanation_key(line, found, sizeof found))) {
        while (key < COUNT_OF(all_keys) && strcmp(all_keys[key], found) != 0)
            key++;
        if (key++ == COUNT_OF(all_keys))
            CHECK_NOTE("there is a line `%s` that is not to be there", found);
        line += length;
    }
    CHECK_EQ(line - answer.text, answer.length);
}

/* ---- what is said ---- */

static void lines(void) {
    int file = explain_self_or_skip();
    char *pages = pages_map(4, RW);
    char expected[64];

    pages[0] = 1;
    ask(file, pages + 5);
    check_form();
    snprintf(expected, sizeof expected, "%d (", getpid());
    CHECK_SAYS("process", expected);
    snprintf(expected, sizeof expected, "%#lx, byte 5 of page %#lx", (unsigned long)pages + 5,
             (unsigned long)pages);
    CHECK_SAYS("address", expected);
    CHECK_SAYS("object", "none");
    CHECK_SAYS("shadow", "a page of the space's own, seen by nobody else");
    snprintf(expected, sizeof expected, "%#llx, anon, 1 reference",
             (unsigned long long)frame_of(pages));
    CHECK_SAYS("frame", expected);
    CHECK_SAYS("entry", "a page of 4 KiB; in force: read write");
    CHECK_SAYS("write", "no fault: ");
    CHECK_SAYS("exec", "SIGSEGV, SEGV_ACCERR, case 0 (forbidden): ");
    munmap(pages + PAGE_BYTES, PAGE_BYTES);
    ask(file, pages + PAGE_BYTES);
    check_form();
    CHECK_SAYS("area", "none, in a gap of ");
    CHECK(strstr(answer.text, "below: ") && strstr(answer.text, ", 0 pages away\n"));
    CHECK_SAYS("read", "SIGSEGV, SEGV_MAPERR, case 0 (no area): ");
}

/* Each line of maps is the area's own, word by word. */
static void areas_as_in_maps(void) {
    int file = explain_self_or_skip();
    static char maps[FACTS_BYTES], line[512], said[512];

    strcpy(maps, fact_file("/proc/self/maps"));
    for (char *at = maps; *at; at = strchr(at, '\n') + 1) {
        snprintf(line, sizeof line, "%.*s", (int)(strchr(at, '\n') - at), at);
        ask(file, (void *)strtoul(line, NULL, 16));
        check_form();
        CHECK(explanation_line(&answer, "area", said, sizeof said));
        if (strcmp(line, said) != 0)
            CHECK_NOTE("area: %s; not: %s", said, line);
    }
}

/* Accesses and what the answer says of them. */
struct foretold {
    const char *key;
    void (*access)(uintptr_t);
};

static const struct foretold reading = {"read", access_read}, writing = {"write", access_write},
                             jumping = {"exec", access_jump};

/* What the access is said to come to, and does. Signal 0: it is repaired, or is no fault at all. */
static void check_foretold(int file, const struct foretold *access, const void *address,
                           const char *words, struct fault expected) {
    struct fault seen;

    ask(file, address);
    check_form();
    CHECK_SAYS(access->key, words);
    seen = fault_of(access->access, address);
    CHECK_EQ(seen.number, expected.number);
    CHECK_EQ(seen.code, expected.code);
}

#define MAPERR ((struct fault){.number = SIGSEGV, .code = SEGV_MAPERR})
#define ACCERR ((struct fault){.number = SIGSEGV, .code = SEGV_ACCERR})

static void refusals_come_true(void) {
    int file = explain_self_or_skip();
    int memory = memfd_create("short", 0);
    char *read_only = pages_map(1, PROT_READ), *none = pages_map(1, PROT_NONE);
    char *shared = mmap(NULL, PAGE(2), RW, MAP_SHARED, memory, 0);
    char *hole = free_stretch(2);

    CHECK_EQ(ftruncate(memory, 1), 0);
    check_foretold(file, &reading, hole, "SIGSEGV, SEGV_MAPERR, case 0", MAPERR);
    check_foretold(file, &writing, NULL, "SIGSEGV, SEGV_MAPERR, case 0", MAPERR);
    check_foretold(file, &writing, read_only, "SIGSEGV, SEGV_ACCERR, case 0", ACCERR);
    check_foretold(file, &jumping, read_only, "SIGSEGV, SEGV_ACCERR, case 0", ACCERR);
    check_foretold(file, &reading, none, "SIGSEGV, SEGV_ACCERR, case 0", ACCERR);
    check_foretold(file, &reading, shared + PAGE_BYTES, "SIGBUS, BUS_ADRERR, case 2",
                   (struct fault){.number = SIGBUS, .code = BUS_ADRERR});
    check_foretold(file, &reading, shared, "fault, case 2 (shared page), takes 1 frame",
                   (struct fault){0});
    check_foretold(file, &reading, (void *)0xffff800000000000, "SIGSEGV, SEGV_MAPERR", MAPERR);
    check_foretold(file, &reading, (void *)0x800000000000, "SIGSEGV, SI_KERNEL",
                   (struct fault){.number = SIGSEGV, .code = SI_KERNEL});
}

static void repairs_come_true(void) {
    int file = explain_self_or_skip();
    char *pages = pages_map(2, RW);
    const struct fault none = {0};

    check_foretold(file, &reading, pages, "fault, case 3R (read zeroes)", none);
    check_foretold(file, &reading, pages, "no fault", none);
    check_foretold(file, &writing, pages, "fault, case 3Wd (new zeroed page), takes 1 frame", none);
    check_foretold(file, &writing, pages, "no fault", none);
    CHECK_EQ(mprotect(pages, PAGE_BYTES, PROT_READ), 0);
    CHECK_EQ(mprotect(pages, PAGE_BYTES, RW), 0);
    check_foretold(file, &writing, pages, "fault, case 3Wa (write alone):", none);
}

/* ---- the file ---- */

/* At each page's address there is the answer for it, whole and by pieces. */
static void read_at_the_address(void) {
    int file = explain_self_or_skip();
    char *pages = pages_map(2, RW);
    static char by_offset[PAGE_BYTES];
    off_t at = (off_t)(uintptr_t)pages;
    ssize_t length;

    ask(file, pages);
    CHECK_EQ(explanation_ask(file, "\n", &answer), 0); /* no question: of the page at 0 */
    CHECK_SAYS("address", "0, byte 0 of page 0");
    length = pread(file, by_offset, sizeof by_offset, at);
    CHECK(length > 0 && length < (ssize_t)PAGE_BYTES);
    for (size_t i = 0; i < (size_t)length; i += 7) {
        char piece[7];
        ssize_t got = pread(file, piece, sizeof piece, at + (off_t)i);

        CHECK(got > 0 && memcmp(piece, by_offset + i, (size_t)got) == 0);
    }
    CHECK_EQ(pread(file, by_offset, sizeof by_offset, at + length), 0);
    CHECK_EQ(pread(file, by_offset, sizeof by_offset, at + (off_t)PAGE_BYTES - 1), 0);
    CHECK(pread(file, by_offset, sizeof by_offset, at + (off_t)PAGE_BYTES) > 0);
    ask(file, pages);
    CHECK(memcmp(answer.text, by_offset, 10) == 0);
}

/* Whether a line is taken as a question, or what is said against it. */
static int asked(int file, const char *text, size_t size) {
    ssize_t done = write(file, text, size);

    CHECK(done < 0 || done == (ssize_t)size);
    return done < 0 ? errno : 0;
}

static void bad_questions(void) {
    static const char *const bad[] = {"x",
                                      "0x",
                                      "-1",
                                      "+1",
                                      "0400000",
                                      "12 34",
                                      "0xg",
                                      "1.5",
                                      "18446744073709551616",
                                      "12x",
                                      "0x1z",
                                      "0x 12",
                                      "0x1ffffffffffffffff"};
    static const char *const good[] = {
        "0", "1", " 0x1000 ", "18446744073709551615", "0xFFFF\n\n", "4194304\n", "\t0X12"};
    int file = explain_self_or_skip();
    static char large[5000];

    for (size_t i = 0; i < COUNT_OF(good); i++)
        CHECK_EQ(asked(file, good[i], strlen(good[i])), 0);
    ask(file, (void *)0x123456);
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        CHECK_EQ(asked(file, bad[i], strlen(bad[i])), EINVAL);
    memset(large, ' ', sizeof large);
    CHECK_EQ(asked(file, large, sizeof large), EINVAL);
    CHECK_FAILS(write(file, (void *)8, 16), EFAULT);
    lseek(file, 0, SEEK_SET); /* the last good question is still the one */
    CHECK(read(file, answer.text, 4000) > 0);
    CHECK_SAYS("address", "0x123456, byte");
    lseek(file, 0, SEEK_SET);
    CHECK_FAILS(read(file, (void *)8, 16), EFAULT);
}

static void ask_often(int file, char *pages) {
    for (size_t i = 0; i < 4096; i++) {
        ask(file, pages + i * PAGE_BYTES / 4);
        ask(file, (void *)(i << 35));
    }
}

/* Faults, frames and tables are as before, however often one asks. The first time touches what
 * asking itself needs of code and stack. */
static void asking_changes_nothing(void) {
    int file = explain_self_or_skip();
    char *pages = pages_map(64, RW);
    struct rusage before, after;
    struct memory_use memory;

    pages_write(pages, 8, 1);
    frames_exact_or_skip();
    getrusage(RUSAGE_SELF, &after);
    ask_often(file, pages);
    memory = memory_use();
    getrusage(RUSAGE_SELF, &before);
    ask_often(file, pages);
    getrusage(RUSAGE_SELF, &after);
    CHECK_EQ(after.ru_minflt, before.ru_minflt);
    CHECK_MEMORY_SAME(memory_use(), memory);
}

/* An answer that finds no memory for its text is ENOMEM, at each allocation, and the next is whole.
 */
static void no_memory(void) {
    int file = explain_self_or_skip();
    unsigned failures = 0;

    may_fail_or_skip();
    for (unsigned n = 1; n < 100; n++) {
        int error;

        fail_nth(n);
        error = explanation_ask_about(file, pages_map, &answer);
        fail_nth(0);
        CHECK(error == 0 || error == ENOMEM);
        failures += error == ENOMEM;
        ask(file, pages_map);
        check_form();
    }
    CHECK(failures > 0);
}

/* ---- of others ---- */

static void of_another_user(void) {
    int file = explain_self_or_skip();
    pid_t parent = getpid(), pid = fork();

    close(file);
    if (pid == 0) {
        drop_root();
        CHECK_FAILS(explain_open(parent), EACCES);
        CHECK_FAILS(explain_open(1), EACCES);
        file = explain_open(getpid());
        if (file >= 0) { /* else it may not be looked into, since it was root's */
            ask(file, &answer);
            CHECK_SAYS("frame", "(number for root only)");
            CHECK(!strstr(answer.text, " = 0x"));
        }
        _exit(0);
    }
    CHECK_EQ(child_wait(pid), 0);
}

/* Root's file, open, of one that becomes another's; and root asks about that. */
static void of_a_zombie(void) {
    int file = explain_self_or_skip();
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    close(file);
    await_asleep(pid);
    file = explain_open(pid);
    CHECK(file >= 0);
    ask(file, &answer);
    check_form();
    CHECK_SAYS("space", "none: the process has ended");
    CHECK_EQ(child_wait(pid), 0);
    CHECK_EQ(explanation_ask(file, "0", &answer), ESRCH);
    CHECK_FAILS(explain_open(pid), ENOENT);
}

/* What a child of a fork sees of a page, asked by its parent. */
static void of_a_child(void) {
    int file = explain_self_or_skip(), gate[2];
    char *pages = pages_map(2, RW);
    char byte;
    pid_t pid;

    pages_write(pages, 2, 1);
    CHECK_EQ(pipe(gate), 0);
    pid = fork();
    if (pid == 0)
        _exit(read(gate[0], &byte, 1) != 1);
    await_asleep(pid);
    ask(file, pages);
    CHECK_SAYS("shadow", "a page of the space's own, seen by others, too; references: node 2");
    CHECK_SAYS("write", "fault, case 3Wb (copy shared page), takes 1 frame");
    close(file);
    file = explain_open(pid);
    ask(file, pages);
    CHECK_SAYS("write", "fault, case 3Wb (copy shared page), takes 1 frame");
    CHECK_EQ(write(gate[1], "", 1), 1);
    CHECK_EQ(child_wait(pid), 0);
}

/* ---- while it changes ---- */

#define CHANGERS 2u

static char *busy_pages;
static volatile int busy_turn; /* rounds that the changers may do */
static volatile int busy_done; /* rounds done, all together */

/* Maps, writes, protects and unmaps pages of its own, once for each turn. */
static void keep_changing(void *first) {
    char *pages = first;

    for (int turn = 1; turn <= ROUNDS; turn++) {
        raw_await(&busy_turn, turn);
        raw_call(SYS_mmap, (long)pages, PAGE(4), RW, ANONYMOUS | MAP_FIXED, -1, 0);
        for (unsigned i = 0; i < 4; i++)
            *(volatile char *)(pages + PAGE(i)) = 1;
        raw_call(SYS_mprotect, (long)pages, PAGE(1), PROT_READ);
        raw_call(SYS_munmap, (long)(pages + PAGE(1)), PAGE(2));
        raw_call(SYS_munmap, (long)pages, PAGE(4));
        raw_raise(&busy_done);
    }
}

/* All of an answer is of one moment: area, entry and verdict agree. */
static void check_agrees(void) {
    bool mapped = !explanation_says(&answer, "area", "none");

    check_form();
    CHECK_EQ(explanation_says(&answer, "read", "SIGSEGV, SEGV_MAPERR"), !mapped);
    if (explanation_says(&answer, "write", "no fault"))
        CHECK_SAYS("entry", "a page of 4 KiB; in force: read write");
    if (explanation_says(&answer, "rights", "read;"))
        CHECK_SAYS("write", "SIGSEGV, SEGV_ACCERR");
    if (explanation_says(&answer, "write", "fault, case 3Wd"))
        CHECK_SAYS("entry", "none");
}

static void while_threads_change_it(void) {
    static struct raw_thread threads[CHANGERS];
    int file = explain_self_or_skip();

    busy_pages = free_stretch(4 * CHANGERS);
    for (unsigned i = 0; i < CHANGERS; i++)
        raw_create(&threads[i], keep_changing, busy_pages + PAGE(4 * i));
    for (int i = 0; i < ROUNDS; i++) {
        raw_raise(&busy_turn);
        for (unsigned page = 0; page < 4 * CHANGERS; page++) {
            ask(file, busy_pages + PAGE(page));
            check_agrees();
        }
        raw_await(&busy_done, (int)CHANGERS * (i + 1));
    }
    for (unsigned i = 0; i < CHANGERS; i++)
        raw_join(&threads[i]);
}

/* Asked about until it has ended: it is explained, or has no memory any more, or is gone. */
static void while_it_ends(void) {
    int mine = explain_self_or_skip();

    close(mine);
    for (int round = 0; round < ROUNDS; round++) {
        pid_t pid = fork();
        int file, error;

        if (pid == 0)
            _exit(0);
        file = explain_open(pid);
        CHECK(file >= 0);
        do {
            error = explanation_ask_about(file, &answer, &answer);
            CHECK(error == 0);
            check_form();
        } while (!explanation_says(&answer, "space", "none"));
        CHECK_EQ(child_wait(pid), 0);
        CHECK_EQ(explanation_ask(file, "1", &answer), ESRCH);
        close(file);
    }
}

/* ---- the log ---- */

static void setting_write(const char *text) {
    int fd = open(LOG_SETTING, O_WRONLY);

    CHECK(fd >= 0);
    CHECK_EQ(write(fd, text, 1), 1);
    close(fd);
}

static void dies_writing(void *address) {
    access_write((uintptr_t)address);
}

static unsigned lines_in_log(const char *words) {
    unsigned count = 0;

    for (const char *at = kernel_log(); (at = strstr(at, words)); at++)
        count++;
    return count;
}

/* The process that a fault killed, in the log: explained, if that is wanted. */
static void killed_is_explained(void) {
    int file = explain_self_or_skip();
    char *page = pages_map(1, PROT_READ);
    unsigned before = lines_in_log("quire: explain: ");
    unsigned refused = lines_in_log("explain: write: SIGSEGV, SEGV_ACCERR, case 0 (forbidden)");

    close(file);
    CHECK_CHILD_KILLED(dies_writing, page, SIGSEGV);
    CHECK_EQ(lines_in_log("quire: explain: "), before);
    setting_write("1");
    CHECK_CHILD_KILLED(dies_writing, page, SIGSEGV);
    setting_write("0");
    CHECK(lines_in_log("quire: explain: ") > before + 5);
    CHECK_EQ(lines_in_log("explain: write: SIGSEGV, SEGV_ACCERR, case 0 (forbidden)"), refused + 1);
    CHECK_CHILD_KILLED(dies_writing, page, SIGSEGV);
    CHECK_EQ(lines_in_log("explain: write: SIGSEGV, SEGV_ACCERR, case 0 (forbidden)"), refused + 1);
}

/* ---- the program ---- */

/* How a program of /bin with these words ends; what it says is in answer. */
static int program(const char *path, char *const argv[]) {
    int pair[2];
    ssize_t got;
    pid_t pid;
    int status;

    CHECK_EQ(pipe(pair), 0);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        dup2(pair[1], 1);
        dup2(pair[1], 2);
        execv(path, argv);
        _exit(127);
    }
    close(pair[1]);
    answer.length = 0;
    while ((got = read(pair[0], answer.text + answer.length,
                       sizeof answer.text - 1 - answer.length)) > 0)
        answer.length += (size_t)got;
    answer.text[answer.length] = '\0';
    close(pair[0]);
    status = child_wait(pid);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status);
}

#define PROGRAM(...) program("/bin/explain", (char *[]){"explain", __VA_ARGS__, NULL})

static void program_ends(void) {
    int file = explain_self_or_skip();
    char pid[16];

    close(file);
    snprintf(pid, sizeof pid, "%d", getpid());
    CHECK_EQ(PROGRAM(pid, "0x400000"), 0);
    check_form();
    CHECK_EQ(PROGRAM("self", "4194304", "0x0", "18446744073709551615"), 0);
    CHECK(strstr(answer.text, "kernel's half") && !strchr(answer.text, '\033'));
    CHECK_EQ(PROGRAM("--help"), 0);
    CHECK_EQ(PROGRAM(pid), 2);
    CHECK_EQ(program("/bin/explain", (char *[]){"explain", NULL}), 2);
    CHECK_EQ(PROGRAM(pid, "0400000"), 2);
    CHECK_EQ(PROGRAM(pid, "0x1", "here"), 2);
    CHECK_EQ(PROGRAM("init", "0x1"), 2);
    CHECK_EQ(PROGRAM("999999", "0x1"), 3);
    CHECK(strstr(answer.text, "no such process"));
    drop_root();
    CHECK_EQ(PROGRAM("1", "0x1"), 4);
    CHECK(strstr(answer.text, "not permitted"));
    CHECK_EQ(PROGRAM("self", "0x400000"), 0);
}

#define TOUR(...) program("/bin/fault-tour", (char *[]){"fault-tour", __VA_ARGS__, NULL})

/* Every case of the fault path, as foretold, counted and paid for. */
static void fault_tour(void) {
    int file = explain_self_or_skip(), status;
    const char *wrong;

    close(file);
    status = TOUR("--quiet");
    wrong = strstr(answer.text, "DIFFERENT");
    if (status != 0)
        CHECK_NOTE("it ended with %d: %.150s", status, wrong ? wrong : answer.text);
    CHECK(strstr(answer.text, " 0 not as they should be"));
    CHECK_EQ(TOUR("--quiet", "copy", "no-area"), 0);
    CHECK_EQ(strcmp(answer.text, "ok copy\nok no-area\n"), 0);
    CHECK_EQ(TOUR("--list"), 0);
    CHECK_EQ(TOUR("no-such-case"), 2);
    CHECK_EQ(TOUR("--no-such-option"), 2);
}

CHECK_MAIN({"lines", lines}, {"areas_as_in_maps", areas_as_in_maps},
           {"refusals_come_true", refusals_come_true}, {"repairs_come_true", repairs_come_true},
           {"read_at_the_address", read_at_the_address}, {"bad_questions", bad_questions},
           {"asking_changes_nothing", asking_changes_nothing}, {"no_memory", no_memory},
           {"of_another_user", of_another_user}, {"of_a_zombie", of_a_zombie},
           {"of_a_child", of_a_child}, {"while_threads_change_it", while_threads_change_it},
           {"while_it_ends", while_it_ends}, {"killed_is_explained", killed_is_explained},
           {"program_ends", program_ends}, {"fault_tour", fault_tour})
