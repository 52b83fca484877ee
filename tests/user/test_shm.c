/* SPDX-License-Identifier: MIT */
/*
 * System V shared memory: shmget(2), shmat(2), shmdt(2), and the life of segments.
 *
 * Each error of the manual, who is counted as attached over fork, exec and exit, and that a removed
 * segment goes with its last user: every frame back at that moment. test_shmctl.c has the rest.
 */
#define CHECK_HELPER helper
#include "catch.h"
#include "segments.h"

#include <sys/resource.h>

/* ---- shmget ---- */

static void get_arguments(void) {
    key_t key = fresh_key();
    int id;

    CHECK_FAILS(shmget(key, BYTES, 0600), ENOENT);
    CHECK_FAILS(shmget(key, 0, 0600 | IPC_EXCL), ENOENT);
    CHECK_FAILS(shmget(key, 0, 0600 | IPC_CREAT), EINVAL);
    CHECK_FAILS(shmget(IPC_PRIVATE, 0, 0600), EINVAL);
    CHECK_FAILS(shmget(IPC_PRIVATE, -1UL, 0600), EINVAL);
    id = shmget(key, BYTES, 0600 | IPC_CREAT);
    CHECK(id >= 0);
    CHECK_EQ(shmget(key, BYTES, 0600 | IPC_CREAT), id);
    CHECK_EQ(shmget(key, 0, 0), id);
    CHECK_EQ(shmget(key, 1, 0600 | IPC_EXCL), id); /* means nothing by itself */
    CHECK_FAILS(shmget(key, BYTES + 1, 0600), EINVAL);
    CHECK_FAILS(shmget(key, BYTES, 0600 | IPC_CREAT | IPC_EXCL), EEXIST);
    CHECK_FAILS(shmget(key, BYTES + 1, 0600 | IPC_CREAT | IPC_EXCL), EEXIST);
    CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
    CHECK_FAILS(shmget(key, 0, 0), ENOENT);
}

static void private_ones_are_all_new(void) {
    int one = segment(1, 0600), two = segment(1, 0600);

    CHECK(one != two);
    attach(one, 0)[0] = '1';
    CHECK_EQ(attach(two, 0)[0], 0);
    CHECK_EQ(shmctl(one, IPC_RMID, NULL) | shmctl(two, IPC_RMID, NULL), 0);
}

static void huge_pages_are_refused(void) {
    if (shmget(IPC_PRIVATE, 2 << 20, 0600 | SHM_HUGETLB) >= 0)
        SKIP("this machine has huge pages");
    CHECK(errno == EINVAL || errno == ENOMEM || errno == EPERM);
}

/* An id is another's only after a long time. */
static void ids_do_not_come_back_soon(void) {
    int first = segment(1, 0600);

    CHECK_EQ(shmctl(first, IPC_RMID, NULL), 0);
    for (int i = 0; i < 300; i++) {
        int id = segment(1, 0600);

        CHECK(id != first);
        CHECK_FAILS(shmat(first, NULL, 0), EINVAL);
        CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
    }
}

/* ---- shmat ---- */

static void attached_memory_is_shared(void) {
    char *one, *two;
    int id = doomed_segment(&one);

    two = attach(id, 0); /* Linux lets one attach what is to be removed */
    CHECK(one != two);
    CHECK_EQ(pages_read(one, PAGES), 0);
    one[PAGE_BYTES] = 'a';
    CHECK_EQ(two[PAGE_BYTES], 'a');
    if (fork() == 0) {
        two[2 * PAGE_BYTES] = 'c';
        _exit(0);
    }
    CHECK(wait(NULL) > 0);
    CHECK_EQ(one[2 * PAGE_BYTES], 'c');
    CHECK_EQ(one[BYTES - 1], 0);
}

/* Memory outlives everybody who has it attached. */
static void contents_stay_without_users(void) {
    int id = segment(BYTES, 0600);

    if (fork() == 0) {
        attach(id, 0)[PAGE_BYTES] = 'k';
        _exit(0);
    }
    CHECK(wait(NULL) > 0);
    CHECK_EQ(attached(id), 0);
    CHECK_EQ(attach(id, SHM_RDONLY)[PAGE_BYTES], 'k');
    CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
}

