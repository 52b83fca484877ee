/* SPDX-License-Identifier: MIT */
/*
 * Compares the abi/ headers about processes, signals, time and programs with the host's kernel
 * headers. Compiling this file is the test; include/abi/README tells how it works.
 */
#include <stddef.h>

#include "abi/auxv.h"
#include "abi/capability.h"
#include "abi/elf.h"
#include "abi/errno.h"
#include "abi/futex.h"
#include "abi/prctl.h"
#include "abi/random.h"
#include "abi/reboot.h"
#include "abi/resource.h"
#include "abi/sched.h"
#include "abi/signal.h"
#include "abi/sysinfo.h"
#include "abi/time.h"
#include "abi/utsname.h"
#include "abi/wait.h"

/* clang-format off */
#define ERRNO_LIST(X) \
    X(EPERM) X(ENOENT) X(ESRCH) X(EINTR) X(EIO) X(ENXIO) X(E2BIG) X(ENOEXEC) X(EBADF) X(ECHILD) \
    X(EAGAIN) X(ENOMEM) X(EACCES) X(EFAULT) X(ENOTBLK) X(EBUSY) X(EEXIST) X(EXDEV) X(ENODEV) \
    X(ENOTDIR) X(EISDIR) X(EINVAL) X(ENFILE) X(EMFILE) X(ENOTTY) X(ETXTBSY) X(EFBIG) X(ENOSPC) \
    X(ESPIPE) X(EROFS) X(EMLINK) X(EPIPE) X(EDOM) X(ERANGE) X(EDEADLK) X(ENAMETOOLONG) X(ENOLCK) \
    X(ENOSYS) X(ENOTEMPTY) X(ELOOP) X(EWOULDBLOCK) X(ENOMSG) X(EIDRM) X(ECHRNG) X(EL2NSYNC) \
    X(EL3HLT) X(EL3RST) X(ELNRNG) X(EUNATCH) X(ENOCSI) X(EL2HLT) X(EBADE) X(EBADR) X(EXFULL) \
    X(ENOANO) X(EBADRQC) X(EBADSLT) X(EDEADLOCK) X(EBFONT) X(ENOSTR) X(ENODATA) X(ETIME) \
    X(ENOSR) X(ENONET) X(ENOPKG) X(EREMOTE) X(ENOLINK) X(EADV) X(ESRMNT) X(ECOMM) X(EPROTO) \
    X(EMULTIHOP) X(EDOTDOT) X(EBADMSG) X(EOVERFLOW) X(ENOTUNIQ) X(EBADFD) X(EREMCHG) X(ELIBACC) \
    X(ELIBBAD) X(ELIBSCN) X(ELIBMAX) X(ELIBEXEC) X(EILSEQ) X(ERESTART) X(ESTRPIPE) X(EUSERS) \
    X(ENOTSOCK) X(EDESTADDRREQ) X(EMSGSIZE) X(EPROTOTYPE) X(ENOPROTOOPT) X(EPROTONOSUPPORT) \
    X(ESOCKTNOSUPPORT) X(EOPNOTSUPP) X(EPFNOSUPPORT) X(EAFNOSUPPORT) X(EADDRINUSE) \
    X(EADDRNOTAVAIL) X(ENETDOWN) X(ENETUNREACH) X(ENETRESET) X(ECONNABORTED) X(ECONNRESET) \
    X(ENOBUFS) X(EISCONN) X(ENOTCONN) X(ESHUTDOWN) X(ETOOMANYREFS) X(ETIMEDOUT) X(ECONNREFUSED) \
    X(EHOSTDOWN) X(EHOSTUNREACH) X(EALREADY) X(EINPROGRESS) X(ESTALE) X(EUCLEAN) X(ENOTNAM) \
    X(ENAVAIL) X(EISNAM) X(EREMOTEIO) X(EDQUOT) X(ENOMEDIUM) X(EMEDIUMTYPE) X(ECANCELED) \
    X(ENOKEY) X(EKEYEXPIRED) X(EKEYREVOKED) X(EKEYREJECTED) X(EOWNERDEAD) X(ENOTRECOVERABLE) \
    X(ERFKILL) X(EHWPOISON)

