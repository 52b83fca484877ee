/* SPDX-License-Identifier: MIT */
/*
 * memview in the guest: what it says is what /proc says; the scenes under it, at their marks; its
 * keys on a pseudo-terminal. On Linux there is no trace to see: all of it is skipped.
 */
#include "check.h"
#include "tty_pair.h"

#include <sys/mman.h>

#define MEMVIEW "/bin/memview"
#define SNAPSHOT "/proc/trace_snapshot"
#define RINGS "/proc/sys/kernel/trace_ring_kib"
#define PAGE 4096UL
#define TRIES 100

static void need_trace(void) {
    if (access(SNAPSHOT, R_OK) < 0 || access(MEMVIEW, X_OK) < 0)
        SKIP("no trace here");
}

/* Starts it with these descriptors (-1: as ours are); `words` ends with NULL. */
static pid_t start(char *const *words, int input, int output) {
    pid_t child = fork();

    CHECK(child >= 0);
    if (child > 0)
        return child;
    if (input >= 0)
        dup2(input, 0);
    if (output >= 0) {
        dup2(output, 1);
        dup2(output, 2);
    }
    setenv("SCENE_PACE", "0", 1);
    execv(words[0], words);
    _exit(127);
}

/* Its output, all of it, and its status. */
static char *output_of(char *const *words, int input, int *status) {
    static char text[4 << 20];
    size_t length = 0;
    ssize_t got;
    int ends[2];
    pid_t child;

    CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
    child = start(words, input, ends[1]);
    close(ends[1]);
    while ((got = read(ends[0], text + length, sizeof text - 1 - length)) > 0)
        length += (size_t)got;
    text[length] = '\0';
    close(ends[0]);
    CHECK_EQ(waitpid(child, status, 0), child);
    return text;
}

/* ---- what /proc says ---- */

/* Takes no memory: nothing is allocated between two of them. */
static long vmstat(const char *key) {
    static char text[16384];
    int fd = open("/proc/vmstat", O_RDONLY | O_CLOEXEC);
    ssize_t length = read(fd, text, sizeof text - 1);
    const char *at;

    CHECK(length > 0);
    close(fd);
    text[length] = '\0';
    at = strstr(text, key);
    CHECK(at != NULL);
    return strtol(at + strlen(key), NULL, 10);
}

/* A snapshot, before and after which these were as many: nobody was at work. */
static int snapshot_when_quiet(long *anon, long *tables) {
    for (int i = 0; i < TRIES; i++) {
        int fd;
        vmstat("nr_frames_anon "); /* so that what reading takes is there */
        *anon = vmstat("nr_frames_anon ");
        *tables = vmstat("nr_frames_table ");
        fd = open(SNAPSHOT, O_RDONLY | O_CLOEXEC);
        CHECK(fd >= 0);
        if (vmstat("nr_frames_anon ") == *anon && vmstat("nr_frames_table ") == *tables)
            return fd;
        close(fd);
    }
    SKIP("the machine is never quiet");
}

/* Sum of the frames that a dump says are of this use. */
static long dump_frames(const char *dump, const char *use) {
    long sum = 0, count;
    char name[32];

    for (const char *at = dump; at; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (sscanf(at, "frames %*x %lx %31s", &count, name) == 2 && strcmp(name, use) == 0)
            sum += count;
        else if (strncmp(at, "frames", 6) != 0)
            break;
    }
    return sum;
}

static void frames_as_vmstat_says(void) {
    char *const words[] = {MEMVIEW, "--dump", "-", NULL};
    long anon, tables;
    int fd, status;
    char *dump;

    need_trace();
    fd = snapshot_when_quiet(&anon, &tables);
    dump = output_of(words, fd, &status);
    CHECK_EQ(status, 0);
    CHECK_EQ(dump_frames(dump, "anon"), anon);
    CHECK_EQ(dump_frames(dump, "table"), tables);
}

/* ---- one process ---- */

