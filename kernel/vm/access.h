/* SPDX-License-Identifier: MIT */
/*
 * Rights and kinds of access, as the whole VM speaks of them.
 *
 * The three rights have the values of Linux's PROT_READ, PROT_WRITE and PROT_EXEC, so that a
 * number from mmap(2) needs no translation. What an access asks for and what an area grants are
 * words of the same three bits: an access is allowed when it asks for nothing the area lacks.
 */
#ifndef QUIRE_VM_ACCESS_H
#define QUIRE_VM_ACCESS_H

#define VM_READ 1u
#define VM_WRITE 2u
#define VM_EXEC 4u
#define VM_RIGHTS (VM_READ | VM_WRITE | VM_EXEC)

/* Only in an access: it came from user mode (the U bit of the fault's error code). */
#define VM_USER 8u

/*
 * Only in an access from outside (/proc/PID/mem): the area's own rights do not matter, but what
 * they may be widened to. What is written to a private area that forbids it, is written to a
 * private copy.
 */
#define VM_FORCE 64u

/* Only for pmap_enter: see vm/pmap.h. */
#define VM_SHARED 16u
#define VM_UNCACHED 32u

#endif
