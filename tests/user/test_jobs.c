/* SPDX-License-Identifier: MIT */
/*
 * Process groups, sessions, stop and continue, orphaned groups.
 */
#include "signals.h"

#include <sys/mman.h>

static pid_t held_child(void) {
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        signal(SIGUSR1, SIG_DFL);
        for (;;)
            pause();
    }
    return child;
}

static void end_child(pid_t child) {
    kill(child, SIGKILL);
    CHECK_EQ(child_wait(child) & 0x7f, SIGKILL);
}

static void groups_are_inherited(void) {
    pid_t child = held_child();

    CHECK_EQ(getpgid(child), getpgrp());
    CHECK_EQ(getsid(child), getsid(0));
    CHECK_EQ(getpgid(0), getpgrp());
    end_child(child);
}

static void group_of_ones_own(void) {
    pid_t child = held_child(), second = held_child();

    CHECK_EQ(setpgid(child, 0), 0);
    CHECK_EQ(getpgid(child), child);
    CHECK_EQ(setpgid(second, child), 0);
    CHECK_EQ(getpgid(second), child);
    CHECK_EQ(setpgid(second, getpgrp()), 0);
    CHECK_EQ(getpgid(second), getpgrp());
    end_child(child);
    end_child(second);
}

static void setpgid_errors(void) {
    pid_t child;

    CHECK_FAILS(setpgid(0, -1), EINVAL);
    CHECK_FAILS(setpgid(1, 0), ESRCH);      /* neither we nor a child of ours */
    CHECK_FAILS(setpgid(999999, 0), ESRCH); /* nobody */
    CHECK_FAILS(getpgid(999999), ESRCH);
    CHECK_FAILS(getsid(999999), ESRCH);
    child = held_child();
    CHECK_FAILS(setpgid(child, 1), EPERM); /* a group of another session */
    end_child(child);
}

static void not_after_exec(void) {
    int open_until_exec[2];
    char byte;
    pid_t child;

    CHECK_EQ(pipe2(open_until_exec, O_CLOEXEC), 0);
    child = fork();
    if (child == 0) {
        execl("/bin/sleep", "sleep", "10", NULL);
        execl("/bin/busybox", "sleep", "10", NULL);
        _exit(1);
    }
    close(open_until_exec[1]);
    CHECK_EQ(read(open_until_exec[0], &byte, 1), 0);
    CHECK_FAILS(setpgid(child, child), EACCES);
    end_child(child);
}

static void new_session(void) {
    int status;
    pid_t child = fork();

    if (child == 0) {
        pid_t self = getpid();
        CHECK_EQ(setsid(), self);
        CHECK_EQ(getsid(0), self);
        CHECK_EQ(getpgrp(), self);
        CHECK_FAILS(setsid(), EPERM);
        CHECK_FAILS(setpgid(0, 0), EPERM); /* a session leader stays in its group */
        CHECK_FAILS(open("/dev/tty", O_RDWR), ENXIO);
        _exit(0);
    }
    status = child_wait(child);
    CHECK_EQ(status, 0);
}

static void leader_cannot_make_a_session(void) {
    /* The subtest leads its own group. */
    CHECK_EQ(getpgrp(), getpid());
    CHECK_FAILS(setsid(), EPERM);
}

static void signal_to_a_group(void) {
    pid_t leader = held_child(), member = held_child();

    CHECK_EQ(setpgid(leader, leader), 0);
    CHECK_EQ(setpgid(member, leader), 0);
    CHECK_EQ(kill(-leader, SIGUSR1), 0);
    CHECK_EQ(child_wait(leader), SIGUSR1);
    CHECK_EQ(child_wait(member), SIGUSR1);
    CHECK_FAILS(kill(-leader, SIGUSR1), ESRCH);
}

/* Each child goes on where its parent ends: whoever looks for it one by one comes too late. */
static void run_away(void) {
    while (fork() <= 0)
        ;
    _exit(0);
}

static void no_member_runs_away(void) {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (int round = 0; round < 40; round++) {
        pid_t leader = held_child(), hares[3];

        CHECK_EQ(setpgid(leader, leader), 0);
        for (int i = 0; i < 3; i++) {
            hares[i] = fork();
            if (hares[i] == 0) {
                setpgid(0, leader);
                run_away();
            }
            CHECK_EQ(child_wait(hares[i]), 0); /* the first of them ended, the second runs */
        }
        CHECK_EQ(kill(-leader, SIGKILL), 0);
        while (waitpid(-leader, NULL, 0) > 0) /* for ever, if one ran away */
            ;
        CHECK_FAILS(kill(-leader, 0), ESRCH);
    }
}

static void signal_to_own_group(void) {
    pid_t child = held_child();

    handle(SIGUSR1, 0);
    CHECK_EQ(kill(0, SIGUSR1), 0);
    CHECK_EQ(seen[SIGUSR1], 1);
    CHECK_EQ(child_wait(child), SIGUSR1);
}

static void stopped_does_not_run(void) {
    volatile int *counter =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int before, status;
    pid_t child = fork();

    if (child == 0)
        for (;;) {
            ++*counter;
            usleep(1000);
        }
    while (*counter == 0)
        usleep(1000);
    kill(child, SIGSTOP);
    CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
    before = *counter;
    usleep(50000);
    CHECK_EQ(*counter, before);
    kill(child, SIGCONT);
    while (*counter == before)
        usleep(1000);
    end_child(child);
}

