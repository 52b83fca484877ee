/* SPDX-License-Identifier: MIT */
/*
 * Memory eaten to the end: who asks for what is not there gets an error or is killed; everything
 * else goes on, and afterwards nothing is missing.
 *
 * Rows W3 and W11 (no memory: an error, and nothing changed), B9, "out of memory" of X5. A holder
 * takes all frames but a few; others then try what needs frames. On Linux only the parts with a
 * limit of one's own are run: nobody wants a machine's memory eaten.
 */
#define CHECK_SECONDS 200
#include "facts.h"
#include "random.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define ROOM_FRAMES 4000

/* The machine made small: a child that is spared holds all but ROOM_FRAMES until it is killed. */
static pid_t machine_shrink(void) {
    return frames_holder(ROOM_FRAMES, "-1000");
}

static void machine_grow(pid_t holder) {
    kill(holder, SIGKILL);
    child_wait(holder);
}

static void eat(void *gate) {
    memory_eat(gate);
}

static void eaten_to_the_end(void) {
    struct memory_use before;

    frames_exact_or_skip();
    child_run(eat, NULL); /* once the whole machine */
    machine_grow(machine_shrink());
    before = memory_use();
    pid_t holder = machine_shrink();
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(child_run(eat, NULL) & 0x7f, SIGKILL);
    }
    machine_grow(holder);
    CHECK_MEMORY_SAME(memory_use(), before);
}

static void killing_is_reported(void) {
    char wanted[64];
    pid_t child, holder;
    char *line;

    frames_exact_or_skip();
    holder = machine_shrink();
    child = fork();
    if (child == 0)
        eat(NULL);
    CHECK_EQ(child_wait(child) & 0x7f, SIGKILL);
    machine_grow(holder);
    snprintf(wanted, sizeof wanted, "quire: out of memory: killed test_exhaust[%d], ", child);
    line = strstr(kernel_log(), wanted);
    CHECK(line != NULL);
    line[strcspn(line, "\n")] = '\0';
    CHECK(strstr(line, " pages, oom_score_adj 0") != NULL);
}

static void several_eaters(void) {
    struct memory_use before;
    pid_t eaters[4], holder;
    int gate[2];

    frames_exact_or_skip();
    machine_grow(machine_shrink());
    before = memory_use();
    holder = machine_shrink();
    CHECK_EQ(pipe(gate), 0);
    for (size_t i = 0; i < COUNT_OF(eaters); i++) {
        eaters[i] = fork();
        CHECK(eaters[i] >= 0);
        if (eaters[i] == 0)
            eat(gate);
    }
    close(gate[0]);
    close(gate[1]);
    for (size_t i = 0; i < COUNT_OF(eaters); i++)
        CHECK_EQ(child_wait(eaters[i]) & 0x7f, SIGKILL);
    machine_grow(holder);
    CHECK_MEMORY_SAME(memory_use(), before);
}

/* ---- what another processor keeps in hand ---- */

#define IN_HAND 200
#define LEFT_OVER 100
#define PROCESSORS_MAX 16

static void run_on(unsigned processor) {
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    CHECK_EQ(sched_setaffinity(0, sizeof set, &set), 0);
}

/* A child on a processor of its own that has some pages until its pipe is closed. */
struct keeper {
    pid_t pid;
    int go, gone;
};

static struct keeper keeper_start(unsigned processor) {
    int go[2], gone[2];
    char byte;
    pid_t pid;

    CHECK_EQ(pipe(go) | pipe(gone), 0);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        close(go[1]);
        run_on(processor);
        char *pages = pages_map(IN_HAND, PROT_READ | PROT_WRITE);
        pages_write(pages, IN_HAND, 1);
        CHECK_EQ(write(gone[1], "", 1), 1);
        CHECK_EQ(read(go[0], &byte, 1), 1);
        munmap(pages, IN_HAND * PAGE_BYTES);
        CHECK_EQ(write(gone[1], "", 1), 1);
        for (;;)
            pause();
    }
    close(go[0]);
    close(gone[1]);
    CHECK_EQ(read(gone[0], &byte, 1), 1);
    return (struct keeper){pid, go[1], gone[0]};
}

static void keeper_let_go(const struct keeper *keeper) {
    char byte;

    CHECK_EQ(write(keeper->go, "", 1), 1);
    CHECK_EQ(read(keeper->gone, &byte, 1), 1);
}

