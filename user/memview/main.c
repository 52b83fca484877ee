/* SPDX-License-Identifier: MIT */
/*
 * memview: what memory does, seen in a terminal.
 *
 * On Quire it reads the kernel's own trace, on any Linux a recording of one; the stream says all
 * that is shown (docs/trace.md). One noun a file:
 *
 *  - source, stream, json: where bytes come from, and the records in them
 *  - model, apply_*: the state that records come to; frame, table, owner, space: its parts
 *  - census, rates: who has what at this moment; how much happens
 *  - physical, spaces, totals: pictures of them on a canvas
 *  - terminal, keys, interact: the terminal, and the loop on it; draw: its picture; command: keys
 *  - text, dump: the same for pipes
 *  - program, output, scene: what is looked at, and what it writes
 */
#include "user/memview/app.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_USAGE 2

static const char usage[] =
    "usage: memview [options] [FILE]\n"
    "       memview [options] -- PROGRAM [args]\n"
    "\n"
    "Shows what memory is used for and by whom: that of the kernel it runs on, with or\n"
    "without a PROGRAM to look at, or that of a recording (FILE; - for standard input).\n"
    "On a terminal press ? for the keys. Elsewhere it prints one picture and ends; with\n"
    "a PROGRAM, one at each of its marks, and PROGRAM has our input and output. On a\n"
    "terminal it has one of its own, which the key i types to; an input that is none,\n"
    "a pipe or a file, is its input there too.\n"
    "\n"
    "  --once             print a picture as text, on a terminal too\n"
    "  --interval SECONDS a picture after each SECONDS of the recording, and at its end\n"
    "  --at SECONDS       the picture so long after the recording's beginning\n"
    "  --zoom N           2^N pages a cell of the map of physical memory\n"
    "  --columns N        how wide the text is (80)\n"
    "  --dump             the whole state as text, sorted, one thing a line\n"
    "  --paused           begin with the first moment of a recording, and wait\n"
    "  --ascii, --utf8    characters to draw with (else as the locale says)\n"
    "\n"
    "NO_COLOR in the environment: no colours. TERM=dumb: as if it were no terminal.\n"
    "exit status: that of PROGRAM; else 0, 1 (no trace, or not one), 2 (wrong usage)\n";

static int wrong(const char *what, const char *word) {
    fprintf(stderr, "memview: %s%s\nTry `memview --help`.\n", what, word);
    return EXIT_USAGE;
}

static bool number_read(const char *word, double least, double most, double *number) {
    char *end;

    *number = strtod(word, &end);
    return *word && !*end && *number >= least && *number <= most;
}

enum {
    OPTION_ONCE = 256,
    OPTION_DUMP,
    OPTION_PAUSED,
    OPTION_ASCII,
    OPTION_UTF8,
    OPTION_HELP,
    OPTION_INTERVAL,
    OPTION_AT,
    OPTION_ZOOM,
    OPTION_COLUMNS
};

static const struct option words[] = {
    {"once", no_argument, NULL, OPTION_ONCE},
    {"dump", no_argument, NULL, OPTION_DUMP},
    {"paused", no_argument, NULL, OPTION_PAUSED},
    {"ascii", no_argument, NULL, OPTION_ASCII},
    {"utf8", no_argument, NULL, OPTION_UTF8},
    {"help", no_argument, NULL, OPTION_HELP},
    {"interval", required_argument, NULL, OPTION_INTERVAL},
    {"at", required_argument, NULL, OPTION_AT},
    {"zoom", required_argument, NULL, OPTION_ZOOM},
    {"columns", required_argument, NULL, OPTION_COLUMNS},
    {0},
};

/* An option without a number. False: it is none of them. */
static bool word_take(struct options *options, int option) {
    options->once |= option == OPTION_ONCE;
    options->dump |= option == OPTION_DUMP;
    options->paused |= option == OPTION_PAUSED;
    if (option == OPTION_ASCII || option == OPTION_UTF8)
        options->ascii = option == OPTION_ASCII ? 1 : -1;
    return option <= OPTION_UTF8;
}

/* An option with a number. */
static bool number_take(struct options *options, int option) {
    double number;

    switch (option) {
    case OPTION_INTERVAL:
        return number_read(optarg, 1e-6, 1e6, &options->interval);
    case OPTION_AT:
        return number_read(optarg, 0, 1e9, &options->at);
    case OPTION_ZOOM:
        options->zoom = number_read(optarg, 0, ZOOM_MAX, &number) ? (int)number : -2;
        return options->zoom >= 0;
    default:
        options->columns = number_read(optarg, 24, 1000, &number) ? (int)number : 0;
        return options->columns > 0;
    }
}

/* Status to end with, or -1: go on. */
static int options_read(struct options *options, int argc, char **argv) {
    int option;

    *options = (struct options){.at = -1, .zoom = ZOOM_AUTO};
    while ((option = getopt_long(argc, argv, "+", words, NULL)) != -1) {
        if (option == OPTION_HELP) {
            fputs(usage, stdout);
            return 0;
        }
        if (option == '?')
            return EXIT_USAGE;
        if (!word_take(options, option) && !number_take(options, option))
            return wrong("this is not a number that can be: ", optarg);
    }
    if (optind > 0 && optind < argc && strcmp(argv[optind - 1], "--") == 0)
        options->program = argv + optind;
    else if (optind < argc)
        options->path = argv[optind++];
    if (!options->program && optind < argc)
        return wrong("one recording at a time, and a program after --: ", argv[optind]);
    return -1;
}

static bool is_interactive(const struct options *options) {
    const char *term = getenv("TERM");

    return !options->once && !options->dump && options->interval == 0 && options->at < 0 &&
           isatty(STDOUT_FILENO) && term && term[0] && strcmp(term, "dumb") != 0;
}

static int start(struct app *app, bool interactive) {
    const struct options *options = &app->options;
    bool live = !options->path;
    const char *path = options->path;
    int status;

    if (live)
        path = interactive || options->program ? TRACE_PATH : SNAPSHOT_PATH;
    status = source_open(&app->source, path, live && path[0] && strcmp(path, TRACE_PATH) == 0);
    if (status == 0)
        return 0;
    fprintf(stderr, "memview: %s: %s\n", path, strerror(-status));
    if (live && status == -ENOENT)
        fprintf(stderr, "memview: there is no trace here: give it a recording, `memview FILE`\n");
    if (status == -EBUSY)
        fprintf(stderr, "memview: somebody else reads it, a recording or another memview\n");
    return 1;
}

/* Keys come from the terminal even where standard input is the recording. */
static int input_open(void) {
    return isatty(STDIN_FILENO) ? STDIN_FILENO : open("/dev/tty", O_RDWR | O_CLOEXEC);
}

int main(int argc, char **argv) {
    static struct app app;
    int status = options_read(&app.options, argc, argv), input = -1;

    if (status >= 0)
        return status;
    if (is_interactive(&app.options))
        input = input_open();
    if (start(&app, input >= 0) != 0)
        return 1;
    app.can = terminal_abilities();
    if (app.options.ascii)
        app.can.utf8 = app.options.ascii < 0;
    app.speed = 1;
    app.program.terminal = -1;
    app.paused = app.options.paused;
    app.view = (struct view){.model = &app.model,
                             .census = &app.census,
                             .rates = &app.rates,
                             .canvas = &app.canvas,
                             .zoom = app.options.zoom,
                             .space_zoom = ZOOM_AUTO};
    return input >= 0 ? app_interact(&app, input) : app_text(&app);
}
