/* SPDX-License-Identifier: MIT */
/*
 * Copies between the memory of two processes: process_vm_readv(2) and process_vm_writev(2).
 *
 * What is asked for and what comes, range by range; each error of the manual; who may; and that the
 * other process's copy on write is honoured: what is written is seen by it and by nobody else.
 */
#include "catch.h"
#include "facts.h"

#include <limits.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define RW (PROT_READ | PROT_WRITE)
#define PAGES 4
#define BYTES (PAGES * PAGE_BYTES)

/* ---- the other process ---- */

/* A child that waits until it is let go and then ends with what `check` says. */
struct peer {
    pid_t pid;
    int ready, go;
};

static void nothing(void) {
}

static bool yes(void) {
    return true;
}

static struct peer peer_start(void (*prepare)(void), bool (*check)(void)) {
    int ready[2], go[2];
    struct peer peer;
    char byte;

    CHECK_EQ(pipe(ready) | pipe(go), 0);
    peer = (struct peer){fork(), ready[0], go[1]};
    CHECK(peer.pid >= 0);
    if (peer.pid == 0) {
        close(go[1]);
        prepare();
        CHECK_EQ(write(ready[1], "", 1), 1);
        CHECK_EQ(read(go[0], &byte, 1), 0);
        _exit(check() ? 0 : 1);
    }
    close(ready[1]);
    close(go[0]);
    CHECK_EQ(read(ready[0], &byte, 1), 1);
    return peer;
}

static void peer_end(struct peer peer) {
    close(peer.go);
    close(peer.ready);
    CHECK_EQ(child_wait(peer.pid), 0);
}

static char *memory; /* at the same address in parent and child */

static char *memory_map(void) {
    memory = pages_map(PAGES, RW);
    return memory;
}

static void fill(char *start, size_t size, int seed) {
    for (size_t i = 0; i < size; i++)
        start[i] = (char)(i * 7 + i / PAGE_BYTES + (size_t)seed);
}

static bool is_filled(const char *start, size_t size, int seed) {
    for (size_t i = 0; i < size; i++)
        if (start[i] != (char)(i * 7 + i / PAGE_BYTES + (size_t)seed))
            return false;
    return true;
}

static ssize_t read_one(pid_t pid, void *local, size_t local_size, const void *remote,
                        size_t remote_size) {
    struct iovec l = {local, local_size}, r = {(void *)(uintptr_t)remote, remote_size};

    return process_vm_readv(pid, &l, 1, &r, 1, 0);
}

static ssize_t write_one(pid_t pid, const void *local, size_t local_size, void *remote,
                         size_t remote_size) {
    struct iovec l = {(void *)(uintptr_t)local, local_size}, r = {remote, remote_size};

    return process_vm_writev(pid, &l, 1, &r, 1, 0);
}

/* ---- bytes ---- */

static void child_fills(void) {
    fill(memory, BYTES, 3);
}

static void reads_another_process(void) {
    static char buffer[BYTES];
    struct peer peer;

    memory_map();
    peer = peer_start(child_fills, yes);
    CHECK_EQ(read_one(peer.pid, buffer, BYTES, memory, BYTES), BYTES);
    CHECK(is_filled(buffer, BYTES, 3));
    CHECK_EQ(memory[0], 0);
    CHECK_EQ(read_one(peer.pid, buffer, 5, memory + PAGE_BYTES - 2, 5), 5);
    CHECK(memcmp(buffer, (char[]){(char)((PAGE_BYTES - 2) * 7 + 3)}, 1) == 0);
    peer_end(peer);
}

static bool child_is_filled(void) {
    return is_filled(memory, BYTES, 5);
}

static void writes_another_process(void) {
    static char buffer[BYTES];
    struct peer peer;

    memory_map();
    peer = peer_start(nothing, child_is_filled);
    fill(buffer, BYTES, 5);
    CHECK_EQ(write_one(peer.pid, buffer, BYTES, memory, BYTES), BYTES);
    CHECK_EQ(memory[0], 0);
    peer_end(peer);
}

