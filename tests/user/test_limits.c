/* SPDX-License-Identifier: MIT */
/*
 * Limits and small facts: rlimits and what they stop, memory by the page, a fork bomb within one,
 * getrandom, uname, sysinfo, priorities, prctl, umask and identities.
 */
#include "signals.h"
#include "facts.h"

#include <grp.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>

static void limits_are_kept_and_checked(void) {
    struct rlimit limit, given = {50, 60};

    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &given), 0);
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    CHECK(limit.rlim_cur == 50 && limit.rlim_max == 60);
    given = (struct rlimit){70, 60};
    CHECK_FAILS(setrlimit(RLIMIT_NOFILE, &given), EINVAL);
    CHECK_FAILS(getrlimit(99, &limit), EINVAL);
    CHECK_FAILS(setrlimit(99, &limit), EINVAL);
    CHECK(geteuid() != 0 || setuid(1000) == 0);
    given = (struct rlimit){60, 60};
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &given), 0);
    given = (struct rlimit){10, 61};
    CHECK_FAILS(setrlimit(RLIMIT_NOFILE, &given), EPERM);
}

static void every_limit_can_be_read(void) {
    for (int i = 0; i < 16; i++) {
        struct rlimit limit;
        CHECK_EQ(getrlimit(i, &limit), 0);
        CHECK(limit.rlim_cur <= limit.rlim_max);
    }
}

static void limits_of_another(void) {
    struct rlimit limit, given = {33, 44};
    pid_t child = fork();

    if (child == 0)
        for (;;)
            pause();
    CHECK_EQ(prlimit(child, RLIMIT_NOFILE, &given, NULL), 0);
    CHECK_EQ(prlimit(child, RLIMIT_NOFILE, NULL, &limit), 0);
    CHECK(limit.rlim_cur == 33 && limit.rlim_max == 44);
    CHECK_FAILS(prlimit(999999, RLIMIT_NOFILE, NULL, &limit), ESRCH);
    kill(child, SIGKILL);
    child_wait(child);
}

static void files_are_limited(void) {
    struct rlimit given = {10, 10};
    int fd = 0, last = 0;

    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &given), 0);
    while ((fd = dup(0)) >= 0)
        last = fd;
    CHECK_EQ(errno, EMFILE);
    CHECK_EQ(last, 9);
    int pair[2];
    CHECK_FAILS(pipe(pair), EMFILE);
    CHECK_FAILS(open("/dev/null", O_RDONLY), EMFILE);
    CHECK_FAILS(dup2(0, 10), EBADF);
    CHECK_FAILS(fcntl(0, F_DUPFD, 10), EINVAL);
    close(last);
    CHECK_FAILS(pipe(pair), EMFILE); /* needs two */
    CHECK_EQ(dup(0), last);
}

static void file_size_is_limited(void) {
    struct rlimit given = {1000, 2000};
    char bytes[600] = "", path[] = "/tmp/limits-XXXXXX";
    int fd = mkstemp(path);

    unlink(path);
    handle(SIGXFSZ, 0);
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &given), 0);
    CHECK_EQ(write(fd, bytes, 600), 600);
    CHECK_EQ(write(fd, bytes, 600), 400);
    CHECK_FAILS(write(fd, bytes, 600), EFBIG);
    CHECK_EQ(seen[SIGXFSZ], 1);
    CHECK_FAILS(ftruncate(fd, 1001), EFBIG);
}

static void spin(void *unused) {
    struct rlimit given = {1, 2};

    (void)unused;
    setrlimit(RLIMIT_CPU, &given);
    for (;;)
        __asm__ volatile("");
}

static void processor_time_is_limited(void) {
    if (on_quire())
        SKIP("RLIMIT_CPU is kept but not enforced");
    CHECK_CHILD_KILLED(spin, NULL, SIGXCPU);
}

/* ---- memory: each limit at its last page ---- */

#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW (PROT_READ | PROT_WRITE)

static void set_limit(int resource, rlim_t soft) {
    struct rlimit limit;

    CHECK_EQ(getrlimit(resource, &limit), 0);
    limit.rlim_cur = soft;
    CHECK_EQ(setrlimit(resource, &limit), 0);
}

static void refuse_map(size_t pages, int prot, int flags) {
    CHECK(mmap(NULL, pages * PAGE_BYTES, prot, flags, -1, 0) == MAP_FAILED);
    CHECK_EQ(errno, ENOMEM);
}

