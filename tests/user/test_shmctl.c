/* SPDX-License-Identifier: MIT */
/*
 * System V shared memory: shmctl(2), who may do what, /proc/sysvipc/shm, and the limits. Mapping is
 * in test_shm.c.
 */
#include "segments.h"

#include <sys/resource.h>
#include <time.h>

/* ---- what IPC_STAT tells ---- */

static void status_is_told(void) {
    time_t before = time(NULL);
    key_t key = fresh_key();
    int id = shmget(key, BYTES - 1, 0640 | IPC_CREAT);
    struct shmid_ds s = status_of(id);
    char *start;

    CHECK_EQ(s.shm_segsz, BYTES - 1);
    CHECK_EQ(s.shm_perm.__key, key);
    CHECK_EQ(s.shm_perm.mode, 0640);
    CHECK_EQ(s.shm_perm.uid, geteuid());
    CHECK_EQ(s.shm_perm.cuid, geteuid());
    CHECK_EQ(s.shm_perm.gid, getegid());
    CHECK_EQ(s.shm_perm.cgid, getegid());
    CHECK_EQ(s.shm_cpid, getpid());
    CHECK_EQ(s.shm_lpid, 0);
    CHECK_EQ(s.shm_nattch, 0);
    CHECK_EQ(s.shm_atime, 0);
    CHECK_EQ(s.shm_dtime, 0);
    CHECK(s.shm_ctime >= before && s.shm_ctime <= time(NULL));
    start = attach(id, 0);
    s = status_of(id);
    CHECK_EQ(s.shm_nattch, 1);
    CHECK_EQ(s.shm_lpid, getpid());
    CHECK(s.shm_atime >= before && s.shm_atime <= time(NULL));
    CHECK_EQ(s.shm_dtime, 0);
    CHECK_EQ(shmdt(start), 0);
    s = status_of(id);
    CHECK_EQ(s.shm_nattch, 0);
    CHECK(s.shm_dtime >= before && s.shm_dtime <= time(NULL));
    CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
    CHECK(is_gone(id));
}

static void control_arguments(void) {
    int id = segment(BYTES, 0600);
    struct shmid_ds status = status_of(id);

    CHECK_FAILS(shmctl(id, 99, &status), EINVAL);
    CHECK_FAILS(shmctl(id, -1, &status), EINVAL);
    CHECK_FAILS(shmctl(-1, IPC_STAT, &status), EINVAL);
    CHECK_FAILS(shmctl(-1, IPC_INFO, &status), EINVAL);
    CHECK_FAILS(shmctl(id, IPC_STAT, (void *)8), EFAULT);
    CHECK_FAILS(shmctl(id, IPC_SET, (void *)8), EFAULT);
    CHECK_FAILS(shmctl(0, IPC_INFO, (void *)8), EFAULT);
    CHECK_FAILS(shmctl(0, SHM_INFO, (void *)8), EFAULT);
    CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
    CHECK_FAILS(shmctl(id, IPC_STAT, &status), EINVAL);
    CHECK_FAILS(shmctl(id, IPC_SET, &status), EINVAL);
    CHECK_FAILS(shmctl(id, IPC_RMID, NULL), EINVAL);
    CHECK_FAILS(shmctl(id, SHM_LOCK, NULL), EINVAL);
    CHECK_FAILS(shmctl(id, SHM_UNLOCK, NULL), EINVAL);
    CHECK_FAILS(shmat(id, NULL, 0), EINVAL);
    CHECK_FAILS(shmat(-1, NULL, 0), EINVAL);
}

static void set_changes_owner_and_mode(void) {
    int id = segment(BYTES, 0600);
    struct shmid_ds s = status_of(id);

    if (geteuid() != 0)
        SKIP("needs root");
    s.shm_perm.uid = 1234;
    s.shm_perm.gid = 1235;
    s.shm_perm.mode = 07777;
    s.shm_segsz = 1;
    s.shm_nattch = 77;
    CHECK_EQ(shmctl(id, IPC_SET, &s), 0);
    s = status_of(id);
    CHECK_EQ(s.shm_perm.uid, 1234);
    CHECK_EQ(s.shm_perm.gid, 1235);
    CHECK_EQ(s.shm_perm.cuid, 0);
    CHECK_EQ(s.shm_perm.mode, 0777);
    CHECK_EQ(s.shm_segsz, BYTES);
    CHECK_EQ(s.shm_nattch, 0);
    s.shm_perm.uid = (uid_t)-1;
    CHECK_FAILS(shmctl(id, IPC_SET, &s), EINVAL);
    CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
}

/* Where a segment lies in the kernel's table: ipcs(1) walks it. */
static int index_of(int id, int stat_command, struct shmid_ds *status) {
    struct shm_info info;
    int highest = shmctl(0, SHM_INFO, (struct shmid_ds *)&info);

    CHECK(highest >= 0);
    for (int index = 0; index <= highest; index++)
        if (shmctl(index, stat_command, status) == id)
            return index;
    return -1;
}

