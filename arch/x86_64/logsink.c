/* SPDX-License-Identifier: MIT */
/*
 * Where the kernel's log goes: QEMU's debug console, and the first serial port when asked, by
 * polling, as it must work when nothing else does.
 */
#include "core/logsink.h"

#include "machine/cpu.h"

#define DEBUG_CONSOLE_PORT 0xe9
#define SERIAL_PORT 0x3f8
#define SERIAL_LINE_STATUS (SERIAL_PORT + 5)
#define SERIAL_ROOM 0x20
#define SERIAL_POLLS_MAX 100000 /* a port that is not there never has room */

static void serial_put(char c) {
    for (unsigned i = 0; i < SERIAL_POLLS_MAX; i++) {
        if (io_in8(SERIAL_LINE_STATUS) & SERIAL_ROOM)
            break;
    }
    io_out8(SERIAL_PORT, (uint8_t)c);
}

void logsink_write(const char *text, size_t length, bool serial) {
    for (size_t i = 0; i < length; i++) {
        io_out8(DEBUG_CONSOLE_PORT, (uint8_t)text[i]);
        if (serial && text[i] == '\n')
            serial_put('\r');
        if (serial)
            serial_put(text[i]);
    }
}
