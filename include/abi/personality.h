/* SPDX-License-Identifier: MIT */
/* Flags of personality(2), above the number of the execution domain, which is 0 for Linux. */
#ifndef ABI_PERSONALITY_H
#define ABI_PERSONALITY_H

#define ADDR_NO_RANDOMIZE 0x0040000
#define MMAP_PAGE_ZERO 0x0100000
#define ADDR_COMPAT_LAYOUT 0x0200000
#define READ_IMPLIES_EXEC 0x0400000

/* What a set-user-id program does not take over from its caller. */
#define PER_CLEAR_ON_SETID                                                                         \
    (READ_IMPLIES_EXEC | ADDR_NO_RANDOMIZE | ADDR_COMPAT_LAYOUT | MMAP_PAGE_ZERO)

#endif