static void tables_are_walked(void) {
    struct shm_info before, after;
    struct shmid_ds status;
    struct shminfo limits;
    int id, index;
    char *memory;

    CHECK(shmctl(0, SHM_INFO, (struct shmid_ds *)&before) >= 0);
    id = segment(BYTES, 0);
    memory = attach(id, 0);
    memory[0] = 'x';
    index = index_of(id, SHM_STAT, &status);
    CHECK(index >= 0);
    CHECK_EQ(status.shm_segsz, BYTES);
    CHECK_EQ(index_of(id, SHM_STAT_ANY, &status), index);
    CHECK(shmctl(0, SHM_INFO, (struct shmid_ds *)&after) >= index);
    CHECK(shmctl(0, IPC_INFO, (struct shmid_ds *)&limits) >= index);
    CHECK_EQ(limits.shmmin, 1);
    CHECK(limits.shmmni > 0 && limits.shmseg == limits.shmmni);
    CHECK(limits.shmmax >= BYTES && limits.shmall >= PAGES);
    if (on_quire()) {
        CHECK_EQ(after.used_ids, before.used_ids + 1);
        CHECK_EQ(after.shm_tot, before.shm_tot + PAGES);
        CHECK_EQ(after.shm_rss, before.shm_rss + 1);
    }
    CHECK_FAILS(shmctl(32767, SHM_STAT, &status), EINVAL);
    CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
    CHECK_EQ(shmdt(memory), 0);
    CHECK(shmctl(0, SHM_INFO, (struct shmid_ds *)&after) >= 0);
    if (on_quire()) {
        CHECK_EQ(after.used_ids, before.used_ids);
        CHECK_EQ(after.shm_tot, before.shm_tot);
        CHECK_EQ(after.shm_rss, before.shm_rss);
    }
}

/* ---- who may ---- */

/* Makes a segment as it is wanted, and asks as user and group 1234. */
static int owned_segment(uid_t uid, gid_t gid, unsigned mode) {
    int id = segment(BYTES, 0);
    struct shmid_ds s = status_of(id);

    s.shm_perm.uid = uid;
    s.shm_perm.gid = gid;
    s.shm_perm.mode = mode;
    CHECK_EQ(shmctl(id, IPC_SET, &s), 0);
    return id;
}

static void become_1234(void) {
    CHECK_EQ(setgid(1234), 0);
    CHECK_EQ(setuid(1234), 0);
}

static bool may_attach(int id, int flags) {
    char *start = shmat(id, NULL, flags);

    CHECK(start != (char *)-1 || errno == EACCES);
    return start != (char *)-1;
}

static void check_modes(void *argument) {
    const int *ids = argument; /* of owner, group, others, by the bits 4, 2 and 1 of each */

    become_1234();
    for (int who = 0; who < 3; who++) {
        const int *id = &ids[who * 8];
        struct shmid_ds s;

        for (unsigned bits = 0; bits < 8; bits++) {
            CHECK_EQ(may_attach(id[bits], SHM_RDONLY), (bits & 4) != 0);
            CHECK_EQ(may_attach(id[bits], 0), (bits & 6) == 6);
            CHECK_EQ(may_attach(id[bits], SHM_RDONLY | SHM_EXEC), (bits & 5) == 5);
            CHECK_EQ(shmctl(id[bits], IPC_STAT, &s) == 0, (bits & 4) != 0);
            CHECK(bits & 4 || errno == EACCES);
        }
    }
}

static void modes_are_asked(void) {
    int ids[3][8];

    if (geteuid() != 0)
        SKIP("needs root");
    for (unsigned bits = 0; bits < 8; bits++) {
        ids[0][bits] = owned_segment(1234, 1, 077 | bits << 6);
        ids[1][bits] = owned_segment(1, 1234, 0707 | bits << 3);
        ids[2][bits] = owned_segment(1, 1, 0770 | bits);
    }
    CHECK_CHILD_OK(check_modes, ids);
    for (unsigned i = 0; i < 24; i++)
        CHECK_EQ(shmctl(ids[i / 8][i % 8], IPC_RMID, NULL), 0);
}

