/* rounds.c - see pace.h */
#include "../llama98/llama98.h"
#include "pace.h"

void kernel_round(enum paced kernel, u8 *weights, u8 *inputs, u8 *results)
{
    const i16 *x = (const i16 *)(void *)inputs;

    switch (kernel) {
    case PACED_X87:
        multiply_f32((float *)(void *)results, (const float *)(void *)inputs, (const float *)(void *)weights,
                     PACE_COLUMNS, PACE_ROWS, PACE_COLUMNS);
        break;
    case PACED_INT8_C:
        int8_pairs_c((u32 *)(void *)results, (const i16 *)(void *)weights, x, PACE_ROWS / 2, PACE_COLUMNS, 0);
        break;
    case PACED_INT8_MMX:
        int8_pairs_mmx((u32 *)(void *)results, (const i16 *)(void *)weights, x, PACE_ROWS / 2, PACE_COLUMNS, 0);
        break;
    case PACED_INT4_MMX:
        int4_fours_mmx((i32 *)(void *)results, weights, inputs, PACE_ROWS / 4, PACE_COLUMNS / 32);
        break;
    case PACED_TERNARY_MMX: /* tables for 40 columns, then eight of them for each row */
        ternary_tables_mmx(tables98[0], x, 8);
        tables_put((sum32 *)(void *)results, weights, PACE_ROWS * PACE_COLUMNS / 40);
        break;
    }
}
