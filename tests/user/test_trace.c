/* SPDX-License-Identifier: MIT */
/*
 * /proc/trace and /proc/trace_snapshot: who may read, what a stream looks like, that the events of
 * a known program are the expected ones, and that nothing is left when there is no memory to begin.
 * That the events rebuild the state is tested on the host (tests/tools/trace_check.py). Quire's
 * own.
 */
#include "fail_nth.h"
#include "trace_stream.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define TRACE "/proc/trace"
#define SNAPSHOT "/proc/trace_snapshot"
#define RING_KIB "/proc/sys/kernel/trace_ring_kib"
#define GROUPS "/proc/sys/kernel/trace_groups"
#define PAGE 4096ul
#define AREAS 250
#define READ_EACH 5 /* failures, a whole stream */

static long processors; /* there are; sysconf counts those that we may run on */

static void trace_or_skip(void) {
    if (!on_quire())
        SKIP("the trace is Quire's");
    processors = sysconf(_SC_NPROCESSORS_ONLN);
}

static void setting_write(const char *path, const char *value) {
    int fd = open(path, O_WRONLY);

    CHECK(fd >= 0);
    CHECK_EQ(write(fd, value, strlen(value)), strlen(value));
    close(fd);
}

static char *map_pages(unsigned pages) {
    char *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(p != MAP_FAILED);
    return p;
}

/* ---- who may read ---- */

static void one_reader_at_a_time(void) {
    struct stream s;

    trace_or_skip();
    stream_open(&s, TRACE, O_RDONLY);
    CHECK_FAILS(open(TRACE, O_RDONLY), EBUSY);
    trace_mark("from beside"); /* writing needs no turn */
    stream_find_mark(&s, "from beside");
    stream_close(&s);
    stream_open(&s, TRACE, O_RDWR);
    CHECK_FAILS(open(TRACE, O_RDWR), EBUSY);
    stream_close(&s);
}

static void as_nobody(void *unused) {
    (void)unused;
    CHECK_EQ(setuid(65534), 0);
    CHECK_FAILS(open(TRACE, O_RDONLY), EACCES);
    CHECK_FAILS(open(TRACE, O_WRONLY), EACCES);
    CHECK_FAILS(open(SNAPSHOT, O_RDONLY), EACCES);
}

static void only_root(void) {
    trace_or_skip();
    CHECK_CHILD_OK(as_nobody, NULL);
}

static void die_with_it(void *unused) {
    (void)unused;
    CHECK(open(TRACE, O_RDONLY) >= 0);
    raise(SIGKILL);
}

static void ends_with_its_reader(void) {
    struct stream s;

    trace_or_skip();
    CHECK_CHILD_KILLED(die_with_it, NULL, SIGKILL);
    stream_open(&s, TRACE, O_RDONLY);
    stream_close(&s);
}

static void waits_or_not(void) {
    struct pollfd one;
    struct stream s;
    char buffer[4096];

    trace_or_skip();
    setting_write(GROUPS, "1"); /* marks only: else there is always something */
    stream_open(&s, TRACE, O_RDONLY | O_NONBLOCK);
    while (read(s.fd, buffer, sizeof buffer) > 0)
        ;
    CHECK_EQ(errno, EAGAIN);
    one = (struct pollfd){.fd = s.fd, .events = POLLIN};
    CHECK_EQ(poll(&one, 1, 0), 0);
    trace_mark("there");
    CHECK_EQ(poll(&one, 1, -1), 1);
    CHECK_EQ(one.revents, POLLIN);
    stream_find_mark(&s, "there");
    stream_close(&s);
    setting_write(GROUPS, "511");
}

/* ---- what a stream is ---- */

/* Reads a snapshot from begin to end, which has to come next. */
static void read_snapshot(struct stream *s, unsigned reason) {
    const struct trace_record_snapshot_begin *begin = (const void *)&s->record;
    const struct trace_record_snapshot_end *end = (const void *)&s->record;
    uint64_t records;

    CHECK(stream_next(s));
    CHECK_EQ(begin->header.event, TRACE_EVENT_SNAPSHOT_BEGIN);
    CHECK_EQ(begin->reason, reason);
    CHECK_EQ(begin->processors, processors);
    records = s->records;
    stream_find(s, TRACE_EVENT_SNAPSHOT_END);
    CHECK_EQ(end->records, s->records - records - 1);
}

