/* SPDX-License-Identifier: MIT */
/*
 * The scenes: programs of user/scenes, each with something to see.
 */
#ifndef USER_MEMVIEW_SCENE_H
#define USER_MEMVIEW_SCENE_H

#include <stddef.h>

struct scene {
    char *argv[3];
    const char *shows; /* in one line */
};

/* Scene number i, or NULL behind the last one. */
struct scene *scene_at(size_t i);

#endif
