/* SPDX-License-Identifier: MIT */
/* See trace.h. */
#include "threads/trace.h"

#include <pthread.h>
#include <stdatomic.h>

#include "core/assert.h"
#include "core/cpu.h"
#include "core/trace_ring.h"

#define RING_BYTES 4096u
#define READ_BYTES 2048u

static uint64_t memory[CPU_MAX][RING_BYTES / 8];
static _Atomic unsigned tellers;
static unsigned events;

/* Others get ahead of a record that has its stamp and is not to be seen yet. */
static uint32_t let_others_run(void) {
    static _Atomic unsigned times;

    if (atomic_fetch_add(&times, 1) % 8 == 0)
        cpu_relax();
    return 0;
}

/* Tells a row of numbers, one after the other. */
static void *tell(void *arg) {
    thread_cpu = arg;
    for (unsigned i = 0; i < events; i++) {
        trace_put_copy(i, 0);
        if (i % 64 == 0)
            cpu_relax();
    }
    atomic_fetch_sub(&tellers, 1);
    return NULL;
}

/* What has been read so far. */
static struct {
    uint64_t time;
    uint64_t next[CPU_MAX]; /* number that a processor tells next */
    uint64_t lost;
} seen;

static void look_at(const uint64_t *record) {
    unsigned cpu = record[0] >> 24 & 0xff;

    ASSERT(record[1] > seen.time);
    seen.time = record[1];
    if ((record[0] & 0xffff) == TRACE_EVENT_LOST) {
        seen.next[cpu] += record[2];
        seen.lost += record[2];
    } else {
        ASSERT((uint32_t)record[2] == seen.next[cpu]);
        seen.next[cpu]++;
    }
}

static size_t read_some(void) {
    static uint64_t buffer[READ_BYTES / 8];
    size_t got = trace_rings_read(buffer, sizeof(buffer), UINT64_MAX);

    for (size_t at = 0; at < got / 8; at += buffer[at] >> 16 & 0xff)
        look_at(&buffer[at]);
    return got;
}

void threads_trace(struct cpu *cpus, unsigned count, unsigned each) {
    pthread_t threads[CPU_MAX];
    uint64_t sum = 0;

    trace_tid = let_others_run;
    events = each;
    tellers = count;
    for (unsigned i = 0; i < count; i++)
        trace_ring_set(i, memory[i], RING_BYTES);
    for (unsigned i = 0; i < count; i++)
        ASSERT(pthread_create(&threads[i], NULL, tell, &cpus[i]) == 0);
    while (read_some() > 0 || atomic_load(&tellers) > 0)
        cpu_relax();
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    while (read_some() > 0)
        ;
    for (unsigned i = 0; i < count; i++)
        sum += seen.next[i];
    /* What was lost at the very end has nothing behind it that could tell. */
    ASSERT(sum + (trace_rings_lost() - seen.lost) == (uint64_t)count * each);
}
