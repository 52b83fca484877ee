/* SPDX-License-Identifier: MIT */
/* The picture on a terminal; see app.h. */
#include "user/memview/app.h"
#include "user/memview/output.h"

#include <stdio.h>
#include <string.h>

#define LEGEND_ROWS_MAX 3

static const char *const view_names[VIEW_COUNT] = {"overview", "physical memory", "spaces",
                                                   "totals", "output"};

static const char *const help[] = {
    "1 overview   2 physical memory   3 spaces   4 totals   5 output of the program",
    "Tab  the next of them            m  scenes            r  again, from the beginning",
    "",
    "Space  pause, go on     s  one step (fault, fork, map ...)     n  one record",
    "< >    slower, faster (a recording)     $  to its end",
    "",
    "+ -    zoom in, out     0  so that all fits     (in `spaces`: their pages)",
    "arrows PgUp PgDn Home End   move     [ ]  the process before, after",
    "/      look for a process (12) or an address (0x7f12000; physical in 1 and 2)",
    "i      type to the program, Ctrl-C too      Ctrl-O  back to these keys",
    "?      this help     Esc  away with it     q  quit",
    "",
    "One cell is one page, or 2, 4, 8 ...: then it shows what most of them are, `+` if",
    "that is less than half, `!` if one of them is an error. In spaces: `:` a page that",
    "no entry leads to yet, `.` no page yet, `#` no rights.",
    "L leaked: in use for some seconds, and nobody has it. X: free, and an entry leads to it.",
};

static void title_draw(struct app *app) {
    const struct model *model = &app->model;
    struct canvas *canvas = &app->canvas;
    char size[12], state[48] = "live";
    int column;

    if (app->paused)
        snprintf(state, sizeof state, "paused");
    else if (!app->source.live)
        snprintf(state, sizeof state, "recording, %gx%s", app->speed,
                 app->source.ended && stream_waiting(&app->source.stream) == 0 ? ", its end" : "");
    if (app->error[0])
        snprintf(state, sizeof state, "stopped");
    canvas_fill(canvas, 0, 0, canvas->columns, (struct cell){' ', STYLE_TITLE});
    column =
        canvas_print(canvas, AT(0, 1), STYLE_TITLE, "memview | %s | %s | %s, %u cpu | %.3f s",
                     view_names[app->view.kind], state, size_text(size, app->census.memory << 12),
                     model->processors, app->begun ? app_seconds(app, model->time) : 0.0);
    if (model->doubt)
        column = canvas_print(canvas, AT(0, column + 1), STYLE_ERROR, " events lost ");
    if (model->contradictions)
        canvas_print(canvas, AT(0, column + 1), STYLE_ERROR, " %llu contradictions ",
                     (unsigned long long)model->contradictions);
}

/* What the program wrote; when it is typed to, with the cursor, else without empty lines below. */
static void program_draw(struct app *app, struct rectangle where) {
    struct text written = {.bytes = app->program.held, .length = app->program.length};

    while (!app->typing && written.length > 0 && strchr("\r\n", written.bytes[written.length - 1]))
        written.length--;
    output_draw(&app->canvas, where, written, app->typing);
}

static void overview_draw(struct app *app, struct rectangle where) {
    struct view *view = &app->view;
    struct rectangle part = where;
    uint64_t needed;

    part.rows = where.rows / 2;
    physical_draw(view, part);
    needed = physical_rows(view, view->columns, view->zoom_shown);
    if (needed < (uint64_t)part.rows)
        part.rows = (int)needed;
    where.row += part.rows;
    where.rows -= part.rows;
    canvas_fill(&app->canvas, where.row, 0, where.columns, (struct cell){GLYPH_LINE, STYLE_DIM});
    where.row++;
    where.rows--;
    spaces_draw(view, where);
}

static void body_draw(struct app *app, struct rectangle where) {
    switch (app->view.kind) {
    case VIEW_PHYSICAL:
        physical_draw(&app->view, where);
        break;
    case VIEW_SPACES:
        spaces_draw(&app->view, where);
        break;
    case VIEW_TOTALS:
        totals_draw(&app->view, where);
        break;
    case VIEW_OUTPUT:
        if (app->program.argv)
            program_draw(app, where);
        else
            canvas_print(&app->canvas, AT(where.row, where.column), STYLE_DIM,
                         "no program was started");
        break;
    default:
        overview_draw(app, where);
    }
}

