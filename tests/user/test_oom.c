/* SPDX-License-Identifier: MIT */
/*
 * Out of memory: the largest process dies, with one line in the log; the others go on and find
 * their memory as it was. The rules of oom_score and oom_score_adj are asked of Linux too; a whole
 * machine's memory is eaten on Quire only.
 */
#define CHECK_SECONDS 200
#define CHECK_HELPER user_rules
#include "facts.h"

#include <sys/mman.h>
#include <sys/stat.h>

#define RW (PROT_READ | PROT_WRITE)
#define ADJ "/proc/self/oom_score_adj"
#define OLD "/proc/self/oom_adj"
#define SMALL_PAGES 500

/* ---- the files ---- */

static int number_write(const char *path, const char *text) {
    int fd = open(path, O_WRONLY), error = 0;

    CHECK(fd >= 0);
    if (write(fd, text, strlen(text)) < 0)
        error = errno;
    close(fd);
    return error;
}

static long number_read(const char *path) {
    char *text = fact_file(path);

    CHECK(text != NULL);
    return strtol(text, NULL, 10);
}

/* Lowering it takes a right that root has not everywhere (CAP_SYS_RESOURCE). */
static void resource_right_or_skip(void) {
    if (geteuid() != 0 || number_write(ADJ, "-1") != 0)
        SKIP("needs the right to lower it");
}

static void what_may_be_written(void) {
    CHECK_EQ(number_write(ADJ, "300"), 0);
    CHECK_EQ(number_read(ADJ), 300);
    CHECK_EQ(number_write(ADJ, " 400\n"), 0);
    CHECK_EQ(number_read(ADJ), 400);
    CHECK_EQ(number_write(ADJ, "1001"), EINVAL);
    CHECK_EQ(number_write(ADJ, "-1001"), EINVAL);
    CHECK_EQ(number_write(ADJ, "12x"), EINVAL);
    CHECK_EQ(number_write(ADJ, "x"), EINVAL);
    CHECK_EQ(number_read(ADJ), 400);
    CHECK_EQ(number_write(ADJ, "1000"), 0);
}

static void the_scale_of_old(void) {
    CHECK_EQ(number_write(OLD, "15"), 0);
    CHECK_EQ(number_read(ADJ), 1000);
    CHECK_EQ(number_read(OLD), 15);
    CHECK_EQ(number_write(OLD, "16"), EINVAL);
    CHECK_EQ(number_write(OLD, "-18"), EINVAL);
    resource_right_or_skip();
    CHECK_EQ(number_write(OLD, "3"), 0);
    CHECK_EQ(number_read(ADJ), 3 * 1000 / 17);
    CHECK_EQ(number_write(OLD, "-17"), 0);
    CHECK_EQ(number_read(ADJ), -1000);
    CHECK_EQ(number_read(OLD), -17);
    CHECK_EQ(number_write(ADJ, "500"), 0);
    CHECK_EQ(number_read(OLD), 8);
}

/* Who is not root may raise it, and lower it again as far as root once put it. */
static void after_exec(void *unused) {
    (void)unused;
    CHECK_EQ(setuid(1000), 0);
    execl(self_path(), "oom", "--helper", NULL);
    _exit(1);
}

static int user_rules(char **argv) {
    (void)argv;
    CHECK_EQ(number_read(ADJ), 200);
    CHECK_EQ(number_write(ADJ, "300"), 0);
    CHECK_EQ(number_write(ADJ, "200"), 0);
    CHECK_EQ(number_write(ADJ, "199"), EACCES);
    CHECK_EQ(number_write(ADJ, "-1000"), EACCES);
    CHECK_EQ(number_read(ADJ), 200);
    return 0;
}

static void who_may_lower_it(void) {
    resource_right_or_skip();
    CHECK_EQ(number_write(ADJ, "200"), 0);
    CHECK_CHILD_OK(after_exec, NULL);
    CHECK_EQ(number_write(ADJ, "-500"), 0);
}

static void see_250(void *unused) {
    (void)unused;
    CHECK_EQ(number_read(ADJ), 250);
}

static void children_take_it_over(void) {
    CHECK_EQ(number_write(ADJ, "250"), 0);
    CHECK_CHILD_OK(see_250, NULL);
}

/* 667 is a process of no size; the adjustment is two thirds of a thousandth each. */
static void what_the_score_says(void) {
    long before, after;
    size_t pages = (size_t)fact_number("/proc/meminfo", "MemTotal") / 4 / 20;

    resource_right_or_skip();
    CHECK_EQ(number_write(ADJ, "0"), 0);
    before = number_read("/proc/self/oom_score");
    CHECK(before >= 666 && before <= 690);
    pages_write(pages_map(pages, RW), pages, 1);
    after = number_read("/proc/self/oom_score");
    CHECK(after >= before + 30 && after <= before + 37);
    CHECK_EQ(number_write(ADJ, "600"), 0);
    after = number_read("/proc/self/oom_score");
    CHECK(after >= before + 400 + 9 && after <= before + 400 + 38);
    CHECK_EQ(number_write(ADJ, "-1000"), 0);
    CHECK_EQ(number_read("/proc/self/oom_score"), 0);
    CHECK_EQ(number_read("/proc/1/oom_score"), 0);
}

