/* SPDX-License-Identifier: MIT */
/*
 * memview's program: on a terminal of its own, typed to, interrupted, ended; and what it wrote as
 * the view of its output shows it.
 */
#include "support/check.h"
#include "user/memview/output.h"
#include "user/memview/program.h"

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct winsize size = {.ws_row = 7, .ws_col = 33};
static struct program program;

/* ---- what it wrote ---- */

#define ROWS 3
#define COLUMNS 8

/* The canvas as text, each line whole. */
static char *drawn(const char *bytes, bool cursor) {
    static char text[ROWS * (COLUMNS + 1) + 1];
    struct canvas canvas = {0};
    char *at = text;

    CHECK_EQ(canvas_make(&canvas, ROWS, COLUMNS + 1), 0);
    output_draw(&canvas, (struct rectangle){0, 0, ROWS, COLUMNS},
                (struct text){.bytes = (char *)bytes, .length = strlen(bytes)}, cursor);
    for (int i = 0; i < ROWS * (COLUMNS + 1); i++) {
        struct cell cell = canvas.cells[i];
        if (i % (COLUMNS + 1) == COLUMNS)
            CHECK_EQ(cell.glyph, ' '); /* nothing is drawn beside the rectangle */
        *at++ = i % (COLUMNS + 1) == COLUMNS ? '|' : cell.style & STYLE_REVERSE ? '_' : cell.glyph;
    }
    canvas_free(&canvas);
    return text;
}