/* Whether the dump has this line, whole. */
static bool has_line(const char *dump, const char *line) {
    size_t length = strlen(line);

    for (const char *at = dump; (at = strstr(at, line)); at += length)
        if ((at == dump || at[-1] == '\n') && at[length] == '\n')
            return true;
    return false;
}

static unsigned root_of(const char *dump, pid_t pid) {
    char head[32];
    const char *at;
    unsigned root = 0;

    snprintf(head, sizeof head, "\nprocess %d ", pid);
    at = strstr(dump, head);
    CHECK(at != NULL);
    CHECK_EQ(sscanf(at, " process %*d %*d %x", &root), 1);
    CHECK(root != 0);
    return root;
}

/* Every line of /proc/PID/maps is covered by areas with the same rights. */
static void check_maps(const char *dump, pid_t pid, unsigned root) {
    char path[32], line[512], prefix[64], rights[8];
    unsigned long start, end, area_end;
    unsigned prot;
    FILE *maps;

    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    maps = fopen(path, "r");
    CHECK(maps != NULL);
    while (fgets(line, sizeof line, maps)) {
        CHECK_EQ(sscanf(line, "%lx-%lx %7s", &start, &end, rights), 3);
        while (start < end) {
            const char *at;
            snprintf(prefix, sizeof prefix, "\narea %x %lx ", root, start);
            at = strstr(dump, prefix);
            if (!at)
                CHECK_NOTE("no area begins at %lx: %s", start, line);
            CHECK_EQ(sscanf(at, " area %*x %*x %lx %x", &area_end, &prot), 2);
            CHECK_EQ(prot, (rights[0] == 'r') + 2 * (rights[1] == 'w') + 4 * (rights[2] == 'x'));
            start = area_end;
        }
        CHECK_EQ(start, end);
    }
    fclose(maps);
}

