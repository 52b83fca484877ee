/* SPDX-License-Identifier: MIT */
/* See process_model.h. */
#include "support/process_model.h"

#include <string.h>

#include "core/uaccess.h"
#include "lib/bits.h"
#include "proc/permission.h"
#include "proc/process.h"
#include "support/model_cpu.h"
#include "vm/space.h"

static struct process running, peer;
static struct task task; /* that runs */
static struct vm_space *running_space, *peer_space;
static int peer_pid;

void process_model_run(struct vm_space *space) {
    running_space = space;
    task.thread.process = &running;
    host_cpu.current = &task.thread;
}

void process_model_peer(int pid, struct vm_space *space) {
    peer_pid = pid;
    peer_space = space;
}

/* ---- what kernel/proc would do ---- */

struct process *process_get(int pid) {
    return peer_space && pid == peer_pid ? &peer : NULL;
}

void process_put(struct process *process) {
    (void)process;
}

struct vm_space *process_space_get(struct process *process) {
    (void)process;
    vm_space_ref(peer_space);
    return peer_space;
}

bool permission_to_attach(const struct process *process) {
    return process == &peer;
}

/* ---- copies: vectors of ranges are the host's, what they lead to is the process's ---- */

int copy_from_user(void *dst, const void *usrc, size_t size) {
    memcpy(dst, usrc, size);
    return 0;
}

/* Copies by a page at a time, up to what the process may not touch. Bytes left. */
static size_t copy_pages(uint64_t va, char *data, size_t size, unsigned access) {
    while (size > 0) {
        size_t n = MIN(size, PAGE_SIZE - va % PAGE_SIZE);
        unsigned char *at;

        if (model_cpu_find(running_space, va, access, &at) < 0)
            return size;
        if (access & VM_WRITE)
            memcpy(at, data, n);
        else
            memcpy(data, at, n);
        va += n;
        data += n;
        size -= n;
    }
    return 0;
}

size_t copy_from_user_partial(void *dst, const void *usrc, size_t size) {
    return copy_pages((uintptr_t)usrc, dst, size, VM_READ);
}

size_t copy_to_user_partial(void *udst, const void *src, size_t size) {
    return copy_pages((uintptr_t)udst, (char *)(uintptr_t)src, size, VM_WRITE);
}
