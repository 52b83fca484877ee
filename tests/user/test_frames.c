/* SPDX-License-Identifier: MIT */
/*
 * Frames against a naive model: random forks, writes and exits in a family of processes.
 *
 * Row Q3: frames in use are exactly the distinct pages somebody can see. The model gives each
 * write of a page that others see too a new number and copies numbers at fork. After each batch
 * of steps, two pages of any two processes must lie in one frame exactly when their numbers are
 * equal, and hold what the model says. When all but the first process are gone, memory in use must
 * be what it was, by kind (Quire).
 *
 * Every process of the family takes commands from a pipe of its own and answers on a common one.
 * They ignore SIGCHLD, so that nobody has to wait for them. The seed is printed on a failure as
 * part of the message; another one can be given in the environment as SEED.
 */
#define CHECK_SECONDS 240
#include "facts.h"
#include "random.h"

#include <limits.h>
#include <sched.h>

#define SLOTS 12
#define NEAR_PAGES 24 /* side by side, in one table */
#define FAR_PAGES 8   /* each in a table of its own */
#define PAGES (NEAR_PAGES + FAR_PAGES)
#define FAR_BYTES (2UL << 20)

struct command {
    char what; /* 'w' write, 'k' kernel writes, 'c' contents, 'f' fork, 'x' exit */
    int page;
    int slot;
    uint64_t value;
};

struct contents {
    uint64_t value[PAGES];
};

/* The model: which process lives in a slot, and the number of each page it sees (0: untouched). */
struct model {
    pid_t pid[SLOTS];
    uint64_t number[SLOTS][PAGES];
    uint64_t next;
    uint64_t seed;
};

static int commands[SLOTS][2], answers[2], fill[2];
static char *region;

static uint64_t *page_at(int page) {
    size_t offset =
        page < NEAR_PAGES ? (size_t)page * PAGE_BYTES : (size_t)(page - NEAR_PAGES + 1) * FAR_BYTES;

    return (uint64_t *)(region + offset);
}

/* ---- a process of the family ---- */

static void answer(const void *bytes, size_t size) {
    CHECK_EQ(write(answers[1], bytes, size), size);
}

static void worker_contents(void) {
    struct contents contents;

    for (int page = 0; page < PAGES; page++)
        contents.value[page] = *(volatile uint64_t *)page_at(page);
    answer(&contents, sizeof contents);
}

static void worker_kernel_write(const struct command *command) {
    CHECK_EQ(write(fill[1], &command->value, 8), 8);
    CHECK_EQ(read(fill[0], page_at(command->page), 8), 8);
}

static void worker_fork(const struct command *command, int *slot) {
    pid_t pid = fork();

    CHECK(pid >= 0);
    if (pid == 0)
        *slot = command->slot;
    else
        answer(&pid, sizeof pid);
}

static _Noreturn void worker(int slot) {
    struct command command;
    char done = 1;

    for (;;) {
        CHECK_EQ(read(commands[slot][0], &command, sizeof command), sizeof command);
        switch (command.what) {
        case 'w':
            *(volatile uint64_t *)page_at(command.page) = command.value;
            answer(&done, 1);
            break;
        case 'k':
            worker_kernel_write(&command);
            answer(&done, 1);
            break;
        case 'c':
            worker_contents();
            break;
        case 'f':
            worker_fork(&command, &slot);
            break;
        default:
            _exit(0);
        }
    }
}

/* ---- the one who commands them ---- */

static void ask(int slot, struct command command, void *reply, size_t size) {
    CHECK_EQ(write(commands[slot][1], &command, sizeof command), sizeof command);
    if (size)
        CHECK_EQ(read(answers[0], reply, size), size);
}

