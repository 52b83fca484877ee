/* SPDX-License-Identifier: MIT */
/*
 * wait4 and waitid: every option, zombies, orphans, usage.
 */
#include "signals.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>

static pid_t exiting_child(int status) {
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0)
        _exit(status);
    return child;
}

static pid_t sleeping_child(void) {
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0)
        for (;;)
            pause();
    return child;
}

static void statuses(void) {
    int status;
    pid_t child = exiting_child(300); /* eight bits of it */

    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == (300 & 0xff));
    child = sleeping_child();
    kill(child, SIGTERM);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

static void no_children(void) {
    int status;

    CHECK_FAILS(wait(&status), ECHILD);
    CHECK_FAILS(waitpid(-1, &status, WNOHANG), ECHILD);
    CHECK_FAILS(waitpid(1, &status, 0), ECHILD);
    CHECK_FAILS(waitpid(getpid(), &status, 0), ECHILD);
    CHECK_FAILS(waitpid(999999, &status, 0), ECHILD);
}

static void not_yet(void) {
    pid_t child = sleeping_child();
    int status = 77;

    CHECK_EQ(waitpid(child, &status, WNOHANG), 0);
    CHECK_EQ(status, 77);
    kill(child, SIGKILL);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_FAILS(waitpid(child, &status, 0), ECHILD);
}

static void options_are_checked(void) {
    siginfo_t info;

    CHECK_FAILS(waitpid(-1, NULL, 0x10000000), EINVAL);
    CHECK_FAILS(waitid(P_ALL, 0, &info, 0), EINVAL);
    CHECK_FAILS(waitid(P_ALL, 0, &info, WNOHANG), EINVAL);
    CHECK_FAILS(waitid((idtype_t)9, 0, &info, WEXITED), EINVAL);
    CHECK_FAILS(waitid(P_PID, 0, &info, WEXITED), EINVAL);
    CHECK_FAILS(waitid(P_ALL, 0, &info, WEXITED), ECHILD);
}

static void a_particular_child(void) {
    pid_t first = exiting_child(1), second = exiting_child(2), third = exiting_child(3);
    int status;

    CHECK_EQ(waitpid(second, &status, 0), second);
    CHECK_EQ(status, 2 << 8);
    CHECK_EQ(waitpid(third, &status, 0), third);
    CHECK_EQ(waitpid(first, &status, 0), first);
}

static void by_process_group(void) {
    pid_t own = exiting_child(1), other = fork();
    int status;

    if (other == 0) {
        setpgid(0, 0);
        _exit(2);
    }
    setpgid(other, other);
    CHECK_EQ(waitpid(-other, &status, 0), other);
    CHECK_EQ(status, 2 << 8);
    CHECK_FAILS(waitpid(-other, &status, 0), ECHILD);
    CHECK_EQ(waitpid(0, &status, 0), own);
    CHECK_EQ(status, 1 << 8);
}

static void stop_and_continue_are_reported(void) {
    pid_t child = sleeping_child();
    int status;

    kill(child, SIGSTOP);
    CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
    CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    CHECK_EQ(waitpid(child, &status, WUNTRACED | WNOHANG), 0); /* once only */
    kill(child, SIGCONT);
    CHECK_EQ(waitpid(child, &status, WCONTINUED), child);
    CHECK(WIFCONTINUED(status));
    CHECK_EQ(waitpid(child, &status, WCONTINUED | WNOHANG), 0);
    kill(child, SIGKILL);
    CHECK_EQ(waitpid(child, &status, WUNTRACED | WCONTINUED), child);
    CHECK(WIFSIGNALED(status));
}

static void stop_is_not_reported_unasked(void) {
    pid_t child = sleeping_child();
    int status;

    kill(child, SIGSTOP);
    usleep(30000);
    CHECK_EQ(waitpid(child, &status, WNOHANG), 0);
    kill(child, SIGKILL); /* kills the stopped, too */
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(WTERMSIG(status), SIGKILL);
}

static void waitid_tells_all(void) {
    pid_t child = exiting_child(9);
    siginfo_t info;

    memset(&info, 0, sizeof info);
    CHECK_EQ(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    CHECK_EQ(info.si_signo, SIGCHLD);
    CHECK_EQ(info.si_code, CLD_EXITED);
    CHECK_EQ(info.si_pid, child);
    CHECK_EQ(info.si_uid, getuid());
    CHECK_EQ(info.si_status, 9);
    memset(&info, 0, sizeof info);
    CHECK_EQ(waitid(P_ALL, 0, &info, WEXITED), 0); /* NOWAIT left it there */
    CHECK_EQ(info.si_pid, child);
    CHECK_FAILS(waitid(P_PID, (id_t)child, &info, WEXITED), ECHILD);
}

static void waitid_of_stop_and_nothing(void) {
    pid_t child = sleeping_child();
    siginfo_t info;

    info.si_pid = 5;
    CHECK_EQ(waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG), 0);
    CHECK_EQ(info.si_pid, 0);
    kill(child, SIGSTOP);
    CHECK_EQ(waitid(P_PID, (id_t)child, &info, WSTOPPED), 0);
    CHECK_EQ(info.si_code, CLD_STOPPED);
    CHECK_EQ(info.si_status, SIGSTOP);
    kill(child, SIGCONT);
    CHECK_EQ(waitid(P_PID, (id_t)child, &info, WCONTINUED), 0);
    CHECK_EQ(info.si_code, CLD_CONTINUED);
    kill(child, SIGKILL);
    CHECK_EQ(waitid(P_PGID, (id_t)getpgrp(), &info, WEXITED), 0);
    CHECK_EQ(info.si_code, CLD_KILLED);
    CHECK_EQ(info.si_status, SIGKILL);
}

