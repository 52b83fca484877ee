/* SPDX-License-Identifier: MIT */
/*
 * /proc/sys and /sys, file by file: what reads, what a good and a bad write do, and who may. On
 * Linux, whose settings are everybody's, a good write is the value that is there already.
 */
#include "scratch.h"

#include <ftw.h>
#include <limits.h>

#define TEXT_BYTES 512

enum kind {
    CONSTANT, /* a number that cannot be written here, on Linux perhaps */
    NUMBER,   /* that is refused outside its range */
    LONG,     /* of which Linux passes over what is out of range */
    LINE,     /* some text; cannot be written */
    NAME,     /* some text */
};

static const struct setting {
    const char *path;
    enum kind kind;
    uint64_t min, max;
} settings[] = {
    {"/proc/sys/fs/file-max", CONSTANT, 1, UINT64_MAX},
    {"/proc/sys/fs/nr_open", CONSTANT, 1, INT32_MAX},
    {"/proc/sys/fs/pipe-max-size", CONSTANT, 4096, INT32_MAX},
    {"/proc/sys/kernel/cap_last_cap", CONSTANT, 37, 63},
    {"/proc/sys/kernel/domainname", NAME, 0, 0},
    {"/proc/sys/kernel/hostname", NAME, 0, 0},
    {"/proc/sys/kernel/ngroups_max", CONSTANT, 65536, 65536},
    {"/proc/sys/kernel/osrelease", LINE, 0, 0},
    {"/proc/sys/kernel/ostype", LINE, 0, 0},
    {"/proc/sys/kernel/pid_max", CONSTANT, 301, 4194304},
    {"/proc/sys/kernel/random/boot_id", LINE, 0, 0},
    {"/proc/sys/kernel/random/entropy_avail", CONSTANT, 256, 256},
    {"/proc/sys/kernel/random/uuid", LINE, 0, 0},
    {"/proc/sys/kernel/randomize_va_space", NUMBER, 0, 2},
    {"/proc/sys/kernel/shmall", LONG, 0, UINT64_MAX},
    {"/proc/sys/kernel/shmmax", LONG, 0, UINT64_MAX},
    {"/proc/sys/kernel/shmmni", NUMBER, 0, 32768},
    {"/proc/sys/kernel/threads-max", CONSTANT, 1, INT32_MAX},
    {"/proc/sys/kernel/trace_groups", NUMBER, 0, 511},
    {"/proc/sys/kernel/trace_ring_kib", NUMBER, 16, 4096},
    {"/proc/sys/kernel/version", LINE, 0, 0},
    {"/proc/sys/vm/admin_reserve_kbytes", LONG, 0, UINT64_MAX},
    {"/proc/sys/vm/check", LINE, 0, 0},
    {"/proc/sys/vm/check_entries", LONG, 0, UINT32_MAX},
    {"/proc/sys/vm/explain", NUMBER, 0, 1},
    {"/proc/sys/vm/legacy_va_layout", NUMBER, 0, 1},
    {"/proc/sys/vm/max_map_count", NUMBER, 0, INT32_MAX},
    {"/proc/sys/vm/mmap_min_addr", LONG, 0, (1ull << 47) - 4096},
    {"/proc/sys/vm/oom_dump_tasks", NUMBER, 0, 1},
    {"/proc/sys/vm/oom_kill_allocating_task", NUMBER, 0, 1},
    {"/proc/sys/vm/overcommit_kbytes", LONG, 0, UINT64_MAX},
    {"/proc/sys/vm/overcommit_memory", NUMBER, 0, 2},
    {"/proc/sys/vm/overcommit_ratio", NUMBER, 0, INT32_MAX},
    {"/proc/sys/vm/panic_on_oom", NUMBER, 0, 2},
    {"/proc/sys/vm/user_reserve_kbytes", LONG, 0, UINT64_MAX},
};

