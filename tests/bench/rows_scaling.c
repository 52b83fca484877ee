/* SPDX-License-Identifier: MIT */
/*
 * bench --scaling: what it costs when several processors work at once. Each worker is a thread or a
 * process on a processor of its own; the bench itself is worker 0. What is measured lies between
 * the moment when all are let go and the one when the last is done, divided by what all of them
 * did: it stays the same in instructions, and halves in time with twice the workers, where nobody
 * is in another's way.
 */

#define _GNU_SOURCE
#include "tests/bench/bench.h"

#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WORKERS_MAX 4
#define WORKER_PAGES 1024UL
#define WAKE_TURNS 500
#define FUTEX_WAIT 0 /* as the kernel wakes who waits for a thread: not private */
#define FUTEX_WAIT_PRIVATE 128
#define FUTEX_WAKE_PRIVATE 129
#define SHOOT_TURNS 100

#define STACK_BYTES (64 * 1024UL)
#define THREAD_FLAGS                                                                               \
    (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |            \
     CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)

/*
 * A thread without the library's: a program that has those does more at each fork, and the other
 * rows are measured in this one.
 */
struct thread {
    atomic_uint tid; /* cleared and woken by the kernel when it has ended */
    char *stack;
};

/* What all workers see, processes too. */
struct gate {
    atomic_uint waiting; /* workers that are ready */
    atomic_uint open;
    atomic_uint done;
    atomic_uint stop;
    atomic_uint turn; /* whose it is: a futex */
};

struct worker {
    struct gate *gate;
    unsigned index, workers;
    char *area; /* of all workers; NULL: each maps its own */
};

/* `worker`, not processor: see processor_stride. */
static void run_on(unsigned worker) {
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(worker * processor_stride, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0)
        row_skip(); /* too few processors */
}

static struct gate *gate_make(void) {
    struct gate *gate =
        mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    need(gate != MAP_FAILED, "mmap of shared memory");
    return gate;
}

/* `pause` lets an emulator that runs processors in turn go on to the next. */
static void relax(void) {
    __asm__ volatile("pause" ::: "memory");
}

static void wait_until(atomic_uint *count, unsigned wanted) {
    while (atomic_load(count) != wanted)
        relax();
}

/* ---- faults ---- */

static void touch_own(char *pages) {
    pages_write(pages, WORKER_PAGES);
}

/* Every so many pages one: each leaf of the page table is everybody's. */
static void touch_shared(const struct worker *worker) {
    volatile char *area = worker->area;

    for (size_t i = worker->index; i < WORKER_PAGES * worker->workers; i += worker->workers)
        area[i * PAGE_BYTES] = 1;
}

static void worker_touch(const struct worker *worker, char *own) {
    if (worker->area)
        touch_shared(worker);
    else
        touch_own(own);
}

static int worker_run(void *argument) {
    const struct worker *worker = argument;
    char *own = worker->area ? NULL : pages_map(WORKER_PAGES);

    run_on(worker->index);
    atomic_fetch_add(&worker->gate->waiting, 1);
    wait_until(&worker->gate->open, 1);
    worker_touch(worker, own);
    atomic_fetch_add(&worker->gate->done, 1);
    wait_until(&worker->gate->stop, 1);
    if (own)
        pages_unmap(own, WORKER_PAGES);
    return 0;
}

/* Lets the others go, does worker 0's part and waits for theirs. */
static ticks touch_together(const struct worker *self) {
    struct gate *gate = self->gate;
    char *own = self->area ? NULL : pages_map(WORKER_PAGES);
    ticks start;

    run_on(0);
    wait_until(&gate->waiting, self->workers - 1);
    start = now();
    atomic_store(&gate->open, 1);
    worker_touch(self, own);
    wait_until(&gate->done, self->workers - 1);
    start = now() - start;
    atomic_store(&gate->stop, 1);
    if (own)
        pages_unmap(own, WORKER_PAGES);
    return start;
}

static void futex_call(atomic_uint *word, int operation, unsigned value) {
    syscall(SYS_futex, word, operation, value, NULL, NULL, 0);
}

