/* kernels_mmx.c - the sums of kernels_int8.c, attention.c, kernels_int4.c and checks.c with MMX as a Pentium II has it.
 *
 * A translation unit of its own, without a float in it, and functions that end in EMMS: MMX
 * registers are the FPU's, and GCC, which does not know that, moves FPU loads across EMMS where both stand
 * in one function. Where there is no MMX to compile for, the C kernel answers. */
#include "llama98.h"

#define NAME(kernel) kernel##_mmx
#define PREFETCH(offset, base, index)
#include "kernels_stream.h"

#if defined(__i386__) || defined(__x86_64__)

#define FOUR_OF_GROUP(offset, m, n)              \
    "movq " offset "(%[words]), " m "\n\t"       \
    "movq " m ", " n "\n\t"                      \
    "psraw $8, " m "\n\t"                        \
    "pmaddwd " offset "(%[x]), " n "\n\t"        \
    "pmaddwd " offset "(%[x]), " m "\n\t"

#define ADD_GROUP(m, n)       \
    "paddd " n ", %%mm6\n\t" \
    "paddd " m ", %%mm7\n\t"

/* The 32 columns of a group: each has its place in the code, so that nothing counts them. */
static __attribute__((noinline)) void group_columns(u32 *sums, const i16 *words, const i16 *x, u32 pairs, long next,
                                                    const u32 *start)
{
    __asm__ __volatile__(
        "1:\n\t"
        FOUR_OF_GROUP("0", "%%mm7", "%%mm6")
        FOUR_OF_GROUP("8", "%%mm2", "%%mm3")
        "paddd (%[start]), %%mm6\n\t"
        FOUR_OF_GROUP("16", "%%mm4", "%%mm5")
        ADD_GROUP("%%mm2", "%%mm3")
        FOUR_OF_GROUP("24", "%%mm0", "%%mm1")
        ADD_GROUP("%%mm4", "%%mm5")
        FOUR_OF_GROUP("32", "%%mm2", "%%mm3")
        ADD_GROUP("%%mm0", "%%mm1")
        FOUR_OF_GROUP("40", "%%mm4", "%%mm5")
        ADD_GROUP("%%mm2", "%%mm3")
        FOUR_OF_GROUP("48", "%%mm0", "%%mm1")
        ADD_GROUP("%%mm4", "%%mm5")
        FOUR_OF_GROUP("56", "%%mm2", "%%mm3")
        ADD_GROUP("%%mm0", "%%mm1")
        ADD_GROUP("%%mm2", "%%mm3")
        PAIR_SUMS
        ADD "%[next], %[words]\n\t"
        ADD "$8, %[sums]\n\t"
        "decl %[pairs]\n\t"
        "jnz 1b\n\t"
        "emms"
        : [sums] "+r"(sums), [words] "+r"(words), [pairs] "+r"(pairs)
        : [x] "r"(x), [next] "r"(next), [start] "r"(start)
        : "memory", "cc", "mm0", "mm1", "mm2", "mm3", "mm4", "mm5", "mm6", "mm7");
}

/* Any number of columns, eight at a time. */
__attribute__((noinline)) void int8_short_mmx(u32 *sums, const i16 *words, const i16 *x, u32 pairs, u32 columns,
                                              u32 stride, u32 bias)
{
    u32 start[2];
    const i16 *words_end = words + columns;
    const i16 *x_end = x + columns;
    long from = -2 * (long)columns;
    long next = 2 * (long)stride;
    long at;

    if (!pairs || !columns)
        return;
    start[0] = 0u - bias;
    start[1] = 0;
    if (columns == 32) {
        group_columns(sums, words, x, pairs, next, start);
        return;
    }
    __asm__ __volatile__(
        "1:\n\t"
        GET_INDEX
        "movq %[start], %%mm6\n\t"
        "pxor %%mm7, %%mm7\n\t"
        "2:\n\t"
        FOUR_COLUMNS("0", "%%mm0", "%%mm1")
        FOUR_COLUMNS("8", "%%mm2", "%%mm3")
        ADD_SHORT
        "jnz 2b\n\t"
        PAIR_SUMS
        ADD_NEXT
        "add $8, %[sums]\n\t"
        "decl %[pairs]\n\t"
        "jnz 1b\n\t"
        "emms"
        : [sums] "+r"(sums), [words] "+r"(words_end), [pairs] "+m"(pairs), [at] "=&r"(at)
        : [x] "r"(x_end), [from] "m"(from), [next] "m"(next), [start] "m"(start)
        : "memory", "cc", "mm0", "mm1", "mm2", "mm3", "mm4", "mm5", "mm6", "mm7");
}

