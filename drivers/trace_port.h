/* SPDX-License-Identifier: MIT */
/*
 * The trace's way out of the machine (docs/trace.md): a thread that takes records from their reader
 * and sends them to whoever listens.
 *
 * Words of the kernel's command line:
 *   trace=virtio|com2|off      by the port `org.quire.trace` of a virtio console, or by the second
 *                              serial port; without the word: off
 *   trace.snapshot=SECONDS     a snapshot as often as that (0.001 to 5000), while anything happens;
 *                              without the word as often as it makes up a fifth of the stream
 *   trace.ring=KIB             memory for each processor's events until they are sent
 */
#ifndef DRIVERS_TRACE_PORT_H
#define DRIVERS_TRACE_PORT_H

#include <stdbool.h>

/* Starts the thread, if the command line asks for it. What is wrong is said in the log, and then
 * there is no trace. Once, when threads can be made. */
void trace_port_init(void);

/* Whether the trace wants the second serial port for itself. From the start on. */
bool trace_port_wants_com2(void);

/*
 * Before the machine goes off: has the last records, and a last snapshot, sent, and waits for that,
 * while the host takes it; fifteen seconds at most. Sleeps.
 */
void trace_port_finish(void);

#endif