/* The bytes flow from range to range, wherever these end; what is longer on one side stays. */
static void ranges_need_not_match(void) {
    char one[3], two[10], three[100];
    struct iovec local[] = {{one, 3}, {NULL, 0}, {two, 10}, {three, 100}};
    struct iovec remote[] = {{memory_map() + PAGE_BYTES - 5, 6},
                             {NULL, 0},
                             {memory, 1},
                             {memory + 2 * PAGE_BYTES - 1, 8}};

    fill(memory, BYTES, 0);
    CHECK_EQ(process_vm_readv(getpid(), local, 4, remote, 4, 0), 15);
    CHECK(memcmp(one, memory + PAGE_BYTES - 5, 3) == 0);
    CHECK(memcmp(two, memory + PAGE_BYTES - 2, 3) == 0);
    CHECK_EQ(two[3], memory[0]);
    CHECK(memcmp(two + 4, memory + 2 * PAGE_BYTES - 1, 6) == 0);
    CHECK(memcmp(three, memory + 2 * PAGE_BYTES + 5, 2) == 0);
    CHECK_EQ(process_vm_readv(getpid(), local, 3, remote, 4, 0), 13);
    CHECK_EQ(process_vm_writev(getpid(), local, 3, remote, 1, 0), 6);
}

static void many_ranges(void) {
    static struct iovec local[IOV_MAX], remote[IOV_MAX];
    static char buffer[IOV_MAX];

    memory_map();
    fill(memory, BYTES, 1);
    for (size_t i = 0; i < IOV_MAX; i++) {
        local[i] = (struct iovec){buffer + IOV_MAX - 1 - i, 1};
        remote[i] = (struct iovec){memory + i * 8, 1};
    }
    CHECK_EQ(process_vm_readv(getpid(), local, IOV_MAX, remote, IOV_MAX, 0), IOV_MAX);
    for (size_t i = 0; i < IOV_MAX; i++)
        CHECK_EQ(buffer[IOV_MAX - 1 - i], memory[i * 8]);
    CHECK_FAILS(process_vm_readv(getpid(), local, IOV_MAX + 1, remote, 1, 0), EINVAL);
    CHECK_FAILS(process_vm_readv(getpid(), local, 1, remote, IOV_MAX + 1, 0), EINVAL);
    CHECK_FAILS(process_vm_writev(getpid(), local, -1UL, remote, 1, 0), EINVAL);
}

/* ---- errors ---- */

static void flags_are_none(void) {
    char byte = 0;
    struct iovec range = {&byte, 1};

    for (unsigned long flags = 1; flags; flags <<= 1) {
        CHECK_FAILS(syscall(SYS_process_vm_readv, getpid(), &range, 1L, &range, 1L, flags), EINVAL);
        CHECK_FAILS(syscall(SYS_process_vm_writev, getpid(), &range, 1L, &range, 1L, flags),
                    EINVAL);
    }
    CHECK_FAILS(process_vm_readv(-1, (void *)8, -1UL, (void *)8, -1UL, 1), EINVAL);
}

static void nothing_to_do(void) {
    char byte = 0;
    struct iovec range = {&byte, 1}, none = {(void *)8, 0};

    CHECK_EQ(process_vm_readv(-1, &range, 0, &range, 1, 0), 0);
    CHECK_EQ(process_vm_readv(-1, &none, 1, (void *)8, 1, 0), 0);
    CHECK_EQ(process_vm_readv(-1, &range, 1, NULL, 0, 0), 0);
    CHECK_EQ(process_vm_readv(-1, &range, 1, &none, 1, 0), 0);
    CHECK_EQ(process_vm_writev(getpid(), NULL, 0, NULL, 0, 0), 0);
}

