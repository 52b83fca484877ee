/* SPDX-License-Identifier: MIT */
/*
 * What the fuzzing targets share. A target is one function, called with each input; all inputs of a
 * run are given to one process, so it leaves the world as it found it.
 *
 * Whatever a host test would call a failure crashes the target: libFuzzer keeps the input. PRINT=1
 * in the environment says what an input does.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* libFuzzer's names. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

/* Whether PRINT is set. */
bool fuzz_prints(void);

/* If the arguments are `--seeds FOLDER`: calls make with the folder, and ends the process. */
void fuzz_seeds(int argc, char **argv, void (*make)(const char *folder));

/* Writes one seed. */
void fuzz_seed_write(const char *folder, const char *name, const void *bytes, size_t size);

#endif
