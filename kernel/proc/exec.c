/* SPDX-License-Identifier: MIT */
/*
 * execve: another program for this process; see exec.h.
 *
 * Decode, then perform. Everything that can fail is done beside the running program: open the file,
 * follow scripts to their interpreters, copy the strings, decode the headers, build the new space
 * with its stack. A failure up to there leaves no trace. Then the other tasks of the process end
 * (task_stay_alone), and the caller becomes the leader: the point of no return. Only then comes
 * commit(), which cannot fail.
 *
 * What the process keeps: ids and personality (but for set-uid files), open files without
 * close-on-exec, ignored signals, mask, pending signals, timers, limits, directories, parent,
 * group. What it loses: the space, handlers, alternate stack, robust list.
 */
#include "proc/exec.h"

#include "abi/auxv.h"
#include "abi/errno.h"
#include "abi/personality.h"
#include "abi/stat.h"
#include "abi/time.h"
#include "core/assert.h"
#include "core/context.h"
#include "core/debugger.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "machine/cpu.h"
#include "machine/trapframe.h"
#include "mm/slab.h"
#include "proc/elf.h"
#include "proc/exec_args.h"
#include "proc/exec_script.h"
#include "proc/exit.h"
#include "proc/futex.h"
#include "proc/layout.h"
#include "proc/signal_core.h"
#include "proc/tree.h"
#include "proc/unshare.h"
#include "proc/usage.h"
#include "vfs/fdtable.h"
#include "vfs/file.h"
#include "vfs/lookup.h"
#include "vfs/mount.h"
#include "vm/map.h"
#include "vm/space.h"

#define HEAD_BYTES 640
#define SCRIPTS_MAX 5                    /* nested; one more is -ELOOP, as on Linux */
#define STACK_EXTRA_BYTES (128ull << 10) /* mapped below the strings from the start */

/* All that a call needs on its way; too big for the stack. One object of a cache: a page. */
struct exec {
    struct file *file;        /* the program, at the end of all scripts */
    struct file *interpreter; /* PT_INTERP's; NULL: none */
    size_t head_size;
    struct exec_args args;
    struct exec_stack stack;
    struct vm_space *space;
    uint64_t bias, interpreter_bias;
    struct layout layout;
    uint32_t persona;               /* personality(2) of the new program */
    struct credentials credentials; /* of the new program; groups: the process's own */
    bool sets_ids;                  /* the file does */
    bool is_secure;                 /* ids differ: AT_SECURE */
    const char *shown;              /* what the caller called the program */
    struct script *scripts;         /* the innermost last; NULL: there is none */
    unsigned script_count;
    /* From here on not cleared at the start. */
    char head[HEAD_BYTES];
    struct elf_image image, interpreter_image;
};

STATIC_ASSERT(sizeof(struct exec) <= SLAB_SIZE_MAX);

static struct slab_cache exec_cache;

/* ---- opening ---- */

static int read_head(struct exec *e) {
    long got = file_read_kernel(e->file, 0, e->head, sizeof(e->head));

    if (got < 0)
        return (int)got;
    e->head_size = (size_t)got;
    return 0;
}

static int open_one(struct exec *e, struct name *at, const char *path, unsigned flags) {
    int error = vfs_open_exec(at, path, flags, &e->file);

    return error ? error : read_head(e);
}

/* From a script, which is open, to its interpreter. */
static int follow_script(struct exec *e) {
    struct script *script;
    int error;

    if (e->script_count == SCRIPTS_MAX)
        return -ELOOP;
    if (!e->scripts)
        e->scripts = kmalloc(SCRIPTS_MAX * sizeof(*script));
    if (!e->scripts)
        return -ENOMEM;
    script = &e->scripts[e->script_count];
    error = script_parse(e->head, e->head_size, script);
    if (error)
        return error;
    e->script_count++;
    file_unref(e->file);
    e->file = NULL;
    return open_one(e, NULL, script->interpreter, LOOKUP_FOLLOW);
}

/* The file that is run in the end: follows scripts to their interpreters. */
static int open_program(struct exec *e, struct name *at, const char *path, unsigned flags) {
    int error = open_one(e, at, path, flags);

    while (error == 0 && script_is(e->head, e->head_size))
        error = follow_script(e);
    return error;
}

