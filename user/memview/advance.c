/* SPDX-License-Identifier: MIT */
/* From the source to the model; see app.h. */
#include "user/memview/app.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int app_fail(struct app *app, int status, const char *why) {
    snprintf(app->error, sizeof app->error, "%s: %s", app->source.name, why);
    return status;
}

double app_seconds(const struct app *app, uint64_t time) {
    return (double)(time - app->view.start) / (double)app->source.stream.ticks_per_second;
}

int app_look(struct app *app) {
    int status = census_take(&app->model, &app->census);

    rates_sample(&app->rates, &app->model, app->source.stream.ticks_per_second);
    return status;
}

/* Once a second of the stream: what is nobody's for that long is leaked. */
static int age(struct app *app, uint64_t time) {
    int status;

    if (app->model.in_snapshot || !app->model.whole || time < app->aged ||
        time - app->aged < app->source.stream.ticks_per_second)
        return 0;
    app->aged = time;
    status = app_look(app);
    frames_age(&app->model.frames);
    return status;
}

static bool is_step(unsigned event) {
    switch (event) {
    case TRACE_EVENT_FAULT:
    case TRACE_EVENT_FORK:
    case TRACE_EVENT_EXEC:
    case TRACE_EVENT_EXIT:
    case TRACE_EVENT_MAP:
    case TRACE_EVENT_UNMAP:
    case TRACE_EVENT_PROTECT:
    case TRACE_EVENT_MARK:
        return true;
    default:
        return false;
    }
}

static bool stops_after(enum advance how, unsigned event) {
    switch (how) {
    case ADVANCE_STEP:
        return is_step(event);
    case ADVANCE_RECORD:
        return true;
    case ADVANCE_MARK:
        return event == TRACE_EVENT_MARK;
    default:
        return false;
    }
}

static void last_describe(struct app *app, const struct record *record) {
    const struct last_fault *fault = &app->model.fault;
    const char *name = trace_event_name(record->event);

    if (record->event == TRACE_EVENT_MARK)
        snprintf(app->last, sizeof app->last, "mark: %.100s", app->model.mark);
    else if (record->event == TRACE_EVENT_FAULT)
        snprintf(app->last, sizeof app->last, "fault: thread %u at %llx, %s -> %s, frame %x",
                 fault->tid, (unsigned long long)fault->va,
                 fault->access & TRACE_ACCESS_WRITE  ? "write"
                 : fault->access & TRACE_ACCESS_EXEC ? "execute"
                                                     : "read",
                 fault->result ? "refused" : trace_fault_case_name(fault->fault_case), fault->pfn);
    else
        snprintf(app->last, sizeof app->last, "%s: thread %u, processor %u", name ? name : "?",
                 record->tid, record->cpu);
}

/* One record. 1: stop after it. */
static int record_take(struct app *app, const struct record *record, enum advance how) {
    bool told = app->model.in_snapshot;
    int status;

    if (!app->begun)
        app->view.start = app->aged = record->time;
    app->begun = true;
    status = age(app, record->time);
    if (status == 0)
        status = model_apply(&app->model, record);
    if (status < 0)
        return app_fail(app, status, app->model.error[0] ? app->model.error : strerror(-status));
    if (how != ADVANCE_ALL && !told)
        last_describe(app, record);
    app->dirty = true;
    stream_take(&app->source.stream, record);
    return !app->model.in_snapshot && !told && stops_after(how, record->event);
}

int app_advance(struct app *app, enum advance how, uint64_t until) {
    struct stream *stream = &app->source.stream;
    struct record record;
    int status;

    if (app->error[0])
        return -EINVAL;
    while ((status = stream_next(stream, &record)) == 1) {
        if (record.time > until && app->model.whole && !app->model.in_snapshot)
            return 1;
        status = record_take(app, &record, how);
        if (status != 0)
            return status;
    }
    return status < 0 ? app_fail(app, status, stream->error) : 0;
}

bool app_rewind(struct app *app) {
    if (!source_rewind(&app->source))
        return false;
    model_clear(&app->model);
    app->rates = (struct rates){0};
    app->begun = false;
    app->error[0] = app->last[0] = '\0';
    app->play_to = 0;
    app->dirty = true;
    return true;
}
