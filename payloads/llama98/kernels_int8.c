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
static UNROLLED float largest(const float *x, i32 n)
{
    const union bits *at = (const union bits *)x;
    union bits best;
    u32 most = 0;

    for (; n > 0; n--, at++) {
        u32 size = at->u & 0x7FFFFFFFu;
        if (size > most)
            most = size;
    }
    best.u = most;
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
    const u8 *step = m->steps ? m->steps + (usize)row * (usize)(m->padded / 32) : 0;
    float scale = m->scale[row];
    i32 i;

    for (i = 0; i < m->cols; i++) {
        if (step && !(i & 31))
            scale = m->scale[row] * (float)*step++;
        values[i] = (float)(row & 1 ? (words[i] & 0xFF) - 128 : words[i] >> 8) * scale;
    }
}

float int8_step(float *step, const float *x, i32 n, i32 limit)
{
    float top = largest(x, n);
    int some = usable(top);

    *step = some ? top / (float)limit : 0.0f;
    return some ? (float)limit / top : 0.0f;
}

UNROLLED void int8_round(i16 *q, const float *x, i32 n, i32 padded, float per_step)
{
    i32 i = 0;

    if (per_step > 0.0f)
        for (; i < n; i++)
            STORE_ROUNDED(q + i, x[i] * per_step);
    memset(q + i, 0, (usize)(padded - i) * sizeof *q);
}

/* q becomes whole numbers up to +-limit that are x / step; returns the step, and their sum when it is asked for. Zeros when x is
 * none or no number. */
UNROLLED float int8_quantise(i16 *q, const float *x, i32 n, i32 padded, i32 limit, i32 *total)
{
    float step;
    i32 sum, i;

    int8_round(q, x, n, padded, int8_step(&step, x, n, limit));
    if (total) {
        for (sum = 0, i = 0; i < n; i++)
            sum += q[i];
        *total = sum;
    }
    return step;
}

i32 int8_input(struct input *input, i32 padded)
{
    i32 limit = 0x7FFFFFFF / 127 / input->n;
    i32 sum;

    if (input->made & 1u << ENC_INT8)
        return (i32)input->bias >> 7;
    input->made |= 1u << ENC_INT8;
    input->step = int8_quantise(input->q, input->x, input->n, padded, limit > 32767 ? 32767 : limit, &sum);
    input->bias = (u32)sum << 7;
    return sum;
}

/* The rows from `row` on, an even one: `pairs` pairs of them, whose last has one row only when `odd`. */
static UNROLLED void some_rows(const struct product *p, i32 row, const i16 *words, u32 pairs, int odd,
                               const struct input *input, float *out, enum kernel kernel)
{
    u32 sums[ROWS_AT_ONCE];
    const float *scale = p->w->scale + row;
    float step = input->step;
    u32 i;

    (kernel == KERNEL_MMX ? streaming98[prefetch98].int8_pairs : int8_pairs_c)(sums, words, input->q, pairs, (u32)p->w->padded,
                                                           input->bias);
    /* In double: a sum has up to 31 bits and must be rounded once, after the product. */
    for (i = 0; i < 2 * pairs; i += 2) {
        out[i] = SINGLE((double)(i32)sums[i + 1] * (double)scale[i]) * step;
        if (!odd || i + 2 < 2 * pairs)
            out[i + 1] = SINGLE((double)(i32)sums[i] * (double)scale[i + 1]) * step;
    }
}

/* A block of rows for one input after the other: the rows are then in a cache. */
void int8_multiply(const struct product *p, struct input *inputs, i32 n_inputs, enum kernel kernel)
{
    const struct matrix *m = p->w;
    i32 row, t;

    for (t = 0; t < n_inputs; t++)
        int8_input(inputs + t, m->padded);
    for (row = 0; row < m->rows; row += ROWS_AT_ONCE) {
        i32 left = m->rows - row < ROWS_AT_ONCE ? m->rows - row : ROWS_AT_ONCE;
        const i16 *words = m->more ? (const i16 *)(const void *)m->more(m, (u32)matrix_rows_at_once(m, row) * (u32)m->padded)
                                   : m->pairs + (usize)(row >> 1) * (usize)m->padded;
        for (t = 0; t < n_inputs; t++)
            some_rows(p, row, words, ((u32)left + 1) >> 1, left & 1, inputs + t,
                      p->out + (usize)t * (usize)p->stride + row, kernel);
    }
}

/* ---- groups of 32 columns, each with a step of its own ---------------------------------------- */
static float floats[256]; /* whole numbers: the processor takes none out of a byte */

static void group_biases(struct input *input, i32 n_groups)
{
    u32 *bias = (u32 *)(void *)input->groups;
    const i16 *x;
    i32 n;

    for (n = 0; n < 256; n++)
        floats[n] = (float)n;
    input_16(input);
    input->made &= ~(1u << ENC_INT4); /* whose room it is */
    input->made |= 1u << ENC_GROUPS;
    for (x = input->q16; n_groups; n_groups--) {
        i32 sum = 0, i;
        for (i = 0; i < 32; i++)
            sum += *x++;
        *bias++ = (u32)sum << 7;
    }
}

static UNROLLED FOR_PENTIUM_II void add_scaled(float *sum, const u32 *sums, const u8 *steps, i32 n_groups, u32 pairs)
{
    for (; pairs; pairs--, sum += 2, sums += 2, steps += 2 * n_groups) {
        sum[0] += SINGLE((double)(i32)sums[1] * (double)floats[steps[0]]);
        sum[1] += SINGLE((double)(i32)sums[0] * (double)floats[steps[n_groups]]);
    }
}

/* As many rows as a block has. Sums of a group are exact, those of a row floats. */
static void rows_of_groups(const struct matrix *m, i32 row, i32 rows, const i16 *words, const struct input *input,
                           float *out, enum kernel kernel)
{
    u32 sums[ROWS_AT_ONCE];
    float sum[ROWS_AT_ONCE];
    const u32 *bias = (const u32 *)(const void *)input->groups;
    const i16 *x = input->q16;
    u32 pairs = ((u32)rows + 1) / 2;
    i32 n_groups = m->padded / 32;
    i32 g, i;

    memset(sum, 0, sizeof sum);
    for (g = 0; g < n_groups; g++, words += 32, x += 32) {
        (kernel == KERNEL_MMX ? int8_short_mmx : int8_short_c)(sums, words, x, pairs, 32, (u32)m->padded, bias[g]);
        add_scaled(sum, sums, m->steps + (usize)row * (usize)n_groups + g, n_groups, pairs);
    }
    for (i = 0; i < rows; i++)
        out[i] = sum[i] * m->scale[row + i] * input->step16;
}

void groups_multiply(const struct product *p, struct input *inputs, i32 n_inputs, enum kernel kernel)
{
    const struct matrix *m = p->w;
    i32 row, t;

    for (t = 0; t < n_inputs; t++)
        if (!(inputs[t].made & 1u << ENC_GROUPS))
            group_biases(inputs + t, m->padded / 32);
    for (row = 0; row < m->rows; row += ROWS_AT_ONCE) {
        i32 left = m->rows - row < ROWS_AT_ONCE ? m->rows - row : ROWS_AT_ONCE;
        const i16 *words = m->more ? (const i16 *)(const void *)m->more(m, (u32)matrix_rows_at_once(m, row) * (u32)m->padded)
                                   : m->pairs + (usize)(row >> 1) * (usize)m->padded;
        for (t = 0; t < n_inputs; t++)
            rows_of_groups(m, row, left, words, inputs + t, p->out + (usize)t * (usize)p->stride + row, kernel);
    }
}
