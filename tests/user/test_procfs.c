/* SPDX-License-Identifier: MIT */
/*
 * /proc: what it says of processes and of the machine, in Linux's formats (row K7 in part).
 */
#define CHECK_HELPER show_or_wait
#include "facts.h"

#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <time.h>

/* The program these tests execute: `cat FILE`, or `wait`, which closes its output and sleeps. */
static int show_or_wait(char **argv) {
    if (strcmp(argv[0], "cat") == 0) {
        char buffer[4096];
        int fd = open(argv[1], O_RDONLY);
        ssize_t got;
        while ((got = read(fd, buffer, sizeof buffer)) > 0)
            if (write(1, buffer, (size_t)got) != got)
                return 1;
        return fd < 0 || got < 0;
    }
    close(1);
    sleep(30);
    return 0;
}

/* Runs this program again with a given environment; its output is read by the caller. */
static pid_t helper_start(char *const argv[], char *const envp[], int *output) {
    int pair[2];

    CHECK_EQ(pipe2(pair, O_CLOEXEC), 0);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        dup2(pair[1], 1);
        execve(self_path(), argv, envp);
        _exit(127);
    }
    close(pair[1]);
    *output = pair[0];
    return pid;
}

static size_t read_all(int fd, char *text, size_t size) {
    size_t length = 0;
    ssize_t got;

    while (length < size - 1 && (got = read(fd, text + length, size - 1 - length)) > 0)
        length += (size_t)got;
    text[length] = '\0';
    return length;
}

static size_t file_read(const char *path, char *text, size_t size) {
    int fd = open(path, O_RDONLY);

    CHECK(fd >= 0);
    size_t length = read_all(fd, text, size);
    close(fd);
    return length;
}

static const char *proc_path(pid_t pid, const char *name) {
    static char path[128];

    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    return path;
}

static const char *link_text(const char *path) {
    static char text[4096];
    ssize_t length = readlink(path, text, sizeof text - 1);

    CHECK(length >= 0);
    text[length] = '\0';
    return text;
}

/* ---- one process ---- */

static void self_links(void) {
    char expected[64];

    snprintf(expected, sizeof expected, "%d", getpid());
    CHECK_EQ(strcmp(link_text("/proc/self"), expected), 0);
    snprintf(expected, sizeof expected, "%d/task/%d", getpid(), getpid());
    CHECK_EQ(strcmp(link_text("/proc/thread-self"), expected), 0);
    CHECK_EQ(chdir("/proc"), 0);
    CHECK_EQ(strcmp(link_text("/proc/self/cwd"), "/proc"), 0);
    CHECK_EQ(strcmp(link_text("self/root"), "/"), 0);
    CHECK(strstr(link_text("self/exe"), "procfs") || on_quire());
    CHECK_FAILS(readlink("/proc/self/stat", expected, 1), EINVAL);
}

/* Splits /proc/PID/stat behind the name; fields[0] is the state, which is field 3. */
static int stat_fields(const char *path, char *name, char *fields[60]) {
    static char text[2048];
    int count = 0;

    file_read(path, text, sizeof text);
    char *open = strchr(text, '('), *close = strrchr(text, ')');
    CHECK(open && close && close[1] == ' ');
    *close = '\0';
    strcpy(name, open + 1);
    for (char *word = strtok(close + 2, " \n"); word && count < 60; word = strtok(NULL, " \n"))
        fields[count++] = word;
    return count;
}

static void stat_file(void) {
    char name[64], *fields[60];

    CHECK_EQ(prctl(PR_SET_NAME, "odd ) name"), 0);
    CHECK_EQ(stat_fields("/proc/self/stat", name, fields), 50);
    CHECK_EQ(strcmp(name, "odd ) name"), 0);
    CHECK_EQ(fields[0][0], 'R');
    CHECK_EQ(atoi(fields[1]), getppid());
    CHECK_EQ(atoi(fields[2]), getpgrp());
    CHECK_EQ(atoi(fields[3]), getsid(0));
    CHECK_EQ(atoi(fields[17]), 1);  /* threads */
    CHECK(atol(fields[20]) > 4096); /* size in bytes */
    CHECK(atol(fields[21]) >= 0);   /* resident pages: not exact on Linux */
    CHECK((uintptr_t)name < strtoul(fields[25], NULL, 10));
}

