/* SPDX-License-Identifier: MIT */
/*
 * Long copies that may fault: eight bytes an iteration, then the rest byte by byte. A fault that
 * cannot be repaired goes on byte by byte too, so that all bytes before the bad one are done.
 */
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

    .section .note.GNU-stack, "", @progbits
