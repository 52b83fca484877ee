/* SPDX-License-Identifier: MIT */
/*
 * execve: arguments and their limits, scripts, errors, what is kept and what is not.
 *
 * Rows X3 and X4 as far as a well-formed program shows them; broken files are in test_elf.c.
 */
#define CHECK_HELPER exec_helper
#include "facts.h"

#include <elf.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>

static char *const no_words[] = {NULL};

/* ---- what the executed program says about itself ---- */

static unsigned long argument_bytes(char **argv) {
    unsigned long bytes = 0;

    for (; *argv; argv++)
        bytes += strlen(*argv) + 1;
    return bytes;
}

static int helper_environment(char **argv) {
    for (size_t i = 0; argv[i] || environ[i]; i++)
        if (!argv[i] || !environ[i] || strcmp(argv[i], environ[i]) != 0)
            return 1;
    return 0;
}

/* Zero-filled memory behind the data, and a data page that must hold what the file says. */
static char zeroed[3 * PAGE_BYTES + 100];
static int initialised = 0x12345678;

static int helper_segments(void) {
    for (size_t i = 0; i < sizeof zeroed; i++)
        if (zeroed[i] != 0)
            return 1;
    if (initialised != 0x12345678)
        return 2;
    memset(zeroed, 1, sizeof zeroed);
    initialised = 0;
    return 0;
}

static int helper_auxv(void) {
    if (getauxval(AT_PAGESZ) != PAGE_BYTES || getauxval(AT_ENTRY) == 0)
        return 1;
    if (getauxval(AT_PHNUM) == 0 || getauxval(AT_PHENT) != sizeof(Elf64_Phdr))
        return 2;
    if (memcmp((char *)getauxval(AT_PHDR) - sizeof(Elf64_Ehdr), ELFMAG, SELFMAG) != 0)
        return 3;
    if (getauxval(AT_RANDOM) == 0 || getauxval(AT_CLKTCK) != 100)
        return 4;
    if (getauxval(AT_UID) != getuid() || getauxval(AT_EGID) != getegid())
        return 5;
    return getauxval(AT_SECURE) == 0 && getauxval(AT_EXECFN) ? 0 : 6;
}

static int helper_descriptors(char **argv) {
    for (; *argv; argv++) {
        bool open_now = fcntl(abs(atoi(*argv)), F_GETFD) >= 0;
        if (open_now != (atoi(*argv) > 0))
            return abs(atoi(*argv));
    }
    return 0;
}

static int helper_rest(char **argv) {
    struct itimerval timer;

    if (strcmp(argv[0], "pid") == 0)
        return getpid() == atoi(argv[1]) && getppid() == atoi(argv[2]) ? 0 : 1;
    if (strcmp(argv[0], "alarm") == 0)
        return getitimer(ITIMER_REAL, &timer) == 0 && timer.it_value.tv_sec > 0 ? 0 : 1;
    if (strcmp(argv[0], "bytes") == 0)
        return argument_bytes(argv) == (unsigned long)atol(argv[1]) ? 0 : 1;
    if (strcmp(argv[0], "stack-aligned") == 0)
        return (uintptr_t)__builtin_frame_address(0) % 16;
    return 98;
}

static int exec_helper(char **argv) {
    if (strcmp(argv[0], "exit") == 0)
        return atoi(argv[1]);
    if (strcmp(argv[0], "environment") == 0)
        return helper_environment(argv + 1);
    if (strcmp(argv[0], "segments") == 0)
        return helper_segments();
    if (strcmp(argv[0], "auxv") == 0)
        return helper_auxv();
    if (strcmp(argv[0], "descriptors") == 0)
        return helper_descriptors(argv + 1);
    return helper_rest(argv);
}

/* ---- running it ---- */

static int run(const char *path, char *const *argv, char *const *envp) {
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        execve(path, argv, envp);
        _exit(errno);
    }
    return child_wait(child);
}

/* Run ourselves with the words after "--helper". */
static int run_self(char *const *words) {
    char *argv[16] = {"self", "--helper"};

    for (size_t i = 0; words[i]; i++)
        argv[i + 2] = words[i];
    return run("/proc/self/exe", argv, environ);
}

#define RUN_SELF(...) run_self((char *[]){__VA_ARGS__, NULL})

static void exit_status(void) {
    CHECK_EQ(RUN_SELF("exit", "0"), 0);
    CHECK_EQ(RUN_SELF("exit", "42"), 42 << 8);
}

static void environment_arrives(void) {
    char *argv[] = {"self", "--helper", "environment", "A=1", "B=", "=odd", "A=2", NULL};
    char *envp[] = {"A=1", "B=", "=odd", "A=2", NULL};
    char *other[] = {"A=1", "B=", "=odd", NULL};

    CHECK_EQ(run("/proc/self/exe", argv, envp), 0);
    CHECK_EQ(run("/proc/self/exe", argv, other), 1 << 8);
}

