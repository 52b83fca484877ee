/* SPDX-License-Identifier: MIT */
/* Processes in lines for a person, by printk; for gdb. No locks are taken. */
#ifndef PROC_DUMP_H
#define PROC_DUMP_H

struct process;

/* One process with its tasks; all of them, each before its children. */
void process_dump(const struct process *process);
void process_dump_all(void);

#endif