/* Each present page is the page of the area's shadow that the dump says. */
static void check_pages(const char *dump, pid_t pid, unsigned root, const char *memory) {
    unsigned long shadow = 0, offset = 0, start = (unsigned long)memory, area_start = 0;
    char path[32], line[96], prefix[32];
    uint64_t entry;
    int fd;

    snprintf(prefix, sizeof prefix, "\narea %x ", root);
    for (const char *at = dump; area_start != start; at++) {
        at = strstr(at, prefix);
        CHECK(at != NULL);
        CHECK_EQ(
            sscanf(at, " area %*x %lx %*x %*x %*x %*x %*x %lx %lx", &area_start, &shadow, &offset),
            3);
    }
    snprintf(path, sizeof path, "/proc/%d/pagemap", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    for (unsigned long i = 0; i < 8; i++) {
        CHECK_EQ(pread(fd, &entry, 8, (off_t)((start / PAGE + i) * 8)), 8);
        CHECK_EQ(entry >> 63, i % 2);
        snprintf(line, sizeof line, "page %lx %lx %lx", shadow, offset + i,
                 (unsigned long)(entry & ((1ul << 55) - 1)));
        CHECK_EQ(has_line(dump, line), i % 2);
    }
    close(fd);
}

static void areas_as_proc_says(void) {
    char *const words[] = {MEMVIEW, "--dump", NULL};
    char *memory, *dump;
    int ready[2], status;
    unsigned root;
    char byte;
    pid_t child;

    need_trace();
    memory = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    CHECK_EQ(mprotect(memory + 8 * PAGE, PAGE, PROT_NONE), 0);
    CHECK_EQ(pipe(ready), 0);
    child = fork();
    if (child == 0) {
        for (unsigned long i = 1; i < 8; i += 2)
            memory[i * PAGE] = 1;
        CHECK_EQ(write(ready[1], "", 1), 1);
        for (;;)
            pause();
    }
    CHECK_EQ(read(ready[0], &byte, 1), 1);
    dump = output_of(words, -1, &status);
    CHECK_EQ(status, 0);
    root = root_of(dump, child);
    check_maps(dump, child, root);
    check_pages(dump, child, root, memory);
    kill(child, SIGKILL);
    CHECK_EQ(waitpid(child, &status, 0), child);
}

static void once_says_all(void) {
    char *const words[] = {MEMVIEW, "--once", NULL};
    int status;
    char *text;

    need_trace();
    text = output_of(words, -1, &status);
    CHECK_EQ(status, 0);
    CHECK(strncmp(text, "memview: ", 9) == 0);
    CHECK(strstr(text, "\nframes by use"));
    CHECK(strstr(text, " memview ")); /* it sees itself */
    CHECK(!strchr(text, '\033'));
    CHECK(!strstr(text, "CONTRADICTIONS") && !strstr(text, "LEAKED") && !strstr(text, "FREED"));
}

/* ---- the scenes ---- */

/* The picture at a mark: a text of its own. */
static char *picture_at(char *text, const char *mark) {
    char *at = strstr(text, mark), *end;

    if (!at)
        CHECK_NOTE("there is no mark \"%s\"", mark);
    end = strstr(at + 1, "\n---- ");
    at = end ? strndup(at, (size_t)(end - at)) : strdup(at);
    CHECK(at != NULL);
    return at;
}

/* How many frames the legend of a picture says there are of `what`. */
static long legend(const char *picture, const char *what) {
    const char *at = strstr(picture, what);

    return at ? strtol(at + strlen(what), NULL, 10) : 0;
}

/* Says how large the rings are, in KiB; returns how large they were. */
static int rings_set(int kib) {
    char text[16] = "";
    int fd = open(RINGS, O_RDWR | O_CLOEXEC);

    CHECK(fd >= 0);
    CHECK(read(fd, text, sizeof text - 1) > 0);
    CHECK(dprintf(fd, "%d", kib) > 0);
    close(fd);
    return atoi(text);
}

static char *scene(const char *name, const char *size) {
    char *const words[] = {MEMVIEW, "--", (char *)name, (char *)size, NULL};
    int status, before;
    char *text;

    need_trace();
    before = rings_set(4096); /* a whole scene fits: nothing is lost, however slow its reader */
    text = output_of(words, -1, &status);
    rings_set(before);
    if (status != 0)
        CHECK_NOTE("%s: status %x", name, (unsigned)status);
    if (strstr(text, "CONTRADICTIONS"))
        CHECK_NOTE("%s: %.120s", name, strstr(text, "CONTRADICTIONS") - 3);
    CHECK(!strstr(text, "EVENTS LOST"));
    CHECK(!strstr(text, "LEAKED"));
    CHECK(!strstr(text, "FREED BUT MAPPED"));
    return text;
}

static void scene_allocator(void) {
    char *text = scene("p-allocator", "20");

    CHECK(strstr(picture_at(text, "---- look: their memory is out"), "p-allocator"));
}

static void scene_fork(void) {
    char *text = scene("p-fork", "40");

    CHECK(legend(picture_at(text, "---- look: four processes"), "S shared ") >= 40);
}

static void scene_forkexit(void) {
    scene("p-forkexit", "12");
}

/* Tables of four MiB and the way to them go to the child by reference; one write takes one away. */
static void scene_trees(void) {
    char *text = scene("p-trees", "8");
    long before = legend(picture_at(text, "---- look: two processes"), "H shared page table ");
    long after = legend(picture_at(text, "---- look: the child wrote"), "H shared page table ");

    CHECK(before >= 4);
    CHECK(after < before && after > 0);
}

/* The child writes to one page of a large one: those beside it stay shared. */
static void scene_gib(void) {
    char *text = scene("p-gib", "8");
    long before = legend(picture_at(text, "---- look: the fork took"), "S shared ");
    long after = legend(picture_at(text, "---- look: the child wrote"), "S shared ");

    CHECK(before >= 2048);
    CHECK(after < before && after >= 2047);
}

static void scene_cow(void) {
    char *text = scene("p-cow", "32");
    long before = legend(picture_at(text, "---- look: 32 pages that two"), "S shared ");
    long after = legend(picture_at(text, "---- look: 16 pages were copied"), "S shared ");

    CHECK(before >= 32);
    CHECK(after <= before - 16 && after >= 16);
}

static void scene_file(void) {
    scene("p-file", "8");
}

static void scene_stack(void) {
    scene("p-stack", "40");
}

static void scene_guard(void) {
    CHECK(strstr(scene("p-guard", "4"), "no rights  #\n") != NULL);
}

/* ---- a terminal ---- */

/* Everything that has come from it since the last look, until `words` are there. */
static void see(const char *words) {
    static char text[1 << 20];
    static size_t length;
    ssize_t got;

    while (!strstr(text, words)) {
        if (length > sizeof text / 2)
            length = 0;
        got = read(master, text + length, sizeof text - 1 - length);
        CHECK(got > 0);
        for (ssize_t i = 0; i < got; i++)
            if (text[length + (size_t)i] == '\0')
                text[length + (size_t)i] = ' ';
        length += (size_t)got;
        text[length] = '\0';
    }
    length = 0;
    text[0] = '\0';
}

static void keys_on_a_terminal(void) {
    char *const words[] = {MEMVIEW, "--", "p-fork", "8", NULL};
    struct termios before = {0}, after = {0};
    int status;
    pid_t child;

    need_trace();
    pair_open();
    CHECK_EQ(ioctl(master, TIOCSWINSZ, &(struct winsize){30, 100, 0, 0}), 0);
    CHECK_EQ(tcgetattr(slave, &before), 0);
    setenv("TERM", "vt100", 1);
    child = start(words, slave, slave);
    see("p-fork ended with status 0");
    type("4");
    see("frames handed out");
    type("?");
    see("Space  pause");
    type("\033");
    see("frames by use");
    type(" ");
    see("paused");
    type("q");
    see("\033[?1049l");
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK_EQ(tcgetattr(slave, &after), 0);
    CHECK(memcmp(&before, &after, sizeof before) == 0);
}

/* What is typed after `i` is the program's, Ctrl-C too; after Ctrl-O, and when it has ended, it is
 * memview's. */
static void typed_to_the_program(void) {
    char *const words[] = {MEMVIEW, "--", "sh", "-c", "read word; echo \"<$word>\"; exec cat",
                           NULL};
    int status;
    pid_t child;

    need_trace();
    pair_open();
    CHECK_EQ(ioctl(master, TIOCSWINSZ, &(struct winsize){30, 100, 0, 0}), 0);
    setenv("TERM", "vt100", 1);
    child = start(words, slave, slave);
    see("i type to it");
    type("5i");
    see("keys go to sh");
    type("q?4\r"); /* no keys of memview's */
    see("<q?4>");
    type("\017 ");
    see("paused");
    type(" i");
    see("keys go to sh");
    type("\003");
    see("sh ended with status 130");
    type("4");
    see("frames by use");
    type("q");
    see("\033[?1049l");
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 130);
}

/* Without a terminal its input is memview's. */
static void input_without_terminal(void) {
    char *const words[] = {MEMVIEW, "--", "sh", "-c", "read word; echo \"<$word>\"", NULL};
    int ends[2], status;

    need_trace();
    CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
    CHECK_EQ(write(ends[1], "piped\n", 6), 6);
    CHECK(strstr(output_of(words, ends[0], &status), "<piped>\n"));
    CHECK_EQ(status, 0);
}

CHECK_MAIN({"frames_as_vmstat_says", frames_as_vmstat_says},
           {"areas_as_proc_says", areas_as_proc_says}, {"once_says_all", once_says_all},
           {"scene_allocator", scene_allocator}, {"scene_fork", scene_fork},
           {"scene_forkexit", scene_forkexit}, {"scene_trees", scene_trees},
           {"scene_gib", scene_gib}, {"scene_cow", scene_cow}, {"scene_file", scene_file},
           {"scene_stack", scene_stack}, {"scene_guard", scene_guard},
           {"keys_on_a_terminal", keys_on_a_terminal},
           {"typed_to_the_program", typed_to_the_program},
           {"input_without_terminal", input_without_terminal});