static int open_interpreter(struct exec *e) {
    size_t size = 0;
    int error;

    if (e->image.interpreter[0] == '\0')
        return 0;
    error = vfs_open_exec(NULL, e->image.interpreter, LOOKUP_FOLLOW, &e->interpreter);
    if (error)
        return error;
    /* The head has served: the program is decoded. */
    long got = file_read_kernel(e->interpreter, 0, e->head, sizeof(e->head));

    if (got > 0)
        size = (size_t)got;
    error = elf_decode(e->interpreter, e->head, size, &e->interpreter_image);
    return error == -ENOEXEC ? -ELIBBAD : error;
}

/* ---- strings ---- */

/*
 * What scripts put in the place of argv[0], the innermost interpreter first: interpreter, its
 * argument, and so on out to the script's own name.
 */
static int add_script_args(struct exec *e) {
    int error = 0;

    for (unsigned i = e->script_count; i-- > 0 && error == 0;) {
        error = exec_args_add(&e->args, e->scripts[i].interpreter);
        e->args.argc++;
        if (error == 0 && e->scripts[i].argument[0] != '\0') {
            error = exec_args_add(&e->args, e->scripts[i].argument);
            e->args.argc++;
        }
    }
    if (error == 0 && e->script_count > 0) {
        error = exec_args_add(&e->args, e->shown);
        e->args.argc++;
    }
    return error;
}

/* The end of the strings: the program's name. */
static int add_name(struct exec *e) {
    e->args.name_offset = e->args.strings.bytes;
    return exec_args_add(&e->args, e->shown);
}

static int copy_user_strings(struct exec *e, const struct exec_request *request) {
    int error = add_script_args(e);

    if (error == 0)
        error = exec_args_add_user(&e->args, request->argv, e->script_count > 0, &e->args.argc);
    /* A program may rely on argv[0]. */
    if (error == 0 && e->args.argc == 0) {
        error = exec_args_add(&e->args, "");
        e->args.argc = 1;
    }
    e->args.env_offset = e->args.strings.bytes;
    if (error == 0)
        error = exec_args_add_user(&e->args, request->envp, 0, &e->args.envc);
    return error ? error : add_name(e);
}

static int copy_kernel_strings(struct exec *e, const char *const argv[], const char *const envp[]) {
    int error = add_script_args(e);

    for (size_t i = e->script_count > 0; argv[i] && error == 0; i++) {
        error = exec_args_add(&e->args, argv[i]);
        e->args.argc++;
    }
    e->args.env_offset = e->args.strings.bytes;
    for (size_t i = 0; envp[i] && error == 0; i++) {
        error = exec_args_add(&e->args, envp[i]);
        e->args.envc++;
    }
    return error ? error : add_name(e);
}

/* ---- ids ---- */

/* Whether another process has the same directories; the caller's siblings are about to end. */
static bool shares_dirs(struct process *process) {
    const struct vfs_dirs *dirs = vfs_context_current()->dirs;
    irq_flags_t flags;
    bool shares;

    if (refcount_get(&dirs->refs) == 1)
        return false;
    flags = spin_lock_irq(&process_tree_lock);
    shares = process_others_have_dirs_locked(process, dirs);
    spin_unlock_irq(&process_tree_lock, flags);
    return shares;
}

/* Not if the process or the mount forbids it, nor where others could move the program about. */
static bool may_set_ids(const struct exec *e) {
    struct process *process = process_current();
    const struct mount *mount = e->file->name->mount;

    return !process->no_new_privs && !(mount && (mount->flags & MOUNT_NO_SUID)) &&
           !shares_dirs(process);
}

/* Mode and owner are those of one moment: chown(2) takes the bits away before it gives the file. */
static void take_ids_of_file(struct exec *e) {
    struct vnode *vnode = e->file->vnode;
    bool sets_user, sets_group;

    mutex_lock(&vnode->lock);
    sets_user = vnode->mode & S_ISUID;
    sets_group = (vnode->mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP);
    if (sets_user)
        e->credentials.euid = vnode->uid;
    if (sets_group)
        e->credentials.egid = vnode->gid;
    mutex_unlock(&vnode->lock);
    e->sets_ids = sets_user || sets_group;
}