static void segments_are_fresh_each_time(void) {
    CHECK_EQ(RUN_SELF("segments"), 0);
    CHECK_EQ(RUN_SELF("segments"), 0);
}

static void auxiliary_vector(void) {
    CHECK_EQ(RUN_SELF("auxv"), 0);
}

static void stack_is_aligned(void) {
    CHECK_EQ(RUN_SELF("stack-aligned"), 0);
}

static void pid_stays(void) {
    char self[16], parent[16];
    pid_t child = fork();

    if (child == 0) {
        char *argv[] = {"self", "--helper", "pid", self, parent, NULL};
        snprintf(self, sizeof self, "%d", getpid());
        snprintf(parent, sizeof parent, "%d", getppid());
        execv("/proc/self/exe", argv);
        _exit(2);
    }
    CHECK_EQ(child_wait(child), 0);
}

static void alarm_is_kept(void) {
    pid_t child = fork();

    if (child == 0) {
        char *argv[] = {"self", "--helper", "alarm", NULL};
        alarm(50);
        execv("/proc/self/exe", argv);
        _exit(2);
    }
    CHECK_EQ(child_wait(child), 0);
}

static void close_on_exec(void) {
    char kept[16], closed[16], piped[16];
    int pair[2], fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    CHECK_EQ(pipe2(pair, O_CLOEXEC), 0);
    CHECK_EQ(fcntl(pair[0], F_SETFD, 0), 0);
    snprintf(kept, sizeof kept, "%d", pair[0]);
    snprintf(piped, sizeof piped, "-%d", pair[1]);
    snprintf(closed, sizeof closed, "-%d", fd);
    CHECK_EQ(RUN_SELF("descriptors", kept, piped, closed), 0);
    CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC);
}

static void errors(void) {
    static char long_name[5000];

    CHECK_FAILS(execve("/nonexistent", no_words, no_words), ENOENT);
    CHECK_FAILS(execve("", no_words, no_words), ENOENT);
    CHECK_FAILS(execve("/tmp", no_words, no_words), EACCES);
    CHECK_FAILS(execve("/dev/null", no_words, no_words), EACCES);
    CHECK_FAILS(execve("/proc/self/exe/x", no_words, no_words), ENOTDIR);
    memset(long_name, 'x', sizeof long_name - 1);
    CHECK_FAILS(execve(long_name, no_words, no_words), ENAMETOOLONG);
    unlink("/tmp/exec-loop");
    CHECK_EQ(symlink("/tmp/exec-loop", "/tmp/exec-loop"), 0);
    CHECK_FAILS(execve("/tmp/exec-loop", no_words, no_words), ELOOP);
    unlink("/tmp/exec-loop");
}

static void file_write(const char *path, const void *bytes, size_t size, mode_t mode) {
    int fd;

    unlink(path);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, bytes, size), size);
    CHECK_EQ(fchmod(fd, mode), 0);
    close(fd);
}

static void permissions(void) {
    file_write("/tmp/exec-plain", "#!/bin/sh\nexit 0\n", 17, 0644);
    CHECK_FAILS(execve("/tmp/exec-plain", no_words, no_words), EACCES); /* even as root */
    CHECK_EQ(chmod("/tmp/exec-plain", 0700), 0);
    CHECK_CHILD_OK((void (*)(void *))exit_status, NULL);
    if (geteuid() != 0)
        return;
    CHECK_EQ(setuid(1000), 0);
    CHECK_FAILS(execve("/tmp/exec-plain", no_words, no_words), EACCES); /* another's */
}

static void not_a_program(void) {
    file_write("/tmp/exec-text", "hello\n", 6, 0755);
    CHECK_FAILS(execve("/tmp/exec-text", no_words, no_words), ENOEXEC);
    file_write("/tmp/exec-text", "", 0, 0755);
    CHECK_FAILS(execve("/tmp/exec-text", no_words, no_words), ENOEXEC);
    file_write("/tmp/exec-text", "\177ELF", 4, 0755);
    CHECK_FAILS(execve("/tmp/exec-text", no_words, no_words), ENOEXEC);
    unlink("/tmp/exec-text");
}

/* ---- scripts ---- */

static int run_script(const char *text, char *const *argv) {
    file_write("/tmp/exec-script", text, strlen(text), 0755);
    return run("/tmp/exec-script", argv, environ);
}

static void scripts(void) {
    char *argv[] = {"name", "one", "two", NULL};
    char text[300];

    CHECK_EQ(run_script("#!/bin/sh\nexit 12\n", argv), 12 << 8);
    CHECK_EQ(run_script("#! /bin/sh\n[ $# = 2 ] && [ $2 = two ] && exit 13\n", argv), 13 << 8);
    CHECK_EQ(run_script("#!/bin/sh -e\n[ $0 = /tmp/exec-script ] || exit 1\nfalse\nexit 2\n", argv),
             1 << 8);
    snprintf(text, sizeof text, "#!%s --helper\n", self_path());
    file_write("/tmp/exec-script2", text, strlen(text), 0755);
    CHECK_EQ(run_script("#!/tmp/exec-script2\n", (char *[]){"x", "exit", "3", NULL}), 98 << 8);
    unlink("/tmp/exec-script2");
    unlink("/tmp/exec-script");
}

