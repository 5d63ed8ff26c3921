/* kernels_bit.c - matrices of -s and +s, eight in a byte, with a scale s for 128 columns.
 *
 * As kernels_ternary.c, with tables of 256 values. The tables of 64 columns fill half of the first-level cache, so 128
 * columns are taken as two halves: the first leaves its sums in `part`, the second adds its own and scales. */
#include "llama98.h"

#define BYTES 8 /* of a row in a half */

static i32 tables[BYTES][256];

/* table[bits] = sum of +-x */
static void make_table(i32 *table, const i16 *x)
{
    u32 n, i, k;

    table[0] = 0;
    for (k = 0; k < 8; k++)
        table[0] -= x[k];
    table[1] = table[0] + 2 * x[0];
    for (k = 1, n = 2; k < 8; k++, n *= 2)
        for (i = 0; i < n; i += 2) {
            table[n + i] = table[i] + 2 * x[k];
            table[n + i + 1] = table[i + 1] + 2 * x[k];
        }
}

static void make_tables(const i16 *x)
{
    i32 b;

    for (b = 0; b < BYTES; b++)
        make_table(tables[b], x + 8 * b);
}

#define FOUR(word, t) \
    (tables[t][(word) & 255] + tables[(t) + 1][(u8)((word) >> 8)] + tables[(t) + 2][(u8)((word) >> 16)] + tables[(t) + 3][(word) >> 24])

static void first_half(i32 *part, const u32 *codes, i32 rows)
{
    for (; rows > 0; rows--, part++, codes += 2)
        *part = FOUR(codes[0], 0) + FOUR(codes[1], 4);
}

static void second_half(float *out, const i32 *part, const u32 *codes, i32 rows, float step)
{
    for (; rows > 0; rows--, codes += 3) {
        i32 sum = *part++ + FOUR(codes[1], 0) + FOUR(codes[2], 4);
        *out++ += (float)((double)sum * (double)(*(const float *)(const void *)codes * step));
    }
}

void bit_multiply(const struct product *p, struct input *inputs, i32 n_inputs)
{
    const struct matrix *m = p->w;
    usize all = ((usize)m->rows + 3) & ~(usize)3;
    const u8 *codes = m->codes;
    i32 column, t, i;

    for (t = 0; t < n_inputs; t++) {
        float *out = p->out + (usize)t * (usize)p->stride;
        input_16(inputs + t);
        for (i = 0; i < m->rows; i++)
            out[i] = 0.0f;
    }
    for (column = 0; column < m->cols; column += 128, codes += 20 * all)
        for (t = 0; t < n_inputs; t++) {
            make_tables(inputs[t].q16 + column);
            first_half(inputs[t].part, (const u32 *)(const void *)codes, m->rows);
            make_tables(inputs[t].q16 + column + 64);
            second_half(p->out + (usize)t * (usize)p->stride, inputs[t].part,
                        (const u32 *)(const void *)(codes + 8 * all), m->rows, inputs[t].step16);
        }
}
