/* SPDX-License-Identifier: MIT */
/* Snapshots of the trace; see trace_state.h. */
#include "core/trace_state.h"

#include "core/assert.h"
#include "core/cpu.h"

#define TELLERS_MAX 8

static void (*tellers[TELLERS_MAX])(uint64_t *seen); /* constant after start */
static unsigned teller_count;

uint64_t trace_frame_count;

void trace_teller_add(void (*tell)(uint64_t *seen)) {
    ASSERT(teller_count < TELLERS_MAX);
    tellers[teller_count++] = tell;
}

void trace_state_tell(struct trace_sink *sink, uint64_t *seen, enum trace_snapshot_reason reason) {
    sink->records = 0;
    trace_sink_set(sink);
    trace_put_snapshot_begin(trace_frame_count, cpu_count(), (uint8_t)reason);
    for (unsigned i = 0; i < teller_count; i++)
        tellers[i](seen);
    trace_put_snapshot_end(sink->records - 1);
    trace_sink_set(NULL);
}