/* ---- eating it all ---- */

static pid_t start_hog_at(const int *gate, const char *adj) {
    pid_t pid = fork();

    CHECK(pid >= 0);
    if (pid == 0) {
        CHECK_EQ(number_write(ADJ, adj), 0);
        memory_eat(gate);
    }
    return pid;
}

static pid_t start_hog(const char *adj) {
    return start_hog_at(NULL, adj);
}

/* A process with some memory that looks at it again and again until it is told to stop. */
static pid_t start_small(int stop) {
    pid_t pid = fork();
    char byte;

    CHECK(pid >= 0);
    if (pid == 0) {
        char *pages = pages_map(SMALL_PAGES, RW);

        pages_write(pages, SMALL_PAGES, 42);
        fcntl(stop, F_SETFL, O_NONBLOCK);
        while (read(stop, &byte, 1) < 0) {
            CHECK_EQ(pages_read(pages, SMALL_PAGES), 42 * SMALL_PAGES);
            usleep(1000);
        }
        _exit(0);
    }
    return pid;
}

static size_t count_lines(const char *part) {
    size_t count = 0;

    for (char *at = kernel_log(); (at = strstr(at, part)) != NULL; at++)
        count++;
    return count;
}

static void expect_line(pid_t pid, int adj) {
    char wanted[80], *line;

    snprintf(wanted, sizeof wanted, "quire: out of memory: killed test_oom[%d], ", pid);
    CHECK_EQ(count_lines(wanted), 1);
    line = strstr(kernel_log(), wanted);
    line[strcspn(line, "\n")] = '\0';
    snprintf(wanted, sizeof wanted, " pages, oom_score_adj %d", adj);
    CHECK(strstr(line, wanted) != NULL);
    CHECK(strtol(strstr(line, "], ") + 3, NULL, 10) > SMALL_PAGES);
}

static void hog_and_small(void) {
    int stop[2];
    pid_t hog, small;

    CHECK_EQ(pipe(stop), 0);
    small = start_small(stop[0]);
    hog = start_hog("0");
    CHECK_EQ(child_wait(hog) & 0x7f, SIGKILL);
    expect_line(hog, 0);
    CHECK_EQ(write(stop[1], "x", 1), 1);
    CHECK_EQ(child_wait(small), 0);
    close(stop[0]);
    close(stop[1]);
}

static void the_hog_dies(void) {
    struct memory_use before;

    frames_exact_or_skip();
    hog_and_small();
    before = memory_use();
    for (int i = 0; i < 5; i++) {
        hog_and_small();
        CHECK_MEMORY_SAME(memory_use(), before);
    }
}

static void several_hogs(void) {
    struct memory_use before;
    pid_t hogs[4], small;
    int stop[2], gate[2];

    frames_exact_or_skip();
    hog_and_small();
    before = memory_use();
    CHECK_EQ(pipe(stop), 0);
    small = start_small(stop[0]);
    CHECK_EQ(pipe(gate), 0);
    for (size_t i = 0; i < COUNT_OF(hogs); i++)
        hogs[i] = start_hog_at(gate, "0");
    close(gate[0]);
    close(gate[1]);
    for (size_t i = 0; i < COUNT_OF(hogs); i++) {
        CHECK_EQ(child_wait(hogs[i]) & 0x7f, SIGKILL);
        expect_line(hogs[i], 0);
    }
    CHECK_EQ(write(stop[1], "x", 1), 1);
    CHECK_EQ(child_wait(small), 0);
    close(stop[0]);
    close(stop[1]);
    CHECK_MEMORY_SAME(memory_use(), before);
}

/* A small process that is called bad dies before a large one that is called good. */
static void the_adjustment_decides(void) {
    pid_t modest, hog;
    int ready[2];
    char byte;

    frames_exact_or_skip();
    CHECK_EQ(pipe(ready), 0);
    CHECK_EQ(number_write(ADJ, "-1000"), 0);
    modest = fork();
    if (modest == 0) {
        CHECK_EQ(number_write(ADJ, "1000"), 0);
        pages_write(pages_map(SMALL_PAGES, RW), SMALL_PAGES, 1);
        CHECK_EQ(write(ready[1], "", 1), 1);
        for (;;)
            pause();
    }
    close(ready[1]);
    CHECK_EQ(read(ready[0], &byte, 1), 1);
    hog = start_hog("-500");
    CHECK_EQ(child_wait(modest) & 0x7f, SIGKILL);
    CHECK_EQ(child_wait(hog) & 0x7f, SIGKILL);
    expect_line(hog, -500);
}

/* The same for this process and all that it comes from, which are to tell the result. */
static void spare_ancestors(const char *adj) {
    char path[64] = ADJ;

    for (long pid = getpid(); pid > 1;) {
        snprintf(path, sizeof path, "/proc/%ld/oom_score_adj", pid);
        CHECK_EQ(number_write(path, adj), 0);
        snprintf(path, sizeof path, "/proc/%ld/status", pid);
        pid = fact_number(path, "PPid");
    }
}