static const char *const sys_files[] = {
    "/sys/devices/system/clocksource/clocksource0/available_clocksource",
    "/sys/devices/system/clocksource/clocksource0/current_clocksource",
    "/sys/devices/system/cpu/kernel_max",
    "/sys/devices/system/cpu/online",
    "/sys/devices/system/cpu/possible",
    "/sys/devices/system/cpu/present",
    "/sys/kernel/mm/transparent_hugepage/enabled",
    "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size",
};

/* ---- files ---- */

static const struct setting *current; /* for what a failure says */

#define SETTING_CHECK(condition)                                                                   \
    do {                                                                                           \
        if (!(condition))                                                                          \
            CHECK_NOTE("%s:%d: %s: %s (errno %d)", __FILE__, __LINE__, current->path, #condition,  \
                       errno);                                                                     \
    } while (0)

/* All of a file, one byte at a time if `small`. False: there is no such file. */
static bool file_read(const char *path, char *text, bool small) {
    size_t length = 0;
    ssize_t got;
    int fd = open(path, O_RDONLY);

    if (fd < 0)
        return false;
    while ((got = read(fd, text + length, small ? 1 : TEXT_BYTES - 1 - length)) > 0)
        length += (size_t)got;
    CHECK_EQ(got, 0);
    text[length] = '\0';
    close(fd);
    return true;
}

/* 0, or the errno of opening or of writing. */
static int file_write(const char *path, const char *text) {
    int fd = open(path, O_WRONLY);
    ssize_t written;
    int error;

    if (fd < 0)
        return errno;
    written = write(fd, text, strlen(text));
    error = written < 0 ? errno : 0;
    CHECK(written < 0 || written == (ssize_t)strlen(text));
    close(fd);
    return error;
}

static bool is_number(const struct setting *s) {
    return s->kind == CONSTANT || s->kind == NUMBER || s->kind == LONG;
}

static bool can_be_written(const struct setting *s) {
    return s->kind == NUMBER || s->kind == LONG || s->kind == NAME;
}

/* Calls test with each setting that this system has and what it reads. */
static void for_each(void (*test)(const struct setting *s, const char *text)) {
    char text[TEXT_BYTES];

    for (size_t i = 0; i < COUNT_OF(settings); i++) {
        current = &settings[i];
        if (file_read(current->path, text, false))
            test(current, text);
        else
            SETTING_CHECK(!on_quire());
    }
}

/* ---- reading ---- */

/* One line; a number as Linux writes it, in its range. */
static void reads(const struct setting *s, const char *text) {
    char again[TEXT_BYTES], number[32];

    SETTING_CHECK(strlen(text) > 1 && strchr(text, '\n') == text + strlen(text) - 1);
    /* Linux gives settings to who reads them in one go only. */
    if (on_quire() && !strstr(s->path, "/uuid") && !strstr(s->path, "/check")) {
        CHECK(file_read(s->path, again, true));
        SETTING_CHECK(strcmp(again, text) == 0);
    }
    if (!is_number(s))
        return;
    SETTING_CHECK(strtoull(text, NULL, 10) >= s->min && strtoull(text, NULL, 10) <= s->max);
    snprintf(number, sizeof number, "%llu\n", strtoull(text, NULL, 10));
    SETTING_CHECK(strcmp(number, text) == 0);
}

static void every_setting_reads(void) {
    for_each(reads);
}

static unsigned files_met;

static bool is_known(const char *path) {
    for (size_t i = 0; i < COUNT_OF(settings); i++)
        if (strcmp(settings[i].path, path) == 0)
            return true;
    for (size_t i = 0; i < COUNT_OF(sys_files); i++)
        if (strcmp(sys_files[i], path) == 0)
            return true;
    return strcmp(path, "/proc/sys/vm/fail_nth") == 0; /* test_clone_memory's */
}

static int meet(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st, (void)ftw;
    files_met += type == FTW_F;
    if (type == FTW_F && !is_known(path))
        CHECK_NOTE("%s is not among the files that this tests", path);
    return type == FTW_F || type == FTW_D ? 0 : -1;
}