static void begins_with_a_snapshot(void) {
    struct stream s;

    trace_or_skip();
    stream_open(&s, TRACE, O_RDONLY);
    CHECK(strstr(s.header, "\"schema\": {\"format\":\"quire-trace\""));
    CHECK(strstr(s.header, "\"page_bytes\": 4096"));
    read_snapshot(&s, TRACE_SNAPSHOT_REASON_START);
    setting_write(SNAPSHOT, "now");
    while (stream_next(&s) && s.record.header.event != TRACE_EVENT_SNAPSHOT_BEGIN)
        ;
    stream_find(&s, TRACE_EVENT_SNAPSHOT_END);
    stream_close(&s);
    CHECK_FAILS(write(open(SNAPSHOT, O_WRONLY), "now", 3), ESRCH);
}

/* The number of this process's space, by a snapshot. */
static uint32_t root_in(struct stream *s) {
    const struct trace_record_process *process;

    do
        process = stream_find(s, TRACE_EVENT_PROCESS);
    while (process->pid != (uint32_t)getpid());
    return process->root;
}

static void snapshot_by_itself(void) {
    char *page = map_pages(3);
    const struct trace_record_map *map;
    uint32_t root;
    struct stream s;

    trace_or_skip();
    page[PAGE] = 1;
    stream_open(&s, SNAPSHOT, O_RDONLY);
    root = root_in(&s);
    stream_close(&s);
    stream_open(&s, SNAPSHOT, O_RDONLY);
    do
        map = stream_find(&s, TRACE_EVENT_MAP);
    while (map->root != root || map->start > (uintptr_t)page || map->end <= (uintptr_t)page);
    CHECK_EQ(map->prot, TRACE_PROT_READ | TRACE_PROT_WRITE);
    CHECK(map->shadow != 0);
    stream_find(&s, TRACE_EVENT_SNAPSHOT_END);
    CHECK(!stream_next(&s));
    stream_close(&s);
}

/* ---- what is told ---- */

static void a_page_comes_and_goes(void) {
    const struct trace_record_frame_alloc *alloc;
    const struct trace_record_fault *fault;
    struct stream s;
    uint32_t pfn, tid = (uint32_t)gettid();
    char *page;

    trace_or_skip();
    stream_open(&s, TRACE, O_RDONLY);
    trace_mark("begin");
    page = map_pages(1);
    *page = 1;
    munmap(page, PAGE);
    trace_mark("end");
    stream_find_mark(&s, "begin");
    do
        alloc = stream_find(&s, TRACE_EVENT_FRAME_ALLOC);
    while (alloc->header.tid != tid || alloc->use != TRACE_FRAME_USE_ANON);
    pfn = alloc->pfn;
    do
        fault = stream_find(&s, TRACE_EVENT_FAULT);
    while (fault->header.tid != tid || fault->va != (uintptr_t)page);
    CHECK_EQ(fault->pfn, pfn);
    CHECK_EQ(fault->case_, TRACE_FAULT_CASE_ZERO_FILL);
    CHECK_EQ(fault->access, TRACE_ACCESS_WRITE | TRACE_ACCESS_USER);
    CHECK_EQ(fault->result, 0);
    do
        alloc = stream_find(&s, TRACE_EVENT_FRAME_FREE);
    while (alloc->pfn != pfn);
    CHECK_EQ(alloc->header.tid, tid);
    stream_find_mark(&s, "end");
    stream_close(&s);
}

static void write_and_exit(void *page) {
    *(char *)page = 2;
    _exit(7);
}

/* Counts the events of a child that writes to a page that it shares with us. */
static void a_fork_is_told(void) {
    unsigned seen[128] = {0};
    char *page = map_pages(1);
    struct stream s;

    trace_or_skip();
    *page = 1;
    stream_open(&s, TRACE, O_RDONLY);
    trace_mark("begin");
    CHECK_EQ(child_run(write_and_exit, page), 7 << 8);
    trace_mark("end");
    stream_find_mark(&s, "begin");
    for (;;) {
        const struct trace_record_mark *mark = (const void *)&s.record;

        CHECK(stream_next(&s));
        seen[mark->header.event]++;
        if (mark->header.event == TRACE_EVENT_MARK && strcmp(mark->text, "end") == 0)
            break;
    }
    CHECK(seen[TRACE_EVENT_FORK] >= 1 && seen[TRACE_EVENT_SPACE_MAKE] >= 1);
    CHECK(seen[TRACE_EVENT_PROCESS] >= 1 && seen[TRACE_EVENT_THREAD] >= 1);
    CHECK(seen[TRACE_EVENT_PAGES_SHARED] >= 1 && seen[TRACE_EVENT_COPY] >= 1);
    CHECK(seen[TRACE_EVENT_EXIT] >= 1 && seen[TRACE_EVENT_THREAD_EXIT] >= 1);
    CHECK(seen[TRACE_EVENT_SPACE_FREE] >= 1 && seen[TRACE_EVENT_REAPED] >= 1);
    CHECK_EQ(seen[TRACE_EVENT_LOST], 0);
    stream_close(&s);
}

