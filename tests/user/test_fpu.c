/* SPDX-License-Identifier: MIT */
/*
 * The floating-point and vector registers: each process its own, across switches, handlers, fork.
 *
 * Row W9 and "FPU/SSE/AVX state kept per thread". Processes fill xmm and, where the processor
 * has AVX, ymm registers with patterns of their own and watch them while others run.
 */
#include "facts.h"
#include "signals.h"

#include <cpuid.h>
#include <sys/time.h>

#define REGISTERS 16
#define REGISTER_BYTES 32

typedef unsigned char registers_image[REGISTERS][REGISTER_BYTES] __attribute__((aligned(32)));

static bool have_avx(void) {
    unsigned a, b, c, d;
    unsigned low, high;

    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & (bit_OSXSAVE | bit_AVX)) != (bit_OSXSAVE | bit_AVX))
        return false;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & 6) == 6;
}

#define EACH_REGISTER(X)                                                                           \
    X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

#define LOAD_YMM(n) "vmovdqa " #n "*32(%[in]), %%ymm" #n "\n\t"
#define STORE_YMM(n) "vmovdqa %%ymm" #n ", " #n "*32(%[out])\n\t"
#define LOAD_XMM(n) "movdqa " #n "*32(%[in]), %%xmm" #n "\n\t"
#define STORE_XMM(n) "movdqa %%xmm" #n ", " #n "*32(%[out])\n\t"
#define XMM_NAME(n) , "xmm" #n

/* Load all registers, turn round a while, store them. */
static void cycle_ymm(const registers_image in, registers_image out, unsigned long turns) {
    __asm__ volatile(
        EACH_REGISTER(LOAD_YMM) "1:\tdec %[turns]\n\tjnz 1b\n\t" EACH_REGISTER(STORE_YMM)
        : [turns] "+r"(turns)
        : [in] "r"(in), [out] "r"(out)
        : "memory", "cc" EACH_REGISTER(XMM_NAME));
}

static void cycle_xmm(const registers_image in, registers_image out, unsigned long turns) {
    __asm__ volatile(
        EACH_REGISTER(LOAD_XMM) "1:\tdec %[turns]\n\tjnz 1b\n\t" EACH_REGISTER(STORE_XMM)
        : [turns] "+r"(turns)
        : [in] "r"(in), [out] "r"(out)
        : "memory", "cc" EACH_REGISTER(XMM_NAME));
}

static void image_fill(registers_image image, unsigned seed) {
    for (unsigned i = 0; i < REGISTERS; i++)
        for (unsigned j = 0; j < REGISTER_BYTES; j++)
            image[i][j] = (unsigned char)(seed * 37 + i * 16 + j);
}

static void cycle_and_check(unsigned seed, unsigned long turns) {
    static registers_image in, out;
    size_t bytes = have_avx() ? REGISTER_BYTES : REGISTER_BYTES / 2;

    image_fill(in, seed);
    memset(out, 0, sizeof out);
    if (have_avx())
        cycle_ymm(in, out, turns);
    else
        cycle_xmm(in, out, turns);
    for (int i = 0; i < REGISTERS; i++)
        if (memcmp(in[i], out[i], bytes) != 0)
            CHECK_NOTE("seed %u: register %d changed", seed, i);
}

static void processes_keep_their_registers(void) {
    pid_t children[4];
    int ended = 0;

    for (unsigned i = 0; i < COUNT_OF(children); i++) {
        children[i] = fork();
        CHECK(children[i] >= 0);
        if (children[i] > 0)
            continue;
        for (unsigned round = 0; round < 40; round++)
            cycle_and_check(i * 100 + round, 1000000);
        _exit(0);
    }
    for (size_t i = 0; i < COUNT_OF(children); i++)
        ended += child_wait(children[i]) == 0;
    CHECK_EQ(ended, COUNT_OF(children));
}

static void spoil(int number) {
    static registers_image garbage, out;

    image_fill(garbage, 250);
    if (have_avx())
        cycle_ymm(garbage, out, 1);
    else
        cycle_xmm(garbage, out, 1);
    seen[number]++;
}