/* It takes the place of all others, if they may be killed; at last it is its own turn. */
static void a_spared_hog(void) {
    pid_t hog, small;

    frames_exact_or_skip();
    small = fork();
    if (small == 0) {
        pages_write(pages_map(SMALL_PAGES, RW), SMALL_PAGES, 1);
        for (;;)
            pause();
    }
    spare_ancestors("-1000");
    hog = start_hog("-1000");
    CHECK_EQ(child_wait(small) & 0x7f, SIGKILL);
    CHECK_EQ(child_wait(hog) & 0x7f, SIGKILL);
    expect_line(hog, -1000);
    spare_ancestors("0");
}

/* The hog is not the one that finds no page: it sleeps, and dies all the same. */
static void who_asks_goes_on(void) {
    long rest = 2000;
    pid_t hog;

    frames_exact_or_skip();
    hog = frames_holder(rest, "0");
    char *pages = pages_map(3 * (size_t)rest, RW);
    pages_write(pages, 3 * (size_t)rest, 7);
    CHECK_EQ(pages_read(pages, 3 * (size_t)rest), 7 * 3 * rest);
    CHECK_EQ(child_wait(hog) & 0x7f, SIGKILL);
    expect_line(hog, 0);
}

/* A copy of the kernel's to a page that is not there: the call goes on as well. */
static void a_system_call_goes_on(void) {
    int zero = open("/dev/zero", O_RDONLY);
    pid_t hog;

    frames_exact_or_skip();
    hog = frames_holder(1000, "0");
    size_t bytes = 4000 * PAGE_BYTES;
    char *pages = pages_map(4000, RW);
    for (size_t done = 0; done < bytes;) {
        ssize_t got = read(zero, pages + done, bytes - done);
        CHECK(got > 0);
        done += (size_t)got;
    }
    CHECK_EQ(child_wait(hog) & 0x7f, SIGKILL);
    close(zero);
}

static void memory_in_files(void) {
    static char block[64 * PAGE_BYTES];
    struct memory_use before;
    struct stat stat;
    int fd;

    frames_exact_or_skip();
    hog_and_small();
    fd = open("/tmp/oom-file", O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0 && unlink("/tmp/oom-file") == 0);
    before = memory_use();
    while (write(fd, block, sizeof block) > 0)
        ;
    CHECK_EQ(errno, ENOSPC);
    CHECK_EQ(fstat(fd, &stat), 0);
    hog_and_small();
    CHECK_EQ(ftruncate(fd, 0), 0);
    hog_and_small();
    CHECK_MEMORY_SAME(memory_use(), before);
}

/* Forks without end, and one that eats: the small ones fall too, the test does not. */
static void bomb_and_hog(void) {
    pid_t bomb, hog;
    int status;

    frames_exact_or_skip();
    CHECK_EQ(number_write(ADJ, "-1000"), 0);
    bomb = fork();
    if (bomb == 0) {
        CHECK_EQ(number_write(ADJ, "500"), 0);
        CHECK_EQ(setpgid(0, 0), 0);
        for (int i = 0; i < 200 && fork() != 0; i++)
            ;
        pages_write(pages_map(20, RW), 20, 1);
        for (;;)
            pause();
    }
    hog = start_hog("600");
    CHECK_EQ(child_wait(hog) & 0x7f, SIGKILL);
    CHECK_EQ(waitpid(bomb, &status, WNOHANG) < 0, 0);
    kill(-bomb, SIGKILL);
    kill(bomb, SIGKILL);
    child_wait(bomb);
    usleep(200000);
    CHECK_EQ(number_write(ADJ, "0"), 0);
    hog_and_small();
}

#define SETTING "/proc/sys/vm/oom_kill_allocating_task"

static void whoever_asks_if_so_set(void) {
    pid_t holder, asker;

    frames_exact_or_skip();
    holder = frames_holder(2000, "0");
    CHECK_EQ(number_write(SETTING, "1"), 0);
    asker = start_hog("0");
    int status = child_wait(asker);
    int alive = kill(holder, 0);
    CHECK_EQ(number_write(SETTING, "0"), 0);
    kill(holder, SIGKILL);
    child_wait(holder);
    CHECK_EQ(status & 0x7f, SIGKILL);
    CHECK_EQ(alive, 0);
    expect_line(asker, 0);
}

CHECK_MAIN({"what_may_be_written", what_may_be_written}, {"the_scale_of_old", the_scale_of_old},
           {"who_may_lower_it", who_may_lower_it}, {"children_take_it_over", children_take_it_over},
           {"what_the_score_says", what_the_score_says}, {"the_hog_dies", the_hog_dies},
           {"several_hogs", several_hogs}, {"the_adjustment_decides", the_adjustment_decides},
           {"a_spared_hog", a_spared_hog}, {"who_asks_goes_on", who_asks_goes_on},
           {"a_system_call_goes_on", a_system_call_goes_on}, {"memory_in_files", memory_in_files},
           {"bomb_and_hog", bomb_and_hog}, {"whoever_asks_if_so_set", whoever_asks_if_so_set})