static void check_stranger(void *argument) {
    int id = *(int *)argument;
    struct shmid_ds s;

    become_1234();
    CHECK_FAILS(shmctl(id, IPC_STAT, &s), EACCES);
    CHECK_EQ(index_of(id, SHM_STAT, &s), -1);
    CHECK(index_of(id, SHM_STAT_ANY, &s) >= 0);
    CHECK_FAILS(shmctl(id, IPC_RMID, NULL), EPERM);
    CHECK_FAILS(shmctl(id, IPC_SET, &s), EPERM);
    CHECK_FAILS(shmctl(id, SHM_LOCK, NULL), EPERM);
    CHECK_FAILS(shmctl(id, SHM_UNLOCK, NULL), EPERM);
    CHECK_FAILS(shmget(s.shm_perm.__key, 0, 0400), EACCES);
    CHECK_FAILS(shmget(s.shm_perm.__key, BYTES + 1, 0400), EINVAL);
    CHECK_FAILS(shmget(s.shm_perm.__key, 0, IPC_CREAT | IPC_EXCL), EEXIST);
    CHECK_EQ(shmget(s.shm_perm.__key, 0, 0), id); /* asking for nothing */
}

static void strangers_change_nothing(void) {
    int id = shmget(fresh_key(), BYTES, 0600 | IPC_CREAT);

    if (geteuid() != 0)
        SKIP("needs root");
    CHECK_CHILD_OK(check_stranger, &id);
    CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
}

/* The owner may, without any right in the mode; and the creator, when it is another's. */
static void check_owner(void *argument) {
    int given = *(int *)argument, own;
    struct shmid_ds s;

    become_1234();
    own = segment(BYTES, 0400);
    s = status_of(own);
    s.shm_perm.uid = s.shm_perm.gid = 77;
    s.shm_perm.mode = 0;
    CHECK_EQ(shmctl(own, IPC_SET, &s), 0);
    CHECK_FAILS(shmctl(own, IPC_STAT, &s), EACCES);
    CHECK_EQ(shmctl(own, IPC_RMID, NULL), 0);
    CHECK_EQ(shmctl(given, IPC_RMID, NULL), 0);
}

static void owners_and_creators_change(void) {
    int id;

    if (geteuid() != 0)
        SKIP("needs root");
    id = owned_segment(1234, 1, 0);
    CHECK_CHILD_OK(check_owner, &id);
    CHECK(is_gone(id));
}

/* ---- locking ---- */

