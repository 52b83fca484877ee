/* SPDX-License-Identifier: MIT */
/*
 * Segments of System V shared memory for the tests: made, attached, looked at.
 */
#ifndef TESTS_USER_SEGMENTS_H
#define TESTS_USER_SEGMENTS_H

#include "facts.h"

#include <sys/ipc.h>
#include <sys/shm.h>

#define RW (PROT_READ | PROT_WRITE)
#define PAGES 3
#define BYTES (PAGES * PAGE_BYTES)

#ifndef SHM_STAT_ANY
#define SHM_STAT_ANY 15
#endif
#ifndef SHM_EXEC
#define SHM_EXEC 0100000
#endif

#define KEY_BASE 0x51600000

/* A key that nobody else has. */
static inline key_t fresh_key(void) {
    static int count;
    key_t key;

    do
        key = KEY_BASE + (getpid() % 30000) * 16 + count++;
    while (shmget(key, 0, 0) >= 0 || errno != ENOENT);
    return key;
}

static inline int segment(size_t bytes, int mode) {
    int id = shmget(IPC_PRIVATE, bytes, mode);

    CHECK(id >= 0);
    return id;
}

static inline char *attach(int id, int flags) {
    char *start = shmat(id, NULL, flags);

    CHECK(start != (char *)-1);
    return start;
}

/* A segment of BYTES that is attached and goes with its last user. */
static inline int doomed_segment(char **start) {
    int id = segment(BYTES, 0600);

    *start = attach(id, 0);
    CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
    return id;
}

static inline struct shmid_ds status_of(int id) {
    struct shmid_ds status;

    CHECK_EQ(shmctl(id, IPC_STAT, &status), 0);
    return status;
}

static inline long attached(int id) {
    return (long)status_of(id).shm_nattch;
}

static inline bool is_gone(int id) {
    struct shmid_ds status;

    return shmctl(id, IPC_STAT, &status) < 0 && (errno == EINVAL || errno == EIDRM);
}

#endif
