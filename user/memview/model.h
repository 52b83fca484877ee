/* SPDX-License-Identifier: MIT */
/*
 * The state of memory at one moment of a stream, rebuilt from its records.
 *
 * A record that cannot be one of its kind (too short, a slot of 600) ends the stream: -EINVAL. One
 * that contradicts what was told before (an entry of a table that is not there) is counted and
 * shown, and nothing else: a viewer of a kernel with an error must go on.
 */
#ifndef USER_MEMVIEW_MODEL_H
#define USER_MEMVIEW_MODEL_H

#include "trace/records.h"
#include "user/memview/frame.h"
#include "user/memview/owner.h"
#include "user/memview/space.h"
#include "user/memview/stream.h"
#include "user/memview/table.h"

#define PROCESS_NAME_BYTES 32
#define MARK_BYTES 128

struct process {
    uint32_t pid, parent, root;
    bool ended; /* and was not reaped yet; by `status` */
    uint32_t status;
    char name[PROCESS_NAME_BYTES];
};

/* What has happened so far; what a snapshot tells is not counted. */
struct totals {
    uint64_t events;
    uint64_t faults[TRACE_FAULT_CASE_COUNT]; /* those that were repaired, by how */
    uint64_t refused;                        /* the others */
    uint64_t allocs, frees, copies;          /* frames */
    uint64_t tables_made, tables_freed, tables_copied;
    uint64_t flush_pages, flush_spaces, interrupts;
    uint64_t forks, execs, exits, switches, signals;
    uint64_t maps, unmaps;
    uint64_t lost, snapshots;
};

/* The last fault that was told. */
struct last_fault {
    bool any;
    uint32_t tid, root, pfn;
    uint64_t va, ticks;
    uint32_t access;
    uint8_t fault_case;
    int32_t result;
};

struct model {
    struct frames frames;
    struct tables tables;
    struct owners owners;
    struct spaces spaces;
    struct map processes; /* by pid: struct process */
    struct map threads;   /* by tid: the pid, as a pointer's value */
    struct totals totals;
    struct last_fault fault;
    uint64_t time; /* ticks, of the last record */
    uint32_t processors;
    bool in_snapshot, whole; /* a snapshot is being told; one was told to its end */
    bool doubt;              /* events were lost since the last snapshot */
    uint64_t snapshot_records;
    uint64_t contradictions;
    char contradiction[96]; /* the first one */
    char mark[MARK_BYTES];  /* the last one */
    char error[96];         /* why model_apply() was negative */
};

/* What the record says. 0; -EINVAL (no such record), -ENOMEM: `error` has a sentence. */
int model_apply(struct model *model, const struct record *record);
void model_clear(struct model *model);

#endif