static void check_locks(void *argument) {
    struct rlimit limit = {2 * PAGE_BYTES, 2 * PAGE_BYTES};
    int one, two;

    (void)argument;
    CHECK_EQ(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
    become_1234();
    one = segment(PAGE_BYTES + 1, 0600);
    two = segment(1, 0600);
    CHECK_EQ(shmctl(one, SHM_LOCK, NULL), 0);
    CHECK_EQ(shmctl(one, SHM_LOCK, NULL), 0);
    CHECK_EQ(status_of(one).shm_perm.mode, 02600);
    CHECK_FAILS(shmctl(two, SHM_LOCK, NULL), ENOMEM);
    CHECK_EQ(shmctl(one, SHM_UNLOCK, NULL), 0);
    CHECK_EQ(status_of(one).shm_perm.mode, 0600);
    CHECK_EQ(shmctl(two, SHM_LOCK, NULL), 0);
    limit.rlim_cur = 0;
    CHECK_EQ(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
    CHECK_FAILS(shmctl(one, SHM_LOCK, NULL), EPERM);
    CHECK_EQ(shmctl(two, SHM_UNLOCK, NULL), 0);
    CHECK_EQ(shmctl(one, IPC_RMID, NULL) | shmctl(two, IPC_RMID, NULL), 0);
}

static void locks_are_limited(void) {
    if (geteuid() != 0)
        SKIP("needs root");
    CHECK_CHILD_OK(check_locks, NULL);
}

/* ---- /proc ---- */

/* The segment's line in /proc/sysvipc/shm. */
static void proc_lists_segments(void) {
    static const char header[] =
        "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  "
        "cgid      atime      dtime      ctime                   rss                  swap\n";
    int key = fresh_key(), id = shmget(key, 5000, 0640 | IPC_CREAT);
    char *start = attach(id, 0), expected[160];
    char *text = fact_file("/proc/sysvipc/shm");

    if (!text)
        SKIP("no /proc/sysvipc");
    CHECK(strncmp(text, header, strlen(header)) == 0);
    snprintf(expected, sizeof expected,
             "\n%10d %10d  %4o %21lu %5u %5u  %5lu %5u %5u %5u %5u %10lu %10lu %10lu ", key, id,
             0640, 5000UL, getpid(), getpid(), 1UL, geteuid(), getegid(), geteuid(), getegid(),
             (unsigned long)status_of(id).shm_atime, 0UL, (unsigned long)status_of(id).shm_ctime);
    CHECK(strstr(text, expected) != NULL);
    start[0] = 'p';
    snprintf(expected, sizeof expected, " %21lu %21lu\n", PAGE_BYTES, 0UL);
    CHECK(strstr(fact_file("/proc/sysvipc/shm"), expected) != NULL);
    CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
}

static unsigned long limit_of(const char *path) {
    char *text = fact_file(path);

    CHECK(text != NULL);
    return strtoul(text, NULL, 10);
}

static void proc_tells_the_limits(void) {
    struct shminfo limits;

    CHECK(shmctl(0, IPC_INFO, (struct shmid_ds *)&limits) >= 0);
    CHECK_EQ(limit_of("/proc/sys/kernel/shmmax"), limits.shmmax);
    CHECK_EQ(limit_of("/proc/sys/kernel/shmmni"), limits.shmmni);
    CHECK_EQ(limit_of("/proc/sys/kernel/shmall"), limits.shmall);
}

static void limit_set(const char *path, const char *text, int expected_errno) {
    int fd = open(path, O_WRONLY);

    CHECK(fd >= 0);
    errno = 0;
    CHECK_EQ(write(fd, text, strlen(text)) < 0 ? errno : 0, expected_errno);
    close(fd);
}

/* Only on Quire, where nobody else is held to them. */
static void limits_hold(void) {
    struct shm_info info;
    char text[32];

    if (!on_quire())
        SKIP("not on somebody's Linux");
    CHECK(shmctl(0, SHM_INFO, (struct shmid_ds *)&info) >= 0);
    limit_set("/proc/sys/kernel/shmmax", "8192\n", 0);
    CHECK_FAILS(shmget(IPC_PRIVATE, 8193, 0600), EINVAL);
    CHECK(shmget(IPC_PRIVATE, 8192, 0600) >= 0);
    snprintf(text, sizeof text, "%lu", info.shm_tot + 4);
    limit_set("/proc/sys/kernel/shmall", text, 0);
    CHECK_FAILS(shmget(IPC_PRIVATE, 8193, 0600), EINVAL);
    CHECK(shmget(IPC_PRIVATE, 4097, 0600) >= 0);
    CHECK_FAILS(shmget(IPC_PRIVATE, 1, 0600), ENOSPC);
    limit_set("/proc/sys/kernel/shmall", "18446744073692774399", 0);
    snprintf(text, sizeof text, "%d", info.used_ids + 3);
    limit_set("/proc/sys/kernel/shmmni", text, 0);
    CHECK(shmget(IPC_PRIVATE, 1, 0600) >= 0);
    CHECK_FAILS(shmget(IPC_PRIVATE, 1, 0600), ENOSPC);
    limit_set("/proc/sys/kernel/shmmni", "nothing", EINVAL);
    limit_set("/proc/sys/kernel/shmmni", "-1", EINVAL);
    limit_set("/proc/sys/kernel/shmmni", "40000", EINVAL);
    limit_set("/proc/sys/kernel/shmall", "18446744073709551616", EINVAL);
    limit_set("/proc/sys/kernel/shmmni", "4096", 0);
    limit_set("/proc/sys/kernel/shmmax", "18446744073692774399", 0);
    for (int index = 0, id; index < 64; index++) {
        struct shmid_ds s;
        if ((id = shmctl(index, SHM_STAT, &s)) >= 0 && s.shm_cpid == getpid())
            CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
    }
}

/* As many as there may be, found by id and by key, and all gone again. */
static void many_segments(void) {
    enum { COUNT = 500 };
    static int ids[COUNT];
    struct memory_use before = memory_use();
    key_t key = KEY_BASE + 0x1000000;

    for (int i = 0; i < COUNT; i++) {
        ids[i] = shmget(key + i * 7919 % COUNT, 1 + (size_t)i, 0600 | IPC_CREAT | IPC_EXCL);
        if (ids[i] < 0 && errno == ENOSPC)
            SKIP("no room for so many");
        CHECK(ids[i] >= 0);
    }
    for (int i = 0; i < COUNT; i++) {
        CHECK_EQ(shmget(key + i * 7919 % COUNT, 0, 0), ids[i]);
        CHECK_EQ(status_of(ids[i]).shm_segsz, 1 + i);
    }
    for (int i = 0; i < COUNT; i++)
        CHECK_EQ(shmctl(ids[i * 7 % COUNT], IPC_RMID, NULL), 0);
    for (int i = 0; i < COUNT; i++)
        CHECK_FAILS(shmget(key + i, 0, 0), ENOENT);
    if (on_quire())
        CHECK_EQ(memory_use().objects, before.objects);
}

CHECK_MAIN({"status_is_told", status_is_told}, {"control_arguments", control_arguments},
           {"set_changes_owner_and_mode", set_changes_owner_and_mode},
           {"tables_are_walked", tables_are_walked}, {"modes_are_asked", modes_are_asked},
           {"strangers_change_nothing", strangers_change_nothing},
           {"owners_and_creators_change", owners_and_creators_change},
           {"locks_are_limited", locks_are_limited}, {"proc_lists_segments", proc_lists_segments},
           {"proc_tells_the_limits", proc_tells_the_limits}, {"limits_hold", limits_hold},
           {"many_segments", many_segments})
