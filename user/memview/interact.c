/* SPDX-License-Identifier: MIT */
/* The loop on a terminal; see app.h. */
#define _GNU_SOURCE
#include "user/memview/app.h"
#include "user/memview/output.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define REFRESH_MS 200
#define ROWS_DEFAULT 24
#define COLUMNS_DEFAULT 80
#define ROWS_MIN 6
#define COLUMNS_MIN 24
#define SIDE_MAX 1000

static int64_t now_ms(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- size ---- */

static int side(int size, int least) {
    return size < least ? least : size > SIDE_MAX ? SIDE_MAX : size;
}

static int size_set(struct app *app, int rows, int columns) {
    static const char clear[] = "\033[0m\033[2J";
    struct text text = {0};
    struct winsize pane;
    int status;

    rows = side(rows, ROWS_MIN);
    columns = side(columns, COLUMNS_MIN);
    status = canvas_make(&app->canvas, rows, columns);
    if (status == 0)
        status = canvas_make(&app->shown, rows, columns);
    text_add(&text, clear, sizeof clear - 1);
    if (!text.failed)
        terminal_write(&text);
    text_free(&text);
    app->dirty = true;
    pane = app_pane(app);
    program_resize(&app->program, &pane);
    return status;
}

/* As the kernel says; as the terminal answers, where it does not know. */
static int size_find(struct app *app) {
    int rows = app->canvas.rows ? app->canvas.rows : ROWS_DEFAULT;
    int columns = app->canvas.columns ? app->canvas.columns : COLUMNS_DEFAULT;

    terminal_size(&rows, &columns);
    return size_set(app, rows, columns);
}

/* ---- what comes in ---- */

static int key_take(struct app *app, int key) {
    if (key == KEY_SIZE)
        return size_set(app, app->keys.rows, app->keys.columns);
    if (key != KEY_NONE)
        app_key(app, key);
    return 0;
}

static int keys_take(struct app *app, int input) {
    char bytes[256];
    ssize_t got = read(input, bytes, sizeof bytes);
    int status = 0;

    if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN))
        app->quit = true; /* the terminal is gone */
    for (ssize_t i = 0; i < got && status == 0; i++) {
        if (app->typing)
            app_typed(app, bytes[i]);
        else
            status = key_take(app, keys_feed(&app->keys, bytes[i]));
    }
    return status;
}

static int events_take(struct app *app, int *end) {
    struct terminal_events events = terminal_events();

    if (events.end)
        *end = events.end;
    if (events.child)
        app_program_check(app);
    return events.resized || events.redraw ? size_find(app) : 0;
}

static void source_take(struct app *app) {
    int status = source_read(&app->source);
    const char *cut;

    if (status < 0)
        app_fail(app, status, strerror(-status));
    cut = app->source.ended && !app->source.stream.open ? stream_cut(&app->source.stream) : NULL;
    if (cut)
        app_fail(app, -EINVAL, cut);
}

/* After a loss what is shown is in doubt: it is told anew, once all that was read is used up. */
static void doubt_end(struct app *app) {
    int status = 0;

    if (app->source.live && app->model.doubt && stream_waiting(&app->source.stream) == 0)
        status = source_renew(&app->source);
    if (status < 0)
        app_fail(app, status, strerror(-status));
}

/* How far a recording is played by now. */
static uint64_t playhead(struct app *app, int64_t passed_ms) {
    double ticks =
        (double)passed_ms / 1000 * app->speed * (double)app->source.stream.ticks_per_second;

    if (app->source.live)
        return UINT64_MAX;
    if (app->play_to < app->model.time)
        app->play_to = app->model.time;
    if (app->play_to < UINT64_MAX - (uint64_t)ticks)
        app->play_to += (uint64_t)ticks;
    return app->play_to;
}

/* ---- the loop ---- */

static int picture_show(struct app *app) {
    struct text text = {0};
    int status = app_look(app);

    if (status == 0) {
        app_draw(app);
        canvas_update(&text, &app->shown, &app->canvas, app->can);
        if (!text.failed)
            terminal_write(&text);
        status = text.failed ? -ENOMEM : 0;
    }
    text_free(&text);
    app->dirty = false;
    return status;
}

/* Waits for anything, at most until the next picture is due. */
static int wait_and_take(struct app *app, int input, int64_t until, int *end) {
    int64_t left = until - now_ms();
    bool hungry = source_has_room(&app->source) && !app->error[0];
    struct pollfd slots[] = {{terminal_event_fd(), POLLIN, 0},
                             {input, POLLIN, 0},
                             {hungry ? app->source.fd : -1, POLLIN, 0},
                             {app->program.terminal, POLLIN, 0}};
    int ready = poll(slots, 4, left > 0 ? (int)left : 0), status = 0;

    if (ready <= 0)
        return key_take(app, keys_pause(&app->keys));
    if (slots[0].revents)
        status = events_take(app, end);
    if (status == 0 && slots[1].revents)
        status = keys_take(app, input);
    if (slots[2].revents)
        source_take(app);
    if (slots[3].revents) {
        program_read(&app->program);
        app->dirty = true;
    }
    return status;
}

static int loop(struct app *app, int input, int *end) {
    int64_t last = now_ms(), next = last;
    int status = 0;

    while (status == 0 && !app->quit && *end == 0) {
        int64_t now;
        status = wait_and_take(app, input, next, end);
        now = now_ms();
        if (!app->paused || !app->model.whole)
            app_advance(app, ADVANCE_ALL, app->paused ? 0 : playhead(app, now - last));
        last = now;
        if (status == 0 && now >= next) {
            doubt_end(app);
            status = app->dirty ? picture_show(app) : 0;
            next = now_ms() + REFRESH_MS;
        }
    }
    return status;
}

/* What was held back comes out when the terminal is the caller's again. */
static void output_release(struct program *program) {
    size_t done = 0;

    program->length = output_plain(program->held, program->length);
    while (done < program->length) {
        ssize_t count = write(STDOUT_FILENO, program->held + done, program->length - done);
        if (count <= 0)
            return;
        done += (size_t)count;
    }
}

static int finish(struct app *app, int status, int end) {
    program_stop(&app->program);
    terminal_close();
    output_release(&app->program);
    if (status < 0)
        fprintf(stderr, "memview: %s\n", strerror(-status));
    else if (app->error[0])
        fprintf(stderr, "memview: %s\n", app->error);
    if (end) {
        signal(end, SIG_DFL);
        raise(end);
    }
    if (app->program.argv && status == 0)
        return app->program.status;
    return status < 0 || app->error[0] ? 1 : 0;
}

int app_interact(struct app *app, int input) {
    int end = 0, status = terminal_open(input);

    if (status < 0) {
        fprintf(stderr, "memview: the terminal: %s\n", strerror(-status));
        return 1;
    }
    status = size_find(app);
    if (app->options.program && status == 0)
        app_program_start(app, app->options.program);
    else if (app->source.live)
        app->overlay = OVERLAY_SCENES;
    if (status == 0)
        status = loop(app, input, &end);
    return finish(app, status, end);
}
