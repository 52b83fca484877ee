/* SPDX-License-Identifier: MIT */
/*
 * The first program of the Linux that Quire is measured beside: makes the file systems that
 * tests/bench looks for, waits until the work of the boot is over, runs /bench, and powers off.
 * The kernel hands it the words after `--` on its command line: `bench` and its arguments. Before
 * them come words that the kernel does not know, like nokaslr.
 *
 * The bench's output goes to the second serial port, raw, with a last line `exit STATUS`; the
 * kernel's messages stay on the first.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define OUTPUT "/dev/ttyS1"
#define QUIET_SECONDS 15 /* after which Linux has ended what it does behind a boot */

static void file_system(const char *type, const char *place) {
    mkdir(place, 0755);
    if (mount(type, place, type, 0, NULL) < 0)
        fprintf(stderr, "init: mount of %s: %m\n", place);
}

/* Standard output, without the terminal's carriage returns. */
static void output_open(void) {
    struct termios mode;
    int fd = open(OUTPUT, O_RDWR | O_NOCTTY);

    if (fd < 0 || tcgetattr(fd, &mode) < 0) {
        fprintf(stderr, "init: %s: %m\n", OUTPUT);
        return;
    }
    cfmakeraw(&mode);
    tcsetattr(fd, TCSANOW, &mode);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
}

/* Every other processor, where the kernel was told to leave them all alone (maxcpus=1):
 * tools/bench_scaling.py says why. */
static void processors_start(void) {
    char path[64];
    int fd;

    for (int cpu = 2;; cpu += 2) {
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/online", cpu);
        fd = open(path, O_WRONLY);
        if (fd < 0)
            return;
        if (write(fd, "1", 1) < 0)
            fprintf(stderr, "init: %s: %m\n", path);
        close(fd);
    }
}

/* Waits for everybody who ends, as init must; returns how this one ended, as a shell says it. */
static int end_of(pid_t child) {
    int status;

    for (;;) {
        pid_t pid = wait(&status);
        if (pid < 0)
            return 127;
        if (pid == child)
            return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
}

int main(int argc, char **argv) {
    pid_t child;

    while (argc > 1 && strcmp(*argv, "bench") != 0)
        argv++, argc--;
    file_system("proc", "/proc");
    file_system("devtmpfs", "/dev");
    file_system("tmpfs", "/dev/shm");
    file_system("tmpfs", "/tmp");
    file_system("sysfs", "/sys");
    output_open();
    processors_start();
    sleep(QUIET_SECONDS);
    child = fork();
    if (child == 0) {
        execv("/bench", argv);
        _exit(127);
    }
    printf("exit %d\n", end_of(child));
    fflush(stdout);
    tcdrain(STDOUT_FILENO);
    reboot(RB_POWER_OFF);
    return 1;
}
