/* kernels_ternary.c - matrices of -1, 0 and +1 with one scale a row, five weights in a byte.
 *
 * Nothing is multiplied: what a byte can add to a sum is one of 243 values, so they are worked out once for a tile of 40
 * columns (eight tables, which stay in the first-level cache) and looked up for each row: one addition for five weights. A
 * matrix is kept tile by tile for that; matrices with the same inputs share the tables. The sums are exact. */
#include "llama98.h"

#define BYTES 8   /* of a row in a tile; 4 in the last when half of it is left */

static sum32 *sums_of(const struct product *p, i32 t)
{
    return (sum32 *)(void *)(p->out + (usize)t * (usize)p->stride);
}

/* The sums stand where the results go, until they are done. */
static UNROLLED void finish(const struct product *p, i32 t, float step)
{
    const sum32 *sums = sums_of(p, t);
    const float *scale = p->w->scale;
    float *out = p->out + (usize)t * (usize)p->stride;
    i32 rows = p->w->rows;
    i32 i;

    for (i = 0; i < rows; i++) {
        i32 sum = sums[i];
        out[i] = SINGLE((double)sum * (double)(scale[i] * step));
    }
}

void ternary_multiply(const struct product *p, int count, struct input *inputs, i32 n_inputs, enum kernel kernel)
{
    u32 left = (u32)p->w->padded / 5; /* bytes of a row from this tile on */
    u32 full = ((u32)p->w->cols + 4) / 5; /* those that hold a weight */
    u32 before = 0, size, used;
    void (*make_tables)(i32 *, const i16 *, u32) = kernel == KERNEL_MMX ? ternary_tables_mmx : ternary_tables_c;
    const u8 *read = 0;
    i32 t;
    int k;

    for (t = 0; t < n_inputs; t++) {
        input_16(inputs + t);
        for (k = 0; k < count && left < BYTES; k++)
            memset(sums_of(p + k, t), 0, (usize)p[k].w->rows * sizeof(i32));
    }
    for (; left; left -= size, before += size) {
        size = left < BYTES ? left : BYTES;
        used = size == 4 && full - before <= 2 ? 2 : size;
        if (p->w->more) /* then it is the only one */
            read = p->w->more(p->w, size * (((u32)p->w->rows + 3) & ~3u));
        for (t = 0; t < n_inputs; t++) {
            make_tables(tables98[0], inputs[t].q16 + 5 * before, used);
            for (k = 0; k < count; k++) {
                const struct matrix *m = p[k].w;
                const u8 *codes = read ? read : m->codes + (((usize)m->rows + 3) & ~(usize)3) * before;
                if (!before && size == BYTES)
                    tables_put(sums_of(p + k, t), codes, m->rows);
                else
                    tables_add(sums_of(p + k, t), codes, m->rows, used, size);
            }
        }
    }
    for (t = 0; t < n_inputs; t++)
        for (k = 0; k < count; k++)
            finish(p + k, t, inputs[t].step16);
}
