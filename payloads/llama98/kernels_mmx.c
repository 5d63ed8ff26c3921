/* kernels_mmx.c - the sums of kernels_int8.c, attention.c and kernels_int4.c with MMX as a Pentium II has it.
 *
 * A translation unit of its own, without a float in it, and functions that end in EMMS: MMX
 * registers are the FPU's, and GCC, which does not know that, moves FPU loads across EMMS where both stand
 * in one function. Where there is no MMX to compile for, the C kernel answers.
 *
 * One index serves words and activations, counting up to zero; 30 instructions do 32
 * multiply-adds. The port that multiplies (two PMADDWD) and the three instructions a cycle are equally
 * full: three cycles for eight multiply-adds. */
#include "llama98.h"

#if defined(__i386__) || defined(__x86_64__)

#if defined(__x86_64__)
#define ADD "addq "
#define ADD_INDEX "addq $32, %[at]\n\t"
#define GET_INDEX "movq %[from], %[at]\n\t"
#define ADD_ROW "subq %[from], %[words]\n\t"
#define ADD_SHORT "addq $16, %[at]\n\t"
#define ADD_NEXT "addq %[next], %[words]\n\t"
#define ADD_SECOND "addq %[next], %[second]\n\t"
#else
#define ADD "addl "
#define ADD_INDEX "addl $32, %[at]\n\t"
#define GET_INDEX "movl %[from], %[at]\n\t"
#define ADD_ROW "subl %[from], %[words]\n\t"
#define ADD_SHORT "addl $16, %[at]\n\t"
#define ADD_NEXT "addl %[next], %[words]\n\t"
#define ADD_SECOND "addl %[next], %[second]\n\t"
#endif

#define FOUR_COLUMNS(offset, m, n)                  \
    "movq " offset "(%[words],%[at]), " m "\n\t"    \
    "movq " m ", " n "\n\t"                         \
    "psraw $8, " m "\n\t"                           \
    "pmaddwd " offset "(%[x],%[at]), " n "\n\t"     \
    "pmaddwd " offset "(%[x],%[at]), " m "\n\t"     \
    "paddd " n ", %%mm6\n\t"                        \
    "paddd " m ", %%mm7\n\t"

#define STRAIGHTEN            \
    "movq %%mm6, %%mm1\n\t"   \
    "psrlq $32, %%mm1\n\t"    \
    "pslld $8, %%mm1\n\t"     \
    "psubd %%mm1, %%mm6\n\t"

__attribute__((noinline)) void int8_pairs_mmx(u32 *sums, const i16 *words, const i16 *x, u32 pairs,
                                              u32 columns, u32 bias)
{
    u32 start[2];
    const i16 *words_end = words + columns;
    const i16 *x_end = x + columns;
    long from = -2 * (long)columns; /* the index, in bytes, of the first column */
    long at;

    if (!pairs || !columns)
        return;
    start[0] = 0u - bias;
    start[1] = 0;
    __asm__ __volatile__(
        "1:\n\t"
        GET_INDEX
        "movq %[start], %%mm6\n\t"
        "pxor %%mm7, %%mm7\n\t"
        "2:\n\t"
        FOUR_COLUMNS("0", "%%mm0", "%%mm1")
        FOUR_COLUMNS("8", "%%mm2", "%%mm3")
        FOUR_COLUMNS("16", "%%mm4", "%%mm5")
        FOUR_COLUMNS("24", "%%mm0", "%%mm1")
        ADD_INDEX
        "jnz 2b\n\t"
        /* each accumulator holds two halves of its sum: (s1, s1'), (s2, s2') -> (s1 + s1', s2 + s2'); then
         * (s1 - 256 s2, s2), the second row's sum and the first's */
        "movq %%mm6, %%mm0\n\t"
        "punpckldq %%mm7, %%mm6\n\t"
        "punpckhdq %%mm7, %%mm0\n\t"
        "paddd %%mm0, %%mm6\n\t"
        STRAIGHTEN
        "movq %%mm6, (%[sums])\n\t"
        ADD_ROW
        "add $8, %[sums]\n\t"
        "decl %[pairs]\n\t"
        "jnz 1b\n\t"
        "emms"
        : [sums] "+r"(sums), [words] "+r"(words_end), [pairs] "+m"(pairs), [at] "=&r"(at)
        : [x] "r"(x_end), [from] "r"(from), [start] "m"(start)
        : "memory", "cc", "mm0", "mm1", "mm2", "mm3", "mm4", "mm5", "mm6", "mm7");
}

/* As above, eight columns at a time. */
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
        "movq %%mm6, %%mm0\n\t"
        "punpckldq %%mm7, %%mm6\n\t"
        "punpckhdq %%mm7, %%mm0\n\t"
        "paddd %%mm0, %%mm6\n\t"
        STRAIGHTEN
        "movq %%mm6, (%[sums])\n\t"
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

