/* SPDX-License-Identifier: MIT */
/* Private to kernel/proc: registers the hooks of drivers/tty_job.h. Once, at start. */
#ifndef PROC_TERMINAL_H
#define PROC_TERMINAL_H

void terminal_hooks_register(void);

#endif