static void no_such_process(void) {
    char byte = 0;
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    CHECK(waitid(P_PID, (id_t)pid, &(siginfo_t){0}, WEXITED | WNOWAIT) == 0);
    CHECK_FAILS(read_one(pid, &byte, 1, &byte, 1), ESRCH); /* it has no memory any more */
    CHECK_EQ(child_wait(pid), 0);
    CHECK_FAILS(read_one(pid, &byte, 1, &byte, 1), ESRCH);
    CHECK_FAILS(write_one(0, &byte, 1, &byte, 1), ESRCH);
    CHECK_FAILS(write_one(-1, &byte, 1, &byte, 1), ESRCH);
    CHECK_FAILS(write_one(INT_MAX, &byte, 1, &byte, 1), ESRCH);
}

static void bad_lists(void) {
    char byte = 0;
    struct iovec good = {&byte, 1}, negative = {&byte, -1UL};
    struct iovec kernel = {(void *)(1UL << 60), 1};

    CHECK_FAILS(process_vm_readv(getpid(), (void *)8, 1, &good, 1, 0), EFAULT);
    CHECK_FAILS(process_vm_readv(getpid(), &good, 1, (void *)8, 1, 0), EFAULT);
    CHECK_FAILS(process_vm_readv(getpid(), &negative, 1, &good, 1, 0), EINVAL);
    CHECK_FAILS(process_vm_readv(getpid(), &good, 1, &negative, 1, 0), EINVAL);
    CHECK_FAILS(process_vm_readv(getpid(), &kernel, 1, &good, 1, 0), EFAULT);
    CHECK_FAILS(process_vm_readv(getpid(), &good, 1, &kernel, 1, 0), EFAULT);
    CHECK_FAILS(process_vm_writev(getpid(), &good, 1, &kernel, 1, 0), EFAULT);
}

/* A list of ranges that ends at the end of a page, and one that goes on behind. */
static void list_at_a_page_edge(void) {
    struct iovec *list = (struct iovec *)(void *)(memory_map() + PAGE_BYTES) - 1;
    char byte = 0, source = 4;
    struct iovec range = {&byte, 1};

    CHECK_EQ(munmap(memory + PAGE_BYTES, PAGE_BYTES), 0);
    *list = (struct iovec){&source, 1};
    CHECK_EQ(process_vm_readv(getpid(), &range, 1, list, 1, 0), 1);
    CHECK_EQ(byte, 4);
    CHECK_FAILS(process_vm_readv(getpid(), &range, 1, list, 2, 0), EFAULT);
}

/* ---- what is not there ---- */

/* The third page is missing. */
static void memory_map_with_hole(void) {
    memory_map();
    fill(memory, BYTES, 2);
    CHECK_EQ(munmap(memory + 2 * PAGE_BYTES, PAGE_BYTES), 0);
}

static void remote_faults(void) {
    static char buffer[BYTES];
    struct iovec local = {buffer, BYTES};
    struct iovec remote[] = {{NULL, PAGE_BYTES}, {NULL, 10}, {NULL, PAGE_BYTES}};

    memory_map_with_hole();
    CHECK_FAILS(read_one(getpid(), buffer, 1, memory + 2 * PAGE_BYTES, 1), EFAULT);
    CHECK_FAILS(write_one(getpid(), buffer, 1, memory + 2 * PAGE_BYTES, 1), EFAULT);
    CHECK_FAILS(read_one(getpid(), buffer, 8, (void *)8, 8), EFAULT);
    remote[0].iov_base = memory;
    remote[1].iov_base = memory + 2 * PAGE_BYTES + 7;
    remote[2].iov_base = memory + 3 * PAGE_BYTES;
    CHECK_EQ(process_vm_readv(getpid(), &local, 1, remote, 3, 0), PAGE_BYTES);
    CHECK(memcmp(buffer, memory, PAGE_BYTES) == 0);
    CHECK_EQ(buffer[PAGE_BYTES], 0);
    CHECK_EQ(process_vm_writev(getpid(), &local, 1, remote, 3, 0), PAGE_BYTES);
    CHECK_FAILS(process_vm_readv(getpid(), &local, 1, remote + 1, 2, 0), EFAULT);
}

