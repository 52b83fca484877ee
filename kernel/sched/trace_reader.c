/* SPDX-License-Identifier: MIT */
/*
 * The reader of the trace; see trace_reader.h.
 *
 * Locks: the session's mutex; a hint may be had without. The rings have a protocol of their own
 * (core/trace_ring.h).
 */
#include "sched/trace_reader.h"

#include "abi/errno.h"
#include "core/clock.h"
#include "core/cpu_info.h"
#include "core/trace_ring.h"
#include "lib/bits.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "mm/slab.h"
#include "sched/mutex.h"
#include "sched/stop_machine.h"
#include "sched/timer.h"
#include "sched/trace_pages_private.h"

/*
 * What there is may be read when it is this much, and else after a tick: a reader is in the trace
 * itself, and would go on for ever with what its own last step has brought.
 */
#define ENOUGH_BYTES 8192u
#define TICK_NS 5000000ull

#define MAGIC "QTRACE1\n"
#define HEADER_TEXT_MAX 512u

uint64_t trace_ring_kib = 1024;
uint64_t trace_groups = (1u << TRACE_GROUPS) - 1;

struct wait_queue trace_waiters;

static struct {
    struct mutex lock;
    bool taken;                   /* [lock] there is a reader */
    struct frame *rings[CPU_MAX]; /* [lock] */
    unsigned order;               /* [lock] of each */
    struct trace_pages *snapshot; /* [lock] to be read yet, or NULL */
    struct timer tick;
    _Atomic bool is_due; /* a tick found something, which has not been read yet */
} session;

static const uint8_t event_groups[TRACE_EVENTS_MAX] = TRACE_EVENT_GROUPS;

static const char schema_text[] =
#include "trace/schema_text.h"
    ;

static uint32_t tid_of_current(void) {
    return (uint32_t)thread_current()->tid;
}

/* Wakes whoever waits, if there is something, and comes again. */
static void tick(void *unused) {
    (void)unused;
    if (trace_rings_have(UINT64_MAX)) {
        atomic_store(&session.is_due, true);
        wait_queue_wake_all(&trace_waiters);
    }
    timer_start(&session.tick, clock_monotonic_ns() + TICK_NS);
}

void trace_reader_init(void) {
    mutex_init(&session.lock, "trace", LOCK_RANK_TRACE);
    wait_queue_init(&trace_waiters);
    timer_init(&session.tick, tick, NULL);
    trace_tid = tid_of_current;
}

/* ---- start and stop ---- */

static void rings_free(void) {
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        trace_ring_set(cpu, NULL, 0);
        if (session.rings[cpu])
            frame_free_order(session.rings[cpu], session.order);
        session.rings[cpu] = NULL;
    }
}

/* 0, or -ENOMEM with nothing taken. */
static int rings_make(void) {
    uint64_t kib = __atomic_load_n(&trace_ring_kib, __ATOMIC_RELAXED);

    session.order = ilog2(kib * 1024 / PAGE_SIZE);
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        struct frame *ring = frame_alloc_order(FRAME_KERNEL, session.order);

        if (!ring) {
            rings_free();
            return -ENOMEM;
        }
        session.rings[cpu] = ring;
        trace_ring_set(cpu, frame_to_virt(ring), PAGE_SIZE << session.order);
    }
    return 0;
}

/* With all others standing still: switches the events of the groups on. Those of the stream itself
 * have no tracepoints but `mark`. */
static void switch_on(void) {
    uint64_t groups = __atomic_load_n(&trace_groups, __ATOMIC_RELAXED);
    uint64_t on[TRACE_EVENTS_MAX / 64] = {0};

    for (unsigned event = 0; event < TRACE_EVENTS_MAX; event++) {
        if (event_groups[event] && (groups >> (event_groups[event] - 1) & 1))
            on[event / 64] |= 1ull << event % 64;
    }
    trace_points_switch(on);
}

static void switch_off(void) {
    const uint64_t none[TRACE_EVENTS_MAX / 64] = {0};

    stop_machine_begin();
    trace_points_switch(none);
    stop_machine_end();
}

static int start_locked(void) {
    int error;

    if (session.taken)
        return -EBUSY;
    error = rings_make();
    if (error)
        return error;
    error = trace_pages_take_and(TRACE_SNAPSHOT_REASON_START, &session.snapshot, switch_on);
    if (error) {
        rings_free();
        return error;
    }
    session.taken = true;
    timer_start(&session.tick, clock_monotonic_ns() + TICK_NS);
    return 0;
}

