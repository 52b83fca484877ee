/* SPDX-License-Identifier: MIT */
/*
 * What goes wrong only where two processors do two things at one moment: each test lets a rival do
 * one of them again and again, and says what has to be true whoever comes first.
 *
 * One processor passes nearly always. Nothing here waits for a time: rounds are met by counters.
 */
#define CHECK_HELPER helper
#include "scratch.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/statfs.h>

#define NOBODY 1000

/* Between the processes of a test. */
struct shared {
    _Atomic int turn;    /* which round the rivals may do */
    _Atomic int done;    /* how many rounds they have done, all together */
    _Atomic int count;   /* whatever is counted */
    _Atomic int subject; /* a process to look at; 0: none */
};

static struct shared *shared;

static void share(void) {
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
}

/* A process that runs until it is killed, at the latest with the subtest. */
static pid_t rival(void (*run)(int), int argument) {
    pid_t pid = fork();

    CHECK(pid >= 0);
    if (pid == 0) {
        run(argument);
        _exit(0);
    }
    return pid;
}

static void end_rival(pid_t pid) {
    CHECK_EQ(kill(pid, SIGKILL), 0);
    CHECK_EQ(child_wait(pid), SIGKILL);
}

/* Waits for round `turn`, or says that so many rounds are done. */
static void await_turn(int turn) {
    while (shared->turn < turn)
        sched_yield();
}

static void await_done(int done) {
    while (shared->done < done)
        sched_yield();
}

/* A little while, another one each time. */
static void dawdle(int round) {
    for (volatile int i = 0; i < round * 7 % 400; i++)
        ;
}

/* ---- signals ---- */

static void counts(int unused) {
    (void)unused;
    for (;;)
        shared->count++;
}

/* SIGCONT wins over the SIGSTOP before it, also over one that has been taken but not obeyed yet. */
static void continue_is_not_lost(void) {
    pid_t child;
    int status;

    share();
    child = rival(counts, 0);
    for (int round = 0; round < 500; round++) {
        int before;

        CHECK_EQ(kill(child, SIGSTOP), 0);
        dawdle(round);
        CHECK_EQ(kill(child, SIGCONT), 0);
        before = shared->count;
        while (shared->count == before) {
            CHECK_EQ(waitpid(child, &status, WNOHANG | WUNTRACED), 0);
            sched_yield();
        }
    }
    end_rival(child);
}

/* ---- names ---- */

static void removes_directory(int rounds) {
    for (int round = 1; round <= rounds; round++) {
        await_turn(round);
        dawdle(round);
        shared->count = rmdir("d") == 0;
        shared->done++;
    }
}

/* A directory is mounted on, or removed: not both, for nobody could reach the mount. */
static void mounted_or_removed(void) {
    enum { ROUNDS = 400 };

    scratch_enter();
    share();
    CHECK_EQ(mkdir("d", 0755), 0);
    if (mount("none", "d", "tmpfs", 0, "size=64k") < 0)
        SKIP("no right to mount");
    CHECK_EQ(umount("d"), 0);
    rival(removes_directory, ROUNDS);
    for (int round = 1; round <= ROUNDS; round++) {
        bool is_mounted;

        shared->turn = round;
        is_mounted = mount("none", "d", "tmpfs", 0, "size=64k") == 0;
        await_done(round);
        CHECK_EQ(is_mounted, !shared->count);
        if (is_mounted)
            CHECK_EQ(umount("d"), 0);
        else
            CHECK_EQ(mkdir("d", 0755), 0);
    }
}

/* ---- limits of file systems ---- */

enum { RIVALS = 4, PAGES = 16, FILES = 3 };

/* In each round a file of its own, as large as it can be; then waits until it may go. */
static void fills(int number) {
    char name[16], page[4096] = {1};

    snprintf(name, sizeof name, "m/%d", number);
    for (int round = 1;; round += 2) {
        int fd;

        await_turn(round);
        fd = open(name, O_CREAT | O_WRONLY, 0600);
        CHECK(fd >= 0);
        while (write(fd, page, sizeof page) == sizeof page)
            shared->count++;
        CHECK_EQ(errno, ENOSPC);
        close(fd);
        shared->done++;
        await_turn(round + 1);
        CHECK_EQ(unlink(name), 0);
        shared->done++;
    }
}

static void makes_files(int number) {
    char name[16];

    for (int round = 1;; round += 2) {
        int made = 0;

        await_turn(round);
        for (;; made++) {
            snprintf(name, sizeof name, "m/%d-%d", number, made);
            if (mknod(name, S_IFREG | 0600, 0) < 0)
                break;
            shared->count++;
        }
        CHECK_EQ(errno, ENOSPC);
        shared->done++;
        await_turn(round + 1);
        while (made-- > 0) {
            snprintf(name, sizeof name, "m/%d-%d", number, made);
            CHECK_EQ(unlink(name), 0);
        }
        shared->done++;
    }
}

