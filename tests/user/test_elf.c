/* SPDX-License-Identifier: MIT */
/*
 * Broken and hostile executables: refused, or killed by their own doing; nothing is lost.
 *
 * Row X3. The cases are in tests/elf/hostile.h. Each is executed twice; on Quire free frames must
 * be the same after both. Then files whose headers are damaged at random, and rights per segment.
 */
#include "facts.h"
#include "random.h"

#include "tests/elf/hostile.h"

#include <sys/stat.h>

#define REFUSED 100 /* exit status of a child whose exec was refused */

static const char path[] = "/tmp/hostile-elf";

static void image_store(const struct image *image) {
    int fd;

    unlink(path);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, image->bytes, image->size), image->size);
    CHECK_EQ(fchmod(fd, 0755), 0);
    close(fd);
}

/* Wait, but not for ever: what a damaged program does is nobody's promise. */
static int status_of(pid_t child) {
    int status;

    for (int i = 0; i < 400; i++) {
        if (waitpid(child, &status, WNOHANG) == child)
            return status;
        usleep(i < 100 ? 200 : 5000);
    }
    kill(child, SIGKILL);
    return child_wait(child);
}

static int image_run(int *error) {
    char *const argv[] = {"hostile", NULL};
    int pair[2], status;
    pid_t child;

    CHECK_EQ(pipe2(pair, O_CLOEXEC), 0);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        execve(path, argv, environ);
        CHECK_EQ(write(pair[1], &errno, sizeof errno), sizeof errno);
        _exit(REFUSED);
    }
    close(pair[1]);
    *error = 0;
    if (read(pair[0], error, sizeof *error) < 0)
        *error = -1;
    status = status_of(child);
    close(pair[0]);
    return status;
}

static bool outcome_fits(enum outcome wanted, int status, int error) {
    bool ran = WIFEXITED(status) && WEXITSTATUS(status) == SOUND_STATUS;
    bool failed =
        WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) == REFUSED && error);

    return wanted == RUNS ? ran : wanted == FAILS ? failed : ran || failed;
}

static void case_run(const struct hostile *hostile) {
    static struct image image;
    struct memory_use before = memory_use();

    image_make(&image);
    hostile->spoil(&image);
    image_store(&image);
    for (int round = 0; round < 2; round++) {
        int error, status = image_run(&error);
        if (!outcome_fits(hostile->outcome, status, error))
            CHECK_NOTE("%s: status %#x, errno %d", hostile->name, (unsigned)status, error);
        struct memory_use use = memory_use();
        if (round == 1 && on_quire() && !memory_same(&use, &before))
            CHECK_NOTE("%s: memory lost: %ld anonymous, %ld tables, %ld objects", hostile->name,
                       use.anonymous - before.anonymous, use.tables - before.tables,
                       use.objects - before.objects);
        before = use;
    }
}

static void hostile_files(void) {
    for (size_t i = 0; i < HOSTILE_COUNT; i++)
        case_run(&hostile_cases[i]);
    unlink(path);
}

/* The ones that are wrong in the header alone get ENOEXEC, plainly. */
static void plainly_no_program(void) {
    static const char *names[] = {"magic_only",  "half_header",  "magic",       "machine_arm",
                                  "type_object", "type_unknown", "no_segments", "half_segment",
                                  "type_core",   "empty",        "machine_386"};
    static struct image image;
    size_t found = 0;

    for (size_t i = 0; i < HOSTILE_COUNT; i++) {
        for (size_t j = 0; j < COUNT_OF(names); j++) {
            int error;
            if (strcmp(hostile_cases[i].name, names[j]) != 0)
                continue;
            image_make(&image);
            hostile_cases[i].spoil(&image);
            image_store(&image);
            CHECK_EQ(WEXITSTATUS(image_run(&error)), REFUSED);
            if (error != ENOEXEC && error != EIO)
                CHECK_NOTE("%s: errno %d", names[j], error);
            found++;
        }
    }
    CHECK_EQ(found, COUNT_OF(names));
}

static void damaged_at_random(void) {
    static struct image image;
    struct memory_use before = memory_use();

    for (int round = 0; round < 2; round++) {
        struct random random = {4711};
        for (int i = 0; i < 150; i++) {
            int error;
            image_make(&image);
            spoil_entry_in_data(&image);
            for (uint32_t flips = 1 + random_below(&random, 4); flips > 0; flips--)
                image.bytes[random_below(&random, 240)] ^= (unsigned char)random_next(&random);
            image_store(&image);
            image_run(&error);
        }
        if (round == 1 && on_quire())
            CHECK_MEMORY_SAME(memory_use(), before);
        before = memory_use();
    }
    unlink(path);
}

/* mov BYTE into the first segment: allowed only if the segment says so. */
static void rights_of_segments(void) {
    static const unsigned char store[] = {0xc6, 0x04, 0x25, 0x00, 0x00, 0x40, 0x00, 0x01};
    static struct image image;
    int error;

    for (int writable = 0; writable < 2; writable++) {
        image_make(&image);
        memcpy(image.bytes + CODE_OFFSET, store, sizeof store);
        memcpy(image.bytes + CODE_OFFSET + sizeof store, sound_code, sizeof sound_code);
        image.segments[0].p_flags = PF_R | PF_X | (writable ? PF_W : 0);
        image_store(&image);
        CHECK_EQ(image_run(&error), writable ? SOUND_STATUS << 8 : SIGSEGV);
    }
    unlink(path);
}

/* Where the file ends within a page, zeroes follow; beyond it, too. The code adds up bytes. */
static void zeroes_follow_the_file(void) {
    /* mov $0x410064,%esi; mov $9000-100,%ecx; xor %edi,%edi; 1: movzbl (%rsi),%eax;
     * or %eax,%edi; inc %rsi; dec %ecx; jnz 1b; mov $60,%eax; syscall */
    static const unsigned char code[] = {0xbe, 0x64, 0x00, 0x41, 0x00, 0xb9, 0xc4, 0x22,
                                         0x00, 0x00, 0x31, 0xff, 0x0f, 0xb6, 0x06, 0x09,
                                         0xc7, 0x48, 0xff, 0xc6, 0xff, 0xc9, 0x75, 0xf4,
                                         0xb8, 0x3c, 0x00, 0x00, 0x00, 0x0f, 0x05};
    static struct image image;
    Elf64_Phdr *data;
    int error;

    image_make(&image);
    memcpy(image.bytes + CODE_OFFSET, code, sizeof code);
    memset(image.bytes + 4096, 0xff, 4096); /* bytes of the file that must not be seen */
    data = segment_add(&image, PT_LOAD, IMAGE_BASE + 0x10000);
    data->p_offset = 4096;
    data->p_filesz = 100;
    data->p_memsz = 9000;
    image_store(&image);
    CHECK_EQ(image_run(&error), 0);
    unlink(path);
}

CHECK_MAIN({"hostile_files", hostile_files}, {"plainly_no_program", plainly_no_program},
           {"damaged_at_random", damaged_at_random}, {"rights_of_segments", rights_of_segments},
           {"zeroes_follow_the_file", zeroes_follow_the_file})
