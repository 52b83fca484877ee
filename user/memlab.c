/* SPDX-License-Identifier: MIT */
/*
 * A laboratory for memory: maps, reads, writes, forks, as its steps say, and tells after each one
 * what it cost: frames, page tables, faults by case.
 *
 *     memlab 'map a 8; write a 0-3; fork { write a 0 }'
 *
 * Here: the words of the steps, and what is said about each. What the steps do: lib/lab.c.
 *
 * Steps of a child are counted by the child. The sums, and the counts of the last moment, are in a
 * page that all of them share.
 */
#define _GNU_SOURCE
#include "user/lib/lab.h"
#include "user/lib/tally.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS_MAX 2048
#define DEPTH_MAX 16
#define KEPT_MAX 16
#define USAGE 2

static char *words[WORDS_MAX + 1]; /* ends with NULL; "\n" ends a step; { and } stand alone */
static int word_count;
static long kept_frames[KEPT_MAX]; /* as account.own_frames, of children that are kept */
static int kept_count;
static bool is_quiet, is_stepping;

/* What all processes of a run share. */
static struct account {
    struct tally last; /* after the last step, or what was to be left out */
    struct tally sum;
    long own_frames[DEPTH_MAX]; /* copies that the child of a depth needs for itself */
    int errors;
} * account;

static void usage(FILE *stream) {
    fprintf(stream,
            "usage: memlab [options] 'STEP; STEP...'\n"
            "       memlab [options] --file FILE\n"
            "\n"
            "Does things with memory, and tells after each step what it cost.\n"
            "\n"
            "  -f, --file FILE     steps from a file (- is standard input); # begins a comment\n"
            "  -s, --step          wait for Enter before each step\n"
            "  -q, --quiet         only the sum at the end\n"
            "  -t, --total NAME    only one number of the sum: frames, tables, copy, ...\n"
            "  -l, --list          the steps and the names there are\n"
            "  -h, --help          this\n"
            "\n"
            "Exit status: 0, 1 a step failed, 2 wrong usage.\n");
}

static void list(void) {
    printf("Steps. PAGES of a map: all, one (3), or from the first to the last (0-9).\n\n");
    for (const struct lab_step *step = lab_steps; step->name; step++)
        printf("  %-46s %s\n", step->usage, step->what);
    printf("  %-46s %s\n", "fork { STEPS }", "a child does them and ends");
    printf("  %-46s %s\n", "say WORDS", "prints them");
    printf("\nNames of what is counted (--total):\n\n");
    for (int key = 0; key < TALLY_KEYS; key++)
        printf("  %-16s %s\n", tally_name((enum tally_key)key),
               tally_words((enum tally_key)key, 2));
}

/* ---- words ---- */

static void complain(const char *what, const char *word) {
    fprintf(stderr, "memlab: %s%s%s\n", what, word ? ": " : "", word ? word : "");
    exit(USAGE);
}

static void word_add(char *word) {
    if (word_count == WORDS_MAX)
        complain("too many words", NULL);
    words[word_count++] = word;
}

/* Splits a text, which is changed, into words. */
static void split(char *text) {
    while (*text) {
        size_t length = strcspn(text, " \t\r\n;{}#");

        if (length > 0)
            word_add(strndup(text, length));
        text += length;
        if (*text == '#')
            text += strcspn(text, "\n");
        else if (*text == '{' || *text == '}')
            word_add(*text++ == '{' ? "{" : "}");
        else if (*text == ';' || *text == '\n')
            word_add("\n"), text++;
        else if (*text)
            text++;
    }
    word_add("\n");
}

static char *file_read(const char *path) {
    FILE *stream = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    char *text = NULL;
    size_t size = 0;

    if (!stream || (getdelim(&text, &size, '\0', stream) < 0 && ferror(stream))) {
        perror(path);
        exit(USAGE);
    }
    return text ? text : strdup("");
}

static bool ends_step(const char *word) {
    return *word == '\n' || *word == '{' || *word == '}';
}

/* The place behind the block that begins at a {. */
static int block_end(int at) {
    int depth = 0;

    do {
        if (!words[at])
            complain("a { has no }", NULL);
        depth += *words[at] == '{' ? 1 : *words[at] == '}' ? -1 : 0;
        at++;
    } while (depth > 0);
    return at;
}

