/* SPDX-License-Identifier: MIT */
/*
 * The trace's way out by a port of a virtio console. See drivers/trace_link.h.
 */
#include "abi/errno.h"
#include "core/printk.h"
#include "drivers/trace_link.h"
#include "drivers/virtio_console.h"

#define PORT_NAME "org.quire.trace"

static struct virtio_console *console; /* the trace's thread's; NULL: closed */

static int link_open(void) {
    int error = virtio_console_open(PORT_NAME, &console);

    if (error == -ENODEV)
        printk("trace: there is no virtio console to send it by\n");
    else if (error)
        printk("trace: no virtio console: error %d\n", -error);
    return error;
}

static int link_listener(void) {
    unsigned times;
    int there = console ? virtio_console_poll(console, &times) : -EIO;

    if (there > 0)
        return (int)(times & INT32_MAX);
    if (there < 0 && console) {
        virtio_console_close(console);
        console = NULL;
    }
    return there;
}

static int link_send(struct trace_buffer *buffer) {
    return virtio_console_send(console, virt_to_phys(buffer->data), buffer->bytes, buffer);
}

static struct trace_buffer *link_sent(void) {
    return console ? virtio_console_sent(console) : NULL;
}

const struct trace_link trace_link_virtio = {
    .name = "virtio",
    .open = link_open,
    .listener = link_listener,
    .send = link_send,
    .sent = link_sent,
};
