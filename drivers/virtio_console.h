/* SPDX-License-Identifier: MIT */
/*
 * One port, known by its name, of a virtio console device with several: bytes out of the machine.
 *
 * The device has a pair of queues for each port and one for control messages, by which it says
 * which ports there are, what they are called and whether somebody on the host has opened them.
 * Only what goes out is used here. Nobody is interrupted: messages are seen by virtio_console_poll.
 *
 * Bytes that are sent while the host's side is not open are the device's to drop. What is sent
 * between its being closed and opened again and our hearing of it may reach the new listener.
 *
 * Locks: none; one thread uses a console.
 *
 * Source: Virtual I/O Device (VIRTIO) 1.1, 5.3.
 */
#ifndef DRIVERS_VIRTIO_CONSOLE_H
#define DRIVERS_VIRTIO_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>

#include "mm/phys.h"

struct virtio_console;

/*
 * Starts the first console device that there is, to look for a port called `name` on it, which is
 * kept. May take its time: devices are looked for. 0; -ENODEV: there is no device (nothing is
 * said), or only an old one; -ENXIO, -EPROTO, -ENOMEM (said in the log).
 */
int virtio_console_open(const char *name, struct virtio_console **console);

/*
 * Hears what the device says. 1: the port is there, and the host's side is open; 0: not so;
 * -EIO: the device cannot go on (said in the log): virtio_console_close is all that is left.
 * *times is how often the host's side has been opened so far.
 */
int virtio_console_poll(struct virtio_console *console, unsigned *times);

/*
 * Sends `bytes` at a physical address, which stay as they are until virtio_console_sent gives the
 * token (not NULL) back. 0; -ENOSPC: too much is on its way; -ENODEV: there is no port; -EIO.
 */
int virtio_console_send(struct virtio_console *console, paddr_t address, uint32_t bytes,
                        void *token);

/* The token of what has been sent, or dropped; NULL: nothing more yet. */
void *virtio_console_sent(struct virtio_console *console);

/* Ends it; nothing is read any more of what was to be sent. */
void virtio_console_close(struct virtio_console *console);

#endif