#define FOUR_OF_TWO(offset, m, n)                   \
    "movq " offset "(%[words],%[at]), " m "\n\t"    \
    "movq " offset "(%[second],%[at]), " n "\n\t"   \
    "pmaddwd " offset "(%[x],%[at]), " m "\n\t"     \
    "pmaddwd " offset "(%[x],%[at]), " n "\n\t"     \
    "paddd " m ", %%mm6\n\t"                        \
    "paddd " n ", %%mm7\n\t"

/* Rows of eight 16-bit numbers, one after the other: x stays in two registers. */
static __attribute__((noinline)) void eight_columns(u32 *sums, const i16 *words, const i16 *x, u32 pairs)
{
    __asm__ __volatile__(
        "movq (%[x]), %%mm4\n\t"
        "movq 8(%[x]), %%mm5\n\t"
        "1:\n\t"
        "movq (%[words]), %%mm0\n\t"
        "movq 8(%[words]), %%mm1\n\t"
        "movq 16(%[words]), %%mm2\n\t"
        "movq 24(%[words]), %%mm3\n\t"
        "pmaddwd %%mm4, %%mm0\n\t"
        "pmaddwd %%mm5, %%mm1\n\t"
        "pmaddwd %%mm4, %%mm2\n\t"
        "pmaddwd %%mm5, %%mm3\n\t"
        "paddd %%mm1, %%mm0\n\t"
        "paddd %%mm3, %%mm2\n\t"
        "movq %%mm0, %%mm1\n\t"
        "punpckldq %%mm2, %%mm0\n\t"
        "punpckhdq %%mm2, %%mm1\n\t"
        "paddd %%mm1, %%mm0\n\t"
        "movq %%mm0, (%[sums])\n\t"
        "add $32, %[words]\n\t"
        "add $8, %[sums]\n\t"
        "decl %[pairs]\n\t"
        "jnz 1b\n\t"
        "emms"
        : [sums] "+r"(sums), [words] "+r"(words), [pairs] "+r"(pairs)
        : [x] "r"(x)
        : "memory", "cc", "mm0", "mm1", "mm2", "mm3", "mm4", "mm5");
}

/* Rows of 16-bit numbers, two at a time. */
__attribute__((noinline)) void wide_pairs_mmx(u32 *sums, const i16 *words, const i16 *x, u32 pairs, u32 columns,
                                              u32 stride)
{
    const i16 *words_end = words + columns;
    const i16 *second = words_end + stride;
    const i16 *x_end = x + columns;
    long from = -2 * (long)columns;
    long next = 4 * (long)stride;
    long at;

    if (!pairs || !columns)
        return;
    if (columns == 8 && stride == 8) {
        eight_columns(sums, words, x, pairs);
        return;
    }
    __asm__ __volatile__(
        "1:\n\t"
        GET_INDEX
        "pxor %%mm6, %%mm6\n\t"
        "pxor %%mm7, %%mm7\n\t"
        "2:\n\t"
        FOUR_OF_TWO("0", "%%mm0", "%%mm1")
        FOUR_OF_TWO("8", "%%mm2", "%%mm3")
        ADD_SHORT
        "jnz 2b\n\t"
        "movq %%mm6, %%mm0\n\t"
        "punpckldq %%mm7, %%mm6\n\t"
        "punpckhdq %%mm7, %%mm0\n\t"
        "paddd %%mm0, %%mm6\n\t"
        "movq %%mm6, (%[sums])\n\t"
        ADD_NEXT
        ADD_SECOND
        "add $8, %[sums]\n\t"
        "decl %[pairs]\n\t"
        "jnz 1b\n\t"
        "emms"
        : [sums] "+r"(sums), [words] "+r"(words_end), [second] "+r"(second), [pairs] "+m"(pairs), [at] "=&r"(at)
        : [x] "r"(x_end), [from] "m"(from), [next] "m"(next)
        : "memory", "cc", "mm0", "mm1", "mm2", "mm3", "mm4", "mm5", "mm6", "mm7");
}