/* It ends by our signal: nobody was killed for its memory. */
static void end_by_us(pid_t pid) {
    kill(pid, SIGTERM);
    CHECK_EQ(child_wait(pid) & 0x7f, SIGTERM);
}

/* What was freed on one processor is wanted on the next, and there is nothing else. */
static void free_on_another_processor(void) {
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    struct keeper keepers[PROCESSORS_MAX];
    char *pages;
    pid_t holder;

    frames_exact_or_skip();
    if (count < 2)
        SKIP("there is one processor");
    pages = pages_map((size_t)count * IN_HAND, PROT_READ | PROT_WRITE);
    for (long i = 0; i < count; i++)
        keepers[i] = keeper_start((unsigned)i);
    holder = frames_holder(LEFT_OVER, "0");
    for (long i = 0; i < count; i++) {
        keeper_let_go(&keepers[i]);
        run_on((unsigned)((i + 1) % count));
        pages_write(pages + (size_t)i * IN_HAND * PAGE_BYTES, IN_HAND, 1);
    }
    end_by_us(holder);
    for (long i = 0; i < count; i++)
        end_by_us(keepers[i].pid);
}

/* ---- calls with little memory left: each may fail, none may do half of its work ---- */

static void try_fork(void) {
    pid_t child = fork();

    if (child == 0)
        _exit(0);
    if (child > 0)
        child_wait(child);
}

static void try_pipe(void) {
    static char bytes[PAGE_BYTES * 4];
    int pair[2];

    if (pipe2(pair, O_NONBLOCK) < 0)
        return;
    if (write(pair[1], bytes, sizeof bytes) > 0)
        (void)!read(pair[0], bytes, sizeof bytes);
    close(pair[0]);
    close(pair[1]);
}

static void try_file(void) {
    static char bytes[PAGE_BYTES * 8];
    int fd = open("/tmp/exhaust", O_RDWR | O_CREAT | O_TRUNC, 0600);

    if (fd < 0)
        return;
    (void)!write(fd, bytes, sizeof bytes);
    close(fd);
    unlink("/tmp/exhaust");
}

static void try_directory(void) {
    if (mkdir("/tmp/exhaust-dir", 0700) == 0)
        rmdir("/tmp/exhaust-dir");
}

