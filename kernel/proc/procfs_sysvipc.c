/* SPDX-License-Identifier: MIT */
/*
 * /proc/sysvipc, and the limits in /proc/sys/kernel that belong to it. Formats: proc(5),
 * sysvipc(7).
 */
#include "abi/stat.h"
#include "ipc/shm.h"
#include "lib/bits.h"
#include "machine/layout.h"
#include "proc/procfs_private.h"

typedef unsigned long long ull;

static const char shm_header[] =
    "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid"
    "      atime      dtime      ctime                   rss                  swap\n";

static void show_segment(struct seq *seq, const struct shm_status *s) {
    seq_printf(seq, "%10d %10d  %4o %21llu %5d %5d  %5llu %5u %5u %5u %5u", s->key, s->id,
               s->perm.mode, (ull)s->size_bytes, s->creator_pid, s->last_pid, (ull)s->attachments,
               s->perm.uid, s->perm.gid, s->perm.cuid, s->perm.cgid);
    seq_printf(seq, " %10llu %10llu %10llu %21llu %21u\n", (ull)s->attached_s, (ull)s->detached_s,
               (ull)s->changed_s, (ull)(s->resident_pages * PAGE_SIZE), 0u);
}

/* The cursor is the index behind the last segment shown, and one more. */
static int show_shm(struct seq *seq, const struct procfs_subject *subject) {
    struct shm_status status;
    int index;

    (void)subject;
    if (seq->cursor == 0) {
        seq_string(seq, shm_header);
        seq->cursor = 1;
    }
    while (!seq->more && (index = shm_next((int)seq->cursor - 1, &status)) >= 0) {
        show_segment(seq, &status);
        seq->cursor = (uint64_t)index + 2;
        seq->more = seq->length >= SEQ_PIECE_BYTES;
    }
    return 0;
}

static const struct procfs_entry sysvipc_entries[] = {
    {.name = "shm", .mode = S_IFREG | 0444, .show = show_shm},
};
const struct procfs_dir procfs_sysvipc_dir = {.entries = sysvipc_entries,
                                              .count = ARRAY_SIZE(sysvipc_entries)};