/* ---- classify.c ------------------------------------------------------------------------------ */
static const u32 upper_of_first[2] = {0xF0F0F0F0u, 0xF0F0F0F0u};
static const u32 upper_of_second[2] = {0x0F0F0F0Fu, 0x0F0F0F0Fu};
static const u32 plus_8[2] = {0x08000800u, 0x08000800u};

__attribute__((noinline)) void upper_bits_mmx(i16 *to, const i16 *pairs, u32 columns)
{
    const i16 *end = to + columns;
    long next = 2 * (long)columns;

    __asm__ __volatile__(
        "1:\n\t"
        "movq (%[pairs],%[next]), %%mm1\n\t"
        "movq (%[pairs]), %%mm0\n\t"
        "psrlw $4, %%mm1\n\t"
        "pand %[first], %%mm0\n\t"
        "pand %[second], %%mm1\n\t"
        "por %%mm1, %%mm0\n\t"
        "pxor %[eight], %%mm0\n\t"
        "movq %%mm0, (%[to])\n\t"
        ADD "$8, %[pairs]\n\t"
        ADD "$8, %[to]\n\t"
        "cmp %[end], %[to]\n\t"
        "jb 1b\n\t"
        "emms"
        : [pairs] "+r"(pairs), [to] "+r"(to)
        : [next] "r"(next), [end] "m"(end), [first] "m"(upper_of_first), [second] "m"(upper_of_second), [eight] "m"(plus_8)
        : "memory", "cc", "mm0", "mm1");
}

/* The upper bits of a pair's products into m and, lower by eight, into n. */
#define PAIR_OF_GROUPS(pairs, m, n, first, second) \
    "movq (%[" pairs "]), " m "\n\t"               \
    "movq " m ", " n "\n\t"                        \
    "psllw $8, " n "\n\t"                         \
    "pand %%mm6, " m "\n\t"                       \
    "pxor %%mm5, " n "\n\t"                       \
    "pmulhw " first "(%[steps]), " m "\n\t"       \
    "pmulhw " second "(%[steps]), " n "\n\t"      \
    "paddw " m ", " m "\n\t"                      \
    "paddw " n ", " n "\n\t"                      \
    "pand %%mm7, " m "\n\t"                       \
    "pand %%mm7, " n "\n\t"                       \
    "psrlw $8, " n "\n\t"                         \
    "por " n ", " m "\n\t"

__attribute__((noinline)) void upper_groups_mmx(i16 *to, const i16 *pairs, const u8 *steps, u32 columns)
{
    const i16 *second = pairs + columns;
    u32 groups = columns / 32;
    u32 wide[8];
    u32 eights = 0x08880888u;
    u32 g, k;

    for (g = 0; g < groups; g++) {
        const i16 *end = to + 32;
        for (k = 0; k < 4; k++)
            wide[2 * k] = wide[2 * k + 1] = 0x800080u * steps[k * groups + g];
        __asm__ __volatile__(
            "pcmpeqd %%mm6, %%mm6\n\t"
            "movd %[eights], %%mm4\n\t"
            "psllw $8, %%mm6\n\t" /* FF00 */
            "punpckldq %%mm4, %%mm4\n\t"
            "movq %%mm6, %%mm5\n\t"
            "movq %%mm6, %%mm7\n\t"
            "psllw $7, %%mm5\n\t" /* 8000 */
            "psllw $4, %%mm7\n\t" /* F000 */
            "1:\n\t"
            PAIR_OF_GROUPS("pairs", "%%mm0", "%%mm1", "0", "8")
            PAIR_OF_GROUPS("second", "%%mm2", "%%mm3", "16", "24")
            "psrlw $4, %%mm2\n\t"
            "por %%mm2, %%mm0\n\t"
            "pxor %%mm4, %%mm0\n\t"
            "movq %%mm0, (%[to])\n\t"
            ADD "$8, %[pairs]\n\t"
            ADD "$8, %[second]\n\t"
            ADD "$8, %[to]\n\t"
            "cmp %[end], %[to]\n\t"
            "jb 1b\n\t"
            "emms"
            : [pairs] "+r"(pairs), [second] "+r"(second), [to] "+r"(to)
            : [steps] "r"(wide), [end] "m"(end), [eights] "m"(eights)
            : "memory", "cc", "mm0", "mm1", "mm2", "mm3", "mm4", "mm5", "mm6", "mm7");
    }
}