static void thread_start(struct thread *thread, int (*run)(void *), void *argument) {
    thread->stack = pages_map(STACK_BYTES / PAGE_BYTES);
    need(clone(run, thread->stack + STACK_BYTES, THREAD_FLAGS, argument, &thread->tid, NULL,
               &thread->tid) > 0,
         "clone");
}

static void thread_join(struct thread *thread) {
    unsigned tid;

    while ((tid = atomic_load(&thread->tid)) != 0)
        futex_call(&thread->tid, FUTEX_WAIT, tid);
    pages_unmap(thread->stack, STACK_BYTES / PAGE_BYTES);
}

static ticks faults_of_threads(unsigned workers, char *area) {
    struct worker all[WORKERS_MAX];
    struct thread threads[WORKERS_MAX];
    struct gate *gate = gate_make();
    ticks total;

    run_on(workers - 1);
    for (unsigned i = 0; i < workers; i++)
        all[i] = (struct worker){gate, i, workers, area};
    for (unsigned i = 1; i < workers; i++)
        thread_start(&threads[i], worker_run, &all[i]);
    total = touch_together(&all[0]);
    for (unsigned i = 1; i < workers; i++)
        thread_join(&threads[i]);
    munmap(gate, PAGE_BYTES);
    return per(total, workers * WORKER_PAGES);
}

static ticks faults_one_area(unsigned workers) {
    char *area = pages_map(workers * WORKER_PAGES);
    ticks result = faults_of_threads(workers, area);

    pages_unmap(area, workers * WORKER_PAGES);
    return result;
}

static ticks faults_of_processes(unsigned workers) {
    struct gate *gate = gate_make();
    pid_t children[WORKERS_MAX];
    ticks total;

    run_on(workers - 1);
    for (unsigned i = 1; i < workers; i++) {
        children[i] = child_start();
        if (children[i] == 0) {
            worker_run(&(struct worker){gate, i, workers, NULL});
            _exit(0);
        }
    }
    total = touch_together(&(struct worker){gate, 0, workers, NULL});
    for (unsigned i = 1; i < workers; i++)
        child_wait(children[i]);
    munmap(gate, PAGE_BYTES);
    return per(total, workers * WORKER_PAGES);
}

static ticks threads_1(void) {
    return faults_of_threads(1, NULL);
}

static ticks threads_2(void) {
    return faults_of_threads(2, NULL);
}

static ticks threads_4(void) {
    return faults_of_threads(4, NULL);
}

static ticks one_area_2(void) {
    return faults_one_area(2);
}

static ticks one_area_4(void) {
    return faults_one_area(4);
}

static ticks processes_1(void) {
    return faults_of_processes(1);
}

static ticks processes_2(void) {
    return faults_of_processes(2);
}

static ticks processes_4(void) {
    return faults_of_processes(4);
}

/* ---- waking somebody on another processor ---- */

/* Passes the turn to the other, `turns` times, and waits for it in between. */
static void futex_turns(struct gate *gate, unsigned self) {
    for (unsigned i = 0; i < WAKE_TURNS; i++) {
        while (atomic_load(&gate->turn) != self)
            futex_call(&gate->turn, FUTEX_WAIT_PRIVATE, !self);
        atomic_store(&gate->turn, !self);
        futex_call(&gate->turn, FUTEX_WAKE_PRIVATE, 1);
    }
}

static int futex_partner(void *gate) {
    run_on(1);
    futex_turns(gate, 1);
    return 0;
}

static ticks futex_wake(void) {
    struct gate *gate = gate_make();
    struct thread partner;
    ticks start;

    run_on(1);
    run_on(0);
    thread_start(&partner, futex_partner, gate);
    start = now();
    futex_turns(gate, 0);
    thread_join(&partner);
    start = now() - start;
    munmap(gate, PAGE_BYTES);
    return per(start, 2 * WAKE_TURNS);
}

static _Noreturn void pipe_partner(int from, int to) {
    char byte;

    run_on(1);
    while (read(from, &byte, 1) == 1 && write(to, &byte, 1) == 1)
        ;
    _exit(0);
}

