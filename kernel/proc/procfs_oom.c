/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/oom_score, oom_score_adj and oom_adj: how likely a process is to be killed when memory
 * is out, and what its owner thinks of that.
 */
#include "abi/errno.h"
#include "lib/bits.h"
#include "proc/oom.h"
#include "proc/procfs_private.h"

/* The scale of old: -17 is never. */
#define OLD_NEVER (-17)
#define OLD_MAX 15

int procfs_show_oom_score(struct seq *seq, const struct procfs_subject *subject) {
    seq_printf(seq, "%lu\n", oom_score(subject->process));
    return 0;
}

int procfs_show_oom_score_adj(struct seq *seq, const struct procfs_subject *subject) {
    seq_printf(seq, "%d\n", subject->process->oom_score_adj);
    return 0;
}

int procfs_show_oom_adj(struct seq *seq, const struct procfs_subject *subject) {
    int adj = subject->process->oom_score_adj;

    seq_printf(seq, "%d\n", adj == OOM_ADJ_MAX ? OLD_MAX : adj * -OLD_NEVER / OOM_ADJ_MAX);
    return 0;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n';
}

/* One number with a sign or without, blanks around it. False: something else. */
static bool read_number(const char *text, int *number) {
    bool negative;
    int value = 0;

    while (is_blank(*text))
        text++;
    negative = *text == '-';
    text += negative || *text == '+';
    if (*text < '0' || *text > '9')
        return false;
    for (; *text >= '0' && *text <= '9'; text++)
        value = MIN(value * 10 + (*text - '0'), 1000000);
    while (is_blank(*text))
        text++;
    *number = negative ? -value : value;
    return *text == '\0';
}

int procfs_write_oom_score_adj(const struct procfs_subject *subject, const char *text,
                               size_t length) {
    int adj;

    (void)length;
    return read_number(text, &adj) ? oom_set_adj(subject->process, adj) : -EINVAL;
}

int procfs_write_oom_adj(const struct procfs_subject *subject, const char *text, size_t length) {
    int old;

    (void)length;
    if (!read_number(text, &old) || old < OLD_NEVER || old > OLD_MAX)
        return -EINVAL;
    return oom_set_adj(subject->process,
                       old == OLD_MAX ? OOM_ADJ_MAX : old * OOM_ADJ_MAX / -OLD_NEVER);
}
