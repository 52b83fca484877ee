/* SPDX-License-Identifier: MIT */
/*
 * The thread that carries the trace out. Contracts: drivers/trace_port.h.
 *
 *     rings ──► reader (sched/trace_reader.h) ──► buffers of ours ──► link (drivers/trace_link.h)
 *
 * The thread holds nobody up. It waits for the reader's wait queue, which is woken some
 * milliseconds after there is something, and reads until there is nothing more; so what it costs
 * follows what there is to tell. While nobody listens it looks ten times a second whether somebody
 * has come; for buffers that are on their way it looks each millisecond. So no link needs an
 * interrupt. Where the host is slow, buffers stay out, nothing is read, and the rings lose events
 * and count them. When something was lost a new snapshot follows.
 *
 * Each listener gets a stream of its own, from the header on. What was on its way to the one before
 * may reach him first: he leaves out what comes before the magic.
 *
 * How often a snapshot is taken, if nobody says: when four times as many bytes of events have been
 * sent as the last one had. So snapshots are a fifth of a stream, and whoever goes to any place in
 * it begins at most five snapshots' bytes before, however large the machine's state is.
 *
 * Locks: all is the thread's own, but for `finish`.
 */
#include "drivers/trace_port.h"

#include <stdatomic.h>

#include "abi/errno.h"
#include "core/clock.h"
#include "core/cmdline.h"
#include "core/printk.h"
#include "core/trace_ring.h"
#include "drivers/trace_link.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "mm/slab.h"
#include "sched/timer.h"
#include "sched/trace_reader.h"

#define BUFFERS 8u
#define LOOK_NS 100000000ull   /* for a listener, while nothing else happens */
#define FIRST_LOOKS 100u       /* that come quickly: a device has just been asked who is there */
#define RETRY_NS 1000000000ull /* after an error that may pass */
#define LOST_NS 1000000000ull  /* between snapshots because something was lost */
#define FINISH_QUIET_NS 10000000000ull /* at the end, until nothing moves any more */
#define FINISH_NS 15000000000ull       /* and in all */
#define BUSY_NS 1000000ull             /* while buffers are on their way */
#define EVENTS_SHARE 4u                /* bytes of events for each byte of a snapshot */
#define EVENTS_MIN (1u << 20)          /* and how many there are at least */
#define NUMBER_MAX_MS 5000000u

static struct {
    const struct trace_link *link;
    struct trace_buffer buffers[BUFFERS];
    struct trace_buffer *free; /* linked by next */
    unsigned out;              /* buffers that the link has */
    uint64_t moved;            /* that it has given back so far */

    uint64_t snapshot_ns; /* const: time between regular ones; 0: by their size */
    uint64_t last_ns;     /* when the last snapshot was taken */
    uint64_t since_bytes; /* sent since it was taken, it included */
    uint64_t size_bytes;  /* of it, or of the one before while it is being sent */
    uint64_t lost;        /* as the rings counted it when the last snapshot was taken */
    bool sending;         /* the last snapshot has not been sent yet */
} port;

/* Anybody asks for the end, the thread answers. */
static struct {
    _Atomic bool wanted, done;
    struct wait_queue queue;
} finish;

static bool finishing(void) {
    return atomic_load(&finish.wanted);
}

/* ---- buffers ---- */

static struct trace_buffer *buffer_take(void) {
    struct trace_buffer *buffer;

    while ((buffer = port.link->sent())) {
        buffer->next = port.free;
        port.free = buffer;
        port.out--;
        port.moved++;
    }
    buffer = port.free;
    if (buffer)
        port.free = buffer->next;
    return buffer;
}

static void buffer_give(struct trace_buffer *buffer) {
    buffer->next = port.free;
    port.free = buffer;
}

static int buffer_send(struct trace_buffer *buffer) {
    int error = port.link->send(buffer);

    if (error) {
        buffer_give(buffer);
        return error;
    }
    port.out++;
    return 0;
}

static bool buffers_make(void) {
    for (unsigned i = 0; i < BUFFERS; i++) {
        struct frame *frame = frame_alloc_order(FRAME_KERNEL, TRACE_BUFFER_ORDER);
        if (!frame)
            return i > 0; /* fewer will do */
        port.buffers[i].data = frame_to_virt(frame);
        buffer_give(&port.buffers[i]);
    }
    return true;
}

