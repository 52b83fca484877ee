/* SPDX-License-Identifier: MIT */
/*
 * Ports of a virtio console device. Contracts: drivers/virtio_console.h.
 *
 * At the start the driver says that it is ready; the device then adds each port, the driver says
 * that it is ready for it, and the device tells its name and whether the host has it open. At most
 * one answer goes back for each message, so a message is looked at only while there is room for
 * one.
 *
 * Queues have to be made before the device starts, when nobody knows yet which port is ours: the
 * first PORTS_MAX ports get one to send by each.
 */
#include "drivers/virtio_console.h"

#include "abi/errno.h"
#include "core/printk.h"
#include "drivers/virtio.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/slab.h"

#define TYPE_CONSOLE 3
#define F_MULTIPORT (1ull << 1)
#define CONFIG_PORTS 4 /* offset of the greatest number of ports */
#define PORTS_MAX 8u
#define PORT_NONE PORTS_MAX
#define SEND_DESCRIPTORS 16u

#define QUEUE_CONTROL_IN 2u
#define QUEUE_CONTROL_OUT 3u

/* What control messages say. */
enum control_event {
    DEVICE_READY,
    PORT_ADD,
    PORT_REMOVE,
    PORT_READY,
    CONSOLE_PORT,
    RESIZE,
    PORT_OPEN,
    PORT_NAME,
};

struct control {
    uint32_t port;
    uint16_t event; /* enum control_event */
    uint16_t value;
};

_Static_assert(sizeof(struct control) == 8, "VIRTIO 5.3.6.2");

#define MESSAGES 8u
#define NAME_MAX 120u

struct message {
    struct control control;
    char name[NAME_MAX]; /* in a message PORT_NAME; not terminated */
};

struct port {
    struct virtio_queue queue; /* to send by */
    bool open;                 /* on the host's side */
};

struct virtio_console {
    struct virtio_device device;
    struct virtio_queue control_in, control_out;
    const char *name; /* of the port that is wanted */
    unsigned wanted;  /* its number; PORT_NONE: not known yet */
    unsigned times;   /* that it was opened */
    struct port ports[PORTS_MAX];
    struct message in[MESSAGES]; /* the device's, but while one is looked at */
    struct control out[MESSAGES];
    bool out_busy[MESSAGES]; /* the device's */
};

static unsigned port_queue(unsigned port) {
    return port == 0 ? 1 : 2 * port + 3;
}

/* ---- control messages ---- */

static unsigned out_free(struct virtio_console *console) {
    struct control *sent;
    uint32_t written;

    while ((sent = virtqueue_take(&console->control_out.ring, &written)))
        console->out_busy[sent - console->out] = false;
    for (unsigned i = 0; i < MIN(MESSAGES, console->control_out.ring.size); i++)
        if (!console->out_busy[i])
            return i;
    return MESSAGES;
}

/* Tells the device something; there is room (out_free). */
static void tell(struct virtio_console *console, uint32_t port, enum control_event event) {
    unsigned i = out_free(console);
    struct control *message = &console->out[i];
    struct virtq_buffer buffer = {.address = virt_to_phys(message), .bytes = sizeof(*message)};

    if (i == MESSAGES)
        return;
    *message = (struct control){.port = port, .event = (uint16_t)event, .value = 1};
    console->out_busy[i] = true;
    if (virtqueue_add(&console->control_out.ring, &buffer, 1, message) == 0)
        virtio_notify(&console->device, &console->control_out);
}

/* Lets the device write its next message there. */
static void offer(struct virtio_console *console, struct message *message) {
    struct virtq_buffer buffer = {
        .address = virt_to_phys(message), .bytes = sizeof(*message), .device_writes = true};

    (void)virtqueue_add(&console->control_in.ring, &buffer, 1, message); /* it came from there */
}

static bool is_wanted(const struct virtio_console *console, const char *name, uint32_t bytes) {
    size_t length = strlen(console->name);

    while (bytes > 0 && name[bytes - 1] == '\0')
        bytes--;
    return bytes == length && memcmp(name, console->name, length) == 0;
}

static void port_named(struct virtio_console *console, unsigned port, const char *name,
                       uint32_t bytes) {
    if (console->wanted != PORT_NONE || !is_wanted(console, name, bytes))
        return;
    console->wanted = port;
    console->times += console->ports[port].open;
    tell(console, port, PORT_OPEN);
}

static void port_opened(struct virtio_console *console, unsigned port, bool open) {
    if (open && !console->ports[port].open && console->wanted == port)
        console->times++;
    console->ports[port].open = open;
}

static void port_removed(struct virtio_console *console, unsigned port) {
    console->ports[port].open = false;
    if (console->wanted == port)
        console->wanted = PORT_NONE;
}