#define SIGNAL_LIST(X) \
    X(SIGHUP) X(SIGINT) X(SIGQUIT) X(SIGILL) X(SIGTRAP) X(SIGABRT) X(SIGBUS) X(SIGFPE) \
    X(SIGKILL) X(SIGUSR1) X(SIGSEGV) X(SIGUSR2) X(SIGPIPE) X(SIGALRM) X(SIGTERM) X(SIGSTKFLT) \
    X(SIGCHLD) X(SIGCONT) X(SIGSTOP) X(SIGTSTP) X(SIGTTIN) X(SIGTTOU) X(SIGURG) X(SIGXCPU) \
    X(SIGXFSZ) X(SIGVTALRM) X(SIGPROF) X(SIGWINCH) X(SIGIO) X(SIGPWR) X(SIGSYS) X(SIGRTMIN) \
    X(SA_NOCLDSTOP) X(SA_NOCLDWAIT) X(SA_SIGINFO) X(SA_RESTORER) X(SA_ONSTACK) X(SA_RESTART) \
    X(SA_NODEFER) X(SA_RESETHAND) X(SIG_BLOCK) X(SIG_UNBLOCK) X(SIG_SETMASK) X(SS_ONSTACK) \
    X(SS_DISABLE) X(SS_AUTODISARM) X(MINSIGSTKSZ) X(SI_USER) X(SI_KERNEL) X(SI_QUEUE) \
    X(SI_TIMER) X(SI_TKILL) X(ILL_ILLOPN) X(ILL_PRVOPC) X(FPE_INTDIV) X(FPE_INTOVF) \
    X(FPE_FLTDIV) X(FPE_FLTOVF) X(FPE_FLTUND) X(FPE_FLTRES) X(FPE_FLTINV) X(SEGV_MAPERR) \
    X(SEGV_ACCERR) X(SEGV_BNDERR) X(BUS_ADRALN) X(BUS_ADRERR) X(TRAP_BRKPT) X(TRAP_TRACE) \
    X(TRAP_HWBKPT) X(CLD_EXITED) X(CLD_KILLED) X(CLD_DUMPED) X(CLD_STOPPED) X(CLD_CONTINUED) \
    X(UC_FP_XSTATE) X(UC_SIGCONTEXT_SS) X(UC_STRICT_RESTORE_SS) X(FP_XSTATE_MAGIC1) \
    X(FP_XSTATE_MAGIC2)

#define TIME_LIST(X) \
    X(CLOCK_REALTIME) X(CLOCK_MONOTONIC) X(CLOCK_PROCESS_CPUTIME_ID) X(CLOCK_THREAD_CPUTIME_ID) \
    X(CLOCK_MONOTONIC_RAW) X(CLOCK_REALTIME_COARSE) X(CLOCK_MONOTONIC_COARSE) X(CLOCK_BOOTTIME) \
    X(CLOCK_REALTIME_ALARM) X(CLOCK_BOOTTIME_ALARM) X(CLOCK_TAI) X(TIMER_ABSTIME) X(ITIMER_REAL) \
    X(ITIMER_VIRTUAL) X(ITIMER_PROF)

#define RESOURCE_LIST(X) \
    X(RLIMIT_CPU) X(RLIMIT_FSIZE) X(RLIMIT_DATA) X(RLIMIT_STACK) X(RLIMIT_CORE) X(RLIMIT_RSS) \
    X(RLIMIT_NPROC) X(RLIMIT_NOFILE) X(RLIMIT_MEMLOCK) X(RLIMIT_AS) X(RLIMIT_LOCKS) \
    X(RLIMIT_SIGPENDING) X(RLIMIT_MSGQUEUE) X(RLIMIT_NICE) X(RLIMIT_RTPRIO) X(RLIMIT_RTTIME) \
    X(RLIM64_INFINITY) X(RUSAGE_SELF) X(RUSAGE_CHILDREN) X(RUSAGE_THREAD) X(PRIO_PROCESS) \
    X(PRIO_PGRP) X(PRIO_USER)