static void status_file(void) {
    CHECK_EQ(fact_number("/proc/self/status", "Pid"), getpid());
    CHECK_EQ(fact_number("/proc/self/status", "Tgid"), getpid());
    CHECK_EQ(fact_number("/proc/self/status", "PPid"), getppid());
    CHECK_EQ(fact_number("/proc/self/status", "Uid"), getuid());
    CHECK_EQ(fact_number("/proc/self/status", "Threads"), 1);
    CHECK(fact_number("/proc/self/status", "VmSize") >= fact_number("/proc/self/status", "VmRSS"));
    CHECK(fact_number("/proc/self/status", "VmRSS") > 0);
    signal(SIGUSR1, SIG_IGN);
    CHECK(strstr(fact_file("/proc/self/status"), "SigIgn:\t"));
    unsigned long long ignored =
        strtoull(strstr(fact_file("/proc/self/status"), "SigIgn:") + 7, NULL, 16);
    CHECK(ignored & 1ull << (SIGUSR1 - 1));
}

/* What was mapped at most stays known when it has gone. */
static void peak_of_memory(void) {
    size_t bytes = (size_t)fact_number("/proc/self/status", "VmPeak") * 1024 + PAGE_BYTES;
    char *map = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    long size = fact_number("/proc/self/status", "VmSize");

    CHECK(map != MAP_FAILED);
    CHECK_EQ(fact_number("/proc/self/status", "VmPeak"), size);
    CHECK_EQ(munmap(map, bytes), 0);
    CHECK(fact_number("/proc/self/status", "VmSize") < size);
    CHECK_EQ(fact_number("/proc/self/status", "VmPeak"), size);
}

static void maps_file(void) {
    struct area area;
    int local = 0;

    CHECK(area_find((void *)(uintptr_t)maps_file, &area));
    CHECK_EQ(strcmp(area.rights, "r-xp"), 0);
    CHECK_EQ(strcmp(area.name, self_path()), 0);
    CHECK(area_find(&local, &area));
    CHECK_EQ(strcmp(area.name, "[stack]"), 0);
    char *map = mmap(NULL, 2 * PAGE_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(area_find(map, &area));
    CHECK_EQ(strncmp(area.rights, "r--p", 4), 0);
    char *line = strstr(fact_file("/proc/self/maps"), self_path());
    CHECK(line);
    while (line[-1] == ' ')
        line--;
    while (line > fact_file("/proc/self/maps") && line[-1] != '\n')
        line--;
    CHECK_EQ(strstr(line, self_path()) - line, 73); /* the column of names */
}

static void statm_file(void) {
    unsigned long size, resident, shared;

    CHECK_EQ(sscanf(fact_file("/proc/self/statm"), "%lu %lu %lu", &size, &resident, &shared), 3);
    CHECK(size >= resident && resident > shared);
    char *pages = pages_map(64, PROT_READ | PROT_WRITE);
    unsigned long size_after, resident_after;
    pages_write(pages, 64, 1);
    CHECK_EQ(sscanf(fact_file("/proc/self/statm"), "%lu %lu", &size_after, &resident_after), 2);
    CHECK_EQ(size_after, size + 64);
    CHECK(resident_after >= resident + 60 && resident_after <= resident + 70);
}

static void arguments(void) {
    char *argv[] = {"name of it", "--helper", "cat", "/proc/self/cmdline", "", "last", NULL};
    char *envp[] = {"A=1", "LONG=value of it", NULL};
    char text[256];
    int output;

    pid_t pid = helper_start(argv, envp, &output);
    size_t length = read_all(output, text, sizeof text);
    static const char expected[] = "name of it\0--helper\0cat\0/proc/self/cmdline\0\0last";
    CHECK_EQ(length, sizeof expected);
    CHECK_EQ(memcmp(text, expected, sizeof expected), 0);
    CHECK_EQ(child_wait(pid), 0);
    argv[3] = "/proc/self/environ";
    pid = helper_start(argv, envp, &output);
    length = read_all(output, text, sizeof text);
    CHECK_EQ(length, sizeof "A=1\0LONG=value of it");
    CHECK_EQ(memcmp(text, "A=1\0LONG=value of it", length), 0);
    CHECK_EQ(child_wait(pid), 0);
}

static void comm_file(void) {
    char text[64];

    int fd = open("/proc/self/comm", O_RDWR);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, "new name that is too long\n", 26), 26);
    CHECK_EQ(prctl(PR_GET_NAME, text), 0);
    CHECK_EQ(strcmp(text, "new name that i"), 0);
    file_read("/proc/self/comm", text, sizeof text);
    CHECK_EQ(strcmp(text, "new name that i\n"), 0);
}

