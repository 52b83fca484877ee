/* SPDX-License-Identifier: MIT */
/* Writes at address 0, where nothing is mapped: killed by SIGSEGV. */

int main(void) {
    volatile char *volatile nowhere = 0;

    *nowhere = 1;
    return 0;
}
