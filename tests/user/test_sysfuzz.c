/* SPDX-License-Identifier: MIT */
/*
 * Any value in any register, to every system call: the kernel survives and loses nothing.
 *
 * Numbers 0 to 460 with arguments drawn from a set of awkward values, in a child that may die or
 * hang over it. A child does many calls in a row and notes in shared memory how far it got; the
 * parent starts the next one behind the call that killed it. Left out are the calls that would
 * hit bystanders: signals to others and, on Linux, what outlives the processes. On Linux it runs
 * as a nobody, on Quire as root, too.
 *
 * Then the unknown numbers (ENOSYS), and on Quire free frames before and after a second round.
 */
#define CHECK_SECONDS 240
#include "facts.h"
#include "random.h"

#include <dirent.h>
#include <grp.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define LAST_NUMBER 460
#define ROUNDS_PER_NUMBER 8
#define HANG_MS 150
#define NOBODY 65534

/* How far the child is; shared between it and the parent. */
struct progress {
    volatile long number;
    volatile int round;
};

static struct progress *progress;
static char *pages;

static const int left_out[] = {
    SYS_kill,
    SYS_tkill,
    SYS_tgkill,
    SYS_rt_sigqueueinfo,
    SYS_rt_tgsigqueueinfo,
    424 /* pidfd_send_signal */,
    448 /* process_mrelease */,
    440 /* process_madvise */,
    SYS_reboot,
    SYS_vhangup,
    SYS_sethostname,
    SYS_setdomainname,
    SYS_settimeofday,
    SYS_clock_settime,
};

static const int left_out_on_linux[] = {
    SYS_shmget,      SYS_semget,           SYS_msgget,
    SYS_mq_open,     SYS_add_key,          SYS_keyctl,
    SYS_request_key, SYS_process_vm_readv, SYS_process_vm_writev,
    SYS_ptrace,      SYS_perf_event_open,  321 /* bpf */,
    SYS_userfaultfd, SYS_io_setup,         425 /* io_uring_setup */,
};

static bool listed(const int *list, size_t count, long number) {
    for (size_t i = 0; i < count; i++)
        if (list[i] == number)
            return true;
    return false;
}

static bool is_left_out(long number) {
    return listed(left_out, COUNT_OF(left_out), number) ||
           (!on_quire() && listed(left_out_on_linux, COUNT_OF(left_out_on_linux), number));
}

static long awkward_value(struct random *random) {
    static const long values[] = {
        0,
        1,
        2,
        3,
        4,
        7,
        -1,
        -2,
        -100,
        4095,
        4096,
        4097,
        0x10000,
        0x7fffffff,
        0x80000000,
        0xffffffff,
        1L << 32,
        1L << 40,
        1L << 47,
        (1L << 47) - 4096,
        (long)(1UL << 63),
        0x7fffffffffffffff,
        (long)0xffff888000000000,
        (long)0xffffffff80000000,
        (long)0xffffffffff600000,
        (long)0x4141414141414141,
        0777,
        0x200000,
    };
    uint32_t pick = random_below(random, COUNT_OF(values) + 12);

    if (pick < COUNT_OF(values))
        return values[pick];
    switch (pick - COUNT_OF(values)) {
    case 0:
        return (long)(pages + PAGE_BYTES - 8); /* ends on a missing page */
    case 1:
        return (long)(pages + 2 * PAGE_BYTES); /* without rights */
    case 2:
        return (long)pages + 1;
    case 3:
    case 4:
        return (long)(pages + 512); /* a path */
    default:
        return (long)pages; /* a page of small numbers */
    }
}

static void pages_prepare(void) {
    pages = pages_map(3, PROT_READ | PROT_WRITE);
    for (size_t i = 0; i < PAGE_BYTES / 8; i++)
        ((uint64_t *)pages)[i] = i % 16;
    strcpy(pages + 512, "some-name");
    CHECK_EQ(munmap(pages + PAGE_BYTES, PAGE_BYTES), 0);
    CHECK_EQ(mprotect(pages + 2 * PAGE_BYTES, PAGE_BYTES, PROT_NONE), 0);
}

/* The call itself. A process or thread it makes shares our stack, perhaps: it ends at once,
 * without a touch of memory. */
static long raw_call(long number, const long *a) {
    register long r10 __asm__("r10") = a[3];
    register long r8 __asm__("r8") = a[4];
    register long r9 __asm__("r9") = a[5];
    bool forks = number == SYS_clone || number == SYS_fork || number == SYS_vfork || number == 435;
    long result;

    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "test %%ebx, %%ebx\n\t"
                     "jz 1f\n\t"
                     "xor %%edi, %%edi\n\t"
                     "mov $60, %%eax\n\t"
                     "syscall\n"
                     "1:"
                     : "=a"(result)
                     : "a"(number), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9),
                       "b"((int)forks)
                     : "rcx", "r11", "memory", "cc");
    return result;
}