/* ---- waiting ---- */

/* Until the reader has something that is worth coming for, or `ns` have gone. */
static void nap(uint64_t ns) {
    unsigned looks = 0; /* the third is the one after the sleep */

    (void)WAIT_EVENT_TIMEOUT(&trace_waiters, finishing() || looks++ >= 2,
                             clock_monotonic_ns() + ns);
}

/* ---- snapshots ---- */

static void snapshot(enum trace_snapshot_reason reason) {
    uint64_t lost = trace_rings_lost();

    if (trace_snapshot(reason) != 0)
        return; /* no memory, or the last one is not sent: the next turn tries again */
    port.last_ns = clock_monotonic_ns();
    port.since_bytes = 0;
    port.lost = lost;
    port.sending = true;
}

static bool snapshot_is_due(void) {
    uint64_t age = clock_monotonic_ns() - port.last_ns;

    if (port.since_bytes == 0)
        return false;
    if (port.snapshot_ns)
        return age >= port.snapshot_ns;
    return port.since_bytes >= MAX(port.size_bytes * EVENTS_SHARE, (uint64_t)EVENTS_MIN);
}

/* When all that there was has been sent: what was sent since the last snapshot began is it. */
static void drained(void) {
    if (port.sending) {
        port.size_bytes = port.since_bytes;
        port.since_bytes = 0;
        port.sending = false;
    }
}

static void snapshot_if_due(void) {
    bool lost = trace_rings_lost() != port.lost;

    if (port.sending)
        return;
    if (snapshot_is_due() || (lost && clock_monotonic_ns() - port.last_ns >= LOST_NS))
        snapshot(lost ? TRACE_SNAPSHOT_REASON_LOST : TRACE_SNAPSHOT_REASON_REGULAR);
}

/* ---- a stream ---- */

static bool same_listener(int listener) {
    return port.link->listener() == listener;
}

/* A buffer, as soon as one comes back. NULL: the listener has gone. */
static struct trace_buffer *buffer_wait(int listener) {
    struct trace_buffer *buffer;

    while (!(buffer = buffer_take())) {
        if (!same_listener(listener))
            return NULL;
        (void)sleep_until(clock_monotonic_ns() + BUSY_NS);
    }
    return buffer;
}

/* Sends the header of the stream. 0, or an error: there will be no stream. */
static int send_header(int listener) {
    size_t size, done = 0;
    char *header = trace_stream_header("", &size);
    int error = header ? 0 : -ENOMEM;

    while (!error && done < size) {
        struct trace_buffer *buffer = buffer_wait(listener);
        if (!buffer) {
            error = -ENODEV;
            break;
        }
        buffer->bytes = (uint32_t)MIN(size - done, TRACE_BUFFER_BYTES);
        memcpy(buffer->data, header + done, buffer->bytes);
        done += buffer->bytes;
        error = buffer_send(buffer);
    }
    kfree(header);
    return error;
}

/* Sends what there is; false: not all of it could be. */
static bool send_records(void) {
    struct trace_buffer *buffer;

    while ((buffer = buffer_take())) {
        buffer->bytes = (uint32_t)trace_read(buffer->data, TRACE_BUFFER_BYTES);
        if (buffer->bytes == 0) {
            buffer_give(buffer);
            drained();
            return true;
        }
        port.since_bytes += buffer->bytes;
        if (buffer_send(buffer) != 0)
            return false;
    }
    return false;
}

/* The last records, and a snapshot that they can be compared with; until all is sent, or the host
 * takes no more. */
static void send_last(int listener) {
    uint64_t now = clock_monotonic_ns(), end = now + FINISH_NS, quiet = now + FINISH_QUIET_NS;
    uint64_t moved = port.moved;
    bool taken = false;

    while (same_listener(listener) && now < end && now < quiet) {
        bool all = send_records();
        if (all && taken && port.out == 0)
            return;
        if (all && !taken)
            snapshot(TRACE_SNAPSHOT_REASON_REGULAR);
        else
            (void)sleep_until(now + BUSY_NS);
        taken = taken || all;
        now = clock_monotonic_ns();
        if (port.moved != moved)
            quiet = now + FINISH_QUIET_NS;
        moved = port.moved;
    }
}

