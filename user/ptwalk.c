/* SPDX-License-Identifier: MIT */
/*
 * ptwalk: translates addresses by page tables of any format, showing every step.
 *
 * Formats are built in or described in a few lines (user/lib/ptformat.h); memory is given as bytes.
 * With --pid the tables are those of a live process: what /proc/PID/pagemap tells, and on a debug
 * kernel, as root, the tables themselves (/proc/PID/pagetable says where, /dev/mem shows them).
 * The same program runs on Linux.
 *
 * Exit status: 0 all addresses were translated, 1 some were not, 2 wrong usage or input.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/lib/ptformat.h"
#include "user/lib/ptmemory.h"

#define EXIT_USAGE 2
#define FORMAT_TEXT_MAX 16384

static const char usage[] =
    "usage: ptwalk --format FORMAT --root ADDRESS [--memory FILE[@ADDRESS]] [--hex FILE] "
    "ADDRESS...\n"
    "       ptwalk --pid PID ADDRESS...\n"
    "       ptwalk --format FORMAT --sizes | --describe\n"
    "       ptwalk --list\n"
    "\n"
    "Translates addresses by page tables, showing every step.\n"
    "\n"
    "  -f, --format FORMAT   toy, toy16, x86-32, x86-64, sv39, or a file that describes one\n"
    "  -r, --root ADDRESS    physical address of the top table\n"
    "  -m, --memory FILE[@ADDRESS]\n"
    "                        bytes of physical memory, from ADDRESS (0) on; repeatable\n"
    "  -x, --hex FILE        the same as text, `0x20: f4 a5`; - is standard input\n"
    "  -a, --access RIGHTS   rights that are asked for, like write,user\n"
    "  -p, --pid PID         the tables of a process; the format is the machine's\n"
    "      --sizes           how large tables are, for one page and for all of them\n"
    "      --describe        print the format's description\n"
    "  -l, --list            the formats that are built in\n"
    "  -h, --help            this\n"
    "\n"
    "Numbers are decimal, or hexadecimal with 0x, or binary with 0b (underscores are skipped).\n"
    "Exit status: 0 all were translated, 1 some were not, 2 wrong usage or input.\n";

static _Noreturn void fail(const char *what, const char *why) {
    fprintf(stderr, "ptwalk: %s: %s\n", what, why);
    exit(EXIT_USAGE);
}

/* 123, 0x7b, 0b0111_1011. */
static uint64_t number_parse(const char *text) {
    char digits[80];
    size_t length = 0;
    int base = 10;
    char *end;
    uint64_t value;

    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'b')) {
        base = text[1] == 'x' ? 16 : 2;
        text += 2;
    }
    for (const char *at = text; *at && length < sizeof(digits) - 1; at++) {
        if (*at != '_')
            digits[length++] = *at;
    }
    digits[length] = '\0';
    errno = 0;
    value = strtoull(digits, &end, base);
    if (length == 0 || digits[0] == '-' || digits[0] == '+' || *end || errno)
        fail(text, "not a number");
    return value;
}

/* ---- formats ---- */

static char format_text[FORMAT_TEXT_MAX];

static void format_load(struct pt_format *format, const char *name) {
    const char *text = pt_format_builtin(name);
    char where[64];
    const char *why;
    unsigned line;

    if (!text) {
        FILE *file = fopen(name, "r");
        size_t length;

        if (!file)
            fail(name,
                 "no such format, and no file that describes one (--list shows the built-in)");
        length = fread(format_text, 1, sizeof(format_text) - 1, file);
        fclose(file);
        format_text[length] = '\0';
        text = format_text;
    }
    line = pt_format_parse(format, text, &why);
    if (line) {
        snprintf(where, sizeof(where), "%.40s, line %u", name, line);
        fail(where, why);
    }
    if (text != format_text)
        snprintf(format_text, sizeof(format_text), "%s", text);
}

static void list_formats(void) {
    const char *name;

    for (size_t i = 0; (name = pt_format_builtin_name(i)); i++)
        puts(name);
}

/* How many tables there are when one page is there, and when all are. */
static void show_sizes(const struct pt_format *format) {
    uint64_t one = 0, all = 0, tables = 1;

    for (unsigned level = format->levels; level > 0; level--) {
        uint64_t bytes = pt_table_bytes(format, level);

        printf("level %u: %" PRIu64 " entries, %" PRIu64 " bytes a table, %" PRIu64
               " tables when all pages are there\n",
               level, bytes / format->entry_bytes, bytes, tables);
        one += bytes;
        all += bytes * tables;
        tables <<= format->index_bits[level - 1];
    }
    printf("page: %" PRIu64 " bytes\n", UINT64_C(1) << format->offset_bits);
    printf("tables for one page: %" PRIu64 " bytes\n", one);
    printf("tables for all pages: %" PRIu64 " bytes\n", all);
}

