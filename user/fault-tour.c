/* SPDX-License-Identifier: MIT */
/*
 * fault-tour: every case of the fault path (the table at the head of kernel/vm/fault.c), one at a
 * time. Before each it says what will happen, and what the kernel's explanation foretells; then it
 * makes the access, and shows what was counted, what frames were taken, and the explanation now.
 *
 * It checks itself: the explanation has to foretell what comes, the counters of /proc/vmstat have
 * to tell of just that fault, and as many frames have to be taken as was said. Counters are the
 * whole system's, so nothing else may run meanwhile.
 *
 * What is counted lies between two reads of /proc/vmstat with one access between them. All that
 * needs of code and stack has been touched before: each case is gone through without its access
 * first, since a fork leaves every page to be copied or found alone again.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <termios.h>
#include <unistd.h>

#include "user/lib/explanation.h"
#include "user/tour/fault_cases.h"

enum { EXIT_DIFFERENT = 1, EXIT_USAGE = 2, EXIT_SKIPPED = 77 };

static const char *const access_keys[] = {"read", "write", "exec", "read"};
static const char *const access_words[] = {"a read", "a write", "an execution",
                                           "a read by the kernel"};

static bool is_quiet, is_verbose, waits_for_key;
static int explain_file, vmstat_file;

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "fault-tour: %s: %s\n", what, strerror(errno));
    exit(EXIT_DIFFERENT);
}

/* ---- the access ---- */

static sigjmp_buf back;
static volatile int signal_seen, code_seen;
static char signal_stack[65536];

static void handler(int number, siginfo_t *info, void *context) {
    (void)context;
    signal_seen = number;
    code_seen = info->si_code;
    siglongjmp(back, 1);
}

static void catch_signals(void) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    stack_t stack = {.ss_sp = signal_stack, .ss_size = sizeof(signal_stack)};

    memset(signal_stack, 0, sizeof(signal_stack));
    if (sigaltstack(&stack, NULL) < 0)
        fail("sigaltstack");
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
}

static void read_by_kernel(char *address) {
    static char byte;
    struct iovec ours = {&byte, 1}, its = {address, 1};

    if (process_vm_readv(getpid(), &ours, 1, &its, 1, 0) != 1)
        fail("process_vm_readv");
}

static void touch(enum fault_access access, char *address) {
    switch (access) {
    case FAULT_READ:
        (void)*(volatile char *)address;
        break;
    case FAULT_WRITE:
        *(volatile char *)address = 2;
        break;
    case FAULT_EXECUTE:
        ((void (*)(void))(uintptr_t)address)();
        break;
    case FAULT_BY_KERNEL:
        read_by_kernel(address);
        break;
    }
}

/* ---- the others ---- */

#define LOOKS_MAX 30000

/* Whether a process, by its number in words, runs or could. */
static bool is_runnable(const char *pid) {
    char path[300], text[256], *end;
    ssize_t got;
    int file;

    snprintf(path, sizeof(path), "/proc/%s/stat", pid);
    file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    got = read(file, text, sizeof(text) - 1);
    close(file);
    text[got > 0 ? got : 0] = '\0';
    end = strrchr(text, ')');
    return end && strncmp(end, ") R", 3) == 0;
}

static bool others_run(void) {
    struct dirent *entry;
    bool found = false;
    DIR *processes = opendir("/proc");

    if (!processes)
        fail("/proc");
    while (!found && (entry = readdir(processes)))
        found = isdigit((unsigned char)entry->d_name[0]) && atoi(entry->d_name) != getpid() &&
                is_runnable(entry->d_name);
    closedir(processes);
    return found;
}

/* Who sleeps takes no fault, and nobody is woken while we measure. */
static void await_others(void) {
    for (unsigned looks = 0; others_run(); looks++) {
        if (looks == LOOKS_MAX)
            fail("others run all the time");
        usleep(1000);
    }
}

/* ---- counters ---- */

static char before_text[16384], after_text[16384];

static void counters_read(char *text) {
    ssize_t got = pread(vmstat_file, text, sizeof(before_text) - 1, 0);

    if (got < 0)
        fail("/proc/vmstat");
    text[got] = '\0';
}

/* Makes the access between two readings of all counters. */
static void measure(enum fault_access access, char *address) {
    signal_seen = code_seen = 0;
    counters_read(before_text);
    if (sigsetjmp(back, 1) == 0)
        touch(access, address);
    counters_read(after_text);
}

static long number_in(const char *text, const char *name) {
    size_t length = strlen(name);

    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0 && line[length] == ' ')
            return strtol(line + length, NULL, 10);
    }
    return 0;
}

static long moved(const char *name) {
    return number_in(after_text, name) - number_in(before_text, name);
}

static long page_frames(void) {
    return moved("nr_frames_anon") + moved("nr_frames_file") + moved("nr_frames_shmem");
}

