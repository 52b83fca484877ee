/* SPDX-License-Identifier: MIT */
/*
 * trespass read|write|jump: touches the kernel's memory, which no program may.
 *
 * The address is in the kernel's image: mapped in every page table, but not for user mode.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define KERNEL_ADDRESS 0xffffffff80100000

int main(int argc, char **argv) {
    volatile char *kernel = (volatile char *)(uintptr_t)KERNEL_ADDRESS;
    const char *how = argc > 1 ? argv[1] : "read";

    if (strcmp(how, "write") == 0)
        *kernel = 1;
    else if (strcmp(how, "jump") == 0)
        ((void (*)(void))(uintptr_t)KERNEL_ADDRESS)();
    else
        printf("the kernel's byte is %d\n", *kernel);
    printf("this line must never be printed\n");
    return 0;
}
