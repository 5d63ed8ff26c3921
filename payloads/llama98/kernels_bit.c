/* kernels_bit.c - matrices of -s and +s, eight in a byte, with a scale s for 128 columns.
 *
 * As kernels_ternary.c, with tables of 256 values. The tables of 64 columns fill half of the first-level cache, so 128
 * columns are taken as two halves: the first leaves its sums in `part`, the second adds its own and scales. */
#include "llama98.h"

#define BYTES 8 /* of a row in a half */

void bit_multiply(const struct product *p, struct input *inputs, i32 n_inputs, enum kernel kernel)
{
    const struct matrix *m = p->w;
    usize all = ((usize)m->rows + 3) & ~(usize)3;
    const u8 *codes = m->codes;
    void (*make_tables)(i32 *, const i16 *, u32) = kernel == KERNEL_MMX ? bit_tables_mmx : bit_tables_c;
    i32 column, t, i;

    for (t = 0; t < n_inputs; t++) {
        float *out = p->out + (usize)t * (usize)p->stride;
        input_16(inputs + t);
        for (i = 0; i < m->rows; i++)
            out[i] = 0.0f;
    }
    for (column = 0; column < m->cols; column += 128, codes += 20 * all) {
        if (m->more)
            codes = m->more(m, 20 * (u32)all);
        for (t = 0; t < n_inputs; t++) {
            const u8 *second = codes + 8 * all;
            make_tables(tables98[0], inputs[t].q16 + column, BYTES);
            tables_put(inputs[t].part, codes, m->rows);
            make_tables(tables98[0], inputs[t].q16 + column + 64, BYTES);
            tables_scale(p->out + (usize)t * (usize)p->stride, inputs[t].part, second, m->rows);
        }
    }
    for (t = 0; t < n_inputs; t++) {
        float *out = p->out + (usize)t * (usize)p->stride;
        for (i = 0; i < m->rows; i++)
            out[i] *= inputs[t].step16;
    }
}