/* The next counter of a case in the text at *line; its name without `fault_`. */
static bool next_case(const char **line, char name[48]) {
    while ((*line = strstr(*line, "\nfault_"))) {
        *line += 7;
        return sscanf(*line, "%47s", name) == 1;
    }
    return false;
}

/* ---- one case ---- */

static struct explanation answer;
static bool is_right;
static char met[32][48]; /* cases that a fault came to so far */
static size_t met_count;

#define SAY(...)                                                                                   \
    do {                                                                                           \
        if (!is_quiet)                                                                             \
            printf(__VA_ARGS__);                                                                   \
    } while (0)

static void different(const char *what, const char *is, const char *expected) {
    printf("   DIFFERENT  %s is `%s`, not `%s`\n", what, is, expected);
    is_right = false;
}

static void show_line(const char *when, const char *key) {
    char words[1024];

    if (explanation_line(&answer, key, words, sizeof(words)))
        SAY("   %-7s %s: %s\n", when, key, words);
}

static void explain(const struct fault_case *tour, const char *when, char *address) {
    const char *key = access_keys[tour->access];

    if (explanation_ask_about(explain_file, address, &answer))
        fail("/proc/self/explain");
    if (is_verbose)
        SAY("   %s\n%s", when, answer.text);
    if (is_verbose)
        return;
    show_line(when, "area");
    show_line("", "shadow");
    show_line("", "entry");
    show_line("", key);
}

static void expect_said(const char *key, const char *words) {
    char line[1024] = "nothing";

    explanation_line(&answer, key, line, sizeof(line));
    if (strncmp(line, words, strlen(words)) != 0)
        different(key, line, words);
}

static bool is_expected(const struct fault_case *tour, const char *name) {
    return (tour->counted[0] && strcmp(tour->counted[0], name) == 0) ||
           (tour->counted[1] && strcmp(tour->counted[1], name) == 0);
}

static void note_met(const char *name) {
    for (size_t i = 0; i < met_count; i++)
        if (strcmp(met[i], name) == 0)
            return;
    if (met_count < sizeof(met) / sizeof(met[0]))
        snprintf(met[met_count++], sizeof(met[0]), "%s", name);
}

/* Each counter of a case has moved by one if it is the expected one, else not at all. */
static void check_counters(const struct fault_case *tour) {
    char name[48], full[64], is[32];
    const char *line = after_text;

    SAY("   counted");
    while (next_case(&line, name)) {
        long by;

        snprintf(full, sizeof(full), "fault_%s", name);
        by = moved(full);
        if (by)
            SAY(" %s +%ld", full, by);
        if (by == 1)
            note_met(name);
        snprintf(is, sizeof(is), "+%ld", by);
        if (by != is_expected(tour, name))
            different(full, is, is_expected(tour, name) ? "+1" : "+0");
    }
    SAY("%s\n", tour->counted[0] ? "" : " nothing");
}

/* A huge page comes only where there is memory for one, and the system wants it. */
static void check_frames(const struct fault_case *tour) {
    char is[32], expected[32];
    long frames = page_frames();

    SAY("   frames  %ld for pages, %ld for tables\n", frames, moved("nr_frames_table"));
    if (tour->frames == 512 && frames == 1)
        return;
    snprintf(is, sizeof(is), "%ld", frames);
    snprintf(expected, sizeof(expected), "%d", tour->frames);
    if (frames != tour->frames)
        different("frames", is, expected);
}

static void check_end(const struct fault_case *tour) {
    char is[64], expected[64];

    snprintf(is, sizeof(is), "signal %d, code %d", signal_seen, code_seen);
    snprintf(expected, sizeof(expected), "signal %d, code %d", tour->signal, tour->code);
    if (signal_seen != tour->signal || code_seen != tour->code)
        different("the end", is, expected);
    SAY("   access  %s: %s\n", access_words[tour->access],
        tour->signal ? strsignal(tour->signal) : "done");
}

/* Without its access; a refused one has another in its place, so that signals have been sent. */
static void rehearse(const struct fault_case *tour, char *address) {
    if (explanation_ask_about(explain_file, address, &answer))
        fail("/proc/self/explain");
    if (tour->signal)
        measure(FAULT_READ, FAULT_KERNEL_ADDRESS);
    else
        measure(FAULT_BY_KERNEL, (char *)&answer);
    measure(FAULT_READ, (char *)&answer);
}

static bool run_case(const struct fault_case *tour) {
    char *address = tour->prepare();

    is_right = true;
    SAY("\n%s (%s)\n", tour->title, tour->name);
    for (const char *line = tour->words; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        SAY("   %.*s\n", (int)strcspn(line, "\n"), line);
    }
    fflush(stdout);
    explain(tour, "before", address);
    expect_said(access_keys[tour->access], tour->foretold);
    fflush(stdout);
    await_others();
    rehearse(tour, address);
    measure(tour->access, address);
    check_end(tour);
    check_counters(tour);
    check_frames(tour);
    explain(tour, "after", address);
    expect_said(access_keys[tour->access], tour->signal ? tour->foretold : "no fault");
    fault_case_clean_up();
    printf("%s%s %s\n", is_quiet ? "" : "   ", is_right ? "ok" : "WRONG", tour->name);
    fflush(stdout);
    return is_right;
}