/* A signal sent to somebody who is stopped waits; SIGCONT brings both. */
static void signals_wait_while_stopped(void) {
    pid_t child = held_child();
    int status;

    kill(child, SIGSTOP);
    CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
    kill(child, SIGUSR1);
    usleep(20000);
    CHECK_EQ(waitpid(child, &status, WNOHANG), 0);
    kill(child, SIGCONT);
    CHECK_EQ(child_wait(child), SIGUSR1);
}

static void stop_cancels_continue(void) {
    sigset_t pending;

    block(SIGTSTP);
    block(SIGCONT);
    raise(SIGTSTP);
    raise(SIGCONT); /* takes the pending stop away */
    sigpending(&pending);
    CHECK(!sigismember(&pending, SIGTSTP));
    CHECK(sigismember(&pending, SIGCONT));
    raise(SIGTSTP);
    sigpending(&pending);
    CHECK(!sigismember(&pending, SIGCONT));
    CHECK(sigismember(&pending, SIGTSTP));
    handle(SIGTSTP, 0);
    unblock(SIGTSTP);
    CHECK_EQ(seen[SIGTSTP], 1);
}

static void continue_handler_runs(void) {
    pid_t child = fork();
    int status;

    if (child == 0) {
        handle(SIGCONT, 0);
        raise(SIGSTOP);
        _exit(seen[SIGCONT] == 1 ? 0 : 1);
    }
    CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
    CHECK(WIFSTOPPED(status));
    kill(child, SIGCONT);
    CHECK_EQ(child_wait(child), 0);
}

/* SIGTSTP, SIGTTIN and SIGTTOU do not stop the orphaned, who could never be continued. */
static void orphaned_group_is_not_stopped(void) {
    int status;
    pid_t child = fork();

    if (child == 0) {
        setsid();
        raise(SIGTSTP);
        raise(SIGTTIN);
        raise(SIGTTOU);
        _exit(11);
    }
    CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
    CHECK_EQ(status, 11 << 8);
}

static int hangup_pipe[2];

static void hung_up(int number) {
    if (write(hangup_pipe[1], &number, sizeof number) < 0 || ++seen[0] == 2)
        _exit(1);
}

static void stopped_member(void) {
    signal(SIGHUP, hung_up);
    signal(SIGCONT, hung_up);
    setpgid(0, 0);
    raise(SIGSTOP);
    for (;;)
        pause();
}

/* A group that becomes orphaned with a stopped member gets SIGHUP and SIGCONT. */
static void newly_orphaned_group_is_told(void) {
    int first, second, status;
    pid_t parent;

    CHECK_EQ(pipe(hangup_pipe), 0);
    parent = fork();
    if (parent == 0) {
        pid_t member;
        setsid();
        member = fork();
        if (member == 0)
            stopped_member();
        CHECK_EQ(waitpid(member, &status, WUNTRACED), member);
        CHECK(WIFSTOPPED(status));
        _exit(0);
    }
    CHECK_EQ(child_wait(parent), 0);
    CHECK_EQ(read(hangup_pipe[0], &first, sizeof first), sizeof first);
    CHECK_EQ(read(hangup_pipe[0], &second, sizeof second), sizeof second);
    CHECK_EQ(first + second, SIGHUP + SIGCONT);
}

static void parent_death_signal(void) {
    int pair[2];
    char byte = 0;
    pid_t parent;

    CHECK_EQ(pipe(pair), 0);
    parent = fork();
    if (parent == 0) {
        if (fork() == 0) {
            close(pair[0]);
            CHECK_EQ(prctl(PR_SET_PDEATHSIG, SIGKILL), 0);
            CHECK_EQ(write(pair[1], "", 1), 1);
            for (;;)
                pause();
        }
        CHECK_EQ(read(pair[0], &byte, 1), 1);
        _exit(0);
    }
    CHECK_EQ(child_wait(parent), 0);
    close(pair[1]);
    CHECK_EQ(read(pair[0], &byte, 1), 0); /* the grandchild's end is closed: it died */
}

CHECK_MAIN({"groups_are_inherited", groups_are_inherited}, {"group_of_ones_own", group_of_ones_own},
           {"setpgid_errors", setpgid_errors}, {"not_after_exec", not_after_exec},
           {"new_session", new_session},
           {"leader_cannot_make_a_session", leader_cannot_make_a_session},
           {"signal_to_a_group", signal_to_a_group}, {"no_member_runs_away", no_member_runs_away},
           {"signal_to_own_group", signal_to_own_group},
           {"stopped_does_not_run", stopped_does_not_run},
           {"signals_wait_while_stopped", signals_wait_while_stopped},
           {"stop_cancels_continue", stop_cancels_continue},
           {"continue_handler_runs", continue_handler_runs},
           {"orphaned_group_is_not_stopped", orphaned_group_is_not_stopped},
           {"newly_orphaned_group_is_told", newly_orphaned_group_is_told},
           {"parent_death_signal", parent_death_signal})
