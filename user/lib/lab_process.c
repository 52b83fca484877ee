/* SPDX-License-Identifier: MIT */
/*
 * Children and threads of memlab, and its own pages.
 *
 * Parent and child go on after a fork when both have written to each page that memlab itself
 * needs: what is counted from then on is what the steps do.
 */
#define _GNU_SOURCE
#include "user/lib/lab.h"
#include "user/lib/lab_private.h"
#include "user/lib/look.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEPT_MAX 16
#define THREADS_MAX 15
#define THREAD_STACK_BYTES 16384

static pid_t kept[KEPT_MAX];
static int kept_count;
static pthread_t threads[THREADS_MAX];
static int thread_count;
static volatile int threads_stop;
static int threads_running;

static void byte_send(int fd) {
    if (write(fd, "", 1) != 1)
        _exit(1);
}

static void byte_wait(int fd) {
    char byte;

    if (read(fd, &byte, 1) != 1)
        _exit(1);
}

pid_t lab_fork(void) {
    int up[2], down[2];
    pid_t child;

    if (pipe(up) < 0)
        return -1;
    if (pipe(down) < 0 || (child = fork()) < 0) {
        close(up[0]);
        close(up[1]);
        return -1;
    }
    lab_settle();
    if (child == 0) {
        kept_count = thread_count = 0; /* the parent's */
        byte_send(up[1]);
        byte_wait(down[0]);
    } else {
        byte_wait(up[0]);
        lab_settle();
        byte_send(down[1]);
    }
    close(up[0]);
    close(up[1]);
    close(down[0]);
    close(down[1]);
    return child;
}

int lab_keep_run(char **words, int count) {
    pid_t child;

    (void)count;
    if (strcmp(words[1], "keep") != 0)
        return lab_fail("fork what? `fork keep`, or `fork { steps }`");
    if (kept_count == KEPT_MAX)
        return lab_fail("%d children are kept at most", KEPT_MAX);
    child = lab_fork();
    if (child < 0)
        return lab_error("fork");
    while (child == 0)
        pause();
    kept[kept_count++] = child;
    return 0;
}

int lab_end_run(char **words, int count) {
    (void)words, (void)count;
    if (kept_count == 0)
        return lab_fail("no child is kept");
    kill(kept[--kept_count], SIGKILL);
    waitpid(kept[kept_count], NULL, 0);
    return 0;
}

static void *thread_spin(void *processor) {
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((size_t)(uintptr_t)processor, &set);
    sched_setaffinity(0, sizeof set, &set);
    __atomic_fetch_add(&threads_running, 1, __ATOMIC_SEQ_CST);
    while (!threads_stop)
        __builtin_ia32_pause();
    return NULL;
}

static int threads_start(size_t count) {
    pthread_attr_t attributes;
    cpu_set_t own;

    CPU_ZERO(&own);
    CPU_SET(0, &own);
    sched_setaffinity(0, sizeof own, &own);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
    for (size_t i = 1; i <= count; i++) {
        if (pthread_create(&threads[thread_count], &attributes, thread_spin, (void *)i) != 0)
            return lab_fail("a thread could not be made");
        thread_count++;
    }
    while (__atomic_load_n(&threads_running, __ATOMIC_SEQ_CST) < thread_count)
        sched_yield();
    return 0;
}

static void threads_end(void) {
    threads_stop = 1;
    while (thread_count > 0)
        pthread_join(threads[--thread_count], NULL);
    threads_stop = threads_running = 0;
}

int lab_threads_run(char **words, int count) {
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t wanted;

    (void)count;
    threads_end();
    if (lab_count_parse(words[1], &wanted) < 0)
        return -1;
    if (wanted > THREADS_MAX || (long)wanted >= processors)
        return lab_fail("there are %ld processors, one of them this thread's", processors);
    return wanted > 0 ? threads_start(wanted) : 0;
}

void lab_end(void) {
    while (kept_count > 0)
        lab_end_run(NULL, 0);
    threads_end();
}

/* Writes to each page of an area that is not one of the maps'. Of the stack, to what is in use. */
static void settle_area(char *start, char *end, bool is_stack) {
    char *low = (char *)((uintptr_t)__builtin_frame_address(0) & -PAGE_BYTES) - OWN_STACK_BYTES;

    if (is_stack)
        start = low;
    for (; start < end; start += PAGE_BYTES)
        if (!lab_owns(start))
            *(volatile char *)start = *(volatile char *)start;
}

void lab_settle(void) {
    char *text = look_file("/proc/self/maps");

    for (char *line = text, *next; *line; line = next) {
        unsigned long start, end;
        char rights[5];

        next = line + strcspn(line, "\n");
        next += *next == '\n';
        if (sscanf(line, "%lx-%lx %4s", &start, &end, rights) == 3 && strcmp(rights, "rw-p") == 0) {
            size_t words = strcspn(line, "\n");

            settle_area((char *)start, (char *)end, memmem(line, words, "[stack]", 7) != NULL);
        }
    }
}