/* All steps are known and have as many words as they need, before the first one is done. */
static void check_all(void) {
    int depth = 0;

    for (int at = 0; words[at]; at++) {
        int first = at, count;

        while (!ends_step(words[at]))
            at++;
        count = at - first;
        depth += *words[at] == '{' ? 1 : *words[at] == '}' ? -1 : 0;
        if (depth < 0 || depth == DEPTH_MAX)
            complain(depth < 0 ? "a } has no {" : "too many { in one another", NULL);
        if (*words[at] == '{' && (count != 1 || strcmp(words[first], "fork") != 0))
            complain("only fork has a { block }", NULL);
        if (count == 0 || strcmp(words[first], "say") == 0 || *words[at] == '{')
            continue;
        if (!lab_find(words[first]))
            complain("no such step (--list tells them)", words[first]);
        if (!lab_fits(lab_find(words[first]), count - 1))
            complain("the step is", lab_find(words[first])->usage);
    }
    if (depth > 0)
        complain("a { has no }", NULL);
}

/* ---- what is said ---- */

/* "4 new zeroed page, 1 copied", of all that is counted beside frames and tables. */
static void faults_print(const struct tally *came) {
    const char *before = "";

    if (!tally_is_full(came)) {
        printf("%ld %s", came->count[TALLY_FAULTS],
               tally_words(TALLY_FAULTS, came->count[TALLY_FAULTS]));
        return;
    }
    for (int key = TALLY_FAULTS + 1; key < TALLY_KEYS; key++) {
        if (came->count[key] == 0)
            continue;
        printf("%s%ld %s", before, came->count[key],
               tally_words((enum tally_key)key, came->count[key]));
        before = ", ";
    }
}

static void line_print(int depth, const char *step, const struct tally *came, const char *note) {
    char text[64];

    if (is_quiet)
        return;
    snprintf(text, sizeof text, "%*s%s", 2 * depth, "", step);
    printf("%-34s", text);
    if (tally_is_full(came))
        printf(" %+6ld %+6ld  ", came->count[TALLY_FRAMES], came->count[TALLY_TABLES]);
    else
        printf(" %6s %6s  ", "?", "?");
    faults_print(came);
    printf("%s%s\n", note && *note ? "   " : "", note ? note : "");
    fflush(stdout);
}

/* Adds up what came with a step, and says it; the next one begins. */
static void account_close(int depth, const char *step, struct tally *came, const char *note) {
    tally_add(&account->sum, came);
    line_print(depth, step, came, note);
    lab_settle();
    tally_take(&account->last);
}

static void account_since(struct tally *came) {
    struct tally now;

    tally_take(&now);
    tally_difference(came, &account->last, &now);
}

static void account_step(int depth, const char *step, const char *note) {
    struct tally came;

    account_since(&came);
    account_close(depth, step, &came, note);
}

/*
 * A fork. Parent and child have copied pages of memlab's own stack and data since, which is nothing
 * that the steps asked for: it is left out, here and when the child ends.
 */
static void account_fork(int depth, const char *step, long *own_frames) {
    struct tally came;

    account_since(&came);
    *own_frames = came.count[TALLY_COPY];
    came.count[TALLY_FRAMES] -= *own_frames;
    came.count[TALLY_COPY] = came.count[TALLY_REUSE] = came.count[TALLY_FLUSH_PAGE] = 0;
    came.count[TALLY_FLUSH_SPACE] -= came.count[TALLY_TABLES_UNSHARED];
    came.count[TALLY_TABLES_UNSHARED] = 0;
    account_close(depth, step, &came, NULL);
}

static void account_child_end(int depth, const char *step, long own_frames) {
    struct tally came;

    account_since(&came);
    came.count[TALLY_FRAMES] += own_frames;
    account_close(depth, step, &came, NULL);
}

static void wait_for_key(const char *step) {
    int byte;

    if (!is_stepping)
        return;
    printf("%s ", step);
    fflush(stdout);
    while ((byte = getchar()) != '\n' && byte != EOF)
        continue;
    lab_settle();
    tally_take(&account->last);
}

/* ---- steps ---- */

/* The words of a step as one text, which is good until the next. */
static const char *step_text(char **step, int count) {
    static char text[256];
    size_t length = 0;

    text[0] = '\0';
    for (int i = 0; i < count && length < sizeof text - 1; i++)
        length +=
            (size_t)snprintf(text + length, sizeof text - length, "%s%s", i ? " " : "", step[i]);
    return text;
}