#define WAIT_LIST(X) \
    X(WNOHANG) X(WUNTRACED) X(WEXITED) X(WCONTINUED) X(WNOWAIT) X(__WNOTHREAD) X(__WALL) \
    X(__WCLONE) X(P_ALL) X(P_PID) X(P_PGID)

#define SCHED_LIST(X) \
    X(CSIGNAL) X(CLONE_VM) X(CLONE_FS) X(CLONE_FILES) X(CLONE_SIGHAND) X(CLONE_PIDFD) \
    X(CLONE_PTRACE) X(CLONE_VFORK) X(CLONE_PARENT) X(CLONE_THREAD) X(CLONE_NEWNS) \
    X(CLONE_SYSVSEM) X(CLONE_SETTLS) X(CLONE_PARENT_SETTID) X(CLONE_CHILD_CLEARTID) \
    X(CLONE_DETACHED) X(CLONE_UNTRACED) X(CLONE_CHILD_SETTID) X(CLONE_NEWCGROUP) X(CLONE_NEWUTS) \
    X(CLONE_NEWIPC) X(CLONE_NEWUSER) X(CLONE_NEWPID) X(CLONE_NEWNET) X(CLONE_IO) \
    X(CLONE_CLEAR_SIGHAND) X(CLONE_INTO_CGROUP) X(CLONE_ARGS_SIZE_VER0) X(SCHED_NORMAL) \
    X(SCHED_FIFO) X(SCHED_RR) X(SCHED_BATCH) X(SCHED_IDLE) X(SCHED_DEADLINE) \
    X(SCHED_RESET_ON_FORK)

#define AUXV_LIST(X) \
    X(AT_NULL) X(AT_IGNORE) X(AT_EXECFD) X(AT_PHDR) X(AT_PHENT) X(AT_PHNUM) X(AT_PAGESZ) \
    X(AT_BASE) X(AT_FLAGS) X(AT_ENTRY) X(AT_NOTELF) X(AT_UID) X(AT_EUID) X(AT_GID) X(AT_EGID) \
    X(AT_PLATFORM) X(AT_HWCAP) X(AT_CLKTCK) X(AT_SECURE) X(AT_RANDOM) X(AT_HWCAP2) X(AT_EXECFN) \
    X(AT_SYSINFO_EHDR) X(AT_MINSIGSTKSZ)

#define ELF_LIST(X) \
    X(EI_CLASS) X(EI_DATA) X(EI_VERSION) X(EI_NIDENT) X(ELFCLASS64) X(ELFDATA2LSB) X(EV_CURRENT) \
    X(ET_EXEC) X(ET_DYN) X(EM_X86_64) X(PT_NULL) X(PT_LOAD) X(PT_DYNAMIC) X(PT_INTERP) \
    X(PT_NOTE) X(PT_PHDR) X(PT_TLS) X(PT_GNU_STACK) X(PF_X) X(PF_W) X(PF_R)

#define PRCTL_LIST(X) \
    X(PR_SET_PDEATHSIG) X(PR_GET_PDEATHSIG) X(PR_GET_DUMPABLE) X(PR_SET_DUMPABLE) \
    X(PR_GET_KEEPCAPS) X(PR_SET_KEEPCAPS) X(PR_GET_TIMING) X(PR_SET_TIMING) X(PR_SET_NAME) \
    X(PR_GET_NAME) X(PR_GET_SECCOMP) X(PR_CAPBSET_READ) X(PR_SET_TIMERSLACK) \
    X(PR_GET_TIMERSLACK) X(PR_SET_CHILD_SUBREAPER) X(PR_GET_CHILD_SUBREAPER) \
    X(PR_SET_NO_NEW_PRIVS) X(PR_GET_NO_NEW_PRIVS) X(PR_GET_TID_ADDRESS) X(ARCH_SET_GS) \
    X(ARCH_SET_FS) X(ARCH_GET_FS) X(ARCH_GET_GS)