static void help_draw(struct app *app, struct rectangle where) {
    for (size_t i = 0; i < sizeof help / sizeof help[0] && (int)i < where.rows; i++)
        canvas_print(&app->canvas, AT(where.row + (int)i, where.column + 1), STYLE_PLAIN, "%s",
                     help[i]);
}

static void scenes_draw(struct app *app, struct rectangle where) {
    const struct scene *scene;
    int row = where.row;

    canvas_print(&app->canvas, AT(row++, where.column + 1), STYLE_BOLD,
                 app->source.live ? "Scenes: press the number of one"
                                  : "Scenes: these run where the kernel is, not in a recording");
    for (size_t i = 0; (scene = scene_at(i)); i++)
        canvas_print(&app->canvas, AT(row++, where.column + 1), STYLE_PLAIN, "%zu  %-12s %s", i + 1,
                     scene->argv[0], scene->shows);
}

/* Lines of what there is to say above the keys: of the program a few, while one types to it. */
static int info_rows(const struct app *app) {
    if (!app->typing || app->view.kind == VIEW_OUTPUT)
        return 1;
    return app->canvas.rows / 4 > 0 ? app->canvas.rows / 4 : 1;
}

static void info_draw(struct app *app, struct rectangle where) {
    char text[256] = "";
    int row = where.row;

    if (app->error[0]) {
        canvas_print(&app->canvas, AT(row, 0), STYLE_ERROR, "%s", app->error);
        return;
    }
    if (app->typing) {
        if (app->view.kind != VIEW_OUTPUT)
            program_draw(app, where);
        return;
    }
    if (app->paused && app->last[0])
        snprintf(text, sizeof text, "%s", app->last);
    else if (app->view.cursor_on)
        physical_describe(&app->view, text, sizeof text);
    else if (app->model.contradictions)
        snprintf(text, sizeof text, "contradiction: %s", app->model.contradiction);
    else
        program_draw(app, where);
    canvas_print(&app->canvas, AT(row, 0), STYLE_PLAIN, "%s", text);
}

static void keys_draw(struct app *app, int row) {
    const struct program *program = &app->program;

    if (app->searching)
        canvas_print(&app->canvas, AT(row, 0), STYLE_BOLD, "process or address: %s_", app->search);
    else if (app->typing)
        canvas_print(&app->canvas, AT(row, 0), STYLE_BOLD,
                     "keys go to %s, Ctrl-C too: Ctrl-O comes back", program->argv[0]);
    else if (program->ended)
        canvas_print(&app->canvas, AT(row, 0), STYLE_BOLD,
                     "%s ended with status %d: r again, m scenes, q quit", program->argv[0],
                     program->status);
    else
        canvas_print(&app->canvas, AT(row, 0), STYLE_DIM,
                     "1-5 views  Space pause  s step  +/- zoom  %s  r again  ? help  q quit",
                     program->pid > 0 ? "i type to it" : "m scenes");
}

struct winsize app_pane(const struct app *app) {
    int rows = app->canvas.rows - 1 - LEGEND_ROWS_MAX - 2;

    return (struct winsize){.ws_row = (unsigned short)(rows < 1 ? 1 : rows),
                            .ws_col = (unsigned short)app->canvas.columns};
}

void app_draw(struct app *app) {
    struct canvas *canvas = &app->canvas;
    struct rectangle where = {1, 0, LEGEND_ROWS_MAX, canvas->columns};
    struct rectangle info = {canvas->rows - 1 - info_rows(app), 0, info_rows(app), canvas->columns};

    canvas_clear(canvas);
    title_draw(app);
    where.row += legend_draw(&app->view, where);
    where.rows = info.row - where.row;
    if (where.rows > 0 && app->overlay == OVERLAY_HELP)
        help_draw(app, where);
    else if (where.rows > 0 && app->overlay == OVERLAY_SCENES)
        scenes_draw(app, where);
    else if (where.rows > 0 && !app->model.whole && !app->error[0])
        canvas_print(canvas, AT(where.row + 1, 1), STYLE_PLAIN, "waiting for a snapshot ...");
    else if (where.rows > 0)
        body_draw(app, where);
    for (int row = info.row; row < canvas->rows; row++)
        canvas_fill(canvas, row, 0, canvas->columns, (struct cell){' ', STYLE_PLAIN});
    info_draw(app, info);
    keys_draw(app, canvas->rows - 1);
}