static void test_output(void) {
    static const char *const cases[][2] = {
        {"", "        |        |        |"},
        {"a\r\nbc\r\n", "a       |bc      |        |"},
        {"1\r\n2\r\n3\r\n4\r\n5", "3       |4       |5       |"},
        {"12345678", "12345678|        |        |"},
        {"123456789", "12345678|9       |        |"},
        {"12345678\r\n9", "12345678|9       |        |"},
        {"12345678\bX", "1234567X|        |        |"},
        {"abc\b\b  \b\bd", "ad      |        |        |"},
        {"abc\rX", "Xbc     |        |        |"},
        {"a\tb", "a      b|        |        |"},
        {"a\nb", "a       | b      |        |"},
        {"abc\033[2DX\033[J", "aX      |        |        |"},
        {"abc\r\033[K\033[1CX", " X      |        |        |"},
        {"abc\033[99DX\033[99CY", "Xbc    Y|        |        |"},
        {"a\033[1;31mb\033[6nc\033[2Jd\033=e", "abcde   |        |        |"},
        {"\303\274x\a\177y", "?xy     |        |        |"},
        {"a\033[99999999999999999999Cb", "a      b|        |        |"},
        {"a\033[", "a       |        |        |"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (strcmp(drawn(cases[i][0], false), cases[i][1]) != 0)
            FAIL("case %zu is drawn as %s, not %s", i, drawn(cases[i][0], false), cases[i][1]);
    CHECK(strcmp(drawn("ab\r\n$ ", true), "ab      |$ _     |        |") == 0);
    CHECK(strcmp(drawn("ab\r\n", true), "ab      |_       |        |") == 0);
    CHECK(strcmp(drawn("12345678", true), "1234567_|        |        |") == 0);
}

static void test_output_plain(void) {
    char bytes[] = "a\033[6n\r\nb\rc\033[1;31md\b\t\r\r\n\033[";
    const char expected[] = "a\nb\rcd\b\t\r\n";
    size_t length = output_plain(bytes, sizeof bytes - 1);

    CHECK_EQ(length, sizeof expected - 1);
    CHECK(memcmp(bytes, expected, length) == 0);
}

/* ---- the program ---- */

/* Starts `sh -c words`. */
static void start(const char *words) {
    static char *argv[] = {"sh", "-c", NULL, NULL};

    argv[2] = (char *)words;
    CHECK_EQ(program_start(&program, argv, &size), 0);
}

/* Takes what it writes until these words are there. */
static void see(const char *words) {
    while (program.length == sizeof program.held ||
           (program.held[program.length] = '\0', !strstr(program.held, words))) {
        struct pollfd slot = {program.terminal, POLLIN, 0};
        if (program.terminal < 0)
            FAIL("\"%s\" never comes", words);
        poll(&slot, 1, -1);
        program_read(&program);
    }
}

static void type(const char *words) {
    for (; *words; words++)
        program_type(&program, *words);
}

static void check_end(int status) {
    program_check(&program, true);
    CHECK(program.ended && program.pid == 0);
    CHECK_EQ(program.status, status);
}

static void input_is(int fd) {
    CHECK_EQ(dup2(fd, STDIN_FILENO), STDIN_FILENO);
}

/* A terminal of ours, so that the program's is its own. */
static void input_is_terminal(void) {
    int master, slave;

    CHECK_EQ(openpty(&master, &slave, NULL, NULL, NULL), 0);
    input_is(slave);
}

static void test_typed_to(void) {
    input_is_terminal();
    start("stty size; echo $TERM; read word; echo \"<$word>\"; exit 3");
    see("7 33\r\ndumb\r\n");
    type("some words\r");
    see("some words\r\n<some words>\r\n"); /* the echo, and the answer */
    check_end(3);
    program_stop(&program);
}

/* Ctrl-C is the program's, not ours. */
static void test_interrupted(void) {
    input_is_terminal();
    start("trap 'echo caught; exit 4' INT; echo ready; while :; do sleep 0.01; done");
    see("ready");
    type("\003");
    see("caught");
    check_end(4);
    program_stop(&program);
}

static void test_resized(void) {
    input_is_terminal();
    start("trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.01; done");
    see("ready");
    program_resize(&program, &(struct winsize){.ws_row = 9, .ws_col = 44});
    see("9 44");
    check_end(0);
    program_stop(&program);
}

/* A pipe of ours stays the program's input; its output and /dev/tty are the terminal. */
static void test_input_from_pipe(void) {
    int ends[2];

    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(write(ends[1], "piped\n", 6), 6);
    close(ends[1]);
    input_is(ends[0]);
    start("read word; echo \"<$word>\"; read word < /dev/tty; echo \"($word)\"");
    see("<piped>");
    type("typed\r");
    see("(typed)");
    check_end(0);
    program_stop(&program);
}

/* A job of a shell's is in a group of its own, and has the terminal: it goes as well. */
static void test_stopped_with_its_job(void) {
    int alive[2];
    pid_t job;
    char byte;

    CHECK_EQ(pipe(alive), 0);
    input_is_terminal();
    start("set -m; sh -c 'echo job $$.; exec cat'");
    see("job ");
    see(".");
    job = (pid_t)atoi(strstr(program.held, "job ") + 4);
    CHECK(job > 1 && job != program.pid && getpgid(job) == job);
    program_stop(&program);
    CHECK_EQ(program.status, 128 + SIGKILL);
    CHECK_EQ(program.terminal, -1);
    close(alive[1]);
    CHECK_EQ(read(alive[0], &byte, 1), 0); /* nobody has the other end any more */
}

/* Writing without end, and what cannot be typed since nobody reads, do not hold us. */
static void test_floods(void) {
    input_is_terminal();
    start("stty -echo -icanon; echo ready; exec yes");
    see("ready");
    for (int i = 0; i < 20000; i++)
        program_type(&program, 'x');
    for (int i = 0; i < 100; i++)
        program_read(&program);
    program_stop(&program);
    CHECK_EQ(program.status, 128 + SIGKILL);
}

static void test_not_found(void) {
    char *argv[] = {"/nowhere/program", NULL};

    CHECK_EQ(program_start(&program, argv, &size), 0);
    see("memview: /nowhere/program: No such file or directory\r\n");
    check_end(127);
    program_stop(&program);
}

/* Without a terminal it has our streams. */
static void test_without_terminal(void) {
    char *argv[] = {"sh", "-c", "read word; echo \"<$word>\"", NULL};
    int input[2], output[2], ours = dup(STDOUT_FILENO);
    char text[32] = "";

    CHECK_EQ(pipe(input), 0);
    CHECK_EQ(pipe(output), 0);
    CHECK_EQ(write(input[1], "piped\n", 6), 6);
    input_is(input[0]);
    dup2(output[1], STDOUT_FILENO);
    CHECK_EQ(program_start(&program, argv, NULL), 0);
    dup2(ours, STDOUT_FILENO);
    CHECK_EQ(program.terminal, -1);
    CHECK_EQ(read(output[0], text, sizeof text - 1), 8);
    CHECK(strcmp(text, "<piped>\n") == 0);
    check_end(0);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        {"output", test_output},
        {"output_plain", test_output_plain},
        {"typed_to", test_typed_to},
        {"interrupted", test_interrupted},
        {"resized", test_resized},
        {"input_from_pipe", test_input_from_pipe},
        {"stopped_with_its_job", test_stopped_with_its_job},
        {"floods", test_floods},
        {"not_found", test_not_found},
        {"without_terminal", test_without_terminal},
    };

    return test_main(argc, argv, "memview_program", tests, sizeof tests / sizeof tests[0]);
}
