/* SPDX-License-Identifier: MIT */
/* What keys do; see app.h. */
#include "user/memview/app.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define SPEED_MIN (1.0 / 1024)
#define SPEED_MAX 1024.0
#define KEY_BACK 0x0f /* Ctrl-O: a quire that runs us takes Ctrl-] for itself */

/* ---- zoom and movement ---- */

static void zoom_change(struct app *app, int by) {
    struct view *view = &app->view;
    int *zoom = view->kind == VIEW_SPACES ? &view->space_zoom : &view->zoom;
    int from = *zoom;

    if (from == ZOOM_AUTO)
        from = view->kind == VIEW_SPACES ? 0 : view->zoom_shown;
    from += by;
    *zoom = from < 0 ? 0 : from > ZOOM_MAX ? ZOOM_MAX : from;
}

static void cursor_move(struct view *view, int64_t cells) {
    int64_t pages = cells * (int64_t)(1ull << view->zoom_shown);
    uint64_t count = view->model->frames.count;

    if (!view->cursor_on) {
        view->cursor_on = true;
        return;
    }
    if (pages < 0 && (uint64_t)-pages > view->cursor)
        view->cursor %= 1ull << view->zoom_shown;
    else if (view->cursor + (uint64_t)pages < count)
        view->cursor += (uint64_t)pages;
}

static void move(struct app *app, int key) {
    struct view *view = &app->view;
    int64_t lines = key == KEY_UP          ? -1
                    : key == KEY_DOWN      ? 1
                    : key == KEY_PAGE_UP   ? -16
                    : key == KEY_PAGE_DOWN ? 16
                                           : 0;
    int64_t cells = key == KEY_LEFT ? -1 : key == KEY_RIGHT ? 1 : lines * view->columns;

    if (view->kind == VIEW_SPACES)
        view->line = lines < 0 && (size_t)-lines > view->line ? 0 : view->line + (size_t)lines;
    else
        cursor_move(view, cells);
    app->last[0] = '\0'; /* the cursor is what the line below is about now */
}

static void move_to_end(struct app *app, int key) {
    struct view *view = &app->view;
    size_t count = view->model->frames.count;

    if (view->kind == VIEW_SPACES) {
        view->line = key == KEY_HOME ? 0 : SIZE_MAX / 2; /* drawing finds the end */
        return;
    }
    view->cursor_on = true;
    view->cursor = key == KEY_HOME || count == 0 ? 0 : count - 1;
}

/* The process after (by 1) or before (by -1) the one that is shown first. */
static void process_choose(struct app *app, int by) {
    const struct census *census = &app->census;
    size_t count = census->spaces, at = 0;

    if (count == 0)
        return;
    while (at < count && census->pids[at] != app->view.pid)
        at++;
    at = at == count ? 0 : (at + count + (size_t)by) % count;
    app->view.pid = census->pids[at];
    app->view.line = 0;
}

/* ---- looking for something ---- */

static void search_do(struct app *app) {
    struct view *view = &app->view;
    bool hex = strncasecmp(app->search, "0x", 2) == 0;
    uint64_t number = strtoull(app->search, NULL, hex ? 16 : 10);
    size_t line = 1;

    if (!hex) {
        view->pid = (uint32_t)number;
        view->line = 0;
        return;
    }
    if (view->kind != VIEW_SPACES) {
        view->cursor = number >> 12;
        view->cursor_on = true;
        return;
    }
    for (size_t i = 0; i < app->census.spaces; i++) {
        const struct space *space = space_get(&app->model.spaces, app->census.roots[i]);
        if (view->pid && space->pid != view->pid)
            continue;
        while (line <= space->count && space->areas[line - 1].end <= number)
            line++;
        view->line = line;
        view->space_zoom = ZOOM_AUTO; /* an area, a line */
        return;
    }
}

static void search_key(struct app *app, int key) {
    size_t length = strlen(app->search);

    if (key == '\r' || key == '\n') {
        app->searching = false;
        if (length > 0)
            search_do(app);
    } else if (key == KEY_ESCAPE) {
        app->searching = false;
    } else if ((key == 127 || key == '\b') && length > 0) {
        app->search[length - 1] = '\0';
    } else if (key < 128 && isalnum(key) && length + 1 < sizeof app->search) {
        app->search[length] = (char)key;
        app->search[length + 1] = '\0';
    }
}