static char *allow_map(size_t pages, int prot, int flags) {
    char *start = mmap(NULL, pages * PAGE_BYTES, prot, flags, -1, 0);

    CHECK(start != MAP_FAILED);
    return start;
}

static rlim_t status_bytes(const char *key) {
    fact_number("/proc/self/status", key); /* the buffer's pages are there from now on */
    return (rlim_t)fact_number("/proc/self/status", key) * 1024;
}

/* Bytes below one more page are not enough for it. */
static void address_space_is_limited(void) {
    char *pages;

    set_limit(RLIMIT_AS, status_bytes("VmSize") + 11 * PAGE_BYTES - 1);
    refuse_map(11, PROT_NONE, ANONYMOUS);
    refuse_map(11, RW, MAP_SHARED | MAP_ANONYMOUS);
    pages = allow_map(10, PROT_NONE, ANONYMOUS);
    refuse_map(1, RW, ANONYMOUS);
    CHECK_EQ(mprotect(pages, 10 * PAGE_BYTES, RW), 0);
    CHECK(mmap(pages, 10 * PAGE_BYTES, RW, ANONYMOUS | MAP_FIXED, -1, 0) == pages);
    CHECK(mmap(pages + PAGE_BYTES, 10 * PAGE_BYTES, RW, ANONYMOUS | MAP_FIXED, -1, 0) ==
          MAP_FAILED);
    CHECK_EQ(syscall(SYS_brk, syscall(SYS_brk, 0) + 8192), syscall(SYS_brk, 0));
    CHECK_EQ(munmap(pages, PAGE_BYTES), 0);
    allow_map(1, RW, ANONYMOUS);
}

static void data_is_limited(void) {
    char *readable;

    set_limit(RLIMIT_DATA, status_bytes("VmData") + 11 * PAGE_BYTES - 1);
    refuse_map(11, RW, ANONYMOUS);
    readable = allow_map(20, PROT_READ, ANONYMOUS);
    allow_map(20, RW, MAP_SHARED | MAP_ANONYMOUS);
    CHECK_FAILS(mprotect(readable, 11 * PAGE_BYTES, RW), ENOMEM);
    CHECK_EQ(mprotect(readable, 6 * PAGE_BYTES, RW), 0);
    refuse_map(5, RW, ANONYMOUS);
    allow_map(4, RW, ANONYMOUS);
    CHECK_FAILS(mprotect(readable, 7 * PAGE_BYTES, RW), ENOMEM);
    CHECK_EQ(mprotect(readable, 6 * PAGE_BYTES, PROT_READ | PROT_EXEC), 0);
    allow_map(6, RW, ANONYMOUS | MAP_NORESERVE);
    refuse_map(1, RW, ANONYMOUS);
}

/* A limit of whole pages is reached, and not passed. */
static void whole_pages_fit(void) {
    set_limit(RLIMIT_DATA, status_bytes("VmData") + 5 * PAGE_BYTES);
    refuse_map(6, RW, ANONYMOUS);
    allow_map(5, RW, ANONYMOUS);
    refuse_map(1, RW, ANONYMOUS);
    set_limit(RLIMIT_AS, status_bytes("VmSize") + 5 * PAGE_BYTES);
    refuse_map(6, PROT_NONE, ANONYMOUS);
    allow_map(5, PROT_NONE, ANONYMOUS);
    refuse_map(1, PROT_NONE, ANONYMOUS);
}

/* Field `number` of /proc/self/stat, counted as proc(5) does, from 4 on. */
static unsigned long stat_field(int number) {
    char *text = fact_file("/proc/self/stat");

    text = text ? strrchr(text, ')') : NULL;
    for (int i = 2; text && i < number; i++)
        text = strchr(text + 1, ' ');
    CHECK(text != NULL);
    return strtoul(text, NULL, 10);
}

/*
 * The heap grows as far as data may. A limit that heap and data segment are beyond already does not
 * let the break move at all, not even back.
 */
static void the_heap_is_limited(void) {
    unsigned long start = stat_field(47), data = stat_field(46) - stat_field(45);
    long heap = syscall(SYS_brk, 0), page = PAGE_BYTES;

    CHECK_EQ(heap % page, 0);
    set_limit(RLIMIT_DATA, status_bytes("VmData") + 301 * PAGE_BYTES - 1);
    CHECK_EQ(syscall(SYS_brk, heap + 300 * page + 1), heap);
    CHECK_EQ(syscall(SYS_brk, heap + 300 * page), heap + 300 * page);
    set_limit(RLIMIT_DATA, 100 * PAGE_BYTES);
    CHECK_EQ(syscall(SYS_brk, start + 100 * PAGE_BYTES - data + 1), heap + 300 * page);
    CHECK_EQ(syscall(SYS_brk, start + 100 * PAGE_BYTES - data), start + 100 * PAGE_BYTES - data);
}