/* What set-uid and set-gid files do. */
static void find_credentials(struct exec *e) {
    struct credentials *ids = &e->credentials;

    *ids = *credentials_current();
    e->persona = process_current()->personality & ~(uint32_t)READ_IMPLIES_EXEC;
    if ((e->file->vnode->mode & (S_ISUID | S_ISGID)) && may_set_ids(e))
        take_ids_of_file(e);
    if (e->sets_ids)
        e->persona &= ~(uint32_t)PER_CLEAR_ON_SETID;
    ids->suid = ids->fsuid = ids->euid;
    ids->sgid = ids->fsgid = ids->egid;
    e->is_secure = ids->euid != ids->uid || ids->egid != ids->gid;
}

/* ---- the new space ---- */

/* Finds room for the interpreter, among the mappings. */
static int place_interpreter(struct exec *e) {
    const struct elf_image *image = &e->interpreter_image;
    struct vm_map_request request = {.length = elf_span(image) + image->align - PAGE_SIZE};
    uint64_t address;
    int error;

    if (image->is_fixed)
        return 0;
    error = vm_map(e->space, &request, &address);
    if (error == 0)
        error = vm_unmap(e->space, address, request.length);
    e->interpreter_bias = align_up(address, image->align) - image->segments[0].start;
    return error;
}

static int map_programs(struct exec *e) {
    const struct elf_image *image = &e->image;
    const struct elf_segment *last = &image->segments[image->segment_count - 1];
    int error;

    e->bias = 0;
    if (!image->is_fixed)
        e->bias = align_down(e->layout.program_base, image->align) -
                  align_down(image->segments[0].start, image->align);
    error = elf_map(e->space, e->file, image, e->bias);
    if (error)
        return error;
    vm_space_set_brk_start(e->space,
                           align_up(last->memory_end + e->bias, PAGE_SIZE) + e->layout.heap_skip);
    vm_space_set_data_segment(e->space, last->file_end - MIN(image->last_first, last->file_end));
    if (!e->interpreter)
        return 0;
    error = place_interpreter(e);
    if (error)
        return error;
    return elf_map(e->space, e->interpreter, &e->interpreter_image, e->interpreter_bias);
}

/* Returns the place of the value, for those that are known later. */
static uint64_t *add_auxv(struct exec_stack *stack, uint64_t type, uint64_t value) {
    uint64_t *entry = &stack->auxv[stack->auxv_count];

    DEBUG_ASSERT(stack->auxv_count + 2 <= ARRAY_SIZE(stack->auxv));
    entry[0] = type;
    entry[1] = value;
    stack->auxv_count += 2;
    return &entry[1];
}

static void fill_auxv(struct exec *e) {
    struct exec_stack *stack = &e->stack;
    uint64_t headers = e->image.headers;

    add_auxv(stack, AT_HWCAP, cpu_hwcap());
    add_auxv(stack, AT_PAGESZ, PAGE_SIZE);
    add_auxv(stack, AT_CLKTCK, USER_HZ);
    add_auxv(stack, AT_PHDR, headers != 0 ? headers + e->bias : 0);
    add_auxv(stack, AT_PHENT, 56);
    add_auxv(stack, AT_PHNUM, e->image.header_count);
    add_auxv(stack, AT_BASE,
             e->interpreter ? e->interpreter_image.segments[0].start + e->interpreter_bias : 0);
    add_auxv(stack, AT_FLAGS, 0);
    add_auxv(stack, AT_ENTRY, e->image.entry + e->bias);
    add_auxv(stack, AT_UID, e->credentials.uid);
    add_auxv(stack, AT_EUID, e->credentials.euid);
    add_auxv(stack, AT_GID, e->credentials.gid);
    add_auxv(stack, AT_EGID, e->credentials.egid);
    add_auxv(stack, AT_SECURE, e->is_secure);
    stack->random = add_auxv(stack, AT_RANDOM, 0);
    add_auxv(stack, AT_HWCAP2, 0);
    stack->execfn = add_auxv(stack, AT_EXECFN, 0);
    stack->platform = add_auxv(stack, AT_PLATFORM, 0);
    add_auxv(stack, AT_MINSIGSTKSZ, MINSIGSTKSZ + fpu_state_size());
    add_auxv(stack, AT_NULL, 0);
}