/* Several who take what there is get all of it, and no more. */
static void take_all(void (*taker)(int), const char *options, int all) {
    pid_t takers[RIVALS];

    scratch_enter();
    share();
    CHECK_EQ(mkdir("m", 0755), 0);
    if (mount("none", "m", "tmpfs", 0, options) < 0)
        SKIP("no right to mount");
    for (int i = 0; i < RIVALS; i++)
        takers[i] = rival(taker, i);
    for (int round = 1; round <= 400; round += 2) {
        shared->count = 0;
        shared->turn = round;
        await_done(round * RIVALS);
        CHECK_EQ(shared->count, all);
        shared->turn = round + 1;
        await_done((round + 1) * RIVALS);
    }
    for (int i = 0; i < RIVALS; i++)
        end_rival(takers[i]);
    CHECK_EQ(umount("m"), 0);
}

static void pages_are_not_overdrawn(void) {
    take_all(fills, "size=64k", PAGES);
}

static void files_are_not_overdrawn(void) {
    take_all(makes_files, "nr_inodes=4", FILES); /* the root is one */
}

/* ---- who is looked at ---- */

/* Look into processes by /proc, one after the other. */
static void looks_at_cwd(int unused) {
    char path[64], text[PATH_MAX];

    (void)unused;
    for (;;) {
        snprintf(path, sizeof path, "/proc/%d/cwd", shared->subject);
        while (readlink(path, text, sizeof text) > 0)
            ;
        sched_yield();
    }
}

static void looks_at_files(int unused) {
    char path[64];

    (void)unused;
    for (;;) {
        int pid = shared->subject;
        DIR *dir;

        snprintf(path, sizeof path, "/proc/%d/fd", pid);
        dir = opendir(path);
        while (dir && shared->subject == pid) {
            rewinddir(dir);
            while (readdir(dir))
                ;
        }
        if (dir)
            closedir(dir);
        else
            sched_yield();
    }
}

static int helper(char **argv) {
    if (strcmp(argv[0], "ids") == 0)
        return geteuid() == 0 && getuid() == NOBODY ? 0 : 1;
    /* Says that it is there, and waits to be released. */
    if (write(1, "x", 1) != 1 || read(0, &argv, 1) != 0)
        return 1;
    return 0;
}

static void copy_self(const char *to) {
    char buffer[4096];
    int in = open(self_path(), O_RDONLY), out = open(to, O_CREAT | O_WRONLY, 0755);
    ssize_t got;

    CHECK(in >= 0 && out >= 0);
    while ((got = read(in, buffer, sizeof buffer)) > 0)
        CHECK_EQ(write(out, buffer, (size_t)got), got);
    CHECK_EQ(close(in), 0);
    CHECK_EQ(close(out), 0);
}

/* Who is looked at shares nothing with who looks: set-user-id programs get their ids. */
static void ids_are_set_while_looked_at(void) {
    pid_t looker;

    if (geteuid() != 0)
        SKIP("not root");
    scratch_enter();
    CHECK_EQ(chmod(".", 0755), 0);
    copy_self("set-id");
    CHECK_EQ(chmod("set-id", 04755), 0);
    share();
    looker = rival(looks_at_cwd, 0);
    for (int round = 0; round < 100; round++) {
        pid_t child = fork();

        if (child == 0) {
            CHECK_EQ(setuid(NOBODY), 0);
            CHECK_EQ(prctl(PR_SET_DUMPABLE, 1), 0);
            shared->subject = getpid();
            execl("set-id", "set-id", "--helper", "ids", NULL);
            _exit(2);
        }
        CHECK_EQ(child_wait(child), 0);
        shared->subject = 0;
    }
    end_rival(looker);
}

static short lock_state(int fd) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    CHECK_EQ(fcntl(fd, F_GETLK, &lock), 0);
    return lock.l_type;
}

/* Record locks last over execve and end with the process, whoever looks at its descriptors. */
static void locks_are_kept_while_looked_at(void) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    pid_t looker;
    int fd;

    scratch_enter();
    fd = open("f", O_CREAT | O_RDWR, 0600);
    CHECK(fd >= 0);
    share();
    looker = rival(looks_at_files, 0);
    for (int round = 0; round < 100; round++) {
        int hold[2], told[2];
        pid_t child;
        char byte;

        CHECK_EQ(pipe2(hold, O_CLOEXEC), 0);
        CHECK_EQ(pipe2(told, O_CLOEXEC), 0);
        child = fork();
        if (child == 0) {
            CHECK_EQ(fcntl(fd, F_SETLK, &lock), 0);
            CHECK(dup2(hold[0], 0) == 0 && dup2(told[1], 1) == 1);
            shared->subject = getpid();
            execl(self_path(), "self", "--helper", "waits", NULL);
            _exit(2);
        }
        close(told[1]);
        CHECK_EQ(read(told[0], &byte, 1), 1);
        CHECK_EQ(lock_state(fd), F_WRLCK);
        close(hold[1]);
        CHECK_EQ(child_wait(child), 0);
        CHECK_EQ(lock_state(fd), F_UNLCK);
        shared->subject = 0;
        close(hold[0]);
        close(told[0]);
    }
    end_rival(looker);
}

CHECK_MAIN({"continue_is_not_lost", continue_is_not_lost},
           {"mounted_or_removed", mounted_or_removed},
           {"pages_are_not_overdrawn", pages_are_not_overdrawn},
           {"files_are_not_overdrawn", files_are_not_overdrawn},
           {"ids_are_set_while_looked_at", ids_are_set_while_looked_at},
           {"locks_are_kept_while_looked_at", locks_are_kept_while_looked_at});
