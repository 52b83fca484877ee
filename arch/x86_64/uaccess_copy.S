/* SPDX-License-Identifier: MIT */
/*
 * Long copies and strings that may fault: eight bytes an iteration, then the rest byte by byte. A fault that
 * cannot be repaired goes on byte by byte too, so that all bytes before the bad one are done.
 */
#include "abi/errno.h"

    .macro SMAP_SITE instruction
777: \instruction
    .pushsection __smap_sites, "a"
    .quad 777b
    .popsection
    .endm

    .macro FAULT from, to
    .pushsection __ex_table, "a"
    .balign 8
    .quad \from, \to
    .popsection
    .endm

    .text
/* size_t uaccess_copy(void *dst, const void *src, size_t size): bytes not copied */
    .balign 16
    .globl uaccess_copy
uaccess_copy:
    movq %rdx, %rcx
    shrq $3, %rcx
    andl $7, %edx
    SMAP_SITE stac
1:  rep movsq
    movl %edx, %ecx
2:  rep movsb
3:  SMAP_SITE clac
    movq %rcx, %rax
    ret
4:  leaq (%rdx, %rcx, 8), %rcx
    jmp 2b
    FAULT 1b, 4b
    FAULT 2b, 3b

/* size_t uaccess_clear(void *dst, size_t size): bytes not cleared */
    .balign 16
    .globl uaccess_clear
uaccess_clear:
    movq %rsi, %rcx
    shrq $3, %rcx
    andl $7, %esi
    xorl %eax, %eax
    SMAP_SITE stac
1:  rep stosq
    movl %esi, %ecx
2:  rep stosb
3:  SMAP_SITE clac
    movq %rcx, %rax
    ret
4:  leaq (%rsi, %rcx, 8), %rcx
    jmp 2b
    FAULT 1b, 4b
    FAULT 2b, 3b

/*
 * long uaccess_string(char *dst, const char *src, size_t size): a string with its NUL, of at most
 * size bytes, which lie in user memory. Its length, -EFAULT or -ENAMETOOLONG. By words; a word with
 * a NUL in it is stored whole, so dst may get bytes from behind the string, but not more than size.
 * Where a whole word does not fit or cannot be read it goes on byte by byte.
 */
    .balign 16
    .globl uaccess_string
uaccess_string:
    movq %rdi, %r8
    movabsq $0x0101010101010101, %r9
    movabsq $0x8080808080808080, %r10
    SMAP_SITE stac
    subq $8, %rdx
    jb 2f
1:  movq (%rsi), %rax
    movq %rax, (%rdi)
    movq %rax, %rcx
    notq %rax
    subq %r9, %rcx
    andq %r10, %rax
    andq %rcx, %rax /* the high bit of the first zero byte, and perhaps of some behind it */
    jnz 6f
    addq $8, %rsi
    addq $8, %rdi
    subq $8, %rdx
    jae 1b
2:  addq $8, %rdx
    jz 4f
3:  movb (%rsi), %al
    movb %al, (%rdi)
    testb %al, %al
    jz 7f
    incq %rsi
    incq %rdi
    decq %rdx
    jnz 3b
4:  SMAP_SITE clac
    movq $-ENAMETOOLONG, %rax
    ret
5:  SMAP_SITE clac
    movq $-EFAULT, %rax
    ret
6:  bsfq %rax, %rax
    shrl $3, %eax
    addq %rax, %rdi
7:  SMAP_SITE clac
    movq %rdi, %rax
    subq %r8, %rax
    ret
    FAULT 1b, 2b
    FAULT 3b, 5b

    .section .note.GNU-stack, "", @progbits
