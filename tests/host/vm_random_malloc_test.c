/* SPDX-License-Identifier: MIT */
/*
 * kernel/vm against the naive model, over the model pmap, with every small object from malloc.
 */
#include "support/vm_random.h"

int main(int argc, char **argv) {
    return vm_random_main(argc, argv, "vm_random_malloc");
}
