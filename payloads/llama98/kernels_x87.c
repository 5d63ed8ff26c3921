/* kernels_x87.c - fp32 matrix times vector.
 *
 * Each sum runs from the first column to the last, as llama2.c's does, so that it rounds the same. What is
 * independent are the rows: four at a time, so the FPU always has an addition that need not wait,
 * and each x[j] is loaded once for the four. GCC makes three instructions of a multiply-add and needs
 * no FXCH. */
#include "llama98.h"

static void four_rows(float *out, const float *x, const float *w0, i32 n, i32 stride)
{
    const float *w1 = w0 + stride;
    const float *w2 = w1 + stride;
    const float *w3 = w2 + stride;
    float s0 = 0.0f, s1 = 0.0f, s2 = 0.0f, s3 = 0.0f;
    i32 j = 0;

    for (; j < (n & ~3); j += 4) {
        s0 += w0[j] * x[j];
        s1 += w1[j] * x[j];
        s2 += w2[j] * x[j];
        s3 += w3[j] * x[j];
        s0 += w0[j + 1] * x[j + 1];
        s1 += w1[j + 1] * x[j + 1];
        s2 += w2[j + 1] * x[j + 1];
        s3 += w3[j + 1] * x[j + 1];
        s0 += w0[j + 2] * x[j + 2];
        s1 += w1[j + 2] * x[j + 2];
        s2 += w2[j + 2] * x[j + 2];
        s3 += w3[j + 2] * x[j + 2];
        s0 += w0[j + 3] * x[j + 3];
        s1 += w1[j + 3] * x[j + 3];
        s2 += w2[j + 3] * x[j + 3];
        s3 += w3[j + 3] * x[j + 3];
    }
    for (; j < n; j++) {
        s0 += w0[j] * x[j];
        s1 += w1[j] * x[j];
        s2 += w2[j] * x[j];
        s3 += w3[j] * x[j];
    }
    out[0] = s0;
    out[1] = s1;
    out[2] = s2;
    out[3] = s3;
}

void multiply_f32(float *out, const float *x, const float *w, i32 n, i32 d, i32 stride)
{
    i32 i = 0;
    i32 j;

    for (; i + 4 <= d; i += 4) {
        four_rows(out + i, x, w, n, stride);
        w += 4 * (usize)stride;
    }
    for (; i < d; i++) {
        float s = 0.0f;
        for (j = 0; j < n; j++)
            s += w[j] * x[j];
        out[i] = s;
        w += stride;
    }
}