/* Of one range, what lies in front of the hole comes, page by page. */
static void remote_faults_inside_a_range(void) {
    static char buffer[BYTES];

    memory_map_with_hole();
    CHECK_EQ(read_one(getpid(), buffer, BYTES, memory + 10, BYTES - 10), 2 * PAGE_BYTES - 10);
    CHECK(memcmp(buffer, memory + 10, 2 * PAGE_BYTES - 10) == 0);
    CHECK_EQ(buffer[2 * PAGE_BYTES - 10], 0);
}

static void local_faults(void) {
    static char source[BYTES];

    memory_map_with_hole();
    fill(source, BYTES, 9);
    CHECK_EQ(read_one(getpid(), memory + 2 * PAGE_BYTES - 10, 20, source, 20), 10);
    CHECK(memcmp(memory + 2 * PAGE_BYTES - 10, source, 10) == 0);
    CHECK_EQ(write_one(getpid(), memory + 2 * PAGE_BYTES - 10, 20, source + 100, 20), 10);
    CHECK(memcmp(memory + 2 * PAGE_BYTES - 10, source + 100, 10) == 0);
    CHECK_EQ(source[110], (char)(110 * 7 + 9));
    CHECK_FAILS(read_one(getpid(), memory + 2 * PAGE_BYTES, 20, source, 20), EFAULT);
    CHECK_FAILS(write_one(getpid(), memory + 2 * PAGE_BYTES, 20, source, 20), EFAULT);
}

/* Beyond the end of a file there is an area, and no memory. */
static void beyond_a_file(void) {
    int fd = memfd_create("short", 0);
    char buffer[32];
    char *start;

    CHECK_EQ(ftruncate(fd, PAGE_BYTES), 0);
    start = mmap(NULL, 2 * PAGE_BYTES, RW, MAP_SHARED, fd, 0);
    start[PAGE_BYTES - 1] = 'e';
    CHECK_EQ(read_one(getpid(), buffer, 32, start + PAGE_BYTES - 1, 32), 1);
    CHECK_EQ(buffer[0], 'e');
    CHECK_FAILS(read_one(getpid(), buffer, 1, start + PAGE_BYTES, 1), EFAULT);
    CHECK_FAILS(write_one(getpid(), buffer, 1, start + PAGE_BYTES, 1), EFAULT);
    CHECK_FAILS(read_one(getpid(), start + PAGE_BYTES, 1, buffer, 1), EFAULT);
}

/* Rights are those of the other process's areas. */
static void rights_of_the_other_side(void) {
    char byte = 'b';

    memory_map();
    memory[0] = 'm';
    CHECK_EQ(mprotect(memory, PAGE_BYTES, PROT_READ), 0);
    CHECK_EQ(read_one(getpid(), &byte, 1, memory, 1), 1);
    CHECK_EQ(byte, 'm');
    CHECK_FAILS(write_one(getpid(), &byte, 1, memory, 1), EFAULT);
    CHECK_EQ(mprotect(memory, PAGE_BYTES, PROT_NONE), 0);
    CHECK_FAILS(read_one(getpid(), &byte, 1, memory, 1), EFAULT);
    CHECK_EQ(mprotect(memory, PAGE_BYTES, PROT_WRITE), 0);
    CHECK_EQ(write_one(getpid(), &byte, 1, memory, 1), 1);
}

/* Asking for what lies below a stack does not make it grow. */
static void stacks_do_not_grow(void) {
    struct area before, after;
    char byte = 0;

    CHECK(area_find(&byte, &before));
    CHECK_FAILS(read_one(getpid(), &byte, 1, (char *)before.start - 10, 1), EFAULT);
    CHECK_FAILS(write_one(getpid(), &byte, 1, (char *)before.start - 10, 1), EFAULT);
    CHECK(area_find(&byte, &after));
    CHECK_EQ(after.start, before.start);
}

/* ---- copy on write ---- */

static bool child_sees_write(void) {
    return memory[0] == 'W' && memory[1] == 'p' && memory[PAGE_BYTES] == 'W';
}