/* No data at all, as Valgrind asks for: the heap is shut, mappings go by the hard limit. */
static void no_data_means_no_heap(void) {
    struct rlimit limit = {0, status_bytes("VmData") + 10 * PAGE_BYTES};
    long heap = syscall(SYS_brk, 0);

    CHECK_EQ(setrlimit(RLIMIT_DATA, &limit), 0);
    CHECK_EQ(syscall(SYS_brk, heap + 4096), heap);
    refuse_map(11, RW, ANONYMOUS);
    allow_map(10, RW, ANONYMOUS);
}

static uintptr_t stack_end(void) {
    volatile char here = 0;
    struct area area;

    CHECK(area_find(&here, &area));
    return area.end;
}

static void touch(void *address) {
    *(volatile char *)address = 1;
}

static void the_stack_is_limited(void) {
    uintptr_t end = stack_end(), lowest = end - 300 * PAGE_BYTES;

    set_limit(RLIMIT_STACK, 300 * PAGE_BYTES + 4000);
    CHECK_CHILD_OK(touch, (void *)lowest);
    CHECK_CHILD_KILLED(touch, (void *)(lowest - 1), SIGSEGV);
    set_limit(RLIMIT_AS, status_bytes("VmSize") + 20 * PAGE_BYTES);
    CHECK_CHILD_KILLED(touch, (void *)lowest, SIGSEGV);
}

/* Told by another process: it holds from the next call on. */
static void memory_of_another_is_limited(void) {
    struct rlimit none = {0, 0};
    int go[2], ready[2], status;
    char byte;
    pid_t child;

    CHECK_EQ(pipe(go) | pipe(ready), 0);
    child = fork();
    if (child == 0) {
        allow_map(1, RW, ANONYMOUS);
        CHECK_EQ(write(ready[1], "x", 1), 1);
        CHECK_EQ(read(go[0], &byte, 1), 1);
        refuse_map(1, PROT_READ, ANONYMOUS);
        _exit(0);
    }
    CHECK_EQ(read(ready[0], &byte, 1), 1);
    CHECK_EQ(prlimit(child, RLIMIT_AS, &none, NULL), 0);
    CHECK_EQ(write(go[1], "x", 1), 1);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_EQ(status, 0);
}

/* A program that needs more than it may have: execve is past the point of no return or fails. */
static void exec_keeps_to_the_limit(void) {
    pid_t child = fork();

    if (child == 0) {
        set_limit(RLIMIT_AS, 1 << 16);
        execl(self_path(), "limits", "-l", NULL);
        _exit(errno == ENOMEM ? 77 : 1);
    }
    int status = child_wait(child);
    CHECK(status == 77 << 8 || (status & 0x7f) == SIGKILL || (status & 0x7f) == SIGSEGV);
}

/* A bomb of forks under a limit: it fills up, the limit holds, and it can be cleared away. */
static void bomb(void *unused) {
    int full = 0;

    (void)unused;
    setpgid(0, 0);
    CHECK_EQ(setgroups(0, NULL) | setgid(4242) | setuid(4242), 0);
    for (int i = 0; i < 400; i++) {
        pid_t child = fork();
        if (child == 0 && i % 8)
            for (;;)
                pause();
        full += child < 0 && errno == EAGAIN;
    }
    _exit(full > 0 ? 0 : 1);
}

static void fork_bomb_is_contained(void) {
    struct rlimit given = {40, 40};
    struct memory_use before = {0};
    pid_t child;

    if (geteuid() != 0)
        SKIP("needs root");
    for (int round = 0; round < 2; round++) {
        before = memory_settled(round == 0 ? memory_use() : before);
        child = fork();
        if (child == 0) {
            CHECK_EQ(setrlimit(RLIMIT_NPROC, &given), 0);
            bomb(NULL);
        }
        CHECK_EQ(child_wait(child), 0);
        CHECK_EQ(child_run((void (*)(void *))every_limit_can_be_read, NULL), 0);
        kill(-child, SIGKILL);
        while (kill(-child, 0) == 0)
            usleep(1000);
    }
    if (on_quire())
        CHECK_MEMORY_SAME(memory_settled(before), before);
}

/* ---- RLIMIT_NPROC, wanted by several at once ---- */