/* ---- the tour ---- */

/* Waits for a key, if anybody is there to press one. */
static void await_key(void) {
    struct termios old, raw;

    if (!waits_for_key || tcgetattr(STDIN_FILENO, &old) < 0)
        return;
    raw = old;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    printf("   -- any key goes on --");
    fflush(stdout);
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    if (getchar() == EOF)
        waits_for_key = false;
    tcsetattr(STDIN_FILENO, TCSANOW, &old);
    printf("\r\033[K");
}

/* Case 4 cannot be shown: all files are in memory. */
static void show_waiting(void) {
    counters_read(after_text);
    SAY("\n4: the page must come from a device\n"
        "   Not on this system: its files are all in memory, and nothing has to be waited for.\n"
        "   counted fault_waited_for_device stands at %ld\n",
        number_in(after_text, "fault_waited_for_device"));
}

/* Every counter that the kernel has of cases has been moved by one of ours. */
static bool all_are_met(void) {
    char name[48];
    const char *line = after_text;
    bool all = true;

    while (next_case(&line, name)) {
        bool found = strcmp(name, "waited_for_device") == 0;

        for (size_t i = 0; i < met_count; i++)
            found |= strcmp(met[i], name) == 0;
        if (!found)
            printf("WRONG: no fault has come to the case `%s`\n", name);
        all &= found;
    }
    return all;
}

static int run_all(void) {
    size_t wrong = 0;
    bool all;

    for (size_t i = 0; i < fault_case_count; i++) {
        wrong += !run_case(&fault_cases[i]);
        await_key();
    }
    show_waiting();
    all = all_are_met();
    printf("%sfault-tour: %zu cases, %zu not as they should be\n", is_quiet ? "" : "\n",
           fault_case_count, wrong);
    return wrong || !all ? EXIT_DIFFERENT : 0;
}

static int run_named(char **names) {
    size_t wrong = 0;

    for (; *names; names++) {
        size_t i = 0;

        while (i < fault_case_count && strcmp(fault_cases[i].name, *names) != 0)
            i++;
        if (i == fault_case_count) {
            fprintf(stderr, "fault-tour: no case is called %s (--list names them)\n", *names);
            return EXIT_USAGE;
        }
        wrong += !run_case(&fault_cases[i]);
        if (names[1])
            await_key();
    }
    return wrong ? EXIT_DIFFERENT : 0;
}

static void list_cases(void) {
    for (size_t i = 0; i < fault_case_count; i++)
        printf("%-18s %s\n", fault_cases[i].name, fault_cases[i].title);
}

static const char usage[] =
    "usage: fault-tour [--quiet | --verbose] [--step] [CASE...]\n"
    "       fault-tour --list\n"
    "\n"
    "Goes through every case of the kernel's fault path: says what will happen, makes it\n"
    "happen, and shows what was counted and what became of the page.\n"
    "\n"
    "  -q, --quiet    a line for each case\n"
    "  -v, --verbose  explanations are shown whole\n"
    "  -s, --step     on a terminal, waits for a key behind each case\n"
    "  -l, --list     the cases\n"
    "  -h, --help     this\n"
    "\n"
    "Exit status: 0 all was as it should be, 1 something was not, 2 wrong usage, 77 this\n"
    "kernel does not explain.\n";

static void options_parse(int argc, char **argv) {
    static const struct option known[] = {{"quiet", 0, NULL, 'q'}, {"verbose", 0, NULL, 'v'},
                                          {"step", 0, NULL, 's'},  {"list", 0, NULL, 'l'},
                                          {"help", 0, NULL, 'h'},  {0}};
    int option;

    while ((option = getopt_long(argc, argv, "qvslh", known, NULL)) != -1) {
        is_quiet |= option == 'q';
        is_verbose |= option == 'v';
        waits_for_key |= option == 's' && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
        if (option == 'l')
            list_cases();
        if (option == 'h')
            fputs(usage, stdout);
        if (option == 'l' || option == 'h')
            exit(0);
        if (option == '?')
            exit(EXIT_USAGE);
    }
}

int main(int argc, char **argv) {
    options_parse(argc, argv);
    explain_file = open("/proc/self/explain", O_RDWR | O_CLOEXEC);
    vmstat_file = open("/proc/vmstat", O_RDONLY | O_CLOEXEC);
    if (explain_file < 0 || vmstat_file < 0) {
        fputs("fault-tour: this kernel does not explain\n", stderr);
        return EXIT_SKIPPED;
    }
    catch_signals();
    await_others(); /* for the first time: it takes memory */
    return argv[optind] ? run_named(argv + optind) : run_all();
}
