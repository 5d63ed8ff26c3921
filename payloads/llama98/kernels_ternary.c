/* kernels_ternary.c - matrices of -1, 0 and +1 with one scale a row, five weights in a byte.
 *
 * Nothing is multiplied: what a byte can add to a sum is one of 243 values, so they are worked out once for a tile of 40
 * columns (eight tables, which stay in the first-level cache) and looked up for each row: one addition for five weights. A
 * matrix is kept tile by tile for that; matrices with the same inputs share the tables. The sums are exact. */
#include "llama98.h"

#define TABLE 256 /* 243 are used; a damaged byte finds a zero */
#define BYTES 8   /* of a row in a tile; 4 in the last when half of it is left */

static i32 tables[BYTES][TABLE];

/* table[t0 + 3 t1 + 9 t2 + 27 t3 + 81 t4] = sum of (t - 1) x */
static void make_table(i32 *table, const i16 *x)
{
    u32 n = 1;
    u32 i, k;

    table[0] = -(x[0] + x[1] + x[2] + x[3] + x[4]);
    for (k = 0; k < 5; k++, n *= 3)
        for (i = 0; i < 2 * n; i += 2) {
            table[n + i] = table[i] + x[k];
            table[n + i + 1] = table[i + 1] + x[k];
        }
}

/* The places of four bytes of a word; GCC makes MOVZX of each, and one shift. */
#define FOUR(word, t) \
    (tables[t][(word) & 255] + tables[(t) + 1][(u8)((word) >> 8)] + tables[(t) + 2][(u8)((word) >> 16)] + tables[(t) + 3][(word) >> 24])

static void add_rows(sum32 *sums, const u32 *codes, i32 rows)
{
    for (; rows > 1; rows -= 2, sums += 2, codes += 4) {
        sums[0] += FOUR(codes[0], 0) + FOUR(codes[1], 4);
        sums[1] += FOUR(codes[2], 0) + FOUR(codes[3], 4);
    }
    if (rows)
        sums[0] += FOUR(codes[0], 0) + FOUR(codes[1], 4);
}

static void add_half_rows(sum32 *sums, const u32 *codes, i32 rows)
{
    for (; rows > 0; rows--, sums++, codes++)
        sums[0] += FOUR(codes[0], 0);
}

static sum32 *sums_of(const struct product *p, i32 t)
{
    return (sum32 *)(void *)(p->out + (usize)t * (usize)p->stride);
}

/* The sums stand where the results go, until they are done. */
static void finish(const struct product *p, i32 t, float step)
{
    const sum32 *sums = sums_of(p, t);
    float *out = p->out + (usize)t * (usize)p->stride;
    i32 i;

    for (i = 0; i < p->w->rows; i++) {
        i32 sum = sums[i];
        out[i] = (float)((double)sum * (double)(p->w->scale[i] * step));
    }
}

void ternary_multiply(const struct product *p, int count, struct input *inputs, i32 n_inputs)
{
    u32 left = (u32)p->w->padded / 5; /* bytes of a row from this tile on */
    u32 before = 0, size, b;
    i32 t;
    int k;

    for (t = 0; t < n_inputs; t++) {
        input_16(inputs + t);
        for (k = 0; k < count; k++)
            memset(sums_of(p + k, t), 0, (usize)p[k].w->rows * sizeof(i32));
    }
    for (; left; left -= size, before += size) {
        size = left < BYTES ? left : BYTES;
        for (t = 0; t < n_inputs; t++) {
            for (b = 0; b < size; b++)
                make_table(tables[b], inputs[t].q16 + 5 * (before + b));
            for (k = 0; k < count; k++) {
                const struct matrix *m = p[k].w;
                usize all = ((usize)m->rows + 3) & ~(usize)3;
                const u32 *codes = (const u32 *)(const void *)(m->codes + all * before);
                if (size == BYTES)
                    add_rows(sums_of(p + k, t), codes, m->rows);
                else
                    add_half_rows(sums_of(p + k, t), codes, m->rows);
            }
        }
    }
    for (t = 0; t < n_inputs; t++)
        for (k = 0; k < count; k++)
            finish(p + k, t, inputs[t].step16);
}