#define FUTEX_LIST(X) \
    X(FUTEX_WAIT) X(FUTEX_WAKE) X(FUTEX_REQUEUE) X(FUTEX_CMP_REQUEUE) X(FUTEX_WAIT_BITSET) \
    X(FUTEX_WAKE_BITSET) X(FUTEX_PRIVATE_FLAG) X(FUTEX_CLOCK_REALTIME) X(FUTEX_BITSET_MATCH_ANY) \
    X(FUTEX_WAKE_OP) X(FUTEX_WAITERS) X(FUTEX_OWNER_DIED) X(FUTEX_TID_MASK) X(FUTEX_OP_SET) \
    X(FUTEX_OP_ADD) X(FUTEX_OP_OR) X(FUTEX_OP_ANDN) X(FUTEX_OP_XOR) X(FUTEX_OP_OPARG_SHIFT) \
    X(FUTEX_OP_CMP_EQ) X(FUTEX_OP_CMP_NE) X(FUTEX_OP_CMP_LT) X(FUTEX_OP_CMP_LE) \
    X(FUTEX_OP_CMP_GT) X(FUTEX_OP_CMP_GE)

#define REBOOT_LIST(X) \
    X(LINUX_REBOOT_MAGIC1) X(LINUX_REBOOT_MAGIC2) X(LINUX_REBOOT_MAGIC2A) \
    X(LINUX_REBOOT_MAGIC2B) X(LINUX_REBOOT_MAGIC2C) X(LINUX_REBOOT_CMD_RESTART) \
    X(LINUX_REBOOT_CMD_HALT) X(LINUX_REBOOT_CMD_CAD_ON) X(LINUX_REBOOT_CMD_CAD_OFF) \
    X(LINUX_REBOOT_CMD_POWER_OFF) X(LINUX_REBOOT_CMD_RESTART2)

#define RANDOM_LIST(X) \
    X(GRND_NONBLOCK) X(GRND_RANDOM) X(GRND_INSECURE)

#define CAPABILITY_LIST(X) \
    X(_LINUX_CAPABILITY_VERSION_1) X(_LINUX_CAPABILITY_VERSION_2) X(_LINUX_CAPABILITY_VERSION_3)

#define SYSINFO_LIST(X) \
    X(SI_LOAD_SHIFT)
/* clang-format on */

#define SAVE(name) quire_##name = (long)(name),
enum {
    ERRNO_LIST(SAVE) SIGNAL_LIST(SAVE) TIME_LIST(SAVE) RESOURCE_LIST(SAVE) WAIT_LIST(SAVE)
        SCHED_LIST(SAVE) AUXV_LIST(SAVE) ELF_LIST(SAVE) PRCTL_LIST(SAVE) FUTEX_LIST(SAVE)
            REBOOT_LIST(SAVE) RANDOM_LIST(SAVE) CAPABILITY_LIST(SAVE) SYSINFO_LIST(SAVE)
};

/* Types of these headers, not macros: glibc's own spelling of them comes too late to be compared.
 */
#include <asm/errno.h>
#include <asm/prctl.h>
#include <asm/signal.h>
#include <asm/siginfo.h>
#include <asm/sigcontext.h>
#include <asm/ucontext.h>
#include <linux/auxvec.h>
#include <linux/capability.h>
#include <linux/elf.h>
#include <linux/futex.h>
#include <linux/prctl.h>
#include <linux/random.h>
#include <linux/reboot.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <linux/sysinfo.h>
#include <linux/time.h>
#include <linux/times.h>
#include <linux/utsname.h>
#include <linux/wait.h>

#define SAME(name) _Static_assert((long)quire_##name == (long)(name), #name);
ERRNO_LIST(SAME)
SIGNAL_LIST(SAME)
TIME_LIST(SAME)
RESOURCE_LIST(SAME)
WAIT_LIST(SAME)
SCHED_LIST(SAME)
AUXV_LIST(SAME)
ELF_LIST(SAME)
PRCTL_LIST(SAME)
FUTEX_LIST(SAME)
REBOOT_LIST(SAME)
RANDOM_LIST(SAME)
CAPABILITY_LIST(SAME)
SYSINFO_LIST(SAME)

