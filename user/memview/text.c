/* SPDX-License-Identifier: MIT */
/* Pictures as plain text, for pipes and terminals without a cursor; see app.h. */
#include "user/memview/app.h"
#include "user/memview/dump.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COLUMNS_DEFAULT 80
#define PHYSICAL_ROWS 32
#define REST_ROWS 80 /* title, legend, totals: never more */

static void title_print(struct app *app) {
    const struct model *model = &app->model;
    char size[12];

    canvas_print(&app->canvas, AT(0, 0), STYLE_PLAIN,
                 "memview: %s of memory, %u processor%s, %zu spaces, at %.6f s%s%s",
                 size_text(size, app->census.memory << 12), model->processors,
                 model->processors == 1 ? "" : "s", app->census.spaces,
                 app_seconds(app, model->time), model->doubt ? ", EVENTS LOST" : "",
                 model->whole ? "" : ", NO WHOLE SNAPSHOT");
    if (model->contradictions)
        canvas_print(&app->canvas, AT(1, 0), STYLE_PLAIN, "%llu CONTRADICTIONS, the first: %s",
                     (unsigned long long)model->contradictions, model->contradiction);
}

static void parts_draw(struct app *app, int columns, int spaces_rows) {
    struct view *view = &app->view;
    struct rectangle where = {2, 0, 8, columns};
    int rows;

    title_print(app);
    where.row += legend_draw(view, where) + 1;
    rows = view->zoom == ZOOM_AUTO
               ? PHYSICAL_ROWS
               : (int)physical_rows(view, physical_columns(columns), view->zoom);
    where.rows = rows;
    physical_draw(view, where);
    rows = (int)physical_rows(view, view->columns, view->zoom_shown);
    where.row += rows;
    canvas_print(&app->canvas, AT(where.row, 0), STYLE_PLAIN, "%12s1 cell: %llu page%s", "",
                 1ull << view->zoom_shown, view->zoom_shown ? "s" : "");
    where.row += 2;
    where.rows = spaces_rows;
    spaces_draw(view, where);
    where.row += spaces_rows + 1;
    totals_draw(view, where);
}

int app_picture(struct app *app, struct text *text) {
    struct view *view = &app->view;
    int columns = app->options.columns ? app->options.columns : COLUMNS_DEFAULT;
    int status = app_look(app), spaces, physical = PHYSICAL_ROWS;

    if (status < 0)
        return status;
    view->line = 0;
    spaces = (int)spaces_draw(view, (struct rectangle){0, 0, 0, columns});
    if (view->zoom != ZOOM_AUTO)
        physical = (int)physical_rows(view, physical_columns(columns), view->zoom);
    status = canvas_make(&app->canvas, REST_ROWS + physical + spaces, columns);
    if (status < 0)
        return status;
    parts_draw(app, columns, spaces);
    canvas_lines(text, &app->canvas);
    return text->failed ? -ENOMEM : 0;
}

static int picture_print(struct app *app, const char *head) {
    struct text text = {0};
    int status = app_picture(app, &text);

    if (status == 0 && head)
        printf("---- %s\n", head);
    if (status == 0)
        fwrite(text.bytes, 1, text.length, stdout);
    fflush(stdout);
    text_free(&text);
    return status;
}

/* Takes records up to `until`, reading as needed. 1: more follow; 0: the end. */
static int play(struct app *app, enum advance how, uint64_t until) {
    int status;

    for (;;) {
        status = app_advance(app, how, until);
        if (status != 0 || app->source.ended)
            return status;
        status = source_read(&app->source);
        if (status < 0)
            return app_fail(app, status, strerror(-status));
    }
}

static uint64_t ticks_at(const struct app *app, double seconds) {
    return app->view.start + (uint64_t)(seconds * (double)app->source.stream.ticks_per_second);
}

/* Up to the end, or the time that was asked for; a picture at each interval on the way. */
static int recording_play(struct app *app) {
    const struct options *options = &app->options;
    double end = options->at >= 0 ? options->at : 1e18, next = options->interval;
    int status = play(app, ADVANCE_RECORD, UINT64_MAX); /* the first one says when it begins */

    while (status == 1 && next > 0 && next < end) {
        status = play(app, ADVANCE_ALL, ticks_at(app, next));
        if (status == 1)
            status = picture_print(app, NULL) < 0 ? -ENOMEM : 1;
        next += options->interval;
    }
    if (status == 1)
        status = play(app, ADVANCE_ALL, end < 1e17 ? ticks_at(app, end) : UINT64_MAX);
    return status;
}

static int complain(const struct app *app, const char *why) {
    fprintf(stderr, "memview: %s\n", why[0] ? why : app->error);
    return 1;
}

static int recording_show(struct app *app) {
    int status = recording_play(app);
    const char *cut = status == 0 ? stream_cut(&app->source.stream) : NULL;

    if (status < 0)
        return complain(app, "");
    if (!app->source.stream.open || (cut && !app->begun)) {
        fprintf(stderr, "memview: %s: %s\n", app->source.name, cut);
        return 1;
    }
    if (cut)
        fprintf(stderr, "memview: %s: %s\n", app->source.name, cut);
    if (app->options.dump)
        status = model_dump(&app->model, stdout);
    else
        status = picture_print(app, NULL);
    return status < 0 ? complain(app, "out of memory") : 0;
}

/* A picture at each mark until the program has ended, which a mark of ours says. */
static int program_show(struct app *app) {
    static const char end[] = "memview: the program has ended";
    int status;

    if (program_start(&app->program, app->options.program, NULL) < 0)
        return complain(app, "the program cannot be started");
    for (;;) {
        if (app->program.pid > 0) {
            program_check(&app->program, false);
            if (app->program.ended)
                trace_mark(end);
        }
        status = app_advance(app, ADVANCE_MARK, UINT64_MAX);
        if (status == 1 && strcmp(app->model.mark, end) == 0)
            return app->program.status;
        if (status == 1)
            status = picture_print(app, app->model.mark);
        if (status < 0)
            break;
        if (status == 0)
            status = source_read(&app->source);
        if (status < 0)
            break;
    }
    program_stop(&app->program);
    return complain(app, app->error);
}

int app_text(struct app *app) {
    return app->options.program ? program_show(app) : recording_show(app);
}
