/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/cmdline, environ, auxv and comm: what the program was started with.
 *
 * Arguments and environment are read from the process's own memory, where it may have changed them;
 * what cannot be read there ends the file.
 */
#include "abi/auxv.h"
#include "abi/errno.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "machine/layout.h"
#include "proc/procfs_private.h"
#include "vm/space.h"

#define CHUNK_BYTES 512u

/*
 * Appends [*from, *to) of the process's memory, a piece at a time; the cursor is the offset. Where
 * that is, in the process's image, is asked when the space is found: execve(2) changes it first.
 */
static int show_range(struct seq *seq, struct process *process, const uint64_t *from,
                      const uint64_t *to) {
    char chunk[CHUNK_BYTES];
    struct vm_space *space = process_space_get(process);

    if (!space)
        return 0;
    uint64_t start = __atomic_load_n(from, __ATOMIC_RELAXED);
    uint64_t end = __atomic_load_n(to, __ATOMIC_RELAXED);
    uint64_t at = start + seq->cursor;
    while (at < end && !seq->more) {
        size_t size = MIN((size_t)(end - at), sizeof(chunk));
        size = MIN(size, (size_t)(PAGE_SIZE - at % PAGE_SIZE));
        if (vm_space_read(space, at, chunk, size))
            break;
        seq_bytes(seq, chunk, size);
        at += size;
        seq->more = seq->length >= SEQ_PIECE_BYTES && at < end;
    }
    seq->cursor = at - start;
    vm_space_unref(space);
    return 0;
}

int procfs_show_cmdline(struct seq *seq, const struct procfs_subject *subject) {
    const struct process_image *image = &subject->process->image;

    return show_range(seq, subject->process, &image->args_start, &image->args_end);
}

int procfs_show_environ(struct seq *seq, const struct procfs_subject *subject) {
    const struct process_image *image = &subject->process->image;

    return show_range(seq, subject->process, &image->env_start, &image->env_end);
}

int procfs_show_auxv(struct seq *seq, const struct procfs_subject *subject) {
    const uint64_t *auxv = subject->process->image.auxv;
    size_t words = 0;

    while (words + 2 < ARRAY_SIZE(subject->process->image.auxv) && auxv[words] != AT_NULL)
        words += 2;
    seq_bytes(seq, auxv, (words + 2) * sizeof(*auxv));
    return 0;
}

int procfs_show_comm(struct seq *seq, const struct procfs_subject *subject) {
    struct procfs_runner runner;
    int error = procfs_runner_get(subject, &runner);

    if (error)
        return error;
    seq_printf(seq, "%s\n", runner.name);
    return 0;
}

/* Only for threads of the calling process. */
int procfs_write_comm(const struct procfs_subject *subject, const char *text, size_t length) {
    (void)length;
    if (subject->process != process_current())
        return -EINVAL;
    return task_set_name(subject->process, subject->task, text);
}