/* ---- kernels_int4.c -------------------------------------------------------------------------- */
#define NEXT_NIBBLE "psraw $4, %%mm4\n\t"
#define TIMES(offset, sum)                   \
    "movq %%mm4, %%mm5\n\t"                  \
    "pmaddwd " offset "(%[x]), %%mm5\n\t"    \
    "paddd %%mm5, " sum "\n\t"
#define FIRST(offset, sum)                   \
    "movq %%mm4, " sum "\n\t"                \
    "pmaddwd " offset "(%[x]), " sum "\n\t"
#define LAST(offset)                         \
    "pmaddwd " offset "(%[x]), %%mm4\n\t"    \
    "paddd %%mm4, %%mm3\n\t"
#define FOUR_NIBBLES(offset)                 \
    "movq " offset "(%[codes]), %%mm4\n\t"   \
    TIMES(offset, "%%mm0") NEXT_NIBBLE       \
    TIMES(offset, "%%mm1") NEXT_NIBBLE       \
    TIMES(offset, "%%mm2") NEXT_NIBBLE       \
    LAST(offset)

__attribute__((noinline)) void int4_fours_mmx(i32 *sums, const u8 *codes, const u8 *groups, u32 fours, u32 n_groups)
{
    const u8 *x;
    u32 left;

    if (!fours || !n_groups)
        return;
    __asm__ __volatile__(
        "1:\n\t"
        "mov %[groups], %[x]\n\t"
        ADD "$16, %[x]\n\t"
        "movl %[n_groups], %[left]\n\t"
        "pxor %%mm6, %%mm6\n\t"
        "pxor %%mm7, %%mm7\n\t"
        "2:\n\t"
        "movq (%[codes]), %%mm4\n\t"
        FIRST("0", "%%mm0") NEXT_NIBBLE
        FIRST("0", "%%mm1") NEXT_NIBBLE
        FIRST("0", "%%mm2") NEXT_NIBBLE
        FIRST("0", "%%mm3")
        FOUR_NIBBLES("8")
        FOUR_NIBBLES("16")
        FOUR_NIBBLES("24")
        FOUR_NIBBLES("32")
        FOUR_NIBBLES("40")
        FOUR_NIBBLES("48")
        FOUR_NIBBLES("56")
        /* mm0 = (S_0, S_1), mm2 = (S_2, S_3) */
        "movq %%mm0, %%mm4\n\t"
        "punpckldq %%mm1, %%mm0\n\t"
        "punpckhdq %%mm1, %%mm4\n\t"
        "movq %%mm2, %%mm5\n\t"
        "punpckldq %%mm3, %%mm2\n\t"
        "punpckhdq %%mm3, %%mm5\n\t"
        "paddd %%mm4, %%mm0\n\t"
        "paddd %%mm5, %%mm2\n\t"
        /* minus 16 times (S_1, S_2), and (S_3, 0) */
        "movq %%mm0, %%mm1\n\t"
        "movq %%mm2, %%mm3\n\t"
        "psrlq $32, %%mm1\n\t"
        "psrlq $32, %%mm3\n\t"
        "punpckldq %%mm2, %%mm1\n\t"
        "pslld $4, %%mm3\n\t"
        "pslld $4, %%mm1\n\t"
        "psubd %%mm3, %%mm2\n\t"
        "psubd %%mm1, %%mm0\n\t"
        /* the middle and the cut to 16 bits */
        "psubd 64(%[x]), %%mm0\n\t"
        "psubd 72(%[x]), %%mm2\n\t"
        "psrad (%[groups]), %%mm0\n\t"
        "psrad (%[groups]), %%mm2\n\t"
        "packssdw %%mm2, %%mm0\n\t"
        /* s P + m X */
        "movq %%mm0, %%mm2\n\t"
        "punpcklwd 80(%[x]), %%mm0\n\t"
        "punpckhwd 80(%[x]), %%mm2\n\t"
        "pmaddwd 64(%[codes]), %%mm0\n\t"
        "pmaddwd 72(%[codes]), %%mm2\n\t"
        "psrad 8(%[groups]), %%mm0\n\t"
        "psrad 8(%[groups]), %%mm2\n\t"
        "paddd %%mm0, %%mm6\n\t"
        "paddd %%mm2, %%mm7\n\t"
        ADD "$80, %[codes]\n\t"
        ADD "$88, %[x]\n\t"
        "decl %[left]\n\t"
        "jnz 2b\n\t"
        "movq %%mm6, (%[sums])\n\t"
        "movq %%mm7, 8(%[sums])\n\t"
        ADD "$16, %[sums]\n\t"
        "decl %[fours]\n\t"
        "jnz 1b\n\t"
        "emms"
        : [sums] "+r"(sums), [codes] "+r"(codes), [fours] "+m"(fours), [x] "=&r"(x), [left] "=&r"(left)
        : [groups] "r"(groups), [n_groups] "m"(n_groups)
        : "memory", "cc", "mm0", "mm1", "mm2", "mm3", "mm4", "mm5", "mm6", "mm7");
}