static void auxv_file(void) {
    unsigned long words[128];
    int fd = open("/proc/self/auxv", O_RDONLY);
    ssize_t size = read(fd, words, sizeof words);

    CHECK(size > 0 && size % 16 == 0);
    bool page_size = false;
    for (ssize_t i = 0; i < size / 8; i += 2)
        page_size |= words[i] == 6 && words[i + 1] == PAGE_BYTES;
    CHECK(page_size);
    CHECK_EQ(words[size / 8 - 2], 0);
}

static void limits_file(void) {
    struct rlimit limit = {100, 200};
    char text[8192];

    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    file_read("/proc/self/limits", text, sizeof text);
    CHECK(strstr(text, "Max open files            100                  200                  files"
                       "     \n"));
    CHECK_EQ(strncmp(text,
                     "Limit                     Soft Limit           Hard Limit           "
                     "Units     \n",
                     79),
             0);
}

/* ---- descriptors ---- */

static int count_entries(const char *path, const char *wanted, bool *found) {
    DIR *dir = opendir(path);
    struct dirent *entry;
    int count = 0;

    CHECK(dir != NULL);
    *found = false;
    while ((entry = readdir(dir))) {
        if (entry->d_name[0] == '.')
            continue;
        count++;
        *found |= strcmp(entry->d_name, wanted) == 0;
    }
    closedir(dir);
    return count;
}

static void descriptors(void) {
    char path[64];
    bool found;
    int pair[2];

    int before = count_entries("/proc/self/fd", "0", &found);
    CHECK_EQ(pipe(pair), 0);
    CHECK_EQ(dup2(pair[0], 123), 123);
    CHECK_EQ(count_entries("/proc/self/fd", "123", &found), before + 3);
    CHECK(found);
    CHECK_EQ(strncmp(link_text("/proc/self/fd/123"), "pipe:[", 6), 0);
    close(123);
    CHECK_FAILS(readlink("/proc/self/fd/123", path, sizeof path), ENOENT);
    int fd = open("/proc/self/exe", O_RDONLY);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    CHECK_EQ(strcmp(link_text(path), self_path()), 0);
    int again = open(path, O_RDONLY);
    CHECK(again >= 0);
    CHECK_EQ(lseek(fd, 100, SEEK_SET), 100);
    CHECK_EQ(lseek(again, 0, SEEK_CUR), 0); /* opened anew, no duplicate */
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    CHECK_EQ(fact_number(path, "pos"), 100);
}