__attribute__((noinline)) void upper_fours_mmx(i32 *sums, const i16 *words, const i16 *x_, u32 fours, u32 columns,
                                               u32 bias, u32 first)
{
    const i16 *codes = words + columns;
    const i16 *x = x_ + columns;
    long from = -2 * (long)columns;
    u32 biases[4];
    long at;

    if (!fours || !columns)
        return;
    biases[0] = biases[1] = biases[2] = bias;
    biases[3] = first;
    __asm__ __volatile__(
        "1:\n\t"
        GET_INDEX
        "pxor %%mm0, %%mm0\n\t"
        "pxor %%mm1, %%mm1\n\t"
        "pxor %%mm2, %%mm2\n\t"
        "pxor %%mm3, %%mm3\n\t"
        "2:\n\t"
        FOUR_NIBBLES("0")
        FOUR_NIBBLES("8")
        FOUR_NIBBLES("16")
        FOUR_NIBBLES("24")
        ADD "$32, %[at]\n\t"
        "jnz 2b\n\t"
        FOUR_SUMS
        "psubd (%[biases]), %%mm0\n\t"
        "psubd 8(%[biases]), %%mm2\n\t"
        /* (row 3, row 1), (row 2, row 0) */
        "movq %%mm2, %%mm1\n\t"
        "punpckhdq %%mm0, %%mm2\n\t"
        "punpckldq %%mm0, %%mm1\n\t"
        "movq %%mm2, (%[sums])\n\t"
        "movq %%mm1, 8(%[sums])\n\t"
        ADD "$16, %[sums]\n\t"
        SUB "%[from], %[codes]\n\t"
        "decl %[fours]\n\t"
        "jnz 1b\n\t"
        "emms"
        : [sums] "+r"(sums), [codes] "+r"(codes), [fours] "+m"(fours), [at] "=&r"(at)
        : [x] "r"(x), [biases] "r"(biases), [from] "m"(from)
        : "memory", "cc", "mm0", "mm1", "mm2", "mm3", "mm4", "mm5");
}

/* ---- checks.c -------------------------------------------------------------------------------- */
#define EIGHT_BYTES(offset)                  \
    "paddd " offset "(%[bytes]), %%mm0\n\t"  \
    "paddd %%mm0, %%mm1\n\t"

__attribute__((noinline)) void sums_add_mmx(u32 *sums, const u8 *bytes, u32 count)
{
    u32 blocks = count / 32;

    __asm__ __volatile__(
        "movq (%[sums]), %%mm0\n\t"
        "movq 8(%[sums]), %%mm1\n\t"
        "jmp 2f\n\t"
        "1:\n\t"
        EIGHT_BYTES("0") EIGHT_BYTES("8") EIGHT_BYTES("16") EIGHT_BYTES("24")
        ADD "$32, %[bytes]\n\t"
        "2:\n\t"
        "decl %[blocks]\n\t"
        "jns 1b\n\t"
        "movq %%mm0, (%[sums])\n\t"
        "movq %%mm1, 8(%[sums])\n\t"
        "emms"
        : [bytes] "+r"(bytes), [blocks] "+r"(blocks)
        : [sums] "r"(sums)
        : "memory", "cc", "mm0", "mm1");
    sums_add_c(sums, bytes, count & 31);
}

#else

void int8_short_mmx(u32 *sums, const i16 *words, const i16 *x, u32 pairs, u32 columns, u32 stride, u32 bias)
{
    int8_short_c(sums, words, x, pairs, columns, stride, bias);
}

void wide_pairs_mmx(u32 *sums, const i16 *words, const i16 *x, u32 pairs, u32 columns, u32 stride)
{
    wide_pairs_c(sums, words, x, pairs, columns, stride);
}

void sums_add_mmx(u32 *sums, const u8 *bytes, u32 count)
{
    sums_add_c(sums, bytes, count);
}

/* Never asked for: without MMX there is no shortlist. */
void upper_bits_mmx(i16 *to, const i16 *pairs, u32 columns)
{
    (void)to, (void)pairs, (void)columns;
}

void upper_groups_mmx(i16 *to, const i16 *pairs, const u8 *steps, u32 columns)
{
    (void)to, (void)pairs, (void)steps, (void)columns;
}

void upper_fours_mmx(i32 *sums, const i16 *words, const i16 *x, u32 fours, u32 columns, u32 bias, u32 first)
{
    (void)sums, (void)words, (void)x, (void)fours, (void)columns, (void)bias, (void)first;
}

#endif