/* ---- showing a walk ---- */

static int hex_digits(unsigned bits) {
    return (int)(bits + 3) / 4;
}

static void show_fields(const struct pt_format *format, uint64_t entry) {
    for (unsigned i = 0; i < format->right_count; i++) {
        const struct pt_named *right = &format->rights[i];

        if ((pt_field_of(entry, right->field) != 0) != right->field.inverted)
            printf(" %s", right->name);
    }
    for (unsigned i = 0; i < format->flag_count; i++) {
        if (pt_field_of(entry, format->flags[i].field))
            printf(" %s", format->flags[i].name);
    }
}

static void show_step(const struct pt_format *format, const struct pt_walk *walk,
                      const struct pt_step *step) {
    bool last = step == &walk->step[walk->steps - 1];

    printf("  level %u: table at %#" PRIx64 ", index %#" PRIx64 ", entry at %#" PRIx64, step->level,
           step->table, step->index, step->at);
    if (last && walk->result == PT_NO_MEMORY) {
        printf(": no memory given there\n");
        return;
    }
    printf(" is 0x%0*" PRIx64, hex_digits(format->entry_bytes * 8), step->entry);
    if (last && walk->result == PT_NOT_PRESENT) {
        printf(": not present\n");
        return;
    }
    printf(": %s at %#" PRIx64, step->is_leaf ? "page" : "table", step->target);
    show_fields(format, step->entry);
    printf("\n");
}

static void show_rights(const struct pt_format *format, unsigned rights) {
    if (format->right_count == 0)
        return;
    printf(", rights:");
    for (unsigned i = 0; i < format->right_count; i++) {
        if (rights & 1u << i)
            printf(" %s", format->rights[i].name);
    }
    if (!rights)
        printf(" none");
}

static void show_end(const struct pt_format *format, const struct pt_walk *walk) {
    switch (walk->result) {
    case PT_TRANSLATED:
        printf("  = %#" PRIx64 ", offset %#" PRIx64 " in a page of %" PRIu64 " bytes",
               walk->physical, walk->physical & (walk->page_bytes - 1), walk->page_bytes);
        show_rights(format, walk->rights);
        printf("\n");
        break;
    case PT_FORBIDDEN:
        printf("  = fault: %s is not allowed\n", format->rights[walk->missing].name);
        break;
    case PT_NOT_PRESENT:
        printf("  = fault: not present\n");
        break;
    case PT_BAD_ADDRESS:
        printf("  = fault: no address of %u bits%s\n", format->address_bits,
               format->is_signed ? ", the rest repeating the highest" : "");
        break;
    case PT_NO_MEMORY:
        printf("  = unknown: the walk leaves the memory that was given\n");
        break;
    }
}

/* Walks and shows; whether the address was translated. */
static bool walk_address(const struct pt_format *format, uint64_t root, uint64_t address,
                         unsigned asked) {
    const struct pt_tables tables = {format, root, asked, pt_memory_read, NULL};
    struct pt_walk walk;

    pt_walk(&tables, address, &walk);
    printf("%s: address %#" PRIx64 ", top table at %#" PRIx64 "\n", format->name, address, root);
    for (unsigned i = 0; i < walk.steps; i++)
        show_step(format, &walk, &walk.step[i]);
    show_end(format, &walk);
    return walk.result == PT_TRANSLATED;
}

/* ---- a live process ---- */

#define PAGE_BYTES 4096u
#define PAGEMAP_PRESENT (UINT64_C(1) << 63)
#define PAGEMAP_SWAPPED (UINT64_C(1) << 62)
#define PAGEMAP_FILE (UINT64_C(1) << 61)
#define PAGEMAP_EXCLUSIVE (UINT64_C(1) << 56)
#define PAGEMAP_FRAME ((UINT64_C(1) << 55) - 1)

