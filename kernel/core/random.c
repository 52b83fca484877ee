/* SPDX-License-Identifier: MIT */
/*
 * The random generator; core/random.h says how it works.
 */
#include "core/random.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "machine/cpu.h"
#include "machine/entropy.h"
#include "sync/spinlock.h"

#define KEY_WORDS 8
#define BLOCK_WORDS 16
#define BLOCK_BYTES 64
#define DOUBLE_ROUNDS 10

/* Blocks made under one hold of the lock; longer requests take it again. */
#define BATCH_BLOCKS 16

/* One block gives the next key and half a block of stock. */
#define STOCK_BLOCKS 4
#define STOCK_BYTES (STOCK_BLOCKS * BLOCK_BYTES - KEY_WORDS * 4)
#define SMALL_BYTES 32

static struct spinlock lock = SPINLOCK_INIT("random", LOCK_RANK_RANDOM);
static uint32_t key[KEY_WORDS]; /* (lock) */
static bool seeded;             /* (lock) */

/* Output made in advance for small requests, taken from the end and wiped as it goes. */
static uint8_t stock[STOCK_BYTES]; /* (lock) */
static size_t stock_left;          /* (lock) */

static uint32_t rotate(uint32_t x, unsigned n) {
    return x << n | x >> (32 - n);
}

static void quarter_round(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d) {
    *a += *b;
    *d = rotate(*d ^ *a, 16);
    *c += *d;
    *b = rotate(*b ^ *c, 12);
    *a += *b;
    *d = rotate(*d ^ *a, 8);
    *c += *d;
    *b = rotate(*b ^ *c, 7);
}

/* Block number `counter` of the key stream. */
static void make_block(uint32_t counter, uint32_t out[BLOCK_WORDS]) {
    uint32_t start[BLOCK_WORDS] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};

    memcpy(&start[4], key, sizeof(key));
    start[12] = counter;
    memcpy(out, start, sizeof(start));
    for (int i = 0; i < DOUBLE_ROUNDS; i++) {
        for (int column = 0; column < 4; column++)
            quarter_round(&out[column], &out[4 + column], &out[8 + column], &out[12 + column]);
        for (int first = 0; first < 4; first++)
            quarter_round(&out[first], &out[4 + (first + 1) % 4], &out[8 + (first + 2) % 4],
                          &out[12 + (first + 3) % 4]);
    }
    for (int i = 0; i < BLOCK_WORDS; i++)
        out[i] += start[i];
}

/* Mixes: each bit of the input reaches the whole key by the next block. */
static void stir_locked(const uint8_t *bytes, size_t size) {
    uint32_t block[BLOCK_WORDS];

    for (size_t i = 0; i < size; i++) {
        key[i / 4 % KEY_WORDS] ^= (uint32_t)bytes[i] << (i % 4 * 8);
        if (i % sizeof(key) == sizeof(key) - 1 || i == size - 1) {
            make_block(UINT32_MAX, block);
            memcpy(key, block, sizeof(key));
        }
    }
}

static void seed_locked(void) {
    uint64_t words[8];

    for (unsigned i = 0; i < ARRAY_SIZE(words); i += 2) {
        if (!entropy_read(&words[i]))
            words[i] = 0;
        words[i + 1] = rdtsc();
    }
    stir_locked((const uint8_t *)words, sizeof(words));
    seeded = true;
}

static void refill_stock_locked(void) {
    uint32_t block[BLOCK_WORDS];

    if (!seeded)
        seed_locked();
    for (uint32_t i = 1; i < STOCK_BLOCKS; i++) {
        make_block(i, block);
        memcpy(stock + (i - 1) * BLOCK_BYTES, block, sizeof(block));
    }
    make_block(0, block);
    memcpy(stock + (STOCK_BLOCKS - 1) * BLOCK_BYTES, block + KEY_WORDS,
           sizeof(block) - sizeof(key));
    memcpy(key, block, sizeof(key));
    stock_left = sizeof(stock);
}

static void fill_small(uint8_t *out, size_t size) {
    irq_flags_t flags = spin_lock_irq(&lock);

    if (stock_left < size)
        refill_stock_locked();
    stock_left -= size;
    memcpy(out, stock + stock_left, size);
    memset(stock + stock_left, 0, size);
    spin_unlock_irq(&lock, flags);
}

/* Up to a batch of bytes; the first half block of the stream becomes the next key. */
static void fill_batch(uint8_t *out, size_t size) {
    uint32_t first[BLOCK_WORDS], block[BLOCK_WORDS];
    irq_flags_t flags = spin_lock_irq(&lock);

    if (!seeded)
        seed_locked();
    make_block(0, first);
    for (uint32_t i = 1; size > 0; i++) {
        size_t n = MIN(size, (size_t)BLOCK_BYTES);
        make_block(i, block);
        memcpy(out, block, n);
        out += n;
        size -= n;
    }
    memcpy(key, first, sizeof(key));
    spin_unlock_irq(&lock, flags);
}

void random_bytes(void *buffer, size_t size) {
    uint8_t *out = buffer;

    if (size <= SMALL_BYTES) {
        fill_small(out, size);
        return;
    }
    while (size > 0) {
        size_t n = MIN(size, (size_t)BATCH_BLOCKS * BLOCK_BYTES);
        fill_batch(out, n);
        out += n;
        size -= n;
    }
}

uint64_t random_u64(void) {
    uint64_t value;

    random_bytes(&value, sizeof(value));
    return value;
}

void random_stir(const void *bytes, size_t size) {
    irq_flags_t flags = spin_lock_irq(&lock);

    if (!seeded)
        seed_locked();
    stir_locked(bytes, size);
    stock_left = 0;
    spin_unlock_irq(&lock, flags);
}
