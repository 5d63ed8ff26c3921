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