/* What pagemap says of an address; whether there is a page. */
static bool show_pagemap(const char *pid, uint64_t address) {
    char path[64];
    uint64_t entry = 0;
    int fd;

    snprintf(path, sizeof(path), "/proc/%s/pagemap", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        fail(path, strerror(errno));
    if (pread(fd, &entry, sizeof(entry), (off_t)(address / PAGE_BYTES * sizeof(entry))) < 0)
        fail(path, strerror(errno));
    close(fd);
    printf("process %s: address %#" PRIx64 "\n  pagemap 0x%016" PRIx64 ": ", pid, address, entry);
    if (!(entry & PAGEMAP_PRESENT)) {
        printf("%s\n", entry & PAGEMAP_SWAPPED ? "swapped out" : "no page");
        return false;
    }
    printf("a page of %s, seen by %s", entry & PAGEMAP_FILE ? "a file or shared memory" : "its own",
           entry & PAGEMAP_EXCLUSIVE ? "this process alone" : "others too");
    if (entry & PAGEMAP_FRAME)
        printf(", frame %#" PRIx64 ", physical address %#" PRIx64 "\n", entry & PAGEMAP_FRAME,
               (entry & PAGEMAP_FRAME) * PAGE_BYTES + address % PAGE_BYTES);
    else
        printf(", in a frame that only root is told\n");
    return true;
}

/* Where the process's top table is; false: this kernel does not tell. */
static bool table_root(const char *pid, uint64_t *root) {
    char path[64], text[64];
    FILE *file;
    bool told;

    snprintf(path, sizeof(path), "/proc/%s/pagetable", pid);
    file = fopen(path, "r");
    if (!file)
        return false;
    told = fgets(text, sizeof(text), file) && sscanf(text, "%" SCNx64, root) == 1;
    fclose(file);
    return told;
}

static bool walk_process(const char *pid, uint64_t address) {
    struct pt_format format;
    uint64_t root;
    bool found = show_pagemap(pid, address);

    if (!table_root(pid, &root) || pt_memory_use_device())
        return found;
    format_load(&format, "x86-64");
    if (!walk_address(&format, root, address, 0) && found)
        printf("  (the page is there: the table is a cache, and comes by a fault)\n");
    return found;
}

/* ---- the command line ---- */

struct options {
    const char *format, *root, *access, *pid;
    bool sizes, describe;
};

static void memory_add(char *argument) {
    char *at = strrchr(argument, '@');
    uint64_t address = 0;
    const char *error;

    if (at) {
        *at = '\0';
        address = number_parse(at + 1);
    }
    error = pt_memory_add_file(argument, address);
    if (error)
        fail(argument, error);
}

static void text_add(const char *path) {
    const char *error = pt_memory_add_text(path);

    if (error)
        fail(path, error);
}

/* A list of rights as a mask. */
static unsigned access_parse(const struct pt_format *format, const char *text) {
    char *copy = strdup(text ? text : "");
    char *rest = NULL;
    unsigned mask = 0;

    for (char *word = strtok_r(copy, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        unsigned i = 0;

        while (i < format->right_count && strcmp(format->rights[i].name, word) != 0)
            i++;
        if (i == format->right_count)
            fail(word, "the format has no such right");
        mask |= 1u << i;
    }
    free(copy);
    return mask;
}

static void options_parse(struct options *options, int argc, char **argv) {
    static const struct option known[] = {
        {"format", 1, NULL, 'f'},
        {"root", 1, NULL, 'r'},
        {"memory", 1, NULL, 'm'},
        {"hex", 1, NULL, 'x'},
        {"access", 1, NULL, 'a'},
        {"pid", 1, NULL, 'p'},
        {"sizes", 0, NULL, 's'},
        {"describe", 0, NULL, 'd'},
        {"list", 0, NULL, 'l'},
        {"help", 0, NULL, 'h'},
        {0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "f:r:m:x:a:p:lh", known, NULL)) != -1) {
        switch (option) {
        case 'f':
            options->format = optarg;
            break;
        case 'r':
            options->root = optarg;
            break;
        case 'm':
            memory_add(optarg);
            break;
        case 'x':
            text_add(optarg);
            break;
        case 'a':
            options->access = optarg;
            break;
        case 'p':
            options->pid = optarg;
            break;
        case 's':
            options->sizes = true;
            break;
        case 'd':
            options->describe = true;
            break;
        case 'l':
            list_formats();
            exit(0);
        case 'h':
            fputs(usage, stdout);
            exit(0);
        default:
            fputs("try ptwalk --help\n", stderr);
            exit(EXIT_USAGE);
        }
    }
}

int main(int argc, char **argv) {
    struct options options = {0};
    struct pt_format format;
    bool all = true;

    options_parse(&options, argc, argv);
    if (!options.pid && !options.format)
        fail("--format", "which format? (--help tells more)");
    if (!options.pid)
        format_load(&format, options.format);
    if (options.describe)
        fputs(format_text, stdout);
    if (options.sizes)
        show_sizes(&format);
    if (options.describe || options.sizes)
        return 0;
    if (optind == argc)
        fail("ADDRESS", "which address?");
    if (!options.pid && !options.root)
        fail("--root", "where is the top table?");
    for (int i = optind; i < argc; i++) {
        uint64_t address = number_parse(argv[i]);

        all &= options.pid ? walk_process(options.pid, address)
                           : walk_address(&format, number_parse(options.root), address,
                                          access_parse(&format, options.access));
    }
    return all ? 0 : 1;
}