static int map_stack(struct exec *e, uint64_t limit) {
    uint64_t top = e->layout.stack_top;
    uint64_t bytes = exec_stack_bytes(&e->args, &e->stack) + e->layout.stack_skip;
    uint64_t extra = MIN(STACK_EXTRA_BYTES, limit);
    uint64_t low = align_down(top - bytes - extra, PAGE_SIZE);
    struct vm_map_request request = {
        .address = low,
        .length = top - low,
        .prot = VM_READ | VM_WRITE | (e->image.has_exec_stack ? VM_EXEC : 0),
        .flags = VM_MAP_NOREPLACE | VM_MAP_GROWS_DOWN | VM_MAP_STACK,
    };
    uint64_t address;

    return vm_map(e->space, &request, &address);
}

static int build_space(struct exec *e) {
    struct vm_limits limits = limit_of_space(process_current(), &e->credentials);
    int error;

    e->space = vm_space_create();
    if (!e->space)
        return -ENOMEM;
    vm_space_set_limits(e->space, &limits);
    layout_choose(&e->layout, e->persona, limits.stack_bytes);
    if (e->layout.is_upwards)
        vm_space_set_mmap_range(e->space, e->layout.stack_top, e->layout.mmap_base);
    else
        vm_space_set_mmap_range(e->space, e->layout.mmap_base, 0);
    error = map_programs(e);
    if (error == 0) {
        fill_auxv(e);
        error = map_stack(e, limits.stack_bytes);
    }
    if (error == 0)
        error = exec_stack_write(e->space, e->layout.stack_top - e->layout.stack_skip, &e->args,
                                 &e->stack);
    return error;
}

/* ---- commit: from here on nothing fails ---- */

static void reset_signals(struct task *task) {
    struct process *process = task->thread.process;
    irq_flags_t flags = spin_lock_irq(&process->signal_lock);

    for (uint64_t set = process->set_actions; set != 0; set &= set - 1) {
        struct linux_sigaction *action = &process->actions[__builtin_ctzll(set)];

        if (action->handler == SIG_IGN)
            action->flags = action->mask = 0;
        else
            process->set_actions &= ~(set & -set);
    }
    spin_unlock_irq(&process->signal_lock, flags);
    task->altstack = (struct linux_sigaltstack){.ss_flags = SS_DISABLE};
    task->restart = NULL;
}

static void set_image(struct exec *e, struct process *process) {
    struct process_image *image = &process->image;
    const struct elf_image *elf = &e->image;

    memset(image, 0, sizeof(*image));
    for (unsigned i = 0; i < elf->segment_count; i++) {
        const struct elf_segment *segment = &elf->segments[i];

        if (segment->prot & VM_EXEC) {
            image->code_start = segment->start + e->bias;
            image->code_end = segment->file_end + e->bias;
        } else if (segment->prot & VM_WRITE) {
            image->data_start = segment->start + e->bias;
            image->data_end = segment->file_end + e->bias;
        }
    }
    if (image->data_start != 0)
        image->data_start = MAX(image->data_start, elf->last_first + e->bias);
    image->entry = elf->entry + e->bias;
    image->stack_start = e->stack.rsp;
    image->args_start = e->stack.args_start;
    image->args_end = image->env_start = e->stack.env_start;
    image->env_end = e->stack.env_end;
    memcpy(image->auxv, e->stack.auxv, sizeof(image->auxv));
}

static void set_name(const char *path) {
    const char *slash = strrchr(path, '/');

    process_set_name(slash ? slash + 1 : path);
}

/* What was arranged with children is not for the new program, which may have other rights. */
static void reset_exit_signals_locked(struct process *process) {
    struct process *child;

    LIST_FOR_EACH (&process->children, child, sibling_node) {
        if (child->exit_signal != 0)
            child->exit_signal = SIGCHLD;
    }
}

/* The file and what hangs on it, where others look. Returns the old file. */
static struct file *replace_file(struct exec *e, struct process *process) {
    struct file *old = process->exe;
    irq_flags_t flags = spin_lock_irq(&process_tree_lock);