static void rights_of_an_attachment(void) {
    int id = segment(BYTES, 0700);
    char *writable = attach(id, 0), *readable = attach(id, SHM_RDONLY);
    char *executable = attach(id, SHM_EXEC);
    struct area area;

    CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
    CHECK(can_read(readable) && !can_write(readable));
    CHECK_FAILS(mprotect(readable, BYTES, RW), EACCES);
    CHECK_EQ(fault_of(access_jump, writable).number, SIGSEGV);
    CHECK_EQ(mprotect(writable, BYTES, PROT_READ), 0);
    CHECK(!can_write(writable));
    CHECK_EQ(mprotect(writable, BYTES, RW), 0);
    writable[0] = (char)0xc3; /* ret */
    CHECK_EQ(fault_of(access_jump, executable).number, 0);
    CHECK(area_find(executable, &area));
    CHECK(strcmp(area.rights, "rwxs") == 0);
    CHECK(area_find(readable, &area));
    CHECK(strcmp(area.rights, "r--s") == 0);
}

static void addresses(void) {
    int id = segment(BYTES - 5, 0600);
    char *room = pages_map(PAGES + 2, RW);

    CHECK_EQ(munmap(room, (PAGES + 2) * PAGE_BYTES), 0);
    CHECK_FAILS((long)shmat(id, room + 1, 0), EINVAL);
    CHECK_FAILS((long)shmat(id, room + 1, SHM_REMAP), EINVAL);
    CHECK_FAILS((long)shmat(id, NULL, SHM_REMAP), EINVAL);
    CHECK_FAILS((long)shmat(id, (void *)1, SHM_RND | SHM_REMAP), EINVAL);
    CHECK_FAILS((long)shmat(id, (void *)-PAGE_BYTES, 0), EINVAL);
    CHECK_EQ((long)shmat(id, room + PAGE_BYTES + 1, SHM_RND) - (long)room, PAGE_BYTES);
    CHECK_EQ((long)shmat(id, room, SHM_RND | SHM_REMAP) - (long)room, 0);
    CHECK_EQ(shmdt(room), 0);
    CHECK_EQ(shmdt(room + PAGE_BYTES), 0); /* what the second left of the first */
    CHECK_EQ((long)shmat(id, room, 0) - (long)room, 0);
    CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
}

/* Without SHM_REMAP nothing that is there is replaced. */
static void remap_replaces(void) {
    int id = segment(BYTES, 0600);
    char *room = pages_map(PAGES, RW);

    room[0] = room[2 * PAGE_BYTES] = 'r';
    CHECK_FAILS((long)shmat(id, room, 0), EINVAL);
    CHECK_FAILS((long)shmat(id, room - PAGE_BYTES * 2, 0), EINVAL);
    CHECK_FAILS((long)shmat(id, room + 2 * PAGE_BYTES, 0), EINVAL);
    CHECK_EQ(attached(id), 0);
    CHECK_EQ(room[0], 'r');
    CHECK(shmat(id, room, SHM_REMAP) == room);
    CHECK_EQ(room[0] + room[2 * PAGE_BYTES], 0);
    CHECK_EQ(attached(id), 1);
    CHECK(shmat(id, room, SHM_REMAP | SHM_RDONLY) == room);
    CHECK_EQ(attached(id), 1);
    CHECK(!can_write(room));
    CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
}

static void no_room_for_it(void) {
    struct rlimit limit;
    int id = segment(64 << 20, 0600);

    CHECK_EQ(getrlimit(RLIMIT_AS, &limit), 0);
    limit.rlim_cur = 32 << 20;
    CHECK_EQ(setrlimit(RLIMIT_AS, &limit), 0);
    CHECK_FAILS((long)shmat(id, NULL, 0), ENOMEM);
    CHECK_EQ(attached(id), 0);
    CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
    CHECK(is_gone(id));
}

static void maps_name_the_segment(void) {
    key_t key = fresh_key();
    int id = shmget(key, BYTES, 0600 | IPC_CREAT);
    char *start = attach(id, 0), name[64];
    struct area area;

    snprintf(name, sizeof name, "/SYSV%08x (deleted)", (unsigned)key);
    CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
    CHECK(area_find(start, &area));
    CHECK(strcmp(area.name, name) == 0);
    CHECK(strcmp(area.rights, "rw-s") == 0);
    CHECK_EQ(area.end - area.start, BYTES);
    doomed_segment(&start);
    CHECK(area_find(start, &area));
    CHECK(strcmp(area.name, "/SYSV00000000 (deleted)") == 0);
}

/* ---- shmdt ---- */

