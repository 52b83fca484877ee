/* SPDX-License-Identifier: MIT */
/* Bytes from one descriptor to another; see relay.h. */
#define _GNU_SOURCE
#include "user/lib/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#define DLE 0x10

void relay_close(struct relay *relay) {
    if (relay->to >= 0)
        close(relay->to);
    relay->to = -1;
    relay->start = relay->end = 0;
    relay->end_of_input = true;
}

/* Take DLE pairs out of the bytes [0, count) in place; what follows DLE E is not looked at. */
static size_t relay_unescape(struct relay *relay, size_t count) {
    size_t kept = 0;

    for (size_t i = 0; i < count && !relay->end_of_input; i++) {
        unsigned char byte = relay->bytes[i];
        if (!relay->after_dle && byte == DLE) {
            relay->after_dle = true;
            continue;
        }
        if (relay->after_dle && byte == 'E')
            relay->end_of_input = true;
        else
            relay->bytes[kept++] = byte;
        relay->after_dle = false;
    }
    return kept;
}

/* Returns false when there was nothing to read just now. */
static bool relay_fill(struct relay *relay) {
    ssize_t got = read(relay->from, relay->bytes, sizeof relay->bytes);

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (got <= 0) {
        relay->end_of_input = true;
        return false;
    }
    relay->start = 0;
    relay->end = relay->escaped ? relay_unescape(relay, (size_t)got) : (size_t)got;
    return true;
}

static void relay_empty(struct relay *relay) {
    size_t waiting = relay->end - relay->start;
    ssize_t done = write(relay->to, relay->bytes + relay->start, waiting);

    if (done > 0)
        relay->start += (size_t)done;
    else if (done < 0 && errno != EAGAIN && errno != EINTR)
        relay_close(relay);
}

void relay_step(struct relay *relay) {
    if (relay->to < 0)
        return;
    if (relay->start == relay->end && !relay->end_of_input)
        relay_fill(relay);
    if (relay->start < relay->end)
        relay_empty(relay);
    if (relay->start == relay->end && relay->end_of_input)
        relay_close(relay);
}

void relay_drain(struct relay *relay) {
    while (relay->to >= 0 && (relay->start < relay->end || relay_fill(relay)))
        relay_empty(relay);
    if (relay->to >= 0)
        tcdrain(relay->to);
}

int relay_poll_slot(const struct relay *relay, struct pollfd *slot) {
    if (relay->to < 0)
        return 0;
    if (relay->start < relay->end)
        *slot = (struct pollfd){.fd = relay->to, .events = POLLOUT};
    else
        *slot = (struct pollfd){.fd = relay->from, .events = POLLIN};
    return 1;
}

void relay_start(struct relay *relay, int from, int to) {
    *relay = (struct relay){.from = from, .to = to};
    fcntl(from, F_SETFL, fcntl(from, F_GETFL) | O_NONBLOCK);
}
