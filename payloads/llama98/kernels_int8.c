/* kernels_int8.c - matrices of 8-bit weights, vectors of 16-bit activations, 32-bit sums.
 *
 * A weight is q * scale[row] with q in -127..127, an activation q * step with q within 16 bits; one sum of
 * products is an exact integer, so every kernel gives the same.
 *
 * Two rows a and b share one row of 16-bit words: word = 256 * a + (b + 128). The processor's PMADDWD
 * multiplies words by activations, so per four columns of two rows a kernel needs one load, one
 * shift and two PMADDWD, and nothing is unpacked:
 *
 *     s1 = sum of word * x        = 256 * sum(a x) + sum(b x) + 128 * sum(x)
 *     s2 = sum of (word >> 8) * x = sum(a x)                  (the shift keeps the sign)
 *
 * s1 may overflow: everything is modulo 2^32, and sum(b x) = s1 - 256 * s2 - 128 * sum(x) comes out right
 * as long as it fits itself. That is why activations use 16 bits only as far as 127 * columns * |q| stays below
 * 2^31: all of them up to 516 columns, 14 bits at 1,032 and so on. */
#include "llama98.h"

#define ROUND 12582912.0f /* 1.5 * 2^23: adding it leaves the nearest integer in the low bits */
#define TINY 1e-30f       /* a row or vector with no greater value than this counts as zero */

union bits {
    float f;
    u32 u;
};

/* The largest magnitude; as an integer, because positive floats compare like their bits and the FPU
 * compares slowly. */
static float largest(const float *x, i32 n)
{
    const union bits *at = (const union bits *)x;
    union bits best;

    best.u = 0;
    for (; n > 0; n--, at++)
        if ((at->u & 0x7FFFFFFFu) > best.u)
            best.u = at->u & 0x7FFFFFFFu;
    return best.f;
}

/* A finite value worth dividing by? False for a NaN too. */
static int usable(float largest_value)
{
    return largest_value > TINY && largest_value < 1e30f;
}

void int8_store_row(struct matrix *m, i32 row, const float *values)
{
    u16 *words = (u16 *)m->pairs + (usize)(row >> 1) * (usize)m->padded;
    float top = largest(values, m->cols);
    int some = usable(top);
    float per_step = some ? 127.0f / top : 0.0f;
    union bits q;
    i32 i;

    m->scale[row] = some ? top / 127.0f : 0.0f;
    for (i = 0; i < m->cols; i++) {
        q.f = some ? values[i] * per_step + ROUND : ROUND;
        if (row & 1)
            words[i] = (u16)((words[i] & 0xFF00u) | ((q.u + 128u) & 0xFFu));
        else
            words[i] = (u16)(q.u << 8 | 128u); /* b = 0 until it comes */
    }
}

void int8_load_row(const struct matrix *m, i32 row, float *values)
{
    const i16 *words = m->pairs + (usize)(row >> 1) * (usize)m->padded;
    float scale = m->scale[row];
    i32 i;

    if (row & 1)
        for (i = 0; i < m->cols; i++)
            values[i] = (float)((words[i] & 0xFF) - 128) * scale;
    else
        for (i = 0; i < m->cols; i++)
            values[i] = (float)(words[i] >> 8) * scale;
}

void int8_input(struct input *input, const float *x, i32 n, i32 padded)
{
    i32 limit = 0x7FFFFFFF / 127 / n;
    float top = largest(x, n);
    float per_step;
    union bits q;
    i32 sum = 0;
    i32 i;

    if (limit > 32767)
        limit = 32767;
    if (usable(top)) {
        per_step = (float)limit / top;
        input->step = top / (float)limit;
        for (i = 0; i < n; i++) {
            q.f = x[i] * per_step + ROUND;
            input->q[i] = (i16)q.u;
            sum += input->q[i];
        }
    } else {
        input->step = 0.0f;
        for (i = 0; i < n; i++)
            input->q[i] = 0;
    }
    for (; i < padded; i++)
        input->q[i] = 0;
    input->bias = (u32)sum << 7;
}

#define BLOCK 32 /* row pairs at a time: their sums stay in the first-level cache */

void int8_multiply(float *out, const struct matrix *m, const struct input *input, enum kernel kernel)
{
    u32 sums[2 * BLOCK];
    const i16 *words = m->pairs;
    const float *scale = m->scale;
    float step = input->step;
    u32 bias = input->bias;
    u32 columns = (u32)m->padded;
    u32 left = (u32)m->rows >> 1;
    u32 count, i;

    for (; left; left -= count) {
        count = left < BLOCK ? left : BLOCK;
        if (kernel == KERNEL_MMX)
            int8_pairs_mmx(sums, words, input->q, count, columns);
        else
            int8_pairs_c(sums, words, input->q, count, columns);
        words += (usize)count * columns;
        for (i = 0; i < count; i++) {
            u32 a = sums[2 * i + 1];
            u32 b = sums[2 * i] - (a << 8) - bias;
            /* In double: the sum has up to 31 bits and must be rounded once, after the product. */
            *out++ = (float)((double)(i32)a * (double)(*scale++ * step));
            *out++ = (float)((double)(i32)b * (double)(*scale++ * step));
        }
    }
    if (m->rows & 1) {
        if (kernel == KERNEL_MMX)
            int8_pairs_mmx(sums, words, input->q, 1, columns);
        else
            int8_pairs_c(sums, words, input->q, 1, columns);
        *out = (float)((double)(i32)sums[1] * (double)(*scale * step));
    }
}