/* ---- too slow, and all at once ---- */

static void touch_often(unsigned times) {
    for (unsigned i = 0; i < times; i++) {
        char *page = map_pages(1);

        *page = 1;
        CHECK_EQ(munmap(page, PAGE), 0);
    }
}

/* It is told whenever a record fits again: a short one may, where a long one did not. */
static void what_is_lost_is_counted(void) {
    const struct trace_record_lost *lost;
    uint64_t total = 0;
    struct stream s;

    trace_or_skip();
    setting_write(RING_KIB, "16");
    stream_open(&s, TRACE, O_RDONLY);
    setting_write(RING_KIB, "1024");
    read_snapshot(&s, TRACE_SNAPSHOT_REASON_START);
    touch_often(1000); /* some 40 bytes each, several times */
    do {
        lost = stream_find(&s, TRACE_EVENT_LOST);
        CHECK(lost->count > 0);
        total += lost->count;
    } while (total <= 1000);
    trace_mark("and on");
    stream_find_mark(&s, "and on");
    stream_close(&s);
}

static atomic_bool enough;

static void *touch_until_enough(void *unused) {
    while (!atomic_load(&enough))
        touch_often(10);
    return unused;
}

/* Several threads change memory while their trace is begun, read and ended. */
static void trace_while_all_change(void) {
    pthread_t threads[2];

    for (unsigned i = 0; i < COUNT_OF(threads); i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, touch_until_enough, NULL), 0);
    for (unsigned round = 0; round < 2; round++) {
        struct stream s;

        stream_open(&s, TRACE, O_RDONLY);
        read_snapshot(&s, TRACE_SNAPSHOT_REASON_START);
        for (unsigned i = 0; i < 500; i++)
            CHECK(stream_next(&s));
        stream_close(&s);
    }
    atomic_store(&enough, true);
    for (unsigned i = 0; i < COUNT_OF(threads); i++)
        pthread_join(threads[i], NULL);
}

static void run_all_change(void *unused) {
    (void)unused;
    trace_while_all_change();
}

/* ---- what is kept ---- */

/* Rings and snapshots are the kernel's own frames. */
struct kept {
    struct memory_use use;
    long kernel;
};

static struct kept kept_now(void) {
    struct memory_use use = memory_use();

    return (struct kept){use, fact_number("/proc/vmstat", "nr_frames_kernel")};
}

static void check_kept(const struct kept *before) {
    CHECK_MEMORY_SAME(memory_settled(before->use), before->use);
    CHECK_EQ(fact_number("/proc/vmstat", "nr_frames_kernel"), before->kernel);
}

static void nothing_is_kept(void) {
    struct kept before;

    trace_or_skip();
    CHECK_CHILD_OK(run_all_change, NULL); /* what is made once is there */
    before = kept_now();
    CHECK_CHILD_OK(run_all_change, NULL);
    check_kept(&before);
}

/* ---- no memory ---- */

/* A whole stream begins: had tracepoints been left on, the snapshot would not come first. */
static void read_one_snapshot(void *path) {
    bool is_live = strcmp(path, TRACE) == 0;
    struct stream s;

    stream_open(&s, path, O_RDONLY);
    read_snapshot(&s, is_live ? TRACE_SNAPSHOT_REASON_START : TRACE_SNAPSHOT_REASON_ASKED);
    stream_close(&s);
}

/*
 * Whether the failure is still to come: the call needs no more allocations than those before it.
 * One that was met fails the call; or it could do without, if another processor has just given back
 * what was looked for.
 */
static bool is_over(bool succeeded, int error) {
    bool left = failure_is_left();

    fail_nth(0);
    CHECK(succeeded || !left);
    if (!succeeded)
        CHECK_EQ(error, ENOMEM);
    return left;
}