    process->exe = e->file;
    e->file = NULL;
    process->has_execed = true;
    process->exit_signal = SIGCHLD;
    reset_exit_signals_locked(process);
    spin_unlock_irq(&process_tree_lock, flags);
    return old;
}

static void set_registers(struct exec *e, struct thread *thread) {
    uint64_t entry = e->image.entry + e->bias;
    irq_flags_t flags;

    if (e->interpreter)
        entry = e->interpreter_image.entry + e->interpreter_bias;
    trapframe_init_user(thread->trapframe, entry, e->stack.rsp);
    flags = irq_save();
    thread->fs_base = thread->gs_base = 0;
    context_set_user_bases(0, 0);
    fpu_reset();
    irq_restore(flags);
}

static void commit(struct exec *e) {
    struct task *task = task_current();
    struct process *process = task->thread.process;
    struct file *old;

    futex_task_exits(task);
    reset_signals(task);
    old = replace_file(e, process);
    /* Before the space is there, so that nobody looks into it with the old rights. */
    process->vfs.credentials = e->credentials;
    process->dumpable = !e->is_secure;
    process->personality = e->persona;
    if (e->is_secure)
        process->parent_death_signal = 0;
    set_image(e, process);
    process_replace_space(e->space, e->shown);
    e->space = NULL;
    fdtable_close_on_exec(process->vfs.files);
    set_name(e->shown);
    set_registers(e, &task->thread);
    if (old)
        file_unref(old);
    debugger_program_begins();
}

/* ---- the whole ---- */

void process_exec_init(void) {
    slab_cache_init(&exec_cache, "exec", sizeof(struct exec), 0);
}

static struct exec *exec_create(const char *shown) {
    struct exec *e = slab_alloc(&exec_cache);

    if (e) {
        memset(e, 0, offsetof(struct exec, head));
        e->shown = shown;
        exec_args_init(&e->args, process_current()->rlimits[RLIMIT_STACK].rlim_cur);
    }
    return e;
}

static void exec_destroy(struct exec *e) {
    exec_args_release(&e->args);
    if (e->space)
        vm_space_unref(e->space);
    if (e->file)
        file_unref(e->file);
    if (e->interpreter)
        file_unref(e->interpreter);
    kfree(e->scripts);
    slab_free(&exec_cache, e);
}

/*
 * Ends the siblings and leaves the descriptors to whoever shares them. Where there were siblings, a
 * failure comes too late to go on as if nothing had happened: the process is killed. One of them
 * may have made a process that shares the directories, after it was seen that there is none.
 */
static int stay_alone(const struct exec *e) {
    struct process *process = process_current();
    bool is_late = process->task_count > 1;
    int error = task_stay_alone();
    irq_flags_t flags;

    if (error)
        return error;
    error = task_unshare_files();
    if (error == 0 && e->sets_ids && shares_dirs(process))
        error = -EPERM;
    if (error && is_late) {
        flags = spin_lock_irq(&process->signal_lock);
        signal_exit_all_locked(process, SIGKILL);
        spin_unlock_irq(&process->signal_lock, flags);
    }
    return error;
}

/* After opening and copying the strings. */
static int finish(struct exec *e) {
    int error = elf_decode(e->file, e->head, e->head_size, &e->image);

    if (error == 0)
        error = open_interpreter(e);
    if (error)
        return error;
    find_credentials(e);
    error = build_space(e);
    if (error == 0)
        error = stay_alone(e);
    if (error == 0)
        commit(e);
    return error;
}

int process_exec(const struct exec_request *request) {
    struct exec *e = exec_create(request->shown ? request->shown : request->path);
    int error;

    if (!e)
        return -ENOMEM;
    error = open_program(e, request->at, request->path, request->lookup_flags);
    if (error == 0)
        error = copy_user_strings(e, request);
    if (error == 0)
        error = finish(e);
    exec_destroy(e);
    return error;
}

int process_exec_kernel(const char *path, const char *const argv[], const char *const envp[]) {
    struct exec *e = exec_create(path);
    int error;

    if (!e)
        return -ENOMEM;
    error = open_program(e, NULL, path, LOOKUP_FOLLOW);
    if (error == 0)
        error = copy_kernel_strings(e, argv, envp);
    if (error == 0)
        error = finish(e);
    exec_destroy(e);
    return error;
}