#define SAME_SIZE(ours, theirs) _Static_assert(sizeof(ours) == sizeof(theirs), #ours)
#define SAME_FIELD(ours, field, theirs, their_field)                                               \
    _Static_assert(offsetof(ours, field) == offsetof(theirs, their_field), #ours " " #field)

SAME_SIZE(
    struct linux_sigaction, struct { long part[4]; });
SAME_SIZE(struct linux_sigaltstack, stack_t);
SAME_FIELD(struct linux_sigaltstack, ss_size, stack_t, ss_size);
SAME_SIZE(struct linux_siginfo, struct siginfo);
SAME_FIELD(struct linux_siginfo, u.rt.uid, struct siginfo, si_uid);
SAME_FIELD(struct linux_siginfo, u.rt.value, struct siginfo, si_value);
SAME_FIELD(struct linux_siginfo, u.timer.value, struct siginfo, _sifields._timer._sigval);
SAME_FIELD(struct linux_siginfo, u.child.status, struct siginfo, si_status);
SAME_FIELD(struct linux_siginfo, u.child.utime, struct siginfo, si_utime);
SAME_FIELD(struct linux_siginfo, u.child.stime, struct siginfo, si_stime);
SAME_FIELD(struct linux_siginfo, u.fault.address, struct siginfo, si_addr);
SAME_FIELD(struct linux_siginfo, u.poll.fd, struct siginfo, si_fd);
SAME_SIZE(struct linux_sigcontext, struct sigcontext);
SAME_FIELD(struct linux_sigcontext, rip, struct sigcontext, rip);
SAME_FIELD(struct linux_sigcontext, ss, struct sigcontext, ss);
SAME_FIELD(struct linux_sigcontext, fpstate, struct sigcontext, fpstate);
SAME_SIZE(struct linux_ucontext, struct ucontext);
SAME_FIELD(struct linux_ucontext, uc_mcontext, struct ucontext, uc_mcontext);
SAME_FIELD(struct linux_ucontext, uc_sigmask, struct ucontext, uc_sigmask);
SAME_SIZE(struct linux_fpx_sw_bytes, struct _fpx_sw_bytes);
_Static_assert(FP_SW_BYTES_OFFSET == offsetof(struct _fpstate, sw_reserved), "sw_reserved");
SAME_SIZE(struct linux_timespec, struct timespec);
SAME_SIZE(struct linux_timeval, struct timeval);
SAME_SIZE(struct linux_timezone, struct timezone);
SAME_SIZE(struct linux_itimerval, struct itimerval);
SAME_SIZE(struct linux_tms, struct tms);
SAME_SIZE(struct linux_rlimit64, struct rlimit64);
SAME_SIZE(struct linux_rusage, struct rusage);
SAME_FIELD(struct linux_rusage, ru_nivcsw, struct rusage, ru_nivcsw);
SAME_SIZE(struct linux_clone_args, struct clone_args);
SAME_FIELD(struct linux_clone_args, set_tid, struct clone_args, set_tid);
SAME_SIZE(struct linux_elf64_ehdr, Elf64_Ehdr);
SAME_FIELD(struct linux_elf64_ehdr, e_phnum, Elf64_Ehdr, e_phnum);
SAME_SIZE(struct linux_elf64_phdr, Elf64_Phdr);
SAME_FIELD(struct linux_elf64_phdr, p_align, Elf64_Phdr, p_align);
SAME_SIZE(struct linux_utsname, struct new_utsname);
SAME_SIZE(struct linux_sysinfo, struct sysinfo);
SAME_FIELD(struct linux_sysinfo, procs, struct sysinfo, procs);
SAME_FIELD(struct linux_sysinfo, mem_unit, struct sysinfo, mem_unit);
SAME_SIZE(struct linux_cap_header, struct __user_cap_header_struct);
SAME_SIZE(struct linux_cap_data, struct __user_cap_data_struct);