#define TASKS_ALLOWED 24
#define RACERS 6
#define RACES 4

struct race {
    atomic_int ready, made;
    int done[2]; /* a byte from each racer that was refused */
    int hold[2]; /* whoever was made stays until the end of this */
};

/* Makes children until it is refused. */
static void races(struct race *race) {
    char byte = 0;

    atomic_fetch_add(&race->ready, 1);
    while (atomic_load(&race->ready) < RACERS)
        sched_yield();
    for (int i = 0; i < 2 * TASKS_ALLOWED; i++) {
        pid_t child = fork();

        if (child == 0)
            _exit((int)read(race->hold[0], &byte, 1));
        if (child < 0)
            break;
        atomic_fetch_add(&race->made, 1);
    }
    CHECK_EQ(errno, EAGAIN);
    CHECK_EQ(write(race->done[1], &byte, 1), 1);
    CHECK_EQ(read(race->hold[0], &byte, 1), 0);
    while (wait(NULL) > 0)
        ;
    _exit(0);
}

/* A user of its own, whose only tasks these are. */
static void starts_race(void *argument) {
    struct rlimit allowed = {TASKS_ALLOWED, TASKS_ALLOWED};
    struct race *race = argument;
    uid_t user = 100000 + (uid_t)getppid();
    pid_t racers[RACERS];

    close(race->hold[1]);
    CHECK_EQ(setrlimit(RLIMIT_NPROC, &allowed), 0);
    CHECK_EQ(setresuid(user, user, user), 0);
    for (int i = 0; i < RACERS; i++) {
        racers[i] = fork();
        CHECK(racers[i] >= 0);
        if (racers[i] == 0)
            races(race);
    }
    for (int i = 0; i < RACERS; i++)
        CHECK_EQ(child_wait(racers[i]), 0);
}

static void run_race(struct race *race) {
    char bytes[RACERS];
    pid_t child;

    atomic_store(&race->ready, 0);
    atomic_store(&race->made, 0);
    CHECK_EQ(pipe(race->done) | pipe(race->hold), 0);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        starts_race(race);
        _exit(0);
    }
    for (size_t got = 0; got < RACERS; got++)
        CHECK_EQ(read(race->done[0], bytes, 1), 1);
    CHECK_EQ(atomic_load(&race->made), TASKS_ALLOWED - 1 - RACERS);
    for (int i = 0; i < 2; i++)
        close(race->done[i]), close(race->hold[1 - i]);
    CHECK_EQ(child_wait(child), 0);
}

