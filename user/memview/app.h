/* SPDX-License-Identifier: MIT */
/*
 * The program as a whole: a source whose records go into a model, and views of the model.
 */
#ifndef USER_MEMVIEW_APP_H
#define USER_MEMVIEW_APP_H

#include "user/memview/keys.h"
#include "user/memview/program.h"
#include "user/memview/scene.h"
#include "user/memview/source.h"
#include "user/memview/terminal.h"
#include "user/memview/view.h"

#define SEARCH_BYTES 24

struct options {
    const char *path; /* of a recording; NULL: the kernel that this runs on */
    char **program;   /* NULL: none */
    bool once, dump, paused;
    int ascii;         /* 1: always, 0: as the locale says, -1: never */
    double at;         /* seconds of the stream to stop at; negative: all of it */
    double interval;   /* of the stream, between pictures as text; 0: one */
    int rows, columns; /* of text; 0: as many as needed, 80 */
    int zoom;
};

/* What is drawn over the view. */
enum overlay { OVERLAY_NONE, OVERLAY_HELP, OVERLAY_SCENES };

struct app {
    struct options options;
    struct source source;
    struct model model;
    struct census census;
    struct rates rates;
    struct view view;
    struct program program;
    struct canvas canvas, shown;
    struct abilities can;
    struct keys keys;
    enum overlay overlay;
    bool searching, paused, dirty, quit;
    bool typing; /* keys go to the program */
    char search[SEARCH_BYTES];
    double speed;     /* of a recording: seconds of the stream in one of ours */
    bool begun;       /* a first record was seen */
    uint64_t aged;    /* time of the last look for leaks */
    uint64_t play_to; /* time that a recording is played up to */
    char last[128];   /* what the last record was, after a step */
    char error[256];  /* why nothing more comes; empty: it does */
};

/* ---- advance.c: from source to model ---- */

/* When to stop taking records: after one that counts as a step, after one, at a mark. */
enum advance { ADVANCE_ALL, ADVANCE_STEP, ADVANCE_RECORD, ADVANCE_MARK };

/* Takes records that were read, up to time `until` (ticks), never ending within a snapshot as long
 * as there are bytes. 1: stopped where it was to stop; 0: nothing more for now; negative: `error`
 * says why nothing more comes. */
int app_advance(struct app *app, enum advance how, uint64_t until);

/* The census of this moment, and the rates. 0 or -ENOMEM. */
int app_look(struct app *app);

/* A recording from its beginning. False: it cannot be. */
bool app_rewind(struct app *app);

/* Seconds of the stream since its first record. */
double app_seconds(const struct app *app, uint64_t time);

/* ---- the rest ---- */

/* One picture, or several, as text. Returns an exit status. */
int app_text(struct app *app);

/* The picture as plain text, in as many lines as it needs. 0 or -ENOMEM. */
int app_picture(struct app *app, struct text *text);

/* On a terminal whose keys come from `input`. Returns an exit status. */
int app_interact(struct app *app, int input);

/* Draws all of the canvas. */
void app_draw(struct app *app);

/* How large the terminal of a program is: so that all of it fits the view of its output. */
struct winsize app_pane(const struct app *app);

/* What a key does. */
void app_key(struct app *app, int key);

/* A byte from the terminal while keys go to the program. */
void app_typed(struct app *app, char byte);

/* Looks whether the program has ended: then keys are ours again. */
void app_program_check(struct app *app);

/* Starts a program, or the one that ran again. */
void app_program_start(struct app *app, char **argv);

/* Sets `error`, with the source's name. */
int app_fail(struct app *app, int status, const char *why);

#endif
