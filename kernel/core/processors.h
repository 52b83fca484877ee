/* SPDX-License-Identifier: MIT */
/*
 * The other processors: starting, interrupting, stopping. Implemented by arch. core/cpu.h has what
 * belongs to each; sync/cpu_call.h lets them do something for another.
 */
#ifndef CORE_PROCESSORS_H
#define CORE_PROCESSORS_H

/*
 * Starts the processors that the machine has, one after the other, up to CPU_MAX of them and to
 * `maxcpus=` of the command line. Each ends in main(), on a stack of its own that becomes its idle
 * thread's, interrupts off; from before that it is counted by cpu_count(). Returns when all have
 * come that will; what does not come is said in the log. Once, by the boot processor, interrupts
 * on, when memory works.
 */
void processors_start(void (*main)(void));

/*
 * Interrupts another processor so that it looks at its run queue and at its thread's signals: the
 * `look` hook of core/trap.h. Any context.
 */
void processor_look(unsigned index);

/* Interrupts it so that it answers the calls of others: cpu_call_answer(). Any context. */
void processor_answer(unsigned index);

/* For a panic: stops all other processors where they are, for ever. */
void processors_stop_others(void);

#endif
