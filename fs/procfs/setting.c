/* SPDX-License-Identifier: MIT */
/*
 * procfs: settings, such as those of /proc/sys: the line they show and what is understood.
 *
 * A line has the numbers in decimal, divided by tabs, or all words of a choice, the chosen one in
 * brackets. Written is the same without brackets; numbers may be octal (0...) or hexadecimal
 * (0x...), fewer numbers than the line has leave the others as they are, and what comes behind the
 * last one is not looked at (as proc_doulongvec_minmax of Linux has it, but that out of range is
 * EINVAL here for all, as with its int settings).
 */
#include "abi/errno.h"
#include "fs/procfs/procfs_private.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "vfs/access.h"

static uint64_t value_get(const struct procfs_setting *setting, size_t i) {
    return __atomic_load_n(&setting->values[i], __ATOMIC_RELAXED);
}

static void show_words(const struct procfs_setting *setting, struct seq *seq) {
    uint64_t chosen = value_get(setting, 0);

    for (uint64_t i = 0; i <= setting->max; i++)
        seq_printf(seq, i == chosen ? "%s[%s]" : "%s%s", i > 0 ? " " : "", setting->words[i]);
}

int procfs_setting_show(const struct procfs_setting *setting, struct seq *seq) {
    if (setting->words)
        show_words(setting, seq);
    else if (!setting->values)
        seq_printf(seq, "%lu", setting->min);
    for (size_t i = 0; i < setting->count && !setting->words; i++)
        seq_printf(seq, "%s%lu", i > 0 ? "\t" : "", value_get(setting, i));
    seq_string(seq, "\n");
    return 0;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n';
}

static unsigned digit_value(char c) {
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    c |= 'a' - 'A';
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : UINT32_MAX;
}

/* The base that a number's prefix tells; *text is moved behind the prefix. */
static unsigned take_base(const char **text) {
    if ((*text)[0] != '0')
        return 10;
    if (((*text)[1] | 0x20) == 'x' && digit_value((*text)[2]) < 16) {
        *text += 2;
        return 16;
    }
    return 8;
}

/* One number, ended by a blank or the end. False: it is none, or does not fit. */
static bool take_number(const char **text, uint64_t *number) {
    unsigned base = take_base(text);
    const char *start = *text;

    for (*number = 0; digit_value(**text) < base; ++*text) {
        if (__builtin_mul_overflow(*number, base, number) ||
            __builtin_add_overflow(*number, digit_value(**text), number))
            return false;
    }
    return *text > start && (!**text || is_blank(**text));
}

int procfs_number_parse(const char *text, uint64_t *number) {
    while (is_blank(*text))
        text++;
    if (!*text)
        return 0;
    if (text[0] == '0' && digit_value(text[1]) < 10) /* maybe octal, maybe copied from maps */
        return -EINVAL;
    if (!take_number(&text, number))
        return -EINVAL;
    while (is_blank(*text))
        text++;
    return *text ? -EINVAL : 1;
}

/* Reads numbers into values, which hold the present ones. 0, or -EINVAL: nonsense, none, range. */
static int take_numbers(const struct procfs_setting *setting, const char *text, uint64_t *values) {
    size_t i;

    for (i = 0; i < setting->count; i++) {
        while (is_blank(*text))
            text++;
        if (!*text)
            break;
        if (!take_number(&text, &values[i]) || values[i] < setting->min || values[i] > setting->max)
            return -EINVAL;
    }
    return i > 0 ? 0 : -EINVAL;
}

static int take_word(const struct procfs_setting *setting, const char *text, uint64_t *value) {
    for (*value = 0; *value <= setting->max; ++*value)
        if (strcmp(setting->words[*value], text) == 0)
            return 0;
    return -EINVAL;
}

int procfs_setting_write(const struct procfs_setting *setting, const char *text) {
    uint64_t values[PROCFS_SETTING_NUMBERS_MAX];
    int error;

    if (!vfs_is_root())
        return -EPERM;
    for (size_t i = 0; i < setting->count; i++)
        values[i] = value_get(setting, i);
    error = setting->words ? take_word(setting, text, values) : take_numbers(setting, text, values);
    if (error < 0)
        return error;
    if (setting->set)
        return setting->set(values);
    for (size_t i = 0; i < setting->count; i++)
        __atomic_store_n(&setting->values[i], values[i], __ATOMIC_RELAXED);
    return 0;
}
