/* SPDX-License-Identifier: MIT */
/*
 * Private memory and shared code: two processes, the same addresses.
 *
 * After a fork both have the variable at the same address. Once one of them writes, there are two
 * frames behind it, and neither sees what the other writes. The code, which nobody can write, is
 * one frame for both.
 */
#include "user/lib/look.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int variable = 1;

static int child_life(int say, int listen) {
    char byte;

    variable = 2;
    printf("    child   writes %d at %p\n", variable, (void *)&variable);
    fflush(stdout);
    if (write(say, "", 1) != 1 || read(listen, &byte, 1) != 1)
        return 1;
    return variable;
}

static void compare(pid_t child) {
    const void *code = (const void *)(uintptr_t)child_life;
    uint64_t ours = look_frame(0, &variable), theirs = look_frame(child, &variable);
    uint64_t our_code = look_frame(0, code), their_code = look_frame(child, code);

    printf("    the variable:  parent in frame %#llx, child in frame %#llx\n",
           (unsigned long long)ours, (unsigned long long)theirs);
    printf("    the code:      parent in frame %#llx, child in frame %#llx\n",
           (unsigned long long)our_code, (unsigned long long)their_code);
    look_expect("one address, two frames for what was written", ours && theirs && ours != theirs);
    look_expect("one frame for the code of both", our_code && our_code == their_code);
}

int main(void) {
    int to_parent[2], to_child[2], status = 0;
    char byte;
    pid_t child;

    if (pipe(to_parent) || pipe(to_child))
        return 1;
    child = fork();
    if (child == 0)
        return child_life(to_parent[1], to_child[0]);
    if (read(to_parent[0], &byte, 1) != 1)
        return 1;
    printf("    parent  reads  %d at %p\n", variable, (void *)&variable);
    look_expect("the child's write is not seen by the parent", variable == 1);
    variable = 3;
    compare(child);
    if (write(to_child[1], "", 1) != 1)
        return 1;
    waitpid(child, &status, 0);
    look_expect("the parent's write is not seen by the child", WEXITSTATUS(status) == 2);
    return look_verdict();
}
