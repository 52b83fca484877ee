/* SPDX-License-Identifier: MIT */
/*
 * The random tests of kernel/vm, the same for each implementation of vm/pmap.h they are linked
 * with.
 */
#ifndef SUPPORT_VM_RANDOM_H
#define SUPPORT_VM_RANDOM_H

/* A test program's main. */
int vm_random_main(int argc, char **argv, const char *suite);

#endif
