/* SPDX-License-Identifier: MIT */
/*
 * memfd_create(2), and the seals of fcntl(2). Compared with the host's headers by
 * tests/host/abi_ipc.c.
 */
#ifndef ABI_MEMFD_H
#define ABI_MEMFD_H

#define MFD_CLOEXEC 0x1u
#define MFD_ALLOW_SEALING 0x2u
#define MFD_HUGETLB 0x4u
#define MFD_HUGE_SHIFT 26
#define MFD_HUGE_MASK 0x3fu

#define F_SEAL_SEAL 0x1
#define F_SEAL_SHRINK 0x2
#define F_SEAL_GROW 0x4
#define F_SEAL_WRITE 0x8
#define F_SEAL_FUTURE_WRITE 0x10

#endif
