/* SPDX-License-Identifier: MIT */
/*
 * mkelf DIRECTORY: write the hostile ELF files of hostile.h there, one per case, to be looked at
 * with readelf or executed by hand. Built by: cc -I. -o mkelf tests/elf/mkelf.c
 */
#include "tests/elf/hostile.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int file_write(const char *directory, const struct hostile *hostile) {
    static struct image image;
    char path[512];
    int fd;

    image_make(&image);
    hostile->spoil(&image);
    snprintf(path, sizeof path, "%s/%s", directory, hostile->name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);
    if (fd < 0 || write(fd, image.bytes, image.size) != (ssize_t)image.size) {
        perror(path);
        return 1;
    }
    return close(fd) != 0;
}

int main(int argc, char **argv) {
    int failed = 0;

    if (argc != 2) {
        fprintf(stderr, "usage: mkelf DIRECTORY\n");
        return 2;
    }
    for (size_t i = 0; i < HOSTILE_COUNT; i++)
        failed |= file_write(argv[1], &hostile_cases[i]);
    return failed;
}