/* What this file tests is all that there is. */
static void no_setting_is_left_out(void) {
    if (!on_quire())
        SKIP("Linux has many more");
    CHECK_EQ(nftw("/proc/sys", meet, 16, FTW_PHYS), 0);
    CHECK_EQ(nftw("/sys", meet, 16, FTW_PHYS), 0);
    CHECK_EQ(files_met, COUNT_OF(settings) + COUNT_OF(sys_files) + 1);
}

/* ---- writing ---- */

static void needs_root(void) {
    if (geteuid() != 0)
        SKIP("needs root");
    if (!on_quire() && file_write("/proc/sys/vm/max_map_count", "nonsense") == EROFS)
        SKIP("/proc/sys is read-only here");
}

/* What is there, in other words. overcommit_kbytes would change the ratio, on both systems. */
static void rewrites(const struct setting *s, const char *text) {
    static const char *const formats[] = {"%lld", "%lld\n", " %lld\n", "0x%llx\n", "0%llo\n"};
    char other[TEXT_BYTES], again[TEXT_BYTES];

    if (!can_be_written(s) || strstr(s->path, "overcommit_kbytes"))
        return;
    SETTING_CHECK(file_write(s->path, text) == 0);
    for (size_t i = 0; i < COUNT_OF(formats) && s->kind == NUMBER; i++) {
        snprintf(other, sizeof other, formats[i], strtoll(text, NULL, 10));
        SETTING_CHECK(file_write(s->path, other) == 0);
        CHECK(file_read(s->path, again, false));
        SETTING_CHECK(strcmp(again, text) == 0);
    }
}

static void good_values_are_taken(void) {
    needs_root();
    for_each(rewrites);
}

/* Both ends of the range, and what lies beyond. */
static void takes_its_range(const struct setting *s, const char *text) {
    const uint64_t ends[] = {s->min, s->max};
    char number[32], again[TEXT_BYTES];

    if (!can_be_written(s) || s->kind == NAME || strstr(s->path, "overcommit_"))
        return;
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        snprintf(number, sizeof number, "%llu\n", (unsigned long long)ends[i]);
        SETTING_CHECK(file_write(s->path, number) == 0);
        CHECK(file_read(s->path, again, false));
        SETTING_CHECK(file_write(s->path, text) == 0); /* at once: some hurt */
        SETTING_CHECK(strcmp(again, number) == 0);
    }
    if (s->max == UINT64_MAX)
        return;
    snprintf(number, sizeof number, "%llu\n", (unsigned long long)s->max + 1);
    SETTING_CHECK(file_write(s->path, number) == EINVAL);
    CHECK(file_read(s->path, again, false));
    SETTING_CHECK(strcmp(again, text) == 0);
}

static void ranges_are_kept(void) {
    if (!on_quire())
        SKIP("the settings are everybody's");
    for_each(takes_its_range);
}

static void refuses(const struct setting *s, const char *text) {
    static const char *const nonsense[] = {"nonsense\n", "1x\n", "--1\n", "0x\n"};
    char again[TEXT_BYTES];

    if (s->kind != NUMBER)
        return;
    for (size_t i = 0; i < COUNT_OF(nonsense); i++)
        SETTING_CHECK(file_write(s->path, nonsense[i]) == EINVAL);
    if (on_quire()) /* Linux has no bounds for some */
        SETTING_CHECK(file_write(s->path, "-1\n") == EINVAL);
    SETTING_CHECK(file_write(s->path, "99999999999999999999999\n") == EINVAL);
    CHECK(file_read(s->path, again, false));
    SETTING_CHECK(strcmp(again, text) == 0);
}

static void bad_values_are_refused(void) {
    needs_root();
    for_each(refuses);
}

/* ---- who may ---- */

static void without_rights(const struct setting *s, const char *text) {
    (void)text;
    SETTING_CHECK(file_write(s->path, "0\n") == EACCES);
}

