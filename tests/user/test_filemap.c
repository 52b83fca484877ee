/* SPDX-License-Identifier: MIT */
/*
 * Private file mappings: what the file holds, on demand; what is written stays ours.
 *
 * Rows B3 and B5 (file objects; MAP_PRIVATE writes never reach the file), X3 (pages from the
 * file's own, never copied whole), the case "beyond the object" of the fault path (SIGBUS), and
 * /dev/zero as a source of pages.
 */
#include "catch.h"
#include "facts.h"

#include <sys/stat.h>

#define RW (PROT_READ | PROT_WRITE)
#define FILE_PAGES 8

/* A file of FILE_PAGES pages whose every byte tells its page, and `tail` bytes more. */
static int file_make(size_t tail) {
    char path[] = "/tmp/filemap-XXXXXX";
    char page[PAGE_BYTES];
    int fd = mkstemp(path);

    CHECK(fd >= 0);
    unlink(path);
    for (size_t i = 0; i < FILE_PAGES; i++) {
        memset(page, (int)('a' + i), sizeof page);
        CHECK_EQ(write(fd, page, sizeof page), sizeof page);
    }
    memset(page, 'T', sizeof page);
    CHECK_EQ(write(fd, page, tail), tail);
    return fd;
}

static char *file_map(int fd, size_t pages, int protection, off_t offset) {
    char *start = mmap(NULL, pages * PAGE_BYTES, protection, MAP_PRIVATE, fd, offset);

    CHECK(start != MAP_FAILED);
    return start;
}

static void contents_are_the_files(void) {
    int fd = file_make(0);
    char *start = file_map(fd, FILE_PAGES, PROT_READ, 0);

    for (size_t i = 0; i < FILE_PAGES; i++) {
        CHECK_EQ(start[i * PAGE_BYTES], 'a' + i);
        CHECK_EQ(start[(i + 1) * PAGE_BYTES - 1], 'a' + i);
    }
    CHECK(!can_write(start));
}

static void offset_counts(void) {
    int fd = file_make(0);
    char *start = file_map(fd, 2, PROT_READ, 3 * PAGE_BYTES);

    CHECK_EQ(start[0], 'd');
    CHECK_EQ(start[PAGE_BYTES], 'e');
}

static void mapping_outlives_descriptor(void) {
    int fd = file_make(0);
    char *start = file_map(fd, FILE_PAGES, PROT_READ, 0);

    close(fd);
    CHECK_EQ(start[5 * PAGE_BYTES], 'f');
}

static void writes_stay_private(void) {
    int fd = file_make(0);
    char *start = file_map(fd, FILE_PAGES, RW, 0);
    char *other = file_map(fd, FILE_PAGES, PROT_READ, 0);
    char byte;

    start[2 * PAGE_BYTES] = '!';
    CHECK_EQ(start[2 * PAGE_BYTES], '!');
    CHECK_EQ(start[2 * PAGE_BYTES + 1], 'c');
    CHECK_EQ(other[2 * PAGE_BYTES], 'c');
    CHECK_EQ(pread(fd, &byte, 1, 2 * PAGE_BYTES), 1);
    CHECK_EQ(byte, 'c');
}

static void write_without_reading_first(void) {
    int fd = file_make(0);
    char *start = file_map(fd, FILE_PAGES, RW, 0);

    for (size_t i = 0; i < FILE_PAGES; i++)
        start[i * PAGE_BYTES + 7] = '!';
    for (size_t i = 0; i < FILE_PAGES; i++) {
        CHECK_EQ(start[i * PAGE_BYTES + 7], '!');
        CHECK_EQ(start[i * PAGE_BYTES + 8], 'a' + i);
    }
}

static void writable_descriptor_is_not_needed(void) {
    char path[] = "/tmp/filemap-XXXXXX";
    int fd = mkstemp(path), read_only;
    char *start;

    CHECK_EQ(write(fd, "abc", 3), 3);
    read_only = open(path, O_RDONLY);
    unlink(path);
    start = file_map(read_only, 1, RW, 0);
    start[0] = 'x';
    CHECK_EQ(start[1], 'b');
}

