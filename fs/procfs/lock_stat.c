/* SPDX-License-Identifier: MIT */
/*
 * procfs: which locks were waited for, as lock_stat of Linux (lockstat.rst) has it, without the
 * columns that would cost who finds a lock free: acquisitions and holding times. Times are in
 * microseconds. Most waits come first, classes nobody waited for are left out, and writing 0 counts
 * from 0 again.
 */
#include "fs/procfs/procfs_private.h"

#include "sync/contention.h"

#define NS_PER_HUNDREDTH_US 10

static void show_us(struct seq *seq, uint64_t ns) {
    uint64_t hundredths = ns / NS_PER_HUNDREDTH_US;

    seq_printf(seq, " %11lu.%02lu", hundredths / 100, hundredths % 100);
}

static void show_rule(struct seq *seq) {
    for (unsigned i = 0; i < 101; i++)
        seq_string(seq, "-");
    seq_string(seq, "\n");
}

int procfs_show_lock_stat(struct seq *seq, const struct procfs_subject *subject) {
    struct contention classes[CONTENTION_CLASSES];
    size_t count = contention_get(classes);

    (void)subject;
    seq_string(seq, "lock_stat version 0.4\n");
    show_rule(seq);
    seq_printf(seq, "%40s  %14s %14s %14s %14s\n", "class name", "contentions", "waittime-max",
               "waittime-total", "waittime-avg");
    show_rule(seq);
    for (size_t i = 0; i < count; i++) {
        seq_printf(seq, "%40s: %14lu", classes[i].name, classes[i].waits);
        show_us(seq, classes[i].longest_ns);
        show_us(seq, classes[i].waited_ns);
        show_us(seq, classes[i].waited_ns / classes[i].waits);
        seq_string(seq, "\n");
    }
    return 0;
}

/* As on Linux the first byte counts, and what is not 0 means nothing. */
int procfs_write_lock_stat(const struct procfs_subject *subject, const char *text, size_t length) {
    (void)subject;
    if (length > 0 && text[0] == '0')
        contention_reset();
    return 0;
}
