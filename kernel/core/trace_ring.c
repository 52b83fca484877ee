/* SPDX-License-Identifier: MIT */
/* Rings of the trace; see trace_ring.h. */
#include "core/trace_ring.h"

#include "core/assert.h"
#include "core/cpu.h"
#include "lib/bits.h"
#include "lib/string.h"

/* What a record of lost events takes: header and count. */
#define LOST_WORDS (TRACE_HEADER_WORDS + 1u)

struct ring {
    uint64_t *words; /* constant while tracepoints are on; NULL: none */
    uint64_t count;  /* likewise: a power of two */

    /* Written by the processor. */
    _Atomic uint64_t head __attribute__((aligned(64))); /* words ever written */
    _Atomic uint64_t since;      /* no record from here on is whole yet; 0: all are */
    uint64_t lost;               /* since the last record that fitted */
    _Atomic uint64_t lost_total; /* since the ring was given */

    /* Written by the reader. */
    _Atomic uint64_t tail __attribute__((aligned(64))); /* words ever read */
} __attribute__((aligned(64)));

static struct ring rings[CPU_MAX];
static _Atomic uint64_t last_stamp __attribute__((aligned(64)));
static struct trace_sink *sink_now;

/* Records whose length is known only when they are made: one at a time, interrupts off. */
static struct {
    uint64_t words[TRACE_RECORD_WORDS_MAX];
} __attribute__((aligned(64))) drafts[CPU_MAX];

static uint32_t no_tid(void) {
    return 0;
}

uint32_t (*trace_tid)(void) = no_tid;

void trace_ring_set(unsigned cpu, void *memory, size_t bytes) {
    struct ring *ring = &rings[cpu];

    ASSERT(!memory || (is_pow2(bytes) && bytes >= 4096));
    ring->words = memory;
    ring->count = bytes / sizeof(uint64_t);
    ring->lost = 0;
    atomic_store(&ring->lost_total, 0);
    atomic_store(&ring->head, 0);
    atomic_store(&ring->tail, 0);
    atomic_store(&ring->since, 0);
}

void trace_sink_set(struct trace_sink *sink) {
    sink_now = sink;
}

uint64_t trace_stamp(void) {
    uint64_t now = machine_trace_ticks();
    uint64_t last = atomic_load_explicit(&last_stamp, memory_order_relaxed);
    uint64_t next;

    do
        next = MAX(now, last + 1);
    while (!atomic_compare_exchange_weak_explicit(&last_stamp, &last, next, memory_order_seq_cst,
                                                  memory_order_relaxed));
    return next;
}

/* ---- writing ---- */

static uint64_t header_of(uint64_t first) {
    return first | (uint64_t)cpu_index() << 24 | (uint64_t)trace_tid() << 32;
}

static unsigned words_of(uint64_t first) {
    return first >> 16 & 0xff;
}

/* Puts a record behind `head`, which is nobody's yet. Returns where it ends. */
static uint64_t ring_write(struct ring *ring, uint64_t head, const uint64_t *words) {
    const uint64_t mask = ring->count - 1;
    unsigned count = words_of(words[0]);

    ring->words[(head + 1) & mask] = trace_stamp();
    ring->words[head & mask] = header_of(words[0]);
    for (unsigned i = TRACE_HEADER_WORDS; i < count; i++)
        ring->words[(head + i) & mask] = words[i - TRACE_HEADER_WORDS + 1];
    return head + count;
}

/* What is lost is told with the next record: it is of this processor, and it is missing before it.
 */
static uint64_t ring_write_lost(struct ring *ring, uint64_t head) {
    const uint64_t words[] = {TRACE_FIRST(TRACE_EVENT_LOST, 1), ring->lost};

    ring->lost = 0;
    return ring_write(ring, head, words);
}

static void ring_put(struct ring *ring, const uint64_t *words) {
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint64_t used = head - atomic_load_explicit(&ring->tail, memory_order_acquire);
    unsigned needed = words_of(words[0]) + (ring->lost ? LOST_WORDS : 0);

    if (!ring->words)
        return;
    if (used + needed > ring->count) {
        ring->lost++;
        atomic_fetch_add_explicit(&ring->lost_total, 1, memory_order_relaxed);
    } else {
        atomic_store(&ring->since, atomic_load_explicit(&last_stamp, memory_order_relaxed) + 1);
        if (ring->lost)
            head = ring_write_lost(ring, head);
        head = ring_write(ring, head, words);
        atomic_store_explicit(&ring->head, head, memory_order_release);
        atomic_store_explicit(&ring->since, 0, memory_order_release);
    }
    if (used <= ring->count / 2 && used + needed > ring->count / 2)
        cpu_work_set(CPU_WORK_TRACE);
}

static void sink_put(struct trace_sink *sink, const uint64_t *words) {
    const uint64_t header[TRACE_HEADER_WORDS] = {header_of(words[0]), trace_stamp()};

    if (sink->records++ == 0)
        sink->first_stamp = header[1];
    sink->put(sink, header, sizeof(header));
    sink->put(sink, words + 1, (words_of(words[0]) - TRACE_HEADER_WORDS) * sizeof(*words));
}