static void tail_reads_zero(void) {
    int fd = file_make(100);
    char *start = file_map(fd, FILE_PAGES + 1, PROT_READ, 0);

    CHECK_EQ(start[FILE_PAGES * PAGE_BYTES + 99], 'T');
    for (size_t i = 100; i < PAGE_BYTES; i++)
        CHECK_EQ(start[FILE_PAGES * PAGE_BYTES + i], 0);
}

static void beyond_the_end_is_sigbus(void) {
    int fd = file_make(0);
    char *start = file_map(fd, FILE_PAGES + 4, RW, 0);
    struct fault fault = fault_of(access_read, start + FILE_PAGES * PAGE_BYTES);

    CHECK_EQ(fault.number, SIGBUS);
    CHECK_EQ(fault.code, BUS_ADRERR);
    CHECK_EQ(fault.address, (uintptr_t)start + FILE_PAGES * PAGE_BYTES);
    CHECK_EQ(fault_of(access_write, start + (FILE_PAGES + 3) * PAGE_BYTES).number, SIGBUS);
    CHECK_EQ(start[0], 'a');
}

static void kernel_copy_beyond_the_end_is_efault(void) {
    int fd = file_make(0);
    char *start = file_map(fd, FILE_PAGES + 1, RW, 0);
    int pair[2];

    CHECK_EQ(pipe(pair), 0);
    CHECK_FAILS(write(pair[1], start + FILE_PAGES * PAGE_BYTES, 4), EFAULT);
}

static void truncation_takes_pages_away(void) {
    int fd = file_make(0);
    char *start = file_map(fd, FILE_PAGES, PROT_READ, 0);

    CHECK_EQ(pages_read(start, FILE_PAGES) > 0, true);
    CHECK_EQ(ftruncate(fd, 3 * PAGE_BYTES + 10), 0);
    CHECK_EQ(start[2 * PAGE_BYTES], 'c');
    CHECK_EQ(start[3 * PAGE_BYTES + 9], 'd');
    CHECK_EQ(start[3 * PAGE_BYTES + 10], 0);
    CHECK_EQ(fault_of(access_read, start + 4 * PAGE_BYTES).number, SIGBUS);
    CHECK_EQ(ftruncate(fd, 6 * PAGE_BYTES), 0);
    CHECK_EQ(start[4 * PAGE_BYTES], 0);
    CHECK_EQ(start[3 * PAGE_BYTES + 10], 0);
}

static void growing_file_is_seen(void) {
    int fd = file_make(0);
    char *start = file_map(fd, FILE_PAGES + 1, PROT_READ, 0);

    CHECK_EQ(fault_of(access_read, start + FILE_PAGES * PAGE_BYTES).number, SIGBUS);
    CHECK_EQ(lseek(fd, 0, SEEK_END), FILE_PAGES * PAGE_BYTES);
    CHECK_EQ(write(fd, "new", 3), 3);
    CHECK_EQ(start[FILE_PAGES * PAGE_BYTES], 'n');
}

static void one_file_page_is_one_frame(void) {
    int fd = file_make(0);
    char *one = file_map(fd, FILE_PAGES, PROT_READ, 0);
    char *two = file_map(fd, FILE_PAGES, RW, 0);

    frames_visible_or_skip();
    CHECK_EQ(one[PAGE_BYTES], two[PAGE_BYTES]);
    CHECK(frame_of(one + PAGE_BYTES) != 0);
    CHECK_EQ(frame_of(one + PAGE_BYTES), frame_of(two + PAGE_BYTES));
    two[PAGE_BYTES] = 'z';
    CHECK(frame_of(one + PAGE_BYTES) != frame_of(two + PAGE_BYTES));
}