static void pipe_by_path(void) {
    char path[64], byte;
    int pair[2];

    CHECK_EQ(pipe(pair), 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", pair[1]);
    int again = open(path, O_WRONLY);
    CHECK(again >= 0);
    CHECK_EQ(write(again, "x", 1), 1);
    CHECK_EQ(read(pair[0], &byte, 1), 1);
}

/* ---- reading as such ---- */

static void partial_reads(void) {
    char whole[8192], parts[8192];

    size_t length = file_read("/proc/self/limits", whole, sizeof whole);
    CHECK(length > 500);
    for (size_t step = 1; step < 100; step = step * 3 + 1) {
        int fd = open("/proc/self/limits", O_RDONLY);
        size_t at = 0;
        ssize_t got;
        while ((got = read(fd, parts + at, step)) > 0)
            at += (size_t)got;
        CHECK_EQ(at, length);
        CHECK_EQ(memcmp(whole, parts, length), 0);
        close(fd);
    }
}

static void seeks(void) {
    char whole[8192], part[64];

    size_t length = file_read("/proc/self/limits", whole, sizeof whole);
    int fd = open("/proc/self/limits", O_RDONLY);
    CHECK_EQ(pread(fd, part, 20, 300), 20);
    CHECK_EQ(memcmp(part, whole + 300, 20), 0);
    CHECK_EQ(lseek(fd, 100, SEEK_SET), 100);
    CHECK_EQ(read(fd, part, 20), 20);
    CHECK_EQ(memcmp(part, whole + 100, 20), 0);
    CHECK_EQ(pread(fd, part, 20, 10), 20);
    CHECK_EQ(memcmp(part, whole + 10, 20), 0);
    CHECK_EQ(pread(fd, part, 20, (off_t)length), 0);
    CHECK_EQ(pread(fd, part, 20, (off_t)length + 5000), 0);
    CHECK_FAILS(read(fd, (void *)8, 20), EFAULT);
}

/* Thousands of areas: more than one piece of text. */
static void long_maps(void) {
    enum { AREAS = 3000 };
    char *base = mmap(NULL, 2 * AREAS * PAGE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *text = malloc(1 << 20);
    unsigned long start, end, last = 0;
    int lines = 0;

    CHECK(base != MAP_FAILED && text);
    for (int i = 0; i < AREAS; i++)
        CHECK_EQ(mprotect(base + 2 * i * PAGE_BYTES, PAGE_BYTES, PROT_READ), 0);
    file_read("/proc/self/maps", text, 1 << 20);
    for (char *line = text; line && *line; line = strchr(line, '\n'), line += line != NULL) {
        CHECK_EQ(sscanf(line, "%lx-%lx ", &start, &end), 2);
        CHECK(start >= last && end > start);
        last = end;
        lines++;
    }
    CHECK(lines > 2 * AREAS);
}

/* ---- life and death ---- */

static void gone(void) {
    char byte;
    pid_t pid = fork();

    CHECK(pid >= 0);
    if (pid == 0) {
        pause();
        _exit(0);
    }
    int fd = open(proc_path(pid, "stat"), O_RDONLY);
    int dir = open(proc_path(pid, ""), O_RDONLY | O_DIRECTORY);
    CHECK(fd >= 0 && dir >= 0);
    CHECK_EQ(pread(fd, &byte, 1, 0), 1);
    CHECK_EQ(kill(pid, SIGKILL), 0);
    child_wait(pid);
    CHECK_FAILS(pread(fd, &byte, 1, 0), ESRCH);
    CHECK(openat(dir, "stat", O_RDONLY) == -1 && (errno == ENOENT || errno == ESRCH));
    CHECK_FAILS(open(proc_path(pid, "stat"), O_RDONLY), ENOENT);
}

static void zombie(void) {
    char name[64], *fields[60], text[16];
    siginfo_t info;
    pid_t pid = fork();

    CHECK(pid >= 0);
    if (pid == 0)
        _exit(3);
    CHECK_EQ(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    stat_fields(proc_path(pid, "stat"), name, fields);
    CHECK_EQ(fields[0][0], 'Z');
    CHECK_EQ(atoi(fields[1]), getpid());
    CHECK_EQ(file_read(proc_path(pid, "cmdline"), text, sizeof text), 0);
    CHECK_EQ(file_read(proc_path(pid, "maps"), text, sizeof text), 0);
    CHECK_FAILS(readlink(proc_path(pid, "exe"), text, sizeof text), ENOENT);
    child_wait(pid);
}

static void other_process(void) {
    char *argv[] = {"sleeper", "--helper", "wait", NULL}, *envp[] = {NULL};
    char name[64], *fields[60], text[64];
    int output;

    pid_t pid = helper_start(argv, envp, &output);
    CHECK_EQ(read_all(output, text, sizeof text), 0); /* it has started and closed its output */
    do
        stat_fields(proc_path(pid, "stat"), name, fields);
    while (fields[0][0] == 'R'); /* and soon sleeps */
    CHECK_EQ(fields[0][0], 'S');
    CHECK_EQ(strncmp(name, strrchr(self_path(), '/') + 1, 15), 0);
    CHECK_EQ(strcmp(link_text(proc_path(pid, "exe")), self_path()), 0);
    file_read(proc_path(pid, "cmdline"), text, sizeof text);
    CHECK_EQ(strcmp(text, "sleeper"), 0);
    CHECK_EQ(kill(pid, SIGSTOP), 0);
    CHECK_EQ(waitpid(pid, NULL, WUNTRACED), pid);
    stat_fields(proc_path(pid, "stat"), name, fields);
    CHECK_EQ(fields[0][0], 'T');
    kill(pid, SIGKILL);
    child_wait(pid);
}

/* What is inside a process is for its owner. */
static void others_secrets(void) {
    char text[64];
    int ready[2];

    if (getuid() != 0)
        SKIP("needs root");
    CHECK_EQ(pipe(ready), 0);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        CHECK_EQ(setgid(2001), 0);
        CHECK_EQ(setuid(2001), 0);
        prctl(PR_SET_DUMPABLE, 1);
        CHECK_EQ(write(ready[1], "", 1), 1);
        pause();
    }
    CHECK_EQ(read(ready[0], text, 1), 1);
    struct stat info;
    CHECK_EQ(stat(proc_path(pid, "stat"), &info), 0);
    CHECK_EQ(info.st_uid, 2001);
    CHECK(open(proc_path(pid, "maps"), O_RDONLY) >= 0);
    CHECK_EQ(setgid(2002), 0);
    CHECK_EQ(setuid(2002), 0);
    CHECK(open(proc_path(pid, "stat"), O_RDONLY) >= 0);
    CHECK_FAILS(open(proc_path(pid, "maps"), O_RDONLY), EACCES);
    CHECK_FAILS(open(proc_path(pid, "environ"), O_RDONLY), EACCES);
    CHECK_FAILS(open(proc_path(pid, "fd"), O_RDONLY), EACCES);
    CHECK_FAILS(readlink(proc_path(pid, "exe"), text, sizeof text), EACCES);
}

static void directory(void) {
    char self[16];
    bool found;

    snprintf(self, sizeof self, "%d", getpid());
    count_entries("/proc", self, &found);
    CHECK(found);
    count_entries("/proc", "meminfo", &found);
    CHECK(found);
    count_entries("/proc/self", "status", &found);
    CHECK(found);
    CHECK_EQ(count_entries("/proc/self/task", self, &found), 1);
    CHECK(found);
    CHECK_FAILS(open("/proc/0", O_RDONLY), ENOENT);
    CHECK_FAILS(open("/proc/01", O_RDONLY), ENOENT);
    CHECK_FAILS(open("/proc/99999999999999999999", O_RDONLY), ENOENT);
    CHECK_FAILS(open("/proc/new", O_RDWR | O_CREAT, 0600), ENOENT);
    CHECK_FAILS(mkdir("/proc/new", 0700), ENOENT);
    if (geteuid() == 0)
        CHECK_FAILS(unlink("/proc/meminfo"), EPERM);
}

/* ---- the machine ---- */

static void memory(void) {
    struct sysinfo info;
    long total = fact_number("/proc/meminfo", "MemTotal");

    CHECK_EQ(sysinfo(&info), 0);
    CHECK_EQ(total, (long)(info.totalram * info.mem_unit / 1024));
    CHECK(fact_number("/proc/meminfo", "MemFree") < total);
    CHECK(fact_number("/proc/meminfo", "MemAvailable") <= total);
    CHECK(fact_number("/proc/meminfo", "SwapTotal") >= 0);
    CHECK(fact_number("/proc/vmstat", "nr_free_pages") > 0);
    CHECK(fact_number("/proc/vmstat", "pgfault") > 0);
}

/* Every frame is in exactly one use. */
static void frames_add_up(void) {
    static const char *const uses[] = {"free",  "reserved", "kernel", "slab", "stack",
                                       "table", "anon",     "file",   "zero", "spare"};
    char key[64];
    long sum = 0;

    frames_exact_or_skip();
    for (size_t i = 0; i < COUNT_OF(uses); i++) {
        snprintf(key, sizeof key, "nr_frames_%s", uses[i]);
        long frames = fact_number("/proc/vmstat", key);
        CHECK(frames >= 0);
        sum += frames;
    }
    CHECK_EQ(sum, fact_number("/proc/vmstat", "nr_frames_total"));
}

static void time_and_load(void) {
    double up, idle, load[3], up_after;
    int running, tasks, last;
    struct timespec now;

    CHECK_EQ(sscanf(fact_file("/proc/uptime"), "%lf %lf", &up, &idle), 2);
    CHECK_EQ(clock_gettime(CLOCK_BOOTTIME, &now), 0);
    CHECK(up <= (double)now.tv_sec + 1 && up + 2 >= (double)now.tv_sec);
    usleep(30000);
    CHECK_EQ(sscanf(fact_file("/proc/uptime"), "%lf", &up_after), 1);
    CHECK(up_after > up);
    CHECK_EQ(sscanf(fact_file("/proc/loadavg"), "%lf %lf %lf %d/%d %d", &load[0], &load[1],
                    &load[2], &running, &tasks, &last),
             6);
    CHECK(tasks >= running && running >= 1);
    CHECK_EQ(strncmp(fact_file("/proc/stat"), "cpu  ", 5), 0);
    CHECK(fact_number("/proc/stat", "btime") > 1000000000);
    CHECK(fact_number("/proc/stat", "processes") > 0);
}

static void texts(void) {
    struct utsname name;
    char expected[200];

    CHECK_EQ(uname(&name), 0);
    CHECK(strstr(fact_file("/proc/mounts"), " /proc proc rw"));
    CHECK(strstr(fact_file("/proc/self/mountinfo"), " /proc rw"));
    CHECK(strstr(fact_file("/proc/filesystems"), "nodev\tproc\n"));
    snprintf(expected, sizeof expected, "Linux version %s ", name.release);
    CHECK_EQ(strncmp(fact_file("/proc/version"), expected, strlen(expected)), 0);
    snprintf(expected, sizeof expected, "%s\n", name.nodename);
    CHECK_EQ(strcmp(fact_file("/proc/sys/kernel/hostname"), expected), 0);
    CHECK(fact_number("/proc/cpuinfo", "processor") == 0);
    CHECK(strstr(fact_file("/proc/cpuinfo"), "model name\t: "));
    CHECK_EQ(strlen(fact_file("/proc/sys/kernel/random/uuid")), 37);
}

/* Looking at everything costs nothing in the end. */
static void frames_stay(void) {
    static const char *const files[] = {"stat",   "status",  "maps",    "smaps",    "limits",
                                        "mounts", "cmdline", "environ", "fdinfo/0", "mountinfo"};
    char path[64];

    frames_exact_or_skip();
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        snprintf(path, sizeof path, "/proc/self/%s", files[i]);
        fact_file(path);
    }
    struct memory_use before = memory_use();
    for (int round = 0; round < 50; round++)
        for (size_t i = 0; i < COUNT_OF(files); i++) {
            snprintf(path, sizeof path, "/proc/self/%s", files[i]);
            fact_file(path);
        }
    CHECK_MEMORY_SAME(memory_settled(before), before);
}

static void pagemap_file(void) {
    uint64_t entries[4];
    int fd = open("/proc/self/pagemap", O_RDONLY);
    volatile char *pages = pages_map(3, PROT_READ | PROT_WRITE);

    CHECK(fd >= 0);
    pages[PAGE_BYTES] = 1;
    CHECK_EQ(pread(fd, entries, 24, (off_t)((uintptr_t)pages / PAGE_BYTES * 8)), 24);
    CHECK(!(entries[0] & PAGEMAP_PRESENT));
    CHECK(entries[1] & PAGEMAP_PRESENT);
    CHECK(entries[1] & 1ULL << 56);    /* ours alone */
    CHECK(!(entries[1] & 1ULL << 61)); /* no file's */
    CHECK(!(entries[2] & PAGEMAP_PRESENT));
    CHECK_FAILS(pread(fd, entries, 7, 0), EINVAL);
    CHECK_FAILS(pread(fd, entries, 8, 3), EINVAL);
}

CHECK_MAIN({"self_links", self_links}, {"stat_file", stat_file}, {"status_file", status_file},
           {"peak_of_memory", peak_of_memory}, {"maps_file", maps_file}, {"statm_file", statm_file},
           {"arguments", arguments}, {"comm_file", comm_file}, {"auxv_file", auxv_file},
           {"limits_file", limits_file}, {"descriptors", descriptors},
           {"pipe_by_path", pipe_by_path}, {"partial_reads", partial_reads}, {"seeks", seeks},
           {"long_maps", long_maps}, {"gone", gone}, {"zombie", zombie},
           {"other_process", other_process}, {"others_secrets", others_secrets},
           {"directory", directory}, {"memory", memory}, {"frames_add_up", frames_add_up},
           {"time_and_load", time_and_load}, {"texts", texts}, {"frames_stay", frames_stay},
           {"pagemap_file", pagemap_file});