static void hear(struct virtio_console *console, const struct message *message, uint32_t bytes) {
    unsigned port = message->control.port;

    if (bytes < sizeof(message->control) || port >= PORTS_MAX || !console->ports[port].queue.memory)
        return; /* a port that the device cannot have, or more than we look at */
    switch (message->control.event) {
    case PORT_ADD:
        tell(console, port, PORT_READY);
        break;
    case PORT_REMOVE:
        port_removed(console, port);
        break;
    case PORT_OPEN:
        port_opened(console, port, message->control.value);
        break;
    case PORT_NAME:
        port_named(console, port, message->name,
                   (uint32_t)(MIN(bytes, sizeof(*message)) - sizeof(message->control)));
        break;
    default:
        break;
    }
}

static void hear_all(struct virtio_console *console) {
    struct message *message;
    uint32_t bytes;
    bool any = false;

    while (out_free(console) < MESSAGES &&
           (message = virtqueue_take(&console->control_in.ring, &bytes))) {
        hear(console, message, bytes);
        offer(console, message);
        any = true;
    }
    if (any)
        virtio_notify(&console->device, &console->control_in);
}

/* ---- start and end ---- */

static int open_queues(struct virtio_console *console) {
    struct virtio_device *device = &console->device;
    uint32_t ports = MIN(virtio_config32(device, CONFIG_PORTS), PORTS_MAX);
    int error;

    error = virtio_queue_open(device, QUEUE_CONTROL_IN, MESSAGES, &console->control_in);
    if (!error)
        error = virtio_queue_open(device, QUEUE_CONTROL_OUT, MESSAGES, &console->control_out);
    for (unsigned i = 0; i < ports && !error; i++)
        error =
            virtio_queue_open(device, port_queue(i), SEND_DESCRIPTORS, &console->ports[i].queue);
    return error;
}

static int start(struct virtio_console *console) {
    int error = virtio_negotiate(&console->device, F_MULTIPORT);

    if (error)
        return error;
    if (!(console->device.features & F_MULTIPORT)) {
        printk("%s: it has no ports with names\n", console->device.name);
        return -ENXIO;
    }
    error = open_queues(console);
    if (error) {
        printk("%s: no queues: error %d\n", console->device.name, -error);
        return error;
    }
    virtio_start(&console->device);
    for (unsigned i = 0; i < MIN(MESSAGES, console->control_in.ring.size); i++)
        offer(console, &console->in[i]);
    virtio_notify(&console->device, &console->control_in);
    tell(console, UINT32_MAX, DEVICE_READY);
    return 0;
}

static bool is_console(void *found, const struct pci_function *function) {
    if (!virtio_is(function, TYPE_CONSOLE))
        return false;
    *(struct pci_function *)found = *function;
    return true;
}

int virtio_console_open(const char *name, struct virtio_console **opened) {
    struct virtio_console *console;
    struct pci_function function;
    int error;

    if (!pci_find(is_console, &function))
        return -ENODEV;
    console = kzalloc(sizeof(*console));
    if (!console)
        return -ENOMEM;
    console->name = name;
    console->wanted = PORT_NONE;
    error = virtio_open(&console->device, &function, "virtio-console");
    if (error) {
        kfree(console);
        return error;
    }
    error = start(console);
    if (error) {
        virtio_console_close(console);
        return error;
    }
    *opened = console;
    return 0;
}

void virtio_console_close(struct virtio_console *console) {
    virtio_close(&console->device, NULL);
    virtio_queue_close(&console->control_in);
    virtio_queue_close(&console->control_out);
    for (unsigned i = 0; i < PORTS_MAX; i++)
        virtio_queue_close(&console->ports[i].queue);
    kfree(console);
}

/* ---- use ---- */

static bool is_broken(struct virtio_console *console) {
    return console->control_in.ring.broken || console->control_out.ring.broken ||
           (console->wanted != PORT_NONE && console->ports[console->wanted].queue.ring.broken);
}

int virtio_console_poll(struct virtio_console *console, unsigned *times) {
    hear_all(console);
    *times = console->times;
    if (is_broken(console) || virtio_failed(&console->device)) {
        printk("%s: %s\n", console->device.name,
               is_broken(console) ? "it gave back what it did not have" : "it cannot go on");
        return -EIO;
    }
    return console->wanted != PORT_NONE && console->ports[console->wanted].open;
}

int virtio_console_send(struct virtio_console *console, paddr_t address, uint32_t bytes,
                        void *token) {
    struct virtq_buffer buffer = {.address = address, .bytes = bytes};
    struct virtio_queue *queue;
    int error;

    if (console->wanted == PORT_NONE)
        return -ENODEV;
    queue = &console->ports[console->wanted].queue;
    error = virtqueue_add(&queue->ring, &buffer, 1, token);
    if (!error)
        virtio_notify(&console->device, queue);
    return error;
}

void *virtio_console_sent(struct virtio_console *console) {
    uint32_t written;

    for (unsigned i = 0; i < PORTS_MAX; i++) {
        void *token = console->ports[i].queue.memory
                          ? virtqueue_take(&console->ports[i].queue.ring, &written)
                          : NULL;
        if (token)
            return token;
    }
    return NULL;
}