static ticks pipe_wake(void) {
    int there[2], back[2];
    char byte = 0;
    ticks start, result;
    pid_t child;

    run_on(1);
    run_on(0);
    need(pipe2(there, O_CLOEXEC) == 0 && pipe2(back, O_CLOEXEC) == 0, "pipe2");
    child = child_start();
    if (child == 0) {
        close(there[1]);
        pipe_partner(there[0], back[1]);
    }
    start = now();
    for (int i = 0; i < WAKE_TURNS; i++)
        need(write(there[1], &byte, 1) == 1 && read(back[0], &byte, 1) == 1, "pipe");
    result = now() - start;
    close(there[1]);
    child_wait(child);
    close(there[0]);
    close(back[0]);
    close(back[1]);
    return per(result, 2 * WAKE_TURNS);
}

/* ---- taking rights away while others run ---- */

static int bystander(void *argument) {
    const struct worker *worker = argument;

    run_on(worker->index);
    atomic_fetch_add(&worker->gate->waiting, 1);
    wait_until(&worker->gate->stop, 1);
    return 0;
}

static ticks shoot(volatile char *page) {
    ticks start = now();

    for (int i = 0; i < SHOOT_TURNS; i++) {
        page[0] = 1;
        need(mprotect((void *)page, PAGE_BYTES, PROT_READ) == 0, "mprotect");
        need(mprotect((void *)page, PAGE_BYTES, PROT_READ | PROT_WRITE) == 0, "mprotect");
    }
    return now() - start;
}

static ticks shootdown(unsigned others) {
    struct worker all[WORKERS_MAX];
    struct thread threads[WORKERS_MAX];
    struct gate *gate = gate_make();
    char *page = pages_map(1);
    ticks total;

    run_on(others);
    run_on(0);
    for (unsigned i = 1; i <= others; i++) {
        all[i] = (struct worker){gate, i, others, NULL};
        thread_start(&threads[i], bystander, &all[i]);
    }
    wait_until(&gate->waiting, others);
    total = shoot(page);
    atomic_store(&gate->stop, 1);
    for (unsigned i = 1; i <= others; i++)
        thread_join(&threads[i]);
    pages_unmap(page, 1);
    munmap(gate, PAGE_BYTES);
    return per(total, SHOOT_TURNS);
}

static ticks shootdown_0(void) {
    return shootdown(0);
}

static ticks shootdown_1(void) {
    return shootdown(1);
}

static ticks shootdown_3(void) {
    return shootdown(3);
}

static const struct row fault_array[] = {
    {"faults_1_thread", "1 thread", threads_1, 5, 0, ROW_TIME},
    {"faults_2_threads", "2 threads, an area each", threads_2, 5, 0, ROW_TIME},
    {"faults_4_threads", "4 threads, an area each", threads_4, 5, 0, ROW_TIME},
    {"faults_2_one_area", "2 threads, every other page of one area", one_area_2, 5, 0, ROW_TIME},
    {"faults_4_one_area", "4 threads, every fourth page of one area", one_area_4, 5, 0, ROW_TIME},
    {"faults_1_process", "1 process", processes_1, 5, 0, ROW_TIME},
    {"faults_2_processes", "2 processes", processes_2, 5, 0, ROW_TIME},
    {"faults_4_processes", "4 processes", processes_4, 5, 0, ROW_TIME},
};

static const struct row wake_array[] = {
    {"futex_wake_across", "futex, two threads", futex_wake, 5, 0, ROW_TIME},
    {"pipe_wake_across", "pipe, two processes", pipe_wake, 5, 0, ROW_TIME},
};

static const struct row shoot_array[] = {
    {"shootdown_0", "no other thread", shootdown_0, 3, 0, ROW_TIME},
    {"shootdown_1", "1 other thread", shootdown_1, 3, 0, ROW_TIME},
    {"shootdown_3", "3 other threads", shootdown_3, 3, 0, ROW_TIME},
};

const struct rows scaling_fault_rows = ROWS("First writes at once, per page", fault_array);
const struct rows scaling_wake_rows = ROWS("Wake-ups on another processor, each", wake_array);
const struct rows scaling_shoot_rows =
    ROWS("A page read-only and back while others run, each", shoot_array);
