/* kernels_int4.c - matrices of 4-bit weights in groups of 32 columns, each group with a scale and a middle of its own.
 *
 * A weight is scale * factor[row] * (s * (q - 8) + 8 * m), with a scale for 64 rows, q in 0..15, and s and m 16-bit numbers of
 * its group. Four rows share one word for each column: q of the first in the lowest bits, then the second's and the third's; in
 * the highest stands q - 8 of the fourth, with its sign. With S_k the sum of (word >> 4k) * x modulo 2^32,
 *
 *     sum(q3 - 8) x = S_3,    sum(q2 x) = S_2 - 16 S_3,    sum(q1 x) = S_1 - 16 S_2,    sum(q0 x) = S_0 - 16 S_1
 *
 * are exact, and P_k = sum((q_k - 8) x) needs the sum of the x besides. P and 8 * sum(x) are then cut by `shift` to 16 bits, for
 * PMADDWD to multiply them by s and m; the products are cut by `shift_sums`, so that those of all groups fit 32 bits. `shift`
 * comes from the vector itself: the largest sum of a group's magnitudes, times 8, has to fit. A vector with few large
 * numbers, which is what models have, loses nothing by it.
 *
 * What a vector becomes, so that a kernel needs one address for it ("groups"):
 *     two shifts of 8 bytes;  then for each group 32 numbers of 16 bits; 8 sum - half, twice, and -half, of 32 bits;
 *     (8 sum + half) >> shift, twice, of 16 bits: as many bytes as four rows have.   half = 2^(shift - 1): the cut rounds */
#include "llama98.h"

#define GROUP 80 /* bytes of a group: of four rows 32 words, then s and m of each row; of a vector as above */
#define HEAD_X 16

/* The largest sum of a group's magnitudes. */
static UNROLLED i32 most_of(const u8 *groups, i32 n_groups)
{
    i32 most = 0, sum, g, i;

    for (g = 0; g < n_groups; g++, groups += GROUP) {
        const i16 *x = (const i16 *)(const void *)groups;
        for (sum = 0, i = 0; i < 32; i++) {
            i32 sign = x[i] >> 15;
            sum += (x[i] ^ sign) - sign;
        }
        if (sum > most)
            most = sum;
    }
    return most;
}

static UNROLLED i32 sum_of(const i16 *x)
{
    i32 sum = 0, i;

    for (i = 0; i < 32; i++)
        sum += x[i];
    return sum;
}

static void make_input(struct input *input, i32 padded)
{
    u8 *groups = input->groups;
    i32 n_groups = padded / 32;
    float per_step = int8_step(&input->step16, input->x, input->n, 32767);
    i32 most, shift = 0, shift_sums = 0, half, g;

    input->made &= ~(1u << ENC_GROUPS);
    input->made |= 1u << ENC_INT4;
    for (g = 0; g < n_groups; g++) {
        i32 left = input->n - 32 * g;
        int8_round((i16 *)(void *)(groups + HEAD_X + GROUP * g), input->x + 32 * g, left < 32 ? left : 32, 32, per_step);
    }
    most = most_of(groups + HEAD_X, n_groups);
    while ((8 * most) >> shift > 32767)
        shift++;
    while (n_groups > 1 << shift_sums)
        shift_sums++;
    half = shift ? 1 << (shift - 1) : 0;
    memset(groups, 0, HEAD_X);
    memcpy(groups, &shift, 4);
    memcpy(groups + 8, &shift_sums, 4);
    groups += HEAD_X;
    for (g = 0; g < n_groups; g++, groups += GROUP) {
        i32 eight = 8 * sum_of((const i16 *)(void *)groups);
        i32 cut = (eight + half) >> shift;
        i32 *offsets = (i32 *)(void *)(groups + 64);
        offsets[0] = offsets[1] = eight - half;
        offsets[2] = -half;
        offsets[3] = (i32)(0x10001u * (u16)(cut > 32767 ? 32767 : cut));
    }
    input->step4 = input->step16 * (float)(1 << shift) * (float)(1 << shift_sums);
}

static i32 cut_to_16(i32 p, i32 shift)
{
    p >>= shift;
    return p > 32767 ? 32767 : p < -32768 ? -32768 : p;
}

void int4_fours_c(i32 *sums, const u8 *codes, const u8 *groups, u32 fours, u32 n_groups)
{
    i32 shift, shift_sums;
    u32 g, i, k;

    memcpy(&shift, groups, 4);
    memcpy(&shift_sums, groups + 8, 4);
    for (; fours; fours--, sums += 4) {
        const u8 *at = groups + HEAD_X;
        memset(sums, 0, 4 * sizeof *sums);
        for (g = 0; g < n_groups; g++, at += GROUP, codes += GROUP) {
            const i16 *words = (const i16 *)codes;
            const i16 *x = (const i16 *)at;
            const i32 *offsets = (const i32 *)(at + 64);
            i32 p[4] = {0, 0, 0, 0};
            for (i = 0; i < 32; i++) {
                i32 word = words[i];
                p[0] += (word & 15) * x[i];
                p[1] += (word >> 4 & 15) * x[i];
                p[2] += (word >> 8 & 15) * x[i];
                p[3] += (word >> 12) * x[i];
            }
            for (k = 0; k < 4; k++)
                sums[k] += (cut_to_16(p[k] - offsets[k < 3 ? 0 : 2], shift) * words[32 + 2 * k] +
                            x[38] * words[33 + 2 * k]) >> shift_sums;
        }
    }
}

static UNROLLED void scale_sums(float *out, const i32 *sums, const i16 *factors, float step, i32 n)
{
    i32 i;

    for (i = 0; i < n; i++)
        out[i] = SINGLE((double)sums[i] * (double)((float)factors[i] * step));
}

void int4_multiply(const struct product *p, struct input *inputs, i32 n_inputs, enum kernel kernel)
{
    const struct matrix *m = p->w;
    u32 n_groups = (u32)m->padded / 32;
    i32 sums[ROWS_AT_ONCE];
    i32 row, t;

    for (t = 0; t < n_inputs; t++)
        if (!(inputs[t].made & 1u << ENC_INT4))
            make_input(inputs + t, m->padded);
    for (row = 0; row < m->rows; row += ROWS_AT_ONCE) {
        i32 left = m->rows - row < ROWS_AT_ONCE ? m->rows - row : ROWS_AT_ONCE;
        const u8 *codes = m->more ? m->more(m, (u32)matrix_rows_at_once(m, row) / 4 * n_groups * GROUP)
                                  : m->codes + (usize)(row / 4) * n_groups * GROUP;
        for (t = 0; t < n_inputs; t++) {
            float *out = p->out + (usize)t * (usize)p->stride + row;
            if (kernel == KERNEL_MMX)
                streaming98[prefetch98].int4_fours(sums, codes, inputs[t].groups, ((u32)left + 3) / 4, n_groups);
            else
                int4_fours_c(sums, codes, inputs[t].groups, ((u32)left + 3) / 4, n_groups);
            scale_sums(out, sums, m->factors + row, m->scale[row / ROWS_AT_ONCE] * inputs[t].step4, left);
        }
    }
}
