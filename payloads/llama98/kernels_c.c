/* kernels_c.c - the sums of kernels_int8.c in plain C: for every processor, and the judge of MMX. */
#include "llama98.h"

void int8_pairs_c(u32 *sums, const i16 *words, const i16 *x, u32 pairs, u32 columns, u32 bias)
{
    int8_short_c(sums, words, x, pairs, columns, columns, bias);
}

void int8_short_c(u32 *sums, const i16 *words, const i16 *x, u32 pairs, u32 columns, u32 stride, u32 bias)
{
    u32 j;

    for (; pairs; pairs--) {
        u32 s1 = 0, s2 = 0;
        for (j = 0; j < columns; j++) {
            s1 += (u32)(words[j] * x[j]);
            s2 += (u32)((words[j] >> 8) * x[j]);
        }
        *sums++ = s1 - (s2 << 8) - bias;
        *sums++ = s2;
        words += stride;
    }
}

void wide_pairs_c(u32 *sums, const i16 *words, const i16 *x, u32 pairs, u32 columns, u32 stride)
{
    u32 rows, j;

    for (rows = 2 * pairs; rows; rows--, words += stride) {
        u32 s = 0;
        for (j = 0; j < columns; j++)
            s += (u32)(words[j] * x[j]);
        *sums++ = s;
    }
}

void upper_bits_c(i16 *to, const i16 *pairs, u32 fours, u32 columns)
{
    u32 j;

    for (; fours; fours--, pairs += columns)
        for (j = 0; j < columns; j++, pairs++)
            *to++ = (i16)(((pairs[0] & 0xF0F0) | ((pairs[columns] >> 4) & 0x0F0F)) ^ 0x0800);
}

void upper_fours_c(i32 *sums, const i16 *words, const i16 *x, u32 fours, u32 columns, u32 bias, u32 first)
{
    u32 j;

    for (; fours; fours--, sums += 4, words += columns) {
        u32 s[4] = {0, 0, 0, 0};
        for (j = 0; j < columns; j++) {
            i32 word = words[j];
            s[0] += (u32)((word >> 12) * x[j]);
            s[1] += (u32)((word >> 4 & 15) * x[j]);
            s[2] += (u32)((word >> 8 & 15) * x[j]);
            s[3] += (u32)((word & 15) * x[j]);
        }
        sums[0] = (i32)(s[0] - first);
        for (j = 1; j < 4; j++)
            sums[j] = (i32)(s[j] - bias);
    }
}