static void script_errors(void) {
    char text[600];

    CHECK_EQ(run_script("#!/nonexistent/interpreter\n", no_words), ENOENT << 8);
    CHECK_EQ(run_script("#!\n", no_words), ENOEXEC << 8);
    CHECK_EQ(run_script("#!   \n", no_words), ENOEXEC << 8);
    CHECK_EQ(run_script("#!/tmp\n", no_words), EACCES << 8);
    CHECK_EQ(run_script("#!/tmp/exec-script\n", no_words), ELOOP << 8);
    memset(text, 'x', sizeof text);
    memcpy(text, "#!/", 3);
    text[sizeof text - 1] = '\0';
    CHECK_EQ(run_script(text, no_words), ENOEXEC << 8);
    unlink("/tmp/exec-script");
}

/* ---- limits ---- */

/* Run ourselves with `count` words of `length` bytes each. */
static int run_with_words(size_t count, size_t length) {
    char **argv = calloc(count + 6, sizeof *argv);
    char *word = malloc(length + 1), total[32];

    memset(word, 'w', length);
    word[length] = '\0';
    snprintf(total, sizeof total, "%012zu", 6 + 13 + count * (length + 1));
    argv[0] = "self";
    argv[1] = "--helper";
    argv[2] = "bytes";
    argv[3] = total;
    for (size_t i = 0; i < count; i++)
        argv[4 + i] = word;
    return run("/proc/self/exe", argv, no_words);
}

static void arguments_of_128_kib(void) {
    CHECK_EQ(run_with_words(1, 100), 0);
    CHECK_EQ(run_with_words(1000, 120), 0);
    CHECK_EQ(run_with_words(4, 30000), 0);
    CHECK_EQ(run_with_words(1, 120000), 0);
    CHECK_EQ(run_with_words(10000, 1), 0);
}

static void too_many_arguments(void) {
    CHECK_EQ(run_with_words(1, 128 * 1024), E2BIG << 8); /* one word of more than 32 pages */
    CHECK_EQ(run_with_words(100, 100000), E2BIG << 8);
    CHECK_EQ(run_with_words(3000000, 1), E2BIG << 8);
}

static void failure_leaves_us_as_we_were(void) {
    char *pages = pages_map(4, PROT_READ | PROT_WRITE);
    char *const *volatile bad = (char *const *)8;
    struct memory_use before = memory_use();

    pages_write(pages, 4, 3);
    CHECK_FAILS(execve("/tmp/exec-nothing", no_words, no_words), ENOENT);
    before = memory_use();
    for (int i = 0; i < 20; i++) {
        CHECK_FAILS(execve("/nonexistent", no_words, no_words), ENOENT);
        CHECK_FAILS(execve("/proc/self/exe", bad, no_words), EFAULT);
        CHECK_FAILS(execve("/proc/self/exe", no_words, bad), EFAULT);
    }
    if (on_quire())
        CHECK_MEMORY_SAME(memory_use(), before);
    CHECK_EQ(pages_read(pages, 4), 12);
}

static void no_arguments_at_all(void) {
    int quiet = open("/dev/null", O_WRONLY);
    int status;

    dup2(quiet, STDERR_FILENO);
    status = run("/bin/true", no_words, no_words);

    CHECK(WIFEXITED(status)); /* whatever it makes of that */
}

static void running_program_cannot_be_written(void) {
    int fd = open(self_path(), O_WRONLY);

    if (fd >= 0 && on_quire())
        SKIP("ETXTBSY is not there");
    CHECK(fd == -1 && (errno == ETXTBSY || (errno == EACCES && geteuid() != 0)));
}

CHECK_MAIN({"exit_status", exit_status}, {"environment_arrives", environment_arrives},
           {"segments_are_fresh_each_time", segments_are_fresh_each_time},
           {"auxiliary_vector", auxiliary_vector}, {"stack_is_aligned", stack_is_aligned},
           {"pid_stays", pid_stays}, {"alarm_is_kept", alarm_is_kept},
           {"close_on_exec", close_on_exec}, {"errors", errors}, {"permissions", permissions},
           {"not_a_program", not_a_program}, {"scripts", scripts}, {"script_errors", script_errors},
           {"arguments_of_128_kib", arguments_of_128_kib},
           {"too_many_arguments", too_many_arguments},
           {"failure_leaves_us_as_we_were", failure_leaves_us_as_we_were},
           {"no_arguments_at_all", no_arguments_at_all},
           {"running_program_cannot_be_written", running_program_cannot_be_written})
