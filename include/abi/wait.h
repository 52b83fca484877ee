/* SPDX-License-Identifier: MIT */
/* Linux wait options and status words: wait4(2), waitid(2). */
#ifndef ABI_WAIT_H
#define ABI_WAIT_H

#define WNOHANG 0x00000001
#define WUNTRACED 0x00000002
#define WSTOPPED WUNTRACED
#define WEXITED 0x00000004
#define WCONTINUED 0x00000008
#define WNOWAIT 0x01000000
#define __WNOTHREAD 0x20000000
#define __WALL 0x40000000
#define __WCLONE 0x80000000

#define P_ALL 0
#define P_PID 1
#define P_PGID 2
#define P_PIDFD 3

/* Status words: low 7 bits the signal that killed (0x80: core dumped), or 0 and the exit code. */
#define WAIT_STATUS_EXITED(code) (((code)&0xff) << 8)
#define WAIT_STATUS_STOPPED(signo) (((signo) << 8) | 0x7f)
#define WAIT_STATUS_CONTINUED 0xffff

#endif
