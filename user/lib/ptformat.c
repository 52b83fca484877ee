/* SPDX-License-Identifier: MIT */
/*
 * Formats of page tables: those that are built in, reading a description. See ptformat.h.
 */
#include "user/lib/ptformat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const builtin[] = {
    /* The lecture's first machine: 2^10 bytes, pages of 2^8, one table of four entries. */
    "name toy\n"
    "address 10\n"
    "index 2\n"
    "entry 1\n"
    "present 3\n"
    "frame 2:0\n",

    /* The same machine with entries of 16 bits, as they would lie in its memory. */
    "name toy16\n"
    "address 16\n"
    "index 4 4\n"
    "entry 2 big\n"
    "frame 15:8\n"
    "present 7\n"
    "right write 6\n"
    "right user 5\n",

    "name x86-32\n"
    "address 32\n"
    "index 10 10\n"
    "entry 4\n"
    "present 0\n"
    "frame 31:12\n"
    "leaf 7 2\n"
    "right write 1\n"
    "right user 2\n"
    "flag accessed 5\n"
    "flag dirty 6\n"
    "flag global 8\n",

    "name x86-64\n"
    "address 48 signed\n"
    "index 9 9 9 9\n"
    "entry 8\n"
    "present 0\n"
    "frame 51:12\n"
    "leaf 7 2 3\n"
    "right write 1\n"
    "right user 2\n"
    "right exec !63\n"
    "flag accessed 5\n"
    "flag dirty 6\n"
    "flag global 8\n",

    "name sv39\n"
    "address 39 signed\n"
    "index 9 9 9\n"
    "entry 8\n"
    "present 0\n"
    "frame 53:10\n"
    "leaf 3:1 1 2 3\n"
    "right read 1 leaf\n"
    "right write 2 leaf\n"
    "right exec 3 leaf\n"
    "right user 4 leaf\n"
    "flag global 5\n"
    "flag accessed 6\n"
    "flag dirty 7\n",
};

#define BUILTINS (sizeof(builtin) / sizeof(builtin[0]))
#define NAME_LINE "name "

/* Whether a description's first line names it so. */
static bool is_named(const char *text, const char *name) {
    size_t length = strlen(name);

    text += strlen(NAME_LINE);
    return strncmp(text, name, length) == 0 && text[length] == '\n';
}

const char *pt_format_builtin(const char *name) {
    for (size_t i = 0; i < BUILTINS; i++) {
        if (is_named(builtin[i], name))
            return builtin[i];
    }
    return NULL;
}

const char *pt_format_builtin_name(size_t index) {
    static char name[PT_NAME_MAX];
    const char *text;
    size_t length;

    if (index >= BUILTINS)
        return NULL;
    text = builtin[index] + strlen(NAME_LINE);
    length = strcspn(text, "\n");
    memcpy(name, text, length);
    name[length] = '\0';
    return name;
}

/* ---- words ---- */

#define WORDS_MAX (PT_LEVELS_MAX + 1)

struct line {
    char *word[WORDS_MAX];
    unsigned words;
};

/* Splits at blanks; a comment ends it. False: too many words. */
static bool line_split(struct line *line, char *text) {
    char *rest = NULL;

    text[strcspn(text, "#")] = '\0';
    line->words = 0;
    for (char *word = strtok_r(text, " \t\r", &rest); word; word = strtok_r(NULL, " \t\r", &rest)) {
        if (line->words == WORDS_MAX)
            return false;
        line->word[line->words++] = word;
    }
    return true;
}

/* A decimal number up to max. */
static bool number_parse(const char *word, unsigned max, unsigned *number) {
    char *end;
    unsigned long value;

    errno = 0;
    value = strtoul(word, &end, 10);
    if (word[0] < '0' || word[0] > '9' || *end || errno || value > max)
        return false;
    *number = (unsigned)value;
    return true;
}

/* BIT, HIGH:LOW, with ! in front. */
static bool field_parse(char *word, struct pt_field *field) {
    char *low;
    unsigned high;

    field->inverted = word[0] == '!';
    word += field->inverted;
    low = strchr(word, ':');
    if (low)
        *low++ = '\0';
    if (!number_parse(word, 63, &high) || !number_parse(low ? low : word, high, &field->low))
        return false;
    field->bits = high - field->low + 1;
    return true;
}

static bool name_parse(char *to, const char *word) {
    if (strlen(word) >= PT_NAME_MAX)
        return false;
    strcpy(to, word);
    return true;
}

/* ---- lines; each returns what is wrong, or NULL ---- */

static const char *line_name(struct pt_format *format, struct line *line) {
    return line->words == 2 && name_parse(format->name, line->word[1])
               ? NULL
               : "name: one word of up to 15 letters";
}

static const char *line_address(struct pt_format *format, struct line *line) {
    format->is_signed = line->words == 3 && strcmp(line->word[2], "signed") == 0;
    if (line->words < 2 || line->words > 2u + format->is_signed ||
        !number_parse(line->word[1], 64, &format->address_bits) || format->address_bits == 0)
        return "address: 1 to 64 bits, and signed or nothing";
    return NULL;
}