static void others_may_only_read(void) {
    char text[TEXT_BYTES];

    drop_root();
    for (size_t i = 0; i < COUNT_OF(settings); i++) {
        current = &settings[i];
        if (strcmp(current->path, "/proc/sys/vm/check") == 0)
            SETTING_CHECK(!file_read(current->path, text, false));
        else if (file_read(current->path, text, false))
            without_rights(current, text);
    }
}

/* An open file is no way round it: the writer counts. */
static void an_open_setting_is_not_enough(void) {
    int fds[COUNT_OF(settings)];

    needs_root();
    for (size_t i = 0; i < COUNT_OF(settings); i++)
        fds[i] = can_be_written(&settings[i]) ? open(settings[i].path, O_WRONLY) : -1;
    drop_root();
    for (size_t i = 0; i < COUNT_OF(settings); i++) {
        current = &settings[i];
        if (fds[i] >= 0)
            SETTING_CHECK(write(fds[i], "0\n", 2) == -1 && errno == EPERM);
    }
}

/* Constants have no bit to be written by; root is told so. */
static void constants_cannot_be_written(void) {
    if (!on_quire())
        SKIP("some are settings there");
    for (size_t i = 0; i < COUNT_OF(settings); i++) {
        current = &settings[i];
        if (!can_be_written(current))
            SETTING_CHECK(file_write(current->path, "1\n") != 0);
    }
}

/* ---- /sys ---- */

/* 0, 0-3: the form of a list of processors. */
static bool is_cpu_list(const char *text) {
    unsigned first, last;
    int end = 0;

    if (sscanf(text, "%u-%u%n", &first, &last, &end) == 2 && text[end] == '\n')
        return first < last;
    return sscanf(text, "%u%n", &first, &end) == 1 && text[end] == '\n';
}

static void sys_reads(void) {
    static const char cpu[] = "/sys/devices/system/cpu/";
    char text[TEXT_BYTES];

    for (size_t i = 0; i < COUNT_OF(sys_files); i++) {
        const char *path = sys_files[i];

        if (!file_read(path, text, false)) {
            CHECK(!on_quire());
            continue;
        }
        CHECK(strlen(text) > 1 && text[strlen(text) - 1] == '\n');
        if (strncmp(path, cpu, strlen(cpu)) == 0)
            CHECK(is_cpu_list(text));
        if (strstr(path, "pmd_size"))
            CHECK_EQ(strtoul(text, NULL, 10), 2u << 20);
    }
}

/* "always [madvise] never": exactly one is chosen. */
static void sys_choice(void) {
    static const char path[] = "/sys/kernel/mm/transparent_hugepage/enabled";
    char text[TEXT_BYTES], again[TEXT_BYTES], word[32];

    if (!file_read(path, text, false))
        SKIP("no huge pages here");
    CHECK(sscanf(strchr(text, '['), "[%31[a-z]]", word) == 1);
    CHECK(strchr(strchr(text, '[') + 1, '[') == NULL);
    CHECK(strstr(text, "always") && strstr(text, "madvise") && strstr(text, "never"));
    needs_root();
    CHECK_EQ(file_write(path, word), 0);
    CHECK_EQ(file_write(path, "sometimes"), EINVAL);
    CHECK_EQ(file_write(path, "alway"), EINVAL);
    CHECK_EQ(file_write(path, "1"), EINVAL);
    CHECK(file_read(path, again, false) && strcmp(again, text) == 0);
    drop_root();
    CHECK_EQ(file_write(path, word), EACCES);
}

CHECK_MAIN({"every_setting_reads", every_setting_reads},
           {"no_setting_is_left_out", no_setting_is_left_out},
           {"good_values_are_taken", good_values_are_taken}, {"ranges_are_kept", ranges_are_kept},
           {"bad_values_are_refused", bad_values_are_refused},
           {"others_may_only_read", others_may_only_read},
           {"an_open_setting_is_not_enough", an_open_setting_is_not_enough},
           {"constants_cannot_be_written", constants_cannot_be_written}, {"sys_reads", sys_reads},
           {"sys_choice", sys_choice});