static void detach_arguments(void) {
    char *other = pages_map(1, RW), *start;

    doomed_segment(&start);
    CHECK_FAILS(shmdt(NULL), EINVAL);
    CHECK_FAILS(shmdt(other), EINVAL);
    CHECK_FAILS(shmdt(start + 1), EINVAL);
    CHECK_FAILS(shmdt(start + PAGE_BYTES), EINVAL);
    CHECK_FAILS(shmdt((void *)-PAGE_BYTES), EINVAL);
    start[0] = 'x';
    CHECK_EQ(shmdt(start), 0);
    CHECK(!can_read(start));
    CHECK_FAILS(shmdt(start), EINVAL);
}

/* All parts go, and what lives between them stays. */
static void detach_takes_all_parts(void) {
    int id = segment(5 * PAGE_BYTES, 0600);
    char *start = attach(id, 0);

    CHECK_EQ(munmap(start, PAGE_BYTES), 0);
    CHECK_EQ(mprotect(start + 2 * PAGE_BYTES, PAGE_BYTES, PROT_READ), 0);
    CHECK(mmap(start + 3 * PAGE_BYTES, PAGE_BYTES, RW, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1,
               0) != MAP_FAILED);
    start[3 * PAGE_BYTES] = 's';
    CHECK_EQ(attached(id), 3);
    CHECK_EQ(shmdt(start), 0);
    CHECK_EQ(attached(id), 0);
    CHECK(!can_read(start + PAGE_BYTES) && !can_read(start + 2 * PAGE_BYTES));
    CHECK(!can_read(start + 4 * PAGE_BYTES));
    CHECK_EQ(start[3 * PAGE_BYTES], 's');
    CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
}

/* Another attachment right behind is not taken along. */
static void detach_leaves_the_neighbour(void) {
    int id = segment(BYTES, 0600);
    char *room = pages_map(2 * PAGES, RW);

    CHECK(shmat(id, room, SHM_REMAP) == room);
    CHECK(shmat(id, room + BYTES, SHM_REMAP) == room + BYTES);
    CHECK_EQ(attached(id), 2);
    CHECK_EQ(shmdt(room), 0);
    room[BYTES] = 'n';
    CHECK_EQ(attached(id), 1);
    CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
    CHECK_EQ(shmdt(room + BYTES), 0);
    CHECK(is_gone(id));
}

/* ---- who is attached ---- */

static int helper(char **argv) {
    (void)argv;
    return 0;
}

static void fork_and_exit_count(void) {
    int id = segment(BYTES, 0600), go[2];
    char *start = attach(id, 0), byte;
    struct shmid_ds s;
    pid_t child;

    CHECK_EQ(pipe(go), 0);
    child = fork();
    if (child == 0) {
        CHECK_EQ(read(go[0], &byte, 1), 1);
        _exit(0);
    }
    s = status_of(id);
    CHECK_EQ(s.shm_nattch, 2);
    CHECK_EQ(s.shm_lpid, getpid());
    CHECK_EQ(shmdt(start), 0);
    CHECK_EQ(attached(id), 1);
    CHECK_EQ(write(go[1], "", 1), 1);
    CHECK_EQ(child_wait(child), 0);
    s = status_of(id);
    CHECK_EQ(s.shm_nattch, 0);
    CHECK_EQ(s.shm_lpid, child);
    CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
}

static void exec_detaches(void) {
    char *const argv[] = {"self", "--helper", NULL};
    int id = segment(BYTES, 0600);

    if (fork() == 0) {
        attach(id, 0);
        attach(id, SHM_RDONLY);
        CHECK_EQ(attached(id), 2);
        execv(self_path(), argv);
        CHECK(!"exec failed");
    }
    CHECK(wait(NULL) > 0);
    CHECK_EQ(attached(id), 0);
    CHECK_EQ(status_of(id).shm_lpid != getpid(), 1);
    CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
}

static void munmap_detaches(void) {
    int id = segment(BYTES, 0600);
    char *start = attach(id, 0);

    CHECK_EQ(munmap(start + PAGE_BYTES, PAGE_BYTES), 0);
    CHECK_EQ(attached(id), 2);
    CHECK_EQ(munmap(start, PAGE_BYTES), 0);
    CHECK_EQ(attached(id), 1);
    CHECK_EQ(munmap(start, BYTES), 0);
    CHECK_EQ(attached(id), 0);
    CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
}

/* ---- removal ---- */