/* Pages that the two share since the fork: the child's become its own, ours stay. */
static void write_copies_shared_pages(void) {
    struct peer peer;

    memory_map();
    pages_write(memory, PAGES, 'p');
    memory[1] = 'p';
    peer = peer_start(nothing, child_sees_write);
    CHECK_EQ(write_one(peer.pid, "W", 1, memory, 1), 1);
    CHECK_EQ(write_one(peer.pid, "W", 1, memory + PAGE_BYTES, 1), 1);
    CHECK_EQ(memory[0], 'p');
    CHECK_EQ(memory[PAGE_BYTES], 'p');
    peer_end(peer);
}

/* Zeroes that nobody has written to, and a private mapping of a file. */
static void write_makes_private_pages(void) {
    int fd = memfd_create("file", 0);
    char *file, byte;

    CHECK_EQ(ftruncate(fd, PAGE_BYTES), 0);
    file = mmap(NULL, PAGE_BYTES, RW, MAP_PRIVATE, fd, 0);
    memory_map();
    CHECK_EQ(memory[0] + memory[PAGE_BYTES] + file[0], 0);
    CHECK_EQ(write_one(getpid(), "Z", 1, memory, 1), 1);
    CHECK_EQ(write_one(getpid(), "F", 1, file, 1), 1);
    CHECK_EQ(memory[0], 'Z');
    CHECK_EQ(memory[PAGE_BYTES], 0);
    CHECK_EQ(file[0], 'F');
    CHECK_EQ(pread(fd, &byte, 1, 0), 1);
    CHECK_EQ(byte, 0);
    CHECK_EQ(*pages_map(1, PROT_READ), 0);
}

