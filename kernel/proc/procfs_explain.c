/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/explain: an address of a process, explained (docs/explain.md). Quire's own file.
 *
 * Who may look at /proc/PID/maps may ask; numbers of frames are for root, as in pagemap. All of an
 * answer is of one moment, of the space that the process has then: execve(2) gives it another.
 */
#include "proc/explain.h"
#include "proc/procfs_private.h"
#include "vfs/access.h"
#include "vm/space.h"

/* A zombie, or one that is on its way to be one. */
static void show_no_space(struct seq *seq, uint64_t address) {
    seq_printf(seq, "address: %#lx\n", address);
    seq_string(seq, "space: none: the process has ended, and its memory was given back\n");
}

int procfs_answer_explain(struct seq *seq, const struct procfs_subject *subject, uint64_t address) {
    struct explain_question question = {
        .process = subject->process,
        .space = process_space_get(subject->process),
        .address = address,
        .with_frames = vfs_is_root(),
    };
    int error = 0;

    seq_printf(seq, "process: %d (%s)\n", subject->process->pid, process_name(subject->process));
    if (question.space)
        error = explain_print(seq, &question);
    else
        show_no_space(seq, address);
    if (question.space)
        vm_space_unref(question.space);
    return error;
}
