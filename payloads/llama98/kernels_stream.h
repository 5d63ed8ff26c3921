/* kernels_stream.h - the kernels that read what is in no cache: included by each file that has them with a prefetch of its own.
 *
 * Before it is included, NAME(kernel) is the kernel's name there and PREFETCH(offset, base, index) an instruction, or nothing.
 *
 * One index serves words and activations, counting up to zero; 30 instructions do 32 multiply-adds. The port that multiplies
 * (two PMADDWD) and the three instructions a cycle are equally full: three cycles for eight multiply-adds. */
#if defined(__i386__) || defined(__x86_64__)

#if defined(__x86_64__)
#define ADD "addq "
#define SUB "subq "
#define ADD_INDEX "addq $32, %[at]\n\t"
#define GET_INDEX "movq %[from], %[at]\n\t"
#define ADD_ROW "subq %[from], %[words]\n\t"
#define ADD_SHORT "addq $16, %[at]\n\t"
#define ADD_NEXT "addq %[next], %[words]\n\t"
#define ADD_SECOND "addq %[next], %[second]\n\t"
#else
#define ADD "addl "
#define SUB "subl "
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

/* Each accumulator holds two halves of its sum, (s1, s1') and (s2, s2'): these become (s1 - 256 s2, s1' - 256 s2'), and then
 * (s1 + s1' - 256 (s2 + s2'), s2 + s2'), the second row's sum and the first's. */
#define PAIR_SUMS                \
    "movq %%mm7, %%mm0\n\t"      \
    "pslld $8, %%mm0\n\t"        \
    "psubd %%mm0, %%mm6\n\t"     \
    "movq %%mm6, %%mm0\n\t"      \
    "punpckldq %%mm7, %%mm6\n\t" \
    "punpckhdq %%mm7, %%mm0\n\t" \
    "paddd %%mm0, %%mm6\n\t"     \
    "movq %%mm6, (%[sums])\n\t"

__attribute__((noinline)) void NAME(int8_pairs)(u32 *sums, const i16 *words, const i16 *x, u32 pairs,
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
        PREFETCH("288", "words", "at")
        FOUR_COLUMNS("0", "%%mm0", "%%mm1")
        FOUR_COLUMNS("8", "%%mm2", "%%mm3")
        FOUR_COLUMNS("16", "%%mm4", "%%mm5")
        FOUR_COLUMNS("24", "%%mm0", "%%mm1")
        ADD_INDEX
        "jnz 2b\n\t"
        PAIR_SUMS
        ADD_ROW
        "add $8, %[sums]\n\t"
        "decl %[pairs]\n\t"
        "jnz 1b\n\t"
        "emms"
        : [sums] "+r"(sums), [words] "+r"(words_end), [pairs] "+m"(pairs), [at] "=&r"(at)
        : [x] "r"(x_end), [from] "r"(from), [start] "m"(start)
        : "memory", "cc", "mm0", "mm1", "mm2", "mm3", "mm4", "mm5", "mm6", "mm7");
}

#define NEXT_NIBBLE "psraw $4, %%mm4\n\t"
#define TIMES(offset, sum)                   \
    "movq %%mm4, %%mm5\n\t"                  \
    "pmaddwd " offset "(%[x],%[at]), %%mm5\n\t" \
    "paddd %%mm5, " sum "\n\t"
#define FIRST(offset, sum)                   \
    "movq %%mm4, " sum "\n\t"                \
    "pmaddwd " offset "(%[x],%[at]), " sum "\n\t"
#define LAST(offset)                         \
    "pmaddwd " offset "(%[x],%[at]), %%mm4\n\t" \
    "paddd %%mm4, %%mm3\n\t"
#define FOUR_NIBBLES(offset)                 \
    "movq " offset "(%[codes],%[at]), %%mm4\n\t" \
    TIMES(offset, "%%mm0") NEXT_NIBBLE       \
    TIMES(offset, "%%mm1") NEXT_NIBBLE       \
    TIMES(offset, "%%mm2") NEXT_NIBBLE       \
    LAST(offset)