static const char *line_index(struct pt_format *format, struct line *line) {
    format->levels = line->words - 1;
    for (unsigned i = 1; i < line->words; i++) {
        unsigned *bits = &format->index_bits[format->levels - i];

        if (!number_parse(line->word[i], 30, bits) || *bits == 0)
            return "index: 1 to 30 bits for each table, the top one first";
    }
    return format->levels ? NULL : "index: bits for each table, the top one first";
}

static const char *line_entry(struct pt_format *format, struct line *line) {
    format->is_big_endian = line->words == 3 && strcmp(line->word[2], "big") == 0;
    if (line->words < 2 || line->words > 2u + format->is_big_endian ||
        !number_parse(line->word[1], 8, &format->entry_bytes) || format->entry_bytes == 0)
        return "entry: 1 to 8 bytes, and big or nothing";
    return NULL;
}

static const char *line_present(struct pt_format *format, struct line *line) {
    return line->words == 2 && field_parse(line->word[1], &format->present)
               ? NULL
               : "present: a bit, or HIGH:LOW";
}

static const char *line_frame(struct pt_format *format, struct line *line) {
    return line->words == 2 && field_parse(line->word[1], &format->frame) && !format->frame.inverted
               ? NULL
               : "frame: HIGH:LOW";
}

static const char *line_leaf(struct pt_format *format, struct line *line) {
    format->leaf_levels = 0;
    if (line->words < 2 || !field_parse(line->word[1], &format->leaf))
        return "leaf: a bit, or HIGH:LOW, and the levels where it counts";
    for (unsigned i = 2; i < line->words; i++) {
        unsigned level;

        if (!number_parse(line->word[i], PT_LEVELS_MAX, &level) || level == 0)
            return "leaf: levels are numbers from 1, the lowest";
        format->leaf_levels |= 1u << (level - 1);
    }
    if (line->words == 2)
        format->leaf_levels = ~0u;
    return NULL;
}

/* NAME FIELD [leaf], one more of `list`. */
static const char *line_named(struct pt_named *list, unsigned *count, struct line *line) {
    struct pt_named *named = &list[*count];

    if (*count == PT_NAMED_MAX)
        return "too many rights or flags";
    named->leaf_only = line->words == 4 && strcmp(line->word[3], "leaf") == 0;
    if (line->words < 3 || line->words > 3u + named->leaf_only ||
        !name_parse(named->name, line->word[1]) || !field_parse(line->word[2], &named->field))
        return "a name, a bit or HIGH:LOW, and leaf or nothing";
    ++*count;
    return NULL;
}

static const char *line_right(struct pt_format *format, struct line *line) {
    return line_named(format->rights, &format->right_count, line);
}

static const char *line_flag(struct pt_format *format, struct line *line) {
    return line_named(format->flags, &format->flag_count, line);
}

static const char *line_read(struct pt_format *format, char *text) {
    static const struct {
        const char *word;
        const char *(*read)(struct pt_format *format, struct line *line);
    } kinds[] = {
        {"name", line_name},   {"address", line_address}, {"index", line_index},
        {"entry", line_entry}, {"present", line_present}, {"frame", line_frame},
        {"leaf", line_leaf},   {"right", line_right},     {"flag", line_flag},
    };
    struct line line;

    if (!line_split(&line, text))
        return "too many words";
    if (line.words == 0)
        return NULL;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].word, line.word[0]) == 0)
            return kinds[i].read(format, &line);
    }
    return "no line begins with such a word";
}

/* ---- the whole ---- */

static bool field_fits(const struct pt_format *format, struct pt_field field) {
    return field.low + field.bits <= format->entry_bytes * 8;
}

static bool fields_fit(const struct pt_format *format) {
    bool fit = field_fits(format, format->present) && field_fits(format, format->frame) &&
               field_fits(format, format->leaf);

    for (unsigned i = 0; i < format->right_count; i++)
        fit = fit && field_fits(format, format->rights[i].field);
    for (unsigned i = 0; i < format->flag_count; i++)
        fit = fit && field_fits(format, format->flags[i].field);
    return fit;
}

/* What is missing or does not go together; NULL: nothing. Sets what follows from the rest. */
static const char *format_finish(struct pt_format *format) {
    unsigned index_bits = 0;

    for (unsigned i = 0; i < format->levels; i++)
        index_bits += format->index_bits[i];
    if (!format->address_bits || !format->levels || !format->entry_bytes || !format->present.bits ||
        !format->frame.bits)
        return "it has to say address, index, entry, present and frame";
    if (index_bits >= format->address_bits)
        return "the indexes leave nothing of the address for an offset";
    format->offset_bits = format->address_bits - index_bits;
    if (!fields_fit(format))
        return "a field lies outside the entry";
    if (format->frame.bits + format->offset_bits > 64)
        return "frame and offset together are longer than 64 bits";
    return NULL;
}

unsigned pt_format_parse(struct pt_format *format, const char *text, const char **why) {
    char *copy = strdup(text);
    unsigned number = 0;

    *format = (struct pt_format){.name = "unnamed"};
    *why = copy ? NULL : "no memory";
    for (char *line = copy, *next; line && !*why; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        number++;
        *why = line_read(format, line);
    }
    free(copy);
    if (!*why)
        *why = format_finish(format);
    return *why ? number : 0;
}