/* ---- time ---- */

static void step(struct app *app, enum advance how) {
    app->paused = true;
    app_advance(app, how, UINT64_MAX);
    app->play_to = app->model.time;
    if (app->model.fault.any && app->model.fault.pfn && strncmp(app->last, "fault", 5) == 0) {
        app->view.cursor = app->model.fault.pfn;
        app->view.cursor_on = true;
    }
}

static void speed_change(struct app *app, double factor) {
    double speed = app->speed * factor;

    if (!app->source.live && speed >= SPEED_MIN && speed <= SPEED_MAX)
        app->speed = speed;
}

static void play_to_end(struct app *app) {
    if (app->source.live)
        return;
    app->paused = false;
    app->play_to = UINT64_MAX;
}

static void again(struct app *app) {
    if (app->program.argv)
        app_program_start(app, app->program.argv);
    else
        app_rewind(app);
}

/* ---- the program ---- */

void app_program_start(struct app *app, char **argv) {
    struct winsize pane = app_pane(app);

    program_stop(&app->program);
    if (program_start(&app->program, argv, &pane) < 0)
        app_fail(app, -1, "the program cannot be started");
    app->view.pid = (uint32_t)app->program.pid;
    app->view.line = 0;
    app->paused = false;
}

static void typing_set(struct app *app, bool on) {
    app->typing = on;
    terminal_all_keys(on);
}

/* Where none runs its view says why. */
static void typing_begin(struct app *app) {
    if (app->program.pid > 0)
        typing_set(app, true);
    else
        app->view.kind = VIEW_OUTPUT;
}

void app_typed(struct app *app, char byte) {
    if (byte == KEY_BACK)
        typing_set(app, false);
    else
        program_type(&app->program, byte);
    app->dirty = true;
}

void app_program_check(struct app *app) {
    program_check(&app->program, false);
    if (app->typing && app->program.ended)
        typing_set(app, false);
    app->dirty = true;
}

/* ---- all keys ---- */

static bool overlay_key(struct app *app, int key) {
    struct scene *scene = key >= '1' && key <= '9' ? scene_at((size_t)(key - '1')) : NULL;

    if (app->overlay == OVERLAY_SCENES && scene && app->source.live)
        app_program_start(app, scene->argv);
    else if (key != KEY_ESCAPE && app->overlay == OVERLAY_NONE)
        return false;
    app->overlay = OVERLAY_NONE;
    return key != 'q';
}

static void view_key(struct app *app, int key) {
    struct view *view = &app->view;

    if (key == '\t')
        view->kind = (view->kind + 1) % VIEW_COUNT;
    else if (key >= '1' && key < '1' + VIEW_COUNT)
        view->kind = (enum view_kind)(key - '1');
    else if (key == KEY_HOME || key == KEY_END)
        move_to_end(app, key);
    else if (key >= KEY_UP && key <= KEY_PAGE_DOWN)
        move(app, key);
}

void app_key(struct app *app, int key) {
    app->dirty = true;
    if (app->searching) {
        search_key(app, key);
        return;
    }
    if (overlay_key(app, key))
        return;
    switch (key) {
    case 'q':
        app->quit = true;
        break;
    case '?':
    case 'h':
        app->overlay = OVERLAY_HELP;
        break;
    case 'm':
        app->overlay = OVERLAY_SCENES;
        break;
    case ' ':
        app->paused = !app->paused;
        break;
    case 's':
        step(app, ADVANCE_STEP);
        break;
    case 'n':
        step(app, ADVANCE_RECORD);
        break;
    case '$':
        play_to_end(app);
        break;
    case 'i':
        typing_begin(app);
        break;
    case 'r':
        again(app);
        break;
    case '<':
    case '>':
        speed_change(app, key == '<' ? 0.5 : 2);
        break;
    case '+':
    case '=':
    case '-':
        zoom_change(app, key == '-' ? 1 : -1);
        break;
    case '0':
        app->view.zoom = app->view.space_zoom = ZOOM_AUTO;
        break;
    case '[':
    case ']':
        process_choose(app, key == ']' ? 1 : -1);
        break;
    case '/':
        app->searching = true;
        app->search[0] = '\0';
        break;
    default:
        view_key(app, key);
    }
}