static void fork_keeps_private_changes(void) {
    int fd = file_make(0);
    char *start = file_map(fd, FILE_PAGES, RW, 0);
    int status;

    start[0] = '1';
    if (fork() == 0) {
        CHECK_EQ(start[0], '1');
        CHECK_EQ(start[PAGE_BYTES], 'b');
        start[0] = '2';
        start[PAGE_BYTES] = '2';
        if (fork() == 0) {
            CHECK_EQ(start[0], '2');
            start[2 * PAGE_BYTES] = '3';
            _exit(start[3 * PAGE_BYTES] == 'd' ? 0 : 1);
        }
        CHECK(wait(&status) > 0);
        CHECK_EQ(status, 0);
        _exit(start[2 * PAGE_BYTES] == 'c' ? 0 : 1);
    }
    CHECK(wait(&status) > 0);
    CHECK_EQ(status, 0);
    CHECK_EQ(start[0], '1');
    CHECK_EQ(start[PAGE_BYTES], 'b');
}

static void read_and_map_are_one_cache(void) {
    int fd = file_make(0);
    char *start = file_map(fd, FILE_PAGES, PROT_READ, 0);

    CHECK_EQ(start[PAGE_BYTES], 'b');
    CHECK_EQ(pwrite(fd, "W", 1, PAGE_BYTES), 1);
    CHECK_EQ(start[PAGE_BYTES], 'W');
}

static void split_mappings_keep_their_offsets(void) {
    int fd = file_make(0);
    char *start = file_map(fd, FILE_PAGES, RW, 0);

    CHECK_EQ(munmap(start + 2 * PAGE_BYTES, 2 * PAGE_BYTES), 0);
    CHECK_EQ(mprotect(start + 5 * PAGE_BYTES, PAGE_BYTES, PROT_READ), 0);
    CHECK_EQ(start[PAGE_BYTES], 'b');
    CHECK_EQ(start[4 * PAGE_BYTES], 'e');
    CHECK_EQ(start[5 * PAGE_BYTES], 'f');
    start[7 * PAGE_BYTES] = '7';
    CHECK_EQ(start[6 * PAGE_BYTES], 'g');
    CHECK(!can_read(start + 3 * PAGE_BYTES));
}

static void maps_name_the_file(void) {
    char path[] = "/tmp/filemap-XXXXXX";
    int fd = mkstemp(path);
    struct area area;
    char *start;

    CHECK_EQ(ftruncate(fd, 4 * PAGE_BYTES), 0);
    start = file_map(fd, 2, PROT_READ, 2 * PAGE_BYTES);
    CHECK(area_find(start, &area));
    CHECK_EQ(area.offset, 2 * PAGE_BYTES);
    CHECK(strstr(area.name, path) != NULL);
    unlink(path);
}

/* Whether the area at start is shown with a name of dir/name, and that it is deleted. */
static bool is_named_deleted(const char *start, const char *dir, const char *name) {
    char wanted[256];
    struct area area;

    snprintf(wanted, sizeof wanted, "%s/%s (deleted)", dir, name);
    CHECK(area_find(start, &area));
    return strcmp(area.name, wanted) == 0;
}

static void maps_name_what_is_deleted(void) {
    char dir[] = "/tmp/filemap-XXXXXX";
    char *first, *second, *third;
    struct area area;
    int fd;

    CHECK(mkdtemp(dir) && chdir(dir) == 0);
    fd = open("first", O_RDWR | O_CREAT, 0600);
    CHECK_EQ(ftruncate(fd, PAGE_BYTES), 0);
    first = file_map(fd, 1, PROT_READ, 0);
    CHECK_EQ(unlink("first"), 0);
    CHECK(is_named_deleted(first, dir, "first"));
    second = file_map(fd, 1, PROT_READ, 0); /* mapped when it was deleted already */
    CHECK(is_named_deleted(second, dir, "first"));

    fd = open("second", O_RDWR | O_CREAT, 0600); /* replaced by another */
    second = file_map(fd, 1, PROT_READ, 0);
    fd = open("third", O_RDWR | O_CREAT, 0600);
    third = file_map(fd, 1, PROT_READ, 0);
    CHECK_EQ(rename("third", "second"), 0);
    CHECK(is_named_deleted(second, dir, "second"));
    CHECK(area_find(third, &area));
    CHECK(strstr(area.name, "/second") && !strstr(area.name, "deleted"));

    CHECK_EQ(link("second", "fourth"), 0); /* one of two names goes */
    CHECK_EQ(unlink("fourth"), 0);
    CHECK(area_find(third, &area));
    CHECK(!strstr(area.name, "deleted"));
    CHECK_EQ(unlink("second"), 0);
    CHECK(is_named_deleted(third, dir, "second"));

    CHECK_EQ(rmdir(dir), 0); /* and the directory */
    CHECK(area_find(third, &area));
    CHECK(strstr(area.name, "second (deleted)") != NULL);
}

