/* SPDX-License-Identifier: MIT */
/*
 * Between the files of the world: see world.h.
 */
#ifndef SUPPORT_WORLD_PRIVATE_H
#define SUPPORT_WORLD_PRIVATE_H

#include <string.h>

#include "support/naive.h"
#include "support/random.h"
#include "support/world.h"
#include "vm/object.h"
#include "vm/space.h"

#define WORLD_PROCESSES 5u

struct process {
    struct vm_space *space; /* NULL: does not live */
    struct naive_space naive;
};

extern struct process processes[WORLD_PROCESSES];

/* Calls `call` with allocations failing as the options say, until it is let through; the result
 * then. Each failing try has to end in -ENOMEM and leave the world as it was. */
int world_attempt(int (*call)(void *arg), void *arg);

/* Whether allocations may fail in this world. */
bool world_may_fail(void);

/* Invariants of all spaces, and every frame accounted for. */
void world_check(void);

void world_compare(struct process *process);
struct naive_range world_range(uint32_t where, uint32_t length);

/* The page itself, or the next one further up that is mapped, if there is any. */
unsigned world_mapped_page(const struct process *process, unsigned page);

/* world_calls.c */
void world_remap(struct process *process, const struct operation *op);
void world_advise(struct process *process, const struct operation *op);
void world_lock(struct process *process, const struct operation *op);
void world_populate(struct process *process, const struct operation *op);
void world_resident(struct process *process, const struct operation *op);

/* world_exchange.c: `process` calls, `peer` is the other one; they may be the same. */
void world_exchange(struct process *process, struct process *peer, const struct operation *op);

/* world_touch.c */

/* What an access is to be answered with; a stack that it makes grow has grown in the model. */
int world_expected(struct process *process, unsigned page, unsigned access);

/* Tells the model of the others if a page that was written to came with all of a huge page. */
void world_look_for_huge_page(struct process *process, unsigned page);

/* Calls `call` for a page that it may make private before it fails for want of memory: then the
 * model is told. */
int world_touch_page(struct process *process, unsigned page, int (*call)(void *arg), void *arg);

void world_touch(struct process *process, const struct operation *op);
void world_transfer(struct process *process, const struct operation *op);

/* world_object.c */
void world_objects_create(void);
void world_objects_destroy(void);
struct vm_object *world_object(unsigned number);

/* An object that can be mapped with the backing: private mappings are of files. */
uint8_t world_object_for(uint32_t number, unsigned backing);
void world_do_object(const struct operation *op);

#endif
