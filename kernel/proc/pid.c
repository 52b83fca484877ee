/* SPDX-License-Identifier: MIT */
/*
 * Numbers for processes; see pid.h. The search for a free one starts after the last one given out,
 * so it is short unless most numbers are in use.
 */
#include "proc/pid.h"

#include <stdint.h>

#include "core/assert.h"
#include "lib/string.h"
#include "proc/process.h"

/* After the first round the lowest ids stay with whoever was started at boot. */
#define PID_FIRST_AGAIN 300

static uint8_t users[PID_MAX] __attribute__((aligned(8))); /* how many things are known by the id */
static int last;

int pid_alloc_locked(void) {
    int id = last;

    DEBUG_ASSERT(spin_held(&process_tree_lock));
    for (int tried = 0; tried < PID_MAX; tried++) {
        if (++id >= PID_MAX)
            id = PID_FIRST_AGAIN;
        if (users[id] == 0) {
            users[id] = 1;
            last = id;
            return id;
        }
    }
    return 0;
}

void pid_use_locked(int id) {
    DEBUG_ASSERT(users[id] < UINT8_MAX);
    users[id]++;
}

void pid_drop_locked(int id) {
    DEBUG_ASSERT(users[id] > 0);
    users[id]--;
}

int pid_next_locked(int from) {
    int id = from;

    while (id < PID_MAX && users[id] == 0) {
        uint64_t word;

        /* Eight at a time where nobody is. */
        memcpy(&word, &users[id & ~7], sizeof(word));
        id = word == 0 ? (id | 7) + 1 : id + 1;
    }
    return id;
}

int pid_last(void) {
    return last;
}
