/* SPDX-License-Identifier: MIT */
/*
 * Making, naming and freeing threads. Who runs when is sched.c.
 *
 * A user thread's kernel stack, from the top: its trap frame, then its frames. Kernel threads start
 * right at the top.
 */
#include "sched/thread.h"

#include "abi/errno.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "machine/trapframe.h"
#include "mm/kva.h"
#include "mm/slab.h"
#include "sched/run_queue.h"
#include "sched/thread_private.h"

#define STACK_ALIGN 16

static struct slab_cache fpu_cache;
static struct slab_cache kernel_thread_cache;

/* A kernel thread with the function it runs. */
struct kernel_thread {
    struct thread thread;
    void (*fn)(void *);
    void *arg;
};

void threads_init(void) {
    slab_cache_init(&fpu_cache, "fpu_state", fpu_state_size(), FPU_STATE_ALIGN);
    slab_cache_init(&kernel_thread_cache, "kernel_thread", sizeof(struct kernel_thread), 0);
}

static void thread_init(struct thread *thread) {
    list_init(&thread->queue_node);
    thread->state = THREAD_NEW;
    thread->cpu = cpu_index();
    thread->affinity = UINT64_MAX;
}

int thread_init_user(struct thread *thread, void (*entry)(void *), void *arg) {
    thread_init(thread);
    thread->kstack_top = kstack_alloc();
    if (!thread->kstack_top)
        return -ENOMEM;
    thread->fpu = slab_alloc(&fpu_cache);
    if (!thread->fpu)
        goto free_stack;
    fpu_state_prepare(thread->fpu);
    thread->trapframe = (struct trapframe *)thread->kstack_top - 1;
    context_init(&thread->context,
                 (void *)align_down((uintptr_t)thread->trapframe, (uintptr_t)STACK_ALIGN), entry,
                 arg);
    return 0;

free_stack:
    kstack_free(thread->kstack_top);
    thread->kstack_top = NULL;
    return -ENOMEM;
}

static void free_resources(struct thread *thread) {
    slab_free(&fpu_cache, thread->fpu);
    kstack_free(thread->kstack_top);
}

void thread_destroy_unstarted(struct thread *thread) {
    free_resources(thread);
    thread->fpu = NULL;
    thread->kstack_top = NULL;
}

void thread_reap(struct thread *thread) {
    free_resources(thread);
    thread->release(thread);
}

static void kernel_thread_release(struct thread *thread) {
    slab_free(&kernel_thread_cache, container_of(thread, struct kernel_thread, thread));
}

static void kernel_thread_main(void *arg) {
    struct kernel_thread *self = arg;

    sched_finish_switch();
    irq_enable();
    self->fn(self->arg);
    thread_exit();
}

struct thread *thread_create_kernel(const char *name, void (*fn)(void *), void *arg) {
    struct kernel_thread *made = slab_alloc_zeroed(&kernel_thread_cache);

    if (!made)
        return NULL;
    thread_init(&made->thread);
    made->thread.kstack_top = kstack_alloc();
    if (!made->thread.kstack_top) {
        slab_free(&kernel_thread_cache, made);
        return NULL;
    }
    made->fn = fn;
    made->arg = arg;
    made->thread.release = kernel_thread_release;
    thread_set_name(&made->thread, name);
    context_init(&made->thread.context, made->thread.kstack_top, kernel_thread_main, made);
    thread_start(&made->thread);
    return &made->thread;
}

void thread_set_name(struct thread *thread, const char *name) {
    size_t length = strlen(name);

    if (length >= THREAD_NAME_SIZE)
        length = THREAD_NAME_SIZE - 1;
    memset(thread->name, 0, sizeof(thread->name));
    memcpy(thread->name, name, length);
}
