/* kernels_mmx.c - the sums of kernels_int8.c with MMX as a Pentium II has it.
 *
 * A translation unit of its own, without a float in it, and one function that ends in EMMS: MMX
 * registers are the FPU's, and GCC, which does not know that, moves FPU loads across EMMS where both stand
 * in one function. Where there is no MMX to compile for, the C kernel answers.
 *
 * One index serves words and activations, counting up to zero; 30 instructions do 32
 * multiply-adds. The port that multiplies (two PMADDWD) and the three instructions a cycle are equally
 * full: three cycles for eight multiply-adds. */
#include "llama98.h"

#if defined(__i386__) || defined(__x86_64__)

#if defined(__x86_64__)
#define ADD_INDEX "addq $32, %[at]\n\t"
#define GET_INDEX "movq %[from], %[at]\n\t"
#define ADD_ROW "subq %[from], %[words]\n\t"
#else
#define ADD_INDEX "addl $32, %[at]\n\t"
#define GET_INDEX "movl %[from], %[at]\n\t"
#define ADD_ROW "subl %[from], %[words]\n\t"
#endif

#define FOUR_COLUMNS(offset, m, n)                  \
    "movq " offset "(%[words],%[at]), " m "\n\t"    \
    "movq " m ", " n "\n\t"                         \
    "psraw $8, " m "\n\t"                           \
    "pmaddwd " offset "(%[x],%[at]), " n "\n\t"     \
    "pmaddwd " offset "(%[x],%[at]), " m "\n\t"     \
    "paddd " n ", %%mm6\n\t"                        \
    "paddd " m ", %%mm7\n\t"

__attribute__((noinline)) void int8_pairs_mmx(u32 *sums, const i16 *words, const i16 *x, u32 pairs,
                                              u32 columns)
{
    const i16 *words_end = words + columns;
    const i16 *x_end = x + columns;
    long from = -2 * (long)columns; /* the index, in bytes, of the first column */
    long at;

    if (!pairs || !columns)
        return;
    __asm__ __volatile__(
        "1:\n\t"
        GET_INDEX
        "pxor %%mm6, %%mm6\n\t"
        "pxor %%mm7, %%mm7\n\t"
        "2:\n\t"
        FOUR_COLUMNS("0", "%%mm0", "%%mm1")
        FOUR_COLUMNS("8", "%%mm2", "%%mm3")
        FOUR_COLUMNS("16", "%%mm4", "%%mm5")
        FOUR_COLUMNS("24", "%%mm0", "%%mm1")
        ADD_INDEX
        "jnz 2b\n\t"
        /* each accumulator holds two halves of its sum: (s1, s1'), (s2, s2') -> (s1 + s1', s2 + s2') */
        "movq %%mm6, %%mm0\n\t"
        "punpckldq %%mm7, %%mm6\n\t"
        "punpckhdq %%mm7, %%mm0\n\t"
        "paddd %%mm0, %%mm6\n\t"
        "movq %%mm6, (%[sums])\n\t"
        ADD_ROW
        "add $8, %[sums]\n\t"
        "decl %[pairs]\n\t"
        "jnz 1b\n\t"
        "emms"
        : [sums] "+r"(sums), [words] "+r"(words_end), [pairs] "+m"(pairs), [at] "=&r"(at)
        : [x] "r"(x_end), [from] "r"(from)
        : "memory", "cc", "mm0", "mm1", "mm2", "mm3", "mm4", "mm5", "mm6", "mm7");
}

#else

void int8_pairs_mmx(u32 *sums, const i16 *words, const i16 *x, u32 pairs, u32 columns)
{
    int8_pairs_c(sums, words, x, pairs, columns);
}

#endif
