/* SPDX-License-Identifier: MIT */
/*
 * What the files procfs*.c share: the show functions, by file, and small helpers. Each function is
 * one file of /proc/PID (or, where it says so, of /proc); proc(5) tells the formats.
 */
#ifndef PROC_PROCFS_PRIVATE_H
#define PROC_PROCFS_PRIVATE_H

#include "fs/procfs/procfs.h"
#include "proc/process.h"

/* procfs_stat.c */
int procfs_show_stat(struct seq *seq, const struct procfs_subject *subject);
int procfs_show_statm(struct seq *seq, const struct procfs_subject *subject);
int procfs_show_schedstat(struct seq *seq, const struct procfs_subject *subject);

/* Bytes of the pages that the program's code lies in, libraries not included. */
uint64_t procfs_code_bytes(const struct process *process);

/* procfs_status.c */
int procfs_show_status(struct seq *seq, const struct procfs_subject *subject);
int procfs_show_limits(struct seq *seq, const struct procfs_subject *subject);

/* procfs_maps.c */
int procfs_show_maps(struct seq *seq, const struct procfs_subject *subject);
int procfs_show_smaps(struct seq *seq, const struct procfs_subject *subject);
int procfs_show_smaps_rollup(struct seq *seq, const struct procfs_subject *subject);

/* One area, as a line of maps. */
struct vm_area_info;
void procfs_show_area(struct seq *seq, const struct process *process,
                      const struct vm_area_info *info);

/* procfs_explain.c */
int procfs_answer_explain(struct seq *seq, const struct procfs_subject *subject, uint64_t address);

/* procfs_pagemap.c */
int procfs_show_pagetable(struct seq *seq, const struct procfs_subject *subject);
long procfs_read_pagemap(const struct procfs_subject *subject, struct iobuf *b, uint64_t *pos);
long procfs_read_mem(const struct procfs_subject *subject, struct iobuf *b, uint64_t *pos);
long procfs_write_mem(const struct procfs_subject *subject, struct iobuf *b, uint64_t *pos);

/* procfs_image.c */
int procfs_show_cmdline(struct seq *seq, const struct procfs_subject *subject);
int procfs_show_environ(struct seq *seq, const struct procfs_subject *subject);
int procfs_show_auxv(struct seq *seq, const struct procfs_subject *subject);
int procfs_show_comm(struct seq *seq, const struct procfs_subject *subject);
int procfs_write_comm(const struct procfs_subject *subject, const char *text, size_t length);

/* procfs_oom.c */
int procfs_show_oom_score(struct seq *seq, const struct procfs_subject *subject);
int procfs_show_oom_score_adj(struct seq *seq, const struct procfs_subject *subject);
int procfs_show_oom_adj(struct seq *seq, const struct procfs_subject *subject);
int procfs_write_oom_score_adj(const struct procfs_subject *subject, const char *text,
                               size_t length);
int procfs_write_oom_adj(const struct procfs_subject *subject, const char *text, size_t length);

/* procfs_mounts.c */
int procfs_show_mounts(struct seq *seq, const struct procfs_subject *subject);
int procfs_show_mountinfo(struct seq *seq, const struct procfs_subject *subject);

/* procfs_fd.c: directories and links */
extern const struct procfs_dir procfs_fd_dir;
extern const struct procfs_dir procfs_fdinfo_dir;
int procfs_follow_exe(const struct procfs_subject *subject, struct name **out);
int procfs_follow_cwd(const struct procfs_subject *subject, struct name **out);
int procfs_follow_root(const struct procfs_subject *subject, struct name **out);

/* procfs_sysvipc.c: /proc/sysvipc */
extern const struct procfs_dir procfs_sysvipc_dir;

/* procfs_system.c: files of /proc itself */
int procfs_show_loadavg(struct seq *seq, const struct procfs_subject *subject);
int procfs_show_system_stat(struct seq *seq, const struct procfs_subject *subject);
int procfs_show_version(struct seq *seq, const struct procfs_subject *subject);
extern const struct procfs_dir procfs_sys_dir;

/* What ps shows of one thread or of a whole process. */
struct procfs_runner {
    int id;
    char name[THREAD_NAME_SIZE];
    char state;
    struct process_usage usage;
    uint32_t tasks;    /* of the process */
    uint64_t affinity; /* processors that it may run on; of a process, its leader */
};

/* The rule of signals and tracing: may the caller see inside, since all of its ids are its own? */
bool procfs_may_look(const struct process *process);

/* Fills it in for subject->task, or for the process if that is 0. -ESRCH: gone. */
int procfs_runner_get(const struct procfs_subject *subject, struct procfs_runner *runner);

#endif