static void ignored_children_reap_themselves(void) {
    signal(SIGCHLD, SIG_IGN);
    exiting_child(0);
    exiting_child(1);
    CHECK_FAILS(wait(NULL), ECHILD); /* sleeps until all are gone */
    signal(SIGCHLD, SIG_DFL);
    CHECK_EQ(child_wait(exiting_child(4)), 4 << 8);
}

static void nocldwait_reaps_too(void) {
    struct sigaction action = {.sa_handler = count_signal, .sa_flags = SA_NOCLDWAIT | SA_RESTART};

    CHECK_EQ(sigaction(SIGCHLD, &action, NULL), 0);
    exiting_child(0);
    CHECK_FAILS(wait(NULL), ECHILD);
    CHECK_EQ(seen[SIGCHLD], 1);
}

static void nocldstop_is_quiet(void) {
    struct sigaction action = {.sa_handler = count_signal, .sa_flags = SA_NOCLDSTOP | SA_RESTART};
    pid_t child;
    int status;

    CHECK_EQ(sigaction(SIGCHLD, &action, NULL), 0);
    child = sleeping_child();
    kill(child, SIGSTOP);
    CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
    CHECK_EQ(seen[SIGCHLD], 0);
    kill(child, SIGKILL);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(seen[SIGCHLD], 1);
}

static void orphans_go_to_init(void) {
    int pair[2], met[2];
    pid_t seen_parents[2], middle;
    char byte;

    CHECK_EQ(pipe(pair), 0);
    CHECK_EQ(pipe(met), 0);
    middle = fork();
    if (middle == 0) {
        if (fork() == 0) {
            pid_t parents[2] = {getppid(), 0};
            CHECK_EQ(write(met[1], "m", 1), 1);
            while (getppid() == parents[0])
                usleep(1000);
            parents[1] = getppid();
            CHECK_EQ(write(pair[1], parents, sizeof parents), sizeof parents);
            _exit(0);
        }
        CHECK_EQ(read(met[0], &byte, 1), 1);
        _exit(0);
    }
    child_wait(middle);
    CHECK_EQ(read(pair[0], seen_parents, sizeof seen_parents), sizeof seen_parents);
    CHECK_EQ(seen_parents[0], middle);
    CHECK(seen_parents[1] != middle && seen_parents[1] != 0);
    if (on_quire())
        CHECK_EQ(seen_parents[1], 1);
}

/* A zombie keeps its number and can be looked at, but it has no memory any more. */
static void zombie_is_seen(void) {
    pid_t child = exiting_child(0);
    char path[64], text[512];
    siginfo_t info;
    ssize_t length;
    int fd;

    CHECK_EQ(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    snprintf(path, sizeof path, "/proc/%d/stat", child);
    fd = open(path, O_RDONLY);
    CHECK(fd >= 0);
    length = read(fd, text, sizeof text - 1);
    CHECK(length > 0);
    text[length] = '\0';
    CHECK(strstr(text, ") Z ") != NULL);
    child_wait(child);
    CHECK(access(path, F_OK) < 0);
}

static void usage_of_a_child(void) {
    struct rusage usage, total;
    pid_t child = fork();
    int status;

    if (child == 0) {
        for (volatile long i = 0; i < 20000000; i++)
            ;
        _exit(0);
    }
    memset(&usage, 0, sizeof usage);
    CHECK_EQ(wait4(child, &status, 0, &usage), child);
    CHECK(usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec > 0);
    CHECK_EQ(getrusage(RUSAGE_CHILDREN, &total), 0);
    CHECK(total.ru_utime.tv_sec * 1000000 + total.ru_utime.tv_usec > 0);
}

static void waits_for_the_slowest(void) {
    pid_t slow = fork();
    int status;

    if (slow == 0) {
        usleep(50000);
        _exit(1);
    }
    CHECK_EQ(child_wait(exiting_child(2)), 2 << 8);
    CHECK_EQ(wait(&status), slow);
    CHECK_EQ(status, 1 << 8);
}

CHECK_MAIN({"statuses", statuses}, {"no_children", no_children}, {"not_yet", not_yet},
           {"options_are_checked", options_are_checked}, {"a_particular_child", a_particular_child},
           {"by_process_group", by_process_group},
           {"stop_and_continue_are_reported", stop_and_continue_are_reported},
           {"stop_is_not_reported_unasked", stop_is_not_reported_unasked},
           {"waitid_tells_all", waitid_tells_all},
           {"waitid_of_stop_and_nothing", waitid_of_stop_and_nothing},
           {"ignored_children_reap_themselves", ignored_children_reap_themselves},
           {"nocldwait_reaps_too", nocldwait_reaps_too}, {"nocldstop_is_quiet", nocldstop_is_quiet},
           {"orphans_go_to_init", orphans_go_to_init}, {"zombie_is_seen", zombie_is_seen},
           {"usage_of_a_child", usage_of_a_child}, {"waits_for_the_slowest", waits_for_the_slowest})
