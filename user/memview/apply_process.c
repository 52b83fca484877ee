/* SPDX-License-Identifier: MIT */
/* Records about the stream itself, processes, threads and faults; see apply.h. */
#include "user/memview/apply.h"

#include <errno.h>
#include <stdlib.h>

int apply_lost(struct model *model, const struct record *record) {
    struct trace_record_lost event;

    FIELDS(event, record);
    model->totals.lost += event.count;
    model->doubt = true;
    return 0;
}

int apply_mark(struct model *model, const struct record *record) {
    TEXT(model->mark, record, struct trace_record_mark, text);
    return 0;
}

/* ---- processes ---- */

static struct process *process_get(struct model *model, uint32_t pid) {
    struct process *process = map_get(&model->processes, pid);

    if (!process)
        contradicts(model, "there is no process %u", pid);
    return process;
}

int apply_process(struct model *model, const struct record *record) {
    struct trace_record_process event;
    struct process *process;

    FIELDS(event, record);
    process = map_get(&model->processes, event.pid);
    if (!process) {
        process = calloc(1, sizeof *process);
        if (!process || map_put(&model->processes, event.pid, process) < 0) {
            free(process);
            return -ENOMEM;
        }
    }
    *process = (struct process){.pid = event.pid, .parent = event.parent, .root = event.root};
    TEXT(process->name, record, event, name);
    return 0;
}

int apply_process_name(struct model *model, const struct record *record) {
    struct trace_record_process_name event;
    struct process *process;

    FIELDS(event, record);
    process = process_get(model, event.pid);
    if (process)
        TEXT(process->name, record, event, name);
    return 0;
}

/* The last part of a path. */
static void name_shorten(char *name) {
    char *slash = strrchr(name, '/');

    if (slash && slash[1])
        memmove(name, slash + 1, strlen(slash + 1) + 1);
}

int apply_exec(struct model *model, const struct record *record) {
    struct trace_record_exec event;
    struct process *process;
    char path[512];

    FIELDS(event, record);
    process = process_get(model, event.pid);
    model->totals.execs++;
    if (!process)
        return 0;
    TEXT(path, record, event, name);
    name_shorten(path);
    text_copy(process->name, sizeof process->name, path, sizeof path);
    process->root = event.root;
    /* It was said to have, by a kernel that took having no space for that. */
    process->ended = false;
    return 0;
}

int apply_exit(struct model *model, const struct record *record) {
    struct trace_record_exit event;
    struct process *process;

    FIELDS(event, record);
    process = process_get(model, event.pid);
    model->totals.exits++;
    if (!process)
        return 0;
    process->root = 0;
    process->ended = true;
    process->status = event.status;
    return 0;
}

int apply_reaped(struct model *model, const struct record *record) {
    struct trace_record_reaped event;

    FIELDS(event, record);
    if (process_get(model, event.pid))
        free(map_take(&model->processes, event.pid));
    return 0;
}

/* ---- threads ---- */

int apply_thread(struct model *model, const struct record *record) {
    struct trace_record_thread event;

    FIELDS(event, record);
    return map_put(&model->threads, event.tid, (void *)((uintptr_t)event.pid + 1));
}

int apply_thread_exit(struct model *model, const struct record *record) {
    struct trace_record_thread_exit event;

    FIELDS(event, record);
    if (!map_take(&model->threads, event.tid))
        contradicts(model, "there is no thread %u", event.tid);
    return 0;
}

int apply_switch(struct model *model, const struct record *record) {
    (void)record;
    model->totals.switches++;
    return 0;
}

/* ---- faults ---- */

int apply_signal_fault(struct model *model, const struct record *record) {
    (void)record;
    model->totals.signals++;
    return 0;
}

int apply_fault(struct model *model, const struct record *record) {
    struct trace_record_fault event;

    FIELDS(event, record);
    if (event.result == 0 && event.case_ < TRACE_FAULT_CASE_COUNT)
        model->totals.faults[event.case_]++;
    else
        model->totals.refused++;
    model->fault = (struct last_fault){.any = true,
                                       .tid = record->tid,
                                       .root = event.root,
                                       .pfn = event.pfn,
                                       .va = event.va,
                                       .ticks = event.ticks,
                                       .access = event.access,
                                       .fault_case = event.case_,
                                       .result = event.result};
    return 0;
}