static void removed_goes_with_its_last_user(void) {
    key_t key = fresh_key();
    int id = shmget(key, BYTES, 0600 | IPC_CREAT), other;
    char *start = attach(id, 0);
    struct shmid_ds s;

    CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
    CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
    s = status_of(id);
    CHECK_EQ(s.shm_perm.mode, 01600);
    CHECK_EQ(s.shm_perm.__key, IPC_PRIVATE);
    CHECK_FAILS(shmget(key, 0, 0), ENOENT);
    other = shmget(key, BYTES, 0600 | IPC_CREAT | IPC_EXCL);
    CHECK(other >= 0 && other != id);
    start[0] = 'o';
    CHECK_EQ(attach(other, 0)[0], 0);
    CHECK_EQ(shmctl(other, IPC_RMID, NULL), 0);
    CHECK_EQ(shmdt(start), 0);
    CHECK(is_gone(id));
}

static void removed_goes_with_its_last_process(void) {
    char *start;
    int id, go[2], byte = 0;

    CHECK_EQ(pipe(go), 0);
    id = doomed_segment(&start);
    if (fork() == 0) {
        CHECK_EQ(read(go[0], &byte, 1), 1);
        _exit(start[0] == 'p' ? 0 : 1);
    }
    start[0] = 'p';
    CHECK_EQ(shmdt(start), 0);
    CHECK_EQ(attached(id), 1);
    CHECK_EQ(write(go[1], "", 1), 1);
    CHECK(wait(&byte) > 0);
    CHECK_EQ(byte, 0);
    CHECK(is_gone(id));
}

/* On the moment: with the last detach, with a removal of what nobody has, with the last exit. */
static void frames_go_at_that_moment(void) {
    struct memory_use before;
    char *start;
    int id;

    frames_exact_or_skip();
    for (int round = 0; round < 3; round++) {
        id = segment(100 * PAGE_BYTES, 0600);
        start = attach(id, 0);
        before = memory_use();
        pages_write(start, 100, 'f');
        CHECK_EQ(memory_use().anonymous, before.anonymous + 100);
        if (round == 0) {
            CHECK_EQ(shmdt(start), 0);
            CHECK_EQ(memory_use().anonymous, before.anonymous + 100);
            CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
        } else if (round == 1) {
            CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
            CHECK_EQ(memory_use().anonymous, before.anonymous + 100);
            CHECK_EQ(shmdt(start), 0);
        } else {
            CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
            CHECK_EQ(munmap(start + PAGE_BYTES, 98 * PAGE_BYTES), 0);
            CHECK_EQ(memory_use().anonymous, before.anonymous + 100);
            CHECK_EQ(munmap(start, 100 * PAGE_BYTES), 0);
        }
        CHECK_EQ(memory_use().anonymous, before.anonymous);
    }
}

static void read_all(void *start) {
    CHECK_EQ(pages_read(start, PAGES), 'n' * PAGES);
}

static void nothing_is_left(void) {
    struct memory_use before = memory_use(), now;

    frames_exact_or_skip();
    for (int round = 0; round < 4; round++) {
        char *start;
        int id = doomed_segment(&start);

        pages_write(start, PAGES, 'n');
        CHECK_FAILS((long)shmat(id, start, 0), EINVAL);
        CHECK_FAILS((long)shmat(id, start + 1, 0), EINVAL);
        CHECK_FAILS(shmget(IPC_PRIVATE, 0, 0), EINVAL);
        CHECK_CHILD_OK(read_all, start);
        CHECK_EQ(shmdt(start), 0);
        now = round ? memory_settled(before) : memory_use();
        if (round > 1)
            CHECK_MEMORY_SAME(now, before);
        before = now;
    }
}

CHECK_MAIN({"get_arguments", get_arguments}, {"private_ones_are_all_new", private_ones_are_all_new},
           {"huge_pages_are_refused", huge_pages_are_refused},
           {"ids_do_not_come_back_soon", ids_do_not_come_back_soon},
           {"attached_memory_is_shared", attached_memory_is_shared},
           {"contents_stay_without_users", contents_stay_without_users},
           {"rights_of_an_attachment", rights_of_an_attachment}, {"addresses", addresses},
           {"remap_replaces", remap_replaces}, {"no_room_for_it", no_room_for_it},
           {"maps_name_the_segment", maps_name_the_segment}, {"detach_arguments", detach_arguments},
           {"detach_takes_all_parts", detach_takes_all_parts},
           {"detach_leaves_the_neighbour", detach_leaves_the_neighbour},
           {"fork_and_exit_count", fork_and_exit_count}, {"exec_detaches", exec_detaches},
           {"munmap_detaches", munmap_detaches},
           {"removed_goes_with_its_last_user", removed_goes_with_its_last_user},
           {"removed_goes_with_its_last_process", removed_goes_with_its_last_process},
           {"frames_go_at_that_moment", frames_go_at_that_moment},
           {"nothing_is_left", nothing_is_left})
