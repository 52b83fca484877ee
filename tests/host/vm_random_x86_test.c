/* SPDX-License-Identifier: MIT */
/*
 * kernel/vm against the naive model, over the real pmap of x86-64 and a model of its MMU: of three
 * processors, which do the operations in turn and keep what they have loaded and cached meanwhile.
 */
#include "support/kernel_model.h"
#include "support/vm_random.h"

int main(int argc, char **argv) {
    host_cpu_count = 3;
    return vm_random_main(argc, argv, "vm_random_x86");
}