static void step_run(int depth, char **step, int count) {
    const char *text = step_text(step, count);

    if (strcmp(step[0], "say") == 0) {
        if (!is_quiet)
            printf("%s\n", count > 1 ? text + strlen("say ") : "");
        return;
    }
    wait_for_key(text);
    if (lab_run(step, count) < 0) {
        fprintf(stderr, "memlab: %s: %s\n", text, lab_note());
        account->errors++;
    }
    if (strcmp(step[0], "fork") == 0)
        account_fork(depth, text, &kept_frames[kept_count++ % KEPT_MAX]);
    else if (strcmp(step[0], "end") == 0 && kept_count > 0)
        account_child_end(depth, text, kept_frames[--kept_count % KEPT_MAX]);
    else
        account_step(depth, text, lab_note());
}

static void run(int at, int end, int depth);

/* Where only faults of this process are known, those of another one are left out. */
static void account_other_process(void) {
    if (!tally_is_full(&account->last))
        tally_take(&account->last);
}

/* A child does the steps between at and end. What it needs for itself is not counted. */
static void block_run(int at, int end, int depth) {
    pid_t child;

    wait_for_key("fork {");
    child = lab_fork();
    account_other_process();
    if (child == 0) {
        account_fork(depth, "fork {", &account->own_frames[depth]);
        run(at, end, depth + 1);
        _exit(0);
    }
    if (child < 0 || waitpid(child, NULL, 0) < 0) {
        perror("memlab: fork");
        account->errors++;
    }
    account_other_process();
    account_child_end(depth, "}", account->own_frames[depth]);
}

/* The steps from `at` on, to `end`. */
static void run(int at, int end, int depth) {
    while (at < end) {
        int first = at;

        while (!ends_step(words[at]))
            at++;
        if (*words[at] == '{') {
            int after = block_end(at);

            block_run(at + 1, after - 1, depth);
            at = after;
            continue;
        }
        if (at > first)
            step_run(depth, &words[first], at - first);
        at++;
    }
}

/* Addresses are the same each time: else the number of page tables would not be. */
static void addresses_fix(char **argv) {
    char path[256];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    int now = personality(0xffffffff);

    if (now < 0 || now & ADDR_NO_RANDOMIZE ||
        personality((unsigned long)now | ADDR_NO_RANDOMIZE) < 0)
        return;
    if (length > 0)
        path[length] = '\0';
    execv(length > 0 ? path : "/proc/self/exe", argv); /* the path names the process */
}

static void begin(void) {
    account =
        mmap(NULL, sizeof *account, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (account == MAP_FAILED) {
        perror("memlab: mmap");
        exit(1);
    }
    memset(account, 0, sizeof *account);
    lab_begin();
    if (!is_quiet)
        printf("%-34s %6s %6s  %s\n", "step", "frames", "tables", "faults, and what else");
    fflush(stdout);
    for (int twice = 0; twice < 2; twice++) {
        tally_take(&account->last);
        step_text(words, 0);
        lab_settle();
    }
    tally_take(&account->last);
}

static void finish(enum tally_key total) {
    struct tally sum = account->sum;

    lab_end();
    is_quiet = is_quiet && total != TALLY_KEYS;
    if (total == TALLY_KEYS)
        line_print(0, "all steps", &sum, NULL);
    else if (sum.count[total] != TALLY_UNKNOWN)
        printf("%ld\n", sum.count[total]);
    else
        printf("unknown\n");
}

static const struct option long_options[] = {
    {"file", required_argument, NULL, 'f'},
    {"step", no_argument, NULL, 's'},
    {"quiet", no_argument, NULL, 'q'},
    {"list", no_argument, NULL, 'l'},
    {"total", required_argument, NULL, 't'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

int main(int argc, char **argv) {
    enum tally_key total = TALLY_KEYS;
    const char *file = NULL;
    int letter;

    addresses_fix(argv);
    while ((letter = getopt_long(argc, argv, "f:sqt:lh", long_options, NULL)) != -1) {
        if (letter == 'l' || letter == 'h')
            return letter == 'l' ? list(), 0 : (usage(stdout), 0);
        if (letter == '?')
            return usage(stderr), USAGE;
        file = letter == 'f' ? optarg : file;
        is_quiet |= letter == 'q' || letter == 't';
        is_stepping |= letter == 's';
        if (letter == 't' && (total = tally_find(optarg)) == TALLY_KEYS)
            complain("nothing of that name is counted (--list tells them)", optarg);
    }
    if (!file && optind == argc)
        return usage(stderr), USAGE;
    if (file)
        split(file_read(file));
    for (; optind < argc; optind++)
        split(strdup(argv[optind]));
    check_all();
    begin();
    run(0, word_count, 0);
    finish(total);
    return account->errors != 0;
}