static void tasks_made_at_once_are_counted(void) {
    struct race *race;

    if (geteuid() != 0)
        SKIP("needs root");
    race = mmap(NULL, sizeof *race, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(race != MAP_FAILED);
    for (int i = 0; i < RACES; i++)
        run_race(race);
}

static void random_bytes(void) {
    unsigned char one[64] = {0}, two[64] = {0};
    unsigned zeroes = 0;

    CHECK_EQ(getrandom(one, sizeof one, 0), sizeof one);
    CHECK_EQ(getrandom(two, sizeof two, GRND_NONBLOCK), sizeof two);
    CHECK(memcmp(one, two, sizeof one) != 0);
    for (size_t i = 0; i < sizeof one; i++)
        zeroes += one[i] == 0;
    CHECK(zeroes < 16);
    CHECK_EQ(getrandom(one, 0, 0), 0);
    CHECK_FAILS(getrandom(one, 16, 0x8000), EINVAL);
}

static void names_of_the_system(void) {
    struct utsname name;
    char host[65];

    CHECK_EQ(uname(&name), 0);
    CHECK(strcmp(name.sysname, "Linux") == 0);
    CHECK(strcmp(name.machine, "x86_64") == 0);
    CHECK(name.release[0] >= '1' && name.release[0] <= '9');
    CHECK_EQ(gethostname(host, sizeof host), 0);
    CHECK(strcmp(host, name.nodename) == 0);
}

static void what_sysinfo_says(void) {
    struct sysinfo info;
    uint64_t unit;

    frames_free(); /* what a look takes is taken before */
    CHECK_EQ(sysinfo(&info), 0);
    unit = info.mem_unit;
    CHECK(info.totalram * unit > 16 << 20);
    CHECK(info.freeram <= info.totalram);
    CHECK(info.procs >= 2);
    CHECK_EQ(info.totalram * unit / 1024, fact_number("/proc/meminfo", "MemTotal"));
    /* Whoever reads the file has a page or two more in the kernel meanwhile. */
    if (on_quire())
        CHECK(info.freeram * unit / 1024 - (uint64_t)frames_free() * 4 <= 8);
}

static void priorities(void) {
    CHECK_EQ(setpriority(PRIO_PROCESS, 0, 7), 0);
    CHECK_EQ(getpriority(PRIO_PROCESS, 0), 7);
    CHECK_EQ(setpriority(PRIO_PROCESS, 0, 100), 0);
    CHECK_EQ(getpriority(PRIO_PROCESS, 0), 19);
    CHECK_FAILS(setpriority(9, 0, 0), EINVAL);
    CHECK_FAILS(setpriority(PRIO_PROCESS, 999999, 0), ESRCH);
    if (fork() == 0)
        _exit(getpriority(PRIO_PROCESS, 0));
    int status;
    CHECK(wait(&status) > 0);
    CHECK_EQ(status, 19 << 8);
}

static void names_of_a_process(void) {
    char name[16];

    CHECK_EQ(prctl(PR_SET_NAME, "a name that is too long"), 0);
    CHECK_EQ(prctl(PR_GET_NAME, name), 0);
    CHECK(strcmp(name, "a name that is ") == 0);
    CHECK(strcmp(fact_file("/proc/self/comm"), "a name that is \n") == 0);
    CHECK_FAILS(prctl(987654, 0, 0, 0, 0), EINVAL);
}

static void umask_takes_away(void) {
    struct stat stat;

    umask(0137);
    unlink("/tmp/limits-umask");
    CHECK(open("/tmp/limits-umask", O_CREAT | O_WRONLY, 0777) >= 0);
    CHECK_EQ(lstat("/tmp/limits-umask", &stat), 0);
    CHECK_EQ(stat.st_mode & 07777, 0640);
    CHECK_EQ(umask(07777), 0137);
    CHECK_EQ(umask(0), 0777);
    unlink("/tmp/limits-umask");
}

static void identities(void) {
    gid_t groups[4] = {11, 22, 33, 0}, now[4];
    uid_t real, effective, saved;

    if (geteuid() != 0)
        SKIP("needs root");
    CHECK_EQ(setgroups(3, groups), 0);
    CHECK_EQ(getgroups(0, NULL), 3);
    CHECK_EQ(getgroups(4, now), 3);
    CHECK_EQ(now[1], 22);
    CHECK_FAILS(getgroups(2, now), EINVAL);
    CHECK_EQ(setresgid(100, 200, 300), 0);
    CHECK_EQ(setresuid(1000, 2000, 3000), 0);
    CHECK_EQ(getresuid(&real, &effective, &saved), 0);
    CHECK(real == 1000 && effective == 2000 && saved == 3000);
    CHECK_EQ(getuid(), 1000);
    CHECK_EQ(geteuid(), 2000);
    CHECK_EQ(getegid(), 200);
    CHECK_EQ(seteuid(3000), 0);
    CHECK_FAILS(seteuid(0), EPERM);
    CHECK_FAILS(setuid(0), EPERM);
    CHECK_FAILS(setgid(0), EPERM);
    CHECK_FAILS(setgroups(0, NULL), EPERM);
}

CHECK_MAIN({"limits_are_kept_and_checked", limits_are_kept_and_checked},
           {"every_limit_can_be_read", every_limit_can_be_read},
           {"limits_of_another", limits_of_another}, {"files_are_limited", files_are_limited},
           {"file_size_is_limited", file_size_is_limited},
           {"processor_time_is_limited", processor_time_is_limited},
           {"address_space_is_limited", address_space_is_limited},
           {"data_is_limited", data_is_limited}, {"whole_pages_fit", whole_pages_fit},
           {"the_heap_is_limited", the_heap_is_limited},
           {"no_data_means_no_heap", no_data_means_no_heap},
           {"the_stack_is_limited", the_stack_is_limited},
           {"memory_of_another_is_limited", memory_of_another_is_limited},
           {"exec_keeps_to_the_limit", exec_keeps_to_the_limit},
           {"fork_bomb_is_contained", fork_bomb_is_contained},
           {"tasks_made_at_once_are_counted", tasks_made_at_once_are_counted},
           {"random_bytes", random_bytes}, {"names_of_the_system", names_of_the_system},
           {"what_sysinfo_says", what_sysinfo_says}, {"priorities", priorities},
           {"names_of_a_process", names_of_a_process}, {"umask_takes_away", umask_takes_away},
           {"identities", identities})
