/* multiply.c - matrices times vectors, whatever the weights are kept as. */
#include "llama98.h"

/* What the widest of the kernels reads beyond a vector's end. */
#define BEYOND 64

void input_set(struct input *input, const float *x, i32 n)
{
    input->x = x;
    input->n = n;
    input->made = 0;
}

void input_16(struct input *input)
{
    if (input->made & 1u << ENC_TERNARY)
        return;
    input->made |= 1u << ENC_TERNARY;
    input->step16 = int8_quantise(input->q16, input->x, input->n, input->n + BEYOND, 32767, 0);
}

void input_carve(struct input *inputs, i32 count, i32 widest, i32 most_rows, struct arena *a)
{
    i32 t;
    u64 n = (u64)(u32)widest + BEYOND;
    i32 *part = (i32 *)arena_carve(a, (u64)(u32)most_rows, sizeof(i32));

    for (t = 0; t < count; t++) {
        struct input none;
        struct input *input = inputs ? inputs + t : &none;
        input->q = (i16 *)arena_carve(a, n, sizeof(i16));
        input->q16 = (i16 *)arena_carve(a, n, sizeof(i16));
        input->groups = (u8 *)arena_carve(a, 16 + n / 32 * 80, 1);
        input->part = part;
    }
}

static int all_ternary(const struct product *p, int count)
{
    for (; count; count--, p++)
        if (p->w->encoding != ENC_TERNARY)
            return 0;
    return 1;
}

void multiply(const struct product *p, int count, struct input *inputs, i32 n_inputs, enum kernel kernel)
{
    i32 t;

    if (all_ternary(p, count)) {
        ternary_multiply(p, count, inputs, n_inputs, kernel);
        return;
    }
    for (; count; count--, p++)
        switch (p->w->encoding) {
        case ENC_F32:
            for (t = 0; t < n_inputs; t++)
                multiply_f32(p->out + (usize)t * (usize)p->stride, inputs[t].x, p->w->f, p->w->cols, p->w->rows,
                             p->w->cols);
            break;
        case ENC_INT8:
            int8_multiply(p, inputs, n_inputs, kernel);
            break;
        case ENC_GROUPS:
            groups_multiply(p, inputs, n_inputs, kernel);
            break;
        case ENC_INT4:
            int4_multiply(p, inputs, n_inputs, kernel);
            break;
        case ENC_TERNARY:
            ternary_multiply(p, 1, inputs, n_inputs, kernel);
            break;
        case ENC_BIT:
            bit_multiply(p, inputs, n_inputs, kernel);
            break;
        }
}

/* ---- matrices of a container ----------------------------------------------------------------- */
static i32 up_to(i32 n, i32 unit)
{
    return (n + unit - 1) / unit * unit;
}

static u64 codes_bytes(const struct matrix *w)
{
    u64 rows = (u64)(u32)up_to(w->rows, 4);
    u64 padded = (u64)(u32)w->padded;

    switch (w->encoding) {
    case ENC_INT8:
    case ENC_GROUPS:
        return rows * padded;
    case ENC_INT4:
        return rows / 4 * (padded / 32) * 80;
    case ENC_TERNARY:
        return rows * ((u32)w->padded / 5);
    case ENC_BIT:
        return rows * (padded / 128) * 20;
    default:
        return 0;
    }
}

int matrix_shape(struct matrix *w, i32 rows, i32 cols, unsigned encoding)
{
    static const u8 units[] = {0, 16, 0, 20, 128, 0, 32, 32};

    memset(w, 0, sizeof *w);
    if (encoding > ENC_INT4 || !units[encoding] || (encoding == ENC_BIT && cols % 128))
        return 0;
    w->rows = rows;
    w->cols = cols;
    w->encoding = (enum encoding)encoding;
    w->padded = up_to(cols, units[encoding]);
    return 1;
}

u64 matrix_bytes(const struct matrix *w)
{
    return (matrix_scales(w) + codes_bytes(w) + 15) & ~(u64)15;
}

/* The scales of int4, before the factors. */
static u32 units_bytes(const struct matrix *w)
{
    return ((u32)w->rows + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE * sizeof(float);
}

u64 matrix_scales(const struct matrix *w)
{
    u64 rows = (u64)(u32)up_to(w->rows, 4);
    u64 bytes = rows * sizeof(float);

    if (w->encoding == ENC_INT4)
        bytes = units_bytes(w) + rows * sizeof(i16);
    if (w->encoding == ENC_GROUPS)
        bytes += rows * ((u32)w->padded / 32);
    return (bytes + 15) & ~(u64)15;
}

int matrix_by_rows(const struct matrix *w)
{
    return w->encoding == ENC_INT8 || w->encoding == ENC_INT4 || w->encoding == ENC_GROUPS;
}

i32 matrix_rows_at_once(const struct matrix *w, i32 row)
{
    i32 left = up_to(w->rows, 4) - row;

    return left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE;
}

u64 matrix_block(const struct matrix *w)
{
    u64 rows = (u64)(u32)up_to(w->rows, 4);
    u64 padded = (u64)(u32)w->padded;

    switch (w->encoding) {
    case ENC_INT8:
    case ENC_GROUPS:
        return ROWS_AT_ONCE * padded;
    case ENC_INT4:
        return ROWS_AT_ONCE / 4 * (padded / 32) * 80;
    case ENC_TERNARY:
        return rows * 8;
    default:
        return rows * 20;
    }
}

void matrix_point(struct matrix *w, u8 *at)
{
    w->scale = (float *)(void *)at;
    if (w->encoding == ENC_GROUPS)
        w->steps = (const u8 *)(w->scale + up_to(w->rows, 4));
    if (w->encoding == ENC_INT4)
        w->factors = (const i16 *)(const void *)(at + units_bytes(w));
    at += (usize)matrix_scales(w);
    w->codes = at;
    w->pairs = (i16 *)(void *)at;
}

void matrix_from(struct matrix *some, const struct matrix *w, i32 row)
{
    some->scale = w->scale + (w->factors ? row / ROWS_AT_ONCE : row);
    if (w->factors)
        some->factors = w->factors + row;
    if (w->steps)
        some->steps = w->steps + (usize)row * (usize)(w->padded / 32);
    if (w->more)
        return;
    some->pairs = w->pairs + (usize)(row / 2) * (usize)w->padded;
    some->codes = w->codes + (usize)(row / 4) * (usize)(w->padded / 32) * 80;
}
