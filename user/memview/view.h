/* SPDX-License-Identifier: MIT */
/*
 * What is looked at and how: the settings that keys change, and the pictures made of the model with
 * them. Drawing changes nothing but the canvas, and where a position is outside of what there is,
 * the position.
 */
#ifndef USER_MEMVIEW_VIEW_H
#define USER_MEMVIEW_VIEW_H

#include "user/memview/canvas.h"
#include "user/memview/census.h"
#include "user/memview/rates.h"

enum view_kind { VIEW_OVERVIEW, VIEW_PHYSICAL, VIEW_SPACES, VIEW_TOTALS, VIEW_OUTPUT, VIEW_COUNT };

#define ZOOM_AUTO (-1)
#define ZOOM_MAX 20

struct view {
    const struct model *model;
    const struct census *census;
    const struct rates *rates;
    struct canvas *canvas;
    uint64_t ticks_per_second, start; /* of the stream; its first record's time */

    enum view_kind kind;
    int zoom;        /* of physical memory: 2^zoom pages a cell, or ZOOM_AUTO */
    int zoom_shown;  /* what was drawn */
    uint64_t cursor; /* a frame: the cell with it is where the cursor is */
    uint64_t top;    /* the frame that the map begins with */
    bool cursor_on;
    int columns; /* cells of a row of the map, as drawn: what up and down move by */

    uint32_t pid;   /* the process whose space is shown first; 0: the first one */
    int space_zoom; /* of spaces: 2^zoom pages a cell, or ZOOM_AUTO: an area fits a line */
    size_t line;    /* the line of the spaces that is shown first */
};

/* Physical memory as a map. physical_rows() is how many rows it has at a zoom, without those where
 * no memory is; physical_zoom() the finest zoom that takes at most `rows`. */
void physical_draw(struct view *view, struct rectangle where);
uint64_t physical_rows(const struct view *view, int columns, int zoom);
int physical_zoom(const struct view *view, int columns, int rows);
int physical_columns(int width);

/* One line on the cell at the cursor: what it is, who has it, where it is mapped. */
void physical_describe(const struct view *view, char *text, size_t size);

/* Address spaces: a line for each process, one or more for each area. Returns how many lines there
 * are, all of them, shown or not. */
size_t spaces_draw(struct view *view, struct rectangle where);

/* What each letter stands for, with how many frames there are of it, in at most where.rows lines;
 * returns the lines. */
int legend_draw(struct view *view, struct rectangle where);

/* Frames by use; events, a second and in all. Returns the lines. */
int totals_draw(struct view *view, struct rectangle where);

/* A page of memory that a cell of a map stands for. */
enum style class_style(enum frame_class class, uint32_t pid);

/* Bytes as people say them: 4K, 1.5M; into text. Returns text. */
char *size_text(char text[12], uint64_t bytes);

#endif