static void try_map(void) {
    char *pages =
        mmap(NULL, 9 * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (pages == MAP_FAILED)
        return;
    mprotect(pages + 2 * PAGE_BYTES, PAGE_BYTES, PROT_READ);
    mprotect(pages + 4 * PAGE_BYTES, PAGE_BYTES, PROT_NONE);
    munmap(pages + 6 * PAGE_BYTES, PAGE_BYTES);
    munmap(pages, 9 * PAGE_BYTES);
    munmap(pages, 9 * PAGE_BYTES);
}

static void try_touch(void) {
    char *pages = mmap((void *)0x500000000000, PAGE_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (pages == MAP_FAILED)
        return;
    *(volatile char *)pages = 1; /* may kill us: tables of three levels */
    munmap(pages, PAGE_BYTES);
}

static void try_exec(void) {
    char *const arguments[] = {"true", NULL};
    pid_t child = fork();

    if (child == 0) {
        execve("/bin/true", arguments, environ);
        _exit(1);
    }
    if (child > 0)
        child_wait(child);
}

static void try_look(void) {
    frames_free();
    (void)access("/proc/self/maps", R_OK);
}

static void (*const tries[])(void) = {try_fork, try_pipe,  try_file, try_directory,
                                      try_map,  try_touch, try_exec, try_look};

static void all_tries(void *unused) {
    (void)unused;
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < COUNT_OF(tries); i++)
            tries[i]();
}

/*
 * A holder takes all frames but `left`, then a trier tries everything, then the holder goes. Both
 * are made while there is plenty, and they wait for each other by closing pipes: neither that nor
 * this process, which only closes and waits, needs a frame.
 */
struct stage {
    int hold[2], held[2], try[2], leave[2];
};

static void await_close(int fd) {
    char byte;

    CHECK_EQ(read(fd, &byte, 1), 0);
}

static pid_t holder_start(struct stage *stage, long left) {
    pid_t pid = fork();

    CHECK(pid >= 0);
    if (pid > 0)
        return pid;
    close(stage->hold[1]);
    close(stage->try[1]);
    close(stage->leave[1]);
    frames_free();
    await_close(stage->hold[0]);
    frames_fill(left);
    close(stage->held[1]);
    await_close(stage->leave[0]);
    _exit(0);
}

static pid_t trier_start(struct stage *stage) {
    pid_t pid = fork();

    CHECK(pid >= 0);
    if (pid > 0)
        return pid;
    setpgid(0, 0); /* before `held` is closed: so it is done when the parent goes on */
    close(stage->hold[1]);
    close(stage->held[1]);
    close(stage->try[1]);
    close(stage->leave[1]);
    await_close(stage->try[0]);
    all_tries(NULL);
    _exit(0);
}

/* A trier that is killed leaves the child that it just made to us. */
static void trier_wait(pid_t trier) {
    while (waitpid(-trier, NULL, 0) > 0)
        ;
    CHECK_EQ(errno, ECHILD);
}

static void stage_run(long left) {
    struct stage stage;
    pid_t holder, trier;

    CHECK_EQ(pipe(stage.hold) | pipe(stage.held) | pipe(stage.try) | pipe(stage.leave), 0);
    trier = trier_start(&stage);
    holder = holder_start(&stage, left);
    close(stage.held[1]);
    close(stage.hold[1]);
    await_close(stage.held[0]);
    close(stage.try[1]);
    trier_wait(trier);
    close(stage.leave[1]);
    child_wait(holder);
    close(stage.hold[0]);
    close(stage.held[0]);
    close(stage.try[0]);
    close(stage.leave[0]);
}

static void clean_up(void) {
    unlink("/tmp/exhaust");
    rmdir("/tmp/exhaust-dir");
}

/* From plenty down to nothing, frame by frame at the end. */
static void every_call_with_little_left(void) {
    static const long left[] = {300, 100, 60, 40, 30, 25, 20, 16, 13, 11,
                                9,   8,   7,  6,  5,  4,  3,  2,  1,  0};
    struct memory_use before;
    pid_t holder;

    frames_exact_or_skip();
    CHECK_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    holder = machine_shrink();
    stage_run(1000);
    clean_up();
    before = memory_use();
    for (size_t i = 0; i < COUNT_OF(left); i++)
        stage_run(left[i]);
    clean_up();
    CHECK_MEMORY_SAME(memory_use(), before);
    machine_grow(holder);
    CHECK_CHILD_OK(all_tries, NULL);
}

/* ---- a limit of one's own: on Linux, too ---- */

static void own_limit_is_enomem(void) {
    size_t count = 0;

    CHECK_EQ(setrlimit(RLIMIT_AS, &(struct rlimit){20 << 20, 20 << 20}), 0);
    for (;; count++) {
        char *pages =
            mmap(NULL, 64 * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (pages == MAP_FAILED)
            break;
        pages_write(pages, 64, 1);
        CHECK(count < 1000);
    }
    CHECK_EQ(errno, ENOMEM);
    CHECK(count > 50);
    CHECK(malloc(64 << 20) == NULL);
}

/* Shared memory, files and pipes eat memory as well: they end with an error, not with a kill. */
static void file_eats_memory(void *unused) {
    static char bytes[64 * PAGE_BYTES];
    int fd = open("/tmp/exhaust-big", O_RDWR | O_CREAT | O_TRUNC, 0600);
    ssize_t done;

    (void)unused;
    CHECK(fd >= 0);
    unlink("/tmp/exhaust-big");
    while ((done = write(fd, bytes, sizeof bytes)) > 0)
        ;
    CHECK(done == -1 && (errno == ENOSPC || errno == ENOMEM));
}

static void full_file_system_is_an_error(void) {
    struct memory_use before;

    frames_exact_or_skip();
    CHECK_CHILD_OK(file_eats_memory, NULL);
    before = memory_use();
    CHECK_CHILD_OK(file_eats_memory, NULL);
    CHECK_MEMORY_SAME(memory_use(), before);
}

CHECK_MAIN({"eaten_to_the_end", eaten_to_the_end}, {"killing_is_reported", killing_is_reported},
           {"several_eaters", several_eaters},
           {"free_on_another_processor", free_on_another_processor},
           {"every_call_with_little_left", every_call_with_little_left},
           {"own_limit_is_enomem", own_limit_is_enomem},
           {"full_file_system_is_an_error", full_file_system_is_an_error})