int trace_start(void) {
    int error;

    mutex_lock(&session.lock);
    error = start_locked();
    mutex_unlock(&session.lock);
    return error;
}

void trace_stop(void) {
    mutex_lock(&session.lock);
    timer_cancel(&session.tick);
    switch_off();
    if (session.snapshot)
        trace_pages_free(session.snapshot);
    session.snapshot = NULL;
    rings_free();
    session.taken = false;
    mutex_unlock(&session.lock);
}

int trace_snapshot(enum trace_snapshot_reason reason) {
    int error = -ESRCH;

    mutex_lock(&session.lock);
    if (session.snapshot)
        error = -EBUSY;
    else if (session.taken)
        error = trace_pages_take_and(reason, &session.snapshot, NULL);
    mutex_unlock(&session.lock);
    return error;
}

/* ---- reading ---- */

/* What has happened before the snapshot, then the snapshot. 0: it is over. */
static size_t read_snapshot(void *buffer, size_t bytes) {
    size_t got = trace_rings_read(buffer, bytes, trace_pages_begin(session.snapshot));

    if (got > 0)
        return got;
    got = trace_pages_read(session.snapshot, buffer, align_down(bytes, 8));
    if (trace_pages_left(session.snapshot) == 0) {
        trace_pages_free(session.snapshot);
        session.snapshot = NULL;
    }
    return got;
}

/* Whether what is in the rings is to be read now. */
static bool rings_are_due(void) {
    size_t bytes, room;

    if (atomic_load(&session.is_due))
        return true;
    trace_rings_fill(&bytes, &room);
    return bytes >= ENOUGH_BYTES;
}

size_t trace_read(void *buffer, size_t bytes) {
    size_t got;

    mutex_lock(&session.lock);
    got = session.snapshot ? read_snapshot(buffer, bytes) : 0;
    if (got == 0 && rings_are_due()) {
        got = trace_rings_read(buffer, bytes, UINT64_MAX);
        if (got + TRACE_READ_MIN <= bytes)
            atomic_store(&session.is_due, false); /* that was all */
    }
    mutex_unlock(&session.lock);
    return got;
}

bool trace_has_some(void) {
    return __atomic_load_n(&session.snapshot, __ATOMIC_RELAXED) || rings_are_due();
}

int trace_wait(uint64_t deadline_ns) {
    return WAIT_EVENT_TIMEOUT(&trace_waiters, trace_has_some(), deadline_ns);
}

void trace_reader_hurry(void) {
    cpu_work_clear(CPU_WORK_TRACE);
    wait_queue_wake_all(&trace_waiters);
    sched_yield();
}

/* ---- the header ---- */

/* A string of JSON without quotes; what would need escaping beyond that is left out. */
static void json_string(char *to, size_t size, const char *text) {
    size_t n = 0;

    for (; *text && n + 3 < size; text++) {
        if ((unsigned char)*text < ' ')
            continue;
        if (*text == '"' || *text == '\\')
            to[n++] = '\\';
        to[n++] = *text;
    }
    to[n] = 0;
}

/* All but the schema. Its length. */
static size_t header_text(char *text, size_t size, const char *command) {
    char quoted[HEADER_TEXT_MAX / 2];
    struct cpu_info info;

    cpu_info_get(&info);
    json_string(quoted, sizeof(quoted), command);
    return (size_t)format(text, size,
                          "{\"ticks_per_second\": %lu, \"page_bytes\": %lu, \"memory_bytes\": %lu, "
                          "\"kernel\": \"Quire\", \"command\": \"%s\", \"schema\": ",
                          info.clock_hz, PAGE_SIZE, frame_table_count * PAGE_SIZE, quoted);
}

char *trace_stream_header(const char *command, size_t *size) {
    const size_t schema = sizeof(schema_text) - 1;
    char text[HEADER_TEXT_MAX];
    size_t before = header_text(text, sizeof(text), command);
    uint32_t length =
        (uint32_t)(align_up(strlen(MAGIC) + 4 + before + schema + 1, 8) - strlen(MAGIC) - 4);
    char *header = kmalloc(strlen(MAGIC) + 4 + length);

    if (!header)
        return NULL;
    *size = strlen(MAGIC) + 4 + length;
    memset(header, ' ', *size);
    memcpy(header, MAGIC, strlen(MAGIC));
    memcpy(header + strlen(MAGIC), &length, sizeof(length));
    memcpy(header + strlen(MAGIC) + 4, text, before);
    memcpy(header + strlen(MAGIC) + 4 + before, schema_text, schema);
    header[strlen(MAGIC) + 4 + before + schema] = '}';
    return header;
}