static void handlers_do_not_spoil_registers(void) {
    struct sigaction action = {.sa_handler = spoil};
    struct itimerval timer = {{0, 1000}, {0, 1000}};

    CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
    CHECK_EQ(setitimer(ITIMER_REAL, &timer, NULL), 0);
    for (unsigned round = 0; seen[SIGALRM] < 30; round++)
        cycle_and_check(round, 100000);
}

static void write_control(unsigned value) {
    __asm__ volatile("ldmxcsr %0" ::"m"(value));
}

static unsigned read_control(void) {
    unsigned value;

    __asm__ volatile("stmxcsr %0" : "=m"(value));
    return value;
}

static void control_word_is_inherited_and_private(void) {
    int status;

    CHECK_EQ(read_control(), 0x1f80);
    write_control(0x7f80); /* round to zero */
    if (fork() == 0) {
        CHECK_EQ(read_control(), 0x7f80);
        write_control(0x3f80);
        _exit(0);
    }
    CHECK(wait(&status) > 0);
    CHECK_EQ(status, 0);
    CHECK_EQ(read_control(), 0x7f80);
}

static void note_control(int number) {
    write_control(0x5f80);
    seen[number]++;
}

static void handler_gives_control_word_back(void) {
    signal(SIGUSR1, note_control);
    write_control(0x7f80);
    raise(SIGUSR1);
    CHECK_EQ(seen[SIGUSR1], 1);
    CHECK_EQ(read_control(), 0x7f80);
}

static void registers_survive_fork(void) {
    static registers_image in, out;
    size_t bytes = have_avx() ? REGISTER_BYTES : REGISTER_BYTES / 2;
    long child;
    int status;

    image_fill(in, 77);
    if (!have_avx())
        SKIP("no AVX");
    __asm__ volatile(EACH_REGISTER(LOAD_YMM) "mov $57, %%eax\n\t"
                                             "syscall\n\t" EACH_REGISTER(STORE_YMM)
                     : "=&a"(child)
                     : [in] "r"(in), [out] "r"(out)
                     : "memory", "cc", "rcx", "r11" EACH_REGISTER(XMM_NAME));
    for (int i = 0; i < REGISTERS; i++)
        CHECK_EQ(memcmp(in[i], out[i], bytes), 0);
    if (child == 0)
        _exit(0);
    CHECK(wait(&status) > 0);
    CHECK_EQ(status, 0);
}

static void x87_arithmetic(void) {
    volatile long double third = 1.0L / 3.0L;
    int status;

    if (fork() == 0) {
        for (int i = 0; i < 1000; i++)
            CHECK(third * 3.0L > 0.9999999999999999L && third < 0.34L);
        _exit(0);
    }
    for (int i = 0; i < 1000; i++)
        CHECK(third * 3.0L > 0.9999999999999999L && third < 0.34L);
    CHECK(wait(&status) > 0);
    CHECK_EQ(status, 0);
}

/* By the x87 unit: emulators often leave out the exceptions of the vector unit. */
static void unmasked_division(void *unused) {
    unsigned short control = 0x37f & ~4;

    (void)unused;
    __asm__ volatile("fldcw %0\n\t fld1\n\t fldz\n\t fdivrp\n\t fwait" ::"m"(control));
}

static void unmasked_exception_is_sigfpe(void) {
    CHECK_CHILD_KILLED(unmasked_division, NULL, SIGFPE);
}

CHECK_MAIN({"processes_keep_their_registers", processes_keep_their_registers},
           {"handlers_do_not_spoil_registers", handlers_do_not_spoil_registers},
           {"control_word_is_inherited_and_private", control_word_is_inherited_and_private},
           {"handler_gives_control_word_back", handler_gives_control_word_back},
           {"registers_survive_fork", registers_survive_fork}, {"x87_arithmetic", x87_arithmetic},
           {"unmasked_exception_is_sigfpe", unmasked_exception_is_sigfpe})