/* One listener's stream, from its header until he goes. */
static void stream(int listener) {
    if (send_header(listener) != 0)
        return;
    port.sending = true;
    port.since_bytes = 0;
    port.last_ns = clock_monotonic_ns();
    while (same_listener(listener) && !finishing()) {
        if (!send_records()) {
            nap(BUSY_NS);
            continue;
        }
        snapshot_if_due();
        if (!port.sending)
            nap(port.snapshot_ns ? MIN(port.snapshot_ns, LOOK_NS) : LOOK_NS);
    }
    if (finishing())
        send_last(listener);
}

static void finish_done(void) {
    atomic_store(&finish.done, true);
    wait_queue_wake_all(&finish.queue);
}

static void trace_port_run(void *unused) {
    int listener, error;
    unsigned looks = 0;

    (void)unused;
    while ((listener = port.link->listener()) >= 0 && !finishing()) {
        if (listener == 0) {
            nap(looks++ < FIRST_LOOKS ? BUSY_NS : LOOK_NS);
            continue;
        }
        error = trace_start();
        if (error) { /* no memory for rings, or somebody else reads the trace */
            nap(RETRY_NS);
            continue;
        }
        port.lost = trace_rings_lost();
        stream(listener);
        trace_stop();
    }
    finish_done();
}

/* ---- start and end ---- */

/* A number with up to three digits behind the point, times 1000; 0 if it is no such number. */
static uint64_t parse_ms(const char *text) {
    uint64_t ms = 0;
    int behind = -1; /* digits behind the point */

    for (; *text; text++) {
        if (*text == '.' && behind < 0) {
            behind = 0;
            continue;
        }
        if (*text < '0' || *text > '9' || behind == 3 || ms > NUMBER_MAX_MS)
            return 0;
        ms = ms * 10 + (uint64_t)(*text - '0');
        behind += behind >= 0;
    }
    for (behind = behind < 0 ? 0 : behind; behind < 3; behind++)
        ms *= 10;
    return ms <= NUMBER_MAX_MS ? ms : 0;
}

static void read_settings(void) {
    uint64_t kib;
    char text[16];

    if (cmdline_get("trace.snapshot", text, sizeof(text))) {
        port.snapshot_ns = parse_ms(text) * 1000000;
        if (!port.snapshot_ns)
            printk("trace: trace.snapshot=%s is not a number of seconds (0.001 to 5000)\n", text);
    }
    if (cmdline_get("trace.ring", text, sizeof(text))) {
        kib = parse_ms(text) / 1000;
        if (kib >= TRACE_RING_KIB_MIN && kib <= TRACE_RING_KIB_MAX)
            trace_ring_kib = kib;
        else
            printk("trace: trace.ring=%s is not a number of KiB (%u to %u)\n", text,
                   TRACE_RING_KIB_MIN, TRACE_RING_KIB_MAX);
    }
}

/* The link that the command line asks for, or NULL. */
static const struct trace_link *wanted_link(void) {
    char text[16];

    if (!cmdline_get("trace", text, sizeof(text)) || strcmp(text, "off") == 0)
        return NULL;
    if (strcmp(text, "virtio") == 0)
        return &trace_link_virtio;
    if (strcmp(text, "com2") == 0)
        return &trace_link_com2;
    printk("trace: what is trace=%s? It is virtio, com2 or off\n", text);
    return NULL;
}

bool trace_port_wants_com2(void) {
    char text[16];

    return cmdline_get("trace", text, sizeof(text)) && strcmp(text, "com2") == 0;
}

void trace_port_init(void) {
    const struct trace_link *link = wanted_link();

    wait_queue_init(&finish.queue);
    atomic_store(&finish.done, true);
    if (!link || link->open() != 0)
        return;
    read_settings();
    port.link = link;
    atomic_store(&finish.done, false);
    if (buffers_make() && thread_create_kernel("trace", trace_port_run, NULL))
        return;
    atomic_store(&finish.done, true);
    printk("trace: no memory to send it by\n");
}

void trace_port_finish(void) {
    uint64_t end = clock_monotonic_ns() + FINISH_NS;

    if (!port.link)
        return;
    atomic_store(&finish.wanted, true);
    wait_queue_wake_all(&trace_waiters);
    while (!atomic_load(&finish.done) && clock_monotonic_ns() < end)
        if (WAIT_EVENT_TIMEOUT(&finish.queue, atomic_load(&finish.done), end) == -EINTR)
            sched_yield();
}
