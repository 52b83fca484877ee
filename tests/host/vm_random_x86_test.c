/* SPDX-License-Identifier: MIT */
/*
 * kernel/vm against the naive model, over the real pmap of x86-64 and a model of its MMU.
 */
#include "support/vm_random.h"

int main(int argc, char **argv) {
    return vm_random_main(argc, argv, "vm_random_x86");
}