static void family_start(struct model *model) {
    for (int slot = 0; slot < SLOTS; slot++)
        CHECK_EQ(pipe(commands[slot]), 0);
    CHECK_EQ(pipe(answers) | pipe(fill), 0);
    region = mmap(NULL, (FAR_PAGES + 2) * FAR_BYTES, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(region != MAP_FAILED);
    madvise(region, (FAR_PAGES + 2) * FAR_BYTES, MADV_NOHUGEPAGE);
    signal(SIGCHLD, SIG_IGN);
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* orphans are reaped here, whatever init does */
    model->pid[0] = fork();
    CHECK(model->pid[0] >= 0);
    if (model->pid[0] == 0)
        worker(0);
}

static int family_pick(struct model *model, struct random *random, bool living) {
    for (int tries = 0; tries < 100; tries++) {
        int slot = (int)random_below(random, SLOTS);
        if ((model->pid[slot] != 0) == living)
            return slot;
    }
    return -1;
}

/* Model and process both write: a number nobody has yet, and the page holds it. */
static void step_write(struct model *model, struct random *random, char how) {
    int slot = family_pick(model, random, true);
    int page = (int)random_below(random, PAGES);
    char done;

    model->number[slot][page] = ++model->next;
    ask(slot, (struct command){.what = how, .page = page, .value = model->next}, &done, 1);
}

static void step_fork(struct model *model, struct random *random) {
    int parent = family_pick(model, random, true);
    int child = family_pick(model, random, false);
    pid_t pid;

    if (child < 0)
        return;
    ask(parent, (struct command){.what = 'f', .slot = child}, &pid, sizeof pid);
    model->pid[child] = pid;
    memcpy(model->number[child], model->number[parent], sizeof model->number[child]);
}

static void family_exit(struct model *model, int slot) {
    ask(slot, (struct command){.what = 'x'}, NULL, 0);
    while (kill(model->pid[slot], 0) == 0)
        usleep(500);
    model->pid[slot] = 0;
}

static void step_exit(struct model *model, struct random *random) {
    int slot = family_pick(model, random, true);

    if (slot > 0)
        family_exit(model, slot);
}

static void step(struct model *model, struct random *random) {
    switch (random_below(random, 8)) {
    case 0:
    case 1:
        step_fork(model, random);
        break;
    case 2:
        step_exit(model, random);
        break;
    case 3:
        step_write(model, random, 'k');
        break;
    default:
        step_write(model, random, 'w');
    }
}

static void check_contents(struct model *model, int slot) {
    struct contents contents;

    ask(slot, (struct command){.what = 'c'}, &contents, sizeof contents);
    for (int page = 0; page < PAGES; page++)
        if (contents.value[page] != model->number[slot][page])
            CHECK_NOTE("seed %lu: slot %d page %d holds %lu, not %lu", model->seed, slot, page,
                       contents.value[page], model->number[slot][page]);
}

static void read_frames(pid_t pid, uint64_t frames[PAGES]) {
    for (int page = 0; page < PAGES; page++)
        frames[page] = frame_of_pid(pid, page_at(page));
}

static void check_pair(struct model *model, int slot_a, const uint64_t *a, int slot_b,
                       const uint64_t *b) {
    for (int page = 0; page < PAGES; page++) {
        bool same_number = model->number[slot_a][page] == model->number[slot_b][page];
        if ((a[page] == b[page]) != same_number)
            CHECK_NOTE("seed %lu: page %d of slots %d and %d: frames %lx %lx, numbers %lu %lu",
                       model->seed, page, slot_a, slot_b, a[page], b[page],
                       model->number[slot_a][page], model->number[slot_b][page]);
    }
}

static void check_family(struct model *model) {
    static uint64_t frames[SLOTS][PAGES];

    for (int slot = 0; slot < SLOTS; slot++) {
        if (!model->pid[slot])
            continue;
        check_contents(model, slot);
        read_frames(model->pid[slot], frames[slot]);
        for (int other = 0; other < slot; other++)
            if (model->pid[other])
                check_pair(model, other, frames[other], slot, frames[slot]);
    }
}

static void write_everything(struct model *model) {
    char done;

    for (int page = 0; page < PAGES; page++) {
        model->number[0][page] = ++model->next;
        ask(0, (struct command){.what = 'w', .page = page, .value = model->next}, &done, 1);
    }
}

static void family_shrink(struct model *model) {
    for (int slot = 1; slot < SLOTS; slot++)
        if (model->pid[slot])
            family_exit(model, slot);
}

static uint64_t seed_choose(uint64_t fallback) {
    const char *given = getenv("SEED");

    return given ? strtoull(given, NULL, 0) : fallback;
}

static void family_run(uint64_t seed, int steps, int check_every) {
    static struct model model;
    struct random random = {seed_choose(seed)};
    struct memory_use before = memory_use();

    frames_visible_or_skip();
    model.seed = random.state;
    family_start(&model);
    for (int i = 1; i <= steps; i++) {
        step(&model, &random);
        if (i % check_every == 0)
            check_family(&model);
        if (i % (steps / 4) != 0)
            continue;
        /* Alone again with every page written: twice the same state, so the same free frames. */
        family_shrink(&model);
        write_everything(&model);
        check_family(&model);
        if (i == steps && on_quire())
            CHECK_MEMORY_SAME(memory_use(), before);
        before = memory_use();
    }
    family_exit(&model, 0);
}

static void family_seed_1(void) {
    family_run(1, 400, 8);
}

static void family_seed_2(void) {
    family_run(2222, 400, 1);
}

static void family_seed_3(void) {
    family_run(333333, 1200, 50);
}

static void family_free_again(void) {
    struct memory_use before;

    frames_exact_or_skip();
    CHECK_CHILD_OK((void (*)(void *))family_seed_1, NULL);
    before = memory_use();
    CHECK_CHILD_OK((void (*)(void *))family_seed_1, NULL);
    CHECK_MEMORY_SAME(memory_use(), before);
}

CHECK_MAIN({"family_seed_1", family_seed_1}, {"family_seed_2", family_seed_2},
           {"family_seed_3", family_seed_3}, {"family_free_again", family_free_again})