static void one_call(long number, int round) {
    struct random random = {(uint64_t)(number * 1000 + round)};
    long a[6];

    for (int i = 0; i < 6; i++)
        a[i] = awkward_value(&random);
    raw_call(number, a);
}

static _Noreturn void child_calls(void) {
    alarm(0);
    for (; progress->number <= LAST_NUMBER; progress->number++) {
        for (; progress->round < ROUNDS_PER_NUMBER; progress->round++) {
            if (!is_left_out(progress->number))
                one_call(progress->number, progress->round);
        }
        progress->round = 0;
    }
    _exit(0);
}

static bool child_ended(pid_t child) {
    return waitpid(child, NULL, WNOHANG) != 0;
}

/* Wait for the child while it makes progress; kill it when it does not. */
static void child_watch(pid_t child) {
    int quiet_ms = 0;

    while (quiet_ms < HANG_MS) {
        struct progress seen = *progress;
        if (child_ended(child))
            return;
        usleep(5000);
        quiet_ms += 5;
        if (seen.number != progress->number || seen.round != progress->round)
            quiet_ms = 0;
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static void progress_skip(void) {
    if (progress->number > LAST_NUMBER)
        return;
    if (++progress->round < ROUNDS_PER_NUMBER)
        return;
    progress->round = 0;
    progress->number++;
}

static void children_start(bool as_nobody) {
    pid_t child = fork();

    CHECK(child >= 0);
    if (child > 0) {
        child_watch(child);
        return;
    }
    setsid();
    for (int fd = 0; fd < 3; fd++)
        close(fd);
    open("/dev/null", O_RDWR);
    dup(0);
    dup(0);
    if (as_nobody) {
        setgroups(0, NULL);
        CHECK_EQ(setgid(NOBODY) | setuid(NOBODY), 0);
    }
    child_calls();
}

/* Whatever the calls left in the directory, under names of theirs. */
static void directory_empty(void) {
    DIR *directory = opendir(".");
    struct dirent *entry;

    CHECK(directory != NULL);
    while ((entry = readdir(directory)))
        if (unlink(entry->d_name) < 0 && entry->d_name[0] != '.')
            rmdir(entry->d_name);
    closedir(directory);
}

/* Shared memory outlives the processes that made it; on Linux none is made. */
static void segments_remove(void) {
    struct shmid_ds status;
    int id;

    for (int index = 0; on_quire() && index < 32768; index++) {
        id = shmctl(index, 13 /* SHM_STAT */, &status);
        if (id >= 0)
            shmctl(id, IPC_RMID, NULL);
    }
}

static void fuzz(bool as_nobody) {
    char directory[] = "/tmp/fuzz-XXXXXX";

    /* In this order: the hole beside the pages must stay one. */
    progress = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pages_prepare();
    CHECK(mkdtemp(directory) && chdir(directory) == 0);
    chmod(directory, 0777);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    while (progress->number <= LAST_NUMBER) {
        children_start(as_nobody);
        progress_skip();
        directory_empty();
    }
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    directory_empty();
    segments_remove();
    CHECK_EQ(chdir("/"), 0);
    CHECK_EQ(rmdir(directory), 0);
}

static void as_nobody(void) {
    fuzz(true);
}

static void as_root(void) {
    if (!on_quire())
        SKIP("not as root on somebody's Linux");
    fuzz(false);
}

/* Faults are never handed to the program to repair. */
static void userfaultfd_is_not_there(void) {
    if (!on_quire())
        SKIP("Linux has it");
    for (int flags = 0; flags < 4; flags++)
        CHECK_FAILS(syscall(SYS_userfaultfd, flags), ENOSYS);
    CHECK_FAILS(syscall(SYS_userfaultfd, -1), ENOSYS);
}

static void unknown_numbers(void) {
    static const long numbers[] = {360, 400, 423, 499, 999, 1000, 5000, 0x7fffffff, -1, -4096};

    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        CHECK_FAILS(syscall(numbers[i], 0, 0, 0, 0, 0, 0), ENOSYS);
        CHECK_FAILS(syscall(numbers[i], -1, -1, -1, -1, -1, -1), ENOSYS);
    }
}

static void frames_come_back(void) {
    struct memory_use before;

    frames_exact_or_skip();
    CHECK_CHILD_OK((void (*)(void *))as_root, NULL);
    before = memory_use();
    CHECK_CHILD_OK((void (*)(void *))as_root, NULL);
    CHECK_MEMORY_SAME(memory_settled(before), before);
}

CHECK_MAIN({"as_nobody", as_nobody}, {"as_root", as_root}, {"unknown_numbers", unknown_numbers},
           {"userfaultfd_is_not_there", userfaultfd_is_not_there},
           {"frames_come_back", frames_come_back})