static void emit_irq_off(const uint64_t *words) {
    if (sink_now)
        sink_put(sink_now, words);
    else
        ring_put(&rings[cpu_index()], words);
}

void trace_emit(const uint64_t *words) {
    irq_flags_t flags = irq_save();

    emit_irq_off(words);
    irq_restore(flags);
}

uint64_t trace_emit_rarely(uint64_t words, uint64_t unused) {
    (void)unused;
    trace_emit((const uint64_t *)(uintptr_t)words);
    return 0;
}

/* Bytes of a string that are told. */
static size_t string_bytes(const char *text) {
    size_t length = 0;

    while (length < TRACE_STRING_MAX - 1 && text[length])
        length++;
    return length + 1;
}

void trace_emit_tail(unsigned event, const uint64_t *head, size_t head_bytes, const void *tail,
                     size_t tail_bytes) {
    bool is_string = tail_bytes == TRACE_STRING;
    size_t size = head_bytes + (is_string ? string_bytes(tail) : tail_bytes);
    size_t words = div_round_up(size, sizeof(uint64_t));
    irq_flags_t flags = irq_save();
    uint64_t *draft = drafts[cpu_index()].words;

    ASSERT(words > 0 && words <= TRACE_RECORD_WORDS_MAX - TRACE_HEADER_WORDS);
    draft[0] = TRACE_FIRST(event, words);
    draft[words] = is_string || event != TRACE_EVENT_PAGES ? 0 : UINT64_MAX;
    memcpy(draft + 1, head, head_bytes);
    memcpy((char *)(draft + 1) + head_bytes, tail, size - head_bytes);
    if (is_string)
        ((char *)(draft + 1))[size - 1] = 0;
    emit_irq_off(draft);
    irq_restore(flags);
}

/* ---- reading ---- */

/* No record up to this stamp is missing from the rings. */
static uint64_t horizon(void) {
    uint64_t found = atomic_load(&last_stamp);

    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        uint64_t since = atomic_load(&rings[cpu].since);

        if (since && since <= found)
            found = since - 1;
    }
    return found;
}

/* The stamp of a ring's next record; UINT64_MAX: there is none. */
static uint64_t next_stamp(struct ring *ring) {
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

    if (!ring->words || atomic_load_explicit(&ring->head, memory_order_acquire) == tail)
        return UINT64_MAX;
    return ring->words[(tail + 1) & (ring->count - 1)];
}

/* Takes the next record, if it fits into `room` words. Words of it, or 0. */
static unsigned ring_take(struct ring *ring, uint64_t *to, size_t room) {
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    const uint64_t mask = ring->count - 1;
    unsigned count = words_of(ring->words[tail & mask]);

    if (count > room)
        return 0;
    for (unsigned i = 0; i < count; i++)
        to[i] = ring->words[(tail + i) & mask];
    atomic_store_explicit(&ring->tail, tail + count, memory_order_release);
    return count;
}

static unsigned earliest(const uint64_t stamps[CPU_MAX]) {
    unsigned best = 0;

    for (unsigned cpu = 1; cpu < CPU_MAX; cpu++) {
        if (stamps[cpu] < stamps[best])
            best = cpu;
    }
    return best;
}

size_t trace_rings_read(void *buffer, size_t bytes, uint64_t limit) {
    uint64_t *to = buffer;
    size_t room = bytes / sizeof(uint64_t);
    uint64_t end = MIN(horizon(), limit - 1);
    uint64_t stamps[CPU_MAX];

    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++)
        stamps[cpu] = next_stamp(&rings[cpu]);
    for (;;) {
        unsigned cpu = earliest(stamps);
        unsigned count = stamps[cpu] <= end ? ring_take(&rings[cpu], to, room) : 0;

        if (count == 0)
            return (size_t)((char *)to - (char *)buffer);
        to += count;
        room -= count;
        stamps[cpu] = next_stamp(&rings[cpu]);
    }
}

bool trace_rings_have(uint64_t before) {
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        if (next_stamp(&rings[cpu]) < before)
            return true;
    }
    return false;
}

void trace_rings_fill(size_t *bytes, size_t *room) {
    *bytes = *room = 0;
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        struct ring *ring = &rings[cpu];
        uint64_t used = atomic_load_explicit(&ring->head, memory_order_relaxed) -
                        atomic_load_explicit(&ring->tail, memory_order_relaxed);

        *bytes = MAX(*bytes, used * sizeof(uint64_t));
        *room = MAX(*room, ring->count * sizeof(uint64_t));
    }
}

uint64_t trace_rings_lost(void) {
    uint64_t lost = 0;

    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++)
        lost += atomic_load_explicit(&rings[cpu].lost_total, memory_order_relaxed);
    return lost;
}
