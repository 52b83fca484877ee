/* SPDX-License-Identifier: MIT */
/* The list of scenes; see scene.h. */
#include "user/memview/scene.h"

static struct scene scenes[] = {
    {{"p-allocator"}, "four processes allocate until their memory is out"},
    {{"p-fork"}, "the same after two forks: what the parent had is shared"},
    {{"p-forkexit"}, "children allocate, fork and exit: every page comes back"},
    {{"p-trees"}, "a fork of a GiB: its page tables are shared, no page is copied"},
    {{"p-gib"}, "the same in large pages"},
    {{"p-cow"}, "copy on write, one page after the other"},
    {{"p-file"}, "a file that two processes map: one page for both"},
    {{"p-stack"}, "a stack that grows by faults, down to its limit"},
    {{"p-guard"}, "guard pages: who touches one is ended"},
};

struct scene *scene_at(size_t i) {
    return i < sizeof scenes / sizeof scenes[0] ? &scenes[i] : NULL;
}