/* Opens with the n-th allocation failing. */
static bool open_at(const char *path, unsigned n, unsigned *failures) {
    bool over;
    int fd;

    fail_nth(n);
    fd = open(path, O_RDONLY);
    over = is_over(fd >= 0, errno);
    if (fd >= 0)
        close(fd);
    else
        (*failures)++;
    return over;
}

/* So many areas that a snapshot has to be told twice: there is too little room the first time. */
static void map_many_areas(void) {
    char *pages = map_pages(2 * AREAS);

    for (unsigned i = 0; i < AREAS; i++)
        CHECK_EQ(mprotect(pages + 2 * i * PAGE, PAGE, PROT_READ), 0);
}

/* Each allocation of an open fails in turn: nothing is left, and later opens work. */
static void open_at_each(char *path) {
    unsigned n = 1, failures = 0;
    struct kept before;

    CHECK_CHILD_OK(read_one_snapshot, path);
    before = kept_now();
    while (!open_at(path, n, &failures)) {
        check_kept(&before);
        if (n % READ_EACH == 0)
            CHECK_CHILD_OK(read_one_snapshot, path);
        CHECK(++n < FAIL_NTH_MAX);
    }
    CHECK(failures > READ_EACH);
    CHECK_CHILD_OK(read_one_snapshot, path);
    check_kept(&before);
}

static void no_memory_to_start(void) {
    trace_or_skip();
    may_fail_or_skip();
    setting_write(RING_KIB, "16");
    open_at_each(TRACE);
    map_many_areas();
    setting_write(RING_KIB, "1024");
    open_at_each(TRACE);
}

static void no_memory_for_a_snapshot(void) {
    trace_or_skip();
    may_fail_or_skip();
    open_at_each(SNAPSHOT);
}

/* Goes on to a mark: no snapshot comes before it, and nothing is missing. */
static void stream_goes_on_to(struct stream *s, const char *text) {
    const struct trace_record_mark *mark = (const void *)&s->record;

    do {
        CHECK(stream_next(s));
        CHECK(mark->header.event != TRACE_EVENT_SNAPSHOT_BEGIN);
        CHECK(mark->header.event != TRACE_EVENT_LOST);
    } while (mark->header.event != TRACE_EVENT_MARK || strcmp(mark->text, text) != 0);
}

/* Asks for a snapshot with the n-th allocation failing, and reads it if there is one. */
static bool snapshot_at(struct stream *s, int ask, unsigned n, unsigned *failures) {
    ssize_t done;
    bool over;

    fail_nth(n);
    done = write(ask, "now", 3);
    over = is_over(done == 3, errno);
    if (done == 3) {
        while (stream_next(s) && s->record.header.event != TRACE_EVENT_SNAPSHOT_BEGIN)
            ;
        stream_find(s, TRACE_EVENT_SNAPSHOT_END);
    } else {
        (*failures)++;
    }
    return over;
}

static void no_memory_in_mid_trace(void) {
    int ask = open(SNAPSHOT, O_WRONLY);
    unsigned n = 0, failures = 0;
    struct kept before;
    struct stream s;
    char text[16];
    bool over;

    trace_or_skip();
    may_fail_or_skip();
    map_many_areas();
    stream_open(&s, TRACE, O_RDONLY);
    read_snapshot(&s, TRACE_SNAPSHOT_REASON_START);
    before = kept_now();
    do {
        CHECK(++n < FAIL_NTH_MAX);
        over = snapshot_at(&s, ask, n, &failures);
        snprintf(text, sizeof text, "turn %u", n);
        trace_mark(text);
        stream_goes_on_to(&s, text);
        check_kept(&before);
    } while (!over);
    CHECK(failures > 0 && failures < n);
    stream_close(&s);
}

CHECK_MAIN({"one_reader_at_a_time", one_reader_at_a_time}, {"only_root", only_root},
           {"ends_with_its_reader", ends_with_its_reader}, {"waits_or_not", waits_or_not},
           {"begins_with_a_snapshot", begins_with_a_snapshot},
           {"snapshot_by_itself", snapshot_by_itself},
           {"a_page_comes_and_goes", a_page_comes_and_goes}, {"a_fork_is_told", a_fork_is_told},
           {"what_is_lost_is_counted", what_is_lost_is_counted},
           {"nothing_is_kept", nothing_is_kept}, {"no_memory_to_start", no_memory_to_start},
           {"no_memory_for_a_snapshot", no_memory_for_a_snapshot},
           {"no_memory_in_mid_trace", no_memory_in_mid_trace})