/* Shared memory is everybody's: the write is seen through all mappings. */
static void write_goes_to_shared_memory(void) {
    struct peer peer;

    memory = mmap(NULL, BYTES, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    peer = peer_start(nothing, yes);
    CHECK_EQ(write_one(peer.pid, "S", 1, memory + PAGE_BYTES, 1), 1);
    CHECK_EQ(memory[PAGE_BYTES], 'S');
    peer_end(peer);
}

static void reads_copy_nothing(void) {
    static char buffer[BYTES];
    struct memory_use before;
    struct peer peer;

    frames_exact_or_skip();
    memory_map();
    pages_write(memory, PAGES, 'p');
    pages_write(buffer, PAGES, 'b');
    peer = peer_start(nothing, yes);
    CHECK_EQ(read_one(peer.pid, buffer, BYTES, memory, BYTES), BYTES);
    memory_use(); /* its own buffer is shared since the fork, too */
    before = memory_use();
    CHECK_EQ(read_one(peer.pid, buffer, BYTES, memory, BYTES), BYTES);
    CHECK_EQ(memory_use().anonymous, before.anonymous);
    CHECK_EQ(write_one(peer.pid, buffer, 1, memory + 1, 1), 1);
    CHECK_EQ(memory_use().anonymous, before.anonymous + 1);
    CHECK_EQ(write_one(peer.pid, buffer, 1, memory + 1, 1), 1);
    CHECK_EQ(memory_use().anonymous, before.anonymous + 1);
    peer_end(peer);
}

/* ---- who may ---- */

static void as_user(uid_t uid) {
    CHECK_EQ(setgid(uid), 0);
    CHECK_EQ(setuid(uid), 0);
    prctl(PR_SET_DUMPABLE, 1);
    prctl(PR_SET_PTRACER, -1); /* where Linux's Yama asks for it */
}

static void is_user(void) {
    as_user(1234);
}

static void is_user_undumpable(void) {
    as_user(1234);
    CHECK_EQ(prctl(PR_SET_DUMPABLE, 0), 0);
}

static void is_user_with_saved_id(void) {
    CHECK_EQ(setresgid(1234, 1234, 1234), 0);
    CHECK_EQ(setresuid(1234, 1234, 1235), 0);
    prctl(PR_SET_DUMPABLE, 1);
}

static void is_user_with_group(void) {
    CHECK_EQ(setresgid(1234, 1234, 1235), 0);
    CHECK_EQ(setresuid(1234, 1234, 1234), 0);
    prctl(PR_SET_DUMPABLE, 1);
}

/* What reading and writing a process of `prepare` gives to user 1234. */
static int as_1234(void (*prepare)(void), uid_t uid) {
    struct peer peer = peer_start(prepare, yes);
    int result = 0;
    char byte = 0;
    pid_t child;

    CHECK_EQ(read_one(peer.pid, &byte, 1, &byte, 1), 1); /* root may in any case */
    child = fork();
    if (child == 0) {
        as_user(uid);
        result = read_one(peer.pid, &byte, 1, &byte, 1) == 1 ? 0 : errno;
        CHECK_EQ(write_one(peer.pid, &byte, 1, &byte, 1) == 1 ? 0 : errno, result);
        _exit(result);
    }
    result = WEXITSTATUS(child_wait(child));
    peer_end(peer);
    return result;
}

static void permissions(void) {
    if (geteuid() != 0)
        SKIP("needs root");
    CHECK_EQ(as_1234(is_user, 1234), 0);
    CHECK_EQ(as_1234(is_user, 1235), EPERM);
    CHECK_EQ(as_1234(nothing, 1234), EPERM); /* root's */
    CHECK_EQ(as_1234(is_user_undumpable, 1234), EPERM);
    CHECK_EQ(as_1234(is_user_with_saved_id, 1234), EPERM);
    CHECK_EQ(as_1234(is_user_with_group, 1234), EPERM);
}

/* Oneself, always: undumpable too. */
static void oneself(void) {
    char from = 'f', to = 0;

    if (geteuid() == 0)
        as_user(1234);
    CHECK_EQ(prctl(PR_SET_DUMPABLE, 0), 0);
    CHECK_EQ(read_one(getpid(), &to, 1, &from, 1), 1);
    CHECK_EQ(to, 'f');
    CHECK_EQ(write_one(getpid(), "w", 1, &to, 1), 1);
    CHECK_EQ(to, 'w');
}

static void memory_comes_back(void) {
    static char buffer[BYTES];
    struct memory_use before, now;

    frames_exact_or_skip();
    for (int round = 0; round < 4; round++) {
        struct peer peer;

        memory_map();
        peer = peer_start(child_fills, yes);
        CHECK_EQ(write_one(peer.pid, buffer, BYTES, memory, BYTES), BYTES);
        CHECK_EQ(read_one(peer.pid, buffer, BYTES, memory, BYTES), BYTES);
        CHECK_FAILS(read_one(peer.pid, buffer, BYTES, (void *)8, BYTES), EFAULT);
        CHECK_FAILS(read_one(peer.pid, (void *)8, BYTES, buffer, BYTES), EFAULT);
        peer_end(peer);
        CHECK_EQ(munmap(memory, BYTES), 0);
        now = round ? memory_settled(before) : memory_use();
        if (round > 1)
            CHECK_MEMORY_SAME(now, before);
        before = now;
    }
}

CHECK_MAIN({"reads_another_process", reads_another_process},
           {"writes_another_process", writes_another_process},
           {"ranges_need_not_match", ranges_need_not_match}, {"many_ranges", many_ranges},
           {"flags_are_none", flags_are_none}, {"nothing_to_do", nothing_to_do},
           {"no_such_process", no_such_process}, {"bad_lists", bad_lists},
           {"list_at_a_page_edge", list_at_a_page_edge}, {"remote_faults", remote_faults},
           {"remote_faults_inside_a_range", remote_faults_inside_a_range},
           {"local_faults", local_faults}, {"beyond_a_file", beyond_a_file},
           {"rights_of_the_other_side", rights_of_the_other_side},
           {"stacks_do_not_grow", stacks_do_not_grow},
           {"write_copies_shared_pages", write_copies_shared_pages},
           {"write_makes_private_pages", write_makes_private_pages},
           {"write_goes_to_shared_memory", write_goes_to_shared_memory},
           {"reads_copy_nothing", reads_copy_nothing}, {"permissions", permissions},
           {"oneself", oneself}, {"memory_comes_back", memory_comes_back})