/* ---- tables.c -------------------------------------------------------------------------------- */
#define TWO_SUMS(offset, m)                      \
    "movq " offset "(%[from]), " m "\n\t"        \
    "paddd %%mm7, " m "\n\t"                     \
    "movq " m ", " offset "(%[to])\n\t"
#define EIGHT_SUMS TWO_SUMS("0", "%%mm0") TWO_SUMS("8", "%%mm1") TWO_SUMS("16", "%%mm2") TWO_SUMS("24", "%%mm3")
#define TEN_MORE                                                                                             \
    TWO_SUMS("32", "%%mm4") TWO_SUMS("40", "%%mm0") TWO_SUMS("48", "%%mm1") TWO_SUMS("56", "%%mm2")          \
    TWO_SUMS("64", "%%mm3")
/* to[i] = from[i] + x for so many sums at a time. */
#define EXTEND(to_, from_, x_, times_, bytes, two_sums)                       \
    do {                                                                      \
        i32 *to = (to_);                                                      \
        const i32 *from = (from_);                                            \
        u32 times = (times_);                                                 \
        __asm__ __volatile__(                                                 \
            "movd %[x], %%mm7\n\t"                                            \
            "punpckldq %%mm7, %%mm7\n\t"                                      \
            "1:\n\t" two_sums                                                 \
            ADD "$" bytes ", %[from]\n\t"                                     \
            ADD "$" bytes ", %[to]\n\t"                                       \
            "decl %[times]\n\t"                                               \
            "jnz 1b"                                                          \
            : [to] "+r"(to), [from] "+r"(from), [times] "+r"(times)           \
            : [x] "rm"((i32)(x_))                                             \
            : "memory", "cc", "mm0", "mm1", "mm2", "mm3", "mm4", "mm7");      \
    } while (0)

__attribute__((noinline)) void ternary_tables_mmx(i32 *table, const i16 *x, u32 tables)
{
    for (; tables; tables--, table += 256, x += 5) {
        i32 a = x[0], b = x[1];
        i32 first = -(a + b + x[2] + x[3] + x[4]);
        table[0] = first;
        table[1] = first + a;
        table[2] = first + a + a;
        table[3] = first += b;
        table[4] = first + a;
        table[5] = first + a + a;
        table[6] = first += b;
        table[7] = first + a;
        table[8] = first + a + a;
        EXTEND(table + 9, table, x[2], 1, "72", EIGHT_SUMS TEN_MORE);
        EXTEND(table + 27, table, x[3], 3, "72", EIGHT_SUMS TEN_MORE);
        EXTEND(table + 81, table, x[4], 9, "72", EIGHT_SUMS TEN_MORE);
    }
    __asm__ __volatile__("emms");
}

__attribute__((noinline)) void bit_tables_mmx(i32 *table, const i16 *x, u32 tables)
{
    u32 k;

    for (; tables; tables--, table += 256, x += 8) {
        i32 a = 2 * x[0], b = 2 * x[1], c = 2 * x[2];
        i32 first = -(x[0] + x[1] + x[2] + x[3] + x[4] + x[5] + x[6] + x[7]);
        table[0] = first;
        table[1] = first + a;
        table[2] = first + b;
        table[3] = first + a + b;
        table[4] = first += c;
        table[5] = first + a;
        table[6] = first + b;
        table[7] = first + a + b;
        for (k = 3; k < 8; k++)
            EXTEND(table + (1 << k), table, 2 * x[k], 1u << (k - 3), "32", EIGHT_SUMS);
    }
    __asm__ __volatile__("emms");
}

#else

void int8_pairs_mmx(u32 *sums, const i16 *words, const i16 *x, u32 pairs, u32 columns, u32 bias)
{
    int8_pairs_c(sums, words, x, pairs, columns, bias);
}

void int8_short_mmx(u32 *sums, const i16 *words, const i16 *x, u32 pairs, u32 columns, u32 stride, u32 bias)
{
    int8_short_c(sums, words, x, pairs, columns, stride, bias);
}

void wide_pairs_mmx(u32 *sums, const i16 *words, const i16 *x, u32 pairs, u32 columns, u32 stride)
{
    wide_pairs_c(sums, words, x, pairs, columns, stride);
}

void int4_fours_mmx(i32 *sums, const u8 *codes, const u8 *groups, u32 fours, u32 n_groups)
{
    int4_fours_c(sums, codes, groups, fours, n_groups);
}

void ternary_tables_mmx(i32 *table, const i16 *x, u32 tables)
{
    ternary_tables_c(table, x, tables);
}

void bit_tables_mmx(i32 *table, const i16 *x, u32 tables)
{
    bit_tables_c(table, x, tables);
}

#endif