/* A file that never had a name. */
static void maps_name_what_has_none(void) {
    char dir[] = "/tmp/filemap-XXXXXX";
    struct area area;
    struct stat st;
    char name[32];
    char *start;
    int fd;

    CHECK(mkdtemp(dir) != NULL);
    fd = open(dir, O_TMPFILE | O_RDWR, 0600);
    CHECK(fd >= 0 && ftruncate(fd, PAGE_BYTES) == 0 && fstat(fd, &st) == 0);
    start = file_map(fd, 1, PROT_READ, 0);
    snprintf(name, sizeof name, "#%lu", (unsigned long)st.st_ino);
    CHECK(is_named_deleted(start, dir, name));
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    CHECK_EQ(chdir(dir), 0);
    CHECK_EQ(linkat(AT_FDCWD, name, AT_FDCWD, "now", AT_SYMLINK_FOLLOW), 0);
    CHECK_EQ(unlink("now"), 0);
    CHECK(area_find(start, &area));
    CHECK(strstr(area.name, " (deleted)") != NULL);
    rmdir(dir);
}

static void dev_zero_gives_zeroes(void) {
    int fd = open("/dev/zero", O_RDWR);
    char *start;

    CHECK(fd >= 0);
    start = mmap(NULL, 4 * PAGE_BYTES, RW, MAP_PRIVATE, fd, 0);
    CHECK(start != MAP_FAILED);
    CHECK_EQ(pages_read(start, 4), 0);
    start[PAGE_BYTES] = 4;
    CHECK_EQ(start[PAGE_BYTES], 4);
    CHECK_EQ(start[2 * PAGE_BYTES], 0);
}

static void frames_are_given_back(void) {
    int fd = file_make(0);
    struct memory_use before = memory_use();

    frames_exact_or_skip();
    for (int round = 0; round < 4; round++) {
        char *start = file_map(fd, FILE_PAGES, RW, 0);
        pages_write(start, FILE_PAGES, 'p');
        CHECK_EQ(munmap(start, FILE_PAGES * PAGE_BYTES), 0);
        if (round > 0)
            CHECK_MEMORY_SAME(memory_use(), before);
        before = memory_use();
    }
    close(fd);
    CHECK_EQ(memory_use().files, before.files - FILE_PAGES);
}

CHECK_MAIN({"contents_are_the_files", contents_are_the_files}, {"offset_counts", offset_counts},
           {"mapping_outlives_descriptor", mapping_outlives_descriptor},
           {"writes_stay_private", writes_stay_private},
           {"write_without_reading_first", write_without_reading_first},
           {"writable_descriptor_is_not_needed", writable_descriptor_is_not_needed},
           {"tail_reads_zero", tail_reads_zero},
           {"beyond_the_end_is_sigbus", beyond_the_end_is_sigbus},
           {"kernel_copy_beyond_the_end_is_efault", kernel_copy_beyond_the_end_is_efault},
           {"truncation_takes_pages_away", truncation_takes_pages_away},
           {"growing_file_is_seen", growing_file_is_seen},
           {"one_file_page_is_one_frame", one_file_page_is_one_frame},
           {"fork_keeps_private_changes", fork_keeps_private_changes},
           {"read_and_map_are_one_cache", read_and_map_are_one_cache},
           {"split_mappings_keep_their_offsets", split_mappings_keep_their_offsets},
           {"maps_name_the_file", maps_name_the_file},
           {"maps_name_what_is_deleted", maps_name_what_is_deleted},
           {"maps_name_what_has_none", maps_name_what_has_none},
           {"dev_zero_gives_zeroes", dev_zero_gives_zeroes},
           {"frames_are_given_back", frames_are_given_back})