/* mm0 = (S_0, S_1), mm2 = (S_2, S_3), then minus 16 times (S_1, S_2) and (S_3, 0) */
#define FOUR_SUMS                        \
    "movq %%mm0, %%mm4\n\t"           \
    "punpckldq %%mm1, %%mm0\n\t"      \
    "punpckhdq %%mm1, %%mm4\n\t"      \
    "movq %%mm2, %%mm5\n\t"           \
    "punpckldq %%mm3, %%mm2\n\t"      \
    "punpckhdq %%mm3, %%mm5\n\t"      \
    "paddd %%mm4, %%mm0\n\t"          \
    "paddd %%mm5, %%mm2\n\t"          \
    "movq %%mm0, %%mm1\n\t"           \
    "movq %%mm2, %%mm3\n\t"           \
    "psrlq $32, %%mm1\n\t"            \
    "psrlq $32, %%mm3\n\t"            \
    "punpckldq %%mm2, %%mm1\n\t"      \
    "pslld $4, %%mm3\n\t"             \
    "pslld $4, %%mm1\n\t"             \
    "psubd %%mm3, %%mm2\n\t"          \
    "psubd %%mm1, %%mm0\n\t"

__attribute__((noinline)) void NAME(int4_fours)(i32 *sums, const u8 *codes, const u8 *groups, u32 fours, u32 n_groups)
{
    const u8 *x = groups + 16 + (usize)n_groups * 80;
    long from = -80 * (long)n_groups;
    long at;

    if (!fours || !n_groups)
        return;
    codes -= from;
    __asm__ __volatile__(
        "1:\n\t"
        GET_INDEX
        "pxor %%mm6, %%mm6\n\t"
        "pxor %%mm7, %%mm7\n\t"
        "2:\n\t"
        PREFETCH("320", "codes", "at")
        PREFETCH("352", "codes", "at")
        PREFETCH("384", "codes", "at")
        "movq (%[codes],%[at]), %%mm4\n\t"
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
        FOUR_SUMS
        /* the middle and the cut to 16 bits */
        "psubd 64(%[x],%[at]), %%mm0\n\t"
        "psubd 68(%[x],%[at]), %%mm2\n\t"
        "psrad (%[groups]), %%mm0\n\t"
        "psrad (%[groups]), %%mm2\n\t"
        "packssdw %%mm2, %%mm0\n\t"
        /* s P + m X */
        "movq %%mm0, %%mm2\n\t"
        "punpcklwd 76(%[x],%[at]), %%mm0\n\t"
        "punpckhwd 72(%[x],%[at]), %%mm2\n\t"
        "pmaddwd 64(%[codes],%[at]), %%mm0\n\t"
        "pmaddwd 72(%[codes],%[at]), %%mm2\n\t"
        "psrad 8(%[groups]), %%mm0\n\t"
        "psrad 8(%[groups]), %%mm2\n\t"
        "paddd %%mm0, %%mm6\n\t"
        "paddd %%mm2, %%mm7\n\t"
        ADD "$80, %[at]\n\t"
        "jnz 2b\n\t"
        "movq %%mm6, (%[sums])\n\t"
        "movq %%mm7, 8(%[sums])\n\t"
        ADD "$16, %[sums]\n\t"
        SUB "%[from], %[codes]\n\t"
        "decl %[fours]\n\t"
        "jnz 1b\n\t"
        "emms"
        : [sums] "+r"(sums), [codes] "+r"(codes), [fours] "+m"(fours), [at] "=&r"(at)
        : [x] "r"(x), [groups] "r"(groups), [from] "m"(from)
        : "memory", "cc", "mm0", "mm1", "mm2", "mm3", "mm4", "mm5", "mm6", "mm7");
}

#else

void NAME(int8_pairs)(u32 *sums, const i16 *words, const i16 *x, u32 pairs, u32 columns, u32 bias)
{
    int8_pairs_c(sums, words, x, pairs, columns, bias);
}

void NAME(int4_fours)(i32 *sums, const u8 *codes, const u8 *groups, u32 fours, u32 n_groups)
{
    int4_fours_c(sums, codes, groups, fours, n_groups);
}

#endif
